//! What an upstream can say, or do, that ends its connection.

use std::io;

/// Why nothing more is believed of a connection to an upstream.
#[derive(Debug, thiserror::Error)]
pub enum Http1Error {
    /// The connection broke.
    #[error("the connection broke")]
    Io(#[source] io::Error),
    /// It was closed where more had to come.
    #[error("the connection was closed before the end of the answer")]
    Ended,
    /// It was closed, or reset, before a byte of the answer.
    #[error("the connection was closed before the answer")]
    Silent,
    /// What came does not begin as an answer of HTTP/1.0 or HTTP/1.1 does.
    #[error("what came is no answer of HTTP/1.1")]
    NotHttp,
    /// A line feed, or a carriage return, that stands alone (RFC 9112 §2.2).
    #[error("a line does not end in CR LF")]
    BareLineEnd,
    /// A line of the head, or of the trailers, is malformed.
    #[error("a line of the head is malformed: {0}")]
    Line(httparse::Error),
    /// A header's name or value has bytes that may not stand there.
    #[error("a header has bytes that may not stand there")]
    Header,
    /// The head, or the trailers, have too many bytes or lines.
    #[error("the head is too large")]
    TooLarge,
    /// Interim answers without end.
    #[error("too many interim answers")]
    TooManyInterim,
    /// It says in two ways how long it is (RFC 9112 §6.3).
    #[error("the answer has two lengths")]
    TwoLengths,
    /// Its length is no number.
    #[error("the answer's length is no number")]
    Length,
    /// A transfer coding other than `chunked`, or one of HTTP/1.0 (RFC 9112 §6.1).
    #[error("the answer has a transfer coding that is not known")]
    Coding,
    /// A chunk's size or its end is malformed (RFC 9112 §7.1).
    #[error("a chunk is malformed")]
    Chunk,
}

impl Http1Error {
    /// Whether the connection was gone, as a kept one can turn out to be, before any byte of an answer.
    pub(in crate::forward) fn broke_off(&self) -> bool {
        matches!(self, Self::Silent)
    }
}

/// Whether the other end is gone.
pub(in crate::forward) fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}
