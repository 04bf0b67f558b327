//! Forms that come after the end of a session: kept, and offered again to the same person in the same browser.

use std::time::Duration;

use http::Request;
use portcullis::{
    identity::UserName,
    users::{AtNextSignIn, FactorName, ShownTo, TotpCode, TotpSecret},
};

use crate::support::{
    gateway::{TestGateway, password},
    process::until,
    redis::RedisServer,
    upstream::Upstream,
    visitor::{Response, Visitor},
};

const PARKED: &str = "__Host-Http-portcullis-parked";
const TEXT: &str = "velvet turbine\r\n<oyster> & \"more\"";

struct Stage {
    upstream: Upstream,
    gateway: TestGateway,
}

impl Stage {
    fn new() -> Self {
        Self::with("", "")
    }

    fn with(sections: &str, app_keys: &str) -> Self {
        let upstream = Upstream::ok();
        let apps = format!("[[app]]\nupstream = {:?}\n{app_keys}\n", upstream.url);
        let gateway =
            TestGateway::start_with(&format!("[session]\nidle_timeout = \"1h\"\n{sections}"), &apps);
        for name in ["alice", "bob"] {
            gateway.add_user(name, &[]);
        }
        Self { upstream, gateway }
    }

    /// Somebody who had signed in, and whose session has ended since.
    fn late(&self, name: &str) -> Visitor {
        let mut visitor = Visitor::of(&self.gateway);
        visitor.sign_in(name, &password(name));
        self.gateway.clock.advance(Duration::from_hours(2));
        visitor
    }
}

/// Sends the form of a page of the application.
fn send(visitor: &mut Visitor) -> Response {
    let referer = format!("{}/edit?id=7", visitor.origin());
    let origin = visitor.origin();
    let headers = [("origin", origin.as_str()), ("referer", &referer), ("sec-fetch-site", "same-origin")];
    visitor.submit_with(
        "/save?id=7",
        &[("text", TEXT), ("tag", "a"), ("tag", "b"), ("password", "hunter2")],
        &headers,
    )
}

/// The `next` of the sign-in page that a response leads to.
fn next_of(response: &Response) -> String {
    assert_eq!(response.status, 303, "{}", response.text());
    let url = url::Url::parse(&format!("https://x{}", response.location())).unwrap();
    assert_eq!(url.path(), "/.gateway/login", "{}", response.location());
    url.query_pairs().find(|(name, _)| name == "next").map(|(_, next)| next.into_owned()).unwrap_or_default()
}

/// Signs in, and opens the page that the sign-in leads to.
fn sign_in_to(visitor: &mut Visitor, name: &str, next: &str) -> Response {
    let response = visitor.sign_in_to(next, name, &password(name));
    assert_eq!((response.status.as_u16(), response.location()), (303, next));
    visitor.get(next)
}

fn is_offered(page: &Response) -> bool {
    page.text().contains("Send it again?") && page.text().contains("velvet turbine")
}

#[test]
fn a_form_is_offered_to_the_person_who_sent_it_and_sent_by_the_button_alone() {
    let stage = Stage::new();
    let mut alice = stage.late("alice");
    let sent = send(&mut alice);
    let next = next_of(&sent);
    assert!(next.starts_with("/.gateway/parked?entry="), "{next}");
    assert!(alice.get(sent.location()).text().contains("What you sent is not lost"));
    let page = sign_in_to(&mut alice, "alice", &next);
    assert_eq!(page.status, 200);
    let text = page.text();
    assert!(is_offered(&page) && text.contains("save"), "{text}");
    assert!(!text.contains("<oyster>"), "the text is escaped: {text}");
    assert!(text.contains("<dd>(not shown)</dd>") && !text.contains("<dd>hunter2"), "{text}");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(stage.upstream.seen().len(), 0, "nothing is sent by itself");
    // The button sends the fields from the browser, as the application's page would.
    let fields = hidden_fields(&text);
    let expected: Vec<(String, String)> =
        [("text", TEXT), ("tag", "a"), ("tag", "b"), ("password", "hunter2")]
            .map(|(n, v)| (n.into(), v.into()))
            .into();
    assert_eq!(fields, expected);
    let action = format!("{}/save?id=7", alice.origin());
    assert_eq!(attribute(&text, "action"), action);
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(alice.submit("/save?id=7", &fields).status, 200);
    let received = stage.upstream.only();
    assert_eq!((received.asked(), received.value("remote-user")), ("POST /save?id=7", "alice"));
}

