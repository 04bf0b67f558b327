//! A client's connection, with an eye on the clock.
//!
//! hyper's own timer counts idle time and the time for a head as one, and is
//! set anew for each request. Here one timer a connection does both. The bytes
//! of HTTP/1.1 pass by [`Http1Guard`] before hyper reads them, and a connection
//! is closed so that the client can still read why.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use futures_util::task::AtomicWaker;
use tokio::{
    io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    Limits,
    addresses::Place,
    header_blocks::BlockFault,
    http1_guard::{Followed, Http1Guard},
    http2_guard::{FAREWELL_BYTES, Flood, Http2Guard, Kept},
};
use crate::{
    interim::InterimSlot,
    pace::Pace,
    stall::Stall,
    telemetry::{Counters, Limit},
};

/// How many requests of a connection are running.
#[derive(Debug)]
pub(super) struct Activity {
    running: AtomicU32,
    begun: AtomicU32,
    /// Answers that have begun and whose body has not ended.
    answering: AtomicU32,
    switched: AtomicBool,
    began_at: Instant,
    /// When something that a request may begin with was last read, in milliseconds after `began_at`.
    read_after: AtomicU64,
    /// When the last request ended, in milliseconds after `began_at`.
    ended_after: AtomicU64,
    /// When the socket last took nothing more, in milliseconds after `began_at`.
    full_after: AtomicU64,
    terms: Terms,
    /// Whether it was told that it has had its time.
    retired: AtomicBool,
    /// Whether a head had too many lines.
    has_many_lines: AtomicBool,
    /// Whether a head had begun and did not come whole in time.
    has_late_head: AtomicBool,
    /// Whether a head of HTTP/2 was larger than is read to be refused.
    has_large_head: AtomicBool,
    /// Streams of HTTP/2 that have begun, and those that h2 refused by itself.
    opened: AtomicU32,
    refused: AtomicU32,
    /// How many of those were told of.
    refused_told: AtomicU32,
    /// Whether hyper had nothing of the connection when it last found nothing to read.
    rests: AtomicBool,
    /// Whether the stream waits for the response to a request that wants another protocol, and who is woken by that.
    awaits_response: AtomicBool,
    awaiting: AtomicWaker,
    /// Kept here because a connection that has changed its protocol outlives the task that served it.
    _slot: Slot,
}

/// One of the connections that there may be at a time, in all and of an address.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) _of_all: OwnedSemaphorePermit,
    /// `None`: its address may have as many as it likes.
    pub(super) _of_address: Option<Place>,
}

/// For how long a connection is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// How many requests it may bring.
    pub(super) requests: u32,
    /// How old it may get; seen to when a request comes.
    pub(super) age: Duration,
}

/// One request that runs; it has ended when this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    activity: Arc<Activity>,
    answering: bool,
}

impl Activity {
    pub(super) fn new(slot: Slot, terms: Terms) -> Arc<Self> {
        Arc::new(Self {
            running: AtomicU32::new(0),
            begun: AtomicU32::new(0),
            answering: AtomicU32::new(0),
            switched: AtomicBool::new(false),
            began_at: Instant::now(),
            read_after: AtomicU64::new(0),
            ended_after: AtomicU64::new(0),
            full_after: AtomicU64::new(0),
            terms,
            retired: AtomicBool::new(false),
            has_many_lines: AtomicBool::new(false),
            has_late_head: AtomicBool::new(false),
            has_large_head: AtomicBool::new(false),
            opened: AtomicU32::new(0),
            refused: AtomicU32::new(0),
            refused_told: AtomicU32::new(0),
            rests: AtomicBool::new(false),
            awaits_response: AtomicBool::new(false),
            awaiting: AtomicWaker::new(),
            _slot: slot,
        })
    }

    /// Since when nothing runs, if nothing runs.
    pub(super) fn idle_since(&self) -> Instant {
        self.began_at + Duration::from_millis(self.ended_after.load(Ordering::Relaxed))
    }

    /// When the socket last took nothing more: until then, whatever did not move waited for the network.
    pub(super) fn full_at(&self) -> Instant {
        self.began_at + Duration::from_millis(self.full_after.load(Ordering::Relaxed))
    }

