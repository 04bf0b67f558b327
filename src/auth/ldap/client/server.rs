//! One server of a directory, as connections see it.

use std::{sync::Arc, time::Duration};

use tokio_rustls::TlsConnector;

use super::{ConnectionSettings, LdapError, LdapUrl, failure::Failure, url::Location};

/// How one server is reached.
pub(super) struct Server {
    pub(super) url: LdapUrl,
    /// The URL, for messages.
    pub(super) shown: Arc<str>,
    pub(super) tls: TlsConnector,
    pub(super) start_tls: bool,
    pub(super) allow_plain: bool,
    pub(super) connect_timeout: Duration,
    pub(super) operation_timeout: Duration,
}

impl Server {
    /// The servers of a directory, in their order.
    pub(super) fn all(settings: &ConnectionSettings) -> Vec<Self> {
        let tls = TlsConnector::from(settings.authorities.client_config());
        let server = |url: &LdapUrl| Self {
            url: url.clone(),
            shown: url.to_string().into(),
            tls: tls.clone(),
            start_tls: settings.start_tls,
            allow_plain: settings.allow_plain,
            connect_timeout: settings.connect_timeout,
            operation_timeout: settings.operation_timeout,
        };
        settings.urls.iter().map(server).collect()
    }

    /// Whether a connection to it begins with a handshake of TLS.
    pub(super) fn has_handshake(&self) -> bool {
        matches!(self.url.0, Location::Tcp { tls, .. } if tls || self.start_tls)
    }

    pub(super) fn unreachable(&self, reason: &str) -> Failure {
        LdapError::Unreachable { server: Arc::clone(&self.shown), reason: reason.into() }.into()
    }

    pub(super) fn tls_failed(&self, reason: &str) -> Failure {
        LdapError::Tls { server: Arc::clone(&self.shown), reason: reason.into() }.into()
    }

    pub(super) fn breaks_protocol(&self, problem: &'static str) -> Failure {
        LdapError::Protocol { server: Arc::clone(&self.shown), problem }.into()
    }

    pub(super) fn timed_out(&self, operation: &'static str, limit: Duration) -> Failure {
        LdapError::Timeout { server: Arc::clone(&self.shown), operation, limit }.into()
    }
}