#[test]
fn a_page_that_is_loaded_again_offers_the_form_again_until_it_expires() {
    let stage = Stage::new();
    let mut alice = stage.late("alice");
    let next = next_of(&send(&mut alice));
    assert!(is_offered(&sign_in_to(&mut alice, "alice", &next)));
    for _ in 0..2 {
        assert!(is_offered(&alice.get(&next)));
    }
    stage.gateway.clock.advance(Duration::from_mins(16));
    let late = alice.get(&next).text();
    assert!(late.contains("Nothing to send") && late.contains("edit?id=7"), "{late}");
    assert_eq!(stage.upstream.seen().len(), 0);
}

#[test]
fn the_page_that_offers_a_form_is_for_a_whole_window_and_for_the_host_of_the_form() {
    let upstream = Upstream::ok();
    let app = |host: &str| format!("[[app]]\nhost = \"{host}\"\nupstream = {:?}\n", upstream.url);
    let apps = [app("a.example"), app("b.example")].concat();
    let gateway = TestGateway::start_with("[session]\nidle_timeout = \"1h\"\n", &apps);
    gateway.add_user("alice", &[]);
    let mut here = Visitor::of(&gateway).on_host("a.example");
    here.sign_in("alice", &password("alice"));
    gateway.clock.advance(Duration::from_hours(2));
    let next = next_of(&send(&mut here));
    let page = sign_in_to(&mut here, "alice", &next);
    assert!(is_offered(&page));
    // The application may lead on to another site, as after a form of its own.
    assert!(
        page.header("content-security-policy").contains("form-action 'self' https:"),
        "{:?}",
        page.headers
    );
    for fields in [
        &[("accept", "*/*")][..],
        &[("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
    ] {
        let request =
            fields.iter().fold(Request::get(&next), |request, (name, value)| request.header(*name, *value));
        let response = here.send(request.body(String::new()).unwrap());
        assert!(!is_offered(&response) && response.status != 200, "{fields:?}: {}", response.text());
    }
    // Somebody who carries the cookie over to another host.
    let mut there = Visitor::of(&gateway).on_host("b.example");
    there.cookies.insert(PARKED.to_owned(), here.cookies[PARKED].clone());
    assert!(!is_offered(&sign_in_to(&mut there, "alice", &next)));
    assert!(is_offered(&here.get(&next)));
}

#[test]
fn a_long_address_to_go_back_to_is_left_out() {
    let stage = Stage::new();
    let mut alice = stage.late("alice");
    let origin = alice.origin();
    let referer = format!("{origin}/edit?{}", "x".repeat(3000));
    let headers = [("origin", origin.as_str()), ("referer", &referer), ("sec-fetch-site", "same-origin")];
    let next = next_of(&alice.submit_with("/save", &[("text", TEXT)], &headers));
    assert!(next.ends_with("&back=/") && next.len() < 200, "{next}");
    assert!(is_offered(&sign_in_to(&mut alice, "alice", &next)));
}

#[test]
fn a_form_is_kept_over_a_reload_of_the_configuration() {
    let stage = Stage::new();
    let mut alice = stage.late("alice");
    let next = next_of(&send(&mut alice));
    let apps = format!("[[app]]\nupstream = {:?}\ntimeout = \"20s\"\n", stage.upstream.url);
    stage.gateway.reload("[session]\nidle_timeout = \"1h\"\n", &apps);
    assert!(is_offered(&sign_in_to(&mut alice, "alice", &next)));
}

/// A form, from the end of the session to the button, with this store; what the store holds meanwhile.
fn kept_in(store: &str, stored: impl FnOnce(&Stage) -> Vec<u8>) {
    let stage = Stage::with(&format!("store = \"{store}\"\n"), "");
    let mut alice = stage.late("alice");
    let next = next_of(&send(&mut alice));
    let stored = stored(&stage);
    for secret in ["velvet", "hunter2", "turbine"] {
        let is_readable = stored.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!is_readable, "{store}: {secret} is in the store");
    }
    let mut elsewhere = Visitor::of(&stage.gateway);
    assert!(!is_offered(&sign_in_to(&mut elsewhere, "alice", &next)), "{store}: another browser");
    assert!(!is_offered(&sign_in_to(&mut alice, "bob", &next)), "{store}: another person");
    alice.sign_out();
    assert!(is_offered(&sign_in_to(&mut alice, "alice", &next)), "{store}");
    assert!(is_offered(&alice.get(&next)), "{store}: loaded again");
    stage.gateway.clock.advance(Duration::from_mins(16));
    assert!(!is_offered(&alice.get(&next)), "{store}: too late");
}

#[test]
fn a_form_is_kept_in_a_file() {
    kept_in("file", |stage| {
        let files = std::fs::read_dir(stage.gateway.folder().join("state")).unwrap();
        let bytes: Vec<u8> =
            files.filter_map(|file| std::fs::read(file.unwrap().path()).ok()).flatten().collect();
        assert!(bytes.windows(11).any(|window| window == b"parked-form"), "the entry is in these files");
        bytes
    });
}

#[test]
fn a_form_is_kept_in_memory() {
    kept_in("memory", |_| Vec::new());
}

#[test]
fn a_form_is_kept_in_redis() {
    let redis = RedisServer::start();
    kept_in(&redis.url(), |_| {
        let dump = redis.dump();
        assert!(dump.windows(11).any(|window| window == b"parked-form"), "the entry is in the dump");
        dump
    });
}

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

/// Adds an authenticator app to an account; its first code is a minute old when this returns.
fn enrol(gateway: &TestGateway, name: &str) -> TotpSecret {
    let mut users = gateway.users();
    let account = users.find_by_name(&user(name)).unwrap().unwrap();
    let shown_to = ShownTo { id: account.user.id, credential: account.credential, session: "test" };
    let shown = users.start_totp(shown_to).unwrap();
    let code = TotpCode::parse(&shown.secret.code_at(gateway.clock.now()).unwrap());
    let phone = FactorName::parse("Phone").unwrap();
    users.enrol_totp(shown_to, &shown.sealed, &phone, code.as_ref()).unwrap().unwrap();
    gateway.clock.advance(Duration::from_mins(1));
    let directory = &gateway.shared.directory;
    until("the gateway knows of the factor", || {
        directory.cached(account.user.id).is_none_or(|account| !account.factors.is_empty())
    });
    shown.secret
}

/// The sign-in goes on at the page of its next step, whose form has these fields beside the token.
fn next_step(visitor: &mut Visitor, at: &Response, page: &str, fields: &[(&str, &str)]) -> Response {
    assert_eq!((at.status.as_u16(), at.location()), (303, page), "{}", at.text());
    let csrf = visitor.get(page).field("csrf");
    let fields = [&[("csrf", &*csrf)], fields].concat();
    visitor.submit(page, &fields)
}

#[test]
fn a_form_is_offered_after_a_second_step_and_a_new_password() {
    let (second, new_password) = ("/.gateway/login/second-step", "/.gateway/login/new-password");
    let new = "oyster velvet turbine";
    for (has_factor, must_change) in [(true, false), (false, true), (true, true)] {
        let stage = Stage::new();
        let mut alice = stage.late("alice");
        let secret = has_factor.then(|| enrol(&stage.gateway, "alice"));
        if must_change {
            let mut users = stage.gateway.users();
            users.set_must_change_password(&user("alice"), AtNextSignIn::ChangePassword).unwrap();
            let id = users.find_by_name(&user("alice")).unwrap().unwrap().user.id;
            until("the gateway knows of it", || {
                let cached = stage.gateway.shared.directory.cached(id);
                cached.is_none_or(|account| account.must_change_password)
            });
        }
        let next = next_of(&send(&mut alice));
        assert!(next.contains("parked"), "{next}");
        let mut response = alice.sign_in_to(&next, "alice", &password("alice"));
        if let Some(secret) = &secret {
            assert!(!is_offered(&alice.get(&next)), "half a sign-in is none");
            let code = secret.code_at(stage.gateway.clock.now()).unwrap().to_string();
            response = next_step(&mut alice, &response, second, &[("code", &code)]);
        }
        if must_change {
            assert!(!is_offered(&alice.get(&next)), "half a sign-in is none");
            response = next_step(&mut alice, &response, new_password, &[("new", new), ("again", new)]);
        }
        assert_eq!((response.status.as_u16(), response.location()), (303, &*next), "{}", response.text());
        assert!(is_offered(&alice.get(&next)), "{has_factor} {must_change}");
    }
}

#[test]
fn a_user_has_sixteen_forms_in_a_quarter_of_an_hour_and_takes_no_place_of_another() {
    let stage = Stage::new();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| {
        let mut visitor = Visitor::of(&stage.gateway);
        visitor.sign_in(name, &password(name));
        visitor
    });
    stage.gateway.clock.advance(Duration::from_hours(2));
    let bobs = next_of(&send(&mut bob));
    let nexts: Vec<String> = (0..16).map(|_| next_of(&send(&mut alice))).collect();
    assert!(nexts.iter().all(|next| next.contains("parked")), "{nexts:?}");
    // A browser that has forgotten its secret is none the more.
    for forgets in [false, true] {
        if forgets {
            alice.cookies.remove(PARKED);
        }
        let response = send(&mut alice);
        assert!(!next_of(&response).contains("parked"), "the seventeenth");
        assert!(alice.get(response.location()).text().contains("was not saved"));
    }
    assert!(is_offered(&sign_in_to(&mut bob, "bob", &bobs)));
    stage.gateway.clock.advance(Duration::from_mins(15));
    assert!(next_of(&send(&mut alice)).contains("parked"), "in the next quarter of an hour");
}

