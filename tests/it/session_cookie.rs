//! Attacks with the session cookie: an old one, a changed one, a thousand, one in another place.

use std::{collections::BTreeSet, sync::Barrier, thread};

use http::{Request, header::COOKIE};
use portcullis::identity::UserName;

use crate::support::{
    block_on,
    client::{Http2, RawClient, full, read, request, sign_in},
    cookies::{FORM, SESSION},
    gateway::{TestGateway, password},
    process::{until, wait_for_entries},
    upstream::Upstream,
    visitor::Visitor,
};

fn gateway(upstream: &Upstream) -> TestGateway {
    let gateway = TestGateway::start(&format!("[[app]]\nupstream = {:?}", upstream.url));
    gateway.add_user("alice", &["staff"]);
    gateway.add_user("bob", &[]);
    gateway
}

/// The user that a page of the application is shown to; `None`: to nobody.
fn shown_to(visitor: &mut Visitor, upstream: &Upstream) -> Option<String> {
    let response = visitor.get("/page");
    match response.status.as_u16() {
        200 => Some(upstream.seen().last().expect("a request").value("remote-user").to_owned()),
        303 => None,
        status => panic!("{status}: {}", response.text()),
    }
}

/// A form of the sign-in page that was open in this browser before anybody signed in.
fn open_form(visitor: &mut Visitor, gateway: &TestGateway) -> String {
    let mut before = Visitor::of(gateway);
    let csrf = before.get("/.gateway/login").field("csrf");
    visitor.cookies.insert(FORM.to_owned(), before.cookies[FORM].clone());
    csrf
}

#[test]
fn advisory_36_a_sign_in_over_another_session_ends_that_session() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream);
    let mut browser = Visitor::of(&gateway);
    browser.sign_in("alice", &password("alice"));
    let of_alice = browser.cookies[SESSION].clone();
    assert_eq!(shown_to(&mut browser, &upstream).as_deref(), Some("alice"));

    let csrf = open_form(&mut browser, &gateway);
    let right = password("bob");
    let fields = [("csrf", &*csrf), ("next", "/"), ("username", "bob"), ("password", &*right)];
    assert_eq!(browser.submit("/.gateway/login", &fields).status, 303);
    assert_ne!(browser.cookies[SESSION], of_alice);
    // CVE-2014-0482: who it is stands in every request, and changes with the session.
    assert_eq!(shown_to(&mut browser, &upstream).as_deref(), Some("bob"));
    let mut thief = Visitor::of(&gateway);
    thief.cookies.insert(SESSION.to_owned(), of_alice);
    assert_eq!(shown_to(&mut thief, &upstream), None, "the session of whoever sat there before goes on");
}

#[test]
fn advisory_39_a_token_with_one_character_changed_opens_nothing_and_ends_nothing() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    let token = alice.cookies[SESSION].clone();
    let stranger = Visitor::of(&gateway).get("/page");
    let mut client = Visitor::of(&gateway);
    let mut connection = client.connect();
    for place in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let request = Request::get("/page").header("accept", "text/html");
        let request = request.header(COOKIE, format!("{SESSION}={changed}")).body(String::new()).unwrap();
        let response = client.send_over(&mut connection, request);
        assert_eq!(
            (response.status, response.location()),
            (stranger.status, stranger.location()),
            "{changed}"
        );
    }
    assert_eq!(shown_to(&mut alice, &upstream).as_deref(), Some("alice"));
}

#[test]
fn advisory_40_huge_cookies_are_refused_or_read_as_usual() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    let real = format!("{SESSION}={}", alice.cookies[SESSION]);
    let ask = |cookie: &str| {
        let mut client = RawClient::connect(&gateway);
        client
            .try_send(format!(
                "GET /page HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nCookie: {cookie}\r\n\r\n"
            ))
            .ok();
        client.response().status
    };
    let many = "a=b; ".repeat(4000);
    assert_eq!(ask(&format!("{many}{real}")), 200);
    assert_eq!(ask(&many), 303);
    assert_eq!(ask(&format!("{}{real}", ";".repeat(20_000))), 200);
    assert_eq!(ask(&format!("{};{real}", "=".repeat(20_000))), 200);
    assert_eq!(ask(&format!("{real}; {}", format!("{SESSION}=x; ").repeat(1000))), 303);
    assert_eq!(ask(&format!("{SESSION}={}", "A".repeat(20_000))), 303);
    assert_eq!(ask(&"a=b; ".repeat(20_000)), 431);
}

