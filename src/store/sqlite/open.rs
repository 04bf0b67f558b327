//! Opening a database: privately, without following links, and never a file of another program.
//!
//! No file descriptor of a database is opened and closed beside SQLite's own: closing one drops the locks that the
//! process has on the file (fcntl(2), POSIX advisory locks). Descriptors that only name a file (`O_PATH`) have no
//! part in that.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{
    DatabaseError, FileId, Schema,
    open_file::{COMPANIONS, OpenFile, companion},
};
use crate::store::private_file::{self, Existing, folder_of};

/// How a database is opened.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseOptions {
    /// How long a lock of another process is waited for, now and later.
    pub busy_timeout: Duration,
    /// Whether folder and file are made if they are missing.
    pub create: bool,
}

impl Default for DatabaseOptions {
    /// Waits for 5 seconds, and creates missing files.
    fn default() -> Self {
        Self { busy_timeout: BUSY_TIMEOUT, create: true }
    }
}

/// Opens the file at a path.
pub(super) fn open(
    path: &Path,
    schema: &Schema,
    options: DatabaseOptions,
) -> Result<(Connection, OpenFile), DatabaseError> {
    let failed = |reason| DatabaseError::File { doing: "opening", path: path.to_owned(), reason };
    for _ in 0..OPENING_TRIES {
        if options.create {
            prepare_files(path)?;
        }
        refuse_cut_short(path, options).map_err(failed)?;
        // The same before and after opening, so SQLite has opened this one.
        let before = FileId::at(path).map_err(failed)?;
        let connection = open_connection(path, schema, options.busy_timeout)?;
        let after = fs::metadata(path).map_err(failed)?;
        if before == Some(FileId::of(&after)) {
            let file = OpenFile::opened(path, &after).map_err(failed)?;
            return Ok((connection, file));
        }
    }
    Err(failed(io::Error::other("it is replaced again and again")))
}

/// Opens the file that the path of an open database leads to now.
pub(super) fn reopen(
    before: &OpenFile,
    schema: &Schema,
    options: DatabaseOptions,
) -> Result<(Connection, OpenFile), DatabaseError> {
    before.remove_left_companions().map_err(|reason| DatabaseError::File {
        doing: "removing what a replaced file left beside",
        path: before.path().to_owned(),
        reason,
    })?;
    open(before.path(), schema, options)
}

fn open_connection(
    path: &Path,
    schema: &Schema,
    busy_timeout: Duration,
) -> Result<Connection, DatabaseError> {
    let failed = |doing| move |reason| schema.failed(doing, path, reason);
    protect_files(path)?;
    // A path without symbolic links, so that SQLite can follow none.
    let folder = fs::canonicalize(folder_of(path));
    let folder =
        folder.map_err(|reason| DatabaseError::File { doing: "opening", path: path.to_owned(), reason })?;
    let real = path.file_name().map_or_else(|| folder.clone(), |name| folder.join(name));
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(&real, flags).map_err(failed("opening"))?;
    connection.busy_timeout(busy_timeout).map_err(failed("opening"))?;
    // Before anything is written: a file that is not ours stays as it is.
    schema.recognise(&connection, path)?;
    protect_files(path)?;
    use_write_ahead_log(&connection, busy_timeout).map_err(failed("switching to a write-ahead log"))?;
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON;
             PRAGMA trusted_schema = OFF;",
        )
        .map_err(failed("setting up"))?;
    schema.migrate(&mut connection, path)?;
    Ok(connection)
}

/// Retries, because SQLite does not wait when two processes switch a new file over at the same time.
fn use_write_ahead_log(connection: &Connection, busy_timeout: Duration) -> rusqlite::Result<()> {
    let deadline = Instant::now() + busy_timeout;
    loop {
        let switched = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match switched {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < deadline =>
            {
                thread::sleep(WAL_RETRY);
            }
            other => return other.map(drop),
        }
    }
}

fn prepare_files(path: &Path) -> Result<(), DatabaseError> {
    let failed = |doing, path: &Path| {
        let path = path.to_owned();
        move |reason| DatabaseError::File { doing, path, reason }
    };
    let folder = folder_of(path);
    private_file::create_folder(folder).map_err(failed("creating folder", folder))?;
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            private_file::create(path, b"", Existing::Stays).map_err(failed("creating", path))
        }
        Err(error) => Err(failed("creating", path)(error)),
    }
}

/// Refuses an empty file with companions. SQLite would take it for a new database and remove the write-ahead log,
/// which may hold all that is left of acknowledged changes. Companions are made once the file is not empty any more,
/// so this file was cut short while it was used.
fn refuse_cut_short(path: &Path, options: DatabaseOptions) -> io::Result<()> {
    // The companions first: another process may be making the database right now.
    let is_used = COMPANIONS.iter().any(|suffix| companion(path, suffix).exists());
    if (is_used || !options.create) && fs::metadata(path)?.len() == 0 {
        return Err(io::Error::other(
            "it is empty and was not before: stop the gateway, then put back a copy, or remove the file and its \
             companions to start with an empty one",
        ));
    }
    Ok(())
}

/// Protects the file and its companions. SQLite creates companions with the mode of the file; this is for older ones.
fn protect_files(path: &Path) -> Result<(), DatabaseError> {
    for suffix in [""].iter().chain(&COMPANIONS) {
        let file = companion(path, suffix);
        private_file::protect(&file).map_err(|reason| DatabaseError::File {
            doing: "protecting",
            path: file,
            reason,
        })?;
    }
    Ok(())
}

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const WAL_RETRY: Duration = Duration::from_millis(20);
/// A file that is replaced more often while it is opened is no accident.
const OPENING_TRIES: usize = 5;
