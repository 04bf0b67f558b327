//! The file: opening it, its schema, and what can go wrong with it.
//!
//! SQLite with a write-ahead log, so that readers and the writer of several
//! processes do not wait for each other, and every commit is on the disk
//! before it is acknowledged. Nobody but the owner can read the file: it holds
//! password hashes.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::profile::InvalidProfile;
use crate::identity::{UserId, UserName};

/// Why the directory could not do what it was asked; the text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file or its folder cannot be made or protected.
    #[error("{doing} {}: {reason}{}", path.display(), io_hint(reason))]
    File {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// SQLite could not do its work.
    #[error("{doing} in users database {}: {reason}{}", path.display(), sqlite_hint(reason))]
    Database {
        /// What was being done.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        reason: rusqlite::Error,
    },
    /// The file is no database, or a broken one.
    #[error(
        "users database {} is damaged or no SQLite database ({reason}); \
         stop the gateway, then put back a copy or move the file away to start with no users", path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        reason: rusqlite::Error,
    },
    /// Somebody else's database.
    #[error(
        "{} is a database of another program; give another file for the users, or move it away", path.display()
    )]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// Written by a newer release.
    #[error(
        "users database {} has schema version {found}, this release knows up to {known}; \
         use the release that wrote it, or a newer one", path.display()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that can be read here.
        known: i64,
    },
    /// A thread for the database could not be started.
    #[error("starting the thread of the users database: {0}")]
    Thread(io::Error),
    /// The name is taken.
    #[error("there is already a user {0}")]
    Exists(UserName),
    /// Nobody has this name.
    #[error("there is no user {0}")]
    NoSuchUser(UserName),
    /// Nobody has this number, any more.
    #[error("there is no user number {0} any more")]
    Gone(UserId),
    /// The first user has been made already.
    #[error("there are users already, so the first one cannot be made again")]
    UsersExist,
    /// The password was changed, or the account disabled, since the caller looked.
    #[error("the credential of user {0} has changed in the meantime")]
    CredentialChanged(UserName),
    /// Something that cannot be said about a user.
    #[error(transparent)]
    Invalid(#[from] InvalidProfile),
}

impl StoreError {
    pub(super) fn from_sqlite(doing: &'static str, path: &Path, reason: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match reason.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Damaged { path, reason },
            _ => Self::Database { doing, path, reason },
        }
    }
}

/// Opens the database, and makes folder and file if they are missing.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    prepare_files(path)?;
    let failed = |doing| move |reason| StoreError::from_sqlite(doing, path, reason);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed("opening"))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed("opening"))?;
    // Before anything is written: a file that is not ours stays as it is.
    recognise(&connection, path)?;
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
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// How far the schema of the file is; refuses what this release must not touch.
fn recognise(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let failed = |reason| StoreError::from_sqlite("reading the schema version", path, reason);
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
    let found = number("SELECT user_version FROM pragma_user_version")?;
    let owner = number("SELECT application_id FROM pragma_application_id")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let is_empty = (found, owner, tables) == (0, 0, 0);
    if !is_empty && owner != APPLICATION_ID {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    let known = newest_version();
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
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

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    if recognise(connection, path)? == newest_version() {
        return Ok(());
    }
    let failed = |reason| StoreError::from_sqlite("bringing the schema up to date", path, reason);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Another process may have been faster.
    let mut version = recognise(&transaction, path)?;
    for step in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0)) {
        transaction.execute_batch(step).map_err(failed)?;
        version += 1;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    transaction.pragma_update(None, "user_version", version).map_err(failed)?;
    transaction.commit().map_err(failed)
}

fn prepare_files(path: &Path) -> Result<(), StoreError> {
    let failed = |doing, path: &Path| {
        let path = path.to_owned();
        move |reason| StoreError::File { doing, path, reason }
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
        Ok(_) => give_to_owner_of(folder, path).map_err(failed("handing over users database", path))?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed("creating users database", path)(error)),
    }
    Ok(())
}

