//! One list of behaviours for every session store, run against the real thing: memory, a SQLite file, a `redis-server`
//! of its own.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, LocalBoxFuture, join_all};
use portcullis::{
    clock::{Clock, Timestamp},
    identity::{CredentialVersion, Proofs, UserId},
    session::{
        AppData, DataChange, DataRefused, FileStore, Inserted, InsertedBranch, Invalidation, Invalidator,
        ListedRecord, MAX_DATA_BYTES, MemoryStore, NewBranch, NewSession, OneTimeCode, OneTimeEntry,
        OneTimeKey, OneTimePurpose, Opening, Owner, Presented, Record, RedisSettings, RedisStore,
        SessionData, SessionKey, SessionLimits, SessionSource, SessionStore, SessionToken, Sessions,
        StoreError, StoreSurroundings, Trust, Which,
    },
    store::redis::{RedisAddress, RedisConfig},
};
use tempfile::TempDir;

use crate::support::{
    block_on,
    certificates::SelfSigned,
    redis::{RedisServer, free_port},
};

/// The medium of a store; stores opened over the same medium share its sessions.
struct Medium {
    kind: Kind,
    clock: Clock,
    folder: TempDir,
    redis: Option<RedisServer>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Memory,
    File,
    Redis,
}

type Store = Box<dyn SessionStore>;

impl Medium {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            clock: Clock::manual(at(0)),
            folder: tempfile::tempdir().expect("a temporary folder"),
            redis: (kind == Kind::Redis).then(RedisServer::start),
        }
    }

    fn open(&self) -> (Store, Receiver<Invalidation>) {
        let (sender, notices) = channel();
        let sender = Mutex::new(sender);
        let invalidator = Invalidator::new(move |invalidation| {
            sender.lock().expect("a channel").send(invalidation).ok();
        });
        (self.open_with(invalidator), notices)
    }

    fn open_with(&self, invalidator: Invalidator) -> Store {
        let surroundings = StoreSurroundings { clock: self.clock.clone(), invalidator };
        match self.kind {
            Kind::Memory => Box::new(MemoryStore::new(100_000)),
            Kind::File => {
                let path = self.folder.path().join("sessions.db");
                Box::new(FileStore::open(&path, surroundings).expect("a file"))
            }
            Kind::Redis => {
                let url = self.redis.as_ref().expect("a server").url();
                Box::new(RedisStore::open(&settings(&url), surroundings).expect("a connection"))
            }
        }
    }

    /// All that could be copied from it.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in std::fs::read_dir(self.folder.path()).expect("a folder") {
            bytes.extend(std::fs::read(entry.expect("a file").path()).expect("a file"));
        }
        bytes.extend(self.redis.as_ref().map(RedisServer::dump).unwrap_or_default());
        bytes
    }
}

fn settings(url: &str) -> RedisSettings {
    RedisSettings {
        server: RedisConfig {
            address: RedisAddress::parse(url).expect("an address"),
            ca: None,
            prefix: "portcullis".into(),
        },
        cache_ttl: Duration::from_secs(30),
        grace: Duration::from_mins(5),
    }
}

/// The surroundings of a store that nobody listens to.
fn alone() -> StoreSurroundings {
    StoreSurroundings { clock: Clock::manual(at(0)), invalidator: Invalidator::none() }
}

/// Each behaviour as a test of each store.
macro_rules! every_store {
    ($($behaviour:ident),* $(,)?) => {
        every_store!(in_memory Memory $($behaviour)*);
        every_store!(in_a_file File $($behaviour)*);
        every_store!(in_redis Redis $($behaviour)*);
    };
    ($name:ident $kind:ident $($behaviour:ident)*) => {
        mod $name {
            use super::{Kind, run};
            $(
                #[test]
                fn $behaviour() {
                    run(Kind::$kind, |medium| Box::pin(super::$behaviour(medium)));
                }
            )*
        }
    };
}

every_store!(
    an_inserted_session_is_found_whole,
    a_replaced_session_ends_in_the_same_step,
    an_ended_session_is_never_found_again,
    all_sessions_of_a_user_end_but_for_one,
    everybody_s_sessions_end,
    the_oldest_sessions_go_when_a_user_has_too_many,
    sessions_are_listed_in_pages_ordered_by_key,
    session_data_changes_whole_or_not_at_all,
    changes_of_session_data_at_the_same_time_lose_nothing,
    a_use_is_noted_and_never_goes_back,
    only_expired_and_idle_sessions_are_pruned,
    only_hashes_of_tokens_are_stored,
    a_branch_has_all_that_decides_from_its_parent,
    a_branch_without_a_sign_in_above_it_is_not_stored,
    a_sign_in_and_its_branches_end_together,
    a_confirmed_sign_in_adopts_the_branches_of_the_replaced_one,
    branches_end_with_a_sign_in_that_is_replaced,
    a_replaced_branch_ends_alone,
    branches_do_not_count_as_sign_ins_of_their_user,
    a_sign_in_is_listed_once_with_the_hosts_that_it_reached,
    a_branch_is_pruned_with_its_parent_alone,
    past_the_limit_the_oldest_branch_of_a_sign_in_ends,
    an_application_keeps_data_in_a_branch,
    a_one_time_entry_is_handed_out_once,
    a_one_time_entry_is_read_until_it_is_taken_or_expires,
    of_parallel_one_time_entries_with_one_key_one_is_stored,
    of_parallel_takes_one_gets_the_one_time_entry,
    an_expired_one_time_entry_is_handed_out_to_nobody,
    a_one_time_entry_of_another_purpose_is_not_handed_out,
    past_the_limit_the_one_time_entries_that_expire_first_go,
    only_hashes_of_one_time_codes_are_stored,
    invented_tokens_keep_no_session_out_of_the_cache,
    sessions_that_end_keep_few_others_out_of_the_cache,
);

fn run(kind: Kind, behaviour: impl FnOnce(Medium) -> LocalBoxFuture<'static, ()>) {
    block_on(behaviour(Medium::new(kind)));
}

async fn an_inserted_session_is_found_whole(medium: Medium) {
    let (store, _) = medium.open();
    let app = |pairs: &[(&str, &str)]| -> AppData {
        pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    };
    let data = [("wiki", app(&[("a", "ä\u{0}\"\\/"), ("", "")])), ("a:b", app(&[("1", "2")]))];
    let rich = Record {
        remembered: true,
        proofs: Proofs::password(at(5)),
        client_addr: IpAddr::V6(Ipv6Addr::LOCALHOST),
        source: Some(SessionSource { backend: "entra".into(), provider_session: Some("ä\" \\".into()) }),
        user_agent: "Mozilla/5.0 (ünï; \"x\")".into(),
        host: "[2001:db8::1]:8443".into(),
        data: data.into_iter().map(|(app, data)| (app.into(), data)).collect(),
        ..record(1)
    };
    let directory = SessionSource { backend: "company".into(), provider_session: None };
    let proved = Record { source: Some(directory), ..record(1) };
    let visitor = Record { owner: Owner::Visitor, ..record(0) };
    for session in [&rich, &proved, &visitor] {
        assert_eq!(store.insert(new(session)).await.unwrap(), Inserted::default());
        assert_eq!(store.find(session.key).await.unwrap().as_ref(), Some(session));
    }
    assert_eq!(store.find(record(1).key).await.unwrap(), None);
    store.check().await.unwrap();
}

