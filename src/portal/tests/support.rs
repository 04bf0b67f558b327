//! A portal without sockets, and a browser that keeps cookies: users in a temporary folder, sessions in memory, and a
//! clock that the test moves.

use std::{collections::BTreeMap, error::Error, net::Ipv4Addr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{CONTENT_TYPE, COOKIE, SET_COOKIE},
};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tempfile::TempDir;

use crate::{
    auth::{Backends, Local, SetupLink, SignIn},
    clock::{Clock, Timestamp},
    identity::{GroupName, Permission, UserName},
    pages::Pages,
    portal::{AccountSettings, AuthenticatorNames, PageRequest, PasskeySettings, Portal, Settings},
    request::{ClientAddr, Ports},
    session::{
        MemoryStore, Owner, Presented, SessionLimits, SessionStore, SessionToken, Sessions, StoreError,
        cookie::{self, CookieNames},
    },
    telemetry::{Audit, CapturedLog, Format, LogWriter},
    throttle::{self, Throttle},
    users::{ByHand, Directory, HashSettings, NewUser, Password, Passwords, UserStore},
};

pub(super) const SESSION_COOKIE: &str = "__Host-Http-portcullis";
pub(super) const FORM_COOKIE: &str = "__Host-Http-portcullis-form";
pub(super) const FLASH_COOKIE: &str = "__Host-Http-portcullis-notice";
pub(super) const DEVICE_COOKIE: &str = "__Host-Http-portcullis-device";
pub(super) const HOST: &str = "wiki.example.com";
pub(super) const RIGHT: &str = "velvet turbine oyster";
pub(super) const NEW: &str = "copper lantern meadow";
pub(super) const QUICK: HashSettings = HashSettings { memory: 64, iterations: 1, parallelism: 1 };
pub(super) const START: Timestamp = Timestamp::from_millis(1_791_273_600_000);

pub(super) struct Fixture {
    pub(super) portal: Portal,
    pub(super) sessions: Arc<Sessions>,
    pub(super) directory: Arc<Directory>,
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) log: LogWriter,
    pub(super) logged: CapturedLog,
    pub(super) temp: TempDir,
}

impl Fixture {
    /// With ada, who may sign in, dora, who is disabled, and nora, who has no password.
    pub(super) fn new() -> Self {
        Self::with(Box::new(MemoryStore::new(1000)), QUICK, Self::people)
    }

    /// With the same users; each password is checked when the test says so.
    pub(super) fn by_hand() -> (Self, ByHand) {
        let (passwords, by_hand) = Passwords::by_hand(QUICK, 64);
        (Self::checking(passwords, Box::new(MemoryStore::new(1000)), Self::people), by_hand)
    }

    pub(super) fn people(store: &mut UserStore) {
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

    pub(super) fn empty() -> Self {
        Self::with(Box::new(MemoryStore::new(1000)), QUICK, |_| ())
    }

    pub(super) fn with(
        store: Box<dyn SessionStore>,
        hashing: HashSettings,
        fill: impl FnOnce(&mut UserStore),
    ) -> Self {
        Self::checking(Passwords::start(hashing, 1, 2), store, fill)
    }

    pub(super) fn checking(
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
        let logged = CapturedLog::default();
        let log = LogWriter::start(logged.clone()).unwrap();
        let audit = Audit::new(log.clone(), Format::Json, clock.clone());
        let throttle = Throttle::forgetful(clock.clone()).unwrap();
        let local = Local::new(Arc::clone(&directory), Arc::clone(&passwords));
        let sign_in = SignIn::new(local, Arc::clone(&directory), throttle, audit.clone(), clock.clone());
        let sign_in = Arc::new(sign_in);
        let setup = SetupLink::new(Arc::clone(&directory), audit.clone(), clock.clone());
        let portal = Portal::new(sign_in, setup, passwords, Arc::clone(&sessions), audit, clock.clone());
        let settings = Settings {
            sessions: SessionLimits {
                lifetime: Duration::from_hours(12),
                idle_timeout: Duration::from_hours(1),
                remember_lifetime: None,
                browser_session: false,
                max_per_user: None,
            },
            portal_host: None,
            accounts: AccountSettings::default(),
            cookies: CookieNames::default(),
            throttle: throttle::ThrottleLimits::default(),
            backends: Backends::local(),
            pages: Pages::new(),
            fields: crate::users::UserFields::default(),
            sends_mail: false,
            named_users: Arc::default(),
            origin: "https://wiki.example.com".into(),
            groups: Arc::new(BTreeMap::from([(
                GroupName::parse("staff").unwrap(),
                vec![Permission::parse("wiki.edit").unwrap(), Permission::parse("reports.view").unwrap()],
            )])),
            tokens: crate::users::TokenRules::default(),
        };
        Self { portal, sessions, directory, settings, clock, log, logged, temp }
    }

    pub(super) fn audit(&self) -> Vec<serde_json::Value> {
        assert!(self.log.flush(Duration::from_secs(20)));
        let text = self.logged.text();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// `event/reason/user` of each audit line.
    pub(super) fn audited(&self) -> Vec<String> {
        let word = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
        let brief = |line: &serde_json::Value| {
            format!("{}/{}/{}", word(&line["event"]), word(&line["reason"]), word(&line["user"]))
        };
        self.audit().iter().map(brief).collect()
    }
}

/// Passkeys of this host, also as the only proof.
pub(super) fn passkeys() -> PasskeySettings {
    PasskeySettings {
        rp_id: HOST.into(),
        hosts: vec![HOST.into()],
        related_hosts: Vec::new(),
        first_factor: true,
        authenticators: AuthenticatorNames::default(),
    }
}

pub(super) fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

#[derive(Clone, Default)]
pub(super) struct Browser {
    pub(super) cookies: BTreeMap<String, String>,
    /// The host that it visits; [`HOST`] if none is named.
    pub(super) host: Option<&'static str>,
}

pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.text);
        self.header("location")
    }

    pub(super) fn hidden(&self, name: &str) -> String {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\" value=\"")).expect("a hidden field");
        rest.split('"').next().unwrap().to_owned()
    }
}

