//! Data that applications keep in the sessions of users and of anonymous visitors.

use http::{Method, Request};

use crate::support::{
    client::RawClient,
    cookies::SESSION,
    gateway::{TestGateway, password},
    process::Workplace,
    upstream::{Upstream, values},
    visitor::{Protocol, Response, Visitor},
};

/// An application that responds as a request asks it to: the values of `X-Respond` become header fields of the response,
/// and the session data of the request its body.
fn obedient() -> Upstream {
    Upstream::scripted(|conn| {
        while let Some(request) = conn.request()? {
            let status = request.values("x-status").first().map_or("200 OK", |status| *status).to_owned();
            let lines: String =
                request.values("x-respond").into_iter().flat_map(|line| [line, "\r\n"]).collect();
            let data = request.values("portcullis-session-data").join("|");
            let length = data.len();
            let response = format!("HTTP/1.1 {status}\r\n{lines}content-length: {length}\r\n\r\n{data}");
            conn.send(response.as_bytes())?;
        }
        Ok(())
    })
}

/// `/shop` keeps data for everybody, `/wiki` for those who are signed in, `/plain` none; all are open to anyone
/// but `/shop/mine`.
fn apps(upstream: &Upstream) -> String {
    let app = |name: &str, keys: &str| {
        format!(
            "[[app]]\nname = \"{name}\"\npath = \"/{name}\"\nupstream = \"{}\"\n{keys}\n\
             [[app.rule]]\npath = \"/{name}/**\"\nallow = \"anyone\"\n",
            upstream.url
        )
    };
    let mine = "[[app.rule]]\npath = \"/shop/mine\"\nallow = \"authenticated\"\n";
    let shop = app("shop", "session_data = true\nanonymous_sessions = true");
    [shop, mine.to_owned(), app("wiki", "session_data = true"), app("plain", "")].concat()
}

struct Fixture {
    upstream: Upstream,
    gateway: TestGateway,
}

impl Fixture {
    fn new() -> Self {
        Self::with("")
    }

    fn with(sections: &str) -> Self {
        let upstream = obedient();
        let gateway = TestGateway::start_with(sections, &apps(&upstream));
        gateway.add_user("alice", &[]);
        gateway.add_user("bob", &[]);
        Self { upstream, gateway }
    }

    fn visitor(&self) -> Visitor {
        Visitor::of(&self.gateway)
    }

    fn alice(&self) -> Visitor {
        let mut alice = self.visitor();
        alice.sign_in("alice", &password("alice"));
        alice
    }

    /// The session header of the last request that came to the application.
    fn last_received(&self) -> Vec<String> {
        let seen = self.upstream.seen();
        let last = seen.last().expect("a request");
        last.values("portcullis-session-data").into_iter().map(str::to_owned).collect()
    }
}

/// A request that makes the application respond with these header fields.
fn asking(path: &str, lines: &[&str]) -> Request<String> {
    let request = Request::get(path).header("accept", "*/*");
    let request = lines.iter().fold(request, |request, line| request.header("x-respond", *line));
    request.body(String::new()).unwrap()
}

#[track_caller]
fn respond_with(visitor: &mut Visitor, path: &str, fields: &[&str]) -> Response {
    let response = visitor.send(asking(path, fields));
    assert_eq!(response.status, 200, "{response:?}");
    let shown = response.headers.keys().filter(|name| name.as_str().starts_with("portcullis-")).count();
    assert_eq!(shown, 0, "the browser sees {:?}", response.headers);
    response
}

/// The session data that the next request brings to the application.
#[track_caller]
fn session_data(visitor: &mut Visitor, path: &str) -> String {
    respond_with(visitor, path, &[]).text()
}

