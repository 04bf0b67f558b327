//! HTTP/1.1 towards an upstream, spoken within the task of the request that it is for.
//!
//! hyper's client puts a task, a channel and two wake-ups between a request and its socket; here the one
//! who waits for the answer reads it. The parser of header lines is `httparse`; where a message begins
//! and ends is decided here ([`Framing`], [`BodyReader`]) and strictly: what could be read in two ways
//! is a [`Http1Error`], after which nothing of the connection is believed.
//!
//! What is read does not know of sockets: [`HeadReader`] and [`BodyReader`] take bytes as they come, and
//! [`read_response`] runs the two over bytes in memory, for tests and fuzzing. [`Conn`] is the stream with
//! what was read from it and not used yet; [`WriteBuffer`] is what is on its way out.

mod answer;
mod body_reader;
mod buffer;
mod chunked;
mod conn;
mod error;
mod framing;
mod head_reader;
mod lines;
mod options;
mod request_head;
mod stream;
#[cfg(test)]
mod tests;
mod write_buffer;

pub use answer::{ReadResponse, read_response, read_response_in_pieces};
pub use error::Http1Error;

pub(super) use body_reader::{BodyReader, Piece};
pub(super) use buffer::SharedBuffer;
pub(super) use conn::Conn;
pub(super) use error::is_gone;
pub(super) use framing::Framing;
pub(super) use head_reader::{HeadEvent, HeadReader, ResponseHead};
pub(super) use options::Options;
pub(super) use request_head::{Announced, RequestHead};
pub(super) use stream::Stream;
pub(super) use write_buffer::WriteBuffer;
