//! Responses of upstreams: an accepted response is read as a strict parser of RFC 9112 reads it, in any pieces.
//!
//! The first byte of the input chooses the method and the size of the pieces into which the rest is cut. The reference
//! is a parser of its own, without `httparse`, that refuses a response with two possible ends. The gateway must refuse
//! every response that the reference refuses; it may refuse others.
#![no_main]

use http::{HeaderMap, HeaderName, Method};
use libfuzzer_sys::fuzz_target;
use portcullis::forward::{ReadResponse, read_response, read_response_in_pieces};

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let asked = if choice & 1 == 0 { Method::GET } else { Method::HEAD };
    let size = usize::from(choice >> 1).max(1);
    let whole = read_response(&asked, bytes).ok();
    let pieced = read_response_in_pieces(&asked, bytes.chunks(size)).ok();
    assert_eq!(whole, pieced, "pieces make no difference: {}", bytes.escape_ascii());
    let Some(response) = whole else { return };

    let read = Strictly::read(&asked, bytes);
    let read = read.unwrap_or_else(|why| panic!("{why}: {}", bytes.escape_ascii()));
    assert_eq!(response.status.as_u16(), read.status);
    assert_eq!(response.body, read.body);
    // Hop-by-hop headers are not passed on; their effect is in `body` and `reusable`.
    let passed_on = |(name, _): &&(String, Vec<u8>)| response.status == 101 || !ONE_HOP.contains(&&**name);
    assert_same_fields(
        &response.headers,
        &read.headers.iter().filter(passed_on).cloned().collect::<Vec<_>>(),
    );
    assert_same_fields(&response.trailers.clone().unwrap_or_default(), &read.trailers);
    assert!(read.is_reusable || !response.reusable, "reused: {}", bytes.escape_ascii());
    if response.reusable {
        ends_where_it_ends(&asked, bytes, &response, size);
    }
});

/// Checks the end of a response whose connection is reused: the response is incomplete without its last bytes, and bytes
/// after its end are no part of it and end the reuse.
fn ends_where_it_ends(asked: &Method, bytes: &[u8], response: &ReadResponse, cut: usize) {
    let short = bytes.len() - cut.min(bytes.len());
    assert!(read_response(asked, &bytes[..short]).is_err(), "whole too early: {}", bytes.escape_ascii());
    let more = [bytes, b"HTTP/1.1 200 OK\r\n\r\n"].concat();
    let again = read_response(asked, &more).expect("what follows makes nothing wrong");
    assert!(!again.reusable, "reused after unexpected bytes: {}", bytes.escape_ascii());
    assert_eq!(ReadResponse { reusable: true, ..again }, *response);
}

/// Checks that the header fields are the same, in the order of each name.
fn assert_same_fields(ours: &HeaderMap, theirs: &[(String, Vec<u8>)]) {
    assert_eq!(ours.len(), theirs.len());
    for name in ours.keys() {
        let values: Vec<&[u8]> = ours.get_all(name).iter().map(|value| value.as_bytes()).collect();
        let same = |other: &str| HeaderName::from_bytes(other.as_bytes()).is_ok_and(|other| other == name);
        let read: Vec<&[u8]> =
            theirs.iter().filter(|(other, _)| same(other)).map(|(_, value)| &value[..]).collect();
        assert_eq!(values, read, "{name}");
    }
}

const ONE_HOP: [&str; 10] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
    "via",
];

#[derive(Default)]
struct Strictly {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    trailers: Vec<(String, Vec<u8>)>,
    is_reusable: bool,
}

