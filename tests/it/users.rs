//! Changes of users at the command line hold in the running gateway.

use http::Method;

use crate::support::{
    cookies::SESSION,
    process::{Process, Workplace, text, until},
    visitor::Visitor,
};

const CONFIGURATION: &str = r#"
[[app]]
upstream = "builtin:whoami"
[[app.rule]]
path = "/staff/**"
allow = { group = "staff" }
[[app.rule]]
path = "/edit/**"
allow = { permission = "wiki.edit" }
[[app.rule]]
path = "/direct/**"
allow = { permission = "wiki.direct" }
[[app.rule]]
path = "/super/**"
allow = { user = "somebody-else" }
"#;

const WHOAMI: &str = "[[app]]\nupstream = \"builtin:whoami\"";
const PASSWORD: &str = "quiet otters fold umbrellas";
const NEW: &str = "seven violet lanterns hum";

/// A running gateway with `alice`, who is signed in.
fn alice_is_signed_in() -> (Workplace, Process, Visitor) {
    let place = Workplace::new("[groups]\nstaff = [\"wiki.read\"]\neditors = [\"wiki.edit\"]", CONFIGURATION);
    place.run_well(&["user", "add", "alice"], PASSWORD);
    let gateway = place.start();
    let mut alice = gateway.visitor();
    alice.sign_in("alice", PASSWORD);
    assert_eq!(status(&mut alice, "/"), 200);
    (place, gateway, alice)
}

fn status(visitor: &mut Visitor, path: &str) -> u16 {
    visitor.fetch(&Method::GET, path).status.as_u16()
}

#[test]
fn a_disabled_user_is_out_with_the_next_request_and_stays_out_when_enabled() {
    let (place, gateway, mut alice) = alice_is_signed_in();
    let session = alice.cookies[SESSION].clone();
    place.run_well(&["user", "disable", "alice"], "");
    until("alice is out", || status(&mut alice, "/") == 401);
    assert_eq!(gateway.visitor().sign_in_to("/", "alice", PASSWORD).status, 401);

    place.run_well(&["user", "enable", "alice"], "");
    until("alice can sign in again", || gateway.visitor().sign_in_to("/", "alice", PASSWORD).status == 303);
    alice.cookies.insert(SESSION.to_owned(), session);
    assert_eq!(status(&mut alice, "/"), 401, "a session from before came back to life");
}

#[test]
fn a_removed_user_is_out_and_a_namesake_inherits_nothing() {
    let (place, gateway, mut alice) = alice_is_signed_in();
    let session = alice.cookies[SESSION].clone();
    let unconfirmed = place.run(&["user", "remove", "alice"], "y\n");
    assert_eq!(unconfirmed.status.code(), Some(1), "a program has confirmed");
    assert_eq!(status(&mut alice, "/"), 200);

    place.run_well(&["user", "remove", "alice", "--yes"], "");
    until("alice is out", || status(&mut alice, "/") == 401);
    place.run_well(&["user", "add", "alice"], NEW);
    until("the namesake can sign in", || gateway.visitor().sign_in_to("/", "alice", NEW).status == 303);
    alice.cookies.insert(SESSION.to_owned(), session);
    assert_eq!(status(&mut alice, "/"), 401, "the namesake's account came with alice's session");
}

#[test]
fn changed_groups_permissions_and_superusers_count_at_once() {
    let (place, gateway, mut alice) = alice_is_signed_in();
    assert_eq!((status(&mut alice, "/staff/x"), status(&mut alice, "/edit/x")), (403, 403));

    place.run_well(&["user", "set", "alice", "--add-group", "staff"], "");
    until("staff may", || status(&mut alice, "/staff/x") == 200);
    assert_eq!(status(&mut alice, "/edit/x"), 403);
    let page = alice.get("/staff/x").text();
    assert!(page.to_lowercase().contains("remote-groups: staff"), "{page}");

    place.run_well(&["user", "set", "alice", "--groups", "editors"], "");
    until("staff no more", || status(&mut alice, "/staff/x") == 403);
    assert_eq!(status(&mut alice, "/edit/x"), 200, "through the group's permission");

    place.run_well(&["user", "set", "alice", "--remove-group", "editors"], "");
    until("editor no more", || status(&mut alice, "/edit/x") == 403);

    place.run_well(&["user", "set", "alice", "--add-permission", "wiki.direct"], "");
    until("a permission of her own", || status(&mut alice, "/direct/x") == 200);

    place.run_well(&["user", "set", "alice", "--superuser", "yes"], "");
    until("a superuser", || status(&mut alice, "/super/x") == 200);
    place.run_well(&["user", "set", "alice", "--superuser", "no"], "");
    until("a superuser no more", || status(&mut alice, "/super/x") == 403);
    assert_eq!(status(&mut alice, "/"), 200, "she was signed out on the way");
    drop(gateway);
}