#[test]
fn another_user_in_the_same_browser_is_offered_nothing_and_takes_nothing_away() {
    let stage = Stage::new();
    let mut browser = stage.late("alice");
    let next = next_of(&send(&mut browser));
    assert!(!is_offered(&sign_in_to(&mut browser, "bob", &next)));
    browser.sign_out();
    assert!(is_offered(&sign_in_to(&mut browser, "alice", &next)), "it waits for the person who sent it");
}

#[test]
fn another_browser_with_the_address_is_offered_nothing() {
    let stage = Stage::new();
    let mut alice = stage.late("alice");
    let next = next_of(&send(&mut alice));
    // Somebody else, and the same person elsewhere.
    for name in ["bob", "alice"] {
        let mut elsewhere = Visitor::of(&stage.gateway);
        assert!(!is_offered(&sign_in_to(&mut elsewhere, name, &next)), "{name}");
        // With a secret of its own.
        elsewhere.cookies.insert(PARKED.to_owned(), "A".repeat(43));
        assert!(!is_offered(&elsewhere.get(&next)), "{name}");
    }
    assert!(is_offered(&sign_in_to(&mut alice, "alice", &next)));
}

#[test]
fn another_site_parks_nothing() {
    let stage = Stage::new();
    let mut alice = stage.late("alice");
    for headers in [
        &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")][..],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "same-site")],
        &[("origin", "null")],
        &[("origin", "https://evil.example")],
    ] {
        let response = alice.submit_with("/save", &[("text", TEXT)], headers);
        assert!(!next_of(&response).contains("parked"), "{headers:?}");
        assert!(!alice.cookies.contains_key(PARKED), "{headers:?}");
    }
    // Mallory cannot make Alice open a page with Mallory's text either: the mark is nothing without the cookie.
    let mut mallory = stage.late("bob");
    let next = next_of(&send(&mut mallory));
    assert!(!is_offered(&sign_in_to(&mut alice, "alice", &next)));
}

