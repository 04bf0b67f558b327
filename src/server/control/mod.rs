//! The control socket: an HTTP API of a running gateway for the command line.

mod api;
mod service;
mod socket;

pub use api::{Reloaded, Revocation, Revocations, Revoked, Running};
pub use service::{Control, ControlledGateway, ReadDatabases, Reload};
pub use socket::{ControlError, StateFolder, control_sockets};

pub(super) use service::run;
