//! The session that a connection brought last, so that it is not searched for with every request.
//!
//! It is [`Sessions`](super::Sessions) that decides what may be done with it, for every request: nothing that
//! happened since to any session, and the time limits as of now.

use std::{
    cell::RefCell,
    sync::{Arc, Weak},
    time::Duration,
};

use super::{Session, SessionKey};
use crate::clock::Timestamp;

/// The last session of a connection, and what was known when it was found.
///
/// It keeps no session in memory that the cache has let go of, however long the connection idles.
#[derive(Debug, Default)]
pub struct LastSession(RefCell<Option<Found>>);

#[derive(Debug)]
struct Found {
    session: Weak<Session>,
    key: SessionKey,
    /// The cache's, before it was looked for.
    epoch: u64,
    at: Timestamp,
}

impl LastSession {
    /// The session under this key, if it was found last, less than a second ago and in this epoch of the cache.
    pub(super) fn get(&self, key: SessionKey, epoch: u64, now: Timestamp) -> Option<Arc<Session>> {
        let found = self.0.borrow();
        let found = found.as_ref().filter(|found| found.key == key && found.epoch == epoch)?;
        let is_recent = now >= found.at && now.since(found.at) < LOOK_AGAIN_AFTER;
        if is_recent { found.session.upgrade() } else { None }
    }

    /// Remembers what was found, if it was, by a search that began in `epoch`.
    pub(super) fn set(&self, found: Option<&Arc<Session>>, epoch: u64, now: Timestamp) {
        let found = found.map(|it| Found { session: Arc::downgrade(it), key: it.key, epoch, at: now });
        self.0.replace(found);
    }
}

/// The cache has to hear of what is in use, or it would make room there; and what was read from the store anew
/// takes over here within this time. Uses are noted no more often, either.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
