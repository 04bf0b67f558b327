//! API tokens: how they are carried, what they open, and when they end.

use std::time::Duration;

use data_encoding::{BASE64, BASE64URL};
use portcullis::{
    identity::{Scope, ScopePath, UserName},
    users::{ApiToken, NewToken, TokenId, TokenLimits, UserStore},
};

use crate::support::{
    client::RawClient,
    gateway::{TestGateway, quick_hash},
    in_process::InProcess,
    process::until,
    upstream::{Event, Upstream},
};

const APPS: &str = "[[app]]\nname = \"wiki\"\nupstream = \"builtin:whoami\"\nprograms = { tokens = true }\n\
                    [[app.rule]]\npath = \"/staff/**\"\nallow = { group = \"staff\" }\n\
                    [[app.rule]]\npath = \"/open/**\"\nallow = \"anyone\"\n\
                    [[app.rule]]\npath = \"/recent/**\"\nallow = \"authenticated\"\nmax_age = \"10m\"\n\
                    [[app]]\nname = \"shop\"\npath = \"/shop\"\nupstream = \"builtin:whoami\"\nprograms = { tokens = true }\n\
                    [[app]]\nname = \"closed\"\npath = \"/closed\"\nupstream = \"builtin:whoami\"\n\
                    [[app.rule]]\npath = \"/closed/open\"\nallow = \"anyone\"\n";
const GROUPS: &str = "[groups]\nstaff = []\n";

fn gateway() -> InProcess {
    let gateway = InProcess::start_with(GROUPS, APPS);
    gateway.add_user("alice", &["staff"]);
    gateway
}

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

/// A token of a day for a user.
fn token(gateway: &InProcess, owner: &str, limits: TokenLimits) -> ApiToken {
    let expires = gateway.clock.now() + Duration::from_hours(24);
    let new = NewToken { name: "test".to_owned(), expires, limits };
    let (account, token) = gateway.users().add_token(&name(owner), &new).unwrap();
    let (id, made) = (account.user.id, account.tokens.last().unwrap().id);
    until("the gateway notices the token", || {
        let cached = gateway.shared.directory.cached(id);
        cached.is_none_or(|account| account.tokens.iter().any(|token| token.id == made))
    });
    token
}

fn scoped(scope: Scope) -> TokenLimits {
    TokenLimits { scope, ..TokenLimits::default() }
}

fn bearer(token: &ApiToken) -> String {
    format!("Bearer {}", token.expose())
}

fn basic(user: &str, token: &ApiToken) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{}", token.expose()).as_bytes()))
}

fn only_token(users: &UserStore, owner: &str) -> TokenId {
    users.find_by_name(&name(owner)).unwrap().unwrap().tokens[0].id
}

#[test]
fn a_token_opens_an_app_as_its_owner_and_does_not_reach_it() {
    let mut gateway = gateway();
    let token = token(&gateway, "alice", TokenLimits::default());
    for value in [bearer(&token), basic("alice", &token), basic("anybody", &token), basic("", &token)] {
        let response = gateway.get("/staff/x", &[("authorization", &value), ("remote-user", "root")]);
        assert_eq!(response.status, 200, "{value} {}", response.body);
        assert_eq!(response.received("remote-user"), ["alice"]);
        assert_eq!(response.received("remote-groups"), ["staff"]);
        assert!(response.received("authorization").is_empty(), "{}", response.body);
        assert!(!response.body.contains("ptc_"), "{}", response.body);
    }
    let log = format!("{:?}", gateway.log());
    assert!(log.contains("alice") && !log.contains("ptc_"), "{log}");
}

