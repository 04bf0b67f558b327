//! `upstream_ca` and `upstream_pin`: the certificates and keys by which upstreams prove who they are.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig,
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName},
    server::ParsedCertificate,
    sign::CertifiedKey,
};

use crate::{
    config::{
        excerpt::excerpt,
        reader::{Field, Reader, Section, Text},
        source::Span,
    },
    forward::{KeyPin, Trust},
};

/// The keys `upstream_ca` and `upstream_pin` of an app.
pub(super) enum Trusted<'a> {
    /// `upstream_ca`: authorities, and certificates of upstreams themselves.
    File { folder: &'a Path, field: Field<'a> },
    /// `upstream_pin`: keys. `None`: one of them is invalid.
    Pins { field: Field<'a>, tls: Option<Arc<ClientConfig>> },
}

/// Reads the two keys; `None`: neither is given, and the authorities of the system count.
pub(super) fn trusted<'a>(
    reader: &Reader,
    app: &Section<'a>,
    folder: &'a Path,
    client: Option<&Arc<CertifiedKey>>,
) -> Option<Trusted<'a>> {
    let file = app.field("upstream_ca").map(|field| Trusted::File { folder, field });
    let Some(field) = app.field("upstream_pin") else { return file };
    if let Some(Trusted::File { field: file, .. }) = &file {
        let message = "`upstream_pin` and `upstream_ca` exclude each other";
        let error = reader.error(&field.key, message).also(file.key.clone(), "given here, too");
        reader.report(error.help("keep the pin, which alone decides, or the file"));
    }
    let texts = reader.texts(&field);
    let pins: Vec<KeyPin> = texts.iter().filter_map(|text| key_pin(reader, text)).collect();
    if field.value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
        let error = reader.error(&field.value.span(), "this app has an empty list of pins");
        reader.report(error.help("name at least one, or leave `upstream_pin` out"));
    }
    let tls = (!pins.is_empty() && pins.len() == texts.len())
        .then(|| Trust::Pinned(pins).into_client_config(client));
    Some(Trusted::Pins { field, tls })
}

/// Reads the hash of a key.
pub(in crate::config) fn key_pin(reader: &Reader, text: &Text<'_>) -> Option<KeyPin> {
    match parse_pin(text.content) {
        Ok(pin) => Some(pin),
        Err((problem, help)) => {
            let message = format!("\"{}\" is no pin", excerpt(text.content));
            reader.report(reader.error(&text.span, message).label(problem).help(help));
            None
        }
    }
}

/// `sha256/` and the SHA-256 of a key in base64, as RFC 7469 and most programs write it.
fn parse_pin(text: &str) -> Result<KeyPin, (&'static str, String)> {
    let bytes = |read: Result<Vec<u8>, data_encoding::DecodeError>| read.ok()?.try_into().ok().map(KeyPin);
    let plain = text.trim().trim_start_matches("sha256").trim_start_matches(['/', ':', '-']);
    // Colons between the bytes of a fingerprint.
    let hex = plain.replace(':', "").to_ascii_lowercase();
    match text.strip_prefix("sha256/") {
        Some(base64) if let Some(pin) = bytes(data_encoding::BASE64.decode(base64.as_bytes())) => Ok(pin),
        _ if let Some(pin) = bytes(data_encoding::BASE64.decode(plain.as_bytes())) => {
            Err(("it has to begin with `sha256/`", format!("write `{pin}`")))
        }
        _ if bytes(data_encoding::HEXLOWER.decode(hex.as_bytes())).is_some() => Err((
            "this is hexadecimal",
            format!("a pin is in base64, and of the key, not of the certificate: {PIN_HELP}"),
        )),
        Some(_) => Err(("a SHA-256 in base64 has 44 characters, the last one `=`", PIN_HELP.to_owned())),
        None => Err(("it has to begin with `sha256/`", PIN_HELP.to_owned())),
    }
}

/// Whether a certificate may sign others.
pub(super) fn is_authority(certificate: &CertificateDer<'_>) -> bool {
    x509_parser::parse_x509_certificate(certificate).is_ok_and(|(_, parsed)| parsed.is_ca())
}

/// Warns of a file whose certificates all name servers, and none the upstream's host: it may be the wrong file.
/// Certificates of authorities name no server.
pub(super) fn warn_of_another_name(
    reader: &Reader,
    path: &Path,
    certificates: &[CertificateDer<'_>],
    host: &str,
    span: &Span,
) {
    let Ok(host_name) = ServerName::try_from(host.trim_matches(['[', ']'])) else { return };
    let mut names = Vec::new();
    for certificate in certificates {
        let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else { return };
        let Ok(Some(alternatives)) = parsed.subject_alternative_name() else { return };
        let fits = ParsedCertificate::try_from(certificate)
            .is_ok_and(|certificate| verify_server_name(&certificate, &host_name).is_ok());
        if fits {
            return;
        }
        names.extend(alternatives.value.general_names.iter().filter_map(|name| match name {
            x509_parser::extensions::GeneralName::DNSName(name) => Some(excerpt(name)),
            _ => None,
        }));
    }
    let message = format!("{} is not made out to {host}", path.display());
    let label = if names.is_empty() {
        "it has other names".to_owned()
    } else {
        format!("it is made out to {}", names.join(", "))
    };
    let help = "if the upstream shows this very certificate, it is believed whatever its name is; any other must be made out to the host in `upstream`";
    reader.report(reader.warning(span, message).label(label).help(help));
}

const PIN_HELP: &str = "write what this prints after `sha256/`: `openssl x509 -in upstream.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64`";
