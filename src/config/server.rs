//! `[server]`: where the gateway listens, and whose word about clients it believes.

use std::{net::SocketAddr, num::NonZeroUsize};

use toml::de::DeValue;

use super::{
    configuration::Server,
    networks,
    reader::{Field, Reader, Section, shown},
    source::Span,
};
use crate::request::TrustedProxies;

/// Reads the section, or its defaults if there is none.
pub(super) fn read(reader: &Reader, section: Option<&Section<'_>>) -> Server {
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

const DEFAULT_HTTPS: &str = "0.0.0.0:8443";
const DEFAULT_STATUS: &str = "127.0.0.1:9100";
const OFF: &str = "off";
