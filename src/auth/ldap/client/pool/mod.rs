//! The connections to one directory.
//!
//! [`LdapPool`] is the handle that the gateway's workers share. A thread of its own, with its own runtime, owns the
//! connections: a directory that hangs delays nothing but the operations that need it. Searches share some connections
//! that are bound as the service account; each check of a password has a connection of its own, which is closed
//! afterwards, so that no search runs as a user and no user as another.
//!
//! A server that fails is marked down. From then on operations use the next server, or fail at once if there is none,
//! while the thread itself looks every few seconds whether the server works again.

mod handle;
mod health;
mod idle;
mod service;
mod worker;

pub use handle::LdapPool;
pub use health::{ServerHealth, ServerState};
