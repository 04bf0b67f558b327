//! Whole requests, one after the other on one connection: TLS, HTTP, session, rules, upstream and back.
//!
//! The figure is the time of a round trip, so it includes client and upstream. `compare/run` measures the CPU time of
//! the gateway alone.

#[expect(dead_code, unused_imports, reason = "each bench uses a part of it")]
mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use support::{Client, Gateway, Protocol, apps, upstream};
use tokio::runtime::Builder;

criterion_group!(benches, requests);
criterion_main!(benches);

fn requests(criterion: &mut Criterion) {
    let gateway = Gateway::start(1, &apps(upstream::start(), ""));
    let session = gateway.sign_in("alice", "staff");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut client = runtime.block_on(Client::connect(&gateway, protocol));
        for app in ["whoami", "tcp"] {
            let mut group = criterion.benchmark_group(format!("{protocol:?} {app}"));
            for (name, path, cookie) in [
                ("anonymous, public path", "public", None),
                ("signed in, public path", "public", Some(&session)),
                ("signed in, protected path", "members", Some(&session)),
            ] {
                let path = format!("/{app}/{path}/page");
                group.bench_function(name, |bencher| {
                    bencher.iter(|| {
                        let status = runtime.block_on(client.get(&path, cookie.map(String::as_str)));
                        assert_eq!(status, 200, "{path}");
                    });
                });
            }
        }
        let status = runtime.block_on(client.get("/tcp/members/page", None));
        assert_eq!(status, 401, "the measured path needs a sign-in");
    }
}
