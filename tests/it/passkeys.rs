//! Passkeys: the verifier against an independent one, and ceremonies through the front door.

mod oracle;

use std::{thread, time::Duration};

use http::StatusCode;

use crate::support::{
    authenticator::{UP, UV},
    gateway::{TestGateway, password},
    in_process::InProcess,
    laptop::Laptop,
    redis::RedisServer,
    visitor::Visitor,
};

const SECTIONS: &str =
    "[accounts.passkeys]\nrp_id = \"example.com\"\nrelated_hosts = [\"shop.example.org\"]\n";
const APPS: &str = r#"
[[app]]
name = "site"
host = "example.com"
upstream = "builtin:whoami"
[[app.rule]]
path = "/.well-known/**"
allow = "anyone"
[[app]]
name = "wiki"
host = "wiki.example.com"
upstream = "builtin:whoami"
[[app.rule]]
path = "/.well-known/**"
allow = "anyone"
[[app]]
name = "shop"
host = "shop.example.org"
upstream = "builtin:whoami"
[[app.rule]]
path = "/.well-known/**"
allow = "anyone"
"#;

#[test]
fn related_origins_are_listed_at_the_host_of_the_relying_party_alone() {
    let mut gateway = InProcess::start_with(SECTIONS, APPS);
    let mut get = |host: &str, path: &str| {
        let response = gateway.get(path, &[("host", host)]);
        (response.status, response.body)
    };
    let (status, text) = get("example.com", "/.well-known/webauthn");
    assert_eq!(status, StatusCode::OK, "{text}");
    let listed: serde_json::Value = serde_json::from_str(&text).unwrap();
    let origins: Vec<&str> =
        listed["origins"].as_array().unwrap().iter().filter_map(|origin| origin.as_str()).collect();
    assert!(matches!(origins[..], [origin] if origin.starts_with("https://shop.example.org")), "{text}");
    let (_, text) = get("example.com", "/.well-known/passkey-endpoints");
    let endpoints: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(endpoints["enroll"].as_str().unwrap().ends_with("/.gateway/account/factors/passkey"), "{text}");
    // Elsewhere the addresses are the application's.
    for host in ["wiki.example.com", "shop.example.org"] {
        for path in ["/.well-known/webauthn", "/.well-known/passkey-endpoints"] {
            let (_, text) = get(host, path);
            assert!(!text.contains("origins") && !text.contains("enroll"), "{host}{path}: {text}");
        }
    }
}

const ALONE: &str = "[accounts.passkeys]\nrp_id = \"localhost\"\nfirst_factor = true\n";
const APP: &str = "[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"";
const ORIGIN: &str = "https://localhost";
const LOGIN: &str = "/.gateway/login?next=%2Fpage";
const SIGN_IN: &str = "/.gateway/login/passkey";

/// A browser for which the gateway is at port 443, as it is for all gateways behind one name.
fn visitor(gateway: &TestGateway) -> Visitor {
    Visitor::new(ORIGIN, gateway.https(), &gateway.certificate(), gateway.clock.clone())
}

/// Alice's laptop, with a passkey that she has added after a sign-in with her password.
fn laptop(gateway: &TestGateway) -> Laptop {
    let mut alice = visitor(gateway);
    alice.sign_in("alice", &password("alice"));
    Laptop::enrol(&mut alice)
}

