//! `portcullis reload`: the running gateway reads its configuration again.

use std::{io::Write, path::Path};

use super::{failure::Failure, output::out, running, state::configuration_of_state};

/// Reloads, and waits for the result.
pub(super) fn from_command_line(file: &Path) -> Result<(), Failure> {
    let configuration = configuration_of_state(file).map_err(|refused| {
        Failure(format!("{}\nthe configuration was not reloaded", refused.0.trim_end()))
    })?;
    let reloaded = running::reload(&configuration)?;
    Ok(writeln!(out(), "reloaded {}", reloaded.display())?)
}
