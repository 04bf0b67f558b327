//! Which sessions are alive, and which cached ones are believed.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{scripted::ScriptedStore, *};
use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, Proofs, UserId},
};

const LIMITS: SessionLimits = SessionLimits {
    lifetime: Duration::from_secs(100),
    idle_timeout: Duration::from_secs(10),
    remember_lifetime: Some(Duration::from_secs(1000)),
    browser_session: false,
    max_per_user: None,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn in_memory() -> Sessions {
    start(MemoryStore::new(100))
}

fn start(store: impl SessionStore + 'static) -> Sessions {
    Sessions::start(100, |_| Ok::<_, StoreError>(Box::new(store) as Box<dyn SessionStore>)).unwrap()
}

fn opening(user: i64) -> Opening<'static> {
    let owner = Owner::User { id: UserId(user), credential: CredentialVersion(1) };
    let client_addr = Ipv4Addr::LOCALHOST.into();
    let (user_agent, host) = ("test", "localhost");
    Opening {
        owner,
        proofs: Proofs::password(at(0)),
        source: None,
        client_addr,
        user_agent,
        host,
        remember: false,
        replaces: None,
        confirms: false,
    }
}

async fn open(sessions: &Sessions, now: Timestamp) -> (SessionToken, Arc<Session>) {
    sessions.open(opening(7), now, &LIMITS).await.unwrap()
}

async fn alive(sessions: &Sessions, token: &SessionToken, now: Timestamp) -> bool {
    matches!(sessions.present(Some(token), now, &LIMITS).await, Ok(Presented::Alive(_)))
}

#[tokio::test]
async fn a_session_ends_when_idle_and_at_its_absolute_limit() {
    let sessions = in_memory();
    let (token, _) = open(&sessions, at(0)).await;
    for second in (0..100).step_by(9) {
        assert!(alive(&sessions, &token, at(second)).await, "{second}");
    }
    assert!(!alive(&sessions, &token, at(100)).await, "the absolute limit holds in spite of use");

    let (token, _) = open(&sessions, at(200)).await;
    assert!(alive(&sessions, &token, at(209)).await);
    assert!(!alive(&sessions, &token, at(219)).await, "idle");
}

#[tokio::test]
async fn a_remembered_session_knows_only_its_own_absolute_limit() {
    let sessions = in_memory();
    let remembered = Opening { remember: true, ..opening(7) };
    let (token, _) = sessions.open(remembered, at(0), &LIMITS).await.unwrap();
    assert!(alive(&sessions, &token, at(999)).await);
    assert!(!alive(&sessions, &token, at(1000)).await);
    let not_offered = SessionLimits { remember_lifetime: None, ..LIMITS };
    let (_, session) =
        sessions.open(Opening { remember: true, ..opening(7) }, at(0), &not_offered).await.unwrap();
    assert!(!session.remembered, "a box that is not on the page cannot be ticked");
}

#[tokio::test]
async fn an_ended_session_is_dead_for_every_later_request() {
    let sessions = in_memory();
    let (token, session) = open(&sessions, at(0)).await;
    sessions.end(&session).await.unwrap();
    assert!(!alive(&sessions, &token, at(0)).await);
    assert!(!session.is_alive(at(0), &LIMITS), "a request that holds it sees the end");
    assert!(!sessions.goes_on(&session, at(0), &LIMITS).await.unwrap());
}

#[tokio::test]
async fn a_shortened_lifetime_holds_for_open_sessions() {
    let sessions = in_memory();
    let (_, session) = open(&sessions, at(0)).await;
    assert!(session.is_alive(at(8), &LIMITS));
    let shorter = SessionLimits { lifetime: Duration::from_secs(5), ..LIMITS };
    assert!(!session.is_alive(at(8), &shorter));
}

#[tokio::test]
async fn a_stranger_s_token_is_never_adopted() {
    let sessions = in_memory();
    let stranger = SessionToken::generate().unwrap();
    for _ in 0..2 {
        assert!(!alive(&sessions, &stranger, at(0)).await);
    }
    let (token, _) = open(&sessions, at(0)).await;
    assert_ne!(token.key(), stranger.key());
}

