//! Another configuration for a running gateway.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    AssemblyError,
    certificates::{certificates, certified},
    snapshot::snapshot,
};
use crate::{clock::Clock, config::Configuration, gateway::Shared, server::Certificates};

/// Replaces what can change while the gateway runs: apps, rules, groups, session limits, the throttle's limits,
/// certificates.
/// Everything else waits for a restart.
#[derive(Debug)]
pub struct Reloader {
    pub(super) file: PathBuf,
    pub(super) shared: Arc<Shared>,
    pub(super) certificates: Arc<Certificates>,
    pub(super) clock: Clock,
}

impl Reloader {
    /// The file to read again.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Uses this configuration from the next request on, whole; on an error everything stays as it was.
    pub fn apply(&self, configuration: Configuration) -> Result<(), AssemblyError> {
        let certificates = certificates(&configuration, &self.clock)?;
        let certified = certified(&configuration, &certificates);
        let pages = self.shared.current.load().portal.pages.clone();
        self.certificates.replace(certificates);
        let snapshot = snapshot(configuration, certified, pages, &self.shared.in_flight);
        self.shared.current.replace(snapshot);
        Ok(())
    }
}
