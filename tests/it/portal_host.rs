//! One sign-in for all hosts: the portal host, the hand-over to app hosts, and the attacks on it.

use std::{collections::BTreeMap, time::Duration};

use http::{Method, StatusCode};
use portcullis::{
    clock::Timestamp,
    session::{Visitor, Which},
};

use crate::support::{
    block_on,
    cookies::{ATTEMPT, SESSION},
    gateway::password,
    in_process::{InProcess, InProcessResponse},
    redis::RedisServer,
};

const PORTAL: &str = "[portal]\nhost = \"login.example.com\"\n";
const APPS: &str = r#"
[[app]]
name = "wiki"
title = "The wiki"
description = "What we know."
icon = "/static/icon.svg"
host = "wiki.example.com"
upstream = "builtin:whoami"
session_data = true
anonymous_sessions = true
[[app.rule]]
path = "/public/**"
allow = "anyone"
[[app.rule]]
path = "/admin/**"
allow = "authenticated"
max_age = "10m"

[[app]]
name = "shop"
host = "shop.example.org"
upstream = "builtin:whoami"

[[app]]
name = "books"
host = "books.example.com"
upstream = "builtin:whoami"
[[app.rule]]
path = "/**"
allow = { group = "accounting" }

[[app]]
name = "pipeline"
host = "pipeline.example.com"
hidden = true
upstream = "builtin:whoami"
"#;
const WIKI: &str = "https://wiki.example.com";
const SHOP: &str = "https://shop.example.org";
const LOGIN: &str = "https://login.example.com";

fn start() -> InProcess {
    start_with("")
}

fn start_with(sections: &str) -> InProcess {
    let gateway = InProcess::start_with(&format!("{PORTAL}{GROUPS}{sections}"), APPS);
    for name in ["alice", "mallory"] {
        gateway.add_user(name, &[]);
    }
    gateway
}

const GROUPS: &str = "[groups]\naccounting = []\n";

/// A browser: it keeps the cookies of each host, and follows redirects when a test says so.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<(String, String), String>,
}

/// A page, with the address that led to it.
pub(crate) struct ShownPage {
    pub(crate) url: String,
    pub(crate) response: InProcessResponse,
}

impl Browser {
    /// One request of a navigation, without following.
    pub(crate) fn step(&mut self, gateway: &mut InProcess, url: &str) -> InProcessResponse {
        let fields = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
        self.send(
            gateway,
            (&Method::GET, url),
            &[&fields[..], &[("sec-fetch-dest", "document")]].concat(),
            "",
        )
    }

    pub(crate) fn send(
        &mut self,
        gateway: &mut InProcess,
        (method, url): (&Method, &str),
        fields: &[(&str, &str)],
        body: &str,
    ) -> InProcessResponse {
        let (host, path) = split(url);
        let mut jar = String::new();
        for ((_, name), value) in self.cookies.iter().filter(|((of, _), _)| *of == host) {
            jar.push_str(&format!("{}{name}={value}", if jar.is_empty() { "" } else { "; " }));
        }
        let mut headers = vec![("host", host.as_str())];
        headers.extend_from_slice(fields);
        if !jar.is_empty() {
            headers.push(("cookie", &jar));
        }
        let response = gateway.send(method, &path, &headers, body);
        for cookie in response.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("a readable cookie");
            let (name, rest) = cookie.split_once('=').expect("a name");
            let (value, attributes) = rest.split_once(';').expect("attributes");
            assert!(name.starts_with("__Host-Http-") && attributes.contains("SameSite=Lax"), "{cookie}");
            let name = (host.clone(), name.to_owned());
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(&name);
            } else {
                self.cookies.insert(name, value.to_owned());
            }
        }
        response
    }

    /// Opens a page, and follows redirects to the end.
    pub(crate) fn open(&mut self, gateway: &mut InProcess, url: &str) -> ShownPage {
        let mut url = url.to_owned();
        for _ in 0..10 {
            let response = self.step(gateway, &url);
            match location(&url, &response) {
                Some(next) => url = next,
                None => return ShownPage { url, response },
            }
        }
        panic!("going around in circles at {url}");
    }

    /// Sends the form of a page, and follows redirects to the end.
    pub(crate) fn submit(
        &mut self,
        gateway: &mut InProcess,
        page: &ShownPage,
        fields: &[(&str, &str)],
    ) -> ShownPage {
        let response = self.post(gateway, page, &page.url, fields);
        match location(&page.url, &response) {
            Some(next) => self.open(gateway, &next),
            None => ShownPage { url: page.url.clone(), response },
        }
    }

    fn post(
        &mut self,
        gateway: &mut InProcess,
        page: &ShownPage,
        to: &str,
        fields: &[(&str, &str)],
    ) -> InProcessResponse {
        let hidden = ["csrf", "next"].map(|name| (name, page.field(name)));
        let hidden = hidden.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(hidden.chain(fields.iter().copied()))
            .finish();
        let headers = [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.send(gateway, (&Method::POST, to), &headers, &body)
    }

    /// Opens a page as somebody who types name and password where they are asked for.
    fn sign_in(&mut self, gateway: &mut InProcess, url: &str, name: &str) -> ShownPage {
        let page = self.open(gateway, url);
        assert!(page.url.starts_with("https://login.example.com/.gateway/login"), "{}", page.url);
        self.submit(gateway, &page, &[("username", name), ("password", &password(name))])
    }

    /// Goes on from here until the browser is about to present a code to an app host; returns that address.
    fn until_code(&mut self, gateway: &mut InProcess, url: &str) -> String {
        let mut url = url.to_owned();
        while !url.contains("code=") {
            let response = self.step(gateway, &url);
            url = location(&url, &response).expect("a redirect on the way to a code");
        }
        url
    }

    pub(crate) fn cookie(&self, host: &str, name: &str) -> Option<&String> {
        self.cookies.get(&(host.to_owned(), name.to_owned()))
    }

    /// Whether it is signed in on this host, without asking the portal host.
    pub(crate) fn is_in(&mut self, gateway: &mut InProcess, origin: &str) -> bool {
        match self.step(gateway, &format!("{origin}/page")).status.as_u16() {
            200 => true,
            303 => false,
            status => panic!("neither in nor out: {status}"),
        }
    }
}

