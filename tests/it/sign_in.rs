//! Signing in and out over TLS, by browsers and by attackers.

use std::{collections::BTreeSet, fmt::Write, time::Duration};

use http::{Method, Request, Version, header::COOKIE};
use portcullis::{
    identity::UserName,
    users::{HashSettings, NewUser, Passwords},
};

use crate::support::{
    cookies::{FORM, NOTICE, SESSION},
    gateway::{TestGateway, password},
    visitor::{Protocol, Response, Visitor, form},
};

const WHOAMI: &str = "[[app]]\nupstream = \"builtin:whoami\"";

fn gateway() -> TestGateway {
    let gateway = TestGateway::start(WHOAMI);
    gateway.add_user("alice", &["staff"]);
    gateway
}

/// Whether an application's page is shown to the visitor.
fn is_in(visitor: &mut Visitor) -> bool {
    let response = visitor.get("/page");
    match response.status.as_u16() {
        200 => true,
        303 => {
            assert_eq!(response.location(), "/.gateway/login?next=/page");
            false
        }
        status => panic!("neither in nor out: {status} {}", response.text()),
    }
}

#[test]
fn a_sign_in_returns_to_the_requested_page() {
    let gateway = gateway();
    for (protocol, version) in [(Protocol::Http1, Version::HTTP_11), (Protocol::Http2, Version::HTTP_2)] {
        let mut alice = Visitor::of(&gateway).speaking(protocol);
        let wanted = "/reports/2026?q=a%26b&sort=up&next=/elsewhere";
        let sent_away = alice.get(wanted);
        assert_eq!((sent_away.status.as_u16(), sent_away.version), (303, version));
        let page = alice.get(sent_away.location());
        assert_eq!(page.status, 200);
        assert_eq!(page.field("next"), wanted);
        let (csrf, right) = (page.field("csrf"), password("alice"));
        let fields = [("csrf", &*csrf), ("next", wanted), ("username", "alice"), ("password", &right)];
        let signed_in = alice.submit("/.gateway/login", &fields);
        assert_eq!((signed_in.status.as_u16(), signed_in.location()), (303, wanted));
        let shown = alice.get(signed_in.location());
        assert_eq!((shown.status.as_u16(), shown.version), (200, version));
        let text = shown.text();
        assert!(text.contains("alice") && text.contains("/reports/2026?q=a%26b"), "{text}");
        assert!(!text.contains(SESSION), "the application got the gateway's cookie:\n{text}");
    }
}

#[test]
fn a_sign_in_returns_to_a_long_or_odd_address() {
    let gateway = gateway();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for wanted in [
            format!("/explore?left={}", "x".repeat(2100)),
            format!("/explore?left={}", "x".repeat(8000)),
            // Each byte takes three in the address of the sign-in page.
            format!("/explore?{}", "&=".repeat(2500)),
            format!("/explore?left={}", "%7B%22a%22:[1,2]%7D".repeat(400)),
            "/files/a%5Cb.txt?path=C:\\x".to_owned(),
            "/w?q={a}|[b]^`c'd&e=//f.example/&g=%ff%00".to_owned(),
        ] {
            let mut alice = Visitor::of(&gateway).speaking(protocol);
            let sent_away = alice.get(&wanted);
            assert_eq!(sent_away.status, 303, "{wanted:.60}");
            let page = alice.get(sent_away.location());
            assert_eq!(page.status, 200, "{wanted:.60}");
            let (csrf, next, right) = (page.field("csrf"), page.field("next"), password("alice"));
            let fields = [("csrf", &*csrf), ("next", &next), ("username", "alice"), ("password", &right)];
            // As a form without an action is sent.
            let signed_in = alice.submit(sent_away.location(), &fields);
            assert_eq!((signed_in.status.as_u16(), signed_in.location()), (303, &*wanted), "{wanted:.60}");
            assert_eq!(alice.get(&wanted).status, 200, "{wanted:.60}");
        }
        let mut stranger = Visitor::of(&gateway).speaking(protocol);
        for (path, status) in [("/explore?", 414), ("/.gateway/login?", 200), ("/.gateway/account?", 414)] {
            assert_eq!(stranger.get(&format!("{path}{}", "x".repeat(9000))).status, status, "{path}");
        }
        assert_eq!(stranger.get(&format!("/.gateway/login?{}", "x".repeat(26_000))).status, 414);
    }
}

