//! The limits that a client can reach.

/// A limit. Each has a counter, under the name of its key in `[limits]` or `[[app]]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the key that it is named for")]
pub enum Limit {
    HandshakeTimeout,
    HeaderTimeout,
    BodyTimeout,
    BodyRate,
    IdleTimeout,
    WriteTimeout,
    WriteRate,
    HeaderSize,
    MaxHeaders,
    UriLength,
    MaxBody,
    Connections,
    ConnectionsPerAddress,
    RequestsPerAddress,
    MaxRequests,
    RequestsPerConnection,
    ConnectionAge,
    Http2Streams,
    Http2Resets,
    Http2Settings,
    Http2Pings,
    Http2Continuations,
    Http2WindowUpdates,
    Http2EmptyFrames,
    Http2Priorities,
}

impl Limit {
    /// All limits.
    pub const ALL: [Self; 25] = [
        Self::HandshakeTimeout,
        Self::HeaderTimeout,
        Self::BodyTimeout,
        Self::BodyRate,
        Self::IdleTimeout,
        Self::WriteTimeout,
        Self::WriteRate,
        Self::HeaderSize,
        Self::MaxHeaders,
        Self::UriLength,
        Self::MaxBody,
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::RequestsPerAddress,
        Self::MaxRequests,
        Self::RequestsPerConnection,
        Self::ConnectionAge,
        Self::Http2Streams,
        Self::Http2Resets,
        Self::Http2Settings,
        Self::Http2Pings,
        Self::Http2Continuations,
        Self::Http2WindowUpdates,
        Self::Http2EmptyFrames,
        Self::Http2Priorities,
    ];

    /// The key in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HandshakeTimeout => "handshake_timeout",
            Self::HeaderTimeout => "header_timeout",
            Self::BodyTimeout => "body_timeout",
            Self::BodyRate => "body_rate",
            Self::IdleTimeout => "idle_timeout",
            Self::WriteTimeout => "write_timeout",
            Self::WriteRate => "write_rate",
            Self::HeaderSize => "header_size",
            Self::MaxHeaders => "max_headers",
            Self::UriLength => "uri_length",
            Self::MaxBody => "max_body",
            Self::Connections => "connections",
            Self::ConnectionsPerAddress => "connections_per_address",
            Self::RequestsPerAddress => "requests_per_address",
            Self::MaxRequests => "max_requests",
            Self::RequestsPerConnection => "requests_per_connection",
            Self::ConnectionAge => "connection_age",
            Self::Http2Streams => "http2_streams",
            Self::Http2Resets => "http2_resets",
            Self::Http2Settings => "http2_settings",
            Self::Http2Pings => "http2_pings",
            Self::Http2Continuations => "http2_continuations",
            Self::Http2WindowUpdates => "http2_window_updates",
            Self::Http2EmptyFrames => "http2_empty_frames",
            Self::Http2Priorities => "http2_priorities",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_its_own_index() {
        for (place, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, place, "{limit:?}");
        }
    }
}
