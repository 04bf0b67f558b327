//! Mail through a real server that takes it, puts it off, refuses it, says nothing, or is not the one that it should be.

use std::{sync::mpsc::channel, thread, time::Duration};

use portcullis::{identity::UserName, mail::MailQueue, users::UserChange};

use crate::support::{
    certificates::TestAuthority,
    gateway::{TestGateway, password},
    process::until,
    smtp_server::SmtpServer,
    visitor::{Response, Visitor},
};

const APP: &str = "[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"";

/// A gateway with alice, who has an address.
fn gateway(server: &SmtpServer, more: &str) -> TestGateway {
    let gateway = TestGateway::start_with(&server.section(more), APP);
    add_alice(&gateway);
    gateway
}

fn add_alice(gateway: &TestGateway) {
    gateway.add_user("alice", &[]);
    let change = UserChange { email: Some("alice@example.com".into()), ..UserChange::default() };
    gateway.users().update(&UserName::parse("alice").unwrap(), &change).unwrap();
}

/// Asks for a link for a forgotten password.
fn ask(visitor: &mut Visitor, typed: &str) -> Response {
    let csrf = visitor.get("/.gateway/reset").field("csrf");
    visitor.submit("/.gateway/reset", &[("csrf", &*csrf), ("account", typed)])
}

#[test]
fn a_message_that_is_put_off_arrives_later_and_one_that_is_refused_is_given_up() {
    let server = SmtpServer::start();
    let gateway = gateway(&server, "");
    server.set("later");
    assert_eq!(ask(&mut Visitor::of(&gateway), "alice").status, 200);
    until("the first try is put off", || gateway.counted("portcullis_mail_put_off_total") == 1);
    assert_eq!(server.taken(), 0);
    server.set("accept");
    gateway.clock.advance(Duration::from_mins(1));
    let mail = server.mail(1);
    assert_eq!(mail.to, "alice@example.com");
    for expected in [
        "From: Gateway <gateway@example.com>",
        "Auto-Submitted: auto-generated",
        "@example.com>",
        "multipart/alternative",
    ] {
        assert!(mail.text.contains(expected), "{expected}: {}", mail.text);
    }
    until("it is counted", || gateway.counted("portcullis_mail_sent_total") == 1);
    server.set("refuse");
    ask(&mut Visitor::of(&gateway), "alice");
    until("the second is given up", || gateway.counted("portcullis_mail_given_up_total") == 1);
    until("the queue is empty", || gateway.counted("portcullis_mail_queue_length") == 0);
}

#[test]
fn a_link_that_a_mail_server_quotes_in_its_refusal_is_kept_nowhere() {
    let server = SmtpServer::start();
    let gateway = gateway(&server, "");
    server.set("quote");
    ask(&mut Visitor::of(&gateway), "alice");
    until("it is given up", || gateway.counted("portcullis_mail_given_up_total") == 1);
    let queue = rusqlite::Connection::open(gateway.folder().join("state/mail.db")).unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
    // It is counted before it is written.
    until("its result is in the queue", || {
        let sql = "SELECT failed IS NOT NULL FROM mail";
        queue.query_row(sql, [], |row| row.get(0)).unwrap()
    });
    let [text, html, error]: [String; 3] =
        queue.query_row("SELECT text, html, error FROM mail", [], row).unwrap();
    assert!(text.is_empty() && html.is_empty());
    assert!(error.contains("thief") && error.contains("token=…"), "{error}");
}

#[test]
fn a_mail_server_that_says_nothing_delays_no_request_and_its_message_survives_a_restart() {
    let server = SmtpServer::start();
    let first = gateway(&server, "");
    server.set("hang");
    ask(&mut Visitor::of(&first), "alice");
    until("the server hangs", || server.seen() == 1);
    let mut alice = Visitor::of(&first);
    alice.sign_in("alice", &password("alice"));
    assert_eq!(alice.get("/page").status, 200);
    server.set("accept");
    let second = TestGateway::start_beside(&first, &server.section(""), APP);
    first.drain().expect("a clean end");
    // The claim of the first has been given back, or ends.
    second.clock.advance(Duration::from_mins(5));
    assert_eq!(server.mail(1).to, "alice@example.com");
}

