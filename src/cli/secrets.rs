//! `portcullis secrets renew`: a new key for the secrets that the users database keeps sealed.

use std::{
    io::{self, Write},
    path::Path,
};

use clap::{Args, Subcommand};

use super::{
    failure::Failure,
    operator::operator,
    state::{configuration_of_state, on_state},
};
use crate::{
    clock::Clock,
    config::Configuration,
    users::{UserStore, UserStoreError},
};

/// Seal the secrets of second factors anew with a new key
#[derive(Clone, Debug, Args)]
pub(super) struct SecretsArgs {
    #[command(subcommand)]
    command: SecretsCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum SecretsCommand {
    /// Make a new key in secret.key, seal the secrets of authenticator apps and of recovery codes with it, and remove the
    /// old key; a running gateway goes on
    Renew,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum SecretsError {
    /// The secrets cannot be read or written.
    #[error(transparent)]
    Users(#[from] UserStoreError),
    /// Standard output is closed.
    #[error("writing the output: {0}")]
    Write(#[from] io::Error),
}

/// Runs the command for the operator at the terminal.
pub(super) fn from_command_line(args: &SecretsArgs, file: &Path) -> Result<(), Failure> {
    let configuration = configuration_of_state(file)?;
    let SecretsCommand::Renew = args.command;
    on_state(&configuration, Some(configuration.users_database()), |out| Ok(renew(&configuration, out)?))
}

fn renew(configuration: &Configuration, out: &mut dyn Write) -> Result<(), SecretsError> {
    let database = configuration.users_database();
    let mut store = UserStore::open(&database, Clock::system())?.acting_as(operator());
    let renewed = store.renew_seals()?;
    writeln!(
        out,
        "sealed {} with a new key; the old key is not in {} any more",
        secrets(renewed.sealed),
        configuration.state.join("secret.key").display()
    )?;
    if renewed.unopened > 0 {
        writeln!(
            out,
            "{} could not be opened with any key, and stayed as they are: `portcullis user factors NAME --remove` takes such a factor away",
            secrets(renewed.unopened)
        )?;
    }
    writeln!(
        out,
        "back up secret.key now; a backup of users.db from before needs the secret.key from before"
    )?;
    Ok(())
}

fn secrets(number: usize) -> String {
    if number == 1 { "1 secret".to_owned() } else { format!("{number} secrets") }
}
