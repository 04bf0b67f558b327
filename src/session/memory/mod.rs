//! Sessions in the memory of one gateway: a restart ends them, and their number is bounded.
//!
//! For gateways whose sessions need not survive a restart, and for tests. Lists and counts of each user's sessions make it cheap to find the
//! session that has to end when there are too many.

mod one_time;
mod table;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use futures_util::future::{self, BoxFuture, FutureExt};

use super::{
    AppData, DataChange, DataRefused, Inserted, InsertedBranch, ListedRecord, NewBranch, NewSession,
    OneTimeEntry, OneTimeKey, OneTimePurpose, Record, SessionKey, SessionStore, StoreError, Trust, Which,
    branch::MAX_BRANCHES, change_app,
};
use crate::{clock::Timestamp, identity::UserId};
use one_time::OneTimeTable;
use table::SessionTable;

/// A [`SessionStore`] in memory.
///
/// Past the maximum number of sessions, the one unused for longest ends, of the user who has the most: Mallory, who signs
/// in a thousand times, signs nobody else out. Ended sessions are counted, and logged at each doubling, because a user was
/// signed out.
#[derive(Debug)]
pub struct MemoryStore {
    table: Mutex<SessionTable>,
    one_time: Mutex<OneTimeTable>,
    max_sessions: usize,
    evicted: AtomicU64,
}

impl MemoryStore {
    /// An empty store for at most `max_sessions` sessions.
    pub fn new(max_sessions: u64) -> Self {
        let max_sessions = u32::try_from(max_sessions).unwrap_or(u32::MAX).clamp(1, u32::MAX - 1) as usize;
        Self { table: Mutex::default(), one_time: Mutex::default(), max_sessions, evicted: AtomicU64::new(0) }
    }

    /// The number of sessions that ended because there were too many.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// A panic elsewhere leaves the table whole: every change of it is finished before anything can panic.
    fn table(&self) -> MutexGuard<'_, SessionTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn one_time(&self) -> MutexGuard<'_, OneTimeTable> {
        self.one_time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends sessions until this many more may come.
    fn make_room(&self, table: &mut SessionTable, more: usize, ended: &mut Vec<SessionKey>) {
        while table.slots.len() + more > self.max_sessions {
            let Some(key) = table.most_expendable() else { break };
            ended.extend(table.end(key));
            self.count_eviction(key);
        }
    }

    fn count_eviction(&self, key: SessionKey) {
        let count = self.evicted.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_power_of_two() {
            tracing::warn!(
                session = %key, count, max_sessions = self.max_sessions,
                "session ended early: more people are signed in than session.max_sessions allows"
            );
        }
    }
}

impl SessionStore for MemoryStore {
    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        done(self.table().find(key))
    }