impl ShownPage {
    /// The value of a hidden field.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let (_, rest) = self.response.body.split_once(&format!("name=\"{name}\" value=\""))?;
        let (value, _) = rest.split_once('"')?;
        Some(value.replace("&#x2f;", "/").replace("&amp;", "&"))
    }

    /// The user in whose name the app received the request.
    pub(crate) fn user(&self) -> &str {
        assert_eq!(self.response.status, 200, "{}: {}", self.url, self.response.body);
        self.response.received("remote-user").first().copied().unwrap_or_default()
    }
}

fn split(url: &str) -> (String, String) {
    let rest = url.strip_prefix("https://").unwrap_or_else(|| panic!("no https address: {url}"));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (host.to_owned(), format!("/{path}"))
}

/// The address that a redirect leads to.
pub(crate) fn location(from: &str, response: &InProcessResponse) -> Option<String> {
    let to = response.headers.get("location")?.to_str().expect("a readable location");
    assert_eq!(response.status, StatusCode::SEE_OTHER);
    Some(if to.starts_with('/') { format!("https://{}{to}", split(from).0) } else { to.to_owned() })
}

#[test]
fn one_sign_in_at_the_portal_host_counts_on_hosts_of_different_domains() {
    let (mut gateway, mut alice) = (start(), Browser::default());
    let page = alice.sign_in(&mut gateway, "https://wiki.example.com/page?a=b&c=%2F", "alice");
    assert_eq!((page.url.as_str(), page.user()), ("https://wiki.example.com/page?a=b&c=%2F", "alice"));
    let page = alice.open(&mut gateway, "https://shop.example.org/cart");
    assert_eq!((page.url.as_str(), page.user()), ("https://shop.example.org/cart", "alice"));
    let tokens: Vec<_> = ["login.example.com", "wiki.example.com", "shop.example.org"]
        .map(|host| alice.cookie(host, SESSION).expect("a session on each host"))
        .into();
    assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2] && tokens[0] != tokens[2]);
    assert!(alice.cookie("login.example.com", ATTEMPT).is_none(), "attempts belong to app hosts");
}

#[test]
fn hosts_with_a_port_hand_over_on_that_port() {
    let (mut gateway, mut alice) = (start(), Browser::default());
    gateway.connection.ports = portcullis::request::Ports { listener: 8443, public: None };
    let page = alice.open(&mut gateway, "https://wiki.example.com:8443/page");
    assert!(page.url.starts_with("https://login.example.com:8443/.gateway/login?next="), "{}", page.url);
    assert!(
        page.response
            .header("content-security-policy")
            .contains("form-action 'self' https://wiki.example.com:8443;")
    );
    let page = alice.submit(&mut gateway, &page, &[("username", "alice"), ("password", &password("alice"))]);
    assert_eq!((page.url.as_str(), page.user()), ("https://wiki.example.com:8443/page", "alice"));
}

#[test]
fn a_code_of_another_host_opens_nothing() {
    let (mut gateway, mut alice) = (start(), Browser::default());
    alice.sign_in(&mut gateway, "https://wiki.example.com/", "alice");
    let to_shop = alice.until_code(&mut gateway, "https://shop.example.org/page");
    let session = alice.cookie("wiki.example.com", SESSION).cloned();
    // Mallory runs the wiki, and got the code of the shop.
    let mut at_wiki = alice.clone();
    at_wiki.cookies.remove(&("wiki.example.com".to_owned(), SESSION.to_owned()));
    let stolen = to_shop.replace(SHOP, WIKI);
    assert_eq!(at_wiki.step(&mut gateway, &stolen).status, 403);
    assert_eq!(at_wiki.cookie("wiki.example.com", SESSION), None);
    assert_eq!(alice.step(&mut gateway, &to_shop).status, 403, "the code is used up");
    assert_eq!(alice.cookie("wiki.example.com", SESSION).cloned(), session);
}

