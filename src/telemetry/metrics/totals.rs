//! The sums of the counters of all workers.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    ConnectionProtocol, Limit,
    counters::{CLASSES, Counters},
    exposition::Exposition,
    histogram::{Histogram, STEPS, Sum},
    lock,
};

/// Writes the sums over all workers.
pub(super) fn write(workers: &[Arc<Counters>], text: &mut Exposition) {
    let sum = |of: fn(&Counters) -> &AtomicU64| -> u64 {
        workers.iter().map(|it| of(it).load(Ordering::Relaxed)).sum()
    };
    write_requests(workers, text);
    write_histogram(
        workers,
        ("portcullis_request_duration_seconds", "From the head of a request to the end of its response."),
        |counters| &counters.requests,
        text,
    );
    write_histogram(
        workers,
        (
            "portcullis_upstream_duration_seconds",
            "From a forwarded head to the head of the upstream's response.",
        ),
        |counters| &counters.upstreams,
        text,
    );
    text.family("portcullis_connections_total", "counter", "Accepted connections, by protocol.");
    for (place, protocol) in ConnectionProtocol::ALL.iter().enumerate() {
        text.sample(&[("protocol", protocol.as_str())], sum_at(workers, |it| &it.connections, place));
    }
    text.family("portcullis_connections_open", "gauge", "Connections of clients.");
    // `closed` is read first: a connection that opens and closes in between would make the difference negative.
    let closed = sum(|counters| &counters.closed);
    text.sample(&[], sum(|counters| &counters.opened).saturating_sub(closed));
    text.family("portcullis_handshake_failures_total", "counter", "Failed TLS handshakes.");
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

fn write_requests(workers: &[Arc<Counters>], text: &mut Exposition) {
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
        "Requests that have ended, by app (empty: responses of the gateway itself) and class of status; gone: the client had disconnected.",
    );
    for (app, counts) in &apps {
        for (class, count) in CLASSES.iter().zip(counts).filter(|(_, count)| **count > 0) {
            text.sample(&[("app", app), ("status", class)], count);
        }
    }
    text.family("portcullis_upstream_faults_total", "counter", "Faults of upstreams, by kind.");
    for ((app, kind), count) in &faults {
        text.sample(&[("app", app), ("kind", kind)], count);
    }
    text.family(
        "portcullis_unfinished_responses_total",
        "counter",
        "Responses whose head was passed on and whose body the upstream did not finish, by reason.",
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

fn write_histogram(
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
