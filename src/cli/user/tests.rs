//! The commands as they are typed, against a database in a temporary folder.

use clap::Parser;
use insta::assert_snapshot;
use tempfile::TempDir;

use super::*;
use crate::{clock::Timestamp, users::Verdict};

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
        Self { temp: tempfile::tempdir().unwrap(), clock }
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
            clock: self.clock.clone(),
            groups: &groups,
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
    NAME   STATE        SUPERUSER  GROUPS      EMAIL              LAST SIGN-IN
    alice  active       no         staff       alice@example.com  never
    bob    disabled     no         -           -                  never
    zoë    no password  yes        ops, staff  -                  never
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
      "active": true,
      "superuser": false,
      "has_password": true,
      "groups": [
        "staff"
      ],
      "permissions": [],
      "attributes": {},
      "created": "2023-11-14T22:13:20.000Z",
      "last_sign_in": null
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
