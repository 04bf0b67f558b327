//! Users of backends in the running gateway: what a reload takes away, state folders of earlier releases, and the
//! commands. The providers of these tests are never asked.

use std::collections::BTreeMap;

use http::Method;
use portcullis::{
    clock::{Clock, Timestamp},
    identity::{BackendName, GroupName, IdentityPair, UserName},
    users::{Account, Adoption, NewUser, Provisioning, SourceEmail, SourceProfile, UserStore},
};
use rusqlite::Connection;

use crate::support::{
    gateway::{TestGateway, password, quick_hash},
    process::{Workplace, text, until},
    visitor::Visitor,
};

const LOCAL: &str = "[[backend]]\ntype = \"local\"\n";
const IDP: &str =
    "[[backend]]\ntype = \"oidc\"\nname = \"idp\"\nissuer = \"https://idp.example.com\"\nclient_id = \"x\"\n";
const GROUPS: &str = "[groups]\nstaff = []\n";
const APPS: &str = r#"
[[app]]
upstream = "builtin:whoami"
[[app.rule]]
path = "/staff/**"
allow = { group = "staff" }
"#;

fn backends(list: &[&str]) -> String {
    format!("{GROUPS}{}", list.concat())
}

fn pair() -> IdentityPair {
    IdentityPair {
        backend: BackendName::parse("idp").expect("a name"),
        authority: "https://idp.example.com".into(),
        subject: "8a7f".into(),
    }
}

/// The provider's profile of alice: she is in the group `staff`.
fn profile() -> SourceProfile {
    SourceProfile {
        pair: pair(),
        name: UserName::parse("alice").expect("a name"),
        email: Some(SourceEmail { address: "alice@example.com".to_owned(), verified: true }),
        full_name: "Alice".to_owned(),
        groups: vec![GroupName::parse("staff").expect("a name")],
        attributes: BTreeMap::new(),
    }
}

/// Connects the provider's alice to the local one, and signs her in there.
fn sign_in_at_provider(store: &mut UserStore) -> Account {
    let alice = UserName::parse("alice").expect("a name");
    store.link_pair(&alice, &pair()).expect("a link");
    let at = Timestamp::from_millis(0);
    let signed_in = store.sign_in_from(profile(), Provisioning::Existing, Adoption::Never, at);
    signed_in.expect("the directory").expect("an account")
}

fn status(visitor: &mut Visitor, path: &str) -> u16 {
    visitor.fetch(&Method::GET, path).status.as_u16()
}

#[test]
fn a_backend_that_a_reload_takes_out_signs_its_users_out_and_takes_its_groups_away() {
    for (now, what) in [
        (backends(&[LOCAL]), "taken out"),
        (backends(&[LOCAL, &IDP.replace("idp.example.com", "elsewhere.example.com")]), "another issuer"),
    ] {
        let gateway = TestGateway::start_with(&backends(&[LOCAL, IDP]), APPS);
        gateway.add_user("alice", &[]);
        sign_in_at_provider(&mut gateway.users());
        let mut alice = Visitor::of(&gateway);
        alice.sign_in("alice", &password("alice"));
        until("the group of the provider counts", || status(&mut alice, "/staff/") == 200);

        gateway.reload(&backends(&[LOCAL, IDP]), &APPS.replace("/staff/", "/team/"));
        assert_eq!(status(&mut alice, "/team/"), 200, "a reload that leaves the backend alone ends nothing");
        gateway.reload(&now, APPS);
        assert_eq!(status(&mut alice, "/"), 401, "{what}");
        alice.sign_in("alice", &password("alice"));
        assert_eq!((status(&mut alice, "/"), status(&mut alice, "/staff/")), (200, 403), "{what}");
    }
}

#[test]
fn the_end_of_a_source_ends_sessions_of_the_running_gateway() {
    let gateway = TestGateway::start_with(&backends(&[LOCAL, IDP]), APPS);
    gateway.add_user("alice", &[]);
    sign_in_at_provider(&mut gateway.users());
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    gateway.users().source_ended(&pair(), "gone").expect("an end");
    until("alice is out", || status(&mut alice, "/") == 401);
    alice.sign_in("alice", &password("alice"));
    assert_eq!(status(&mut alice, "/staff/"), 403);
    let of_end = |line: &serde_json::Value| line["reason"] == "source-ended";
    until("the end is in the audit stream", || gateway.log().iter().any(of_end));
    let log = gateway.log();
    let ended = log.iter().find(|line| of_end(line)).expect("an audit record");
    assert_eq!((ended["backend"].as_str(), ended["subject"].as_str()), (Some("idp"), Some("8a7f")));
}

#[test]
fn the_audit_stream_and_the_metrics_name_the_backend_of_a_sign_in() {
    let gateway = TestGateway::start_with(&backends(&[LOCAL, IDP]), APPS);
    gateway.add_user("alice", &[]);
    Visitor::of(&gateway).sign_in("alice", &password("alice"));
    let log = gateway.log();
    let signed_in = log.iter().find(|line| line["event"] == "sign-in").expect("an audit record");
    assert_eq!((&signed_in["backend"], signed_in.get("subject")), (&"local".into(), None));
}