#[test]
fn an_app_sets_replaces_and_deletes_the_session_data_of_the_next_request() {
    let fixture = Fixture::new();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut alice = fixture.alice().speaking(protocol);
        assert_eq!(session_data(&mut alice, "/wiki/"), "");
        assert!(fixture.last_received().is_empty(), "no empty header");
        let response = respond_with(&mut alice, "/wiki/", &["Portcullis-Session-Set: a=1&b=x+y%26%C3%A4"]);
        assert_eq!(
            (response.text(), response.set_cookies().len()),
            (String::new(), 0),
            "it comes with the next request"
        );
        assert_eq!(session_data(&mut alice, "/wiki/"), "a=1&b=x+y%26%C3%A4");
        respond_with(
            &mut alice,
            "/wiki/",
            &["Portcullis-Session-Set: a=2", "PORTCULLIS-SESSION-SET: c=3, d=4"],
        );
        assert_eq!(session_data(&mut alice, "/wiki/"), "a=2&b=x+y%26%C3%A4&c=3&d=4");
        let fields = [
            "portcullis-session-delete: a",
            "Portcullis-Session-Delete: d,none",
            "portcullis-session-set: b=",
        ];
        respond_with(&mut alice, "/wiki/", &fields);
        assert_eq!(session_data(&mut alice, "/wiki/"), "b=&c=3");
        respond_with(&mut alice, "/wiki/", &["portcullis-session-delete: b&c"]);
        assert_eq!(session_data(&mut alice, "/wiki/"), "");
        assert!(fixture.last_received().is_empty());
    }
}

#[test]
fn each_app_gets_its_own_session_data() {
    let fixture = Fixture::new();
    let mut alice = fixture.alice();
    respond_with(&mut alice, "/wiki/", &["portcullis-session-set: a=wiki"]);
    respond_with(&mut alice, "/shop/", &["portcullis-session-set: a=shop"]);
    respond_with(&mut alice, "/plain/", &["portcullis-session-set: a=plain", "portcullis-session-delete: a"]);
    for (path, expected) in [("/wiki/", "a=wiki"), ("/shop/", "a=shop"), ("/plain/", "")] {
        assert_eq!(session_data(&mut alice, path), expected);
    }
    assert_eq!(session_data(&mut fixture.alice(), "/wiki/"), "", "another session of the same user");
}

#[test]
fn no_client_adds_or_removes_the_session_data_header() {
    let fixture = Fixture::new();
    let mut alice = fixture.alice();
    respond_with(&mut alice, "/wiki/", &["portcullis-session-set: a=1"]);
    for name in [
        "Portcullis-Session-Data",
        "PORTCULLIS_SESSION_DATA",
        "portcullis-session_data",
        "portcullis.session.data",
    ] {
        for path in ["/wiki/", "/plain/"] {
            let request = asking(path, &[]);
            let (mut head, body) = request.into_parts();
            let name: http::HeaderName = name.parse().unwrap();
            head.headers.append(name.clone(), "a=evil".parse().unwrap());
            head.headers.append("connection", "portcullis-session-data".parse().unwrap());
            assert_eq!(alice.send(Request::from_parts(head, body)).status, 200);
            let seen = fixture.upstream.seen();
            let text = seen.last().unwrap().head.to_ascii_lowercase();
            assert!(!text.contains("evil"), "{name}: {text}");
            assert_eq!(text.contains("portcullis-session-data: a=1"), path == "/wiki/", "{name}: {text}");
        }
    }
}

#[test]
fn malformed_or_too_large_session_data_is_ignored_whole_and_harms_no_response() {
    let fixture = Fixture::new();
    let mut alice = fixture.alice();
    respond_with(&mut alice, "/wiki/", &["portcullis-session-set: a=1"]);
    let large = format!("portcullis-session-set: big={}", "x".repeat(4096));
    let nearly = format!("portcullis-session-set: big={}", "x".repeat(4090));
    let huge = format!("portcullis-session-set: big={}", "x".repeat(20_000));
    for wrong in [
        &large,
        &nearly,
        &huge,
        "portcullis-session-set: c=%zz",
        "portcullis-session-set: c=%ff",
        "portcullis-session-set: c=%00",
        "portcullis-session-set: c=1&d",
        "portcullis-session-set: =1",
        "portcullis-session-set: c=Tom & Jerry",
        "portcullis-session-delete: %",
        "portcullis-session-delete: a=1",
    ] {
        let response =
            respond_with(&mut alice, "/wiki/", &["portcullis-session-set: b=2", wrong, "x-app: yes"]);
        assert_eq!((response.header("x-app"), response.text()), ("yes", "a=1".to_owned()), "{wrong:.60}");
        assert_eq!(session_data(&mut alice, "/wiki/"), "a=1", "{wrong:.60}");
    }
    let fits = format!("portcullis-session-set: big={}", "x".repeat(4096 - "a=1&big=".len()));
    respond_with(&mut alice, "/wiki/", &[&fits]);
    assert_eq!(session_data(&mut alice, "/wiki/").len(), 4096);
}

