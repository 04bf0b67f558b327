//! Counters on the disk, `throttle.db` in the state folder: written behind, so that no sign-in waits for the disk, and
//! read at the start, so that a restart clears no counter.
//!
//! A thread writes changed counters a few times a second, all in one commit, and in the same commit looks for counters that
//! the command line has cleared. A crash loses a fraction of a second. While the disk fails, counting goes on in memory.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{TryIter, sync_channel},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{
    counter::Counter,
    counter_table::{Changed, CounterTable},
    key::ThrottleKey,
};
use crate::{
    clock::{Clock, Timestamp},
    identity::UserId,
    store::sqlite::{
        Database, DatabaseError, DatabaseOptions, DatabaseThread, DatabaseWorker, ReadFile, Schema, Task,
    },
};

/// The thread that writes. Changed counters are written when this is dropped.
#[derive(Debug)]
pub(super) struct Disk {
    thread: DatabaseThread<Writer>,
    read_file: ReadFile,
}

/// Which counters are cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cleared {
    /// One counter.
    One(ThrottleKey),
    /// All devices of a user.
    Devices(UserId),
    /// All.
    All,
}

impl Cleared {
    pub(super) fn is_meant(&self, key: &ThrottleKey) -> bool {
        match self {
            Self::One(one) => one == key,
            Self::Devices(user) => matches!(key, ThrottleKey::Device(of, _) if of == user),
            Self::All => true,
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::One(key) => key.to_string(),
            Self::Devices(user) => format!("d:{user}"),
            Self::All => "*".to_owned(),
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        let of_user = || text.strip_prefix("d:")?.parse().ok().map(|id| Self::Devices(UserId(id)));
        ThrottleKey::parse(text).map(Self::One).or_else(of_user)
    }
}

impl Disk {
    /// Reads all counters into `table` and starts the thread.
    pub(super) fn start(
        path: &Path,
        clock: Clock,
        table: Arc<Mutex<CounterTable>>,
    ) -> Result<Self, DatabaseError> {
        let database = open(path)?;
        let failed = |reason| database.failed("reading", reason);
        // Counters that were cleared before are not among those that are read; later clearings are looked for.
        let seen = newest(database.connection()).map_err(failed)?;
        let known = read(database.connection()).map_err(failed)?;
        {
            let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, counter) in known {
                table.load(key, counter, Duration::ZERO);
            }
        }
        let read_file = database.read_file();
        let next_prune = Instant::now() + PRUNE_EVERY;
        let writer = Writer { database, clock, table, seen, is_failing: false, next_prune };
        let thread = DatabaseThread::start("throttle", 1, writer).map_err(|reason| DatabaseError::File {
            doing: "starting the thread of",
            path: path.to_owned(),
            reason,
        })?;
        Ok(Self { thread, read_file })
    }

    /// Which file is written, and watched for counters that commands clear.
    pub(super) fn read_file(&self) -> ReadFile {
        self.read_file.clone()
    }

    /// Waits until all counters are written, or cannot be, for at most [`FLUSH_LIMIT`].
    pub(super) fn flush(&self) {
        let (done, is_done) = sync_channel(1);
        let flush: Task<Writer> = Box::new(move |writer| {
            writer.write();
            done.send(()).ok();
        });
        if self.thread.send(flush).is_ok() {
            is_done.recv_timeout(FLUSH_LIMIT).ok();
        }
    }
}

fn open(path: &Path) -> Result<Database, DatabaseError> {
    Database::open(path, &SCHEMA, DatabaseOptions::default())
}

/// All counters on the disk, for the command line.
pub(super) fn list(path: &Path) -> Result<Vec<(ThrottleKey, Counter)>, DatabaseError> {
    let database = open(path)?;
    read(database.connection()).map_err(|reason| database.failed("reading", reason))
}

