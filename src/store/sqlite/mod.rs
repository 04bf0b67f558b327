//! Embedded SQLite databases.
//!
//! Sessions, users and the throttle keep one file each. A file is private to its owner, recognised before it is
//! written to, and brought up to date when it is opened. It has a write-ahead log, so that readers and the writer of
//! several processes do not wait for each other, and every commit is on the disk before it is acknowledged
//! (`synchronous = FULL`).
//!
//! The tables and what they mean are left to the stores.

mod error;
mod open;
mod open_file;
mod schema;

pub use error::DatabaseError;
pub use open::{Database, Opening, open, open_with, reopen};
pub use open_file::{FileId, Found, OpenFile, ReadFile};
pub use schema::Schema;

#[cfg(test)]
mod tests;
