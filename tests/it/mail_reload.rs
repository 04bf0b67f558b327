//! `[mail]` of a running gateway: another server, another password, off and on.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use portcullis::{identity::UserName, users::UserChange};

use crate::support::{
    gateway::TestGateway,
    process::until,
    smtp_server::SmtpServer,
    visitor::{Response, Visitor},
};

const APP: &str = "[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"";

fn add_alice(gateway: &TestGateway) {
    gateway.add_user("alice", &[]);
    let change = UserChange { email: Some("alice@example.com".into()), ..UserChange::default() };
    gateway.users().update(&UserName::parse("alice").unwrap(), &change).unwrap();
}

/// Asks for a link for alice's password.
fn ask(gateway: &TestGateway) -> Response {
    let mut visitor = Visitor::of(gateway);
    let csrf = visitor.get("/.gateway/reset").field("csrf");
    visitor.submit("/.gateway/reset", &[("csrf", &*csrf), ("account", "alice")])
}

fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_reload_leads_waiting_messages_to_another_server() {
    let (former, other) = (SmtpServer::start(), SmtpServer::start());
    let gateway = TestGateway::start_with(&former.section(""), APP);
    add_alice(&gateway);
    former.set("later");
    ask(&gateway);
    until("the first try is put off", || gateway.counted("portcullis_mail_put_off_total") == 1);
    // The clock stands still: without the reload, the next try would be in a minute.
    gateway.reload(&other.section("").replace("gateway@", "other@"), APP);
    let mail = other.mail(1);
    assert_eq!(mail.to, "alice@example.com");
    assert!(mail.text.contains("From: Gateway <other@example.com>"), "{}", mail.text);
    assert_eq!(former.taken(), 0);
    ask(&gateway);
    other.mail(2);
}

#[test]
fn a_reload_breaks_off_a_delivery_to_a_server_that_says_nothing() {
    let (former, other) = (SmtpServer::start(), SmtpServer::start());
    let silent = former.section("").replace("timeout = \"2s\"", "timeout = \"10m\"");
    let gateway = TestGateway::start_with(&silent, APP);
    add_alice(&gateway);
    former.set("hang");
    ask(&gateway);
    until("the server hangs", || former.seen() == 1);
    gateway.reload(&other.section(""), APP);
    assert_eq!(other.mail(1).to, "alice@example.com");
}

#[test]
fn a_reload_reads_the_password_of_the_mail_server_again() {
    let server = SmtpServer::start_with_password("the second");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    write_secret(&file, "the first\n");
    let section = server.section(&format!("user = \"gateway\"\npassword_file = \"{}\"", file.display()));
    let gateway = TestGateway::start_with(&section, APP);
    add_alice(&gateway);
    ask(&gateway);
    until("the wrong password is refused", || gateway.counted("portcullis_mail_put_off_total") == 1);
    assert_eq!(server.taken(), 0);
    write_secret(&file, "the second\n");
    gateway.reload(&section, APP);
    assert_eq!(server.mail(1).to, "alice@example.com");
    let logged = format!("{:?}", gateway.log());
    assert!(!logged.contains("the first") && !logged.contains("the second"));
}

#[test]
fn mail_is_turned_on_off_and_on_by_a_reload() {
    let server = SmtpServer::start();
    let gateway = TestGateway::start("[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"");
    add_alice(&gateway);
    let form = |gateway: &TestGateway| {
        let mut visitor = Visitor::of(gateway);
        let links_to_reset = visitor.get("/.gateway/login").text().contains("/.gateway/reset");
        (links_to_reset, visitor.get("/.gateway/reset").text().contains("name=\"account\""))
    };
    assert_eq!(form(&gateway), (false, false));
    gateway.reload(&server.section(""), APP);
    assert_eq!(form(&gateway), (true, true));
    ask(&gateway);
    assert_eq!(server.mail(1).to, "alice@example.com");
    until("it is counted", || gateway.counted("portcullis_mail_sent_total") == 1);
    server.set("later");
    ask(&gateway);
    until("the second is put off", || gateway.counted("portcullis_mail_put_off_total") == 1);
    gateway.reload("", APP);
    assert_eq!(form(&gateway), (false, false));
    server.set("accept");
    // Off: the form that somebody had open sends nothing, and the message that waits is not sent.
    let mut visitor = Visitor::of(&gateway);
    let csrf = visitor.get("/.gateway/login").field("csrf");
    visitor.submit("/.gateway/reset", &[("csrf", &*csrf), ("account", "alice")]);
    gateway.reload(&server.section(""), APP);
    assert_eq!(server.mail(2).to, "alice@example.com");
    until("both are counted", || gateway.counted("portcullis_mail_sent_total") == 2);
    until("the queue is empty", || gateway.counted("portcullis_mail_queue_length") == 0);
    assert_eq!(server.taken(), 2);
}
