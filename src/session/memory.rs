//! Sessions in the memory of one gateway: a restart ends them, and their number is bounded.
//!
//! For gateways without a state folder, and for tests. Lists and counts of each user's sessions make it cheap to find the
//! session that has to end when there are too many.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    mem,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::future::{self, BoxFuture, FutureExt};

use super::{
    AppData, DataChange, DataRefused, NewSession, Record, SessionKey, SessionStore, StoreError, Trust, Which,
    change_app,
};
use crate::{clock::Timestamp, identity::UserId};

/// A [`SessionStore`] in memory.
///
/// Past the maximum number of sessions, the one unused for longest ends, of the user who has the most: Mallory, who signs
/// in a thousand times, signs nobody else out. Ended sessions are counted, and logged at each doubling, because a user was
/// signed out.
#[derive(Debug)]
pub struct MemoryStore {
    table: Mutex<SessionTable>,
    max_sessions: usize,
    evicted: AtomicU64,
}

#[derive(Debug, Default)]
struct SessionTable {
    slots: HashMap<SessionKey, Slot>,
    entries: Vec<Option<Box<Entry>>>,
    free: Vec<Slot>,
    holders: HashMap<Option<UserId>, Holder>,
    /// Holders by how many they hold, to find the one with the most.
    by_count: BTreeSet<(u32, Option<UserId>)>,
    /// `User-Agent`s and hosts, shared by the sessions that have the same.
    texts: HashSet<Arc<str>>,
}

/// The index of an entry.
type Slot = u32;

#[derive(Debug)]
struct Entry {
    /// Without the `User-Agent` and the host.
    record: Record,
    user_agent: Arc<str>,
    host: Arc<str>,
    /// The holder's session that was used last before this one.
    before: Option<NonZeroSlot>,
    /// The holder's session that was used first after this one.
    after: Option<NonZeroSlot>,
}

/// The sessions of a user, or of all visitors, in the order of their last use.
#[derive(Clone, Copy, Debug, Default)]
struct Holder {
    first: Option<NonZeroSlot>,
    last: Option<NonZeroSlot>,
    count: u32,
}

/// One more than a [`Slot`], so that an `Option` of it takes no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NonZeroSlot(NonZeroU32);

impl NonZeroSlot {
    fn of(slot: Slot) -> Self {
        Self(NonZeroU32::MIN.saturating_add(slot))
    }

    fn get(self) -> Slot {
        self.0.get() - 1
    }
}

impl MemoryStore {
    /// An empty store for at most `max_sessions` sessions.
    pub fn new(max_sessions: u64) -> Self {
        let max_sessions = u32::try_from(max_sessions).unwrap_or(u32::MAX).clamp(1, u32::MAX - 1) as usize;
        Self { table: Mutex::default(), max_sessions, evicted: AtomicU64::new(0) }
    }

    /// The number of sessions that ended because there were too many.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// A panic elsewhere leaves the table whole: every change of it is finished before anything can panic.
    fn table(&self) -> MutexGuard<'_, SessionTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
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

impl SessionTable {
    fn add(&mut self, mut record: Record) {
        let (key, holder) = (record.key, record.owner.user());
        // A key occurs once: it is the hash of a new token.
        self.take(key);
        let user_agent = self.shared(mem::take(&mut record.user_agent));
        let host = self.shared(mem::take(&mut record.host));
        let entry = Box::new(Entry { record, user_agent, host, before: None, after: None });
        let slot = if let Some(slot) = self.free.pop() {
            if let Some(slot) = self.entries.get_mut(slot as usize) {
                *slot = Some(entry);
            }
            slot
        } else {
            let slot = Slot::try_from(self.entries.len()).expect("no more entries than `max_sessions`");
            self.entries.push(Some(entry));
            slot
        };
        self.slots.insert(key, slot);
        self.append(slot, holder);
        self.count(holder, |count| count + 1);
    }

    fn take(&mut self, key: SessionKey) -> Option<Box<Entry>> {
        let slot = self.slots.remove(&key)?;
        let holder = self.entry(slot)?.record.owner.user();
        self.unlink(slot, holder);
        let entry = self.entries.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        self.count(holder, |count| count.saturating_sub(1));
        for text in [&entry.user_agent, &entry.host] {
            // One reference is the set's own, one the entry's.
            if Arc::strong_count(text) <= 2 {
                self.texts.remove(text);
            }
        }
        Some(entry)
    }

    fn note_use(&mut self, key: SessionKey, at: Timestamp) {
        let Some(slot) = self.slots.get(&key).copied() else { return };
        let Some(entry) = self.entry_mut(slot) else { return };
        if at <= entry.record.last_seen {
            return;
        }
        entry.record.last_seen = at;
        let holder = entry.record.owner.user();
        self.unlink(slot, holder);
        self.append(slot, holder);
    }

    fn find(&self, key: SessionKey) -> Option<&Entry> {
        self.entry(*self.slots.get(&key)?)
    }

    /// A holder's sessions, the one unused for longest first.
    fn of(&self, holder: Option<UserId>) -> impl Iterator<Item = &Entry> {
        let mut next = self.holders.get(&holder).and_then(|holder| holder.first);
        std::iter::from_fn(move || {
            let entry = self.entry(next?.get())?;
            next = entry.after;
            Some(entry)
        })
    }

