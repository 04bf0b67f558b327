//! A self-signed certificate, for the time until the operator has a real one.
//!
//! `assembly` asks for it when no certificate is configured. It is made once, stored in the state folder, and made again when
//! it ends within a month or lacks a host. Browsers warn of it; nothing else depends on it.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::FromDer;

use crate::clock::{Clock, Timestamp};

/// The self-signed certificate, and whether it has just been made.
#[derive(Debug)]
pub struct SelfSigned {
    /// The certificate to serve.
    pub certificate: Arc<CertifiedKey>,
    /// The file that it is stored in.
    pub path: PathBuf,
    /// Whether it was made just now.
    pub made: bool,
}

/// The self-signed certificate could not be made or stored.
#[derive(Debug, thiserror::Error)]
pub enum SelfSignedError {
    /// A file could not be read or written.
    #[error("cannot store the self-signed certificate in {}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The certificate could not be made.
    #[error("making a self-signed certificate")]
    Make(#[from] rcgen::Error),
    /// The new certificate cannot be read.
    #[error("reading the self-signed certificate that was just made")]
    Read,
}

impl SelfSigned {
    /// The certificate in `folder`, made anew if there is none, if it ends within a month, or if it
    /// is not for all of `hosts`.
    pub fn ensure(folder: &Path, hosts: &[String], clock: &Clock) -> Result<Self, SelfSignedError> {
        let (cert_path, key_path) = (folder.join("self-signed.pem"), folder.join("self-signed.key"));
        let names = names(hosts);
        if let Some(stored) = read(&cert_path, &key_path)
            && stored.cert.first().is_some_and(|certificate| serves(certificate, &names, clock.now()))
        {
            return Ok(Self { certificate: Arc::new(stored), path: cert_path, made: false });
        }
        make(folder, &cert_path, &key_path, names, clock.now())?;
        let certificate = read(&cert_path, &key_path).ok_or(SelfSignedError::Read)?;
        Ok(Self { certificate: Arc::new(certificate), path: cert_path, made: true })
    }
}

fn names(hosts: &[String]) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    for host in hosts {
        let host = host.trim_matches(['[', ']']).to_owned();
        if !names.contains(&host) {
            names.push(host);
        }
    }
    names
}

fn make(
    folder: &Path,
    cert_path: &Path,
    key_path: &Path,
    names: Vec<String>,
    now: Timestamp,
) -> Result<(), SelfSignedError> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Portcullis, self-signed");
    let today =
        OffsetDateTime::from_unix_timestamp(now.as_millis() / 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    params.not_before = today - Duration::days(1);
    params.not_after = today + Duration::days(LIFETIME_DAYS);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| SelfSignedError::File { path, source }
    };
    if !folder.is_dir() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(file(folder))?;
    }
    // The key first: a certificate without its key would be taken for a mistake at the next start.
    write(key_path, key.serialize_pem().as_bytes(), 0o600).map_err(file(key_path))?;
    write(cert_path, certificate.pem().as_bytes(), 0o644).map_err(file(cert_path))
}

/// Writes the file whole or not at all: beside it first, then moved over it.
fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let beside = path.with_extension("new");
    fs::remove_file(&beside).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn read(cert_path: &Path, key_path: &Path) -> Option<CertifiedKey> {
    let chain = CertificateDer::pem_file_iter(cert_path).ok()?.collect::<Result<Vec<_>, _>>().ok()?;
    let key = PrivateKeyDer::from_pem_file(key_path).ok()?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).ok()
}

fn serves(certificate: &CertificateDer<'_>, names: &[String], now: Timestamp) -> bool {
    let Ok((_, parsed)) = x509_parser::certificate::X509Certificate::from_der(certificate) else {
        return false;
    };
    let Ok(Some(alternatives)) = parsed.subject_alternative_name() else { return false };
    let serves = |name: &String| {
        alternatives.value.general_names.iter().any(|alternative| match alternative {
            x509_parser::extensions::GeneralName::DNSName(dns) => dns.eq_ignore_ascii_case(name),
            x509_parser::extensions::GeneralName::IPAddress(bytes) => {
                name.parse::<std::net::IpAddr>().is_ok_and(|addr| match addr {
                    std::net::IpAddr::V4(addr) => addr.octets()[..] == **bytes,
                    std::net::IpAddr::V6(addr) => addr.octets()[..] == **bytes,
                })
            }
            _ => false,
        })
    };
    let in_a_month = now.as_millis() / 1000 + 30 * 24 * 3600;
    parsed.validity().not_after.timestamp() > in_a_month && names.iter().all(serves)
}

/// Browsers refuse certificates that live longer than 398 days, self-signed ones included.
const LIFETIME_DAYS: i64 = 397;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_self_signed_certificate_is_made_once_and_again_when_it_no_longer_fits() {
        let folder = tempfile::tempdir().unwrap();
        let certs = folder.path().join("certs");
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let hosts = ["wiki.example.com".to_owned()];
        let first = SelfSigned::ensure(&certs, &hosts, &clock).unwrap();
        assert!(first.made);
        assert!(!SelfSigned::ensure(&certs, &hosts, &clock).unwrap().made);
        let more = ["wiki.example.com".to_owned(), "ci.example.com".to_owned()];
        assert!(SelfSigned::ensure(&certs, &more, &clock).unwrap().made, "a new host");
        clock.advance(std::time::Duration::from_hours(24 * 370));
        assert!(SelfSigned::ensure(&certs, &more, &clock).unwrap().made, "about to end");
        let permissions = fs::metadata(certs.join("self-signed.key")).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = SelfSigned::ensure(&file.join("certs"), &[], &Clock::system()).unwrap_err();
        assert!(error.to_string().contains("file/certs"), "{error}");
    }
}