#[test]
fn a_code_signs_no_other_browser_in() {
    let (mut gateway, mut alice, mut mallory) = (start(), Browser::default(), Browser::default());
    mallory.sign_in(&mut gateway, "https://wiki.example.com/", "mallory");
    // Login CSRF: Alice follows Mallory's link, and would work in Mallory's account.
    let of_mallory = mallory.until_code(&mut gateway, "https://shop.example.org/page");
    let response = alice.step(&mut gateway, &of_mallory);
    assert_eq!((response.status.as_u16(), alice.cookie("shop.example.org", SESSION)), (403, None));
    // The same while she has an attempt of her own.
    alice.step(&mut gateway, "https://shop.example.org/.gateway/login");
    assert!(alice.cookie("shop.example.org", ATTEMPT).is_some());
    let of_mallory = mallory.until_code(&mut gateway, "https://shop.example.org/page");
    assert_eq!(alice.step(&mut gateway, &of_mallory).status, 403);
    assert!(!alice.is_in(&mut gateway, SHOP));
    // And while she is signed in: her session stays.
    alice.sign_in(&mut gateway, "https://shop.example.org/", "alice");
    let of_mallory = mallory.until_code(&mut gateway, "https://shop.example.org/page");
    let page = alice.open(&mut gateway, &of_mallory);
    assert_eq!((page.url.as_str(), page.user()), ("https://shop.example.org/page", "alice"));
    // Mallory reads Alice's code over her shoulder.
    let of_alice = alice.until_code(&mut gateway, "https://wiki.example.com/page");
    let mut mallory = Browser::default();
    mallory.step(&mut gateway, "https://wiki.example.com/.gateway/login");
    assert_eq!(mallory.step(&mut gateway, &of_alice).status, 403);
    assert!(!mallory.is_in(&mut gateway, WIKI));
}

#[test]
fn a_code_that_was_asked_for_in_the_name_of_another_browser_opens_nothing() {
    let (mut gateway, mut alice, mut mallory) = (start(), Browser::default(), Browser::default());
    alice.sign_in(&mut gateway, "https://shop.example.org/", "alice");
    let response = mallory.step(&mut gateway, "https://wiki.example.com/.gateway/login?next=/page");
    let asked_by_mallory = location(WIKI, &response).expect("the way to the portal host");
    // Alice follows it: the code is for the attempt of Mallory's browser, and in hers it opens nothing.
    let code = alice.until_code(&mut gateway, &asked_by_mallory);
    assert_eq!(alice.step(&mut gateway, &code).status, 403);
    assert!(!mallory.is_in(&mut gateway, WIKI));
}

#[test]
fn a_code_works_once_and_for_a_minute() {
    let (mut gateway, mut alice) = (start(), Browser::default());
    alice.sign_in(&mut gateway, "https://shop.example.org/", "alice");
    let code = alice.until_code(&mut gateway, "https://wiki.example.com/page");
    let mut replayed = alice.clone();
    assert_eq!(alice.step(&mut gateway, &code).header("location"), "/page");
    assert_eq!(replayed.step(&mut gateway, &code).status, 403);
    assert_eq!(replayed.cookie("wiki.example.com", SESSION), None);
    // The back button, in the browser that has the session by now.
    assert_eq!(alice.open(&mut gateway, &code).user(), "alice");
    for (after, status) in [(59, 303), (60, 403)] {
        let mut late = replayed.clone();
        let code = late.until_code(&mut gateway, "https://wiki.example.com/page");
        gateway.clock.advance(Duration::from_secs(after));
        assert_eq!(late.step(&mut gateway, &code).status.as_u16(), status, "after {after} s");
    }
}

#[test]
fn a_code_is_in_no_log_in_no_referer_and_in_no_cache() {
    let (mut gateway, mut alice) = (start(), Browser::default());
    alice.sign_in(&mut gateway, "https://shop.example.org/", "alice");
    let mut url = "https://wiki.example.com/page?x=y".to_owned();
    let mut codes = Vec::new();
    loop {
        let response = alice.step(&mut gateway, &url);
        let Some(next) = location(&url, &response) else { break };
        if url.contains("/.gateway/hand-over") || next.contains("/.gateway/hand-over") {
            assert_eq!(response.header("referrer-policy"), "no-referrer", "{url}");
        }
        assert_eq!(response.header("cache-control"), "no-store", "{url}");
        codes.extend(next.split_once("code=").map(|(_, rest)| rest[..43].to_owned()));
        url = next;
    }
    assert_eq!((url.as_str(), codes.len()), ("https://wiki.example.com/page?x=y", 1));
    // A code that is refused is logged as such, without its text.
    let mut other = Browser::default();
    let refused = alice.until_code(&mut gateway, "https://books.example.com/page");
    codes.push(refused.split_once("code=").unwrap().1[..43].to_owned());
    other.step(&mut gateway, &refused);
    let log = serde_json::to_string(&gateway.log()).unwrap();
    assert!(log.contains("/.gateway/hand-over"), "the way is in the log");
    for secret in codes.iter().chain(alice.cookies.values()) {
        assert!(!log.contains(secret.as_str()));
    }
}

