//! The thread that reads, and watches for what other processes end.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{SCHEMA, rows, uses::Uses};
use crate::{
    identity::UserId,
    session::{Invalidation, Invalidator, Record, SessionKey},
    store::sqlite::{self, Database, DatabaseError, Found, OpenFile, Opening, ReadFile},
};

type Answer<T> = oneshot::Sender<Result<T, DatabaseError>>;

/// What the reader is asked.
pub(super) enum Question {
    Find(SessionKey, Answer<Option<Record>>),
    List { of: Option<UserId>, after: Option<SessionKey>, most: usize, answer: Answer<Vec<Record>> },
}

pub(super) struct Reader {
    connection: Connection,
    file: OpenFile,
    read_file: ReadFile,
    invalidator: Invalidator,
    uses: Arc<Uses>,
    /// SQLite's count of changes by others.
    version: i64,
    /// The newest end that the cache was told of.
    seen: i64,
    ails: bool,
}

impl Reader {
    pub(super) fn new(
        opened: Database,
        invalidator: Invalidator,
        uses: Arc<Uses>,
    ) -> Result<Self, DatabaseError> {
        let Database { connection, file } = opened;
        let failed = |reason| SCHEMA.failed("reading", file.path(), reason);
        // In this order: what is written in between is looked at once too often, not missed.
        let version = data_version(&connection).map_err(failed)?;
        let seen = rows::newest_end(&connection).map_err(failed)?;
        let read_file = ReadFile::of(&file);
        Ok(Self { connection, file, read_file, invalidator, uses, version, seen, ails: false })
    }

    /// Which file it reads.
    pub(super) fn read_file(&self) -> ReadFile {
        self.read_file.clone()
    }

    /// Until nobody can ask any more.
    pub(super) fn run(mut self, questions: &Receiver<Question>) {
        let mut next_look = Instant::now() + LOOK_EVERY;
        loop {
            match questions.recv_timeout(next_look.saturating_duration_since(Instant::now())) {
                Ok(question) => self.answer(question),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if Instant::now() >= next_look {
                next_look = Instant::now() + LOOK_EVERY;
                self.look();
            }
        }
    }

    fn answer(&mut self, question: Question) {
        match question {
            Question::Find(key, answer) => {
                let found = self.read(|connection| rows::find(connection, key)).map(|found| {
                    found.map(|mut record| {
                        self.uses.complete(&mut record);
                        record
                    })
                });
                answer.send(found).ok();
            }
            Question::List { of, after, most, answer } => {
                let listed = self.read(|connection| rows::list(connection, of, after, most));
                let listed = listed.map(|mut records| {
                    for record in &mut records {
                        self.uses.complete(record);
                    }
                    records
                });
                answer.send(listed).ok();
            }
        }
    }

    fn read<T>(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, DatabaseError> {
        if self.read_file.id().is_none() {
            // The file that is still open says nothing of what holds.
            self.reopen()?;
        }
        work(&self.connection).map_err(|reason| {
            let error = SCHEMA.failed("reading", self.file.path(), reason);
            // What is wrong with it now, the next look tells.
            self.reopen().ok();
            error
        })
    }

    /// Tells the cache what has ended since the last look, by whatever process.
    fn look(&mut self) {
        match self.follow_the_path().and_then(|()| self.news()) {
            Ok(()) => self.ails = false,
            Err(error) => {
                // Blind: whatever is cached may have been ended. The reader answers as soon as it can again.
                if !self.ails {
                    tracing::error!(%error, "what the command line ends may not be noticed");
                }
                self.ails = true;
                self.reopen().ok();
            }
        }
    }

    /// Reads the file that the path leads to, if that is another one by now.
    fn follow_the_path(&mut self) -> Result<(), DatabaseError> {
        if self.file.look() == Found::Same && self.read_file.id().is_some() {
            return Ok(());
        }
        let reopened = self.reopen();
        if reopened.is_err() && self.read_file.id().is_some() {
            // What is cached was read from a file that is no more, and nobody can say what holds now.
            self.read_file.set(None);
            self.invalidator.tell(Invalidation::Everything);
        }
        reopened
    }

    fn news(&mut self) -> Result<(), DatabaseError> {
        self.try_news().map_err(|reason| SCHEMA.failed("watching", self.file.path(), reason))
    }

    fn try_news(&mut self) -> rusqlite::Result<()> {
        let version = data_version(&self.connection)?;
        if version == self.version && !self.ails {
            return Ok(());
        }
        let ends = rows::ends_after(&self.connection, self.seen)?;
        let newest = rows::newest_end(&self.connection)?;
        // Numbers that are missing were pruned before we came to look; less than before is another file.
        let told_whole = ends.first().map_or(newest == self.seen, |(first, _)| *first == self.seen + 1);
        if told_whole {
            for (_, key) in &ends {
                self.invalidator.tell(Invalidation::Ended(*key));
            }
        } else {
            self.invalidator.tell(Invalidation::Everything);
        }
        self.seen = ends.last().map_or(newest, |(last, _)| *last);
        self.version = version;
        Ok(())
    }

    /// A new connection, to whatever file is there now.
    fn reopen(&mut self) -> Result<(), DatabaseError> {
        let Database { connection, file } = sqlite::reopen(&self.file, &SCHEMA, Opening::default())?;
        if !file.continues(&self.file) || self.read_file.id().is_none() {
            // Another file: its numbers tell nothing of the old one's sessions.
            let failed = |reason| SCHEMA.failed("watching", file.path(), reason);
            self.seen = rows::newest_end(&connection).map_err(failed)?;
            self.invalidator.tell(Invalidation::Everything);
        }
        self.read_file.set(Some(file.id()));
        (self.connection, self.file) = (connection, file);
        // Counts anew for each connection.
        self.version = -1;
        Ok(())
    }
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT data_version FROM pragma_data_version", [], |row| row.get(0))
}

const LOOK_EVERY: Duration = Duration::from_millis(200);
