//! The names of keys in Redis.

use crate::{
    identity::UserId,
    session::{OneTimeKey, OneTimePurpose, SessionKey},
    store::redis::KeyPrefix,
};

/// The names of our keys.
#[derive(Clone, Debug)]
pub(super) struct Keys(KeyPrefix);

impl Keys {
    pub(super) fn new(prefix: KeyPrefix) -> Self {
        Self(prefix)
    }

    /// The start of all of them.
    pub(super) fn prefix(&self) -> &str {
        self.0.as_str()
    }

    /// The hash of one session.
    pub(super) fn session(&self, key: SessionKey) -> String {
        format!("{}:s:{}", self.0, key.to_hex())
    }

    /// A user's sessions by sign-in.
    pub(super) fn of_user(&self, user: UserId) -> String {
        format!("{}:u:{}", self.0, user.0)
    }

    /// All sessions, in the order of their keys.
    pub(super) fn all(&self) -> String {
        format!("{}:all", self.0)
    }

    /// The branches of a sign-in.
    pub(super) fn branches_of(&self, key: SessionKey) -> String {
        format!("{}:b:{}", self.0, key.to_hex())
    }

    /// A one-time entry.
    pub(super) fn one_time(&self, purpose: OneTimePurpose, key: OneTimeKey) -> String {
        format!("{}:o:{}:{}", self.0, purpose.as_str(), key.to_hex())
    }

    /// The one-time entries of a purpose, by their expiry.
    pub(super) fn one_time_of(&self, purpose: OneTimePurpose) -> String {
        format!("{}:o:{}", self.0, purpose.as_str())
    }

    /// The counter of messages.
    pub(super) fn counter(&self) -> String {
        format!("{}:seq", self.0)
    }

    /// The channel of messages about sessions that ended or changed.
    pub(super) fn channel(&self) -> String {
        format!("{}:ended", self.0)
    }
}
