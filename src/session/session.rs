//! A session in memory, shared by all requests of a browser.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use super::{AppSessionLimits, Owner, Record, SessionData, SessionKey, SessionLimits, SessionSource};
use crate::{clock::Timestamp, identity::Proofs};

/// The session of one browser.
#[derive(Debug)]
pub struct Session {
    /// Hash of its token.
    pub key: SessionKey,
    /// Whose it is.
    pub owner: Owner,
    /// When the browser signed in, or first came.
    pub signed_in: Timestamp,
    /// How and when its owner proved who they are.
    pub proofs: Proofs,
    /// The backend that proved it; `None` for a visitor, and for a session of an older release.
    pub source: Option<SessionSource>,
    /// The sign-in at the portal host that it is a branch of; `None`: a session of its own.
    pub parent: Option<SessionKey>,
    /// The absolute limit: dead from here on, whatever happens (ASVS 5.0 7.3.2).
    pub expires: Timestamp,
    /// Whether the user asked to be kept signed in on this device: then only the absolute limit holds.
    pub remembered: bool,
    /// Address of the browser at sign-in.
    pub client_addr: IpAddr,
    /// `User-Agent` of the browser at sign-in, shortened.
    pub user_agent: Box<str>,
    /// The host that its cookie is for; empty for a session of an older release.
    pub host: Box<str>,
    pub(super) data: SessionData,
    pub(super) last_seen: AtomicI64,
    /// The last use that the store was notified of.
    pub(super) noted: AtomicI64,
    /// When it was read from the store.
    pub(super) read_at: Timestamp,
    /// The cache's count of lost notifications at that time.
    pub(super) losses: u64,
    /// Whether it has changed since it was read.
    pub(super) changed: AtomicBool,
    ended: AtomicBool,
    /// Whether its end was reported, or is nobody's business.
    reported: AtomicBool,
    /// Whether no invalidation arrived between reading and caching it.
    pub(super) settled: AtomicBool,
}

impl Session {
    pub(super) fn from_record(record: Record, now: Timestamp, losses: u64) -> Arc<Self> {
        Arc::new(Self {
            key: record.key,
            owner: record.owner,
            signed_in: record.signed_in,
            proofs: record.proofs,
            source: record.source,
            parent: record.parent,
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
            reported: AtomicBool::new(false),
            settled: AtomicBool::new(false),
        })
    }

    /// Whether it may be used at `now`.
    pub fn is_alive(&self, now: Timestamp, limits: &SessionLimits) -> bool {
        !self.has_ended() && now < self.dies_at(limits) && !self.is_idle(now, limits)
    }

    /// When it ends, however much it is used. A limit that a reload has shortened holds for open sessions, too.
    pub fn dies_at(&self, limits: &SessionLimits) -> Timestamp {
        limits.end_of(self.signed_in, self.expires, self.remembered)
    }

    /// Whether it is too old for an app with limits of its own, however much it is used.
    pub fn is_too_old_for(&self, own: &AppSessionLimits, now: Timestamp) -> bool {
        own.lifetime.is_some_and(|lifetime| now >= self.signed_in + lifetime)
    }

    /// Whether it is too old, or was unused for too long, for an app with limits of its own.
    pub fn has_outlived(&self, own: &AppSessionLimits, now: Timestamp) -> bool {
        self.is_too_old_for(own, now) || own.idle_timeout.is_some_and(|idle| now >= self.last_seen() + idle)
    }

    /// The sign-in that it is a branch of, or the session itself: a use of the one is a use of the other.
    pub fn sign_in(&self) -> SessionKey {
        self.parent.unwrap_or(self.key)
    }

    /// When it was last used.
    pub fn last_seen(&self) -> Timestamp {
        Timestamp::from_millis(self.last_seen.load(Ordering::Relaxed))
    }

    /// Whether somebody ended it.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// The data that applications store in it, as of when it was read.
    pub fn data(&self) -> &SessionData {
        &self.data
    }

    pub(super) fn is_idle(&self, now: Timestamp, limits: &SessionLimits) -> bool {
        !self.remembered && now >= self.last_seen() + limits.idle_timeout
    }

    /// Whether its end is still to be reported; it is no more after this.
    pub(super) fn report_once(&self) -> bool {
        !self.reported.swap(true, Ordering::AcqRel)
    }

    /// Marks it as ended, for requests that hold it already.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }
}
