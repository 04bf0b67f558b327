//! The chunked coding (RFC 9112 §7.1), read strictly but for blanks after the size of a chunk.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    Http1Error, Piece,
    lines::{EmptyLine, first_line},
};

/// Reads chunks as they come.
#[derive(Debug)]
pub(super) struct Chunked {
    part: Part,
    /// Number of bytes that extensions may still have. They are not looked at.
    extensions_left: usize,
}

#[derive(Debug)]
enum Part {
    Size,
    Data { left: u64 },
    DataEnd,
    Trailers(EmptyLine),
    Over,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self { part: Part::Size, extensions_left: MAX_EXTENSION_BYTES }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.part, Part::Over)
    }

    /// Number of data bytes that the current chunk still has.
    pub(super) fn left_of_chunk(&self) -> u64 {
        match self.part {
            Part::Data { left } => left,
            _ => 0,
        }
    }

    pub(super) fn next(&mut self, buf: &mut BytesMut) -> Result<Piece, Http1Error> {
        loop {
            match &mut self.part {
                Part::Size => {
                    let Some(line) = first_line(buf, MAX_SIZE_LINE)? else { return Ok(Piece::More) };
                    let (size, extensions) = size(line)?;
                    self.extensions_left =
                        self.extensions_left.checked_sub(extensions).ok_or(Http1Error::TooLarge)?;
                    let taken = line.len() + 2;
                    drop(buf.split_to(taken));
                    self.part = match size {
                        0 => Part::Trailers(EmptyLine::default()),
                        left => Part::Data { left },
                    };
                }
                Part::Data { left } => {
                    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(buf.len());
                    if here == 0 {
                        return Ok(Piece::More);
                    }
                    *left -= here as u64;
                    if *left == 0 {
                        self.part = Part::DataEnd;
                    }
                    return Ok(Piece::Data(buf.split_to(here).freeze()));
                }
                Part::DataEnd => {
                    if !b"\r\n".starts_with(buf.get(..2).unwrap_or(buf)) {
                        return Err(Http1Error::Chunk);
                    }
                    if buf.len() < 2 {
                        return Ok(Piece::More);
                    }
                    drop(buf.split_to(2));
                    self.part = Part::Size;
                }
                Part::Trailers(empty_line) => {
                    let Some(end) = empty_line.end(buf, MAX_TRAILER_BYTES)? else { return Ok(Piece::More) };
                    self.part = Part::Over;
                    let bytes = buf.split_to(end).freeze();
                    if bytes.len() > 2 {
                        return trailers(&bytes);
                    }
                }
                Part::Over => return Ok(Piece::End),
            }
        }
    }
}

/// The size of a chunk, and the number of bytes that follow it on its line. Blanks may follow the number (RFC 9112 §7.1.1),
/// also at the end of the line: small devices pad the number. None may stand before it. The client receives no blanks,
/// because the gateway writes its own framing.
fn size(line: &[u8]) -> Result<(u64, usize), Http1Error> {
    let digits = line.iter().position(|byte| *byte == b';').unwrap_or(line.len());
    let (padded, _) = line.split_at(digits);
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let digits = padded.iter().rposition(|byte| !blank(byte)).map_or(0, |last| last + 1);
    let (digits, extensions) = line.split_at(digits);
    if digits.is_empty() || digits.len() > MAX_SIZE_DIGITS {
        return Err(Http1Error::Chunk);
    }
    let mut size = 0;
    for digit in digits {
        let digit = char::from(*digit).to_digit(16).ok_or(Http1Error::Chunk)?;
        size = size << 4 | u64::from(digit);
    }
    let is_text = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
    if size > MAX_CHUNK_BYTES || !extensions.iter().all(is_text) {
        return Err(Http1Error::Chunk);
    }
    Ok((size, extensions.len()))
}

fn trailers(bytes: &Bytes) -> Result<Piece, Http1Error> {
    let mut storage = [httparse::EMPTY_HEADER; MAX_TRAILERS];
    match httparse::parse_headers(bytes, &mut storage) {
        Ok(httparse::Status::Complete((end, parsed))) if end == bytes.len() => {
            header_map(bytes, parsed).map(Piece::Trailers)
        }
        Ok(_) => Err(Http1Error::Chunk),
        Err(httparse::Error::TooManyHeaders) => Err(Http1Error::TooLarge),
        Err(error) => Err(Http1Error::Line(error)),
    }
}

/// Names in lower case; values are parts of `bytes`, not copies.
fn header_map(bytes: &Bytes, fields: &[httparse::Header<'_>]) -> Result<HeaderMap, Http1Error> {
    let mut headers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Http1Error::Header)?;
        let value =
            HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)).map_err(|_| Http1Error::Header)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// The digits of an unsigned number of 64 bits.
const MAX_SIZE_DIGITS: usize = 16;
/// Fits a signed number of 64 bits, which the client may count with.
const MAX_CHUNK_BYTES: u64 = u64::MAX >> 1;
const MAX_SIZE_LINE: usize = 1024;
const MAX_EXTENSION_BYTES: usize = 16 * 1024;
const MAX_TRAILER_BYTES: usize = 16 * 1024;
const MAX_TRAILERS: usize = 64;
