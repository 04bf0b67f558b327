//! The connection to Redis or Valkey.
//!
//! [`RedisLink`] keeps one connection up on a thread of its own, wherever an [address](RedisAddress) leads: one
//! server, a Unix socket, the master that Sentinels name, or the node of a cluster that holds our slot. While the
//! server is away, every command fails at once. Messages of other gateways go to a [`MessageListener`], which notices
//! what it did not hear.
//!
//! Sessions open the link, and the throttle shares it. Commands, keys and scripts are left to them.

mod address;
mod backoff;
mod failure;
mod find_server;
mod key_prefix;
mod link;
mod messages;

pub use address::{BadAddress, RedisAddress};
pub use failure::Failure;
pub use key_prefix::KeyPrefix;
pub use link::{RedisConfig, RedisLink};
pub use messages::{Heard, MessageListener, MessageSequence};
