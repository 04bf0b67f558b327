//! A client's socket: its bytes are counted, and its client's time is limited.
//!
//! hyper reads and writes through a [`CountedSocket`]. What is read passes by [`Http1Guard`] or [`Http2Guard`] before hyper
//! sees it: what a guard refuses never reaches hyper, and nothing is read after it. A client that sends nothing, that
//! takes nothing of its responses, or that does either too slowly, ends the connection with an error; an orderly close
//! leaves the client time to read why. Requests and responses as such are hyper's.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::{
    activity::Activity,
    header_blocks::BlockFault,
    held_bytes::HeldBytes,
    http1_guard::{Followed, Http1Guard},
    http2_guard::{ByH2, Flood, GOAWAY_BYTES, Http2Guard},
    limits::Limits,
    linger::Linger,
    own_refusals::OwnRefusals,
    read_deadline::ReadDeadline,
};
use crate::{
    interim::InterimSlot,
    pace::Pace,
    stall::Stall,
    telemetry::{Counters, Limit},
};

/// A socket that fails when its client takes too long.
#[derive(Debug)]
pub(super) struct CountedSocket<T> {
    stream: T,
    activity: Arc<Activity>,
    counters: Arc<Counters>,
    max_headers: usize,
    deadline: ReadDeadline,
    /// Something was written that may still be on its way through TLS.
    unsent: bool,
    stalled_writes: Stall,
    pace_of_writes: Pace,
    /// Responses that h2 holds whole, and whose client takes nothing of them.
    untaken: Stall,
    /// For HTTP/1.1, until the connection changes its protocol.
    http1: Option<Http1Guard>,
    /// For HTTP/1.1: interim responses, left there by `forward`.
    interim: Option<InterimSlot>,
    /// Interim responses that have been taken from there and not been written yet.
    interim_left: Bytes,
    /// For HTTP/1.1: the bytes behind a request that wants another protocol.
    held: HeldBytes,
    /// Whether hyper's own refusals of heads of HTTP/1.1 are dropped.
    own_refusals: OwnRefusals,
    /// For HTTP/2. In a box, because connections of HTTP/1.1 have none.
    http2: Option<Box<Http2Guard>>,
    /// The GOAWAY for a client of HTTP/2 that sent what it must not, and how much of it has left.
    goaway: Option<([u8; GOAWAY_BYTES], usize)>,
    /// The socket is not read from any more, because of the bytes that came.
    ended: bool,
    linger: Option<Linger>,
}

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// One request at a time.
    Http1,
    /// Many requests at a time, in streams.
    Http2,
}

impl<T> CountedSocket<T> {
    pub(super) fn new(
        stream: T,
        activity: Arc<Activity>,
        counters: Arc<Counters>,
        limits: &Limits,
        protocol: Protocol,
    ) -> Self {
        Self {
            stream,
            activity,
            counters,
            max_headers: limits.max_headers,
            deadline: ReadDeadline::new(limits),
            unsent: false,
            stalled_writes: Stall::new(limits.write_timeout),
            pace_of_writes: Pace::new(limits.write_rate, limits.write_timeout),
            untaken: Stall::new(limits.idle_timeout),
            http1: (protocol == Protocol::Http1).then(Http1Guard::new),
            interim: (protocol == Protocol::Http1).then(InterimSlot::default),
            interim_left: Bytes::new(),
            held: HeldBytes::default(),
            own_refusals: OwnRefusals::new(),
            http2: (protocol == Protocol::Http2).then(|| Box::new(Http2Guard::new(limits))),
            goaway: None,
            ended: false,
            linger: None,
        }
    }

    /// Where interim responses are left for this client, if it can be sent any.
    pub(super) fn interim(&self) -> Option<InterimSlot> {
        self.interim.clone()
    }

    /// From now on, what hyper writes when it refuses a head by itself is dropped.
    pub(super) fn drop_refusals(&mut self) {
        self.own_refusals.drop_them();
    }

    /// From now on, what is written is sent; see [`OwnRefusals::take_over`].
    pub(super) fn take_over(&mut self) -> bool {
        self.own_refusals.take_over(&self.activity)
    }

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

