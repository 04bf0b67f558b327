//! `upstream`, `upstream_ca`, `upstream_pin`: the upstreams of an app, and their TLS.

mod trust;
mod url;

use std::{
    cell::RefCell,
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use rustls::{ClientConfig, RootCertStore, server::ParsedCertificate, sign::CertifiedKey};

pub(super) use self::trust::key_pin;
use self::{
    trust::{Trusted, is_authority, trusted, warn_of_another_name},
    url::{Parsed, parse, without_secrets},
};
use super::{
    authorities, certificate,
    excerpt::excerpt,
    reader::{Reader, Section, Text},
    server::Listening,
    source::Span,
};
use crate::{
    forward::{Endpoint, Transport, Trust},
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
        let Listening { server, is_written, .. } = self.listening;
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
                authorities::report_none(reader, &text.span, ("upstream", "upstream_ca"), problem);
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

/// The addresses of a host that are known without a look-up.
fn addresses(host: &str) -> Vec<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    host.trim_matches(['[', ']']).parse().into_iter().collect()
}

fn system_roots() -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    // Certificates of the system that the verifier cannot read are skipped.
    let (added, _) = roots.add_parsable_certificates(authorities::of_system()?);
    if added == 0 {
        return Err(authorities::NONE.to_owned());
    }
    Ok(Arc::new(roots))
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