    /// The session that goes first when there are too many.
    fn most_expendable(&self) -> Option<SessionKey> {
        let (_, holder) = self.by_count.last()?;
        self.of(*holder).next().map(|entry| entry.record.key)
    }

    fn count_of(&self, holder: Option<UserId>) -> u32 {
        self.holders.get(&holder).map_or(0, |held| held.count)
    }

    fn keys(&self, which: Which) -> Vec<SessionKey> {
        match which {
            Which::One(key) => vec![key],
            Which::OfUser { user, except } => {
                let keys = self.of(Some(user)).map(|entry| entry.record.key);
                keys.filter(|key| Some(*key) != except).collect()
            }
            Which::All => self.slots.keys().copied().collect(),
        }
    }

    fn shared(&mut self, text: Box<str>) -> Arc<str> {
        if let Some(known) = self.texts.get(&*text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        text
    }

    fn count(&mut self, holder: Option<UserId>, change: impl FnOnce(u32) -> u32) {
        let Some(held) = self.holders.get_mut(&holder) else { return };
        let before = held.count;
        held.count = change(before);
        let after = held.count;
        self.by_count.remove(&(before, holder));
        if after == 0 {
            self.holders.remove(&holder);
        } else {
            self.by_count.insert((after, holder));
        }
    }

    /// Makes it the holder's session that was used last.
    fn append(&mut self, slot: Slot, holder: Option<UserId>) {
        let slot = NonZeroSlot::of(slot);
        let held = self.holders.entry(holder).or_default();
        let before = held.last.replace(slot);
        held.first.get_or_insert(slot);
        if let Some(entry) = before.and_then(|before| self.entry_mut(before.get())) {
            entry.after = Some(slot);
        }
        if let Some(entry) = self.entry_mut(slot.get()) {
            (entry.before, entry.after) = (before, None);
        }
    }

    fn unlink(&mut self, slot: Slot, holder: Option<UserId>) {
        let Some((before, after)) = self.entry(slot).map(|entry| (entry.before, entry.after)) else {
            return;
        };
        if let Some(entry) = before.and_then(|before| self.entry_mut(before.get())) {
            entry.after = after;
        }
        if let Some(entry) = after.and_then(|after| self.entry_mut(after.get())) {
            entry.before = before;
        }
        let slot = Some(NonZeroSlot::of(slot));
        if let Some(held) = self.holders.get_mut(&holder) {
            if held.first == slot {
                held.first = after;
            }
            if held.last == slot {
                held.last = before;
            }
        }
    }

    fn entry(&self, slot: Slot) -> Option<&Entry> {
        self.entries.get(slot as usize)?.as_deref()
    }

    fn entry_mut(&mut self, slot: Slot) -> Option<&mut Entry> {
        self.entries.get_mut(slot as usize)?.as_deref_mut()
    }
}

impl Entry {
    fn to_record(&self) -> Record {
        let [user_agent, host] = [&self.user_agent, &self.host].map(|text| Box::from(&**text));
        Record { user_agent, host, ..self.record.clone() }
    }
}

impl SessionStore for MemoryStore {
    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        done(self.table().find(key).map(Entry::to_record))
    }

    fn insert(&self, new: NewSession) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        let NewSession { record, replaces, max_per_user } = new;
        let mut table = self.table();
        let mut ended: Vec<SessionKey> =
            replaces.into_iter().filter(|key| table.take(*key).is_some()).collect();
        if let (Some(most), Some(user)) = (max_per_user, record.owner.user()) {
            let mut oldest_first: Vec<_> =
                table.of(Some(user)).map(|entry| (entry.record.signed_in, entry.record.key)).collect();
            oldest_first.sort_unstable();
            let too_many = (oldest_first.len() + 1).saturating_sub(most.max(1));
            for (_, key) in oldest_first.into_iter().take(too_many) {
                table.take(key);
                ended.push(key);
            }
        }
        if let (Some(most), None) = (max_per_user, record.owner.user()) {
            while table.count_of(None) as usize >= most.max(1) {
                let Some(key) = table.of(None).next().map(|entry| entry.record.key) else { break };
                table.take(key);
                ended.push(key);
            }
        }
        while table.slots.len() >= self.max_sessions {
            let Some(key) = table.most_expendable() else { break };
            table.take(key);
            self.count_eviction(key);
            ended.push(key);
        }
        table.add(record);
        done(ended)
    }

    fn remove(&self, which: Which) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        let mut table = self.table();
        let mut ended = table.keys(which);
        ended.retain(|key| table.take(*key).is_some());
        done(ended)
    }

    fn list(
        &self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        let table = self.table();
        let mut keys: Vec<SessionKey> = match of {
            Some(user) => table.of(Some(user)).map(|entry| entry.record.key).collect(),
            None => table.slots.keys().copied().collect(),
        };
        keys.retain(|key| after.is_none_or(|after| *key > after));
        // Only the page is sorted, not a million keys.
        if most < keys.len() {
            keys.select_nth_unstable(most);
            keys.truncate(most);
        }
        keys.sort_unstable();
        let records = keys.into_iter().filter_map(|key| table.find(key)).map(Entry::to_record);
        done(records.collect())
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

    fn prune(&self, now: Timestamp, idle_since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
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
                record.expires <= now || (!record.remembered && record.last_seen < idle_since)
            });
            let keys: Vec<_> = over.map(|entry| entry.record.key).collect();
            count += keys.into_iter().filter(|key| table.take(*key).is_some()).count() as u64;
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