    fn note_full(&self) {
        self.full_after.store(self.millis_at(Instant::now()), Ordering::Relaxed);
    }

    fn note_read(&self, now: Instant) {
        self.read_after.store(self.millis_at(now), Ordering::Relaxed);
    }

    fn millis_at(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.began_at).as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether a head had more lines than it may have.
    pub(super) fn has_many_lines(&self) -> bool {
        self.has_many_lines.load(Ordering::Relaxed)
    }

    /// Whether a head had begun and did not come whole in time.
    pub(super) fn has_late_head(&self) -> bool {
        self.has_late_head.load(Ordering::Relaxed)
    }

    /// Whether the connection ends because a head of HTTP/2 was larger than is read to be refused.
    pub(super) fn has_large_head(&self) -> bool {
        self.has_large_head.load(Ordering::Relaxed)
    }

    /// Requests of HTTP/2 that h2 has refused by itself since this was asked last, because their head was malformed. Asked
    /// when hyper has taken all that h2 has read.
    pub(super) fn refused_unseen(&self) -> u32 {
        let refused = self.refused.swap(0, Ordering::Relaxed);
        if refused == 0 {
            return 0;
        }
        // A stream that was reset after its request had begun is in the log already.
        let begun =
            self.begun.load(Ordering::Relaxed).wrapping_add(self.refused_told.load(Ordering::Relaxed));
        let unseen = self.opened.load(Ordering::Relaxed).wrapping_sub(begun);
        let refused = refused.min(unseen);
        self.refused_told.fetch_add(refused, Ordering::Relaxed);
        refused
    }

    /// Whether it has changed its protocol.
    fn is_switched(&self) -> bool {
        self.switched.load(Ordering::Relaxed)
    }

    /// Whether a request runs.
    pub(super) fn is_busy(&self) -> bool {
        self.running.load(Ordering::Relaxed) > 0
    }

    /// Whether hyper had nothing of the connection that would be missed, when it last found nothing to read.
    pub(super) fn rests(&self) -> bool {
        self.rests.load(Ordering::Relaxed)
    }

    pub(super) fn begin(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.rests.store(false, Ordering::Relaxed);
        Running { activity: Arc::clone(self), answering: false }
    }
}

