//! `portcullis token …`: making, listing and ending API tokens.
//!
//! Works on the users database itself, with or without a running gateway, which notices a change within a second. A token
//! is printed once, when it is made, alone on a line of standard output.

use std::{
    io::{self, Write},
    path::Path,
    time::Duration,
};

use clap::{Args, Subcommand};
use ipnet::IpNet;
use serde::Serialize;

use super::{
    failure::Failure,
    operator::operator,
    state::{configuration_of_state, on_state},
    table::Table,
};
use crate::{
    clock::{Clock, Timestamp},
    config::{Configuration, parse_duration, parse_network, show_duration},
    escape::EscapingWriter,
    identity::{InvalidScope, Scope, ScopePath, UserName},
    users::{Account, NewToken, StoredToken, TokenId, TokenLimits, TokenRules, UserStore, UserStoreError},
};

/// Make, list and end tokens by which programs act for a user
#[derive(Clone, Debug, Args)]
pub(super) struct TokenArgs {
    /// The command.
    #[command(subcommand)]
    command: TokenCommand,
}

/// The commands on tokens.
#[derive(Clone, Debug, Subcommand)]
enum TokenCommand {
    /// Make a token for a user, and print it once
    Add(AddArgs),
    /// List tokens: what each is for, when it was last used, and when it ends
    List {
        /// Only the tokens of this user
        #[arg(long, value_name = "NAME", value_parser = UserName::parse)]
        user: Option<UserName>,
        /// Print a JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// End a token: its next request is refused
    Revoke {
        /// Name of the user
        #[arg(value_parser = UserName::parse)]
        user: UserName,
        /// Number of the token, as the list shows it
        #[arg(value_parser = token_number)]
        number: TokenId,
    },
}

/// Arguments of `portcullis token add`.
#[derive(Clone, Debug, Args)]
struct AddArgs {
    /// Name of the user, or of the account of a machine (`portcullis user add --machine`)
    #[arg(value_parser = UserName::parse)]
    user: UserName,
    /// Name of the token, such as that of the program
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// Lifetime, such as 30d; `[tokens]` has the default and the maximum
    #[arg(long, value_parser = parse_duration)]
    lifetime: Option<Duration>,
    /// Only for this app; again for several
    #[arg(long = "app", value_name = "NAME")]
    apps: Vec<String>,
    /// Only for this path, such as /api/**; again for several
    #[arg(long = "path", value_name = "PATH", value_parser = ScopePath::parse)]
    paths: Vec<ScopePath>,
    /// Only for this method; again for several
    #[arg(long = "method", value_name = "METHOD")]
    methods: Vec<String>,
    /// Only from this network or address, such as 192.0.2.0/24; again for several
    #[arg(long = "network", value_name = "NETWORK", value_parser = parse_network)]
    networks: Vec<IpNet>,
    /// Let it open what asks for two factors
    #[arg(long)]
    multi_factor: bool,
}

/// The inputs and outputs of a command.
struct TokenContext<'a> {
    database: &'a Path,
    clock: Clock,
    rules: TokenRules,
    /// The name of each app, and whether it takes tokens, to warn of a token that opens nothing.
    apps: Vec<(&'a str, bool)>,
    actor: String,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
}

/// Why a command failed, without any change.
#[derive(Debug, thiserror::Error)]
enum TokenError {
    #[error(transparent)]
    Store(#[from] UserStoreError),
    #[error(transparent)]
    Scope(#[from] InvalidScope),
    #[error("a token lasts {most} at most; `max_lifetime` of `[tokens]` says so")]
    TooLong { most: String },
    #[error("a token lasts a minute at least")]
    TooShort,
    #[error("writing the output: {0}")]
    Write(#[from] io::Error),
}

/// Runs the command for the operator at the terminal.
pub(super) fn from_command_line(args: &TokenArgs, file: &Path) -> Result<(), Failure> {
    let configuration = configuration_of_state(file)?;
    let changes = !matches!(args.command, TokenCommand::List { .. });
    let database = changes.then(|| configuration.users_database());
    on_state(&configuration, database, |out| {
        let context = TokenContext {
            database: &configuration.users_database(),
            clock: Clock::system(),
            rules: configuration.tokens,
            apps: apps(&configuration),
            actor: operator(),
            out,
            err: &mut EscapingWriter(io::stderr()),
        };
        Ok(run(&args.command, context)?)
    })
}

fn apps(configuration: &Configuration) -> Vec<(&str, bool)> {
    let apps = configuration.policy.apps().iter().zip(&configuration.apps);
    apps.map(|(app, declaration)| (&*app.name, declaration.programs.tokens)).collect()
}

fn token_number(text: &str) -> Result<TokenId, &'static str> {
    text.parse().map(TokenId).map_err(|_| "write the NUMBER of the token that `portcullis token list` shows")
}

fn run(command: &TokenCommand, mut context: TokenContext<'_>) -> Result<(), TokenError> {
    let store = UserStore::open(context.database, context.clock.clone())?.acting_as(context.actor.as_str());
    match command {
        TokenCommand::Add(args) => add(args, store, &mut context),
        TokenCommand::List { user, json } => list(user.as_ref(), *json, &store, &mut context),
        TokenCommand::Revoke { user, number } => revoke(user, *number, store, &mut context),
    }?;
    Ok(context.out.flush()?)
}

fn add(args: &AddArgs, mut store: UserStore, context: &mut TokenContext<'_>) -> Result<(), TokenError> {
    let lifetime = args.lifetime.unwrap_or(context.rules.lifetime);
    if lifetime > context.rules.max_lifetime {
        return Err(TokenError::TooLong { most: show_duration(context.rules.max_lifetime) });
    }
    if lifetime < SHORTEST {
        return Err(TokenError::TooShort);
    }
    let scope = Scope {
        apps: args.apps.iter().map(|app| app.as_str().into()).collect(),
        paths: args.paths.clone(),
        methods: args.methods.iter().map(|method| method.as_str().into()).collect(),
    };
    warn_if_unusable(args, context)?;
    let limits = TokenLimits { scope, networks: args.networks.clone(), multi_factor: args.multi_factor };
    let expires = context.clock.now() + lifetime;
    let new = NewToken { name: args.name.clone(), expires, limits };
    let (_, token) = store.add_token(&args.user, &new)?;
    writeln!(context.err, "made a token of user {} until {expires}; it is not shown again:", args.user)?;
    Ok(writeln!(context.out, "{}", token.expose())?)
}

/// The token can be made before the configuration has its apps.
fn warn_if_unusable(args: &AddArgs, context: &mut TokenContext<'_>) -> io::Result<()> {
    for name in &args.apps {
        match context.apps.iter().find(|(app, _)| app == name) {
            None => writeln!(context.err, "warning: no app {name} is defined in the configuration")?,
            Some((_, true)) => {}
            Some((_, false)) => writeln!(context.err, "warning: app {name} takes no tokens; {ALLOW}")?,
        }
    }
    if args.apps.is_empty() && context.apps.iter().all(|(_, takes_tokens)| !takes_tokens) {
        writeln!(context.err, "warning: no app takes tokens; {ALLOW}")?;
    }
    Ok(())
}

fn list(
    user: Option<&UserName>,
    json: bool,
    store: &UserStore,
    context: &mut TokenContext<'_>,
) -> Result<(), TokenError> {
    let accounts = match user {
        Some(name) => {
            vec![store.find_by_name(name)?.ok_or_else(|| UserStoreError::NoSuchUser(name.clone()))?]
        }
        None => store.list()?,
    };
    let of = |account: &Account| {
        account.tokens.iter().cloned().map(|token| (account.user.name.clone(), token)).collect::<Vec<_>>()
    };
    let tokens: Vec<(UserName, StoredToken)> = accounts.iter().flat_map(of).collect();
    let now = context.clock.now();
    if json {
        let tokens: Vec<TokenJson<'_>> =
            tokens.iter().map(|(user, token)| TokenJson::of(user, token, now)).collect();
        serde_json::to_writer_pretty(&mut *context.out, &tokens).map_err(io::Error::from)?;
        return Ok(writeln!(context.out)?);
    }
    if tokens.is_empty() {
        return Ok(writeln!(context.out, "there are no tokens")?);
    }
    let mut table = Table::headed(["NUMBER", "USER", "NAME", "FOR", "FROM", "LAST USED", "ENDS"]);
    for (user, token) in &tokens {
        let networks: Vec<String> = token.limits.networks.iter().map(ToString::to_string).collect();
        table.push([
            token.id.to_string(),
            user.to_string(),
            token.name.clone(),
            format!("{}{}", token.limits.scope, if token.limits.multi_factor { ", two factors" } else { "" }),
            if networks.is_empty() { "everywhere".to_owned() } else { networks.join(", ") },
            token.last_used.at().map_or_else(|| "never".to_owned(), |at| at.to_string()),
            format!("{}{}", token.expires, if now >= token.expires { " (ended)" } else { "" }),
        ]);
    }
    Ok(table.write("", context.out)?)
}

fn revoke(
    user: &UserName,
    number: TokenId,
    mut store: UserStore,
    context: &mut TokenContext<'_>,
) -> Result<(), TokenError> {
    store.revoke_token(user, number)?;
    Ok(writeln!(context.out, "ended token {number} of user {user}")?)
}

/// A token in JSON; the names of the fields are a promise to scripts.
#[derive(Serialize)]
struct TokenJson<'a> {
    number: i64,
    user: &'a UserName,
    name: &'a str,
    scope: &'a Scope,
    networks: &'a [IpNet],
    multi_factor: bool,
    created: String,
    expires: String,
    ended: bool,
    last_used: Option<String>,
}

impl<'a> TokenJson<'a> {
    fn of(user: &'a UserName, token: &'a StoredToken, now: Timestamp) -> Self {
        Self {
            number: token.id.0,
            user,
            name: &token.name,
            scope: &token.limits.scope,
            networks: &token.limits.networks,
            multi_factor: token.limits.multi_factor,
            created: token.created.to_string(),
            expires: token.expires.to_string(),
            ended: now >= token.expires,
            last_used: token.last_used.at().map(|at| at.to_string()),
        }
    }
}

const SHORTEST: Duration = Duration::from_mins(1);
const ALLOW: &str = "`programs = { tokens = true }` below `[[app]]` allows them";

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tempfile::TempDir;

