//! PEM files of certificates and keys: reading and checking.
//!
//! `[tls]` reads them at the check of the configuration, `assembly` once more at
//! the start and at a reload, and `upstreams` reads authorities. No message
//! repeats the contents of a file: it may be a private key.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    path::Path,
};

use rustls::{
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::CertifiedKey,
};
use x509_parser::extensions::GeneralName;

use super::{error::system_error, reader::Reader, source::Span};
use crate::clock::{Clock, Timestamp};

/// Why a certificate and its key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateProblem {
    /// The file.
    pub file: CertificateFile,
    /// The problem.
    pub problem: String,
    /// A hint.
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
    let text = match std::fs::read(key) {
        Ok(text) => zeroize::Zeroizing::new(text),
        Err(error) => {
            let problem = format!("cannot read {}: {}", key.display(), system_error(&error));
            return wrong(CertificateFile::Key, problem, READABLE);
        }
    };
    let Ok(secret) = PrivateKeyDer::from_pem_slice(&text) else {
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

/// The certificates of a PEM file, at least one, all readable. A chain without one of its certificates would be trusted
/// only by clients that know the missing one from elsewhere.
pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, (String, &'static str)> {
    let text = std::fs::read(path)
        .map_err(|error| (format!("cannot read {}: {}", path.display(), system_error(&error)), READABLE))?;
    let mut chain = Vec::new();
    for (index, certificate) in CertificateDer::pem_slice_iter(&text).enumerate() {
        let damaged = |why: String| {
            let problem = format!("certificate {} in {} cannot be read: {why}", index + 1, path.display());
            (problem, "make or fetch the file again; each certificate has to be whole")
        };
        let certificate = certificate.map_err(|error| damaged(pem_problem(&error)))?;
        x509_parser::parse_x509_certificate(&certificate)
            .map_err(|_| damaged("what is between its lines is no certificate".to_owned()))?;
        chain.push(certificate);
    }
    if chain.is_empty() {
        let help = "it has to be PEM: `-----BEGIN CERTIFICATE-----`";
        return Err((format!("{} holds no certificate", path.display()), help));
    }
    Ok(chain)
}

/// The problem without the contents of the file, which may be a private key.
fn pem_problem(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "the line that ends it is missing".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "the line that begins it is damaged".to_owned(),
        pem::Error::Base64Decode(why) => format!("it is not Base64 ({why})"),
        _ => "it is not PEM".to_owned(),
    }
}

/// Reports problems of a certificate, present and coming. Returns its names, if it can be read.
pub(super) fn check(reader: &Reader, cert: (&Path, &Span), key: (&Path, &Span)) -> Option<Vec<Box<str>>> {
    match read(cert.0, key.0) {
        Ok(certified) => {
            let own = certified.cert.first()?;
            check_time(reader, cert, own, "renew it; browsers refuse it");
            Some(names(own))
        }
        Err(wrong) => {
            let span = match wrong.file {
                CertificateFile::Cert => cert.1,
                CertificateFile::Key => key.1,
            };
            reader.report(reader.error(span, wrong.problem).help(wrong.help));
            None
        }
    }
}

/// DNS names, wildcards included, and addresses in their form for URLs.
fn names(own: &CertificateDer<'_>) -> Vec<Box<str>> {
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(own) else { return Vec::new() };
    let Ok(Some(alternatives)) = parsed.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase().into()),
        GeneralName::IPAddress(bytes) => match **bytes {
            [a, b, c, d] => Some(Ipv4Addr::from([a, b, c, d]).to_string().into()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|ip| format!("[{}]", Ipv6Addr::from(ip)).into()),
        },
        _ => None,
    };
    alternatives.value.general_names.iter().filter_map(name).collect()
}

/// The names of the configured certificates, to warn of hosts without a certificate.
#[derive(Debug, Default)]
pub(super) struct Covered {
    names: Vec<Box<str>>,
    is_known: bool,
    has_unreadable: bool,
}

impl Covered {
    /// Adds the names of a certificate; `None`: the certificate could not be read, which is reported already.
    pub(super) fn add(&mut self, names: Option<Vec<Box<str>>>) {
        self.is_known = true;
        self.has_unreadable |= names.is_none();
        self.names.extend(names.unwrap_or_default());
    }

    /// Warns of hosts without a certificate. The self-signed certificate covers every host.
    pub(super) fn warn_of_others(&self, reader: &Reader, hosts: &[(Box<str>, Span)]) {
        if !self.is_known || self.has_unreadable {
            return;
        }
        for (host, span) in hosts.iter().filter(|(host, _)| !self.names.iter().any(|name| is_for(name, host)))
        {
            reader.report(
                reader
                    .warning(span, format!("no certificate is for \"{host}\""))
                    .label("browsers refuse the one that they are shown")
                    .help(
                        "add a `[[tls.certificate]]` for this name, or get one with this name among others",
                    ),
            );
        }
    }
}

/// RFC 9525 §6.3: a wildcard is one label.
fn is_for(name: &str, host: &str) -> bool {
    match name.strip_prefix('*') {
        Some(parent) => host.find('.').and_then(|dot| host.get(dot..)) == Some(parent),
        None => name == host,
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