impl Running {
    /// Its answer has begun.
    pub(super) fn answering(&mut self) {
        if !std::mem::replace(&mut self.answering, true) {
            self.activity.answering.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Which of its terms the connection has come to, if it has just come to one: it is to take no more requests.
    pub(super) fn retires(&self) -> Option<Limit> {
        let Activity { terms, begun, read_after, retired, .. } = &*self.activity;
        let reached = if begun.load(Ordering::Relaxed) >= terms.requests {
            Limit::RequestsPerConnection
        } else if Duration::from_millis(read_after.load(Ordering::Relaxed)) >= terms.age {
            Limit::ConnectionAge
        } else {
            return None;
        };
        (!retired.swap(true, Ordering::Relaxed)).then_some(reached)
    }

    /// The connection has changed its protocol and belongs to this request for good.
    pub(super) fn for_good(self) {
        self.activity.running.fetch_add(1, Ordering::Relaxed);
        self.activity.switched.store(true, Ordering::Relaxed);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.activity.ended_after.store(self.activity.millis_at(Instant::now()), Ordering::Relaxed);
        self.activity.running.fetch_sub(1, Ordering::Relaxed);
        if self.answering {
            self.activity.answering.fetch_sub(1, Ordering::Relaxed);
        }
        if self.activity.awaits_response.load(Ordering::Relaxed) {
            self.activity.awaiting.wake();
        }
    }
}

/// A stream that fails when its client takes too long.
#[derive(Debug)]
pub(super) struct ClientIo<T> {
    stream: T,
    activity: Arc<Activity>,
    counters: Arc<Counters>,
    idle_timeout: Duration,
    header_timeout: Duration,
    max_headers: usize,
    /// The requests that had begun when the deadline was set.
    seen: u32,
    /// Whether something of the next head has arrived.
    head_began: bool,
    /// Until then the next request must have begun; `None` while one runs.
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Something was written that may still be on its way through TLS.
    unsent: bool,
    stalled_writes: Stall,
    pace_of_writes: Pace,
    /// Answers that h2 holds whole, and whose client takes nothing of them.
    untaken: Stall,
    /// For HTTP/1.1, where single bytes can be told to belong to a head; in HTTP/2 they may be anything.
    http1: Option<Http1Guard>,
    /// For HTTP/1.1: what an upstream says before its final response.
    interim: Option<InterimSlot>,
    /// What has been taken from there and not been written yet.
    interim_left: Bytes,
    /// What came behind a request that wants another protocol; nothing more is read before its response.
    behind_upgrade: Option<Vec<u8>>,
    /// For HTTP/2. In a box, for whoever has none.
    http2: Option<Box<Http2Guard>>,
    /// Something came that must not be read on from.
    ended: bool,
    /// The requests that had begun when all that hyper had written for them had left.
    answered: u32,
    /// What becomes of what hyper writes when it refuses a head by itself.
    own_refusals: OwnRefusals,
    /// What is still to be said to a client that sent too much, and how much of it has been.
    farewell: Option<(Farewell, usize)>,
    /// How much longer a client may take to notice that we have closed.
    linger: Option<Pin<Box<Sleep>>>,
}

/// What becomes of what hyper writes when it refuses a head by itself: a status, and nothing that says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OwnRefusals {
    /// It is sent.
    Sent,
    /// It is dropped, and whoever takes the stream back writes more.
    Dropped,
    /// One has been dropped.
    OneDropped,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// One request at a time, framed by lines.
    Http1,
    /// Many, framed by lengths.
    Http2,
}

impl<T> ClientIo<T> {
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
            idle_timeout: limits.idle_timeout,
            header_timeout: limits.header_timeout,
            max_headers: limits.max_headers,
            seen: 0,
            head_began: false,
            deadline: None,
            timer: None,
            unsent: false,
            stalled_writes: Stall::new(limits.write_timeout),
            pace_of_writes: Pace::new(limits.write_rate, limits.write_timeout),
            untaken: Stall::new(limits.idle_timeout),
            http1: (protocol == Protocol::Http1).then(Http1Guard::new),
            interim: (protocol == Protocol::Http1).then(InterimSlot::default),
            interim_left: Bytes::new(),
            behind_upgrade: None,
            http2: (protocol == Protocol::Http2).then(|| Box::new(Http2Guard::new(limits))),
            ended: false,
            answered: 0,
            own_refusals: OwnRefusals::Sent,
            farewell: None,
            linger: None,
        }
    }

    /// Where interim responses are left for this client, if it can be sent any.
    pub(super) fn interim(&self) -> Option<InterimSlot> {
        self.interim.clone()
    }

    /// Bytes have come. In HTTP/1.1 and while no request ran: the next head has begun.
    fn note_bytes(&mut self) {
        let is_http1 = self.http1.is_some();
        if is_http1 && (self.head_began || self.activity.is_busy()) {
            return;
        }
        let now = Instant::now();
        self.activity.note_read(now);
        if is_http1 {
            self.head_began = true;
            self.seen = self.activity.begun.load(Ordering::Relaxed);
            self.deadline = Some(now + self.header_timeout);
        }
    }

    fn is_late<R>(&self, limit: Limit) -> io::Result<R> {
        self.counters.reached(limit);
        if limit == Limit::HeaderTimeout {
            self.activity.has_late_head.store(true, Ordering::Relaxed);
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Has the stream read from again, for nobody else does: once hyper has found nothing to read, it waits
    /// for the client's next byte, and the end of a request alone would never start the idle time.
    fn look_again(&mut self, cx: &mut Context<'_>) {
        let after = self.idle_timeout;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + after)));
        while timer.as_mut().poll(cx).is_ready() {
            timer.as_mut().reset(Instant::now() + after);
        }
    }

    /// Whatever is not framed as it must be is replaced by a NUL, which hyper refuses wherever it stands:
    /// in a head with 400, in a body by breaking it off. Nothing is read after it. What comes behind a request that
    /// wants another protocol is kept back: it may be bytes of that protocol, in which no line ends as it must.
    fn follow(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        if self.activity.is_switched() {
            self.http1 = None;
        }
        let Some(guard) = &mut self.http1 else { return };
        let read = buf.filled().get(before..).unwrap_or_default();
        let followed = guard.follow_to_upgrade(read);
        // hyper is about to refuse it, and does not say which of the two limits it was.
        if guard.most_lines() > self.max_headers
            && !self.activity.has_many_lines.swap(true, Ordering::Relaxed)
        {
            self.counters.reached(Limit::MaxHeaders);
        }
        match followed {
            Followed::All => {}
            Followed::Upgrade(end) => {
                let behind = read.get(end..).unwrap_or_default();
                self.behind_upgrade.get_or_insert_default().splice(..0, behind.iter().copied());
                self.activity.awaits_response.store(true, Ordering::Relaxed);
                buf.set_filled(before + end);
            }
            Followed::Misplaced(misplaced) => {
                buf.set_filled(before + misplaced);
                buf.put_slice(&[0]);
                self.ended = true;
            }
        }
    }

    /// Hands out what was kept back, once it is known what it is: the request has changed the protocol, or its
    /// response has ended.
    fn poll_behind_upgrade(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<()> {
        if self.activity.awaits_response.load(Ordering::Relaxed) {
            self.activity.awaiting.register(cx.waker());
            let begun = self.activity.begun.load(Ordering::Relaxed);
            let has_begun = self.http1.as_ref().is_none_or(|guard| guard.heads() == begun);
            if !self.activity.is_switched() && (self.activity.is_busy() || !has_begun) {
                return Poll::Pending;
            }
            self.activity.awaits_response.store(false, Ordering::Relaxed);
        }
        let (before, mut behind) = (buf.filled().len(), self.behind_upgrade.take().unwrap_or_default());
        let rest = behind.split_off(behind.len().min(buf.remaining()));
        if !rest.is_empty() {
            self.behind_upgrade = Some(rest);
        }
        if !behind.is_empty() {
            buf.put_slice(&behind);
            self.note_bytes();
            self.follow(buf, before);
        }
        Poll::Ready(())
    }

    /// The same for HTTP/2: from the frame on that is one too many, nothing is read.
    fn count_frames(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let Some(guard) = &mut self.http2 else { return };
        let read = buf.filled_mut().get_mut(before..).unwrap_or_default();
        if let Err(fault) = guard.check_blocks(read) {
            buf.set_filled(before);
            if fault == BlockFault::TooLarge {
                self.counters.reached(Limit::HeaderSize);
                self.activity.has_large_head.store(true, Ordering::Relaxed);
            }
            tracing::debug!(?fault, "a header block that ends its connection");
            self.ended = true;
            return;
        }
        let came = match guard.came(read) {
            Ok(()) if guard.resets_too_many() => Err(Flood { limit: Limit::Http2Resets, before: 0 }),
            came => came,
        };
        if let Err(Flood { limit, before: fine }) = came {
            buf.set_filled(before + fine);
            self.counters.reached(limit);
            tracing::debug!(limit = limit.as_str(), "too many frames of a kind");
            self.ended = true;
        }
    }

    /// Whether answers that are ready wait for a client that makes no room for them, and for nothing else.
    fn poll_untaken(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let unfinished = self.http2.as_ref().map_or(0, |guard| guard.unfinished());
        if unfinished <= self.activity.answering.load(Ordering::Relaxed) as usize {
            self.untaken.moved();
            return Poll::Pending;
        }
        self.untaken.poll_wait_since(self.activity.full_at(), cx)
    }

    /// From now on, what hyper writes when it refuses a head by itself is dropped.
    pub(super) fn drop_refusals(&mut self) {
        self.own_refusals = OwnRefusals::Dropped;
    }

    /// Whether hyper refuses a head by itself: nothing else is written while no request runs, and all that was written for
    /// those that ran has left.
    fn is_refusal(&mut self) -> bool {
        if self.own_refusals == OwnRefusals::Dropped && self.is_answered() {
            self.own_refusals = OwnRefusals::OneDropped;
        }
        self.own_refusals == OwnRefusals::OneDropped
    }

    fn is_answered(&self) -> bool {
        !self.activity.is_busy() && self.answered == self.activity.begun.load(Ordering::Relaxed)
    }

    /// From now on, what is written is sent. Returns whether the response to a request that was refused is still to be
    /// written: what hyper wrote of it was dropped, or the head came too late, of which hyper writes nothing.
    pub(super) fn take_over(&mut self) -> bool {
        let before = std::mem::replace(&mut self.own_refusals, OwnRefusals::Sent);
        before == OwnRefusals::OneDropped || (self.activity.has_late_head() && self.is_answered())
    }

    /// Whether hyper has nothing of this connection: no request, no part of one, and nothing of an answer.
    fn is_between_requests(&self) -> bool {
        !self.ended
            && !self.unsent
            && !self.head_began
            && self.behind_upgrade.is_none()
            && self.is_read_whole()
    }

    /// Whether all that was read, of HTTP/1.1, is of requests that have begun and have come whole.
    fn is_read_whole(&self) -> bool {
        let begun = self.activity.begun.load(Ordering::Relaxed);
        self.http1.as_ref().is_some_and(|guard| guard.is_between() && guard.heads() == begun)
    }

    /// Nothing is there to be read: ready if that has been so for too long.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Limit> {
        if self.activity.is_busy() {
            (self.deadline, self.head_began) = (None, false);
            if self.poll_untaken(cx).is_ready() {
                return Poll::Ready(Limit::WriteTimeout);
            }
            self.look_again(cx);
            return Poll::Pending;
        }
        let begun = self.activity.begun.load(Ordering::Relaxed);
        let deadline = match self.deadline {
            Some(deadline) if begun == self.seen => deadline,
            _ => {
                self.seen = begun;
                self.head_began = false;
                *self.deadline.insert(self.activity.idle_since() + self.idle_timeout)
            }
        };
        self.activity.rests.store(self.is_between_requests(), Ordering::Relaxed);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(if self.head_began { Limit::HeaderTimeout } else { Limit::IdleTimeout });
            }
            // It was set for an earlier deadline, which has moved since.
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

