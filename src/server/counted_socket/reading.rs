//! Reading: bytes for hyper that have passed a guard, or the error that the client took too long.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncBufRead, AsyncRead, ReadBuf},
    time::Instant,
};

use super::{super::http1_guard::Http1Guard, CountedSocket};
use crate::telemetry::Limit;

impl<T> CountedSocket<T> {
    /// Bytes have come. In HTTP/1.1 and while no request ran: the next head has started.
    fn note_read(&mut self) {
        let is_http1 = self.http1.is_some();
        if is_http1 && (self.deadline.has_head() || self.activity.is_busy()) {
            return;
        }
        let now = Instant::now();
        self.activity.note_read(now);
        if is_http1 {
            self.deadline.head_started(now, &self.activity);
        }
    }

    /// Hands out what was held back, once it is known what it is.
    fn poll_held(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<()> {
        let heads = self.http1.as_ref().map(Http1Guard::heads);
        let has_started = |started| heads.is_none_or(|heads| heads == started);
        ready!(self.activity.poll_held(cx, has_started));
        let before = buf.filled().len();
        let released = self.held.release(buf.remaining());
        if !released.is_empty() {
            buf.put_slice(&released);
            self.note_read();
            self.guard_http1(buf, before);
        }
        Poll::Ready(())
    }

    /// Whether responses that are ready wait for a client that makes no room for them, and for nothing else.
    fn poll_untaken(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let unfinished = self.http2.as_ref().map_or(0, |guard| guard.unfinished());
        if unfinished <= self.activity.responding() {
            self.untaken.moved();
            return Poll::Pending;
        }
        self.untaken.poll_wait_since(self.activity.full_at(), cx)
    }

    /// Whether hyper has nothing of this connection: no request, no part of one, and nothing of a response.
    fn is_between_requests(&self) -> bool {
        // Whether all that was read is of requests that have started and have come whole.
        let is_read_whole = || {
            let started = self.activity.started();
            self.http1.as_ref().is_some_and(|guard| guard.is_between() && guard.heads() == started)
        };
        !self.ended && !self.unsent && !self.deadline.has_head() && !self.held.is_holding() && is_read_whole()
    }

    /// The socket has nothing to be read: ready if that has been so for too long.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Limit> {
        if self.activity.is_busy() {
            if self.poll_untaken(cx).is_ready() {
                return Poll::Ready(Limit::WriteTimeout);
            }
            self.deadline.poll_busy(cx);
            return Poll::Pending;
        }
        let has_head = self.http1.as_ref().is_some_and(Http1Guard::is_within_head);
        let deadline = self.deadline.set_idle(&self.activity, has_head);
        self.activity.note_rest(self.is_between_requests());
        self.deadline.poll_idle(deadline, cx)
    }
}

impl<T: AsyncBufRead + Unpin> CountedSocket<T> {
    /// Whether more is there to be read, before there is room to read it into; an error if the client took
    /// too long.
    pub(in crate::server) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match Pin::new(&mut self.stream).poll_fill_buf(cx) {
            Poll::Ready(filled) => Poll::Ready(filled.map(|bytes| !bytes.is_empty())),
            Poll::Pending => self.poll_late(cx).map(|limit| self.is_late(limit)),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for CountedSocket<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        if this.held.is_holding() {
            if this.poll_held(cx, buf).is_pending() {
                if let Poll::Ready(disconnected) =
                    this.held.poll_disconnected(&mut this.stream, &this.counters, cx)
                {
                    return Poll::Ready(disconnected);
                }
                return this.poll_late(cx).map(|limit| this.is_late(limit));
            }
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Pending => this.poll_late(cx).map(|limit| this.is_late(limit)),
            Poll::Ready(read) => {
                let count = buf.filled().len() - before;
                if count > 0 {
                    this.counters.received(count);
                    this.note_read();
                    this.guard_http1(buf, before);
                    this.guard_http2(buf, before);
                }
                Poll::Ready(read)
            }
        }
    }
}
