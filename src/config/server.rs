//! `[server]`: listeners, trusted proxies, workers.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroUsize,
    path::Path,
};

use toml::de::DeValue;

use super::{
    excerpt::excerpt,
    forward_auth::{self, ForwardAuthSection},
    hosts, networks,
    reader::{Field, Reader, Section},
    source::Span,
};
use crate::{request::TrustedProxies, server::ListenAddr};

/// `[server]`.
#[derive(Clone, Debug)]
pub struct ServerSection {
    /// HTTPS listeners, at least one. Default `0.0.0.0:8443`.
    pub https: Vec<SocketAddr>,
    /// Plain listeners, which redirect to HTTPS. Default none.
    pub http: Vec<SocketAddr>,
    /// The port at which browsers reach HTTPS; `None`: that of the first listener.
    pub public_port: Option<u16>,
    /// The listener of `/healthz`, `/readyz` and `/metrics`. Default `127.0.0.1:9100`; `None`: `"off"`.
    pub status: Option<SocketAddr>,
    /// Hosts that the status listener accepts beside addresses, `localhost` and names without a dot. Default none.
    pub status_hosts: Vec<Box<str>>,
    /// Proxies whose forwarded headers are trusted. Default none.
    pub trusted_proxies: TrustedProxies,
    /// The number of workers; `None`: one a core.
    pub workers: Option<NonZeroUsize>,
}

/// Reads the section, or its defaults if there is none, and `[forward_auth]`, whose listeners must not overlap with these.
pub(super) fn read(
    reader: &Reader,
    section: Option<&Section<'_>>,
    checks: Option<&Section<'_>>,
    folder: &Path,
) -> (Listening, Option<ForwardAuthSection>) {
    let field = |name| section.and_then(|section| section.field(name));
    let https = match field("https") {
        Some(field) => {
            if field.value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
                reader.report(
                    reader
                        .error(&field.value.span(), "there is no HTTPS listener")
                        .help(format!("leave the key out for `{DEFAULT_HTTPS}`, or name one")),
                );
            }
            listeners(reader, &field)
        }
        None => vec![Listed::by_default(DEFAULT_HTTPS)],
    };
    let http = field("http").map(|field| listeners(reader, &field)).unwrap_or_default();
    let status = match field("status") {
        None => Some(Listed::by_default(DEFAULT_STATUS)),
        Some(field) => status(reader, &field),
    };
    let asked_at = checks.and_then(|checks| checks.field("listen")).map(|field| listeners(reader, &field));
    let asked_at = asked_at.unwrap_or_default();
    let lists = [("https", &*https), ("http", &http), ("status", status.as_slice()), ("listen", &asked_at)];
    report_overlaps(reader, &lists);
    let workers = reader.integer(field("workers"), 0..=1024, 0);
    let public_port = field("public_port").map(|field| reader.integer(Some(field), 1..=65_535, 443));
    let addrs = |list: &[Listed]| list.iter().map(|listed| listed.addr).collect();
    let server = ServerSection {
        https: addrs(&https),
        http: addrs(&http),
        public_port: public_port.and_then(|port| u16::try_from(port).ok()),
        status: status.map(|listed| listed.addr),
        status_hosts: status_hosts(reader, field("status_hosts")),
        trusted_proxies: trusted_proxies(reader, field("trusted_proxies")),
        workers: usize::try_from(workers).ok().and_then(NonZeroUsize::new),
    };
    let is_written = |list: &[Listed]| list.iter().all(|listed| listed.span.is_some());
    let is_written = is_written(&https) && is_written(&http);
    let checks = checks.map(|checks| forward_auth::read(reader, checks, addrs(&asked_at), folder));
    let lacks_proxies = server.trusted_proxies.is_empty() && !names_any(field("trusted_proxies").as_ref());
    (Listening { server, is_written, lacks_proxies }, checks)
}

