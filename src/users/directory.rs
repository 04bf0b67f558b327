//! The running gateway's view of the people it knows.
//!
//! Accounts are read from memory on the path of every request. All else is the
//! work of one thread that owns the database connection: it answers questions
//! that memory cannot, makes the gateway's own changes, and looks five times a
//! second for changes that another process (the command line) has made.
//!
//! An account in memory never outlives a change of it. Only that one thread
//! puts accounts into memory, and only ones that it read *after* it last looked
//! for changes: whatever is written later it has yet to see, and then drops the
//! account. When it cannot look, it drops them all.
//!
//! The database is the file that its path leads to. Before every question and every change, and at each look, the
//! thread makes sure that this is the file that it has open. A file that was put in its place is opened, and
//! nothing is believed that was read from the old one; without a file that can be read there is no answer.

#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};
use std::{
    fmt,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use moka::{policy::EvictionPolicy, sync::Cache};
use tokio::sync::oneshot;

use super::{Account, Change, NewUser, PasswordHash, StoreError, UserStore, store::Unproved};
use crate::{
    clock::{Clock, Timestamp},
    identity::{CredentialVersion, UserId, UserName},
    store::sqlite::{Found, ReadFile},
};

/// The directory as the gateway uses it. One is enough for a process; share it in its `Arc`.
///
/// Dropping the last one waits for the database thread to finish what it was asked.
pub struct Directory {
    cache: Cache<UserId, Arc<Account>>,
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    read_file: ReadFile,
    /// How often the thread was asked for anything.
    #[cfg(test)]
    questions: AtomicU64,
}

/// Why the directory gave no answer. Not the person's fault: 503, and a line in the log.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// More questions are waiting for the database than it can answer soon.
    #[error("too many requests are waiting for the users database")]
    Busy,
    /// The database thread has ended.
    #[error("the users database is closed")]
    Closed,
    /// The database refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Directory {
    /// Opens the database and starts its thread. `on_change` is called on that thread, once for every change
    /// that is made from now on, by whatever process, after memory has dropped what it knew of the user; it
    /// must not wait for this directory.
    pub fn open(
        path: &Path,
        clock: Clock,
        on_change: Box<dyn Fn(&Change) + Send>,
    ) -> Result<Arc<Self>, StoreError> {
        Self::open_with_queue(path, clock, on_change, WAITING_JOBS)
    }

    fn open_with_queue(
        path: &Path,
        clock: Clock,
        on_change: Box<dyn Fn(&Change) + Send>,
        queue: usize,
    ) -> Result<Arc<Self>, StoreError> {
        let mut store = UserStore::open(path, clock)?.acting_as("gateway").waiting_briefly()?;
        let read_file = ReadFile::of(store.file());
        // In this order: what is written in between is looked for once too often, not missed.
        let (version, seen) = (store.data_version()?, store.newest_change()?);
        // The default policy turns new entries away under pressure; see the tests.
        let cache = Cache::builder()
            .max_capacity(CACHED_ACCOUNTS)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(REREAD_AFTER)
            .build();
        let keeper = Keeper {
            store,
            cache: cache.clone(),
            on_change,
            seen,
            version,
            is_blind: false,
            read_file: read_file.clone(),
            lost: None,
        };
        let (jobs, waiting) = sync_channel(queue);
        let thread = thread::Builder::new()
            .name("users".to_owned())
            .spawn(move || keeper.keep(&waiting))
            .map_err(StoreError::Thread)?;
        Ok(Arc::new(Self {
            cache,
            jobs: Some(jobs),
            thread: Some(thread),
            read_file,
            #[cfg(test)]
            questions: AtomicU64::default(),
        }))
    }

    /// How many questions went to the database so far, all that memory could not answer.
    #[cfg(test)]
    pub(crate) fn questions(&self) -> u64 {
        self.questions.load(Ordering::SeqCst)
    }

    /// Which file is read.
    pub fn read_file(&self) -> ReadFile {
        self.read_file.clone()
    }

    /// The account, if it is in memory; `None` says nothing about the user, ask [`Directory::account`].
    /// Neither waits nor reads a file.
    pub fn cached(&self, id: UserId) -> Option<Arc<Account>> {
        self.cache.get(&id)
    }

    /// The account as it is now, from memory or from the database.
    pub async fn account(&self, id: UserId) -> Result<Option<Arc<Account>>, DirectoryError> {
        match self.cached(id) {
            Some(account) => Ok(Some(account)),
            None => self.ask(move |keeper| keeper.account(id)).await,
        }
    }

    /// The account with this name, from the database. A name that nobody has is the same work: somebody else's
    /// account is read in its place.
    pub async fn account_by_name(&self, name: &UserName) -> Result<Option<Arc<Account>>, DirectoryError> {
        let name = name.clone();
        self.ask(move |keeper| {
            Ok(match keeper.store.find_unproved(&name)? {
                Unproved::Meant(account) => Some(keeper.remember(account)),
                Unproved::Another(account) => {
                    keeper.remember(account);
                    None
                }
                Unproved::NoUsers => None,
            })
        })
        .await
    }

    /// Whether there is any user, were it a disabled one.
    pub async fn has_users(&self) -> Result<bool, DirectoryError> {
        self.ask(|keeper| Ok(!keeper.store.is_empty()?)).await
    }

    /// Makes the first user, a superuser; [`StoreError::UsersExist`] if there is any user already.
    pub async fn add_first_superuser(
        &self,
        name: UserName,
        email: String,
        full_name: String,
        hash: PasswordHash,
    ) -> Result<Arc<Account>, DirectoryError> {
        let new = NewUser { email, full_name, password: Some(hash), ..NewUser::named(name) };
        self.ask(move |keeper| {
            let added = keeper.store.add_first_superuser(new)?;
            Ok(keeper.after_own_change(added))
        })
        .await
    }

    /// Sets the password of a user who proved to be the one when the credential was at `expected`. All other
    /// sign-ins of the user are over, and that is on the disk, when this returns; the account that is returned
    /// has the new credential version. [`StoreError::CredentialChanged`] if `expected` is history.
    pub async fn set_password(
        &self,
        id: UserId,
        expected: CredentialVersion,
        hash: PasswordHash,
    ) -> Result<Arc<Account>, DirectoryError> {
        self.ask(move |keeper| {
            let changed = keeper.store.set_own_password(id, expected, &hash)?;
            Ok(keeper.after_own_change(changed))
        })
        .await
    }

    /// Replaces the hash by a stronger one of the same password, unless the credential has changed since
    /// `seen`. Returns the account as it is after this; `None` if the user is gone.
    pub async fn upgrade_hash(
        &self,
        id: UserId,
        seen: CredentialVersion,
        hash: PasswordHash,
    ) -> Result<Option<Arc<Account>>, DirectoryError> {
        self.ask(move |keeper| {
            keeper.store.upgrade_hash(id, seen, &hash)?;
            keeper.reread(id)
        })
        .await
    }

    /// Notes a sign-in. Returns the account as it is after this; `None` if the user is gone.
    pub async fn record_sign_in(
        &self,
        id: UserId,
        at: Timestamp,
    ) -> Result<Option<Arc<Account>>, DirectoryError> {
        self.ask(move |keeper| {
            keeper.store.record_sign_in(id, at)?;
            keeper.reread(id)
        })
        .await
    }

    /// Has `work` done on the database thread. A full queue is an error at once.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Keeper) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, DirectoryError> {
        #[cfg(test)]
        self.questions.fetch_add(1, Ordering::SeqCst);
        let (answer, answered) = oneshot::channel();
        // Done even if nobody waits any more: a password change is not undone by a closed tab.
        let job: Job = Box::new(move |keeper| {
            let done = keeper.follow_the_path().and_then(|()| work(keeper));
            drop(answer.send(done));
        });
        let jobs = self.jobs.as_ref().ok_or(DirectoryError::Closed)?;
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => DirectoryError::Busy,
            TrySendError::Disconnected(_) => DirectoryError::Closed,
        })?;
        Ok(answered.await.map_err(|_| DirectoryError::Closed)??)
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("cached", &self.cache.entry_count()).finish_non_exhaustive()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take().filter(|it| it.thread().id() != thread::current().id())
            && thread.join().is_err()
        {
            tracing::error!("the thread of the users database had panicked");
        }
    }
}