#[test]
fn a_browser_in_which_nobody_has_signed_in_parks_nothing() {
    let stage = Stage::new();
    let mut stranger = Visitor::of(&stage.gateway);
    assert!(!next_of(&send(&mut stranger)).contains("parked"));
    // A device cookie of a stranger's making.
    let mut alice = stage.late("alice");
    let device = alice.cookies.keys().find(|name| name.ends_with("-device")).unwrap().clone();
    let forged = alice.cookies[&device].replace(|c: char| c.is_ascii_digit(), "A");
    alice.cookies.insert(device, forged);
    assert!(!next_of(&send(&mut alice)).contains("parked"));
}

#[test]
fn a_session_that_ends_twice_costs_nothing() {
    let stage = Stage::new();
    let mut alice = stage.late("alice");
    let next = next_of(&send(&mut alice));
    let page = sign_in_to(&mut alice, "alice", &next);
    assert!(is_offered(&page));
    stage.gateway.clock.advance(Duration::from_hours(2));
    // The button of the page, once more without a session.
    let again = next_of(&send(&mut alice));
    assert_ne!(again, next);
    assert!(is_offered(&sign_in_to(&mut alice, "alice", &again)));
}

#[test]
fn two_tabs_keep_a_form_each() {
    let stage = Stage::new();
    let mut alice = stage.late("alice");
    let [one, other] = [(); 2].map(|()| next_of(&send(&mut alice)));
    assert!(is_offered(&sign_in_to(&mut alice, "alice", &one)));
    assert!(is_offered(&alice.get(&other)));
}

