//! The body of a response, read piece by piece.

use bytes::BytesMut;

use super::{Framing, Http1Error, Piece, chunked::Chunked};

/// Reads one body, to its end and no byte further.
#[derive(Debug)]
pub(in crate::forward) struct BodyReader(Kind);

#[derive(Debug)]
enum Kind {
    Length { left: u64 },
    Chunked(Chunked),
    UntilClose,
    Over,
}

impl BodyReader {
    pub(in crate::forward) fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::None | Framing::Length(0) => Kind::Over,
            Framing::Length(left) => Kind::Length { left },
            Framing::Chunked => Kind::Chunked(Chunked::new()),
            Framing::UntilClose => Kind::UntilClose,
        })
    }

    /// Takes the next piece out of `buf`.
    pub(in crate::forward) fn next(&mut self, buf: &mut BytesMut) -> Result<Piece, Http1Error> {
        match &mut self.0 {
            Kind::Over => Ok(Piece::End),
            Kind::Chunked(chunked) => chunked.next(buf),
            Kind::UntilClose if buf.is_empty() => Ok(Piece::More),
            Kind::UntilClose => Ok(Piece::Data(buf.split().freeze())),
            Kind::Length { left } => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(buf.len());
                if here == 0 {
                    return Ok(Piece::More);
                }
                *left -= here as u64;
                if *left == 0 {
                    self.0 = Kind::Over;
                }
                Ok(Piece::Data(buf.split_to(here).freeze()))
            }
        }
    }

    /// The connection was closed: that is the end of the body, or an error.
    pub(in crate::forward) fn closed(&mut self) -> Result<(), Http1Error> {
        match self.0 {
            Kind::UntilClose | Kind::Over => {
                self.0 = Kind::Over;
                Ok(())
            }
            Kind::Length { .. } | Kind::Chunked(_) => Err(Http1Error::Ended),
        }
    }

    /// Whether the end was read.
    pub(in crate::forward) fn is_over(&self) -> bool {
        match &self.0 {
            Kind::Over => true,
            Kind::Chunked(chunked) => chunked.is_over(),
            Kind::Length { .. } | Kind::UntilClose => false,
        }
    }

    /// Number of bytes that are still to come, if it is known.
    pub(in crate::forward) fn left(&self) -> Option<u64> {
        match &self.0 {
            Kind::Over => Some(0),
            Kind::Length { left } => Some(*left),
            Kind::Chunked(_) | Kind::UntilClose => None,
        }
    }

    /// Number of bytes that are expected next.
    pub(in crate::forward) fn room(&self) -> usize {
        let expected = match &self.0 {
            Kind::Over => 0,
            Kind::Length { left } => *left,
            Kind::Chunked(chunked) => chunked.left_of_chunk(),
            Kind::UntilClose => u64::MAX,
        };
        usize::try_from(expected).unwrap_or(usize::MAX)
    }
}
