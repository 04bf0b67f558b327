//! A piece of the body of a response.

use bytes::Bytes;
use http::HeaderMap;

/// The next piece of a body.
#[derive(Debug)]
pub(in crate::forward) enum Piece {
    /// More bytes are needed.
    More,
    /// Data, never empty.
    Data(Bytes),
    /// The trailers; the end comes next.
    Trailers(HeaderMap),
    /// The end. Bytes that are left in the buffer do not belong to this response.
    End,
}
