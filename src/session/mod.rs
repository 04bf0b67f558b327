//! Sessions: the server's memory of a browser.
//!
//! A browser carries a [`SessionToken`]; stores know its hash, the
//! [`SessionKey`]. A [`SessionStore`] is the truth; a cache of bounded size
//! stands in front of it, so that a request touches neither disk nor network,
//! and an evicted session is read back. [`Sessions`] opens, finds and ends
//! sessions over both and decides what is alive: not ended, inside its time
//! limits, at the `now` it is given. Whether the *user* behind a session may
//! still use it is not decided here but by `users`.

mod cache;
pub mod cookie;
mod data;
mod data_form;
mod file;
mod limits;
mod memory;
mod record;
mod redis;
#[expect(clippy::module_inception, reason = "the noun of this module is that of the folder")]
mod session;
mod sessions;
mod store;
mod stored;
mod token;

pub use data::{AppData, DataChange, DataRefused, MAX_DATA_BYTES, SessionData, change_app};
pub use data_form::MalformedChange;
pub use file::FileStore;
pub use limits::{AppSessionLimits, SessionLimits};
pub use memory::MemoryStore;
pub use record::{Owner, Record};
pub use redis::{RedisSettings, RedisStore};
pub use session::Session;
pub use sessions::{EndedOne, Opening, Presented, Sessions, Visitor};
pub use store::{Invalidation, Invalidator, NewSession, SessionStore, StoreSurroundings, Trust, Which};
pub use token::{NoRandomness, SessionKey, SessionToken};

pub use crate::store::StoreError;

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
