//! Sessions: the server's memory of a browser that signed in.
//!
//! A browser carries a [`SessionToken`]; stores know its hash, the
//! [`SessionKey`]. [`Sessions`] opens, finds and ends sessions over a
//! [`SessionStore`] and decides what is alive: not ended, inside both time
//! limits, at the `now` it is given. Whether the *user* behind a session may
//! still use it is not decided here but by `users`.

pub mod cookie;
mod memory;
mod store;
mod token;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, UserId},
};

pub use memory::MemoryStore;
pub use store::{Peek, SessionStore, StoreError};
pub use token::{NoRandomness, SessionKey, SessionToken};

/// One signed-in browser.
#[derive(Debug)]
pub struct Session {
    /// Hash of its token.
    pub key: SessionKey,
    /// Whose it is.
    pub user: UserId,
    /// The user's credential at sign-in: once it has changed, the session is dead.
    pub credential: CredentialVersion,
    /// When it was opened.
    pub signed_in: Timestamp,
    /// The absolute limit: dead from here on, whatever happens (ASVS 5.0 7.3.2).
    pub expires: Timestamp,
    /// Address of the browser at sign-in.
    pub client_addr: IpAddr,
    /// What the browser called itself at sign-in, shortened.
    pub user_agent: Box<str>,
    last_seen: AtomicI64,
    ended: AtomicBool,
}

/// The time limits of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From sign-in, whatever happens (ASVS 5.0 7.3.2). Default 12 hours.
    pub lifetime: Duration,
    /// Since last use (ASVS 5.0 7.3.1). Default 1 hour.
    pub idle_timeout: Duration,
    /// Whether the cookie ends with the browser.
    pub browser_session: bool,
}

/// Who opens a session, and from where.
#[derive(Debug)]
pub struct SignIn<'a> {
    /// The user.
    pub user: UserId,
    /// The user's credential as it was checked.
    pub credential: CredentialVersion,
    /// Address of the browser.
    pub client_addr: IpAddr,
    /// What the browser calls itself.
    pub user_agent: &'a str,
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
}

impl Session {
    /// Whether it may be used at `now`.
    pub fn is_alive(&self, now: Timestamp, limits: &Limits) -> bool {
        !self.has_ended()
            && now < self.expires
            // A lifetime that was shortened by a reload holds for sessions that were open before.
            && now < self.signed_in + limits.lifetime
            && now < self.last_seen() + limits.idle_timeout
    }

    /// When it was last used.
    pub fn last_seen(&self) -> Timestamp {
        Timestamp::from_millis(self.last_seen.load(Ordering::Relaxed))
    }

    /// Marks it as ended, for requests that hold it already.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Whether somebody ended it.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Notes a use. Once a second is enough for limits that count in minutes, and keeps
    /// the cores from passing one cache line around.
    fn touch(&self, now: Timestamp) {
        if now.since(self.last_seen()) >= Duration::from_secs(1) {
            self.last_seen.store(now.as_millis(), Ordering::Relaxed);
        }
    }
}

impl Sessions {
    /// Sessions over a store.
    pub fn new(store: Box<dyn SessionStore>) -> Self {
        Self { store }
    }

    /// Opens a session under a new token (ASVS 5.0 7.2.4); the caller ends the one from before.
    pub async fn open(
        &self,
        sign_in: SignIn<'_>,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<(SessionToken, Arc<Session>), StoreError> {
        let token = SessionToken::generate()
            .map_err(|source| StoreError { doing: "opening a session".into(), source: Box::new(source) })?;
        let session = Arc::new(Session {
            key: token.key(),
            user: sign_in.user,
            credential: sign_in.credential,
            signed_in: now,
            expires: now + limits.lifetime,
            client_addr: sign_in.client_addr,
            user_agent: sign_in.user_agent.chars().take(MAX_USER_AGENT_CHARS).collect(),
            last_seen: AtomicI64::new(now.as_millis()),
            ended: AtomicBool::new(false),
        });
        self.store.insert(Arc::clone(&session)).await?;
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
        let Some(token) = token else { return Ok(Presented::Invalid) };
        let key = token.key();
        let found = match self.store.peek(&key) {
            Peek::Found(session) => Some(session),
            Peek::Absent => None,
            Peek::Unknown => self.store.find(key).await?,
        };
        match found {
            Some(session) if session.is_alive(now, limits) => {
                session.touch(now);
                Ok(Presented::Alive(session))
            }
            _ => Ok(Presented::Invalid),
        }
    }

    /// Ends a session; when this answers, no later request finds it.
    pub async fn end(&self, session: &Session) -> Result<(), StoreError> {
        session.end();
        self.store.remove(session.key).await
    }
}

const MAX_USER_AGENT_CHARS: usize = 256;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    pub(super) fn session(user: i64) -> Arc<Session> {
        Arc::new(Session {
            key: SessionToken::generate().unwrap().key(),
            user: UserId(user),
            credential: CredentialVersion(1),
            signed_in: Timestamp::from_millis(0),
            expires: Timestamp::from_millis(0) + LIMITS.lifetime,
            client_addr: Ipv4Addr::LOCALHOST.into(),
            user_agent: "test".into(),
            last_seen: AtomicI64::new(0),
            ended: AtomicBool::new(false),
        })
    }

    const LIMITS: Limits = Limits {
        lifetime: Duration::from_secs(100),
        idle_timeout: Duration::from_secs(10),
        browser_session: false,
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    async fn open(sessions: &Sessions, now: Timestamp) -> (SessionToken, Arc<Session>) {
        let sign_in = SignIn {
            user: UserId(7),
            credential: CredentialVersion(1),
            client_addr: Ipv4Addr::LOCALHOST.into(),
            user_agent: "test",
        };
        sessions.open(sign_in, now, &LIMITS).await.unwrap()
    }

    async fn alive(sessions: &Sessions, token: &SessionToken, now: Timestamp) -> bool {
        matches!(sessions.present(Some(token), now, &LIMITS).await, Ok(Presented::Alive(_)))
    }

    #[tokio::test]
    async fn a_session_ends_when_idle_and_at_its_absolute_limit() {
        let sessions = Sessions::new(Box::new(MemoryStore::new(10)));
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
    async fn an_ended_session_is_dead_for_every_later_request() {
        let sessions = Sessions::new(Box::new(MemoryStore::new(10)));
        let (token, session) = open(&sessions, at(0)).await;
        sessions.end(&session).await.unwrap();
        assert!(!alive(&sessions, &token, at(0)).await);
        assert!(!session.is_alive(at(0), &LIMITS), "a request that holds it sees the end");
    }

    #[tokio::test]
    async fn a_shortened_lifetime_holds_for_open_sessions() {
        let sessions = Sessions::new(Box::new(MemoryStore::new(10)));
        let (_, session) = open(&sessions, at(0)).await;
        assert!(session.is_alive(at(8), &LIMITS));
        let shorter = Limits { lifetime: Duration::from_secs(5), ..LIMITS };
        assert!(!session.is_alive(at(8), &shorter));
    }

    #[tokio::test]
    async fn a_stranger_s_token_is_never_adopted() {
        let sessions = Sessions::new(Box::new(MemoryStore::new(10)));
        let stranger = SessionToken::generate().unwrap();
        for _ in 0..2 {
            assert!(!alive(&sessions, &stranger, at(0)).await);
        }
        let (token, _) = open(&sessions, at(0)).await;
        assert_ne!(token.key(), stranger.key());
    }
}