#[test]
fn a_password_set_at_the_command_line_ends_all_sessions() {
    let (place, gateway, mut alice) = alice_is_signed_in();
    place.run_well(&["user", "passwd", "alice"], NEW);
    until("alice is out", || status(&mut alice, "/") == 401);
    assert_eq!(gateway.visitor().sign_in_to("/", "alice", PASSWORD).status, 401);
    gateway.visitor().sign_in("alice", NEW);
}

#[test]
fn an_added_user_can_sign_in_and_the_audit_log_names_the_actor() {
    let (place, gateway, _) = alice_is_signed_in();
    place.run_well(&["user", "add", "bob", "--group", "staff", "--email", "bob@example.com"], NEW);
    until("bob can sign in", || gateway.visitor().sign_in_to("/", "bob", NEW).status == 303);
    let entry = gateway.stdout.wait_for("an audit entry", |text| {
        text.lines()
            .find(|entry| entry.contains("user-changed") && entry.contains("\"bob\""))
            .map(str::to_owned)
    });
    let entry: serde_json::Value = serde_json::from_str(&entry).unwrap();
    assert!(entry["actor"].is_string(), "{entry}");
}

#[test]
fn a_password_is_never_an_argument_and_never_printed() {
    let place = Workplace::new("", WHOAMI);
    for arguments in [
        &["user", "add", "bob", "--password", PASSWORD][..],
        &["user", "add", "bob", PASSWORD],
        &["user", "passwd", "bob", PASSWORD],
        &["hash", PASSWORD],
    ] {
        assert_eq!(place.run(arguments, "").status.code(), Some(2), "{arguments:?}");
    }
    let added = place.run(&["user", "add", "bob"], &format!("{PASSWORD}\nand a second line\n"));
    assert!(added.status.success());
    let printed = [added.stdout, added.stderr, place.run(&["user", "show", "bob"], "").stdout].concat();
    let shown = place.run_well(&["user", "show", "bob", "--json"], "");
    let printed = format!("{}{shown}", text(&printed));
    assert!(!printed.contains(PASSWORD) && !printed.contains("argon2"), "{printed}");

    for (input, complaint) in
        [("", "standard input is empty"), ("short\n", "too short"), ("password\n", "easy to guess")]
    {
        let output = place.run(&["user", "add", "carol"], input);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{input:?}");
        assert!(err.contains(complaint), "{complaint}: {err}");
    }
    assert_eq!(place.run(&["user", "show", "carol"], "").status.code(), Some(1), "made all the same");
    place.run_well(&["user", "add", "carol", "--allow-weak"], "short\n");
}

#[test]
fn listings_are_json_when_asked_for() {
    let place = Workplace::new("[groups]\nstaff = []", WHOAMI);
    assert_eq!(place.run_well(&["user", "list", "--json"], "").trim(), "[]");
    let details = ["--full-name", "Alice Ärmel", "--email", "a@example.com", "--attribute", "team=blue"];
    let add = [&["user", "add", "Alice", "--group", "staff"][..], &details].concat();
    place.run_well(&add, PASSWORD);
    place.run_well(&["user", "add", "robot", "--no-password"], "");
    let listed: serde_json::Value =
        serde_json::from_str(&place.run_well(&["user", "list", "--json"], "")).unwrap();
    let alice: serde_json::Value =
        serde_json::from_str(&place.run_well(&["user", "show", "ALICE", "--json"], "")).unwrap();
    assert_eq!(listed[0], alice);
    assert_eq!(alice["name"], "alice");
    assert_eq!(alice["full_name"], "Alice Ärmel");
    assert_eq!(alice["groups"], serde_json::json!(["staff"]));
    assert_eq!(alice["attributes"], serde_json::json!({ "team": "blue" }));
    assert_eq!((&alice["active"], &alice["has_password"]), (&true.into(), &true.into()));
    assert_eq!((&listed[1]["name"], &listed[1]["has_password"]), (&"robot".into(), &false.into()));
    let warned = place.run(&["user", "add", "bob", "--group", "stuff"], PASSWORD);
    assert!(text(&warned.stderr).contains("did you mean staff?"), "{}", text(&warned.stderr));
}

#[test]
fn two_names_that_look_alike_are_not_two_accounts() {
    let place = Workplace::new("", WHOAMI);
    place.run_well(&["user", "add", "alice"], PASSWORD);
    for name in ["Alice", " alice", "alice ", "\u{ff41}lice", "ALICE"] {
        let output = place.run(&["user", "add", name], PASSWORD);
        assert_eq!(output.status.code(), Some(1), "{name:?}");
        assert!(text(&output.stderr).contains("alice"), "{name:?}");
    }
}
