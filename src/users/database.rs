//! The file that the people are kept in: its schema, and what can go wrong with it.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::profile::InvalidProfile;
use crate::{
    identity::{UserId, UserName},
    store::sqlite::{self, Database, DatabaseError, OpenFile, Opening, Schema},
};

/// Why the directory could not do what it was asked; the text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened, or SQLite could not do its work.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// What the path leads to by now cannot be read.
    #[error("the users database {} was removed or replaced, and what is there now cannot be read: {why}", .path.display())]
    Lost {
        /// The path.
        path: PathBuf,
        /// Why it cannot be read.
        why: String,
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
        SCHEMA.failed(doing, path, reason).into()
    }
}

/// Opens the database in this way.
pub(super) fn open(path: &Path, opening: Opening) -> Result<Database, StoreError> {
    Ok(sqlite::open_with(path, &SCHEMA, opening)?)
}

/// Opens what the path of an open database leads to now.
pub(super) fn reopen(before: &OpenFile, opening: Opening) -> Result<Database, StoreError> {
    Ok(sqlite::reopen(before, &SCHEMA, opening)?)
}

/// Marked `Prtc`.
const SCHEMA: Schema = Schema { what: "users database", application_id: 0x5072_7463, migrations: MIGRATIONS };

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
    use std::{fs, os::unix::fs::PermissionsExt, path::Path, thread};

    use rusqlite::Connection;

    use super::*;

    fn opened(path: &Path) -> Result<Connection, StoreError> {
        Ok(open(path, Opening::default())?.connection)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folder_and_files_are_private() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("state/deeper/users.db");
        let connection = opened(&path).unwrap();
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
        drop(opened(&path).unwrap());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        drop(opened(&path).unwrap());
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn the_file_is_made_durable_and_consistent() {
        let temp = tempfile::tempdir().unwrap();
        let connection = opened(&temp.path().join("users.db")).unwrap();
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
        opened(&path).unwrap().pragma_update(None, "user_version", 999).unwrap();
        let error = opened(&path).unwrap_err();
        assert!(
            matches!(error, StoreError::Database(DatabaseError::Newer { found: 999, known: 1, .. })),
            "{error}"
        );
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
        let error = opened(&path).unwrap_err();
        assert!(matches!(error, StoreError::Database(DatabaseError::Damaged { .. })), "{error}");
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
        let error = opened(&path).unwrap_err();
        assert!(matches!(error, StoreError::Database(DatabaseError::Foreign { .. })), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_folder_where_the_file_should_be_is_an_error_that_names_it() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("users.db");
        fs::create_dir(&path).unwrap();
        let message = opened(&path).unwrap_err().to_string();
        assert!(message.contains(&path.display().to_string()), "{message}");
    }

    #[test]
    fn many_can_open_a_new_file_at_the_same_time() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("users.db");
        thread::scope(|scope| {
            let openers: Vec<_> = (0..8).map(|_| scope.spawn(|| opened(&path).map(drop))).collect();
            for opener in openers {
                opener.join().unwrap().unwrap();
            }
        });
    }
}
