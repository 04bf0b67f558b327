//! The running gateway's view of its users.
//!
//! Requests read accounts from a cache. One thread owns the database: it reads accounts that are not cached, makes the
//! gateway's own changes, and looks five times a second for changes of another process (the command line).
//!
//! A cached account never outlives a change of it. Only that thread caches accounts, and only those that it read *after*
//! its last look for changes: it sees a later change at the next look, and removes the account then. When it cannot look,
//! it clears the cache.
//!
//! The database is the file that its path leads to. Before every read and every change, and at each look, the thread makes
//! sure that this is the file that it has open. If the file was replaced, the new one is opened and the cache is cleared;
//! without a file that can be read, every call fails.

mod cache;
mod factors;
mod links;
mod passkeys;
mod sources;
mod tokens;
mod worker;

#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, path::Path, sync::Arc};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    Account, Activity, Change, NewUser, OwnProfileChange, PasswordHash, UserStore, UserStoreError,
    sqlite::Unproved,
};
use crate::{
    clock::{Clock, Timestamp},
    identity::{CredentialVersion, UserId, UserName},
    store::sqlite::{DatabaseThread, NotDone, ReadFile},
};
use cache::AccountCache;
use worker::DirectoryWorker;

/// The directory of users. A process has one, shared in an `Arc`.
///
/// Dropping the last reference waits until the database thread has done its jobs.
pub struct Directory {
    cache: AccountCache,
    thread: DatabaseThread<DirectoryWorker>,
    read_file: ReadFile,
    /// The look-ups for [`Self::claimed_account`] and [`Self::claimed_account_of`] that may still begin.
    claims: Semaphore,
    /// How many jobs the thread was given.
    #[cfg(test)]
    questions: AtomicU64,
}

/// Why the directory could not be read or changed: 503 for the client, and a message in the log.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// More jobs are waiting for the database than it can do soon.
    #[error("too many requests are waiting for the users database")]
    Busy,
    /// The database thread has ended.
    #[error("the users database is closed")]
    Closed,
    /// The database refused or failed.
    #[error(transparent)]
    Store(#[from] UserStoreError),
}

impl Directory {
    /// Opens the database and starts its thread. `on_change` is called on that thread, once for every later change of any
    /// process, after the changed account was removed from the cache; it must not wait for this directory.
    pub fn open(
        path: &Path,
        clock: Clock,
        on_change: Box<dyn Fn(&Change) + Send>,
    ) -> Result<Arc<Self>, UserStoreError> {
        Self::open_with_queue(path, clock, on_change, WAITING_JOBS)
    }

    fn open_with_queue(
        path: &Path,
        clock: Clock,
        on_change: Box<dyn Fn(&Change) + Send>,
        queue: usize,
    ) -> Result<Arc<Self>, UserStoreError> {
        let mut store = UserStore::open(path, clock)?.acting_as("gateway").waiting_briefly()?;
        let (cache, read_file) = (AccountCache::new(), store.database().read_file());
        let worker = DirectoryWorker::new(store, cache.clone(), on_change)?;
        let thread = DatabaseThread::start("users", queue, worker).map_err(UserStoreError::Thread)?;
        Ok(Arc::new(Self {
            cache,
            thread,
            read_file,
            claims: Semaphore::new(CLAIMS),
            #[cfg(test)]
            questions: AtomicU64::default(),
        }))
    }

    /// How many jobs went to the database so far.
    #[cfg(test)]
    pub(crate) fn questions(&self) -> u64 {
        self.questions.load(Ordering::SeqCst)
    }

    /// Which file is read.
    pub fn read_file(&self) -> ReadFile {
        self.read_file.clone()
    }

    /// The account, if it is cached; `None` does not mean that there is no such user, see [`Directory::account`]. Neither
    /// waits nor reads a file.
    pub fn cached(&self, id: UserId) -> Option<Arc<Account>> {
        self.cache.get(id)
    }

    /// The account as it is now, from the cache or from the database.
    pub async fn account(&self, id: UserId) -> Result<Option<Arc<Account>>, DirectoryError> {
        match self.cached(id) {
            Some(account) => Ok(Some(account)),
            None => self.ask(move |worker| worker.account(id)).await,
        }
    }

    /// The account that a credential names before it has proved anything, like [`Self::account`].
    ///
    /// Mallory invents tokens of users that do not exist, and each of them is looked up in the database. At most 64 such
    /// look-ups wait at a time, and further ones fail at once, so that the queue has room for Alice, who signs in.
    pub async fn claimed_account(&self, id: UserId) -> Result<Option<Arc<Account>>, DirectoryError> {
        if let Some(account) = self.cached(id) {
            return Ok(Some(account));
        }
        let _claim = self.claim()?;
        self.ask(move |worker| worker.account(id)).await
    }

