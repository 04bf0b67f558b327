//! Names and passwords by `Authorization: Basic`: throttled like the form, hashed once a minute, ended at once.

use std::{thread, time::Duration};

use data_encoding::BASE64;
use portcullis::{
    identity::{GroupName, UserName},
    users::{FactorName, ListChange, ShownTo, TotpCode, UserChange},
};

use crate::support::{
    client::RawClient,
    gateway::{TestGateway, password, quick_hash},
    in_process::InProcess,
    process::until,
};

const APPS: &str = "[[app]]\nname = \"files\"\nupstream = \"builtin:whoami\"\nprograms = { basic = true }\n\
                    [[app.rule]]\npath = \"/staff/**\"\nallow = { group = \"staff\" }\n\
                    [[app.rule]]\npath = \"/open/**\"\nallow = \"anyone\"\n\
                    [[app.rule]]\npath = \"/recent/**\"\nallow = \"authenticated\"\nmax_age = \"10m\"\n\
                    [[app]]\nname = \"own\"\npath = \"/own\"\nupstream = \"builtin:whoami\"\n";
const GROUPS: &str = "[groups]\nstaff = []\n";

fn gateway() -> InProcess {
    let gateway = InProcess::start_with(GROUPS, APPS);
    gateway.add_user("alice", &["staff"]);
    gateway.add_user("bob", &[]);
    gateway
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{name}:{password}").as_bytes()))
}

fn right(name: &str) -> String {
    basic(name, &password(name))
}

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

/// How many passwords were hashed so far.
fn hashed(gateway: &InProcess) -> u64 {
    let text = gateway.shared.metrics.text();
    let value = text.lines().find_map(|line| line.strip_prefix("portcullis_password_checks_total "));
    value.expect("the counter").parse().expect("a number")
}

#[test]
fn a_password_opens_an_app_as_its_user_and_does_not_reach_it() {
    let mut gateway = gateway();
    let response = gateway.get("/staff/x", &[("authorization", &right("alice")), ("remote-user", "root")]);
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(response.received("remote-user"), ["alice"]);
    assert!(response.received("authorization").is_empty(), "{}", response.body);
    assert_eq!(gateway.get("/staff/x", &[("authorization", &right("bob"))]).status, 403);
    let public = gateway.get("/open/x", &[("authorization", &right("bob"))]);
    assert!(public.received("authorization").is_empty(), "{}", public.body);
    let (log, metrics) = (format!("{:?}", gateway.log()), gateway.shared.metrics.text());
    for hidden in ["correct horse", &right("alice")["Basic ".len()..]] {
        assert!(!log.contains(hidden) && !metrics.contains(hidden), "{log}");
    }
}

#[test]
fn an_app_that_takes_no_passwords_keeps_its_own_authorization() {
    let mut gateway = gateway();
    let session = gateway.session_of("alice");
    let value = right("bob");
    let response = gateway.get("/own/x", &[("authorization", &value), ("cookie", &session)]);
    assert_eq!(
        (response.received("remote-user"), response.received("authorization")),
        (vec!["alice"], vec![&*value])
    );
    assert_eq!(gateway.get("/own/x", &[("authorization", &value)]).status, 401);
    assert_eq!(hashed(&gateway), 0);
    // An upstream that ignores case would serve it from the other app: neither reading takes the password.
    assert_eq!(gateway.get("/OWN/x", &[("authorization", &value)]).status, 401);
    assert_eq!(hashed(&gateway), 0);
}

#[test]
fn a_thousand_requests_with_one_right_password_cost_one_hash_a_minute() {
    let mut gateway = gateway();
    let value = right("alice");
    for minute in 1..=3 {
        for _ in 0..1000 {
            assert_eq!(gateway.get("/", &[("authorization", &value)]).status, 200);
        }
        assert_eq!(hashed(&gateway), minute);
        gateway.clock.advance(Duration::from_mins(1));
    }
}

#[test]
fn requests_that_come_at_once_with_one_right_password_cost_one_hash() {
    let gateway = TestGateway::start_with(GROUPS, APPS);
    gateway.add_user("alice", &[]);
    let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\r\n", right("alice"));
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut client = RawClient::connect(&gateway);
                client.send(request.as_bytes());
                assert_eq!(client.response().status, 200);
            });
        }
    });
    assert_eq!(gateway.counted("portcullis_password_checks_total"), 1);
}