async fn a_replaced_session_ends_in_the_same_step(medium: Medium) {
    let (store, _) = medium.open();
    let (old, next, third) = (record(1), record(2), record(2));
    store.insert(new(&old)).await.unwrap();
    let ended = store.insert(NewSession { replaces: Some(old.key), ..new(&next) }).await.unwrap();
    assert_eq!(ended.ended, [old.key]);
    assert_eq!(store.find(old.key).await.unwrap(), None);
    let ended = store.insert(NewSession { replaces: Some(old.key), ..new(&third) }).await.unwrap();
    assert_eq!(ended.ended, [], "it had ended already");
    assert_eq!(keys(&store, None).await, sorted([next.key, third.key]));
}

fn branch(parent: &Record, host: &str) -> NewBranch {
    NewBranch {
        key: SessionToken::generate().expect("randomness").key(),
        parent: parent.key,
        client_addr: Ipv4Addr::new(192, 0, 2, 1).into(),
        user_agent: "the browser at the app host".into(),
        host: host.into(),
        data: SessionData::new(),
        opened: at(10),
        replaces: None,
    }
}

/// A sign-in with a branch on each of these hosts.
async fn sign_in(store: &Store, user: i64, hosts: &[&str]) -> (Record, Vec<SessionKey>) {
    let parent = record(user);
    store.insert(new(&parent)).await.unwrap();
    let mut branches = Vec::new();
    for host in hosts {
        let branch = branch(&parent, host);
        branches.push(branch.key);
        assert_eq!(store.insert_branch(branch).await.unwrap().unwrap().ended, []);
    }
    (parent, branches)
}

async fn are_found(store: &Store, keys: &[SessionKey]) -> Vec<bool> {
    let found = join_all(keys.iter().map(|key| store.find(*key))).await;
    found.into_iter().map(|found| found.unwrap().is_some()).collect()
}

async fn a_branch_has_all_that_decides_from_its_parent(medium: Medium) {
    let (store, _) = medium.open();
    let source = SessionSource { backend: "entra".into(), provider_session: Some("a".into()) };
    let parent = Record { source: Some(source), remembered: true, signed_in: at(-5), ..record(1) };
    store.insert(new(&parent)).await.unwrap();
    let branch = branch(&parent, "wiki.example.com");
    let inserted = store.insert_branch(branch.clone()).await.unwrap().unwrap();
    let expected = Record {
        key: branch.key,
        parent: Some(parent.key),
        client_addr: branch.client_addr,
        user_agent: branch.user_agent.clone(),
        host: branch.host.clone(),
        ..parent.clone()
    };
    assert_eq!(inserted, InsertedBranch { record: expected.clone(), ended: Vec::new() });
    assert_eq!(store.find(branch.key).await.unwrap(), Some(expected.clone()));
    // A use of any branch is noted for the sign-in, and counts for all of them.
    store.note_use(parent.key, at(70));
    store.check().await.unwrap();
    let found = store.find(branch.key).await.unwrap();
    assert_eq!(found, Some(Record { last_seen: at(70), ..expected }));
}

async fn a_branch_without_a_sign_in_above_it_is_not_stored(medium: Medium) {
    let (store, _) = medium.open();
    let (parent, branches) = sign_in(&store, 1, &["a.example"]).await;
    let visitor = Record { owner: Owner::Visitor, ..record(0) };
    store.insert(new(&visitor)).await.unwrap();
    let under_a_branch = store.find(branches[0]).await.unwrap().unwrap();
    let replaced = store.find(branches[0]).await.unwrap();
    for parent in [&record(1), &visitor, &under_a_branch] {
        let branch = NewBranch { replaces: Some(branches[0]), ..branch(parent, "b.example") };
        assert_eq!(store.insert_branch(branch.clone()).await.unwrap(), None);
        assert_eq!(store.find(branch.key).await.unwrap(), None);
    }
    assert_eq!(store.find(branches[0]).await.unwrap(), replaced, "a refused branch replaces nothing");
    store.remove(Which::One(parent.key)).await.unwrap();
    assert_eq!(store.insert_branch(branch(&parent, "b.example")).await.unwrap(), None);
}

async fn a_sign_in_and_its_branches_end_together(medium: Medium) {
    let (store, _) = medium.open();
    // A second process beside it, if it can have the same sessions.
    let (other, heard) = medium.open();
    let (store, is_shared) = (&store, medium.kind != Kind::Memory);
    for by_branch in [false, true] {
        let (parent, branches) = sign_in(store, 1, &["a.example", "b.example"]).await;
        let (kept, _) = sign_in(store, 1, &["a.example"]).await;
        let family = sorted([parent.key, branches[0], branches[1]]);
        let which = Which::One(if by_branch { branches[1] } else { parent.key });
        assert_eq!(sorted(store.remove(which).await.unwrap()), family);
        assert_eq!(are_found(store, &family).await, [false; 3]);
        assert!(store.find(kept.key).await.unwrap().is_some());
        assert_eq!(store.remove(which).await.unwrap(), []);
        if is_shared {
            let mut ends = Vec::new();
            while ends.len() < 3 {
                match heard.recv_timeout(Duration::from_secs(30)).expect("a notification") {
                    Invalidation::Ended(key) if family.contains(&key) && !ends.contains(&key) => {
                        ends.push(key);
                    }
                    _ => {}
                }
            }
            assert_eq!(are_found(&other, &family).await, [false; 3]);
        }
    }
    let (kept, of_kept) = sign_in(store, 2, &["a.example"]).await;
    let (ended, of_ended) = sign_in(store, 2, &["a.example"]).await;
    let except = Some(of_kept[0]);
    let ends = store.remove(Which::OfUser { user: UserId(2), except }).await.unwrap();
    assert_eq!(sorted(ends), sorted([ended.key, of_ended[0]]), "a branch keeps its whole sign-in");
    let ends = store.remove(Which::OfUser { user: UserId(2), except: None }).await.unwrap();
    assert_eq!(sorted(ends), sorted([kept.key, of_kept[0]]));
    let (_, branches) = sign_in(store, 3, &["a.example"]).await;
    store.remove(Which::All).await.unwrap();
    assert_eq!(are_found(store, &branches).await, [false]);
}

