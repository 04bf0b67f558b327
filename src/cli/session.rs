//! `portcullis session …`: listing and ending sessions.
//!
//! Works on the session store itself, with or without a running gateway, which notices a change within a second.
//! Sessions in memory are reached through the control socket of the running gateway. The name of a session is its key,
//! which is no secret: all 64 digits, or the first ones as the logs show them.

mod listing;
mod reach;

use std::{
    cmp::Reverse,
    collections::HashMap,
    io::{self, Write},
    path::Path,
};

use clap::{Args, Subcommand};

use super::{
    failure::Failure,
    operator::operator,
    running::RunningError,
    state::{configuration_of_state, existing_users, on_state},
};
use crate::{
    clock::Clock,
    config::{Configuration, Store},
    escape::EscapingWriter,
    identity::{CredentialVersion, InvalidName, UserId, UserName},
    server::Revoked,
    session::{ListedRecord, Owner, Record, SessionKey, StoreError},
    users,
};
use listing::Listing;
use reach::Reach;

/// List and end sessions
#[derive(Clone, Debug, Args)]
pub(super) struct SessionArgs {
    /// The command.
    #[command(subcommand)]
    pub(super) command: SessionCommand,
}

/// The commands on sessions.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum SessionCommand {
    /// List who is signed in, at which host, since when, from where: the newest sign-in first
    List {
        /// Only the sessions of this user
        #[arg(long, value_name = "NAME", value_parser = parse_name)]
        user: Option<UserName>,
        /// Print a JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// End sessions: their next request must sign in, and their open connections are closed
    Revoke(RevokeArgs),
}

impl SessionCommand {
    /// Whether the command ends sessions.
    pub(super) fn ends_sessions(&self) -> bool {
        matches!(self, Self::Revoke(_))
    }
}

/// Arguments of `portcullis session revoke`; one of them.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct RevokeArgs {
    /// Key of one session, as the list and the logs show it
    pub(super) key: Option<String>,
    /// All sessions of this user
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub(super) user: Option<UserName>,
    /// Everybody's sessions
    #[arg(long)]
    pub(super) all: bool,
}

/// The inputs and outputs of a command.
pub(super) struct SessionContext<'a> {
    /// The configuration of the store and of the time limits.
    pub(super) configuration: &'a Configuration,
    /// Decides which sessions have expired.
    pub(super) clock: Clock,
    /// The operator, for the audit stream.
    pub(super) actor: String,
    /// Standard output.
    pub(super) out: &'a mut dyn Write,
    /// Standard error.
    pub(super) err: &'a mut dyn Write,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// The session store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The users database refused or failed.
    #[error(transparent)]
    Users(#[from] users::UserStoreError),
    /// The request to the running gateway failed.
    #[error(transparent)]
    Running(#[from] RunningError),
    /// No user has that name.
    #[error("there is no user {0}; `portcullis user list` shows who there is")]
    UnknownUser(UserName),
    /// The argument is no key.
    #[error(
        "{0:?} is no key of a session: 8 to 64 hexadecimal digits, as `portcullis session list` shows them"
    )]
    NoKey(String),
    /// No session has that key.
    #[error("there is no session {0}; `portcullis session list` shows what there is")]
    NoSession(String),
    /// Several keys start with these digits.
    #[error("several sessions begin with {0}; give more digits of the key")]
    Ambiguous(String),
    /// Standard output or standard error is closed.
    #[error("writing the output: {0}")]
    Write(#[from] io::Error),
}

/// Runs the command for the operator at the terminal.
pub(super) fn from_command_line(args: &SessionArgs, file: &Path) -> Result<(), Failure> {
    let configuration = configuration_of_state(file)?;
    let is_file = configuration.sessions.store == Store::File;
    let database = (is_file && args.command.ends_sessions()).then(|| configuration.sessions_database());
    on_state(&configuration, database, |out| {
        let context = SessionContext {
            configuration: &configuration,
            clock: Clock::system(),
            actor: operator(),
            out,
            err: &mut EscapingWriter(io::stderr()),
        };
        Ok(run(&args.command, context)?)
    })
}

/// Runs a command; its output goes to [`SessionContext::out`].
pub(super) fn run(command: &SessionCommand, context: SessionContext<'_>) -> Result<(), SessionError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let reach = Reach::of(context.configuration, context.clock.clone())?;
        let mut running = RunningCommand { reach, users: Users::default(), context };
        running.users = Users::read(&running.context)?;
        match command {
            SessionCommand::List { user, json } => running.list(user.as_ref(), *json).await,
            SessionCommand::Revoke(args) => running.revoke(args).await,
        }?;
        Ok(running.context.out.flush()?)
    })
}

/// A command while it runs.
struct RunningCommand<'a> {
    reach: Reach,
    users: Users,
    context: SessionContext<'a>,
}

