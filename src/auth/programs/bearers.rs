//! Access tokens of providers that were right in the last minute, so that a program that sends one with each request costs
//! one check of a signature a minute.
//!
//! An entry says which identity a token is for, and until when. Whether the identity still belongs to the account, and
//! what the user may do, is looked up in the directory for each request. The entry counts as long as the provider that has
//! checked the token is one of the configuration of the request: a reload with other settings makes another provider.
//!
//! For an hour it is remembered that a token was right, and for a day from which network an identity had a right one. This
//! lets nobody in: it decides whether a signature is checked although others were wrong.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use aws_lc_rs::digest;
use moka::{policy::EvictionPolicy, sync::Cache};

use crate::{
    auth::oidc::{AccessToken, Provider},
    clock::Timestamp,
    identity::{IdentityPair, UserId},
    throttle::{Network, Wait},
};

/// The right access tokens of the last minute, and what the throttle has to know of earlier ones.
pub(super) struct Bearers {
    right: Cache<BearerKey, Arc<Bearer>>,
    /// The identities that had a right token, each at a network, with the forgeries in their names from there.
    known: Cache<SenderKey, Arc<Forgeries>>,
}

/// An identity at a network.
type SenderKey = [u8; 32];

/// The wrong signatures of this second in the name of an identity from a network.
///
/// Mallory knows what Alice's machine is called, and sends forged tokens from its network. A wait, as after wrong passwords,
/// would stop the machine for an hour at the price of five requests. Instead as many are checked each second as cost little.
#[derive(Debug, Default)]
pub(super) struct Forgeries(Mutex<Option<(Timestamp, u32)>>);

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
        Self {
            right: Cache::builder()
                .max_capacity(MAX_BEARERS)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(REMEMBERED_FOR)
                .build(),
            known: Cache::builder()
                .max_capacity(MAX_BEARERS)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(KNOWN_FOR)
                .build(),
        }
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
        self.right.get(key).filter(|bearer| bearer.at <= now && now.since(bearer.at) < VALID_FOR)
    }

    /// Whether the token was right before. Its keys and its settings may be others by now.
    pub(super) fn was_right(&self, key: &BearerKey) -> bool {
        self.right.contains_key(key)
    }

    /// The forgeries in the name of an identity from this network; `None`: it had no right token from there.
    pub(super) fn known(&self, from: Network, pair: &IdentityPair) -> Option<Arc<Forgeries>> {
        self.known.get(&sender(from, pair))
    }

    /// Remembers a token that has given an identity to a request from this network.
    pub(super) fn put(&self, key: BearerKey, from: Network, bearer: &Arc<Bearer>) {
        self.right.insert(key, Arc::clone(bearer));
        let sender = sender(from, &bearer.token.pair);
        // Inserted again, so that it is known for another day.
        let forgeries = self.known.get(&sender).unwrap_or_default();
        self.known.insert(sender, forgeries);
    }
}

impl Forgeries {
    /// Whether a signature may be checked now; otherwise the time until the next one may.
    pub(super) fn admit(&self, now: Timestamp) -> Result<(), Wait> {
        match *self.lock() {
            Some((at, wrong)) if wrong >= CHECKED_IN_A_SECOND && is_same_second(at, now) => {
                Err(Wait(SECOND.saturating_sub(now.since(at))))
            }
            _ => Ok(()),
        }
    }

    /// Notes a wrong signature.
    pub(super) fn note(&self, now: Timestamp) {
        let mut noted = self.lock();
        *noted = match *noted {
            Some((at, wrong)) if is_same_second(at, now) => Some((at, wrong.saturating_add(1))),
            _ => Some((now, 1)),
        };
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Timestamp, u32)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that was set back begins another second.
fn is_same_second(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now.since(at) < SECOND
}

fn sender(from: Network, pair: &IdentityPair) -> SenderKey {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&from.octets());
    for part in [pair.backend.as_str(), &pair.authority, &pair.subject] {
        // The length keeps `a` with `bc` apart from `ab` with `c`.
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}

impl std::fmt::Debug for Bearers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bearers").field("right", &self.right.entry_count()).finish_non_exhaustive()
    }
}

/// A key that a provider has withdrawn is believed for this much longer at most.
const VALID_FOR: Duration = Duration::from_mins(1);
/// As long as most providers let an access token live.
const REMEMBERED_FOR: Duration = Duration::from_hours(1);
const KNOWN_FOR: Duration = Duration::from_hours(24);
const MAX_BEARERS: u64 = 10_000;
const SECOND: Duration = Duration::from_secs(1);
/// They take a twentieth of a core with the slowest keys.
const CHECKED_IN_A_SECOND: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::BackendName;

    #[test]
    fn an_access_token_is_remembered_for_a_minute() {
        let (bearers, at) = (Bearers::new(), Timestamp::from_millis(1_000));
        let backend = BackendName::parse("corp").unwrap();
        let pair = IdentityPair { backend, authority: "https://issuer".into(), subject: "machine".into() };
        let token = AccessToken {
            pair: pair.clone(),
            until: at + Duration::from_hours(1),
            admits: true,
            bound_to: None,
        };
        let key = Bearers::key("one");
        let [here, elsewhere] = ["192.0.2.1", "192.0.2.2"].map(|addr| Network::of(addr.parse().unwrap()));
        bearers.put(key, here, &Arc::new(Bearer { token, checked_by: Weak::new(), user: UserId(1), at }));
        assert!(bearers.fresh(&key, at + Duration::from_secs(59)).is_some());
        assert!(bearers.fresh(&key, at + Duration::from_mins(1)).is_none());
        assert!(bearers.fresh(&key, Timestamp::from_millis(999)).is_none());
        assert!(bearers.get(&key, &[], at).is_none(), "no provider of the configuration has checked it");
        assert!(bearers.fresh(&Bearers::key("other"), at).is_none());

        assert!(bearers.was_right(&key) && !bearers.was_right(&Bearers::key("other")));
        assert!(bearers.known(here, &pair).is_some() && bearers.known(elsewhere, &pair).is_none());
        let other = IdentityPair { subject: "another".into(), ..pair };
        assert!(bearers.known(here, &other).is_none());
    }

    #[test]
    fn a_hundred_signatures_in_the_name_of_a_known_identity_are_checked_in_a_second() {
        let (forgeries, at) = (Forgeries::default(), Timestamp::from_millis(1_000));
        for _ in 0..100 {
            assert_eq!(forgeries.admit(at), Ok(()));
            forgeries.note(at);
        }
        let later = at + Duration::from_millis(900);
        assert_eq!(forgeries.admit(later), Err(Wait(Duration::from_millis(100))));
        assert_eq!(forgeries.admit(at + SECOND), Ok(()));
        assert_eq!(forgeries.admit(Timestamp::from_millis(999)), Ok(()), "the clock was set back");
        forgeries.note(at + SECOND);
        assert_eq!(forgeries.admit(at + SECOND), Ok(()));
    }
}
