//! The requests of one client connection, shared by everything that serves it.
//!
//! `counted_socket` notes what it reads and writes, `http1` and `http2` note each request as a [`RunningRequest`]; both ask
//! here what the other has noted. It is shared behind an `Arc` and made of atomics, because hyper moves a connection that
//! has changed its protocol to a task that it takes for one of any thread; all of it runs on the worker's own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::addresses::AddressSlot;
use crate::telemetry::Limit;

/// The requests of one connection, and what has become of them.
#[derive(Debug)]
pub(super) struct Activity {
    opened_at: Instant,
    terms: ConnectionTerms,
    running: AtomicU32,
    started: AtomicU32,
    /// Responses that have started and whose body has not ended.
    responding: AtomicU32,
    /// When something that a request may begin with was last read, in milliseconds after `opened_at`.
    read_after: AtomicU64,
    /// When the last request ended, in milliseconds after `opened_at`.
    ended_after: AtomicU64,
    /// When the socket last took nothing more, in milliseconds after `opened_at`.
    full_after: AtomicU64,
    /// The connection has changed its protocol.
    switched: Flag,
    /// The connection has reached one of its terms, which was counted.
    retired: Flag,
    /// A head had more header fields than it may have.
    many_fields: Flag,
    /// A head had started and did not come whole in time.
    late_head: Flag,
    /// A head of HTTP/2 was larger than is read to be refused.
    large_head: Flag,
    /// hyper had nothing of the connection when it last found nothing to read.
    rests: Flag,
    /// The socket holds bytes back until the response to a request that wants another protocol.
    holds: Flag,
    /// The task that is woken by that response.
    holder: AtomicWaker,
    streams: Streams,
    /// Held here because a connection that has changed its protocol outlives the task that served it.
    _slot: ConnectionSlot,
}

/// Streams of HTTP/2.
#[derive(Debug, Default)]
struct Streams {
    opened: AtomicU32,
    /// Those that h2 has refused by itself and that are not in the access log.
    refused: AtomicU32,
    /// Those that h2 has refused by itself and that are.
    logged: AtomicU32,
}

/// A flag that is set at most once in a while, without ordering.
#[derive(Debug, Default)]
struct Flag(AtomicBool);

/// One of the connections that there may be at a time, in all and of an address.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    pub(super) _of_all: OwnedSemaphorePermit,
    /// `None`: its address may have as many as it likes.
    pub(super) _of_address: Option<AddressSlot>,
}

/// After how many requests, and at what age, a connection is closed.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionTerms {
    /// Maximum number of requests.
    pub(super) requests: u32,
    /// Maximum age, checked when a request comes.
    pub(super) age: Duration,
}

/// One request that runs; it has ended when this is dropped.
#[derive(Debug)]
pub(super) struct RunningRequest {
    activity: Arc<Activity>,
    is_responding: bool,
}

impl Activity {
    pub(super) fn new(slot: ConnectionSlot, terms: ConnectionTerms) -> Arc<Self> {
        Arc::new(Self {
            opened_at: Instant::now(),
            terms,
            running: AtomicU32::default(),
            started: AtomicU32::default(),
            responding: AtomicU32::default(),
            read_after: AtomicU64::default(),
            ended_after: AtomicU64::default(),
            full_after: AtomicU64::default(),
            switched: Flag::default(),
            retired: Flag::default(),
            many_fields: Flag::default(),
            late_head: Flag::default(),
            large_head: Flag::default(),
            rests: Flag::default(),
            holds: Flag::default(),
            holder: AtomicWaker::new(),
            streams: Streams::default(),
            _slot: slot,
        })
    }

    /// A request has started.
    pub(super) fn start(self: &Arc<Self>) -> RunningRequest {
        self.running.fetch_add(1, Relaxed);
        self.started.fetch_add(1, Relaxed);
        self.rests.clear();
        RunningRequest { activity: Arc::clone(self), is_responding: false }
    }

    /// How many requests have started, wrapping around.
    pub(super) fn started(&self) -> u32 {
        self.started.load(Relaxed)
    }

    /// How many responses have started whose body has not ended.
    pub(super) fn responding(&self) -> usize {
        self.responding.load(Relaxed) as usize
    }

    /// Whether a request runs.
    pub(super) fn is_busy(&self) -> bool {
        self.running.load(Relaxed) > 0
    }

    /// Since when no request runs, if none runs.
    pub(super) fn idle_since(&self) -> Instant {
        self.opened_at + Duration::from_millis(self.ended_after.load(Relaxed))
    }

    /// Whether the connection has changed its protocol.
    pub(super) fn is_switched(&self) -> bool {
        self.switched.is_set()
    }

    /// Something that a request may begin with was read.
    pub(super) fn note_read(&self, now: Instant) {
        self.read_after.store(self.millis_at(now), Relaxed);
    }

    /// The socket takes nothing more.
    pub(super) fn note_full(&self) {
        self.full_after.store(self.millis_at(Instant::now()), Relaxed);
    }

