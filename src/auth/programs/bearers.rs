//! Access tokens of providers that were right in the last minute, so that a program that sends one with each request costs
//! one check of a signature a minute.
//!
//! An entry says which identity a token is for, and until when. Whether the identity still belongs to the account, and
//! what the user may do, is looked up in the directory for each request. The entry counts as long as the provider that has
//! checked the token is one of the configuration of the request: a reload with other settings makes another provider.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use aws_lc_rs::digest;
use moka::{policy::EvictionPolicy, sync::Cache};

use crate::{
    auth::oidc::{AccessToken, Provider},
    clock::Timestamp,
    identity::UserId,
};

/// The right access tokens of the last minute.
pub(super) struct Bearers(Cache<BearerKey, Arc<Bearer>>);

/// SHA-256 of a token, whose signature nobody can guess.
pub(super) type BearerKey = [u8; 32];

/// An access token that was right.
#[derive(Debug)]
pub(super) struct Bearer {
    /// The claims of the token.
    pub(super) token: AccessToken,
    /// The provider that has checked it, with its settings.
    pub(super) checked_by: Weak<Provider>,
    /// The user whom its identity belonged to.
    pub(super) user: UserId,
    /// When it was checked.
    pub(super) at: Timestamp,
}

impl Bearers {
    pub(super) fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(MAX_BEARERS)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(VALID_FOR)
                .build(),
        )
    }

    pub(super) fn key(token: &str) -> BearerKey {
        let mut key = [0; 32];
        key.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        key
    }

    /// The entry, if it is not older than a minute and one of these providers has checked the token.
    pub(super) fn get(
        &self,
        key: &BearerKey,
        providers: &[Arc<Provider>],
        now: Timestamp,
    ) -> Option<Arc<Bearer>> {
        let bearer = self.fresh(key, now)?;
        let checked_by = bearer.checked_by.as_ptr();
        providers.iter().any(|provider| Arc::as_ptr(provider) == checked_by).then_some(bearer)
    }

    /// The entry, if it is not older than a minute. A clock that was set back has the token checked again.
    fn fresh(&self, key: &BearerKey, now: Timestamp) -> Option<Arc<Bearer>> {
        self.0.get(key).filter(|bearer| bearer.at <= now && now.since(bearer.at) < VALID_FOR)
    }

    pub(super) fn put(&self, key: BearerKey, bearer: &Arc<Bearer>) {
        self.0.insert(key, Arc::clone(bearer));
    }
}

impl std::fmt::Debug for Bearers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bearers").field("right", &self.0.entry_count()).finish_non_exhaustive()
    }
}

/// A key that a provider has withdrawn is believed for this much longer at most.
const VALID_FOR: Duration = Duration::from_mins(1);
const MAX_BEARERS: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{BackendName, IdentityPair};

    #[test]
    fn an_access_token_is_remembered_for_a_minute() {
        let (bearers, at) = (Bearers::new(), Timestamp::from_millis(1_000));
        let backend = BackendName::parse("corp").unwrap();
        let pair = IdentityPair { backend, authority: "https://issuer".into(), subject: "machine".into() };
        let token = AccessToken { pair, until: at + Duration::from_hours(1), admits: true };
        let key = Bearers::key("one");
        bearers.put(key, &Arc::new(Bearer { token, checked_by: Weak::new(), user: UserId(1), at }));
        assert!(bearers.fresh(&key, at + Duration::from_secs(59)).is_some());
        assert!(bearers.fresh(&key, at + Duration::from_mins(1)).is_none());
        assert!(bearers.fresh(&key, Timestamp::from_millis(999)).is_none());
        assert!(bearers.get(&key, &[], at).is_none(), "no provider of the configuration has checked it");
        assert!(bearers.fresh(&Bearers::key("other"), at).is_none());
    }
}
