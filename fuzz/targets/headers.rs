//! Headers to the upstream: the gateway alone writes those that it owns.
//!
//! The oracle folds names as the most careless CGI does: every character but letters and digits is a dash. The first
//! byte of the input chooses the user, the peer and whether the request upgrades; the rest is header fields, one a line.
#![no_main]

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::Path,
    sync::{Arc, LazyLock},
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use libfuzzer_sys::fuzz_target;
use portcullis::{
    config::{self, Configuration},
    fuzzing,
    identity::{GroupName, Identity, User, UserId, UserName},
    request::Target,
};

#[path = "../header_lines.rs"]
mod header_lines;

fuzz_target!(|input: &[u8]| {
    let Some((choice, text)) = input.split_first() else { return };
    let (signed_in, trusted, upgrading) = (choice & 1 != 0, choice & 2 != 0, choice & 4 != 0);
    let theirs = header_lines::headers(text);
    let peer = IpAddr::from(if trusted { [10, 0, 0, 2] } else { [203, 0, 113, 9] });
    let uri = Uri::from_static("https://wiki.example.com/");
    let proxies = &GATEWAY.server.trusted_proxies;
    let Ok(target) = Target::read(&Method::GET, &uri, &HeaderMap::new(), peer, proxies) else { return };
    let identity = if signed_in { Identity::User(Arc::clone(&ALICE)) } else { Identity::Anonymous };
    let upgrade = upgrading.then(|| HeaderValue::from_static("websocket"));
    let sent = fuzzing::headers_to_upstream(&GATEWAY, identity, target, peer, &theirs, upgrade.as_ref());
    let sent = sent.expect("anyone may");

    let mut ours = BTreeMap::from([("host", "wiki.example.com")]);
    if signed_in {
        // No email: the header is absent, whatever the client sent.
        ours.extend([("x-user", "alice"), ("x-teams", "ops|staff"), ("remote-name", "Alice%C3%A9")]);
    }
    if !trusted {
        ours.extend([
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "wiki.example.com"),
            ("x-forwarded-port", "443"),
        ]);
    }
    for (name, value) in &ours {
        let values: Vec<_> = sent.get_all(*name).iter().collect();
        assert_eq!(values, [value], "{name} comes once, with the gateway's value");
    }
    let forwarded = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"];
    for name in sent.keys() {
        let folded = fold(name);
        let is_ours = ours.contains_key(name.as_str())
            || name == "x-request-id"
            || (trusted && forwarded.contains(&name.as_str()))
            || name == "connection"
            || (name == "upgrade" && upgrading)
            || name == "te";
        assert!(is_ours || !is_owned(&folded), "{name} came through");
        assert!(is_ours || !FOR_ONE_HOP.contains(&name.as_str()), "{name} came through");
        assert!(!name.as_str().contains('_'), "{name} came through");
        if !is_ours {
            let before: Vec<_> = theirs.get_all(name).iter().collect();
            let after: Vec<_> = sent.get_all(name).iter().collect();
            assert!(after == before || name == "cookie", "{name} was changed");
            assert!(!named_by_connection(&theirs, name), "{name} was for one hop");
        }
        let copies = sent.get_all(name).iter().count();
        assert!(copies == 1 || !is_ours, "{name} comes {copies} times");
    }
    let expected = if upgrading { Some("upgrade") } else { None };
    let connection = sent.get("connection").map(|value| value.to_str().expect("our own"));
    assert!(connection == expected || (connection == Some("te") && !upgrading), "{connection:?}");
    assert_eq!(sent.get("upgrade"), upgrade.as_ref());
    assert!(sent.get("te").is_none_or(|te| te == "trailers"));
});

fn fold(name: &HeaderName) -> String {
    name.as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect()
}

/// The owned names of the documentation, listed independently of the code.
fn is_owned(folded: &str) -> bool {
    let prefixes =
        ["x-forwarded-", "x-original-", "remote-", "portcullis-", "x-portcullis-", "http-", "x-ssl-client-"];
    let names = [
        "x-user",
        "x-teams",
        "x-mail",
        "forwarded",
        "x-request-id",
        "x-real-ip",
        "x-client-ip",
        "true-client-ip",
        "client-ip",
        "cf-connecting-ip",
        "x-webauth-user",
        "script-name",
        "path-info",
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "x-rewrite-url",
        "proxy",
    ];
    prefixes.iter().any(|prefix| folded.starts_with(prefix)) || names.contains(&folded)
}

/// RFC 9110 §7.6.1.
const FOR_ONE_HOP: [&str; 8] = [
    "transfer-encoding",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "upgrade",
    "te",
    "http2-settings",
    "expect",
];

fn named_by_connection(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all("connection").iter().any(|line| {
        let mut tokens = line.as_bytes().split(|byte| *byte == b',');
        tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(name.as_str().as_bytes()))
    })
}

static ALICE: LazyLock<Arc<User>> = LazyLock::new(|| {
    let group = |name| GroupName::parse(name).expect("a name of a group");
    Arc::new(User {
        id: UserId(1),
        name: UserName::parse("alice").expect("a name"),
        email: String::new(),
        full_name: "Aliceé".to_owned(),
        superuser: false,
        groups: vec![group("ops"), group("staff")],
        permissions: Vec::new(),
        attributes: BTreeMap::new(),
    })
});

static GATEWAY: LazyLock<Configuration> = LazyLock::new(|| {
    let text = r#"
        [server]
        trusted_proxies = ["10.0.0.0/8"]
        [[app]]
        host = "wiki.example.com"
        upstream = "http://127.0.0.1:1"
        identity = { X-User = "username", X-Teams = { groups = "|" }, X-Mail = "email", Remote-Name = "name" }
        [[app.rule]]
        path = "/**"
        allow = "anyone"
    "#;
    config::parse(text, Path::new("gateway.toml")).expect("a configuration").configuration
});