async fn a_confirmed_sign_in_adopts_the_branches_of_the_replaced_one(medium: Medium) {
    let (store, _) = medium.open();
    let (_other, heard) = medium.open();
    let (old, branches) = sign_in(&store, 1, &["a.example", "b.example"]).await;
    let confirmed = Record { proofs: Proofs::password(at(30)), ..record(1) };
    let replaces = NewSession { replaces: Some(old.key), adopts: true, ..new(&confirmed) };
    let inserted = store.insert(replaces).await.unwrap();
    assert_eq!(inserted.ended, [old.key]);
    assert_eq!(sorted(inserted.adopted), sorted(branches.clone()));
    for key in &branches {
        let found = store.find(*key).await.unwrap().unwrap();
        assert_eq!((found.parent, found.proofs), (Some(confirmed.key), Proofs::password(at(30))));
    }
    assert_eq!(store.insert_branch(branch(&old, "c.example")).await.unwrap(), None);
    if medium.kind == Kind::Redis {
        let notified = || heard.recv_timeout(Duration::from_secs(30)).expect("a notification");
        while notified() != Invalidation::Changed(branches[0]) {}
    }
    let ended = store.remove(Which::One(branches[0])).await.unwrap();
    assert_eq!(sorted(ended), sorted([confirmed.key, branches[0], branches[1]]));
}

async fn branches_end_with_a_sign_in_that_is_replaced(medium: Medium) {
    let (store, _) = medium.open();
    let (old, branches) = sign_in(&store, 1, &["a.example", "b.example"]).await;
    let next = record(2);
    let inserted = store.insert(NewSession { replaces: Some(old.key), ..new(&next) }).await.unwrap();
    assert_eq!(sorted(inserted.ended), sorted([old.key, branches[0], branches[1]]));
    assert_eq!(inserted.adopted, []);
    assert_eq!(are_found(&store, &branches).await, [false; 2]);
}

async fn a_replaced_branch_ends_alone(medium: Medium) {
    let (store, _) = medium.open();
    let (parent, branches) = sign_in(&store, 1, &["a.example", "b.example"]).await;
    let next = NewBranch { replaces: Some(branches[0]), ..branch(&parent, "a.example") };
    assert_eq!(store.insert_branch(next.clone()).await.unwrap().unwrap().ended, [branches[0]]);
    let keys = [parent.key, next.key, branches[1], branches[0]];
    assert_eq!(are_found(&store, &keys).await, [true, true, true, false]);
}

async fn branches_do_not_count_as_sign_ins_of_their_user(medium: Medium) {
    let (store, _) = medium.open();
    let (first, of_first) = sign_in(&store, 1, &["a.example", "b.example", "c.example"]).await;
    let second = Record { signed_in: at(1), ..record(1) };
    let inserted = store.insert(NewSession { max_per_user: Some(2), ..new(&second) }).await.unwrap();
    assert_eq!(inserted.ended, []);
    let third = Record { signed_in: at(2), ..record(1) };
    let inserted = store.insert(NewSession { max_per_user: Some(2), ..new(&third) }).await.unwrap();
    assert_eq!(sorted(inserted.ended), sorted([&of_first[..], &[first.key]].concat()));
}

async fn a_sign_in_is_listed_once_with_the_hosts_that_it_reached(medium: Medium) {
    let (store, _) = medium.open();
    let (parent, _) = sign_in(&store, 1, &["b.example", "a.example", "b.example"]).await;
    for of in [None, Some(UserId(1))] {
        let hosts = vec!["a.example".into(), "b.example".into()];
        let listed = ListedRecord { record: parent.clone(), branch_hosts: hosts };
        assert_eq!(store.list(of, None, 10).await.unwrap(), [listed]);
    }
}

async fn a_branch_is_pruned_with_its_parent_alone(medium: Medium) {
    let (store, _) = medium.open();
    let (used, of_used) = sign_in(&store, 1, &["a.example"]).await;
    let (idle, of_idle) = sign_in(&store, 2, &["a.example", "b.example"]).await;
    store.note_use(used.key, at(500));
    assert_eq!(store.prune(at(500), at(400)).await.unwrap(), 3);
    assert_eq!(are_found(&store, &[used.key, of_used[0]]).await, [true; 2]);
    assert_eq!(are_found(&store, &[idle.key, of_idle[0], of_idle[1]]).await, [false; 3]);
    store.prune(at(3600), at(-1)).await.unwrap();
    assert_eq!(are_found(&store, &[used.key, of_used[0]]).await, [false; 2]);
}

async fn past_the_limit_the_oldest_branch_of_a_sign_in_ends(medium: Medium) {
    let (store, _) = medium.open();
    let (parent, _) = sign_in(&store, 1, &[]).await;
    let mut branches = Vec::new();
    for number in 0..258 {
        let branch = NewBranch { opened: at(number), ..branch(&parent, "a.example") };
        branches.push(branch.key);
        store.insert_branch(branch).await.unwrap().unwrap();
    }
    let found = are_found(&store, &branches).await;
    assert_eq!(found.iter().position(|found| *found), Some(2));
    assert_eq!(found.iter().filter(|found| **found).count(), 256);
}

async fn an_application_keeps_data_in_a_branch(medium: Medium) {
    let (store, _) = medium.open();
    let (parent, branches) = sign_in(&store, 1, &["a.example"]).await;
    let changed = store.change_data(branches[0], "wiki".into(), change(&[("a", "b")], &[])).await.unwrap();
    assert_eq!(changed.unwrap().unwrap().encode(), "a=b");
    assert_eq!(store.find(branches[0]).await.unwrap().unwrap().data["wiki"].encode(), "a=b");
    assert!(store.find(parent.key).await.unwrap().unwrap().data.is_empty());
}

fn entry(code: &OneTimeCode, value: &str, expires: i64) -> OneTimeEntry {
    OneTimeEntry::new(code.key(), OneTimePurpose::HandOver, value, at(expires)).expect("a small value")
}

async fn a_one_time_entry_is_handed_out_once(medium: Medium) {
    let (store, _) = medium.open();
    let (code, unknown) = (OneTimeCode::generate().unwrap(), OneTimeCode::generate().unwrap());
    let take = |code: &OneTimeCode| store.take_one_time(code.key(), OneTimePurpose::HandOver, at(1));
    store.put_one_time(entry(&code, "1 ä\n{\"}", 60)).await.unwrap();
    assert_eq!(take(&unknown).await.unwrap(), None);
    assert_eq!(take(&code).await.unwrap().as_deref(), Some("1 ä\n{\"}"));
    assert_eq!(take(&code).await.unwrap(), None);
}

async fn a_one_time_entry_is_read_until_it_is_taken_or_expires(medium: Medium) {
    let (store, _) = medium.open();
    let code = OneTimeCode::generate().unwrap();
    store.put_one_time(entry(&code, "1 ä\n{\"}", 60)).await.unwrap();
    let read = |purpose, now| store.read_one_time(code.key(), purpose, at(now));
    for _ in 0..2 {
        let value = read(OneTimePurpose::HandOver, 59).await.unwrap();
        assert_eq!(value.as_deref(), Some("1 ä\n{\"}"));
    }
    assert_eq!(read(OneTimePurpose::HandOver, 60).await.unwrap(), None, "expired");
    assert_eq!(read(OneTimePurpose::PendingSignIn, 1).await.unwrap(), None, "another purpose");
    store.take_one_time(code.key(), OneTimePurpose::HandOver, at(1)).await.unwrap().unwrap();
    assert_eq!(read(OneTimePurpose::HandOver, 1).await.unwrap(), None, "taken");
}