#[test]
fn the_hand_over_leads_to_no_host_that_the_gateway_does_not_serve() {
    let (mut gateway, mut alice) = (start(), Browser::default());
    alice.sign_in(&mut gateway, "https://wiki.example.com/", "alice");
    let attempt = "0".repeat(64);
    for (host, next, status) in [
        ("evil.example", "/", 404),
        ("evil.wiki.example.com", "/", 404),
        ("wiki.example.com.evil.example", "/", 404),
        ("wiki.example.com%40evil.example", "/", 404),
        ("wiki.example.com%3A8443%40evil.example", "/", 404),
        ("wiki.example.com%2Fx", "/", 404),
        ("wiki.example.com%5C.evil.example", "/", 404),
        ("WIKI.example.com", "/", 404),
        ("wiki.example.com.", "/", 404),
        ("login.example.com", "/", 404),
        ("", "/", 404),
        ("wiki.example.com&host=evil.example", "/", 404),
        ("wiki.example.com", "https%3A%2F%2Fevil.example%2F", 303),
        ("wiki.example.com", "%2F%2Fevil.example%2F", 303),
        ("wiki.example.com", "%2F%5Cevil.example%2F", 303),
        ("wiki.example.com", "%2F.gateway%2Flogout", 303),
    ] {
        let url = format!("{LOGIN}/.gateway/hand-over?host={host}&attempt={attempt}&next={next}");
        let response = alice.step(&mut gateway, &url);
        assert_eq!(response.status.as_u16(), status, "{host} {next}");
        if let Some(to) = location(&url, &response) {
            assert!(to.starts_with("https://wiki.example.com/.gateway/hand-over?code="), "{to}");
            assert!(to.ends_with("&next=/"), "{to}");
        }
        let mut stranger = Browser::default();
        let response = stranger.step(&mut gateway, &url);
        assert_eq!(response.status.as_u16(), status, "{host} {next}, signed out");
        assert!(
            response
                .headers
                .get("location")
                .is_none_or(|to| to.to_str().unwrap().starts_with("/.gateway/login?"))
        );
    }
    for attempt in ["", "x", &"g".repeat(64), &"0".repeat(63)] {
        let url = format!("{LOGIN}/.gateway/hand-over?host=wiki.example.com&attempt={attempt}&next=/");
        assert_eq!(alice.step(&mut gateway, &url).status, 404);
    }
    let code = alice.until_code(&mut gateway, "https://shop.example.org/page");
    for next in ["https://evil.example/", "//evil.example", "/%5cevil.example"] {
        let mut alice = alice.clone();
        let (before, _) = code.split_once("&next=").unwrap();
        let response = alice.step(&mut gateway, &format!("{before}&next={}", next.replace('/', "%2F")));
        assert!(["/", ""].contains(&response.header("location")), "{}", response.header("location"));
    }
}

#[test]
fn a_host_that_a_reload_removed_gets_no_sign_in() {
    let (mut gateway, mut alice) = (start(), Browser::default());
    alice.sign_in(&mut gateway, "https://wiki.example.com/", "alice");
    let code = alice.until_code(&mut gateway, "https://shop.example.org/page");
    let response = Browser::default().step(&mut gateway, "https://shop.example.org/.gateway/login");
    let asked = location(SHOP, &response).unwrap();
    let (before, after) = APPS.split_once("[[app]]\nname = \"shop\"").unwrap();
    let (_, after) = after.split_once("\n\n").unwrap();
    gateway.reload(&format!("{PORTAL}{GROUPS}"), &format!("{before}{after}"));
    assert_eq!(alice.step(&mut gateway, &code).status, 421);
    assert_eq!(alice.step(&mut gateway, &asked).status, 404);
    assert!(alice.is_in(&mut gateway, WIKI));
    // Without a portal host each host signs in for itself again, and sessions go on.
    gateway.reload(GROUPS, APPS);
    assert!(alice.is_in(&mut gateway, WIKI));
    assert_eq!(alice.step(&mut gateway, "https://login.example.com/.gateway/login").status, 421);
    let page = Browser::default().open(&mut gateway, "https://shop.example.org/page");
    assert_eq!(page.url, "https://shop.example.org/.gateway/login?next=/page");
}