impl ServerSection {
    /// Whether all clients come through a trusted proxy on this machine: it is the only one that reaches the HTTPS listeners.
    pub(super) fn is_behind_proxy(&self) -> bool {
        // The address from which programs of this machine connect to the others of 127.0.0.0/8 as well.
        let client = |listener: &SocketAddr| match listener {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        let is_proxys =
            |addr: &SocketAddr| addr.ip().is_loopback() && self.trusted_proxies.trusts(client(addr));
        !self.https.is_empty() && self.https.iter().all(is_proxys)
    }
}

/// The section, and whether the file has its public listeners.
pub(super) struct Listening {
    pub(super) server: ServerSection,
    /// `false`: the listeners are defaults, which sockets from the service manager may replace.
    pub(super) is_written: bool,
    /// Whether no proxy is named, not even in a way that cannot be read.
    pub(super) lacks_proxies: bool,
}

/// An address to listen on, with its span; a default has none.
struct Listed {
    addr: SocketAddr,
    span: Option<Span>,
}

impl Listed {
    fn by_default(addr: &str) -> Self {
        Self { addr: addr.parse().expect("the default is an address"), span: None }
    }
}

/// Reports two listeners, of one list or of two, that cannot be bound at the same time.
fn report_overlaps(reader: &Reader, lists: &[(&str, &[Listed])]) {
    let mut seen: Vec<(&str, &Listed, ListenAddr)> = Vec::new();
    for (name, list) in lists {
        let addrs: Vec<SocketAddr> = list.iter().map(|listed| listed.addr).collect();
        for listed in *list {
            let listen = ListenAddr::of(listed.addr, &addrs);
            match seen.iter().find(|(.., other)| other.overlaps(listen)) {
                Some((other_name, other, _)) => {
                    report_overlap(reader, (other_name, other), (name, listed));
                }
                None => seen.push((name, listed, listen)),
            }
        }
    }
}

fn report_overlap(reader: &Reader, (first_name, first): (&str, &Listed), (name, again): (&str, &Listed)) {
    let diagnostic = match (&first.span, &again.span) {
        (Some(span), Some(again_span)) if first.addr == again.addr => reader
            .error(again_span, format!("`{}` is listened on twice", again.addr))
            .label("again here")
            .also(span.clone(), "first given here")
            .help("keep one of them"),
        (Some(span), Some(again_span)) => reader
            .error(again_span, format!("`{}` and `{}` overlap", first.addr, again.addr))
            .label("only one of the two can be listened on")
            .also(span.clone(), "the other one")
            .help("keep the one that covers the other, or give one of them another port"),
        (Some(span), None) => reader
            .error(span, format!("`{}` is in the way of the {name} listener", first.addr))
            .label(format!("`{name}` is `{}` by default", again.addr))
            .help(format!("choose another port, or give `{name}` another address")),
        (None, Some(span)) => reader
            .error(span, format!("`{}` is in the way of the {first_name} listener", again.addr))
            .label(format!("`{first_name}` is `{}` by default", first.addr))
            .help(format!("choose another port, or give `{first_name}` another address")),
        (None, None) => return,
    };
    reader.report(diagnostic);
}

fn status(reader: &Reader, field: &Field<'_>) -> Option<Listed> {
    let off = format!("write `status = \"{OFF}\"` to have no status listener");
    match field.value.get_ref() {
        DeValue::String(text) if text == OFF => return None,
        DeValue::String(text) if !text.contains(['.', ':', '[']) && text.parse::<u16>().is_err() => {
            let message = format!("\"{}\" is no address to listen on", excerpt(text));
            reader.report(reader.error(&field.value.span(), message).help(off));
            return None;
        }
        DeValue::Boolean(_) => {
            reader.wrong_type(field, "an address", Some(off));
            return None;
        }
        DeValue::Array(_) => {
            reader.wrong_type(field, "one address", None);
            return None;
        }
        _ => {}
    }
    listeners(reader, field).into_iter().next()
}

fn listeners(reader: &Reader, field: &Field<'_>) -> Vec<Listed> {
    if let DeValue::Integer(port) = field.value.get_ref() {
        reader.wrong_type(field, "an address and a port", Some(listener_help(port.as_str())));
        return Vec::new();
    }
    let mut listeners = Vec::new();
    for text in reader.texts(field) {
        let Ok(addr) = text.content.parse::<SocketAddr>() else {
            let message = format!("\"{}\" is no address to listen on", excerpt(text.content));
            let error = reader.error(&text.span, message).label("expected an IP address and a port");
            reader.report(error.help(listener_help(text.content)));
            continue;
        };
        listeners.push(Listed { addr, span: Some(text.span.clone()) });
    }
    listeners
}

fn listener_help(text: &str) -> String {
    if let Ok(address) = text.parse::<IpAddr>() {
        return format!("add a port: `{}`", SocketAddr::new(address, 8443));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    if port.parse::<u16>().is_err() || text.starts_with('[') {
        return "write an address and a port, such as `0.0.0.0:8443` or `[::]:8443`".to_owned();
    }
    match host {
        "" | "*" => {
            format!("write `0.0.0.0:{port}` for every IPv4 address, `[::]:{port}` for every address")
        }
        "localhost" => format!("write `127.0.0.1:{port}` or `[::1]:{port}`"),
        _ => format!("write the address in digits, such as `127.0.0.1:{port}`"),
    }
}

fn status_hosts(reader: &Reader, field: Option<Field<'_>>) -> Vec<Box<str>> {
    let texts = field.map(|field| reader.texts(&field)).unwrap_or_default();
    texts.iter().filter_map(|text| hosts::host(reader, text)).collect()
}

fn trusted_proxies(reader: &Reader, field: Option<Field<'_>>) -> TrustedProxies {
    let texts = field.map(|field| reader.texts(&field)).unwrap_or_default();
    let mut believed = Vec::new();
    for text in texts {
        let Some(network) = networks::network(reader, &text) else { continue };
        if network.prefix_len() == 0 {
            reader.report(
                reader
                    .error(&text.span, format!("`{network}` would believe everyone"))
                    .label("every address there is")
                    .help("name only the addresses of the proxies in front of the gateway; a client in this network chooses its own client address"),
            );
            continue;
        }
        believed.push(network);
    }
    TrustedProxies::new(believed)
}

/// Whether a list is there and not empty.
fn names_any(field: Option<&Field<'_>>) -> bool {
    field.is_some_and(|field| field.value.get_ref().as_array().is_none_or(|list| !list.is_empty()))
}

const DEFAULT_HTTPS: &str = "0.0.0.0:8443";
const DEFAULT_STATUS: &str = "127.0.0.1:9100";
const OFF: &str = "off";
