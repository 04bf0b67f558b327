//! `upstream`, `upstream_ca`, `upstream_pin`: the upstreams of an app, and their TLS.

use std::{
    cell::RefCell,
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName},
    server::ParsedCertificate,
    sign::CertifiedKey,
};

use super::{
    certificate,
    excerpt::excerpt,
    reader::{Field, Reader, Section, Text},
    server::Listening,
    source::Span,
    suggest,
};
use crate::{
    forward::{Endpoint, KeyPin, Transport, Trust},
    request::Authority,
    server::ListenAddr,
};

/// Reads upstreams. Loaded authorities are shared by all apps.
pub(super) struct Upstreams<'a> {
    listening: &'a Listening,
    system: RefCell<Option<Result<Arc<RootCertStore>, String>>>,
    /// With the authorities of the system, and no client certificate.
    without_certificate: RefCell<Option<Arc<ClientConfig>>>,
    files: RefCell<HashMap<std::path::PathBuf, Arc<ClientConfig>>>,
}

impl<'a> Upstreams<'a> {
    /// Upstreams of a gateway with these listeners.
    pub(super) fn of(listening: &'a Listening) -> Self {
        Self {
            listening,
            system: RefCell::default(),
            without_certificate: RefCell::default(),
            files: RefCell::default(),
        }
    }