async fn of_parallel_one_time_entries_with_one_key_one_is_stored(medium: Medium) {
    let (one, _) = medium.open();
    let (other, _) = medium.open();
    let stores = if medium.kind == Kind::Memory { [&one, &one] } else { [&one, &other] };
    let key = OneTimeKey::of_text("a token that is good for one use");
    let values: Vec<String> = (0..32).map(|n| n.to_string()).collect();
    let puts = stores.into_iter().cycle().zip(&values).map(|(store, value)| {
        let entry = OneTimeEntry::new(key, OneTimePurpose::LogoutToken, value.as_str(), at(60));
        store.put_one_time(entry.expect("a small value"))
    });
    let was_put: Vec<bool> = join_all(puts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(was_put.iter().filter(|it| **it).count(), 1, "{was_put:?}");
    let first = was_put.iter().position(|it| *it).map(|at| at.to_string());
    let value = one.take_one_time(key, OneTimePurpose::LogoutToken, at(1)).await.unwrap();
    assert_eq!(value.as_deref(), first.as_deref());
}

async fn of_parallel_takes_one_gets_the_one_time_entry(medium: Medium) {
    let (one, _) = medium.open();
    // A second gateway, if it can have the same entries.
    let (other, _) = medium.open();
    let stores = if medium.kind == Kind::Memory { [&one, &one] } else { [&one, &other] };
    for _ in 0..20 {
        let code = OneTimeCode::generate().unwrap();
        one.put_one_time(entry(&code, "value", 60)).await.unwrap();
        let takes = stores.into_iter().cycle().take(32);
        let takes = takes.map(|store| store.take_one_time(code.key(), OneTimePurpose::HandOver, at(1)));
        let winners = join_all(takes).await.into_iter().filter(|value| value.as_ref().unwrap().is_some());
        assert_eq!(winners.count(), 1);
    }
}

async fn an_expired_one_time_entry_is_handed_out_to_nobody(medium: Medium) {
    let (store, _) = medium.open();
    for (now, is_handed_out) in [(59, true), (60, false), (61, false)] {
        let code = OneTimeCode::generate().unwrap();
        store.put_one_time(entry(&code, "value", 60)).await.unwrap();
        let taken = store.take_one_time(code.key(), OneTimePurpose::HandOver, at(now)).await.unwrap();
        assert_eq!(taken.is_some(), is_handed_out, "after {now} s");
    }
    // Redis removes expired entries by itself.
    if medium.kind != Kind::Redis {
        let code = OneTimeCode::generate().unwrap();
        store.put_one_time(entry(&code, "value", 60)).await.unwrap();
        store.prune(at(60), at(-1000)).await.unwrap();
        assert_eq!(store.take_one_time(code.key(), OneTimePurpose::HandOver, at(1)).await.unwrap(), None);
    }
}

async fn a_one_time_entry_of_another_purpose_is_not_handed_out(medium: Medium) {
    let (store, _) = medium.open();
    let code = OneTimeCode::generate().unwrap();
    store.put_one_time(entry(&code, "value", 60)).await.unwrap();
    let take = |purpose| store.take_one_time(code.key(), purpose, at(1));
    assert_eq!(take(OneTimePurpose::ProviderAttempt).await.unwrap(), None);
    assert!(take(OneTimePurpose::HandOver).await.unwrap().is_some(), "a wrong purpose uses nothing up");
}

async fn past_the_limit_the_one_time_entries_that_expire_first_go(medium: Medium) {
    let (store, _) = medium.open();
    let codes: Vec<_> =
        (0..OneTimePurpose::HandOver.max_entries() + 2).map(|_| OneTimeCode::generate().unwrap()).collect();
    for (codes, start) in codes.chunks(1000).zip(0..) {
        let puts = codes.iter().map(|code| store.put_one_time(entry(code, "value", 100 + start)));
        for put in join_all(puts).await {
            put.unwrap();
        }
    }
    for (index, codes) in codes.chunks(1000).enumerate() {
        let takes = codes.iter().map(|code| store.take_one_time(code.key(), OneTimePurpose::HandOver, at(1)));
        let left =
            join_all(takes).await.into_iter().filter(|taken| taken.as_ref().unwrap().is_some()).count();
        assert_eq!(codes.len() - left, if index == 0 { 2 } else { 0 });
    }
}

async fn only_hashes_of_one_time_codes_are_stored(medium: Medium) {
    let (store, _) = medium.open();
    let code = OneTimeCode::generate().unwrap();
    store.put_one_time(entry(&code, "a value that is easy to find", 60)).await.unwrap();
    if medium.kind != Kind::Memory {
        let bytes = medium.bytes();
        let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(has("a value that is easy to find"), "the entry is elsewhere");
        assert!(!has(&code.to_text()));
    }
}

async fn an_ended_session_is_never_found_again(medium: Medium) {
    let (store, _) = medium.open();
    let (mine, other) = (record(1), record(1));
    store.insert(new(&mine)).await.unwrap();
    store.insert(new(&other)).await.unwrap();
    assert_eq!(store.remove(Which::One(mine.key)).await.unwrap(), [mine.key]);
    assert_eq!(store.remove(Which::One(mine.key)).await.unwrap(), []);
    store.note_use(mine.key, at(9));
    let change = store.change_data(mine.key, "wiki".into(), change(&[("a", "b")], &[])).await.unwrap();
    assert_eq!(change, None);
    assert_eq!(store.find(mine.key).await.unwrap(), None);
    assert_eq!(keys(&store, Some(UserId(1))).await, [other.key]);
}

async fn all_sessions_of_a_user_end_but_for_one(medium: Medium) {
    let (store, _) = medium.open();
    let mine = insert_many(&store, 1, 600).await;
    let other = insert_many(&store, 2, 2).await;
    let kept = mine[300];
    let ended = store.remove(Which::OfUser { user: UserId(1), except: Some(kept) }).await.unwrap();
    assert_eq!(sorted(ended), sorted(mine.iter().copied().filter(|key| *key != kept)));
    assert_eq!(keys(&store, Some(UserId(1))).await, [kept]);
    assert_eq!(keys(&store, None).await, sorted(other.into_iter().chain([kept])));
    assert_eq!(store.remove(Which::OfUser { user: UserId(1), except: None }).await.unwrap(), [kept]);
    assert_eq!(store.remove(Which::OfUser { user: UserId(1), except: None }).await.unwrap(), []);
}

async fn everybody_s_sessions_end(medium: Medium) {
    let (store, _) = medium.open();
    let mut all = insert_many(&store, 1, 300).await;
    all.extend(insert_many(&store, 2, 3).await);
    let visitor = Record { owner: Owner::Visitor, ..record(0) };
    store.insert(new(&visitor)).await.unwrap();
    all.push(visitor.key);
    assert_eq!(sorted(store.remove(Which::All).await.unwrap()), sorted(all));
    assert_eq!(keys(&store, None).await, []);
    assert_eq!(keys(&store, Some(UserId(1))).await, []);
}

async fn the_oldest_sessions_go_when_a_user_has_too_many(medium: Medium) {
    let (store, _) = medium.open();
    let by_age: Vec<Record> =
        [3, 1, 2, 4].map(|second| Record { signed_in: at(second), ..record(1) }).into_iter().collect();
    for session in &by_age {
        store.insert(new(session)).await.unwrap();
    }
    let other = record(2);
    store.insert(new(&other)).await.unwrap();
    let newest = Record { signed_in: at(5), ..record(1) };
    let ended = store.insert(NewSession { max_per_user: Some(3), ..new(&newest) }).await.unwrap();
    assert_eq!(ended.ended, [by_age[1].key, by_age[2].key]);
    assert_eq!(keys(&store, Some(UserId(1))).await, sorted([by_age[0].key, by_age[3].key, newest.key]));
    let last = Record { signed_in: at(6), ..record(1) };
    let replaces = NewSession { max_per_user: Some(3), replaces: Some(newest.key), ..new(&last) };
    assert_eq!(
        store.insert(replaces).await.unwrap().ended,
        [newest.key],
        "the one that is replaced makes room"
    );
    assert_eq!(keys(&store, Some(UserId(2))).await, [other.key]);
}

async fn sessions_are_listed_in_pages_ordered_by_key(medium: Medium) {
    let (store, _) = medium.open();
    let mine = sorted(insert_many(&store, 1, 301).await);
    let all = sorted(mine.iter().copied().chain(insert_many(&store, 2, 10).await));
    for (of, whole) in [(Some(UserId(1)), &mine), (None, &all)] {
        for most in [1000, 300, 7] {
            let mut seen: Vec<SessionKey> = Vec::new();
            loop {
                let page = store.list(of, seen.last().copied(), most).await.unwrap();
                let (length, finished) = (page.len(), page.len() < most);
                seen.extend(page.into_iter().map(|listed| listed.record.key));
                assert!(length <= most);
                if finished {
                    break;
                }
            }
            assert_eq!(&seen, whole, "pages of {most}");
        }
    }
    assert_eq!(store.list(Some(UserId(3)), None, 10).await.unwrap(), []);
}

async fn session_data_changes_whole_or_not_at_all(medium: Medium) {
    let (store, _) = medium.open();
    let session = record(1);
    store.insert(new(&session)).await.unwrap();
    let apply = |app: &str, change| store.change_data(session.key, app.into(), change);
    let changed = apply("wiki", change(&[("a", "1"), ("b", "x y&ä/"), ("a", "2")], &[])).await.unwrap();
    assert_eq!(changed.unwrap().unwrap().encode(), "a=2&b=x+y%26%C3%A4%2F");
    let changed = apply("shop", change(&[("a", "9"), ("1", "\u{0}")], &["a"])).await.unwrap();
    assert_eq!(changed.unwrap().unwrap().encode(), "1=%00&a=9");
    let large = "x".repeat(MAX_DATA_BYTES);
    assert!(apply("wiki", change(&[("c", "3"), ("d", &large)], &["a"])).await.unwrap().unwrap().is_err());
    let changed = apply("wiki", change(&[("b", "y")], &["a", "none"])).await.unwrap();
    assert_eq!(changed.unwrap().unwrap().encode(), "b=y", "what was too large had changed nothing");
    let found = store.find(session.key).await.unwrap().unwrap();
    assert_eq!(found.data["wiki"].encode(), "b=y");
    assert_eq!(found.data["shop"].encode(), "1=%00&a=9");
    assert!(apply("shop", change(&[], &["1", "a"])).await.unwrap().unwrap().unwrap().is_empty());
    let found = store.find(session.key).await.unwrap().unwrap();
    assert!(found.data.get("shop").is_none_or(AppData::is_empty));
}

async fn changes_of_session_data_at_the_same_time_lose_nothing(medium: Medium) {
    let opened: Vec<Store> =
        (0..if medium.kind == Kind::Redis { 2 } else { 1 }).map(|_| medium.open().0).collect();
    let session = record(1);
    opened[0].insert(new(&session)).await.unwrap();
    let names: Vec<String> = (0..40).map(|number| format!("k{number:02}")).collect();
    let changes = names.iter().enumerate().map(|(turn, name)| {
        let store = &opened[turn % opened.len()];
        store.change_data(session.key, "wiki".into(), change(&[(name, "1")], &[]))
    });
    for changed in join_all(changes).await {
        changed.unwrap().unwrap().unwrap();
    }
    let found = opened[0].find(session.key).await.unwrap().unwrap();
    let kept: Vec<&str> = found.data["wiki"].pairs().map(|(name, _)| name).collect();
    assert_eq!(kept, names);
}

async fn a_use_is_noted_and_never_goes_back(medium: Medium) {
    let (store, _) = medium.open();
    let session = record(1);
    store.insert(new(&session)).await.unwrap();
    store.note_use(session.key, at(70));
    eventually("the use is noted", async || last_seen(&store, session.key).await == at(70)).await;
    store.note_use(session.key, at(20));
    store.note_use(session.key, at(71));
    eventually("the later use is noted", async || last_seen(&store, session.key).await == at(71)).await;
    store.note_use(session.key, at(30));
    store.check().await.unwrap();
    assert_eq!(last_seen(&store, session.key).await, at(71));
}

async fn only_expired_and_idle_sessions_are_pruned(medium: Medium) {
    let (store, _) = medium.open();
    let fresh = record(1);
    let idle = Record { last_seen: at(-200), ..record(1) };
    let remembered = Record { remembered: true, ..Record { key: record(1).key, ..idle.clone() } };
    let used = Record { key: record(1).key, ..idle.clone() };
    let expired = Record { expires: at(0), ..record(1) };
    let visitor = Record { owner: Owner::Visitor, ..Record { key: record(1).key, ..idle.clone() } };
    for session in [&fresh, &idle, &remembered, &used, &expired, &visitor] {
        store.insert(new(session)).await.unwrap();
    }
    store.note_use(used.key, at(-10));
    eventually("the use is noted", async || last_seen(&store, used.key).await == at(-10)).await;
    assert_eq!(store.prune(at(0), at(-100)).await.unwrap(), 3);
    assert_eq!(keys(&store, None).await, sorted([fresh.key, remembered.key, used.key]));
    assert_eq!(keys(&store, Some(UserId(1))).await, sorted([fresh.key, remembered.key, used.key]));
    assert_eq!(store.prune(at(0), at(-100)).await.unwrap(), 0);
}

async fn only_hashes_of_tokens_are_stored(medium: Medium) {
    let (store, _) = medium.open();
    let token = SessionToken::generate().unwrap();
    let session = Record { key: token.key(), ..record(1) };
    store.insert(new(&session)).await.unwrap();
    let bytes = medium.bytes();
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let agent = session.user_agent.as_bytes();
    assert!(medium.kind == Kind::Memory || has(agent), "we look at the right bytes");
    assert!(!has(token.to_cookie().as_bytes()));
    assert!(!format!("{store:?}").contains(token.to_cookie().as_str()));
}

/// A store under a flood: whenever the watched session is read, strangers have just come with this.
struct Flooded {
    store: Store,
    sessions: Arc<OnceLock<Weak<Sessions>>>,
    watched: Arc<OnceLock<SessionKey>>,
    reads: Arc<AtomicU64>,
    flood: Flood,
}

#[derive(Clone, Copy)]
enum Flood {
    InventedTokens,
    SessionsThatEnd,
}

impl std::fmt::Debug for Flooded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.store.fmt(f)
    }
}

