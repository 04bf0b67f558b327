//! The configuration of a command, and its work in the state folder.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{failure::Failure, output::out, owner::become_owner_of, running::Agreement};
use crate::{
    clock::Clock,
    config::{self, Configuration, Look},
    users::{UserStore, UserStoreError},
};

/// Reads the configuration; warnings go to standard error.
pub(super) fn configuration(file: &Path) -> Result<Configuration, Failure> {
    read(file, |_| Ok(()))
}

/// Like [`configuration`], for a command that opens the state folder: as the owner of the folder from here on.
pub(super) fn configuration_of_state(file: &Path) -> Result<Configuration, Failure> {
    read(file, |configuration| Ok(become_owner_of(&configuration.state)?))
}

fn read(
    file: &Path,
    before_warnings: impl FnOnce(&Configuration) -> Result<(), Failure>,
) -> Result<Configuration, Failure> {
    let look = Look::for_stderr();
    let loaded = config::load(file).map_err(|error| Failure(error.render(look)))?;
    before_warnings(&loaded.configuration)?;
    for warning in &loaded.warnings {
        writeln!(io::stderr(), "{}", warning.render(look)).ok();
    }
    Ok(loaded.configuration)
}

/// Runs a command in the state folder. The output about a database that it changes is printed after every running
/// gateway has been found to read that file.
pub(super) fn on_state(
    configuration: &Configuration,
    changed: Option<PathBuf>,
    work: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(database) = changed else { return work(&mut out()) };
    let agreement = Agreement::before(configuration, database)?;
    let mut printed = Vec::new();
    let worked = work(&mut printed);
    if worked.is_ok() {
        agreement.after()?;
    }
    let mut out = out();
    out.write_all(&printed)?;
    out.flush()?;
    worked
}

/// Opens the users database for reading; `None` if it is missing, because opening would make an empty one.
pub(super) fn existing_users(
    configuration: &Configuration,
    clock: &Clock,
) -> Result<Option<UserStore>, UserStoreError> {
    let database = configuration.users_database();
    if matches!(database.try_exists(), Ok(false)) {
        return Ok(None);
    }
    UserStore::open(&database, clock.clone()).map(Some)
}