#[test]
fn a_wrong_token_is_refused_whatever_else_comes() {
    let mut gateway = gateway();
    gateway.add_user("bob", &[]);
    let token = token(&gateway, "alice", TokenLimits::default());
    let session = gateway.session_of("alice");
    let text = token.expose();
    let other = if text.ends_with('x') { 'y' } else { 'x' };
    let with_wrong_checksum = format!("{}{other}", &text[..text.len() - 1]);
    for wrong in ["ptc_", "ptc_1t1_x", &text[..30], &with_wrong_checksum, &text.to_uppercase()] {
        for path in ["/staff/x", "/open/x"] {
            let value = format!("Bearer {wrong}");
            let response = gateway.get(path, &[("authorization", &value), ("cookie", &session)]);
            let expected = if wrong.starts_with("ptc_") { 401 } else { 200 };
            assert_eq!(response.status, expected, "{path} {wrong}");
        }
    }
    let two = gateway.get("/open/x", &[("authorization", &bearer(&token)), ("authorization", "Basic eDp5")]);
    assert_eq!(two.status, 400);
}

#[test]
fn a_well_formed_token_with_another_secret_another_number_or_another_owner_is_refused() {
    let elsewhere = gateway();
    let mut gateway = gateway();
    let own = token(&gateway, "alice", TokenLimits::default());
    let with_another_secret = token(&elsewhere, "alice", TokenLimits::default());
    let numbers = |token: &ApiToken| token.expose().split('_').nth(1).map(str::to_owned);
    assert_eq!(numbers(&own), numbers(&with_another_secret), "both gateways number from one");
    let with_another_number = token(&elsewhere, "alice", TokenLimits::default());
    elsewhere.add_user("bob", &[]);
    let with_another_owner = token(&elsewhere, "bob", TokenLimits::default());
    for wrong in [with_another_secret, with_another_number, with_another_owner] {
        for value in [bearer(&wrong), basic("alice", &wrong)] {
            for path in ["/staff/x", "/open/x"] {
                let response = gateway.get(path, &[("authorization", &value)]);
                assert_eq!(response.status, 401, "{path} {value}");
            }
        }
    }
    assert_eq!(gateway.forwarded(), 0);
    assert_eq!(gateway.get("/staff/x", &[("authorization", &bearer(&own))]).status, 200);
}

#[test]
fn a_token_never_reaches_an_app_that_takes_none() {
    let mut gateway = gateway();
    let token = token(&gateway, "alice", TokenLimits::default());
    let session = gateway.session_of("alice");
    for value in [bearer(&token), basic("alice", &token), format!("token {}", token.expose())] {
        for path in ["/closed/x", "/closed/open"] {
            let response = gateway.get(path, &[("authorization", &value), ("cookie", &session)]);
            assert_eq!(response.status, 401, "{path} {value}");
        }
    }
    assert_eq!(gateway.forwarded(), 0);
}

/// An application may read what the gateway cannot: a name in Latin-1, base64 of another alphabet or with dirt in it.
#[test]
fn a_token_in_an_unusual_basic_credential_reaches_no_app() {
    let mut gateway = gateway();
    let token = token(&gateway, "alice", TokenLimits::default());
    let latin1 = BASE64.encode(&[b"zo\xeb:", token.expose().as_bytes()].concat());
    // `//46`, or `__46` in the alphabet for addresses.
    let url_safe = BASE64URL.encode(&[b"\xff\xfe:", token.expose().as_bytes()].concat());
    let (start, end) = latin1.split_at(9);
    for value in
        [latin1.clone(), url_safe, format!("{start}!{end}"), format!("{start} {end}"), format!("{latin1}A")]
    {
        for path in ["/staff/x", "/closed/open"] {
            let response = gateway.get(path, &[("authorization", &format!("Basic {value}"))]);
            assert_eq!(response.status, 401, "{path} {value}");
        }
    }
    assert_eq!(gateway.forwarded(), 0);
}

#[test]
fn an_authorization_of_the_app_passes_untouched_beside_a_session() {
    let mut gateway = gateway();
    let session = gateway.session_of("alice");
    for value in ["Basic eDp5", "Bearer eyJhbGciOiJub25lIn0.e30.", "Negotiate abc"] {
        let response = gateway.get("/staff/x", &[("authorization", value), ("cookie", &session)]);
        assert_eq!((response.status.as_u16(), response.received("authorization")), (200, vec![value]));
    }
}

