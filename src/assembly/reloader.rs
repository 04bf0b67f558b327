//! Reloading: another configuration for a running gateway.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    AssemblyError, backends,
    certificates::{certificates, certified},
    snapshot::{MadeBefore, snapshot},
};
use crate::{
    clock::Clock, config::Configuration, error_chain::ErrorChain, gateway::Shared, server::TlsSettings,
};

/// Replaces apps, rules, groups, session limits, limits of the throttle, and certificates of a running gateway. All
/// other settings wait for a restart.
#[derive(Debug)]
pub struct Reloader {
    pub(super) file: PathBuf,
    pub(super) shared: Arc<Shared>,
    pub(super) tls: Arc<TlsSettings>,
    /// The port of the first HTTPS listener.
    pub(super) port: Option<u16>,
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
        let former = self.shared.current.load().portal.backends.clone();
        let backends = backends::open(&configuration, &former, &self.clock, &self.shared.directory)?;
        self.shared.assertions.use_folder(configuration.assertion_keys())?;
        let clients = &configuration.tls.clients;
        self.tls.ask_for_certificates(clients.authorities.as_ref(), &clients.hosts)?;
        self.tls.certificates().replace(certificates);
        let kept = backends::authorities(&configuration);
        let origin = configuration.origin(self.port).into();
        let made = MadeBefore { certified, backends, origin };
        self.shared.current.replace(snapshot(configuration, made, &self.shared.in_flight));
        // From here on nobody comes in through a backend that was taken out, so nobody undoes this.
        if let Err(error) = backends::end_others(kept, &self.shared.directory) {
            tracing::error!(error = %ErrorChain(&error), "users of removed backends not signed out");
        }
        Ok(())
    }
}