/// The host and the cookie that a connection repeats are not read again. Nothing else may come of that.
#[test]
fn each_request_on_one_connection_belongs_to_the_user_of_its_own_cookie() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream);
    let (alice, bob) = (sign_in(&gateway, "alice"), sign_in(&gateway, "bob"));
    let flip = |cookie: &str| cookie.replace('=', "=x");
    let pieces: &[(&[&str], Option<&str>)] = &[
        (&[&alice], Some("alice")),
        (&[&alice], Some("alice")),
        (&[&bob], Some("bob")),
        (&[], None),
        (&[&alice], Some("alice")),
        (&["a=b", &alice, "c=d"], Some("alice")),
        (&[&alice, &bob], None),
        (&[&alice, &alice], None),
        (&[&flip(&alice)], None),
        (&[SESSION], None),
        (&[SESSION, &bob], Some("bob")),
        (&["a=b"], None),
        (&[&bob], Some("bob")),
        (&[&bob, "a=b"], Some("bob")),
    ];
    let came_through = |status: u16, cookie: &[&str]| match status {
        200 => Some(upstream.seen().last().expect("a request").value("remote-user").to_owned()),
        401 => None,
        status => panic!("{status}: {cookie:?}"),
    };
    let mut connection = RawClient::connect(&gateway);
    for (cookie, whose) in pieces {
        let line =
            if cookie.is_empty() { String::new() } else { format!("Cookie: {}\r\n", cookie.join("; ")) };
        let status = connection.get("/page", &line).status;
        assert_eq!(came_through(status, cookie).as_deref(), *whose, "HTTP/1.1: {cookie:?}");
    }
    // HTTP/2 may split a cookie at its semicolons, each piece a line of its own (RFC 9113 §8.2.3).
    block_on(async {
        let mut connection = Http2::connect(&gateway).await;
        for (cookie, whose) in pieces {
            let asked =
                cookie.iter().fold(request("GET", "/page"), |asked, piece| asked.header(COOKIE, *piece));
            let response = connection.send(asked.body(full("")).unwrap()).await.unwrap();
            let status = response.status().as_u16();
            read(response).await.unwrap();
            assert_eq!(came_through(status, cookie).as_deref(), *whose, "HTTP/2: {cookie:?}");
        }
    });
}

#[test]
fn a_session_that_ends_is_over_for_connections_that_know_its_cookie() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    let line = format!("Cookie: {SESSION}={}\r\n", alice.cookies[SESSION]);
    let mut connections = [RawClient::connect(&gateway), RawClient::connect(&gateway)];
    for connection in &mut connections {
        assert_eq!(
            [connection.get("/page", &line).status, connection.get("/page", &line).status],
            [200, 200]
        );
    }
    let csrf = alice.get("/.gateway/logout").field("csrf");
    assert_eq!(alice.submit("/.gateway/logout", &[("csrf", &csrf)]).status, 303);
    for connection in &mut connections {
        assert_eq!(
            [connection.get("/page", &line).status, connection.get("/page", &line).status],
            [401, 401]
        );
    }
    // And whoever is disabled is refused, with the session that they still have.
    let line = format!("Cookie: {}\r\n", sign_in(&gateway, "bob"));
    let [connection, _] = &mut connections;
    assert_eq!(connection.get("/page", &line).status, 200);
    gateway.users().set_active(&UserName::parse("bob").unwrap(), false).unwrap();
    until("the change is seen", || connection.get("/page", &line).status == 401);
}

/// OWASP ASVS 5.0 7.2.3: at least 128 bits, from a generator for the purpose; CVE-2024-21495 had a seeded one.
#[test]
fn asvs_7_2_3_tokens_are_long_and_no_two_are_alike_in_any_place() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream);
    let mut alice = Visitor::of(&gateway);
    let right = password("alice");
    let mut tokens = BTreeSet::new();
    for _ in 0..24 {
        let csrf = open_form(&mut alice, &gateway);
        let fields = [("csrf", &*csrf), ("next", "/"), ("username", "alice"), ("password", &*right)];
        assert_eq!(alice.submit("/.gateway/login", &fields).status, 303);
        tokens.insert(alice.cookies[SESSION].clone());
    }
    assert_eq!(tokens.len(), 24);
    for token in &tokens {
        assert_eq!(token.len(), 43, "256 bits: {token}");
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{token}");
    }
    // At one place, 24 random characters out of 64 have more than eight different ones. The last place holds four bits.
    for place in 0..42 {
        let there: BTreeSet<u8> = tokens.iter().map(|token| token.as_bytes()[place]).collect();
        assert!(there.len() > 8, "place {place} has {} different characters", there.len());
    }
}

/// A generator that is not for secrets would have to be a dependency first.
#[test]
fn advisory_44_there_is_one_source_of_randomness() {
    let manifest = include_str!("../../Cargo.toml");
    let (_, after) = manifest.split_once("[dependencies]").unwrap();
    let (dependencies, _) = after.split_once("[dev-dependencies]").unwrap();
    let named = |line: &str| line.split([' ', '=', '.']).next().unwrap_or_default().to_owned();
    let dependencies: BTreeSet<String> = dependencies.lines().map(named).collect();
    for generator in ["rand", "rand_core", "fastrand", "oorandom", "nanorand", "uuid", "getrandom"] {
        assert!(!dependencies.contains(generator), "{generator}");
    }
    assert!(dependencies.contains("aws-lc-rs"));
}

