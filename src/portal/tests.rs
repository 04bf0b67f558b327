//! The portal as a browser meets it, without sockets: a browser that keeps cookies, a directory in a
//! temporary folder, sessions in memory, and a clock that the test moves.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::{self, BoxFuture, FutureExt, LocalBoxFuture};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, COOKIE},
};
use http_body_util::BodyExt;
use tempfile::TempDir;

use super::*;
use crate::{
    auth::{Backend, Local},
    clock::Timestamp,
    identity::{UserId, UserName},
    session::{
        AppData, DataChange, DataRefused, MemoryStore, NewSession, Record, SessionKey, SessionStore,
        StoreError, Trust, Which,
    },
    telemetry::{Format, LogWriter},
    throttle::Throttle,
    users::{ByHand, Directory, HashSettings, NewUser, Password, UserStore},
};

const SESSION_COOKIE: &str = "__Host-Http-portcullis";
const FORM_COOKIE: &str = "__Host-Http-portcullis-form";
const NOTICE_COOKIE: &str = "__Host-Http-portcullis-notice";
const DEVICE_COOKIE: &str = "__Host-Http-portcullis-device";
const HOST: &str = "wiki.example.com";
const RIGHT: &str = "velvet turbine oyster";
const NEW: &str = "copper lantern meadow";
const QUICK: HashSettings = HashSettings { memory: 64, iterations: 1, parallelism: 1 };
const START: Timestamp = Timestamp::from_millis(1_791_273_600_000);

struct House {
    portal: Portal,
    sessions: Arc<Sessions>,
    directory: Arc<Directory>,
    settings: Settings,
    clock: Clock,
    log: LogWriter,
    logged: Logged,
    temp: TempDir,
}

#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl House {
    /// With ada, who may sign in, dora, who is disabled, and nora, who has no password.
    fn new() -> Self {
        Self::with(Box::new(MemoryStore::new(1000)), QUICK, Self::people)
    }

    /// The same people; each password is checked when the test says so.
    fn by_hand() -> (Self, ByHand) {
        let (passwords, by_hand) = Passwords::by_hand(QUICK, 64);
        (Self::checking(passwords, Box::new(MemoryStore::new(1000)), Self::people), by_hand)
    }

    fn people(store: &mut UserStore) {
        let hash = Passwords::hash_now(QUICK, &Password::new(RIGHT.into()));
        let groups = vec![GroupName::parse("staff").unwrap()];
        let permissions = vec![Permission::parse("reports.view").unwrap()];
        let ada = NewUser {
            email: "ada@example.com".into(),
            full_name: "Ada <b>Lovelace</b>".into(),
            groups,
            permissions,
            ..NewUser::named(name("ada"))
        };
        store.add(NewUser { password: Some(hash.clone()), ..ada }).unwrap();
        store.add(NewUser { password: Some(hash), ..NewUser::named(name("dora")) }).unwrap();
        store.set_active(&name("dora"), false).unwrap();
        store.add(NewUser::named(name("nora"))).unwrap();
    }

    fn empty() -> Self {
        Self::with(Box::new(MemoryStore::new(1000)), QUICK, |_| ())
    }

    fn with(store: Box<dyn SessionStore>, hashing: HashSettings, fill: impl FnOnce(&mut UserStore)) -> Self {
        Self::checking(Passwords::start(hashing, 1, 2), store, fill)
    }

    fn checking(
        passwords: Arc<Passwords>,
        store: Box<dyn SessionStore>,
        fill: impl FnOnce(&mut UserStore),
    ) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("users.db");
        let clock = Clock::manual(START);
        fill(&mut UserStore::open(&path, clock.clone()).unwrap());
        let directory = Directory::open(&path, clock.clone(), Box::new(|_| ())).unwrap();
        let sessions = Arc::new(Sessions::start(100, |_| Ok::<_, StoreError>(store)).unwrap());
        let logged = Logged::default();
        let log = LogWriter::start(logged.clone()).unwrap();
        let audit = Audit::new(log.clone(), Format::Json, clock.clone());
        let throttle = Throttle::forgetful(clock.clone()).unwrap();
        let backends = vec![Backend::Local(Local::new(Arc::clone(&directory), Arc::clone(&passwords)))];
        let sign_in = SignIn::new(backends, Arc::clone(&directory), throttle, audit.clone(), clock.clone());
        let setup = SetupLink::new(Arc::clone(&directory), audit.clone(), clock.clone());
        let portal = Portal::new(sign_in, setup, passwords, Arc::clone(&sessions), audit, clock.clone());
        let settings = Settings {
            sessions: Limits {
                lifetime: Duration::from_hours(12),
                idle_timeout: Duration::from_hours(1),
                remember_lifetime: None,
                browser_session: false,
                max_per_user: None,
            },
            cookies: CookieNames::default(),
            throttle: throttle::Limits::default(),
            pages: Pages::new(),
            groups: Arc::new(BTreeMap::from([(
                GroupName::parse("staff").unwrap(),
                vec![Permission::parse("wiki.edit").unwrap(), Permission::parse("reports.view").unwrap()],
            )])),
        };
        Self { portal, sessions, directory, settings, clock, log, logged, temp }
    }

    fn audit(&self) -> Vec<serde_json::Value> {
        assert!(self.log.flush(Duration::from_secs(20)));
        let text = String::from_utf8(self.logged.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// `event/reason/user` of each audit line.
    fn audited(&self) -> Vec<String> {
        let word = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
        let brief = |line: &serde_json::Value| {
            format!("{}/{}/{}", word(&line["event"]), word(&line["reason"]), word(&line["user"]))
        };
        self.audit().iter().map(brief).collect()
    }
}

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

#[derive(Clone, Default)]
struct Browser {
    cookies: BTreeMap<String, String>,
}

struct Reply {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.text);
        self.header("location")
    }

    fn hidden(&self, name: &str) -> String {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\" value=\"")).expect("a hidden field");
        rest.split('"').next().unwrap().to_owned()
    }
}

/// What a request brings besides page and form.
type Extra<'a> = &'a [(&'static str, &'a str)];

const NAVIGATION: Extra<'_> =
    &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("sec-fetch-site", "same-origin")];

