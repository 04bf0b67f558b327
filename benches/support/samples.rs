//! Sample data for the stages of a request: users, sessions, rules, headers.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::LazyLock,
    time::Duration,
};

use futures_util::FutureExt;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, SERVER},
};
use portcullis::{
    access::{
        App, AppId, Assurance, Criteria, Enforcement, Mount, Pattern, Policy, PolicyBuilder, Requirement,
        Rule, SourceLocation,
    },
    clock::Timestamp,
    identity::{CredentialVersion, GroupName, Proofs, User, UserId, UserName},
    request::{Target, TrustedProxies},
    session::{
        MemoryStore, Opening, Owner, Presented, SessionLimits, SessionStore, SessionToken, Sessions,
        StoreError,
        cookie::{self, CookieNames, Keep},
    },
    telemetry::AccessRecord,
};

/// Apps under `/app0`, `/app1`, …, each with this many rules for members of a group.
pub(crate) fn policy(apps: usize, rules: usize) -> Policy {
    let staff = GroupName::parse("staff").expect("a name");
    let requirement = Requirement::Matching(Criteria { groups: vec![staff], ..Criteria::default() });
    let mut builder = PolicyBuilder::default();
    for number in 0..apps {
        let rules = (0..rules).map(|rule| Rule {
            pattern: Pattern::parse(&format!("/app{number}/section{rule}/**")).expect("a pattern"),
            methods: None,
            requirement: requirement.clone(),
            assurance: Assurance::default(),
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

fn place() -> SourceLocation {
    SourceLocation { file: "bench".into(), line: 1, column: 1 }
}

pub(crate) fn target(path: &str) -> Target {
    let uri: Uri = path.parse().expect("a path");
    Target::read(&Method::GET, &uri, &browser_headers(), CLIENT, &TrustedProxies::default())
        .expect("a good request")
}

pub(crate) fn alice() -> User {
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

/// Opens `open` sessions in memory; gives them with the request headers of their browsers.
pub(crate) fn signed_in(open: i64) -> (Sessions, Vec<HeaderMap>) {
    let store = Box::new(MemoryStore::new(1_000_000)) as Box<dyn SessionStore>;
    let sessions = Sessions::start(1_000_000, |_| Ok::<_, StoreError>(store)).expect("a store");
    let tokens: Vec<SessionToken> = (0..open).map(|user| sign_in(&sessions, user)).collect();
    let browsers = tokens.iter().map(headers_with).collect();
    (sessions, browsers)
}

static NAMES: LazyLock<CookieNames> = LazyLock::new(CookieNames::default);

/// Cookie → token → hash → store → alive.
pub(crate) fn look_up(sessions: &Sessions, headers: &HeaderMap) -> Presented {
    let token = cookie::find(headers, NAMES.session()).and_then(SessionToken::from_cookie);
    let presented = sessions.present(token.as_ref(), NOW, &LIMITS).now_or_never();
    presented.expect("memory does not wait").expect("a store that works")
}

fn sign_in(sessions: &Sessions, user: i64) -> SessionToken {
    let opening = Opening {
        owner: Owner::User { id: UserId(user), credential: CredentialVersion(1) },
        proofs: Proofs::password(NOW),
        source: None,
        client_addr: CLIENT,
        user_agent: "Mozilla/5.0 (X11; Linux x86_64)",
        host: "localhost",
        remember: false,
        replaces: None,
        confirms: false,
    };
    let opened = sessions.open(opening, NOW, &LIMITS).now_or_never().expect("memory does not wait");
    opened.expect("a session").0
}

fn headers_with(token: &SessionToken) -> HeaderMap {
    let mut headers = browser_headers();
    let set = cookie::write(NAMES.session(), &token.to_cookie(), Keep::UntilClosed);
    let pair = set.to_str().expect("ASCII").split(';').next().expect("a pair");
    let value = format!("theme=dark; {pair}; lang=en");
    headers.insert(COOKIE, value.try_into().expect("a cookie"));
    headers
}

/// Request headers of a browser.
pub(crate) fn browser_headers() -> HeaderMap {
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

/// Response headers of a small application.
pub(crate) fn response_headers() -> HeaderMap {
    let headers = [(CONTENT_TYPE, "text/html"), (CONTENT_LENGTH, "20"), (SERVER, "nginx")];
    headers.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}

/// Access-log record of a forwarded request.
pub(crate) fn access_record(id: &str) -> AccessRecord<'_> {
    AccessRecord {
        time: NOW,
        id: id.as_bytes(),
        client: Some(CLIENT),
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
        reason: None,
        shield: None,
        ended: None,
    }
}

pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
pub(crate) const LIMITS: SessionLimits = SessionLimits {
    lifetime: Duration::from_hours(12),
    idle_timeout: Duration::from_hours(1),
    remember_lifetime: None,
    browser_session: false,
    max_per_user: None,
};
