//! The head of a request, as bytes.

use std::io::Write;

use http::{
    HeaderName, HeaderValue, Method,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    uri::PathAndQuery,
};

/// The length of a request body, as the head declares it (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::forward) enum Announced {
    /// There is no body. `Content-Length: 0` is written if the client wrote one or the method expects content.
    Nothing,
    /// This many bytes.
    Length(u64),
    /// In chunks.
    Chunked,
}

/// A head that is being written, field by field.
#[derive(Debug)]
pub(in crate::forward) struct RequestHead {
    bytes: Vec<u8>,
    /// Whether a request without a body gets `Content-Length: 0`.
    writes_zero: bool,
}

impl RequestHead {
    /// Begins with the request line.
    pub(in crate::forward) fn begin(method: &Method, target: &PathAndQuery) -> Self {
        let target = target.as_str();
        let mut head = Vec::with_capacity(target.len() + USUAL_BYTES);
        head.extend_from_slice(method.as_str().as_bytes());
        head.push(b' ');
        // `http://host?query` has an empty path (RFC 9112 §3.2.1).
        if !target.starts_with(['/', '*']) {
            head.push(b'/');
        }
        head.extend_from_slice(target.as_bytes());
        head.extend_from_slice(b" HTTP/1.1\r\n");
        // RFC 9110 §8.6: many applications respond 411, or wait, if such a request has no length.
        let writes_zero = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
        Self { bytes: head, writes_zero }
    }

    /// Adds a header field. Those that declare the length are left out, because [`RequestHead::end`] writes them.
    pub(in crate::forward) fn field(&mut self, name: &HeaderName, value: &[u8]) {
        debug_assert!(HeaderValue::from_bytes(value).is_ok(), "{name} would break its line");
        if *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING {
            self.writes_zero |= *name == CONTENT_LENGTH;
            return;
        }
        let (head, name) = (&mut self.bytes, name.as_str().as_bytes());
        head.reserve(name.len() + value.len() + 4);
        head.extend_from_slice(name);
        head.extend_from_slice(b": ");
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    }

    /// The whole head of a request with this body.
    pub(in crate::forward) fn end(self, body: Announced) -> Vec<u8> {
        let Self { bytes: mut head, writes_zero } = self;
        match body {
            Announced::Nothing if writes_zero => head.extend_from_slice(b"content-length: 0\r\n"),
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

/// Most heads have fewer bytes, without their target.
const USUAL_BYTES: usize = 1024;
