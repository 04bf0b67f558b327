//! The commands as they are typed, against a database in a temporary folder.

use clap::Parser;
use tempfile::TempDir;

use crate::{
    cli::{
        password_prompt::Input,
        user::{UserCommand, UserContext, links::MailContext, run},
    },
    clock::{Clock, Timestamp},
    identity::{BackendName, GroupName, UserName},
    language::Language,
    pages::Pages,
    portal::Letters,
    users::{Account, HashSettings, PasswordRules, UserFields, UserStore},
};

pub(super) const QUICK: HashSettings = HashSettings { memory: 64, iterations: 1, parallelism: 1 };
pub(super) const GOOD: &str = "velvet turbine oyster\n";

#[derive(Debug, Parser)]
pub(super) struct Typed {
    #[command(subcommand)]
    pub(super) command: UserCommand,
}

pub(super) struct Fixture {
    pub(super) temp: TempDir,
    pub(super) clock: Clock,
    pub(super) fields: UserFields,
    /// Whether the configuration has `[mail]`.
    pub(super) queue: bool,
}

/// The result and the output of a command.
#[derive(Debug)]
pub(super) struct CommandOutput {
    pub(super) result: Result<(), String>,
    pub(super) out: String,
    pub(super) err: String,
}

impl CommandOutput {
    pub(super) fn ok(self) -> Self {
        assert_eq!(self.result, Ok(()));
        self
    }

    pub(super) fn error(self) -> String {
        assert_eq!(self.out, "", "a command that fails says nothing else");
        self.result.unwrap_err()
    }
}

impl Fixture {
    pub(super) fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
        Self { temp: tempfile::tempdir().unwrap(), clock, fields: UserFields::default(), queue: false }
    }

    /// Runs a command with `stdin` from a program.
    pub(super) fn run(&self, line: &[&str], stdin: &str) -> CommandOutput {
        self.run_with(line, Input::Program(Box::new(stdin.as_bytes())))
    }

    pub(super) fn run_with(&self, line: &[&str], input: Input<'_>) -> CommandOutput {
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

    pub(super) fn account(&self, name: &str) -> Account {
        let store = UserStore::open(&self.temp.path().join("users.db"), Clock::system()).unwrap();
        store.find_by_name(&UserName::parse(name).unwrap()).unwrap().unwrap()
    }

    pub(super) fn with_alice() -> Self {
        let it = Self::new();
        it.run(&["add", "alice", "--group", "staff", "--email", "alice@example.com"], GOOD).ok();
        it
    }
}

pub(super) fn backend(name: &str) -> BackendName {
    BackendName::parse(name).unwrap()
}