/// Sends an answer from this browser; the browser stays as it was.
fn send(browser: &Visitor, gateway: &TestGateway, answer: &[(&'static str, String)]) -> StatusCode {
    let mut copy = visitor(gateway);
    copy.cookies.clone_from(&browser.cookies);
    let fields: Vec<_> = answer.iter().map(|(name, value)| (*name, value.as_str())).collect();
    copy.submit(SIGN_IN, &fields).status
}

#[test]
fn views_of_the_sign_in_page_push_nobody_out_of_the_session_store() {
    let gateway = TestGateway::start_with(ALONE, APP);
    gateway.add_user("alice", &[]);
    let mut laptop = laptop(&gateway);
    let mut alice = visitor(&gateway);
    let form = alice.get(LOGIN);
    for _ in 0..20 {
        let mut mallory = visitor(&gateway);
        let form = mallory.get(LOGIN);
        assert!(form.text().contains("data-passkey="), "{}", form.text());
        let (csrf, challenge) = (form.field("csrf"), form.field("challenge"));
        let nothing = [("csrf", csrf.as_str()), ("challenge", &challenge), ("credential", "AQ")];
        assert_eq!(mallory.submit(SIGN_IN, &nothing).status, 401);
    }
    let sessions = rusqlite::Connection::open(gateway.folder().join("state/sessions.db")).expect("the store");
    let of_sign_ins = || {
        let sql = "SELECT count(*) FROM one_time WHERE purpose LIKE '%passkey%'";
        sessions.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a count")
    };
    let before = of_sign_ins();
    assert!(before <= 1, "an entry for each view: {before}");
    assert_eq!(send(&alice, &gateway, &laptop.answer(&form, ORIGIN, UP | UV)), 303);
    assert_eq!(of_sign_ins(), before + 1);
}

/// Mallory is a user, too.
#[test]
fn views_of_the_pages_of_an_account_push_nobody_out_of_the_session_store() {
    let gateway = TestGateway::start_with(ALONE, APP);
    for name in ["alice", "mallory"] {
        gateway.add_user(name, &[]);
    }
    let mut alice = visitor(&gateway);
    alice.sign_in("alice", &password("alice"));
    let mut mallory = visitor(&gateway);
    mallory.sign_in("mallory", &password("mallory"));
    let sessions = rusqlite::Connection::open(gateway.folder().join("state/sessions.db")).expect("the store");
    let challenges = || {
        let sql = "SELECT count(*) FROM one_time WHERE purpose LIKE '%passkey%'";
        sessions.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a count")
    };
    let views = |mallory: &mut Visitor, page: &str| {
        let before = challenges();
        for _ in 0..10 {
            let shown = mallory.get(page);
            assert!(shown.text().contains("data-passkey="), "{page}: {}", shown.text());
        }
        challenges() - before
    };
    assert_eq!(views(&mut mallory, "/.gateway/account/factors/passkey"), 0, "an entry for each view");
    Laptop::enrol(&mut mallory);
    assert_eq!(views(&mut mallory, "/.gateway/confirm"), 0, "an entry for each view");
    Laptop::enrol(&mut alice);
}

#[test]
fn an_answer_to_a_challenge_signs_in_once_on_all_gateways_together() {
    let redis = RedisServer::start();
    for section in [String::new(), format!("[session]\nstore = \"{}\"\n", redis.url())] {
        // Further answers count as failures.
        let sections = format!("{section}[throttle]\nper_account = 100\n{ALONE}");
        let here = TestGateway::start_with(&sections, APP);
        here.add_user("alice", &[]);
        let there = TestGateway::start_beside(&here, &sections, APP);
        let mut laptop = laptop(&here);
        let mut alice = visitor(&here);

        // A gateway knows the challenges of the other.
        let answer = laptop.answer(&alice.get(LOGIN), ORIGIN, UP | UV);
        assert_eq!(send(&alice, &there, &answer), 303, "{section}");
        for gateway in [&here, &there, &here] {
            assert_eq!(send(&alice, gateway, &answer), 401, "{section}");
        }

        for round in 0..5 {
            let answer = &laptop.answer(&alice.get(LOGIN), ORIGIN, UP | UV);
            let alice = &alice;
            let mut statuses: Vec<u16> = thread::scope(|scope| {
                let sent = [&here, &there, &here, &there]
                    .map(|gateway| scope.spawn(move || send(alice, gateway, answer).as_u16()));
                sent.into_iter().map(|sent| sent.join().expect("a response")).collect()
            });
            statuses.sort_unstable();
            assert_eq!(statuses, [303, 401, 401, 401], "{section} {round}");
        }

        // Refused in another browser, and after five minutes.
        let form = alice.get(LOGIN);
        let mut mallory = visitor(&there);
        let mut answer = laptop.answer(&form, ORIGIN, UP | UV);
        answer[0].1 = mallory.get(LOGIN).field("csrf");
        assert_eq!(send(&mallory, &there, &answer), 401, "{section}");
        let answer = laptop.answer(&form, ORIGIN, UP | UV);
        here.clock.advance(Duration::from_mins(5));
        assert_eq!(send(&alice, &there, &answer), 401, "{section}");
    }
}
