//! Forgotten passwords: links to the configured host, one use, equal responses, and the end of all sessions.

use std::time::Duration;

use portcullis::{
    identity::UserName,
    users::{FactorName, ShownTo, TotpCode, UserChange},
};

use crate::support::{
    gateway::{TestGateway, password},
    process::until,
    redis::RedisServer,
    smtp_server::SmtpServer,
    visitor::{Response, Visitor},
};

const APP: &str = "[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"";
const NEW: &str = "quiet otters fold umbrellas";

fn add(gateway: &TestGateway, name: &str) {
    gateway.add_user(name, &[]);
    let change = UserChange { email: Some(format!("{name}@example.com")), ..UserChange::default() };
    gateway.users().update(&UserName::parse(name).unwrap(), &change).unwrap();
}

fn ask(visitor: &mut Visitor, typed: &str) -> Response {
    let csrf = visitor.get("/.gateway/reset").field("csrf");
    visitor.submit("/.gateway/reset", &[("csrf", &*csrf), ("account", typed)])
}

/// Opens the link, and sets a password.
fn set_password(visitor: &mut Visitor, link: &str, new: &str) -> Response {
    let arrival = visitor.get(link);
    assert_eq!((arrival.status.as_u16(), arrival.location()), (303, "/.gateway/reset/new"));
    assert_eq!(arrival.header("referrer-policy"), "no-referrer");
    let form = visitor.get("/.gateway/reset/new");
    if form.status != 200 {
        return form;
    }
    let csrf = form.field("csrf");
    visitor.submit("/.gateway/reset/new", &[("csrf", &*csrf), ("new", new), ("again", new)])
}

#[test]
fn a_reset_ends_the_sessions_on_every_gateway_and_its_link_works_once() {
    let (server, redis) = (SmtpServer::start(), RedisServer::start());
    let sections = format!("{}[session]\nstore = \"{}\"\n", server.section(""), redis.url());
    let here = TestGateway::start_with(&sections, APP);
    add(&here, "alice");
    let there = TestGateway::start_beside(&here, &sections, APP);
    let mut thief = Visitor::of(&there);
    thief.sign_in("alice", &password("alice"));
    assert_eq!(thief.get("/page").status, 200);
    let mut alice = Visitor::of(&here);
    assert_eq!(ask(&mut alice, "ALICE@example.com").status, 200);
    let mail = server.find("alice@example.com", "asked for a new password");
    // A scanner of mail opens the link, and a person has it all the same.
    let mut scanner = Visitor::of(&here);
    scanner.get(mail.path());
    assert_eq!(scanner.get("/.gateway/reset/new").status, 200);
    assert_eq!(set_password(&mut alice, mail.path(), NEW).location(), "/.gateway/login");
    until("the thief is out", || thief.get("/page").status != 200);
    assert_eq!(alice.get("/page").status, 303, "nobody is signed in by a link");
    alice.sign_in("alice", NEW);
    assert_eq!(set_password(&mut scanner, mail.path(), "other words in a row").status, 410, "used");
    server.find("alice@example.com", "It has a new password.");
    server.find("alice@example.com", "on a device that was not used before");
    let log = format!("{:?}", here.log());
    let token = mail.link().split_once("token=").unwrap().1;
    assert!(!log.contains(token) && !log.contains(NEW), "{log}");
}