impl<T: AsyncBufRead + Unpin> ClientIo<T> {
    /// Whether more is there to be read, before there is room to read it into; an error if the client took
    /// too long.
    pub(super) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match Pin::new(&mut self.stream).poll_fill_buf(cx) {
            Poll::Ready(filled) => Poll::Ready(filled.map(|bytes| !bytes.is_empty())),
            Poll::Pending => self.poll_late(cx).map(|limit| self.is_late(limit)),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for ClientIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ended {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        if self.behind_upgrade.is_some() {
            if self.poll_behind_upgrade(cx, buf).is_pending() {
                if let Poll::Ready(gone) = self.poll_gone(cx) {
                    return Poll::Ready(gone);
                }
                return self.poll_late(cx).map(|limit| self.is_late(limit));
            }
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending => self.poll_late(cx).map(|limit| self.is_late(limit)),
            Poll::Ready(read) => {
                let count = buf.filled().len() - before;
                if count > 0 {
                    self.counters.received(count);
                    self.note_bytes();
                    self.follow(buf, before);
                    self.count_frames(buf, before);
                }
                Poll::Ready(read)
            }
        }
    }
}

impl<T: AsyncRead + Unpin> ClientIo<T> {
    /// Reads on behind a request that wants another protocol, and keeps what comes: ready if the client is gone.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 1024];
        while self.behind_upgrade.as_ref().is_some_and(|behind| behind.len() < MOST_BEHIND_UPGRADE) {
            let mut buf = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.counters.received(buf.filled().len());
            self.behind_upgrade.get_or_insert_default().extend_from_slice(buf.filled());
        }
        // It is read from again once the response is there.
        Poll::Pending
    }