#[test]
fn sign_out_on_any_host_ends_the_sign_in_on_every_host() {
    let (mut gateway, mut other) = (start(), Browser::default());
    other.sign_in(&mut gateway, "https://wiki.example.com/", "alice");
    for origin in [LOGIN, WIKI, SHOP] {
        let mut alice = Browser::default();
        alice.sign_in(&mut gateway, "https://wiki.example.com/", "alice");
        alice.open(&mut gateway, "https://shop.example.org/");
        let page = alice.open(&mut gateway, &format!("{origin}/.gateway/logout"));
        assert_eq!(page.url, "https://login.example.com/.gateway/logout");
        let body = &page.response.body;
        assert!(body.contains("for every application that you use in this browser"), "{body}");
        let page = alice.submit(&mut gateway, &page, &[]);
        assert_eq!(page.url, "https://login.example.com/.gateway/login");
        assert!(page.response.body.contains("You have signed out."));
        for origin in [WIKI, SHOP] {
            assert!(!alice.is_in(&mut gateway, origin), "{origin}");
        }
        let page = alice.open(&mut gateway, "https://wiki.example.com/page");
        assert!(page.url.starts_with("https://login.example.com/.gateway/login"), "{}", page.url);
    }
    assert!(other.is_in(&mut gateway, WIKI), "another browser stays signed in");
}

#[test]
fn the_account_page_and_the_list_show_a_sign_in_once_with_the_hosts_that_it_reached() {
    let (mut gateway, mut alice, mut elsewhere) = (start(), Browser::default(), Browser::default());
    alice.sign_in(&mut gateway, "https://wiki.example.com/", "alice");
    alice.open(&mut gateway, "https://shop.example.org/");
    elsewhere.sign_in(&mut gateway, "https://shop.example.org/", "alice");
    let page = alice.open(&mut gateway, "https://wiki.example.com/.gateway/account");
    assert_eq!(page.url, "https://login.example.com/.gateway/account");
    let body = &page.response.body;
    assert_eq!(body.matches("<p class=\"device\">").count(), 2, "{body}");
    assert!(body.contains("Applications used: shop.example.org, wiki.example.com</p>"), "{body}");
    assert!(body.contains("Applications used: shop.example.org</p>"), "{body}");
    let listed = block_on(gateway.shared.sessions.list(None, None, 10)).unwrap();
    assert_eq!(listed.iter().map(|listed| listed.branch_hosts.len()).sum::<usize>(), 3);
    let page = alice.submit(
        &mut gateway,
        &ShownPage { url: format!("{LOGIN}/.gateway/account/sessions"), ..page },
        &[("end", "others")],
    );
    assert!(page.response.body.contains("You are signed out everywhere else."), "{}", page.response.body);
    assert!(alice.is_in(&mut gateway, WIKI) && alice.is_in(&mut gateway, SHOP));
    assert!(!elsewhere.is_in(&mut gateway, SHOP));
    assert_eq!(block_on(gateway.shared.sessions.end_which(Which::All)).unwrap(), 3);
    assert!(!alice.is_in(&mut gateway, WIKI));
}

#[test]
fn a_rule_that_asks_for_a_recent_sign_in_leads_through_the_portal_host_and_back() {
    let (mut gateway, mut alice) = (start(), Browser::default());
    alice.sign_in(&mut gateway, "https://wiki.example.com/", "alice");
    alice.open(&mut gateway, "https://shop.example.org/");
    let (wiki, portal) = (
        alice.cookie("wiki.example.com", SESSION).cloned(),
        alice.cookie("login.example.com", SESSION).cloned(),
    );
    gateway.clock.advance(Duration::from_mins(11));
    let page = alice.open(&mut gateway, "https://wiki.example.com/admin/x?y");
    assert!(page.url.starts_with("https://login.example.com/.gateway/confirm?next="), "{}", page.url);
    assert!(
        page.response
            .header("content-security-policy")
            .contains("form-action 'self' https://wiki.example.com;")
    );
    let page = alice.submit(&mut gateway, &page, &[("password", &password("alice"))]);
    assert_eq!((page.url.as_str(), page.user()), ("https://wiki.example.com/admin/x?y", "alice"));
    assert_ne!(alice.cookie("wiki.example.com", SESSION).cloned(), wiki, "a new token at the app host");
    assert_ne!(alice.cookie("login.example.com", SESSION).cloned(), portal, "a new token at the portal host");
    assert!(alice.is_in(&mut gateway, SHOP), "the other branches go on");
    // The limits go on, too: the sign-in ends 12 hours after it began.
    gateway.clock.advance(Duration::from_mins(49));
    for _ in 0..11 {
        assert!(alice.is_in(&mut gateway, SHOP));
        gateway.clock.advance(Duration::from_mins(59));
    }
    assert!(alice.is_in(&mut gateway, WIKI));
    gateway.clock.advance(Duration::from_mins(12));
    assert!(!alice.is_in(&mut gateway, WIKI) && !alice.is_in(&mut gateway, SHOP));
    let page = alice.open(&mut gateway, "https://wiki.example.com/page");
    assert!(page.url.starts_with("https://login.example.com/.gateway/login"), "{}", page.url);
}

