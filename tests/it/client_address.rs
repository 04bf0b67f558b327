//! The client address behind a trusted proxy, in rules for networks and in the access log.

use crate::support::{
    client::RawClient,
    gateway::TestGateway,
    in_process::InProcess,
    upstream::{Upstream, public_app},
};

/// A gateway that believes proxies on this machine. `/inside` is for the proxy's own network, `/outside` for that of the
/// clients.
fn gateway() -> (InProcess, String) {
    let rule = |path: &str, network: &str| {
        format!("[[app.rule]]\npath = \"{path}\"\nallow = {{ network = {network} }}\n")
    };
    let inside = rule("/inside", "[\"127.0.0.0/8\"]");
    let outside = rule("/outside", "[\"203.0.113.0/24\", \"2001:db8::/32\"]");
    let apps = format!("[[app]]\nupstream = \"builtin:whoami\"\n{inside}{outside}");
    let gateway = InProcess::start_trusting(&["127.0.0.0/8"], &apps);
    gateway.add_user("alice", &[]);
    let cookie = gateway.session_of("alice");
    (gateway, cookie)
}

/// The statuses of `/inside` and `/outside`.
fn statuses(gateway: &mut InProcess, cookie: &str, forwarded: &str) -> (u16, u16) {
    let fields = [("cookie", cookie), ("x-forwarded-for", forwarded)];
    let [inside, outside] = ["/inside", "/outside"].map(|path| gateway.get(path, &fields).status.as_u16());
    (inside, outside)
}

#[test]
fn a_forwarded_address_may_have_a_port_brackets_or_quotes() {
    let (mut gateway, cookie) = gateway();
    for forwarded in [
        "203.0.113.9",
        "203.0.113.9:4711",
        "[2001:db8::9]",
        "[2001:db8::9]:443",
        "\"[2001:db8::9]:443\"",
        "2001:db8::9",
        "unknown, 203.0.113.9:4711, 127.0.0.2:80",
    ] {
        assert_eq!(statuses(&mut gateway, &cookie, forwarded), (403, 200), "{forwarded}");
    }
}

#[test]
fn a_forwarded_address_with_a_port_reaches_the_upstream_as_it_was_sent() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start_trusting(&["127.0.0.0/8"], &public_app(&upstream.url, ""));
    let response = RawClient::connect(&gateway).get("/", "X-Forwarded-For: 203.0.113.9:4711\r\n");
    assert_eq!(response.status, 200);
    assert_eq!(upstream.only().value("x-forwarded-for"), "203.0.113.9:4711, 127.0.0.1");
}

/// Mallory's proxy writes `unknown` for her: the gateway must not take her for the proxy, which is in the network of
/// `/inside`.
#[test]
fn a_client_that_cannot_be_read_is_in_no_network() {
    let (mut gateway, cookie) = gateway();
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
        assert_eq!(statuses(&mut gateway, &cookie, forwarded), (403, 403), "{forwarded:?}");
    }
    assert_eq!(gateway.get("/", &[("cookie", &cookie)]).status, 200);
    let log = gateway.log();
    let of_unknown: Vec<_> =
        log.iter().filter(|entry| entry["log"] == "access" && entry["client"] == "unknown").collect();
    assert_eq!(of_unknown.len(), 16, "each of them is an unknown client in the access log: {log:?}");
}
