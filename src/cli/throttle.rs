//! `portcullis throttle …`: listing and resetting the counters of failed sign-ins.
//!
//! Works on the counters in the state folder or in Redis, with or without a running gateway, which notices a change
//! within a second. The counter of a name without a user is stored under a digest: it can be selected by name, but
//! the listing cannot show the name.

use std::{
    collections::HashMap,
    io::{self, Write},
    net::IpAddr,
    path::Path,
};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    failure::Failure,
    state::{configuration_of_state, existing_users, on_state},
    table::Table,
};
use crate::{
    clock::Clock,
    config::{Configuration, Store},
    identity::{InvalidName, UserId, UserName},
    session::{Invalidator, RedisStore, StoreError, StoreSurroundings},
    throttle::{Listed, Network, Selection, ThrottleError, ThrottleKey, ThrottleRecords},
    users,
};

/// List and reset counters of failed sign-ins
#[derive(Clone, Debug, Args)]
pub(super) struct ThrottleArgs {
    /// The command.
    #[command(subcommand)]
    pub(super) command: ThrottleCommand,
}

/// The commands on counters.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum ThrottleCommand {
    /// List failed sign-ins that count at present, and the waits because of them
    List {
        /// Only this user and their devices, or this name without a user
        #[arg(long, value_name = "NAME", value_parser = parse_name, conflicts_with = "address")]
        user: Option<UserName>,
        /// Only this address; of an IPv6 address, its /64
        #[arg(long, value_name = "ADDR", value_parser = parse_addr)]
        address: Option<IpAddr>,
        /// Print a JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Reset counters: the next attempt to sign in is made at once
    Clear(ClearArgs),
}

impl ThrottleCommand {
    /// Whether the command resets counters.
    pub(super) fn clears(&self) -> bool {
        matches!(self, Self::Clear(_))
    }
}

/// Arguments of `portcullis throttle clear`.
#[derive(Clone, Debug, Args)]
pub(super) struct ClearArgs {
    /// The selection.
    #[command(flatten)]
    pub(super) whose: WhoseArgs,
    /// Print a JSON object instead of a sentence
    #[arg(long)]
    pub(super) json: bool,
}

/// Exactly one of these.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct WhoseArgs {
    /// Counters of this user and their devices, or of this name without a user
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub(super) user: Option<UserName>,
    /// Counter of this address; of an IPv6 address, of its /64
    #[arg(long, value_name = "ADDR", value_parser = parse_addr)]
    pub(super) address: Option<IpAddr>,
    /// All counters
    #[arg(long)]
    pub(super) all: bool,
}

