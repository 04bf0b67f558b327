//! Invitations and resets: the links that the commands print or mail.

use super::fixture::*;
use crate::mail::MailQueue;

/// The link that a command printed.
fn link_in(out: &str) -> &str {
    out.lines().find(|line| line.starts_with("https://")).expect("a link")
}

#[test]
fn an_invitation_without_mail_prints_a_link_and_a_second_one_another() {
    let fixture = Fixture::new();
    let invited = fixture.run(&["invite", "bob@example.com", "--groups", "staff"], "").ok();
    assert!(invited.out.starts_with("invited user bob (in staff)\n"), "{}", invited.out);
    let link = link_in(&invited.out);
    assert!(link.starts_with("https://login.example.com/.gateway/invite?token="), "{link}");
    let again = fixture.run(&["invite", "bob@example.com"], "").ok();
    assert_ne!(link_in(&again.out), link);
    let shown = fixture.run(&["show", "bob"], "").ok();
    assert!(shown.out.contains("bob@example.com"), "{}", shown.out);
    fixture.run(&["passwd", "bob"], GOOD).ok();
    let refused = fixture.run(&["invite", "BOB@example.com"], "").error();
    assert!(refused.contains("user bob has this address already"), "{refused}");
    let refused = fixture.run(&["invite", "a(b)@example.com"], "").error();
    assert!(refused.contains("`--name`"), "{refused}");
    fixture.run(&["invite", "nobody"], "").error();
}

#[test]
fn an_invitation_with_mail_queues_it_unless_it_is_to_be_printed() {
    let fixture = Fixture { queue: true, ..Fixture::new() };
    let invited = fixture.run(&["invite", "bob@example.com"], "").ok();
    assert!(!invited.out.contains("token="), "{}", invited.out);
    let queue = || {
        MailQueue::open(&fixture.temp.path().join("mail.db"), fixture.clock.clone()).unwrap().list().unwrap()
    };
    assert_eq!(queue().len(), 1);
    assert_eq!(
        (queue()[0].to.as_str(), queue()[0].subject.as_str()),
        ("bob@example.com", "You are invited to login.example.com")
    );
    let printed = fixture.run(&["invite", "bob@example.com", "--print"], "").ok();
    link_in(&printed.out);
    assert_eq!(queue().len(), 1);
}

#[test]
fn a_reset_prints_a_link_for_an_active_user_with_a_password() {
    let fixture = Fixture::new();
    fixture.run(&["add", "alice", "--email", "alice@example.com"], GOOD).ok();
    let reset = fixture.run(&["reset", "alice"], "").ok();
    assert!(link_in(&reset.out).contains("/.gateway/reset/new?token="), "{}", reset.out);
    assert!(fixture.run(&["reset", "alice", "--mail"], "").error().contains("no `[mail]`"));
    fixture.run(&["disable", "alice"], "").ok();
    assert!(fixture.run(&["reset", "alice"], "").error().contains("is disabled"));
    fixture.run(&["add", "nora", "--no-password"], "").ok();
    assert!(fixture.run(&["reset", "nora"], "").error().contains("no password here"));
    let with_mail = Fixture { queue: true, ..Fixture::new() };
    with_mail.run(&["add", "nils"], GOOD).ok();
    assert!(with_mail.run(&["reset", "nils", "--mail"], "").error().contains("no address"));
}
