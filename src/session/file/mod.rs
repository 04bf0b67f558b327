//! Sessions in a SQLite database: they survive a crash the next instant.
//!
//! Two threads own a connection each. The writer commits waiting changes in groups, so that a flood of sign-ins costs few
//! syncs, and replies once the commit is on the disk (`synchronous = FULL`). The reader serves sessions that are not
//! cached, and watches for those that another process (the command line) has ended.
//!
//! A disk that fails makes changes fail, one by one, and nothing else: users who are signed in go on from the cache, and
//! the next commit that succeeds ends the failure.

mod one_time;
mod reader;
mod rows;
mod uses;
mod writer;

use std::{path::Path, sync::Arc};

use futures_util::future::{BoxFuture, FutureExt};

use super::{
    AppData, DataChange, DataRefused, Inserted, InsertedBranch, ListedRecord, NewBranch, NewSession,
    OneTimeEntry, OneTimeKey, OneTimePurpose, Record, SessionKey, SessionStore, StoreError,
    StoreSurroundings, Trust, Which,
};
use crate::{
    clock::Timestamp,
    identity::UserId,
    store::sqlite::{Database, DatabaseError, DatabaseOptions, DatabaseThread, NotDone, ReadFile, Schema},
};

use reader::Reader;
use uses::Uses;
use writer::{Change, Reply, Writer};

/// A [`SessionStore`] over an embedded SQLite database.
#[derive(Debug)]
pub struct FileStore {
    writer: DatabaseThread<Writer>,
    reader: DatabaseThread<Reader>,
    uses: Arc<Uses>,
    read_file: ReadFile,
}

impl FileStore {
    /// Opens the database, makes it if it is missing, and starts its threads.
    pub fn open(path: &Path, surroundings: StoreSurroundings) -> Result<Self, StoreError> {
        let opening = |error: DatabaseError| StoreError::new("opening the session store", error);
        let open = || Database::open(path, &SCHEMA, DatabaseOptions::default()).map_err(opening);
        let database = open()?;
        // The operator should hear of a full disk at the start, and not at the first sign-in.
        rows::check(database.connection(), surroundings.clock.now())
            .map_err(|reason| opening(database.failed("writing", reason)))?;
        let uses = Arc::<Uses>::default();
        let reader = Reader::new(open()?, surroundings.invalidator, Arc::clone(&uses)).map_err(opening)?;
        let read_file = reader.read_file();
        let writer = Writer::new(database, surroundings.clock, Arc::clone(&uses));
        let starting = |error| StoreError::new("starting a thread of the session store", error);
        let writer = DatabaseThread::start("sessions", MAX_WAITING, writer).map_err(starting)?;
        let reader = DatabaseThread::start("sessions-read", MAX_WAITING, reader).map_err(starting)?;
        Ok(Self { writer, reader, uses, read_file })
    }

    /// Which file is read, and watched for sessions that commands end.
    pub fn read_file(&self) -> ReadFile {
        self.read_file.clone()
    }

    /// Hands a change to the writer; the reply comes when it is on the disk.
    fn change<T: Send + 'static>(
        &self,
        doing: &'static str,
        make: impl FnOnce(Reply<T>) -> Change + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        let changed = self.writer.ask(make);
        async move {
            changed
                .await
                .map_err(|error| not_done(doing, error))?
                .map_err(|error| StoreError::new(doing, error))
        }
        .boxed()
    }

    /// Has the reader read.
    fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&mut Reader) -> Result<T, DatabaseError> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        let read = self.reader.run(read);
        async move {
            read.await.map_err(|error| not_done(doing, error))?.map_err(|error| StoreError::new(doing, error))
        }
        .boxed()
    }
}

fn not_done(doing: &'static str, error: NotDone) -> StoreError {
    let reason = match error {
        NotDone::QueueFull => "too many requests are waiting for the disk",
        NotDone::ThreadEnded => "the thread of the session store has ended",
    };
    StoreError::new(doing, reason)
}

