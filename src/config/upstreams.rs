//! Where an app is served: `http://`, `https://`, `unix:` and what is built in.

use std::{cell::RefCell, collections::HashMap, path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};

use super::{
    certificate,
    reader::{Field, Reader, Section, Text, shown},
    source::Span,
    suggest,
};
use crate::{
    forward::{Endpoint, Transport},
    request::Authority,
};

/// Reads upstreams; remembers what takes long to load.
#[derive(Debug, Default)]
pub(super) struct Upstreams {
    system: RefCell<Option<Result<Arc<ClientConfig>, String>>>,
    files: RefCell<HashMap<std::path::PathBuf, Arc<ClientConfig>>>,
}

impl Upstreams {
    /// The upstreams of one app.
    pub(super) fn read(&self, reader: &Reader, app: &Section<'_>, folder: &Path) -> Vec<Arc<Endpoint>> {
        let Some(field) = app.field("upstream") else {
            if app.lacks("upstream") {
                let error = reader.error(&app.span, "this app has no `upstream`");
                let help = "say where it is served: `upstream = \"http://127.0.0.1:8080\"`";
                reader.report_absence(error.help(help));
            }
            return Vec::new();
        };
        let texts = reader.texts(&field);
        if field.value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
            let message = "this app has an empty list of upstreams";
            reader.report(reader.error(&field.value.span(), message).help("name at least one"));
        }
        let authorities = app.field("upstream_ca").map(|field| Authorities { folder, field });
        let mut endpoints: Vec<Arc<Endpoint>> = Vec::new();
        let mut uses_tls = false;
        for text in &texts {
            uses_tls |= text.content.starts_with("https://");
            let Some(endpoint) = self.endpoint(reader, text, authorities.as_ref(), folder) else { continue };
            warn_if_exposed(reader, text, &endpoint);
            if endpoints.iter().any(|other| other.url == endpoint.url) {
                let message = format!("upstream \"{}\" is listed twice", endpoint.url);
                reader.report(
                    reader.warning(&text.span, message).help("it would get twice its share of the requests"),
                );
            }
            endpoints.push(Arc::new(endpoint));
        }
        if let (Some(authorities), false) = (authorities, uses_tls) {
            let message = "`upstream_ca` has no effect: no upstream is reached by `https://`";
            let help = "leave it out, or write `https://` in `upstream`";
            reader.report(reader.warning(&authorities.field.key, message).help(help));
        }
        endpoints
    }

    fn endpoint(
        &self,
        reader: &Reader,
        text: &Text<'_>,
        authorities: Option<&Authorities<'_>>,
        folder: &Path,
    ) -> Option<Endpoint> {
        let transport = match parse(text.content) {
            Ok(Parsed::Whoami) => Transport::Whoami,
            Ok(Parsed::Unix(path)) => Transport::Unix(folder.join(path)),
            Ok(Parsed::Http { host, port }) => Transport::Http { host, port },
            Ok(Parsed::Https { host, port }) => {
                Transport::Https { tls: self.tls(reader, text, authorities)?, host, port }
            }
            Err((problem, help)) => {
                let message = format!("\"{}\" is no upstream", shown(&without_secrets(text.content)));
                reader.report(reader.error(&text.span, message).label(problem).help(help));
                return None;
            }
        };
        Some(Endpoint { url: text.content.into(), transport })
    }

    fn tls(
        &self,
        reader: &Reader,
        text: &Text<'_>,
        authorities: Option<&Authorities<'_>>,
    ) -> Option<Arc<ClientConfig>> {
        if let Some(Authorities { folder, field }) = authorities {
            let path = super::sections::path(reader, field, folder)?;
            return self.tls_of_file(reader, &path, &field.value.span());
        }
        let mut system = self.system.borrow_mut();
        match system.get_or_insert_with(system_roots) {
            Ok(config) => Some(config.clone()),
            Err(problem) => {
                reader.report(
                    reader
                        .error(&text.span, format!("no authority could verify this upstream: {problem}"))
                        .help("install the package `ca-certificates`, or name a PEM file: `upstream_ca = \"certs/ca.pem\"`"),
                );
                None
            }
        }
    }

    fn tls_of_file(&self, reader: &Reader, path: &Path, span: &Span) -> Option<Arc<ClientConfig>> {
        if let Some(config) = self.files.borrow().get(path) {
            return Some(config.clone());
        }
        let certificates = match certificate::chain(path) {
            Ok(certificates) => certificates,
            Err((problem, help)) => {
                reader.report(reader.error(span, problem).help(help));
                return None;
            }
        };
        let mut roots = RootCertStore::empty();
        let (_, ignored) = roots.add_parsable_certificates(certificates);
        if ignored > 0 {
            let message = format!("{} holds a certificate that cannot be read", path.display());
            let help = "give the certificate of the authority that signed the upstream's";
            reader.report(reader.error(span, message).help(help));
            return None;
        }
        let config = certificate::client_config(roots);
        self.files.borrow_mut().insert(path.to_owned(), config.clone());
        Some(config)
    }
}

