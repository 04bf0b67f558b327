//! Sessions of users and administrators: remembered, listed, ended, confirmed, shortened.

use std::{os::unix::net::UnixListener, time::Duration};

use http::Method;
use serde_json::Value;

use crate::support::{
    client::{RawClient, sign_in},
    cookies::SESSION,
    gateway::{TestGateway, password},
    process::{Process, Workplace, mode, until},
    visitor::{Response, Visitor},
};

const WHOAMI: &str = "[[app]]\nupstream = \"builtin:whoami\"\n";
const PASSWORD: &str = "velvet turbine oyster";

fn gateway(sections: &str, apps: &str) -> TestGateway {
    let gateway = TestGateway::start_with(sections, apps);
    gateway.add_user("alice", &[]);
    gateway.add_user("bob", &[]);
    gateway
}

fn signed_in(gateway: &TestGateway, name: &str) -> Visitor {
    let mut visitor = Visitor::of(gateway);
    visitor.sign_in(name, &password(name));
    visitor
}

fn status(visitor: &mut Visitor, path: &str) -> u16 {
    visitor.get(path).status.as_u16()
}

/// The keys of the sessions for which the account page has a button.
fn endable(page: &Response) -> Vec<String> {
    let text = page.text();
    let values = text.split("name=\"end\" value=\"").skip(1).filter_map(|rest| rest.split('"').next());
    values.filter(|value| value.len() == 64).map(str::to_owned).collect()
}

#[test]
fn a_remembered_session_lasts_longer_than_another() {
    let gateway = gateway("[session]\nremember_lifetime = \"30d\"\nbrowser_session = true", WHOAMI);
    let mut usual = signed_in(&gateway, "alice");
    let mut kept = Visitor::of(&gateway);
    let page = kept.get("/.gateway/login");
    assert!(page.text().contains("Keep me signed in on this device"), "{}", page.text());
    let (csrf, right) = (page.field("csrf"), password("alice"));
    let fields = [("csrf", &*csrf), ("username", "alice"), ("password", &right), ("remember", "yes")];
    let response = kept.submit("/.gateway/login", &fields);
    let cookies = response.set_cookies();
    assert!(cookies.iter().any(|cookie| cookie.contains("Max-Age=2592000")), "{cookies:?}");

    gateway.clock.advance(Duration::from_hours(13));
    assert_eq!((status(&mut usual, "/"), status(&mut kept, "/")), (303, 200));
    assert!(kept.get("/.gateway/account").text().contains("Kept signed in"));
    gateway.clock.advance(Duration::from_hours(30 * 24));
    assert_eq!(status(&mut kept, "/"), 303);
}

#[test]
fn users_list_and_end_their_own_sessions() {
    let gateway = gateway("", WHOAMI);
    let (mut here, mut there) = (signed_in(&gateway, "alice"), signed_in(&gateway, "alice"));
    let mut bob = signed_in(&gateway, "bob");
    let page = here.get("/.gateway/account");
    let keys = endable(&page);
    assert_eq!(keys.len(), 1, "the other one, and not bob's: {}", page.text());
    let csrf = page.field("csrf");

    // A user cannot end the session of another user.
    let bobs = endable(&signed_in(&gateway, "bob").get("/.gateway/account")).remove(0);
    let refused = here.submit("/.gateway/account/sessions", &[("csrf", &csrf), ("end", &bobs)]);
    assert_eq!((refused.status.as_u16(), status(&mut bob, "/")), (404, 200));

    let ended = here.submit("/.gateway/account/sessions", &[("csrf", &csrf), ("end", &keys[0])]);
    assert_eq!(ended.location(), "/.gateway/account");
    assert_eq!((status(&mut here, "/"), status(&mut there, "/")), (200, 303));

    let mut again = signed_in(&gateway, "alice");
    here.submit("/.gateway/account/sessions", &[("csrf", &csrf), ("end", "others")]);
    assert_eq!((status(&mut here, "/"), status(&mut again, "/"), status(&mut bob, "/")), (200, 303, 200));

    let mut again = signed_in(&gateway, "alice");
    let out = here.submit("/.gateway/account/sessions", &[("csrf", &csrf), ("end", "everywhere")]);
    assert_eq!(out.location(), "/.gateway/login");
    assert_eq!((status(&mut here, "/"), status(&mut again, "/"), status(&mut bob, "/")), (303, 303, 200));
}

