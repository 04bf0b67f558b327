//! The HTTP/1 guard: requests that it lets pass are accepted by a strict parser of RFC 9112, message by message.
//!
//! The first byte is the size of the pieces into which the rest is cut. The reference reads heads with `httparse`, as
//! hyper does; where that refuses a head, hyper responds with 400 and reads no further.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::fuzzing;

fuzz_target!(|input: &[u8]| {
    let Some((size, bytes)) = input.split_first() else { return };
    let found = fuzzing::misplaced_byte([bytes]);
    let pieces = bytes.chunks(usize::from(*size).max(1));
    assert_eq!(fuzzing::misplaced_byte(pieces), found, "pieces make no difference");
    match strictly(bytes) {
        Verdict::Fine | Verdict::Refused => {}
        Verdict::Ambiguous(why) => assert!(found.is_some(), "{why}: {}", bytes.escape_ascii()),
    }
    // The bytes before a misplaced one are accepted.
    if let Some(at) = found {
        assert_eq!(fuzzing::misplaced_byte([&bytes[..at]]), None);
        assert_eq!(fuzzing::misplaced_byte([&bytes[..=at]]), Some(at));
    }
});

enum Verdict {
    Fine,
    /// hyper refuses it.
    Refused,
    Ambiguous(&'static str),
}

fn strictly(mut bytes: &[u8]) -> Verdict {
    while !bytes.is_empty() {
        while let Some(rest) = bytes.strip_prefix(b"\r\n") {
            bytes = rest;
        }
        let mut headers = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut headers);
        let head = match request.parse(bytes) {
            Ok(httparse::Status::Complete(head)) => head,
            Ok(httparse::Status::Partial) => return Verdict::Fine,
            Err(_) => return Verdict::Refused,
        };
        if let Some(why) = line_ends(&bytes[..head]) {
            return Verdict::Ambiguous(why);
        }
        if request.path.is_some_and(|path| path.contains('#')) {
            return Verdict::Ambiguous("a fragment");
        }
        let mut length = None;
        let mut chunked = false;
        for header in request.headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                let text = std::str::from_utf8(header.value).unwrap_or_default();
                let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                match text.parse::<u64>() {
                    Ok(number) if digits && length.is_none() => length = Some(number),
                    _ => return Verdict::Ambiguous("a length that is none, or two"),
                }
            }
            if header.name.eq_ignore_ascii_case("transfer-encoding") {
                if chunked || !header.value.eq_ignore_ascii_case(b"chunked") {
                    return Verdict::Ambiguous("a coding that is not chunked alone");
                }
                chunked = true;
            }
        }
        bytes = &bytes[head..];
        match (length, chunked) {
            (Some(_), true) => return Verdict::Ambiguous("a length and chunked"),
            (Some(length), false) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                bytes = bytes.get(length..).unwrap_or_default();
            }
            (None, false) => {}
            (None, true) => match body(bytes) {
                Ok(Some(rest)) => bytes = rest,
                Ok(None) => return Verdict::Fine,
                Err(why) => return Verdict::Ambiguous(why),
            },
        }
    }
    Verdict::Fine
}

/// RFC 9112 §2.2, §5.2: lines end in CR LF, both stand nowhere else, and none begins with a blank.
fn line_ends(head: &[u8]) -> Option<&'static str> {
    let mut before = b'\n';
    for byte in head {
        match (before, *byte) {
            (b'\r', b'\n') => {}
            (b'\r', _) => return Some("a bare CR"),
            (_, b'\n') => return Some("a bare LF"),
            (b'\n', b' ' | b'\t') => return Some("a folded line"),
            _ => {}
        }
        before = *byte;
    }
    None
}

/// The bytes after a chunked body; `None` if the body has not ended. RFC 9112 §7.1.
fn body(mut bytes: &[u8]) -> Result<Option<&[u8]>, &'static str> {
    loop {
        let Some((line, rest)) = line(bytes)? else { return Ok(None) };
        let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
        if size.is_empty() || !size.iter().all(u8::is_ascii_hexdigit) {
            return Err("a chunk size that is none");
        }
        let size = std::str::from_utf8(size).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or("a chunk size out of this world")?;
        bytes = rest;
        if size == 0 {
            break;
        }
        let Some(after) = size.checked_add(2).and_then(|size| bytes.get(size..)) else { return Ok(None) };
        if bytes.get(size..size + 2) != Some(b"\r\n") {
            return Err("a chunk that is longer than it says");
        }
        bytes = after;
    }
    loop {
        let Some((line, rest)) = line(bytes)? else { return Ok(None) };
        bytes = rest;
        match line.first() {
            None => return Ok(Some(bytes)),
            Some(b' ' | b'\t') => return Err("a folded trailer"),
            Some(_) => {}
        }
    }
}

fn line(bytes: &[u8]) -> Result<Option<(&[u8], &[u8])>, &'static str> {
    let Some(at) = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else { return Ok(None) };
    match &bytes[at..] {
        [b'\r', b'\n', rest @ ..] => Ok(Some((&bytes[..at], rest))),
        [b'\r'] => Ok(None),
        _ => Err("a CR or LF by itself"),
    }
}
