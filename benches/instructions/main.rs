//! Repeats one stage of a request, for callgrind to count its instructions.
//!
//! `benches/instructions/run` runs this under callgrind once for each stage. Only instructions inside [`tally`] on its
//! thread count: no preparation, no client, no upstream, no kernel. By hand:
//!
//!     instructions                 lists the stages with their repetitions
//!     instructions decision        runs one stage

#![expect(clippy::print_stdout, reason = "instructions.py reads the list")]

#[path = "../support/samples.rs"]
mod samples;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "each bench uses a part of it")]
mod support;

use std::{env, hint::black_box, io, sync::Arc};

use http::{Method, StatusCode, Uri, uri::PathAndQuery};
use portcullis::{
    access::{Policy, decide},
    identity::{Identity, Proofs},
    request::{NormalPath, RequestIds, Target, TrustedProxies},
    shield::{Audience, Shield},
    telemetry::{AccessLog, Format, LogWriter},
};
use samples::{
    CLIENT, NOW, access_record, alice, browser_headers, look_up, policy, response_headers, signed_in, target,
};
use support::{Here, Proof, Protocol, Visits};

/// A stage of a request: its name, its repetitions, and the function that repeats it.
struct Stage(&'static str, usize, fn(usize));

const STAGES: &[Stage] = &[
    Stage("path", 1000, |times| paths(times, PLAIN_PATH)),
    Stage("path, ambiguous", 1000, |times| paths(times, "/api/queues/%2F/get;v=1//x")),
    Stage("target", 1000, targets),
    Stage("route", 1000, |times| routes(times, &policy(1, 10))),
    Stage("route, 1000 apps", 1000, |times| routes(times, &policy(1000, 10))),
    Stage("session", 1000, sessions),
    Stage("decision", 1000, |times| decisions(times, &policy(1, 10))),
    Stage("decision, 10000 rules", 1000, |times| decisions(times, &policy(1, 10_000))),
    Stage("headers of the response", 1000, headers_of_the_response),
    Stage("access log", 1000, access_log),
    Stage("whole request, HTTP/1.1", 500, |times| whole_requests(times, HTTP1, Proof::Session)),
    Stage("whole request, HTTP/2", 500, |times| whole_requests(times, HTTP2, Proof::Session)),
    Stage("with a token, HTTP/1.1", 500, |times| whole_requests(times, HTTP1, Proof::Token)),
    Stage("with a token, HTTP/2", 500, |times| whole_requests(times, HTTP2, Proof::Token)),
    Stage("with an assertion, HTTP/1.1", 500, |times| whole_requests(times, HTTP1, Proof::Asserted)),
    Stage("with an assertion, HTTP/2", 500, |times| whole_requests(times, HTTP2, Proof::Asserted)),
    Stage("handshake and request", 100, |times| whole_requests(times, HANDSHAKES, Proof::Session)),
];

fn main() {
    match env::args().skip(1).find(|argument| argument != "--bench") {
        None => {
            for Stage(name, times, _) in STAGES {
                println!("{times}\t{name}");
            }
        }
        Some(wanted) => {
            let Stage(_, times, run) =
                STAGES.iter().find(|stage| stage.0 == wanted).expect("the name of a stage");
            run(*times);
        }
    }
}

/// Callgrind counts inside this function; `instructions.py` knows its name.
#[inline(never)]
fn tally(work: &mut dyn FnMut()) {
    work();
}

/// Prepares inputs, then counts the work on them. One repetition before the count does the work of a first use.
fn count<T, M>(times: usize, prepare: impl FnMut() -> T, mut work: impl FnMut(T) -> M) {
    let mut prepared: Vec<T> = std::iter::repeat_with(prepare).take(times + 1).collect();
    prepared.pop().map(&mut work);
    tally(&mut || {
        for each in prepared.drain(..) {
            black_box(work(black_box(each)));
        }
    });
}

fn paths(times: usize, path: &'static str) {
    let received = PathAndQuery::from_static(path);
    count(times, || received.clone(), NormalPath::parse);
}

fn targets(times: usize) {
    let (headers, proxies) = (browser_headers(), TrustedProxies::default());
    let uri = Uri::from_static(PLAIN_PATH);
    count(times, || &uri, |uri| Target::read(&Method::GET, uri, &headers, CLIENT, &proxies));
}

fn routes(times: usize, policy: &Policy) {
    let target = target(PATH_OF_AN_APP);
    count(times, || &target, |target| policy.route(target));
}

fn decisions(times: usize, policy: &Policy) {
    let (identity, target) = (Identity::User(Arc::new(alice())), target(PATH_OF_AN_APP));
    let app = policy.route(&target).expect("every path has an app");
    let ask = || (identity.clone(), target.clone());
    count(times, ask, |(identity, target)| decide(policy, app, identity, &Proofs::default(), NOW, target));
}

fn sessions(times: usize) {
    let (sessions, browsers) = signed_in(1000);
    let mut next = browsers.iter().cycle();
    count(times, || next.next().expect("a cycle has no end"), |headers| look_up(&sessions, headers));
}

fn headers_of_the_response(times: usize) {
    let shield = Shield::standard();
    count(times, response_headers, |mut headers| {
        shield.complete(StatusCode::OK, &mut headers, Audience::SignedIn, None);
        headers
    });
}

fn access_log(times: usize) {
    let log = AccessLog::new(LogWriter::start(io::sink()).expect("a thread"), Format::Json);
    let ids = RequestIds::new();
    count(times, || ids.next(), |id| log.record(&access_record(id.as_str())));
}

fn whole_requests(times: usize, (protocol, visits): (Protocol, Visits), proof: Proof) {
    let worker = Here::start(protocol, visits, proof);
    worker.serve(worker.order(WARM_UP));
    let mut ordered = Some(worker.order(times));
    tally(&mut || ordered.take().into_iter().for_each(|ordered| worker.serve(ordered)));
}

const HTTP1: (Protocol, Visits) = (Protocol::Http1, Visits::One);
const HTTP2: (Protocol, Visits) = (Protocol::Http2, Visits::One);
const HANDSHAKES: (Protocol, Visits) = (Protocol::Http1, Visits::OneEach);
const PLAIN_PATH: &str = "/reports/2026/november/summary?page=2";
const PATH_OF_AN_APP: &str = "/app0/section7/page/x";
const WARM_UP: usize = 50;