impl Strictly {
    fn read(asked: &Method, mut bytes: &[u8]) -> Result<Self, &'static str> {
        let (minor, mut response) = loop {
            let (first, rest) = line(bytes)?;
            let (minor, status) = status(first)?;
            let (headers, rest) = lines(rest)?;
            bytes = rest;
            if !(100..200).contains(&status) || status == 101 {
                break (minor, Self { status, headers, ..Self::default() });
            }
        };
        let of = |name: &str| {
            let lines = response.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
            lines.map(|(_, value)| &value[..]).collect::<Vec<_>>()
        };
        let length = match of("content-length")[..] {
            [] => None,
            [value] => Some(number(value, 10).ok_or("a length that is no number")?),
            _ => return Err("two lengths"),
        };
        let chunked = match of("transfer-encoding")[..] {
            [] => false,
            [coding] if minor == b'1' && coding.eq_ignore_ascii_case(b"chunked") => true,
            _ => return Err("a coding that is not chunked alone"),
        };
        let says = |wanted: &[u8]| {
            let connection = of("connection").join(&b',');
            connection.split(|byte| *byte == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(wanted))
        };
        let kept = !says(b"close") && (minor == b'1' || says(b"keep-alive"));
        let bodiless = *asked == Method::HEAD || matches!(response.status, 100..=199 | 204 | 304);
        match (length, chunked) {
            (Some(_), true) => return Err("a length and chunked"),
            _ if bodiless => {}
            (Some(length), false) => {
                let body = bytes.get(..length).ok_or("less than its length")?;
                (response.body, bytes) = (body.to_vec(), &bytes[length..]);
            }
            (None, true) => (response.body, response.trailers, bytes) = chunks(bytes)?,
            (None, false) => {
                response.body = bytes.to_vec();
                return Ok(response);
            }
        }
        response.is_reusable = kept && bytes.is_empty();
        Ok(response)
    }
}

type Lines = Vec<(String, Vec<u8>)>;

/// RFC 9112 §7.1.
fn chunks(mut bytes: &[u8]) -> Result<(Vec<u8>, Lines, &[u8]), &'static str> {
    let mut body = Vec::new();
    loop {
        let (first, rest) = line(bytes)?;
        let size = first.split(|byte| *byte == b';').next().unwrap_or_default();
        let padding = size.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |last| last + 1);
        let size = number(&size[..padding], 16).ok_or("a chunk size that is none")?;
        if size == 0 {
            let (trailers, rest) = lines(rest)?;
            return Ok((body, trailers, rest));
        }
        let end = size.checked_add(2).ok_or("a chunk size out of this world")?;
        let (data, end) = rest.get(..end).ok_or("less than a chunk")?.split_at(size);
        if end != b"\r\n" {
            return Err("a chunk that is longer than it says");
        }
        body.extend_from_slice(data);
        bytes = &rest[size + 2..];
    }
}

/// RFC 9112 §4.
fn status(line: &[u8]) -> Result<(u8, u16), &'static str> {
    let Some(rest) = line.strip_prefix(b"HTTP/1.") else { return Err("no HTTP/1") };
    match rest {
        [minor @ (b'0' | b'1'), b' ', a, b, c] | [minor @ (b'0' | b'1'), b' ', a, b, c, b' ', ..] => {
            let status = number(&[*a, *b, *c], 10).ok_or("a status that is no number")?;
            Ok((*minor, u16::try_from(status).expect("three digits")))
        }
        _ => Err("no status line"),
    }
}

/// Header lines up to the empty one; RFC 9112 §5.
fn lines(mut bytes: &[u8]) -> Result<(Lines, &[u8]), &'static str> {
    let mut lines = Vec::new();
    loop {
        let (line, rest) = line(bytes)?;
        bytes = rest;
        if line.is_empty() {
            return Ok((lines, bytes));
        }
        let colon = line.iter().position(|byte| *byte == b':').ok_or("a line without a colon")?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            return Err("a name with a blank, or none");
        }
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
        let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
        lines.push((String::from_utf8_lossy(name).to_ascii_lowercase(), value[start..end].to_vec()));
    }
}

/// A line that ends in CR LF and has neither anywhere else; RFC 9112 §2.2.
fn line(bytes: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    let at = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).ok_or("a line without an end")?;
    match &bytes[at..] {
        [b'\r', b'\n', rest @ ..] => Ok((&bytes[..at], rest)),
        _ => Err("a CR or LF by itself"),
    }
}

/// Digits of this base, and nothing else.
fn number(text: &[u8], base: u32) -> Option<usize> {
    let digits = !text.is_empty() && text.iter().all(|byte| char::from(*byte).is_digit(base));
    usize::from_str_radix(std::str::from_utf8(text).ok()?, base).ok().filter(|_| digits)
}
