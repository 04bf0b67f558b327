//! The contract of every session store.
//!
//! [`Sessions`](super::Sessions) works with any [`SessionStore`]; `file`, `memory` and `redis` are the ones that exist. A
//! store notifies the cache in front of it through an [`Invalidator`]. Time limits are judged by the caller.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{
    InsertedBranch, ListedRecord, NewBranch, OneTimeEntry, OneTimeKey, OneTimePurpose, Record, SessionKey,
    data::{AppData, DataChange, DataRefused},
};
use crate::{
    clock::{Clock, Timestamp},
    identity::UserId,
    store::StoreError,
};

/// A store of sessions: the truth behind the cache.
///
/// The direction of error that matters: a store that loses a session costs a sign-in; a store that finds a session after
/// [`SessionStore::remove`] has returned is a vulnerability. So:
///
/// - [`insert`](SessionStore::insert) and [`remove`](SessionStore::remove) return once the change is as durable as the
///   store promises, and every later call, of every process, sees it.
/// - An error means that nothing may be relied on; it is never to be taken for "there is no session".
/// - The store passes on to the [`Invalidator`], within a second, which sessions another process ended or changed.
/// - The caller decides with its own clock what has expired: a store may remove expired sessions, and never has to.
/// - A store gets hashes of tokens, never tokens.
pub trait SessionStore: Send + Sync + std::fmt::Debug {
    /// Looks a session up. A branch has the owner, the proofs, the time limits and the last use of its parent; without
    /// that it is not there.
    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>>;

    /// Stores a new session. In the same step the session that it replaces ends, and so do the oldest sign-ins of a user
    /// who has too many, each with its branches.
    fn insert(&self, new: NewSession) -> BoxFuture<'_, Result<Inserted, StoreError>>;

    /// Stores a branch of a sign-in; `None`: that has ended, or can have no branches. In the same step the session that
    /// it replaces ends, and so does the oldest branch of a sign-in that has too many.
    fn insert_branch(&self, new: NewBranch) -> BoxFuture<'_, Result<Option<InsertedBranch>, StoreError>>;

    /// Ends sessions; one that is missing has ended already. A sign-in ends with all its branches, and a branch with
    /// its sign-in, in one step. Returns the keys that ended.
    fn remove(&self, which: Which) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>>;

    /// The sessions of one user, or of everybody, without branches, in the order of their keys; at most `most` after
    /// `after`.
    fn list(
        &self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> BoxFuture<'_, Result<Vec<ListedRecord>, StoreError>>;

    /// Changes the data of an app in a session, in one step; `None`: there is no such session.
    fn change_data(
        &self,
        key: SessionKey,
        app: Arc<str>,
        change: DataChange,
    ) -> BoxFuture<'_, Result<Option<Result<AppData, DataRefused>>, StoreError>>;

    /// Notes when a session was last used; the use of a branch is noted for its parent. May be late by a minute, may be
    /// lost, never waits.
    fn note_use(&self, key: SessionKey, at: Timestamp);

    /// Stores a one-time entry, as durably as a session. `false`: there is one of this key and purpose, which stays. Of
    /// all callers with one key, on every gateway, one stores it.
    fn put_one_time(&self, entry: OneTimeEntry) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Removes a one-time entry and returns its value. Of all callers, on every gateway, one gets it. `None`: there is no
    /// such entry of this purpose, somebody has taken it, or it has expired at `now`.
    fn take_one_time(
        &self,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Box<str>>, StoreError>>;

    /// Reads a one-time entry and leaves it: many may read what one can take. `None` as for
    /// [`SessionStore::take_one_time`].
    fn read_one_time(
        &self,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Box<str>>, StoreError>>;

    /// Removes sessions whose time limits passed before `now`: past `expires`, or unused since `idle_since`. Returns how
    /// many.
    fn prune(&self, now: Timestamp, idle_since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Whether the store can be written to, for `/readyz`.
    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// How far the cache in front may believe its entries.
    fn trust(&self) -> Trust;
}

/// A session to be stored.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session.
    pub record: Record,
    /// The session of the same browser that it takes the place of.
    pub replaces: Option<SessionKey>,
    /// Whether the branches of the replaced session become branches of this one; otherwise they end with it.
    pub adopts: bool,
    /// Maximum number of sessions of its user, or of all visitors together; `None`: any number. Past it, the oldest ones
    /// of the user end, or the visitors' ones unused for longest, perhaps several at once.
    pub max_per_user: Option<usize>,
}

/// The changes that a new session caused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inserted {
    /// The sessions that ended.
    pub ended: Vec<SessionKey>,
    /// The branches that have become branches of the new session.
    pub adopted: Vec<SessionKey>,
}

/// Which sessions end. A sign-in and its branches always end together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// One, and the sign-in that it is a branch of.
    One(SessionKey),
    /// All sessions of a user, perhaps but for one.
    OfUser {
        /// Whose.
        user: UserId,
        /// The one to keep, with its branches, or the sign-in that it is a branch of.
        except: Option<SessionKey>,
    },
    /// Everybody's.
    All,
}

/// How far a cached session may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The store notifies the cache of every change: believed as long as it is cached.
    Notified,
    /// Other gateways change sessions, too, and a notification can be lost.
    Shared {
        /// The store is asked again after this long. Default 30 seconds.
        cache_ttl: std::time::Duration,
        /// A cached session is believed for this much longer while the store cannot be asked. Default 5 minutes.
        grace: std::time::Duration,
    },
}

/// The way by which a store notifies the cache in front of it.
#[derive(Clone)]
pub struct Invalidator(pub(super) Arc<dyn Fn(Invalidation) + Send + Sync>);

/// A notification of a store: cached sessions that hold no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalidation {
    /// The session with this key has ended.
    Ended(SessionKey),
    /// The session with this key has changed and has to be read again.
    Changed(SessionKey),
    /// Notifications may have been lost: every session has to be read again.
    Everything,
}

impl Invalidator {
    /// Calls `notify` with each notification.
    pub fn new(notify: impl Fn(Invalidation) + Send + Sync + 'static) -> Self {
        Self(Arc::new(notify))
    }

    /// Notifies the cache.
    pub fn notify(&self, invalidation: Invalidation) {
        (self.0)(invalidation);
    }

    /// For a store without a cache in front of it, as the command line uses.
    pub fn none() -> Self {
        Self(Arc::new(|_| {}))
    }
}

impl std::fmt::Debug for Invalidator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Invalidator")
    }
}

/// The clock of a store and the cache in front of it.
#[derive(Clone, Debug)]
pub struct StoreSurroundings {
    /// The time.
    pub clock: Clock,
    /// The cache in front.
    pub invalidator: Invalidator,
}
