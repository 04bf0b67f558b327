//! Sessions in this process alone: gone at a restart, and bounded.

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
    places: HashMap<SessionKey, Place>,
    entries: Vec<Option<Box<Entry>>>,
    free: Vec<Place>,
    holders: HashMap<Option<UserId>, Holder>,
    /// Holders by how many they hold, to find the one with the most.
    by_count: BTreeSet<(u32, Option<UserId>)>,
    /// Few browsers have a name of their own, and few sessions a host.
    texts: HashSet<Arc<str>>,
}

/// Where an entry is among all.
type Place = u32;

#[derive(Debug)]
struct Entry {
    /// Without the browser's name and the host.
    record: Record,
    user_agent: Arc<str>,
    host: Arc<str>,
    /// The holder's session that was used next before this one.
    before: Option<NonZeroPlace>,
    /// The holder's session that was used next after this one.
    after: Option<NonZeroPlace>,
}

/// One user's sessions, or all visitors', in the order of their last use.
#[derive(Clone, Copy, Debug, Default)]
struct Holder {
    first: Option<NonZeroPlace>,
    last: Option<NonZeroPlace>,
    count: u32,
}

/// One more than a [`Place`], so that none costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NonZeroPlace(NonZeroU32);

impl NonZeroPlace {
    fn of(place: Place) -> Self {
        Self(NonZeroU32::MIN.saturating_add(place))
    }

    fn get(self) -> Place {
        self.0.get() - 1
    }
}

