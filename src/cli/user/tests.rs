//! The commands as they are typed, against a database in a temporary folder.

use std::collections::BTreeMap;

use clap::Parser;
use insta::assert_snapshot;
use tempfile::TempDir;

use super::*;
use crate::{
    clock::Timestamp,
    identity::IdentityPair,
    language::Language,
    mail::MailQueue,
    pages::Pages,
    portal::Letters,
    users::{
        Adoption, FactorName, FieldEditor, FieldKind, NotProvisioned, Provisioning, ShownTo, SourceEmail,
        SourceProfile, TotpCode, UserField, Verdict,
    },
};

const QUICK: HashSettings = HashSettings { memory: 64, iterations: 1, parallelism: 1 };
const GOOD: &str = "velvet turbine oyster\n";

#[derive(Debug, Parser)]
struct Typed {
    #[command(subcommand)]
    command: UserCommand,
}

struct Fixture {
    temp: TempDir,
    clock: Clock,
    fields: UserFields,
    /// Whether the configuration has `[mail]`.
    queue: bool,
}

/// The result and the output of a command.
#[derive(Debug)]
struct CommandOutput {
    result: Result<(), String>,
    out: String,
    err: String,
}

impl CommandOutput {
    fn ok(self) -> Self {
        assert_eq!(self.result, Ok(()));
        self
    }

    fn error(self) -> String {
        assert_eq!(self.out, "", "a command that fails says nothing else");
        self.result.unwrap_err()
    }
}

impl Fixture {
    fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
        Self { temp: tempfile::tempdir().unwrap(), clock, fields: UserFields::default(), queue: false }
    }

    /// Runs a command with `stdin` from a program.
    fn run(&self, line: &[&str], stdin: &str) -> CommandOutput {
        self.run_with(line, Input::Program(Box::new(stdin.as_bytes())))
    }

    fn run_with(&self, line: &[&str], input: Input<'_>) -> CommandOutput {
        let typed = Typed::try_parse_from([&["user"], line].concat()).unwrap();
        let groups = ["staff", "ops"].map(|name| GroupName::parse(name).unwrap());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let context = UserContext {
            database: &self.temp.path().join("users.db"),
            settings: QUICK,
            rules: &PasswordRules::default(),
            clock: self.clock.clone(),
            groups: &groups,
            fields: &self.fields,
            backends: &[(backend("idp"), "https://idp.example.com".to_owned())],
            mail: MailContext {
                letters: Letters {
                    pages: Pages::new(),
                    language: Language::english(),
                    origin: "https://login.example.com".into(),
                },
                queue: self.queue.then(|| self.temp.path().join("mail.db")),
            },
            actor: "operator".to_owned(),
            input,
            out: &mut out,
            err: &mut err,
        };
        let result = run(&typed.command, context).map_err(|error| error.to_string());
        CommandOutput { result, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
    }

    fn account(&self, name: &str) -> Account {
        let store = UserStore::open(&self.temp.path().join("users.db"), Clock::system()).unwrap();
        store.find_by_name(&UserName::parse(name).unwrap()).unwrap().unwrap()
    }

    fn with_alice() -> Self {
        let it = Self::new();
        it.run(&["add", "alice", "--group", "staff", "--email", "alice@example.com"], GOOD).ok();
        it
    }
}

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
        assert_eq!(it.run(line, GOOD).error(), "there is no user nobody", "{line:?}");
    }
}

