//! Machinery that several stores share.
//!
//! [`sqlite`] opens an embedded database. Sessions, users and the throttle keep their own tables in it; nothing here
//! knows what they hold.

pub mod sqlite;
