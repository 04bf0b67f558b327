//! The whole file, and the sections that are a few plain values each.

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use toml::de::{DeTable, DeValue};

use super::{
    apps, certificate,
    configuration::{CertificateFiles, Configuration, Limits, Log, Server, Sessions, Store, Tls, TlsVersion},
    groups::Groups,
    keys, networks,
    reader::{Field, Reader, Section, shown},
    source::Span,
};
use crate::{request::TrustedProxies, session, telemetry::Format, users::HashSettings};

/// Reads the whole document. What has a mistake is reported and replaced by its default, so that
/// the rest is looked at too; whether it may be used, the reader knows.
pub(super) fn configuration(document: &DeTable<'_>, file: &Path, reader: &Reader) -> Configuration {
    let top = reader.section(document, 0..0, &keys::TOP);
    let folder = file.parent().unwrap_or(Path::new(""));
    let section = |name, keys| reader.table(top.field(name), keys);

    let state = top.field("state").and_then(|field| path(reader, &field, folder));
    let groups = Groups::read(reader, top.field("groups"));
    let apps = apps::read(reader, &top, folder, &groups);
    Configuration {
        file: file.to_owned(),
        state: state.unwrap_or_else(|| folder.join("state")),
        certs: folder.join("certs"),
        server: server(reader, section("server", &keys::SERVER).as_ref()),
        tls: tls(reader, section("tls", &keys::TLS).as_ref(), folder),
        sessions: sessions(reader, section("session", &keys::SESSION).as_ref()),
        password: password(reader, section("password", &keys::PASSWORD).as_ref()),
        limits: limits(reader, section("limits", &keys::LIMITS).as_ref()),
        log: log(reader, section("log", &keys::LOG).as_ref()),
        policy: apps.policy,
        apps: apps.forwarded,
        groups: groups.into_names(),
    }
}

/// A path to a file or folder, relative to the configuration's own folder.
pub(super) fn path(reader: &Reader, field: &Field<'_>, folder: &Path) -> Option<PathBuf> {
    let text = reader.text(field)?;
    if text.content.is_empty() || text.content.contains('\0') {
        let message = format!("`{}` is no path", field.name);
        reader.report(reader.error(&text.span, message).help("write a path; it is relative to this file"));
        return None;
    }
    Some(folder.join(text.content))
}

fn server(reader: &Reader, section: Option<&Section<'_>>) -> Server {
    let field = |name| section.and_then(|section| section.field(name));
    let mut taken: Vec<(SocketAddr, Span)> = Vec::new();
    let https = match field("https") {
        Some(field) => {
            if field.value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
                reader.report(
                    reader
                        .error(&field.value.span(), "there is no HTTPS listener")
                        .help(format!("leave the key out for `{DEFAULT_HTTPS}`, or name one")),
                );
            }
            listeners(reader, &field, &mut taken)
        }
        None => vec![DEFAULT_HTTPS.parse().expect("the default is an address")],
    };
    let http = field("http").map(|field| listeners(reader, &field, &mut taken)).unwrap_or_default();
    let status = match field("status") {
        None => Some(DEFAULT_STATUS.parse().expect("the default is an address")),
        Some(field) => status(reader, &field, &mut taken),
    };
    let workers = reader.integer(field("workers"), 0..=1024, 0);
    Server {
        https,
        http,
        status,
        trusted_proxies: trusted_proxies(reader, field("trusted_proxies")),
        workers: usize::try_from(workers).ok().and_then(NonZeroUsize::new),
    }
}

fn status(reader: &Reader, field: &Field<'_>, taken: &mut Vec<(SocketAddr, Span)>) -> Option<SocketAddr> {
    let off = format!("write `status = \"{OFF}\"` to have no status listener");
    match field.value.get_ref() {
        DeValue::String(text) if text == OFF => return None,
        DeValue::String(text) if !text.contains(['.', ':', '[']) && text.parse::<u16>().is_err() => {
            let message = format!("\"{}\" is no address to listen on", shown(text));
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
    listeners(reader, field, taken).first().copied()
}

fn listeners(reader: &Reader, field: &Field<'_>, taken: &mut Vec<(SocketAddr, Span)>) -> Vec<SocketAddr> {
    if let DeValue::Integer(port) = field.value.get_ref() {
        reader.wrong_type(field, "an address and a port", Some(listener_help(port.as_str())));
        return Vec::new();
    }
    let mut listeners = Vec::new();
    for text in reader.texts(field) {
        let Ok(address) = text.content.parse::<SocketAddr>() else {
            let message = format!("\"{}\" is no address to listen on", shown(text.content));
            let error = reader.error(&text.span, message).label("expected an IP address and a port");
            reader.report(error.help(listener_help(text.content)));
            continue;
        };
        // Port 0 asks the system for a free one, so it can be asked for twice.
        if let Some((_, first)) = taken.iter().find(|(other, _)| *other == address && address.port() != 0) {
            reader.report(
                reader
                    .error(&text.span, format!("`{address}` is listened on twice"))
                    .label("again here")
                    .also(first.clone(), "first given here")
                    .help("keep one of them"),
            );
            continue;
        }
        taken.push((address, text.span.clone()));
        listeners.push(address);
    }
    listeners
}

fn listener_help(text: &str) -> String {
    if let Ok(address) = text.parse::<std::net::IpAddr>() {
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
                    .help("name only the addresses of the proxies in front of the gateway; whoever is in here chooses their own client address"),
            );
            continue;
        }
        believed.push(network);
    }
    TrustedProxies::new(believed)
}