/// Clears counters, here and in a gateway that runs; returns how many there were.
pub(super) fn clear(path: &Path, which: &[Cleared]) -> Result<usize, DatabaseError> {
    let failed = |reason| SCHEMA.failed("clearing", path, reason);
    let mut database = open(path)?;
    let connection = database.connection_mut();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let cleared = clear_in(&transaction, which).map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(cleared)
}

fn clear_in(transaction: &Transaction<'_>, which: &[Cleared]) -> rusqlite::Result<usize> {
    let mut cleared = 0;
    for (key, _) in read(transaction)? {
        if which.iter().any(|which| which.is_meant(&key)) {
            cleared += transaction.execute("DELETE FROM counter WHERE key = ?1", [key.to_string()])?;
        }
    }
    for which in which {
        transaction.execute("INSERT INTO cleared (key) VALUES (?1)", [which.to_text()])?;
    }
    transaction.execute("DELETE FROM cleared WHERE seq <= (SELECT max(seq) FROM cleared) - 10000", [])?;
    Ok(cleared)
}

#[derive(Debug)]
struct Writer {
    database: Database,
    clock: Clock,
    table: Arc<Mutex<CounterTable>>,
    /// Number of the last clearing that was done.
    seen: i64,
    /// The last write failed, and that was logged.
    is_failing: bool,
    next_prune: Instant,
}

impl DatabaseWorker for Writer {
    type Job = Task<Self>;

    const LOOK_EVERY: Duration = Duration::from_millis(200);

    fn work(&mut self, job: Task<Self>, _: TryIter<'_, Task<Self>>) {
        job(self);
    }

    fn look(&mut self) {
        if Instant::now() >= self.next_prune {
            let now = self.clock.now();
            self.lock().forget(|_, counter| counter.is_history(now));
            self.next_prune = Instant::now() + PRUNE_EVERY;
        }
        self.write();
    }

    fn finish(&mut self) {
        self.write();
    }
}

impl Writer {
    fn write(&mut self) {
        let written = self.try_to_write();
        match &written {
            Ok(()) if self.is_failing => {
                tracing::info!(path = %self.database.path().display(), "throttle database can be written to again");
            }
            Err(error) if !self.is_failing => {
                tracing::error!(%error, "throttle database cannot be written to; failed sign-ins are counted in memory alone");
            }
            _ => {}
        }
        self.is_failing = written.is_err();
    }

    /// A connection that met a broken disk may hold on to its error: after a failure, the next write has a new one.
    fn try_to_write(&mut self) -> Result<(), DatabaseError> {
        self.follow_path()?;
        self.write_changed().map_err(|reason| {
            let error = self.database.failed("writing", reason);
            self.database.reconnect();
            error
        })
    }

    fn write_changed(&mut self) -> rusqlite::Result<()> {
        let newest = newest(self.database.connection())?;
        let changed = self.lock().take_changed();
        if newest == self.seen && changed == Changed::default() {
            return Ok(());
        }
        let written = self.write_counters(&changed);
        if written.is_err() {
            self.lock().changed_again(changed);
        }
        written
    }

    /// Writes to the file that the path leads to. The counters in memory hold, and are written to a new file, too: an older
    /// copy of the database clears none.
    fn follow_path(&mut self) -> Result<(), DatabaseError> {
        if let Some(seen) = self.database.follow(|| (), newest)? {
            self.seen = seen;
            tracing::warn!(
                path = %self.database.path().display(),
                "the throttle database was removed or replaced; what is counted in memory is written to the new one"
            );
            self.lock().changed_again(Changed::Everything);
        }
        Ok(())
    }