impl Browser {
    async fn send(
        &mut self,
        house: &House,
        method: Method,
        target: &str,
        extra: Extra<'_>,
        body: &str,
    ) -> Reply {
        let mut headers: HeaderMap = extra
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/x-www-form-urlencoded"));
        if !self.cookies.is_empty() {
            let pairs: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            headers.insert(COOKIE, HeaderValue::from_str(&pairs.join("; ")).unwrap());
        }
        let presented = if cookie::read(&headers, SESSION_COOKIE) == cookie::Brought::Nothing {
            Presented::Absent
        } else {
            let token = cookie::find(&headers, SESSION_COOKIE).and_then(SessionToken::from_cookie);
            house.sessions.present(token.as_ref(), house.clock.now(), &house.settings.sessions).await.unwrap()
        };
        let account = match &presented {
            Presented::Alive(session) => match session.owner {
                Owner::User { id, credential } => house
                    .directory
                    .account(id)
                    .await
                    .unwrap()
                    .filter(|account| account.identity(credential).is_some()),
                Owner::Visitor => None,
            },
            _ => None,
        };
        let (page, query) =
            target.split_once('?').map_or((target, None), |(page, query)| (page, Some(query)));
        let visit = Visit {
            method: &method,
            page,
            query,
            headers: &headers,
            host: HOST,
            header_size: 32 << 10,
            max_form_bytes: 40 << 10,
            client_addr: ClientAddr::Known(Ipv4Addr::LOCALHOST.into()),
            request_id: "r-1",
            presented: &presented,
            account: account.as_ref(),
            settings: &house.settings,
        };
        let response = house.portal.answer(visit, Full::new(Bytes::from(body.to_owned()))).await;
        let (parts, body) = response.into_parts();
        assert!(parts.headers.contains_key("content-security-policy"), "{target}");
        for set in parts.headers.get_all(SET_COOKIE) {
            let set = set.to_str().unwrap();
            assert!(
                ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"].iter().all(|part| set.contains(part)),
                "{set}"
            );
            let (name, rest) = set.split_once('=').unwrap();
            if set.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.into(), rest.split(';').next().unwrap().into());
            }
        }
        #[expect(clippy::disallowed_methods, reason = "a body of our own")]
        let text = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(text.to_vec()).unwrap(),
        }
    }

    async fn get(&mut self, house: &House, target: &str) -> Reply {
        self.send(house, Method::GET, target, NAVIGATION, "").await
    }

    async fn post(&mut self, house: &House, page: &str, fields: &[(&str, &str)]) -> Reply {
        self.send(house, Method::POST, page, NAVIGATION, &encode(fields)).await
    }

    async fn login(&mut self, house: &House, username: &str, password: &str) -> Reply {
        let form = self.get(house, "login?next=/wiki").await;
        let (csrf, next) = (form.hidden("csrf"), "/wiki");
        let fields =
            [("csrf", csrf.as_str()), ("next", next), ("username", username), ("password", password)];
        self.post(house, "login", &fields).await
    }

    async fn signed_in(house: &House) -> Self {
        let mut browser = Self::default();
        assert_eq!(browser.login(house, "ada", RIGHT).await.location(), "/wiki");
        browser
    }

    async fn is_signed_in(&mut self, house: &House) -> bool {
        let reply = self.get(house, "whoami").await;
        serde_json::from_str::<serde_json::Value>(&reply.text).unwrap()["authenticated"] == true
    }

    async fn csrf(&mut self, house: &House, page: &str) -> String {
        self.get(house, page).await.hidden("csrf")
    }

    fn session(&self) -> Option<&String> {
        self.cookies.get(SESSION_COOKIE)
    }
}

