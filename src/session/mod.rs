//! Sessions: the server's memory of a browser.
//!
//! A browser carries a [`SessionToken`]; stores know its hash alone, the [`SessionKey`]. A [`SessionStore`] is the
//! truth. A cache of bounded size stands in front of it, so that a request touches neither disk nor network; an evicted
//! session is read back. [`Sessions`] opens, finds and ends sessions over both.
//!
//! A session is alive if nobody has ended it and its time limits have not passed, at the `now` that the caller gives.
//! An ended session is never found again. Whether its user may still use it is decided in `users`.

mod branch;
mod cache;
pub mod cookie;
mod data;
mod data_form;
mod ended;
mod file;
mod limits;
mod lookup;
mod memory;
mod one_time;
mod opening;
mod record;
mod redis;
#[expect(clippy::module_inception, reason = "the noun of this module is that of the folder")]
mod session;
mod sessions;
mod source;
mod store;
mod stored;
mod token;

pub use branch::{Branch, InsertedBranch, NewBranch};
pub use data::{AppData, DataChange, DataRefused, MAX_DATA_BYTES, SessionData, change_app};
pub use data_form::MalformedChange;
pub use ended::EndedSignIn;
pub use file::FileStore;
pub use limits::{AppSessionLimits, SessionLimits};
pub use lookup::Presented;
pub use memory::MemoryStore;
pub use one_time::{OneTimeCode, OneTimeEntry, OneTimeKey, OneTimePurpose, OneTimeTooLarge};
pub use opening::{Opening, Visitor};
pub use record::{ListedRecord, Owner, Record};
pub use redis::{RedisSettings, RedisStore};
pub use session::Session;
pub use sessions::{EndedOne, ListedSession, Sessions};
pub use source::SessionSource;
pub use store::{
    Inserted, Invalidation, Invalidator, NewSession, SessionStore, StoreSurroundings, Trust, Which,
};
pub use token::{NoRandomness, SessionKey, SessionToken};

#[cfg(test)]
pub(crate) use scripted::ScriptedStore;

pub use crate::store::StoreError;

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod tests;
