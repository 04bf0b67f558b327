//! What a connection asked for last, so that it is not searched for with every request.
//!
//! Whoever keeps the things searched for decides whether what is recalled may still be believed, and counts its
//! epochs: one has begun whenever something that had been found may be found no more, or otherwise.

use std::{
    cell::RefCell,
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use crate::clock::Timestamp;

/// The last thing that was found, under which key, and what was known then.
///
/// It keeps nothing in memory that its owner has let go of, however long the connection idles.
pub struct LastFound<K, T>(RefCell<Option<Found<K, T>>>);

struct Found<K, T> {
    key: K,
    it: Weak<T>,
    /// Its owner's, before it was looked for.
    epoch: u64,
    at: Timestamp,
}

impl<K: PartialEq, T> LastFound<K, T> {
    /// What was found last, if it was under this key, in this epoch and less than a second ago.
    pub fn get(&self, key: &K, epoch: u64, now: Timestamp) -> Option<Arc<T>> {
        let found = self.0.borrow();
        let found = found.as_ref().filter(|found| found.key == *key && found.epoch == epoch)?;
        let is_recent = now >= found.at && now.since(found.at) < LOOK_AGAIN_AFTER;
        if is_recent { found.it.upgrade() } else { None }
    }

    /// Remembers what was found, if it was, by a search that began in `epoch`.
    pub fn set(&self, key: K, found: Option<&Arc<T>>, epoch: u64, now: Timestamp) {
        self.0.replace(found.map(|it| Found { key, it: Arc::downgrade(it), epoch, at: now }));
    }
}

impl<K, T> Default for LastFound<K, T> {
    fn default() -> Self {
        Self(RefCell::new(None))
    }
}

impl<K, T> fmt::Debug for LastFound<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastFound").finish_non_exhaustive()
    }
}

/// The owner has to hear of what is in use, or it would make room there; what it has read anew takes over within
/// this time, and uses are noted no more often.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
