//! Users in a SQLite database.
//!
//! [`UserStore`] is synchronous: the command line uses it, and the thread of the directory. A change of a user is one
//! transaction, and its entry in the change log is part of it. Passwords are hashed elsewhere.

mod activity;
mod factors;
mod import;
mod links;
mod passkeys;
mod recovery_codes;
mod rows;
mod schema;
mod sealing;
mod sources;
mod store;
mod tokens;
mod totp;
mod transaction;

pub use factors::RemovedFactors;
pub use sealing::RenewedSeals;
pub(super) use store::Unproved;
pub use store::UserStore;
pub use totp::ShownTo;