#[tokio::test]
async fn a_replaced_session_ends_and_its_data_goes_to_the_same_user_alone() {
    let sessions = in_memory();
    let app: Arc<str> = "wiki".into();
    let change = DataChange { set: vec![("cart".into(), "3".into())], delete: vec![] };
    let (first, session) = open(&sessions, at(0)).await;
    sessions.change_data(&session, &app, change).await.unwrap().unwrap().unwrap();

    let (second, same) =
        sessions.open(Opening { replaces: Some(&session), ..opening(7) }, at(1), &LIMITS).await.unwrap();
    assert!(!alive(&sessions, &first, at(1)).await && alive(&sessions, &second, at(1)).await);
    assert_eq!(same.data().get(&app).unwrap().encode(), "cart=3");

    let (third, other) =
        sessions.open(Opening { replaces: Some(&same), ..opening(8) }, at(2), &LIMITS).await.unwrap();
    assert!(!alive(&sessions, &second, at(2)).await && alive(&sessions, &third, at(2)).await);
    assert!(other.data().is_empty(), "another user's data is flushed");
}

#[tokio::test]
async fn past_the_limit_the_user_with_most_sessions_loses_the_one_unused_for_longest() {
    let store = MemoryStore::new(10);
    let sessions = start(store);
    let (quiet, _) = sessions.open(opening(1), at(0), &LIMITS).await.unwrap();
    let mut greedy = Vec::new();
    for second in 1..40 {
        greedy.push(sessions.open(opening(2), at(second), &LIMITS).await.unwrap());
    }
    assert!(sessions.list(None, None, 100).await.unwrap().len() == 10);
    assert!(matches!(sessions.present(Some(&quiet), at(5), &LIMITS).await, Ok(Presented::Alive(_))));
    let (newest, _) = greedy.last().unwrap();
    assert!(alive(&sessions, newest, at(40)).await);
    assert!(greedy[0].1.has_ended());
}

#[tokio::test]
async fn a_session_past_the_limits_of_one_app_ends_for_every_app() {
    let sessions = in_memory();
    let idle = AppSessionLimits { idle_timeout: Some(Duration::from_secs(3)), lifetime: None };
    let short = AppSessionLimits { idle_timeout: None, lifetime: Some(Duration::from_secs(20)) };
    let present = async |own: &AppSessionLimits, token: &SessionToken, now| {
        let presented = sessions.present_to(own, Some(token.key()), now, &LIMITS).await;
        matches!(presented, Ok(Presented::Alive(_)))
    };
    // The use of another app counts; that of this one is not counted before it was looked at.
    let (token, _) = open(&sessions, at(0)).await;
    assert!(present(&AppSessionLimits::default(), &token, at(2)).await);
    assert!(present(&idle, &token, at(4)).await);
    assert!(!present(&idle, &token, at(7)).await);
    assert!(!alive(&sessions, &token, at(7)).await);

    let remembered = Opening { remember: true, ..opening(7) };
    let (token, _) = sessions.open(remembered, at(0), &LIMITS).await.unwrap();
    assert!(present(&short, &token, at(19)).await);
    assert!(!present(&short, &token, at(20)).await, "remembered, and too old for this app");
    assert!(!alive(&sessions, &token, at(20)).await);
}

#[tokio::test]
async fn a_shared_session_ends_for_an_app_only_if_no_other_gateway_has_seen_a_use() {
    let script = Script::new(10, SHARED);
    let idle = AppSessionLimits { idle_timeout: Some(Duration::from_secs(2)), lifetime: None };
    let (token, session) = open(&script.sessions, at(0)).await;
    script.sessions.store.note_use(session.key, at(2));
    let present = |now| script.sessions.present_to(&idle, Some(token.key()), now, &LIMITS);
    assert!(matches!(present(at(3)).await, Ok(Presented::Alive(_))));
    assert!(matches!(present(at(5)).await, Ok(Presented::Invalid)));
}

#[tokio::test]
async fn confirming_gives_a_new_token_and_no_longer_life() {
    let sessions = in_memory();
    let (first, session) =
        sessions.open(Opening { remember: true, ..opening(7) }, at(0), &LIMITS).await.unwrap();
    let proofs = Proofs::password(at(50));
    let confirming = Opening { proofs, replaces: Some(&session), confirms: true, ..opening(7) };
    let (second, confirmed) = sessions.open(confirming, at(50), &LIMITS).await.unwrap();
    assert!(!alive(&sessions, &first, at(50)).await && alive(&sessions, &second, at(50)).await);
    assert_eq!(
        (confirmed.signed_in, confirmed.proofs, confirmed.expires),
        (at(0), Proofs::password(at(50)), at(1000))
    );
    assert!(confirmed.remembered);
    // A sign-in of another user confirms nothing.
    let other = Opening { replaces: Some(&confirmed), confirms: true, ..opening(8) };
    let (_, other) = sessions.open(other, at(60), &LIMITS).await.unwrap();
    assert_eq!((other.signed_in, other.remembered), (at(60), false));
}

