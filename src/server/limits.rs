//! Limits on the time and memory that clients may take.
//!
//! `config` makes [`Limits`] of the section `[limits]`. `worker` limits connections; `counted_socket`, `http1` and `http2`
//! limit the rest; bodies and requests in flight are the gateway's.

use std::time::Duration;

/// Limits on clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum time for the TLS handshake. Default 10 seconds.
    pub handshake_timeout: Duration,
    /// Maximum time for a whole request head. Default 10 seconds.
    pub header_timeout: Duration,
    /// Maximum time without a byte of a request's body. Default 30 seconds.
    pub body_timeout: Duration,
    /// Minimum bytes a second of a request's body, averaged over `body_timeout`; 0: no minimum. Default 240.
    pub body_rate: u64,
    /// Maximum time between two requests of a connection. Default 60 seconds.
    pub idle_timeout: Duration,
    /// Maximum time in which the client reads nothing. Default 30 seconds.
    pub write_timeout: Duration,
    /// Minimum bytes a second that the client reads, averaged over `write_timeout`; 0: no minimum. Default 240.
    pub write_rate: u64,
    /// Maximum size of a request head. Default 32 KiB; never less than 8 KiB.
    pub header_size: usize,
    /// Maximum number of header fields of a request. Default 100.
    pub max_headers: usize,
    /// Maximum length of path and query. Default 8 KiB.
    pub uri_length: usize,
    /// Maximum size of a request body, where an app has no limit of its own. Default 1 GiB.
    pub max_body: u64,
    /// Maximum number of connections at a time; further ones wait. Default 20,000.
    pub connections: usize,
    /// Maximum number of connections of an address at a time; of IPv6, of a /64. Trusted proxies have no such limit. Default 1,024.
    pub connections_per_address: usize,
    /// Maximum number of requests in flight of one client, on all of its connections: of a signed-in user, or of all
    /// others at an address; of IPv6, a /64. Default 256.
    pub requests_per_address: usize,
    /// Maximum number of requests of a connection. Default 10,000.
    pub requests_per_connection: u32,
    /// Age after which the next request of a connection is its last. Default an hour.
    pub connection_age: Duration,
    /// Limits of HTTP/2 connections.
    pub http2: Http2Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            body_rate: 240,
            idle_timeout: Duration::from_mins(1),
            write_timeout: Duration::from_secs(30),
            write_rate: 240,
            header_size: 32 << 10,
            max_headers: 100,
            uri_length: 8 << 10,
            max_body: 1 << 30,
            connections: 20_000,
            connections_per_address: 1024,
            requests_per_address: 256,
            requests_per_connection: 10_000,
            connection_age: Duration::from_hours(1),
            http2: Http2Limits::default(),
        }
    }
}

/// Limits of an HTTP/2 connection: maximum numbers of frames within ten seconds, and of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2Limits {
    /// Streams open at a time. Default 128.
    pub streams: u32,
    /// Streams that were reset, by the client or because of it, within ten seconds. Default 300.
    pub resets: u32,
    /// SETTINGS. Default 20.
    pub settings: u32,
    /// PING. Default 200.
    pub pings: u32,
    /// CONTINUATION frames of one head. Default 5.
    pub continuations: u32,
    /// `WINDOW_UPDATE`, beyond one for every 512 bytes that were sent. Default 1,000.
    pub window_updates: u32,
    /// Empty DATA frames. Default 100.
    pub empty_frames: u32,
    /// PRIORITY, `PRIORITY_UPDATE`, and unknown kinds. Default 500.
    pub priorities: u32,
}

impl Default for Http2Limits {
    fn default() -> Self {
        Self {
            streams: 128,
            resets: 300,
            settings: 20,
            pings: 200,
            continuations: 5,
            window_updates: 1000,
            empty_frames: 100,
            priorities: 500,
        }
    }
}
