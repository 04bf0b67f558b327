//! Embedded SQLite databases.
//!
//! Sessions, users and the throttle keep one file each. A file is private to its owner, recognised before it is
//! written to, and brought up to date when it is opened. It has a write-ahead log, so that readers and the writer of
//! several processes do not wait for each other, and every commit is on the disk before it is acknowledged
//! (`synchronous = FULL`).
//!
//! A [`Database`] follows the file that its path leads to, and a [`DatabaseThread`] owns it: SQLite blocks. The tables
//! and what they mean are left to the stores.

mod database;
mod error;
mod open;
mod open_file;
mod read_only;
mod schema;
mod thread;

pub use database::Database;
pub use error::DatabaseError;
pub use open::DatabaseOptions;
pub use open_file::{FileId, ReadFile};
pub use read_only::open_to_read;
pub use schema::Schema;
pub use thread::{DatabaseThread, DatabaseWorker, NotDone, Task};

#[cfg(test)]
mod tests;