    /// One of the look-ups of accounts that unproved credentials name.
    fn claim(&self) -> Result<SemaphorePermit<'_>, DirectoryError> {
        self.claims.try_acquire().map_err(|_| DirectoryError::Busy)
    }

    /// The account with this name, from the database. A name that no user has is the same work: another user's account is
    /// read in its place.
    pub async fn account_by_name(&self, name: &UserName) -> Result<Option<Arc<Account>>, DirectoryError> {
        let name = name.clone();
        self.ask(move |worker| {
            Ok(match worker.store.find_unproved(&name)? {
                Unproved::Meant(account) => Some(worker.remember(account)),
                Unproved::Another(account) => {
                    worker.remember(account);
                    None
                }
                Unproved::NoUsers => None,
            })
        })
        .await
    }

    /// Whether there is any user, active or disabled.
    pub async fn has_users(&self) -> Result<bool, DirectoryError> {
        self.ask(|worker| Ok(!worker.store.is_empty()?)).await
    }

    /// Creates the first user, a superuser; [`UserStoreError::UsersExist`] if there is any user already.
    pub async fn add_first_superuser(
        &self,
        name: UserName,
        email: String,
        full_name: String,
        hash: PasswordHash,
    ) -> Result<Arc<Account>, DirectoryError> {
        let new = NewUser { email, full_name, password: Some(hash), ..NewUser::named(name) };
        self.ask(move |worker| {
            let added = worker.store.add_first_superuser(new)?;
            Ok(worker.after_own_change(added))
        })
        .await
    }

    /// Sets the password of a user who was checked under the credential version `expected`. All other sign-ins of the user
    /// have ended, and that is on the disk, when this returns; the returned account has the new credential version.
    /// [`UserStoreError::CredentialChanged`] if the credential has changed since.
    pub async fn set_password(
        &self,
        id: UserId,
        expected: CredentialVersion,
        hash: PasswordHash,
    ) -> Result<Arc<Account>, DirectoryError> {
        self.ask(move |worker| {
            let changed = worker.store.set_own_password(id, expected, &hash)?;
            Ok(worker.after_own_change(changed))
        })
        .await
    }

    /// Replaces the hash by a stronger one of the same password, unless the credential has changed since `seen`. Returns
    /// the account after this; `None` if there is no such user any more.
    pub async fn upgrade_hash(
        &self,
        id: UserId,
        seen: CredentialVersion,
        hash: PasswordHash,
    ) -> Result<Option<Arc<Account>>, DirectoryError> {
        self.ask(move |worker| {
            worker.store.upgrade_hash(id, seen, &hash)?;
            worker.reread(id)
        })
        .await
    }

    /// Notes a sign-in. Returns the account after this; `None` if there is no such user any more.
    pub async fn record_sign_in(
        &self,
        id: UserId,
        at: Timestamp,
    ) -> Result<Option<Arc<Account>>, DirectoryError> {
        self.ask(move |worker| {
            worker.store.record_sign_in(id, at)?;
            worker.reread(id)
        })
        .await
    }

    /// Changes the profile of a user who was checked under the credential version `expected`, in the user's own name.
    pub async fn change_own_profile(
        &self,
        id: UserId,
        expected: CredentialVersion,
        change: OwnProfileChange,
    ) -> Result<Arc<Account>, DirectoryError> {
        self.ask(move |worker| {
            let changed = worker.store.update_own_profile(id, expected, change)?;
            Ok(worker.after_own_change(changed))
        })
        .await
    }

    /// Notes what happened to an account, for its owner to see. Neither waits nor fails: while the database is busy or
    /// broken, nothing is noted.
    pub fn note_activity(&self, id: UserId, activity: Activity) {
        // The job is handed over here; nobody waits for its end.
        drop(self.thread.run(move |worker| {
            let noted = worker.follow_path().and_then(|()| worker.store.note_activity(id, activity));
            if let Err(error) = noted {
                tracing::warn!(%error, "activity of a user not noted");
            }
        }));
    }

    /// The activity of an account, newest first.
    pub async fn activity_of(&self, id: UserId) -> Result<Vec<Activity>, DirectoryError> {
        self.ask(move |worker| worker.store.activity_of(id)).await
    }

    /// Has `work` done on the database thread, also if the future is dropped: a password change is not undone by a
    /// closed tab. A full queue is an error at once.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DirectoryWorker) -> Result<T, UserStoreError> + Send + 'static,
    ) -> Result<T, DirectoryError> {
        #[cfg(test)]
        self.questions.fetch_add(1, Ordering::SeqCst);
        let done = self.thread.run(|worker| {
            worker.follow_path()?;
            work(worker)
        });
        Ok(done.await??)
    }
}

impl From<NotDone> for DirectoryError {
    fn from(error: NotDone) -> Self {
        match error {
            NotDone::QueueFull => Self::Busy,
            NotDone::ThreadEnded => Self::Closed,
        }
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("cached", &self.cache.len()).finish_non_exhaustive()
    }
}

/// Maximum number of waiting jobs, as many as the database does in a second; further ones fail at once.
const WAITING_JOBS: usize = 1024;
/// Maximum number of look-ups of accounts that unproved credentials name, at a time; they take a few milliseconds together.
const CLAIMS: usize = 64;

#[cfg(test)]
mod tests;