/// OWASP ASVS 5.0 3.3.4, 3.3.5; CVE-2024-39315 showed tokens on a page about the user.
#[test]
fn advisory_47_the_token_is_in_its_cookie_and_nowhere_else() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream);
    let mut alice = Visitor::of(&gateway);
    let response = alice.sign_in_to("/page", "alice", &password("alice"));
    let token = alice.cookies[SESSION].clone();
    for entry in response.set_cookies() {
        assert!(entry.len() <= 4096, "{}", entry.len());
    }
    let elsewhere = |response: &crate::support::visitor::Response| {
        let headers = response.headers.iter().filter(|(name, _)| *name != "set-cookie");
        let headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
        format!("{}\n{}", headers.join("\n"), response.text())
    };
    assert!(!elsewhere(&response).contains(&token));
    for page in ["account", "account/password", "whoami", "logout", "confirm", "login", "nothing"] {
        let response = alice.get(&format!("/.gateway/{page}"));
        assert!(!elsewhere(&response).contains(&token), "{page}");
    }
    assert!(!elsewhere(&alice.get("/page")).contains(&token));
    let seen = upstream.only();
    assert_eq!(seen.value("remote-user"), "alice");
    assert!(!seen.head.contains(&token), "the application got it");
    let log = wait_for_entries(&gateway, |log| log.iter().any(|entry| entry["path"] == "/page"));
    assert!(log.iter().any(|entry| entry["event"] == "sign-in"), "{log:?}");
    assert!(log.iter().all(|entry| !entry.to_string().contains(&token)), "the log knows");
}

/// OWASP ASVS 5.0 14.2.1: neither a token nor a password is taken from an address.
#[test]
fn asvs_14_2_1_a_token_or_a_password_in_the_address_opens_nothing() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    let token = alice.cookies[SESSION].clone();
    let right = form_urlencoded::byte_serialize(password("alice").as_bytes()).collect::<String>();
    let mut stranger = Visitor::of(&gateway);
    for query in
        [format!("{SESSION}={token}"), format!("session={token}"), format!("username=alice&password={right}")]
    {
        assert_eq!(stranger.get(&format!("/page?{query}")).status, 303, "{query}");
        let page = stranger.get(&format!("/.gateway/login?{query}"));
        assert!(page.status == 200 && !stranger.cookies.contains_key(SESSION), "{query}");
    }
    assert!(upstream.seen().is_empty());
}

/// CVE-2026-33544: what belongs to one sign-in was kept where another could take it.
#[test]
fn advisory_49_people_who_sign_in_at_the_same_time_each_get_their_own_identity() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream);
    let names: Vec<String> = (0..16).map(|number| format!("user{number}")).collect();
    for name in &names {
        gateway.add_user(name, &[]);
    }
    let start = Barrier::new(names.len());
    thread::scope(|scope| {
        for name in &names {
            let (gateway, start) = (&gateway, &start);
            scope.spawn(move || {
                let mut visitor = Visitor::of(gateway);
                start.wait();
                visitor.sign_in(name, &password(name));
                for _ in 0..3 {
                    let response = visitor.get(&format!("/for/{name}"));
                    assert_eq!(response.status, 200, "{name}");
                }
            });
        }
    });
    let seen = upstream.seen();
    assert_eq!(seen.len(), names.len() * 3);
    for request in seen {
        let user = request.value("remote-user");
        assert!(request.asked().ends_with(&format!("/for/{user}")), "{} came as {user}", request.asked());
    }
}

#[test]
fn a_cookie_whose_name_is_spelt_otherwise_opens_nothing_and_does_not_reach_the_application() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&crate::support::upstream::public_app(&upstream.url, ""));
    gateway.add_user("alice", &[]);
    let cookie = sign_in(&gateway, "alice");
    let (name, token) = cookie.split_once('=').unwrap();
    for (sent, user) in [
        (format!("{name}={token}"), Some("alice")),
        (format!("a=b; {name}={token}"), Some("alice")),
        (format!("a=b;{name}={token}"), Some("alice")),
        (format!("{name} ={token}"), None),
        (format!("{name}\t={token}"), None),
        (format!("a=b; {name} ={token}; c=d"), None),
        (format!("a=b;\t{name}={token}"), None),
        (format!("{name}= {token}"), None),
        (format!("{name}={token} ; a=b"), None),
        (format!("$Version=1; {name}={token}"), None),
        (format!("$Version=\"1\"; a=b; {name}={token}; $Path=/"), None),
        (format!("{name}={token}; $version=0"), None),
    ] {
        let response = RawClient::connect(&gateway).get("/", &format!("Cookie: {sent}\r\n"));
        assert_eq!(response.status, 200);
        let received = upstream.seen().pop().unwrap();
        let expected: Vec<&str> = user.into_iter().collect();
        assert_eq!(received.values("remote-user"), expected, "{sent}");
        assert!(!received.head.contains(token), "{}", received.head);
    }
}