#[test]
fn error_responses_and_upgrades_set_session_data() {
    let fixture = Fixture::new();
    let mut alice = fixture.alice();
    for status in ["500 Oops", "404 Not Found", "304 Not Modified", "302 Found"] {
        let mut request = asking("/wiki/", &["portcullis-session-set: status=1"]);
        request.headers_mut().insert("x-status", status.parse().unwrap());
        let response = alice.send(request);
        assert_eq!(response.status.as_str(), &status[..3]);
        assert_eq!(session_data(&mut alice, "/wiki/"), "status=1", "{status}");
        respond_with(&mut alice, "/wiki/", &["portcullis-session-delete: status"]);
    }

    let cookie = format!("{SESSION}={}", alice.cookies[SESSION]);
    let mut client = RawClient::connect(&fixture.gateway);
    client.send(format!(
        "GET /wiki/ws HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nConnection: upgrade\r\nUpgrade: echo\r\n\
         X-Status: 101 Switching\r\nX-Respond: connection: upgrade\r\nX-Respond: upgrade: echo\r\n\
         X-Respond: portcullis-session-set: socket=1\r\n\r\n"
    ));
    let head = client.head().unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(values(&head, "portcullis-session-set").is_empty(), "{head}");
    assert_eq!(session_data(&mut alice, "/wiki/"), "socket=1");
}

#[test]
fn signing_in_again_keeps_session_data_and_another_user_or_signing_out_drops_it() {
    let fixture = Fixture::new();
    let mut alice = fixture.alice();
    respond_with(&mut alice, "/wiki/", &["portcullis-session-set: a=1"]);
    let first = alice.cookies[SESSION].clone();
    // The form shows itself to nobody who is signed in, so it is opened beside the session.
    let sign_in_over = |browser: &mut Visitor, name: &str| {
        let session = browser.cookies.remove(SESSION).unwrap();
        let csrf = browser.get("/.gateway/login").field("csrf");
        browser.cookies.insert(SESSION.to_owned(), session);
        let fields = [("csrf", &*csrf), ("next", "/"), ("username", name), ("password", &password(name))];
        assert_eq!(browser.submit("/.gateway/login", &fields).status, 303);
    };
    sign_in_over(&mut alice, "alice");
    assert_ne!(alice.cookies[SESSION], first);
    assert_eq!(session_data(&mut alice, "/wiki/"), "a=1");

    sign_in_over(&mut alice, "bob");
    assert_eq!(session_data(&mut alice, "/wiki/"), "", "bob does not see what was alice's");
    respond_with(&mut alice, "/wiki/", &["portcullis-session-set: b=2"]);
    let session = alice.cookies[SESSION].clone();
    assert_eq!(alice.sign_out().status, 303);
    for cookie in [&first, &session] {
        alice.cookies.insert(SESSION.to_owned(), cookie.clone());
        assert_eq!(session_data(&mut alice, "/wiki/"), "");
    }
}

#[test]
fn twenty_responses_at_once_set_twenty_keys() {
    for store in ["file", "memory"] {
        let fixture = Fixture::with(&format!("[session]\nstore = \"{store}\""));
        let mut alice = fixture.alice();
        let keys: Vec<String> = (10..30).map(|number| format!("k{number}=1")).collect();
        let requests =
            keys.iter().map(|pair| asking("/wiki/", &[&format!("portcullis-session-set: {pair}")]));
        let responses = alice.send_all(requests.collect());
        assert!(responses.iter().all(|response| response.status == 200));
        assert_eq!(session_data(&mut alice, "/wiki/"), keys.join("&"), "{store}");
    }
}