fn tls(reader: &Reader, section: Option<&Section<'_>>, folder: &Path) -> Tls {
    let field = |name| section.and_then(|section| section.field(name));
    let min_version = field("min_version").and_then(|field| reader.choice(&field, &["1.2", "1.3"]));
    let mut certificates = Vec::new();
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
                path(reader, &field, folder).map(|path| (path, field.value.span()))
            };
        let (cert, key) = (part("cert"), part("key"));
        if let (Some((cert, cert_span)), Some((key, key_span))) = (cert, key) {
            certificate::check(reader, (&cert, &cert_span), (&key, &key_span));
            certificates.push(CertificateFiles { cert, key, place: reader.place(&cert_span) });
        }
    }
    let min_version = if min_version == Some("1.3") { TlsVersion::V1_3 } else { TlsVersion::V1_2 };
    Tls { min_version, certificates }
}

fn sessions(reader: &Reader, section: Option<&Section<'_>>) -> Sessions {
    let field = |name| section.and_then(|section| section.field(name));
    let limits = session::Limits {
        lifetime: reader.duration(field("lifetime"), Duration::from_hours(12)),
        idle_timeout: reader.duration(field("idle_timeout"), Duration::from_hours(1)),
        browser_session: reader.boolean(field("browser_session"), false),
    };
    if let Some(idle) = field("idle_timeout").filter(|_| limits.idle_timeout > limits.lifetime) {
        let mut warning = reader
            .warning(&idle.value.span(), "`idle_timeout` is longer than `lifetime`")
            .help("a session ends with its lifetime; give both, the idle time the shorter");
        if let Some(lifetime) = field("lifetime") {
            warning = warning.also(lifetime.value.span(), "the lifetime");
        }
        reader.report(warning);
    }
    Sessions {
        store: field("store").and_then(|field| store(reader, &field)).unwrap_or(DEFAULT_STORE),
        max_sessions: reader.integer(field("max_sessions"), 1..=1_000_000_000, 1_000_000),
        limits,
    }
}

/// The one place that says which stores there are.
fn store(reader: &Reader, field: &Field<'_>) -> Option<Store> {
    let text = reader.text(field)?;
    let later = text.content == "file"
        || text.content.starts_with("redis://")
        || text.content.starts_with("rediss://");
    match text.content {
        "memory" => return Some(Store::Memory),
        _ if later => {
            let what = if text.content == "file" { "the store \"file\"" } else { "a Redis store" };
            // The address may hold a password, so it is not repeated.
            reader.report(
                reader
                    .error(&text.span, format!("{what} is not available in this version"))
                    .help("write `store = \"memory\"`: a restart then signs everybody out"),
            );
        }
        other => {
            reader.report(
                reader
                    .error(&text.span, format!("there is no store \"{}\"", shown(other)))
                    .help("write `store = \"memory\"`"),
            );
        }
    }
    None
}

fn password(reader: &Reader, section: Option<&Section<'_>>) -> HashSettings {
    let field = |name| section.and_then(|section| section.field(name));
    let default = HashSettings::default();
    let number = |name, most, default| {
        u32::try_from(reader.integer(field(name), 1..=most, u64::from(default))).unwrap_or(default)
    };
    let memory = reader.size(field("memory"), 0..=4 << 30, u64::from(default.memory) << 10) >> 10;
    let settings = HashSettings {
        memory: u32::try_from(memory).unwrap_or(default.memory),
        iterations: number("iterations", 1000, default.iterations),
        parallelism: number("parallelism", 64, default.parallelism),
    };
    if let (Err(wrong), Some(section)) = (settings.check(), section) {
        let span = field(wrong.setting).map_or(section.span.clone(), |field| field.value.span());
        let bound = |value: u32| {
            if wrong.setting == "memory" {
                super::quantity::show_size(u64::from(value) << 10)
            } else {
                value.to_string()
            }
        };
        let help = format!("it lies between {} and {}", bound(wrong.least), bound(wrong.most));
        reader.report(reader.error(&span, format!("`{}` is out of range", wrong.setting)).help(help));
        return default;
    }
    settings
}

fn limits(reader: &Reader, section: Option<&Section<'_>>) -> Limits {
    let field = |name| section.and_then(|section| section.field(name));
    let default = Limits::default();
    let count = |name, most, default: usize| {
        let value = reader.integer(field(name), 1..=most, default as u64);
        usize::try_from(value).unwrap_or(default)
    };
    // Less than 8 KiB is no buffer that HTTP/1 could be read into.
    let header_size = reader.size(field("header_size"), 8 << 10..=1 << 20, default.header_size as u64);
    Limits {
        handshake_timeout: reader.duration(field("handshake_timeout"), default.handshake_timeout),
        header_timeout: reader.duration(field("header_timeout"), default.header_timeout),
        body_timeout: reader.duration(field("body_timeout"), default.body_timeout),
        idle_timeout: reader.duration(field("idle_timeout"), default.idle_timeout),
        write_timeout: reader.duration(field("write_timeout"), default.write_timeout),
        header_size: usize::try_from(header_size).unwrap_or(default.header_size),
        max_headers: count("max_headers", 1000, default.max_headers),
        max_body: reader.size(field("max_body"), 0..=u64::MAX >> 1, default.max_body),
        connections: count("connections", 10_000_000, default.connections),
    }
}

fn log(reader: &Reader, section: Option<&Section<'_>>) -> Log {
    let field = |name| section.and_then(|section| section.field(name));
    let format = field("format").and_then(|field| reader.choice(&field, &["auto", "text", "json"]));
    Log {
        access: reader.boolean(field("access"), true),
        format: match format {
            Some("text") => Some(Format::Text),
            Some("json") => Some(Format::Json),
            _ => None,
        },
    }
}

const DEFAULT_HTTPS: &str = "0.0.0.0:8443";
const DEFAULT_STATUS: &str = "127.0.0.1:9100";
const OFF: &str = "off";
const DEFAULT_STORE: Store = Store::Memory;
