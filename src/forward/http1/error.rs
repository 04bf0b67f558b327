//! Errors of an upstream connection.
//!
//! After each of them the connection is closed. The texts go to the log.

use std::io;

/// Reason for which a connection to an upstream is closed.
#[derive(Debug, thiserror::Error)]
pub enum Http1Error {
    /// The connection broke.
    #[error("the connection broke")]
    Io(#[source] io::Error),
    /// The connection was closed within the response.
    #[error("the connection was closed before the end of the response")]
    Ended,
    /// The connection was closed or reset before the first byte of the response.
    #[error("the connection was closed before the response")]
    Silent,
    /// The bytes are no response of HTTP/1.0 or HTTP/1.1.
    #[error("the upstream does not speak HTTP/1.1")]
    NotHttp,
    /// A line feed without a carriage return (RFC 9112 §2.2).
    #[error("a line does not end in CR LF")]
    BareLineEnd,
    /// A line of the head, or of the trailers, is malformed.
    #[error("a line of the head is malformed: {0}")]
    Line(httparse::Error),
    /// The name or value of a header field has forbidden bytes.
    #[error("a header field has forbidden bytes")]
    Header,
    /// The head, or the trailers, have too many bytes or lines.
    #[error("the head is too large")]
    TooLarge,
    /// Too many interim responses.
    #[error("too many interim responses")]
    TooManyInterim,
    /// The response declares two lengths (RFC 9112 §6.3).
    #[error("the response declares two lengths")]
    TwoLengths,
    /// The declared length is no number.
    #[error("the declared length is no number")]
    Length,
    /// A transfer coding other than `chunked`, or any in HTTP/1.0 (RFC 9112 §6.1).
    #[error("unknown transfer coding")]
    Coding,
    /// A chunk's size or its end is malformed (RFC 9112 §7.1).
    #[error("a chunk is malformed")]
    Chunk,
}

impl Http1Error {
    /// Whether the connection was closed before the first byte of a response, as an idle connection may be.
    pub(in crate::forward) fn broke_off(&self) -> bool {
        matches!(self, Self::Silent)
    }
}

/// Whether the upstream is disconnected.
pub(in crate::forward) fn is_disconnected(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}
