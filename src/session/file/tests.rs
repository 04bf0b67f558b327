//! What is particular to the file; the contract is tested over all stores together.

use std::{net::Ipv4Addr, sync::mpsc};

use super::*;
use crate::{
    clock::Clock,
    identity::CredentialVersion,
    session::{Invalidation, Invalidator, Owner, SessionData, SessionToken},
};

fn record(user: i64) -> Record {
    let at = Timestamp::from_millis(1000);
    Record {
        key: SessionToken::generate().unwrap().key(),
        owner: Owner::User { id: UserId(user), credential: CredentialVersion(1) },
        signed_in: at,
        confirmed: at,
        expires: Timestamp::from_millis(1_000_000),
        last_seen: at,
        remembered: false,
        client_addr: Ipv4Addr::LOCALHOST.into(),
        user_agent: "test".into(),
        data: SessionData::new(),
    }
}

fn open(path: &Path) -> (FileStore, mpsc::Receiver<Invalidation>) {
    let (told, tells) = mpsc::channel();
    let told = std::sync::Mutex::new(told);
    let invalidator = Invalidator(Arc::new(move |invalidation| {
        told.lock().unwrap().send(invalidation).ok();
    }));
    let clock = Clock::manual(Timestamp::from_millis(2000));
    (FileStore::open(path, StoreSurroundings { clock, invalidator }).unwrap(), tells)
}

fn new(record: &Record) -> NewSession {
    NewSession { record: record.clone(), replaces: None, max_per_user: None }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_the_file_is_opened_again() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("sessions.db");
    let (kept, ended) = (record(1), record(2));
    let (store, _) = open(&path);
    store.insert(new(&kept)).await.unwrap();
    store.insert(new(&ended)).await.unwrap();
    store.remove(Which::One(ended.key)).await.unwrap();
    drop(store);
    let (store, _) = open(&path);
    assert_eq!(store.find(kept.key).await.unwrap(), Some(kept));
    assert_eq!(store.find(ended.key).await.unwrap(), None);
}

#[tokio::test]
async fn what_another_process_ends_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("sessions.db");
    let (gateway, tells) = open(&path);
    let session = record(1);
    gateway.insert(new(&session)).await.unwrap();
    let (command_line, _) = open(&path);
    assert_eq!(command_line.remove(Which::All).await.unwrap(), [session.key]);
    assert_eq!(tells.recv_timeout(std::time::Duration::from_secs(30)), Ok(Invalidation::Ended(session.key)));
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
    let other = database::open(&path, &SCHEMA).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON session BEGIN SELECT raise(ABORT, 'no space'); END;
             CREATE TRIGGER kept BEFORE DELETE ON session BEGIN SELECT raise(ABORT, 'no space'); END;",
        )
        .unwrap();
    let error = store.insert(new(&record(2))).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("no space") && cause.contains("sessions.db"), "{cause}");
    assert!(store.remove(Which::One(session.key)).await.is_err());
    assert_eq!(store.find(session.key).await.unwrap(), Some(session.clone()), "reading goes on");
    other.execute_batch("DROP TRIGGER full; DROP TRIGGER kept").unwrap();
    store.insert(new(&record(2))).await.unwrap();
    assert_eq!(store.remove(Which::One(session.key)).await.unwrap(), [session.key]);
}

#[tokio::test]
async fn one_refused_change_takes_its_whole_group_with_it_and_everybody_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("sessions.db");
    let (store, _) = open(&path);
    let twice = record(1);
    let (first, second) = tokio::join!(store.insert(new(&twice)), store.insert(new(&twice)));
    // Whether they met in one commit or not, nobody was told of a session that is not there.
    let kept = store.find(twice.key).await.unwrap().is_some();
    assert_eq!(first.is_ok(), kept);
    assert!(second.is_err());
}

#[tokio::test]
async fn no_token_is_in_the_file() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("sessions.db");
    let (store, _) = open(&path);
    let token = SessionToken::generate().unwrap();
    store.insert(new(&Record { key: token.key(), ..record(1) })).await.unwrap();
    let secret = token.to_cookie();
    for name in ["sessions.db", "sessions.db-wal"] {
        let bytes = std::fs::read(temp.path().join(name)).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}