/// The users database of the release before identities.
const FIRST_SCHEMA: &str = "
    CREATE TABLE user (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, email TEXT NOT NULL,
        full_name TEXT NOT NULL, active INTEGER NOT NULL CHECK (active IN (0, 1)),
        superuser INTEGER NOT NULL CHECK (superuser IN (0, 1)), credential INTEGER NOT NULL, password TEXT,
        created INTEGER NOT NULL, last_sign_in INTEGER
    ) STRICT;
    CREATE TABLE user_group (
        user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE, name TEXT NOT NULL,
        PRIMARY KEY (user_id, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE user_permission (
        user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE, name TEXT NOT NULL,
        PRIMARY KEY (user_id, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE user_attribute (
        user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (user_id, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE change (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, user_id INTEGER NOT NULL,
        user_name TEXT NOT NULL, action TEXT NOT NULL, actor TEXT NOT NULL
    ) STRICT;
    PRAGMA application_id = 0x50727463;
    PRAGMA user_version = 1;
";

#[test]
fn a_state_folder_of_the_release_before_identities_keeps_its_users() {
    let place = Workplace::new(GROUPS, APPS);
    std::fs::create_dir(place.path("state")).expect("a folder");
    let users = Connection::open(place.path("state/users.db")).expect("a database");
    users.execute_batch(FIRST_SCHEMA).expect("the schema");
    let hash = quick_hash(&password("alice"));
    users
        .execute(
            "INSERT INTO user VALUES (7, 'alice', 'a@example.com', '', 1, 0, 41, ?1, 5, NULL)",
            [hash.as_phc()],
        )
        .expect("a user");
    users.execute("INSERT INTO user_group VALUES (7, 'staff')", []).expect("a group");
    drop(users);

    let gateway = place.start();
    let mut alice = gateway.visitor();
    alice.sign_in("alice", &password("alice"));
    assert_eq!(status(&mut alice, "/staff/"), 200);
    let shown = place.run_well(&["user", "show", "alice", "--json"], "");
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["local_groups"], serde_json::json!(["staff"]));
    assert_eq!((&shown["email_verified"], &shown["identities"]), (&false.into(), &serde_json::json!([])));
}

#[test]
fn a_state_folder_of_a_newer_release_is_a_clear_error() {
    let place = Workplace::new(GROUPS, APPS);
    place.run_well(&["user", "add", "alice", "--no-password"], "");
    let users = Connection::open(place.path("state/users.db")).expect("a database");
    users.pragma_update(None, "user_version", 1000).expect("a version");
    for command in [&["user", "list"][..], &[]] {
        let output = place.run(command, "");
        let message = text(&output.stderr);
        assert!(!output.status.success() && message.contains("newer"), "{command:?}: {message}");
    }
}

#[test]
fn check_warns_if_no_superuser_gets_in_while_the_other_backends_are_down() {
    let place = Workplace::new(&backends(&[LOCAL, IDP]), APPS);
    let warning = |place: &Workplace| {
        let output = place.run(&["check"], "");
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr).contains("no active superuser has a password of the gateway's own")
    };
    assert!(!warning(&place), "a gateway that was never started has a set-up link");
    assert!(!place.path("state").exists());
    place.run_well(&["user", "add", "root", "--superuser", "--no-password"], "");
    assert!(warning(&place));
    place.run_well(&["user", "passwd", "root"], "quiet otters fold umbrellas");
    assert!(!warning(&place));
    place.run_well(&["user", "disable", "root"], "");
    assert!(warning(&place));

    let alone = Workplace::new(&backends(&[IDP]), APPS);
    let output = text(&alone.run(&["check"], "").stderr);
    assert!(output.contains("no backend is the gateway's own directory"), "{output}");
}

#[test]
fn a_password_of_the_own_directory_lets_nobody_in_where_it_is_no_backend() {
    let gateway = TestGateway::start_with(&backends(&[LOCAL, IDP]), APPS);
    gateway.add_user("alice", &[]);
    assert_eq!(Visitor::of(&gateway).sign_in_to("/", "alice", &password("alice")).status, 303);
    gateway.reload(&backends(&[IDP]), APPS);
    // The sign-in page leads to the provider, so the form is that of the page before.
    let mut visitor = Visitor::of(&gateway);
    gateway.reload(&backends(&[LOCAL, IDP]), APPS);
    let form = visitor.get("/.gateway/login");
    let csrf = form.field("csrf");
    gateway.reload(&backends(&[IDP]), APPS);
    let password = password("alice");
    let fields = [("csrf", csrf.as_str()), ("next", "/"), ("username", "alice"), ("password", &password)];
    let response = visitor.submit("/.gateway/login", &fields);
    assert_eq!(response.status, 401, "{}", response.text());
    assert_eq!(status(&mut visitor, "/"), 401);
}

#[test]
fn an_account_of_a_backend_is_made_beside_the_running_gateway() {
    let gateway = TestGateway::start_with(&backends(&[LOCAL, IDP]), APPS);
    let mut store = gateway.users();
    let at = Timestamp::from_millis(0);
    let made = store.sign_in_from(profile(), Provisioning::Automatic, Adoption::Never, at);
    assert!(made.expect("the directory").is_ok());
    // The name is taken now, for the gateway's own directory as well.
    let clock = Clock::system();
    let mut other = UserStore::open(&gateway.folder().join("state/users.db"), clock).expect("the directory");
    let alice = NewUser::named(UserName::parse("alice").expect("a name"));
    assert_eq!(other.add(alice).unwrap_err().to_string(), "there is already a user alice");
}