/// The users of the directory, by id.
#[derive(Default)]
struct Users {
    names: HashMap<UserId, UserName>,
    /// The credential version of each active user.
    credentials: HashMap<UserId, CredentialVersion>,
}

impl Users {
    fn read(context: &SessionContext<'_>) -> Result<Self, SessionError> {
        let mut users = Self::default();
        let Some(store) = existing_users(context.configuration, &context.clock)? else { return Ok(users) };
        for account in store.list()? {
            let id = account.user.id;
            users.names.insert(id, account.user.name.clone());
            if account.active {
                users.credentials.insert(id, account.credential);
            }
        }
        Ok(users)
    }

    fn id(&self, name: &UserName) -> Result<UserId, SessionError> {
        let found = self.names.iter().find(|(_, other)| *other == name);
        found.map(|(id, _)| *id).ok_or_else(|| SessionError::UnknownUser(name.clone()))
    }

    /// Whether the gateway still accepts the session.
    fn may_use(&self, record: &Record) -> bool {
        match record.owner {
            Owner::User { id, credential } => self.credentials.get(&id) == Some(&credential),
            Owner::Visitor => true,
        }
    }
}

impl RunningCommand<'_> {
    async fn list(&mut self, user: Option<&UserName>, json: bool) -> Result<(), SessionError> {
        let of = user.map(|name| self.users.id(name)).transpose()?;
        self.report_if_nowhere()?;
        let (limits, now) = (&self.context.configuration.sessions.limits, self.context.clock.now());
        let mut alive = Vec::new();
        let mut after = None;
        loop {
            let page = self.reach.list(of, after, PAGE).await?;
            after = page.last().map(|listed| listed.record.key);
            let is_last = page.len() < PAGE;
            alive.extend(page.into_iter().filter(|ListedRecord { record, .. }| {
                record.may_be_alive(now, limits) && self.users.may_use(record)
            }));
            if is_last {
                break;
            }
        }
        // Stores list in the order of the random keys.
        alive.sort_unstable_by_key(|listed| (Reverse(listed.record.signed_in), listed.record.key));
        let listing = Listing { names: &self.users.names, limits, now };
        let out = &mut *self.context.out;
        Ok(if json { listing.as_json(&alive, out) } else { listing.as_table(&alive, out) }?)
    }

    async fn revoke(&mut self, args: &RevokeArgs) -> Result<(), SessionError> {
        let which = match (&args.key, &args.user) {
            (Some(typed), _) => Revoked::Key(self.find(typed).await?),
            (None, Some(name)) => Revoked::User(self.users.id(name)?),
            (None, None) => Revoked::All,
        };
        self.report_if_nowhere()?;
        let ended = self.reach.revoke(which, self.context.actor.clone()).await?;
        let of = args.user.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        let out = &mut self.context.out;
        match ended {
            0 => writeln!(out, "there were no sessions{of} to end")?,
            1 => writeln!(out, "ended 1 session{of}")?,
            ended => writeln!(out, "ended {ended} sessions{of}")?,
        }
        Ok(())
    }

    /// The only session whose key starts with these digits. Stores list sessions in the order of their keys.
    async fn find(&self, typed: &str) -> Result<SessionKey, SessionError> {
        let digits = typed.to_ascii_lowercase();
        let is_key = (8..=64).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let lowest = SessionKey::from_hex(&format!("{digits:0<64}")).filter(|_| is_key);
        let lowest = lowest.ok_or_else(|| SessionError::NoKey(typed.to_owned()))?;
        let found = self.reach.list(None, before(lowest), 2).await?;
        let mut begin_so =
            found.iter().map(|listed| listed.record.key).filter(|key| key.to_hex().starts_with(&digits));
        match (begin_so.next(), begin_so.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(SessionError::Ambiguous(typed.to_owned())),
            (None, _) => Err(SessionError::NoSession(typed.to_owned())),
        }
    }

    fn report_if_nowhere(&mut self) -> io::Result<()> {
        match self.reach {
            Reach::Nowhere(why) => writeln!(self.context.err, "there are no sessions: {why}"),
            _ => Ok(()),
        }
    }
}

/// The greatest key below this one; `None` for the first key.
fn before(key: SessionKey) -> Option<SessionKey> {
    let mut bytes = *key.as_bytes();
    for byte in bytes.iter_mut().rev() {
        let (less, borrowed) = byte.overflowing_sub(1);
        *byte = less;
        if !borrowed {
            return Some(SessionKey::from_bytes(bytes));
        }
    }
    None
}

fn parse_name(typed: &str) -> Result<UserName, InvalidName> {
    UserName::parse(typed)
}

const PAGE: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_follows_the_one_before_it() {
        let key = |hex: &str| SessionKey::from_hex(&format!("{hex:0<64}")).unwrap();
        let low = before(key("1000")).unwrap();
        assert_eq!(low.to_hex(), format!("0fff{}", "f".repeat(60)));
        assert!(low < key("1000"));
        assert_eq!(before(key("0")), None);
    }
}