#[test]
fn a_token_wins_over_a_cookie() {
    let mut gateway = gateway();
    gateway.add_user("bob", &[]);
    let token = token(&gateway, "alice", TokenLimits::default());
    let session = gateway.session_of("bob");
    let response = gateway.get("/", &[("authorization", &bearer(&token)), ("cookie", &session)]);
    assert_eq!(response.received("remote-user"), ["alice"]);
    assert!(response.headers.get("set-cookie").is_none(), "{:?}", response.headers);
}

#[test]
fn a_token_may_do_what_its_scope_and_its_owner_may() {
    let mut gateway = gateway();
    gateway.add_user("bob", &[]);
    let of = |apps: &[&str], paths: &[&str], methods: &[&str]| {
        scoped(Scope {
            apps: apps.iter().map(|app| (*app).into()).collect(),
            paths: paths.iter().map(|path| ScopePath::parse(path).unwrap()).collect(),
            methods: methods.iter().map(|method| (*method).into()).collect(),
        })
    };
    let cases = [
        ("alice", of(&["wiki"], &[], &[]), [("GET /staff/x", 200), ("GET /shop/x", 403), ("POST /", 200)]),
        (
            "alice",
            of(&[], &["/staff/**"], &[]),
            [("GET /staff/x", 200), ("GET /", 403), ("GET /STAFF/x", 403)],
        ),
        ("alice", of(&[], &[], &["GET"]), [("HEAD /", 200), ("POST /", 403), ("OPTIONS /", 403)]),
        (
            "alice",
            of(&[], &["/staff/**"], &["GET"]),
            [("GET /staff//../open", 400), ("GET /staff/%2e%2e/x", 400), ("GET /staff;x/y", 403)],
        ),
        ("bob", of(&[], &["/staff/**"], &[]), [("GET /staff/x", 403), ("GET /", 403), ("GET /open/x", 403)]),
        ("bob", of(&["shop"], &[], &[]), [("GET /shop/", 200), ("GET /SHOP/", 403), ("GET /open/x", 403)]),
    ];
    for (owner, limits, requests) in cases {
        let token = token(&gateway, owner, limits.clone());
        for (request, status) in requests {
            let (method, path) = request.split_once(' ').unwrap();
            let fields = [("authorization", &*bearer(&token))];
            let response = gateway.send(&method.parse().unwrap(), path, &fields, "");
            assert_eq!(response.status, status, "{owner} {limits:?} {request} {}", response.body);
            let is_told = response.body.contains("The credential is valid, but");
            assert_eq!(is_told, status == 403, "{request} {}", response.body);
        }
    }
}

#[test]
fn a_token_ends_with_its_time_its_owner_and_its_revocation() {
    let mut gateway = gateway();
    let token = token(&gateway, "alice", TokenLimits::default());
    let value = bearer(&token);
    let status =
        |gateway: &mut InProcess, path: &str| gateway.get(path, &[("authorization", &value)]).status.as_u16();
    assert_eq!(status(&mut gateway, "/staff/x"), 200);
    let mut users = gateway.users();
    // The running gateway looks for changes of other processes a few times a second.
    users.update(&name("alice"), &ungrouped()).unwrap();
    until("the group is gone", || status(&mut gateway, "/staff/x") == 403);
    assert_eq!(status(&mut gateway, "/"), 200);
    users.set_active(&name("alice"), false).unwrap();
    until("the owner is disabled", || status(&mut gateway, "/") == 401);
    users.set_active(&name("alice"), true).unwrap();
    until("the owner is enabled", || status(&mut gateway, "/") == 200);
    gateway.clock.advance(Duration::from_hours(23));
    assert_eq!(status(&mut gateway, "/"), 200);
    gateway.clock.advance(Duration::from_hours(1));
    assert_eq!(status(&mut gateway, "/"), 401, "a day is over");
}

fn ungrouped() -> portcullis::users::UserChange {
    portcullis::users::UserChange {
        groups: portcullis::users::ListChange { replace: Some(Vec::new()), ..Default::default() },
        ..Default::default()
    }
}

