//! The client address behind a trusted proxy, in rules for networks and in the access log.

use crate::support::{
    client::{RawClient, sign_in},
    gateway::TestGateway,
    upstream::Upstream,
};

/// A gateway that believes proxies on this machine. `/inside` is for the proxy's own network, `/outside` for that of the
/// clients.
fn gateway(upstream: &Upstream) -> (TestGateway, String) {
    let rule = |path: &str, network: &str| {
        format!("[[app.rule]]\npath = \"{path}\"\nallow = {{ network = {network} }}\n")
    };
    let inside = rule("/inside", "[\"127.0.0.0/8\"]");
    let outside = rule("/outside", "[\"203.0.113.0/24\", \"2001:db8::/32\"]");
    let apps = format!("[[app]]\nupstream = {:?}\n{inside}{outside}", upstream.url);
    let gateway = TestGateway::start_trusting(&["127.0.0.0/8"], &apps);
    gateway.add_user("alice", &[]);
    let cookie = sign_in(&gateway, "alice");
    (gateway, cookie)
}

/// The statuses of `/inside` and `/outside`.
fn asked(gateway: &TestGateway, cookie: &str, forwarded: &str) -> (u16, u16) {
    let ask = |path: &str| {
        let fields = format!("Cookie: {cookie}\r\nX-Forwarded-For: {forwarded}\r\n");
        RawClient::connect(gateway).get(path, &fields).status
    };
    (ask("/inside"), ask("/outside"))
}

#[test]
fn a_forwarded_address_may_have_a_port_brackets_or_quotes() {
    let upstream = Upstream::ok();
    let (gateway, cookie) = gateway(&upstream);
    for forwarded in [
        "203.0.113.9",
        "203.0.113.9:4711",
        "[2001:db8::9]",
        "[2001:db8::9]:443",
        "\"[2001:db8::9]:443\"",
        "2001:db8::9",
        "unknown, 203.0.113.9:4711, 127.0.0.2:80",
    ] {
        assert_eq!(asked(&gateway, &cookie, forwarded), (403, 200), "{forwarded}");
    }
    let client = RawClient::connect(&gateway)
        .get("/", &format!("Cookie: {cookie}\r\nX-Forwarded-For: 203.0.113.9:4711\r\n"));
    assert_eq!(client.status, 200);
    assert_eq!(upstream.seen().pop().unwrap().value("x-forwarded-for"), "203.0.113.9:4711, 127.0.0.1");
}

/// Mallory's proxy writes `unknown` for her: the gateway must not take her for the proxy, which is at home here.
#[test]
fn a_client_that_cannot_be_read_is_in_no_network() {
    let upstream = Upstream::ok();
    let (gateway, cookie) = gateway(&upstream);
    for forwarded in [
        "unknown",
        "_hidden",
        "203.0.113.9, unknown",
        "203.0.113.9:x",
        "[203.0.113.9",
        ",",
        "",
        "127.0.0.1:99999",
    ] {
        assert_eq!(asked(&gateway, &cookie, forwarded), (403, 403), "{forwarded:?}");
    }
    assert_eq!(RawClient::connect(&gateway).get("/", &format!("Cookie: {cookie}\r\n")).status, 200);
    let log = gateway.drained();
    let of_unknown: Vec<_> =
        log.iter().filter(|entry| entry["log"] == "access" && entry["client"] == "unknown").collect();
    assert_eq!(of_unknown.len(), 16, "each of them is an unknown client in the access log: {log:?}");
}
