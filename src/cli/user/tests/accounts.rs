//! Adding, changing, disabling and removing users.

use std::collections::BTreeMap;

use clap::Parser;

use super::fixture::*;
use crate::{
    cli::{password_prompt::Input, user::listing},
    users::{FieldEditor, FieldKind, Passwords, UserField, UserFields, Verdict},
};

#[tokio::test]
async fn add_takes_all_that_is_known_and_the_password_from_standard_input() {
    let it = Fixture::new();
    let output = it
        .run(
            &[
                "add",
                "Alice",
                "--email=alice@example.com",
                "--full-name=Alice Liddell",
                "--group=staff",
                "--groups=ops,staff",
                "--permission=reports.view",
                "--attribute=team=blue=green",
                "--superuser",
            ],
            GOOD,
        )
        .ok();
    assert_eq!(output.out, "added user alice (superuser, in ops, staff)\n");
    assert_eq!(output.err, "");
    let account = it.account("alice");
    assert_eq!(account.user.full_name, "Alice Liddell");
    assert_eq!(account.user.attributes["team"], "blue=green");
    assert_eq!(listing::joined(&account.user.permissions), "reports.view");
    let right = "velvet turbine oyster".to_owned().into();
    let verdict = Passwords::start(QUICK, 1, 1).verify(account.password, right).await.unwrap();
    assert_eq!(verdict, Verdict::Right { upgrade: None });
}

#[test]
fn add_without_a_password_says_how_to_set_one() {
    let it = Fixture::new();
    let output = it.run(&["add", "robot", "--no-password"], "").ok();
    assert_eq!(output.out, "added user robot\nwithout a password; `portcullis user passwd robot` sets one\n");
    assert_eq!(it.account("robot").password, None);
}

#[test]
fn refused_add_changes_nothing() {
    let it = Fixture::with_alice();
    for (line, stdin, output) in [
        (&["add", "ALICE"][..], GOOD, "there is already a user alice"),
        (&["add", "bob"], "", "standard input is empty; the password is expected as its first line"),
        (&["add", "bob"], "\n", "the password is empty"),
        (&["add", "bob", "--allow-weak"], "\n", "the password is empty"),
        (&["add", "bob", "--allow-weak"], "nul\0\n", "the password contains a NUL character"),
        (
            &["add", "bob"],
            "short1\n",
            "the password is too short: it needs at least 8 characters, better 15 \
             (--allow-weak takes it all the same)",
        ),
        (&["add", "bob", "--email", "nonsense"], GOOD, "\"nonsense\" is no e-mail address"),
        (
            &["add", "bob", "--attribute", "a b=c"],
            GOOD,
            "\"a b\" cannot be the name of an attribute; 1 to 64 letters, digits and . _ - can",
        ),
    ] {
        assert_eq!(it.run(line, stdin).error(), output, "{line:?}");
    }
    assert_eq!(it.run(&["list"], "").ok().out.lines().count(), 2, "head and alice");
}

#[test]
fn a_weak_password_is_taken_when_told_to() {
    let it = Fixture::with_alice();
    let message = it.run(&["passwd", "alice"], "password1\n").error();
    assert!(message.contains("too easy to guess"), "{message}");
    it.run(&["passwd", "alice", "--allow-weak"], "password1\n").ok();
    it.run(&["add", "old", "--allow-weak"], "a\n").ok();
}

#[test]
fn wrong_words_are_a_usage_error() {
    for line in [
        &["add"][..],
        &["add", "a b"],
        &["add", "alice", "--group", "a b"],
        &["add", "alice", "--attribute", "novalue"],
        &["add", "alice", "--password", "secret"],
        &["add", "alice", "secret"],
        &["passwd", "alice", "secret"],
        &["add", "alice", "--no-password", "--allow-weak"],
        &["set", "alice", "--superuser", "maybe"],
        &["frobnicate"],
    ] {
        let error = Typed::try_parse_from([&["user"], line].concat()).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line:?}");
    }
}

#[test]
fn a_group_that_nobody_defined_is_warned_of_and_taken() {
    let it = Fixture::with_alice();
    let output = it.run(&["add", "bob", "--no-password", "--group=stff,unheard-of,ops"], "").ok();
    assert_eq!(
        output.err,
        "warning: no group stff is defined in the configuration, so it gives no permissions; did you mean staff?\n\
         warning: no group unheard-of is defined in the configuration, so it gives no permissions\n"
    );
    let output = it.run(&["set", "bob", "--add-group=staff"], "").ok();
    assert_eq!(output.err, "", "only new ones are warned of");
    assert_eq!(listing::joined(&it.account("bob").user.groups), "ops, staff, stff, unheard-of");
}

