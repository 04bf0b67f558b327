//! Behaviour of the file alone; the contract is tested over all stores together.

use std::{net::Ipv4Addr, sync::mpsc};

use super::*;
use crate::{
    clock::Clock,
    identity::{CredentialVersion, Proofs},
    session::{Invalidation, Invalidator, Owner, SessionData, SessionToken},
};

fn record(user: i64) -> Record {
    let at = Timestamp::from_millis(1000);
    Record {
        key: SessionToken::generate().unwrap().key(),
        owner: Owner::User { id: UserId(user), credential: CredentialVersion(1) },
        signed_in: at,
        proofs: Proofs::password(at),
        source: None,
        parent: None,
        expires: Timestamp::from_millis(1_000_000),
        last_seen: at,
        remembered: false,
        client_addr: Ipv4Addr::LOCALHOST.into(),
        user_agent: "test".into(),
        host: "localhost".into(),
        data: SessionData::new(),
    }
}

/// A database as an older release left it, with a session of user 7 that signed in at 1000 and confirmed at 1500.
fn older_database(path: &Path, migrations: usize) -> SessionKey {
    let connection = rusqlite::Connection::open(path).unwrap();
    for migration in &MIGRATIONS[..migrations] {
        connection.execute_batch(migration).unwrap();
    }
    connection.pragma_update(None, "application_id", SCHEMA.application_id).unwrap();
    connection.pragma_update(None, "user_version", i64::try_from(migrations).unwrap()).unwrap();
    let key = SessionToken::generate().unwrap().key();
    connection
        .execute(
            "INSERT INTO session (key, user_id, credential, signed_in, confirmed, expires, last_seen, remembered,
                                  client_addr, user_agent)
             VALUES (?1, 7, 1, 1000, 1500, 1000000, 1000, 0, '127.0.0.1', 'test')",
            [key.as_bytes()],
        )
        .unwrap();
    key
}

#[tokio::test]
async fn a_session_of_an_older_release_goes_on_with_one_proof_by_password() {
    for migrations in 2..MIGRATIONS.len() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("sessions.db");
        let key = older_database(&path, migrations);
        let (store, _) = open(&path);
        let proofs = Proofs::password(Timestamp::from_millis(1500));
        let old = Record { key, proofs, host: "".into(), ..record(7) };
        assert_eq!(store.find(key).await.unwrap(), Some(old), "{migrations}");
        let newer = record(8);
        store.insert(new(&newer)).await.unwrap();
        assert_eq!(store.find(newer.key).await.unwrap(), Some(newer), "{migrations}");
    }
}

fn open(path: &Path) -> (FileStore, mpsc::Receiver<Invalidation>) {
    let (sender, notifications) = mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let invalidator = Invalidator(Arc::new(move |invalidation| {
        sender.lock().unwrap().send(invalidation).ok();
    }));
    let clock = Clock::manual(Timestamp::from_millis(2000));
    (FileStore::open(path, StoreSurroundings { clock, invalidator }).unwrap(), notifications)
}

fn new(record: &Record) -> NewSession {
    NewSession { record: record.clone(), replaces: None, adopts: false, max_per_user: None }
}

#[tokio::test]
async fn acknowledged_changes_are_in_the_file_when_it_is_opened_again() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("sessions.db");
    let (alive, ended) = (record(1), record(2));
    let (store, _) = open(&path);
    store.insert(new(&alive)).await.unwrap();
    store.insert(new(&ended)).await.unwrap();
    store.remove(Which::One(ended.key)).await.unwrap();
    drop(store);
    let (store, _) = open(&path);
    assert_eq!(store.find(alive.key).await.unwrap(), Some(alive));
    assert_eq!(store.find(ended.key).await.unwrap(), None);
}

#[tokio::test]
async fn an_end_in_another_process_is_notified() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("sessions.db");
    let (gateway, notifications) = open(&path);
    let session = record(1);
    gateway.insert(new(&session)).await.unwrap();
    let (command_line, _) = open(&path);
    assert_eq!(command_line.remove(Which::All).await.unwrap(), [session.key]);
    assert_eq!(
        notifications.recv_timeout(std::time::Duration::from_secs(30)),
        Ok(Invalidation::Ended(session.key))
    );
    assert_eq!(gateway.find(session.key).await.unwrap(), None);
}

