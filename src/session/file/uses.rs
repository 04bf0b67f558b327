//! Uses of sessions that are not in the file yet.
//!
//! Uses are not queued among the changes: no request waits for them, only the last use of a session matters, and while the
//! disk refuses to write they have to be remembered. Otherwise a session in use would look unused once the disk works again.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    clock::Timestamp,
    session::{Record, SessionKey},
};

/// Shared by the requests that note uses, the writer and the reader.
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
        remember(&mut self.noted().waiting, key, at);
    }

    /// Whether there are uses to be written.
    pub(super) fn are_waiting(&self) -> bool {
        !self.noted().waiting.is_empty()
    }

    /// Gives some of them to `write`; [`Uses::settle`] has to be called once the outcome is certain.
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

    /// Forgets the written uses, or remembers them for the next time.
    pub(super) fn settle(&self, written: bool) {
        let mut noted = self.noted();
        let writing = mem::take(&mut noted.writing);
        if !written {
            for (key, at) in writing {
                remember(&mut noted.waiting, key, at);
            }
        }
    }

    /// Adds to a session from the file the last use that is not in the file yet.
    pub(super) fn complete(&self, record: &mut Record) {
        let noted = self.noted();
        // The uses of a branch are those of its parent.
        let key = record.parent.unwrap_or(record.key);
        for uses in [&noted.waiting, &noted.writing] {
            record.last_seen = record.last_seen.max(uses.get(&key).copied().unwrap_or(record.last_seen));
        }
    }

    /// A panic elsewhere leaves no change half done.
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remember(uses: &mut HashMap<SessionKey, Timestamp>, key: SessionKey, at: Timestamp) {
    uses.entry(key).and_modify(|noted| *noted = at.max(*noted)).or_insert(at);
}

/// Maximum number of uses in one commit, for which a sign-in may have to wait.
const WRITTEN_AT_ONCE: usize = 1000;
