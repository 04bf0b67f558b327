//! Reading of a whole response from memory, for tests and fuzzing.

use bytes::BytesMut;
use http::{HeaderMap, Method, StatusCode};

use super::{super::header_table::HeaderClass, BodyReader, HeadEvent, HeadReader, Http1Error, Piece};

/// A response that was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ReadResponse {
    /// The status code.
    pub status: StatusCode,
    /// The headers of the final head, without hop-by-hop headers.
    pub headers: HeaderMap,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// The trailers.
    pub trailers: Option<HeaderMap>,
    /// Whether the connection may carry another request: the response has ended, the upstream keeps the connection open, and
    /// no byte came after the end.
    pub reusable: bool,
}

/// Reads the response to a request with this method from all the bytes of a connection, with the readers that read from
/// sockets.
pub fn read_response(asked: &Method, bytes: &[u8]) -> Result<ReadResponse, Http1Error> {
    read_response_in_pieces(asked, std::iter::once(bytes))
}

/// Like [`read_response`], with the bytes coming in pieces. After the last, the connection is closed.
pub fn read_response_in_pieces<'b>(
    asked: &Method,
    pieces: impl IntoIterator<Item = &'b [u8]>,
) -> Result<ReadResponse, Http1Error> {
    let mut pieces = pieces.into_iter();
    let mut buf = BytesMut::new();
    let mut more = |buf: &mut BytesMut| pieces.next().map(|piece| buf.extend_from_slice(piece)).is_some();

    let mut reader = HeadReader::new(HeaderClass::default());
    let head = loop {
        match reader.read(asked, &mut buf)? {
            HeadEvent::Final(head) => break head,
            HeadEvent::Continue | HeadEvent::Interim(_) => {}
            HeadEvent::More if more(&mut buf) => {}
            HeadEvent::More => return Err(Http1Error::Ended),
        }
    };

    let mut response = ReadResponse { status: head.status, headers: head.headers, ..ReadResponse::default() };
    let mut reader = BodyReader::new(head.framing);
    loop {
        match reader.next(&mut buf)? {
            Piece::Data(data) => response.body.extend_from_slice(&data),
            Piece::Trailers(trailers) => response.trailers = Some(trailers),
            Piece::End => break,
            Piece::More if more(&mut buf) => {}
            Piece::More => reader.closed()?,
        }
    }
    while more(&mut buf) {}
    response.reusable = head.keep_alive && buf.is_empty();
    Ok(response)
}
