//! `portcullis assertion …`: the keys of signed assertions.
//!
//! Works on the files in the key folder, with or without a running gateway, which notices a new key within seconds.

use std::{io::Write, path::Path};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    failure::Failure,
    state::{configuration_of_state, on_state},
    table::Table,
};
use crate::{
    assertion::{AssertionKeyError, KeyFolder},
    clock::{Clock, Timestamp},
};

/// List and rotate the keys of signed assertions
#[derive(Clone, Debug, Args)]
pub(super) struct AssertionArgs {
    #[command(subcommand)]
    command: AssertionCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum AssertionCommand {
    /// List the keys, the newest one first
    List {
        /// Print a JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Make a new key: it is published at once, and signs a quarter of an hour later
    Rotate,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum AssertionCommandError {
    #[error(transparent)]
    Keys(#[from] AssertionKeyError),
    #[error("no app of {0} has `assertion` or `sign_out_notice`")]
    NoApp(String),
    #[error("writing the output: {0}")]
    Write(#[from] std::io::Error),
}

/// Runs the command for the operator at the terminal.
pub(super) fn from_command_line(args: &AssertionArgs, file: &Path) -> Result<(), Failure> {
    let configuration = configuration_of_state(file)?;
    let keys = configuration.assertion_keys();
    on_state(&configuration, None, |out| {
        let settings = keys.ok_or_else(|| AssertionCommandError::NoApp(file.display().to_string()))?;
        let now = Clock::system().now();
        let folder = KeyFolder::open(settings, now).map_err(AssertionCommandError::from)?;
        Ok(run(&args.command, folder, now, out)?)
    })
}

fn run(
    command: &AssertionCommand,
    mut folder: KeyFolder,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<(), AssertionCommandError> {
    match command {
        AssertionCommand::List { json: true } => {
            let keys = folder.list(now).into_iter().map(|key| {
                json!({
                    "number": key.number, "kid": key.kid, "created": key.created.to_string(), "signs": key.signs,
                    "published": key.is_published,
                })
            });
            writeln!(out, "{}", json!(keys.collect::<Vec<_>>()))?;
        }
        AssertionCommand::List { json: false } => {
            let mut table = Table::headed(["KEY", "CREATED", "STATE"]);
            for key in folder.list(now) {
                let state = match (key.signs, key.is_published) {
                    (true, _) => "signs",
                    (false, true) => "published",
                    (false, false) => "not needed any more",
                };
                table.push([key.kid, key.created.to_string(), state.to_owned()]);
            }
            table.write("", out)?;
        }
        AssertionCommand::Rotate => {
            folder.rotate(now)?;
            let kid = folder.list(now).first().map(|key| key.kid.clone()).unwrap_or_default();
            let minutes = KeyFolder::lead().as_secs() / 60;
            writeln!(out, "made the key {kid}; it is published, and signs in {minutes} minutes")?;
        }
    }
    Ok(())
}
