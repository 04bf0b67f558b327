//! Puts a gateway together from a configuration.
//!
//! [`assemble`] makes every part once, in order: listeners, certificates,
//! stores, the portal, the server. `portcullis serve` runs the result, and so
//! do the tests: they test the gateway that is served. [`Reloader`] gives a
//! running gateway another configuration.

mod backends;
mod certificates;
mod control;
mod descriptors;
mod error;
mod gateway;
mod metrics;
mod pruning;
mod reloader;
mod restart;
mod revocation_lists;
mod shared;
mod sign_out_notices;
mod snapshot;
mod stores;
mod surroundings;

pub use descriptors::descriptor_shortage;
pub use error::AssemblyError;
pub use gateway::{Addrs, Assembled, assemble};
pub use reloader::Reloader;
pub use shared::assemble_shared;
pub use snapshot::{MadeBefore, snapshot};
pub use surroundings::Surroundings;
