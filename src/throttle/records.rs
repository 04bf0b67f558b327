//! The counters, for the command line: listed and cleared in the state folder or in Redis, whether a gateway runs or not.

use std::{net::IpAddr, path::Path};

use super::{
    Network, ThrottleError, ThrottleFiles, ThrottleKey,
    counter::Counter,
    device::Secret,
    disk::{self, Cleared},
    redis::Shared,
};
use crate::{clock::Timestamp, identity::UserId, store::redis::RedisLink};

/// A counter, for the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The owner of the failures.
    pub key: ThrottleKey,
    /// Failures in the window, and since the last wait.
    pub failures: u32,
    /// How many waits there have been, one after the other.
    pub waits: u32,
    /// When the next attempt may be made, if not now.
    pub blocked_until: Option<Timestamp>,
    /// When the last failure was.
    pub last: Timestamp,
}

impl Listed {
    /// `account`, `device`, `unknown-name` or `address`.
    pub fn kind(&self) -> &'static str {
        self.key.kind().as_str()
    }
}

/// Which counters are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The counters of a user and of all their devices.
    User(UserId),
    /// The counter of a name that no user has, in its canonical form.
    Name(String),
    /// The counter of the network of an address.
    Address(IpAddr),
    /// All.
    All,
}

/// Where the counters are.
#[derive(Debug)]
pub enum ThrottleRecords {
    /// In the state folder. A running gateway notices within a second which counters were cleared.
    Files(ThrottleFiles),
    /// In Redis.
    Redis(RedisLink),
}

impl ThrottleRecords {
    /// The counters in the order of their keys, without those that count no more at `now`.
    pub async fn list(&self, selection: &Selection, now: Timestamp) -> Result<Vec<Listed>, ThrottleError> {
        let meant = self.meant(selection).await?;
        let mut all = match self {
            Self::Files(files) if is_missing(&files.database) => Vec::new(),
            Self::Files(files) => disk::list(&files.database)?,
            Self::Redis(link) => Shared::new(link.clone()).list().await?,
        };
        all.sort_unstable_by_key(|(key, _)| *key);
        let is_shown = |(key, counter): &(ThrottleKey, Counter)| {
            let says = counter.total > 0 && !counter.is_history(now);
            says && meant.iter().any(|meant| meant.is_meant(key))
        };
        Ok(all
            .into_iter()
            .filter(is_shown)
            .map(|(key, counter)| Listed {
                key,
                failures: counter.failures,
                waits: counter.step,
                blocked_until: Some(counter.blocked_until).filter(|until| *until > now),
                last: counter.last,
            })
            .collect())
    }

    /// Clears counters; returns how many there were.
    pub async fn clear(&self, selection: &Selection) -> Result<usize, ThrottleError> {
        let meant = self.meant(selection).await?;
        match self {
            Self::Files(files) if is_missing(&files.database) => Ok(0),
            Self::Files(files) => Ok(disk::clear(&files.database, &meant)?),
            Self::Redis(link) => Ok(Shared::new(link.clone()).clear(meant).await?),
        }
    }

    async fn meant(&self, selection: &Selection) -> Result<Vec<Cleared>, ThrottleError> {
        Ok(match selection {
            Selection::User(user) => vec![Cleared::One(ThrottleKey::Account(*user)), Cleared::Devices(*user)],
            Selection::Address(addr) => vec![Cleared::One(ThrottleKey::Address(Network::of(*addr)))],
            Selection::All => vec![Cleared::All],
            Selection::Name(name) => {
                let secret = match self {
                    Self::Files(files) => Secret::read(&files.key)?,
                    // Without a key in Redis, no name has been counted, and any key will do.
                    Self::Redis(link) => {
                        Some(Shared::new(link.clone()).agree_on(&Secret::generate()?).await?)
                    }
                };
                secret
                    .map(|secret| Cleared::One(ThrottleKey::Name(secret.digest(name))))
                    .into_iter()
                    .collect()
            }
        })
    }
}

/// Opening would make an empty one.
fn is_missing(database: &Path) -> bool {
    matches!(database.try_exists(), Ok(false))
}
