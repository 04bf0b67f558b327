//! The cache of accounts.

use std::{sync::Arc, time::Duration};

use foldhash::fast::RandomState;
use moka::{policy::EvictionPolicy, sync::Cache};

use crate::{identity::UserId, users::Account};

/// Accounts in memory. Only the thread of the directory puts any in, under ids that the database numbers: nobody can make
/// keys collide.
#[derive(Clone)]
pub(super) struct AccountCache(Cache<UserId, Arc<Account>, RandomState>);

impl AccountCache {
    pub(super) fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(CACHED_ACCOUNTS)
                // The default policy turns new entries away under pressure.
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(REREAD_AFTER)
                .build_with_hasher(RandomState::default()),
        )
    }

    pub(super) fn get(&self, id: UserId) -> Option<Arc<Account>> {
        self.0.get(&id)
    }

    pub(super) fn insert(&self, account: &Arc<Account>) {
        self.0.insert(account.user.id, Arc::clone(account));
    }

    pub(super) fn remove(&self, id: UserId) {
        self.0.invalidate(&id);
    }

    /// Removes all accounts, one by one, as nobody else inserts: moka's own `invalidate_all` goes by time stamps, which
    /// can be equal.
    pub(super) fn clear(&self) {
        for (id, _) in &self.0 {
            self.0.invalidate(&*id);
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.0.entry_count()
    }
}

/// Edits by hand, past the change log, count after this.
const REREAD_AFTER: Duration = Duration::from_mins(1);
/// At about a kilobyte each.
const CACHED_ACCOUNTS: u64 = 50_000;
