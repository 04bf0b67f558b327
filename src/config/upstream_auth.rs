//! `upstream_auth`: how the gateway proves itself to the upstreams of an app.

use std::{path::Path, sync::Arc};

use rustls::sign::CertifiedKey;

use super::{
    certificate::{self, CertificateFile},
    excerpt::excerpt,
    header_name, keys,
    reader::{Field, Reader, Section},
    secret_file,
};
use crate::forward::UpstreamProof;

/// The proofs towards the upstreams of an app; each may be there or not.
#[derive(Default)]
pub(super) struct UpstreamAuth {
    /// A header field of each request.
    pub(super) proof: Option<UpstreamProof>,
    /// The client certificate of connections, with its key.
    pub(super) certificate: Option<Arc<CertifiedKey>>,
}

/// Reads the table; files are read now, and again at a reload.
pub(super) fn read(reader: &Reader, field: Option<Field<'_>>, folder: &Path) -> UpstreamAuth {
    let Some(section) = reader.table(field, &keys::UPSTREAM_AUTH) else { return UpstreamAuth::default() };
    let certificate = client_certificate(reader, &section, folder);
    let is_alone = ["header", "basic", "file"].iter().all(|key| section.field(key).is_none());
    let proof = if is_alone { None } else { proof(reader, &section, folder) };
    if is_alone && section.field("certificate").is_none() && section.field("key").is_none() {
        let error = reader.error(&section.span, "this table names no proof");
        reader.report(error.help(HELP));
    }
    UpstreamAuth { proof, certificate }
}

fn proof(reader: &Reader, section: &Section<'_>, folder: &Path) -> Option<UpstreamProof> {
    let (header, basic) = (section.field("header"), section.field("basic"));
    let Some(file) = section.field("file") else {
        let named = header.or(basic)?;
        let message = format!("`{}` has no secret", named.name);
        reader.report(
            reader.error(&named.key, message).help("name the file that holds it: `file = \"secrets/app\"`"),
        );
        return None;
    };
    match (header, basic) {
        (Some(header), None) => {
            let text = reader.text(&header)?;
            let name = header_name::read(reader, (text.content, &text.span), "the header of a secret");
            let secret = secret_file::read(reader, &file, folder)?;
            let proof = UpstreamProof::header(name?, &secret);
            if proof.is_none() {
                let message = "the secret has characters that no header can carry";
                reader.report(
                    reader.error(&file.value.span(), message).help("use letters, digits and signs of ASCII"),
                );
            }
            proof
        }
        (None, Some(basic)) => {
            let text = reader.text(&basic)?;
            let is_name =
                !text.content.is_empty() && !text.content.contains(|c: char| c == ':' || c.is_control());
            if !is_name {
                let message = format!("\"{}\" is no name of an account", excerpt(text.content));
                reader.report(
                    reader
                        .error(&text.span, message)
                        .help("write the name alone, without a colon; the password is in `file`"),
                );
            }
            let password = secret_file::read(reader, &file, folder)?;
            UpstreamProof::basic(text.content, &password).filter(|_| is_name)
        }
        (Some(_), Some(basic)) => {
            let error = reader.error(&basic.key, "`header` and `basic` exclude each other");
            reader.report(error.help("keep the one that the app checks"));
            None
        }
        (None, None) => {
            let error = reader.error(&file.key, "nothing says how the secret is sent");
            reader.report(error.help(HELP));
            None
        }
    }
}

fn client_certificate(reader: &Reader, section: &Section<'_>, folder: &Path) -> Option<Arc<CertifiedKey>> {
    let (cert, key) = match (section.field("certificate"), section.field("key")) {
        (None, None) => return None,
        (Some(cert), Some(key)) => (cert, key),
        (Some(alone), None) | (None, Some(alone)) => {
            let other = if alone.name == "key" { "certificate" } else { "key" };
            let message = format!("`{}` has no `{other}`", alone.name);
            reader.report(reader.error(&alone.key, message).help("name both files, in PEM"));
            return None;
        }
    };
    let (cert_path, key_path) = (reader.path(&cert, folder)?, reader.path(&key, folder)?);
    match certificate::read(&cert_path, &key_path) {
        Ok(certified) => Some(Arc::new(certified)),
        Err(problem) => {
            let field = match problem.file {
                CertificateFile::Cert => &cert,
                CertificateFile::Key => &key,
            };
            reader.report(reader.error(&field.value.span(), problem.problem).help(problem.help));
            None
        }
    }
}

const HELP: &str = "write `{ header = \"X-Gateway-Secret\", file = \"secrets/app\" }`, `{ basic = \"gateway\", file = \"secrets/app\" }`, or `{ certificate = \"certs/gateway.pem\", key = \"certs/gateway.key\" }`";
