//! How often a request of somebody who is signed in asks the allocator for memory.
//!
//! The gateway runs on the test's own thread, as a worker does: real sockets, TLS, session, rules, upstream, access
//! log. Client and upstream have other threads, and only this one's allocations are counted.
//! A reallocation counts as one. The test is a program of its own, because its allocator is.

#[expect(dead_code, reason = "the benches take of it what they need")]
#[path = "../benches/support/mod.rs"]
mod support;

use std::io::{self, Write};

use support::{Here, Protocol, Visits};

/// What a request may cost. Whoever makes it cost less writes down here what the test says then.
const HTTP1: u64 = 6;
/// See [`HTTP1`].
const HTTP2: u64 = 12;

#[test]
fn an_http1_request_of_somebody_signed_in_takes_no_more_allocations_than_it_did() {
    assert_no_more_than(HTTP1, Protocol::Http1);
}

#[test]
fn an_http2_request_of_somebody_signed_in_takes_no_more_allocations_than_it_did() {
    assert_no_more_than(HTTP2, Protocol::Http2);
}

fn assert_no_more_than(most: u64, protocol: Protocol) {
    let worker = Here::start(protocol, Visits::One);
    // Connections, caches, buffers at their size.
    worker.serve(worker.order(WARM_UP));
    let ordered = worker.order(REQUESTS);
    let counted = allocation_counter::measure(|| worker.serve(ordered));
    // What comes by the clock (the log is handed over, caches tidy up) is much less than half of one for each request.
    let each = (counted.count_total + REQUESTS as u64 / 2) / REQUESTS as u64;
    let bytes = counted.bytes_total / REQUESTS as u64;
    // Past the harness, which keeps what is printed from whoever watches.
    writeln!(io::stderr(), "{protocol:?}: {each} allocations, {bytes} bytes a request")
        .expect("an open stderr");
    assert!(
        each <= most,
        "{protocol:?}: a request takes {each} allocations ({bytes} bytes), and took {most}; spare them, or say here why not"
    );
}

const WARM_UP: usize = 500;
const REQUESTS: usize = 1000;
