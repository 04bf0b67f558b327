//! Explanations of requests, as text and as JSON.

use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;
use crate::{
    clock::Timestamp,
    identity::{BackendName, GroupName, IdentityPair},
    users::{Adoption, ListChange, NewUser, Provisioning, SourceProfile, UserChange, UserStore},
};

const FILE: &str = r#"
[server]
trusted_proxies = ["192.0.2.1"]

[groups]
staff = ["reports.view"]

[[app]]
name = "wiki"
host = "wiki.example.com"
upstream = ["http://127.0.0.1:8080", "http://127.0.0.1:8081"]

[[app.rule]]
path = "/public/**"
allow = "anyone"

[[app.rule]]
path = "/admin/**"
allow = { group = "staff" }

[[app.rule]]
path = "/admin/**"
methods = ["DELETE"]
allow = "nobody"

[[app.rule]]
path = "/office/**"
allow = { network = "10.0.0.0/8" }

[[app]]
name = "deep"
host = "deep.example.com"
path = "/deep"
upstream = "builtin:whoami"
identity = { X-User = "username", X-Team = { attribute = "team" } }
"#;

struct Gateway {
    folder: TempDir,
}

impl Gateway {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("gateway.toml"), FILE).unwrap();
        Self { folder }
    }

    fn with_people() -> Self {
        let gateway = Self::new();
        let path = gateway.folder.path().join("state/users.db");
        let mut store = UserStore::open(&path, Clock::system()).unwrap();
        for (name, groups) in
            [("alice", &["staff"][..]), ("bob", &[]), ("carol", &["staff"]), ("root", &["ops", "staff"])]
        {
            let mut new = NewUser::named(UserName::parse(name).unwrap());
            new.groups = groups.iter().map(|name| GroupName::parse(name).unwrap()).collect();
            new.attributes = BTreeMap::from([("team".to_owned(), "blue".to_owned())]);
            new.superuser = name == "root";
            store.add(new).unwrap();
        }
        store.set_active(&UserName::parse("carol").unwrap(), false).unwrap();
        gateway
    }

    fn asked(&self, words: &str) -> Result<String, ExplainError> {
        let words = std::iter::once("explain").chain(words.split(' '));
        let command = <ExplainArgs as clap::Args>::augment_args(clap::Command::new("explain"));
        let matches = command.try_get_matches_from(words).unwrap();
        let args = <ExplainArgs as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
        let mut out = Vec::new();
        run(&args, &self.folder.path().join("gateway.toml"), &Clock::system(), &mut out)?;
        let here = format!("{}/", self.folder.path().display());
        Ok(String::from_utf8(out).unwrap().replace(&here, ""))
    }

    fn explained(&self, asked: &[&str]) -> String {
        asked.iter().map(|words| self.asked(words).unwrap()).collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn explain_shows_every_decision_with_its_rule_and_reason() {
    insta::assert_snapshot!(Gateway::with_people().explained(&[
        "GET https://wiki.example.com/public/logo.png",
        "GET https://wiki.example.com/admin/ --anonymous",
        "GET https://wiki.example.com/admin/ --user Alice",
        "GET https://wiki.example.com/admin/ --user bob",
        "DELETE https://wiki.example.com/admin/x --user alice",
        "GET https://wiki.example.com/other?x=1 --user bob",
        "GET https://wiki.example.com/office/ --user bob --from 10.1.2.3",
        "GET https://wiki.example.com/office/ --user bob --from 192.0.2.7",
        "GET https://wiki.example.com/admin/ --user carol",
        "GET http://wiki.example.com/admin/x --user root",
        "GET https://deep.example.com/deep/x --user bob",
    ]));
}

#[test]
fn explain_shows_requests_that_reach_no_rule() {
    insta::assert_snapshot!(Gateway::new().explained(&[
        "GET https://unknown.example.com/",
        "GET https://deep.example.com/elsewhere",
        "GET https://wiki.example.com/.gateway/login",
        "GET https://wiki.example.com/public/../admin/",
        "GET https://wiki.example.com/a%2",
        "GET https://wiki.example.com/caf\u{e9}",
        "GET https://bob@wiki.example.com/",
        "CONNECT https://wiki.example.com/",
        "GET https://wiki.example.com",
    ]));
}

#[test]
fn explain_shows_every_other_reading_with_its_rule() {
    insta::assert_snapshot!(Gateway::with_people().explained(&[
        "GET https://wiki.example.com/Admin/ --user bob",
        "GET https://wiki.example.com/public;x/%61dmin --user bob",
        "GET https://wiki.example.com/public//x",
    ]));
}

#[test]
fn explain_prints_the_same_as_json() {
    insta::assert_snapshot!(
        Gateway::with_people()
            .explained(&["GET https://wiki.example.com/admin/ --user alice --json", "GET https://x/ --json"])
    );
}

#[test]
fn explain_shows_the_decision_of_a_rule_that_is_not_enforced() {
    let gateway = Gateway::with_people();
    let rules = "[[app]]\nname = \"wiki\"\nupstream = \"builtin:whoami\"\n\
         [[app.rule]]\npath = \"/**\"\nallow = \"authenticated\"\n\
         [[app.rule]]\npath = \"/admin/**\"\nallow = { group = \"staff\" }\nenforce = false\n\
         [groups]\nstaff = []\n";
    std::fs::write(gateway.folder.path().join("gateway.toml"), rules).unwrap();
    let explained = gateway.asked("GET https://wiki.example.com/admin/x --user bob").unwrap();
    assert!(explained.contains("decision  allow") && explained.contains("/** → signed in"), "{explained}");
    let would = "but       a rule that is not enforced says forbidden: 403 (gateway.toml:8:8): membership of a group is missing";
    assert!(explained.contains(would), "{explained}");
    let json = gateway.asked("GET https://wiki.example.com/admin/x --user bob --json").unwrap();
    assert!(json.contains("\"not_enforced\": {\n    \"decision\": \"forbidden\""), "{json}");
    for asked in ["/admin/x --user alice", "/other --user bob", "/admin/x --anonymous"] {
        let explained = gateway.asked(&format!("GET https://wiki.example.com{asked}")).unwrap();
        assert!(!explained.contains("not enforced says"), "{explained}");
    }
}

#[test]
fn explain_says_where_each_group_comes_from_and_knows_users_of_backends_as_last_seen() {
    let gateway = Gateway::new();
    let path = gateway.folder.path().join("state/users.db");
    let mut store = UserStore::open(&path, Clock::system()).unwrap();
    let pair = IdentityPair {
        backend: BackendName::parse("company").unwrap(),
        authority: "dc=example".into(),
        subject: "1".into(),
    };
    let staff = GroupName::parse("staff").unwrap();
    let mut profile = SourceProfile {
        pair: pair.clone(),
        name: UserName::parse("dora").unwrap(),
        email: None,
        full_name: String::new(),
        groups: vec![staff],
        attributes: BTreeMap::new(),
    };
    let at = Timestamp::from_millis(0);
    let signed_in = |store: &mut UserStore, profile: &SourceProfile, provisioning| {
        store.sign_in_from(profile.clone(), provisioning, Adoption::Never, at).unwrap()
    };
    signed_in(&mut store, &profile, Provisioning::Automatic).unwrap();
    let ops = ListChange { add: vec![GroupName::parse("ops").unwrap()], ..ListChange::default() };
    store.update(&profile.name, &UserChange { groups: ops, ..UserChange::default() }).unwrap();
    let explained = gateway.asked("GET https://wiki.example.com/admin/ --user dora").unwrap();
    for line in [
        "groups    ops given here\n          staff brought by company\n",
        "note      known to company, as of the last sign-in or refresh there; the last sign-in was at 1970-01-01T00:00:00.000Z\n",
        "decision  allow",
    ] {
        assert!(explained.contains(line), "{explained}");
    }
    let json = gateway.asked("GET https://wiki.example.com/admin/ --user dora --json").unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json["group_sources"],
        serde_json::json!([{ "group": "ops", "from": ["local"] }, { "group": "staff", "from": ["company"] }])
    );

    // Renamed at the backend.
    profile.name = UserName::parse("dora.smith").unwrap();
    signed_in(&mut store, &profile, Provisioning::Automatic).unwrap();
    let explained = gateway.asked("GET https://wiki.example.com/admin/ --user dora.smith").unwrap();
    assert!(
        explained.contains("dora.smith is the name at a backend; the account here is dora"),
        "{explained}"
    );
    assert!(explained.contains("decision  allow"), "{explained}");

    store.source_ended(&pair, "gone").unwrap();
    let explained = gateway.asked("GET https://wiki.example.com/admin/ --user dora").unwrap();
    assert!(explained.contains("company does not let the user in any more (gone)"), "{explained}");
    assert!(explained.contains("decision  forbidden"), "{explained}");

    profile.pair.subject = "2".into();
    profile.name = UserName::parse("erin").unwrap();
    signed_in(&mut store, &profile, Provisioning::Approval).unwrap_err();
    let explained = gateway.asked("GET https://wiki.example.com/admin/ --user erin").unwrap();
    assert!(explained.contains("erin waits for approval, so the sign-in is refused"), "{explained}");
}

