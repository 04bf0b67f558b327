//! The sessions in memory: by key, and of each user in the order of their last use.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    mem,
    num::NonZeroU32,
    sync::Arc,
};

use crate::{
    clock::Timestamp,
    identity::UserId,
    session::{Record, SessionKey, Which},
};

/// All sessions, with the lists and counts that find the next one to end.
#[derive(Debug, Default)]
pub(super) struct SessionTable {
    pub(super) slots: HashMap<SessionKey, Slot>,
    pub(super) entries: Vec<Option<Box<Entry>>>,
    free: Vec<Slot>,
    holders: HashMap<Option<UserId>, Holder>,
    /// Holders by how many they hold, to find the one with the most.
    by_count: BTreeSet<(u32, Option<UserId>)>,
    /// `User-Agent`s and hosts, shared by the sessions that have the same.
    texts: HashSet<Arc<str>>,
    /// The branches of each sign-in that has any, the oldest first.
    branches: HashMap<SessionKey, Vec<SessionKey>>,
}

/// The index of an entry.
pub(super) type Slot = u32;

#[derive(Debug)]
pub(super) struct Entry {
    /// Without the `User-Agent` and the host.
    pub(super) record: Record,
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

impl SessionTable {
    pub(super) fn add(&mut self, mut record: Record) {
        let (key, holder, parent) = (record.key, record.owner.user(), record.parent);
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
        if let Some(parent) = parent {
            self.branches.entry(parent).or_default().push(key);
        }
        self.append(slot, holder);
        self.count(holder, |count| count + 1);
    }

    /// Ends a session and its branches; returns the keys that ended.
    pub(super) fn end(&mut self, key: SessionKey) -> Vec<SessionKey> {
        let mut keys = self.branches.get(&key).cloned().unwrap_or_default();
        keys.push(key);
        keys.retain(|key| self.take(*key).is_some());
        keys
    }

    pub(super) fn take(&mut self, key: SessionKey) -> Option<Box<Entry>> {
        let slot = self.slots.remove(&key)?;
        let holder = self.entry(slot)?.record.owner.user();
        self.unlink(slot, holder);
        let entry = self.entries.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        if let Some(parent) = entry.record.parent
            && let Some(branches) = self.branches.get_mut(&parent)
        {
            branches.retain(|branch| *branch != key);
            if branches.is_empty() {
                self.branches.remove(&parent);
            }
        }
        self.count(holder, |count| count.saturating_sub(1));
        for text in [&entry.user_agent, &entry.host] {
            // One reference is the set's own, one the entry's.
            if Arc::strong_count(text) <= 2 {
                self.texts.remove(text);
            }
        }
        Some(entry)
    }

    pub(super) fn note_use(&mut self, key: SessionKey, at: Timestamp) {
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

    /// The record of a session; of a branch, with what comes from its parent.
    pub(super) fn find(&self, key: SessionKey) -> Option<Record> {
        let record = self.entry(*self.slots.get(&key)?)?.to_record();
        match record.parent {
            None => Some(record),
            Some(parent) => {
                let parent = self.entry(*self.slots.get(&parent)?)?.to_record();
                record.under(&parent)
            }
        }
    }

    /// Gives the branches of `old` to `new`; returns their keys.
    pub(super) fn move_branches(&mut self, old: SessionKey, new: SessionKey) -> Vec<SessionKey> {
        let Some(branches) = self.branches.remove(&old) else { return Vec::new() };
        for branch in &branches {
            let slot = self.slots.get(branch).copied();
            if let Some(entry) = slot.and_then(|slot| self.entry_mut(slot)) {
                entry.record.parent = Some(new);
            }
        }
        self.branches.insert(new, branches.clone());
        branches
    }

    /// The oldest branch of a sign-in that has more than `most`.
    pub(super) fn oldest_branch_past(&self, parent: SessionKey, most: usize) -> Option<SessionKey> {
        let branches = self.branches.get(&parent).filter(|branches| branches.len() > most)?;
        branches.first().copied()
    }

    /// The hosts of the branches of a sign-in.
    pub(super) fn branch_hosts(&self, parent: SessionKey) -> impl Iterator<Item = Box<str>> {
        let branches = self.branches.get(&parent).map_or(&[][..], Vec::as_slice);
        let entries = branches.iter().filter_map(|branch| self.entry(*self.slots.get(branch)?));
        entries.map(|entry| Box::from(&*entry.host))
    }

    /// All sessions but branches.
    pub(super) fn sign_ins(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().flatten().map(Box::as_ref).filter(|entry| entry.record.parent.is_none())
    }

    /// The same of one user, the one unused for longest first.
    pub(super) fn sign_ins_of(&self, user: UserId) -> impl Iterator<Item = &Entry> {
        self.of(Some(user)).filter(|entry| entry.record.parent.is_none())
    }

    /// The sign-in that a session is a branch of, or the session itself.
    fn sign_in_of(&self, key: SessionKey) -> SessionKey {
        let entry = self.slots.get(&key).and_then(|slot| self.entry(*slot));
        entry.and_then(|entry| entry.record.parent).unwrap_or(key)
    }

    /// A holder's sessions, the one unused for longest first.
    pub(super) fn of(&self, holder: Option<UserId>) -> impl Iterator<Item = &Entry> {
        let mut next = self.holders.get(&holder).and_then(|holder| holder.first);
        std::iter::from_fn(move || {
            let entry = self.entry(next?.get())?;
            next = entry.after;
            Some(entry)
        })
    }

    /// The session that goes first when there are too many.
    pub(super) fn most_expendable(&self) -> Option<SessionKey> {
        let (_, holder) = self.by_count.last()?;
        self.of(*holder).next().map(|entry| entry.record.key)
    }

    pub(super) fn count_of(&self, holder: Option<UserId>) -> u32 {
        self.holders.get(&holder).map_or(0, |held| held.count)
    }

    pub(super) fn keys(&self, which: Which) -> Vec<SessionKey> {
        match which {
            Which::One(key) => vec![self.sign_in_of(key)],
            Which::OfUser { user, except } => {
                let except = except.map(|key| self.sign_in_of(key));
                let keys = self.sign_ins_of(user).map(|entry| entry.record.key);
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

    pub(super) fn entry_mut(&mut self, slot: Slot) -> Option<&mut Entry> {
        self.entries.get_mut(slot as usize)?.as_deref_mut()
    }
}

impl Entry {
    pub(super) fn to_record(&self) -> Record {
        let [user_agent, host] = [&self.user_agent, &self.host].map(|text| Box::from(&**text));
        Record { user_agent, host, ..self.record.clone() }
    }
}
