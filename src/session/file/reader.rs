//! The thread that reads sessions, and watches for those that other processes end.

use std::{
    sync::{Arc, mpsc::TryIter},
    time::Duration,
};

use rusqlite::Connection;

use super::{rows, uses::Uses};
use crate::{
    identity::UserId,
    session::{Invalidation, Invalidator, ListedRecord, Record, SessionKey},
    store::sqlite::{Database, DatabaseError, DatabaseWorker, ReadFile, Task},
};

#[derive(Debug)]
pub(super) struct Reader {
    database: Database,
    invalidator: Invalidator,
    uses: Arc<Uses>,
    /// The number of the newest end that the cache was notified of.
    seen: i64,
    /// The last look failed, and that was logged.
    is_blind: bool,
}

impl Reader {
    pub(super) fn new(
        database: Database,
        invalidator: Invalidator,
        uses: Arc<Uses>,
    ) -> Result<Self, DatabaseError> {
        let seen = rows::newest_end(database.connection());
        let seen = seen.map_err(|reason| database.failed("reading", reason))?;
        Ok(Self { database, invalidator, uses, seen, is_blind: false })
    }

    /// Which file it reads.
    pub(super) fn read_file(&self) -> ReadFile {
        self.database.read_file()
    }

    pub(super) fn find(&mut self, key: SessionKey) -> Result<Option<Record>, DatabaseError> {
        // Branch and parent are read as of one time: a confirmation in between gives the branch another parent.
        let mut found = self.read(|connection| rows::find(&*connection.unchecked_transaction()?, key))?;
        if let Some(record) = &mut found {
            self.uses.complete(record);
        }
        Ok(found)
    }

    pub(super) fn list(
        &mut self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> Result<Vec<ListedRecord>, DatabaseError> {
        let mut listed = self.read(|connection| rows::list(connection, of, after, most))?;
        for listed in &mut listed {
            self.uses.complete(&mut listed.record);
        }
        Ok(listed)
    }

    fn read<T>(&mut self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, DatabaseError> {
        self.follow_path()?;
        read(self.database.connection()).map_err(|reason| self.failed("reading", reason))
    }

    /// Reads the file that the path leads to. If that is another one, nothing holds that was read before.
    fn follow_path(&mut self) -> Result<(), DatabaseError> {
        let forget = || self.invalidator.notify(Invalidation::Everything);
        if let Some(seen) = self.database.follow(forget, rows::newest_end)? {
            self.seen = seen;
        }
        Ok(())
    }

    fn failed(&mut self, doing: &'static str, reason: rusqlite::Error) -> DatabaseError {
        let error = self.database.failed(doing, reason);
        self.database.reconnect();
        error
    }

    /// Tells the cache which sessions have ended since the last look, in whatever process.
    fn report_ends(&mut self) -> rusqlite::Result<()> {
        if !self.database.has_foreign_writes()? && !self.is_blind {
            return Ok(());
        }
        let ends = rows::ends_after(self.database.connection(), self.seen)?;
        let newest = rows::newest_end(self.database.connection())?;
        // Missing numbers were pruned before this look; a smaller number than before is another file.
        let is_complete = ends.first().map_or(newest == self.seen, |(first, _)| *first == self.seen + 1);
        if is_complete {
            for (_, key) in &ends {
                self.invalidator.notify(Invalidation::Ended(*key));
            }
        } else {
            self.invalidator.notify(Invalidation::Everything);
        }
        self.seen = ends.last().map_or(newest, |(last, _)| *last);
        Ok(())
    }
}

impl DatabaseWorker for Reader {
    type Job = Task<Self>;

    const LOOK_EVERY: Duration = Duration::from_millis(200);

    fn work(&mut self, job: Task<Self>, _: TryIter<'_, Task<Self>>) {
        job(self);
    }

    fn look(&mut self) {
        let looked = self.follow_path();
        let looked =
            looked.and_then(|()| self.report_ends().map_err(|reason| self.failed("watching", reason)));
        if let Err(error) = &looked
            && !self.is_blind
        {
            tracing::error!(%error, "watching the session store failed; sessions that the command line ends may go on");
        }
        self.is_blind = looked.is_err();
    }
}
