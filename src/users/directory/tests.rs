//! The directory over a database that other processes change.

use std::{path::PathBuf, time::Duration};

use futures_util::FutureExt;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::{
    mpsc::{UnboundedReceiver, unbounded_channel},
    oneshot,
};

use super::{worker::Writers, *};
use crate::{
    identity::{BackendName, IdentityPair},
    users::{Action, UserChange},
};

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

    /// The database as the command line opens it.
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
async fn an_account_is_cached_once_it_was_read() {
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
async fn a_change_of_another_process_is_reported_once_and_removes_the_cached_account() {
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
async fn a_change_of_one_user_leaves_others_cached() {
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
async fn a_gap_in_the_change_log_clears_the_account_cache() {
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
async fn changes_of_the_gateway_are_reported_once_before_they_return() {
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
        matches!(again, DirectoryError::Store(UserStoreError::CredentialChanged(_))),
        "the old credential is history: {again}"
    );
    let second = it
        .directory
        .add_first_superuser(name("mallory"), String::new(), String::new(), hash("x"))
        .await
        .unwrap_err();
    assert!(matches!(second, DirectoryError::Store(UserStoreError::UsersExist)), "{second}");
    // The next change is one of another process: our own are not reported twice.
    it.other_process().set_active(&name("root"), false).unwrap();
    assert_eq!(it.next_change().await.1, Action::Disabled);
}

#[tokio::test]
async fn a_sign_in_and_an_upgraded_hash_update_the_cache_and_are_not_reported() {
    let mut it = Fixture::open_with(add("alice"));
    let id = UserId(1);
    let before = it.directory.account(id).await.unwrap().unwrap();
    let at = Timestamp::from_millis(7);
    let after = it.directory.record_sign_in(id, at).await.unwrap().unwrap();
    assert_eq!(after.last_sign_in, Some(at));
    let after = it.directory.upgrade_hash(id, before.credential, hash("stronger")).await.unwrap().unwrap();
    assert_eq!(after.password, Some(hash("stronger")));
    assert_eq!(after.credential, before.credential);
    assert_eq!(it.directory.cached(id), Some(after));
    assert_eq!(it.directory.record_sign_in(UserId(9), at).await.unwrap(), None);
    it.other_process().update(&name("alice"), &superuser()).unwrap();
    assert_eq!(it.next_change().await.1, Action::Changed, "and nothing before");
}

#[tokio::test]
async fn a_full_directory_queue_is_busy_at_once_while_cached_accounts_are_found() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("users.db");
    add("alice")(&mut UserStore::open(&path, Clock::system()).unwrap());
    let directory = Directory::open_with_queue(&path, Clock::system(), Box::new(|_| ()), 1).unwrap();
    directory.account(UserId(1)).await.unwrap();

    let release = hold_thread(&directory).await;
    directory.thread.try_send(Box::new(|_| ())).unwrap();

    assert!(matches!(directory.account(UserId(2)).await, Err(DirectoryError::Busy)));
    assert!(directory.account(UserId(1)).await.unwrap().is_some());
    drop(release);
}

#[tokio::test]
async fn a_flood_of_invented_owners_leaves_the_directory_queue_to_others() {
    let it = Fixture::open_with(add("alice"));
    let release = hold_thread(&it.directory).await;
    let invented = (0..CLAIMS).map(|_| Box::pin(it.directory.claimed_account(UserId(99))));
    let mut invented: Vec<_> = invented.collect();
    for claim in &mut invented {
        assert!(claim.now_or_never().is_none(), "it waits");
    }
    assert!(matches!(it.directory.claimed_account(UserId(98)).await, Err(DirectoryError::Busy)));
    let mut other = Box::pin(it.directory.account(UserId(1)));
    assert!((&mut other).now_or_never().is_none(), "it waits for its turn");
    drop(release);
    assert!(other.await.unwrap().is_some());
    for claim in invented {
        assert_eq!(claim.await.unwrap(), None);
    }

    let release = hold_thread(&it.directory).await;
    assert!(it.directory.claimed_account(UserId(1)).await.unwrap().is_some(), "it is cached");
    drop(release);
    assert_eq!(it.directory.claimed_account(UserId(98)).await.unwrap(), None, "there is room again");
}

#[tokio::test]
async fn a_flood_of_tokens_of_nobody_leaves_the_directory_queue_to_others() {
    let it = Fixture::open_with(add("alice"));
    let pair = IdentityPair {
        backend: BackendName::parse("corp").unwrap(),
        authority: "https://id.example.com".into(),
        subject: "nobody".into(),
    };
    let release = hold_thread(&it.directory).await;
    let mut flood: Vec<_> = (0..CLAIMS).map(|_| Box::pin(it.directory.claimed_account_of(&pair))).collect();
    for claim in &mut flood {
        assert!(claim.now_or_never().is_none(), "it waits");
    }
    assert!(matches!(it.directory.claimed_account_of(&pair).await, Err(DirectoryError::Busy)));
    drop(release);
    for claim in flood {
        assert_eq!(claim.await.unwrap(), None);
    }
    assert_eq!(it.directory.claimed_account_of(&pair).await.unwrap(), None, "there is room again");
}

/// Has the thread of the directory wait until the result is dropped.
async fn hold_thread(directory: &Directory) -> std::sync::mpsc::Sender<()> {
    let (entered, has_entered) = oneshot::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let wait = move |_: &mut DirectoryWorker| {
        entered.send(()).unwrap();
        released.recv().ok();
    };
    directory.thread.send(Box::new(wait)).unwrap();
    has_entered.await.unwrap();
    release
}

#[tokio::test]
async fn a_dead_directory_thread_clears_the_cache_and_fails_every_read() {
    let it = Fixture::open_with(add("alice"));
    it.directory.account(UserId(1)).await.unwrap();
    let died = it.directory.ask::<()>(|_| panic!("for the test")).await;
    assert!(matches!(died, Err(DirectoryError::Closed)));
    // The answer is dropped while the thread unwinds; the queue closes when it has.
    while !it.directory.thread.has_ended() {
        tokio::task::yield_now().await;
    }
    assert_eq!(it.directory.cached(UserId(1)), None);
    assert!(matches!(it.directory.account(UserId(1)).await, Err(DirectoryError::Closed)));
}

#[tokio::test]
async fn a_failed_look_for_changes_clears_the_account_cache() {
    let mut it = Fixture::open_with(add("alice"));
    it.directory.account(UserId(1)).await.unwrap();
    let other = Connection::open(&it.path).unwrap();
    other.execute_batch("ALTER TABLE change RENAME TO hidden").unwrap();
    it.directory
        .ask(|worker| {
            worker.look_for_changes(Writers::All);
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
async fn a_concurrent_write_of_another_process_never_leaves_an_old_account_cached() {
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
