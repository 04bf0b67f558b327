//! Machinery that several stores share.
//!
//! [`sqlite`] is an embedded database, [`redis`] the connection to a Redis that gateways share, `private_file` makes
//! files that only their owner can read, [`SealingKey`] seals secrets for a database. Sessions, users and the throttle build on them; nothing here knows what those
//! keep.

mod error;
pub(crate) mod private_file;
pub mod redis;
mod sealing;
pub mod sqlite;

pub use error::StoreError;
pub use redis::{RedisAddress, RedisConfig, RedisLink};
pub use sealing::{NotSealedHere, SealingKey, SealingKeyError};
