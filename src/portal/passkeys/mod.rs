//! Passkeys on the gateway's pages: enrolment, and their use as the only proof, as a second factor and for a step-up.
//!
//! [`auth::webauthn`](crate::auth::webauthn) verifies what browsers send; this module makes challenges, writes the options
//! that a page's script hands to the browser, and reads the form that the script fills in. A challenge is good for one
//! ceremony, in one browser, for one user where one is known, once, and for five minutes.

mod ceremony;
mod confirmation;
mod enrol_step;
mod enrolment;
mod new_passkey;
mod options;
mod passkey_form;
mod second_step;
mod sign_in;
mod signals;
mod submitted;
mod well_known;

pub(super) use ceremony::Ceremony;
pub(super) use passkey_form::PreparedPasskey;
pub(super) use second_step::pending_key;
pub(super) use sign_in::WRONG;
pub use well_known::WellKnown;
