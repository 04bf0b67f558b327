//! `portcullis explain`: what would become of a request, and why.
//!
//! `report` computes the answer with the functions that the gateway uses, so
//! that it is what happens; `text` prints it. The path is taken byte for byte
//! as it was typed, as an attacker would send it: a browser would resolve dot
//! segments first.

mod report;
mod text;

use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr},
    path::Path,
    time::Duration,
};

use report::{GroupSource, Requester, report};

use super::{failure::Failure, output::out, owner::become_owner_of, state::existing_users};

use crate::{
    clock::Clock,
    config::{self, ConfigError, Configuration, Look},
    identity::{Identity, InvalidName, ProofMethod, UserName},
    users::{Account, UserStoreError},
};

/// Arguments of `portcullis explain`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ExplainArgs {
    /// Method of the request, such as GET
    pub(super) method: String,
    /// Its whole URL, such as `https://wiki.example.com/admin/`
    pub(super) url: String,
    /// Name of the signed-in user
    #[arg(long, value_name = "NAME", conflicts_with = "anonymous")]
    pub(super) user: Option<String>,
    /// Without a signed-in user (the default)
    #[arg(long)]
    pub(super) anonymous: bool,
    /// Address that the request comes from
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(super) from: IpAddr,
    /// Time since the user signed in, or confirmed the password, such as 20m (without it: just now)
    #[arg(long, value_name = "TIME", value_parser = config::parse_duration, requires = "user")]
    pub(super) age: Option<Duration>,
    /// Factors that the user has shown at the sign-in, separated by commas: `password,totp`
    #[arg(long, value_name = "FACTORS", value_delimiter = ',', value_parser = shown_factor, requires = "user", default_values = ["password"])]
    pub(super) factors: Vec<ProofMethod>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Why a request cannot be explained.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExplainError {
    /// The configuration cannot be used.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] UserStoreError),
    /// The name is not valid.
    #[error("no user can be called {name:?}: {why}")]
    Name {
        /// The argument.
        name: String,
        /// The problem.
        why: InvalidName,
    },
    /// No user has that name.
    #[error("there is no user {0}; `portcullis user list` shows who there is")]
    UnknownUser(UserName),
    /// No browser could request the URL.
    #[error("cannot read the URL {0:?}: write all of it, such as https://wiki.example.com/admin/")]
    Url(String),
    /// The method is not valid.
    #[error("cannot read the method {0:?}: write one such as GET")]
    Method(String),
    /// Standard output is closed.
    #[error("writing the output: {0}")]
    Write(#[from] io::Error),
}

/// Runs the command for the operator at the terminal.
pub(super) fn from_command_line(args: &ExplainArgs, file: &Path) -> Result<(), Failure> {
    // Mistakes in the file are reported by `run`. Only with a user does it open the state folder.
    if let (Some(_), Ok(loaded)) = (&args.user, config::load(file)) {
        become_owner_of(&loaded.configuration.state)?;
    }
    run(args, file, &Clock::system(), &mut out()).map_err(|error| match error {
        ExplainError::Config(mistakes) => Failure(mistakes.render(Look::for_stderr())),
        other => other.into(),
    })
}

/// Explains the decision of the configuration at `path` on a request.
pub(super) fn run(
    args: &ExplainArgs,
    path: &Path,
    clock: &Clock,
    out: &mut dyn Write,
) -> Result<(), ExplainError> {
    let configuration = config::load(path)?.configuration;
    let requester = requester(args, &configuration, clock)?;
    let report = report(args, &configuration, &requester)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        text::write(&report, out)?;
    }
    Ok(())
}

fn requester(
    args: &ExplainArgs,
    configuration: &Configuration,
    clock: &Clock,
) -> Result<Requester, ExplainError> {
    let Some(typed) = &args.user else {
        return Ok(Requester {
            name: None,
            identity: Identity::Anonymous,
            notes: Vec::new(),
            group_sources: Vec::new(),
        });
    };
    let name = UserName::parse(typed).map_err(|why| ExplainError::Name { name: typed.clone(), why })?;
    let Some((account, notes)) = find(&name, configuration, clock)? else {
        return Err(ExplainError::UnknownUser(name));
    };
    let name = account.user.name.clone();
    if let Some(identity) = account.identity(account.credential) {
        let group_sources = GroupSource::of(&account);
        return Ok(Requester { name: Some(name), identity, notes, group_sources });
    }
    let why = if account.waiting_since.is_some() { "waits for approval" } else { "is disabled" };
    Ok(Requester {
        notes: vec![format!(
            "{name} {why}, so the sign-in is refused; what follows is for an anonymous request"
        )],
        name: None,
        identity: Identity::Anonymous,
        group_sources: Vec::new(),
    })
}

/// The account with this name, or the only one whose name at a backend it is, with remarks on what backends said last.
fn find(
    name: &UserName,
    configuration: &Configuration,
    clock: &Clock,
) -> Result<Option<(Account, Vec<String>)>, ExplainError> {
    let Some(users) = existing_users(configuration, clock)? else { return Ok(None) };
    let mut notes = Vec::new();
    let account = if let Some(account) = users.find_by_name(name)? {
        account
    } else {
        let is_named =
            |account: &Account| account.identities.iter().any(|identity| identity.name == name.as_str());
        let mut named: Vec<Account> = users.list()?.into_iter().filter(is_named).collect();
        let (Some(account), true) = (named.pop(), named.is_empty()) else { return Ok(None) };
        notes.push(format!("{name} is the name at a backend; the account here is {}", account.user.name));
        account
    };
    for identity in &account.identities {
        let backend = &identity.pair.backend;
        notes.push(match (&identity.ended, identity.last_seen) {
            (Some(reason), _) => {
                format!("{backend} does not let the user in any more ({reason}), so it brings no group")
            }
            (None, Some(at)) => format!(
                "known to {backend}, as of the last sign-in or refresh there; the last sign-in was at {at}"
            ),
            (None, None) => format!("known to {backend}, without a sign-in there yet"),
        });
    }
    Ok(Some((account, notes)))
}

#[cfg(test)]
mod tests;

fn shown_factor(text: &str) -> Result<ProofMethod, String> {
    ProofMethod::parse(text).ok_or_else(|| {
        let all: Vec<&str> = ProofMethod::ALL.into_iter().map(ProofMethod::as_str).collect();
        format!("it is one of {}", all.join(", "))
    })
}
