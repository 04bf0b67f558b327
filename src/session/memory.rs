//! Sessions in memory alone: gone at a restart, and bounded.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::{self, BoxFuture, FutureExt};
use moka::{Expiry, notification::RemovalCause, policy::EvictionPolicy, sync::Cache};

use super::{Peek, Session, SessionKey, SessionStore, StoreError};

/// A [`SessionStore`] with nothing behind it.
///
/// The bound is a limit, not a cache size: past it the least recently used session ends. That is
/// counted, and logged at each doubling, because somebody was signed out by it.
#[derive(Debug)]
pub struct MemoryStore {
    sessions: Cache<SessionKey, Arc<Session>>,
    evicted: Arc<AtomicU64>,
}

impl MemoryStore {
    /// An empty store for at most `max_sessions` sessions.
    pub fn new(max_sessions: u64) -> Self {
        let evicted = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&evicted);
        let sessions = Cache::builder()
            .max_capacity(max_sessions)
            // The default policy refuses new entries when it is full and busy: a sign-in would vanish.
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(AtItsEnd)
            .eviction_listener(move |key, session: Arc<Session>, cause| {
                if cause == RemovalCause::Size {
                    session.end();
                    let count = counted.fetch_add(1, Ordering::Relaxed) + 1;
                    if count.is_power_of_two() {
                        tracing::warn!(
                            session = %key, count, max_sessions,
                            "session ended early: more people are signed in than session.max_sessions allows"
                        );
                    }
                }
            })
            .build();
        Self { sessions, evicted }
    }

    /// How many sessions ended because there were too many.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }
}

impl SessionStore for MemoryStore {
    fn peek(&self, key: &SessionKey) -> Peek {
        self.sessions.get(key).map_or(Peek::Absent, Peek::Found)
    }

    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<Arc<Session>>, StoreError>> {
        future::ready(Ok(self.sessions.get(&key))).boxed()
    }

    fn insert(&self, session: Arc<Session>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.sessions.insert(session.key, session);
        future::ready(Ok(())).boxed()
    }

    fn remove(&self, key: SessionKey) -> BoxFuture<'_, Result<(), StoreError>> {
        // A request that holds the session already sees the mark; a later one finds nothing.
        if let Some(session) = self.sessions.remove(&key) {
            session.end();
        }
        future::ready(Ok(())).boxed()
    }
}

/// Lets moka reclaim what has reached its absolute limit. Whether a session is alive is decided
/// elsewhere, by a clock that a test can move; this is only the garbage collector.
struct AtItsEnd;

impl Expiry<SessionKey, Arc<Session>> for AtItsEnd {
    fn expire_after_create(&self, _: &SessionKey, session: &Arc<Session>, _: Instant) -> Option<Duration> {
        Some(session.expires.since(session.signed_in))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::session, *};

    #[tokio::test]
    async fn what_was_removed_is_not_found_and_marked() {
        let store = MemoryStore::new(10);
        let (one, other) = (session(1), session(2));
        store.insert(Arc::clone(&one)).await.unwrap();
        store.insert(Arc::clone(&other)).await.unwrap();
        assert!(matches!(store.peek(&one.key), Peek::Found(_)));
        store.remove(one.key).await.unwrap();
        store.remove(one.key).await.unwrap();
        assert!(matches!(store.peek(&one.key), Peek::Absent));
        assert!(store.find(one.key).await.unwrap().is_none());
        assert!(one.has_ended() && !other.has_ended());
        assert!(matches!(store.peek(&other.key), Peek::Found(_)));
    }

    #[tokio::test]
    async fn past_the_limit_new_sessions_are_kept_and_old_ones_end() {
        let store = MemoryStore::new(100);
        for user in 0..300 {
            store.insert(session(user)).await.unwrap();
            store.sessions.run_pending_tasks();
        }
        let newest = session(1000);
        store.insert(Arc::clone(&newest)).await.unwrap();
        store.sessions.run_pending_tasks();
        assert!(matches!(store.peek(&newest.key), Peek::Found(_)));
        assert_eq!(store.evicted(), 201);
        assert_eq!(store.sessions.entry_count(), 100);
    }
}
