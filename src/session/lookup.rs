//! Finding the session of a request, in the cache or in the store behind it, and noting its use.
//!
//! The gateway calls [`Sessions::present`] for each request and [`Sessions::goes_on`] for a long one. A session that
//! this gateway has ended is not found again; one that another gateway has ended may be found for as long as [`Trust`]
//! lets a cached session count. Opening and ending sessions is in `sessions`.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{
    AppSessionLimits, Invalidation, Session, SessionKey, SessionLimits, SessionToken, Sessions, StoreError,
    Trust, record::NOTE_EVERY,
};
use crate::clock::Timestamp;

/// The session of a request's cookie.
#[derive(Clone, Debug)]
pub enum Presented {
    /// No session cookie.
    Absent,
    /// A session that is alive.
    Alive(Arc<Session>),
    /// A cookie that opens nothing: unknown, expired, ended, malformed, doubled.
    Invalid,
}

impl Sessions {
    /// Finds the session of a token and notes its use.
    ///
    /// Fails only if the store cannot be asked; that is never to be taken for a session.
    pub async fn present(
        &self,
        token: Option<&SessionToken>,
        now: Timestamp,
        limits: &SessionLimits,
    ) -> Result<Presented, StoreError> {
        let (own, key) = (AppSessionLimits::default(), token.map(SessionToken::key));
        self.present_to(&own, key, now, limits).await
    }

    /// The same by the token's key, for a request to an app with limits of its own: a session that has outlived
    /// them ends.
    pub async fn present_to(
        &self,
        own: &AppSessionLimits,
        key: Option<SessionKey>,
        now: Timestamp,
        limits: &SessionLimits,
    ) -> Result<Presented, StoreError> {
        let Some(key) = key else { return Ok(Presented::Invalid) };
        let Some(mut session) = self.find(key, now, limits).await? else {
            return Ok(Presented::Invalid);
        };
        let is_used_elsewhere = self.trust != Trust::Notified || session.parent.is_some();
        if session.has_outlived(own, now) && is_used_elsewhere {
            // Another gateway, or another branch of the same sign-in, may have seen it in use.
            self.cache.invalidate(Invalidation::Changed(session.key));
            let here = session.last_seen();
            let Some(asked_again) = self.find(session.key, now, limits).await? else {
                return Ok(Presented::Invalid);
            };
            asked_again.last_seen.fetch_max(here.as_millis(), Ordering::Relaxed);
            self.follow_parent(&asked_again);
            session = asked_again;
        }
        if session.has_outlived(own, now) {
            self.end(&session).await?;
            return Ok(Presented::Invalid);
        }
        self.touch(&session, now);
        Ok(Presented::Alive(session))
    }

    /// Whether the session of a long request (a WebSocket, a download) is still alive; counts as a use.
    pub async fn goes_on(
        &self,
        session: &Session,
        now: Timestamp,
        limits: &SessionLimits,
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

    async fn find(
        &self,
        key: SessionKey,
        now: Timestamp,
        limits: &SessionLimits,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        let cached = self.cache.get(&key);
        if let Some(session) = cached.as_deref().filter(|session| session.is_idle(now, limits)) {
            self.follow_parent(session);
        }
        match &cached {
            Some(session) if self.may_believe(session, now, limits) => {
                return Ok(cached.filter(|session| session.is_alive(now, limits)));
            }
            _ => {}
        }
        // A session that is invalidated while the store is asked must not be cached afterwards.
        let (epoch, losses) = (self.cache.epoch(&key), self.cache.losses());
        match self.store.find(key).await {
            Ok(Some(record)) => {
                let session = Session::from_record(record, now, losses);
                if let Some(cached) = cached {
                    session.last_seen.fetch_max(cached.last_seen.load(Ordering::Relaxed), Ordering::Relaxed);
                }
                self.follow_parent(&session);
                self.cache.insert_since(&session, epoch);
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

    /// Whether a cached session counts without asking the store.
    fn may_believe(&self, session: &Session, now: Timestamp, limits: &SessionLimits) -> bool {
        if !session.settled.load(Ordering::SeqCst) || self.cache.doubts(session) {
            return false;
        }
        match self.trust {
            // The parent of a branch that looks idle may be in use and not cached.
            Trust::Notified => session.parent.is_none() || !session.is_idle(now, limits),
            // Another gateway may have seen a use of a session that looks idle here.
            Trust::Shared { cache_ttl, .. } => {
                now.since(session.read_at) < cache_ttl && !session.is_idle(now, limits)
            }
        }
    }

    /// Whether a cached session counts while the store cannot be asked.
    fn may_go_on(&self, session: &Session, now: Timestamp) -> bool {
        if !session.settled.load(Ordering::SeqCst) {
            return false;
        }
        match self.trust {
            Trust::Notified => true,
            Trust::Shared { cache_ttl, grace } => now.since(session.read_at) < cache_ttl + grace,
        }
    }

    /// Notes a use. Once a second is enough for limits that count in minutes, and keeps the cores from passing one cache
    /// line around; the store is notified once a minute.
    fn touch(&self, session: &Session, now: Timestamp) {
        if now.since(session.last_seen()) < Duration::from_secs(1) {
            return;
        }
        session.last_seen.store(now.as_millis(), Ordering::Relaxed);
        if let Some(parent) = session.parent.and_then(|parent| self.cache.get(&parent)) {
            parent.last_seen.fetch_max(now.as_millis(), Ordering::Relaxed);
        }
        let noted = session.noted.load(Ordering::Relaxed);
        let due = now.since(Timestamp::from_millis(noted)) >= NOTE_EVERY;
        let ours =
            || session.noted.compare_exchange(noted, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed);
        if due && ours().is_ok() {
            self.store.note_use(session.sign_in(), now);
        }
    }

    /// Counts the uses of the sign-in and of its other branches, as far as this gateway has seen them.
    fn follow_parent(&self, session: &Session) {
        if let Some(parent) = session.parent.and_then(|parent| self.cache.peek(&parent)) {
            session.last_seen.fetch_max(parent.last_seen.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}
