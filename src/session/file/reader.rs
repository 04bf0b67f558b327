//! The thread that reads, and watches for what other processes end.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{SCHEMA, place::Place, rows, uses::Uses};
use crate::{
    database::{self, DatabaseError},
    identity::UserId,
    session::{Invalidation, Invalidator, Record, SessionKey},
};

type Answer<T> = oneshot::Sender<Result<T, DatabaseError>>;

/// What the reader is asked.
pub(super) enum Question {
    Find(SessionKey, Answer<Option<Record>>),
    List { of: Option<UserId>, after: Option<SessionKey>, most: usize, answer: Answer<Vec<Record>> },
}

pub(super) struct Reader {
    connection: Connection,
    path: PathBuf,
    /// The file that the connection has open.
    place: Option<Place>,
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
        connection: Connection,
        path: &Path,
        invalidator: Invalidator,
        uses: Arc<Uses>,
    ) -> Result<Self, DatabaseError> {
        let failed = |reason| SCHEMA.failed("reading", path, reason);
        // In this order: what is written in between is looked at once too often, not missed.
        let version = data_version(&connection).map_err(failed)?;
        let seen = rows::newest_end(&connection).map_err(failed)?;
        let (path, place) = (path.to_owned(), Place::of(path));
        Ok(Self { connection, path, place, invalidator, uses, version, seen, ails: false })
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
                let found = rows::find(&self.connection, key).map(|found| {
                    found.map(|mut record| {
                        self.uses.complete(&mut record);
                        record
                    })
                });
                answer.send(self.told(found)).ok();
            }
            Question::List { of, after, most, answer } => {
                let listed = rows::list(&self.connection, of, after, most).map(|mut records| {
                    for record in &mut records {
                        self.uses.complete(record);
                    }
                    records
                });
                answer.send(self.told(listed)).ok();
            }
        }
    }

    fn told<T>(&mut self, outcome: rusqlite::Result<T>) -> Result<T, DatabaseError> {
        outcome.map_err(|reason| {
            let error = SCHEMA.failed("reading", &self.path, reason);
            self.reopen();
            error
        })
    }

    /// Tells the cache what has ended since the last look, by whatever process.
    fn look(&mut self) {
        match self.news() {
            Ok(()) => self.ails = false,
            Err(reason) => {
                // Blind: whatever is cached may have been ended. The reader answers as soon as it can again.
                if !self.ails {
                    let error = SCHEMA.failed("watching", &self.path, reason);
                    tracing::error!(%error, "what the command line ends may not be noticed");
                }
                self.ails = true;
                self.reopen();
            }
        }
    }

    fn news(&mut self) -> rusqlite::Result<()> {
        let place = Place::of(&self.path);
        let is_gone = matches!(self.path.try_exists(), Ok(false));
        if (is_gone || (place.is_some() && place != self.place)) && self.reopen() {
            // Another file: its numbers tell nothing of the old one's sessions.
            self.seen = rows::newest_end(&self.connection)?;
            self.invalidator.tell(Invalidation::Everything);
        }
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

    /// Whether there is a new connection.
    fn reopen(&mut self) -> bool {
        let Ok(connection) = database::open(&self.path, &SCHEMA) else { return false };
        self.connection = connection;
        self.place = Place::of(&self.path);
        // Counts anew for each connection.
        self.version = -1;
        true
    }
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT data_version FROM pragma_data_version", [], |row| row.get(0))
}

const LOOK_EVERY: Duration = Duration::from_millis(200);
