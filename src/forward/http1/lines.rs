//! Lines that end in CR LF, in heads, chunks and trailers.

use memchr::{memchr, memchr_iter};

use super::Http1Error;

/// Searches for the empty line that ends a head or trailers. It remembers how far it has searched, so that no byte is looked
/// at twice when an upstream sends byte by byte.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EmptyLine {
    looked_at: usize,
    line_start: usize,
}

impl EmptyLine {
    /// The number of bytes up to the end of the empty line; `None`: it has not come yet. `bytes` must begin where it began
    /// the last time.
    ///
    /// A bare line feed is an error: RFC 9112 §2.2 lets a recipient take it for the end of a line, and a recipient that does
    /// not reads another head.
    pub(super) fn end(&mut self, bytes: &[u8], most: usize) -> Result<Option<usize>, Http1Error> {
        let before = self.looked_at;
        for found in memchr_iter(b'\n', bytes.get(before..).unwrap_or_default()) {
            let at = before + found;
            let line = bytes.get(self.line_start..at).unwrap_or_default();
            if line.last() != Some(&b'\r') {
                return Err(Http1Error::BareLineEnd);
            }
            if at >= most {
                return Err(Http1Error::TooLarge);
            }
            if line.len() == 1 {
                *self = Self::default();
                return Ok(Some(at + 1));
            }
            self.line_start = at + 1;
        }
        self.looked_at = bytes.len();
        if bytes.len() > most { Err(Http1Error::TooLarge) } else { Ok(None) }
    }
}

/// The first line without its CR LF; `None`: it has not ended yet.
pub(super) fn first_line(bytes: &[u8], most: usize) -> Result<Option<&[u8]>, Http1Error> {
    match memchr(b'\n', bytes.get(..most).unwrap_or(bytes)) {
        Some(end) => match bytes.get(..end).and_then(|line| line.split_last()) {
            Some((b'\r', line)) => Ok(Some(line)),
            _ => Err(Http1Error::BareLineEnd),
        },
        None if bytes.len() >= most => Err(Http1Error::TooLarge),
        None => Ok(None),
    }
}
