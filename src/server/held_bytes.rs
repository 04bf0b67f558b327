//! Bytes behind a request of HTTP/1.1 that wants another protocol, held back until its response.
//!
//! They belong to that protocol or are the next request, and only the response tells which (RFC 9110 §7.8).
//! `counted_socket` holds them, so that neither hyper nor [`Http1Guard`](super::http1_guard::Http1Guard) takes one for the
//! other. A bounded number of bytes is read ahead, to notice a client that disconnects.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, ReadBuf};

use crate::telemetry::Counters;

/// The bytes that are held back; `None` if none may be.
#[derive(Debug, Default)]
pub(super) struct HeldBytes(Option<Vec<u8>>);

impl HeldBytes {
    /// Whether bytes are held back, or would be if some came.
    pub(super) fn is_holding(&self) -> bool {
        self.0.is_some()
    }

    /// Holds these back, before those that are held already.
    pub(super) fn hold(&mut self, bytes: &[u8]) {
        self.0.get_or_insert_default().splice(..0, bytes.iter().copied());
    }

    /// Lets as many go as there is room for.
    pub(super) fn release(&mut self, room: usize) -> Vec<u8> {
        let mut bytes = self.0.take().unwrap_or_default();
        let rest = bytes.split_off(bytes.len().min(room));
        if !rest.is_empty() {
            self.0 = Some(rest);
        }
        bytes
    }

    /// Reads on, so that a client that disconnects is noticed: ready if it has, or if reading fails.
    pub(super) fn poll_disconnected(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        counters: &Counters,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let held = self.0.get_or_insert_default();
        let mut bytes = [0; 1024];
        while held.len() < MAX_HELD_BYTES {
            let mut buf = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            counters.received(buf.filled().len());
            held.extend_from_slice(buf.filled());
        }
        // More is read once the response is there.
        Poll::Pending
    }
}

const MAX_HELD_BYTES: usize = 4 * 1024;