/// The inputs and outputs of a command.
pub(super) struct ThrottleContext<'a> {
    /// The configuration of the counters' store.
    pub(super) configuration: &'a Configuration,
    /// Decides which failures no longer count.
    pub(super) clock: Clock,
    /// Standard output.
    pub(super) out: &'a mut dyn Write,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ThrottleCommandError {
    /// The counters cannot be read or changed.
    #[error(transparent)]
    Throttle(#[from] ThrottleError),
    /// Redis cannot be reached.
    #[error(transparent)]
    Redis(#[from] StoreError),
    /// The users database refused or failed.
    #[error(transparent)]
    Users(#[from] users::UserStoreError),
    /// Standard output is closed.
    #[error("writing the output: {0}")]
    Write(#[from] io::Error),
}

/// Runs the command for the operator at the terminal.
pub(super) fn from_command_line(args: &ThrottleArgs, file: &Path) -> Result<(), Failure> {
    let configuration = configuration_of_state(file)?;
    let is_file = !matches!(configuration.sessions.store, Store::Redis(_));
    let database = (is_file && args.command.clears()).then(|| configuration.throttle_files().database);
    on_state(&configuration, database, |out| {
        let context = ThrottleContext { configuration: &configuration, clock: Clock::system(), out };
        Ok(run(&args.command, context)?)
    })
}

/// Runs a command; its output goes to [`ThrottleContext::out`].
pub(super) fn run(
    command: &ThrottleCommand,
    context: ThrottleContext<'_>,
) -> Result<(), ThrottleCommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ThrottleContext { configuration, clock, out } = context;
    let (records, names) = (records(configuration, &clock)?, names(configuration, &clock)?);
    match command {
        ThrottleCommand::List { user, address, json } => {
            let selection = selection(user.as_ref(), *address, &names);
            let listed = runtime.block_on(records.list(&selection, clock.now()))?;
            if *json { in_json(&listed, &names, out) } else { as_table(&listed, &names, out) }?;
        }
        ThrottleCommand::Clear(ClearArgs { whose, json }) => {
            let selection = selection(whose.user.as_ref(), whose.address, &names);
            match (runtime.block_on(records.clear(&selection))?, json) {
                (cleared, true) => writeln!(out, "{}", serde_json::json!({ "cleared": cleared }))?,
                (0, false) => writeln!(out, "there were no failed sign-ins to forget")?,
                (1, false) => writeln!(out, "forgot 1 count of failed sign-ins")?,
                (cleared, false) => writeln!(out, "forgot {cleared} counts of failed sign-ins")?,
            }
        }
    }
    Ok(out.flush()?)
}

fn records(configuration: &Configuration, clock: &Clock) -> Result<ThrottleRecords, StoreError> {
    Ok(match &configuration.sessions.store {
        Store::Redis(settings) => {
            let surroundings = StoreSurroundings { clock: clock.clone(), invalidator: Invalidator::none() };
            ThrottleRecords::Redis(RedisStore::open(settings, surroundings)?.link())
        }
        Store::File | Store::Memory => ThrottleRecords::Files(configuration.throttle_files()),
    })
}

fn names(
    configuration: &Configuration,
    clock: &Clock,
) -> Result<HashMap<UserId, UserName>, users::UserStoreError> {
    let Some(store) = existing_users(configuration, clock)? else { return Ok(HashMap::new()) };
    Ok(store.list()?.into_iter().map(|account| (account.user.id, account.user.name.clone())).collect())
}

fn selection(
    user: Option<&UserName>,
    address: Option<IpAddr>,
    names: &HashMap<UserId, UserName>,
) -> Selection {
    match (user, address) {
        (Some(name), _) => match names.iter().find(|(_, other)| *other == name) {
            Some((id, _)) => Selection::User(*id),
            None => Selection::Name(name.as_str().to_owned()),
        },
        (None, Some(addr)) => Selection::Address(addr),
        (None, None) => Selection::All,
    }
}

fn as_table(listed: &[Listed], names: &HashMap<UserId, UserName>, out: &mut dyn Write) -> io::Result<()> {
    if listed.is_empty() {
        return writeln!(out, "there are no failed sign-ins");
    }
    let mut table = Table::headed(["KIND", "WHOSE", "FAILURES", "WAITS", "BLOCKED UNTIL", "LAST FAILURE"]);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for one in listed {
        let CounterJson { kind, user, address, failures, waits, blocked_until, last_failure } =
            CounterJson::of(one, names);
        table.push([
            kind.to_owned(),
            or_dash(user.or(address)),
            failures.to_string(),
            waits.to_string(),
            or_dash(blocked_until),
            last_failure,
        ]);
    }
    table.write("", out)
}

fn in_json(listed: &[Listed], names: &HashMap<UserId, UserName>, out: &mut dyn Write) -> io::Result<()> {
    let counters: Vec<CounterJson> = listed.iter().map(|one| CounterJson::of(one, names)).collect();
    serde_json::to_writer_pretty(&mut *out, &counters)?;
    writeln!(out)
}

/// A counter in JSON; the names of the fields are a promise to scripts.
#[derive(Serialize)]
struct CounterJson {
    kind: &'static str,
    user: Option<String>,
    address: Option<String>,
    failures: u32,
    waits: u32,
    blocked_until: Option<String>,
    last_failure: String,
}

impl CounterJson {
    fn of(listed: &Listed, names: &HashMap<UserId, UserName>) -> Self {
        let name = |id: UserId| names.get(&id).map_or_else(|| format!("user {id}"), ToString::to_string);
        let (user, address) = match listed.key {
            ThrottleKey::Account(id) | ThrottleKey::Device(id, _) => (Some(name(id)), None),
            ThrottleKey::Address(network) => (None, Some(network.to_string())),
            ThrottleKey::Name(_) => (None, None),
        };
        Self {
            kind: listed.kind(),
            user,
            address,
            failures: listed.failures,
            waits: listed.waits,
            blocked_until: listed.blocked_until.map(|until| until.to_string()),
            last_failure: listed.last.to_string(),
        }
    }
}

fn parse_name(typed: &str) -> Result<UserName, InvalidName> {
    UserName::parse(typed)
}

/// Reads an address, or an IPv6 network as the listing shows it.
fn parse_addr(typed: &str) -> Result<IpAddr, String> {
    let addr = typed.strip_suffix("/64").filter(|rest| rest.contains(':')).unwrap_or(typed);
    addr.parse().map_err(|_| {
        let example = Network::of(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]));
        format!("write an address, such as 192.0.2.1 or 2001:db8::1, or a network as it is listed: {example}")
    })
}
