//! Machinery that several stores share.
//!
//! [`sqlite`] is an embedded database, `private_file` makes files that only their owner can read. Sessions, users
//! and the throttle build on them; nothing here knows what those keep.

pub(crate) mod private_file;
pub mod sqlite;