#[test]
fn a_rule_can_ask_for_a_recent_sign_in() {
    let rule = "[[app.rule]]\npath = \"/admin/**\"\nallow = \"authenticated\"\nmax_age = \"10m\"";
    let gateway = gateway("", &format!("{WHOAMI}{rule}"));
    let mut alice = signed_in(&gateway, "alice");
    assert_eq!(status(&mut alice, "/admin/x?y=1"), 200);
    gateway.clock.advance(Duration::from_mins(11));
    assert_eq!(status(&mut alice, "/"), 200, "other paths do not ask");
    let sent = alice.get("/admin/x?y=1");
    assert_eq!((sent.status.as_u16(), sent.location()), (303, "/.gateway/confirm?next=/admin/x%3Fy%3D1"));
    for path in ["/ADMIN/x", "//admin/x", "/%61dmin"] {
        assert!(alice.get(path).location().starts_with("/.gateway/confirm"), "{path}");
    }
    for method in [Method::GET, Method::DELETE] {
        let refused = alice.fetch(&method, "/admin/x");
        let problem: Value = serde_json::from_slice(&refused.body).unwrap();
        assert_eq!((refused.status.as_u16(), &problem["confirm"]), (401, &"/.gateway/confirm".into()));
        assert!(problem.get("login").is_none() && !refused.headers.contains_key("www-authenticate"));
    }

    let page = alice.get(sent.location());
    let (csrf, next, right) = (page.field("csrf"), page.field("next"), password("alice"));
    let mut before = Visitor::of(&gateway);
    before.cookies = alice.cookies.clone();
    let wrong = alice.submit("/.gateway/confirm", &[("csrf", &csrf), ("next", &next), ("password", "x")]);
    assert_eq!(wrong.status, 401);
    let confirmed =
        alice.submit("/.gateway/confirm", &[("csrf", &csrf), ("next", &next), ("password", &right)]);
    assert_eq!((confirmed.status.as_u16(), confirmed.location()), (303, "/admin/x?y=1"));
    assert_eq!(status(&mut alice, "/admin/x?y=1"), 200);
    assert_eq!(status(&mut before, "/"), 303, "the token from before is worth nothing");
    gateway.clock.advance(Duration::from_mins(11));
    assert_eq!(status(&mut alice, "/admin"), 303);
    // Signed out, it is a sign-in as ever.
    assert_eq!(Visitor::of(&gateway).get("/admin").location(), "/.gateway/login?next=/admin");
}

#[test]
fn an_app_with_shorter_limits_ends_sessions_everywhere() {
    let bank = "[[app]]\nname = \"bank\"\npath = \"/bank\"\nupstream = \"builtin:whoami\"\n\
                [app.session]\nidle_timeout = \"5m\"\nlifetime = \"30m\"\n";
    let gateway = gateway("", &format!("{WHOAMI}{bank}"));
    let mut alice = signed_in(&gateway, "alice");
    gateway.clock.advance(Duration::from_mins(4));
    assert_eq!(status(&mut alice, "/bank"), 200);
    gateway.clock.advance(Duration::from_mins(6));
    assert_eq!(status(&mut alice, "/"), 200, "not too long for the others, and a use");
    assert_eq!(status(&mut alice, "/bank"), 200);
    gateway.clock.advance(Duration::from_mins(6));
    assert_eq!(alice.get("/bank/x").location(), "/.gateway/login?next=/bank/x");
    assert_eq!(status(&mut alice, "/"), 303, "it has ended for all");

    let mut alice = signed_in(&gateway, "alice");
    for _ in 0..7 {
        assert_eq!(status(&mut alice, "/bank"), 200);
        gateway.clock.advance(Duration::from_mins(4));
    }
    assert_eq!(status(&mut alice, "/bank"), 200);
    gateway.clock.advance(Duration::from_mins(2));
    assert_eq!(status(&mut alice, "/bank"), 303, "half an hour after the sign-in, in spite of use");

    // Other spellings of a path of the app count as its paths.
    for path in ["/BANK", "//bank/x", "/bank%2fx", "/bank;a/x"] {
        let mut alice = signed_in(&gateway, "alice");
        gateway.clock.advance(Duration::from_mins(6));
        assert_eq!(status(&mut alice, path), 303, "{path}");
    }
}

#[test]
fn a_stream_ends_with_the_session_lifetime_of_its_app() {
    let bank =
        "[[app]]\npath = \"/bank\"\nupstream = \"builtin:whoami\"\n[app.session]\nlifetime = \"30m\"\n";
    let gateway = gateway("", &format!("{WHOAMI}{bank}"));
    let cookie = sign_in(&gateway, "alice");
    let [mut elsewhere, mut at_the_bank] = ["/events", "/bank/events"].map(|path| {
        let mut client = RawClient::connect(&gateway);
        client.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n"));
        assert!(client.head().unwrap().starts_with("HTTP/1.1 200"));
        client
    });
    gateway.clock.advance(Duration::from_mins(30));
    at_the_bank.until_close();
    for _ in 0..4 {
        elsewhere.line().unwrap();
    }
}