    fn write_counters(&mut self, changed: &Changed) -> rusqlite::Result<()> {
        let connection = self.database.connection_mut();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // No command can clear a counter between this and the end of the transaction, so no cleared counter is written
        // again.
        let (cleared, seen) = cleared_since(&transaction, self.seen)?;
        let rows: Vec<(ThrottleKey, Counter)> = {
            let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            if !cleared.is_empty() {
                tracing::info!("failed sign-ins cleared by the command line");
                table.forget(|key, _| cleared.iter().any(|cleared| cleared.is_meant(key)));
            }
            match changed {
                Changed::These(keys) => keys.iter().map(|key| (*key, table.find(key))).collect(),
                Changed::Everything => table.iter().map(|(key, counter)| (*key, *counter)).collect(),
            }
        };
        self.seen = seen;
        if *changed == Changed::Everything {
            transaction.execute("DELETE FROM counter", [])?;
        }
        for (key, counter) in rows {
            write_row(&transaction, &key, &counter)?;
        }
        transaction.commit()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, CounterTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cleared_since(connection: &Connection, seen: i64) -> rusqlite::Result<(Vec<Cleared>, i64)> {
    let mut statement =
        connection.prepare_cached("SELECT seq, key FROM cleared WHERE seq > ?1 ORDER BY seq")?;
    let rows = statement.query_map([seen], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let (mut cleared, mut newest) = (Vec::new(), seen);
    for row in rows {
        let (seq, text) = row?;
        cleared.extend(Cleared::from_text(&text));
        newest = seq;
    }
    Ok((cleared, newest))
}

fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT max(seq) FROM cleared")?
        .query_row([], |row| row.get::<_, Option<i64>>(0))
        .optional()
        .map(|newest| newest.flatten().unwrap_or(0))
}

fn read(connection: &Connection) -> rusqlite::Result<Vec<(ThrottleKey, Counter)>> {
    let mut statement = connection.prepare_cached(
        "SELECT key, failures, began, step, blocked_until, total, last FROM counter ORDER BY key",
    )?;
    let rows = statement.query_map([], |row| {
        let time = |index| row.get(index).map(Timestamp::from_millis);
        let counter = Counter {
            failures: row.get(1)?,
            window: time(2)?,
            step: row.get(3)?,
            blocked_until: time(4)?,
            total: row.get(5)?,
            last: time(6)?,
            ..Counter::BLANK
        };
        Ok((ThrottleKey::parse(&row.get::<_, String>(0)?), counter))
    })?;
    let mut known = Vec::new();
    for row in rows {
        let (key, counter) = row?;
        known.extend(key.map(|key| (key, counter)));
    }
    Ok(known)
}

/// Attempts that are being checked are not written: no gateway can settle those of another.
fn write_row(transaction: &Transaction<'_>, key: &ThrottleKey, counter: &Counter) -> rusqlite::Result<()> {
    let stored = Counter { pending: 0, ..*counter };
    if stored.is_blank() {
        let mut delete = transaction.prepare_cached("DELETE FROM counter WHERE key = ?1")?;
        return delete.execute([key.to_string()]).map(drop);
    }
    let Counter { failures, window, step, blocked_until, total, last, .. } = stored;
    let mut insert =
        transaction.prepare_cached("INSERT OR REPLACE INTO counter VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    let (window, blocked_until, last) = (window.as_millis(), blocked_until.as_millis(), last.as_millis());
    insert.execute(params![key.to_string(), failures, window, step, blocked_until, total, last]).map(drop)
}

const PRUNE_EVERY: Duration = Duration::from_mins(1);
const FLUSH_LIMIT: Duration = Duration::from_secs(10);

/// Marked `Prth`.
const SCHEMA: Schema =
    Schema { what: "throttle database", application_id: 0x5072_7468, migrations: MIGRATIONS };

const MIGRATIONS: &[&str] = &["
    CREATE TABLE counter (
        key           TEXT    NOT NULL PRIMARY KEY,
        failures      INTEGER NOT NULL,
        began         INTEGER NOT NULL,
        step          INTEGER NOT NULL,
        blocked_until INTEGER NOT NULL,
        total         INTEGER NOT NULL,
        last          INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE cleared (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT    NOT NULL
    ) STRICT;
"];

#[cfg(test)]
mod tests;
