//! `portcullis reload`: the running gateway reads its configuration again.

use std::{
    io::{self, Write},
    path::Path,
};

use super::{failure::Failure, output::out, running, state::configuration_of_state};
use crate::server::Reloaded;

/// Reloads, and waits for the result.
pub(super) fn from_command_line(file: &Path) -> Result<(), Failure> {
    let configuration = configuration_of_state(file).map_err(|refused| {
        Failure(format!("{}\nthe configuration was not reloaded", refused.0.trim_end()))
    })?;
    let Reloaded { configuration, needs_restart } = running::reload(&configuration)?;
    writeln!(out(), "reloaded {}", configuration.display())?;
    if !needs_restart.is_empty() {
        // Beside the result, which is the same for scripts.
        writeln!(
            io::stderr(),
            "warning: changed, and in use after a restart alone: {}",
            needs_restart.join(", ")
        )?;
    }
    Ok(())
}
