//! `portcullis backend …`: the configured backends, and an examination of one.
//!
//! `test` asks a directory or a provider as the gateway does, with the settings in the file and without a running
//! gateway. It opens no database, and prints no password.

use std::{
    io::{self, Write},
    path::Path,
};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    failure::Failure,
    output::out,
    password_prompt::{Input, PromptError},
    state::configuration,
    table::Table,
};
use crate::{
    auth::{
        BackendSettings, Step, StepResult,
        ldap::{self, GroupSettings, Ldap, LdapPool, LdapSettings, UserSettings},
        oidc::{self, OidcSettings, Provider, ProviderThread},
    },
    clock::Clock,
    config::{Configuration, show_duration},
    users::Password,
};

/// List and test backends: directories and providers
#[derive(Clone, Debug, Args)]
pub(super) struct BackendArgs {
    /// The command.
    #[command(subcommand)]
    pub(super) command: BackendCommand,
}

/// The commands on backends.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum BackendCommand {
    /// List the backends in the order in which they are asked
    List {
        /// Print a JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Show the settings of a directory, those of its preset included
    Show {
        /// Name of the backend
        name: String,
        /// Print a JSON object instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Ask a directory or a provider as the gateway does, and show each step
    Test(TestArgs),
}

/// Arguments of `portcullis backend test`.
#[derive(Clone, Debug, Args)]
pub(super) struct TestArgs {
    /// Name of the backend
    pub(super) name: String,
    /// Look for this user of a directory, too, by the name typed at the sign-in page
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// Ask for the password of the user, and try it
    #[arg(long, requires = "user")]
    pub(super) password: bool,
    /// Print a JSON array instead of text
    #[arg(long)]
    pub(super) json: bool,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum BackendCommandError {
    /// No backend has this name.
    #[error("there is no backend {0:?}; `portcullis backend list` shows which there are")]
    Unknown(String),
    /// The backend is no directory.
    #[error("{0} is no directory, and only a directory has users and settings that can be shown")]
    NoDirectory(String),
    /// The backend is the gateway's own directory.
    #[error("users of the gateway's own directory are in its database: see `portcullis user list`")]
    NothingToAsk,
    /// There is no password to try.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// A step failed; it is printed.
    #[error("the test of {0} failed")]
    Failed(String),
    /// A thread or runtime cannot be started, or standard output is closed.
    #[error("testing the backend: {0}")]
    Io(#[from] io::Error),
}

/// Runs the command for the operator at the terminal.
pub(super) fn from_command_line(args: &BackendArgs, file: &Path) -> Result<(), Failure> {
    let configuration = configuration(file)?;
    Ok(run(&args.command, &configuration, &mut out())?)
}

fn run(
    command: &BackendCommand,
    configuration: &Configuration,
    out: &mut dyn Write,
) -> Result<(), BackendCommandError> {
    match command {
        BackendCommand::List { json } => list(configuration, *json, out),
        BackendCommand::Show { name, json } => show(&shown(directory(configuration, name)?), *json, out),
        BackendCommand::Test(args) => test(named(configuration, &args.name)?, args, out),
    }
}

fn test(backend: &BackendSettings, args: &TestArgs, out: &mut dyn Write) -> Result<(), BackendCommandError> {
    let password = if args.password {
        Some(Input::from_stdin().present_password("Password of the user")?)
    } else {
        None
    };
    let steps = steps(backend, args.user.as_deref(), password.as_ref())?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &steps).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        for step in &steps {
            write_step(step, out)?;
        }
    }
    if steps.iter().any(|step| step.result == StepResult::Failed) {
        return Err(BackendCommandError::Failed(args.name.clone()));
    }
    Ok(())
}

/// Asks every backend but the gateway's own directory, and shows each step. `false` if one of them does not work.
pub(super) fn ask_all(
    configuration: &Configuration,
    out: &mut dyn Write,
) -> Result<bool, BackendCommandError> {
    let mut all_work = true;
    let others = configuration.backends.iter().filter(|backend| **backend != BackendSettings::Local);
    for backend in others {
        writeln!(out, "\nbackend {} ({})", backend.name(), backend.type_name())?;
        for step in steps(backend, None, None)? {
            all_work &= step.result != StepResult::Failed;
            write_step(&step, out)?;
        }
    }
    Ok(all_work)
}

/// Examines a backend.
fn steps(
    backend: &BackendSettings,
    user: Option<&str>,
    password: Option<&Password>,
) -> Result<Vec<Step>, BackendCommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match backend {
        BackendSettings::Local => Err(BackendCommandError::NothingToAsk),
        BackendSettings::Ldap(settings) => {
            let pool = LdapPool::start(settings.name.as_str(), settings.connection.clone())?;
            let directory = Ldap::new(LdapSettings::clone(settings), pool, Clock::system());
            Ok(runtime.block_on(ldap::examine(&directory, user, password)))
        }
        BackendSettings::Oidc(_) if user.is_some() => {
            Err(BackendCommandError::NoDirectory(backend.name().to_string()))
        }
        BackendSettings::Oidc(settings) => {
            let thread = ProviderThread::start()?;
            let provider = Provider::new(OidcSettings::clone(settings), thread, Clock::system());
            Ok(runtime.block_on(oidc::examine(&provider)))
        }
    }
}