#[test]
fn a_revoked_token_opens_nothing_on_any_gateway() {
    let mut one = gateway();
    let mut other = InProcess::start_beside(&one, GROUPS, APPS);
    let token = token(&one, "alice", TokenLimits::default());
    let value = bearer(&token);
    for gateway in [&mut one, &mut other] {
        assert_eq!(gateway.get("/", &[("authorization", &value)]).status, 200);
    }
    let mut users = one.users();
    let id = only_token(&users, "alice");
    users.revoke_token(&name("alice"), id).unwrap();
    for gateway in [&mut one, &mut other] {
        until("the token is refused", || gateway.get("/", &[("authorization", &value)]).status == 401);
    }
}

#[test]
fn a_new_password_ends_tokens_where_that_is_configured() {
    let mut gateway = gateway();
    let token = token(&gateway, "alice", TokenLimits::default());
    let value = bearer(&token);
    let mut users = gateway.users();
    users.set_password(&name("alice"), &quick_hash("another horse")).unwrap();
    let later = self::token(&gateway, "alice", TokenLimits::default());
    assert_eq!(gateway.get("/", &[("authorization", &value)]).status, 200);
    gateway.reload(&format!("{GROUPS}[tokens]\nend_with_password = true\n"), APPS);
    assert_eq!(gateway.get("/", &[("authorization", &value)]).status, 401);
    assert_eq!(gateway.get("/", &[("authorization", &bearer(&later))]).status, 200);
}

#[test]
fn a_token_of_a_network_is_refused_from_elsewhere() {
    let mut gateway = gateway();
    let of = |network: &str| TokenLimits { networks: vec![network.parse().unwrap()], ..Default::default() };
    let (here, elsewhere) =
        (token(&gateway, "alice", of("127.0.0.0/8")), token(&gateway, "alice", of("10.0.0.0/8")));
    assert_eq!(gateway.get("/", &[("authorization", &bearer(&here))]).status, 200);
    assert_eq!(gateway.get("/", &[("authorization", &bearer(&elsewhere))]).status, 401);
}

#[test]
fn no_token_passes_a_rule_that_asks_for_a_recent_proof() {
    let mut gateway = gateway();
    for multi_factor in [false, true] {
        let token = token(&gateway, "alice", TokenLimits { multi_factor, ..Default::default() });
        assert_eq!(gateway.get("/recent/x", &[("authorization", &bearer(&token))]).status, 403);
    }
    let session = gateway.session_of("alice");
    assert_eq!(gateway.get("/recent/x", &[("cookie", &session)]).status, 200);
}

#[test]
fn a_rule_with_two_factors_passes_only_a_token_that_was_made_with_two() {
    let apps = "[[app]]\nname = \"wiki\"\nupstream = \"builtin:whoami\"\nprograms = { tokens = true, basic = true }\n\
                [[app.rule]]\npath = \"/two/**\"\nallow = \"authenticated\"\nfactors = 2\n\
                [[app.rule]]\npath = \"/listed/**\"\nallow = \"authenticated\"\nfactors = [\"passkey\"]\n\
                [[app.rule]]\npath = \"/fresh/**\"\nallow = \"authenticated\"\nfactors = 2\nmax_age = \"10m\"\n";
    let mut gateway = InProcess::start_with(GROUPS, apps);
    gateway.add_user("alice", &[]);
    let marked = token(&gateway, "alice", TokenLimits { multi_factor: true, ..Default::default() });
    let plain = token(&gateway, "alice", TokenLimits::default());
    let password = format!("Basic {}", BASE64.encode(b"alice:correct horse alice"));
    for (path, marked_status) in [("/two/x", 200), ("/listed/x", 403), ("/fresh/x", 403)] {
        assert_eq!(gateway.get(path, &[("authorization", &bearer(&marked))]).status, marked_status, "{path}");
        assert_eq!(gateway.get(path, &[("authorization", &bearer(&plain))]).status, 403, "{path}");
        assert_eq!(gateway.get(path, &[("authorization", &password)]).status, 403, "{path}");
    }
}

