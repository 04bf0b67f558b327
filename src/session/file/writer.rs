//! The thread that writes: one commit for everything that waits.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::{SCHEMA, rows};
use crate::{
    clock::{Clock, Timestamp},
    database::{self, DatabaseError},
    session::{AppData, DataChange, DataRefused, NewSession, SessionKey, Which},
};

/// What the writer is given.
pub(super) enum Job {
    Change(Change),
    Use(SessionKey, Timestamp),
}

type Answer<T> = oneshot::Sender<Result<T, Arc<DatabaseError>>>;

/// A change that somebody waits for.
pub(super) enum Change {
    Insert(Box<NewSession>, Answer<Vec<SessionKey>>),
    Remove(Which, Answer<Vec<SessionKey>>),
    Data {
        key: SessionKey,
        app: Arc<str>,
        change: DataChange,
        answer: Answer<Option<Result<AppData, DataRefused>>>,
    },
    Prune {
        now: Timestamp,
        idle_since: Timestamp,
        answer: Answer<u64>,
    },
    Check(Answer<()>),
}

/// Tells whoever waits how its change ended, once that is certain.
type Settle = Box<dyn FnOnce(Result<(), Arc<DatabaseError>>) + Send>;

pub(super) struct Writer {
    connection: Connection,
    path: PathBuf,
    clock: Clock,
    /// Whether the last commit failed, to log the change and not every failure.
    ails: bool,
}

impl Writer {
    pub(super) fn new(connection: Connection, path: &Path, clock: Clock) -> Self {
        Self { connection, path: path.to_owned(), clock, ails: false }
    }

    /// Until nobody can give it anything any more.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut group = vec![first];
            while group.len() < MAX_GROUP {
                match jobs.try_recv() {
                    Ok(job) => group.push(job),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            self.commit(group);
        }
    }

    /// All of them in one transaction, or none; everybody is told after the commit, not before.
    fn commit(&mut self, group: Vec<Job>) {
        let now = self.clock.now();
        let mut waiting: Vec<Settle> = Vec::new();
        let written = self
            .write(group, now, &mut waiting)
            .map_err(|reason| Arc::new(SCHEMA.failed("writing", &self.path, reason)));
        match &written {
            Ok(()) if self.ails => {
                self.ails = false;
                tracing::info!(path = %self.path.display(), "the session store can be written to again");
            }
            Ok(()) => {}
            Err(error) => {
                if !self.ails {
                    tracing::error!(%error, "nobody can sign in or out until this is mended");
                }
                self.ails = true;
                self.reopen();
            }
        }
        for settle in waiting {
            settle(written.clone());
        }
    }

    fn write(&mut self, group: Vec<Job>, now: Timestamp, waiting: &mut Vec<Settle>) -> rusqlite::Result<()> {
        let transaction = match self.connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(transaction) => transaction,
            Err(error) => {
                waiting.extend(group.into_iter().filter_map(refuse));
                return Err(error);
            }
        };
        let mut failed = None;
        for job in group {
            if failed.is_some() {
                waiting.extend(refuse(job));
                continue;
            }
            match apply(&transaction, job, now) {
                Ok(settle) => waiting.extend(settle),
                Err((error, settle)) => {
                    waiting.extend(settle);
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) => Err(error),
            None => transaction.commit(),
        }
    }

    /// A connection that met a broken disk may hold on to it; a new one finds what is there now.
    fn reopen(&mut self) {
        if let Ok(connection) = database::open(&self.path, &SCHEMA) {
            self.connection = connection;
        }
    }
}

/// One change, inside the transaction.
fn apply(
    connection: &Connection,
    job: Job,
    now: Timestamp,
) -> Result<Option<Settle>, (rusqlite::Error, Option<Settle>)> {
    match job {
        Job::Use(key, at) => {
            rows::note_use(connection, key, at).map(|()| None).map_err(|error| (error, None))
        }
        Job::Change(Change::Insert(new, answer)) => settled(answer, insert(connection, &new, now)),
        Job::Change(Change::Remove(which, answer)) => settled(answer, remove(connection, which, now)),
        Job::Change(Change::Data { key, app, change, answer }) => {
            settled(answer, change_data(connection, key, app, change))
        }
        Job::Change(Change::Prune { now, idle_since, answer }) => {
            settled(answer, rows::prune(connection, now, idle_since))
        }
        Job::Change(Change::Check(answer)) => settled(answer, rows::check(connection, now)),
    }
}

fn insert(connection: &Connection, new: &NewSession, now: Timestamp) -> rusqlite::Result<Vec<SessionKey>> {
    let mut ended = Vec::new();
    if let Some(old) = new.replaces
        && rows::end(connection, old, now)?
    {
        ended.push(old);
    }
    if let (Some(most), Some(user)) = (new.max_per_user, new.record.owner.user()) {
        let oldest_first = rows::keys(connection, Which::OfUser { user, except: None })?;
        let too_many = (oldest_first.len() + 1).saturating_sub(most.max(1));
        for key in oldest_first.into_iter().take(too_many) {
            rows::end(connection, key, now)?;
            ended.push(key);
        }
    }
    rows::insert(connection, &new.record)?;
    Ok(ended)
}

fn remove(connection: &Connection, which: Which, now: Timestamp) -> rusqlite::Result<Vec<SessionKey>> {
    let keys = rows::keys(connection, which)?;
    for key in &keys {
        rows::end(connection, *key, now)?;
    }
    Ok(keys)
}

fn change_data(
    connection: &Connection,
    key: SessionKey,
    app: Arc<str>,
    change: DataChange,
) -> rusqlite::Result<Option<Result<AppData, DataRefused>>> {
    let Some(mut record) = rows::find(connection, key)? else { return Ok(None) };
    let changed = record.data.get(&app).cloned().unwrap_or_default().with(change);
    if let Ok(data) = &changed {
        record.data.insert(app, data.clone());
        rows::set_data(connection, &record)?;
    }
    Ok(Some(changed))
}

fn settled<T: Send + 'static>(
    answer: Answer<T>,
    outcome: rusqlite::Result<T>,
) -> Result<Option<Settle>, (rusqlite::Error, Option<Settle>)> {
    match outcome {
        Ok(value) => Ok(Some(Box::new(move |written| {
            // Nobody waits any more if the client is gone; the change holds all the same.
            answer.send(written.map(|()| value)).ok();
        }))),
        Err(error) => Err((error, Some(refusing(answer)))),
    }
}

/// For a change that was not tried because its group has failed.
fn refuse(job: Job) -> Option<Settle> {
    match job {
        Job::Use(..) => None,
        Job::Change(Change::Insert(_, answer) | Change::Remove(_, answer)) => Some(refusing(answer)),
        Job::Change(Change::Data { answer, .. }) => Some(refusing(answer)),
        Job::Change(Change::Prune { answer, .. }) => Some(refusing(answer)),
        Job::Change(Change::Check(answer)) => Some(refusing(answer)),
    }
}

fn refusing<T: Send + 'static>(answer: Answer<T>) -> Settle {
    Box::new(move |written| {
        if let Err(error) = written {
            answer.send(Err(error)).ok();
        }
    })
}

/// One sync for up to this many changes; more would make the first wait for the last.
const MAX_GROUP: usize = 256;