impl Flooded {
    /// On a thread and a runtime of their own, as on another worker.
    fn strangers_come(&self) {
        let come = || block_on(self.let_strangers_come());
        std::thread::scope(|scope| scope.spawn(come).join().expect("strangers that come and go"));
    }

    async fn let_strangers_come(&self) {
        let sessions = self.sessions.get().and_then(Weak::upgrade).expect("the sessions over this store");
        for user in 100..110 {
            match self.flood {
                Flood::InventedTokens => {
                    let invented = SessionToken::generate().expect("randomness");
                    let presented = sessions.present(Some(&invented), at(0), &LIMITS).await;
                    assert!(matches!(presented, Ok(Presented::Invalid)));
                }
                Flood::SessionsThatEnd => {
                    let (_, session) = sessions.open(opening(user), at(0), &LIMITS).await.expect("a session");
                    sessions.end(&session).await.expect("an end");
                }
            }
        }
    }
}

impl SessionStore for Flooded {
    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        Box::pin(async move {
            let found = self.store.find(key).await;
            if self.watched.get() == Some(&key) {
                self.reads.fetch_add(1, Ordering::Relaxed);
                self.strangers_come();
            }
            found
        })
    }

    fn insert(&self, new: NewSession) -> BoxFuture<'_, Result<Inserted, StoreError>> {
        self.store.insert(new)
    }

    fn insert_branch(&self, new: NewBranch) -> BoxFuture<'_, Result<Option<InsertedBranch>, StoreError>> {
        self.store.insert_branch(new)
    }

    fn remove(&self, which: Which) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        self.store.remove(which)
    }

    fn list(
        &self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> BoxFuture<'_, Result<Vec<ListedRecord>, StoreError>> {
        self.store.list(of, after, most)
    }

    fn change_data(
        &self,
        key: SessionKey,
        app: Arc<str>,
        change: DataChange,
    ) -> BoxFuture<'_, Result<Option<Result<AppData, DataRefused>>, StoreError>> {
        self.store.change_data(key, app, change)
    }

    fn put_one_time(&self, entry: OneTimeEntry) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.store.put_one_time(entry)
    }

    fn take_one_time(
        &self,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Box<str>>, StoreError>> {
        self.store.take_one_time(key, purpose, now)
    }

    fn read_one_time(
        &self,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Box<str>>, StoreError>> {
        self.store.read_one_time(key, purpose, now)
    }

    fn note_use(&self, key: SessionKey, used_at: Timestamp) {
        self.store.note_use(key, used_at);
    }

    fn prune(&self, now: Timestamp, idle_since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.store.prune(now, idle_since)
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.check()
    }

    fn trust(&self) -> Trust {
        self.store.trust()
    }
}

/// How often each of many sessions is read from the store before it is in the cache again, in ten requests.
async fn reads_under(medium: &Medium, flood: Flood) -> Vec<u64> {
    let mut all = Vec::new();
    for user in 0..20 {
        let (watched, reads) = (Arc::<OnceLock<SessionKey>>::default(), Arc::<AtomicU64>::default());
        let (own, mut invalidator) = (Arc::<OnceLock<Weak<Sessions>>>::default(), None);
        let sessions = Sessions::start(1000, |cache| {
            invalidator = Some(cache.clone());
            let (sessions, watched, reads) = (Arc::clone(&own), Arc::clone(&watched), Arc::clone(&reads));
            let store = Flooded { store: medium.open_with(cache), sessions, watched, reads, flood };
            Ok::<_, StoreError>(Box::new(store) as Store)
        });
        let sessions = Arc::new(sessions.expect("a store"));
        own.set(Arc::downgrade(&sessions)).expect("set once");
        let (token, session) = sessions.open(opening(user), at(0), &LIMITS).await.expect("a session");
        watched.set(session.key).expect("set once");
        // As after a restart, or once a session's time in the cache is over.
        invalidator.expect("a cache").notify(Invalidation::Everything);
        for _ in 0..10 {
            let presented = sessions.present(Some(&token), at(0), &LIMITS).await;
            assert!(matches!(presented, Ok(Presented::Alive(_))));
        }
        all.push(reads.load(Ordering::Relaxed));
    }
    all
}

async fn invented_tokens_keep_no_session_out_of_the_cache(medium: Medium) {
    assert_eq!(reads_under(&medium, Flood::InventedTokens).await, [1; 20]);
}

async fn sessions_that_end_keep_few_others_out_of_the_cache(medium: Medium) {
    let reads = reads_under(&medium, Flood::SessionsThatEnd).await;
    // Ten sessions end during each read; one in 256 has the first byte of the watched one's key.
    assert!(reads.iter().sum::<u64>() < 60, "{reads:?}: without a flood it is 20, without a cache 200");
}

const LIMITS: SessionLimits = SessionLimits {
    lifetime: Duration::from_hours(1),
    idle_timeout: Duration::from_hours(1),
    remember_lifetime: None,
    browser_session: false,
    max_per_user: None,
};

fn opening(user: i64) -> Opening<'static> {
    Opening {
        owner: Owner::User { id: UserId(user), credential: CredentialVersion(1) },
        proofs: Proofs::password(at(0)),
        source: None,
        client_addr: Ipv4Addr::LOCALHOST.into(),
        user_agent: "test",
        host: "localhost",
        remember: false,
        replaces: None,
        confirms: false,
    }
}