#[test]
fn no_mail_is_sent_to_a_server_without_tls_or_with_the_wrong_certificate() {
    let authority = TestAuthority::new();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    let trust = format!("ca = \"{}\"", ca.display());
    let no_tls = SmtpServer::start();
    let other_name = SmtpServer::start_with_tls("tls", "other.example.com", &authority);
    let other_authority = SmtpServer::start_with_tls("tls", "localhost", &TestAuthority::new());
    for (server, more) in [
        (&no_tls, format!("starttls = true\n{trust}")),
        (&other_name, trust.clone()),
        (&other_authority, trust.clone()),
    ] {
        let gateway = gateway(server, &more);
        ask(&mut Visitor::of(&gateway), "alice");
        until("the delivery fails", || gateway.counted("portcullis_mail_put_off_total") == 1);
        assert_eq!((server.seen(), server.taken()), (0, 0), "{more}");
    }
    for kind in ["tls", "starttls"] {
        let server = SmtpServer::start_with_tls(kind, "localhost", &authority);
        let more = if kind == "tls" { trust.clone() } else { format!("starttls = true\n{trust}") };
        let gateway = gateway(&server, &more);
        ask(&mut Visitor::of(&gateway), "alice");
        assert_eq!(server.mail(1).to, "alice@example.com", "{kind}");
    }
}

#[test]
fn two_gateways_with_one_queue_send_each_message_once() {
    let server = SmtpServer::start();
    let here = gateway(&server, "");
    let there = TestGateway::start_beside(&here, &server.section(""), APP);
    for gateway in [&here, &there, &here] {
        ask(&mut Visitor::of(gateway), "alice");
    }
    server.mail(3);
    until("all are counted", || {
        here.counted("portcullis_mail_sent_total") + there.counted("portcullis_mail_sent_total") == 3
    });
    assert_eq!(server.taken(), 3);
}

/// Sends a form while the gateway cannot write to the queue of mail. Its change `is_done` meanwhile, and the response, which
/// this returns, comes once the queue can be written.
fn confirmed_late(
    gateway: &TestGateway,
    visitor: &mut Visitor,
    (page, fields): (&str, &[(&str, &str)]),
    is_done: impl Fn() -> bool,
) -> Response {
    let other = rusqlite::Connection::open(gateway.folder().join("state/mail.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (confirmed, confirmation) = channel();
    thread::scope(|scope| {
        scope.spawn(move || confirmed.send(visitor.submit(page, fields)).unwrap());
        until("the change", is_done);
        let early = confirmation.recv_timeout(Duration::from_secs(1));
        assert!(early.is_err(), "a crash now would lose the mail of a change that was confirmed: {early:?}");
        other.execute_batch("ROLLBACK").unwrap();
        confirmation.recv().unwrap()
    })
}

#[test]
fn a_new_password_is_confirmed_after_its_notice_is_in_the_queue_on_the_disk() {
    let server = SmtpServer::start();
    let gateway = gateway(&server, "");
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    server.set("hang");
    let name = UserName::parse("alice").unwrap();
    let credential = || gateway.users().find_by_name(&name).unwrap().unwrap().credential;
    let before = credential();
    let (page, csrf) = ("/.gateway/account/password", alice.get("/.gateway/account/password").field("csrf"));
    let (current, new) = (password("alice"), "quiet otters fold umbrellas");
    let fields = [("csrf", csrf.as_str()), ("current", &current), ("new", new), ("again", new)];
    let changed = confirmed_late(&gateway, &mut alice, (page, &fields), || credential() != before);
    assert_eq!(changed.location(), "/.gateway/account");
    let queue = MailQueue::open(&gateway.folder().join("state/mail.db"), gateway.clock.clone()).unwrap();
    let waiting = queue.list().unwrap();
    assert!(waiting.iter().any(|mail| mail.subject.contains("was changed")), "{waiting:?}");
}

#[test]
fn a_new_address_is_confirmed_after_its_mails_are_in_the_queue_on_the_disk() {
    let server = SmtpServer::start();
    let gateway = gateway(&server, "");
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    let page = "/.gateway/account/email";
    let csrf = alice.get(page).field("csrf");
    let users = rusqlite::Connection::open(gateway.folder().join("state/users.db")).unwrap();
    let links = || users.query_row("SELECT count(*) FROM link", [], |row| row.get::<_, i64>(0)).unwrap();
    let fields = [("csrf", csrf.as_str()), ("email", "new@example.com")];
    assert_eq!(confirmed_late(&gateway, &mut alice, (page, &fields), || links() == 1).status, 200);
    let mail = server.find("new@example.com", "wants this address to be that of");
    let page = alice.get(mail.path()).location().to_owned();
    let csrf = alice.get(&page).field("csrf");
    let name = UserName::parse("alice").unwrap();
    let address = || gateway.users().find_by_name(&name).unwrap().unwrap().user.email.clone();
    let is_done = || address() == "new@example.com";
    let changed = confirmed_late(&gateway, &mut alice, (&page, &[("csrf", &csrf)]), is_done);
    assert_eq!(changed.location(), "/.gateway/account");
    server.find("alice@example.com", "has another address now");
}
