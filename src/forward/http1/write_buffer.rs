//! The write buffer of a request to an upstream.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use super::Stream;

/// A head, pieces of a body and what frames them: sent in this order, and together where that is possible.
#[derive(Debug, Default)]
pub(in crate::forward) struct WriteBuffer {
    head: Vec<u8>,
    head_sent: usize,
    parts: VecDeque<Bytes>,
    /// How many bytes `parts` has.
    bytes: usize,
    has_sent: bool,
}

impl WriteBuffer {
    /// A buffer that begins with a head.
    pub(in crate::forward) fn new(head: Vec<u8>) -> Self {
        Self { head, ..Self::default() }
    }

    /// Whether all has left.
    pub(in crate::forward) fn is_empty(&self) -> bool {
        self.head.is_empty() && self.parts.is_empty()
    }

    /// Whether another piece of a body may be added before anything is sent.
    pub(in crate::forward) fn has_room(&self) -> bool {
        self.bytes < ENOUGH_BYTES && self.parts.len() + PARTS_OF_CHUNK < MAX_PARTS
    }

    /// Whether any byte has left.
    pub(in crate::forward) fn has_sent(&self) -> bool {
        self.has_sent
    }

    /// Adds a piece of a body as it is.
    pub(in crate::forward) fn add(&mut self, data: Bytes) {
        if !data.is_empty() {
            self.bytes += data.len();
            self.parts.push_back(data);
        }
    }

    /// Adds a chunk (RFC 9112 §7.1), the last one's end too if this is the last. An empty one would end the body.
    pub(in crate::forward) fn add_chunk(&mut self, data: Bytes, is_last: bool) {
        if !data.is_empty() {
            self.add(format!("{:x}\r\n", data.len()).into());
            self.add(data);
            self.add(Bytes::from_static(b"\r\n"));
        }
        if is_last {
            self.add(Bytes::from_static(b"0\r\n\r\n"));
        }
    }

    pub(super) fn poll_write_once(
        &mut self,
        cx: &mut Context<'_>,
        stream: Pin<&mut Stream>,
    ) -> Poll<io::Result<usize>> {
        let head = self.head.get(self.head_sent..).unwrap_or_default();
        let unsent = std::iter::once(head).chain(self.parts.iter().map(|part| &**part));
        let (mut slices, mut count) = ([IoSlice::new(&[]); MAX_PARTS + 1], 0);
        for (slice, part) in slices.iter_mut().zip(unsent.filter(|part| !part.is_empty())) {
            (*slice, count) = (IoSlice::new(part), count + 1);
        }
        let sent = match slices.get(..count).unwrap_or_default() {
            [only] => ready!(stream.poll_write(cx, only))?,
            slices => ready!(stream.poll_write_vectored(cx, slices))?,
        };
        self.has_sent |= sent > 0;
        self.sent(sent);
        Poll::Ready(Ok(sent))
    }

    fn sent(&mut self, mut count: usize) {
        let of_head = count.min(self.head.len() - self.head_sent);
        self.head_sent += of_head;
        count -= of_head;
        if self.head_sent == self.head.len() {
            // A request that waits for its response needs no memory for its head.
            (self.head, self.head_sent) = (Vec::new(), 0);
        }
        self.bytes -= count;
        while let Some(part) = self.parts.front_mut() {
            let of_part = count.min(part.len());
            part.advance(of_part);
            count -= of_part;
            if !part.is_empty() {
                return;
            }
            self.parts.pop_front();
        }
    }
}

/// More in one system call makes it no cheaper for each byte.
const ENOUGH_BYTES: usize = 64 * 1024;
const MAX_PARTS: usize = 16;
/// The size, the data, their end and that of the body.
const PARTS_OF_CHUNK: usize = 4;
