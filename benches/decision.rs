//! The stages between the head of a request and its forwarding: path, rules, session, headers.
//!
//! All of them are pure or in memory. Their time must not grow with the number of rules, apps or sessions.

#[path = "support/samples.rs"]
mod samples;

use std::{hint::black_box, io, sync::Arc};

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{ORIGIN, SET_COOKIE},
    uri::PathAndQuery,
};
use portcullis::{
    access::decide,
    forward::{OwnedNames, Preset},
    identity::{Identity, Proofs},
    request::{NormalPath, RequestIds, Target, TrustedProxies},
    session::SessionToken,
    shield::{Audience, Senders, Sent, Shield},
    telemetry::{AccessLog, Format, LogWriter},
};
use samples::{
    CLIENT, NOW, access_record, alice, browser_headers, look_up, policy, response_headers, signed_in, target,
};

criterion_group!(benches, paths, targets, decisions, sessions, identity_headers, shields, access_log);
criterion_main!(benches);

fn paths(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("path");
    for (name, path) in [
        ("plain", "/reports/2026/november/summary?page=2"),
        ("upper case", "/Reports/2026/November/Summary"),
        ("encoded", "/caf%C3%A9/november%20summary"),
        ("ambiguous", "/api/queues/%2F/get;v=1//x"),
    ] {
        let received = PathAndQuery::from_static(path);
        group.bench_function(name, |bencher| bencher.iter(|| NormalPath::parse(black_box(received.clone()))));
    }
}

fn targets(criterion: &mut Criterion) {
    let (headers, proxies) = (browser_headers(), TrustedProxies::default());
    let uri = Uri::from_static("/reports/2026/november/summary?page=2");
    criterion.bench_function("target", |bencher| {
        bencher.iter(|| Target::read(&Method::GET, black_box(&uri), &headers, CLIENT, &proxies));
    });
}

/// Routing to the app, then the decision by its rules.
fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decision");
    let identity = Identity::User(Arc::new(alice()));
    for (apps, rules) in [(1, 10), (1, 10_000), (1000, 10)] {
        let policy = policy(apps, rules);
        for (name, path) in
            [("plain", "/app0/section7/page/x"), ("ambiguous", "/app0/section7/page/x%2Fy;v=1//z")]
        {
            let id = BenchmarkId::new(name, format!("{apps} apps of {rules} rules"));
            group.bench_function(id, |bencher| {
                bencher.iter_batched(
                    || (identity.clone(), target(path)),
                    |(identity, target)| {
                        let app = policy.route(&target).expect("every path has an app");
                        decide(&policy, app, identity, &Proofs::default(), NOW, target)
                    },
                    BatchSize::SmallInput,
                );
            });
        }
    }
}

/// Cookie → token → hash → store → alive.
fn sessions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("session");
    for open in [1, 1000, 100_000] {
        let (sessions, cookies) = signed_in(open);
        let mut next = cookies.iter().cycle();
        group.bench_function(BenchmarkId::new("look-up", format!("{open} open")), |bencher| {
            bencher.iter(|| {
                let headers = next.next().expect("a cycle has no end");
                look_up(&sessions, headers)
            });
        });
    }
    let token = SessionToken::generate().expect("randomness");
    group.bench_function("hash", |bencher| bencher.iter(|| black_box(&token).key()));
}

fn identity_headers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("identity headers");
    let (user, owned, headers) = (alice(), OwnedNames::of(&[]), browser_headers());
    let preset = Preset::named("remote-user").expect("a preset").headers();
    group.bench_function("written", |bencher| {
        bencher.iter(|| {
            preset.write(black_box(&user), |name, value| {
                black_box((name, value));
            });
        });
    });
    group.bench_function("searched in a browser's headers", |bencher| {
        bencher.iter(|| headers.keys().filter(|name| owned.contains(black_box(name))).count());
    });
}

/// The shield: a request that only reads, one that changes something, and each response.
fn shields(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shield");
    let (senders, shield) = (Senders::default(), Shield::standard());
    let target = target("/");
    let headers = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static("https://wiki.example.com"))]);
    for method in [Method::GET, Method::POST] {
        let sent = Sent {
            method: &method,
            headers: &headers,
            authority: &target.authority,
            by_trusted_proxy: false,
        };
        group.bench_function(BenchmarkId::new("sender", &method), |bencher| {
            bencher.iter(|| senders.judge(black_box(&sent)));
        });
    }
    for (name, cookie) in [("response", None), ("response with a cookie", Some("id=1; Path=/; HttpOnly"))] {
        let mut received = response_headers();
        received.extend(cookie.map(|cookie| (SET_COOKIE, HeaderValue::from_static(cookie))));
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || received.clone(),
                |headers| shield.complete(StatusCode::OK, headers, Audience::SignedIn, None),
                BatchSize::SmallInput,
            );
        });
    }
}

fn access_log(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("access log");
    for (name, format) in [("json", Format::Json), ("text", Format::Text)] {
        let log = AccessLog::new(LogWriter::start(io::sink()).expect("a thread"), format);
        let ids = RequestIds::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                log.record(&access_record(ids.next().as_str()));
            });
        });
    }
}