impl MemoryStore {
    /// An empty store for at most `max_sessions` sessions.
    pub fn new(max_sessions: u64) -> Self {
        let max_sessions = u32::try_from(max_sessions).unwrap_or(u32::MAX).clamp(1, u32::MAX - 1) as usize;
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
    fn add(&mut self, mut record: Record) {
        let (key, holder) = (record.key, record.owner.user());
        // A key comes once: it is the hash of a new token.
        self.take(key);
        let user_agent = self.shared(mem::take(&mut record.user_agent));
        let host = self.shared(mem::take(&mut record.host));
        let entry = Box::new(Entry { record, user_agent, host, before: None, after: None });
        let place = if let Some(place) = self.free.pop() {
            if let Some(slot) = self.entries.get_mut(place as usize) {
                *slot = Some(entry);
            }
            place
        } else {
            let place = Place::try_from(self.entries.len()).expect("no more entries than `max_sessions`");
            self.entries.push(Some(entry));
            place
        };
        self.places.insert(key, place);
        self.append(place, holder);
        self.count(holder, |count| count + 1);
    }

    fn take(&mut self, key: SessionKey) -> Option<Box<Entry>> {
        let place = self.places.remove(&key)?;
        let holder = self.entry(place)?.record.owner.user();
        self.unlink(place, holder);
        let entry = self.entries.get_mut(place as usize)?.take()?;
        self.free.push(place);
        self.count(holder, |count| count.saturating_sub(1));
        for text in [&entry.user_agent, &entry.host] {
            // One is the set's own, one the entry's.
            if Arc::strong_count(text) <= 2 {
                self.texts.remove(text);
            }
        }
        Some(entry)
    }

    fn note_use(&mut self, key: SessionKey, at: Timestamp) {
        let Some(place) = self.places.get(&key).copied() else { return };
        let Some(entry) = self.entry_mut(place) else { return };
        if at <= entry.record.last_seen {
            return;
        }
        entry.record.last_seen = at;
        let holder = entry.record.owner.user();
        self.unlink(place, holder);
        self.append(place, holder);
    }

    fn find(&self, key: SessionKey) -> Option<&Entry> {
        self.entry(*self.places.get(&key)?)
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
            Which::All => self.places.keys().copied().collect(),
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

    /// As the holder's session that was used last.
    fn append(&mut self, place: Place, holder: Option<UserId>) {
        let place = NonZeroPlace::of(place);
        let held = self.holders.entry(holder).or_default();
        let before = held.last.replace(place);
        held.first.get_or_insert(place);
        if let Some(entry) = before.and_then(|before| self.entry_mut(before.get())) {
            entry.after = Some(place);
        }
        if let Some(entry) = self.entry_mut(place.get()) {
            (entry.before, entry.after) = (before, None);
        }
    }

    fn unlink(&mut self, place: Place, holder: Option<UserId>) {
        let Some((before, after)) = self.entry(place).map(|entry| (entry.before, entry.after)) else {
            return;
        };
        if let Some(entry) = before.and_then(|before| self.entry_mut(before.get())) {
            entry.after = after;
        }
        if let Some(entry) = after.and_then(|after| self.entry_mut(after.get())) {
            entry.before = before;
        }
        let place = Some(NonZeroPlace::of(place));
        if let Some(held) = self.holders.get_mut(&holder) {
            if held.first == place {
                held.first = after;
            }
            if held.last == place {
                held.last = before;
            }
        }
    }

    fn entry(&self, place: Place) -> Option<&Entry> {
        self.entries.get(place as usize)?.as_deref()
    }

    fn entry_mut(&mut self, place: Place) -> Option<&mut Entry> {
        self.entries.get_mut(place as usize)?.as_deref_mut()
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
        done(self.kept().find(key).map(Entry::to_record))
    }

    fn insert(&self, new: NewSession) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        let NewSession { record, replaces, max_per_user } = new;
        let mut kept = self.kept();
        let mut ended: Vec<SessionKey> =
            replaces.into_iter().filter(|key| kept.take(*key).is_some()).collect();
        if let (Some(most), Some(user)) = (max_per_user, record.owner.user()) {
            let mut oldest_first: Vec<_> =
                kept.of(Some(user)).map(|entry| (entry.record.signed_in, entry.record.key)).collect();
            oldest_first.sort_unstable();
            let too_many = (oldest_first.len() + 1).saturating_sub(most.max(1));
            for (_, key) in oldest_first.into_iter().take(too_many) {
                kept.take(key);
                ended.push(key);
            }
        }
        if let (Some(most), None) = (max_per_user, record.owner.user()) {
            while kept.count_of(None) as usize >= most.max(1) {
                let Some(key) = kept.of(None).next().map(|entry| entry.record.key) else { break };
                kept.take(key);
                ended.push(key);
            }
        }
        while kept.places.len() >= self.max_sessions {
            let Some(key) = kept.most_expendable() else { break };
            kept.take(key);
            self.count_eviction(key);
            ended.push(key);
        }
        kept.add(record);
        done(ended)
    }

    fn remove(&self, which: Which) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        let mut kept = self.kept();
        let mut ended = kept.keys(which);
        ended.retain(|key| kept.take(*key).is_some());
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
            Some(user) => kept.of(Some(user)).map(|entry| entry.record.key).collect(),
            None => kept.places.keys().copied().collect(),
        };
        keys.retain(|key| after.is_none_or(|after| *key > after));
        // Of a million, only the page is put in order.
        if most < keys.len() {
            keys.select_nth_unstable(most);
            keys.truncate(most);
        }
        keys.sort_unstable();
        let records = keys.into_iter().filter_map(|key| kept.find(key)).map(Entry::to_record);
        done(records.collect())
    }

    fn change_data(
        &self,
        key: SessionKey,
        app: Arc<str>,
        change: DataChange,
    ) -> BoxFuture<'_, Result<Option<Result<AppData, DataRefused>>, StoreError>> {
        let mut kept = self.kept();
        let place = kept.places.get(&key).copied();
        let changed = place
            .and_then(|place| kept.entry_mut(place))
            .map(|entry| change_app(&mut entry.record.data, app, change));
        done(changed)
    }

    fn note_use(&self, key: SessionKey, at: Timestamp) {
        self.kept().note_use(key, at);
    }

    fn prune(&self, now: Timestamp, idle_since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        // In small steps, so that nobody waits for a million.
        let (mut begin, mut count) = (0, 0);
        loop {
            let mut kept = self.kept();
            if begin >= kept.entries.len() {
                return done(count);
            }
            let step = kept.entries.iter().skip(begin).take(PRUNED_AT_ONCE).flatten();
            let over = step.filter(|entry| {
                let record = &entry.record;
                record.expires <= now || (!record.remembered && record.last_seen < idle_since)
            });
            let keys: Vec<_> = over.map(|entry| entry.record.key).collect();
            count += keys.into_iter().filter(|key| kept.take(*key).is_some()).count() as u64;
            begin += PRUNED_AT_ONCE;
        }
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

const PRUNED_AT_ONCE: usize = 10_000;
