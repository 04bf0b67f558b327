//! What is alive, and what the cache may believe.

use std::{net::Ipv4Addr, sync::Mutex};

use futures_util::future::{BoxFuture, FutureExt};

use super::*;

const LIMITS: Limits = Limits {
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
    Opening { owner, client_addr, user_agent: "test", remember: false, replaces: None }
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
    let not_offered = Limits { remember_lifetime: None, ..LIMITS };
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
    let shorter = Limits { lifetime: Duration::from_secs(5), ..LIMITS };
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
async fn what_a_session_replaces_ends_and_only_the_same_user_keeps_the_data() {
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
async fn past_the_limit_whoever_holds_the_most_loses_the_one_unused_for_longest() {
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

/// A store that fails, or is changed behind our back, when a test says so.
#[derive(Debug)]
struct Scripted {
    store: MemoryStore,
    trust: Trust,
    fails: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    /// Called once, after a session was read and before it is returned.
    meanwhile: Mutex<Option<Invalidator>>,
}

impl Scripted {
    fn guard<'a, T: Send + 'a>(
        &self,
        work: BoxFuture<'a, Result<T, StoreError>>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        if self.fails.load(Ordering::Relaxed) {
            return std::future::ready(Err(StoreError::new("asking", "it is away"))).boxed();
        }
        work
    }
}

impl SessionStore for Scripted {
    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let found = self.guard(self.store.find(key));
        async move {
            let found = found.await;
            let meanwhile = self.meanwhile.lock().unwrap().take();
            if let Some(invalidator) = meanwhile {
                self.store.remove(Which::One(key)).await.unwrap();
                invalidator.tell(Invalidation::Ended(key));
            }
            found
        }
        .boxed()
    }

    fn insert(&self, new: NewSession) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        self.guard(self.store.insert(new))
    }

    fn remove(&self, which: Which) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        self.guard(self.store.remove(which))
    }

    fn list(
        &self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        self.guard(self.store.list(of, after, most))
    }

    fn change_data(
        &self,
        key: SessionKey,
        app: Arc<str>,
        change: DataChange,
    ) -> BoxFuture<'_, Result<Option<Result<AppData, DataRefused>>, StoreError>> {
        self.guard(self.store.change_data(key, app, change))
    }

    fn note_use(&self, key: SessionKey, at: Timestamp) {
        self.store.note_use(key, at);
    }

    fn prune(&self, now: Timestamp, idle_since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.guard(self.store.prune(now, idle_since))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.guard(self.store.check())
    }

    fn trust(&self) -> Trust {
        self.trust
    }
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
        let mut told = None;
        let sessions = Sessions::start(cached, |invalidator| {
            told = Some(invalidator);
            let store = Scripted {
                store: MemoryStore::new(100),
                trust,
                fails: Arc::clone(&fails),
                asked: Arc::clone(&asked),
                meanwhile: Mutex::default(),
            };
            Ok::<_, StoreError>(Box::new(store) as Box<dyn SessionStore>)
        });
        Self { sessions: sessions.unwrap(), invalidator: told.unwrap(), fails, asked }
    }

    fn asked(&self) -> u64 {
        self.asked.swap(0, Ordering::Relaxed)
    }
}

const SHARED: Trust = Trust::Shared { cache_ttl: Duration::from_secs(3), grace: Duration::from_secs(5) };

#[tokio::test]
async fn a_request_of_a_cached_session_does_not_ask_the_store() {
    let script = Script::new(10, Trust::Told);
    let (token, _) = open(&script.sessions, at(0)).await;
    for second in 0..9 {
        assert!(alive(&script.sessions, &token, at(second)).await);
    }
    assert_eq!(script.asked(), 0);
}

#[tokio::test]
async fn an_evicted_session_is_read_back() {
    let script = Script::new(0, Trust::Told);
    let (token, _) = open(&script.sessions, at(0)).await;
    assert!(alive(&script.sessions, &token, at(1)).await);
    assert!(script.asked() > 0);
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
async fn what_another_process_ended_is_over_at_its_word() {
    let script = Script::new(10, Trust::Told);
    let (token, session) = open(&script.sessions, at(0)).await;
    script.sessions.store.remove(Which::One(session.key)).await.unwrap();
    script.invalidator.tell(Invalidation::Ended(session.key));
    assert!(session.has_ended());
    assert!(!alive(&script.sessions, &token, at(0)).await);
}

#[tokio::test]
async fn a_session_that_ends_while_it_is_read_is_not_cached() {
    let (fails, asked) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let sessions = Sessions::start(10, |invalidator| {
        let store = Scripted {
            store: MemoryStore::new(100),
            trust: Trust::Told,
            fails,
            asked,
            meanwhile: Mutex::new(Some(invalidator)),
        };
        Ok::<_, StoreError>(Box::new(store) as Box<dyn SessionStore>)
    })
    .unwrap();
    let (token, session) = open(&sessions, at(0)).await;
    sessions.cache.invalidate(Invalidation::Changed(session.key));
    alive(&sessions, &token, at(0)).await;
    assert!(!alive(&sessions, &token, at(0)).await, "the end was not overwritten by what was read before it");
}

#[tokio::test]
async fn an_end_that_the_store_did_not_take_is_no_end() {
    let script = Script::new(10, Trust::Told);
    let (token, session) = open(&script.sessions, at(0)).await;
    script.fails.store(true, Ordering::Relaxed);
    assert!(script.sessions.end(&session).await.is_err());
    assert!(alive(&script.sessions, &token, at(0)).await, "so that signing out can be tried again");
}