#[test]
fn the_oldest_session_goes_past_max_per_user() {
    for store in ["file", "memory"] {
        let gateway = gateway(&format!("[session]\nstore = \"{store}\"\nmax_per_user = 2"), WHOAMI);
        let mut bob = signed_in(&gateway, "bob");
        let mut alices: Vec<Visitor> = Vec::new();
        for _ in 0..3 {
            gateway.clock.advance(Duration::from_secs(5));
            alices.push(signed_in(&gateway, "alice"));
        }
        let found: Vec<u16> = alices.iter_mut().map(|alice| status(alice, "/")).collect();
        assert_eq!((found, status(&mut bob, "/")), (vec![303, 200, 200], 200), "{store}");
    }
}

/// A running gateway with alice and bob signed in.
fn with_two(store: &str) -> (Workplace, Process, Visitor, Visitor) {
    let place = Workplace::new(&format!("[session]\nstore = \"{store}\""), WHOAMI);
    place.run_well(&["user", "add", "alice"], PASSWORD);
    place.run_well(&["user", "add", "bob"], PASSWORD);
    let process = place.start();
    let (mut alice, mut bob) = (process.visitor(), process.visitor());
    alice.sign_in("alice", PASSWORD);
    bob.sign_in("bob", PASSWORD);
    (place, process, alice, bob)
}

fn listed(place: &Workplace, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["session", "list", "--json"], arguments].concat();
    serde_json::from_str(&place.run_well(&arguments, "")).unwrap()
}

fn key_of(place: &Workplace, name: &str) -> String {
    let sessions = listed(place, &["--user", name]);
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert_eq!(sessions[0]["user"], name);
    sessions[0]["key"].as_str().unwrap().to_owned()
}

#[test]
fn sessions_are_listed_and_ended_from_the_command_line_while_the_gateway_runs() {
    for store in ["file", "memory"] {
        let (place, _process, mut alice, mut bob) = with_two(store);
        assert_eq!(listed(&place, &[]).len(), 2, "{store}");
        let table = place.run_well(&["session", "list"], "");
        let key = key_of(&place, "alice");
        let (short, _) = key.split_at(16);
        assert!(table.contains("alice") && table.contains("bob") && table.contains(short), "{table}");
        let token = &alice.cookies[SESSION];
        assert!(!table.contains(token.as_str()));

        let output = place.run_well(&["session", "revoke", short], "");
        assert_eq!(output.trim(), "ended 1 session", "{store}");
        until("alice is out", || status(&mut alice, "/") == 303);
        assert_eq!(status(&mut bob, "/"), 200);
        let gone = place.run(&["session", "revoke", &key], "");
        assert_eq!(gone.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&gone.stderr).contains("there is no session"), "{gone:?}");

        alice.sign_in("alice", PASSWORD);
        let output = place.run_well(&["session", "revoke", "--user", "Bob"], "");
        assert_eq!(output.trim(), "ended 1 session of bob");
        until("bob is out", || status(&mut bob, "/") == 303);
        assert_eq!(status(&mut alice, "/"), 200);
        bob.sign_in("bob", PASSWORD);
        assert_eq!(place.run_well(&["session", "revoke", "--all"], "").trim(), "ended 2 sessions");
        until("all are out", || status(&mut alice, "/") == 303 && status(&mut bob, "/") == 303);
        assert!(listed(&place, &[]).is_empty());
        assert_eq!(
            place.run_well(&["session", "revoke", "--all"], "").trim(),
            "there were no sessions to end"
        );
    }
}

#[test]
fn sessions_are_listed_newest_first_with_host_and_age() {
    for store in ["file", "memory"] {
        let (place, process, ..) = with_two(store);
        for _ in 0..6 {
            process.visitor().sign_in("alice", PASSWORD);
        }
        let host = process.visitor().origin().trim_start_matches("https://").to_owned();
        let sessions = listed(&place, &[]);
        let times: Vec<_> = sessions.iter().map(|session| session["signed_in"].as_str().unwrap()).collect();
        assert!(times.len() == 8 && times.is_sorted_by(|one, next| one >= next), "{store}: {times:?}");
        assert!(sessions.iter().all(|session| session["host"] == host), "{store}: {sessions:?}");
        let table = place.run_well(&["session", "list"], "");
        let rows: Vec<_> = table.lines().collect();
        assert!(rows[0].contains("HOST") && rows[0].contains("SIGNED IN"), "{table}");
        let is_recent = rows[1].contains(" ago") || rows[1].contains("just now");
        assert!(rows[1].contains(&host) && is_recent, "{table}");
    }
}

