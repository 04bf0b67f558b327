//! Rules with `enforce = false`: requests that they would refuse are forwarded and logged.

use crate::support::{
    client::{RawClient, sign_in},
    gateway::TestGateway,
    upstream::Upstream,
};

const GROUPS: &str = "[groups]\nstaff = []";

fn app(upstream: &Upstream, rules: &str) -> String {
    format!("[[app]]\nname = \"app\"\nupstream = {:?}\n{rules}", upstream.url)
}

#[test]
fn a_request_that_an_unenforced_rule_would_refuse_is_forwarded_and_logged() {
    let upstream = Upstream::ok();
    let rules = "[[app.rule]]\npath = \"/**\"\nallow = { group = \"staff\" }\nenforce = false\n";
    let gateway = TestGateway::start_with(GROUPS, &app(&upstream, rules));
    gateway.add_user("alice", &["staff"]);
    gateway.add_user("bob", &[]);
    let (alice, bob) = (sign_in(&gateway, "alice"), sign_in(&gateway, "bob"));
    let mut client = RawClient::connect(&gateway);
    for (path, cookie, user) in
        [("/a", alice.as_str(), Some("alice")), ("/b", &bob, Some("bob")), ("/c", "", None)]
    {
        let response = client.get(path, &format!("Cookie: {cookie}\r\nRemote-User: root\r\n"));
        assert_eq!(response.status, 200, "{path}");
        let received = upstream.seen().pop().unwrap();
        let expected: Vec<&str> = user.into_iter().collect();
        assert_eq!(received.values("remote-user"), expected, "{path}");
        // The response must not be cached for others: the rule may be enforced tomorrow.
        assert_eq!(response.values("cache-control"), ["private"], "{path}");
    }
    // The gateway's own pages have no rules, and what only looks like one is none.
    assert_eq!(client.get("/.gateway/account", "Accept: text/html\r\n").status, 303);
    assert_eq!(client.get("/.GATEWAY/account", "").status, 404);
    let log = gateway.drained();
    let logged = |path: &str| {
        let entry = log.iter().find(|entry| entry["path"] == path).unwrap();
        (entry["unenforced"]["outcome"].clone(), entry["unenforced"]["rule"].to_string())
    };
    assert!(logged("/a").0.is_null());
    assert_eq!(logged("/b").0, "forbidden");
    assert_eq!(logged("/c").0, "sign-in");
    assert!(logged("/c").1.contains("gateway.toml:"), "{}", logged("/c").1);
}

#[test]
fn an_unenforced_rule_weakens_no_other_rule() {
    let upstream = Upstream::ok();
    let rules = "[[app.rule]]\npath = \"/**\"\nallow = \"anyone\"\n\
         [[app.rule]]\npath = \"/admin/**\"\nallow = { group = \"staff\" }\n\
         [[app.rule]]\npath = \"/admin/export\"\nallow = \"nobody\"\nenforce = false\n\
         [[app.rule]]\npath = \"/ADMIN/**\"\nallow = \"authenticated\"\nenforce = false\n\
         [[app.rule]]\npath = \"/admin/**\"\nallow = \"nobody\"\nenforce = false\n\
         [[app.rule]]\npath = \"/admin/public\"\nmethods = \"POST\"\nallow = \"authenticated\"\nenforce = false\n";
    let gateway = TestGateway::start_with(GROUPS, &app(&upstream, rules));
    gateway.add_user("bob", &[]);
    gateway.add_user("alice", &["staff"]);
    let bob = sign_in(&gateway, "bob");
    // A malformed request gets 400 and closes its connection.
    let get = |path: &str, entries: &str| RawClient::connect(&gateway).get(path, entries).status;
    for path in [
        "/admin/export",
        "/admin//export",
        "/ADMIN/export",
        "/Admin/x",
        "/ADMIN/x",
        "/admin/public",
        "/%61dmin/export",
        "/admin/export;x",
        "/x%2f%2fadmin%2fexport/%2e",
    ] {
        let nobody = get(path, "");
        assert!([400, 401].contains(&nobody), "{path} {nobody}");
        let status = get(path, &format!("Cookie: {bob}\r\n"));
        assert!([400, 403].contains(&status), "{path} {status}");
    }
    assert_eq!(upstream.connections(), 0);
    let alice = sign_in(&gateway, "alice");
    assert_eq!(get("/admin/export", &format!("Cookie: {alice}\r\n")), 200);
    let log = gateway.drained();
    let entry = log.iter().find(|entry| entry["status"] == 200 && entry["path"] == "/admin/export").unwrap();
    assert_eq!(entry["unenforced"]["outcome"], "forbidden");
    // A request that an enforced rule refuses has no such entry.
    let refused: Vec<_> = log.iter().filter(|entry| entry["status"] == 403).collect();
    assert!(refused.len() >= 5, "{log:?}");
    assert!(refused.iter().all(|entry| entry["unenforced"].is_null()), "{refused:?}");
}

#[test]
fn the_next_enforced_rule_decides_in_place_of_an_unenforced_one() {
    let upstream = Upstream::ok();
    let rules = "[[app.rule]]\npath = \"/**\"\nallow = { group = \"staff\" }\n\
         [[app.rule]]\npath = \"/export\"\nallow = \"nobody\"\nenforce = false\n\
         [[app.rule]]\npath = \"/**\"\nmethods = \"GET\"\nallow = \"authenticated\"\nenforce = false\n";
    let gateway = TestGateway::start_with(GROUPS, &app(&upstream, rules));
    gateway.add_user("bob", &[]);
    let bob = sign_in(&gateway, "bob");
    let mut client = RawClient::connect(&gateway);
    for path in ["/export", "/", "/x"] {
        assert_eq!(client.get(path, "").status, 401, "{path}");
        assert_eq!(client.get(path, &format!("Cookie: {bob}\r\n")).status, 403, "{path}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn an_unenforced_max_age_is_logged() {
    let upstream = Upstream::ok();
    let rules =
        "[[app.rule]]\npath = \"/**\"\nallow = \"authenticated\"\nmax_age = \"10m\"\nenforce = false\n";
    let gateway = TestGateway::start(&app(&upstream, rules));
    gateway.add_user("bob", &[]);
    let bob = sign_in(&gateway, "bob");
    gateway.clock.advance(std::time::Duration::from_mins(20));
    assert_eq!(RawClient::connect(&gateway).get("/x", &format!("Cookie: {bob}\r\n")).status, 200);
    let log = gateway.drained();
    let entry = log.iter().find(|entry| entry["path"] == "/x").unwrap();
    assert_eq!((&entry["unenforced"]["outcome"], &entry["user"]), (&"confirm".into(), &"bob".into()));
}
