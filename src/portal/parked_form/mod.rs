//! Forms that were sent after the session had ended: kept, and offered again to the same person.
//!
//! The gateway hands over a form that it would have forwarded, had its sender been signed in ([`Portal::park`](super::Portal)).
//! The form is kept for a quarter of an hour as a one-time entry of the session store, encrypted with a key that is derived from a
//! secret in a cookie of the browser, a mark in the address of the page, and the user: the store alone reads nothing, another
//! browser with the address reads nothing, and neither does another user in the same browser. The page says what will be
//! sent and where, and its button sends it from the browser to the application, as the page of the application would: nothing
//! is ever sent by itself. The entry stays until it expires, so that a page that is loaded again, or left by mistake, loses
//! nothing. The number of forms is bounded for each user ([`mark`]) and in all.
//!
//! Forms with files, and bodies that are no form, are not kept: a page can show and send fields alone.

mod field;
mod fields;
mod mark;
mod multipart;
mod page;
mod parking;
mod sealed;

pub use parking::{Parked, SentForm};

use fields::{Encoding, FormFields};
use sealed::ParkedForm;