#[test]
fn set_changes_what_is_named_and_nothing_else() {
    let it = Fixture::with_alice();
    it.run(&["set", "alice", "--attribute=team=blue", "--add-permission=a,b", "--full-name=Al"], "").ok();
    for (line, groups, permissions, email, superuser) in [
        (&["--add-group=ops"][..], "ops, staff", "a, b", "alice@example.com", false),
        (&["--remove-group=staff", "--superuser=yes"], "ops", "a, b", "alice@example.com", true),
        (&["--groups=staff,ops", "--remove-permission=a"], "ops, staff", "b", "alice@example.com", true),
        (&["--groups=", "--permissions=c", "--email="], "", "c", "", true),
        (&["--superuser=no"], "", "c", "", false),
    ] {
        let output = it.run(&[&["set", "alice"], line].concat(), "").ok();
        assert!(output.out.starts_with("changed user alice"), "{}", output.out);
        let user = it.account("alice").user;
        assert_eq!(listing::joined(&user.groups), groups, "{line:?}");
        assert_eq!(listing::joined(&user.permissions), permissions, "{line:?}");
        assert_eq!((user.email.as_str(), user.superuser), (email, superuser), "{line:?}");
        assert_eq!((user.full_name.as_str(), user.attributes["team"].as_str()), ("Al", "blue"));
    }
    it.run(&["set", "alice", "--remove-attribute=team", "--attribute=floor=2"], "").ok();
    assert_eq!(it.account("alice").user.attributes, BTreeMap::from([("floor".to_owned(), "2".to_owned())]));

    let again = it.run(&["set", "alice", "--superuser=no"], "").ok();
    assert_eq!(again.out, "user alice is so already, nothing was changed\n");
    assert!(it.run(&["set", "alice"], "").error().starts_with("nothing to change was given"));
}

#[test]
fn passwd_disable_and_enable_say_what_they_did() {
    let it = Fixture::with_alice();
    let before = it.account("alice");
    for (line, output) in [
        (&["disable", "alice"][..], "disabled user alice; all sessions of the user are over\n"),
        (&["disable", "alice"], "user alice is disabled already, nothing was changed\n"),
        (
            &["passwd", "alice"],
            "set the password of user alice; sessions from before are over\n\
             the user is still disabled; `portcullis user enable alice`\n",
        ),
        (&["enable", "Alice "], "enabled user alice\n"),
        (&["enable", "alice"], "user alice is enabled already, nothing was changed\n"),
        (&["passwd", "alice"], "set the password of user alice; sessions from before are over\n"),
    ] {
        assert_eq!(it.run(line, GOOD).ok().out, output, "{line:?}");
    }
    assert!(it.account("alice").identity(before.credential).is_none());
}

#[test]
fn remove_asks_a_person_and_wants_a_yes_from_a_program() {
    let it = Fixture::with_alice();
    assert_eq!(
        it.run(&["remove", "alice"], "y\n").error(),
        "removing user alice cannot be undone; --yes confirms it where there is no terminal to ask"
    );
    let output = it.run_with(&["remove", "alice"], Input::Person(Box::new(&b"n\n"[..])));
    assert_eq!(output.err, "remove user alice (in staff) for good? [y/N] ");
    assert_eq!(output.error(), "user alice was not removed");
    let output = it.run_with(&["remove", "alice"], Input::Person(Box::new(&b"y\n"[..]))).ok();
    assert_eq!(output.out, "removed user alice\n");
    it.run(&["add", "bob", "--no-password"], "").ok();
    assert_eq!(it.run(&["remove", "bob", "--yes"], "").ok().out, "removed user bob\n");
    assert_eq!(it.run(&["list"], "").ok().out, "there are no users yet\n");
}

