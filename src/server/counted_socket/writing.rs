//! Writing: responses of hyper, interim responses between them, and the end of the connection.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    super::{http2_guard::ByH2, linger::Linger},
    CountedSocket,
};
use crate::telemetry::Limit;

impl<T: AsyncWrite + Unpin> CountedSocket<T> {
    /// Limits the time in which the client takes what is written; `bytes` says how many bytes it has taken.
    fn poll_moved<R>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<R>>,
        bytes: impl FnOnce(&R) -> usize,
    ) -> Poll<io::Result<R>> {
        match polled {
            Poll::Pending => {
                self.unsent = true;
                self.activity.note_full();
                self.pace_of_writes.wait();
                self.stalled_writes.poll_wait(cx).map(|()| self.is_late(Limit::WriteTimeout))
            }
            Poll::Ready(Ok(done)) => {
                self.stalled_writes.moved();
                let in_time = self.pace_of_writes.moved(bytes(&done));
                Poll::Ready(if in_time.is_ok() { Ok(done) } else { self.is_late(Limit::WriteRate) })
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }

    /// Counts what was written, which lay in these slices.
    fn count_written(&mut self, written: &Poll<io::Result<usize>>, bufs: &[io::IoSlice<'_>]) {
        let Poll::Ready(Ok(mut left)) = *written else { return };
        self.unsent = true;
        self.counters.sent(left);
        let Some(guard) = &mut self.http2 else { return };
        for buf in bufs {
            let here = buf.get(..left).unwrap_or(buf);
            guard.follow_outgoing(here, |by_h2| match by_h2 {
                ByH2::Limit(limit) => self.counters.reached(limit),
                ByH2::Malformed => self.activity.note_refused(),
            });
            left -= here.len();
        }
        self.activity.note_opened(guard.opened());
    }

    /// Writes the interim responses that have been taken from their slot. Ready once nothing is left of them: until then
    /// nothing else may be written, or it would be a part of them.
    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.interim_left.is_empty() {
            let polled = Pin::new(&mut self.stream).poll_write(cx, &self.interim_left);
            let left = self.interim_left.clone();
            self.count_written(&polled, &[io::IoSlice::new(&left)]);
            let sent = ready!(self.poll_moved(cx, polled, |bytes| *bytes))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.interim_left.advance(sent);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_goaway(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ended && self.goaway.is_none() {
            self.goaway = self.http2.as_ref().and_then(|guard| guard.goaway()).map(|frame| (frame, 0));
        }
        while let Some((frame, sent)) = &mut self.goaway {
            let rest = frame.get(*sent..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            *sent += ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?.max(1);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for CountedSocket<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.own_refusals.drops(&this.activity) {
            return Poll::Ready(Ok(buf.len()));
        }
        ready!(this.poll_interim(cx))?;
        let polled = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.count_written(&polled, &[io::IoSlice::new(buf)]);
        this.poll_moved(cx, polled, |bytes| *bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.own_refusals.drops(&this.activity) {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        ready!(this.poll_interim(cx))?;
        let polled = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.count_written(&polled, bufs);
        this.poll_moved(cx, polled, |bytes| *bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // hyper flushes once its own buffer is empty. An interim response that waits has its request
        // running, so that all that hyper wrote before is whole.
        if this.interim_left.is_empty()
            && let Some(slot) = this.interim.as_ref().filter(|slot| slot.is_filled())
        {
            this.interim_left = slot.take().into();
        }
        ready!(this.poll_interim(cx))?;
        let polled = Pin::new(&mut this.stream).poll_flush(cx);
        this.unsent = polled.is_pending();
        if polled.is_ready() {
            this.own_refusals.flushed(&this.activity);
        }
        this.poll_moved(cx, polled, |()| 0)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.own_refusals.has_dropped() {
            return Poll::Ready(Ok(()));
        }
        if this.linger.is_none() {
            let polled = match this.poll_goaway(cx) {
                Poll::Ready(Ok(())) => Pin::new(&mut this.stream).poll_shutdown(cx),
                unsent => unsent,
            };
            ready!(this.poll_moved(cx, polled, |()| 0))?;
        }
        // A client that floods the gateway is not read from any more, not even so that it can read why.
        if this.ended && this.http2.is_some() {
            return Poll::Ready(Ok(()));
        }
        this.linger.get_or_insert_with(Linger::new).poll(&mut this.stream, cx).map(Ok)
    }
}
