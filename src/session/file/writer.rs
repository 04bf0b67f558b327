//! The thread that writes: one commit for all waiting changes.

use std::{
    sync::{Arc, mpsc::TryIter},
    time::Duration,
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::{one_time, rows, uses::Uses};
use crate::{
    clock::{Clock, Timestamp},
    session::{
        AppData, DataChange, DataRefused, Inserted, InsertedBranch, NewBranch, NewSession, OneTimeEntry,
        OneTimeKey, OneTimePurpose, Owner, Record, SessionKey, Which, branch::MAX_BRANCHES, change_app,
    },
    store::sqlite::{Database, DatabaseError, DatabaseWorker},
};

/// Where the outcome of a change goes. All changes of a group share one error.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Arc<DatabaseError>>>;

/// A change whose outcome a request waits for.
pub(super) enum Change {
    Insert(Box<NewSession>, Reply<Inserted>),
    InsertBranch(Box<NewBranch>, Reply<Option<InsertedBranch>>),
    Remove(Which, Reply<Vec<SessionKey>>),
    Data {
        key: SessionKey,
        app: Arc<str>,
        change: DataChange,
        reply: Reply<Option<Result<AppData, DataRefused>>>,
    },
    PutOneTime(OneTimeEntry, Reply<bool>),
    TakeOneTime {
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
        reply: Reply<Option<Box<str>>>,
    },
    /// No change, but only the writer follows the entries.
    ReadOneTime {
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
        reply: Reply<Option<Box<str>>>,
    },
    Prune {
        now: Timestamp,
        idle_since: Timestamp,
        most: u32,
        reply: Reply<usize>,
    },
    Check(Reply<()>),
}

/// Replies with the outcome of a change, once that is certain.
type Settle = Box<dyn FnOnce(Result<(), Arc<DatabaseError>>) + Send>;

#[derive(Debug)]
pub(super) struct Writer {
    database: Database,
    clock: Clock,
    uses: Arc<Uses>,
    /// The last commit failed, and that was logged.
    is_failing: bool,
    /// Visitors' sessions that came since they were last counted; `None`: not yet.
    visitors: Option<usize>,
}

impl DatabaseWorker for Writer {
    type Job = Change;

    const LOOK_EVERY: Duration = Duration::from_secs(1);

    /// Commits up to [`MAX_GROUP`] changes together.
    fn work(&mut self, job: Change, waiting: TryIter<'_, Change>) {
        self.commit(std::iter::once(job).chain(waiting).take(MAX_GROUP).collect());
    }

    /// Writes uses that no change has taken along.
    fn look(&mut self) {
        if self.uses.are_waiting() {
            self.commit(Vec::new());
        }
    }

    fn finish(&mut self) {
        self.look();
    }
}

impl Writer {
    pub(super) fn new(database: Database, clock: Clock, uses: Arc<Uses>) -> Self {
        Self { database, clock, uses, is_failing: false, visitors: None }
    }

    /// Commits all changes in one transaction, or none; replies after the commit, not before.
    fn commit(&mut self, group: Vec<Change>) {
        let now = self.clock.now();
        let mut waiting: Vec<Settle> = Vec::new();
        let written = match self.follow_path() {
            Ok(()) => self.write(group, now, &mut waiting).map_err(|reason| {
                let error = self.database.failed("writing", reason);
                self.database.reconnect();
                Arc::new(error)
            }),
            Err(error) => {
                waiting.extend(group.into_iter().map(refuse));
                Err(Arc::new(error))
            }
        };
        self.uses.settle(written.is_ok());
        match &written {
            Ok(()) if self.is_failing => {
                let path = self.database.path().display();
                tracing::info!(%path, "session store can be written to again");
            }
            Err(error) if !self.is_failing => {
                tracing::error!(%error, "session store cannot be written to; nobody can sign in or out until this is mended");
            }
            _ => {}
        }
        self.is_failing = written.is_err();
        for settle in waiting {
            settle(written.clone());
        }
    }

    fn write(
        &mut self,
        group: Vec<Change>,
        now: Timestamp,
        waiting: &mut Vec<Settle>,
    ) -> rusqlite::Result<()> {
        let connection = self.database.connection_mut();
        let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(transaction) => transaction,
            Err(error) => {
                waiting.extend(group.into_iter().map(refuse));
                return Err(error);
            }
        };
        // Uses before changes: a session that is removed for being unused must not have been used since.
        let mut failed = self.uses.write(|key, at| rows::note_use(&transaction, key, at)).err();
        for change in group {
            if failed.is_some() {
                waiting.push(refuse(change));
                continue;
            }
            match apply(&transaction, change, now, &mut self.visitors) {
                Ok(settle) => waiting.push(settle),
                Err((error, settle)) => {
                    waiting.push(settle);
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) => Err(error),
            None => transaction.commit(),
        }
    }

    /// Writes to the file that the path leads to. SQLite would go on with a file that was removed, and every
    /// acknowledged change would be lost at the next start.
    fn follow_path(&mut self) -> Result<(), DatabaseError> {
        if self.database.follow(|| (), |_| Ok(()))?.is_some() {
            self.visitors = None;
            tracing::warn!(
                path = %self.database.path().display(),
                "the session store was removed or replaced; users without a session in the new one have to sign in again"
            );
        }
        Ok(())
    }
}

/// Applies a change, inside the transaction.
fn apply(
    connection: &Connection,
    change: Change,
    now: Timestamp,
    visitors: &mut Option<usize>,
) -> Result<Settle, (rusqlite::Error, Settle)> {
    match change {
        Change::Insert(new, reply) => settled(reply, insert(connection, &new, now, visitors)),
        Change::InsertBranch(new, reply) => settled(reply, insert_branch(connection, &new, now)),
        Change::Remove(which, reply) => settled(reply, remove(connection, which, now)),
        Change::Data { key, app, change, reply } => settled(reply, change_data(connection, key, app, change)),
        Change::PutOneTime(entry, reply) => settled(reply, one_time::put(connection, &entry)),
        Change::TakeOneTime { key, purpose, now, reply } => {
            settled(reply, one_time::take(connection, key, purpose, now))
        }
        Change::ReadOneTime { key, purpose, now, reply } => {
            settled(reply, one_time::read(connection, key, purpose, now))
        }
        Change::Prune { now, idle_since, most, reply } => settled(
            reply,
            one_time::prune(connection, now).and_then(|()| rows::prune(connection, now, idle_since, most)),
        ),
        Change::Check(reply) => settled(reply, rows::check(connection, now)),
    }
}

fn insert(
    connection: &Connection,
    new: &NewSession,
    now: Timestamp,
    visitors: &mut Option<usize>,
) -> rusqlite::Result<Inserted> {
    let mut inserted = Inserted::default();
    if let Some(old) = new.replaces {
        if new.adopts {
            inserted.adopted = rows::move_branches(connection, old, new.record.key)?;
        }
        inserted.ended = rows::end(connection, old, now)?;
    }
    let ended = &mut inserted.ended;
    if let (Some(most), Some(user)) = (new.max_per_user, new.record.owner.user()) {
        let oldest_first = rows::keys(connection, Which::OfUser { user, except: None })?;
        let too_many = (oldest_first.len() + 1).saturating_sub(most.max(1));
        for key in oldest_first.into_iter().take(too_many) {
            ended.extend(rows::end(connection, key, now)?);
        }
    }
    if let (Some(most), Owner::Visitor) = (new.max_per_user, new.record.owner) {
        // Counting takes the longer the more visitors there are, so it is not done for each of them.
        let uncounted = visitors.map_or(usize::MAX, |visitors| visitors.saturating_add(1));
        *visitors = Some(uncounted);
        if uncounted > most / 16 {
            for key in rows::visitors_past(connection, most.saturating_sub(1))? {
                ended.extend(rows::end(connection, key, now)?);
            }
            *visitors = Some(0);
        }
    }
    rows::insert(connection, &new.record)?;
    Ok(inserted)
}

fn insert_branch(
    connection: &Connection,
    new: &NewBranch,
    now: Timestamp,
) -> rusqlite::Result<Option<InsertedBranch>> {
    let Some(parent) = rows::find(connection, new.parent)? else { return Ok(None) };
    let Some(record) = new.under(&parent) else { return Ok(None) };
    let mut ended = Vec::new();
    if let Some(old) = new.replaces {
        ended.extend(rows::end(connection, old, now)?);
    }
    for oldest in rows::branches_past(connection, new.parent, MAX_BRANCHES - 1)? {
        ended.extend(rows::end(connection, oldest, now)?);
    }
    rows::insert(connection, &Record { last_seen: new.opened, ..record.clone() })?;
    Ok(Some(InsertedBranch { record, ended }))
}

fn remove(connection: &Connection, which: Which, now: Timestamp) -> rusqlite::Result<Vec<SessionKey>> {
    let keys = rows::keys(connection, which)?;
    if which == Which::All && keys.len() > MAX_RECORDED_ENDS {
        rows::end_all(connection)?;
        return Ok(keys);
    }
    let mut ended = Vec::new();
    for key in keys {
        ended.extend(rows::end(connection, key, now)?);
    }
    Ok(ended)
}

fn change_data(
    connection: &Connection,
    key: SessionKey,
    app: Arc<str>,
    change: DataChange,
) -> rusqlite::Result<Option<Result<AppData, DataRefused>>> {
    let Some(mut record) = rows::find(connection, key)? else { return Ok(None) };
    let before = record.data.clone();
    let changed = change_app(&mut record.data, app, change);
    // Some applications set the same with every response; that costs no write.
    if record.data != before {
        rows::set_data(connection, &record)?;
    }
    Ok(Some(changed))
}

fn settled<T: Send + 'static>(
    reply: Reply<T>,
    outcome: rusqlite::Result<T>,
) -> Result<Settle, (rusqlite::Error, Settle)> {
    match outcome {
        Ok(value) => Ok(Box::new(move |written| {
            // The client may have disconnected; the change holds all the same.
            reply.send(written.map(|()| value)).ok();
        })),
        Err(error) => Err((error, refusing(reply))),
    }
}

/// Replies to a change that was not tried because its group has failed.
fn refuse(change: Change) -> Settle {
    match change {
        Change::Insert(_, reply) => refusing(reply),
        Change::InsertBranch(_, reply) => refusing(reply),
        Change::Remove(_, reply) => refusing(reply),
        Change::Data { reply, .. } => refusing(reply),
        Change::Prune { reply, .. } => refusing(reply),
        Change::TakeOneTime { reply, .. } | Change::ReadOneTime { reply, .. } => refusing(reply),
        Change::Check(reply) => refusing(reply),
        Change::PutOneTime(_, reply) => refusing(reply),
    }
}

fn refusing<T: Send + 'static>(reply: Reply<T>) -> Settle {
    Box::new(move |written| {
        if let Err(error) = written {
            reply.send(Err(error)).ok();
        }
    })
}

/// Maximum number of changes in one commit; more would make the first wait for the last.
const MAX_GROUP: usize = 256;
/// Past this many ends at once, reading every session again costs less than a record of each end.
const MAX_RECORDED_ENDS: usize = 1000;