#[test]
fn a_wrong_password_is_never_remembered() {
    let mut gateway = gateway();
    gateway.reload(&format!("{GROUPS}[throttle]\nper_account = 100\nper_address = 1000\n"), APPS);
    for checks in 1..=5 {
        assert_eq!(gateway.get("/", &[("authorization", &basic("alice", "wrong"))]).status, 401);
        assert_eq!(hashed(&gateway), checks);
    }
}

#[test]
fn a_changed_password_and_a_disabled_user_end_it_at_once() {
    let mut gateway = gateway();
    let status =
        |gateway: &mut InProcess, value: &str| gateway.get("/", &[("authorization", value)]).status.as_u16();
    let (old, new) = (right("alice"), basic("alice", "another horse battery"));
    assert_eq!(status(&mut gateway, &old), 200);
    gateway.users().set_password(&name("alice"), &quick_hash("another horse battery")).unwrap();
    until("the old password is refused", || status(&mut gateway, &old) == 401);
    assert_eq!(status(&mut gateway, &new), 200);
    gateway.users().set_active(&name("alice"), false).unwrap();
    until("the disabled user is refused", || status(&mut gateway, &new) == 401);
}

#[test]
fn a_password_of_an_account_with_a_second_factor_is_refused_and_a_token_asked_for() {
    let mut gateway = gateway();
    let ask = |gateway: &mut InProcess, value: &str| {
        let response = gateway.get("/staff/x", &[("authorization", value)]);
        (response.status.as_u16(), response.body)
    };
    assert_eq!(ask(&mut gateway, &right("alice")).0, 200);
    let mut users = gateway.users();
    let account = users.find_by_name(&name("alice")).unwrap().unwrap();
    let shown_to = ShownTo { id: account.user.id, credential: account.credential, session: "test" };
    let shown = users.start_totp(shown_to).unwrap();
    let code = TotpCode::parse(&shown.secret.code_at(gateway.clock.now()).unwrap());
    let phone = FactorName::parse("Phone").unwrap();
    users.enrol_totp(shown_to, &shown.sealed, &phone, code.as_ref()).unwrap().unwrap();
    until("the remembered password is refused", || ask(&mut gateway, &right("alice")).0 != 200);
    let forwarded = gateway.forwarded();
    gateway.clock.advance(Duration::from_mins(2));
    for _ in 0..2 {
        let (status, body) = ask(&mut gateway, &right("alice"));
        assert!(status == 403 && body.contains("Make a token on the account page"), "{status} {body}");
    }
    assert_eq!(
        ask(&mut gateway, &basic("alice", "wrong")).0,
        401,
        "only who knows the password learns of it"
    );
    assert_eq!(gateway.forwarded(), forwarded);
}

#[test]
fn a_password_of_an_account_that_needs_a_second_factor_is_refused_as_well() {
    for accounts in ["second_factor = \"required\"", "required_for = [\"staff\"]"] {
        let mut gateway = InProcess::start_with(&format!("{GROUPS}[accounts]\n{accounts}\n"), APPS);
        gateway.add_user("alice", &["staff"]);
        let response = gateway.get("/staff/x", &[("authorization", &right("alice"))]);
        assert_eq!(response.status, 403, "{accounts}: {}", response.body);
        assert!(response.body.contains("Make a token on the account page"), "{accounts}: {}", response.body);
        let wrong = gateway.get("/staff/x", &[("authorization", &basic("alice", "wrong"))]);
        assert_eq!(wrong.status, 401, "{accounts}: only who knows the password learns of it");
        assert_eq!(gateway.forwarded(), 0, "{accounts}");
    }
}

#[test]
fn an_ended_group_counts_for_a_remembered_password() {
    let mut gateway = gateway();
    let value = right("alice");
    assert_eq!(gateway.get("/staff/x", &[("authorization", &value)]).status, 200);
    let groups = ListChange { remove: vec![GroupName::parse("staff").unwrap()], ..ListChange::default() };
    let change = UserChange { groups, ..UserChange::default() };
    gateway.users().update(&name("alice"), &change).unwrap();
    until("the group has ended", || gateway.get("/staff/x", &[("authorization", &value)]).status == 403);
    assert_eq!(hashed(&gateway), 1);
}