#[test]
fn a_store_notifies_others_of_ended_sessions() {
    for kind in [Kind::File, Kind::Redis] {
        run(kind, |medium| {
            Box::pin(async move {
                let ((here, _), (there, notices)) = (medium.open(), medium.open());
                let (session, replaced, evicted) = (record(1), record(2), record(3));
                for session in [&session, &replaced, &evicted] {
                    here.insert(new(session)).await.unwrap();
                }
                assert!(there.find(session.key).await.unwrap().is_some());
                here.remove(Which::One(session.key)).await.unwrap();
                is_notified(&notices, Invalidation::Ended(session.key));
                assert_eq!(there.find(session.key).await.unwrap(), None);
                here.insert(NewSession { replaces: Some(replaced.key), ..new(&record(2)) }).await.unwrap();
                is_notified(&notices, Invalidation::Ended(replaced.key));
                here.insert(NewSession { max_per_user: Some(1), ..new(&record(3)) }).await.unwrap();
                is_notified(&notices, Invalidation::Ended(evicted.key));
            })
        });
    }
}

#[test]
fn a_store_notifies_others_of_changed_session_data() {
    run(Kind::Redis, |medium| {
        Box::pin(async move {
            let ((here, _), (_there, notices)) = (medium.open(), medium.open());
            let session = record(1);
            here.insert(new(&session)).await.unwrap();
            here.change_data(session.key, "wiki".into(), change(&[("a", "1")], &[])).await.unwrap();
            is_notified(&notices, Invalidation::Changed(session.key));
        })
    });
}

