//! The whole walk in process, without sockets: how a request is identified, decided on and forwarded.

use std::time::Duration;

use http::Method;

use crate::support::in_process::InProcess;

const TEAM: &str = "[[app]]\nname = \"team\"\nupstream = \"builtin:whoami\"\n\
                    [[app.rule]]\npath = \"/team/**\"\nallow = { group = \"team\" }\n\
                    [[app.rule]]\npath = \"/open/**\"\nallow = \"anyone\"\n";
const GROUPS: &str = "[groups]\nteam = []\n";

#[test]
fn a_request_is_forwarded_with_the_identity_of_its_session_alone() {
    let mut gateway = InProcess::start_with(GROUPS, TEAM);
    gateway.add_user("alice", &["team"]);
    gateway.add_user("bob", &[]);
    let (alice, bob) = (gateway.session_of("alice"), gateway.session_of("bob"));
    for _ in 0..2 {
        let response = gateway.get("/team/x?q=1", &[("cookie", &alice), ("remote-user", "root")]);
        assert_eq!(response.status, 200, "{}", response.body);
        assert!(response.body.starts_with("GET /team/x?q=1 HTTP/1.1\n"), "{}", response.body);
        assert_eq!(response.received("remote-user"), ["alice"]);
        assert_eq!(response.received("remote-groups"), ["team"]);
        assert!(response.received("cookie").is_empty(), "{}", response.body);

        assert_eq!(gateway.get("/team/x", &[("cookie", &bob)]).status, 403);
        assert_eq!(gateway.get("/", &[("cookie", &bob)]).received("remote-user"), ["bob"]);
        let response = gateway.get("/open/", &[("remote-user", "root")]);
        assert_eq!(response.status, 200);
        assert!(response.received("remote-user").is_empty(), "{}", response.body);
    }
    let log = gateway.log();
    let entries: Vec<_> = log
        .iter()
        .map(|entry| (entry["status"].as_u64(), entry["user"].as_str(), entry["app"].as_str()))
        .collect();
    let round =
        [(Some(200), Some("alice")), (Some(403), Some("bob")), (Some(200), Some("bob")), (Some(200), None)];
    let expected: Vec<_> =
        round.iter().chain(&round).map(|(status, user)| (*status, *user, Some("team"))).collect();
    assert_eq!(entries, expected);
}

#[test]
fn a_session_ends_when_the_clock_reaches_its_limits() {
    let mut gateway = InProcess::start_with(GROUPS, TEAM);
    gateway.add_user("alice", &[]);
    let cookie = gateway.session_of("alice");
    let mut status = |after: Duration| {
        gateway.clock.advance(after);
        gateway.get("/", &[("cookie", &cookie)]).status.as_u16()
    };
    assert_eq!(status(Duration::ZERO), 200);
    for _ in 0..12 {
        assert_eq!(status(Duration::from_mins(59)), 200, "it was used within its idle timeout");
    }
    assert_eq!(status(Duration::from_mins(12)), 401, "twelve hours after the sign-in");
}

#[test]
fn a_session_ends_when_it_is_unused_for_its_idle_timeout() {
    let mut gateway = InProcess::start("[[app]]\nupstream = \"builtin:whoami\"\n");
    gateway.add_user("alice", &[]);
    let cookie = gateway.session_of("alice");
    assert_eq!(gateway.get("/", &[("cookie", &cookie)]).status, 200);
    gateway.clock.advance(Duration::from_hours(1));
    assert_eq!(gateway.get("/", &[("cookie", &cookie)]).status, 401);
}

#[test]
fn a_navigation_without_a_session_is_led_to_the_sign_in_page() {
    let mut gateway = InProcess::start_with(GROUPS, TEAM);
    gateway.add_user("alice", &[]);
    let navigation =
        [("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let response = gateway.get("/a?b=c", &navigation);
    assert_eq!(response.status, 303);
    let page = response.header("location").to_owned();
    assert!(page.starts_with("/.gateway/login"), "{page}");
    let response = gateway.get(&page, &navigation);
    assert_eq!(response.status, 200);
    assert!(response.body.contains("name=\"csrf\""), "{}", response.body);
}

#[test]
fn a_reload_changes_the_rules_for_the_next_request() {
    let mut gateway = InProcess::start_with(GROUPS, TEAM);
    gateway.add_user("alice", &["team"]);
    let cookie = gateway.session_of("alice");
    assert_eq!(gateway.get("/team/", &[("cookie", &cookie)]).status, 200);
    gateway.reload(GROUPS, &TEAM.replace("{ group = \"team\" }", "\"nobody\""));
    assert_eq!(gateway.get("/team/", &[("cookie", &cookie)]).status, 403);
}

#[test]
fn a_body_in_memory_is_forwarded_with_its_length() {
    let mut gateway = InProcess::start_with(GROUPS, TEAM);
    let response = gateway.send(&Method::POST, "/open/", &[("content-length", "5")], "hello");
    assert_eq!(response.status, 200, "{}", response.body);
    assert!(response.body.starts_with("POST /open/ HTTP/1.1\n"), "{}", response.body);
    assert_eq!(response.received("content-length"), ["5"]);
}