fn encode(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

#[tokio::test]
async fn signing_in_gives_a_session_and_goes_on_to_where_the_browser_wanted() {
    let house = House::new();
    let mut browser = Browser::default();
    let form = browser.get(&house, "login?next=/wiki/a%3Fb%3Dc").await;
    assert_eq!((form.status, form.header("cache-control")), (200, "no-store"));
    assert!(form.text.contains("<title>Sign in · wiki.example.com</title>"));
    let csrf = form.hidden("csrf");
    let fields =
        [("csrf", csrf.as_str()), ("next", "/wiki/a?b=c"), ("username", " ADA "), ("password", RIGHT)];
    let reply = browser.post(&house, "login", &fields).await;
    assert_eq!(reply.location(), "/wiki/a?b=c");
    assert!(browser.is_signed_in(&house).await);
    assert!(!browser.cookies.contains_key(FORM_COOKIE), "the form's secret changes at sign-in");
    let cookie = reply.headers.get_all(SET_COOKIE).iter().next().unwrap().to_str().unwrap();
    assert!(cookie.contains("Max-Age=43200"), "{cookie}");
    assert_eq!(house.audited(), ["sign-in/ok/ada"]);
    // Already signed in: straight on, and in no circle.
    assert_eq!(browser.get(&house, "login?next=/x").await.location(), "/x");
    assert_eq!(browser.get(&house, "login?next=/.gateway/login").await.location(), "/");
    assert_eq!(browser.get(&house, "login?next=//evil.example").await.location(), "/");
}

#[tokio::test]
async fn while_somebody_has_to_wait_no_password_is_looked_at() {
    let house = House::new();
    let mut here = Browser::signed_in(&house).await;
    here.cookies.remove(DEVICE_COOKIE);
    for who in ["ada", "zelda", "dora"] {
        for _ in 0..5 {
            assert_eq!(Browser::default().login(&house, who, "wrong").await.status, 401);
        }
        let checked = house.portal.passwords.verifications();
        for tried in ["wrong", RIGHT] {
            let reply = Browser::default().login(&house, who, tried).await;
            assert_eq!((reply.status, reply.header("retry-after")), (429, "60"), "{who} {tried}");
        }
        assert_eq!(house.portal.passwords.verifications(), checked, "{who}");
    }
    let checked = house.portal.passwords.verifications();
    let csrf = here.csrf(&house, "account/password").await;
    let fields = [("csrf", csrf.as_str()), ("current", RIGHT), ("new", NEW), ("again", NEW)];
    assert_eq!(here.post(&house, "account/password", &fields).await.status, 429);
    let fields = [("csrf", csrf.as_str()), ("next", "/"), ("password", RIGHT)];
    assert_eq!(here.post(&house, "confirm", &fields).await.status, 429);
    assert_eq!(house.portal.passwords.verifications(), checked);
}

#[tokio::test]
async fn a_name_is_not_looked_up_while_its_address_waits_and_looking_one_up_is_the_same_for_all() {
    let house = House::new();
    let mut signed_in = Browser::signed_in(&house).await;
    let device = signed_in.cookies[DEVICE_COOKIE].clone();
    let asked = async |browser: &Browser, who: &str, password: &str| {
        let before = house.directory.questions();
        let reply = browser.clone().login(&house, who, password).await;
        (reply.status, house.directory.questions() - before)
    };
    let stranger = Browser::default();
    for who in ["ada", "zelda", "", "a b"] {
        // One look-up of a name, and none of what is no name.
        let questions = u64::from(name_of(who).is_some());
        assert_eq!(asked(&stranger, who, "wrong").await, (401, questions), "{who}");
    }
    for number in 0..50 {
        stranger.clone().login(&house, &format!("user{number}"), "wrong").await;
    }
    for who in ["ada", "dora", "nora", "zelda", "", "a b"] {
        assert_eq!(asked(&stranger, who, RIGHT).await, (429, 0), "{who}");
    }
    // A browser that ada has used is looked at for ada alone; her account is in memory.
    let known = Browser { cookies: BTreeMap::from([(DEVICE_COOKIE.to_owned(), device)]) };
    for who in ["dora", "nora", "zelda", "", "a b"] {
        assert_eq!(asked(&known, who, RIGHT).await, (429, 0), "{who}");
    }
    signed_in.get(&house, "account").await;
    assert_eq!(asked(&known, "ada", "wrong").await, (401, 0));
    assert_eq!(asked(&known, " ADA", RIGHT).await.0, 303);
}

fn name_of(text: &str) -> Option<UserName> {
    UserName::parse(text).ok()
}

/// What happens to a sign-in: it is sent, given up, its password is checked, its verdict arrives.
#[derive(Clone, Copy, Debug)]
enum Event {
    Send { who: usize, right: bool },
    GiveUp(usize),
    Check,
    Hear(usize),
}

fn events() -> impl proptest::strategy::Strategy<Value = Vec<Event>> {
    use proptest::prelude::*;
    let event = prop_oneof![
        4 => (0..2_usize, prop::bool::weighted(0.3)).prop_map(|(who, right)| Event::Send { who, right }),
        2 => any::<prop::sample::Index>().prop_map(|index| Event::GiveUp(index.index(1 << 16))),
        4 => Just(Event::Check),
        1 => any::<prop::sample::Index>().prop_map(|index| Event::Hear(index.index(1 << 16))),
    ];
    prop::collection::vec(event, 1..120)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// Time stands still, so no wait ends: whatever is given up at whatever moment, no more passwords are checked
    /// than the budget, and each check that nobody heard of is in the audit stream.
    #[test]
    fn no_more_passwords_are_checked_than_the_budget_whoever_gives_up_when(events in events()) {
        let (mut house, mut by_hand) = House::by_hand();
        house.settings.throttle = throttle::Limits { per_account: 3, per_address: 6, ..Default::default() };
        let (house, passwords) = (&house, &house.portal.passwords);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut browser = Browser::default();
        let csrf = runtime.block_on(browser.csrf(house, "login"));
        let _guard = runtime.enter();
        let mut under_way: Vec<(usize, LocalBoxFuture<'_, Reply>)> = Vec::new();
        // What was sent; what of it waits for its check; what of it was checked.
        let (mut sent, mut queue, mut checked) = (Vec::new(), VecDeque::new(), BTreeSet::new());
        let (mut heard, mut signed_in, mut wrong) = (0, 0, [0_u64; 2]);
        for event in events {
            match event {
                Event::Send { who, right } => {
                    let name = ["ada", "zelda"][who];
                    let right = right && name == "ada";
                    let password = if right { RIGHT } else { "wrong" };
                    let body = encode(&[("csrf", &csrf), ("username", name), ("password", password)]);
                    let mut browser = browser.clone();
                    let mut sending = async move {
                        browser.send(house, Method::POST, "login", NAVIGATION, &body).await
                    }
                    .boxed_local();
                    let waiting = passwords.waiting();
                    // Refused, or in the queue as soon as the thread of the directory has answered.
                    while passwords.waiting() == waiting {
                        if let Some(reply) = (&mut sending).now_or_never() {
                            proptest::prop_assert_eq!(reply.status, 429);
                            break;
                        }
                    }
                    if passwords.waiting() > waiting {
                        queue.push_back(sent.len());
                        under_way.push((sent.len(), sending));
                        sent.push((who, right));
                    }
                }
                Event::GiveUp(index) if !under_way.is_empty() => {
                    drop(under_way.swap_remove(index % under_way.len()));
                }
                Event::Check => {
                    let before = passwords.verifications();
                    if by_hand.work() {
                        let number = queue.pop_front().unwrap();
                        let (who, right) = sent[number];
                        checked.insert(number);
                        wrong[who] += if right { 0 } else { passwords.verifications() - before };
                    }
                }
                Event::Hear(index) if !under_way.is_empty() => {
                    let index = index % under_way.len();
                    let number = under_way[index].0;
                    if !checked.contains(&number) {
                        proptest::prop_assert!((&mut under_way[index].1).now_or_never().is_none());
                        continue;
                    }
                    let (who, right) = sent[number];
                    let mut hearing = under_way.swap_remove(index).1;
                    let reply = loop {
                        if let Some(reply) = (&mut hearing).now_or_never() {
                            break reply;
                        }
                    };
                    proptest::prop_assert_eq!(reply.status, if right { 303 } else { 401 });
                    heard += 1;
                    if right {
                        signed_in += 1;
                        wrong[who] = 0;
                    }
                }
                Event::GiveUp(_) | Event::Hear(_) => {}
            }
            let (limits, checks) = (&house.settings.throttle, passwords.verifications());
            proptest::prop_assert!(wrong.iter().all(|wrong| *wrong <= limits.per_account.into()), "{:?}", wrong);
            proptest::prop_assert!(checks - signed_in <= limits.per_address.into(), "{} checks", checks);
        }
        drop(under_way);
        let abandoned = house.audited().iter().filter(|line| line.contains("/abandoned/")).count();
        proptest::prop_assert_eq!(passwords.verifications(), heard + u64::try_from(abandoned).unwrap());
    }
}

#[tokio::test]
async fn the_cookie_ends_with_the_browser_if_so_configured() {
    let mut house = House::new();
    house.settings.sessions.browser_session = true;
    let reply = Browser::default().login(&house, "ada", RIGHT).await;
    let session = reply.headers.get_all(SET_COOKIE).iter().next().unwrap().to_str().unwrap();
    assert!(session.starts_with(SESSION_COOKIE) && !session.contains("Max-Age"), "{session}");
}

#[tokio::test]
async fn the_place_to_go_on_to_is_never_another_host() {
    let house = House::new();
    for hostile in
        ["//evil.example", "https://evil.example/", "/\\evil.example", "/\t/evil.example", "/%2f/x"]
    {
        let mut browser = Browser::default();
        let form = browser.get(&house, &format!("login?{}", encode(&[("next", hostile)]))).await;
        assert_eq!(form.hidden("next"), "&#x2f;", "{hostile:?}");
        let csrf = form.hidden("csrf");
        let fields = [("csrf", csrf.as_str()), ("next", hostile), ("username", "ada"), ("password", RIGHT)];
        assert_eq!(browser.post(&house, "login", &fields).await.location(), "/", "{hostile:?}");
    }
}

#[tokio::test]
async fn whoever_has_signed_in_in_one_tab_goes_on_from_the_form_in_another() {
    let house = House::new();
    let mut browser = Browser::default();
    let (one, two) =
        (browser.csrf(&house, "login?next=/one").await, browser.csrf(&house, "login?next=/two").await);
    let form = |csrf: &str, next: &str, name: &str, password: &str| {
        encode(&[("csrf", csrf), ("next", next), ("username", name), ("password", password)])
    };
    let mut submit =
        async |body: String| browser.send(&house, Method::POST, "login", NAVIGATION, &body).await;
    assert_eq!(submit(form(&one, "/one", "ada", RIGHT)).await.location(), "/one");
    // Whatever was typed as a password: it is the person who is signed in already.
    for password in [RIGHT, "wrong"] {
        assert_eq!(submit(form(&two, "/two", " ADA", password)).await.location(), "/two");
    }
    assert_eq!(submit(form(&two, "//evil.example", "ada", RIGHT)).await.location(), "/");
    // Somebody else at the same desk is not taken for ada.
    let another = submit(form(&two, "/two", "nora", RIGHT)).await;
    assert_eq!(another.status, 403);
    assert!(another.text.contains("This form had expired") && another.text.contains("value=\"nora\""));
    assert_eq!(house.audited(), ["sign-in/ok/ada"]);
}

#[tokio::test]
async fn whoever_has_confirmed_in_one_tab_goes_on_from_the_form_in_another() {
    let house = House::new();
    let mut browser = Browser::signed_in(&house).await;
    house.clock.advance(Duration::from_mins(30));
    let csrf = browser.csrf(&house, "confirm?next=/one").await;
    let fields = |next| [("csrf", csrf.as_str()), ("next", next), ("password", RIGHT)];
    assert_eq!(browser.post(&house, "confirm", &fields("/one")).await.location(), "/one");
    assert_eq!(browser.post(&house, "confirm", &fields("/two")).await.location(), "/two");
    assert_eq!(browser.post(&house, "confirm", &fields("//evil.example")).await.location(), "/");
    house.clock.advance(Duration::from_mins(5));
    assert_eq!(browser.post(&house, "confirm", &fields("/two")).await.status, 403);
}

#[tokio::test]
async fn the_form_keeps_its_address_so_that_a_browser_keeps_the_fragment() {
    let house = House::new();
    // Without `action` a form is sent to the address of its page, fragment and all (HTML, form submission), and a
    // redirect without a fragment takes that on (RFC 9110 §10.2.2).
    let mut browser = Browser::signed_in(&house).await;
    for page in [
        Browser::default().get(&house, "login?next=/board").await,
        browser.get(&house, "confirm?next=/board").await,
    ] {
        assert!(page.text.contains("<form method=\"post\">"), "{}", page.text);
    }
    let mut browser = Browser::default();
    let csrf = browser.csrf(&house, "login?next=/board").await;
    let fields = [("csrf", csrf.as_str()), ("next", "/board"), ("username", "ada"), ("password", RIGHT)];
    assert_eq!(browser.post(&house, "login?next=/board", &fields).await.location(), "/board");
}

#[tokio::test]
async fn whoever_sends_a_form_without_being_signed_in_is_told_that_it_was_not_saved() {
    let house = House::new();
    let mut browser = Browser::default();
    let from = "https://wiki.example.com/.gateway/account";
    let extra = [NAVIGATION, &[("referer", from)]].concat();
    let reply = browser.send(&house, Method::POST, "account/sessions", &extra, "end=others").await;
    assert_eq!(reply.location(), "/.gateway/login?next=/.gateway/account");
    assert!(browser.get(&house, "login").await.text.contains("What you sent was not saved"));
    assert!(!browser.get(&house, "login").await.text.contains("not saved"), "once");
    let reply = browser.get(&house, "account").await;
    assert!(!reply.headers.contains_key(SET_COOKIE), "nothing was sent");
}

#[tokio::test]
async fn the_root_of_the_pages_leads_to_the_account_or_to_the_form() {
    let house = House::new();
    for method in [Method::GET, Method::HEAD] {
        let reply = Browser::default().send(&house, method, "", NAVIGATION, "").await;
        assert_eq!(reply.location(), "/.gateway/login");
    }
    assert_eq!(Browser::signed_in(&house).await.get(&house, "").await.location(), "/.gateway/account");
}

#[tokio::test]
async fn whoever_opens_a_gateway_without_users_is_told_where_the_link_is_and_not_what_it_is() {
    let house = House::empty();
    let secret = link(&house).await.split_once('=').unwrap().1.to_owned();
    let page = Browser::default().get(&house, "login").await;
    assert!(page.text.contains("Nobody can sign in yet") && !page.text.contains("type=\"password\""));
    assert!(!page.text.contains(&secret) && !page.text.contains("setup"), "{}", page.text);
    let mut users = UserStore::open(&house.temp.path().join("users.db"), house.clock.clone()).unwrap();
    users.add(NewUser::named(name("nora"))).unwrap();
    let page = Browser::default().get(&house, "login").await;
    assert!(!page.text.contains("Nobody can sign in yet") && page.text.contains("type=\"password\""));
    // Nobody asks again.
    let asked = house.directory.questions();
    Browser::default().get(&house, "login").await;
    assert_eq!(house.directory.questions(), asked);
}

#[tokio::test]
async fn a_new_token_comes_with_each_sign_in_and_the_one_before_is_dead() {
    let house = House::new();
    let mut browser = Browser::signed_in(&house).await;
    let before = browser.clone();
    // The sign-in form, opened in another tab before the first sign-in.
    let mut other_tab = Browser::default();
    let csrf = other_tab.csrf(&house, "login").await;
    browser.cookies.extend(other_tab.cookies);
    let fields = [("csrf", csrf.as_str()), ("username", "ada"), ("password", RIGHT)];
    assert_eq!(browser.post(&house, "login", &fields).await.location(), "/");
    assert_ne!(browser.session(), before.session());
    assert!(browser.is_signed_in(&house).await);
    assert!(!before.clone().is_signed_in(&house).await);
    // A token that a stranger planted is not adopted.
    let planted = SessionToken::generate().unwrap().to_cookie().to_string();
    let mut victim = Browser::default();
    victim.cookies.insert(SESSION_COOKIE.into(), planted.clone());
    victim.login(&house, "ada", RIGHT).await;
    assert_ne!(victim.session(), Some(&planted));
}

#[tokio::test]
async fn every_failed_sign_in_looks_the_same() {
    let house = House::new();
    let long = "x".repeat(10_000);
    let cases = [
        ("ada", "wrong"),
        ("ada", ""),
        ("ada", long.as_str()),
        ("ada", "velvet turbine oyster\0"),
        ("ada", "velvet turbine oyster "),
        ("dora", RIGHT),
        ("nora", RIGHT),
        ("nobody", RIGHT),
        ("", RIGHT),
        ("", ""),
        ("a b", "x"),
        ("ada\0", RIGHT),
        (long.as_str(), RIGHT),
        ("<script>", "x"),
    ];
    let mut seen = Vec::new();
    for (username, password) in cases {
        let mut browser = Browser::default();
        let reply = browser.login(&house, username, password).await;
        assert_eq!(reply.status, 401, "{username:.20} {password:.20}");
        assert!(reply.text.contains("Wrong user name or password."));
        assert!(!reply.text.contains("<script"));
        assert!(browser.session().is_none());
        let shown = reply.hidden("csrf");
        let typed = reply.text.split("name=\"username\" type=\"text\" value=\"").nth(1).unwrap();
        let typed = typed.split('"').next().unwrap().to_owned();
        // Where the focus goes depends on whether a name was typed, which the sender knows.
        let same = reply
            .text
            .replace(&shown, "")
            .replace(&format!("value=\"{typed}\""), "value=\"\"")
            .replace(" autofocus", "");
        let mut headers = reply.headers.clone();
        headers.remove(SET_COOKIE);
        seen.push((same, format!("{headers:?}")));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:#?}");
    let audited = house.audited();
    for line in [
        "sign-in-failed/wrong-password/ada",
        "sign-in-failed/disabled/dora",
        "sign-in-failed/no-password/nora",
        "sign-in-failed/unknown-user/-",
        "sign-in-failed/invalid-name/-",
        "sign-in-failed/unusable-password/ada",
    ] {
        assert!(audited.iter().any(|audited| audited == line), "{line}: {audited:?}");
    }
}

#[tokio::test]
async fn neither_password_nor_token_nor_a_stranger_s_name_is_in_the_audit_stream() {
    let house = House::new();
    let mut browser = Browser::default();
    browser.login(&house, "hunter2-as-a-name", "hunter2").await;
    browser.login(&house, "ada", "hunter2").await;
    browser.login(&house, "ada", RIGHT).await;
    let token = browser.session().unwrap().clone();
    let text = format!("{:?}", house.audit());
    assert!(text.contains("r-1") && text.contains("127.0.0.1"), "{text}");
    assert!(!text.contains("hunter2") && !text.contains("velvet") && !text.contains(&token), "{text}");
}

#[tokio::test]
async fn a_sign_in_that_another_site_sends_does_nothing() {
    let house = House::new();
    let mut honest = Browser::default();
    let csrf = honest.csrf(&house, "login").await;
    let mut stranger = Browser::default();
    let foreign = stranger.csrf(&house, "login").await;
    let cookieless = Browser::default();
    let own: Extra<'_> = &[("origin", "https://wiki.example.com")];
    let table: &[(&Browser, &str, Extra<'_>, u16)] = &[
        (&honest, &csrf, NAVIGATION, 303),
        (&honest, &csrf, own, 303),
        (&honest, &csrf, &[], 303),
        (&honest, &csrf, &[("sec-fetch-site", "none")], 303),
        // A form of the stranger's own browser, sent by the victim's (login CSRF).
        (&cookieless, &foreign, NAVIGATION, 403),
        (&honest, &foreign, NAVIGATION, 403),
        (&stranger, &csrf, own, 403),
        (&honest, "", own, 403),
        (&honest, "x", own, 403),
        (&honest, &csrf, &[("sec-fetch-site", "cross-site")], 403),
        (&honest, &csrf, &[("sec-fetch-site", "same-site")], 403),
        (&honest, &csrf, &[("origin", "https://evil.example")], 403),
        (&honest, &csrf, &[("origin", "null")], 403),
        (&honest, &csrf, &[("origin", "http://wiki.example.com")], 403),
    ];
    for (browser, csrf, extra, expected) in table {
        let mut browser = (*browser).clone();
        let had_cookie = !browser.cookies.is_empty();
        let fields = [("csrf", *csrf), ("username", "ada"), ("password", RIGHT), ("next", "/wiki")];
        let reply = browser.send(&house, Method::POST, "login", extra, &encode(&fields)).await;
        assert_eq!(reply.status, *expected, "{csrf} {extra:?}");
        assert_eq!(browser.session().is_some(), *expected == 303);
        if *expected == 403 {
            // Nothing that was typed is lost but the password, and the next attempt works. Without the cookie that a form is
            // bound to, nothing of it is read.
            assert!(reply.text.contains("This form had expired"));
            assert!(reply.text.contains("value=\"ada\"") || !had_cookie);
            assert!(!reply.text.contains(RIGHT));
            let csrf = reply.hidden("csrf");
            let fields = [("csrf", csrf.as_str()), ("username", "ada"), ("password", RIGHT)];
            assert_eq!(browser.post(&house, "login", &fields).await.status, 303);
        }
    }
}

#[tokio::test]
async fn bodies_that_are_no_form_are_refused() {
    let house = House::new();
    let mut browser = Browser::default();
    browser.csrf(&house, "login").await;
    let json: Extra<'_> = &[("content-type", "application/json"), ("accept", "text/html")];
    assert_eq!(browser.send(&house, Method::POST, "login", json, "{}").await.status, 415);
    assert_eq!(browser.send(&house, Method::POST, "login", NAVIGATION, "a=1&a=2").await.status, 400);
    assert_eq!(browser.send(&house, Method::POST, "login", NAVIGATION, "a=%ff").await.status, 400);
    let large = "a".repeat(200_000);
    assert_eq!(browser.send(&house, Method::POST, "login", NAVIGATION, &large).await.status, 413);
}

#[tokio::test]
async fn signing_out_takes_a_form_of_ours_and_ends_the_session_at_once() {
    let house = House::new();
    let mut browser = Browser::signed_in(&house).await;
    let thief = browser.clone();
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(browser.send(&house, method, "logout", NAVIGATION, "").await.status, 200);
    }
    let csrf = browser.csrf(&house, "logout").await;
    let foreign = Browser::default().csrf(&house, "login").await;
    for (csrf, extra) in [
        ("", NAVIGATION),
        (foreign.as_str(), NAVIGATION),
        (csrf.as_str(), &[("sec-fetch-site", "cross-site")][..]),
        (csrf.as_str(), &[("origin", "null")][..]),
    ] {
        let reply = browser.send(&house, Method::POST, "logout", extra, &encode(&[("csrf", csrf)])).await;
        assert_eq!(reply.status, 403);
    }
    assert!(browser.is_signed_in(&house).await);

    let reply = browser.post(&house, "logout", &[("csrf", &csrf)]).await;
    assert_eq!(reply.location(), "/.gateway/login");
    assert_eq!(reply.header("clear-site-data"), "\"cache\"");
    assert!(browser.session().is_none());
    assert!(!thief.clone().is_signed_in(&house).await, "the token is worth nothing any more");
    assert_eq!(house.audited(), ["sign-in/ok/ada", "sign-out/ok/ada"]);

    // The message is shown once; a HEAD in between does not use it up.
    browser.send(&house, Method::HEAD, "login", NAVIGATION, "").await;
    assert!(browser.get(&house, "login").await.text.contains("You have signed out."));
    assert!(!browser.get(&house, "login").await.text.contains("You have signed out."));
}

#[tokio::test]
async fn signing_out_without_a_session_is_no_error_and_clears_no_cookie_that_was_not_sent() {
    let house = House::new();
    for method in [Method::GET, Method::POST] {
        let reply = Browser::default().send(&house, method.clone(), "logout", NAVIGATION, "").await;
        assert_eq!(reply.location(), "/.gateway/login");
        assert!(!reply.headers.contains_key(SET_COOKIE), "a form on another site would sign people out");
        let mut stale = Browser::default();
        stale.cookies.insert(SESSION_COOKIE.into(), "stale".into());
        assert_eq!(stale.send(&house, method, "logout", NAVIGATION, "").await.location(), "/.gateway/login");
        assert!(stale.session().is_none());
    }
}

#[tokio::test]
async fn a_notice_says_nothing_that_a_stranger_wrote() {
    let house = House::new();
    let mut browser = Browser::default();
    browser.cookies.insert(NOTICE_COOKIE.into(), "Call+0900-12345".into());
    let reply = browser.get(&house, "login").await;
    assert!(!reply.text.contains("0900") && !reply.text.contains("role=\"status\""));
}

#[tokio::test]
async fn pages_of_an_account_ask_people_to_sign_in_and_refuse_programs() {
    let house = House::new();
    for page in ["account", "account/password"] {
        let reply = Browser::default().get(&house, page).await;
        assert_eq!(reply.location(), format!("/.gateway/login?next=/.gateway/{page}"));
        let program: Extra<'_> = &[("accept", "application/json")];
        let reply = Browser::default().send(&house, Method::GET, page, program, "").await;
        assert_eq!(reply.status, 401);
        assert_eq!(reply.header("content-type"), "application/problem+json");
    }
    let reply = Browser::default().post(&house, "account/password", &[]).await;
    assert_eq!(reply.location(), "/.gateway/login?next=/.gateway/account/password");
}

#[tokio::test]
async fn the_account_page_tells_who_one_is_and_escapes_it() {
    let house = House::new();
    let mut browser = Browser::signed_in(&house).await;
    let reply = browser.get(&house, "account").await;
    assert_eq!(reply.status, 200);
    for part in [
        "Ada &lt;b&gt;Lovelace&lt;&#x2f;b&gt;",
        "ada@example.com",
        "<li>staff</li>",
        "<li>reports.view</li><li>wiki.edit</li>",
        "Signed in <time datetime=\"2026-10-06T08:00:00.000Z\">6 October 2026, 08:00 UTC",
        "6 October 2026, 20:00 UTC",
        "</time> to wiki.example.com from 127.0.0.1",
        "Signing out ends this session",
        "<a href=\"&#x2f;\">Back to the application</a>",
        "In use now",
    ] {
        assert!(reply.text.contains(part), "{part}: {}", reply.text);
    }
    assert!(!reply.text.contains(browser.session().unwrap().as_str()));
}

#[tokio::test]
async fn the_account_page_leads_back_to_where_one_has_come_from() {
    let house = House::new();
    let mut browser = Browser::signed_in(&house).await;
    for (referer, back) in [
        ("https://wiki.example.com/page?a=1", "/page?a=1"),
        ("https://wiki.example.com/.gateway/account/password", "/"),
        ("https://wiki.example.com//evil.example", "/"),
        ("https://evil.example/page", "/"),
    ] {
        let extra = [NAVIGATION, &[("referer", referer)]].concat();
        let page = browser.send(&house, Method::GET, "account", &extra, "").await;
        let link = format!("<a href=\"{}\">Back", back.replace('/', "&#x2f;"));
        assert!(page.text.contains(&link), "{referer}: {}", page.text);
    }
}

/// The keys of the sessions that the page has a button for.
fn endable(reply: &Reply) -> Vec<String> {
    let marked = reply.text.split("name=\"end\" value=\"").skip(1);
    marked.map(|rest| rest.split('"').next().unwrap().to_owned()).filter(|key| key.len() == 64).collect()
}

#[tokio::test]
async fn the_box_to_be_kept_signed_in_is_there_only_if_configured_and_then_counts() {
    let mut house = House::new();
    let form = Browser::default().get(&house, "login").await;
    assert!(!form.text.contains("remember"));
    let ticked = |csrf: &str| {
        vec![
            ("csrf".to_owned(), csrf.to_owned()),
            ("username".to_owned(), "ada".to_owned()),
            ("password".to_owned(), RIGHT.to_owned()),
            ("remember".to_owned(), "yes".to_owned()),
        ]
    };
    let cookie = async |house: &House, browser: &mut Browser| {
        let csrf = browser.csrf(house, "login").await;
        let fields = ticked(&csrf);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let reply = browser.post(house, "login", &fields).await;
        reply.headers.get_all(SET_COOKIE).iter().next().unwrap().to_str().unwrap().to_owned()
    };
    let mut stranger = Browser::default();
    let kept = cookie(&house, &mut stranger).await;
    assert!(kept.contains("Max-Age=43200"), "a box that is not on the page cannot be ticked: {kept}");

    house.settings.sessions.remember_lifetime = Some(Duration::from_hours(30 * 24));
    house.settings.sessions.browser_session = true;
    let mut browser = Browser::default();
    let form = browser.get(&house, "login").await;
    assert!(form.text.contains("For 30 days.") && !form.text.contains(" checked"), "{}", form.text);
    let kept = cookie(&house, &mut browser).await;
    assert!(kept.contains("Max-Age=2592000"), "it outlives the browser: {kept}");
    house.clock.advance(Duration::from_hours(29 * 24));
    assert!(browser.is_signed_in(&house).await, "neither the idle time nor the usual lifetime counts");
    house.clock.advance(Duration::from_hours(24));
    assert!(!browser.is_signed_in(&house).await);

    // Whoever mistypes the password need not tick the box again.
    let mut browser = Browser::default();
    let csrf = browser.csrf(&house, "login").await;
    let fields = [("csrf", csrf.as_str()), ("username", "ada"), ("password", "x"), ("remember", "yes")];
    assert!(browser.post(&house, "login", &fields).await.text.contains(" checked"));
}

#[tokio::test]
async fn the_account_page_lists_one_s_sessions_and_ends_one() {
    let house = House::new();
    let mut here = Browser::signed_in(&house).await;
    let mut there = Browser::default();
    let csrf = there.csrf(&house, "login").await;
    let fields = [("csrf", csrf.as_str()), ("username", "ada"), ("password", RIGHT)];
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Version/18.6 Safari/604.1";
    let extra = [NAVIGATION, &[("user-agent", agent)]].concat();
    there.send(&house, Method::POST, "login", &extra, &encode(&fields)).await;
    house.clock.advance(Duration::from_mins(20));

    let page = here.get(&house, "account").await;
    for part in ["This session", "Safari on an iPhone", "20 minutes ago", "An unknown program"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let keys = endable(&page);
    assert_eq!(keys.len(), 1, "there is no button for this one");
    let csrf = page.hidden("csrf");
    let end = |key: &str| encode(&[("csrf", csrf.as_str()), ("end", key)]);
    let reply = here.send(&house, Method::POST, "account/sessions", NAVIGATION, &end(&keys[0])).await;
    assert_eq!(reply.location(), "/.gateway/account");
    assert!(!there.is_signed_in(&house).await && here.is_signed_in(&house).await);
    let page = here.get(&house, "account").await;
    assert!(page.text.contains("That session has ended.") && endable(&page).is_empty());
    // Again, from a page that was open in another tab.
    let reply = here.send(&house, Method::POST, "account/sessions", NAVIGATION, &end(&keys[0])).await;
    assert_eq!(reply.location(), "/.gateway/account");
    let line = house.audit().into_iter().find(|line| line["event"] == "sessions-ended").unwrap();
    assert_eq!((&line["reason"], &line["user"]), (&"one".into(), &"ada".into()));
    assert!(keys[0].starts_with(line["session"].as_str().unwrap()));
}

#[tokio::test]
async fn only_a_genuine_form_ends_sessions_and_only_one_s_own() {
    let house = House::new();
    let mut ada = Browser::signed_in(&house).await;
    let mut users = UserStore::open(&house.temp.path().join("users.db"), house.clock.clone()).unwrap();
    users.set_password(&name("nora"), &Passwords::hash_now(QUICK, &Password::new(RIGHT.into()))).unwrap();
    let mut nora = Browser::default();
    assert_eq!(nora.login(&house, "nora", RIGHT).await.location(), "/wiki");
    let hers = SessionToken::from_cookie(nora.session().unwrap().as_bytes()).unwrap().key().to_hex();
    let csrf = ada.csrf(&house, "account").await;
    for (key, status) in [(hers.as_str(), 404), ("", 404), ("x", 404), ("Others", 404)] {
        let fields = [("csrf", csrf.as_str()), ("end", key)];
        assert_eq!(ada.post(&house, "account/sessions", &fields).await.status, status, "{key}");
    }
    assert!(nora.is_signed_in(&house).await);
    let mut other = Browser::signed_in(&house).await;
    let forged = other.csrf(&house, "account").await;
    for (fields, extra) in [
        (vec![("end", "everywhere")], NAVIGATION),
        (vec![("csrf", forged.as_str()), ("end", "everywhere")], NAVIGATION),
        (vec![("csrf", csrf.as_str()), ("end", "everywhere")], &[("sec-fetch-site", "cross-site")]),
    ] {
        let reply = ada.send(&house, Method::POST, "account/sessions", extra, &encode(&fields)).await;
        assert_eq!(reply.status, 403);
        assert!(reply.text.contains("This form had expired"));
    }
    assert!(ada.is_signed_in(&house).await && other.is_signed_in(&house).await);
    let reply = Browser::default().post(&house, "account/sessions", &[("end", "everywhere")]).await;
    assert_eq!(reply.location(), "/.gateway/login");
}

#[tokio::test]
async fn signing_out_everywhere_else_and_everywhere_does_what_it_says() {
    let house = House::new();
    let mut browsers = Vec::new();
    for _ in 0..3 {
        browsers.push(Browser::signed_in(&house).await);
    }
    let [mut one, mut two, mut three] = <[Browser; 3]>::try_from(browsers).ok().unwrap();
    let csrf = one.csrf(&house, "account").await;
    let reply = one.post(&house, "account/sessions", &[("csrf", &csrf), ("end", "others")]).await;
    assert_eq!(reply.location(), "/.gateway/account");
    assert!(one.is_signed_in(&house).await);
    assert!(!two.is_signed_in(&house).await && !three.is_signed_in(&house).await);

    let mut two = Browser::signed_in(&house).await;
    let reply = one.post(&house, "account/sessions", &[("csrf", &csrf), ("end", "everywhere")]).await;
    assert_eq!(reply.location(), "/.gateway/login");
    assert!(one.session().is_none() && !two.is_signed_in(&house).await);
    assert!(one.get(&house, "login").await.text.contains("You are signed out everywhere."));
    let audited = house.audited();
    assert!(audited.contains(&"sessions-ended/others/ada".to_owned()), "{audited:?}");
    assert!(audited.contains(&"sessions-ended/everywhere/ada".to_owned()), "{audited:?}");
}

#[tokio::test]
async fn a_confirmed_password_gives_a_new_token_and_goes_on_with_the_same_limits() {
    let house = House::new();
    let mut browser = Browser::signed_in(&house).await;
    let before = browser.clone();
    house.clock.advance(Duration::from_mins(59));
    let form = browser.get(&house, "confirm?next=/wiki/admin").await;
    assert_eq!(form.status, 200);
    assert!(form.text.contains("autocomplete=\"current-password\"") && form.text.contains("value=\"ada\""));
    let csrf = form.hidden("csrf");
    let fields = |password| [("csrf", csrf.as_str()), ("next", "/wiki/admin"), ("password", password)];
    let wrong = browser.post(&house, "confirm", &fields("wrong")).await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.text.contains("Wrong password.") && wrong.hidden("next").ends_with("admin"));
    assert_eq!(browser.session(), before.session());
    let forged = browser.post(&house, "confirm", &[("csrf", "x"), ("password", RIGHT)]).await;
    assert_eq!(forged.status, 403);

    let reply = browser.post(&house, "confirm", &fields(RIGHT)).await;
    assert_eq!(reply.location(), "/wiki/admin");
    let cookie = reply.headers.get_all(SET_COOKIE).iter().next().unwrap().to_str().unwrap();
    assert!(cookie.contains(&format!("Max-Age={}", (12 * 60 - 59) * 60)), "the limit is as it was: {cookie}");
    assert!(browser.is_signed_in(&house).await && !before.clone().is_signed_in(&house).await);
    assert_eq!(house.audited(), ["sign-in/ok/ada", "confirm/wrong-password/ada", "confirm/ok/ada"]);
    // The limit counts from the sign-in.
    for _ in 0..13 {
        house.clock.advance(Duration::from_mins(51));
        browser.is_signed_in(&house).await;
    }
    assert!(!browser.is_signed_in(&house).await);
    // Nobody to ask: signing in is more.
    assert_eq!(browser.get(&house, "confirm?next=/x").await.location(), "/.gateway/login?next=/x");
    let hostile = Browser::default().get(&house, "confirm?next=//evil.example").await;
    assert_eq!(hostile.location(), "/.gateway/login");
}

#[tokio::test]
async fn a_new_password_takes_the_other_sessions_out_of_the_store() {
    let house = House::new();
    let mut browser = Browser::signed_in(&house).await;
    Browser::signed_in(&house).await;
    change(&mut browser, &house, RIGHT, NEW, NEW).await;
    let kept = house.sessions.list(None, None, 10).await.unwrap();
    let own = SessionToken::from_cookie(browser.session().unwrap().as_bytes()).unwrap().key();
    assert_eq!(kept.iter().map(|record| record.key).collect::<Vec<_>>(), [own]);
}

#[tokio::test]
async fn whoami_answers_the_pages_of_an_application() {
    let house = House::new();
    let mut browser = Browser::default();
    let reply = browser.get(&house, "whoami").await;
    assert_eq!((reply.status, reply.text.as_str()), (200, "{\"authenticated\":false}"));
    let mut browser = Browser::signed_in(&house).await;
    let reply = browser.get(&house, "whoami").await;
    assert_eq!(
        (reply.header("content-type"), reply.header("cache-control")),
        ("application/json", "no-store")
    );
    let json: serde_json::Value = serde_json::from_str(&reply.text).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "authenticated": true,
            "user": "ada",
            "full_name": "Ada <b>Lovelace</b>",
            "email": "ada@example.com",
            "groups": ["staff"],
            "permissions": ["reports.view", "wiki.edit"],
            "superuser": false,
            "session": { "signed_in": "2026-10-06T08:00:00.000Z", "expires": "2026-10-06T20:00:00.000Z" },
        })
    );
}