/// Header fields of a request besides the cookies.
pub(super) type Extra<'a> = &'a [(&'static str, &'a str)];

pub(super) const NAVIGATION: Extra<'_> =
    &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("sec-fetch-site", "same-origin")];

impl Browser {
    pub(super) async fn send(
        &mut self,
        fixture: &Fixture,
        method: Method,
        target: &str,
        extra: Extra<'_>,
        body: &str,
    ) -> Reply {
        self.send_body(fixture, method, target, extra, Full::new(Bytes::from(body.to_owned()))).await
    }

    /// Sends a request with this body.
    pub(super) async fn send_body<B>(
        &mut self,
        fixture: &Fixture,
        method: Method,
        target: &str,
        extra: Extra<'_>,
        body: B,
    ) -> Reply
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
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
        let presented = if cookie::read(&headers, SESSION_COOKIE) == cookie::CookieValue::Absent {
            Presented::Absent
        } else {
            let token = cookie::find(&headers, SESSION_COOKIE).and_then(SessionToken::from_cookie);
            fixture
                .sessions
                .present(token.as_ref(), fixture.clock.now(), &fixture.settings.sessions)
                .await
                .unwrap()
        };
        let account = match &presented {
            Presented::Alive(session) => match session.owner {
                Owner::User { id, credential } => fixture
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
        let request = PageRequest {
            method: &method,
            page,
            query,
            headers: &headers,
            host: self.host.unwrap_or(HOST),
            ports: Ports { listener: 443, public: None },
            header_size: 32 << 10,
            max_form_bytes: 40 << 10,
            client_addr: ClientAddr::Known(Ipv4Addr::LOCALHOST.into()),
            request_id: "r-1",
            presented: &presented,
            account: account.as_ref(),
            apps: &[],
            language: fixture.settings.pages.language_for(&headers),
            settings: &fixture.settings,
        };
        let response = fixture.portal.respond(request, body).await;
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

    pub(super) async fn get(&mut self, fixture: &Fixture, target: &str) -> Reply {
        self.send(fixture, Method::GET, target, NAVIGATION, "").await
    }

    pub(super) async fn post(&mut self, fixture: &Fixture, page: &str, fields: &[(&str, &str)]) -> Reply {
        self.send(fixture, Method::POST, page, NAVIGATION, &encode(fields)).await
    }

    pub(super) async fn login(&mut self, fixture: &Fixture, username: &str, password: &str) -> Reply {
        let form = self.get(fixture, "login?next=/wiki").await;
        let (csrf, next) = (form.hidden("csrf"), "/wiki");
        let fields =
            [("csrf", csrf.as_str()), ("next", next), ("username", username), ("password", password)];
        self.post(fixture, "login", &fields).await
    }

    pub(super) async fn signed_in(fixture: &Fixture) -> Self {
        let mut browser = Self::default();
        assert_eq!(browser.login(fixture, "ada", RIGHT).await.location(), "/wiki");
        browser
    }

    pub(super) async fn is_signed_in(&mut self, fixture: &Fixture) -> bool {
        let reply = self.get(fixture, "whoami").await;
        serde_json::from_str::<serde_json::Value>(&reply.text).unwrap()["authenticated"] == true
    }

    pub(super) async fn csrf(&mut self, fixture: &Fixture, page: &str) -> String {
        self.get(fixture, page).await.hidden("csrf")
    }

    pub(super) fn session(&self) -> Option<&String> {
        self.cookies.get(SESSION_COOKIE)
    }
}

pub(super) fn encode(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