#[test]
fn a_form_that_is_not_kept_returns_to_its_page_with_a_notice() {
    let gateway = TestGateway::start(&format!("{WHOAMI}\nkeep_forms = false"));
    gateway.add_user("alice", &[]);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut alice = Visitor::of(&gateway).speaking(protocol);
        alice.sign_in("alice", &password("alice"));
        gateway.clock.advance(Duration::from_hours(2));
        let origin = alice.origin();
        let referer = format!("{origin}/form?id=7");
        let headers = [("referer", &*referer), ("origin", &*origin), ("sec-fetch-site", "same-origin")];
        let response = alice.submit_with("/save", &[("text", "a letter")], &headers);
        assert_eq!(
            (response.status.as_u16(), response.location()),
            (303, "/.gateway/login?next=/form%3Fid%3D7")
        );
        let page = alice.get(response.location());
        assert!(page.text().contains("What you sent was not saved"), "{}", page.text());
        assert_eq!(page.field("next"), "/form?id=7");
        assert!(!alice.get(response.location()).text().contains("not saved"), "shown twice");
        // A script in an open page gets a problem to show.
        let response = alice.fetch(&Method::GET, "/api");
        let problem: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(
            problem["detail"],
            "You are not signed in, or your session has ended. Reload the page to sign in."
        );
    }
}

#[test]
fn the_root_of_the_gateways_pages_redirects() {
    let gateway = gateway();
    let mut alice = Visitor::of(&gateway);
    for path in ["/.gateway", "/.gateway/"] {
        assert_eq!(alice.get(path).location(), "/.gateway/login", "{path}");
    }
    alice.sign_in("alice", &password("alice"));
    for path in ["/.gateway", "/.gateway/"] {
        assert_eq!(alice.get(path).location(), "/.gateway/account", "{path}");
    }
}

#[test]
fn a_program_gets_a_problem_and_no_redirect() {
    let gateway = gateway();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut program = Visitor::of(&gateway).speaking(protocol);
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let response = program.fetch(&method, "/api");
            assert_eq!(response.status, 401, "{method}");
            assert_eq!(response.header("content-type"), "application/problem+json");
            assert!(!response.headers.contains_key("www-authenticate"));
            assert_eq!(response.location(), "");
            let problem: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            assert_eq!((&problem["status"], &problem["login"]), (&401.into(), &"/.gateway/login".into()));
        }
    }
}

#[test]
fn every_wrong_sign_in_gets_the_very_same_response() {
    let gateway = TestGateway::start_with("[throttle]\nper_account = 100", WHOAMI);
    gateway.add_user("alice", &["staff"]);
    gateway.add_user("disabled", &[]);
    gateway.users().set_active(&UserName::parse("disabled").unwrap(), false).unwrap();
    gateway.users().add(NewUser::named(UserName::parse("nopass").unwrap())).unwrap();
    let (right, disabled, long) = (password("alice"), password("disabled"), "x".repeat(10_000));
    let attempts = [
        ("a wrong password", "alice", "wrong"),
        ("an unknown user", "zelda", right.as_str()),
        ("a disabled user with the right password", "disabled", disabled.as_str()),
        ("a user without a password", "nopass", ""),
        ("a user without a password, guessed at", "nopass", "wrong"),
        ("no password", "alice", ""),
        ("no name", "", "wrong"),
        ("nothing at all", "", ""),
        ("10,000 characters", "alice", &long),
        ("NUL behind the right password", "alice", "correct horse alice\0"),
        ("NUL alone", "alice", "\0"),
        ("a name that is none", "al ice/../\u{202e}", "wrong"),
        ("a name with NUL", "alice\0", &right),
        ("the password with a space behind", "alice", "correct horse alice "),
        ("another case", "alice", "Correct Horse Alice"),
    ];
    let mut responses = BTreeSet::new();
    for (what, name, tried) in attempts {
        let mut stranger = Visitor::of(&gateway);
        let response = stranger.sign_in_to("/page", name, tried);
        assert_eq!(response.status, 401, "{what}: {}", response.text());
        assert!(!stranger.cookies.contains_key(SESSION), "{what}");
        responses.insert(normal(&response, name));
        assert!(!is_in(&mut stranger), "{what}");
    }
    assert_eq!(responses.len(), 1, "{responses:#?}");
}

