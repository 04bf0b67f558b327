//! The backends of a configuration, and the end of those that it does not have any more.

use std::sync::Arc;

use super::AssemblyError;
use crate::{
    auth::{BackendSettings, BackendSurroundings, Backends},
    clock::Clock,
    config::Configuration,
    identity::BackendName,
    users::{Directory, DirectoryError},
};

/// Makes the backends of a configuration; those of `former` that have not changed are kept.
pub(super) fn open(
    configuration: &Configuration,
    former: &Backends,
    clock: &Clock,
    directory: &Arc<Directory>,
) -> Result<Backends, AssemblyError> {
    let limits = &configuration.sessions.limits;
    let sessions_last = limits.lifetime.max(limits.remember_lifetime.unwrap_or_default());
    let takes_certificates = configuration.tls.clients.authorities.is_some();
    let surroundings = BackendSurroundings { clock, directory, sessions_last, takes_certificates };
    Backends::open(&configuration.backends, surroundings, former).map_err(AssemblyError::Thread)
}

/// The backends that know users by pairs, each with its authority.
pub(super) fn authorities(configuration: &Configuration) -> Vec<(BackendName, String)> {
    let authority = |backend: &BackendSettings| Some((backend.name(), backend.authority()?.to_owned()));
    configuration.backends.iter().filter_map(authority).collect()
}

/// Ends the sign-ins, and takes away the groups, of users whose backend is not among these: Mallory, who was dismissed
/// together with the provider that vouched for her, must not stay signed in.
pub(super) fn end_others(
    kept: Vec<(BackendName, String)>,
    directory: &Directory,
) -> Result<(), AssemblyError> {
    match directory.end_sources_except(kept) {
        Ok(0) => {}
        Ok(users) => {
            tracing::warn!(users, "users of backends that are not configured any more were signed out");
        }
        Err(DirectoryError::Store(error)) => return Err(error.into()),
        Err(error) => return Err(AssemblyError::Thread(std::io::Error::other(error))),
    }
    Ok(())
}
