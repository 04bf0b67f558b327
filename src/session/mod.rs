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
mod file;
mod memory;
mod record;
mod store;
mod token;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use moka::{policy::EvictionPolicy, sync::Cache};

use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, UserId},
};

pub use data::{AppData, DataChange, DataRefused, MAX_DATA_BYTES, SessionData};
pub use file::FileStore;
pub use memory::MemoryStore;
pub use record::{Owner, Record};
pub use store::{
    Invalidation, Invalidator, NewSession, SessionStore, StoreError, StoreSurroundings, Trust, Which,
};
pub use token::{NoRandomness, SessionKey, SessionToken};

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
    data: ArcSwap<SessionData>,
    last_seen: AtomicI64,
    /// The last use that the store was told of.
    noted: AtomicI64,
    /// When the store was last asked for it.
    read_at: Timestamp,
    ended: AtomicBool,
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

/// Who opens a session, from where, and in place of which.
#[derive(Debug)]
pub struct Opening<'a> {
    /// Whose it will be.
    pub owner: Owner,
    /// Address of the browser.
    pub client_addr: IpAddr,
    /// What the browser calls itself.
    pub user_agent: &'a str,
    /// Whether the user asked to be kept signed in on this device.
    pub remember: bool,
    /// The session that came with the request; it ends. Its data goes on in the new one if it was
    /// the same user's, or a visitor's.
    pub replaces: Option<&'a Session>,
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

/// Opens, finds and ends sessions.
#[derive(Debug)]
pub struct Sessions {
    store: Box<dyn SessionStore>,
    cache: SessionCache,
    trust: Trust,
}

impl Session {
    fn from_record(record: Record, now: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            key: record.key,
            owner: record.owner,
            signed_in: record.signed_in,
            confirmed: record.confirmed,
            expires: record.expires,
            remembered: record.remembered,
            client_addr: record.client_addr,
            user_agent: record.user_agent,
            data: ArcSwap::from_pointee(record.data),
            last_seen: AtomicI64::new(record.last_seen.as_millis()),
            noted: AtomicI64::new(record.last_seen.as_millis()),
            read_at: now,
            ended: AtomicBool::new(false),
        })
    }

    /// Whether it may be used at `now`.
    pub fn is_alive(&self, now: Timestamp, limits: &Limits) -> bool {
        !self.has_ended() && now < self.dies_at(limits) && !self.is_idle(now, limits)
    }

    /// Its absolute limit. One that was shortened by a reload holds for sessions that were open before.
    pub fn dies_at(&self, limits: &Limits) -> Timestamp {
        let lifetime = match limits.remember_lifetime {
            Some(longer) if self.remembered => longer,
            _ => limits.lifetime,
        };
        self.expires.min(self.signed_in + lifetime)
    }

    /// When it was last used.
    pub fn last_seen(&self) -> Timestamp {
        Timestamp::from_millis(self.last_seen.load(Ordering::Relaxed))
    }

    /// Whether somebody ended it.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// What applications keep in it.
    pub fn data(&self) -> Arc<SessionData> {
        self.data.load_full()
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
        let Opening { owner, client_addr, user_agent, remember, replaces } = opening;
        let data = replaces.filter(|old| old.owner == Owner::Visitor || old.owner.user() == owner.user());
        let remembered = remember && limits.remember_lifetime.is_some();
        let lifetime = limits.remember_lifetime.filter(|_| remembered).unwrap_or(limits.lifetime);
        let record = Record {
            key: token.key(),
            owner,
            signed_in: now,
            confirmed: now,
            expires: now + lifetime,
            last_seen: now,
            remembered,
            client_addr,
            user_agent: user_agent.chars().take(MAX_USER_AGENT_CHARS).collect(),
            data: data.map(|old| SessionData::clone(&old.data())).unwrap_or_default(),
        };
        let session = Session::from_record(record.clone(), now);
        let new =
            NewSession { record, replaces: replaces.map(|old| old.key), max_per_user: limits.max_per_user };
        let ended = self.store.insert(new).await?;
        self.forget(&ended, replaces);
        self.cache.keep(&session);
        Ok((token, session))
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
        match token {
            Some(token) => {
                Ok(self.find(token.key(), now, limits).await?.map_or(Presented::Invalid, |session| {
                    self.touch(&session, now);
                    Presented::Alive(session)
                }))
            }
            None => Ok(Presented::Invalid),
        }
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
            .map(|record| self.cache.peek(&record.key).unwrap_or_else(|| Session::from_record(record, now)))
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

    /// Changes what an app keeps in a session; `None`: the session is gone.
    pub async fn change_data(
        &self,
        session: &Session,
        app: &Arc<str>,
        change: DataChange,
    ) -> Result<Option<Result<(), DataRefused>>, StoreError> {
        let changed = self.store.change_data(session.key, Arc::clone(app), change).await?;
        Ok(changed.map(|changed| {
            changed.map(|now_kept| {
                session.data.rcu(|data| {
                    let mut data = SessionData::clone(data);
                    data.insert(Arc::clone(app), now_kept.clone());
                    data
                });
            })
        }))
    }

    /// Drops what ended by itself; called now and then.
    pub async fn prune(&self, now: Timestamp, limits: &Limits) -> Result<u64, StoreError> {
        // The store hears of uses late.
        let idle_since = now - limits.idle_timeout - NOTE_EVERY - NOTE_EVERY;
        self.store.prune(now, idle_since).await
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
        let epoch = self.cache.epoch();
        match self.store.find(key).await {
            Ok(Some(record)) => {
                let session = Session::from_record(record, now);
                if let Some(cached) = cached {
                    session.last_seen.fetch_max(cached.last_seen.load(Ordering::Relaxed), Ordering::Relaxed);
                }
                self.cache.keep_since(&session, epoch);
                Ok(Some(session).filter(|session| session.is_alive(now, limits)))
            }
            Ok(None) => {
                self.cache.invalidate(Invalidation::Ended(key));
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
    /// Counts invalidations.
    epoch: Arc<AtomicU64>,
}

impl SessionCache {
    fn new(capacity: u64) -> Self {
        let sessions = Cache::builder()
            .max_capacity(capacity)
            // The default policy refuses new entries when it is full and busy; every sign-in would then
            // be looked up in the store, request by request.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { sessions, epoch: Arc::default() }
    }

    fn get(&self, key: &SessionKey) -> Option<Arc<Session>> {
        self.sessions.get(key)
    }

    fn peek(&self, key: &SessionKey) -> Option<Arc<Session>> {
        self.sessions.get(key)
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    fn keep(&self, session: &Arc<Session>) {
        self.sessions.insert(session.key, Arc::clone(session));
    }

    /// Keeps what the store said unless something was invalidated since `epoch`: it could have been this.
    fn keep_since(&self, session: &Arc<Session>, epoch: u64) {
        if self.epoch() != epoch {
            return;
        }
        self.keep(session);
        if self.epoch() != epoch {
            self.sessions.invalidate(&session.key);
        }
    }

    fn invalidate(&self, invalidation: Invalidation) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        match invalidation {
            Invalidation::Ended(key) => {
                if let Some(session) = self.sessions.remove(&key) {
                    session.end();
                }
            }
            Invalidation::Changed(key) => self.sessions.invalidate(&key),
            Invalidation::Everything => self.sessions.invalidate_all(),
        }
    }
}

const MAX_USER_AGENT_CHARS: usize = 256;
/// A page for people; nobody looks at more.
const MAX_LISTED: usize = 1000;
/// How often the store hears of a session's use.
const NOTE_EVERY: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;
