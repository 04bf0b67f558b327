//! HTTP/1.1 towards an upstream.
//!
//! `round_trip`, `sending`, `upload` and `download` use it, within the task that serves the client: hyper's client would put a
//! task, a channel and two wake-ups between a request and its socket. `httparse` parses heads. Where a message begins and
//! ends is decided here ([`Framing`], [`BodyReader`]) and strictly: a response that could be read in two ways is an
//! [`Http1Error`], after which its connection is closed.
//!
//! The readers know no sockets: [`HeadReader`] and [`BodyReader`] take bytes as they come, and `read_response` runs the
//! two over bytes in memory, for tests and fuzz targets alone. [`Conn`] is a stream with the bytes that were read from it and not used
//! yet; [`WriteBuffer`] has the bytes that are still to be sent. Header rules are left to `headers`.

mod body_reader;
mod buffer;
mod chunked;
mod conn;
mod error;
mod framing;
mod head_reader;
mod lines;
mod options;
mod piece;
mod request_head;
mod stream;
#[cfg(test)]
mod tests;
#[cfg(any(test, fuzzing))]
mod whole_response;
mod write_buffer;

pub use error::Http1Error;
#[cfg(any(test, fuzzing))]
pub use whole_response::{ReadResponse, read_response, read_response_in_pieces};

pub(super) use body_reader::BodyReader;
pub(super) use buffer::SharedBuffer;
pub(super) use conn::Conn;
pub(super) use error::is_disconnected;
pub(super) use framing::Framing;
pub(super) use head_reader::{HeadEvent, HeadReader, ResponseHead};
pub(super) use options::Options;
pub(super) use piece::Piece;
pub(super) use request_head::{Announced, RequestHead};
pub(super) use stream::Stream;
pub(super) use write_buffer::WriteBuffer;