type Job = Box<dyn FnOnce(&mut Keeper) + Send>;

/// What the database thread owns. The only one who puts anything into the cache.
struct Keeper {
    store: UserStore,
    cache: Cache<UserId, Arc<Account>>,
    on_change: Box<dyn Fn(&Change) + Send>,
    /// Number of the newest change that was reported, or that was there at the start.
    seen: i64,
    /// SQLite's own sign that another process has written.
    version: i64,
    /// Looking for changes has failed, and that was logged.
    is_blind: bool,
    /// That of the directory.
    read_file: ReadFile,
    /// What is at the path could not be opened.
    lost: Option<Lost>,
}

/// There is no file that could be read.
struct Lost {
    why: String,
    /// When it is tried again: to try may take as long as a lock is waited for.
    next_try: Instant,
}

impl Keeper {
    fn keep(mut self, waiting: &Receiver<Job>) {
        let mut next_look = Instant::now() + LOOK_EVERY;
        loop {
            match waiting.recv_timeout(next_look.saturating_duration_since(Instant::now())) {
                Ok(job) => job(&mut self),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // However many jobs there are.
            if Instant::now() >= next_look {
                self.look_for_changes(Whose::Others);
                next_look = Instant::now() + LOOK_EVERY;
            }
        }
    }

    /// Makes sure that the file that is open is the one that the path leads to.
    fn follow_the_path(&mut self) -> Result<(), StoreError> {
        let found = self.store.file().look();
        match &self.lost {
            None if found == Found::Same => return Ok(()),
            Some(lost) if Instant::now() < lost.next_try => return Err(self.is_lost(lost)),
            _ => {}
        }
        if self.lost.is_none() {
            // Whatever comes of it: what memory knows was read from a file that does not count any more.
            self.forget_all();
        }
        let opened = match found {
            Found::Missing => Err("there is no file".to_owned()),
            Found::Same | Found::Other => self.read_anew().map_err(|error| error.to_string()),
        };
        match opened {
            Ok(()) => {
                self.lost = None;
                tracing::warn!(
                    path = %self.store.file().path().display(),
                    "the users database was removed or replaced; users are read from the new one from now on"
                );
                Ok(())
            }
            Err(why) => {
                let next_try = Instant::now() + LOOK_EVERY;
                let (is_new, lost) = (self.lost.is_none(), Lost { why, next_try });
                let error = self.is_lost(&lost);
                self.lost = Some(lost);
                self.read_file.set(None);
                if is_new {
                    tracing::error!(%error, "nobody is let in until this is mended");
                }
                Err(error)
            }
        }
    }

    fn read_anew(&mut self) -> Result<(), StoreError> {
        let mut store = self.store.reopened()?;
        // In this order: what is written in between is looked for once too often, not missed.
        (self.version, self.seen) = (store.data_version()?, store.newest_change()?);
        self.read_file.set(Some(store.file().id()));
        self.store = store;
        Ok(())
    }

    fn is_lost(&self, lost: &Lost) -> StoreError {
        StoreError::Lost { path: self.store.path().to_owned(), why: lost.why.clone() }
    }

    fn account(&mut self, id: UserId) -> Result<Option<Arc<Account>>, StoreError> {
        // Many requests may have asked for the same user at once.
        if let Some(account) = self.cache.get(&id) {
            return Ok(Some(account));
        }
        Ok(self.store.find(id)?.map(|account| self.remember(account)))
    }

    fn reread(&mut self, id: UserId) -> Result<Option<Arc<Account>>, StoreError> {
        self.drop_from_memory([id]);
        self.account(id)
    }

    /// Only for what was read after the last look for changes. While blind, nothing is kept.
    fn remember(&mut self, account: Account) -> Arc<Account> {
        let account = Arc::new(account);
        if !self.is_blind {
            self.cache.insert(account.user.id, Arc::clone(&account));
        }
        account
    }

    /// Reports a change of our own the way all others are. What was written is not kept in memory: another
    /// process may have written since, and that change may have been reported along with ours.
    fn after_own_change(&mut self, written: Account) -> Arc<Account> {
        self.look_for_changes(Whose::Anybodys);
        Arc::new(written)
    }

    fn look_for_changes(&mut self, whose: Whose) {
        if self.follow_the_path().is_err() {
            // Nothing is in memory, and that has been logged.
            return;
        }
        match self.new_changes(whose) {
            Ok(changes) => {
                self.is_blind = false;
                for change in &changes {
                    (self.on_change)(change);
                }
            }
            Err(error) => {
                self.forget_all();
                if !self.is_blind {
                    tracing::error!(%error, "cannot see changes of users, reading each from the database");
                }
                self.is_blind = true;
            }
        }
    }

    /// The changes since the last look; what memory knew of those users is dropped.
    fn new_changes(&mut self, whose: Whose) -> Result<Vec<Change>, StoreError> {
        let version = self.store.data_version()?;
        if version == self.version && matches!(whose, Whose::Others) && !self.is_blind {
            return Ok(Vec::new());
        }
        let newest = self.store.newest_change()?;
        let changes = self.store.changes_after(self.seen)?;
        let follows = changes.first().is_none_or(|first| first.seq == self.seen + 1);
        // More changes than are remembered, or another database altogether: all may have changed.
        if !follows || newest < self.seen {
            self.forget_all();
        }
        self.drop_from_memory(changes.iter().map(|change| change.user));
        self.seen = changes.last().map_or(newest, |last| last.seq);
        self.version = version;
        Ok(changes)
    }

    /// One by one, as nobody else inserts; moka's own `invalidate_all` goes by time stamps, which can be equal.
    fn forget_all(&self) {
        self.drop_from_memory(self.cache.iter().map(|(id, _)| *id));
    }

    /// The one way out of memory but for age and room.
    fn drop_from_memory(&self, ids: impl IntoIterator<Item = UserId>) {
        for id in ids {
            self.cache.invalidate(&id);
        }
    }
}

/// Nobody looks for changes any more, so nothing in memory can be believed.
impl Drop for Keeper {
    fn drop(&mut self) {
        self.forget_all();
    }
}

/// Whose changes are looked for; SQLite's sign does not tell about our own.
#[derive(Clone, Copy)]
enum Whose {
    Others,
    Anybodys,
}

/// A change by the command line counts after this at the latest.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A net below the net: edits by hand, past the change log, count after this.
const REREAD_AFTER: Duration = Duration::from_mins(1);
/// At about a kilobyte each.
const CACHED_ACCOUNTS: u64 = 50_000;
/// More than this cannot be answered within a second.
const WAITING_JOBS: usize = 1024;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use rusqlite::Connection;
    use tempfile::TempDir;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;
    use crate::users::{Action, UserChange};

