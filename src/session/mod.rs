//! Sessions: the server's memory of a browser.
//!
//! A browser carries a [`SessionToken`]; stores know its hash, the
//! [`SessionKey`]. A [`SessionStore`] is the truth; a cache of bounded size
//! stands in front of it, so that a request touches neither disk nor network,
//! and an evicted session is read back. [`Sessions`] opens, finds and ends
//! sessions over both and decides what is alive: not ended, inside its time
//! limits, at the `now` it is given. Whether the *user* behind a session may
//! still use it is not decided here but by `users`.

pub mod cookie;
mod data;
mod data_form;
mod file;
mod memory;
mod record;
mod redis;
mod store;
mod token;

use std::{
    net::IpAddr,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::{notification::RemovalCause, policy::EvictionPolicy, sync::Cache};

use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, UserId},
};

pub use data::{AppData, DataChange, DataRefused, MAX_DATA_BYTES, SessionData, change_app};
pub use data_form::MalformedChange;
pub use file::FileStore;
pub use memory::MemoryStore;
pub use record::{Owner, Record};
pub use redis::{RedisSettings, RedisStore};
pub use store::{Invalidation, Invalidator, NewSession, SessionStore, StoreSurroundings, Trust, Which};
pub use token::{NoRandomness, SessionKey, SessionToken};

pub use crate::store::StoreError;

/// One browser's session, as requests share it.
#[derive(Debug)]
pub struct Session {
    /// Hash of its token.
    pub key: SessionKey,
    /// Whose it is.
    pub owner: Owner,
    /// When the browser signed in, or first came.
    pub signed_in: Timestamp,
    /// When the password was last checked.
    pub confirmed: Timestamp,
    /// The absolute limit: dead from here on, whatever happens (ASVS 5.0 7.3.2).
    pub expires: Timestamp,
    /// Whether the user asked to be kept signed in on this device: then only the absolute limit holds.
    pub remembered: bool,
    /// Address of the browser at sign-in.
    pub client_addr: IpAddr,
    /// What the browser called itself at sign-in, shortened.
    pub user_agent: Box<str>,
    /// The host that its cookie is for; empty if that was not kept.
    pub host: Box<str>,
    data: SessionData,
    last_seen: AtomicI64,
    /// The last use that the store was told of.
    noted: AtomicI64,
    /// When the store was last asked for it.
    read_at: Timestamp,
    /// How often the cache had lost word of changes when the store was asked.
    losses: u64,
    /// Whether it is known to have changed since it was read.
    changed: AtomicBool,
    ended: AtomicBool,
    /// Whether nothing had happened to it between being read and being cached.
    settled: AtomicBool,
}

/// The time limits of sessions, and what follows from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From sign-in, whatever happens (ASVS 5.0 7.3.2). Default 12 hours.
    pub lifetime: Duration,
    /// Since last use (ASVS 5.0 7.3.1). Default 1 hour.
    pub idle_timeout: Duration,
    /// From sign-in, for those who asked to be kept signed in; `None`: nobody is offered that.
    pub remember_lifetime: Option<Duration>,
    /// Whether the cookie ends with the browser.
    pub browser_session: bool,
    /// How many sessions a user may have, the oldest going first; `None`: any number.
    pub max_per_user: Option<usize>,
}

/// The limits that one app sets for itself, shorter than those of all sessions.
///
/// A session that has outlived them when a request for that app comes is over, for every app. They hold for
/// those who are kept signed in, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppLimits {
    /// From sign-in, whatever happens.
    pub lifetime: Option<Duration>,
    /// Since the last use, of whichever app.
    pub idle_timeout: Option<Duration>,
}

/// Who opens a session, from where, and in place of which.
#[derive(Debug)]
pub struct Opening<'a> {
    /// Whose it will be.
    pub owner: Owner,
    /// Address of the browser.
    pub client_addr: IpAddr,
    /// What the browser calls itself.
    pub user_agent: &'a str,
    /// The host that the cookie will be for.
    pub host: &'a str,
    /// Whether the user asked to be kept signed in on this device.
    pub remember: bool,
    /// The session that came with the request; it ends. Its data goes on in the new one if it was
    /// the same user's, or a visitor's.
    pub replaces: Option<&'a Session>,
    /// Whether the same user has only confirmed the password: the time limits of the session that is
    /// replaced go on, and so does what is known of its sign-in.
    pub confirms: bool,
}