#[tokio::test]
async fn a_user_ends_sessions_of_their_own_alone() {
    let sessions = in_memory();
    let (mine, session) = open(&sessions, at(0)).await;
    let (theirs, other) = sessions.open(opening(8), at(0), &LIMITS).await.unwrap();
    assert_eq!(sessions.end_one_of(UserId(7), other.key).await.unwrap(), EndedOne::NotTheirs);
    assert!(alive(&sessions, &theirs, at(0)).await);
    assert_eq!(sessions.end_one_of(UserId(7), session.key).await.unwrap(), EndedOne::Ended);
    assert!(!alive(&sessions, &mine, at(0)).await && session.has_ended());
    assert_eq!(sessions.end_one_of(UserId(7), session.key).await.unwrap(), EndedOne::Gone);
}

struct Script {
    sessions: Sessions,
    invalidator: Invalidator,
    fails: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
}

impl Script {
    fn new(cached: u64, trust: Trust) -> Self {
        let (fails, asked) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let mut given = None;
        let sessions = Sessions::start(cached, |invalidator| {
            given = Some(invalidator);
            let store = ScriptedStore {
                fails: Arc::clone(&fails),
                asked: Arc::clone(&asked),
                ..ScriptedStore::new(trust)
            };
            Ok::<_, StoreError>(Box::new(store) as Box<dyn SessionStore>)
        });
        Self { sessions: sessions.unwrap(), invalidator: given.unwrap(), fails, asked }
    }

    fn asked(&self) -> u64 {
        self.asked.swap(0, Ordering::Relaxed)
    }
}

const SHARED: Trust = Trust::Shared { cache_ttl: Duration::from_secs(3), grace: Duration::from_secs(5) };

#[tokio::test]
async fn a_request_of_a_cached_session_does_not_ask_the_store() {
    let script = Script::new(10, Trust::Notified);
    let (token, _) = open(&script.sessions, at(0)).await;
    for second in 0..9 {
        assert!(alive(&script.sessions, &token, at(second)).await);
    }
    assert_eq!(script.asked(), 0);
}

#[tokio::test]
async fn an_evicted_session_is_read_back() {
    let script = Script::new(0, Trust::Notified);
    let (token, _) = open(&script.sessions, at(0)).await;
    assert!(alive(&script.sessions, &token, at(1)).await);
    assert!(script.asked() > 0);
}

#[tokio::test]
async fn an_evicted_session_passes_its_last_use_to_the_store() {
    let script = Script::new(1, Trust::Notified);
    let (token, _) = open(&script.sessions, at(0)).await;
    assert!(alive(&script.sessions, &token, at(9)).await);
    open(&script.sessions, at(9)).await;
    open(&script.sessions, at(9)).await;
    script.sessions.cache.sessions.run_pending_tasks();
    script.asked();
    assert!(alive(&script.sessions, &token, at(18)).await, "it was used nine seconds ago");
    assert_eq!(script.asked(), 1, "it had been evicted");
}

#[tokio::test]
async fn a_shared_session_is_asked_for_again_and_believed_for_a_while_without_the_store() {
    let script = Script::new(10, SHARED);
    let (token, _) = open(&script.sessions, at(0)).await;
    assert!(alive(&script.sessions, &token, at(2)).await);
    assert_eq!(script.asked(), 0);
    assert!(alive(&script.sessions, &token, at(4)).await);
    assert_eq!(script.asked(), 1, "older than cache_ttl");

    script.fails.store(true, Ordering::Relaxed);
    assert!(alive(&script.sessions, &token, at(11)).await, "within the grace");
    assert!(
        script.sessions.present(Some(&token), at(13), &LIMITS).await.is_err(),
        "past it: unknown, not absent"
    );
    script.fails.store(false, Ordering::Relaxed);
    assert!(alive(&script.sessions, &token, at(14)).await, "back by itself");
}

