//! The control socket.

use std::{path::PathBuf, sync::Arc};

use super::AssemblyError;
use crate::{
    config::{Configuration, Store},
    error_chain::ErrorChain,
    server::{Control, ControlError, ControlledGateway, StateFolder},
    session::Sessions,
    store::sqlite::ReadFile,
    telemetry::Audit,
};

/// Binds the socket through which commands reach the gateway; `None` if the system refuses it. Sessions in memory are
/// reached through nothing else.
pub(super) fn bind(
    configuration: &Configuration,
    databases: [(PathBuf, Option<ReadFile>); 3],
    sessions: &Arc<Sessions>,
    audit: &Audit,
) -> Result<Option<Control>, AssemblyError> {
    let folder = match configuration.sessions.store {
        Store::Memory => StateFolder::OwnAlone,
        Store::File | Store::Redis(_) => StateFolder::Shared,
    };
    let named = |(path, file): (PathBuf, Option<ReadFile>)| {
        path.file_name().map(|name| name.to_string_lossy().into_owned()).zip(file)
    };
    let gateway = ControlledGateway {
        // The folder of a command may differ.
        configuration: std::path::absolute(&configuration.file)
            .unwrap_or_else(|_| configuration.file.clone()),
        databases: databases.into_iter().filter_map(named).collect(),
        sessions: Arc::clone(sessions),
        audit: audit.clone(),
    };
    match Control::bind(&configuration.control_socket(), folder, gateway) {
        Ok(control) => Ok(Some(control)),
        Err(taken @ ControlError::Taken(_)) => Err(taken.into()),
        // A path too long for a socket, for example. The gateway works without it.
        Err(error @ ControlError::Bind { .. }) => {
            tracing::warn!(
                error = %ErrorChain(&error),
                "control socket unavailable: no command reaches this gateway; SIGHUP still reloads"
            );
            Ok(None)
        }
    }
}
