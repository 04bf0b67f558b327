//! What one worker counts.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use foldhash::fast::RandomState;

use super::{
    Limit,
    exposition::Exposition,
    histogram::{Histogram, STEPS, Sum},
    lock,
};

/// The counters of one worker. Everybody may read them.
#[derive(Debug, Default)]
pub struct Counters {
    limits: [AtomicU64; Limit::ALL.len()],
    connections: [AtomicU64; Spoken::ALL.len()],
    opened: AtomicU64,
    closed: AtomicU64,
    failed_handshakes: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    requests: Histogram,
    upstreams: Histogram,
    /// Locked by the worker alone, but for the moment in which somebody scrapes.
    apps: Mutex<HashMap<Box<str>, [u64; CLASSES.len()], RandomState>>,
    faults: Mutex<BTreeMap<(Box<str>, &'static str), u64>>,
    unfinished: Mutex<BTreeMap<(Box<str>, &'static str), u64>>,
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP/1.1 over TLS.
    Http1,
    /// HTTP/2 over TLS.
    Http2,
    /// HTTP/1.1 on the plain port, which only redirects.
    Plain,
}

/// A connection that is open until this is dropped.
#[derive(Debug)]
pub struct Connected(Arc<Counters>);

impl Spoken {
    const ALL: [Self; 3] = [Self::Http1, Self::Http2, Self::Plain];

    fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "h2",
            Self::Plain => "plain",
        }
    }
}

impl Counters {
    /// A client was stopped by this limit.
    pub fn reached(&self, limit: Limit) {
        add_to(&self.limits, limit as usize);
    }

    /// A connection was accepted.
    pub fn connected(self: &Arc<Self>) -> Connected {
        self.opened.fetch_add(1, Ordering::Relaxed);
        Connected(Arc::clone(self))
    }

    /// A TLS handshake came to nothing.
    pub fn handshake_failed(&self) {
        self.failed_handshakes.fetch_add(1, Ordering::Relaxed);
    }