/// The authorities that an app names itself.
struct Authorities<'a> {
    folder: &'a Path,
    field: Field<'a>,
}

fn system_roots() -> Result<Arc<ClientConfig>, String> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // System stores hold the odd certificate that no verifier reads; the others count.
    let (added, _) = roots.add_parsable_certificates(loaded.certs);
    if added > 0 {
        return Ok(certificate::client_config(roots));
    }
    Err(loaded.errors.first().map_or_else(|| "this system has none".to_owned(), ToString::to_string))
}

/// Eve, on the network between the two or on any machine that can reach the app, needs no sign-in:
/// she asks the app herself, and names herself what she likes.
fn warn_if_exposed(reader: &Reader, text: &Text<'_>, endpoint: &Endpoint) {
    if matches!(endpoint.transport, Transport::Http { .. }) && !endpoint.is_local() {
        reader.report(
            reader
                .warning(&text.span, "this upstream is on another machine and not protected by TLS")
                .label("plain HTTP over the network")
                .help("whoever can reach it can bypass the gateway and forge the identity headers: use `https://`, or make sure that only the gateway can connect to it"),
        );
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Parsed<'t> {
    Http { host: Box<str>, port: u16 },
    Https { host: Box<str>, port: u16 },
    Unix(&'t Path),
    Whoami,
}

fn parse(text: &str) -> Result<Parsed<'_>, (&'static str, String)> {
    if let Some(name) = text.strip_prefix("builtin:") {
        if name == "whoami" {
            return Ok(Parsed::Whoami);
        }
        return Err(("no such application is built in", "write `builtin:whoami`".to_owned()));
    }
    if let Some(path) = text.strip_prefix("unix:") {
        return match path.strip_prefix("//") {
            Some(path) => Err((
                "a socket has a path, no host",
                format!("write `unix:/{}`", shown(path.trim_start_matches('/'))),
            )),
            None if path.is_empty() || path.contains('\0') => {
                Err(("the socket's path is missing", "write `unix:/run/app.sock`".to_owned()))
            }
            None => Ok(Parsed::Unix(Path::new(path))),
        };
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        let start = text.split(['/', '?', '#']).next().unwrap_or_default();
        return Err(match Authority::parse(start.as_bytes()) {
            Ok(authority) if !text.is_empty() => {
                ("the scheme is missing", format!("write `http://{authority}`"))
            }
            _ => ("no address of a server", HELP.to_owned()),
        });
    };
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        "ws" | "wss" => {
            let plain = if scheme == "ws" { "http" } else { "https" };
            return Err(("WebSockets begin as HTTP", format!("write `{plain}://`; they are passed on")));
        }
        _ => {
            let schemes = ["http", "https", "unix", "builtin"];
            let help = suggest::similar(scheme, schemes)
                .map_or_else(|| HELP.to_owned(), |meant| format!("did you mean `{meant}`?"));
            return Err(("this scheme is not supported", help));
        }
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.contains('@') {
        let help = "leave the name and password out; the gateway tells the app who signed in by its headers";
        return Err(("it has a name or password in it", help.to_owned()));
    }
    let Ok(read) = Authority::parse(authority.as_bytes()) else {
        return Err((
            "the host or the port cannot be read",
            format!("write `{scheme}://` and a name or address, such as `{scheme}://127.0.0.1:8080`"),
        ));
    };
    if !matches!(path, "" | "/") {
        let (what, help) = if path.starts_with('/') {
            ("it has a path", "; requests keep their own path, and `path` says which ones belong to the app")
        } else {
            ("it has a query or fragment", "")
        };
        return Err((what, format!("write `{scheme}://{read}`{help}")));
    }
    if read.port() == Some(0) {
        return Err((
            "nothing listens on port 0",
            format!("write the port that the app listens on, such as `{scheme}://{}:8080`", read.host()),
        ));
    }
    let (host, port) = (Box::from(read.host()), read.port().unwrap_or(default_port));
    if scheme == "http" {
        return Ok(Parsed::Http { host, port });
    }
    if ServerName::try_from(host.trim_matches(['[', ']'])).is_err() {
        return Err((
            "no certificate can be made out to this name",
            "write a DNS name or an IP address".to_owned(),
        ));
    }
    Ok(Parsed::Https { host, port })
}

/// A URL without its user information, for messages.
fn without_secrets(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((before, after)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://…@{after}")
        }
        None => text.to_owned(),
    }
}