#[test]
fn users_are_listed_as_a_table_and_shown_as_text() {
    let it = Fixture::with_alice();
    it.run(&["add", "zoë", "--superuser", "--no-password", "--group=staff,ops"], "").ok();
    it.run(&["set", "alice", "--attribute=team=blue", "--attribute=floor=2"], "").ok();
    it.run(&["add", "bob"], GOOD).ok();
    it.run(&["disable", "bob"], "").ok();
    assert_snapshot!(it.run(&["list"], "").ok().out, @r"
    NAME   STATE        SUPERUSER  SIGN-IN   GROUPS      EMAIL              LAST SIGN-IN
    alice  active       no         password  staff       alice@example.com  never
    bob    disabled     no         password  -           -                  never
    zoë    no password  yes        -         ops, staff  -                  never
    ");
    assert_snapshot!(it.run(&["show", "alice"], "").ok().out, @r"
    name          alice
    number        1
    full name     -
    email         alice@example.com
    state         active
    superuser     no
    password      set
    groups        staff
    permissions   -
    created       2023-11-14T22:13:20.000Z
    last sign-in  never
    attributes    floor=2
                  team=blue
    ");
}

#[test]
fn users_are_shown_as_json_without_their_hashes() {
    let it = Fixture::with_alice();
    let object = it.run(&["show", "alice", "--json"], "").ok().out;
    assert_snapshot!(object, @r#"
    {
      "id": 1,
      "name": "alice",
      "full_name": "",
      "email": "alice@example.com",
      "email_verified": false,
      "active": true,
      "waiting_since": null,
      "superuser": false,
      "machine": false,
      "has_password": true,
      "must_change_password": false,
      "groups": [
        "staff"
      ],
      "local_groups": [
        "staff"
      ],
      "permissions": [],
      "attributes": {},
      "created": "2023-11-14T22:13:20.000Z",
      "last_sign_in": null,
      "identities": [],
      "invited": [],
      "factors": [],
      "recovery_codes_left": 0
    }
    "#);
    let listed: Vec<serde_json::Value> =
        serde_json::from_str(&it.run(&["list", "--json"], "").ok().out).unwrap();
    assert_eq!(listed, [serde_json::from_str::<serde_json::Value>(&object).unwrap()]);
    assert_eq!(Fixture::new().run(&["list", "--json"], "").ok().out, "[]\n");
}

#[test]
fn a_damaged_database_is_an_error_that_names_the_file() {
    let it = Fixture::new();
    std::fs::write(it.temp.path().join("users.db"), "no database\n".repeat(100)).unwrap();
    let message = it.run(&["list"], "").error();
    assert!(message.contains("users.db is damaged or no SQLite database"), "{message}");
}

fn backend(name: &str) -> BackendName {
    BackendName::parse(name).unwrap()
}

/// A user of the provider `idp`, as a sign-in leaves one.
fn from_idp(subject: &str, who: &str) -> SourceProfile {
    SourceProfile {
        pair: IdentityPair {
            backend: backend("idp"),
            authority: "https://idp.example.com".into(),
            subject: subject.into(),
        },
        name: UserName::parse(who).unwrap(),
        email: Some(SourceEmail { address: format!("{who}@example.com"), verified: true }),
        full_name: String::new(),
        groups: vec![GroupName::parse("staff").unwrap()],
        attributes: BTreeMap::new(),
    }
}

impl Fixture {
    fn sign_in(&self, profile: SourceProfile, provisioning: Provisioning) -> Result<Account, NotProvisioned> {
        let mut store = UserStore::open(&self.temp.path().join("users.db"), self.clock.clone()).unwrap();
        store.sign_in_from(profile, provisioning, Adoption::Never, self.clock.now()).unwrap()
    }
}

#[test]
fn a_user_of_a_backend_is_listed_with_the_sources_of_sign_in_and_groups() {
    let it = Fixture::new();
    it.sign_in(from_idp("8a7f", "alice"), Provisioning::Automatic).unwrap();
    it.run(&["set", "alice", "--groups", "ops"], "").ok();
    it.sign_in(from_idp("9b", "bob"), Provisioning::Approval).unwrap_err();
    assert_snapshot!(it.run(&["list"], "").ok().out, @r"
    NAME   STATE    SUPERUSER  SIGN-IN  GROUPS      EMAIL              LAST SIGN-IN
    alice  active   no         idp      ops, staff  alice@example.com  2023-11-14T22:13:20.000Z
    bob    waiting  no         idp      staff       bob@example.com    never
    ");
    assert_snapshot!(it.run(&["show", "alice"], "").ok().out, @r"
    name          alice
    number        1
    full name     -
    email         alice@example.com (verified)
    state         active
    superuser     no
    password      none
    groups        ops, staff (idp)
    permissions   -
    created       2023-11-14T22:13:20.000Z
    last sign-in  2023-11-14T22:13:20.000Z
    through idp   8a7f, named alice, alice@example.com, linked 2023-11-14T22:13:20.000Z, last sign-in 2023-11-14T22:13:20.000Z, at https://idp.example.com
    ");
    let object = it.run(&["show", "alice", "--json"], "").ok().out;
    let object: serde_json::Value = serde_json::from_str(&object).unwrap();
    assert_eq!(object["local_groups"], serde_json::json!(["ops"]));
    assert_eq!(
        object["identities"],
        serde_json::json!([{
            "backend": "idp",
            "authority": "https://idp.example.com",
            "subject": "8a7f",
            "name": "alice",
            "email": "alice@example.com",
            "linked": "2023-11-14T22:13:20.000Z",
            "last_sign_in": "2023-11-14T22:13:20.000Z",
            "ended": null,
            "groups": ["staff"],
            "attributes": {},
        }])
    );
}

#[test]
fn set_groups_changes_local_groups_alone() {
    let it = Fixture::new();
    it.sign_in(from_idp("8a7f", "alice"), Provisioning::Automatic).unwrap();
    it.run(&["set", "alice", "--groups", "ops"], "").ok();
    assert_eq!(listing::joined(&it.account("alice").user.groups), "ops, staff");
    let output = it.run(&["set", "alice", "--groups", "", "--remove-group", "staff"], "").ok();
    assert_eq!(output.err, "");
    let output = it.run(&["set", "alice", "--full-name", "Alice"], "").ok();
    assert!(output.err.starts_with("warning: e-mail address and full name come from idp"), "{}", output.err);
    assert_eq!(listing::joined(&it.account("alice").user.groups), "staff", "the backend's");
}

#[test]
fn a_waiting_user_is_approved_by_enable_and_declined_by_disable() {
    let it = Fixture::new();
    for (subject, who, command, said) in [
        ("1", "alice", "enable", "approved user alice, who can sign in now\n"),
        ("2", "bob", "disable", "disabled user bob, who waited for approval\n"),
    ] {
        it.sign_in(from_idp(subject, who), Provisioning::Approval).unwrap_err();
        assert!(it.run(&["show", who], "").ok().out.contains("waiting for approval since"));
        assert_eq!(it.run(&[command, who], "").ok().out, said);
    }
    it.sign_in(from_idp("1", "alice"), Provisioning::Approval).unwrap();
    let refused = it.sign_in(from_idp("2", "bob"), Provisioning::Approval).unwrap_err();
    assert_eq!(refused, NotProvisioned::Disabled);
}

#[test]
fn an_invited_user_needs_no_password_and_signs_in_through_the_backend() {
    let it = Fixture::new();
    let line = ["add", "alice", "--email", "alice@example.com", "--invite", "idp"];
    let output = it.run(&line, "").ok();
    assert_eq!(
        output.out,
        "added user alice\ninvited to sign in through idp with the verified address alice@example.com\n"
    );
    assert!(it.run(&["show", "alice"], "").ok().out.contains("invited, not signed in yet"));
    let account = it.sign_in(from_idp("1", "alice"), Provisioning::Invited).unwrap();
    assert_eq!(account.user.name.as_str(), "alice");

    for (line, message) in [
        (
            ["add", "bob", "--email", "b@example.com", "--invite", "other"],
            "there is no backend other in the configuration, only idp",
        ),
        (
            ["add", "bob", "--email", "b@example.com", "--invite", "local"],
            "users of the gateway's own directory have no ids elsewhere; name another backend",
        ),
        (
            ["add", "bob", "--email", "b@a@example.com", "--invite", "idp"],
            "an invitation needs an e-mail address in its usual form, by which the user is found",
        ),
    ] {
        assert_eq!(it.run(&line, "").error(), message);
    }
}

#[test]
fn link_and_unlink_connect_an_id_of_a_backend_to_one_account() {
    let it = Fixture::new();
    it.run(&["add", "alice"], GOOD).ok();
    it.run(&["add", "bob", "--no-password"], "").ok();
    let linked = it.run(&["link", "alice", "idp", "8a7f"], "").ok();
    assert_eq!(linked.out, "linked idp 8a7f to user alice\n");
    let again = it.run(&["link", "alice", "idp", "8a7f"], "").ok();
    assert_eq!(again.out, "idp 8a7f belongs to user alice already, nothing was changed\n");
    for (line, message) in [
        (["link", "bob", "idp", "8a7f"], "idp 8a7f already belongs to user alice"),
        (["link", "bob", "nowhere", "1"], "there is no backend nowhere in the configuration, only idp"),
        (["link", "nobody", "idp", "1"], "there is no user nobody"),
        (["unlink", "bob", "idp", "8a7f"], "idp 8a7f does not belong to user bob"),
    ] {
        assert_eq!(it.run(&line, "").error(), message);
    }
    let account = it.sign_in(from_idp("8a7f", "x"), Provisioning::Existing).unwrap();
    assert_eq!(account.user.name.as_str(), "alice");
    let unlinked = it.run(&["unlink", "alice", "idp", "8a7f"], "").ok();
    assert_eq!(unlinked.out, "unlinked idp 8a7f from user alice; sessions from before are over\n");
    assert!(it.account("alice").identity(account.credential).is_none());
    it.run(&["link", "bob", "idp", "8a7f"], "").ok();
    assert_eq!(
        it.run(&["unlink", "bob", "idp", "8a7f"], "").error(),
        "bob has no password and no other connected sign-in, so this one stays"
    );
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
    assert_eq!(add(&it, &["--field", "team=green"]).error(), "field team: it is one of red, blue");
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
    assert!(shown.contains("red (does not fit any more: it is one of blue)"), "{shown}");
    it.run(&["set", "alice", "--full-name", "Alice"], "").ok();
    assert_eq!(it.account("alice").user.attributes["team"], "red");
    it.fields = UserFields::default();
    let shown = it.run(&["show", "alice"], "").ok().out;
    assert!(shown.contains("team=red"), "{shown}");
}

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

#[test]
fn only_a_user_who_waits_is_approved() {
    let fixture = Fixture::new();
    fixture.run(&["add", "alice"], GOOD).ok();
    assert!(fixture.run(&["approve", "alice"], "").error().contains("does not wait"));
}

/// Adds an authenticator app to alice's account.
fn add_app(it: &Fixture, name: &str) {
    let mut store = UserStore::open(&it.temp.path().join("users.db"), it.clock.clone()).unwrap();
    let account = it.account("alice");
    let shown_to = ShownTo { id: account.user.id, credential: account.credential, session: "test" };
    let shown = store.start_totp(shown_to).unwrap();
    let code = TotpCode::parse(&shown.secret.code_at(it.clock.now()).unwrap());
    let name = FactorName::parse(name).unwrap();
    store.enrol_totp(shown_to, &shown.sealed, &name, code.as_ref()).unwrap().unwrap();
}

#[test]
fn factors_lists_and_removes_the_factors_of_a_user_who_has_lost_the_phone() {
    let mut it = Fixture::with_alice();
    assert_eq!(it.run(&["factors", "alice"], "").ok().out, "user alice has no second factor\n");
    assert_eq!(
        it.run(&["factors", "alice", "--remove", "all"], "").ok().out,
        "user alice has no second factor\n"
    );
    add_app(&it, "Phone");
    add_app(&it, "Tablet");
    let listed = it.run(&["factors", "alice"], "").ok().out;
    assert_eq!(
        listed,
        "1      totp     Phone, added 2023-11-14T22:13:20.000Z, last used 2023-11-14T22:13:20.000Z\n\
         2      totp     Tablet, added 2023-11-14T22:13:20.000Z, last used 2023-11-14T22:13:20.000Z\n\
         recovery codes left: 10\n"
    );
    let json: serde_json::Value =
        serde_json::from_str(&it.run(&["factors", "alice", "--json"], "").ok().out).unwrap();
    assert_eq!(
        (&json[0]["id"], &json[0]["kind"], &json[1]["name"]),
        (&1.into(), &"totp".into(), &"Tablet".into())
    );
    assert!(!listed.contains("secret") && !json.to_string().contains("secret"));

    let before = it.account("alice");
    assert!(it.run(&["factors", "alice", "--remove", "7"], "").error().contains("no such factor"));
    assert_eq!(it.account("alice"), before, "nothing has changed");
    it.queue = true;
    let removed = it.run(&["factors", "alice", "--remove", "1"], "").ok();
    assert_eq!(
        (removed.out.as_str(), removed.err.as_str()),
        (
            "removed 1 second factor of user alice, whose sessions have ended: Phone\n\
             a mail tells the user at alice@example.com\n",
            ""
        )
    );
    let after = it.account("alice");
    assert_eq!((after.factors.len(), after.recovery_codes_left), (1, 10));
    assert_eq!(after.credential.0, before.credential.0 + 1, "sessions of before are dead");
    let removed = it.run(&["factors", "alice", "--remove", "all"], "").ok();
    assert!(removed.out.starts_with("removed 1 second factor of user alice"), "{}", removed.out);
    assert!(removed.err.contains("signs in without a second factor from now on"), "{}", removed.err);
    assert_eq!(it.account("alice").recovery_codes_left, 0);
    let queue = MailQueue::open(&it.temp.path().join("mail.db"), it.clock.clone()).unwrap();
    let mails = queue.list().unwrap();
    assert_eq!(mails.len(), 2);
}

#[test]
fn an_argument_of_factors_that_is_no_number_is_refused() {
    let said =
        Typed::try_parse_from(["user", "factors", "alice", "--remove", "phone"]).unwrap_err().to_string();
    assert!(said.contains("it is `all`, or a number of `portcullis user factors NAME`"), "{said}");
    assert!(Typed::try_parse_from(["user", "factors", "alice", "--remove", "all", "--json"]).is_err());
}