#[test]
fn the_use_of_one_host_keeps_the_sign_in_alive_on_all() {
    let (mut gateway, mut alice) = (start(), Browser::default());
    alice.sign_in(&mut gateway, "https://wiki.example.com/", "alice");
    alice.open(&mut gateway, "https://shop.example.org/");
    for _ in 0..5 {
        gateway.clock.advance(Duration::from_mins(50));
        assert!(alice.is_in(&mut gateway, WIKI));
    }
    assert!(alice.is_in(&mut gateway, SHOP));
    assert_eq!(alice.open(&mut gateway, "https://login.example.com/.gateway/account").response.status, 200);
    gateway.clock.advance(Duration::from_mins(61));
    for origin in [WIKI, SHOP] {
        assert!(!alice.is_in(&mut gateway, origin), "idle at {origin}");
    }
}

#[test]
fn an_app_s_own_limits_hold_from_the_one_sign_in() {
    let limits = "[app.session]\nlifetime = \"2h\"\n";
    let apps = APPS.replace(
        "host = \"shop.example.org\"\nupstream = \"builtin:whoami\"\n",
        &format!("host = \"shop.example.org\"\nupstream = \"builtin:whoami\"\n{limits}"),
    );
    let mut gateway = InProcess::start_with(&format!("{PORTAL}{GROUPS}"), &apps);
    gateway.add_user("alice", &[]);
    let mut alice = Browser::default();
    alice.sign_in(&mut gateway, "https://wiki.example.com/", "alice");
    for _ in 0..3 {
        gateway.clock.advance(Duration::from_mins(39));
        assert!(alice.is_in(&mut gateway, WIKI));
    }
    assert_eq!(alice.open(&mut gateway, "https://shop.example.org/page").user(), "alice");
    gateway.clock.advance(Duration::from_mins(4));
    // A new branch would be as old: the person signs in again.
    let page = alice.open(&mut gateway, "https://shop.example.org/page");
    assert!(page.url.starts_with("https://login.example.com/.gateway/login"), "{}", page.url);
}

#[test]
fn a_frame_and_a_program_are_not_led_to_the_portal_host() {
    let mut gateway = start();
    let mut alice = Browser::default();
    let frame =
        [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    let fetch = [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")];
    let mut get = |fields: &[(&str, &str)], path: &str| {
        let url = format!("{WIKI}{path}");
        let response = alice.send(&mut gateway, (&Method::GET, &url), fields, "");
        assert!(response.headers.get("location").is_none(), "{path}");
        (response.status.as_u16(), response.body)
    };
    for path in ["/page", "/.gateway/login?next=/page", "/.gateway/hand-over?code=x&next=/page"] {
        let (status, body) = get(&fetch, path);
        assert_eq!(status, 401, "{path}: {body}");
        assert!(body.contains("\"login\":\"/.gateway/login\""), "{body}");
        let (status, body) = get(&frame, path);
        assert!([401, 403].contains(&status) && body.contains("target=\"_top\""), "{path}: {status} {body}");
        assert!(
            !body.contains("login.example.com"),
            "the link begins on this host, where its cookie can be set"
        );
    }
    let url = format!("{LOGIN}/.gateway/hand-over?host=wiki.example.com&attempt={}&next=/", "0".repeat(64));
    let mut alice = Browser::default();
    alice.sign_in(&mut gateway, "https://wiki.example.com/", "alice");
    assert_eq!(
        alice.send(&mut gateway, (&Method::GET, &url), &fetch, "").status,
        401,
        "no code for a script"
    );
    assert_eq!(alice.send(&mut gateway, (&Method::GET, &url), &frame, "").status, 403);
    assert_eq!(alice.send(&mut gateway, (&Method::HEAD, &url), &[("accept", "text/html")], "").status, 405);
}

#[test]
fn pages_of_an_app_host_lead_to_the_portal_host_and_its_forms_are_refused() {
    let (mut gateway, mut alice) = (start(), Browser::default());
    for page in ["account", "account/password", "logout", "apps", "setup?token=x", ""] {
        let response = alice.step(&mut gateway, &format!("{WIKI}/.gateway/{page}"));
        assert_eq!(response.header("location"), format!("{LOGIN}/.gateway/{page}"));
    }
    let page = alice.open(&mut gateway, "https://wiki.example.com/page");
    for to in
        ["login", "confirm", "account/password", "account/sessions", "setup", "logout", "hand-over", "x"]
    {
        let fields = [("username", "alice"), ("password", &*password("alice"))];
        let response = alice.post(&mut gateway, &page, &format!("{WIKI}/.gateway/{to}"), &fields);
        assert_eq!(response.status, 405, "{to}");
        assert!(alice.cookie("wiki.example.com", SESSION).is_none());
    }
    assert_eq!(alice.post(&mut gateway, &page, &format!("{LOGIN}/.gateway/hand-over"), &[]).status, 405);
    let fetch = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), ("sec-fetch-site", "same-origin")];
    let whoami = format!("{WIKI}/.gateway/whoami");
    let response = alice.send(&mut gateway, (&Method::GET, &whoami), &fetch, "");
    assert!(response.body.contains("\"authenticated\":false"), "{}", response.body);
    alice.sign_in(&mut gateway, "https://wiki.example.com/", "alice");
    let response = alice.send(&mut gateway, (&Method::GET, &whoami), &fetch, "");
    assert!(response.body.contains("\"user\":\"alice\""), "pages of an app still ask on their own host");
}