/// Somebody who has not signed in, and the first that an app keeps for them.
#[derive(Debug)]
pub struct Visitor<'a> {
    /// Address of the browser.
    pub client_addr: IpAddr,
    /// What the browser calls itself.
    pub user_agent: &'a str,
    /// The host that the cookie will be for.
    pub host: &'a str,
    /// The app's name.
    pub app: Arc<str>,
    /// What it keeps.
    pub data: AppData,
    /// How many visitors may have a session; past it those unused for longest end, a few at a time.
    pub max_visitors: usize,
}

/// What a request's cookie turned out to be.
#[derive(Clone, Debug)]
pub enum Presented {
    /// No session cookie.
    Absent,
    /// A session that is alive.
    Alive(Arc<Session>),
    /// A cookie that opens nothing: unknown, expired, ended, malformed, doubled.
    Invalid,
}

/// What became of [`Sessions::end_one_of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedOne {
    /// It was alive or had expired, and is no more.
    Ended,
    /// There is none with this key any more.
    Gone,
    /// It is somebody else's, and goes on.
    NotTheirs,
}

/// Opens, finds and ends sessions.
#[derive(Debug)]
pub struct Sessions {
    store: Arc<dyn SessionStore>,
    cache: SessionCache,
    trust: Trust,
}

impl AppLimits {
    /// What holds if both do.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let shorter = |one: Option<Duration>, other: Option<Duration>| one.into_iter().chain(other).min();
        Self {
            lifetime: shorter(self.lifetime, other.lifetime),
            idle_timeout: shorter(self.idle_timeout, other.idle_timeout),
        }
    }
}

impl Limits {
    /// The absolute limit of a session.
    pub(crate) fn end_of(&self, signed_in: Timestamp, expires: Timestamp, remembered: bool) -> Timestamp {
        let lifetime = match self.remember_lifetime {
            Some(longer) if remembered => longer,
            _ => self.lifetime,
        };
        expires.min(signed_in + lifetime)
    }
}

impl Session {
    fn from_record(record: Record, now: Timestamp, losses: u64) -> Arc<Self> {
        Arc::new(Self {
            key: record.key,
            owner: record.owner,
            signed_in: record.signed_in,
            confirmed: record.confirmed,
            expires: record.expires,
            remembered: record.remembered,
            client_addr: record.client_addr,
            user_agent: record.user_agent,
            host: record.host,
            data: record.data,
            last_seen: AtomicI64::new(record.last_seen.as_millis()),
            noted: AtomicI64::new(record.last_seen.as_millis()),
            read_at: now,
            losses,
            changed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            settled: AtomicBool::new(false),
        })
    }

    /// Whether it may be used at `now`.
    pub fn is_alive(&self, now: Timestamp, limits: &Limits) -> bool {
        !self.has_ended() && now < self.dies_at(limits) && !self.is_idle(now, limits)
    }

    /// Its absolute limit. One that was shortened by a reload holds for sessions that were open before.
    pub fn dies_at(&self, limits: &Limits) -> Timestamp {
        limits.end_of(self.signed_in, self.expires, self.remembered)
    }

    /// Whether it is too old for an app with limits of its own, however much it is used.
    pub fn is_too_old_for(&self, own: &AppLimits, now: Timestamp) -> bool {
        own.lifetime.is_some_and(|lifetime| now >= self.signed_in + lifetime)
    }

    /// Whether it is too old, or was unused for too long, for an app with limits of its own.
    pub fn has_outlived(&self, own: &AppLimits, now: Timestamp) -> bool {
        self.is_too_old_for(own, now) || own.idle_timeout.is_some_and(|idle| now >= self.last_seen() + idle)
    }

    /// When it was last used.
    pub fn last_seen(&self) -> Timestamp {
        Timestamp::from_millis(self.last_seen.load(Ordering::Relaxed))
    }

    /// Whether somebody ended it.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// What applications keep in it, as of when it was looked up.
    pub fn data(&self) -> &SessionData {
        &self.data
    }

    fn is_idle(&self, now: Timestamp, limits: &Limits) -> bool {
        !self.remembered && now >= self.last_seen() + limits.idle_timeout
    }

    /// Marks it as ended, for requests that hold it already.
    fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }
}

impl Sessions {
    /// Sessions over the store that `make` makes, with at most `cached` of them in memory.
    pub fn start<E>(
        cached: u64,
        make: impl FnOnce(Invalidator) -> Result<Box<dyn SessionStore>, E>,
    ) -> Result<Self, E> {
        let cache = SessionCache::new(cached);
        let told = cache.clone();
        let store = make(Invalidator(Arc::new(move |invalidation| told.invalidate(invalidation))))?;
        let store: Arc<dyn SessionStore> = Arc::from(store);
        cache.stand_before(&store);
        let trust = store.trust();
        Ok(Self { store, cache, trust })
    }