#[test]
fn a_store_that_cannot_be_written_loses_the_change_and_not_the_response() {
    let fixture = Fixture::new();
    let mut alice = fixture.alice();
    respond_with(&mut alice, "/wiki/", &["portcullis-session-set: a=1"]);
    // A trigger stands for a disk that refuses to write.
    let database = rusqlite::Connection::open(fixture.gateway.folder().join("state/sessions.db")).unwrap();
    database
        .execute_batch(
            "CREATE TRIGGER data BEFORE UPDATE ON session BEGIN SELECT raise(ABORT, 'no space'); END;
             CREATE TRIGGER full BEFORE INSERT ON session BEGIN SELECT raise(ABORT, 'no space'); END;",
        )
        .unwrap();
    assert_eq!(respond_with(&mut alice, "/wiki/", &["portcullis-session-set: b=2"]).text(), "a=1");
    assert_eq!(session_data(&mut alice, "/wiki/"), "a=1");
    let response = respond_with(&mut fixture.visitor(), "/shop/", &["portcullis-session-set: b=2"]);
    assert!(response.set_cookies().is_empty());
    database.execute_batch("DROP TRIGGER data; DROP TRIGGER full").unwrap();
    respond_with(&mut alice, "/wiki/", &["portcullis-session-set: b=2"]);
    assert_eq!(session_data(&mut alice, "/wiki/"), "a=1&b=2");
}

#[test]
fn the_first_session_data_opens_the_session_of_a_visitor() {
    let fixture = Fixture::new();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut visitor = fixture.visitor().speaking(protocol);
        assert_eq!(session_data(&mut visitor, "/shop/"), "");
        for nothing in [
            "portcullis-session-delete: a",
            "portcullis-session-set: ",
            "portcullis-session-set: %",
            &format!("portcullis-session-set: a={}", "x".repeat(5000)),
        ] {
            assert!(
                respond_with(&mut visitor, "/shop/", &[nothing]).set_cookies().is_empty(),
                "{nothing:.60}"
            );
        }
        assert!(
            respond_with(&mut visitor, "/wiki/", &["portcullis-session-set: a=1"]).set_cookies().is_empty()
        );

        let fields =
            ["portcullis-session-set: cart=3", "set-cookie: theirs=1", "cache-control: public, max-age=60"];
        let response = respond_with(&mut visitor, "/shop/", &fields);
        let cookies = response.set_cookies();
        assert_eq!((cookies.len(), cookies[0]), (2, "theirs=1; Secure"), "{cookies:?}");
        for part in [SESSION, "; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/", "; Max-Age=43200"] {
            assert!(cookies[1].contains(part), "{cookies:?}");
        }
        assert_eq!(response.header("cache-control"), "max-age=60, private");
        assert_eq!(session_data(&mut visitor, "/shop/"), "cart=3");

        let again = respond_with(
            &mut visitor,
            "/shop/",
            &["portcullis-session-set: cart=4", "cache-control: public"],
        );
        assert!(again.set_cookies().is_empty(), "it has one");
        assert_eq!(again.header("cache-control"), "public");
        assert_eq!(session_data(&mut visitor, "/shop/"), "cart=4");
        respond_with(&mut visitor, "/wiki/", &["portcullis-session-set: a=1"]);
        assert_eq!(session_data(&mut visitor, "/wiki/"), "", "an app that keeps nothing for visitors");
    }
}

#[test]
fn a_visitor_with_a_session_is_not_signed_in() {
    let fixture = Fixture::new();
    let mut visitor = fixture.visitor();
    respond_with(&mut visitor, "/shop/", &["portcullis-session-set: cart=3"]);
    let session = visitor.cookies[SESSION].clone();
    assert_eq!(visitor.fetch(&Method::GET, "/shop/mine").status, 401);
    let page = visitor.get("/shop/mine");
    assert_eq!((page.status.as_u16(), page.location()), (303, "/.gateway/login?next=/shop/mine"));
    assert!(visitor.get("/.gateway/whoami").text().contains("\"authenticated\":false"));
    for page in ["account", "account/password"] {
        let response = visitor.get(&format!("/.gateway/{page}"));
        assert!(
            response.status == 303 && response.location().starts_with("/.gateway/login"),
            "{page}: {response:?}"
        );
    }
    let response = visitor.get("/.gateway/logout");
    assert_eq!((response.status.as_u16(), response.location()), (303, "/.gateway/login"));
    let response = visitor.submit("/.gateway/logout", &[("csrf", "guessed")]);
    assert_eq!((response.status.as_u16(), response.location()), (303, "/.gateway/login"));
    assert_eq!(visitor.get("/.gateway/login").status, 200);
    assert!(fixture.upstream.last().values("remote-user").is_empty());
    assert_eq!(visitor.cookies[SESSION], session);
    assert_eq!(session_data(&mut visitor, "/shop/"), "cart=3", "and none of that ended it");
}

