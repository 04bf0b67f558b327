//! A client's connection, with an eye on the clock.
//!
//! hyper's own timer counts idle time and the time for a head as one, and is
//! set anew for each request. Here one timer a connection does both, and is
//! only looked at while nobody's request is running.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep},
};

use super::Limits;
use crate::stall::Stall;

/// How many requests of a connection are running.
#[derive(Debug)]
pub(super) struct Activity {
    running: AtomicU32,
    begun: AtomicU32,
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
        Arc::new(Self { running: AtomicU32::new(0), begun: AtomicU32::new(0), _slot: slot })
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
    }
}

impl Drop for Running {
    fn drop(&mut self) {
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
    /// Whether single bytes can be told to belong to a head: in HTTP/2 they may be anything.
    one_request_at_a_time: bool,
}

impl<T> ClientIo<T> {
    pub(super) fn new(
        stream: T,
        activity: Arc<Activity>,
        limits: &Limits,
        one_request_at_a_time: bool,
    ) -> Self {
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
            one_request_at_a_time,
        }
    }

    fn is_busy(&self) -> bool {
        self.activity.running.load(Ordering::Relaxed) > 0
    }

    /// Bytes have come while no request ran: the next head has begun.
    fn note_bytes(&mut self) {
        if self.one_request_at_a_time && !self.head_began && !self.is_busy() {
            self.head_began = true;
            self.seen = self.activity.begun.load(Ordering::Relaxed);
            self.deadline = Some(Instant::now() + self.header_timeout);
        }
    }

    /// Nothing is there to be read: ready if that has been so for too long.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_busy() {
            self.deadline = None;
            return Poll::Pending;
        }
        let begun = self.activity.begun.load(Ordering::Relaxed);
        let deadline = match self.deadline {
            Some(deadline) if begun == self.seen => deadline,
            _ => {
                self.seen = begun;
                self.head_began = false;
                *self.deadline.insert(Instant::now() + self.idle_timeout)
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
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending => self.poll_late(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
            Poll::Ready(read) => {
                if buf.filled().len() > before {
                    self.note_bytes();
                }
                Poll::Ready(read)
            }
        }
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

impl<T: AsyncWrite + Unpin> AsyncWrite for ClientIo<T> {
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
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.poll_moved(cx, polled)
    }
}
