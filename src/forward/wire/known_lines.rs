//! The lines of heads, which upstreams repeat.
//!
//! What an upstream says of itself, of the day and of a page's type, it says in one answer after the other, byte by
//! byte. A header line that came before is found again by its bytes, which takes less than a third of the instructions
//! that reading it takes; most often it is the one that followed the last time. What is not known yet, `httparse`
//! decides on, alone in a head of its own.
//!
//! One for each worker, whatever the upstream: a line means the same whoever sends it. There is room for so many;
//! whoever sends ever new ones has them read each time. Only names that have nothing to say of a person are
//! remembered, and neither cookies nor tokens.

use std::{fmt, hash::BuildHasher};

use bytes::{Buf, Bytes, BytesMut};
use foldhash::fast::RandomState;
use http::{HeaderName, HeaderValue};

use super::{super::marks::Marks, WireError};

/// A header line, read.
#[derive(Clone, Debug)]
pub(super) struct HeaderLine {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
    pub(super) marks: Marks,
}

/// The lines that have come more than once.
#[derive(Default)]
pub(super) struct KnownLines {
    hasher: RandomState,
    /// By their hash; each line has one place where it can be.
    places: Vec<Place>,
    /// The place of the line that was read last.
    before: u8,
    reading: Vec<u8>,
}

#[derive(Default)]
struct Place {
    /// Of the line that came last and was not known. Once it comes again, it is worth its memory.
    noticed: u64,
    known: Option<Box<Known>>,
    /// The place of the line that came after this one the last time.
    after: u8,
}

struct Known {
    bytes: Bytes,
    line: HeaderLine,
}

impl KnownLines {
    /// The line that `buf` begins with and how long it is, if it is the one that followed the last time. Where it ends
    /// has not to be looked for then.
    pub(super) fn expected(&mut self, buf: &[u8]) -> Option<(&HeaderLine, usize)> {
        let at = self.places.get(usize::from(self.before))?.after;
        let known = self.places.get(usize::from(at))?.known.as_ref()?;
        // Together with its end, which no other line can have within it.
        if !buf.starts_with(&known.bytes) {
            return None;
        }
        self.before = at;
        Some((&known.line, known.bytes.len()))
    }

    /// Takes a line of `length` bytes, its CR LF among them, out of `buf`.
    pub(super) fn read(&mut self, buf: &mut BytesMut, length: usize) -> Result<HeaderLine, WireError> {
        if self.places.is_empty() {
            self.places.resize_with(PLACES, Place::default);
        }
        let bytes = buf.get(..length).unwrap_or_default();
        let hash = self.hasher.hash_one(bytes);
        let [at, ..] = hash.to_le_bytes();
        if let Some(before) = self.places.get_mut(usize::from(self.before)) {
            before.after = at;
        }
        self.before = at;
        let place = self.places.get_mut(usize::from(at)).expect("there is one for each byte");
        if let Some(known) = &place.known
            && *known.bytes == *bytes
        {
            buf.advance(length);
            return Ok(known.line.clone());
        }
        let bytes = buf.split_to(length).freeze();
        let line = read(&bytes, &mut self.reading)?;
        if place.noticed != hash {
            place.noticed = hash;
        } else if length <= MAX_LENGTH && IMPERSONAL.binary_search(&line.name.as_str()).is_ok() {
            // Of its own memory, for what is read into is used again.
            let bytes = Bytes::copy_from_slice(&bytes);
            let line = read(&bytes, &mut self.reading)?;
            place.known = Some(Box::new(Known { bytes, line }));
        }
        Ok(line)
    }
}

impl fmt::Debug for KnownLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownLines").finish_non_exhaustive()
    }
}

/// The value is a part of `line`. `reading` is memory to be used again.
fn read(line: &Bytes, reading: &mut Vec<u8>) -> Result<HeaderLine, WireError> {
    reading.clear();
    reading.shrink_to(MAX_KEPT);
    reading.extend_from_slice(line);
    reading.extend_from_slice(b"\r\n");
    let mut storage = [httparse::EMPTY_HEADER];
    let parsed = match httparse::parse_headers(reading, &mut storage).map_err(WireError::Line)? {
        httparse::Status::Complete((end, [parsed])) if end == reading.len() => parsed,
        _ => return Err(WireError::Header),
    };
    // Neither control bytes nor other blanks can be there any more.
    let value = line.get(parsed.name.len() + 1..).unwrap_or_default().trim_ascii();
    debug_assert_eq!(value, parsed.value, "a value is what stands between colon and line end");
    let name = HeaderName::from_bytes(parsed.name.as_bytes()).map_err(|_| WireError::Header)?;
    let value = HeaderValue::from_maybe_shared(line.slice_ref(value)).map_err(|_| WireError::Header)?;
    let marks = Marks::of(&name);
    Ok(HeaderLine { name, value, marks })
}