#[test]
fn a_form_is_kept_for_a_quarter_of_an_hour() {
    let stage = Stage::new();
    let mut alice = stage.late("alice");
    let next = next_of(&send(&mut alice));
    stage.gateway.clock.advance(Duration::from_mins(16));
    assert!(!is_offered(&sign_in_to(&mut alice, "alice", &next)));
}

#[test]
fn a_form_that_needs_a_confirmation_is_offered_afterwards() {
    let stage =
        Stage::with("", "[[app.rule]]\npath = \"/save/**\"\nallow = \"authenticated\"\nmax_age = \"10m\"\n");
    let mut alice = Visitor::of(&stage.gateway);
    alice.sign_in("alice", &password("alice"));
    stage.gateway.clock.advance(Duration::from_mins(30));
    let sent = send(&mut alice);
    assert_eq!(sent.status, 303);
    let to = sent.location().to_owned();
    assert!(to.starts_with("/.gateway/confirm?next=/.gateway/parked"), "{to}");
    let form = alice.get(&to);
    let (csrf, next) = (form.field("csrf"), form.field("next"));
    let right = password("alice");
    let confirmed =
        alice.submit("/.gateway/confirm", &[("csrf", &csrf), ("next", &next), ("password", &right)]);
    assert_eq!(confirmed.location(), next);
    assert!(is_offered(&alice.get(&next)));
}

#[test]
fn files_large_bodies_and_other_kinds_get_the_notice_of_before() {
    let stage = Stage::new();
    let mut alice = stage.late("alice");
    let origin = alice.origin();
    let part = |disposition: &str, content: &str| {
        format!("--x\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n--x--\r\n")
    };
    let large = format!("text={}", "a".repeat(40 << 10));
    for (kind, body, kept) in [
        ("multipart/form-data; boundary=x", part("name=\"text\"", "velvet turbine"), true),
        (
            "multipart/form-data; boundary=x",
            part("name=\"file\"; filename=\"a.txt\"", "velvet turbine"),
            false,
        ),
        ("application/x-www-form-urlencoded", large, false),
        ("application/json", "{}".to_owned(), false),
        ("text/plain", "text=velvet".to_owned(), false),
    ] {
        let request = Request::post("/save")
            .header("accept", "text/html")
            .header("content-type", kind)
            .header("origin", &origin)
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document");
        let response = alice.send(request.body(body).unwrap());
        assert_eq!(next_of(&response).contains("parked"), kept, "{kind}");
        if !kept {
            assert!(alice.get(response.location()).text().contains("was not saved"), "{kind}");
        }
    }
    let off = Stage::with("", "keep_forms = false");
    let mut alice = off.late("alice");
    assert!(!next_of(&send(&mut alice)).contains("parked"));
}

