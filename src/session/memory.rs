//! Sessions in this process alone: gone at a restart, and bounded.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use futures_util::future::{self, BoxFuture, FutureExt};

use super::{
    AppData, DataChange, DataRefused, NewSession, Record, SessionKey, SessionStore, StoreError, Trust, Which,
};
use crate::{clock::Timestamp, identity::UserId};

/// A [`SessionStore`] with nothing behind it.
///
/// Its bound is a limit: past it, a session of whoever holds the most ends, the one unused for longest.
/// So nobody who signs in a thousand times can sign anybody else out. Each is counted, and logged at
/// each doubling, because somebody was signed out by it.
#[derive(Debug)]
pub struct MemoryStore {
    kept: Mutex<Kept>,
    max_sessions: usize,
    evicted: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    sessions: HashMap<SessionKey, Entry>,
    holders: HashMap<Option<UserId>, BTreeSet<SessionKey>>,
    /// Holders by how many they hold, to find the one with the most.
    by_count: BTreeSet<(usize, Option<UserId>)>,
}

#[derive(Debug)]
struct Entry {
    record: Box<Record>,
    last_seen: AtomicI64,
}

impl MemoryStore {
    /// An empty store for at most `max_sessions` sessions.
    pub fn new(max_sessions: u64) -> Self {
        let max_sessions = usize::try_from(max_sessions).unwrap_or(usize::MAX).max(1);
        Self { kept: Mutex::default(), max_sessions, evicted: AtomicU64::new(0) }
    }

    /// How many sessions ended because there were too many.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// A panic elsewhere leaves the maps whole: every change of them is finished before anything can panic.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
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

impl Kept {
    fn add(&mut self, record: Record) {
        let holder = record.owner.user();
        self.change_holder(holder, |keys| keys.insert(record.key));
        let last_seen = AtomicI64::new(record.last_seen.as_millis());
        self.sessions.insert(record.key, Entry { record: Box::new(record), last_seen });
    }

    fn take(&mut self, key: &SessionKey) -> bool {
        let Some(entry) = self.sessions.remove(key) else { return false };
        self.change_holder(entry.record.owner.user(), |keys| keys.remove(key));
        true
    }

    fn change_holder(
        &mut self,
        holder: Option<UserId>,
        change: impl FnOnce(&mut BTreeSet<SessionKey>) -> bool,
    ) {
        let keys = self.holders.entry(holder).or_default();
        let before = keys.len();
        change(keys);
        let after = keys.len();
        if after == 0 {
            self.holders.remove(&holder);
        }
        self.by_count.remove(&(before, holder));
        if after > 0 {
            self.by_count.insert((after, holder));
        }
    }

    /// The session that goes first when there are too many.
    fn most_expendable(&self) -> Option<SessionKey> {
        let (_, holder) = self.by_count.last()?;
        self.first_of(*holder, |entry| entry.last_seen.load(Ordering::Relaxed))
    }

    fn first_of<K: Ord>(&self, holder: Option<UserId>, by: impl Fn(&Entry) -> K) -> Option<SessionKey> {
        let entries = self.holders.get(&holder)?.iter().filter_map(|key| self.sessions.get(key));
        entries.min_by_key(|entry| by(entry)).map(|entry| entry.record.key)
    }

    fn keys(&self, which: Which) -> Vec<SessionKey> {
        match which {
            Which::One(key) => vec![key],
            Which::OfUser { user, except } => {
                let keys = self.holders.get(&Some(user)).into_iter().flatten();
                keys.copied().filter(|key| Some(*key) != except).collect()
            }
            Which::All => self.sessions.keys().copied().collect(),
        }
    }
}

impl Entry {
    fn to_record(&self) -> Record {
        let last_seen = Timestamp::from_millis(self.last_seen.load(Ordering::Relaxed));
        Record { last_seen, ..Record::clone(&self.record) }
    }
}

impl SessionStore for MemoryStore {
    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        done(self.kept().sessions.get(&key).map(Entry::to_record))
    }

    fn insert(&self, new: NewSession) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        let NewSession { record, replaces, max_per_user } = new;
        let mut kept = self.kept();
        let mut ended: Vec<SessionKey> = replaces.into_iter().filter(|key| kept.take(key)).collect();
        let holder = record.owner.user();
        if let (Some(most), Some(_)) = (max_per_user, holder) {
            while kept.holders.get(&holder).is_some_and(|keys| keys.len() >= most.max(1)) {
                let Some(oldest) = kept.first_of(holder, |entry| entry.record.signed_in) else { break };
                kept.take(&oldest);
                ended.push(oldest);
            }
        }
        while kept.sessions.len() >= self.max_sessions {
            let Some(key) = kept.most_expendable() else { break };
            kept.take(&key);
            self.count_eviction(key);
            ended.push(key);
        }
        kept.add(record);
        done(ended)
    }

    fn remove(&self, which: Which) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        let mut kept = self.kept();
        let mut ended = kept.keys(which);
        ended.retain(|key| kept.take(key));
        done(ended)
    }

    fn list(
        &self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        let kept = self.kept();
        let mut keys: Vec<SessionKey> = match of {
            Some(user) => kept.holders.get(&Some(user)).into_iter().flatten().copied().collect(),
            None => kept.sessions.keys().copied().collect(),
        };
        keys.retain(|key| after.is_none_or(|after| *key > after));
        keys.sort_unstable();
        let records = keys.iter().take(most).filter_map(|key| kept.sessions.get(key)).map(Entry::to_record);
        done(records.collect())
    }

    fn change_data(
        &self,
        key: SessionKey,
        app: Arc<str>,
        change: DataChange,
    ) -> BoxFuture<'_, Result<Option<Result<AppData, DataRefused>>, StoreError>> {
        let mut kept = self.kept();
        let changed = kept.sessions.get_mut(&key).map(|entry| {
            let data = entry.record.data.get(&app).cloned().unwrap_or_default().with(change)?;
            entry.record.data.insert(app, data.clone());
            Ok(data)
        });
        done(changed)
    }

    fn note_use(&self, key: SessionKey, at: Timestamp) {
        if let Some(entry) = self.kept().sessions.get(&key) {
            entry.last_seen.fetch_max(at.as_millis(), Ordering::Relaxed);
        }
    }

    fn prune(&self, now: Timestamp, idle_since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        let mut kept = self.kept();
        let over = |entry: &Entry| {
            let last_seen = Timestamp::from_millis(entry.last_seen.load(Ordering::Relaxed));
            entry.record.expires <= now || (!entry.record.remembered && last_seen < idle_since)
        };
        let keys: Vec<_> =
            kept.sessions.iter().filter(|(_, entry)| over(entry)).map(|(key, _)| *key).collect();
        let count = keys.iter().filter(|key| kept.take(key)).count();
        done(count as u64)
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        done(())
    }

    fn trust(&self) -> Trust {
        Trust::Told
    }
}

fn done<T: Send + 'static>(value: T) -> BoxFuture<'static, Result<T, StoreError>> {
    future::ready(Ok(value)).boxed()
}
