//! The certificates of a configuration.

use std::sync::Arc;

use rustls::sign::CertifiedKey;

use super::AssemblyError;
use crate::{
    clock::Clock,
    config::{self, Configuration},
    request::CertifiedNames,
    server::{self, SelfSigned},
};

/// The names of each certificate. Hosts of one certificate may share a connection, unless it is self-signed.
pub(super) fn certified(configuration: &Configuration, keys: &[Arc<CertifiedKey>]) -> CertifiedNames {
    if configuration.tls.certificates.is_empty() {
        return CertifiedNames::default();
    }
    CertifiedNames::new(keys.iter().map(|key| server::certified_names(key)).collect())
}

/// The configured certificates; without any, a self-signed one.
pub(super) fn certificates(
    configuration: &Configuration,
    clock: &Clock,
) -> Result<Vec<Arc<CertifiedKey>>, AssemblyError> {
    if !configuration.tls.certificates.is_empty() {
        let read = |files: &config::CertificateFiles| {
            config::read_certificate(&files.cert, &files.key)
                .map(Arc::new)
                .map_err(|problem| AssemblyError::Certificate { place: files.place.clone(), problem })
        };
        return configuration.tls.certificates.iter().map(read).collect();
    }
    let of_apps = configuration.policy.apps().iter().flat_map(|app| &app.hosts);
    let hosts: Vec<String> =
        configuration.portal.host.iter().chain(of_apps).map(ToString::to_string).collect();
    let own = SelfSigned::ensure(&configuration.certs, &hosts, clock)?;
    if own.made {
        tracing::info!(path = %own.path.display(), "self-signed certificate made; browsers warn of it");
    }
    Ok(vec![own.certificate])
}
