//! Uses of sessions that are not in the file yet.
//!
//! They wait here and not among the changes: nobody waits for them, many of one
//! session are as good as the last, and while the disk refuses to write they
//! must be kept. Otherwise a session in use would look unused when it is mended.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    clock::Timestamp,
    session::{Record, SessionKey},
};

/// Shared by those who note uses, the one who writes them and the one who reads sessions.
#[derive(Debug, Default)]
pub(super) struct Uses(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    waiting: HashMap<SessionKey, Timestamp>,
    /// In a transaction that has not been committed.
    writing: HashMap<SessionKey, Timestamp>,
}

impl Uses {
    /// Notes when a session was used.
    pub(super) fn note(&self, key: SessionKey, at: Timestamp) {
        keep_later(&mut self.noted().waiting, key, at);
    }

    /// Whether there is anything to write.
    pub(super) fn wait(&self) -> bool {
        !self.noted().waiting.is_empty()
    }

    /// Gives some to `write`; afterwards, [`Uses::settle`] has to be told whether it is certain.
    pub(super) fn write<E>(
        &self,
        mut write: impl FnMut(SessionKey, Timestamp) -> Result<(), E>,
    ) -> Result<(), E> {
        let writing: Vec<_> = {
            let mut noted = self.noted();
            let some: Vec<_> =
                noted.waiting.iter().take(WRITTEN_AT_ONCE).map(|(key, at)| (*key, *at)).collect();
            for (key, at) in &some {
                noted.waiting.remove(key);
                noted.writing.insert(*key, *at);
            }
            some
        };
        writing.into_iter().try_for_each(|(key, at)| write(key, at))
    }

    /// Forgets what was written, or keeps it for the next time.
    pub(super) fn settle(&self, written: bool) {
        let mut noted = self.noted();
        let writing = mem::take(&mut noted.writing);
        if !written {
            for (key, at) in writing {
                keep_later(&mut noted.waiting, key, at);
            }
        }
    }

    /// Adds to what the file says of a session what it does not say yet.
    pub(super) fn complete(&self, record: &mut Record) {
        let noted = self.noted();
        for uses in [&noted.waiting, &noted.writing] {
            record.last_seen =
                record.last_seen.max(uses.get(&record.key).copied().unwrap_or(record.last_seen));
        }
    }

    /// A panic elsewhere leaves nothing half done.
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep_later(uses: &mut HashMap<SessionKey, Timestamp>, key: SessionKey, at: Timestamp) {
    uses.entry(key).and_modify(|noted| *noted = at.max(*noted)).or_insert(at);
}

/// Whoever signs in waits for no more than these.
const WRITTEN_AT_ONCE: usize = 1000;