#[tokio::test]
async fn a_doubtful_session_is_read_again_and_counts_only_while_the_store_is_away() {
    let script = Script::new(10, SHARED);
    let (token, session) = open(&script.sessions, at(0)).await;
    for invalidation in [Invalidation::Everything, Invalidation::Changed(session.key)] {
        script.invalidator.notify(invalidation);
        assert!(alive(&script.sessions, &token, at(1)).await);
        assert_eq!(script.asked(), 1, "{invalidation:?}");
        assert!(alive(&script.sessions, &token, at(1)).await);
        assert_eq!(script.asked(), 0, "{invalidation:?}: once is enough");

        script.fails.store(true, Ordering::Relaxed);
        script.invalidator.notify(invalidation);
        assert!(alive(&script.sessions, &token, at(2)).await, "{invalidation:?}: within the grace");
        script.fails.store(false, Ordering::Relaxed);
        assert!(alive(&script.sessions, &token, at(2)).await);
        script.asked();
    }
    script.sessions.store.remove(Which::One(session.key)).await.unwrap();
    script.invalidator.notify(Invalidation::Everything);
    assert!(!alive(&script.sessions, &token, at(2)).await);
}

#[tokio::test]
async fn an_end_in_another_process_ends_the_cached_session() {
    let script = Script::new(10, Trust::Notified);
    let (token, session) = open(&script.sessions, at(0)).await;
    script.sessions.store.remove(Which::One(session.key)).await.unwrap();
    script.invalidator.notify(Invalidation::Ended(session.key));
    assert!(session.has_ended());
    assert!(!alive(&script.sessions, &token, at(0)).await);
}

#[tokio::test]
async fn a_session_that_ends_while_it_is_read_is_not_cached() {
    let sessions = Sessions::start(10, |invalidator| {
        let meanwhile = Mutex::new(Some(invalidator));
        let store = ScriptedStore { meanwhile, ..ScriptedStore::new(Trust::Notified) };
        Ok::<_, StoreError>(Box::new(store) as Box<dyn SessionStore>)
    })
    .unwrap();
    let (token, session) = open(&sessions, at(0)).await;
    sessions.cache.invalidate(Invalidation::Changed(session.key));
    alive(&sessions, &token, at(0)).await;
    assert!(!alive(&sessions, &token, at(0)).await, "the end was not overwritten by what was read before it");
}

#[tokio::test]
async fn a_session_goes_on_if_the_store_could_not_end_it() {
    let script = Script::new(10, Trust::Notified);
    let (token, session) = open(&script.sessions, at(0)).await;
    script.fails.store(true, Ordering::Relaxed);
    assert!(script.sessions.end(&session).await.is_err());
    assert!(alive(&script.sessions, &token, at(0)).await, "so that signing out can be tried again");
}

#[tokio::test]
async fn two_changes_of_data_at_once_are_both_kept() {
    let sessions = in_memory();
    let app: Arc<str> = "wiki".into();
    let set = |key: &str| DataChange { set: vec![(key.into(), "1".into())], delete: vec![] };
    let (token, session) = open(&sessions, at(0)).await;
    // The store makes `a` first; its reply arrives last.
    let first = sessions.store.change_data(session.key, Arc::clone(&app), set("a"));
    sessions.change_data(&session, &app, set("b")).await.unwrap().unwrap().unwrap();
    let stored = first.await.unwrap().unwrap().unwrap();
    sessions.cache.note_change(&session.key, |cached| cached.data.get(&app) == Some(&stored));

    let Ok(Presented::Alive(now)) = sessions.present(Some(&token), at(0), &LIMITS).await else { panic!() };
    assert_eq!(now.data().get(&app).unwrap().encode(), "a=1&b=1");
    assert!(!Arc::ptr_eq(&now, &session), "what a request has seen stays as it was");
    assert!(session.data().is_empty());
}