/// Status, headers and body without what has to differ: the token, the time, what was typed as a name.
fn normal(response: &Response, name: &str) -> String {
    let mut text = format!("{}\n", response.status);
    for (header, value) in &response.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let value = match header.as_str() {
            "date" | "x-request-id" => "…".to_owned(),
            "content-length" => "as the body".to_owned(),
            _ => value,
        };
        writeln!(text, "{header}: {value}").unwrap();
    }
    let body = response.text().replace(&response.field("csrf"), "…");
    let escaped = escape(name);
    // An empty field is focused and a filled-in one is not: that depends on what was typed, not on who there is.
    let body = body.replace(" autofocus", "");
    let typed = format!("name=\"username\" type=\"text\" value=\"{escaped}\"");
    text.push_str(&body.replace(&typed, "name=\"username\""));
    text
}

fn escape(text: &str) -> String {
    let table =
        [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#x27;"), ("/", "&#x2f;")];
    table.iter().fold(text.to_owned(), |text, (plain, escape)| text.replace(plain, escape))
}

#[test]
fn every_sign_in_gives_a_new_token_and_the_old_one_is_dead() {
    let gateway = gateway();
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    let first = alice.cookies[SESSION].clone();

    // The sign-in page redirects a signed-in user; a form that was open before still signs in.
    let mut second_form = Visitor::of(&gateway);
    let csrf = second_form.get("/.gateway/login").field("csrf");
    alice.cookies.insert(FORM.to_owned(), second_form.cookies[FORM].clone());
    let right = password("alice");
    let fields = [("csrf", &*csrf), ("next", "/"), ("username", "alice"), ("password", &right)];
    assert_eq!(alice.submit("/.gateway/login", &fields).status, 303);
    let second = alice.cookies[SESSION].clone();
    assert_ne!(first, second);
    assert!(is_in(&mut alice));

    let mut thief = Visitor::of(&gateway);
    thief.cookies.insert(SESSION.to_owned(), first);
    assert!(!is_in(&mut thief), "the token from before the second sign-in still works");
}

#[test]
fn a_planted_token_is_not_taken_over() {
    let gateway = gateway();
    let planted = "A".repeat(43);
    let mut alice = Visitor::of(&gateway);
    alice.cookies.insert(SESSION.to_owned(), planted.clone());
    alice.sign_in("alice", &password("alice"));
    assert_ne!(alice.cookies[SESSION], planted);
    let mut attacker = Visitor::of(&gateway);
    attacker.cookies.insert(SESSION.to_owned(), planted);
    assert!(!is_in(&mut attacker));
}

#[test]
fn the_session_cookie_is_for_this_host_and_for_no_script() {
    let gateway = gateway();
    let mut alice = Visitor::of(&gateway);
    let response = alice.sign_in_to("/", "alice", &password("alice"));
    let cookies = response.set_cookies();
    let cookie = cookies.iter().find(|cookie| cookie.starts_with(&format!("{SESSION}="))).unwrap();
    let mut attributes: Vec<_> = cookie.split("; ").skip(1).collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Lax", "Secure"]);
    let token = &alice.cookies[SESSION];
    assert!(token.len() >= 43, "256 bits need 43 characters: {}", token.len());
    assert!(!alice.cookies.contains_key(FORM), "the form's cookie outlives the form");
    for page in [alice.get("/.gateway/account"), Visitor::of(&gateway).get("/.gateway/login")] {
        assert_eq!(page.status, 200);
        assert!(page.header("cache-control").contains("no-store"));
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert!(!page.text().contains("<script"));
    }
}

#[test]
fn a_browser_session_ends_with_the_browser() {
    let gateway = TestGateway::start_with("[session]\nbrowser_session = true", WHOAMI);
    gateway.add_user("alice", &[]);
    let response = Visitor::of(&gateway).sign_in_to("/", "alice", &password("alice"));
    let cookies = response.set_cookies();
    let cookie = cookies.iter().find(|cookie| cookie.starts_with(&format!("{SESSION}="))).unwrap();
    assert!(!cookie.contains("Max-Age") && !cookie.contains("Expires"), "{cookie}");
}

#[test]
fn only_a_post_signs_out_and_the_old_cookie_opens_nothing() {
    let gateway = gateway();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut alice = Visitor::of(&gateway).speaking(protocol);
        alice.sign_in("alice", &password("alice"));
        let token = alice.cookies[SESSION].clone();
        assert_eq!(alice.get("/.gateway/logout").status, 200);
        assert!(is_in(&mut alice), "looking at the question has signed out");
        for method in [Method::PUT, Method::DELETE, Method::OPTIONS] {
            assert_eq!(alice.fetch(&method, "/.gateway/logout").status, 405, "{method}");
        }
        assert!(is_in(&mut alice));

        let mut connection = alice.connect();
        let page = || Request::get("/page").header("accept", "text/html").body(String::new()).unwrap();
        assert_eq!(alice.send_over(&mut connection, page()).status, 200);
        let gone = alice.sign_out();
        assert_eq!((gone.status.as_u16(), gone.location()), (303, "/.gateway/login"));
        assert!(!alice.cookies.contains_key(SESSION));

        alice.cookies.insert(SESSION.to_owned(), token);
        assert_eq!(alice.send_over(&mut connection, page()).status, 303, "on the connection from before");
        assert!(!is_in(&mut alice), "the old cookie still works");
    }
}