#[test]
fn a_reset_keeps_the_second_factor_and_signs_nobody_in() {
    let server = SmtpServer::start();
    let gateway = TestGateway::start_with(&server.section(""), APP);
    add(&gateway, "alice");
    let name = UserName::parse("alice").unwrap();
    let mut store = gateway.users();
    let account = store.find_by_name(&name).unwrap().unwrap();
    let shown_to = ShownTo { id: account.user.id, credential: account.credential, session: "test" };
    let shown = store.start_totp(shown_to).unwrap();
    let code = || shown.secret.code_at(gateway.clock.now()).unwrap().to_string();
    let phone = FactorName::parse("Phone").unwrap();
    let first = TotpCode::parse(&code());
    store.enrol_totp(shown_to, &shown.sealed, &phone, first.as_ref()).unwrap().unwrap();
    gateway.clock.advance(Duration::from_mins(1));
    let directory = &gateway.shared.directory;
    until("the gateway knows of the factor", || {
        directory.cached(account.user.id).is_none_or(|account| !account.factors.is_empty())
    });
    // Somebody who reads alice's mail, and does not have her phone.
    let mut thief = Visitor::of(&gateway);
    ask(&mut thief, "alice");
    let mail = server.find("alice@example.com", "asked for a new password");
    assert_eq!(set_password(&mut thief, mail.path(), NEW).location(), "/.gateway/login");
    assert_eq!(thief.get("/page").status, 303, "nobody is signed in by a link");
    let second_step = "/.gateway/login/second-step";
    let response = thief.sign_in_to("/page", "alice", NEW);
    assert_eq!(response.location(), second_step, "{}", response.text());
    for path in ["/page", "/.gateway/account", "/.gateway/account/factors"] {
        let response = thief.get(path);
        assert!(response.status == 303 && response.location().starts_with("/.gateway/login"), "{path}");
    }
    let csrf = thief.get(second_step).field("csrf");
    assert_eq!(thief.submit(second_step, &[("csrf", &*csrf), ("code", "000000")]).status, 401);
    let after = gateway.users().find_by_name(&name).unwrap().unwrap();
    assert_eq!((after.factors.len(), after.recovery_codes_left), (1, 10));
    let mut alice = Visitor::of(&gateway);
    assert_eq!(alice.sign_in_to("/page", "alice", NEW).location(), second_step);
    let csrf = alice.get(second_step).field("csrf");
    let response = alice.submit(second_step, &[("csrf", &*csrf), ("code", &code())]);
    assert_eq!((response.status.as_u16(), response.location()), (303, "/page"), "{}", response.text());
    assert_eq!(alice.get("/page").status, 200);
}

#[test]
fn a_link_leads_to_the_configured_host_whatever_the_request_says() {
    let server = SmtpServer::start();
    let gateway = TestGateway::start_with(
        &server.section("origin = \"https://login.example.com\""),
        "[[app]]\nhost = [\"localhost\", \"evil.test\", \"login.example.com\"]\nupstream = \"builtin:whoami\"",
    );
    add(&gateway, "alice");
    for (number, header) in
        [("x-forwarded-host", "evil.test"), ("forwarded", "host=evil.test"), ("host", "evil.test")]
            .into_iter()
            .enumerate()
    {
        let host = if header.0 == "host" { "evil.test" } else { "localhost" };
        let mut visitor = Visitor::of(&gateway).on_host(host);
        let csrf = visitor.get("/.gateway/reset").field("csrf");
        let fields = [("csrf", &*csrf), ("account", "alice")];
        let extra = if header.0 == "host" { vec![] } else { vec![header] };
        let sent = visitor.submit_with("/.gateway/reset", &fields, &extra);
        assert_eq!(sent.status, 200, "{header:?}");
        let mail = server.mail(number + 1);
        assert!(
            mail.link().starts_with("https://login.example.com/.gateway/reset/new?token="),
            "{}",
            mail.link()
        );
        assert!(!mail.text.contains("evil.test"), "{}", mail.text);
    }
}

#[test]
fn known_unknown_inactive_and_passwordless_accounts_get_equal_responses() {
    let server = SmtpServer::start();
    let gateway = TestGateway::start_with(&server.section(""), APP);
    add(&gateway, "alice");
    add(&gateway, "dora");
    gateway.users().set_active(&UserName::parse("dora").unwrap(), false).unwrap();
    let mut texts = Vec::new();
    for typed in ["alice", "alice@example.com", "dora", "nobody", "nobody@example.com"] {
        let response = ask(&mut Visitor::of(&gateway), typed);
        assert_eq!(response.status, 200, "{typed}");
        texts.push(response.text());
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
    server.mail(2);
    until("the queue is empty", || gateway.counted("portcullis_mail_queue_length") == 0);
    assert_eq!(server.taken(), 2, "alice's two");
}

#[test]
fn an_address_that_asks_too_often_is_told_and_gets_in_again_later() {
    let server = SmtpServer::start();
    let gateway = TestGateway::start_with(&server.section(""), APP);
    let mut visitor = Visitor::of(&gateway);
    for _ in 0..10 {
        assert_eq!(ask(&mut visitor, "nobody").status, 200);
    }
    let refused = ask(&mut visitor, "nobody");
    assert_eq!(refused.status, 429);
    gateway.clock.advance(Duration::from_hours(1));
    assert_eq!(ask(&mut visitor, "nobody").status, 200);
}
