//! Upper limits on the allocations for a request of a signed-in user.
//!
//! The gateway runs on the test's own thread, as a worker does: sockets, TLS, session, rules, upstream, access log.
//! Client and upstream run on other threads, whose allocations do not count. A reallocation counts as one.
//! The test has its own program because it replaces the allocator.

#[expect(dead_code, reason = "this test uses a part of it")]
#[path = "../benches/support/mod.rs"]
mod support;

use std::io::{self, Write};

use support::{Here, Proof, Protocol, Visits};

/// Maximum number of allocations for an HTTP/1.1 request: those measured, and a quarter more as room for a refactoring.
const HTTP1: u64 = 27;
/// Maximum number of allocations for an HTTP/2 request. See [`HTTP1`].
const HTTP2: u64 = 28;

#[test]
fn http1_request_of_a_signed_in_user_stays_within_the_limit_of_allocations() {
    assert_no_more_than(HTTP1, Protocol::Http1, Proof::Session);
}

#[test]
fn http2_request_of_a_signed_in_user_stays_within_the_limit_of_allocations() {
    assert_no_more_than(HTTP2, Protocol::Http2, Proof::Session);
}

#[test]
fn request_with_a_token_or_an_assertion_stays_within_the_limit_of_a_session() {
    for proof in [Proof::Token, Proof::Asserted] {
        assert_no_more_than(HTTP1, Protocol::Http1, proof);
        assert_no_more_than(HTTP2, Protocol::Http2, proof);
    }
}

fn assert_no_more_than(most: u64, protocol: Protocol, proof: Proof) {
    let worker = Here::start(protocol, Visits::One, proof);
    // Opens connections, fills caches, grows buffers.
    worker.serve(worker.order(WARM_UP));
    let ordered = worker.order(REQUESTS);
    let counted = allocation_counter::measure(|| worker.serve(ordered));
    // Rounds to the nearest number. Periodic work (log batches, cache maintenance) is much less than half an allocation.
    let each = (counted.count_total + REQUESTS as u64 / 2) / REQUESTS as u64;
    let bytes = counted.bytes_total / REQUESTS as u64;
    // Written directly, because the harness captures what a passing test prints.
    writeln!(io::stderr(), "{protocol:?}, {proof:?}: {each} allocations, {bytes} bytes a request")
        .expect("an open stderr");
    assert!(
        each <= most,
        "{protocol:?}, {proof:?}: a request takes {each} allocations ({bytes} bytes); the limit is {most}"
    );
}

const WARM_UP: usize = 500;
const REQUESTS: usize = 1000;
