//! What stands between a request's head and its being forwarded: the path, the rules, the session, the headers.
//!
//! All of it is pure or in memory, and none of it may grow with the number of rules, apps or sessions.

use std::{
    collections::BTreeMap,
    hint::black_box,
    io,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
    header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, ORIGIN, SERVER, SET_COOKIE},
    uri::PathAndQuery,
};
use portcullis::{
    access::{
        App, AppId, Criteria, Enforcement, Mount, Pattern, Place, Policy, PolicyBuilder, Requirement, Rule,
        decide,
    },
    clock::Timestamp,
    forward::{IdentityHeaders, OwnedNames},
    identity::{CredentialVersion, GroupName, Identity, User, UserId, UserName},
    request::{NormalPath, RequestIds, Target, TrustedProxies},
    session::{
        Limits, MemoryStore, Opening, Owner, SessionStore, SessionToken, Sessions, StoreError,
        cookie::{self, Keep},
    },
    shield::{Answers, Audience, Senders, Sent},
    telemetry::{AccessLog, AccessRecord, Format, LogWriter},
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

/// Finding the app, then the rule, then asking it.
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
                        decide(&policy, app, identity, None, target)
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
        let store = Box::new(MemoryStore::new(1_000_000)) as Box<dyn SessionStore>;
        let sessions = Sessions::start(1_000_000, |_| Ok::<_, StoreError>(store)).expect("a store");
        let tokens: Vec<SessionToken> = (0..open).map(|user| sign_in(&sessions, user)).collect();
        let cookies: Vec<HeaderMap> = tokens.iter().map(headers_with).collect();
        let mut next = cookies.iter().cycle();
        group.bench_function(BenchmarkId::new("look-up", format!("{open} open")), |bencher| {
            bencher.iter(|| {
                let headers = next.next().expect("a cycle has no end");
                let token = cookie::find(headers, cookie::SESSION_COOKIE).and_then(SessionToken::from_cookie);
                sessions.present(token.as_ref(), NOW, &LIMITS).now_or_never()
            });
        });
    }
    let token = SessionToken::generate().expect("randomness");
    group.bench_function("hash", |bencher| bencher.iter(|| black_box(&token).key()));
}

fn identity_headers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("identity headers");
    let (user, owned, headers) = (alice(), OwnedNames::of(&[]), browser_headers());
    let preset = IdentityHeaders::preset("remote-user").expect("a preset");
    group.bench_function("written", |bencher| {
        bencher.iter(|| {
            preset.tell(black_box(&user), |name, value| {
                black_box((name, value));
            });
        });
    });
    group.bench_function("looked for in a browser's", |bencher| {
        bencher.iter(|| headers.keys().filter(|name| owned.contains(black_box(name))).count());
    });
}

/// What the shield costs a request that only reads, one that changes something, and each answer.
fn shields(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shield");
    let (senders, answers) = (Senders::default(), Answers::standard());
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
    for (name, cookie) in [("answer", None), ("answer with a cookie", Some("id=1; Path=/; HttpOnly"))] {
        let mut received = HeaderMap::new();
        for (name, value) in [(CONTENT_TYPE, "text/html"), (CONTENT_LENGTH, "20"), (SERVER, "nginx")] {
            received.insert(name, HeaderValue::from_static(value));
        }
        received.extend(cookie.map(|cookie| (SET_COOKIE, HeaderValue::from_static(cookie))));
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || received.clone(),
                |headers| answers.complete(StatusCode::OK, headers, Audience::SignedIn),
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
                log.record(&AccessRecord {
                    time: NOW,
                    id: ids.next().as_str(),
                    client: CLIENT,
                    method: "GET",
                    host: "wiki.example.com",
                    path: "/reports/2026/november/summary",
                    status: 200,
                    bytes: 20,
                    duration: Duration::from_micros(220),
                    upstream_time: Some(Duration::from_micros(150)),
                    app: Some("wiki"),
                    user: Some("alice"),
                    unenforced: None,
                    shield: None,
                });
            });
        });
    }
}

/// Apps under `/app0`, `/app1`, …, each with this many rules for members of a group.
fn policy(apps: usize, rules: usize) -> Policy {
    let staff = GroupName::parse("staff").expect("a name");
    let requirement = Requirement::Matching(Criteria { groups: vec![staff], ..Criteria::default() });
    let mut builder = PolicyBuilder::default();
    for number in 0..apps {
        let rules = (0..rules).map(|rule| Rule {
            pattern: Pattern::parse(&format!("/app{number}/section{rule}/**")).expect("a pattern"),
            methods: None,
            requirement: requirement.clone(),
            max_age: None,
            enforcement: Enforcement::Enforced,
            place: place(),
        });
        let mount = Mount::parse(&format!("/app{number}")).expect("a mount");
        let (app, conflicts) =
            App::compile(AppId(number), "app", Vec::new(), mount, place(), rules.collect());
        assert!(conflicts.is_empty(), "no two rules are for the same paths");
        builder.add(app);
    }
    builder.build().0
}

fn place() -> Place {
    Place { file: "bench".into(), line: 1, column: 1 }
}

fn target(path: &str) -> Target {
    let uri: Uri = path.parse().expect("a path");
    Target::read(&Method::GET, &uri, &browser_headers(), CLIENT, &TrustedProxies::default())
        .expect("a good request")
}

fn alice() -> User {
    User {
        id: UserId(1),
        name: UserName::parse("alice").expect("a name"),
        email: "alice@example.com".to_owned(),
        full_name: "Alice Ångström".to_owned(),
        superuser: false,
        groups: vec![GroupName::parse("ops").expect("a name"), GroupName::parse("staff").expect("a name")],
        permissions: Vec::new(),
        attributes: BTreeMap::new(),
    }
}

fn sign_in(sessions: &Sessions, user: i64) -> SessionToken {
    let opening = Opening {
        owner: Owner::User { id: UserId(user), credential: CredentialVersion(1) },
        client_addr: CLIENT,
        user_agent: "Mozilla/5.0 (X11; Linux x86_64)",
        remember: false,
        replaces: None,
        confirms: false,
    };
    let opened = sessions.open(opening, NOW, &LIMITS).now_or_never().expect("memory does not wait");
    opened.expect("a session").0
}

fn headers_with(token: &SessionToken) -> HeaderMap {
    let mut headers = browser_headers();
    let set = cookie::session(token, Keep::UntilClosed);
    let pair = set.to_str().expect("ASCII").split(';').next().expect("a pair");
    let line = format!("theme=dark; {pair}; lang=en");
    headers.insert(COOKIE, line.try_into().expect("a cookie"));
    headers
}

/// What a browser sends.
fn browser_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("wiki.example.com"));
    for (name, value) in [
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-language", "en-US,en;q=0.5"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("referer", "https://wiki.example.com/reports/"),
        ("upgrade-insecure-requests", "1"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-user", "?1"),
        ("if-none-match", "\"0123456789abcdef\""),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const LIMITS: Limits = Limits {
    lifetime: Duration::from_hours(12),
    idle_timeout: Duration::from_hours(1),
    remember_lifetime: None,
    browser_session: false,
    max_per_user: None,
};
