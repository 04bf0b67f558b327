//! A token as its owner's account knows it.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};

use super::{TokenHash, TokenId};
use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, InvalidScope, Scope},
};

/// An API token of an account. Its secret is known by its hash alone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StoredToken {
    /// Its number.
    pub id: TokenId,
    /// The name that its owner gave it.
    pub name: String,
    /// The hash of its secret.
    pub hash: TokenHash,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// When it was last used, to the minute.
    pub last_used: LastUse,
    /// The credential version of the owner when it was made.
    pub credential: CredentialVersion,
    /// Its limits.
    pub limits: TokenLimits,
}

/// The limits of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenLimits {
    /// Apps, paths and methods.
    #[serde(default)]
    pub scope: Scope,
    /// The networks from which it may be used; empty: from everywhere.
    #[serde(default)]
    pub networks: Vec<IpNet>,
    /// Whether the token was made by somebody who had just shown two factors; it counts as two then.
    #[serde(default)]
    pub multi_factor: bool,
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The name that the owner gives it.
    pub name: String,
    /// When it ends.
    pub expires: Timestamp,
    /// Its limits.
    pub limits: TokenLimits,
}

/// Why a token cannot have a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// The name is empty, too long, or has control characters.
    #[error(
        "the name of a token has 1 to {MAX_NAME} characters, none of them a line break or another control character"
    )]
    Name,
    /// The scope is not valid.
    #[error(transparent)]
    Scope(#[from] InvalidScope),
    /// There are too many networks.
    #[error("a token has at most {MAX_NETWORKS} networks")]
    Networks,
}

/// When a token was last used. Shared by all copies of the account in the cache, so that it is written once a minute at
/// most; a write is no change of the account.
#[derive(Clone, Debug, Default)]
pub struct LastUse(Arc<AtomicI64>);

impl NewToken {
    /// Whether it can be stored.
    pub fn check(&self) -> Result<(), InvalidToken> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME || name.contains(char::is_control) {
            return Err(InvalidToken::Name);
        }
        if self.limits.networks.len() > MAX_NETWORKS {
            return Err(InvalidToken::Networks);
        }
        Ok(self.limits.scope.check()?)
    }
}

impl TokenLimits {
    /// Whether the token may be used from this address; `None`: the address is not known.
    pub fn admits(&self, client: Option<IpAddr>) -> bool {
        self.networks.is_empty()
            || client.is_some_and(|client| {
                let client = client.to_canonical();
                self.networks.iter().any(|network| network.contains(&client))
            })
    }
}

impl LastUse {
    /// When that was; `None`: never.
    pub fn at(&self) -> Option<Timestamp> {
        Some(self.0.load(Ordering::Relaxed)).filter(|at| *at > 0).map(Timestamp::from_millis)
    }

    /// Notes a use. True if it is the first one in its minute: the caller has it written.
    pub fn note(&self, now: Timestamp) -> bool {
        let minute = now.as_millis() - now.as_millis().rem_euclid(MINUTE);
        let before = self.0.load(Ordering::Relaxed);
        before < minute
            && self.0.compare_exchange(before, minute, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl PartialEq for LastUse {
    fn eq(&self, other: &Self) -> bool {
        self.at() == other.at()
    }
}

impl Eq for LastUse {}

impl<'de> Deserialize<'de> for LastUse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let at = Option::<i64>::deserialize(deserializer)?;
        Ok(Self(Arc::new(AtomicI64::new(at.unwrap_or_default()))))
    }
}

const MAX_NAME: usize = 100;
const MAX_NETWORKS: usize = 32;
/// In milliseconds.
const MINUTE: i64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_written_once_a_minute() {
        let used = LastUse::default();
        let at = Timestamp::from_millis;
        assert_eq!(used.at(), None);
        assert!(used.note(at(120_001)));
        assert!(!used.note(at(150_000)) && !used.clone().note(at(179_999)));
        assert_eq!(used.at(), Some(at(120_000)));
        assert!(used.note(at(180_000)));
        assert!(!used.note(at(60_000)), "a clock that goes back writes nothing");
    }

    #[test]
    fn a_token_for_networks_is_refused_from_an_unknown_address() {
        let limits = TokenLimits { networks: vec!["10.0.0.0/8".parse().unwrap()], ..TokenLimits::default() };
        assert!(limits.admits(Some("10.1.2.3".parse().unwrap())));
        assert!(limits.admits(Some("::ffff:10.1.2.3".parse().unwrap())));
        assert!(!limits.admits(Some("192.0.2.1".parse().unwrap())));
        assert!(!limits.admits(None));
        assert!(TokenLimits::default().admits(None));
    }

    #[test]
    fn a_token_without_a_readable_name_is_refused() {
        let new = |name: &str| NewToken {
            name: name.to_owned(),
            expires: Timestamp::from_millis(0),
            limits: TokenLimits::default(),
        };
        for bad in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert_eq!(new(bad).check(), Err(InvalidToken::Name), "{bad:?}");
        }
        assert_eq!(new("backup of the wiki").check(), Ok(()));
    }
}