/// SQLite gives its two companions the mode of the file; this is for what was there before.
fn protect_files(path: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        let file = PathBuf::from(file);
        keep_private(&file).map_err(|reason| StoreError::File { doing: "protecting", path: file, reason })?;
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

fn newest_version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
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

/// Marks a file as ours: `Prtc`.
const APPLICATION_ID: i64 = 0x5072_7463;

/// The steps of the schema, oldest first; the number of steps done is the file's `user_version`. A step that
/// was ever released is never edited: what changes is a further step.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE user (
        id           INTEGER PRIMARY KEY AUTOINCREMENT,
        name         TEXT    NOT NULL UNIQUE,
        email        TEXT    NOT NULL,
        full_name    TEXT    NOT NULL,
        active       INTEGER NOT NULL CHECK (active IN (0, 1)),
        superuser    INTEGER NOT NULL CHECK (superuser IN (0, 1)),
        credential   INTEGER NOT NULL,
        password     TEXT,
        created      INTEGER NOT NULL,
        last_sign_in INTEGER
    ) STRICT;

    CREATE TABLE user_group (
        user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
        name    TEXT    NOT NULL,
        PRIMARY KEY (user_id, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE user_permission (
        user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
        name    TEXT    NOT NULL,
        PRIMARY KEY (user_id, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE user_attribute (
        user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
        key     TEXT    NOT NULL,
        value   TEXT    NOT NULL,
        PRIMARY KEY (user_id, key)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE change (
        seq       INTEGER PRIMARY KEY AUTOINCREMENT,
        at        INTEGER NOT NULL,
        user_id   INTEGER NOT NULL,
        user_name TEXT    NOT NULL,
        action    TEXT    NOT NULL,
        actor     TEXT    NOT NULL
    ) STRICT;
"];

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folder_and_files_are_private() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("state/deeper/users.db");
        let connection = open(&path).unwrap();
        assert_eq!(mode(&temp.path().join("state")), 0o700);
        assert_eq!(mode(&temp.path().join("state/deeper")), 0o700);
        for file in ["users.db", "users.db-wal", "users.db-shm"] {
            assert_eq!(mode(&path.with_file_name(file)), 0o600, "{file}");
        }
        drop(connection);
    }

    #[test]
    fn a_file_that_others_could_read_is_closed_to_them() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("users.db");
        drop(open(&path).unwrap());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        drop(open(&path).unwrap());
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn the_file_is_made_durable_and_consistent() {
        let temp = tempfile::tempdir().unwrap();
        let connection = open(&temp.path().join("users.db")).unwrap();
        let pragma = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(pragma("PRAGMA synchronous"), 2);
        assert_eq!(pragma("PRAGMA foreign_keys"), 1);
        assert_eq!(pragma("PRAGMA busy_timeout"), 5000);
        let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }

    #[test]
    fn a_newer_schema_is_refused_and_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("users.db");
        open(&path).unwrap().pragma_update(None, "user_version", 999).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Newer { found: 999, known: 1, .. }), "{error}");
        assert!(error.to_string().contains("schema version 999, this release knows up to 1"), "{error}");
        let version: i64 = Connection::open(&path)
            .unwrap()
            .query_row("SELECT user_version FROM pragma_user_version", [], |row| row.get(0))
            .unwrap();
        assert_eq!(version, 999);
    }

    #[test]
    fn a_file_that_is_no_database_is_named_and_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("users.db");
        let text = "this is no database\n".repeat(300);
        fs::write(&path, &text).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        let message = error.to_string();
        assert!(
            message.contains(&path.display().to_string()) && message.contains("put back a copy"),
            "{message}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn the_database_of_another_program_is_refused_and_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("users.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE song (title TEXT)").unwrap();
        let before = fs::read(&path).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_folder_where_the_file_should_be_is_an_error_that_names_it() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("users.db");
        fs::create_dir(&path).unwrap();
        let message = open(&path).unwrap_err().to_string();
        assert!(message.contains(&path.display().to_string()), "{message}");
    }

    #[test]
    fn many_can_open_a_new_file_at_the_same_time() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("users.db");
        thread::scope(|scope| {
            let openers: Vec<_> = (0..8).map(|_| scope.spawn(|| open(&path).map(drop))).collect();
            for opener in openers {
                opener.join().unwrap().unwrap();
            }
        });
    }
}