    /// Reads and forgets what a client still sends, until it has closed too. Closing at once would make
    /// the kernel answer with a reset, which can overtake the answer that says why (RFC 9112 §9.6).
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        if linger.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut forgotten = [0; 8 * 1024];
        // A client that never stops gets no more of our time than one that says nothing.
        for _ in 0..16 {
            let mut buf = ReadBuf::new(&mut forgotten);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<T: AsyncWrite + Unpin> ClientIo<T> {
    /// Keeps the time of what the client takes; `bytes` says how many those were.
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

    /// Counts what went out, which lay in these slices.
    fn went(&mut self, written: &Poll<io::Result<usize>>, bufs: &[io::IoSlice<'_>]) {
        let Poll::Ready(Ok(mut left)) = *written else { return };
        self.unsent = true;
        self.counters.sent(left);
        let Some(guard) = &mut self.http2 else { return };
        for buf in bufs {
            let here = buf.get(..left).unwrap_or(buf);
            guard.went(here, |kept| match kept {
                Kept::Limit(limit) => self.counters.reached(limit),
                Kept::Malformed => {
                    self.activity.refused.fetch_add(1, Ordering::Relaxed);
                }
            });
            left -= here.len();
        }
        self.activity.opened.store(guard.opened(), Ordering::Relaxed);
    }

    /// Writes the interim responses that have been taken from their slot. Ready once nothing is left of them: until then
    /// nothing else may be written, or it would be a part of them.
    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.interim_left.is_empty() {
            let polled = Pin::new(&mut self.stream).poll_write(cx, &self.interim_left);
            let left = self.interim_left.clone();
            self.went(&polled, &[io::IoSlice::new(&left)]);
            let sent = ready!(self.poll_moved(cx, polled, |bytes| *bytes))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.interim_left.advance(sent);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ended && self.farewell.is_none() {
            self.farewell = self.http2.as_ref().and_then(|guard| guard.farewell()).map(|frame| (frame, 0));
        }
        while let Some((frame, sent)) = &mut self.farewell {
            let rest = frame.get(*sent..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            *sent += ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?.max(1);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ClientIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_refusal() {
            return Poll::Ready(Ok(buf.len()));
        }
        ready!(self.poll_interim(cx))?;
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.went(&polled, &[io::IoSlice::new(buf)]);
        self.poll_moved(cx, polled, |bytes| *bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_refusal() {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        ready!(self.poll_interim(cx))?;
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.went(&polled, bufs);
        self.poll_moved(cx, polled, |bytes| *bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes once its own buffer is empty. An interim response that waits has its request
        // running, so that all that hyper wrote before is whole.
        if self.interim_left.is_empty()
            && let Some(slot) = self.interim.as_ref().filter(|slot| slot.is_filled())
        {
            self.interim_left = slot.take().into();
        }
        ready!(self.poll_interim(cx))?;
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.unsent = polled.is_pending();
        if polled.is_ready() && !self.activity.is_busy() {
            self.answered = self.activity.begun.load(Ordering::Relaxed);
        }
        self.poll_moved(cx, polled, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.own_refusals == OwnRefusals::OneDropped {
            return Poll::Ready(Ok(()));
        }
        if self.linger.is_none() {
            let polled = match self.poll_farewell(cx) {
                Poll::Ready(Ok(())) => Pin::new(&mut self.stream).poll_shutdown(cx),
                unsaid => unsaid,
            };
            ready!(self.poll_moved(cx, polled, |()| 0))?;
        }
        // Whoever floods us is not read from any more, not even to be told why.
        if self.ended && self.http2.is_some() {
            return Poll::Ready(Ok(()));
        }
        self.poll_linger(cx).map(Ok)
    }
}

type Farewell = [u8; FAREWELL_BYTES];

/// How much is read behind a request that wants another protocol, before its response.
const MOST_BEHIND_UPGRADE: usize = 4 * 1024;
/// Longer than a round trip to anywhere; what is still on its way then may see a reset.
const LINGER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use super::*;

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
            let slot = Slot { _of_all: permit, _of_address: None };
            let activity = Activity::new(slot, Terms { requests: 1, age: Duration::MAX });
            let counters = Arc::<Counters>::default();
            let mut io =
                ClientIo::new(Narrow::default(), activity, counters, &Limits::default(), Protocol::Http1);
            let interim = io.interim().expect("HTTP/1.1 has a slot");
            let mut cx = Context::from_waker(std::task::Waker::noop());
            let mut hyper = BEFORE;
            let mut has_begun = false;
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
                    if !has_begun && !interim.is_filled() {
                        (hyper, has_begun) = (FINAL, true);
                    }
                }
            }
            assert_eq!(io.stream.taken, [BEFORE, INTERIM, FINAL].concat(), "{room} bytes at a time");
        }
    }
}
