//! TLS: its versions, and the certificate for each host name.
//!
//! `assembly` makes [`Certificates`] and replaces them whole on reload; rustls asks them for the certificate of each handshake.
//! A client that names no known host gets the first one, and the gateway refuses its requests.

use std::{collections::HashMap, fmt, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::CertificateDer,
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use x509_parser::{extensions::GeneralName, prelude::FromDer};

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246, with forward secrecy and AEAD suites only.
    V1_2,
    /// RFC 8446.
    V1_3,
}

/// The certificates, by the names they are for; replaced whole on reload.
pub struct Certificates {
    table: ArcSwap<Table>,
}

#[derive(Default)]
struct Table {
    /// Exact names, and `*.example.com` under `.example.com`.
    names: HashMap<Box<str>, Arc<CertifiedKey>>,
    /// For clients that name no host, or an unknown one.
    first: Option<Arc<CertifiedKey>>,
}

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The settings are not possible together.
    #[error("setting TLS up")]
    Settings(#[source] rustls::Error),
}

impl Certificates {
    /// A table of these certificates; the first serves clients that name no known host.
    pub fn new(certificates: Vec<Arc<CertifiedKey>>) -> Arc<Self> {
        Arc::new(Self { table: ArcSwap::from_pointee(Table::of(certificates)) })
    }

    /// Uses these from now on; connections that are open keep theirs.
    pub fn replace(&self, certificates: Vec<Arc<CertifiedKey>>) {
        self.table.store(Arc::new(Table::of(certificates)));
    }

    /// The server's side of TLS over this table, with session tickets of its own; asks clients for a certificate if there is
    /// a verifier of them.
    pub(super) fn server_config(
        self: &Arc<Self>,
        oldest: TlsVersion,
        clients: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Result<ServerConfig, TlsError> {
        let versions: &[&SupportedProtocolVersion] = match oldest {
            TlsVersion::V1_2 => &[&TLS13, &TLS12],
            TlsVersion::V1_3 => &[&TLS13],
        };
        let clients = clients.unwrap_or_else(WebPkiClientVerifier::no_client_auth);
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .map_err(TlsError::Settings)?
            .with_client_cert_verifier(clients)
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Rotated by rustls every six hours; a ticket lives twelve at most.
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Settings)?;
        config.send_tls13_tickets = 1;
        Ok(config)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let table = self.table.load();
        let named = hello.server_name().and_then(|name| table.find(&name.to_ascii_lowercase()));
        named.or(table.first.as_ref()).cloned()
    }
}

impl Table {
    fn of(certificates: Vec<Arc<CertifiedKey>>) -> Self {
        let mut table = Self::default();
        for key in certificates {
            for name in certified_names(&key) {
                table.names.entry(name).or_insert_with(|| Arc::clone(&key));
            }
            table.first.get_or_insert(key);
        }
        table
    }

    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let parent = || name.find('.').and_then(|dot| self.names.get(name.get(dot..)?));
        self.names.get(name).or_else(parent)
    }
}

/// The names that a certificate is for; `*.example.com` as `.example.com`.
pub fn certified_names(key: &CertifiedKey) -> Vec<Box<str>> {
    key.cert.first().map(names_of).unwrap_or_default()
}

/// The names that a certificate is for (RFC 9525 §6.3: subject alternative names, one wildcard label).
fn names_of(certificate: &CertificateDer<'_>) -> Vec<Box<str>> {
    let Ok((_, parsed)) = x509_parser::certificate::X509Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let Ok(Some(alternatives)) = parsed.subject_alternative_name() else { return Vec::new() };
    let names = alternatives.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    names.map(|name| name.strip_prefix('*').unwrap_or(&name).into()).collect()
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<_> = self.table.load().names.keys().cloned().collect();
        names.sort();
        f.debug_tuple("Certificates").field(&names).finish()
    }
}