fn write_step(step: &Step, out: &mut dyn Write) -> io::Result<()> {
    let result = match step.result {
        StepResult::Ok => "ok",
        StepResult::Warning => "WARNING",
        StepResult::Failed => "FAILED",
    };
    writeln!(out, "{}: {result}", step.step)?;
    for detail in &step.details {
        writeln!(out, "  {detail}")?;
    }
    if !step.remedy.is_empty() {
        writeln!(out, "  help: {}", step.remedy)?;
    }
    Ok(())
}

fn show(
    shown: &[(&'static str, String)],
    json: bool,
    out: &mut dyn Write,
) -> Result<(), BackendCommandError> {
    if json {
        let object: serde_json::Map<String, serde_json::Value> =
            shown.iter().map(|(key, value)| ((*key).to_owned(), value.clone().into())).collect();
        serde_json::to_writer_pretty(&mut *out, &object).map_err(io::Error::from)?;
        writeln!(out)?;
        return Ok(());
    }
    let mut table = Table::new();
    for (key, value) in shown {
        table.push([(*key).to_owned(), value.clone()]);
    }
    Ok(table.write("", out)?)
}

/// The directory with this name.
fn directory<'c>(
    configuration: &'c Configuration,
    name: &str,
) -> Result<&'c LdapSettings, BackendCommandError> {
    match named(configuration, name)? {
        BackendSettings::Ldap(settings) => Ok(settings),
        _ => Err(BackendCommandError::NoDirectory(name.to_owned())),
    }
}

/// The backend with this name.
fn named<'c>(
    configuration: &'c Configuration,
    name: &str,
) -> Result<&'c BackendSettings, BackendCommandError> {
    let found = configuration.backends.iter().find(|backend| backend.name().as_str() == name);
    found.ok_or_else(|| BackendCommandError::Unknown(name.to_owned()))
}

fn list(configuration: &Configuration, json: bool, out: &mut dyn Write) -> Result<(), BackendCommandError> {
    let rows: Vec<BackendJson> = configuration.backends.iter().map(BackendJson::of).collect();
    if json {
        serde_json::to_writer_pretty(&mut *out, &rows).map_err(io::Error::from)?;
        writeln!(out)?;
        return Ok(());
    }
    let mut table = Table::headed(["NAME", "TYPE", "WHERE"]);
    for row in rows {
        table.push([row.name, row.kind.to_owned(), row.location]);
    }
    Ok(table.write("", out)?)
}

/// A backend in JSON; the names of the fields are a promise to scripts.
#[derive(Serialize)]
struct BackendJson {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "where")]
    location: String,
}

impl BackendJson {
    fn of(backend: &BackendSettings) -> Self {
        let location = match backend {
            BackendSettings::Local => "users database".to_owned(),
            BackendSettings::Ldap(settings) => {
                let urls: Vec<String> = settings.connection.urls.iter().map(ToString::to_string).collect();
                format!("{}, {}", urls.join(", "), settings.authority)
            }
            BackendSettings::Oidc(settings) => settings.authority().to_owned(),
        };
        Self { name: backend.name().to_string(), kind: backend.type_name(), location }
    }
}

/// The settings of a directory by their keys in the configuration. The file of the password is not among them: only its
/// content is kept.
fn shown(settings: &LdapSettings) -> Vec<(&'static str, String)> {
    let UserSettings {
        base,
        filter_text,
        name,
        id,
        email,
        email_verified,
        full_name,
        attributes,
        states,
        ..
    } = &settings.users;
    let GroupSettings {
        base: group_base,
        filter_text: group_filter,
        name: group_name,
        members,
        nested,
        map,
        ..
    } = &settings.groups;
    let connection = &settings.connection;
    let urls: Vec<String> = connection.urls.iter().map(ToString::to_string).collect();
    let attributes: Vec<String> =
        attributes.iter().map(|(ours, theirs)| format!("{ours} = {theirs}")).collect();
    let states: Vec<&str> = states.iter().map(|rule| rule.attribute()).collect();
    vec![
        ("name", settings.name.to_string()),
        ("preset", settings.preset.as_str().to_owned()),
        ("url", urls.join(", ")),
        ("start_tls", connection.start_tls.to_string()),
        (
            "bind_dn",
            connection.service.as_ref().map_or_else(String::new, |service| service.bind_dn.to_string()),
        ),
        ("base", settings.authority.to_string()),
        ("user_base", base.to_string()),
        ("user_filter", filter_text.to_string()),
        ("user_name", name.clone()),
        ("user_id", id.attribute().to_owned()),
        ("user_email", email.clone()),
        ("email_verified", email_verified.to_string()),
        ("user_full_name", full_name.clone()),
        ("attributes", attributes.join(", ")),
        ("account states", states.join(", ")),
        ("group_base", group_base.to_string()),
        ("group_filter", group_filter.to_string()),
        ("group_name", group_name.clone()),
        ("group_members", members.clone()),
        ("groups", map.to_string()),
        ("nested", nested.to_string()),
        ("refresh", show_duration(settings.refresh)),
        ("grace", show_duration(settings.grace)),
        ("connections", connection.connections.to_string()),
        ("connect_timeout", show_duration(connection.connect_timeout)),
        ("timeout", show_duration(connection.operation_timeout)),
    ]
}