#[test]
fn a_flash_message_is_shown_once() {
    let gateway = gateway();
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    alice.sign_out();
    assert!(alice.cookies.contains_key(NOTICE));
    assert!(alice.get("/.gateway/login").text().contains("You have signed out."));
    assert!(!alice.cookies.contains_key(NOTICE));
    assert!(!alice.get("/.gateway/login").text().contains("You have signed out."));
}

#[test]
fn a_sign_in_never_redirects_to_another_host() {
    let gateway = gateway();
    let payloads = [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        "/\n/evil.example",
        "/\r\nLocation: https://evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "https:evil.example",
        "http:/\\evil.example",
        "/.//evil.example",
        "/..//evil.example",
        "/%2f/evil.example",
        "/%5cevil.example",
        "/%09/evil.example",
        "/a/..//evil.example",
        "evil.example",
        "@evil.example",
        ":443@evil.example",
        ".evil.example",
        "//evil.example@localhost",
        "\u{ff0f}\u{ff0f}evil.example",
        "/\u{2028}/evil.example",
        "/.gateway/logout",
        "/.gateway/login?next=//evil.example",
        "",
    ];
    let right = password("alice");
    for payload in payloads {
        let mut alice = Visitor::of(&gateway);
        // The form is filled in by the attacker, too: what counts is the field that is sent.
        let csrf = alice.get("/.gateway/login").field("csrf");
        let fields = [("csrf", &*csrf), ("next", payload), ("username", "alice"), ("password", &right)];
        let typed = alice.submit("/.gateway/login", &fields);
        for response in [typed, Visitor::of(&gateway).sign_in_to(payload, "alice", &right)] {
            assert_eq!(response.status, 303, "{payload:?}");
            let location = response.location();
            let base = url("/").join(location).unwrap();
            assert_eq!(base.host_str(), Some("localhost"), "{payload:?} leads to {location:?}");
            assert_eq!(base.scheme(), "https", "{payload:?} leads to {location:?}");
            assert!(location.starts_with('/') && !location.starts_with("//"), "{payload:?} → {location:?}");
            assert!(!location.contains('\\') && location.is_ascii(), "{payload:?} → {location:?}");
        }
    }
}

/// As a browser reads an address.
fn url(path: &str) -> url::Url {
    url::Url::parse("https://localhost:8443").unwrap().join(path).unwrap()
}

#[test]
fn a_form_from_another_site_does_nothing() {
    let gateway = gateway();
    let right = password("alice");
    let foreign: [&[(&str, &str)]; 7] = [
        &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://localhost.evil.example")],
        &[("origin", "http://localhost")],
    ];
    for headers in foreign {
        let mut alice = Visitor::of(&gateway);
        let csrf = alice.get("/.gateway/login").field("csrf");
        let fields = [("csrf", &*csrf), ("next", "/"), ("username", "alice"), ("password", &right)];
        assert_eq!(alice.submit_with("/.gateway/login", &fields, headers).status, 403, "{headers:?}");
        assert!(!alice.cookies.contains_key(SESSION), "{headers:?}");

        alice.sign_in("alice", &right);
        let csrf = alice.get("/.gateway/logout").field("csrf");
        let response = alice.submit_with("/.gateway/logout", &[("csrf", &csrf)], headers);
        assert_eq!(response.status, 403, "{headers:?}");
        assert!(is_in(&mut alice), "{headers:?} signed out");
        let fields = [("csrf", &*csrf), ("current", &*right), ("new", NEW), ("again", NEW)];
        let response = alice.submit_with("/.gateway/account/password", &fields, headers);
        assert_eq!(response.status, 403, "{headers:?}");
    }
    Visitor::of(&gateway).sign_in("alice", &right);
}