async fn change(browser: &mut Browser, house: &House, current: &str, new: &str, again: &str) -> Reply {
    let csrf = browser.csrf(house, "account/password").await;
    let fields = [("csrf", csrf.as_str()), ("current", current), ("new", new), ("again", again)];
    browser.post(house, "account/password", &fields).await
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_and_renews_this_one() {
    let house = House::new();
    let mut browser = Browser::signed_in(&house).await;
    let mut elsewhere = Browser::signed_in(&house).await;
    let before = browser.clone();
    let reply = change(&mut browser, &house, RIGHT, NEW, NEW).await;
    assert_eq!(reply.location(), "/.gateway/account");
    assert_ne!(browser.session(), before.session());
    assert!(browser.is_signed_in(&house).await);
    assert!(!before.clone().is_signed_in(&house).await);
    assert!(!elsewhere.is_signed_in(&house).await);
    assert!(browser.get(&house, "account").await.text.contains("Your password has been changed."));
    assert!(!browser.get(&house, "account").await.text.contains("Your password has been changed."));
    assert_eq!(Browser::default().login(&house, "ada", RIGHT).await.status, 401);
    assert_eq!(Browser::default().login(&house, "ada", NEW).await.status, 303);
    assert!(house.audited().contains(&"password-change/ok/ada".to_owned()));
}

#[tokio::test]
async fn a_password_change_that_is_refused_says_why_and_changes_nothing() {
    let house = House::new();
    let mut browser = Browser::signed_in(&house).await;
    for (current, new, again, expected) in [
        ("wrong", NEW, NEW, "The current password is wrong."),
        ("", NEW, NEW, "The current password is wrong."),
        (RIGHT, NEW, "copper lantern", "The two new passwords are not the same."),
        (RIGHT, RIGHT, RIGHT, "The new password is the same as the current one."),
        (RIGHT, "short", "short", "The password is too short"),
        (RIGHT, "password1", "password1", "too easy to guess"),
        (RIGHT, "", "", "The password is empty."),
    ] {
        let reply = change(&mut browser, &house, current, new, again).await;
        assert_eq!(reply.status, 422, "{expected}");
        assert!(reply.text.contains(expected), "{expected}: {}", reply.text);
        assert!(!reply.text.contains(RIGHT) && !reply.text.contains(NEW), "{expected}");
    }
    let fields = [("csrf", "forged"), ("current", RIGHT), ("new", NEW), ("again", NEW)];
    assert_eq!(browser.post(&house, "account/password", &fields).await.status, 403);
    assert!(browser.is_signed_in(&house).await);
    assert_eq!(Browser::default().login(&house, "ada", RIGHT).await.status, 303);
    assert!(house.audited().contains(&"password-change/wrong-password/ada".to_owned()));
}

const SETUP: [(&str, &str); 3] = [("username", "Root"), ("password", NEW), ("again", NEW)];

/// A browser that has opened the link, and the fields that make the first user.
async fn open_link(house: &House, link: &str) -> (Browser, Vec<(String, String)>) {
    let mut browser = Browser::default();
    let form = browser.get(house, link).await;
    assert_eq!(form.status, 200);
    let mut fields = vec![("csrf".into(), form.hidden("csrf")), ("token".into(), form.hidden("token"))];
    fields.extend(SETUP.map(|(name, value)| (name.to_owned(), value.to_owned())));
    (browser, fields)
}

async fn submit(browser: &mut Browser, house: &House, fields: &[(String, String)]) -> Reply {
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(house, "setup", &fields).await
}

async fn link(house: &House) -> String {
    let link = house.portal.setup_link().await.unwrap().expect("there is no user yet");
    link.strip_prefix("/.gateway/").unwrap().to_owned()
}

#[tokio::test]
async fn the_set_up_link_makes_one_superuser_and_signs_them_in() {
    let house = House::empty();
    let link = link(&house).await;
    let (mut browser, fields) = open_link(&house, &link).await;
    assert_eq!(submit(&mut browser, &house, &fields).await.location(), "/.gateway/account");
    let page = browser.get(&house, "account").await;
    assert!(page.text.contains("Superuser") && page.text.contains("You are the first superuser."));
    let account = house.directory.account_by_name(&name("root")).await.unwrap().unwrap();
    assert!(account.user.superuser && account.active);
    assert_eq!(house.audited(), ["setup/ok/root", "sign-in/ok/root"]);
    // One use.
    assert_eq!(browser.get(&house, &link).await.status, 404);
    assert_eq!(submit(&mut browser, &house, &fields).await.status, 404);
    assert!(house.portal.setup_link().await.unwrap().is_none());
}

#[tokio::test]
async fn a_refused_set_up_says_why_and_the_link_stays_good() {
    let house = House::empty();
    let (mut browser, fields) = open_link(&house, &link(&house).await).await;
    for (field, value, expected) in [
        ("username", "a b", "cannot stand in a name"),
        ("username", "", "A name needs at least one character."),
        ("again", "x", "The two passwords are not the same."),
        ("csrf", "x", "This form had expired."),
    ] {
        let mut fields = fields.clone();
        fields.iter_mut().find(|(name, _)| name == field).unwrap().1 = value.into();
        let reply = submit(&mut browser, &house, &fields).await;
        assert!([403, 422].contains(&reply.status) && reply.text.contains(expected), "{}", reply.text);
    }
    assert_eq!(submit(&mut browser, &house, &fields).await.status, 303);
}

#[tokio::test]
async fn without_a_good_link_there_is_no_set_up_page() {
    let house = House::empty();
    let mut browser = Browser::default();
    let nothing_open = browser.get(&house, "setup?token=x").await;
    let unknown = browser.get(&house, "unknown").await;
    assert_eq!((nothing_open.status, &nothing_open.text), (404, &unknown.text));

    let old = link(&house).await;
    let good = link(&house).await;
    let (mut late, fields) = open_link(&house, &good).await;
    for wrong in
        ["setup", "setup?token=", "setup?token=x", &old, &format!("{good}x"), &format!("{good}&token=x")]
    {
        let reply = browser.get(&house, wrong).await;
        assert_eq!((reply.status, &reply.text), (404, &unknown.text), "{wrong}");
    }
    assert!(house.audited().contains(&"setup/wrong-link/-".to_owned()));
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(browser.get(&house, &good).await.status, 404);
    assert_eq!(submit(&mut late, &house, &fields).await.status, 404);
    assert!(!house.directory.has_users().await.unwrap());
}

#[tokio::test]
async fn of_two_who_use_the_link_at_once_one_wins() {
    let house = House::with(Box::new(MemoryStore::new(10)), QUICK, |_| ());
    let link = link(&house).await;
    let (mut one, fields_of_one) = open_link(&house, &link).await;
    let (mut other, mut fields_of_other) = open_link(&house, &link).await;
    fields_of_other.iter_mut().find(|(name, _)| name == "username").unwrap().1 = "mallory".into();
    let (first, second) =
        future::join(submit(&mut one, &house, &fields_of_one), submit(&mut other, &house, &fields_of_other))
            .await;
    let mut both = [first.status, second.status];
    both.sort_unstable();
    assert_eq!(both, [303, 404]);
    assert_ne!(one.is_signed_in(&house).await, other.is_signed_in(&house).await);
}

#[tokio::test]
async fn unknown_pages_and_methods_are_refused_and_head_is_get() {
    let house = House::new();
    let mut browser = Browser::default();
    for unknown in ["unknown", "login/", "Login", "account/", "style-0.css", "verify/x", "../login"] {
        assert_eq!(browser.get(&house, unknown).await.status, 404, "{unknown}");
    }
    for (method, page, allow) in [
        (Method::POST, "", "GET, HEAD"),
        (Method::PUT, "login", "GET, HEAD, POST"),
        (Method::DELETE, "logout", "GET, HEAD, POST"),
        (Method::OPTIONS, "account/password", "GET, HEAD, POST"),
        (Method::POST, "account", "GET, HEAD"),
        (Method::GET, "account/sessions", "POST"),
        (Method::PUT, "confirm", "GET, HEAD, POST"),
        (Method::POST, "whoami", "GET, HEAD"),
    ] {
        let reply = browser.send(&house, method, page, NAVIGATION, "").await;
        assert_eq!((reply.status, reply.header("allow")), (405, allow), "{page}");
    }
    for page in ["login", "logout", "account", "whoami"] {
        let mut browser = Browser::default();
        let head = browser.send(&house, Method::HEAD, page, NAVIGATION, "").await;
        assert_eq!(head.status, browser.get(&house, page).await.status, "{page}");
    }
}

#[tokio::test]
async fn when_too_many_sign_in_at_once_the_answer_says_so_at_once_and_keeps_the_name() {
    // One check runs, two wait; all take far longer than telling the others that there is no room.
    let slow = HashSettings { memory: 19_456, iterations: 40, parallelism: 1 };
    let house = House::with(Box::new(MemoryStore::new(10)), slow, House::people);
    let attempts =
        (0..4).map(|_| async { Browser::default().login(&house, "ada", RIGHT).await }.boxed_local());
    let (reply, _, _) = future::select_all(attempts).await;
    assert_eq!(reply.status, 503);
    assert!(reply.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(reply.text.contains("value=\"ada\"") && reply.text.contains("Please try again in"));
    assert!(house.audited().contains(&"sign-in-failed/busy/-".to_owned()));
}

/// A store that opens sessions but can end none.
#[derive(Debug)]
struct Unforgetting(MemoryStore);

impl SessionStore for Unforgetting {
    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.0.find(key)
    }

    fn insert(&self, new: NewSession) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        self.0.insert(new)
    }

    fn remove(&self, _: Which) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        let source = std::io::Error::other("the disk of secrets.example is full");
        future::ready(Err(StoreError::new("removing", source))).boxed()
    }

    fn list(
        &self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        self.0.list(of, after, most)
    }

    fn change_data(
        &self,
        key: SessionKey,
        app: Arc<str>,
        change: DataChange,
    ) -> BoxFuture<'_, Result<Option<Result<AppData, DataRefused>>, StoreError>> {
        self.0.change_data(key, app, change)
    }

    fn note_use(&self, key: SessionKey, at: Timestamp) {
        self.0.note_use(key, at);
    }

    fn prune(&self, now: Timestamp, idle_since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.0.prune(now, idle_since)
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.check()
    }

    fn trust(&self) -> Trust {
        self.0.trust()
    }
}