#[test]
fn a_store_without_its_redis_fails_and_reconnects() {
    run(Kind::Redis, |mut medium| {
        Box::pin(async move {
            let (store, notices) = medium.open();
            let session = record(1);
            store.insert(new(&session)).await.unwrap();
            medium.redis.as_mut().unwrap().kill();
            assert!(store.check().await.is_err());
            assert!(store.find(session.key).await.is_err(), "not to be taken for an absence");
            assert!(store.insert(new(&record(1))).await.is_err());
            assert!(store.remove(Which::All).await.is_err());
            while notices.try_recv().is_ok() {}
            medium.redis.as_mut().unwrap().start_again();
            eventually("it is back", async || store.check().await.is_ok()).await;
            is_notified(&notices, Invalidation::Everything);
            assert_eq!(store.find(session.key).await.unwrap(), None, "it came back empty");
            store.insert(new(&session)).await.unwrap();
        })
    });
}

#[test]
fn the_longest_unused_visitors_go_when_there_are_too_many() {
    run(Kind::Redis, |medium| {
        Box::pin(async move {
            let (store, _) = medium.open();
            let visitor = |second| Record { owner: Owner::Visitor, last_seen: at(second), ..record(0) };
            let visitors: Vec<Record> = [1, 2, 3].map(visitor).into_iter().collect();
            for visitor in &visitors {
                store.insert(new(visitor)).await.unwrap();
            }
            let person = Record { last_seen: at(0), ..record(1) };
            store.insert(new(&person)).await.unwrap();
            store.note_use(visitors[0].key, at(9));
            eventually("the use is noted", async || last_seen(&store, visitors[0].key).await == at(9)).await;
            let ended =
                store.insert(NewSession { max_per_user: Some(2), ..new(&visitor(4)) }).await.unwrap().ended;
            assert_eq!(ended, [visitors[1].key, visitors[2].key]);
            assert!(store.find(person.key).await.unwrap().is_some());
        })
    });
}

#[test]
fn tls_is_spoken_with_a_server_of_the_named_authority_only() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = SelfSigned::make(folder.path(), &["localhost"]);
    let port = free_port();
    let (cert, key) = (made.cert.display().to_string(), made.key.display().to_string());
    let _server = RedisServer::start_with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "no",
    ]);
    run(Kind::Memory, |_| {
        Box::pin(async move {
            let open = |host: &str, ca: Option<&str>| {
                let surroundings = alone();
                let mut settings = settings(&format!("rediss://{host}:{port}"));
                settings.server.ca = ca.map(Into::into);
                RedisStore::open(&settings, surroundings)
            };
            let store = open("localhost", Some(&cert)).expect("the right authority");
            let session = record(1);
            store.insert(new(&session)).await.unwrap();
            assert_eq!(store.find(session.key).await.unwrap(), Some(session));
            let unknown = open("localhost", None).expect_err("nobody knows this authority").to_string();
            assert!(unknown.contains("session.store_ca"), "{unknown}");
            open("127.0.0.1", Some(&cert)).expect_err("the certificate is for another name");
        })
    });
}

#[test]
fn a_session_of_another_version_is_a_failure_and_can_be_ended() {
    run(Kind::Redis, |medium| {
        Box::pin(async move {
            let (store, _) = medium.open();
            let session = record(1);
            store.insert(new(&session)).await.unwrap();
            let mut connection = medium.redis.as_ref().unwrap().connection();
            let key = format!("{{portcullis}}:s:{}", session.key.to_hex());
            redis::cmd("HSET").arg(key).arg("v").arg("3").exec(&mut connection).unwrap();
            let error = store.find(session.key).await.unwrap_err();
            assert!(error.source.to_string().contains("another version"), "{}", error.source);
            assert!(store.list(None, None, 10).await.is_err());
            assert!(store.change_data(session.key, "a".into(), change(&[("a", "1")], &[])).await.is_err());
            assert_eq!(store.remove(Which::One(session.key)).await.unwrap(), [session.key]);
            assert_eq!(store.find(session.key).await.unwrap(), None);
        })
    });
}

#[test]
fn redis_expires_sessions_that_no_gateway_prunes() {
    run(Kind::Redis, |medium| {
        Box::pin(async move {
            let (store, _) = medium.open();
            store.insert(new(&record(1))).await.unwrap();
            store.insert(new(&Record { owner: Owner::Visitor, ..record(1) })).await.unwrap();
            let mut connection = medium.redis.as_ref().unwrap().connection();
            let names: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
            assert!(names.len() >= 7, "{names:?}");
            for name in names.iter().filter(|name| !name.ends_with(":seq")) {
                assert!(name.starts_with("{portcullis}:"), "{name}");
                let ttl: i64 = redis::cmd("TTL").arg(name).query(&mut connection).unwrap();
                assert!((0..=5000).contains(&ttl), "{name}: {ttl}");
            }
        })
    });
}

#[test]
fn an_error_names_an_unusable_redis_without_its_password() {
    let server = RedisServer::start_with(&["--requirepass", "s3cret"]);
    let cluster = RedisServer::start_with(&["--cluster-enabled", "yes"]);
    let plain = RedisServer::start();
    let (here, nobody) = (server.port(), free_port());
    for (url, named, advice) in [
        (format!("redis://:wrong1@127.0.0.1:{here}"), here, "user and password"),
        (format!("redis://gate:wrong1@127.0.0.1:{here}"), here, "user and password"),
        (format!("redis://127.0.0.1:{here}"), here, "user and password"),
        (format!("redis://:wrong1@127.0.0.1:{nobody}/2"), nobody, "start Redis"),
        (format!("redis://127.0.0.1:{}", cluster.port()), cluster.port(), "redis+cluster://"),
        (format!("redis+cluster://127.0.0.1:{}", plain.port()), plain.port(), "redis://host:port"),
        (format!("redis+sentinel://127.0.0.1:{}/mine", plain.port()), plain.port(), "start Redis"),
        (format!("rediss://127.0.0.1:{}", plain.port()), plain.port(), ""),
    ] {
        let surroundings = alone();
        let error = RedisStore::open(&settings(&url), surroundings).expect_err(&url).to_string();
        assert!(error.contains(&format!("127.0.0.1:{named}")) && error.contains(advice), "{url}: {error}");
        assert!(!error.contains("wrong1"), "{error}");
    }
    let surroundings = alone();
    let url = format!("redis://:s3cret@127.0.0.1:{here}");
    let store = RedisStore::open(&settings(&url), surroundings).expect("the right password");
    assert!(!format!("{store:?}").contains("s3cret"));
}