#[tokio::test]
async fn a_database_that_cannot_be_written_fails_each_change_and_heals_by_itself() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("sessions.db");
    let (store, _) = open(&path);
    let session = record(1);
    store.insert(new(&session)).await.unwrap();
    // A trigger stands for a disk that refuses to write.
    refuse_to_write(&path, true);
    let error = store.insert(new(&record(2))).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("no space") && cause.contains("sessions.db"), "{cause}");
    assert!(store.remove(Which::One(session.key)).await.is_err());
    assert_eq!(store.find(session.key).await.unwrap(), Some(session.clone()), "reading goes on");
    refuse_to_write(&path, false);
    store.insert(new(&record(2))).await.unwrap();
    assert_eq!(store.remove(Which::One(session.key)).await.unwrap(), [session.key]);
}

#[tokio::test]
async fn a_refused_change_fails_its_whole_group() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("sessions.db");
    let (store, _) = open(&path);
    let twice = record(1);
    let (first, second) = tokio::join!(store.insert(new(&twice)), store.insert(new(&twice)));
    // Whether they met in one commit or not, no missing session was acknowledged.
    let is_stored = store.find(twice.key).await.unwrap().is_some();
    assert_eq!(first.is_ok(), is_stored);
    assert!(second.is_err());
}

#[tokio::test]
async fn no_token_is_in_the_file() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("sessions.db");
    let (store, _) = open(&path);
    let token = SessionToken::generate().unwrap();
    let findable =
        Record { key: token.key(), user_agent: "a browser that is easy to find".into(), ..record(1) };
    store.insert(new(&findable)).await.unwrap();
    let files = ["sessions.db", "sessions.db-wal"].map(|name| std::fs::read(temp.path().join(name)).unwrap());
    let bytes = files.concat();
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has(&findable.user_agent), "the session is elsewhere");
    assert!(!has(token.to_cookie().as_str()));
}

#[tokio::test]
async fn a_removed_session_store_is_created_again_and_acknowledged_sessions_are_in_it() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("sessions.db");
    let (store, notifications) = open(&path);
    let (before, after) = (record(1), record(2));
    store.insert(new(&before)).await.unwrap();
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(temp.path().join(format!("sessions.db{suffix}"))).unwrap();
    }
    store.insert(new(&after)).await.unwrap();
    while notifications.recv_timeout(std::time::Duration::from_secs(30)).unwrap() != Invalidation::Everything
    {
    }
    assert_eq!(store.find(before.key).await.unwrap(), None);
    drop(store);
    let (store, _) = open(&path);
    assert_eq!(store.find(after.key).await.unwrap(), Some(after));
}

#[tokio::test]
async fn a_use_that_could_not_be_written_is_written_later() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("sessions.db");
    let (store, _) = open(&path);
    let session = record(1);
    store.insert(new(&session)).await.unwrap();
    refuse_to_write(&path, true);
    let used = Timestamp::from_millis(600_000);
    store.note_use(session.key, used);
    assert!(store.insert(new(&record(2))).await.is_err());
    refuse_to_write(&path, false);
    let idle_since = Timestamp::from_millis(300_000);
    assert_eq!(store.prune(used, idle_since).await.unwrap(), 0, "what is in use was dropped as unused");
    drop(store);
    let (store, _) = open(&path);
    assert_eq!(store.find(session.key).await.unwrap().unwrap().last_seen, used);
}

#[tokio::test]
async fn many_sessions_are_pruned_in_steps_and_ended_at_once() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("sessions.db");
    let (store, _) = open(&path);
    let (other, notifications) = open(&path);
    for _ in 0..1500 {
        let expired = Record { expires: Timestamp::from_millis(1500), ..record(1) };
        store.insert(new(&expired)).await.unwrap();
    }
    let records: Vec<_> = (0..1200).map(|_| record(2)).collect();
    for record in &records {
        store.insert(new(record)).await.unwrap();
    }
    let (now, never) = (Timestamp::from_millis(2000), Timestamp::from_millis(0));
    assert_eq!(store.prune(now, never).await.unwrap(), 1500);
    assert_eq!(store.remove(Which::All).await.unwrap().len(), 1200);
    while notifications.recv_timeout(std::time::Duration::from_secs(30)).unwrap() != Invalidation::Everything
    {
    }
    assert_eq!(other.find(records[0].key).await.unwrap(), None);
    // Later ends are notified as before.
    let session = record(3);
    store.insert(new(&session)).await.unwrap();
    store.remove(Which::One(session.key)).await.unwrap();
    while notifications.recv_timeout(std::time::Duration::from_secs(30)).unwrap()
        != Invalidation::Ended(session.key)
    {}
}