#[tokio::test]
async fn a_sign_out_that_the_store_did_not_take_is_not_acknowledged() {
    let house = House::with(Box::new(Unforgetting(MemoryStore::new(10))), QUICK, |store| {
        let hash = Passwords::hash_now(QUICK, &Password::new(RIGHT.into()));
        store.add(NewUser { password: Some(hash), ..NewUser::named(name("ada")) }).unwrap();
    });
    let mut browser = Browser::signed_in(&house).await;
    let csrf = browser.csrf(&house, "logout").await;
    let reply = browser.post(&house, "logout", &[("csrf", &csrf)]).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(browser.session().is_some(), "the browser keeps the cookie, so that it can try again");
    for end in ["others", "everywhere"] {
        let reply = browser.post(&house, "account/sessions", &[("csrf", &csrf), ("end", end)]).await;
        assert_eq!((reply.status, browser.session().is_some()), (503, true), "{end}");
    }
    assert!(!reply.text.contains("secrets.example"));
    assert_eq!(house.audited(), ["sign-in/ok/ada"]);
}

#[tokio::test]
async fn nothing_of_a_session_or_password_is_kept_readable_on_the_disk() {
    let house = House::new();
    let mut browser = Browser::signed_in(&house).await;
    change(&mut browser, &house, RIGHT, NEW, NEW).await;
    let token = browser.session().unwrap().clone();
    let files = fs::read_dir(house.temp.path()).unwrap().map(|entry| entry.unwrap().path());
    let bytes: Vec<u8> = files.flat_map(|path| fs::read(path).unwrap()).collect();
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("$argon2id$"), "the password is elsewhere");
    for secret in [token.as_str(), RIGHT, NEW] {
        assert!(!has(secret));
    }
}