    /// Opens a session under a new token (ASVS 5.0 7.2.4); the one that it replaces has ended then.
    pub async fn open(
        &self,
        opening: Opening<'_>,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<(SessionToken, Arc<Session>), StoreError> {
        let token =
            SessionToken::generate().map_err(|source| StoreError::new("opening a session", source))?;
        let Opening { owner, client_addr, user_agent, host, remember, replaces, confirms } = opening;
        let keeps_data = |old: &&Session| old.owner == Owner::Visitor || old.owner.user() == owner.user();
        // As of now: what an application has changed since the request began is not to be lost.
        let data = match replaces.filter(keeps_data) {
            Some(old) => self.store.find(old.key).await?.map(|old| old.data),
            None => None,
        };
        let remembered = remember && limits.remember_lifetime.is_some();
        let lifetime = limits.remember_lifetime.filter(|_| remembered).unwrap_or(limits.lifetime);
        // Otherwise whoever confirms in time is signed in for ever.
        let goes_on =
            replaces.filter(|old| confirms && owner.user().is_some() && old.owner.user() == owner.user());
        let record = Record {
            key: token.key(),
            owner,
            signed_in: goes_on.map_or(now, |old| old.signed_in),
            confirmed: now,
            expires: goes_on.map_or(now + lifetime, |old| old.expires),
            last_seen: now,
            remembered: goes_on.map_or(remembered, |old| old.remembered),
            client_addr: goes_on.map_or(client_addr, |old| old.client_addr),
            user_agent: goes_on.map_or_else(
                || user_agent.chars().take(MAX_USER_AGENT_CHARS).collect(),
                |old| old.user_agent.clone(),
            ),
            host: host.into(),
            data: data.unwrap_or_default(),
        };
        let (session, _) = self.keep_new(record, replaces, limits.max_per_user).await?;
        Ok((token, session))
    }

    /// Opens a session for somebody who has not signed in, because an app keeps something for them.
    ///
    /// Signing in replaces it, and what is kept goes on; see [`Sessions::open`].
    pub async fn open_for_visitor(
        &self,
        visitor: Visitor<'_>,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<(SessionToken, Arc<Session>), StoreError> {
        let token = SessionToken::generate()
            .map_err(|source| StoreError::new("opening a visitor's session", source))?;
        let Visitor { client_addr, user_agent, host, app, data, max_visitors } = visitor;
        let record = Record {
            key: token.key(),
            owner: Owner::Visitor,
            signed_in: now,
            confirmed: now,
            expires: now + limits.lifetime,
            last_seen: now,
            remembered: false,
            client_addr,
            user_agent: user_agent.chars().take(MAX_USER_AGENT_CHARS).collect(),
            host: host.into(),
            data: SessionData::from([(app, data)]),
        };
        let (session, ended) = self.keep_new(record, None, Some(max_visitors)).await?;
        if ended > 0 {
            tracing::warn!(ended, max_visitors, "visitors' sessions ended early: there are too many");
        }
        Ok((token, session))
    }

    /// Keeps a new session; says how many ended beside what it replaces.
    async fn keep_new(
        &self,
        record: Record,
        replaces: Option<&Session>,
        max_per_holder: Option<usize>,
    ) -> Result<(Arc<Session>, usize), StoreError> {
        // Somebody may end it before this thread gets to cache it; what the cache was told in between counts.
        let epoch = self.cache.epoch(&record.key);
        let session = Session::from_record(record.clone(), record.last_seen, self.cache.losses());
        let old_key = replaces.map(|old| old.key);
        let new = NewSession { record, replaces: old_key, max_per_user: max_per_holder };
        let ended = self.store.insert(new).await?;
        self.cache.keep_since(&session, epoch);
        self.forget(&ended, replaces);
        Ok((session, ended.iter().filter(|key| Some(**key) != old_key).count()))
    }

