//! TLS of the listeners: the settings of a connection, by the host that the client names.
//!
//! Most connections have the same settings. On the hosts of [`CertificateHosts`] clients are asked for a certificate, by
//! settings of their own with session tickets of their own: Mallory cannot resume a session, which she began on a host that
//! asked for no certificate, on one that asks. rustls resumes no session under another host name either (RFC 6066 §3).
//! `assembly` makes one [`TlsSettings`]; workers accept connections with it.

use std::{io, sync::Arc};

use arc_swap::ArcSwapOption;
use rustls::{ServerConfig, server::Acceptor};
use tokio::net::TcpStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor, server::TlsStream};

use super::{Certificates, TlsError, TlsVersion};
use crate::client_certificate::{CertificateHosts, ClientAuthorities, HandshakeVerifier};

/// TLS of the listeners; the question for client certificates can be changed by a reload.
#[derive(Debug)]
pub struct TlsSettings {
    certificates: Arc<Certificates>,
    oldest: TlsVersion,
    plain: Arc<ServerConfig>,
    asking: ArcSwapOption<Asking>,
}

/// The settings that ask for a certificate.
#[derive(Debug)]
struct Asking {
    config: Arc<ServerConfig>,
    hosts: CertificateHosts,
}

impl TlsSettings {
    /// TLS with these certificates, without any question for certificates of clients.
    pub fn new(certificates: Arc<Certificates>, oldest: TlsVersion) -> Result<Self, TlsError> {
        let plain = Arc::new(certificates.server_config(oldest, None)?);
        Ok(Self { certificates, oldest, plain, asking: ArcSwapOption::empty() })
    }

    /// The certificates of the gateway itself.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// The settings that ask for no certificate.
    pub(super) fn plain(&self) -> &ServerConfig {
        &self.plain
    }

    /// From now on asks the clients of these hosts for a certificate of these authorities. Session tickets from before are
    /// not taken any more.
    pub fn ask_for_certificates(
        &self,
        authorities: Option<&Arc<ClientAuthorities>>,
        hosts: &CertificateHosts,
    ) -> Result<(), TlsError> {
        let asking = match authorities.filter(|_| !hosts.is_empty()) {
            None => None,
            Some(authorities) => {
                let verifier = Arc::new(HandshakeVerifier::new(Arc::clone(authorities)));
                let config = Arc::new(self.certificates.server_config(self.oldest, Some(verifier))?);
                Some(Arc::new(Asking { config, hosts: hosts.clone() }))
            }
        };
        self.asking.store(asking);
        Ok(())
    }

    /// Shakes hands with a client.
    pub(super) async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let Some(asking) = self.asking.load_full() else {
            return TlsAcceptor::from(Arc::clone(&self.plain)).accept(socket).await;
        };
        let start = LazyConfigAcceptor::new(Acceptor::default(), socket).await?;
        let host = start.client_hello().server_name().map(str::to_ascii_lowercase);
        let config = if asking.hosts.ask(host.as_deref()) { &asking.config } else { &self.plain };
        start.into_stream(Arc::clone(config)).await
    }
}
