//! The head of a request, as bytes.

use std::io::Write;

use http::{
    HeaderMap, Method,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    uri::PathAndQuery,
};

/// How the end of a request's body is told to the upstream (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::forward) enum Announced {
    /// There is none, and nothing is said of it.
    Nothing,
    /// This many bytes.
    Length(u64),
    /// In chunks.
    Chunked,
}

/// Writes the head. Whatever `headers` say of the body's length is left out: it is `body` that is sent.
pub(in crate::forward) fn write_head(
    head: &mut Vec<u8>,
    method: &Method,
    target: &PathAndQuery,
    headers: &HeaderMap,
    body: Announced,
) {
    let target = target.as_str();
    head.extend_from_slice(method.as_str().as_bytes());
    head.push(b' ');
    // `http://host?query` has no path of its own (RFC 9112 §3.2.1).
    if !target.starts_with(['/', '*']) {
        head.push(b'/');
    }
    head.extend_from_slice(target.as_bytes());
    head.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in headers {
        if *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING {
            continue;
        }
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    match body {
        Announced::Nothing => {}
        Announced::Length(length) => {
            write!(head, "content-length: {length}\r\n").expect("a vector takes all that is written");
        }
        Announced::Chunked => head.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    head.extend_from_slice(b"\r\n");
}
