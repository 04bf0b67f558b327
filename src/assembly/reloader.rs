//! Reloading: another configuration for a running gateway.

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

/// Replaces apps, rules, groups, session limits, limits of the throttle, and certificates of a running gateway. All
/// other settings wait for a restart.
#[derive(Debug)]
pub struct Reloader {
    pub(super) file: PathBuf,
    pub(super) shared: Arc<Shared>,
    pub(super) certificates: Arc<Certificates>,
    pub(super) clock: Clock,
}

impl Reloader {
    /// The file that a reload reads.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Applies a configuration from the next request on, as a whole. An error changes nothing.
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
