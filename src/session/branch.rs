//! Branches of a sign-in: the sessions of app hosts, when people sign in at a portal host.
//!
//! A branch has a token, a host, a browser and application data of its own. Everything that decides whether it is alive and
//! what it may do comes from the sign-in, its parent, at each reading: owner, proofs, time limits, last use. So a branch
//! cannot outlive its parent, and a confirmation at the portal host counts on every host.

use std::net::IpAddr;

use super::{Record, Session, SessionData, SessionKey, opening::shortened};
use crate::clock::Timestamp;

/// A branch to be opened for a browser.
#[derive(Debug)]
pub struct Branch<'a> {
    /// The sign-in at the portal host.
    pub parent: SessionKey,
    /// Address of the browser.
    pub client_addr: IpAddr,
    /// `User-Agent` of the browser.
    pub user_agent: &'a str,
    /// The app host that the cookie will be for.
    pub host: &'a str,
    /// The session that came with the request; it ends. The branch takes over its data if it was the same user's, or a
    /// visitor's.
    pub replaces: Option<&'a Session>,
}

/// A branch to be stored.
#[derive(Clone, Debug)]
pub struct NewBranch {
    /// Hash of its token.
    pub key: SessionKey,
    /// The sign-in at the portal host.
    pub parent: SessionKey,
    /// Address of the browser.
    pub client_addr: IpAddr,
    /// `User-Agent` of the browser, shortened.
    pub user_agent: Box<str>,
    /// The host that the browser's cookie is for.
    pub host: Box<str>,
    /// The data of applications.
    pub data: SessionData,
    /// When it is opened.
    pub opened: Timestamp,
    /// The session of the same browser and host that it takes the place of.
    pub replaces: Option<SessionKey>,
}

/// A stored branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsertedBranch {
    /// The branch, with what comes from its parent.
    pub record: Record,
    /// The sessions that ended for it.
    pub ended: Vec<SessionKey>,
}

impl Branch<'_> {
    pub(super) fn into_new(self, key: SessionKey, data: SessionData, opened: Timestamp) -> NewBranch {
        let Self { parent, client_addr, user_agent, host, replaces } = self;
        NewBranch {
            key,
            parent,
            client_addr,
            user_agent: shortened(user_agent),
            host: host.into(),
            data,
            opened,
            replaces: replaces.map(|old| old.key),
        }
    }
}

impl NewBranch {
    /// The record of this branch under its parent; `None` if that session can have no branches.
    pub(super) fn under(&self, parent: &Record) -> Option<Record> {
        let Self { key, parent: parent_key, client_addr, user_agent, host, data, .. } = self.clone();
        let own =
            Record { key, parent: Some(parent_key), client_addr, user_agent, host, data, ..parent.clone() };
        own.under(parent)
    }
}

impl Record {
    /// A branch with all that comes from its parent. `None`: the parent is no sign-in that can have branches, and the
    /// branch is not alive.
    pub(super) fn under(self, parent: &Self) -> Option<Self> {
        if parent.parent.is_some() || parent.owner.user().is_none() || self.parent != Some(parent.key) {
            return None;
        }
        let Self { key, client_addr, user_agent, host, data, .. } = self;
        Some(Self {
            key,
            parent: Some(parent.key),
            client_addr,
            user_agent,
            host,
            data,
            owner: parent.owner,
            signed_in: parent.signed_in,
            proofs: parent.proofs,
            source: parent.source.clone(),
            expires: parent.expires,
            last_seen: parent.last_seen,
            remembered: parent.remembered,
        })
    }
}

/// Maximum number of branches of a sign-in; past it, the oldest one ends, and its host asks the portal host again. A browser
/// needs one for each host, but a script can open one after the other.
pub(super) const MAX_BRANCHES: usize = 256;
