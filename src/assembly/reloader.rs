//! Reloading: another configuration for a running gateway.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    AssemblyError, backends,
    certificates::{certificates, certified},
    metrics,
    restart::StartSettings,
    snapshot::{MadeBefore, snapshot},
};
use crate::{
    clock::Clock, config::Configuration, error_chain::ErrorChain, gateway::Shared, mail::Outbox,
    server::TlsSettings,
};

/// Replaces the configuration of a running gateway, but for the settings from which sockets and threads were made: those
/// wait for a restart.
#[derive(Debug)]
pub struct Reloader {
    pub(super) file: PathBuf,
    pub(super) shared: Arc<Shared>,
    pub(super) tls: Arc<TlsSettings>,
    pub(super) outbox: Arc<Outbox>,
    /// The port of the first HTTPS listener.
    pub(super) port: Option<u16>,
    pub(super) clock: Clock,
    /// The settings that wait for a restart, as they were at the start.
    pub(super) started: StartSettings,
}

impl Reloader {
    /// The file that a reload reads.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Applies a configuration from the next request on, as a whole. An error changes nothing. Returns the names of changed
    /// settings that wait for a restart.
    pub fn apply(&self, configuration: Configuration) -> Result<Vec<&'static str>, AssemblyError> {
        let waiting = self.started.changed_in(&configuration);
        let certificates = certificates(&configuration, &self.clock)?;
        let certified = certified(&configuration, &certificates);
        let former = self.shared.current.load().portal.backends.clone();
        let backends = backends::open(&configuration, &former, &self.clock, &self.shared.directory)?;
        let sent_mail = self.outbox.is_open();
        let mail = self.outbox.prepare(configuration.mail.settings.as_ref())?;
        if self.outbox.is_open() && !sent_mail {
            metrics::register_mail(&self.shared.metrics, self.outbox.counts());
        }
        self.shared.assertions.use_folder(configuration.assertion_keys())?;
        let clients = &configuration.tls.clients;
        self.tls.ask_for_certificates(clients.authorities.as_ref(), &clients.hosts)?;
        self.tls.certificates().replace(certificates);
        let kept = backends::authorities(&configuration);
        let origin = configuration.origin(self.port).into();
        let made = MadeBefore { certified, backends, origin };
        self.shared.current.replace(snapshot(configuration, made, &self.shared.in_flight));
        self.outbox.apply(mail);
        // From here on nobody comes in through a backend that was taken out, so nobody undoes this.
        if let Err(error) = backends::end_others(kept, &self.shared.directory) {
            tracing::error!(error = %ErrorChain(&error), "users of removed backends not signed out");
        }
        Ok(waiting)
    }
}
