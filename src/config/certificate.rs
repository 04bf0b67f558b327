//! Certificates and keys: whether what the files hold can be served.

use std::{fmt, path::Path};

use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use super::{reader::Reader, source::Span};
use crate::clock::{Clock, Timestamp};

/// Why a certificate and its key cannot be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateProblem {
    /// Which of the two files.
    pub file: CertificateFile,
    /// What is wrong with it.
    pub problem: String,
    /// What would be right.
    pub help: &'static str,
}

/// One of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFile {
    /// The chain.
    Cert,
    /// The private key.
    Key,
}

/// Reads a PEM chain and its PEM key, and makes sure that they belong together.
pub fn read(cert: &Path, key: &Path) -> Result<CertifiedKey, CertificateProblem> {
    let wrong = |file, problem: String, help| Err(CertificateProblem { file, problem, help });
    let chain = match chain(cert) {
        Ok(chain) => chain,
        Err((problem, help)) => return wrong(CertificateFile::Cert, problem, help),
    };
    let pem = match std::fs::read(key) {
        Ok(pem) => zeroize::Zeroizing::new(pem),
        Err(error) => {
            let problem = format!("cannot read {}: {}", key.display(), super::plain(&error));
            return wrong(CertificateFile::Key, problem, READABLE);
        }
    };
    let Ok(secret) = PrivateKeyDer::from_pem_slice(&pem) else {
        let problem = format!("{} holds no private key", key.display());
        return wrong(
            CertificateFile::Key,
            problem,
            "it has to be PEM, not encrypted: `-----BEGIN PRIVATE KEY-----`",
        );
    };
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    match CertifiedKey::from_der(chain, secret, &provider) {
        Ok(certified) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => wrong(
            CertificateFile::Key,
            format!("{} is not the key of {}", key.display(), cert.display()),
            "give the key that the certificate was made for; the server's own certificate comes first in its file",
        ),
        Err(rustls::Error::InvalidCertificate(_)) => wrong(
            CertificateFile::Cert,
            format!("{} holds a certificate that cannot be read", cert.display()),
            "make or fetch the certificate again",
        ),
        Err(_) => wrong(
            CertificateFile::Key,
            format!("{} holds a kind of key that is not supported", key.display()),
            "use ECDSA (P-256, P-384), Ed25519 or RSA",
        ),
    }
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for CertificateProblem {}

/// The certificates of a PEM file, at least one.
pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, (String, &'static str)> {
    let pem = std::fs::read(path)
        .map_err(|error| (format!("cannot read {}: {}", path.display(), super::plain(&error)), READABLE))?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    if chain.is_empty() {
        let help = "it has to be PEM: `-----BEGIN CERTIFICATE-----`";
        return Err((format!("{} holds no certificate", path.display()), help));
    }
    Ok(chain)
}

/// Reports what keeps a certificate from being served, and what will.
pub(super) fn check(reader: &Reader, cert: (&Path, &Span), key: (&Path, &Span)) {
    match read(cert.0, key.0) {
        Ok(certified) => {
            if let Some(own) = certified.cert.first() {
                check_time(reader, cert, own, "renew it; browsers refuse it");
            }
        }
        Err(wrong) => {
            let span = match wrong.file {
                CertificateFile::Cert => cert.1,
                CertificateFile::Key => key.1,
            };
            reader.report(reader.error(span, wrong.problem).help(wrong.help));
        }
    }
}

/// Warns of a certificate that has expired, or is not valid yet.
pub(super) fn check_time(
    reader: &Reader,
    (path, span): (&Path, &Span),
    own: &CertificateDer<'_>,
    once_expired: &'static str,
) {
    let now = Clock::system().now();
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(own) else { return };
    let validity = parsed.validity();
    let at =
        |time: x509_parser::time::ASN1Time| Timestamp::from_millis(time.timestamp().saturating_mul(1000));
    let (from, until) = (at(validity.not_before), at(validity.not_after));
    if until <= now {
        reader.report(
            reader
                .warning(span, format!("{} has expired", path.display()))
                .label(format!("it ended on {}", day(until)))
                .help(once_expired),
        );
    } else if from > now {
        reader.report(
            reader
                .warning(span, format!("{} is not valid yet", path.display()))
                .label(format!("it begins on {}", day(from)))
                .help("wait, or set this machine's clock"),
        );
    }
}

fn day(time: Timestamp) -> String {
    time.to_string().chars().take_while(|c| *c != 'T').collect()
}

const READABLE: &str =
    "name a file that the gateway's user can read; paths are relative to the configuration";
