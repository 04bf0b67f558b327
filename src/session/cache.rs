//! The cache in front of a session store.
//!
//! A cached session is never older than what the store has said last: the store notifies the cache of every ended and
//! changed session, and a session that was read while such a notification arrived is not cached.

use std::sync::{
    Arc, OnceLock, Weak,
    atomic::{AtomicU64, Ordering},
};

use foldhash::fast::RandomState;
use moka::{notification::RemovalCause, policy::EvictionPolicy, sync::Cache};

use super::{EndedSignIn, Invalidation, Session, SessionKey, SessionStore};

/// The sessions that were used lately. A small cache costs look-ups in the store, never a session.
#[derive(Clone)]
pub(super) struct SessionCache {
    /// A key is a hash, of which only tokens of real sessions get in: nobody can make keys collide.
    pub(super) sessions: Cache<SessionKey, Arc<Session>, RandomState>,
    /// Counts invalidations, at their start and at their end, for each group of keys, so that many ended sessions keep
    /// few others out of the cache. A key is a hash: nobody can choose its group.
    epochs: Arc<[AtomicU64; EPOCHS]>,
    /// Counts how often notifications may have been lost. Sessions that were read before have to be read again; they
    /// stay cached for the time in which the store cannot be asked.
    losses: Arc<AtomicU64>,
    /// Called with each cached sign-in that ends.
    listener: Arc<OnceLock<EndListener>>,
    /// Notified of the last use of an evicted session.
    behind: Arc<OnceLock<Weak<dyn SessionStore>>>,
}

impl SessionCache {
    pub(super) fn new(capacity: u64) -> Self {
        let behind = Arc::<OnceLock<Weak<dyn SessionStore>>>::default();
        let store = Arc::clone(&behind);
        // The store is notified of uses late. A use that it does not know yet must not be lost with the cached entry:
        // the session that is read back would look unused for longer than it was.
        let note_last_use = move |_: Arc<SessionKey>, session: Arc<Session>, cause: RemovalCause| {
            let last_seen = session.last_seen();
            if cause == RemovalCause::Size
                && last_seen.as_millis() > session.noted.load(Ordering::Relaxed)
                && let Some(store) = store.get().and_then(Weak::upgrade)
            {
                store.note_use(session.sign_in(), last_seen);
            }
        };
        let sessions = Cache::builder()
            .max_capacity(capacity)
            .eviction_listener(note_last_use)
            // The default policy refuses new entries when the cache is full and busy. Every new session would then be
            // looked up in the store, request by request.
            .eviction_policy(EvictionPolicy::lru())
            .build_with_hasher(RandomState::default());
        let epochs = Arc::new([const { AtomicU64::new(0) }; EPOCHS]);
        Self { sessions, epochs, losses: Arc::default(), listener: Arc::default(), behind }
    }

    pub(super) fn stand_before(&self, store: &Arc<dyn SessionStore>) {
        self.behind.set(Arc::downgrade(store)).expect("a cache stands before one store");
    }

    /// Calls `listener` with each sign-in that ends from now on. It is called from wherever a session is ended, and does not wait.
    pub(super) fn listen(&self, listener: EndListener) {
        self.listener.set(listener).ok();
    }

    /// Reports the end of a session, once.
    pub(super) fn report(&self, session: &Session) {
        if let Some(listener) = self.listener.get()
            && let Some(user) = session.owner.user()
            && session.report_once()
        {
            listener(EndedSignIn { user, signed_in: session.signed_in, host: session.host.clone() });
        }
    }

    pub(super) fn get(&self, key: &SessionKey) -> Option<Arc<Session>> {
        self.sessions.get(key)
    }

    pub(super) fn peek(&self, key: &SessionKey) -> Option<Arc<Session>> {
        self.sessions.get(key)
    }

    /// The count of invalidations of the group that this key belongs to.
    pub(super) fn epoch(&self, key: &SessionKey) -> u64 {
        self.counter(key).load(Ordering::SeqCst)
    }

    #[expect(clippy::indexing_slicing, reason = "there is a count for each value of a byte")]
    fn counter(&self, key: &SessionKey) -> &AtomicU64 {
        let [first, ..] = key.as_bytes();
        &self.epochs[usize::from(*first)]
    }

    pub(super) fn losses(&self) -> u64 {
        self.losses.load(Ordering::SeqCst)
    }

    pub(super) fn doubts(&self, session: &Session) -> bool {
        session.changed.load(Ordering::SeqCst) || session.losses < self.losses()
    }

    /// Caches a session that was read from the store, unless an invalidation has bumped the epoch since `epoch`: it may
    /// have been for this session.
    ///
    /// An invalidation bumps the epoch first and looks for the cached entry then. So either the new epoch is seen here,
    /// or the entry is found there. The entry is not believed before that is settled.
    pub(super) fn insert_since(&self, session: &Arc<Session>, epoch: u64) {
        if self.epoch(&session.key) != epoch {
            return;
        }
        self.sessions.insert(session.key, Arc::clone(session));
        if self.epoch(&session.key) == epoch {
            session.settled.store(true, Ordering::SeqCst);
        } else {
            self.sessions.invalidate(&session.key);
        }
    }

    /// Marks a session that this process has changed: it is read again, unless the cached entry has the change already.
    pub(super) fn note_change(&self, key: &SessionKey, is_the_same: impl FnOnce(&Session) -> bool) {
        self.counter(key).fetch_add(1, Ordering::SeqCst);
        if let Some(session) = self.sessions.get(key).filter(|session| !is_the_same(session)) {
            session.changed.store(true, Ordering::SeqCst);
        }
        self.counter(key).fetch_add(1, Ordering::SeqCst);
    }

    /// Removes a session that the store does not know. Mallory can invent as many keys as she likes: a key that is not
    /// cached changes nothing that Alice's session depends on.
    pub(super) fn forget_missing(&self, key: SessionKey) {
        if self.sessions.contains_key(&key) {
            self.invalidate(Invalidation::Ended(key));
        }
    }

    pub(super) fn invalidate(&self, invalidation: Invalidation) {
        match invalidation {
            Invalidation::Ended(key) => {
                self.counter(&key).fetch_add(1, Ordering::SeqCst);
                if let Some(session) = self.sessions.remove(&key) {
                    session.end();
                    self.report(&session);
                }
                self.counter(&key).fetch_add(1, Ordering::SeqCst);
            }
            // The entry stays: it knows the last use, and is good enough while the store is away.
            Invalidation::Changed(key) => {
                self.counter(&key).fetch_add(1, Ordering::SeqCst);
                if let Some(session) = self.sessions.get(&key) {
                    session.changed.store(true, Ordering::SeqCst);
                }
                self.counter(&key).fetch_add(1, Ordering::SeqCst);
            }
            Invalidation::Everything => {
                self.losses.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

impl std::fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionCache").field("cached", &self.sessions.entry_count()).finish_non_exhaustive()
    }
}

/// Called with a sign-in that has ended.
pub(super) type EndListener = Box<dyn Fn(EndedSignIn) + Send + Sync>;

/// The number of epochs: one for each value of a key's first byte.
const EPOCHS: usize = 256;