#[test]
fn explain_shows_which_proof_is_missing() {
    let gateway = Gateway::with_people();
    let rule = "[[app]]\nname = \"wiki\"\nupstream = \"builtin:whoami\"\n\
         [[app.rule]]\npath = \"/admin/**\"\nallow = \"authenticated\"\nmax_age = \"10m\"\n";
    std::fs::write(gateway.folder.path().join("gateway.toml"), rule).unwrap();
    let explained =
        |age| gateway.asked(&format!("GET https://wiki.example.com/admin/ --user bob --age {age}")).unwrap();
    let old = explained("11m");
    assert!(old.contains("decision  confirm first"), "{old}");
    let why = "the password was confirmed too long ago; required: confirmed in the last 10m";
    assert!(old.contains(why), "{old}");
    let recent = explained("10m");
    assert!(recent.contains("decision  allow") && !recent.contains("required:"), "{recent}");
}

#[test]
fn explain_refuses_unusable_arguments_with_a_reason() {
    let gateway = Gateway::with_people();
    let why = |words: &str| gateway.asked(words).unwrap_err().to_string();
    assert_eq!(
        why("GET https://wiki.example.com/ --user mallory"),
        "there is no user mallory; `portcullis user list` shows who there is"
    );
    assert!(why("GET https://wiki.example.com/ --user a,b").starts_with("no user can be called \"a,b\""));
    assert!(why("GET wiki.example.com/").starts_with("cannot read the URL \"wiki.example.com/\""));
    assert!(why("GET https:///x").starts_with("cannot read the URL"));
    assert!(why("G@T https://wiki.example.com/").starts_with("cannot read the method \"G@T\""));
}

#[test]
fn explain_makes_no_database() {
    let gateway = Gateway::new();
    assert!(gateway.asked("GET https://wiki.example.com/ --user alice").is_err());
    assert!(!gateway.folder.path().join("state").exists());
}

#[test]
fn a_configuration_with_mistakes_is_not_explained() {
    let gateway = Gateway::new();
    std::fs::write(gateway.folder.path().join("gateway.toml"), "[[app]]\n").unwrap();
    let why = gateway.asked("GET https://wiki.example.com/").unwrap_err().to_string();
    assert!(why.starts_with("error: this app has no `upstream`"), "{why}");
}