#[test]
fn a_form_without_its_token_does_nothing() {
    let gateway = gateway();
    let right = password("alice");
    let mut attacker = Visitor::of(&gateway);
    let theirs = attacker.get("/.gateway/login").field("csrf");

    // Login CSRF: the attacker's own token in the victim's browser, which has a form of its own or none.
    for opens_form in [true, false] {
        for csrf in ["", "x", &*theirs] {
            let mut victim = Visitor::of(&gateway);
            if opens_form {
                victim.get("/.gateway/login");
            }
            let fields = [("csrf", csrf), ("next", "/"), ("username", "alice"), ("password", &right)];
            let response = victim.submit("/.gateway/login", &fields);
            assert_eq!(response.status, 403, "{csrf:?}");
            assert!(!victim.cookies.contains_key(SESSION), "{csrf:?}");
            assert!(!response.text().contains(&right), "the password is shown");
        }
    }
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &right);
    for csrf in ["", "x", &*theirs] {
        assert_eq!(alice.submit("/.gateway/logout", &[("csrf", csrf)]).status, 403);
        let fields = [("csrf", csrf), ("current", &*right), ("new", NEW), ("again", NEW)];
        assert_eq!(alice.submit("/.gateway/account/password", &fields).status, 403);
    }
    // A form from before sign-in is worth nothing after it, and no other session's token fits.
    let mut other = Visitor::of(&gateway);
    other.sign_in("alice", &right);
    let csrf = other.get("/.gateway/logout").field("csrf");
    assert_eq!(alice.submit("/.gateway/logout", &[("csrf", &csrf)]).status, 403);
    assert!(is_in(&mut alice));
}

#[test]
fn a_flood_of_sign_ins_is_refused_while_signed_in_users_are_served() {
    // The queue of checks is to be full, and no budget used up.
    let gateway = TestGateway::start_with("[throttle]\nper_address = 1000", WHOAMI);
    gateway.add_user("alice", &["staff"]);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    // Slower than requests arrive. Nobody waits for all of them: checks have the lowest priority, and on a machine that
    // is busy with something else they take minutes.
    let slow = HashSettings { memory: 4 * 1024, iterations: 3, parallelism: 1 };
    let hash = Passwords::hash_now(slow, &"correct horse mallory".to_owned().into());
    let names: Vec<String> = (0..30).map(|number| format!("mallory{number}")).collect();
    for name in &names {
        let mut mallory = NewUser::named(UserName::parse(name).unwrap());
        mallory.password = Some(hash.clone());
        gateway.users().add(mallory).unwrap();
    }

    let mut flood = Visitor::of(&gateway);
    let csrf = flood.get("/.gateway/login").field("csrf");
    let request = |name: &String| {
        let fields = [("csrf", &*csrf), ("username", name), ("password", "a guess")];
        form("/.gateway/login", &fields, &[])
    };
    let flooding = std::thread::spawn({
        let requests: Vec<_> = names.iter().cycle().take(120).map(request).collect();
        let is_flooded = |responses: &[Response]| {
            [401, 503].map(|status| responses.iter().any(|it| it.status == status)) == [true; 2]
        };
        move || flood.send_all_until(requests, is_flooded)
    });
    loop {
        assert_eq!(alice.get("/page").status, 200);
        if flooding.is_finished() {
            break;
        }
    }
    let responses = flooding.join().unwrap();
    let (busy, checked): (Vec<_>, Vec<_>) = responses.iter().partition(|response| response.status == 503);
    assert!(!busy.is_empty(), "120 sign-ins at once were all taken on");
    assert!(checked.iter().all(|response| response.status == 401));
    for response in busy {
        let seconds: u64 = response.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        assert!(response.text().contains("try again"));
    }
}

