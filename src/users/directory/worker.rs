//! The thread of the directory: reads, makes the gateway's own changes, and looks for those of other processes.

use std::{
    sync::{Arc, mpsc::TryIter},
    time::Duration,
};

use super::cache::AccountCache;
use crate::{
    identity::UserId,
    store::sqlite::{DatabaseWorker, Task},
    users::{Account, Change, UserStore, UserStoreError, change},
};

/// The owner of the database, and the only one that caches accounts.
pub(super) struct DirectoryWorker {
    pub(super) store: UserStore,
    cache: AccountCache,
    on_change: Box<dyn Fn(&Change) + Send>,
    /// Number of the newest change that was reported, or that was there at the start.
    seen: i64,
    /// The last look for changes failed, and that was logged.
    is_blind: bool,
    /// The file at the path cannot be read, and that was logged.
    is_lost: bool,
}

/// The writers whose changes are looked for. SQLite's sign of foreign writes shows none of our own.
#[derive(Clone, Copy)]
pub(super) enum Writers {
    Others,
    All,
}

impl DirectoryWorker {
    pub(super) fn new(
        store: UserStore,
        cache: AccountCache,
        on_change: Box<dyn Fn(&Change) + Send>,
    ) -> Result<Self, UserStoreError> {
        let seen = store.newest_change()?;
        Ok(Self { store, cache, on_change, seen, is_blind: false, is_lost: false })
    }

    /// Makes sure that the open file is the one that the path leads to. If that is another one, no account that was
    /// read before is believed.
    pub(super) fn follow_path(&mut self) -> Result<(), UserStoreError> {
        let database = self.store.database();
        match database.follow(|| self.cache.clear(), change::newest) {
            Ok(None) => {}
            Ok(Some(seen)) => {
                (self.seen, self.is_lost) = (seen, false);
                tracing::warn!(
                    path = %database.path().display(),
                    "the users database was removed or replaced; users are read from the new one from now on"
                );
            }
            Err(error) => {
                if !self.is_lost {
                    tracing::error!(%error, "users database cannot be read; nobody is let in until this is mended");
                }
                self.is_lost = true;
                return Err(error.into());
            }
        }
        Ok(())
    }

    pub(super) fn account(&mut self, id: UserId) -> Result<Option<Arc<Account>>, UserStoreError> {
        // Many requests may have asked for the same user at once.
        if let Some(account) = self.cache.get(id) {
            return Ok(Some(account));
        }
        Ok(self.store.find(id)?.map(|account| self.remember(account)))
    }

    pub(super) fn reread(&mut self, id: UserId) -> Result<Option<Arc<Account>>, UserStoreError> {
        self.cache.remove(id);
        self.account(id)
    }

    /// Caches an account that was read after the last look for changes; none while changes cannot be seen.
    pub(super) fn remember(&mut self, account: Account) -> Arc<Account> {
        let account = Arc::new(account);
        if !self.is_blind {
            self.cache.insert(&account);
        }
        account
    }

    /// Reports a change of our own the way all others are. The written account is not cached: another process may
    /// have written since, and that change may have been reported along with ours.
    pub(super) fn after_own_change(&mut self, written: Account) -> Arc<Account> {
        self.report_own_changes();
        Arc::new(written)
    }

    /// Reports changes of our own the way all others are.
    pub(super) fn report_own_changes(&mut self) {
        self.look_for_changes(Writers::All);
    }

    pub(super) fn look_for_changes(&mut self, writers: Writers) {
        if self.follow_path().is_err() {
            // The cache is empty, and the error has been logged.
            return;
        }
        match self.new_changes(writers) {
            Ok(changes) => {
                self.is_blind = false;
                for change in &changes {
                    (self.on_change)(change);
                }
            }
            Err(error) => {
                self.cache.clear();
                if !self.is_blind {
                    tracing::error!(%error, "looking for changes of users failed; each user is read from the database");
                }
                self.is_blind = true;
            }
        }
    }

    /// The changes since the last look; the accounts that they changed are removed from the cache.
    fn new_changes(&mut self, writers: Writers) -> Result<Vec<Change>, UserStoreError> {
        let database = self.store.database();
        let others_wrote = database.has_foreign_writes();
        let others_wrote = others_wrote.map_err(|reason| database.failed("looking for changes", reason))?;
        if !others_wrote && matches!(writers, Writers::Others) && !self.is_blind {
            return Ok(Vec::new());
        }
        let newest = self.store.newest_change()?;
        let changes = self.store.changes_after(self.seen)?;
        let follows = changes.first().is_none_or(|first| first.seq == self.seen + 1);
        // More changes than the log keeps, or another database altogether: all accounts may have changed.
        if !follows || newest < self.seen {
            self.cache.clear();
        }
        for change in &changes {
            self.cache.remove(change.user);
        }
        self.seen = changes.last().map_or(newest, |last| last.seq);
        Ok(changes)
    }
}

impl DatabaseWorker for DirectoryWorker {
    type Job = Task<Self>;

    /// A change of the command line counts after this at the latest.
    const LOOK_EVERY: Duration = Duration::from_millis(200);

    fn work(&mut self, job: Task<Self>, _: TryIter<'_, Task<Self>>) {
        job(self);
    }

    fn look(&mut self) {
        self.look_for_changes(Writers::Others);
    }
}

/// Clears the cache: changes are not looked for any more.
impl Drop for DirectoryWorker {
    fn drop(&mut self) {
        self.cache.clear();
    }
}
