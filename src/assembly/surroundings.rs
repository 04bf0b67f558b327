//! The inputs of a gateway beside its configuration.

use crate::{clock::Clock, forward::Resolver, telemetry::LogWriter};

/// The inputs of a gateway beside its configuration.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The source of the time.
    pub clock: Clock,
    /// The writer of access and audit lines.
    pub log: LogWriter,
    /// The resolver of upstream names.
    pub resolver: Resolver,
}
