//! The counters of one worker.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use foldhash::fast::RandomState;

use super::{Limit, histogram::Histogram, lock};

/// The counters of one worker, their only writer; any thread may read them.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) limits: [AtomicU64; Limit::ALL.len()],
    pub(super) connections: [AtomicU64; ConnectionProtocol::ALL.len()],
    pub(super) opened: AtomicU64,
    pub(super) closed: AtomicU64,
    pub(super) failed_handshakes: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) requests: Histogram,
    pub(super) upstreams: Histogram,
    /// Locked by the worker, and by a scrape.
    pub(super) apps: Mutex<HashMap<Box<str>, [u64; CLASSES.len()], RandomState>>,
    pub(super) faults: Mutex<BTreeMap<(Box<str>, &'static str), u64>>,
    pub(super) unfinished: Mutex<BTreeMap<(Box<str>, &'static str), u64>>,
}

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionProtocol {
    /// HTTP/1.1 over TLS.
    Http1,
    /// HTTP/2 over TLS.
    Http2,
    /// HTTP/1.1 on the plain port, which only redirects.
    Plain,
}

/// A connection that is open until this is dropped.
#[derive(Debug)]
pub struct OpenConnection(Arc<Counters>);

impl ConnectionProtocol {
    pub(super) const ALL: [Self; 3] = [Self::Http1, Self::Http2, Self::Plain];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "h2",
            Self::Plain => "plain",
        }
    }
}

impl Counters {
    /// Counts a client that reached this limit.
    pub fn reached(&self, limit: Limit) {
        add_to(&self.limits, limit as usize);
    }

    /// Counts an accepted connection.
    pub fn connected(self: &Arc<Self>) -> OpenConnection {
        self.opened.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// Counts a TLS handshake that failed.
    pub fn handshake_failed(&self) {
        self.failed_handshakes.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts bytes from a client, within TLS.
    pub fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts bytes to a client, within TLS.
    pub fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts a request that has ended, with its status (499: the client had disconnected) and its duration.
    /// `app` is `None` for responses of the gateway itself.
    pub fn responded(&self, app: Option<&str>, status: u16, time: Duration, upstream_time: Option<Duration>) {
        self.requests.add(time);
        if let Some(time) = upstream_time {
            self.upstreams.add(time);
        }
        let app = app.unwrap_or_default();
        let mut apps = lock(&self.apps);
        let count = |counts: &mut [u64; CLASSES.len()]| {
            if let Some(count) = counts.get_mut(class_of(status)) {
                *count += 1;
            }
        };
        match apps.get_mut(app) {
            Some(counts) => count(counts),
            None => count(apps.entry(app.into()).or_default()),
        }
    }

    /// Counts a fault of an upstream; `kind` is one of a few fixed words.
    pub fn faulted(&self, app: &str, kind: &'static str) {
        *lock(&self.faults).entry((app.into(), kind)).or_default() += 1;
    }

    /// Counts a response whose body the upstream did not finish; `ended` is one of a few fixed words.
    pub fn unfinished(&self, app: &str, ended: &'static str) {
        *lock(&self.unfinished).entry((app.into(), ended)).or_default() += 1;
    }
}

impl OpenConnection {
    /// Counts the protocol of the connection, once it is known.
    pub fn count_protocol(&self, protocol: ConnectionProtocol) {
        add_to(&self.0.connections, protocol as usize);
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.closed.fetch_add(1, Ordering::Relaxed);
    }
}

fn add_to(counts: &[AtomicU64], place: usize) {
    if let Some(count) = counts.get(place) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

fn class_of(status: u16) -> usize {
    match status {
        499 => 5,
        status => usize::from(status / 100).saturating_sub(1).min(4),
    }
}

/// Classes of status codes; `gone` are responses whose client had disconnected.
pub(super) const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "gone"];