const HELP: &str =
    "write `http://127.0.0.1:8080`, `https://app.example.com`, `unix:/run/app.sock` or `builtin:whoami`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_are_read() {
        let http = |host: &str, port| Parsed::Http { host: host.into(), port };
        let https = |host: &str, port| Parsed::Https { host: host.into(), port };
        for (text, parsed) in [
            ("http://127.0.0.1:8080", http("127.0.0.1", 8080)),
            ("http://127.0.0.1:8080/", http("127.0.0.1", 8080)),
            ("http://App.Local", http("app.local", 80)),
            ("https://app.example.com", https("app.example.com", 443)),
            ("https://[::1]:8443", https("[::1]", 8443)),
            ("unix:/run/app.sock", Parsed::Unix(Path::new("/run/app.sock"))),
            ("builtin:whoami", Parsed::Whoami),
        ] {
            assert_eq!(parse(text).unwrap(), parsed, "{text}");
        }
    }

    #[test]
    fn what_is_no_upstream_says_what_would_be() {
        for (text, problem) in [
            ("", "no address of a server"),
            ("127.0.0.1:8080", "the scheme is missing"),
            ("localhost:3000/app", "the scheme is missing"),
            ("http://127.0.0.1:8080/app", "it has a path"),
            ("http://127.0.0.1:8080?x", "it has a query or fragment"),
            ("http://user:secret@127.0.0.1", "it has a name or password in it"),
            ("http://", "the host or the port cannot be read"),
            ("http://a:99999", "the host or the port cannot be read"),
            ("http://a:0", "nothing listens on port 0"),
            ("htp://a", "this scheme is not supported"),
            ("ws://a", "WebSockets begin as HTTP"),
            ("unix:", "the socket's path is missing"),
            ("unix:///run/app.sock", "a socket has a path, no host"),
            ("builtin:wiki", "no such application is built in"),
        ] {
            assert_eq!(parse(text).unwrap_err().0, problem, "{text}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        assert_eq!(without_secrets("http://user:secret@host"), "http://…@host");
        assert_eq!(without_secrets("http://a:b@c@host"), "http://…@host");
        assert_eq!(without_secrets("user:secret@host"), "://…@host");
    }
}