#[tokio::test]
async fn a_session_with_changed_data_keeps_its_last_use_and_counts_while_the_store_is_away() {
    let script = Script::new(10, SHARED);
    let app: Arc<str> = "wiki".into();
    let (token, session) = open(&script.sessions, at(0)).await;
    assert!(alive(&script.sessions, &token, at(2)).await);
    let change = DataChange { set: vec![("a".into(), "1".into())], delete: vec![] };
    script.sessions.change_data(&session, &app, change.clone()).await.unwrap().unwrap().unwrap();
    script.fails.store(true, Ordering::Relaxed);
    assert!(alive(&script.sessions, &token, at(2)).await, "good enough for a while");
    script.fails.store(false, Ordering::Relaxed);
    assert!(alive(&script.sessions, &token, at(11)).await, "idle since 2, not since 0");
    script.asked();
    script.sessions.change_data(&session, &app, change).await.unwrap().unwrap().unwrap();
    assert!(alive(&script.sessions, &token, at(11)).await);
    assert_eq!(script.asked(), 0, "the same again is no reason to ask");
}

#[tokio::test]
async fn a_sign_in_keeps_data_that_an_app_set_during_the_request() {
    let sessions = in_memory();
    let app: Arc<str> = "shop".into();
    let data = AppData::from_iter([("cart".into(), "3".into())]);
    let (client_addr, user_agent, host) = (Ipv4Addr::LOCALHOST.into(), "test", "localhost");
    let visitor = Visitor { client_addr, user_agent, host, app: Arc::clone(&app), data, max_visitors: 10 };
    let (before, held) = sessions.open_for_visitor(visitor, at(0), &LIMITS).await.unwrap();
    assert_eq!(held.owner, Owner::Visitor);
    let change = DataChange { set: vec![("cart".into(), "4".into())], delete: vec![] };
    sessions.change_data(&held, &app, change).await.unwrap().unwrap().unwrap();

    let signing_in = Opening { replaces: Some(&held), ..opening(7) };
    let (_, session) = sessions.open(signing_in, at(1), &LIMITS).await.unwrap();
    assert_eq!(session.data().get(&app).unwrap().encode(), "cart=4");
    assert!(!alive(&sessions, &before, at(1)).await, "under a new token alone");
}

#[tokio::test]
async fn too_many_visitors_end_sessions_of_visitors_alone() {
    let temp = tempfile::tempdir().unwrap();
    let file = Sessions::start(100, |invalidator| {
        let clock = crate::clock::Clock::manual(at(0));
        let surroundings = StoreSurroundings { clock, invalidator };
        let store = FileStore::open(&temp.path().join("sessions.db"), surroundings)?;
        Ok::<_, StoreError>(Box::new(store) as Box<dyn SessionStore>)
    });
    for sessions in [in_memory(), file.unwrap()] {
        let (user, _) = open(&sessions, at(0)).await;
        let mut visitors = Vec::new();
        for second in 0..9 {
            let visitor = Visitor {
                client_addr: Ipv4Addr::LOCALHOST.into(),
                user_agent: "test",
                host: "localhost",
                app: "shop".into(),
                data: AppData::from_iter([("cart".into(), "3".into())]),
                max_visitors: 5,
            };
            visitors.push(sessions.open_for_visitor(visitor, at(second), &LIMITS).await.unwrap());
        }
        assert!(alive(&sessions, &user, at(8)).await);
        let lives: Vec<bool> = visitors.iter().map(|(_, visitor)| !visitor.has_ended()).collect();
        assert_eq!(lives, [false, false, false, false, true, true, true, true, true]);
        assert_eq!(sessions.list(None, None, 100).await.unwrap().len(), 6);
    }
}