    struct Fixture {
        directory: Arc<Directory>,
        changes: UnboundedReceiver<Change>,
        path: PathBuf,
        _temp: TempDir,
    }

    impl Fixture {
        fn open() -> Self {
            Self::open_with(|_| ())
        }

        /// With what `before` has put into the database.
        fn open_with(before: impl FnOnce(&mut UserStore)) -> Self {
            let temp = tempfile::tempdir().unwrap();
            let path = temp.path().join("users.db");
            before(&mut UserStore::open(&path, Clock::system()).unwrap());
            let (sender, changes) = unbounded_channel();
            let on_change = Box::new(move |change: &Change| drop(sender.send(change.clone())));
            let directory = Directory::open(&path, Clock::system(), on_change).unwrap();
            Self { directory, changes, path, _temp: temp }
        }

        /// What the command line would use.
        fn other_process(&self) -> UserStore {
            UserStore::open(&self.path, Clock::system()).unwrap().acting_as("operator")
        }

        async fn next_change(&mut self) -> (i64, Action, String) {
            let change = tokio::time::timeout(Duration::from_secs(20), self.changes.recv()).await;
            let change = change.expect("a change is reported").unwrap();
            (change.seq, change.action, change.actor)
        }
    }

    fn name(text: &str) -> UserName {
        UserName::parse(text).unwrap()
    }

