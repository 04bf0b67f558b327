//! One-time entries in memory.

use std::collections::{BTreeSet, HashMap};

use crate::{
    clock::Timestamp,
    session::{OneTimeEntry, OneTimeKey, OneTimePurpose},
};

/// All one-time entries.
#[derive(Debug, Default)]
pub(super) struct OneTimeTable(HashMap<OneTimePurpose, EntriesOfPurpose>);

#[derive(Debug, Default)]
struct EntriesOfPurpose {
    entries: HashMap<OneTimeKey, OneTimeEntry>,
    /// The one that expires first comes first.
    by_expiry: BTreeSet<(Timestamp, OneTimeKey)>,
}

impl OneTimeTable {
    /// Stores an entry, unless there is one of its key.
    pub(super) fn put(&mut self, entry: OneTimeEntry) -> bool {
        let of_purpose = self.0.entry(entry.purpose).or_default();
        if of_purpose.entries.contains_key(&entry.key) {
            return false;
        }
        while of_purpose.entries.len() >= entry.purpose.max_entries() {
            let Some((_, first)) = of_purpose.by_expiry.first().copied() else { break };
            of_purpose.remove(first);
        }
        of_purpose.by_expiry.insert((entry.expires, entry.key));
        of_purpose.entries.insert(entry.key, entry);
        true
    }

    pub(super) fn take(
        &mut self,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> Option<Box<str>> {
        let entry = self.0.get_mut(&purpose)?.remove(key)?;
        (now < entry.expires).then_some(entry.value)
    }

    pub(super) fn read(&self, key: OneTimeKey, purpose: OneTimePurpose, now: Timestamp) -> Option<Box<str>> {
        let entry = self.0.get(&purpose)?.entries.get(&key)?;
        (now < entry.expires).then(|| entry.value.clone())
    }

    pub(super) fn prune(&mut self, now: Timestamp) {
        for of_purpose in self.0.values_mut() {
            while let Some((expires, key)) = of_purpose.by_expiry.first().copied()
                && expires <= now
            {
                of_purpose.remove(key);
            }
        }
    }
}

impl EntriesOfPurpose {
    fn remove(&mut self, key: OneTimeKey) -> Option<OneTimeEntry> {
        let entry = self.entries.remove(&key)?;
        self.by_expiry.remove(&(entry.expires, key));
        Some(entry)
    }
}