impl SessionStore for FileStore {
    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.read("reading a session", move |reader| reader.find(key))
    }

    fn insert(&self, new: NewSession) -> BoxFuture<'_, Result<Inserted, StoreError>> {
        self.change("storing a session", |reply| Change::Insert(Box::new(new), reply))
    }

    fn insert_branch(&self, new: NewBranch) -> BoxFuture<'_, Result<Option<InsertedBranch>, StoreError>> {
        self.change("storing a branch of a session", |reply| Change::InsertBranch(Box::new(new), reply))
    }

    fn remove(&self, which: Which) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        self.change("ending a session", move |reply| Change::Remove(which, reply))
    }

    fn list(
        &self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> BoxFuture<'_, Result<Vec<ListedRecord>, StoreError>> {
        self.read("listing sessions", move |reader| reader.list(of, after, most))
    }

    fn change_data(
        &self,
        key: SessionKey,
        app: Arc<str>,
        change: DataChange,
    ) -> BoxFuture<'_, Result<Option<Result<AppData, DataRefused>>, StoreError>> {
        self.change("changing the data of an app in a session", move |reply| Change::Data {
            key,
            app,
            change,
            reply,
        })
    }

    fn note_use(&self, key: SessionKey, at: Timestamp) {
        self.uses.note(key, at);
    }

    fn put_one_time(&self, entry: OneTimeEntry) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.change("storing a one-time entry", |reply| Change::PutOneTime(entry, reply))
    }

    fn take_one_time(
        &self,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Box<str>>, StoreError>> {
        self.change("taking a one-time entry", move |reply| Change::TakeOneTime { key, purpose, now, reply })
    }

    fn read_one_time(
        &self,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Box<str>>, StoreError>> {
        self.change("reading a one-time entry", move |reply| Change::ReadOneTime { key, purpose, now, reply })
    }

    fn prune(&self, now: Timestamp, idle_since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        // In small steps, so that a sign-in between two of them does not wait for a million rows.
        async move {
            let mut dropped = 0;
            loop {
                let step = self.change("removing expired sessions", move |reply| Change::Prune {
                    now,
                    idle_since,
                    most: PRUNED_AT_ONCE,
                    reply,
                });
                match step.await? {
                    0 => return Ok(dropped),
                    some => dropped += some as u64,
                }
            }
        }
        .boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        // A change of no session, which has to be written all the same: a full or read-only disk shows.
        self.change("writing to the session store", Change::Check)
    }

    fn trust(&self) -> Trust {
        Trust::Notified
    }
}

/// Maximum number of jobs that wait for a thread, more than the disk takes in a second; further ones fail at once.
const MAX_WAITING: usize = 16 * 1024;

const PRUNED_AT_ONCE: u32 = 500;

/// Marked `Prts`.
const SCHEMA: Schema = Schema { what: "session store", application_id: 0x5072_7473, migrations: MIGRATIONS };

const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE session (
        key         BLOB    NOT NULL PRIMARY KEY,
        user_id     INTEGER,
        credential  INTEGER,
        signed_in   INTEGER NOT NULL,
        confirmed   INTEGER NOT NULL,
        expires     INTEGER NOT NULL,
        last_seen   INTEGER NOT NULL,
        remembered  INTEGER NOT NULL CHECK (remembered IN (0, 1)),
        client_addr TEXT    NOT NULL,
        user_agent  TEXT    NOT NULL,
        data        TEXT    NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID;

    CREATE INDEX session_of_user ON session (user_id, signed_in);
    CREATE INDEX session_by_expiry ON session (expires);
    CREATE INDEX session_by_use ON session (last_seen) WHERE remembered = 0;

    CREATE TABLE ended (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        key BLOB    NOT NULL,
        at  INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE checked (
        one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
        at  INTEGER NOT NULL
    ) STRICT;
",
    "
    CREATE INDEX session_of_visitors ON session (last_seen) WHERE user_id IS NULL;
",
    "
    ALTER TABLE session ADD COLUMN host TEXT NOT NULL DEFAULT '';
",
    "
    ALTER TABLE session ADD COLUMN proofs TEXT NOT NULL DEFAULT '';
",
    "
    ALTER TABLE session ADD COLUMN backend TEXT;
    ALTER TABLE session ADD COLUMN provider_session TEXT;
    ALTER TABLE session ADD COLUMN parent BLOB;

    CREATE INDEX session_of_parent ON session (parent) WHERE parent IS NOT NULL;
",
    "
    CREATE TABLE one_time (
        purpose TEXT    NOT NULL,
        key     BLOB    NOT NULL,
        value   TEXT    NOT NULL,
        expires INTEGER NOT NULL,
        PRIMARY KEY (purpose, key)
    ) STRICT, WITHOUT ROWID;

    CREATE INDEX one_time_of_purpose ON one_time (purpose, expires);
    CREATE INDEX one_time_by_expiry ON one_time (expires);
",
    "
    DROP INDEX session_by_use;
    CREATE INDEX session_by_use ON session (last_seen) WHERE remembered = 0 AND parent IS NULL;
",
];

/// Makes a database refuse all changes, as a full disk does, or no longer.
#[cfg(test)]
pub(super) fn refuse_to_write(path: &Path, refuse: bool) {
    let triggers = if refuse {
        "CREATE TRIGGER full BEFORE INSERT ON session BEGIN SELECT raise(ABORT, 'no space'); END;
         CREATE TRIGGER removed BEFORE DELETE ON session BEGIN SELECT raise(ABORT, 'no space'); END;
         CREATE TRIGGER used BEFORE UPDATE ON session BEGIN SELECT raise(ABORT, 'no space'); END;"
    } else {
        "DROP TRIGGER full; DROP TRIGGER removed; DROP TRIGGER used;"
    };
    let database = Database::open(path, &SCHEMA, DatabaseOptions::default()).expect("a database");
    database.connection().execute_batch(triggers).expect("triggers");
}

#[cfg(test)]
mod tests;
