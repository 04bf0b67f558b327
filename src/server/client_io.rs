//! A client's connection, with an eye on the clock.
//!
//! hyper's own timer counts idle time and the time for a head as one, and is
//! set anew for each request. Here one timer a connection does both. The bytes
//! of HTTP/1.1 pass by [`Framing`] before hyper reads them, and a connection
//! is closed so that the client can still read why.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep},
};

use super::{Limits, framing::Framing};
use crate::stall::Stall;

/// How many requests of a connection are running.
#[derive(Debug)]
pub(super) struct Activity {
    running: AtomicU32,
    begun: AtomicU32,
    switched: AtomicBool,
    began_at: Instant,
    /// When the last request ended, in milliseconds after `began_at`.
    ended_after: AtomicU64,
    /// Kept here because a connection that has changed its protocol outlives the task that served it.
    _slot: Slot,
}

/// One of the connections that there may be at a time.
pub(super) type Slot = OwnedSemaphorePermit;

/// One request that runs; it has ended when this is dropped.
#[derive(Debug)]
pub(super) struct Running(Arc<Activity>);

impl Activity {
    pub(super) fn new(slot: Slot) -> Arc<Self> {
        Arc::new(Self {
            running: AtomicU32::new(0),
            begun: AtomicU32::new(0),
            switched: AtomicBool::new(false),
            began_at: Instant::now(),
            ended_after: AtomicU64::new(0),
            _slot: slot,
        })
    }

    /// Since when nothing runs, if nothing runs.
    fn idle_since(&self) -> Instant {
        self.began_at + Duration::from_millis(self.ended_after.load(Ordering::Relaxed))
    }

    pub(super) fn begin(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(self))
    }
}

impl Running {
    /// The connection has changed its protocol and belongs to this request for good.
    pub(super) fn for_good(self) {
        self.0.running.fetch_add(1, Ordering::Relaxed);
        self.0.switched.store(true, Ordering::Relaxed);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let millis = u64::try_from(self.0.began_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.ended_after.store(millis, Ordering::Relaxed);
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that fails when its client takes too long.
#[derive(Debug)]
pub(super) struct ClientIo<T> {
    stream: T,
    activity: Arc<Activity>,
    idle_timeout: Duration,
    header_timeout: Duration,
    /// The requests that had begun when the deadline was set.
    seen: u32,
    /// Whether something of the next head has arrived.
    head_began: bool,
    /// Until then the next request must have begun; `None` while one runs.
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    stalled_writes: Stall,
    /// For HTTP/1.1, where single bytes can be told to belong to a head; in HTTP/2 they may be anything.
    framing: Option<Framing>,
    /// Something came that must not be read on from.
    ended: bool,
    /// How much longer a client may take to notice that we have closed.
    linger: Option<Pin<Box<Sleep>>>,
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
    pub(super) fn new(stream: T, activity: Arc<Activity>, limits: &Limits, protocol: Protocol) -> Self {
        Self {
            stream,
            activity,
            idle_timeout: limits.idle_timeout,
            header_timeout: limits.header_timeout,
            seen: 0,
            head_began: false,
            deadline: None,
            timer: None,
            stalled_writes: Stall::new(limits.write_timeout),
            framing: (protocol == Protocol::Http1).then(Framing::new),
            ended: false,
            linger: None,
        }
    }

    fn is_busy(&self) -> bool {
        self.activity.running.load(Ordering::Relaxed) > 0
    }

    /// Bytes have come while no request ran: the next head has begun.
    fn note_bytes(&mut self) {
        if self.framing.is_some() && !self.head_began && !self.is_busy() {
            self.head_began = true;
            self.seen = self.activity.begun.load(Ordering::Relaxed);
            self.deadline = Some(Instant::now() + self.header_timeout);
        }
    }

    /// Has the stream read from again, for nobody else does: once hyper has found nothing to read, it waits
    /// for the client's next byte, and the end of a request alone would never start the idle time.
    fn look_again(&mut self, cx: &mut Context<'_>) {
        let after = self.idle_timeout;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(after)));
        while timer.as_mut().poll(cx).is_ready() {
            timer.as_mut().reset(Instant::now() + after);
        }
    }

    /// Whatever is not framed as it must be is replaced by a NUL, which hyper refuses wherever it stands:
    /// in a head with 400, in a body by breaking it off. Nothing is read after it.
    fn follow(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        if self.activity.switched.load(Ordering::Relaxed) {
            self.framing = None;
        }
        let Some(framing) = &mut self.framing else { return };
        let read = buf.filled().get(before..).unwrap_or_default();
        if let Some(misplaced) = framing.follow(read) {
            buf.set_filled(before + misplaced);
            buf.put_slice(&[0]);
            self.ended = true;
        }
    }

    /// Nothing is there to be read: ready if that has been so for too long.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_busy() {
            self.deadline = None;
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
        loop {
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
            if timer.deadline() > deadline {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            // It was set for an earlier deadline, which has moved since.
            timer.as_mut().reset(deadline);
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
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending => self.poll_late(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
            Poll::Ready(read) => {
                if buf.filled().len() > before {
                    self.note_bytes();
                    self.follow(buf, before);
                }
                Poll::Ready(read)
            }
        }
    }
}

impl<T: AsyncRead + Unpin> ClientIo<T> {
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
    fn poll_moved<R>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        match polled {
            Poll::Pending => self.stalled_writes.poll_wait(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
            ready @ Poll::Ready(_) => {
                self.stalled_writes.moved();
                ready
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ClientIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.poll_moved(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.poll_moved(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.poll_moved(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
            std::task::ready!(self.poll_moved(cx, polled))?;
        }
        self.poll_linger(cx).map(Ok)
    }
}

/// Longer than a round trip to anywhere; what is still on its way then may see a reset.
const LINGER: Duration = Duration::from_secs(1);