#[test]
fn a_form_that_is_sent_after_the_end_of_the_session_says_that_nothing_was_saved() {
    let (mut gateway, mut alice) = (start(), Browser::default());
    alice.sign_in(&mut gateway, "https://wiki.example.com/edit", "alice");
    gateway.clock.advance(Duration::from_hours(13));
    let headers = [
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("referer", "https://wiki.example.com/edit"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let response =
        alice.send(&mut gateway, (&Method::POST, "https://wiki.example.com/save"), &headers, "a=b");
    // On the same host: a policy of the page that sent the form may forbid to lead to another one.
    assert_eq!(response.header("location"), "/.gateway/login?next=/edit");
    let page = alice.open(&mut gateway, "https://wiki.example.com/.gateway/login?next=/edit");
    assert_eq!(page.url, "https://wiki.example.com/.gateway/login?next=/edit");
    assert!(page.response.body.contains("What you sent was not saved"), "{}", page.response.body);
    let page = alice.sign_in(&mut gateway, &page.url, "alice");
    assert_eq!((page.url.as_str(), page.user()), ("https://wiki.example.com/edit", "alice"));
}

#[test]
fn a_browser_without_cookies_is_told_so_and_not_sent_in_circles() {
    let (mut gateway, mut alice) = (start(), Browser::default());
    alice.sign_in(&mut gateway, "https://shop.example.org/", "alice");
    let mut url = "https://wiki.example.com/page".to_owned();
    let shown = loop {
        let response = alice.step(&mut gateway, &url);
        // The browser takes no cookie of this host.
        alice.cookies.retain(|(host, _), _| host != "wiki.example.com");
        match location(&url, &response) {
            Some(next) => url = next,
            None => break response,
        }
    };
    assert_eq!(shown.status, 403);
    assert!(shown.body.contains("accept cookies"), "{}", shown.body);
}

#[test]
fn the_start_page_lists_the_applications_that_the_rules_let_the_person_use() {
    let mut gateway = start();
    gateway.add_user("bob", &["accounting"]);
    let mut alice = Browser::default();
    let page = alice.sign_in(&mut gateway, "https://login.example.com/", "alice");
    assert_eq!(page.url, "https://login.example.com/.gateway/apps");
    let links = |page: &ShownPage| -> Vec<String> {
        let rest = page.response.body.split("<li>\n<a href=\"").skip(1);
        rest.map(|rest| rest.split('"').next().unwrap().replace("&#x2f;", "/")).collect()
    };
    assert_eq!(links(&page), ["https://wiki.example.com/", "https://shop.example.org/"]);
    let body = &page.response.body;
    assert!(body.contains("The wiki") && body.contains("What we know."), "{body}");
    let policy = page.response.header("content-security-policy");
    assert!(policy.contains("img-src 'self' data: https://wiki.example.com;"), "{policy}");
    let page = Browser::default().sign_in(&mut gateway, "https://login.example.com/.gateway/", "bob");
    let expected = ["https://wiki.example.com/", "https://shop.example.org/", "https://books.example.com/"];
    assert_eq!(links(&page), expected);
    let mut stranger = Browser::default();
    let page = stranger.open(&mut gateway, "https://login.example.com/.gateway/apps");
    assert!(page.url.contains("/.gateway/login?next=/.gateway/apps"), "{}", page.url);
    // Without a portal host there is no such page.
    alice.open(&mut gateway, "https://wiki.example.com/");
    gateway.reload(GROUPS, APPS);
    assert_eq!(alice.step(&mut gateway, "https://wiki.example.com/.gateway/apps").status, 404);
}

#[test]
fn a_visitor_s_data_goes_to_the_branch() {
    let mut gateway = start();
    let mut alice = Browser::default();
    let visitor = Visitor {
        client_addr: gateway.connection.peer_addr,
        user_agent: "test",
        host: "wiki.example.com",
        app: "wiki".into(),
        data: [("cart".into(), "1".into())].into_iter().collect(),
        max_visitors: 10,
    };
    let limits = gateway.shared.current.load().portal.sessions;
    let opened = gateway.shared.sessions.open_for_visitor(visitor, gateway.clock.now(), &limits);
    let (token, _) = block_on(opened).unwrap();
    let name = ("wiki.example.com".to_owned(), SESSION.to_owned());
    alice.cookies.insert(name, token.to_cookie().to_string());
    let page = alice.sign_in(&mut gateway, "https://wiki.example.com/page", "alice");
    assert_eq!((page.user(), page.response.received("portcullis-session-data")), ("alice", vec!["cart=1"]));
}

#[test]
fn a_session_from_before_the_portal_host_goes_on_and_signs_out_where_it_is() {
    let mut gateway = InProcess::start_with(GROUPS, APPS);
    gateway.add_user("alice", &[]);
    let mut alice = Browser::default();
    let page = alice.open(&mut gateway, "https://wiki.example.com/page");
    let page = alice.submit(&mut gateway, &page, &[("username", "alice"), ("password", &password("alice"))]);
    assert_eq!(page.url, "https://wiki.example.com/page");
    gateway.reload(&format!("{PORTAL}{GROUPS}"), APPS);
    assert!(alice.is_in(&mut gateway, WIKI), "nobody is signed out by the new setting");
    let page = alice.open(&mut gateway, "https://wiki.example.com/.gateway/logout");
    assert_eq!(page.url, "https://wiki.example.com/.gateway/logout");
    alice.submit(&mut gateway, &page, &[]);
    assert!(!alice.is_in(&mut gateway, WIKI));
}

#[test]
fn an_address_that_is_too_long_for_the_way_there_is_dropped_and_the_sign_in_works() {
    let (mut gateway, mut alice) = (start(), Browser::default());
    for length in [2000, 6000, 8000] {
        let url = format!("https://wiki.example.com/{}", "%20".repeat(length / 3));
        let page = alice.open(&mut gateway, &url);
        assert!(
            page.url.starts_with("https://login.example.com/.gateway/login"),
            "{length}: {}",
            page.url.len()
        );
        assert!(page.url.len() <= gateway.connection.header_size / 4 * 3 + 100);
        let mut alice = alice.clone();
        let page =
            alice.submit(&mut gateway, &page, &[("username", "alice"), ("password", &password("alice"))]);
        assert_eq!(page.user(), "alice", "{length}");
    }
}

#[test]
fn a_code_is_taken_after_a_crash_and_on_another_gateway() {
    let redis = RedisServer::start();
    let in_redis = format!("[session]\nstore = \"{}\"\ncache_ttl = \"10h\"\n", redis.url());
    let in_a_file = "[session]\nstore = \"file\"\n".to_owned();
    for sections in [in_redis, in_a_file] {
        let is_shared = sections.contains("redis");
        let sections = format!("{PORTAL}{GROUPS}{sections}");
        let mut first = InProcess::start_with(&sections, APPS);
        first.add_user("alice", &[]);
        let mut alice = Browser::default();
        alice.sign_in(&mut first, "https://shop.example.org/", "alice");
        let code = alice.until_code(&mut first, "https://wiki.example.com/page");
        let mut second = InProcess::start_beside(&first, &sections, APPS);
        if !is_shared {
            // The process ends between the code and its use; nothing of it is told to the next one.
            std::mem::forget(first);
            assert_eq!(alice.open(&mut second, &code).user(), "alice");
            continue;
        }
        let mut again = alice.clone();
        assert_eq!(alice.open(&mut second, &code).user(), "alice");
        assert_eq!(again.step(&mut first, &code).status, 403, "one code, two gateways");
        assert!(alice.is_in(&mut first, WIKI) && alice.is_in(&mut second, SHOP));
        let page = alice.open(&mut second, "https://login.example.com/.gateway/logout");
        alice.submit(&mut second, &page, &[]);
        assert!(!alice.is_in(&mut second, WIKI) && !alice.is_in(&mut second, SHOP));
        crate::support::process::until("it is over on the first gateway, too", || {
            !alice.is_in(&mut first, WIKI) && !alice.is_in(&mut first, SHOP)
        });
    }
}

#[test]
fn without_a_portal_host_everything_is_as_before() {
    let mut gateway = InProcess::start_with(GROUPS, APPS);
    let mut alice = Browser::default();
    let page = alice.open(&mut gateway, "https://wiki.example.com/page");
    assert_eq!(page.url, "https://wiki.example.com/.gateway/login?next=/page");
    assert!(!page.response.header("content-security-policy").contains("https:"));
    let path = format!("{WIKI}/.gateway/hand-over?host=shop.example.org&attempt={}&next=/", "0".repeat(64));
    assert_eq!(alice.step(&mut gateway, &path).status, 404);
    assert!(gateway.clock.now() > Timestamp::from_millis(0));
}