#[test]
fn a_cookie_that_opens_nothing_is_a_sign_in_page_and_never_an_error() {
    let gateway = gateway();
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    let real = alice.cookies[SESSION].clone();
    let values = [
        format!("{SESSION}="),
        SESSION.to_owned(),
        format!("{SESSION}=x"),
        format!("{SESSION}={}", "A".repeat(43)),
        format!("{SESSION}={}", "A".repeat(8000)),
        format!("{SESSION}={}é", &real),
        format!("{SESSION}=\"{real}\""),
        format!("{SESSION}={real}="),
        format!("{SESSION}={}", real.to_uppercase()),
        format!("{SESSION}={real}; {SESSION}={real}"),
        format!("{SESSION}={}; {SESSION}={real}", "A".repeat(43)),
        format!("{SESSION}={real}; {SESSION}=; x=y"),
        format!("{}={real}", SESSION.to_uppercase()),
        format!("portcullis={real}"),
        format!("{SESSION}-form={real}"),
        ";;;=;==;".to_owned(),
    ];
    for cookie in values {
        for (path, elsewhere) in [("/page", true), ("/.gateway/account", true), ("/.gateway/login", false)] {
            let mut request = Request::get(path).header("accept", "text/html");
            request = request.header(COOKIE, http::HeaderValue::from_bytes(cookie.as_bytes()).unwrap());
            let response = Visitor::of(&gateway).send(request.body(String::new()).unwrap());
            assert_eq!(response.status, if elsewhere { 303 } else { 200 }, "{path} with {cookie}");
            assert!(!elsewhere || response.location().starts_with("/.gateway/login"), "{cookie}");
        }
    }
    let mut twice = Request::get("/page").header("accept", "text/html");
    twice = twice.header(COOKIE, format!("{SESSION}={real}")).header(COOKIE, format!("{SESSION}={real}"));
    assert_eq!(Visitor::of(&gateway).send(twice.body(String::new()).unwrap()).status, 303, "on two lines");
    assert!(is_in(&mut alice));
}

#[test]
fn an_idle_session_ends() {
    let gateway = TestGateway::start_with("[session]\nlifetime = \"12h\"\nidle_timeout = \"1h\"", WHOAMI);
    gateway.add_user("alice", &[]);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    for _ in 0..4 {
        gateway.clock.advance(Duration::from_mins(58));
        assert!(is_in(&mut alice), "used within the hour");
    }
    gateway.clock.advance(Duration::from_mins(61));
    assert!(!is_in(&mut alice));
    alice.sign_in("alice", &password("alice"));
    assert!(is_in(&mut alice));
}

#[test]
fn a_session_ends_after_its_lifetime_in_spite_of_use() {
    let gateway = TestGateway::start_with("[session]\nlifetime = \"2h\"\nidle_timeout = \"1h\"", WHOAMI);
    gateway.add_user("alice", &[]);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    for _ in 0..3 {
        gateway.clock.advance(Duration::from_mins(39));
        assert!(is_in(&mut alice));
    }
    gateway.clock.advance(Duration::from_mins(4));
    assert!(!is_in(&mut alice));
}

#[test]
fn a_reload_signs_nobody_out() {
    let gateway = gateway();
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    gateway.reload("[session]\nidle_timeout = \"10m\"", WHOAMI);
    assert!(is_in(&mut alice));
    gateway.clock.advance(Duration::from_mins(11));
    assert!(!is_in(&mut alice), "the new limit does not hold for sessions from before");
}