    /// Finds the session of a token and notes its use.
    ///
    /// Fails only if the store cannot be asked; that is never to be taken for a sign-in.
    pub async fn present(
        &self,
        token: Option<&SessionToken>,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Presented, StoreError> {
        let (own, key) = (AppLimits::default(), token.map(SessionToken::key));
        self.present_to(&own, key, now, limits).await
    }

    /// The same by the token's key, for a request to an app with limits of its own: a session that has outlived
    /// them ends.
    pub async fn present_to(
        &self,
        own: &AppLimits,
        key: Option<SessionKey>,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Presented, StoreError> {
        let Some(key) = key else { return Ok(Presented::Invalid) };
        let Some(mut session) = self.find(key, now, limits).await? else {
            return Ok(Presented::Invalid);
        };
        if session.has_outlived(own, now) && self.trust != Trust::Told {
            // Another gateway may have seen it in use.
            self.cache.invalidate(Invalidation::Changed(session.key));
            let here = session.last_seen();
            let Some(asked_again) = self.find(session.key, now, limits).await? else {
                return Ok(Presented::Invalid);
            };
            asked_again.last_seen.fetch_max(here.as_millis(), Ordering::Relaxed);
            session = asked_again;
        }
        if session.has_outlived(own, now) {
            self.end(&session).await?;
            return Ok(Presented::Invalid);
        }
        self.touch(&session, now);
        Ok(Presented::Alive(session))
    }

    /// Whether a session that carries something (a WebSocket, a download) is alive still; counts as a use.
    pub async fn goes_on(
        &self,
        session: &Session,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<bool, StoreError> {
        if session.has_ended() || now >= session.dies_at(limits) {
            return Ok(false);
        }
        let found = self.find(session.key, now, limits).await?;
        if let Some(found) = &found {
            self.touch(found, now);
        }
        Ok(found.is_some())
    }

    /// Ends a session; when this answers, no later request finds it.
    pub async fn end(&self, session: &Session) -> Result<(), StoreError> {
        let ended = self.store.remove(Which::One(session.key)).await?;
        self.forget(&ended, Some(session));
        Ok(())
    }

    /// Ends one session of this user, whichever it is.
    pub async fn end_one_of(&self, user: UserId, key: SessionKey) -> Result<EndedOne, StoreError> {
        match self.store.find(key).await? {
            None => Ok(EndedOne::Gone),
            Some(record) if record.owner.user() != Some(user) => Ok(EndedOne::NotTheirs),
            Some(_) => {
                self.end_which(Which::One(key)).await?;
                Ok(EndedOne::Ended)
            }
        }
    }

    /// Ends all sessions of a user but `except`; says how many.
    pub async fn end_all_of(&self, user: UserId, except: Option<SessionKey>) -> Result<usize, StoreError> {
        self.end_which(Which::OfUser { user, except }).await
    }

    /// Ends these; says how many.
    pub async fn end_which(&self, which: Which) -> Result<usize, StoreError> {
        let ended = self.store.remove(which).await?;
        self.forget(&ended, None);
        Ok(ended.len())
    }

    /// The user's sessions that are alive, the one used last first.
    pub async fn of_user(
        &self,
        user: UserId,
        credential: CredentialVersion,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Vec<Arc<Session>>, StoreError> {
        let records = self.store.list(Some(user), None, MAX_LISTED).await?;
        let mut sessions: Vec<_> = records
            .into_iter()
            // What is cached knows better when it was last used.
            .map(|record| {
                let cached = self.cache.peek(&record.key);
                cached.unwrap_or_else(|| Session::from_record(record, now, self.cache.losses()))
            })
            .filter(|session| session.owner == Owner::User { id: user, credential })
            .filter(|session| session.is_alive(now, limits))
            .collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.last_seen()));
        Ok(sessions)
    }

    /// A page of everybody's sessions, for administrators; see [`SessionStore::list`].
    pub async fn list(
        &self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.store.list(of, after, most).await
    }

    /// Changes what an app keeps in a session; every request that begins after this has answered sees it.
    /// `None`: the session is gone.
    ///
    /// To be awaited to its end: given up halfway, the store may have changed without the cache knowing.
    pub async fn change_data(
        &self,
        session: &Session,
        app: &Arc<str>,
        change: DataChange,
    ) -> Result<Option<Result<(), DataRefused>>, StoreError> {
        let changed = self.store.change_data(session.key, Arc::clone(app), change).await?;
        if let Some(Ok(kept)) = &changed {
            // Not put in place of what is cached: of two changes at once, the one that the store made first
            // may arrive here last.
            self.cache.note_change(&session.key, |cached| {
                cached.data.get(app).map_or(kept.is_empty(), |data| data == kept)
            });
        }
        Ok(changed.map(|changed| changed.map(drop)))
    }

    /// Drops what ended by itself; called now and then.
    pub async fn prune(&self, now: Timestamp, limits: &Limits) -> Result<u64, StoreError> {
        // The store hears of uses late.
        let idle_since = now - limits.idle_timeout - NOTE_EVERY - NOTE_EVERY;
        self.store.prune(now, idle_since).await
    }

    /// How many are in memory, in use or used a short while ago.
    pub fn cached(&self) -> u64 {
        self.cache.sessions.entry_count()
    }

    /// Whether the store does its work, for `/readyz`.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.store.check().await
    }

    async fn find(
        &self,
        key: SessionKey,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        let cached = self.cache.get(&key);
        match &cached {
            Some(session) if self.may_believe(session, now, limits) => {
                return Ok(cached.filter(|session| session.is_alive(now, limits)));
            }
            _ => {}
        }
        // What is invalidated while the store is asked must not be cached afterwards.
        let (epoch, losses) = (self.cache.epoch(&key), self.cache.losses());
        match self.store.find(key).await {
            Ok(Some(record)) => {
                let session = Session::from_record(record, now, losses);
                if let Some(cached) = cached {
                    session.last_seen.fetch_max(cached.last_seen.load(Ordering::Relaxed), Ordering::Relaxed);
                }
                self.cache.keep_since(&session, epoch);
                Ok(Some(session).filter(|session| session.is_alive(now, limits)))
            }
            Ok(None) => {
                self.cache.forget_missing(key);
                Ok(None)
            }
            Err(error) => match cached {
                Some(session) if self.may_go_on(&session, now) && session.is_alive(now, limits) => {
                    Ok(Some(session))
                }
                _ => Err(error),
            },
        }
    }

    /// Whether a cached session needs no asking.
    fn may_believe(&self, session: &Session, now: Timestamp, limits: &Limits) -> bool {
        if !session.settled.load(Ordering::SeqCst) || self.cache.doubts(session) {
            return false;
        }
        match self.trust {
            Trust::Told => true,
            // Another gateway may have seen it in use where we saw it idle.
            Trust::Shared { cache_ttl, .. } => {
                now.since(session.read_at) < cache_ttl && !session.is_idle(now, limits)
            }
        }
    }

    /// Whether a cached session is good enough while the store cannot be asked.
    fn may_go_on(&self, session: &Session, now: Timestamp) -> bool {
        if !session.settled.load(Ordering::SeqCst) {
            return false;
        }
        match self.trust {
            Trust::Told => true,
            Trust::Shared { cache_ttl, grace } => now.since(session.read_at) < cache_ttl + grace,
        }
    }

    /// Notes a use. Once a second is enough for limits that count in minutes, and keeps the cores from
    /// passing one cache line around; the store hears of it once a minute.
    fn touch(&self, session: &Session, now: Timestamp) {
        if now.since(session.last_seen()) < Duration::from_secs(1) {
            return;
        }
        session.last_seen.store(now.as_millis(), Ordering::Relaxed);
        let noted = session.noted.load(Ordering::Relaxed);
        let due = now.since(Timestamp::from_millis(noted)) >= NOTE_EVERY;
        let ours =
            || session.noted.compare_exchange(noted, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed);
        if due && ours().is_ok() {
            self.store.note_use(session.key, now);
        }
    }

    fn forget(&self, ended: &[SessionKey], held: Option<&Session>) {
        if let Some(held) = held {
            held.end();
            self.cache.invalidate(Invalidation::Ended(held.key));
        }
        for key in ended {
            self.cache.invalidate(Invalidation::Ended(*key));
        }
    }
}

/// The sessions that were used lately. Its size costs look-ups in the store, never a session.
#[derive(Clone, Debug)]
struct SessionCache {
    sessions: Cache<SessionKey, Arc<Session>>,
    /// Counts invalidations, when they begin and when they are done: one count for each group of keys, so that
    /// many sessions that end keep few others out of the cache. A key is a hash: nobody can choose its group.
    epochs: Arc<[AtomicU64; EPOCHS]>,
    /// How often word may have been lost: sessions that were read before have to be asked for again. They stay
    /// cached, for when the store cannot be asked.
    losses: Arc<AtomicU64>,
    /// Told of the last use of what has to make room.
    behind: Arc<OnceLock<Weak<dyn SessionStore>>>,
}

impl SessionCache {
    fn new(capacity: u64) -> Self {
        let behind = Arc::<OnceLock<Weak<dyn SessionStore>>>::default();
        let store = Arc::clone(&behind);
        // The store hears of uses late. One that it has not heard of yet must not be lost with the cache's
        // entry: a session that was read back would look as if it had been unused for longer than it was.
        let note_last_use = move |_: Arc<SessionKey>, session: Arc<Session>, cause: RemovalCause| {
            let last_seen = session.last_seen();
            if cause == RemovalCause::Size
                && last_seen.as_millis() > session.noted.load(Ordering::Relaxed)
                && let Some(store) = store.get().and_then(Weak::upgrade)
            {
                store.note_use(session.key, last_seen);
            }
        };
        let sessions = Cache::builder()
            .max_capacity(capacity)
            .eviction_listener(note_last_use)
            // The default policy refuses new entries when it is full and busy; every sign-in would then
            // be looked up in the store, request by request.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        let epochs = Arc::new([const { AtomicU64::new(0) }; EPOCHS]);
        Self { sessions, epochs, losses: Arc::default(), behind }
    }