    fn is_late<R>(&self, limit: Limit) -> io::Result<R> {
        self.counters.reached(limit);
        if limit == Limit::HeaderTimeout {
            self.activity.note_late_head();
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// The first byte that [`Http1Guard`] refuses is replaced by a NUL, which hyper refuses wherever it stands:
    /// in a head with 400, in a body by breaking it off. Nothing is read from the socket after it. What comes behind a request that
    /// wants another protocol is held back: it may be bytes of that protocol, in which no line ends as it must.
    fn guard_http1(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        if self.activity.is_switched() {
            self.http1 = None;
        }
        let Some(guard) = &mut self.http1 else { return };
        let read = buf.filled().get(before..).unwrap_or_default();
        let followed = guard.follow_to_upgrade(read);
        // hyper is about to refuse it, and does not say which of the two limits it was.
        if guard.most_fields() > self.max_headers && self.activity.note_many_fields() {
            self.counters.reached(Limit::MaxHeaders);
        }
        match followed {
            Followed::All => {}
            Followed::Upgrade(end) => {
                self.held.hold(read.get(end..).unwrap_or_default());
                self.activity.hold();
                buf.set_filled(before + end);
            }
            Followed::Misplaced(misplaced) => {
                // hyper refuses the request line as a whole, and the rest of the head is there for the access log.
                let passed_on = if guard.is_in_request_line() { read.len() } else { misplaced + 1 };
                if let Some(byte) = buf.filled_mut().get_mut(before + misplaced) {
                    *byte = 0;
                }
                buf.set_filled(before + passed_on);
                self.ended = true;
            }
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

    /// From the frame of HTTP/2 on that is one too many, or that holds what must not be, nothing is read.
    fn guard_http2(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let Some(guard) = &mut self.http2 else { return };
        let read = buf.filled_mut().get_mut(before..).unwrap_or_default();
        if let Err(fault) = guard.check_blocks(read) {
            buf.set_filled(before);
            if fault == BlockFault::TooLarge {
                self.counters.reached(Limit::HeaderSize);
                self.activity.note_large_head();
            }
            tracing::debug!(?fault, "HTTP/2 connection closed for a header block");
            self.ended = true;
            return;
        }
        let followed = match guard.follow_incoming(read) {
            Ok(()) if guard.resets_too_many() => Err(Flood { limit: Limit::Http2Resets, before: 0 }),
            followed => followed,
        };
        if let Err(Flood { limit, before: fine }) = followed {
            buf.set_filled(before + fine);
            self.counters.reached(limit);
            tracing::debug!(limit = limit.as_str(), "HTTP/2 connection closed for too many frames of a kind");
            self.ended = true;
        }
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
    pub(super) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
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

#[cfg(test)]
mod tests {
    use std::{io::IoSlice, time::Duration};

    use super::*;
    use crate::server::activity::{ConnectionSlot, ConnectionTerms};

    /// A socket that takes so many bytes and then no more until there is room again.
    #[derive(Debug, Default)]
    struct Narrow {
        taken: Vec<u8>,
        room: usize,
    }

    impl AsyncWrite for Narrow {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            let count = self.room.min(buf.len());
            if count == 0 {
                return Poll::Pending;
            }
            self.room -= count;
            self.taken.extend_from_slice(&buf[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncRead for Narrow {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    /// hyper may still have the end of a response when the next request gets an interim one.
    #[tokio::test]
    async fn an_interim_response_is_written_whole_and_between_two_responses() {
        const BEFORE: &[u8] = b"the response before";
        const INTERIM: &[u8] = b"HTTP/1.1 103 Early Hints\r\n\r\n";
        const FINAL: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
        for room in 1..80 {
            let permit = Arc::new(tokio::sync::Semaphore::new(1)).try_acquire_owned().unwrap();
            let slot = ConnectionSlot { _of_all: permit, _of_address: None };
            let activity = Activity::new(slot, ConnectionTerms { requests: 1, age: Duration::MAX });
            let counters = Arc::<Counters>::default();
            let mut io = CountedSocket::new(
                Narrow::default(),
                activity,
                counters,
                &Limits::default(),
                Protocol::Http1,
            );
            let interim = io.interim().expect("HTTP/1.1 has a slot");
            let mut cx = Context::from_waker(std::task::Waker::noop());
            let mut hyper = BEFORE;
            let mut has_started = false;
            // As hyper does: it writes what it has, and flushes once that has left.
            for round in 0..200 {
                io.stream.room = room;
                if round == 0 {
                    interim.put(INTERIM);
                }
                while !hyper.is_empty() {
                    match Pin::new(&mut io).poll_write_vectored(&mut cx, &[IoSlice::new(hyper)]) {
                        Poll::Ready(written) => hyper = &hyper[written.unwrap()..],
                        Poll::Pending => break,
                    }
                }
                if hyper.is_empty() {
                    let _flushed = Pin::new(&mut io).poll_flush(&mut cx);
                    if !has_started && !interim.is_filled() {
                        (hyper, has_started) = (FINAL, true);
                    }
                }
            }
            assert_eq!(io.stream.taken, [BEFORE, INTERIM, FINAL].concat(), "{room} bytes at a time");
        }
    }
}