#[test]
fn no_log_has_anything_of_a_form() {
    let stage = Stage::new();
    let mut alice = stage.late("alice");
    let next = next_of(&send(&mut alice));
    sign_in_to(&mut alice, "alice", &next);
    let log = format!("{:?}", stage.gateway.drained());
    assert!(log.contains("/.gateway/parked") && !log.contains("velvet") && !log.contains("entry="), "{log}");
}

#[test]
fn a_form_on_an_app_host_is_offered_after_the_sign_in_at_the_portal_host() {
    let upstream = Upstream::ok();
    let apps = format!("[[app]]\nhost = \"wiki.example\"\nupstream = {:?}\n", upstream.url);
    let sections = "[portal]\nhost = \"login.example\"\n[session]\nidle_timeout = \"1h\"\n";
    let gateway = TestGateway::start_with(sections, &apps);
    gateway.add_user("alice", &[]);
    let mut wiki = Visitor::of(&gateway).on_host("wiki.example");
    let mut login = Visitor::of(&gateway).on_host("login.example");
    let wiki_origin = wiki.origin();
    let login_origin = login.origin();
    // Signs in from this address of the app host; returns the address that the browser arrives at.
    let travel = |wiki: &mut Visitor, login: &mut Visitor, from: &str| -> String {
        let mut to =
            wiki.get(from).location().strip_prefix(&login_origin).expect("the portal host").to_owned();
        let mut page = login.get(&to);
        while page.status == 303 && !page.location().starts_with(&wiki_origin) {
            to = page.location().to_owned();
            page = login.get(&to);
        }
        if page.status == 200 {
            let (csrf, next, right) = (page.field("csrf"), page.field("next"), password("alice"));
            let fields = [("csrf", &*csrf), ("next", &next), ("username", "alice"), ("password", &right)];
            let signed_in = login.submit("/.gateway/login", &fields);
            page = login.get(signed_in.location());
        }
        let back = page.location().strip_prefix(&wiki_origin).expect("the app host").to_owned();
        wiki.get(&back).location().to_owned()
    };
    assert_eq!(travel(&mut wiki, &mut login, "/.gateway/login"), "/");
    assert_eq!(wiki.get("/").status, 200);
    gateway.clock.advance(Duration::from_hours(2));
    let sent = send(&mut wiki);
    let next = next_of(&sent);
    assert!(next.starts_with("/.gateway/parked?entry="), "{next}");
    // The submission ends at a page of this host, which says that nothing is lost.
    let notice = wiki.get(sent.location());
    assert!(notice.text().contains("What you sent is not lost"), "{}", notice.text());
    let arrived = travel(&mut wiki, &mut login, sent.location());
    assert_eq!(arrived, next);
    assert!(is_offered(&wiki.get(&arrived)));
}

/// The hidden fields of the only form, as a browser would send them.
fn hidden_fields(html: &str) -> Vec<(String, String)> {
    let inputs = html.split("<input type=\"hidden\"").skip(1);
    inputs
        .map(|input| {
            (
                attribute(input, "name"),
                attribute(input, "value").replace('\n', "\r\n").replace("\r\r\n", "\r\n"),
            )
        })
        .collect()
}

fn attribute(html: &str, name: &str) -> String {
    let (_, rest) = html.split_once(&format!(" {name}=\"")).expect(name);
    let value = rest.split('"').next().unwrap();
    let escapes = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&#x2f;", "/"),
        ("&#47;", "/"),
        ("&amp;", "&"),
    ];
    escapes.iter().fold(value.to_owned(), |text, (from, to)| text.replace(from, to))
}
