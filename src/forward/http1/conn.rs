//! A connection to an upstream.

use std::{
    io,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::{BufMut, Bytes, BytesMut};
use http::Method;
use tokio::io::{AsyncReadExt, AsyncWrite};

use super::{HeadEvent, HeadReader, Http1Error, SharedBuffer, Stream, WriteBuffer};

/// A stream, and the bytes that were read from it and not used yet.
#[derive(Debug)]
pub(in crate::forward) struct Conn {
    stream: Stream,
    buf: BytesMut,
    shared: Rc<SharedBuffer>,
    /// Maximum number of bytes in one read. It grows as the client takes the response.
    most: usize,
}

impl Conn {
    pub(in crate::forward) fn new(stream: Stream, shared: Rc<SharedBuffer>) -> Self {
        Self { stream, buf: BytesMut::new(), shared, most: FIRST_READ }
    }

    /// Whether it may carry the next request: the upstream has sent no byte unasked, and has not closed the connection. Bytes
    /// that it sends unasked would be taken for the response to that request.
    pub(in crate::forward) fn is_quiet(&mut self) -> bool {
        self.buf.is_empty() && self.stream.is_quiet()
    }

    /// Limits each read to a small number of bytes from now on.
    pub(in crate::forward) fn read_little(&mut self) {
        self.most = SMALL_READ;
    }

    /// Reads once; ready with the number of bytes, 0 at the end. `room` is the number of bytes that are expected; 0 for a head.
    pub(in crate::forward) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        room: usize,
    ) -> Poll<io::Result<usize>> {
        if self.buf.capacity() == 0 {
            self.shared.take(&mut self.buf);
        }
        if room == 0 {
            self.most = FIRST_READ;
        }
        self.make_room(room.clamp(SMALL_READ, self.most));
        // `read_buf` needs no zeroed memory, which `poll_read` without `unsafe` does.
        let read = pin!(self.stream.read_buf(&mut (&mut self.buf).limit(self.most))).poll(cx);
        if room > 0 && read.is_ready() {
            self.most = (2 * self.most).min(LARGE_READ);
        }
        if self.buf.is_empty() {
            self.rest();
        }
        read
    }

    /// The bytes that were read and not used yet.
    pub(in crate::forward) fn buf(&mut self) -> &mut BytesMut {
        &mut self.buf
    }

    /// Reads on in the head of a response, as far as it has come.
    pub(in crate::forward) fn read_head(
        &mut self,
        reader: &mut HeadReader,
        asked: &Method,
    ) -> Result<HeadEvent, Http1Error> {
        reader.read(asked, &mut self.buf)
    }

    /// Gives an empty buffer back until the next read.
    pub(in crate::forward) fn rest(&mut self) {
        if self.buf.is_empty() && self.buf.capacity() > 0 {
            self.shared.give_back(&mut self.buf);
        }
    }

    /// Sends all of `buffer`; sent bytes are removed from it.
    pub(in crate::forward) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut WriteBuffer,
    ) -> Poll<io::Result<()>> {
        while !buffer.is_empty() {
            let sent = ready!(buffer.poll_write_once(cx, Pin::new(&mut self.stream)))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Flushes the stream's own buffers; a TLS stream has some.
    pub(in crate::forward) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// The stream and the unused bytes, after a change of protocol.
    pub(in crate::forward) fn into_parts(self) -> (Stream, Bytes) {
        (self.stream, self.buf.freeze())
    }

    /// Makes room for a read, in the present memory where that is possible.
    fn make_room(&mut self, wanted: usize) {
        let free = self.buf.capacity() - self.buf.len();
        if free < wanted && !self.buf.try_reclaim(wanted) && free < wanted.min(SMALL_READ) {
            self.buf.reserve(self.most.saturating_sub(self.buf.len()).max(SMALL_READ));
        }
    }
}

/// Fits a head and the beginning of its body.
const SMALL_READ: usize = 8 * 1024;
/// First read of a response. A client that does not read its response holds this much of the gateway's memory.
const FIRST_READ: usize = 32 * 1024;
/// Each read has the kernel fetch more from the upstream, which costs more than the copying.
const LARGE_READ: usize = 128 * 1024;
