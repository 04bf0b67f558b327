//! The socket, and what it has noted of its connection.

use std::{io, sync::Arc};

use bytes::Bytes;

use super::super::{
    activity::Activity,
    held_bytes::HeldBytes,
    http1_guard::Http1Guard,
    http2_guard::{GOAWAY_BYTES, Http2Guard},
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
pub(in crate::server) struct CountedSocket<T> {
    pub(super) stream: T,
    pub(super) activity: Arc<Activity>,
    pub(super) counters: Arc<Counters>,
    pub(super) max_headers: usize,
    pub(super) deadline: ReadDeadline,
    /// Something was written that may still be on its way through TLS.
    pub(super) unsent: bool,
    pub(super) stalled_writes: Stall,
    pub(super) pace_of_writes: Pace,
    /// Responses that h2 holds whole, and whose client takes nothing of them.
    pub(super) untaken: Stall,
    /// For HTTP/1.1, until the connection changes its protocol.
    pub(super) http1: Option<Http1Guard>,
    /// For HTTP/1.1: interim responses, left there by `forward`.
    pub(super) interim: Option<InterimSlot>,
    /// Interim responses that have been taken from there and not been written yet.
    pub(super) interim_left: Bytes,
    /// For HTTP/1.1: the bytes behind a request that wants another protocol.
    pub(super) held: HeldBytes,
    /// Whether hyper's own refusals of heads of HTTP/1.1 are dropped.
    pub(super) own_refusals: OwnRefusals,
    /// For HTTP/2. In a box, because connections of HTTP/1.1 have none.
    pub(super) http2: Option<Box<Http2Guard>>,
    /// The GOAWAY for a client of HTTP/2 that sent what it must not, and how much of it has left.
    pub(super) goaway: Option<([u8; GOAWAY_BYTES], usize)>,
    /// The socket is not read from any more, because of the bytes that came.
    pub(super) ended: bool,
    pub(super) linger: Option<Linger>,
}

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Protocol {
    /// One request at a time.
    Http1,
    /// Many requests at a time, in streams.
    Http2,
}

impl<T> CountedSocket<T> {
    pub(in crate::server) fn new(
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
    pub(in crate::server) fn interim(&self) -> Option<InterimSlot> {
        self.interim.clone()
    }

    /// From now on, what hyper writes when it refuses a head by itself is dropped.
    pub(in crate::server) fn drop_refusals(&mut self) {
        self.own_refusals.drop_them();
    }

    /// From now on, what is written is sent; see [`OwnRefusals::take_over`].
    pub(in crate::server) fn take_over(&mut self) -> bool {
        self.own_refusals.take_over(&self.activity)
    }

    /// Counts the limit that the client has reached; returns the error that ends the connection.
    pub(super) fn is_late<R>(&self, limit: Limit) -> io::Result<R> {
        self.counters.reached(limit);
        if limit == Limit::HeaderTimeout {
            self.activity.note_late_head();
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}
