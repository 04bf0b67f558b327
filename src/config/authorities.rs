//! `ca`: the authorities that sign the certificates of a server to which the gateway connects.
//!
//! Backends, mail and upstreams read it here. Without the key, the authorities of the system count.

use std::path::Path;

use rustls::pki_types::CertificateDer;

use super::{
    certificate,
    reader::{Field, Reader},
    source::Span,
};

/// The certificates of the file that `ca` names, with a warning of those that have expired. `None` after a mistake.
pub(super) fn of_file(
    reader: &Reader,
    field: &Field<'_>,
    folder: &Path,
) -> Option<Vec<CertificateDer<'static>>> {
    let path = reader.path(field, folder)?;
    let span = field.value.span();
    match certificate::chain(&path) {
        Ok(certificates) => {
            for certificate in &certificates {
                let help = "fetch the present certificate of the authority";
                certificate::check_time(reader, (&path, &span), certificate, help);
            }
            Some(certificates)
        }
        Err((problem, help)) => {
            reader.report(reader.error(&span, problem).help(help));
            None
        }
    }
}

/// The authorities of the system; the reason if there is none.
pub(super) fn of_system() -> Result<Vec<CertificateDer<'static>>, String> {
    let loaded = rustls_native_certs::load_native_certs();
    if loaded.certs.is_empty() {
        return Err(loaded.errors.first().map_or_else(|| NONE.to_owned(), ToString::to_string));
    }
    Ok(loaded.certs)
}

/// Reports that no authority verifies this kind of server, which `key` would name.
pub(super) fn report_none(reader: &Reader, span: &Span, (server, key): (&str, &str), problem: &str) {
    let message = format!("no authority could verify this {server}: {problem}");
    let help =
        format!("install the package `ca-certificates`, or name a PEM file: `{key} = \"certs/ca.pem\"`");
    reader.report(reader.error(span, message).help(help));
}

pub(super) const NONE: &str = "this system has none";