/// What may be remembered, in order.
const IMPERSONAL: [&str; 37] = [
    "accept-ranges",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "age",
    "allow",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-security-policy",
    "content-type",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "date",
    "expires",
    "keep-alive",
    "last-modified",
    "origin-agent-cluster",
    "permissions-policy",
    "pragma",
    "referrer-policy",
    "server",
    "strict-transport-security",
    "transfer-encoding",
    "vary",
    "via",
    "x-content-type-options",
    "x-frame-options",
    "x-powered-by",
    "x-ua-compatible",
    "x-xss-protection",
];
/// One for each byte. An application has some twenty lines that come again.
const PLACES: usize = 256;
const MAX_LENGTH: usize = 256;
/// Of the memory for reading, which one long line makes grow.
const MAX_KEPT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a line is known after it has come so many times.
    fn is_known_after(times: usize, line: &'static str) -> bool {
        let mut known = KnownLines::default();
        for _ in 0..times {
            let read = known.read(&mut BytesMut::from(line), line.len()).unwrap();
            let (name, value) = line.split_once(':').unwrap();
            assert_eq!(
                (read.name.as_str(), read.value.as_bytes()),
                (&*name.to_lowercase(), value.trim().as_bytes())
            );
        }
        known.places.iter().any(|place| place.known.is_some())
    }

    #[test]
    fn a_line_that_comes_again_is_remembered_and_nobody_s_cookie_is() {
        assert!(IMPERSONAL.is_sorted());
        assert!(!is_known_after(1, "Content-Type: text/html\r\n"));
        assert!(is_known_after(2, "Content-Type: text/html\r\n"));
        assert!(is_known_after(9, "VARY:\ta b \r\n"));
        for line in [
            "Set-Cookie: id=secret\r\n",
            "set-cookie:a=b\r\n",
            "Portcullis-Session-Set: a=b\r\n",
            "X-CSRF-Token: x\r\n",
        ] {
            assert!(!is_known_after(9, line), "{line}");
        }
        assert!(!is_known_after(9, Box::leak(format!("Vary: {}\r\n", "y".repeat(300)).into_boxed_str())));
    }

    #[test]
    fn what_is_read_is_taken_and_no_byte_more() {
        let mut known = KnownLines::default();
        for _ in 0..3 {
            let mut buf = BytesMut::from("Age: 5\r\nVary: b\r\nC: d\r\n");
            assert_eq!(known.read(&mut buf, 8).unwrap().value, "5");
            assert_eq!(buf, "Vary: b\r\nC: d\r\n");
            assert_eq!(known.read(&mut buf, 9).unwrap().value, "b");
            assert_eq!(buf, "C: d\r\n");
        }
        // One came after the other, and only whole.
        assert!(known.expected(b"Vary: b\r\n").is_none(), "it came last");
        assert_eq!(known.read(&mut BytesMut::from("Age: 5\r\n"), 8).unwrap().name, "age");
        for other in ["", "V", "Vary: b", "Vary: b\r", "vary: b\r\n", "Vary: bb\r\n", "Vary: c\r\n"] {
            assert!(known.expected(other.as_bytes()).is_none(), "{other:?}");
        }
        let (line, length) = known.expected(b"Vary: b\r\nC: d\r\n").unwrap();
        assert_eq!((line.value.as_bytes(), length), (&b"b"[..], 9));
        for line in
            ["no colon\r\n", "X : y\r\n", " X: y\r\n", "A: b\r\nC: d\r\n", ": y\r\n", "\r\n", "A: \0\r\n"]
        {
            for _ in 0..3 {
                assert!(known.read(&mut BytesMut::from(line), line.len()).is_err(), "{line:?}");
            }
        }
    }
}