    /// So many bytes came from a client, within TLS.
    pub fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// So many bytes went to a client, within TLS.
    pub fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A request has ended: with this status, `499` if its client did not wait, after this time.
    /// `app` is `None` where the gateway itself answered.
    pub fn answered(&self, app: Option<&str>, status: u16, time: Duration, upstream_time: Option<Duration>) {
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

    /// An upstream did not answer a request as it should; `kind` is one of a few fixed words.
    pub fn faulted(&self, app: &str, kind: &'static str) {
        *lock(&self.faults).entry((app.into(), kind)).or_default() += 1;
    }

    /// An upstream did not finish a response's body; `ended` is one of a few fixed words.
    pub fn unfinished(&self, app: &str, ended: &'static str) {
        *lock(&self.unfinished).entry((app.into(), ended)).or_default() += 1;
    }
}

impl Connected {
    /// What is spoken on it is known.
    pub fn speaks(&self, spoken: Spoken) {
        add_to(&self.0.connections, spoken as usize);
    }
}

impl Drop for Connected {
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

/// The sums over all workers.
pub(super) fn tell(workers: &[Arc<Counters>], text: &mut Exposition) {
    let sum = |of: fn(&Counters) -> &AtomicU64| -> u64 {
        workers.iter().map(|it| of(it).load(Ordering::Relaxed)).sum()
    };
    tell_requests(workers, text);
    histogram(
        workers,
        ("portcullis_request_duration_seconds", "From the head of a request to the end of its answer."),
        |counters| &counters.requests,
        text,
    );
    histogram(
        workers,
        (
            "portcullis_upstream_duration_seconds",
            "From a forwarded head to the head of the upstream's answer.",
        ),
        |counters| &counters.upstreams,
        text,
    );
    text.family(
        "portcullis_connections_total",
        "counter",
        "Connections that were accepted, by what they spoke.",
    );
    for (place, spoken) in Spoken::ALL.iter().enumerate() {
        text.sample(&[("protocol", spoken.as_str())], sum_at(workers, |it| &it.connections, place));
    }
    text.family("portcullis_connections_open", "gauge", "Connections of clients.");
    // What closed is read first, or a connection in between could make it less than nothing.
    let closed = sum(|counters| &counters.closed);
    text.sample(&[], sum(|counters| &counters.opened).saturating_sub(closed));
    text.family("portcullis_handshake_failures_total", "counter", "TLS handshakes that came to nothing.");
    text.sample(&[], sum(|counters| &counters.failed_handshakes));
    text.family("portcullis_received_bytes_total", "counter", "Bytes from clients, within TLS.");
    text.sample(&[], sum(|counters| &counters.received));
    text.family("portcullis_sent_bytes_total", "counter", "Bytes to clients, within TLS.");
    text.sample(&[], sum(|counters| &counters.sent));
    text.family(
        "portcullis_limit_reached_total",
        "counter",
        "Requests, streams and connections that a limit ended or refused, by its key in [limits].",
    );
    for (place, limit) in Limit::ALL.iter().enumerate() {
        text.sample(&[("limit", limit.as_str())], sum_at(workers, |it| &it.limits, place));
    }
}

fn tell_requests(workers: &[Arc<Counters>], text: &mut Exposition) {
    let mut apps = BTreeMap::<Box<str>, [u64; CLASSES.len()]>::new();
    let (mut faults, mut unfinished) = (BTreeMap::new(), BTreeMap::new());
    for counters in workers {
        for (app, counts) in lock(&counters.apps).iter() {
            let sums = apps.entry(app.clone()).or_insert([0; CLASSES.len()]);
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        for (fault, count) in lock(&counters.faults).iter() {
            *faults.entry(fault.clone()).or_insert(0) += count;
        }
        for (response, count) in lock(&counters.unfinished).iter() {
            *unfinished.entry(response.clone()).or_insert(0) += count;
        }
    }
    text.family(
        "portcullis_requests_total",
        "counter",
        "Requests that have ended, by app (none: the gateway's own answers) and class of status; gone: the client did not wait.",
    );
    for (app, counts) in &apps {
        for (class, count) in CLASSES.iter().zip(counts).filter(|(_, count)| **count > 0) {
            text.sample(&[("app", app), ("status", class)], count);
        }
    }
    text.family(
        "portcullis_upstream_faults_total",
        "counter",
        "Requests that an upstream did not answer as it should, by what happened.",
    );
    for ((app, kind), count) in &faults {
        text.sample(&[("app", app), ("kind", kind)], count);
    }
    text.family(
        "portcullis_unfinished_responses_total",
        "counter",
        "Responses whose head was passed on and whose body the upstream did not finish, by how it ended.",
    );
    for ((app, ended), count) in &unfinished {
        text.sample(&[("app", app), ("ended", ended)], count);
    }
}

fn sum_at<const N: usize>(
    workers: &[Arc<Counters>],
    of: impl Fn(&Counters) -> &[AtomicU64; N],
    place: usize,
) -> u64 {
    workers.iter().filter_map(|it| of(it).get(place)).map(|count| count.load(Ordering::Relaxed)).sum()
}

fn histogram(
    workers: &[Arc<Counters>],
    (name, help): (&'static str, &str),
    of: fn(&Counters) -> &Histogram,
    text: &mut Exposition,
) {
    let mut sum = Sum::default();
    for counters in workers {
        sum.add(of(counters));
    }
    text.family(name, "histogram", help);
    let mut so_far = 0;
    let steps = STEPS.iter().map(|(_, written)| *written).chain(["+Inf"]);
    for (step, count) in steps.zip(sum.counts) {
        so_far += count;
        text.part("_bucket", &[("le", step)], so_far);
    }
    text.part("_sum", &[], Duration::from_micros(sum.micros).as_secs_f64());
    text.part("_count", &[], so_far);
}

/// Of answers; the last are those that nobody waited for.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "gone"];