    fn hash(text: &str) -> PasswordHash {
        PasswordHash::stored(text.to_owned())
    }

    fn add(text: &str) -> impl FnOnce(&mut UserStore) {
        let new = NewUser { password: Some(hash("one")), ..NewUser::named(name(text)) };
        |store| drop(store.add(new).unwrap())
    }

    #[tokio::test]
    async fn an_account_is_in_memory_once_it_was_asked_for() {
        let it = Fixture::open_with(add("alice"));
        let id = UserId(1);
        assert_eq!(it.directory.cached(id), None);
        let account = it.directory.account(id).await.unwrap().unwrap();
        assert_eq!(account.user.name, name("alice"));
        assert!(Arc::ptr_eq(&it.directory.cached(id).unwrap(), &account));
        assert_eq!(it.directory.account(UserId(2)).await.unwrap(), None);

        let by_name = it.directory.account_by_name(&name("alice")).await.unwrap().unwrap();
        assert_eq!(by_name, account);
        assert_eq!(it.directory.account_by_name(&name("bob")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_another_process_changes_is_noticed_reported_once_and_not_believed_any_more() {
        let mut it = Fixture::open_with(add("alice"));
        let mut other = it.other_process();
        let id = UserId(1);
        let before = it.directory.account(id).await.unwrap().unwrap();

        other.set_active(&name("alice"), false).unwrap();
        assert_eq!(it.next_change().await, (2, Action::Disabled, "operator".to_owned()));
        assert_eq!(it.directory.cached(id), None);
        let after = it.directory.account(id).await.unwrap().unwrap();
        assert!(!after.active && after.identity(before.credential).is_none());

        other.remove(&name("alice")).unwrap();
        assert_eq!(it.next_change().await, (3, Action::Removed, "operator".to_owned()));
        assert_eq!(it.directory.account(id).await.unwrap(), None);
        assert!(it.changes.try_recv().is_err(), "once each, and none from before the start");
    }

    #[tokio::test]
    async fn a_change_leaves_other_users_in_memory() {
        let mut it = Fixture::open_with(|store| {
            add("alice")(store);
            add("bob")(store);
        });
        let mut other = it.other_process();
        it.directory.account(UserId(1)).await.unwrap();
        let bob = it.directory.account(UserId(2)).await.unwrap().unwrap();
        other.set_password(&name("alice"), &hash("two")).unwrap();
        it.next_change().await;
        assert_eq!(it.directory.cached(UserId(1)), None);
        assert!(Arc::ptr_eq(&it.directory.cached(UserId(2)).unwrap(), &bob));
    }

    #[tokio::test]
    async fn after_a_gap_in_the_log_nothing_in_memory_is_believed() {
        let mut it = Fixture::open_with(|store| {
            add("alice")(store);
            add("bob")(store);
        });
        it.directory.account(UserId(1)).await.unwrap();
        it.directory.account(UserId(2)).await.unwrap();
        // As if so much had happened that the change of bob was pruned: one write, so that it is one look.
        Connection::open(&it.path)
            .unwrap()
            .execute_batch(
                "BEGIN;
                 UPDATE user SET active = 0 WHERE name = 'bob';
                 INSERT INTO change (seq, at, user_id, user_name, action, actor)
                 VALUES (500, 0, 1, 'alice', 'changed', 'operator');
                 COMMIT;",
            )
            .unwrap();
        assert_eq!(it.next_change().await.0, 500);
        assert_eq!((it.directory.cached(UserId(1)), it.directory.cached(UserId(2))), (None, None));
        assert!(!it.directory.account(UserId(2)).await.unwrap().unwrap().active);
    }

    #[tokio::test]
    async fn the_gateways_own_changes_are_reported_once_and_before_they_return() {
        let mut it = Fixture::open();
        assert!(!it.directory.has_users().await.unwrap());
        let first = it
            .directory
            .add_first_superuser(name("root"), String::new(), "The First".to_owned(), hash("one"))
            .await
            .unwrap();
        assert!(first.user.superuser && it.directory.has_users().await.unwrap());
        assert_eq!(it.changes.try_recv().unwrap().actor, "gateway");

        let id = first.user.id;
        it.directory.account(id).await.unwrap();
        let changed = it.directory.set_password(id, first.credential, hash("two")).await.unwrap();
        let change = it.changes.try_recv().unwrap();
        assert_eq!((change.action, change.actor.as_str()), (Action::PasswordChanged, "root"));
        assert!(changed.credential > first.credential);
        assert_eq!(it.directory.account(id).await.unwrap().unwrap().credential, changed.credential);
        let on_disk = it.other_process().find(id).unwrap().unwrap();
        assert_eq!(on_disk.password, Some(hash("two")));

        let again = it.directory.set_password(id, first.credential, hash("three")).await.unwrap_err();
        assert!(
            matches!(again, DirectoryError::Store(StoreError::CredentialChanged(_))),
            "the old credential is history: {again}"
        );
        let second = it
            .directory
            .add_first_superuser(name("mallory"), String::new(), String::new(), hash("x"))
            .await
            .unwrap_err();
        assert!(matches!(second, DirectoryError::Store(StoreError::UsersExist)), "{second}");
        // One more change, by another process, is the next one: ours come no second time.
        it.other_process().set_active(&name("root"), false).unwrap();
        assert_eq!(it.next_change().await.1, Action::Disabled);
    }

    #[tokio::test]
    async fn a_sign_in_and_an_upgraded_hash_are_seen_in_memory_and_not_reported() {
        let mut it = Fixture::open_with(add("alice"));
        let id = UserId(1);
        let before = it.directory.account(id).await.unwrap().unwrap();
        let at = Timestamp::from_millis(7);
        let after = it.directory.record_sign_in(id, at).await.unwrap().unwrap();
        assert_eq!(after.last_sign_in, Some(at));
        let after =
            it.directory.upgrade_hash(id, before.credential, hash("stronger")).await.unwrap().unwrap();
        assert_eq!(after.password, Some(hash("stronger")));
        assert_eq!(after.credential, before.credential);
        assert_eq!(it.directory.cached(id), Some(after));
        assert_eq!(it.directory.record_sign_in(UserId(9), at).await.unwrap(), None);
        it.other_process().update(&name("alice"), &superuser()).unwrap();
        assert_eq!(it.next_change().await.1, Action::Changed, "and nothing before");
    }

    #[tokio::test]
    async fn a_full_queue_is_busy_at_once_while_memory_still_answers() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("users.db");
        add("alice")(&mut UserStore::open(&path, Clock::system()).unwrap());
        let directory = Directory::open_with_queue(&path, Clock::system(), Box::new(|_| ()), 1).unwrap();
        directory.account(UserId(1)).await.unwrap();

        let (entered, has_entered) = oneshot::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let jobs = directory.jobs.as_ref().unwrap();
        jobs.send(Box::new(move |_| {
            entered.send(()).unwrap();
            released.recv().unwrap();
        }))
        .unwrap();
        has_entered.await.unwrap();
        jobs.try_send(Box::new(|_| ())).map_err(drop).unwrap();

        assert!(matches!(directory.account(UserId(2)).await, Err(DirectoryError::Busy)));
        assert!(directory.account(UserId(1)).await.unwrap().is_some());
        release.send(()).unwrap();
    }

    #[tokio::test]
    async fn when_the_thread_dies_memory_is_empty_and_every_question_an_error() {
        let it = Fixture::open_with(add("alice"));
        it.directory.account(UserId(1)).await.unwrap();
        let died = it.directory.ask::<()>(|_| panic!("for the test")).await;
        assert!(matches!(died, Err(DirectoryError::Closed)));
        // The answer is dropped while the thread unwinds; the queue closes when it has.
        while !it.directory.thread.as_ref().unwrap().is_finished() {
            tokio::task::yield_now().await;
        }
        assert_eq!(it.directory.cached(UserId(1)), None);
        assert!(matches!(it.directory.account(UserId(1)).await, Err(DirectoryError::Closed)));
    }

    #[tokio::test]
    async fn when_changes_cannot_be_seen_nothing_stays_in_memory() {
        let mut it = Fixture::open_with(add("alice"));
        it.directory.account(UserId(1)).await.unwrap();
        let other = Connection::open(&it.path).unwrap();
        other.execute_batch("ALTER TABLE change RENAME TO hidden").unwrap();
        it.directory
            .ask(|keeper| {
                keeper.look_for_changes(Whose::Anybodys);
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!(it.directory.cached(UserId(1)), None);
        assert!(it.directory.account(UserId(1)).await.unwrap().is_some(), "still answered, from the file");
        assert_eq!(it.directory.cached(UserId(1)), None);

        other.execute_batch("ALTER TABLE hidden RENAME TO change").unwrap();
        it.other_process().set_active(&name("alice"), false).unwrap();
        assert_eq!(it.next_change().await.1, Action::Disabled, "sees again");
    }

    #[tokio::test]
    async fn reading_while_another_process_writes_never_leaves_an_old_account_in_memory() {
        let mut it = Fixture::open_with(add("alice"));
        let id = UserId(1);
        let reader = tokio::spawn({
            let directory = Arc::clone(&it.directory);
            async move {
                // Keeps putting alice back into memory, and writes as well.
                for n in 0.. {
                    let at = Timestamp::from_millis(n);
                    if directory.record_sign_in(id, at).await.unwrap().is_none() {
                        break;
                    }
                    directory.account(id).await.unwrap();
                }
            }
        });
        let CredentialVersion(first) = it.directory.account(id).await.unwrap().unwrap().credential;
        let mut other = it.other_process();
        for round in 0..10 {
            other.set_password(&name("alice"), &hash(&format!("password {round}"))).unwrap();
            assert_eq!(it.next_change().await.1, Action::PasswordChanged);
            let account = it.directory.account(id).await.unwrap().unwrap();
            assert_eq!(account.credential, CredentialVersion(first + 1 + round), "reported, so it counts");
        }
        other.remove(&name("alice")).unwrap();
        reader.await.unwrap();
        assert_eq!(it.next_change().await.1, Action::Removed);
        assert_eq!(it.directory.account(id).await.unwrap(), None);
    }

    fn superuser() -> UserChange {
        UserChange { superuser: Some(true), ..UserChange::default() }
    }
}
