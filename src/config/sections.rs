//! The whole file, and the sections that are a few plain values each.

use std::{path::Path, time::Duration};

use http::HeaderValue;
use toml::de::DeTable;

use super::{
    apps,
    certificate::{self, Covered},
    configuration::{CertificateFiles, Configuration, Log, Sessions, Tls},
    excerpt::excerpt,
    groups::Groups,
    keys, quantity,
    reader::{Field, Reader, Section},
    server, store, throttle,
};
use crate::{
    server::{Http2Limits, Limits, TlsVersion},
    session::{self, cookie::CookieNames},
    telemetry::Format,
    users::HashSettings,
};

/// Reads the whole document. What has a mistake is reported and replaced by its default, so that
/// the rest is looked at too; whether it may be used, the reader knows.
pub(super) fn configuration(document: &DeTable<'_>, file: &Path, reader: &Reader) -> Configuration {
    let top = reader.section(document, 0..0, &keys::TOP);
    let folder = file.parent().unwrap_or(Path::new(""));
    let section = |name, keys| reader.table(top.field(name), keys);

    let state = top.field("state").and_then(|field| reader.path(&field, folder));
    let groups = Groups::read(reader, top.field("groups"));
    let sessions = sessions(reader, section("session", &keys::SESSION).as_ref(), folder);
    let listening = server::read(reader, section("server", &keys::SERVER).as_ref());
    let (tls, covered) = tls(reader, section("tls", &keys::TLS).as_ref(), folder);
    let apps = apps::read(reader, &top, folder, &groups, &sessions.limits, (&listening, &covered));
    Configuration {
        file: file.to_owned(),
        state: state.unwrap_or_else(|| folder.join("state")),
        certs: folder.join("certs"),
        server: listening.server,
        tls,
        sessions,
        password: password(reader, section("password", &keys::PASSWORD).as_ref()),
        throttle: throttle::read(reader, section("throttle", &keys::THROTTLE).as_ref()),
        limits: limits(reader, section("limits", &keys::LIMITS).as_ref()),
        log: log(reader, section("log", &keys::LOG).as_ref()),
        policy: apps.policy,
        apps: apps.forwarded,
        app_sessions: apps.sessions,
        shields: apps.shields,
        groups: groups.into_map(),
    }
}

fn tls(reader: &Reader, section: Option<&Section<'_>>, folder: &Path) -> (Tls, Covered) {
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
    (Tls { min_version, hsts, certificates }, covered)
}

/// RFC 6797. One that is asked for is sent with a self-signed certificate, too: a proxy in front may have
/// a real one.
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

fn sessions(reader: &Reader, section: Option<&Section<'_>>, folder: &Path) -> Sessions {
    let field = |name| section.and_then(|section| section.field(name));
    let limits = session::Limits {
        lifetime: reader.duration(field("lifetime"), Duration::from_hours(12)),
        idle_timeout: reader.duration(field("idle_timeout"), Duration::from_hours(1)),
        remember_lifetime: field("remember_lifetime").map(|field| reader.duration(Some(field), REMEMBERED)),
        browser_session: reader.boolean(field("browser_session"), false),
        max_per_user: usize::try_from(reader.integer(field("max_per_user"), 1..=1_000_000, MAX_PER_USER))
            .ok(),
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
        store: store::read(reader, section, folder),
        max_sessions: reader.integer(field("max_sessions"), 1..=1_000_000_000, 1_000_000),
        max_visitors: usize::try_from(reader.integer(field("max_visitors"), 1..=10_000_000, 100_000))
            .unwrap_or(usize::MAX),
        limits,
        cookies: cookie_names(reader, field("cookie_name")),
    }
}

fn cookie_names(reader: &Reader, field: Option<Field<'_>>) -> CookieNames {
    let Some(text) = field.and_then(|field| reader.text(&field)) else { return CookieNames::default() };
    CookieNames::parse(text.content).unwrap_or_else(|wrong| {
        let error =
            reader.error(&text.span, format!("`cookie_name` cannot be \"{}\"", excerpt(text.content)));
        let help = "write \"portcullis-\" and a word of your own, such as \"portcullis-test\"";
        reader.report(error.label(wrong.to_string()).help(help));
        CookieNames::default()
    })
}

/// More browsers than anybody uses within the lifetime of a session. A script that signs in for each request fills
/// the store up to here and no further.
const MAX_PER_USER: u64 = 100;

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
                quantity::show_size(u64::from(value) << 10)
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
    let number = |name, least, default: u32| {
        u32::try_from(reader.integer(field(name), least..=1_000_000, u64::from(default))).unwrap_or(default)
    };
    let rate = |name, default| reader.size(field(name), 0..=1 << 30, default);
    let http2 = Http2Limits {
        streams: number("http2_streams", 1, default.http2.streams),
        resets: number("http2_resets", 1, default.http2.resets),
        // A client sends its own, acknowledges ours, and may change its mind.
        settings: number("http2_settings", 4, default.http2.settings),
        pings: number("http2_pings", 1, default.http2.pings),
        continuations: number("http2_continuations", 1, default.http2.continuations),
        window_updates: number("http2_window_updates", 1, default.http2.window_updates),
        empty_frames: number("http2_empty_frames", 1, default.http2.empty_frames),
        priorities: number("http2_priorities", 1, default.http2.priorities),
    };
    let uri_length = reader.size(field("uri_length"), 256..=60 << 10, default.uri_length as u64);
    // Less than 8 KiB is no buffer that HTTP/1 could be read into.
    let header_size = reader.size(field("header_size"), 8 << 10..=1 << 20, default.header_size as u64);
    Limits {
        handshake_timeout: reader.duration(field("handshake_timeout"), default.handshake_timeout),
        header_timeout: reader.duration(field("header_timeout"), default.header_timeout),
        body_timeout: reader.duration(field("body_timeout"), default.body_timeout),
        body_rate: rate("body_rate", default.body_rate),
        idle_timeout: reader.duration(field("idle_timeout"), default.idle_timeout),
        write_timeout: reader.duration(field("write_timeout"), default.write_timeout),
        write_rate: rate("write_rate", default.write_rate),
        header_size: usize::try_from(header_size).unwrap_or(default.header_size),
        max_headers: count("max_headers", 1000, default.max_headers),
        uri_length: usize::try_from(uri_length).unwrap_or(default.uri_length),
        max_body: reader.size(field("max_body"), 0..=u64::MAX >> 1, default.max_body),
        connections: count("connections", 10_000_000, default.connections),
        connections_per_address: count(
            "connections_per_address",
            10_000_000,
            default.connections_per_address,
        ),
        requests_per_address: count("requests_per_address", 10_000_000, default.requests_per_address),
        requests_per_connection: number("requests_per_connection", 1, default.requests_per_connection),
        connection_age: reader.duration(field("connection_age"), default.connection_age),
        http2,
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

/// ASVS 5.0 3.4.1 asks for as much.
const A_YEAR: Duration = Duration::from_hours(365 * 24);
/// Stands in where what was written cannot be read.
const REMEMBERED: Duration = Duration::from_hours(30 * 24);