#[test]
fn losing_the_last_active_superuser_is_warned_of_and_done() {
    for line in [&["disable", "root"][..], &["remove", "root", "--yes"], &["set", "root", "--superuser=no"]] {
        let it = Fixture::new();
        it.run(&["add", "root", "--superuser", "--no-password"], "").ok();
        it.run(&["add", "second", "--superuser", "--no-password"], "").ok();
        it.run(&["disable", "second"], "").ok();
        let output = it.run(line, "").ok();
        assert!(
            output.err.starts_with("warning: that was the last active superuser"),
            "{line:?}: {}",
            output.err
        );
        assert_eq!(it.run(&["disable", "second"], "").ok().err, "", "that one was none");
    }
}

#[test]
fn a_user_who_does_not_exist_is_an_error_everywhere() {
    let it = Fixture::with_alice();
    for line in [
        &["show", "nobody"][..],
        &["set", "nobody", "--email="],
        &["passwd", "nobody"],
        &["disable", "nobody"],
        &["enable", "nobody"],
        &["remove", "nobody", "--yes"],
    ] {
        let said = it.run(line, GOOD).error();
        assert_eq!(said, "there is no user nobody; `portcullis user list` shows who there is", "{line:?}");
    }
}

fn fields() -> UserFields {
    let field = |name: &str, kind, required| UserField {
        name: name.into(),
        title: name.to_uppercase().into(),
        kind,
        required,
        editable_by: FieldEditor::Admin,
    };
    UserFields::new(vec![
        field("team", FieldKind::Choice(vec!["red".into(), "blue".into()]), true),
        field("desk", FieldKind::Number, false),
    ])
}

#[test]
fn fields_take_values_that_fit_and_keep_those_that_fit_no_more() {
    let mut it = Fixture { fields: fields(), ..Fixture::new() };
    let add = |it: &Fixture, more: &[&str]| it.run(&[&["add", "alice", "--no-password"], more].concat(), "");
    assert_eq!(add(&it, &[]).error(), "field team needs a value: `--field team=VALUE`");
    it.run(&["add", "backup", "--machine"], "").ok();
    assert_eq!(
        add(&it, &["--field", "team=green"]).error(),
        "field team: the value has to be one of red, blue"
    );
    assert_eq!(
        add(&it, &["--field", "colour=red"]).error(),
        "the configuration defines no field \"colour\", only team, desk"
    );
    add(&it, &["--field", "team=red", "--field", "desk=12"]).ok();
    assert_eq!(it.account("alice").user.attributes.len(), 2);
    it.run(&["set", "alice", "--field", "desk="], "").ok();
    assert_eq!(it.run(&["set", "alice", "--field", "team="], "").error(), "field team: a value is required");
    assert_eq!(it.account("alice").user.attributes, BTreeMap::from([("team".to_owned(), "red".to_owned())]));
    // The definition changes: the value stays, and is shown as what it is.
    it.fields = UserFields::new(vec![UserField {
        kind: FieldKind::Choice(vec!["blue".into()]),
        ..fields().named("team").unwrap().clone()
    }]);
    let shown = it.run(&["show", "alice"], "").ok().out;
    assert!(shown.contains("red (does not fit any more: the value has to be one of blue)"), "{shown}");
    it.run(&["set", "alice", "--full-name", "Alice"], "").ok();
    assert_eq!(it.account("alice").user.attributes["team"], "red");
    // A new field that is required: people lack its value, machines need none.
    it.fields =
        UserFields::new(vec![UserField { name: "floor".into(), ..fields().named("team").unwrap().clone() }]);
    for (name, is_required) in [("alice", true), ("backup", false)] {
        let shown = it.run(&["show", name], "").ok().out;
        assert!(shown.contains("TEAM") && !shown.contains("any more"), "{shown}");
        assert_eq!(shown.contains("- (a value is required)"), is_required, "{shown}");
    }
    it.fields = UserFields::default();
    let shown = it.run(&["show", "alice"], "").ok().out;
    assert!(shown.contains("team=red"), "{shown}");
}

#[test]
fn an_import_of_a_dash_reads_standard_input() {
    let it = Fixture::new();
    let file = "carol:$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";
    let output = it.run(&["import", "-"], file).ok();
    assert!(
        output.out.ends_with("imported - (htpasswd): 1 new, 0 changed, 0 kept, 0 refused\n"),
        "{}",
        output.out
    );
    assert!(it.account("carol").active);
    let error = it.run(&["import", "-", "--format", "shadow"], file).error();
    assert!(error.contains("expected nine fields with colons between them"), "{error}");
}