    /// When the socket last took nothing more: until then, whatever did not move waited for the network.
    pub(super) fn full_at(&self) -> Instant {
        self.opened_at + Duration::from_millis(self.full_after.load(Relaxed))
    }

    /// A head has more header fields than it may have; whether that is the first one.
    pub(super) fn note_many_fields(&self) -> bool {
        !self.many_fields.set()
    }

    /// Whether a head had more header fields than it may have.
    pub(super) fn has_many_fields(&self) -> bool {
        self.many_fields.is_set()
    }

    /// A head has started and does not come whole in time.
    pub(super) fn note_late_head(&self) {
        self.late_head.set();
    }

    /// Whether a head had started and did not come whole in time.
    pub(super) fn has_late_head(&self) -> bool {
        self.late_head.is_set()
    }

    /// A head of HTTP/2 is larger than is read to be refused.
    pub(super) fn note_large_head(&self) {
        self.large_head.set();
    }

    /// Whether the connection ends because a head of HTTP/2 was larger than is read to be refused.
    pub(super) fn has_large_head(&self) -> bool {
        self.large_head.is_set()
    }

    /// hyper finds nothing to read, and has nothing of the connection (`true`), or something that would be missed.
    pub(super) fn note_rest(&self, rests: bool) {
        self.rests.0.store(rests, Relaxed);
    }

    /// Whether hyper had nothing of the connection that would be missed, when it last found nothing to read.
    pub(super) fn rests(&self) -> bool {
        self.rests.is_set()
    }

    /// The socket holds back what comes behind a request that wants another protocol.
    pub(super) fn hold(&self) {
        self.holds.set();
    }

    /// Ready if nothing is to be held back: the request has changed the protocol, or its response has ended. `has_started`
    /// says whether so many started requests include that one.
    pub(super) fn poll_held(&self, cx: &mut Context<'_>, has_started: impl FnOnce(u32) -> bool) -> Poll<()> {
        if self.holds.is_set() {
            self.holder.register(cx.waker());
            if !self.is_switched() && (self.is_busy() || !has_started(self.started())) {
                return Poll::Pending;
            }
            self.holds.clear();
        }
        Poll::Ready(())
    }

    /// How many streams of HTTP/2 the client has opened.
    pub(super) fn note_opened(&self, opened: u32) {
        self.streams.opened.store(opened, Relaxed);
    }

    /// h2 has refused a request by itself.
    pub(super) fn note_refused(&self) {
        self.streams.refused.fetch_add(1, Relaxed);
    }

    /// Requests of HTTP/2 that h2 has refused by itself since this was asked last, because their head was malformed. Asked
    /// when hyper has taken all that h2 has read.
    pub(super) fn take_refused(&self) -> u32 {
        let Streams { opened, refused, logged } = &self.streams;
        let refused = refused.swap(0, Relaxed);
        if refused == 0 {
            return 0;
        }
        // A stream that was reset after its request had started is in the log already.
        let in_log = self.started().wrapping_add(logged.load(Relaxed));
        let refused = refused.min(opened.load(Relaxed).wrapping_sub(in_log));
        logged.fetch_add(refused, Relaxed);
        refused
    }

    fn millis_at(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.opened_at).as_millis()).unwrap_or(u64::MAX)
    }
}

impl RunningRequest {
    /// Its response has started.
    pub(super) fn respond(&mut self) {
        if !std::mem::replace(&mut self.is_responding, true) {
            self.activity.responding.fetch_add(1, Relaxed);
        }
    }

    /// The term that the connection has just reached, if any: it takes no more requests.
    pub(super) fn retires(&self) -> Option<Limit> {
        let Activity { terms, started, read_after, retired, .. } = &*self.activity;
        let reached = if started.load(Relaxed) >= terms.requests {
            Limit::RequestsPerConnection
        } else if Duration::from_millis(read_after.load(Relaxed)) >= terms.age {
            Limit::ConnectionAge
        } else {
            return None;
        };
        (!retired.set()).then_some(reached)
    }

    /// The connection has changed its protocol and belongs to this request until it ends.
    pub(super) fn keep_connection(self) {
        self.activity.running.fetch_add(1, Relaxed);
        self.activity.switched.set();
    }
}

impl Drop for RunningRequest {
    fn drop(&mut self) {
        let Activity { running, responding, ended_after, holds, holder, .. } = &*self.activity;
        ended_after.store(self.activity.millis_at(Instant::now()), Relaxed);
        running.fetch_sub(1, Relaxed);
        if self.is_responding {
            responding.fetch_sub(1, Relaxed);
        }
        if holds.is_set() {
            holder.wake();
        }
    }
}

impl Flag {
    /// Sets it; whether it was set before.
    fn set(&self) -> bool {
        self.0.swap(true, Relaxed)
    }

    fn clear(&self) {
        self.0.store(false, Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }
}
