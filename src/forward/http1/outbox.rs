//! What is on its way to an upstream.

use std::{
    io::{self, IoSlice, Write},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use super::Stream;

/// At most one head or chunk size, one frame of a body, and what ends it: sent in this order, together
/// where that is possible, and all of it before there is more.
#[derive(Debug, Default)]
pub(in crate::forward) struct Outbox {
    first: Vec<u8>,
    first_sent: usize,
    data: Bytes,
    last: &'static [u8],
    has_sent: bool,
}

impl Outbox {
    /// An outbox that begins with a head.
    pub(in crate::forward) fn new(head: Vec<u8>) -> Self {
        Self { first: head, ..Self::default() }
    }

    /// Whether all has left.
    pub(in crate::forward) fn is_empty(&self) -> bool {
        self.first_sent == self.first.len() && self.data.is_empty() && self.last.is_empty()
    }

    /// Whether something of a body can be added: what was there last has left.
    pub(in crate::forward) fn has_room(&self) -> bool {
        self.data.is_empty() && self.last.is_empty()
    }

    /// Whether any byte has left.
    pub(in crate::forward) fn has_sent(&self) -> bool {
        self.has_sent
    }

    /// Adds a piece of a body as it is.
    pub(in crate::forward) fn add(&mut self, data: Bytes) {
        debug_assert!(self.has_room(), "one frame at a time");
        self.data = data;
    }

    /// Adds a chunk (RFC 9112 §7.1), the last one's end too if this is the last. An empty one would end the body.
    pub(in crate::forward) fn add_chunk(&mut self, data: Bytes, is_last: bool) {
        debug_assert!(self.has_room(), "one frame at a time");
        if data.is_empty() {
            self.last = if is_last { b"0\r\n\r\n" } else { b"" };
            return;
        }
        write!(self.text(), "{:x}\r\n", data.len()).expect("a vector takes all that is written");
        self.data = data;
        self.last = if is_last { b"\r\n0\r\n\r\n" } else { b"\r\n" };
    }

    /// The buffer that is sent before the data, to be added to.
    pub(in crate::forward) fn text(&mut self) -> &mut Vec<u8> {
        &mut self.first
    }

    pub(super) fn poll_write_once(
        &mut self,
        cx: &mut Context<'_>,
        stream: Pin<&mut Stream>,
    ) -> Poll<io::Result<usize>> {
        let first = self.first.get(self.first_sent..).unwrap_or_default();
        let sent = if self.has_room() {
            ready!(stream.poll_write(cx, first))?
        } else {
            let parts = [IoSlice::new(first), IoSlice::new(&self.data), IoSlice::new(self.last)];
            let empty = parts.iter().take_while(|part| part.is_empty()).count();
            ready!(stream.poll_write_vectored(cx, parts.get(empty..).unwrap_or_default()))?
        };
        self.has_sent |= sent > 0;
        self.sent(sent);
        Poll::Ready(Ok(sent))
    }

    fn sent(&mut self, mut count: usize) {
        let of_first = count.min(self.first.len() - self.first_sent);
        self.first_sent += of_first;
        if self.first_sent == self.first.len() {
            // A request that waits for its response needs no memory for its head.
            (self.first, self.first_sent) = (Vec::new(), 0);
        }
        count -= of_first;
        let of_data = count.min(self.data.len());
        self.data.advance(of_data);
        count -= of_data;
        self.last = self.last.get(count..).unwrap_or_default();
    }
}