    fn insert(&self, new: NewSession) -> BoxFuture<'_, Result<Inserted, StoreError>> {
        let NewSession { record, replaces, adopts, max_per_user } = new;
        let mut table = self.table();
        let adopted =
            replaces.filter(|_| adopts).map_or_else(Vec::new, |old| table.move_branches(old, record.key));
        let mut ended: Vec<SessionKey> = replaces.into_iter().flat_map(|key| table.end(key)).collect();
        if let (Some(most), Some(user)) = (max_per_user, record.owner.user()) {
            let mut oldest_first: Vec<_> =
                table.sign_ins_of(user).map(|entry| (entry.record.signed_in, entry.record.key)).collect();
            oldest_first.sort_unstable();
            let too_many = (oldest_first.len() + 1).saturating_sub(most.max(1));
            for (_, key) in oldest_first.into_iter().take(too_many) {
                ended.extend(table.end(key));
            }
        }
        if let (Some(most), None) = (max_per_user, record.owner.user()) {
            while table.count_of(None) as usize >= most.max(1) {
                let Some(key) = table.of(None).next().map(|entry| entry.record.key) else { break };
                table.take(key);
                ended.push(key);
            }
        }
        self.make_room(&mut table, 1, &mut ended);
        table.add(record);
        done(Inserted { ended, adopted })
    }

    fn insert_branch(&self, new: NewBranch) -> BoxFuture<'_, Result<Option<InsertedBranch>, StoreError>> {
        let mut table = self.table();
        let Some(record) = table.find(new.parent).and_then(|parent| new.under(&parent)) else {
            return done(None);
        };
        let mut ended: Vec<SessionKey> = new.replaces.into_iter().flat_map(|key| table.end(key)).collect();
        while let Some(oldest) = table.oldest_branch_past(new.parent, MAX_BRANCHES - 1) {
            ended.extend(table.end(oldest));
        }
        table.add(record.clone());
        self.make_room(&mut table, 0, &mut ended);
        done(Some(InsertedBranch { record, ended }))
    }

    fn remove(&self, which: Which) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        let mut table = self.table();
        let keys = table.keys(which);
        done(keys.into_iter().flat_map(|key| table.end(key)).collect())
    }

    fn list(
        &self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> BoxFuture<'_, Result<Vec<ListedRecord>, StoreError>> {
        let table = self.table();
        let mut keys: Vec<SessionKey> = match of {
            Some(user) => table.sign_ins_of(user).map(|entry| entry.record.key).collect(),
            None => table.sign_ins().map(|entry| entry.record.key).collect(),
        };
        keys.retain(|key| after.is_none_or(|after| *key > after));
        // Only the page is sorted, not a million keys.
        if most < keys.len() {
            keys.select_nth_unstable(most);
            keys.truncate(most);
        }
        keys.sort_unstable();
        let listed = |key| Some(ListedRecord::new(table.find(key)?, table.branch_hosts(key)));
        done(keys.into_iter().filter_map(listed).collect())
    }

    fn change_data(
        &self,
        key: SessionKey,
        app: Arc<str>,
        change: DataChange,
    ) -> BoxFuture<'_, Result<Option<Result<AppData, DataRefused>>, StoreError>> {
        let mut table = self.table();
        let slot = table.slots.get(&key).copied();
        let changed = slot
            .and_then(|slot| table.entry_mut(slot))
            .map(|entry| change_app(&mut entry.record.data, app, change));
        done(changed)
    }

    fn note_use(&self, key: SessionKey, at: Timestamp) {
        self.table().note_use(key, at);
    }

    fn put_one_time(&self, entry: OneTimeEntry) -> BoxFuture<'_, Result<bool, StoreError>> {
        let stored = self.one_time().put(entry);
        done(stored)
    }

    fn take_one_time(
        &self,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Box<str>>, StoreError>> {
        done(self.one_time().take(key, purpose, now))
    }

    fn read_one_time(
        &self,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Box<str>>, StoreError>> {
        done(self.one_time().read(key, purpose, now))
    }

    fn prune(&self, now: Timestamp, idle_since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.one_time().prune(now);
        // In small steps, so that no request waits for a million entries.
        let (mut begin, mut count) = (0, 0);
        loop {
            let mut table = self.table();
            if begin >= table.entries.len() {
                return done(count);
            }
            let step = table.entries.iter().skip(begin).take(PRUNED_AT_ONCE).flatten();
            let over = step.filter(|entry| {
                let record = &entry.record;
                let is_over = record.expires <= now || (!record.remembered && record.last_seen < idle_since);
                // A branch goes with its parent.
                is_over && record.parent.is_none()
            });
            let keys: Vec<_> = over.map(|entry| entry.record.key).collect();
            count += keys.into_iter().map(|key| table.end(key).len() as u64).sum::<u64>();
            begin += PRUNED_AT_ONCE;
        }
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        done(())
    }

    fn trust(&self) -> Trust {
        Trust::Notified
    }
}

fn done<T: Send + 'static>(value: T) -> BoxFuture<'static, Result<T, StoreError>> {
    future::ready(Ok(value)).boxed()
}

const PRUNED_AT_ONCE: usize = 10_000;