#[test]
fn wrong_passwords_are_throttled_like_those_of_the_form() {
    let mut gateway = gateway();
    for _ in 0..5 {
        assert_eq!(gateway.get("/", &[("authorization", &basic("alice", "wrong"))]).status, 401);
    }
    let response = gateway.get("/", &[("authorization", &basic("alice", "wrong"))]);
    assert_eq!(response.status, 429);
    assert!(!response.header("retry-after").is_empty());
    assert_eq!(
        gateway.get("/", &[("authorization", &right("alice"))]).status,
        429,
        "the account has to wait"
    );
    assert_eq!(gateway.get("/", &[("authorization", &right("bob"))]).status, 200);
    // A user who does not exist is throttled in the same way.
    for _ in 0..5 {
        assert_eq!(gateway.get("/", &[("authorization", &basic("nobody", "wrong"))]).status, 401);
    }
    assert_eq!(gateway.get("/", &[("authorization", &basic("nobody", "wrong"))]).status, 429);
}

/// Behind a proxy, so that the test chooses the address of each client.
fn behind_a_proxy() -> InProcess {
    let gateway = InProcess::start_trusting(&["127.0.0.0/8"], &format!("{GROUPS}{APPS}"));
    gateway.add_user("alice", &["staff"]);
    gateway
}

/// The password was right a moment ago, so that it is remembered: Mallory must not be told so in place of having to wait.
#[test]
fn guesses_from_elsewhere_are_throttled_while_a_program_is_at_work() {
    let mut gateway = behind_a_proxy();
    let mut status = |address: &str, value: &str| {
        let fields = [("authorization", value), ("x-forwarded-for", address)];
        gateway.get("/", &fields).status.as_u16()
    };
    let (program, mallory) = ("192.0.2.1", "198.51.100.7");
    assert_eq!(status(program, &right("alice")), 200);
    for number in 0..5 {
        assert_eq!(status(mallory, &basic("alice", &format!("wrong {number}"))), 401);
    }
    assert_eq!(status(mallory, &basic("alice", "wrong")), 429);
    assert_eq!(status(mallory, &right("alice")), 429, "her next guess is the right one");
    assert_eq!(status(program, &right("alice")), 200, "the program notices nothing");
}

/// Mallory and the program share an address: they work behind the same router.
#[test]
fn guesses_from_the_address_of_a_program_are_throttled_too() {
    let mut gateway = gateway();
    let mut status = |value: &str| gateway.get("/", &[("authorization", value)]).status.as_u16();
    assert_eq!(status(&right("alice")), 200);
    assert_eq!(status(&basic("alice", "wrong")), 401);
    assert_eq!(status(&right("alice")), 200, "a single mistake is not held against the program");
    for number in 0..4 {
        assert_eq!(status(&basic("alice", &format!("wrong {number}"))), 401);
    }
    for number in 0..20 {
        assert_eq!(status(&basic("alice", &format!("another {number}"))), 429);
    }
    assert_eq!(status(&right("alice")), 429, "the twenty-first guess is the right one");
}

/// A program sends the right password all day long. If that forgave what others guess, they could guess all day, too.
#[test]
fn the_right_password_of_a_program_forgives_no_wrong_one() {
    let mut gateway = behind_a_proxy();
    let mut checked = 0;
    for minute in 0..5 {
        for number in 0..4 {
            let address = format!("198.51.100.{}", 4 * minute + number);
            let value = basic("alice", &format!("wrong {minute} {number}"));
            let fields = [("authorization", &*value), ("x-forwarded-for", &*address)];
            checked += u32::from(gateway.get("/", &fields).status == 401);
        }
        let value = right("alice");
        gateway.get("/", &[("authorization", &value), ("x-forwarded-for", "192.0.2.1")]);
        gateway.clock.advance(Duration::from_mins(1));
    }
    assert_eq!(checked, 6, "as many as from the form: five, and one after the first wait");
}

#[test]
fn a_flood_of_wrong_credentials_leaves_a_session_as_it_was() {
    let mut gateway = gateway();
    let session = gateway.session_of("bob");
    for number in 0..60 {
        gateway.get("/", &[("authorization", &basic("bob", &format!("wrong {number}")))]);
        gateway.get("/", &[("authorization", "Bearer ptc_1t1_x")]);
    }
    assert_eq!(gateway.get("/", &[("authorization", &right("bob"))]).status, 429);
    assert_eq!(gateway.get("/", &[("cookie", &session)]).received("remote-user"), ["bob"]);
}

