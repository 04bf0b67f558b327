//! The cache in front of a session store, and what it may not believe any more.

use std::sync::{
    Arc, OnceLock, Weak,
    atomic::{AtomicU64, Ordering},
};

use moka::{notification::RemovalCause, policy::EvictionPolicy, sync::Cache};

use super::{Invalidation, Session, SessionKey, SessionStore};

/// The sessions that were used lately. Its size costs look-ups in the store, never a session.
#[derive(Clone, Debug)]
pub(super) struct SessionCache {
    pub(super) sessions: Cache<SessionKey, Arc<Session>>,
    /// Counts invalidations, when they begin and when they are done: one count for each group of keys, so that
    /// many sessions that end keep few others out of the cache. A key is a hash: nobody can choose its group.
    epochs: Arc<[AtomicU64; EPOCHS]>,
    /// How often word may have been lost: sessions that were read before have to be asked for again. They stay
    /// cached, for when the store cannot be asked.
    losses: Arc<AtomicU64>,
    /// Told of the last use of what has to make room.
    behind: Arc<OnceLock<Weak<dyn SessionStore>>>,
}

impl SessionCache {
    pub(super) fn new(capacity: u64) -> Self {
        let behind = Arc::<OnceLock<Weak<dyn SessionStore>>>::default();
        let store = Arc::clone(&behind);
        // The store hears of uses late. One that it has not heard of yet must not be lost with the cache's
        // entry: a session that was read back would look as if it had been unused for longer than it was.
        let note_last_use = move |_: Arc<SessionKey>, session: Arc<Session>, cause: RemovalCause| {
            let last_seen = session.last_seen();
            if cause == RemovalCause::Size
                && last_seen.as_millis() > session.noted.load(Ordering::Relaxed)
                && let Some(store) = store.get().and_then(Weak::upgrade)
            {
                store.note_use(session.key, last_seen);
            }
        };
        let sessions = Cache::builder()
            .max_capacity(capacity)
            .eviction_listener(note_last_use)
            // The default policy refuses new entries when it is full and busy; every sign-in would then
            // be looked up in the store, request by request.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        let epochs = Arc::new([const { AtomicU64::new(0) }; EPOCHS]);
        Self { sessions, epochs, losses: Arc::default(), behind }
    }

    pub(super) fn stand_before(&self, store: &Arc<dyn SessionStore>) {
        self.behind.set(Arc::downgrade(store)).expect("a cache stands before one store");
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

    /// Keeps what the store said unless something was invalidated since `epoch`: it could have been this.
    ///
    /// Whatever is invalidated counts first and looks for the entry then. So either the count shows here,
    /// or the entry is found there; until that is settled nobody believes it.
    pub(super) fn keep_since(&self, session: &Arc<Session>, epoch: u64) {
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

    /// A change that this process made: what is cached is asked for again, unless it is the same already.
    pub(super) fn note_change(&self, key: &SessionKey, is_the_same: impl FnOnce(&Session) -> bool) {
        self.counter(key).fetch_add(1, Ordering::SeqCst);
        if let Some(session) = self.sessions.get(key).filter(|session| !is_the_same(session)) {
            session.changed.store(true, Ordering::SeqCst);
        }
        self.counter(key).fetch_add(1, Ordering::SeqCst);
    }

    /// The store knows no session with this key. Mallory can invent as many keys as she likes: one that is not
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
                }
                self.counter(&key).fetch_add(1, Ordering::SeqCst);
            }
            // Stays: it knows when it was last used, and will do while the store is away.
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

/// One for each value of a key's first byte.
const EPOCHS: usize = 256;