    use super::*;
    use crate::users::{NewUser, PresentedToken};

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(subcommand)]
        command: TokenCommand,
    }

    struct Fixture {
        temp: TempDir,
        clock: Clock,
    }

    impl Fixture {
        fn new() -> Self {
            let it = Self {
                temp: tempfile::tempdir().unwrap(),
                clock: Clock::manual(Timestamp::from_millis(1_700_000_000_000)),
            };
            let machine = NewUser { machine: true, ..NewUser::named(UserName::parse("backup").unwrap()) };
            it.store().add(machine).unwrap();
            it
        }

        fn store(&self) -> UserStore {
            UserStore::open(&self.temp.path().join("users.db"), self.clock.clone()).unwrap()
        }

        /// Standard output and standard error, or the error.
        fn run(&self, line: &str) -> Result<(String, String), String> {
            let words = std::iter::once("token").chain(line.split(' '));
            let typed = Typed::try_parse_from(words).map_err(|error| error.to_string())?;
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let context = TokenContext {
                database: &self.temp.path().join("users.db"),
                clock: self.clock.clone(),
                rules: TokenRules::default(),
                apps: vec![("wiki", true), ("shop", false)],
                actor: "operator".to_owned(),
                out: &mut out,
                err: &mut err,
            };
            run(&typed.command, context).map_err(|error| error.to_string())?;
            let text = |bytes| String::from_utf8(bytes).unwrap();
            Ok((text(out), text(err)))
        }
    }

    #[test]
    fn a_token_is_printed_alone_and_once() {
        let it = Fixture::new();
        let (out, err) = it.run("add backup --name nightly --app wiki --path /api/** --method GET").unwrap();
        let presented = PresentedToken::parse(out.trim_end().as_bytes()).unwrap();
        assert!(!err.contains("ptc_") && !err.contains("warning"), "{err}");
        let (listed, _) = it.run("list").unwrap();
        assert!(listed.contains("nightly") && listed.contains("GET /api/** of wiki"), "{listed}");
        let (json, _) = it.run("list --user backup --json").unwrap();
        for text in [&listed, &json] {
            assert!(!text.contains("ptc_"), "{text}");
        }
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json[0]["number"], presented.id.0);
        it.run(&format!("revoke backup {}", presented.id)).unwrap();
        assert_eq!(it.run("list").unwrap().0, "there are no tokens\n");
    }

    #[test]
    fn a_token_that_cannot_be_is_refused() {
        let it = Fixture::new();
        for (line, message) in [
            ("add nobody --name x", "there is no user nobody; `portcullis user list` shows who there is"),
            ("add backup --name x --lifetime 400d", "at most"),
            ("add backup --name x --path api", "starts with `/`"),
            ("add backup --name x --method get", "capital letters"),
            ("add backup --name x --lifetime 0s", "a minute at least"),
            ("add backup --name x --network 10.0.0.0/33", "or a single address"),
            ("add backup --name x --network 10.0.0.1/8", "write `10.0.0.0/8` for the network"),
            ("add backup", "--name"),
            ("revoke backup nightly", "the NUMBER of the token"),
            ("revoke backup 7", "user backup has no token 7; `portcullis token list` shows which there are"),
        ] {
            let error = it.run(line).unwrap_err();
            assert!(error.contains(message), "{line}: {error}");
        }
        let (_, err) = it.run("add backup --name x --app wikki").unwrap();
        assert!(err.contains("warning: no app wikki"), "{err}");
        let (_, err) = it.run("add backup --name x --app shop").unwrap();
        assert!(err.contains("warning: app shop takes no tokens; `programs = { tokens = true }`"), "{err}");
    }

    #[test]
    fn the_list_shows_from_where_a_token_works_how_strong_it_is_and_whether_it_has_ended() {
        let it = Fixture::new();
        it.run("add backup --name x --lifetime 1d --multi-factor --network 192.0.2.7").unwrap();
        let (listed, _) = it.run("list").unwrap();
        assert!(listed.contains("everything, two factors") && listed.contains("192.0.2.7/32"), "{listed}");
        assert!(!listed.contains("(ended)"), "{listed}");
        it.clock.advance(Duration::from_hours(24));
        assert!(it.run("list").unwrap().0.contains("(ended)"));
    }
}
