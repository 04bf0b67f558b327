//! The head of a request, as bytes.

use std::io::Write;

use http::{
    HeaderName, HeaderValue, Method,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    uri::PathAndQuery,
};

/// How the end of a request's body is told to the upstream (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::forward) enum Announced {
    /// There is none. Nothing is said of it, unless the client did or the method expects content: then it is nought.
    Nothing,
    /// This many bytes.
    Length(u64),
    /// In chunks.
    Chunked,
}

/// A head that is being written, line by line.
#[derive(Debug)]
pub(in crate::forward) struct RequestHead {
    lines: Vec<u8>,
    /// Whether the length is said of a request without a body, too.
    says_zero: bool,
}

impl RequestHead {
    /// Begins with the request line.
    pub(in crate::forward) fn begin(method: &Method, target: &PathAndQuery) -> Self {
        let target = target.as_str();
        let mut head = Vec::with_capacity(target.len() + USUAL_BYTES);
        head.extend_from_slice(method.as_str().as_bytes());
        head.push(b' ');
        // `http://host?query` has no path of its own (RFC 9112 §3.2.1).
        if !target.starts_with(['/', '*']) {
            head.push(b'/');
        }
        head.extend_from_slice(target.as_bytes());
        head.extend_from_slice(b" HTTP/1.1\r\n");
        // RFC 9110 §8.6: many applications answer 411, or wait, where such a method has no length.
        let says_zero = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
        Self { lines: head, says_zero }
    }

    /// Adds a header; what it says of the body's length is left out, because [`RequestHead::end`] says it.
    pub(in crate::forward) fn field(&mut self, name: &HeaderName, value: &[u8]) {
        debug_assert!(HeaderValue::from_bytes(value).is_ok(), "{name} would break its line");
        if *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING {
            self.says_zero |= *name == CONTENT_LENGTH;
            return;
        }
        let (head, name) = (&mut self.lines, name.as_str().as_bytes());
        head.reserve(name.len() + value.len() + 4);
        head.extend_from_slice(name);
        head.extend_from_slice(b": ");
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    }

    /// The whole head of a request with this body.
    pub(in crate::forward) fn end(self, body: Announced) -> Vec<u8> {
        let Self { lines: mut head, says_zero } = self;
        match body {
            Announced::Nothing if says_zero => head.extend_from_slice(b"content-length: 0\r\n"),
            Announced::Nothing => {}
            Announced::Length(length) => {
                write!(head, "content-length: {length}\r\n").expect("a vector takes all that is written");
            }
            Announced::Chunked => head.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        }
        head.extend_from_slice(b"\r\n");
        head
    }
}

/// Most heads have fewer bytes, beside their target.
const USUAL_BYTES: usize = 1024;
