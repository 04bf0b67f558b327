//! A session store for tests: in memory, counting reads, and failing as a test says.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use futures_util::future::{self, BoxFuture, FutureExt};

use super::{
    AppData, DataChange, DataRefused, Inserted, InsertedBranch, Invalidation, Invalidator, ListedRecord,
    MemoryStore, NewBranch, NewSession, OneTimeEntry, OneTimeKey, OneTimePurpose, Record, SessionKey,
    SessionStore, StoreError, Trust, Which,
};
use crate::{clock::Timestamp, identity::UserId};

/// A store that fails, or is changed behind our back, when a test says so.
#[derive(Debug)]
pub(crate) struct ScriptedStore {
    pub(crate) store: MemoryStore,
    pub(crate) trust: Trust,
    pub(crate) fails: Arc<AtomicBool>,
    pub(crate) asked: Arc<AtomicU64>,
    /// Opens sessions, but ends none.
    pub(crate) refuses_removals: bool,
    /// Called once, after a session was read and before it is returned.
    pub(crate) meanwhile: Mutex<Option<Invalidator>>,
}

impl ScriptedStore {
    /// Behaves as a store in memory.
    pub(crate) fn new(trust: Trust) -> Self {
        Self {
            store: MemoryStore::new(100),
            trust,
            fails: Arc::default(),
            asked: Arc::default(),
            refuses_removals: false,
            meanwhile: Mutex::default(),
        }
    }

    fn guard<'a, T: Send + 'a>(
        &self,
        work: BoxFuture<'a, Result<T, StoreError>>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        if self.fails.load(Ordering::Relaxed) {
            return future::ready(Err(StoreError::new("asking", "it is away"))).boxed();
        }
        work
    }
}

impl SessionStore for ScriptedStore {
    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let found = self.guard(self.store.find(key));
        async move {
            let found = found.await;
            let meanwhile = self.meanwhile.lock().unwrap().take();
            if let Some(invalidator) = meanwhile {
                self.store.remove(Which::One(key)).await.unwrap();
                invalidator.notify(Invalidation::Ended(key));
            }
            found
        }
        .boxed()
    }

    fn insert(&self, new: NewSession) -> BoxFuture<'_, Result<Inserted, StoreError>> {
        self.guard(self.store.insert(new))
    }

    fn insert_branch(&self, new: NewBranch) -> BoxFuture<'_, Result<Option<InsertedBranch>, StoreError>> {
        self.guard(self.store.insert_branch(new))
    }

    fn remove(&self, which: Which) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        if self.refuses_removals {
            let source = std::io::Error::other("the disk of secrets.example is full");
            return future::ready(Err(StoreError::new("removing", source))).boxed();
        }
        self.guard(self.store.remove(which))
    }

    fn list(
        &self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> BoxFuture<'_, Result<Vec<ListedRecord>, StoreError>> {
        self.guard(self.store.list(of, after, most))
    }

    fn change_data(
        &self,
        key: SessionKey,
        app: Arc<str>,
        change: DataChange,
    ) -> BoxFuture<'_, Result<Option<Result<AppData, DataRefused>>, StoreError>> {
        self.guard(self.store.change_data(key, app, change))
    }

    fn note_use(&self, key: SessionKey, at: Timestamp) {
        self.store.note_use(key, at);
    }

    fn put_one_time(&self, entry: OneTimeEntry) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.guard(self.store.put_one_time(entry))
    }

    fn take_one_time(
        &self,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Box<str>>, StoreError>> {
        self.guard(self.store.take_one_time(key, purpose, now))
    }

    fn read_one_time(
        &self,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Box<str>>, StoreError>> {
        self.guard(self.store.read_one_time(key, purpose, now))
    }

    fn prune(&self, now: Timestamp, idle_since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.guard(self.store.prune(now, idle_since))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.guard(self.store.check())
    }

    fn trust(&self) -> Trust {
        self.trust
    }
}