    fn stand_before(&self, store: &Arc<dyn SessionStore>) {
        self.behind.set(Arc::downgrade(store)).expect("a cache stands before one store");
    }

    fn get(&self, key: &SessionKey) -> Option<Arc<Session>> {
        self.sessions.get(key)
    }

    fn peek(&self, key: &SessionKey) -> Option<Arc<Session>> {
        self.sessions.get(key)
    }

    /// The count of invalidations of the group that this key belongs to.
    fn epoch(&self, key: &SessionKey) -> u64 {
        self.counter(key).load(Ordering::SeqCst)
    }

    #[expect(clippy::indexing_slicing, reason = "there is a count for each value of a byte")]
    fn counter(&self, key: &SessionKey) -> &AtomicU64 {
        let [first, ..] = key.as_bytes();
        &self.epochs[usize::from(*first)]
    }

    fn losses(&self) -> u64 {
        self.losses.load(Ordering::SeqCst)
    }

    fn doubts(&self, session: &Session) -> bool {
        session.changed.load(Ordering::SeqCst) || session.losses < self.losses()
    }

    /// Keeps what the store said unless something was invalidated since `epoch`: it could have been this.
    ///
    /// Whatever is invalidated counts first and looks for the entry then. So either the count shows here,
    /// or the entry is found there; until that is settled nobody believes it.
    fn keep_since(&self, session: &Arc<Session>, epoch: u64) {
        if self.epoch(&session.key) != epoch {
            return;
        }
        self.sessions.insert(session.key, Arc::clone(session));
        if self.epoch(&session.key) == epoch {
            session.settled.store(true, Ordering::SeqCst);
        } else {
            self.sessions.invalidate(&session.key);
        }
    }