#[test]
fn a_new_password_ends_all_other_sessions_and_renews_this_one() {
    let gateway = gateway();
    gateway.add_user("bob", &[]);
    let right = password("alice");
    let (mut here, mut there, mut bob) =
        (Visitor::of(&gateway), Visitor::of(&gateway).speaking(Protocol::Http2), Visitor::of(&gateway));
    here.sign_in("alice", &right);
    there.sign_in("alice", &right);
    bob.sign_in("bob", &password("bob"));
    let token = here.cookies[SESSION].clone();
    let csrf = here.get("/.gateway/account/password").field("csrf");
    let mut change = |current: &str, new: &str, again: &str| {
        let fields = [("csrf", &*csrf), ("current", current), ("new", new), ("again", again)];
        here.submit("/.gateway/account/password", &fields)
    };
    for (current, new, again, complaint) in [
        ("wrong", NEW, NEW, "The current password is wrong."),
        (&*right, NEW, "another", "are not the same"),
        (&*right, &*right, &*right, "the same as the current one"),
        (&*right, "short", "short", "too short"),
        (&*right, "password123", "password123", "easy to guess"),
    ] {
        let response = change(current, new, again);
        assert_eq!(response.status, 422, "{complaint}");
        assert!(response.text().contains(complaint), "{complaint}: {}", response.text());
    }
    assert!(is_in(&mut there), "an attempt has ended a session");

    let changed = change(&right, NEW, NEW);
    assert_eq!((changed.status.as_u16(), changed.location()), (303, "/.gateway/account"));
    assert_ne!(here.cookies[SESSION], token);
    let account = here.get("/.gateway/account").text();
    assert!(account.contains("Your password has been changed."), "{account}");
    assert!(!here.get("/.gateway/account").text().contains("has been changed"), "shown twice");
    assert!(is_in(&mut here) && is_in(&mut bob));
    assert!(!is_in(&mut there), "the other session of the user goes on");
    let mut thief = Visitor::of(&gateway);
    thief.cookies.insert(SESSION.to_owned(), token);
    assert!(!is_in(&mut thief), "the token from before goes on");

    assert_eq!(Visitor::of(&gateway).sign_in_to("/", "alice", &right).status, 401);
    Visitor::of(&gateway).sign_in("alice", NEW);
}

#[test]
fn whoami_names_the_signed_in_user() {
    let gateway = gateway();
    let mut alice = Visitor::of(&gateway);
    // For pages that are open to anyone.
    assert_eq!(alice.fetch(&Method::GET, "/.gateway/whoami").text(), r#"{"authenticated":false}"#);
    alice.sign_in("alice", &password("alice"));
    let response = alice.fetch(&Method::GET, "/.gateway/whoami");
    let json: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!((&json["user"], &json["groups"]), (&"alice".into(), &serde_json::json!(["staff"])), "{json}");
    assert!(response.header("cache-control").contains("no-store"));
}

#[test]
fn a_name_in_another_spelling_is_the_same_account() {
    let gateway = gateway();
    for name in ["ALICE", " alice ", "Alice", "\u{ff41}lice"] {
        let mut alice = Visitor::of(&gateway);
        alice.sign_in(name, &password("alice"));
        let json = alice.fetch(&Method::GET, "/.gateway/whoami").text();
        assert!(json.contains("\"alice\""), "{name}: {json}");
    }
}

#[test]
fn no_secret_of_a_sign_in_is_logged() {
    let gateway = gateway();
    let mut alice = Visitor::of(&gateway);
    alice.sign_in_to("/", "hunter2 is my password", "a wrong guess");
    alice.sign_in("alice", &password("alice"));
    let session = alice.cookies[SESSION].clone();
    alice.get("/page?secret=in-the-query");
    let csrf = alice.get("/.gateway/logout").field("csrf");
    alice.submit("/.gateway/logout", &[("csrf", &csrf)]);
    drop(alice);
    let log = crate::support::process::wait_for_entries(&gateway, |log| {
        log.iter().any(|entry| entry["event"] == "sign-out")
            && log.iter().any(|entry| entry["log"] == "access" && entry["path"] == "/page")
    });
    let text = serde_json::to_string(&log).unwrap();
    for secret in [&session, &csrf, &password("alice"), "a wrong guess", "hunter2", "in-the-query"] {
        assert!(!text.contains(secret), "{secret:?} is in the log:\n{text}");
    }
    let events: Vec<_> = log.iter().filter(|entry| entry["log"] == "audit").collect();
    let audited: Vec<_> =
        events.iter().map(|entry| (entry["event"].as_str(), entry["reason"].as_str())).collect();
    let expected = [
        (Some("sign-in-failed"), Some("invalid-name")),
        (Some("sign-in"), Some("ok")),
        (Some("sign-out"), Some("ok")),
    ];
    assert_eq!(audited.iter().filter(|(event, _)| *event != Some("user-changed")).count(), 3, "{audited:?}");
    assert!(expected.iter().all(|event| audited.contains(event)), "{audited:?}");
}

const NEW: &str = "quiet otters fold umbrellas";
