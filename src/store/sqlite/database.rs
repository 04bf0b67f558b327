//! A connection to the file that a path leads to, also after that file was replaced.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{
    DatabaseError, DatabaseOptions, ReadFile, Schema, open,
    open_file::{Found, OpenFile},
};

/// An open database.
///
/// SQLite goes on with a file that was removed or replaced. Whoever reads or writes over a longer time calls
/// [`Database::follow`] before each step, so that nothing is read from, and nothing is acknowledged into, a file that
/// no path leads to.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    file: OpenFile,
    schema: &'static Schema,
    options: DatabaseOptions,
    read_file: ReadFile,
    /// The file at the path could not be opened.
    lost: Option<Lost>,
    /// SQLite's sign of writes over other connections, when it was read last; each connection counts its own.
    data_version: Option<i64>,
}

#[derive(Debug)]
struct Lost {
    why: String,
    /// Each try may take as long as a lock is waited for.
    next_try: Instant,
}

impl Database {
    /// Opens the database at a path.
    pub fn open(
        path: &Path,
        schema: &'static Schema,
        options: DatabaseOptions,
    ) -> Result<Self, DatabaseError> {
        let (connection, file) = open::open(path, schema, options)?;
        let read_file = ReadFile::of(&file);
        Ok(Self { connection, file, schema, options, read_file, lost: None, data_version: None })
    }

    /// Waits for locks, and opens a file that was replaced, as `options` say from now on.
    pub fn with_options(mut self, options: DatabaseOptions) -> Result<Self, DatabaseError> {
        let set = self.connection.busy_timeout(options.busy_timeout);
        set.map_err(|reason| self.failed("opening", reason))?;
        self.options = options;
        Ok(self)
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection, for transactions.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Which file is open, for commands that change it.
    pub fn read_file(&self) -> ReadFile {
        self.read_file.clone()
    }

    /// An error of SQLite, with the file that it happened in.
    pub fn failed(&self, doing: &'static str, reason: rusqlite::Error) -> DatabaseError {
        self.schema.failed(doing, self.path(), reason)
    }

    /// Makes sure that the open file is the one that the path leads to, and opens that one if not.
    ///
    /// Returns what `start` reads from a newly opened file, `None` if the open file is still the right one. Before
    /// another file is opened, `forget` is called: what was read so far holds no more. While the file cannot be
    /// opened, each call fails, and a new try is made five times a second.
    pub fn follow<T>(
        &mut self,
        forget: impl FnOnce(),
        start: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, DatabaseError> {
        let found = self.file.look();
        match &self.lost {
            None if found == Found::Same => return Ok(None),
            Some(lost) if Instant::now() < lost.next_try => return Err(self.lost_error(&lost.why)),
            Some(_) => {}
            None => forget(),
        }
        let opened = match found {
            Found::Missing if !self.options.create => Err("there is no file".to_owned()),
            _ => self.open_other(start).map_err(|error| error.to_string()),
        };
        opened.map(Some).map_err(|why| {
            self.read_file.set(None);
            let error = self.lost_error(&why);
            self.lost = Some(Lost { why, next_try: Instant::now() + TRY_EVERY });
            error
        })
    }

    /// Replaces the connection by a new one to the same file: one that met a broken disk may hold on to its error.
    /// If that fails, the connection stays.
    pub fn reconnect(&mut self) {
        match open::reopen(&self.file, self.schema, self.options) {
            Ok((connection, file)) if file.continues(&self.file) => {
                (self.connection, self.file, self.data_version) = (connection, file, None);
            }
            // The next `follow` finds the other file.
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "keeping the connection to the {}", self.schema.what),
        }
    }

    /// Whether another connection may have written since this was asked last; the first answer is yes.
    pub fn has_foreign_writes(&mut self) -> rusqlite::Result<bool> {
        let version =
            self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        Ok(self.data_version.replace(version) != Some(version))
    }

    fn open_other<T>(
        &mut self,
        start: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        let (connection, file) = open::reopen(&self.file, self.schema, self.options)?;
        let started = start(&connection).map_err(|reason| self.failed("reading", reason))?;
        (self.connection, self.file, self.data_version, self.lost) = (connection, file, None, None);
        self.read_file.set(Some(self.file.id()));
        Ok(started)
    }

    fn lost_error(&self, why: &str) -> DatabaseError {
        let (what, path) = (self.schema.what, self.path().to_owned());
        DatabaseError::Lost { what, path, why: why.to_owned() }
    }
}

const TRY_EVERY: Duration = Duration::from_millis(200);