    /// The upstreams of one app.
    pub(super) fn read(
        &self,
        reader: &Reader,
        app: &Section<'_>,
        folder: &Path,
        client: Option<&Arc<CertifiedKey>>,
    ) -> Vec<Arc<Endpoint>> {
        let Some(field) = app.field("upstream") else {
            if app.lacks("upstream") {
                let error = reader.error(&app.span, "this app has no `upstream`");
                let help = "name its address: `upstream = \"http://127.0.0.1:8080\"`";
                reader.report_absence(error.help(help));
            }
            return Vec::new();
        };
        let texts = reader.texts(&field);
        if field.value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
            let message = "this app has an empty list of upstreams";
            reader.report(reader.error(&field.value.span(), message).help("name at least one"));
        }
        let trusted = trusted(reader, app, folder, client);
        let mut endpoints: Vec<Arc<Endpoint>> = Vec::new();
        let mut uses_tls = false;
        for text in &texts {
            uses_tls |= text.content.starts_with("https://");
            let Some(endpoint) = self.endpoint(reader, text, (trusted.as_ref(), client), folder) else {
                continue;
            };
            warn_if_exposed(reader, text, &endpoint);
            self.report_itself(reader, text, &endpoint);
            if endpoints.iter().any(|other| other.url == endpoint.url) {
                let message = format!("upstream \"{}\" is listed twice", endpoint.url);
                reader.report(
                    reader.warning(&text.span, message).help("it would get twice its share of the requests"),
                );
            }
            endpoints.push(Arc::new(endpoint));
        }
        if let (Some(Trusted::File { field, .. } | Trusted::Pins { field, .. }), false) = (trusted, uses_tls)
        {
            let message = format!("`{}` has no effect: no upstream is reached by `https://`", field.name);
            let help = "leave it out, or write `https://` in `upstream`";
            reader.report(reader.warning(&field.key, message).help(help));
        }
        if client.is_some()
            && !uses_tls
            && let Some(field) = app.field("upstream_auth")
        {
            let message = "the client certificate has no effect: no upstream is reached by `https://`";
            reader.report(
                reader.warning(&field.key, message).help("leave it out, or write `https://` in `upstream`"),
            );
        }
        endpoints
    }

    /// Reports an upstream that is the gateway itself. Each forwarded request would come in again, until no connection
    /// is left.
    fn report_itself(&self, reader: &Reader, text: &Text<'_>, endpoint: &Endpoint) {
        let (Transport::Http { host, port } | Transport::Https { host, port, .. }) = &endpoint.transport
        else {
            return;
        };
        let Listening { server, is_written } = self.listening;
        let targets = addresses(host).into_iter().map(|ip| SocketAddr::from((ip, *port)));
        let own = targets.into_iter().find_map(|target| {
            [&server.https, &server.http].into_iter().find_map(|list| {
                let reached = |addr: &&SocketAddr| ListenAddr::of(**addr, list).is_reached_by(target);
                list.iter().find(reached)
            })
        });
        let Some(own) = own else { return };
        let message = "this upstream is the gateway itself";
        let diagnostic = if *is_written {
            reader.error(&text.span, message).label(format!("it listens on `{own}`"))
        } else {
            reader.warning(&text.span, message).label(format!("it listens on `{own}` by default"))
        };
        reader.report(diagnostic.help("name the address of the application, and let it have another port"));
    }

    fn endpoint(
        &self,
        reader: &Reader,
        text: &Text<'_>,
        trusted: (Option<&Trusted<'_>>, Option<&Arc<CertifiedKey>>),
        folder: &Path,
    ) -> Option<Endpoint> {
        let transport = match parse(text.content) {
            Ok(Parsed::Whoami) => Transport::Whoami,
            Ok(Parsed::Unix(path)) => Transport::Unix(folder.join(path)),
            Ok(Parsed::Http { host, port }) => Transport::Http { host, port },
            Ok(Parsed::Https { host, port }) => {
                Transport::Https { tls: self.tls(reader, text, &host, trusted)?, host, port }
            }
            Err((problem, help)) => {
                let message = format!("\"{}\" is no upstream", excerpt(&without_secrets(text.content)));
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
        host: &str,
        (trusted, client): (Option<&Trusted<'_>>, Option<&Arc<CertifiedKey>>),
    ) -> Option<Arc<ClientConfig>> {
        match trusted {
            Some(Trusted::File { folder, field }) => {
                let path = reader.path(field, folder)?;
                return self.tls_of_file(reader, (&path, client), host, &field.value.span());
            }
            Some(Trusted::Pins { tls, .. }) => return tls.clone(),
            None => {}
        }
        let mut system = self.system.borrow_mut();
        match system.get_or_insert_with(system_roots) {
            Ok(roots) => {
                Some(match client {
                    Some(client) => Trust::Authorities((**roots).clone()).into_client_config(Some(client)),
                    None => Arc::clone(self.without_certificate.borrow_mut().get_or_insert_with(|| {
                        Trust::Authorities((**roots).clone()).into_client_config(None)
                    })),
                })
            }
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

    fn tls_of_file(
        &self,
        reader: &Reader,
        (path, client): (&Path, Option<&Arc<CertifiedKey>>),
        host: &str,
        span: &Span,
    ) -> Option<Arc<ClientConfig>> {
        // A connection with the certificate of one app is none of another app.
        if client.is_none()
            && let Some(config) = self.files.borrow().get(path)
        {
            return Some(config.clone());
        }
        let certificates = match certificate::chain(path) {
            Ok(certificates) => certificates,
            Err((problem, help)) => {
                reader.report(reader.error(span, problem).help(help));
                return None;
            }
        };
        let mut authorities = RootCertStore::empty();
        for certificate in &certificates {
            // RFC 5280 §4.2.1.9: a certificate that is no authority signs no other, but may be the upstream's own.
            let added = if is_authority(certificate) {
                authorities.add(certificate.clone()).is_ok()
            } else {
                ParsedCertificate::try_from(certificate).is_ok()
            };
            if !added {
                let message = format!("{} holds a certificate that cannot be read", path.display());
                let help = "give the upstream's own certificate, or that of the authority that signed it";
                reader.report(reader.error(span, message).help(help));
                return None;
            }
            let help = "make a new one; this one is believed for as long as it is named here";
            certificate::check_time(reader, (path, span), certificate, help);
        }
        warn_of_another_name(reader, path, &certificates, host, span);
        let config = Trust::Named { authorities, certificates }.into_client_config(client);
        if client.is_none() {
            self.files.borrow_mut().insert(path.to_owned(), config.clone());
        }
        Some(config)
    }
}

/// The keys `upstream_ca` and `upstream_pin` of an app.
enum Trusted<'a> {
    /// `upstream_ca`: authorities, and certificates of upstreams themselves.
    File { folder: &'a Path, field: Field<'a> },
    /// `upstream_pin`: keys. `None`: one of them is invalid.
    Pins { field: Field<'a>, tls: Option<Arc<ClientConfig>> },
}

fn trusted<'a>(
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
pub(super) fn key_pin(reader: &Reader, text: &Text<'_>) -> Option<KeyPin> {
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
fn is_authority(certificate: &CertificateDer<'_>) -> bool {
    x509_parser::parse_x509_certificate(certificate).is_ok_and(|(_, parsed)| parsed.is_ca())
}

/// Warns of a file whose certificates all name servers, and none the upstream's host: it may be the wrong file.
/// Certificates of authorities name no server.
fn warn_of_another_name(
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

/// The addresses of a host that are known without a look-up.
fn addresses(host: &str) -> Vec<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    host.trim_matches(['[', ']']).parse().into_iter().collect()
}

fn system_roots() -> Result<Arc<RootCertStore>, String> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Certificates of the system that the verifier cannot read are skipped.
    let (added, _) = roots.add_parsable_certificates(loaded.certs);
    if added > 0 {
        return Ok(Arc::new(roots));
    }
    Err(loaded.errors.first().map_or_else(|| "this system has none".to_owned(), ToString::to_string))
}

/// Warns of plain HTTP to another machine. Eve, on the network between the two or on any machine that can reach the
/// app, needs no sign-in: she sends requests to the app herself, with identity headers of her choice.
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
                format!("write `unix:/{}`", excerpt(path.trim_start_matches('/'))),
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
        let help = "leave the name and password out; the gateway passes the signed-in user in headers";
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

const PIN_HELP: &str = "write what this prints after `sha256/`: `openssl x509 -in upstream.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64`";
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
    fn an_invalid_upstream_names_its_problem() {
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
