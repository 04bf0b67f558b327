//! The command line: one file a command.

pub mod check;
pub mod explain;
pub mod hash;
mod owner;
pub mod password_prompt;
pub mod running;
mod serve;
pub mod session;
mod table;
pub mod throttle;
pub mod user;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{
    access::Rule,
    clock::Clock,
    config::{self, Configuration, Look, Store},
    escape::{EscapingWriter, escaped},
    users::HashSettings,
};
use check::Checked;
use password_prompt::Input;

/// A gateway that puts a login in front of web applications that have none
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100)]
pub struct Arguments {
    /// The configuration file
    #[arg(long, short, global = true, value_name = "FILE", default_value = "gateway.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway; this is what happens without a command
    Serve,
    /// Have the running gateway read its configuration again, and wait for its verdict
    Reload,
    /// Check the configuration and show what would be served, and to whom
    Check,
    /// Tell which app, which rule and which decision a request would meet, and why
    Explain(explain::ExplainArgs),
    /// Add, list and change users
    User(Box<user::UserArgs>),
    /// List and end sessions
    Session(session::SessionArgs),
    /// List and forget failed sign-ins, and who has to wait because of them
    Throttle(throttle::ThrottleArgs),
    /// Print the argon2id hash of a password
    Hash(hash::HashArgs),
}

/// Does what the arguments say. 0: done. 1: failed. (2, used wrongly, is given by the parser.)
pub fn run(arguments: Arguments) -> ExitCode {
    let file = arguments.config;
    let done = match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&file),
        Command::Reload => reload(&file),
        Command::Check => check(&file),
        Command::Explain(args) => explain(&args, &file),
        Command::User(args) => change_users(&args, &file),
        Command::Session(args) => sessions(&args, &file),
        Command::Throttle(args) => failed_sign_ins(&args, &file),
        Command::Hash(args) => print_hash(&args, &file),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.0.is_empty() {
                // Nothing is left to tell anybody if standard error is closed.
                writeln!(io::stderr(), "{}", error.0.trim_end()).ok();
            }
            ExitCode::FAILURE
        }
    }
}

/// Standard output. Names, paths and URLs were written by somebody else than who reads them there.
fn out() -> impl Write {
    EscapingWriter(io::stdout())
}

/// What went wrong, in the words that are printed.
pub struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = format!("error: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self(escaped(&text))
    }
}

/// Reads the configuration; warnings go to standard error.
fn configuration(file: &Path) -> Result<Configuration, Failure> {
    read(file, |_| Ok(()))
}

/// The same, for a command that goes to the state folder: as the owner of the folder from here on.
fn configuration_of_state(file: &Path) -> Result<Configuration, Failure> {
    read(file, |configuration| Ok(owner::become_owner_of(&configuration.state)?))
}

fn read(
    file: &Path,
    before_warnings: impl FnOnce(&Configuration) -> Result<(), Failure>,
) -> Result<Configuration, Failure> {
    let look = Look::for_stderr();
    let loaded = config::load(file).map_err(|error| Failure(error.render(look)))?;
    before_warnings(&loaded.configuration)?;
    for warning in &loaded.warnings {
        writeln!(io::stderr(), "{}", warning.render(look)).ok();
    }
    Ok(loaded.configuration)
}

/// What a rule requires, in words; a recent sign-in is part of it, and whether it is enforced.
fn requires(rule: &Rule) -> String {
    let mut words = rule.requirement.to_string();
    if let Some(age) = rule.max_age {
        words.push_str(", confirmed in the last ");
        words.push_str(&config::show_duration(age));
    }
    if !rule.is_enforced() {
        words.push_str(" (not enforced)");
    }
    words
}

fn check(file: &Path) -> Result<(), Failure> {
    match check::run(file, Look::for_stderr(), &mut out(), &mut io::stderr())? {
        Checked::Usable => Ok(()),
        // Everything has been said.
        Checked::Unusable => Err(Failure(String::new())),
    }
}

fn reload(file: &Path) -> Result<(), Failure> {
    let configuration = configuration_of_state(file).map_err(|refused| {
        Failure(format!("{}\nthe configuration was not reloaded", refused.0.trim_end()))
    })?;
    let reloaded = running::reload(&configuration)?;
    Ok(writeln!(out(), "reloaded {}", reloaded.display())?)
}

fn explain(args: &explain::ExplainArgs, file: &Path) -> Result<(), Failure> {
    // What is wrong with the file, the command itself tells. Without a user it does not go to the state folder.
    if let (Some(_), Ok(loaded)) = (&args.user, config::load(file)) {
        owner::become_owner_of(&loaded.configuration.state)?;
    }
    Ok(explain::run(args, file, Clock::system(), &mut out())?)
}

fn change_users(args: &user::UserArgs, file: &Path) -> Result<(), Failure> {
    let configuration = configuration_of_state(file)?;
    let database = args.command.changes_users().then(|| configuration.users_database());
    let groups: Vec<_> = configuration.groups.keys().cloned().collect();
    on_state(&configuration, database, |out| {
        let surroundings = user::Surroundings {
            database: &configuration.users_database(),
            settings: configuration.password,
            clock: Clock::system(),
            groups: &groups,
            actor: user::operator(),
            input: Input::from_stdin(),
            out,
            err: &mut EscapingWriter(io::stderr()),
        };
        Ok(user::run(&args.command, surroundings)?)
    })
}

fn sessions(args: &session::SessionArgs, file: &Path) -> Result<(), Failure> {
    let configuration = configuration_of_state(file)?;
    let is_file = configuration.sessions.store == Store::File;
    let database = (is_file && args.command.ends_sessions()).then(|| configuration.sessions_database());
    on_state(&configuration, database, |out| {
        let surroundings = session::Surroundings {
            configuration: &configuration,
            clock: Clock::system(),
            actor: user::operator(),
            out,
            err: &mut EscapingWriter(io::stderr()),
        };
        Ok(session::run(&args.command, surroundings)?)
    })
}

fn failed_sign_ins(args: &throttle::ThrottleArgs, file: &Path) -> Result<(), Failure> {
    let configuration = configuration_of_state(file)?;
    let is_file = !matches!(configuration.sessions.store, Store::Redis(_));
    let database = (is_file && args.command.clears()).then(|| configuration.throttle_files().database);
    on_state(&configuration, database, |out| {
        let surroundings =
            throttle::Surroundings { configuration: &configuration, clock: Clock::system(), out };
        Ok(throttle::run(&args.command, surroundings)?)
    })
}

/// Does work in the state folder. What it says of a database that it changes is printed once it is certain that the
/// running gateways read that file.
fn on_state(
    configuration: &Configuration,
    changed: Option<PathBuf>,
    work: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(database) = changed else { return work(&mut out()) };
    let agreement = running::Agreement::before(configuration, database)?;
    let mut said = Vec::new();
    let worked = work(&mut said);
    if worked.is_ok() {
        agreement.after()?;
    }
    let mut out = out();
    out.write_all(&said)?;
    out.flush()?;
    worked
}

fn print_hash(args: &hash::HashArgs, file: &Path) -> Result<(), Failure> {
    // A hash needs no configuration; where there is one, its setting is meant.
    let settings = if file.exists() { configuration(file)?.password } else { HashSettings::default() };
    Ok(hash::run(args, settings, &mut Input::from_stdin(), &mut out())?)
}