#[test]
fn session_data_of_a_visitor_moves_to_a_new_token_at_sign_in() {
    let fixture = Fixture::new();
    let mut browser = fixture.visitor();
    respond_with(&mut browser, "/shop/", &["portcullis-session-set: cart=3"]);
    let before = browser.cookies[SESSION].clone();
    browser.sign_in("alice", &password("alice"));
    let after = browser.cookies[SESSION].clone();
    assert_ne!(before, after);
    assert_eq!(session_data(&mut browser, "/shop/mine"), "cart=3");

    let mut other = fixture.visitor();
    other.cookies.insert(SESSION.to_owned(), before);
    assert_eq!(session_data(&mut other, "/shop/"), "", "the token from before opens nothing");
    respond_with(&mut other, "/shop/", &["portcullis-session-set: cart=9"]);
    assert_eq!(session_data(&mut browser, "/shop/"), "cart=3", "and what is set with it goes elsewhere");

    assert_eq!(browser.sign_out().status, 303);
    assert_eq!(session_data(&mut browser, "/shop/"), "");
}

#[test]
fn a_visitor_s_session_ends_unused_and_an_expired_one_gives_way_to_a_new_one() {
    let fixture = Fixture::new();
    let mut visitor = fixture.visitor();
    respond_with(&mut visitor, "/shop/", &["portcullis-session-set: cart=3"]);
    let session = visitor.cookies[SESSION].clone();
    fixture.gateway.clock.advance(std::time::Duration::from_secs(3601));
    assert_eq!(session_data(&mut visitor, "/shop/"), "");
    respond_with(&mut visitor, "/shop/", &["portcullis-session-set: cart=1"]);
    assert_ne!(visitor.cookies[SESSION], session);
    assert_eq!(session_data(&mut visitor, "/shop/"), "cart=1");
}

#[test]
fn visitors_make_room_for_each_other_and_sign_nobody_out() {
    for store in ["file", "memory"] {
        let fixture = Fixture::with(&format!("[session]\nstore = \"{store}\"\nmax_visitors = 3"));
        let mut alice = fixture.alice();
        let mut visitors: Vec<Visitor> = (0..5).map(|_| fixture.visitor()).collect();
        for visitor in &mut visitors {
            fixture.gateway.clock.advance(std::time::Duration::from_secs(2));
            respond_with(visitor, "/shop/", &["portcullis-session-set: cart=3"]);
        }
        let carts: Vec<String> = visitors.iter_mut().map(|visitor| session_data(visitor, "/shop/")).collect();
        assert_eq!(carts, ["", "", "cart=3", "cart=3", "cart=3"], "{store}");
        assert_eq!(alice.fetch(&Method::GET, "/shop/mine").status, 200);
    }
}

#[test]
fn session_data_survives_a_crash_and_ignored_data_is_logged() {
    let upstream = obedient();
    let place = Workplace::new("", &apps(&upstream));
    place.run_well(&["user", "add", "alice"], PASSWORD);
    let mut gateway = place.start();
    let (mut alice, mut visitor) = (gateway.visitor(), gateway.visitor());
    alice.sign_in("alice", PASSWORD);
    respond_with(&mut alice, "/wiki/", &["portcullis-session-set: a=secret"]);
    respond_with(&mut visitor, "/shop/", &["portcullis-session-set: cart=3"]);
    respond_with(&mut alice, "/wiki/", &["portcullis-session-set: a=hidden&b"]);
    let id = upstream.seen().last().unwrap().value("x-request-id").to_owned();
    let line = gateway.stderr.wait_for("the line of what was ignored", |text| {
        text.lines().find(|line| line.contains("session data of an app ignored")).map(str::to_owned)
    });
    assert!(line.contains(&id) && line.contains("wiki"), "{line}");
    gateway.signal("KILL");
    gateway.wait();
    let (out, err) = (gateway.stdout.so_far(), gateway.stderr.so_far());
    assert!(!out.contains("secret") && !err.contains("secret") && !err.contains("hidden"), "{out}\n{err}");

    let gateway = place.start();
    for (before, path, expected) in [(alice, "/wiki/", "a=secret"), (visitor, "/shop/", "cart=3")] {
        let mut after = gateway.visitor();
        after.cookies = before.cookies;
        assert_eq!(session_data(&mut after, path), expected);
    }
}

const PASSWORD: &str = "quiet otters fold umbrellas";
