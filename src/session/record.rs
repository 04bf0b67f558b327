//! A session as stores hold it.
//!
//! A [`Record`] is plain data. Its stored form, and how older records are read, is in `stored`.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{SessionKey, SessionLimits, SessionSource, data::SessionData};
use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, Proofs, UserId},
};

/// All that is known of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
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
    /// The sign-in at the portal host that it is a branch of: it ends with that session. `None`: a session of its own.
    pub parent: Option<SessionKey>,
    /// The absolute limit: dead from here on, whatever happens (ASVS 5.0 7.3.2).
    pub expires: Timestamp,
    /// When it was last used; may be a minute old.
    pub last_seen: Timestamp,
    /// Whether the user asked to be kept signed in on this device: then only the absolute limit holds.
    pub remembered: bool,
    /// Address of the browser at sign-in.
    pub client_addr: IpAddr,
    /// `User-Agent` of the browser at sign-in, shortened.
    pub user_agent: Box<str>,
    /// The host that the browser's cookie is for, with a port if it is not the usual one. Empty for a session of an older
    /// release.
    pub host: Box<str>,
    /// The data that applications store in it.
    pub data: SessionData,
}

impl Record {
    /// When the session ends under these limits, however much it is used.
    pub fn dies_at(&self, limits: &SessionLimits) -> Timestamp {
        limits.end_of(self.signed_in, self.expires, self.remembered)
    }

    /// Whether it is inside its time limits, as far as a record knows: its last use may be a minute old.
    pub fn may_be_alive(&self, now: Timestamp, limits: &SessionLimits) -> bool {
        let idle = now >= self.last_seen + limits.idle_timeout + NOTE_EVERY;
        now < self.dies_at(limits) && (self.remembered || !idle)
    }
}

/// A sign-in in a list, with the hosts that it reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedRecord {
    /// The session; never a branch.
    pub record: Record,
    /// The hosts of its branches, each once, in the order of the alphabet.
    pub branch_hosts: Vec<Box<str>>,
}

impl ListedRecord {
    pub(super) fn new(record: Record, hosts: impl IntoIterator<Item = Box<str>>) -> Self {
        let mut branch_hosts: Vec<Box<str>> = hosts.into_iter().collect();
        branch_hosts.sort_unstable();
        branch_hosts.dedup();
        Self { record, branch_hosts }
    }
}

/// Whose a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owner {
    /// A user who signed in.
    User {
        /// Who.
        id: UserId,
        /// The user's credential at sign-in: once it has changed, the session is dead.
        credential: CredentialVersion,
    },
    /// A visitor who has not signed in, for whom an app stores data.
    Visitor,
}

impl Owner {
    /// The user, if it is one.
    pub fn user(self) -> Option<UserId> {
        match self {
            Self::User { id, .. } => Some(id),
            Self::Visitor => None,
        }
    }
}

/// How often the store is notified of a session's use.
pub(super) const NOTE_EVERY: Duration = Duration::from_mins(1);
