//! Users in a SQLite database.
//!
//! [`UserStore`] is synchronous: the command line uses it, and the thread of the directory. A change of a user is one
//! transaction, and its entry in the change log is part of it. Passwords are hashed elsewhere.

mod rows;
mod schema;
mod sources;
mod store;
mod transaction;

pub(super) use store::Unproved;
pub use store::UserStore;