#[test]
fn the_gateways_own_pages_refuse_every_token() {
    let mut gateway = gateway();
    let token = token(&gateway, "alice", TokenLimits::default());
    let session = gateway.session_of("alice");
    for page in
        ["", "login", "logout", "account", "account/password", "account/tokens", "whoami", "apps", "nothing"]
    {
        for value in [bearer(&token), basic("alice", &token)] {
            for method in ["GET", "POST"] {
                for cookie in ["", &session] {
                    let fields = [("authorization", &*value), ("cookie", cookie)];
                    let path = format!("/.gateway/{page}");
                    let response = gateway.send(&method.parse().unwrap(), &path, &fields, "");
                    assert_eq!(response.status, 403, "{method} {path} {}", response.body);
                }
            }
        }
    }
}

#[test]
fn an_account_of_a_machine_acts_by_token_and_signs_in_nowhere() {
    let mut gateway = gateway();
    let mut users = gateway.users();
    let new =
        portcullis::users::NewUser { machine: true, ..portcullis::users::NewUser::named(name("backup")) };
    let account = users.add(new).unwrap();
    let hash = quick_hash("correct horse backup");
    assert!(users.set_password(&name("backup"), &hash).is_err());
    assert!(account.identity(account.credential).is_none(), "it has no sessions");
    let token = token(&gateway, "backup", TokenLimits::default());
    let response = gateway.get("/", &[("authorization", &bearer(&token))]);
    assert_eq!(response.received("remote-user"), ["backup"]);
    let session = gateway.session_of("backup");
    assert_eq!(gateway.get("/", &[("cookie", &session)]).status, 401);
}

#[test]
fn the_time_of_the_last_use_is_written_to_the_minute() {
    let mut gateway = gateway();
    let token = token(&gateway, "alice", TokenLimits::default());
    let users = gateway.users();
    let last_used = || users.find_by_name(&name("alice")).unwrap().unwrap().tokens[0].last_used.at();
    assert_eq!(last_used(), None);
    gateway.get("/", &[("authorization", &bearer(&token))]);
    until("the use is written", || last_used().is_some());
    let first = last_used().unwrap();
    assert!(gateway.clock.now().since(first) < Duration::from_mins(1));
    gateway.clock.advance(Duration::from_mins(5));
    gateway.get("/", &[("authorization", &bearer(&token))]);
    until("the later use is written", || last_used().unwrap() > first);
}

#[test]
fn a_program_without_a_credential_is_told_how_to_send_one_and_a_browser_is_not() {
    let mut gateway = gateway();
    let response = gateway.get("/", &[]);
    assert_eq!(response.status, 401);
    assert!(response.header("www-authenticate").starts_with("Basic realm="), "{:?}", response.headers);
    for browser in [("sec-fetch-mode", "cors"), ("origin", "https://localhost")] {
        let response = gateway.get("/", &[browser]);
        assert_eq!((response.status.as_u16(), response.header("www-authenticate")), (401, ""));
    }
    assert_eq!(gateway.get("/closed/x", &[]).header("www-authenticate"), "");
    let navigation = [("accept", "text/html"), ("sec-fetch-mode", "navigate")];
    let response = gateway.get("/", &navigation);
    assert_eq!((response.status.as_u16(), response.header("www-authenticate")), (303, ""));
}

#[test]
fn a_request_that_takes_long_ends_when_the_app_takes_no_tokens_any_more() {
    let upstream = Upstream::scripted(|conn| {
        conn.request()?;
        conn.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")?;
        conn.until_close();
        conn.note("closed");
        Ok(())
    });
    let apps =
        |programs: &str| format!("[[app]]\nname = \"wiki\"\nupstream = {:?}\n{programs}", upstream.url);
    let gateway = TestGateway::start(&apps("programs = { tokens = true }\n"));
    gateway.add_user("alice", &[]);
    let expires = gateway.clock.now() + Duration::from_hours(24);
    let new = NewToken { name: "test".to_owned(), expires, limits: TokenLimits::default() };
    let token = gateway.users().add_token(&name("alice"), &new).unwrap().1;
    let mut client = RawClient::connect(&gateway);
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\r\n", bearer(&token));
    client.send(head.as_bytes());
    assert!(client.head().unwrap().starts_with("HTTP/1.1 200"));
    gateway.reload("", &apps(""));
    while !matches!(upstream.event(), Event::Note(note) if note == "closed") {}
}
