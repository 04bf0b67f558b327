//! An embedded database: a SQLite file that is opened privately, recognised, and brought up to date.
//!
//! SQLite with a write-ahead log, so that readers and the writer of several
//! processes do not wait for each other, and every commit is on the disk
//! before it is acknowledged (`synchronous = FULL`). Nobody but the owner can
//! read the file or its companions.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

/// What a database holds, and how it came to hold it.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// What it is called in messages: `users database`.
    pub what: &'static str,
    /// Marks a file as ours.
    pub application_id: i64,
    /// The steps of the schema, oldest first; the number of steps done is the file's `user_version`. A step
    /// that was ever released is never edited: what changes is a further step.
    pub migrations: &'static [&'static str],
}

/// Why a database could not be opened or did not do its work; the text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file or its folder cannot be made or protected.
    #[error("{doing} {}: {reason}{}", .path.display(), io_hint(.reason))]
    File {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// SQLite could not do its work.
    #[error("{doing} in {what} {}: {reason}{}", .path.display(), sqlite_hint(.reason))]
    Database {
        /// Which database.
        what: &'static str,
        /// What was being done.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        reason: rusqlite::Error,
    },
    /// The file is no database, or a broken one.
    #[error(
        "{what} {} is damaged or no SQLite database ({reason}); \
         stop the gateway, then put back a copy or move the file away to start with an empty one", .path.display()
    )]
    Damaged {
        /// Which database.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        reason: rusqlite::Error,
    },
    /// Somebody else's database.
    #[error(
        "{} is a database of another program, not a {what}; move it away", .path.display()
    )]
    Foreign {
        /// Which database.
        what: &'static str,
        /// Which file.
        path: PathBuf,
    },
    /// Written by a newer release.
    #[error(
        "{what} {} has schema version {found}, this release knows up to {known}; \
         use the release that wrote it, or a newer one", .path.display()
    )]
    Newer {
        /// Which database.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that can be read here.
        known: i64,
    },
}

impl Schema {
    /// What SQLite said, as an error that names the file.
    pub fn failed(&self, doing: &'static str, path: &Path, reason: rusqlite::Error) -> DatabaseError {
        let (what, path) = (self.what, path.to_owned());
        match reason.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                DatabaseError::Damaged { what, path, reason }
            }
            _ => DatabaseError::Database { what, doing, path, reason },
        }
    }

    fn newest_version(&self) -> i64 {
        i64::try_from(self.migrations.len()).unwrap_or(i64::MAX)
    }
}

/// Opens the database, and makes folder and file if they are missing.
pub fn open(path: &Path, schema: &Schema) -> Result<Connection, DatabaseError> {
    prepare_files(path)?;
    let failed = |doing| move |reason| schema.failed(doing, path, reason);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed("opening"))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed("opening"))?;
    // Before anything is written: a file that is not ours stays as it is.
    recognise(&connection, path, schema)?;
    protect_files(path)?;
    use_write_ahead_log(&connection).map_err(failed("switching to a write-ahead log"))?;
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON;
             PRAGMA trusted_schema = OFF;",
        )
        .map_err(failed("setting up"))?;
    migrate(&mut connection, path, schema)?;
    Ok(connection)
}

/// How far the schema of the file is; refuses what this release must not touch.
fn recognise(connection: &Connection, path: &Path, schema: &Schema) -> Result<i64, DatabaseError> {
    let failed = |reason| schema.failed("reading the schema version", path, reason);
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
    let found = number("SELECT user_version FROM pragma_user_version")?;
    let owner = number("SELECT application_id FROM pragma_application_id")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let is_empty = (found, owner, tables) == (0, 0, 0);
    if !is_empty && owner != schema.application_id {
        return Err(DatabaseError::Foreign { what: schema.what, path: path.to_owned() });
    }
    let known = schema.newest_version();
    if found > known {
        return Err(DatabaseError::Newer { what: schema.what, path: path.to_owned(), found, known });
    }
    Ok(found)
}

/// SQLite does not wait, as it does otherwise, when two processes switch a new file over at the same time.
fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let mut tries = BUSY_TIMEOUT.as_millis() / WAL_RETRY.as_millis();
    loop {
        let switched = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match switched {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && tries > 0 => {
                tries -= 1;
                thread::sleep(WAL_RETRY);
            }
            other => return other.map(drop),
        }
    }
}

fn migrate(connection: &mut Connection, path: &Path, schema: &Schema) -> Result<(), DatabaseError> {
    if recognise(connection, path, schema)? == schema.newest_version() {
        return Ok(());
    }
    let failed = |reason| schema.failed("bringing the schema up to date", path, reason);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Another process may have been faster.
    let mut version = recognise(&transaction, path, schema)?;
    for step in schema.migrations.iter().skip(usize::try_from(version).unwrap_or(0)) {
        transaction.execute_batch(step).map_err(failed)?;
        version += 1;
    }
    transaction.pragma_update(None, "application_id", schema.application_id).map_err(failed)?;
    transaction.pragma_update(None, "user_version", version).map_err(failed)?;
    transaction.commit().map_err(failed)
}

fn prepare_files(path: &Path) -> Result<(), DatabaseError> {
    let failed = |doing, path: &Path| {
        let path = path.to_owned();
        move |reason| DatabaseError::File { doing, path, reason }
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed("creating folder", folder))?;
    let created = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match created {
        Ok(_) => give_to_owner_of(folder, path).map_err(failed("handing over", path))?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed("creating", path)(error)),
    }
    Ok(())
}

/// SQLite gives its two companions the mode of the file; this is for what was there before.
fn protect_files(path: &Path) -> Result<(), DatabaseError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        let file = PathBuf::from(file);
        keep_private(&file).map_err(|reason| DatabaseError::File {
            doing: "protecting",
            path: file,
            reason,
        })?;
    }
    Ok(())
}

/// `sudo portcullis user add` before the service's first start must not lock the service out.
fn give_to_owner_of(folder: &Path, file: &Path) -> io::Result<()> {
    let (folder, made) = (fs::metadata(folder)?, fs::metadata(file)?);
    if made.uid() == 0 && folder.uid() != 0 {
        chown(file, Some(folder.uid()), Some(folder.gid()))?;
    }
    Ok(())
}

/// No file, no reader: another process may just be closing the last connection, which removes the companions.
fn keep_private(file: &Path) -> io::Result<()> {
    let closed = fs::metadata(file).and_then(|found| {
        let is_open_to_others = found.permissions().mode() & 0o077 != 0;
        if is_open_to_others { fs::set_permissions(file, fs::Permissions::from_mode(0o600)) } else { Ok(()) }
    });
    closed.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn io_hint(reason: &io::Error) -> &'static str {
    match reason.kind() {
        ErrorKind::PermissionDenied => RUN_AS_OWNER,
        ErrorKind::ReadOnlyFilesystem => "; the state folder must be on a file system that can be written to",
        _ => "",
    }
}

fn sqlite_hint(reason: &rusqlite::Error) -> &'static str {
    match reason.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => RUN_AS_OWNER,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "; another process has held it for more than 5 s, try again"
        }
        Some(ErrorCode::DiskFull) => "; make room on the disk",
        _ => "",
    }
}

const RUN_AS_OWNER: &str =
    "; run this as the user that the gateway runs as, and let that user own the state folder";
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const WAL_RETRY: Duration = Duration::from_millis(20);