async fn open_branch(
    sessions: &Sessions,
    parent: SessionKey,
    now: Timestamp,
) -> (SessionToken, Arc<Session>) {
    let client_addr = Ipv4Addr::LOCALHOST.into();
    let branch = Branch { parent, client_addr, user_agent: "test", host: "wiki.example.com", replaces: None };
    sessions.open_branch(branch, now).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_use_of_a_branch_counts_for_its_sign_in_and_its_other_branches() {
    for cached in [100, 1] {
        let store = |_| Ok::<_, StoreError>(Box::new(MemoryStore::new(100)) as Box<dyn SessionStore>);
        let sessions = Sessions::start(cached, store).unwrap();
        let limits = SessionLimits {
            lifetime: Duration::from_hours(10),
            idle_timeout: Duration::from_mins(10),
            ..LIMITS
        };
        let (parent, session) = sessions.open(opening(7), at(0), &limits).await.unwrap();
        let (used, _) = open_branch(&sessions, session.key, at(0)).await;
        let (unused, _) = open_branch(&sessions, session.key, at(0)).await;
        let is_alive = async |token: &SessionToken, second| {
            sessions.cache.sessions.run_pending_tasks();
            matches!(sessions.present(Some(token), at(second), &limits).await, Ok(Presented::Alive(_)))
        };
        for minute in (5..60).step_by(5) {
            assert!(is_alive(&used, minute * 60).await, "{minute}");
        }
        assert!(is_alive(&unused, 60 * 60).await, "the other branch with {cached} cached");
        assert!(is_alive(&parent, 69 * 60).await, "the sign-in with {cached} cached");
        assert!(!is_alive(&used, 80 * 60).await && !is_alive(&parent, 80 * 60).await, "idle");
    }
}

#[tokio::test]
async fn sign_out_on_a_branch_ends_the_sign_in_for_every_later_request() {
    let sessions = in_memory();
    let (parent, session) = open(&sessions, at(0)).await;
    let (one, held) = open_branch(&sessions, session.key, at(0)).await;
    let (other, held_other) = open_branch(&sessions, session.key, at(0)).await;
    sessions.end(&held).await.unwrap();
    for token in [&parent, &one, &other] {
        assert!(!alive(&sessions, token, at(0)).await);
    }
    assert!(held_other.has_ended(), "a request on another host sees the end");
    let client_addr = Ipv4Addr::LOCALHOST.into();
    let branch =
        Branch { parent: session.key, client_addr, user_agent: "test", host: "localhost", replaces: None };
    assert!(sessions.open_branch(branch, at(0)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_confirmation_counts_for_cached_branches_and_moves_them_to_the_new_session() {
    let sessions = in_memory();
    let (old_token, session) = open(&sessions, at(0)).await;
    let (branch, _) = open_branch(&sessions, session.key, at(0)).await;
    let confirming = Opening { replaces: Some(&session), confirms: true, ..opening(7) };
    let (token, confirmed) = sessions.open(confirming, at(5), &LIMITS).await.unwrap();
    assert!(!alive(&sessions, &old_token, at(5)).await);
    let Ok(Presented::Alive(branch)) = sessions.present(Some(&branch), at(5), &LIMITS).await else {
        panic!("the branch has ended");
    };
    assert_eq!((branch.parent, branch.proofs), (Some(confirmed.key), confirmed.proofs));
    assert_eq!(branch.expires, session.expires);
    // A sign-in of somebody else in the same browser is none.
    let other = Opening { replaces: Some(&confirmed), confirms: true, ..opening(8) };
    sessions.open(other, at(6), &LIMITS).await.unwrap();
    assert!(branch.has_ended() && !alive(&sessions, &token, at(6)).await);
}

#[tokio::test]
async fn a_branch_that_an_app_finds_too_old_ends_its_sign_in() {
    let sessions = in_memory();
    let (parent, session) = open(&sessions, at(0)).await;
    let (token, _) = open_branch(&sessions, session.key, at(4)).await;
    let own = AppSessionLimits { lifetime: Some(Duration::from_secs(6)), idle_timeout: None };
    let present = async |second| {
        let presented = sessions.present_to(&own, Some(token.key()), at(second), &LIMITS).await.unwrap();
        matches!(presented, Presented::Alive(_))
    };
    assert!(present(5).await);
    assert!(!present(6).await, "the lifetime counts from the sign-in");
    assert!(!alive(&sessions, &parent, at(6)).await, "otherwise the portal host would sign the app in again");
}

#[tokio::test]
async fn a_branch_takes_over_a_visitor_s_data() {
    let sessions = in_memory();
    let visitor = Visitor {
        client_addr: Ipv4Addr::LOCALHOST.into(),
        user_agent: "test",
        host: "wiki.example.com",
        app: "wiki".into(),
        data: [("cart".into(), "1".into())].into_iter().collect(),
        max_visitors: 10,
    };
    let (visitor, visiting) = sessions.open_for_visitor(visitor, at(0), &LIMITS).await.unwrap();
    let (_, session) = open(&sessions, at(0)).await;
    let branch = Branch {
        parent: session.key,
        client_addr: Ipv4Addr::LOCALHOST.into(),
        user_agent: "test",
        host: "wiki.example.com",
        replaces: Some(&visiting),
    };
    let (_, branch) = sessions.open_branch(branch, at(0)).await.unwrap().unwrap();
    assert_eq!(branch.data()["wiki"].encode(), "cart=1");
    assert!(!alive(&sessions, &visitor, at(0)).await);
}
