//! Opening a database, with a schema of the tests.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, thread};

use rusqlite::Connection;

use super::*;

const SCHEMA: Schema = Schema {
    what: "test database",
    application_id: 0x5072_7400,
    migrations: &["CREATE TABLE word (text TEXT NOT NULL) STRICT;"],
};

fn opened(path: &Path) -> Result<Database, DatabaseError> {
    Database::open(path, &SCHEMA, DatabaseOptions::default())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn folder_and_files_are_private() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("state/deeper/test.db");
    let connection = opened(&path).unwrap();
    assert_eq!(mode(&temp.path().join("state")), 0o700);
    assert_eq!(mode(&temp.path().join("state/deeper")), 0o700);
    for file in ["test.db", "test.db-wal", "test.db-shm"] {
        assert_eq!(mode(&path.with_file_name(file)), 0o600, "{file}");
    }
    drop(connection);
}

#[test]
fn a_file_that_others_could_read_is_closed_to_them() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("test.db");
    drop(opened(&path).unwrap());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    drop(opened(&path).unwrap());
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn the_file_is_made_durable_and_consistent() {
    let temp = tempfile::tempdir().unwrap();
    let connection = opened(&temp.path().join("test.db")).unwrap();
    let pragma = |sql: &str| connection.connection().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(pragma("PRAGMA synchronous"), 2);
    assert_eq!(pragma("PRAGMA foreign_keys"), 1);
    assert_eq!(pragma("PRAGMA busy_timeout"), 5000);
    let mode: String =
        connection.connection().query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("test.db");
    opened(&path).unwrap().connection().pragma_update(None, "user_version", 999).unwrap();
    let error = opened(&path).unwrap_err();
    assert!(matches!(error, DatabaseError::Newer { found: 999, known: 1, .. }), "{error}");
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
    let path = temp.path().join("test.db");
    let text = "this is no database\n".repeat(300);
    fs::write(&path, &text).unwrap();
    let error = opened(&path).unwrap_err();
    assert!(matches!(error, DatabaseError::Damaged { .. }), "{error}");
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
    let path = temp.path().join("test.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE song (title TEXT)").unwrap();
    let before = fs::read(&path).unwrap();
    let error = opened(&path).unwrap_err();
    assert!(matches!(error, DatabaseError::Foreign { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_folder_where_the_file_should_be_is_an_error_that_names_it() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("test.db");
    fs::create_dir(&path).unwrap();
    let message = opened(&path).unwrap_err().to_string();
    assert!(message.contains(&path.display().to_string()), "{message}");
}

#[test]
fn many_can_open_a_new_file_at_the_same_time() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("test.db");
    thread::scope(|scope| {
        let openers: Vec<_> = (0..8).map(|_| scope.spawn(|| opened(&path).map(drop))).collect();
        for opener in openers {
            opener.join().unwrap().unwrap();
        }
    });
}