#[test]
fn a_malformed_authorization_is_refused_and_nothing_is_hashed() {
    let mut gateway = gateway();
    let long = format!("Basic {}", BASE64.encode(&vec![b'x'; 20 * 1024]));
    let no_utf8 = format!("Basic {}", BASE64.encode(b"alice:\xff\xfe"));
    for value in
        ["", "Basic", "Basic ", "Basic !", "Basic YWxpY2U=", &no_utf8, &long, "Digest a=\"b\"", "x y z"]
    {
        for path in ["/", "/open/x"] {
            assert_eq!(gateway.get(path, &[("authorization", value)]).status, 401, "{value:.30}");
        }
    }
    let value = right("alice");
    let two = gateway.get("/", &[("authorization", &value), ("authorization", &value)]);
    assert_eq!(two.status, 400);
    assert_eq!(hashed(&gateway), 0);
    assert_eq!(gateway.forwarded(), 0);
}

#[test]
fn a_password_passes_no_rule_that_asks_for_a_recent_proof() {
    let mut gateway = gateway();
    assert_eq!(gateway.get("/recent/x", &[("authorization", &right("alice"))]).status, 403);
}

#[test]
fn a_password_opens_none_of_the_gateways_own_pages() {
    let mut gateway = gateway();
    for page in ["account", "account/password", "apps"] {
        let response = gateway.get(&format!("/.gateway/{page}"), &[("authorization", &right("alice"))]);
        assert_eq!(response.status, 401, "{page} {}", response.body);
    }
    let response = gateway.get("/.gateway/whoami", &[("authorization", &right("alice"))]);
    assert!(!response.body.contains("alice"), "{}", response.body);
    assert_eq!(hashed(&gateway), 0);
}

#[test]
fn another_site_cannot_use_the_password_that_a_browser_remembers() {
    let mut gateway = gateway();
    let value = right("alice");
    for (field, status) in [
        (("sec-fetch-site", "cross-site"), 403),
        (("origin", "https://evil.test"), 403),
        (("origin", "https://localhost"), 200),
        (("user-agent", "curl/8"), 200),
    ] {
        let fields = [("authorization", &*value), field];
        let response = gateway.send(&http::Method::POST, "/", &fields, "x");
        assert_eq!(response.status, status, "{field:?} {}", response.body);
    }
}

#[test]
fn an_account_with_an_authenticator_app_is_told_to_make_a_token() {
    let mut gateway = gateway();
    assert_eq!(gateway.get("/", &[("authorization", &right("alice"))]).status, 200, "without a factor");
    let mut store = gateway.users();
    let account = store.find_by_name(&name("alice")).unwrap().unwrap();
    let shown_to = ShownTo { id: account.user.id, credential: account.credential, session: "test" };
    let shown = store.start_totp(shown_to).unwrap();
    let code = TotpCode::parse(&shown.secret.code_at(gateway.clock.now()).unwrap());
    let phone = FactorName::parse("Phone").unwrap();
    store.enrol_totp(shown_to, &shown.sealed, &phone, code.as_ref()).unwrap().unwrap();
    until("the gateway knows of the factor", || {
        let cached = gateway.shared.directory.cached(account.user.id);
        cached.is_none_or(|account| !account.factors.is_empty())
    });
    // The password that was right a moment ago is not remembered, either.
    for path in ["/", "/staff/x"] {
        let refused = gateway.get(path, &[("authorization", &right("alice"))]);
        assert_eq!(refused.status, 403, "{path} {}", refused.body);
        assert!(refused.body.contains("Make a token on the account page"), "{}", refused.body);
    }
    // Somebody who does not know the password learns nothing of the factor.
    let wrong = gateway.get("/", &[("authorization", &basic("alice", "wrong"))]);
    let of_nobody = gateway.get("/", &[("authorization", &basic("nobody", "wrong"))]);
    assert_eq!((wrong.status.as_u16(), of_nobody.status.as_u16()), (401, 401));
    assert!(!wrong.body.contains("token on the account page"), "{}", wrong.body);
    // The code behind the password is no way around.
    let now = shown.secret.code_at(gateway.clock.now()).unwrap();
    let appended = basic("alice", &format!("{}{}", password("alice"), now.as_str()));
    assert_eq!(gateway.get("/", &[("authorization", &appended)]).status, 401);
    assert_eq!(gateway.get("/", &[("authorization", &right("bob"))]).status, 200);
}
