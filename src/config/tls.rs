//! `[tls]`: TLS versions, certificates and `Strict-Transport-Security`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use http::HeaderValue;

use super::{
    certificate::{self, Covered},
    client_certificates,
    excerpt::excerpt,
    keys, quantity,
    reader::{Field, Reader, Section},
    source::Span,
};
use crate::{access, client_certificate::ClientCertificates, server::TlsVersion};

/// `[tls]`.
#[derive(Clone, Debug)]
pub struct TlsSection {
    /// The oldest accepted version. Default 1.2.
    pub min_version: TlsVersion,
    /// `Strict-Transport-Security` of every response. Default a year with certificates of the operator, none with the
    /// self-signed one, which no browser trusts.
    pub hsts: Option<HeaderValue>,
    /// Certificates, chosen by server name; without any, a self-signed one is made. All were readable, with a fitting
    /// key, when the configuration was read.
    pub certificates: Vec<CertificateFiles>,
    /// Certificates of clients.
    pub clients: ClientCertificates,
    /// The key `client_ca`.
    pub(super) client_ca: Option<Span>,
}

/// A certificate chain and its key.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// PEM, the server's own certificate first.
    pub cert: PathBuf,
    /// PEM.
    pub key: PathBuf,
    /// The location of `cert`.
    pub place: access::SourceLocation,
}

/// Reads the section, and the names that the certificates cover.
pub(super) fn read(reader: &Reader, section: Option<&Section<'_>>, folder: &Path) -> (TlsSection, Covered) {
    let field = |name| section.and_then(|section| section.field(name));
    let min_version = field("min_version").and_then(|field| reader.choice(&field, &["1.2", "1.3"]));
    let (mut certificates, mut covered) = (Vec::new(), Covered::default());
    for section in reader.tables(field("certificate"), &keys::CERTIFICATE) {
        let part =
            |name: &str| {
                let Some(field) = section.field(name) else {
                    if section.lacks(name) {
                        let error = reader.error(&section.span, format!("this certificate has no `{name}`"));
                        reader.report_absence(error.help(
                            "name both files: `cert = \"certs/wiki.pem\"` and `key = \"certs/wiki.key\"`",
                        ));
                    }
                    return None;
                };
                reader.path(&field, folder).map(|path| (path, field.value.span()))
            };
        let (cert, key) = (part("cert"), part("key"));
        if let (Some((cert, cert_span)), Some((key, key_span))) = (cert, key) {
            covered.add(certificate::check(reader, (&cert, &cert_span), (&key, &key_span)));
            certificates.push(CertificateFiles { cert, key, place: reader.place(&cert_span) });
        }
    }
    let min_version = if min_version == Some("1.3") { TlsVersion::V1_3 } else { TlsVersion::V1_2 };
    let hsts = hsts(reader, section, !certificates.is_empty());
    // The hosts are known once the apps are read.
    let authorities = client_certificates::read(reader, field("client_ca"), folder);
    let clients = ClientCertificates { authorities, ..ClientCertificates::default() };
    let client_ca = field("client_ca").map(|field| field.key);
    (TlsSection { min_version, hsts, certificates, clients, client_ca }, covered)
}

/// RFC 6797. A configured `hsts` is sent with a self-signed certificate, too: a proxy in front may have a trusted one.
fn hsts(reader: &Reader, section: Option<&Section<'_>>, has_certificate: bool) -> Option<HeaderValue> {
    let field = |name| section.and_then(|section| section.field(name));
    let (age, why_not) = match field("hsts") {
        Some(field) => (hsts_age(reader, &field), "`hsts` is off"),
        None => (has_certificate.then_some(A_YEAR), "without a certificate of your own, `hsts` is off"),
    };
    let subdomains = field("hsts_subdomains");
    let with_subdomains = reader.boolean(subdomains.clone(), false);
    if let (None, true, Some(subdomains)) = (age, with_subdomains, subdomains) {
        let warning = reader.warning(&subdomains.value.span(), "`hsts_subdomains` has no effect here");
        reader.report(warning.label(why_not).help("remove it, or give `hsts` a duration"));
    }
    let subdomains = if with_subdomains { "; includeSubDomains" } else { "" };
    HeaderValue::try_from(format!("max-age={}{subdomains}", age?.as_secs())).ok()
}

fn hsts_age(reader: &Reader, field: &Field<'_>) -> Option<Duration> {
    let Some(text) = reader.as_text(field.value) else {
        let help = "write `hsts = \"365d\"`, or `hsts = \"off\"`".to_owned();
        reader.wrong_type(field, "a duration or \"off\"", Some(help));
        return None;
    };
    if text.content == "off" {
        return None;
    }
    let age = quantity::duration(text.content).ok();
    if age.is_none() {
        let message = format!("`hsts` cannot be \"{}\"", excerpt(text.content));
        let help = "write a duration in days, such as \"365d\", or \"off\"";
        reader.report(reader.error(&text.span, message).help(help));
    }
    age
}

/// The minimum of OWASP ASVS 5.0 3.4.1.
const A_YEAR: Duration = Duration::from_hours(365 * 24);
