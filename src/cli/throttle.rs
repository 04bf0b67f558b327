//! `portcullis throttle …`: who has failed to sign in, who has to wait, and ending that, from the command line.
//!
//! Works on what the gateway keeps, in the state folder or in Redis, whether it runs or not; a running gateway
//! notices within a second. Names that nobody has are kept as a digest only, so they can be asked for and cleared
//! by name, but not listed by it.

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
    state::{configuration_of_state, on_state},
    table::Table,
};
use crate::{
    clock::Clock,
    config::{Configuration, Store},
    identity::{InvalidName, UserId, UserName},
    session::{Invalidator, RedisStore, StoreError, StoreSurroundings},
    throttle::{Key, Listed, Network, Records, Selection, ThrottleError},
    users::{self, UserStore},
};

/// List and forget failed sign-ins
#[derive(Clone, Debug, Args)]
pub struct ThrottleArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ThrottleCommand,
}

/// What can be done with failed sign-ins.
#[derive(Clone, Debug, Subcommand)]
pub enum ThrottleCommand {
    /// List whose failures count at the moment, and who has to wait until when
    List {
        /// Only this user and their devices, or this name that nobody has
        #[arg(long, value_name = "NAME", value_parser = parse_name, conflicts_with = "address")]
        user: Option<UserName>,
        /// Only this address; of an IPv6 address, its /64
        #[arg(long, value_name = "ADDR", value_parser = parse_addr)]
        address: Option<IpAddr>,
        /// Print a JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Forget failures: whoever has to wait may try again at once
    Clear(ClearArgs),
}

impl ThrottleCommand {
    /// Whether it forgets failures, or only shows them.
    pub fn clears(&self) -> bool {
        matches!(self, Self::Clear(_))
    }
}

/// Arguments of `portcullis throttle clear`.
#[derive(Clone, Debug, Args)]
pub struct ClearArgs {
    /// Whose failures.
    #[command(flatten)]
    pub whose: WhoseArgs,
    /// Print a JSON object instead of a sentence
    #[arg(long)]
    pub json: bool,
}

/// One of these.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct WhoseArgs {
    /// This user's and those of their devices, or those of this name that nobody has
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub user: Option<UserName>,
    /// Those from this address; of an IPv6 address, from its /64
    #[arg(long, value_name = "ADDR", value_parser = parse_addr)]
    pub address: Option<IpAddr>,
    /// Everybody's
    #[arg(long)]
    pub all: bool,
}

/// Where the command runs.
pub struct Surroundings<'a> {
    /// What says where failures are counted.
    pub configuration: &'a Configuration,
    /// For what is over.
    pub clock: Clock,
    /// Standard output.
    pub out: &'a mut dyn Write,
}

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ThrottleCommandError {
    /// What is counted cannot be read or changed.
    #[error(transparent)]
    Throttle(#[from] ThrottleError),
    /// Redis cannot be reached.
    #[error(transparent)]
    Redis(#[from] StoreError),
    /// The directory of users refused or failed.
    #[error(transparent)]
    Users(#[from] users::StoreError),
    /// Standard output is closed.
    #[error("writing the answer: {0}")]
    Write(#[from] io::Error),
}

/// Runs the command for the operator at the terminal.
pub(super) fn from_command_line(args: &ThrottleArgs, file: &Path) -> Result<(), Failure> {
    let configuration = configuration_of_state(file)?;
    let is_file = !matches!(configuration.sessions.store, Store::Redis(_));
    let database = (is_file && args.command.clears()).then(|| configuration.throttle_files().database);
    on_state(&configuration, database, |out| {
        let surroundings = Surroundings { configuration: &configuration, clock: Clock::system(), out };
        Ok(run(&args.command, surroundings)?)
    })
}

/// Does what `command` says, and tells about it on [`Surroundings::out`].
pub fn run(command: &ThrottleCommand, with: Surroundings<'_>) -> Result<(), ThrottleCommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Surroundings { configuration, clock, out } = with;
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

fn records(configuration: &Configuration, clock: &Clock) -> Result<Records, StoreError> {
    Ok(match &configuration.sessions.store {
        Store::Redis(settings) => {
            let surroundings = StoreSurroundings { clock: clock.clone(), invalidator: Invalidator::nobody() };
            Records::Redis(RedisStore::open(settings, surroundings)?.link())
        }
        Store::File | Store::Memory => Records::Files(configuration.throttle_files()),
    })
}

fn names(
    configuration: &Configuration,
    clock: &Clock,
) -> Result<HashMap<UserId, UserName>, users::StoreError> {
    let database = configuration.users_database();
    // Opening would make an empty one.
    if matches!(database.try_exists(), Ok(false)) {
        return Ok(HashMap::new());
    }
    let people = UserStore::open(&database, clock.clone())?.list()?;
    Ok(people.into_iter().map(|account| (account.user.id, account.user.name.clone())).collect())
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
        let Shown { kind, user, address, failures, waits, blocked_until, last_failure } =
            Shown::of(one, names);
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
    let shown: Vec<Shown> = listed.iter().map(|one| Shown::of(one, names)).collect();
    serde_json::to_writer_pretty(&mut *out, &shown)?;
    writeln!(out)
}

/// A counter in JSON; the names of the fields are a promise to scripts.
#[derive(Serialize)]
struct Shown {
    kind: &'static str,
    user: Option<String>,
    address: Option<String>,
    failures: u32,
    waits: u32,
    blocked_until: Option<String>,
    last_failure: String,
}

impl Shown {
    fn of(listed: &Listed, names: &HashMap<UserId, UserName>) -> Self {
        let name = |id: UserId| names.get(&id).map_or_else(|| format!("user {id}"), ToString::to_string);
        let (user, address) = match listed.key {
            Key::Account(id) | Key::Device(id, _) => (Some(name(id)), None),
            Key::Address(network) => (None, Some(network.to_string())),
            Key::Name(_) => (None, None),
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

/// As it is listed, too: with the /64 of an IPv6 network.
fn parse_addr(typed: &str) -> Result<IpAddr, String> {
    let addr = typed.strip_suffix("/64").filter(|rest| rest.contains(':')).unwrap_or(typed);
    addr.parse().map_err(|_| {
        let example = Network::of(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]));
        format!("write an address, such as 192.0.2.1 or 2001:db8::1, or a network as it is listed: {example}")
    })
}