#[test]
fn sessions_in_a_file_are_listed_and_ended_while_no_gateway_runs() {
    let (place, process, mut alice, _) = with_two("file");
    let jar = std::mem::take(&mut alice.cookies);
    assert!(process.stop().0.success());
    let key = key_of(&place, "alice");
    assert_eq!(place.run_well(&["session", "revoke", &key], "").trim(), "ended 1 session");
    assert_eq!(listed(&place, &[]).len(), 1);
    // A disabled user's sessions are over, and not shown.
    place.run_well(&["user", "disable", "bob"], "");
    assert!(listed(&place, &[]).is_empty());
    let process = place.start();
    let mut alice = process.visitor();
    alice.cookies = jar;
    assert_eq!(status(&mut alice, "/"), 303);
}

#[test]
fn sessions_in_memory_are_gone_without_a_gateway() {
    let (place, mut process, ..) = with_two("memory");
    let socket = place.path("state/control.sock");
    assert_eq!(mode(&socket), 0o600);
    // A second gateway would take commands for the first.
    let second = place.run(&[], "");
    let output = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        !second.status.success() && output.contains("another gateway runs with this state folder"),
        "{output}"
    );
    assert_eq!(listed(&place, &[]).len(), 2, "the first is not disturbed");
    process.signal("KILL");
    process.wait();
    assert!(socket.exists(), "it had no time to tidy up");
    let nothing = place.run(&["session", "list", "--json"], "");
    assert_eq!(String::from_utf8_lossy(&nothing.stdout).trim(), "[]");
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("no gateway is running"));

    // A gateway replaces the socket of a killed one, and removes its own when it stops.
    let process = place.start();
    assert!(listed(&place, &[]).is_empty());
    let mut alice = process.visitor();
    alice.sign_in("alice", PASSWORD);
    assert_eq!(listed(&place, &["--user", "alice"]).len(), 1);
    assert!(process.stop().0.success());
    assert!(!socket.exists());
}

#[test]
fn a_socket_that_cannot_be_made_is_no_reason_not_to_serve() {
    let deep = "a-folder-with-a-long-name/".repeat(5);
    let place = Workplace::empty();
    let sections = "[session]\nstore = \"memory\"";
    place.write(&format!("state = \"{deep}\"\n{}", Workplace::configuration(sections, WHOAMI)));
    assert!(UnixListener::bind(place.path(&deep).join("control.sock")).is_err());
    let process = place.start();
    process.stderr.wait_for_text("no command reaches this gateway");
    assert_eq!(process.visitor().get("/.gateway/login").status, 200);
}

#[test]
fn session_commands_explain_wrong_arguments() {
    let place = Workplace::new("", WHOAMI);
    assert!(listed(&place, &[]).is_empty());
    assert!(!place.path("state/sessions.db").exists(), "looking makes no file");
    for (arguments, code, error) in [
        (&["session", "revoke"][..], 2, "required"),
        (&["session", "revoke", "abcd1234", "--all"], 2, "cannot be used with"),
        (&["session", "revoke", "--user", "nobody"], 1, "there is no user nobody"),
        (&["session", "revoke", "xyz"], 1, "is no key of a session"),
        (&["session", "revoke", "abcd"], 1, "is no key of a session"),
        (&["session", "revoke", "abcd1234"], 1, "there is no session abcd1234"),
        (&["session", "list", "--user", "nobody"], 1, "there is no user nobody"),
    ] {
        let output = place.run(arguments, "");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?} {stderr}");
        assert!(stderr.contains(error), "{arguments:?} {stderr}");
    }
}

#[test]
fn explain_says_who_would_have_to_confirm() {
    let rule = "[[app.rule]]\npath = \"/admin/**\"\nallow = \"authenticated\"\nmax_age = \"10m\"";
    let place = Workplace::new("", &format!("{WHOAMI}{rule}"));
    place.run_well(&["user", "add", "alice"], PASSWORD);
    let explained = |age: &[&str]| {
        let asked = ["explain", "GET", "https://localhost/admin/x", "--user", "alice"];
        place.run_well(&[&asked, age].concat(), "")
    };
    let old = explained(&["--age", "20m"]);
    assert!(old.contains("confirm first") && old.contains("signed in, confirmed in the last 10m"), "{old}");
    assert!(explained(&["--age", "9m59s"]).contains("allow: forwarded to"));
    let without_age = explained(&[]);
    assert!(
        without_age.contains("allow: forwarded to") && without_age.contains("--age sets"),
        "{without_age}"
    );
    let table = place.run_well(&["check"], "");
    assert!(table.contains("signed in, confirmed in the last 10m"), "{table}");
}
