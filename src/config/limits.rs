//! `[limits]`: connections, requests, heads and bodies of clients.

use super::reader::{Reader, Section};
use crate::server::{Http2Limits, Limits};

/// Reads the section, or its defaults if there is none.
pub(super) fn read(reader: &Reader, section: Option<&Section<'_>>) -> Limits {
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
        // A client sends its settings, acknowledges the gateway's, and may change its own.
        settings: number("http2_settings", 4, default.http2.settings),
        pings: number("http2_pings", 1, default.http2.pings),
        continuations: number("http2_continuations", 1, default.http2.continuations),
        window_updates: number("http2_window_updates", 1, default.http2.window_updates),
        empty_frames: number("http2_empty_frames", 1, default.http2.empty_frames),
        priorities: number("http2_priorities", 1, default.http2.priorities),
    };
    let uri_length = reader.size(field("uri_length"), 256..=60 << 10, default.uri_length as u64);
    // HTTP/1 needs a buffer of at least 8 KiB.
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