    /// A change that this process made: what is cached is asked for again, unless it is the same already.
    fn note_change(&self, key: &SessionKey, is_the_same: impl FnOnce(&Session) -> bool) {
        self.counter(key).fetch_add(1, Ordering::SeqCst);
        if let Some(session) = self.sessions.get(key).filter(|session| !is_the_same(session)) {
            session.changed.store(true, Ordering::SeqCst);
        }
        self.counter(key).fetch_add(1, Ordering::SeqCst);
    }

    /// The store knows no session with this key. Mallory can invent as many keys as she likes: one that is not
    /// cached changes nothing that Alice's session depends on.
    fn forget_missing(&self, key: SessionKey) {
        if self.sessions.contains_key(&key) {
            self.invalidate(Invalidation::Ended(key));
        }
    }

    fn invalidate(&self, invalidation: Invalidation) {
        match invalidation {
            Invalidation::Ended(key) => {
                self.counter(&key).fetch_add(1, Ordering::SeqCst);
                if let Some(session) = self.sessions.remove(&key) {
                    session.end();
                }
                self.counter(&key).fetch_add(1, Ordering::SeqCst);
            }
            // Stays: it knows when it was last used, and will do while the store is away.
            Invalidation::Changed(key) => {
                self.counter(&key).fetch_add(1, Ordering::SeqCst);
                if let Some(session) = self.sessions.get(&key) {
                    session.changed.store(true, Ordering::SeqCst);
                }
                self.counter(&key).fetch_add(1, Ordering::SeqCst);
            }
            Invalidation::Everything => {
                self.losses.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

/// One for each value of a key's first byte.
const EPOCHS: usize = 256;
const MAX_USER_AGENT_CHARS: usize = 256;
/// A page for people; nobody looks at more.
const MAX_LISTED: usize = 1000;
/// How often the store hears of a session's use.
const NOTE_EVERY: Duration = Duration::from_mins(1);

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