#[test]
fn the_cluster_node_that_holds_the_slot_is_found() {
    let nodes = [0, 1].map(|_| RedisServer::start_with(&["--cluster-enabled", "yes"]));
    let ranges = [("0", "8191"), ("8192", "16383")];
    for (node, (first, last)) in nodes.iter().zip(ranges) {
        let mut connection = node.connection();
        redis::cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(first).arg(last).exec(&mut connection).unwrap();
    }
    let mut connection = nodes[0].connection();
    redis::cmd("CLUSTER").arg("MEET").arg("127.0.0.1").arg(nodes[1].port()).exec(&mut connection).unwrap();
    for node in &nodes {
        crate::support::process::until("the cluster is whole", || {
            let state: String = redis::cmd("CLUSTER").arg("INFO").query(&mut node.connection()).unwrap();
            state.contains("cluster_state:ok") && state.contains("cluster_known_nodes:2")
        });
    }
    let url =
        |node: &RedisServer| format!("redis+cluster://127.0.0.1:{},127.0.0.1:{}", free_port(), node.port());
    run(Kind::Memory, |_| {
        Box::pin(async move {
            let open = |url: &str| {
                let (sender, notices) = channel();
                let sender = Mutex::new(sender);
                let invalidator = Invalidator::new(move |word| {
                    sender.lock().expect("a channel").send(word).ok();
                });
                let surroundings = StoreSurroundings { clock: Clock::manual(at(0)), invalidator };
                (RedisStore::open(&settings(url), surroundings).expect("a cluster"), notices)
            };
            let ((here, _), (there, notices)) = (open(&url(&nodes[0])), open(&url(&nodes[1])));
            let session = record(1);
            here.insert(new(&session)).await.unwrap();
            assert_eq!(there.find(session.key).await.unwrap(), Some(session.clone()));
            here.remove(Which::OfUser { user: UserId(1), except: None }).await.unwrap();
            is_notified(&notices, Invalidation::Ended(session.key));
        })
    });
}

#[test]
fn a_store_follows_sentinels_to_a_new_master() {
    let mut master = RedisServer::start();
    let port = master.port().to_string();
    let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &port]);
    let sentinel = Sentinel::start(&port);
    let url = format!("redis+sentinel://127.0.0.1:{}/mine", sentinel.port);
    run(Kind::Memory, |_| {
        Box::pin(async move {
            let surroundings = alone();
            let store = RedisStore::open(&settings(&url), surroundings).expect("a master");
            let session = record(1);
            store.insert(new(&session)).await.unwrap();
            // The replica has the session, and the Sentinel knows of the replica.
            eventually("the replica is ready", async || {
                let mut connection = replica.connection();
                let names: Vec<String> = redis::cmd("KEYS").arg("*:s:*").query(&mut connection).unwrap();
                let mut asked = sentinel.connection();
                let known: Vec<redis::Value> =
                    redis::cmd("SENTINEL").arg("replicas").arg("mine").query(&mut asked).unwrap();
                names.len() == 1 && known.len() == 1
            })
            .await;
            master.kill();
            eventually("the replica has taken over", async || store.check().await.is_ok()).await;
            assert_eq!(store.find(session.key).await.unwrap(), Some(session));
            store.insert(new(&record(1))).await.unwrap();
        })
    });
}

/// One that decides alone, and soon.
struct Sentinel {
    child: std::process::Child,
    port: u16,
    _folder: TempDir,
}

impl Sentinel {
    fn start(master: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor mine 127.0.0.1 {master} 1\n\
             sentinel down-after-milliseconds mine 500\nsentinel failover-timeout mine 5000\n",
            folder.path().display()
        );
        let file = folder.path().join("sentinel.conf");
        std::fs::write(&file, text).expect("a file");
        let child = std::process::Command::new("redis-server")
            .arg(&file)
            .arg("--sentinel")
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("redis-server");
        let this = Self { child, port, _folder: folder };
        crate::support::process::until("the Sentinel responds", || {
            let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("an address");
            client.get_connection().is_ok()
        });
        this
    }

    fn connection(&self) -> redis::Connection {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).expect("an address");
        client.get_connection().expect("a connection")
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + second * 1000)
}

fn record(user: i64) -> Record {
    Record {
        key: SessionToken::generate().expect("randomness").key(),
        owner: Owner::User { id: UserId(user), credential: CredentialVersion(3) },
        signed_in: at(0),
        proofs: Proofs::password(at(0)),
        source: None,
        parent: None,
        expires: at(3600),
        last_seen: at(0),
        remembered: false,
        client_addr: Ipv4Addr::LOCALHOST.into(),
        user_agent: "a browser that is easy to find".into(),
        host: "".into(),
        data: SessionData::new(),
    }
}

fn new(record: &Record) -> NewSession {
    NewSession { record: record.clone(), replaces: None, adopts: false, max_per_user: None }
}

fn change(set: &[(&str, &str)], delete: &[&str]) -> DataChange {
    DataChange {
        set: set.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        delete: delete.iter().map(|key| (*key).into()).collect(),
    }
}

async fn insert_many(store: &Store, user: i64, how_many: usize) -> Vec<SessionKey> {
    let records: Vec<Record> = (0..how_many).map(|_| record(user)).collect();
    let inserts: Vec<Result<_, StoreError>> =
        join_all(records.iter().map(|record| store.insert(new(record)))).await;
    assert!(inserts.iter().all(Result::is_ok));
    records.iter().map(|record| record.key).collect()
}

async fn keys(store: &Store, of: Option<UserId>) -> Vec<SessionKey> {
    store.list(of, None, 10_000).await.unwrap().into_iter().map(|listed| listed.record.key).collect()
}

async fn last_seen(store: &Store, key: SessionKey) -> Timestamp {
    store.find(key).await.unwrap().unwrap().last_seen
}

fn sorted(keys: impl IntoIterator<Item = SessionKey>) -> Vec<SessionKey> {
    let mut keys: Vec<SessionKey> = keys.into_iter().collect();
    keys.sort_unstable();
    keys
}

fn is_notified(notices: &Receiver<Invalidation>, word: Invalidation) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match notices.recv_timeout(left) {
            Ok(notice) if notice == word => return,
            Ok(_) => {}
            Err(error) => panic!("no notice of {word:?}: {error}"),
        }
    }
}

async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "it never came to be: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
