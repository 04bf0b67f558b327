//! The contract of every session store.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{
    Record, SessionKey,
    data::{AppData, DataChange, DataRefused},
};
use crate::{
    clock::{Clock, Timestamp},
    identity::UserId,
    store::StoreError,
};

/// Where sessions are kept: the truth behind the cache.
///
/// The direction of error that matters: a store that loses a session costs a sign-in; a store that
/// finds a session after [`SessionStore::remove`] answered for it is a vulnerability. So:
///
/// - [`insert`](SessionStore::insert) and [`remove`](SessionStore::remove) answer once the change is as
///   durable as the store promises, and every later call, of every process, sees it.
/// - An error means that nothing may be relied on; it is never to be taken for "there is no session".
/// - What another process ended or changed is told through the [`Invalidator`] within a second.
/// - Expiry is decided by the caller with its own clock: a store may drop what has expired, never has to.
/// - Only hashes of tokens are ever given to a store.
pub trait SessionStore: Send + Sync + std::fmt::Debug {
    /// Looks a session up.
    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>>;

    /// Keeps a new session. In the same step what it replaces ends, and so does what the user has too
    /// many of, the oldest first. Answers with the keys that ended.
    fn insert(&self, new: NewSession) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>>;

    /// Ends sessions; what is not there has ended already. Answers with the keys that ended.
    fn remove(&self, which: Which) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>>;

    /// The sessions of one user, or of everybody, in the order of their keys; at most `most` after `after`.
    fn list(
        &self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> BoxFuture<'_, Result<Vec<Record>, StoreError>>;

    /// Changes what an app keeps in a session, in one step; `None`: there is no such session.
    fn change_data(
        &self,
        key: SessionKey,
        app: Arc<str>,
        change: DataChange,
    ) -> BoxFuture<'_, Result<Option<Result<AppData, DataRefused>>, StoreError>>;

    /// Notes when a session was last used. Lazily: may be late by a minute, may be lost, never waits.
    fn note_use(&self, key: SessionKey, at: Timestamp);

    /// Drops sessions that ended by themselves before `now`: past `expires`, or unused since `idle_since`.
    /// Answers with how many.
    fn prune(&self, now: Timestamp, idle_since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Whether the store does its work, for `/readyz`.
    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// How far the cache in front may go without asking.
    fn trust(&self) -> Trust;
}

/// A session to be kept.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session.
    pub record: Record,
    /// The session of the same browser that it takes the place of.
    pub replaces: Option<SessionKey>,
    /// How many sessions whoever holds it may have: a user, of whose the oldest goes first, or all visitors
    /// together, of whose those unused for longest go, perhaps several at once. `None`: any number.
    pub max_per_user: Option<usize>,
}

/// Which sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// One.
    One(SessionKey),
    /// All of a user, but perhaps for one.
    OfUser {
        /// Whose.
        user: UserId,
        /// The one to keep.
        except: Option<SessionKey>,
    },
    /// Everybody's.
    All,
}

/// How far a cached session may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// This process hears of every change: as long as it is cached.
    Told,
    /// Others change sessions too, and word of it can be lost.
    Shared {
        /// Asked again after this long. Default 30 seconds.
        cache_ttl: std::time::Duration,
        /// While the store cannot be asked, believed for this much longer. Default 5 minutes.
        grace: std::time::Duration,
    },
}

/// How a store tells the cache in front of it what is no longer true.
#[derive(Clone)]
pub struct Invalidator(pub(super) Arc<dyn Fn(Invalidation) + Send + Sync>);

/// What is no longer true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalidation {
    /// This session has ended.
    Ended(SessionKey),
    /// This session has changed; ask again.
    Changed(SessionKey),
    /// Word may have been lost: ask again for every session.
    Everything,
}

impl Invalidator {
    /// Calls this whenever something is no longer true.
    pub fn new(tell: impl Fn(Invalidation) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells the cache.
    pub fn tell(&self, invalidation: Invalidation) {
        (self.0)(invalidation);
    }

    /// For a store without a cache in front of it: the command line's.
    pub fn nobody() -> Self {
        Self(Arc::new(|_| {}))
    }
}

impl std::fmt::Debug for Invalidator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Invalidator")
    }
}

/// What a store is made in.
#[derive(Clone, Debug)]
pub struct StoreSurroundings {
    /// The time.
    pub clock: Clock,
    /// The cache in front.
    pub invalidator: Invalidator,
}
