//! Sessions in a file: they survive a crash the next instant.
//!
//! Two threads own a connection each to one SQLite database. The writer
//! commits what it finds waiting in groups, so that a flood of sign-ins costs
//! few syncs, and answers only once the commit is on the disk
//! (`synchronous = FULL`). The reader serves what the cache does not hold, and
//! watches for what another process (the command line) has ended.
//!
//! A disk that fails makes changes fail, one by one, and nothing else: people
//! who are signed in go on from the cache, and the next commit that succeeds
//! has healed it.

mod reader;
mod rows;
mod uses;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Sender, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use futures_util::future::{BoxFuture, FutureExt};
use tokio::sync::oneshot;

use super::{
    AppData, DataChange, DataRefused, NewSession, Record, SessionKey, SessionStore, StoreError,
    StoreSurroundings, Trust, Which,
};
use crate::{
    clock::Timestamp,
    identity::UserId,
    store::sqlite::{self, DatabaseError, ReadFile, Schema},
};

use reader::Question;
use uses::Uses;
use writer::Change;

/// A [`SessionStore`] over an embedded SQLite database.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    changes: SyncSender<Change>,
    questions: Sender<Question>,
    uses: Arc<Uses>,
    read_file: ReadFile,
}

impl FileStore {
    /// Opens the database, makes it if it is missing, and starts its threads.
    pub fn open(path: &Path, surroundings: StoreSurroundings) -> Result<Self, StoreError> {
        let opening = |error: DatabaseError| StoreError::new("opening the session store", error);
        let writes = sqlite::open(path, &SCHEMA).map_err(opening)?;
        // Somebody who starts a gateway wants to know now, not at the first sign-in.
        rows::check(&writes.connection, surroundings.clock.now())
            .map_err(|reason| opening(SCHEMA.failed("writing", path, reason)))?;
        let reads = sqlite::open(path, &SCHEMA).map_err(opening)?;
        let (changes, to_do) = sync_channel(WAITING_CHANGES);
        let (questions, asked) = std::sync::mpsc::channel();
        let started = |error| StoreError::new("starting a thread of the session store", error);
        let uses = Arc::<Uses>::default();
        let reader = reader::Reader::new(reads, surroundings.invalidator, Arc::clone(&uses));
        let reader = reader.map_err(opening)?;
        let read_file = reader.read_file();
        let committer = writer::Writer::new(writes, surroundings.clock, Arc::clone(&uses));
        thread::Builder::new()
            .name("sessions".into())
            .spawn(move || committer.run(&to_do))
            .map_err(started)?;
        thread::Builder::new()
            .name("sessions-read".into())
            .spawn(move || reader.run(&asked))
            .map_err(started)?;
        Ok(Self { path: path.to_owned(), changes, questions, uses, read_file })
    }

    /// Which file is read, and watched for what commands end.
    pub fn read_file(&self) -> ReadFile {
        self.read_file.clone()
    }

    /// Hands a change to the writer; the answer comes when it is on the disk.
    fn change<T: Send + 'static>(
        &self,
        doing: &'static str,
        make: impl FnOnce(oneshot::Sender<Result<T, Arc<DatabaseError>>>) -> Change,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        let (answer, answered) = oneshot::channel();
        let sent = self.changes.try_send(make(answer));
        async move {
            match sent {
                Ok(()) => answered
                    .await
                    .map_err(|_| StoreError::new(doing, "the thread of the session store is gone"))?
                    .map_err(|error| StoreError::new(doing, error)),
                Err(TrySendError::Full(_)) => {
                    Err(StoreError::new(doing, "too many changes are waiting for the disk"))
                }
                Err(TrySendError::Disconnected(_)) => {
                    Err(StoreError::new(doing, "the thread of the session store is gone"))
                }
            }
        }
        .boxed()
    }

    fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        make: impl FnOnce(oneshot::Sender<Result<T, DatabaseError>>) -> Question,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        let (answer, answered) = oneshot::channel();
        let sent = self.questions.send(make(answer));
        async move {
            let gone = || StoreError::new(doing, "the reading thread of the session store is gone");
            sent.map_err(|_| gone())?;
            answered.await.map_err(|_| gone())?.map_err(|error| StoreError::new(doing, error))
        }
        .boxed()
    }
}

impl SessionStore for FileStore {
    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.ask("reading a session", |answer| Question::Find(key, answer))
    }

    fn insert(&self, new: NewSession) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        self.change("keeping a session", |answer| Change::Insert(Box::new(new), answer))
    }

    fn remove(&self, which: Which) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        self.change("ending a session", |answer| Change::Remove(which, answer))
    }

    fn list(
        &self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        self.ask("listing sessions", move |answer| Question::List { of, after, most, answer })
    }

    fn change_data(
        &self,
        key: SessionKey,
        app: Arc<str>,
        change: DataChange,
    ) -> BoxFuture<'_, Result<Option<Result<AppData, DataRefused>>, StoreError>> {
        self.change("changing what an app keeps in a session", move |answer| Change::Data {
            key,
            app,
            change,
            answer,
        })
    }

    fn note_use(&self, key: SessionKey, at: Timestamp) {
        self.uses.note(key, at);
    }

    fn prune(&self, now: Timestamp, idle_since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        // In small steps, so that a sign-in between two of them does not wait for a million.
        async move {
            let mut dropped = 0;
            loop {
                let step = self.change("dropping sessions that have expired", move |answer| Change::Prune {
                    now,
                    idle_since,
                    most: PRUNED_AT_ONCE,
                    answer,
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
        // A change that changes nothing, but has to be written: a full or read-only disk shows.
        self.change("writing to the session store", Change::Check)
    }

    fn trust(&self) -> Trust {
        Trust::Told
    }
}

impl Drop for FileStore {
    fn drop(&mut self) {
        tracing::debug!(path = %self.path.display(), "closing the session store");
    }
}

/// More than the disk takes in a second; past it, sign-ins are told to come back.
const WAITING_CHANGES: usize = 16 * 1024;

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
];

/// Makes a database refuse all changes, as a full disk does, or no longer.
#[cfg(test)]
pub(super) fn refuse_to_write(path: &Path, refuse: bool) {
    let triggers = if refuse {
        "CREATE TRIGGER full BEFORE INSERT ON session BEGIN SELECT raise(ABORT, 'no space'); END;
         CREATE TRIGGER kept BEFORE DELETE ON session BEGIN SELECT raise(ABORT, 'no space'); END;
         CREATE TRIGGER used BEFORE UPDATE ON session BEGIN SELECT raise(ABORT, 'no space'); END;"
    } else {
        "DROP TRIGGER full; DROP TRIGGER kept; DROP TRIGGER used;"
    };
    sqlite::open(path, &SCHEMA)
        .and_then(|opened| {
            opened.connection.execute_batch(triggers).map_err(|reason| SCHEMA.failed("testing", path, reason))
        })
        .expect("a database");
}

#[cfg(test)]
mod tests;
