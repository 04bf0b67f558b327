//! How often somebody may guess a password.
//!
//! Every entrance at which a password is checked asks for an [`Attempt`] first, and tells it how it ended. Failures
//! are counted per account, whatever was typed to name it, and per address; names that nobody has are counted as if
//! they were accounts, so that nothing tells the two apart. A browser in which the user has signed in before, which
//! its device cookie proves, has a budget of its own in place of both, so that nobody is locked out by a stranger.
//! Past the budget there are waits that grow (`counter`); while one lasts no password is looked at, not even the
//! right one.
//!
//! The counters are in memory, bounded (`ledger`), and behind it in `throttle.db` (`disk`); with several gateways
//! they are in Redis (`redis`), and in memory while Redis does not answer. Nothing here is on the path of somebody
//! who is signed in.

mod counter;
mod device;
mod disk;
mod key;
mod ledger;
mod redis;

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub use device::{DEVICE_KEPT, SecretError};
pub use key::{DeviceId, Key, NameDigest, Network};

use self::{
    counter::Counter,
    device::Secret,
    disk::{Cleared, Disk},
    ledger::Ledger,
    redis::{Shared, Step},
};
use crate::{
    clock::{Clock, Timestamp},
    database::DatabaseError,
    identity::UserId,
    session::{RedisLink, StoreError},
};

/// `[throttle]`: how many failures are forgiven, and how long the waits are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Failures of an account, or of a known device of it, within the window. Default 5; at most 100, as NIST SP
    /// 800-63B-4 §3.2.2 has it.
    pub per_account: u32,
    /// Failures from an address within the window. Default 50: many people may be behind one.
    pub per_address: u32,
    /// Default 10 minutes.
    pub window: Duration,
    /// What one wait after the other takes, the last of them from then on. Default 1, 5, 15, 60 minutes. Never
    /// empty, and none is shorter than the one before.
    pub waits: Arc<[Duration]>,
}

impl Default for Limits {
    fn default() -> Self {
        let waits = [1, 5, 15, 60].map(Duration::from_mins);
        Self { per_account: 5, per_address: 50, window: Duration::from_mins(10), waits: waits.into() }
    }
}

/// Counts failed sign-ins; one for the process.
#[derive(Debug)]
pub struct Throttle {
    ledger: Arc<Mutex<Ledger>>,
    shared: Option<Shared>,
    secret: Secret,
    clock: Clock,
    disk: Option<Disk>,
}

/// Where the throttle keeps its files: in the state folder.
#[derive(Clone, Debug)]
pub struct Files {
    /// The counters, `throttle.db`.
    pub database: PathBuf,
    /// The key of device cookies, `device.key`.
    pub key: PathBuf,
}

/// Why there is no throttle, or no answer of it.
#[derive(Debug, thiserror::Error)]
pub enum ThrottleError {
    /// The embedded database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The key of device cookies.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Redis.
    #[error(transparent)]
    Redis(#[from] StoreError),
}

/// Who tries a password, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Guess<'a> {
    /// Whose password.
    pub whose: Whose<'a>,
    /// Address of the client.
    pub client_addr: IpAddr,
    /// Value of the device cookie, if there is one.
    pub device: Option<&'a [u8]>,
}

/// Whose password is tried.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'a> {
    /// A user's, disabled ones included.
    User(UserId),
    /// Nobody's: the name in its canonical form, or as it was typed if it has none.
    Nobody(&'a str),
}

/// Too many failures before: the password is not to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub Duration);

/// An attempt that may be made. Given back if it is dropped: whoever did not get an answer has learnt nothing.
#[derive(Debug)]
#[must_use]
pub struct Attempt<'t> {
    throttle: &'t Throttle,
    limits: &'t Limits,
    /// At most two. Empty once it is settled.
    keys: Vec<Key>,
    place: Place,
}

/// Where an attempt was reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Here,
    Shared,
}

/// A wait that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// For whom.
    pub key: Key,
    /// How long.
    pub wait: Duration,
}

impl Blocked {
    /// `account`, `device`, `unknown-name` or `address`.
    pub fn kind(&self) -> &'static str {
        self.key.kind().as_str()
    }
}

impl Throttle {
    /// Counts in memory and behind it in a file.
    pub fn open(files: &Files, clock: Clock) -> Result<Self, ThrottleError> {
        let secret = Secret::ensure(&files.key)?;
        let ledger = Arc::<Mutex<Ledger>>::default();
        let disk = Disk::start(&files.database, clock.clone(), Arc::clone(&ledger))?;
        Ok(Self { ledger, shared: None, secret, clock, disk: Some(disk) })
    }

    /// Counts in Redis, with other gateways, and in memory while it does not answer. All of them use one key: that
    /// of the first of them.
    pub async fn shared(link: RedisLink, files: &Files, clock: Clock) -> Result<Self, ThrottleError> {
        let (shared, own) = (Shared::new(link), Secret::ensure(&files.key)?);
        let secret = shared.agree_on(&own).await?;
        if *secret.to_hex() != *own.to_hex() {
            // Should Redis lose it, whoever starts next brings it back.
            secret.replace(&files.key)?;
        }
        Ok(Self { ledger: Arc::default(), shared: Some(shared), secret, clock, disk: None })
    }

    /// Counts in memory alone, under a key of its own, until it is dropped.
    pub fn forgetful(clock: Clock) -> Result<Self, ThrottleError> {
        let (ledger, secret) = (Arc::default(), Secret::generate()?);
        Ok(Self { ledger, shared: None, secret, clock, disk: None })
    }

    /// Whether a password may be looked at now. To be asked before anything that depends on the password.
    pub async fn attempt<'t>(&'t self, guess: Guess<'_>, limits: &'t Limits) -> Result<Attempt<'t>, Wait> {
        let (keys, now) = (self.keys(&guess), self.clock.now());
        let attempt = |keys, place| Attempt { throttle: self, limits, keys, place };
        if let Some(shared) = &self.shared {
            match shared.step(Step::Reserve, &keys, now, limits).await {
                Ok(waits) => {
                    return match waits.into_iter().max().unwrap_or_default() {
                        Duration::ZERO => Ok(attempt(keys, Place::Shared)),
                        wait => Err(Wait(wait)),
                    };
                }
                Err(error) => warn(&error),
            }
        }
        let reserved = self.lock().reserve(&keys, now, limits);
        reserved.map(|()| attempt(keys, Place::Here)).map_err(Wait)
    }

    /// A cookie's value that makes this browser a known device of the user: the one that it has, or a new one.
    pub fn device_cookie(&self, user: UserId, presented: Option<&[u8]>) -> Result<String, SecretError> {
        let known = presented.and_then(|cookie| self.secret.device(user, cookie));
        let device = known.map_or_else(DeviceId::generate, Ok)?;
        Ok(self.secret.cookie(user, device))
    }

    /// Waits until what has been counted is on the disk; for the end of the process.
    pub fn flush(&self) {
        if let Some(disk) = &self.disk {
            disk.flush();
        }
    }

    fn keys(&self, guess: &Guess<'_>) -> Vec<Key> {
        let address = Key::Address(Network::of(guess.client_addr));
        match guess.whose {
            Whose::User(user) => match guess.device.and_then(|cookie| self.secret.device(user, cookie)) {
                Some(device) => vec![Key::Device(user, device)],
                None => vec![Key::Account(user), address],
            },
            Whose::Nobody(name) => vec![Key::Name(self.secret.digest(name)), address],
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// The password was wrong. Counted when this returns; which waits begin.
    pub async fn failed(mut self) -> Vec<Blocked> {
        let keys = std::mem::take(&mut self.keys);
        let (throttle, now) = (self.throttle, self.throttle.clock.now());
        if let (Place::Shared, Some(shared)) = (self.place, &throttle.shared) {
            match shared.step(Step::Fail, &keys, now, self.limits).await {
                Ok(waits) => {
                    let begun = keys.into_iter().zip(waits).filter(|(_, wait)| !wait.is_zero());
                    return begun.map(|(key, wait)| Blocked { key, wait }).collect();
                }
                // Counted here, then: Redis was lost between the two.
                Err(error) => warn(&error),
            }
        }
        let begun = throttle.lock().fail(&keys, now, self.limits);
        begun.into_iter().map(|(key, wait)| Blocked { key, wait }).collect()
    }

    /// The password was right.
    pub async fn succeeded(mut self) {
        let keys = std::mem::take(&mut self.keys);
        let (throttle, now) = (self.throttle, self.throttle.clock.now());
        if let (Place::Shared, Some(shared)) = (self.place, &throttle.shared) {
            if let Err(error) = shared.step(Step::Succeed, &keys, now, self.limits).await {
                warn(&error);
            }
            return;
        }
        throttle.lock().succeed(&keys, self.limits);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.keys.is_empty() {
            return;
        }
        let throttle = self.throttle;
        match (self.place, &throttle.shared) {
            (Place::Shared, Some(shared)) => {
                // It is sent already, and what is not heard of is given back by itself after two minutes.
                drop(shared.step(Step::GiveBack, &self.keys, throttle.clock.now(), self.limits));
            }
            _ => throttle.lock().give_back(&self.keys, self.limits),
        }
    }
}

/// A counter, for the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Whose failures.
    pub key: Key,
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
    /// Those of a user and of all their devices.
    User(UserId),
    /// That of a name that nobody has, in its canonical form.
    Name(String),
    /// That of the network of an address.
    Address(IpAddr),
    /// All.
    All,
}

/// The counters as the command line finds them, whether a gateway runs or not.
#[derive(Debug)]
pub enum Records {
    /// In the state folder. A running gateway notices within a second what was cleared.
    Files(Files),
    /// In Redis.
    Redis(RedisLink),
}

impl Records {
    /// What there is, in the order of the keys; what has nothing to say at `now` is left out.
    pub async fn list(&self, selection: &Selection, now: Timestamp) -> Result<Vec<Listed>, ThrottleError> {
        let meant = self.meant(selection).await?;
        let mut all = match self {
            Self::Files(files) if is_missing(&files.database) => Vec::new(),
            Self::Files(files) => disk::list(&files.database)?,
            Self::Redis(link) => Shared::new(link.clone()).list().await?,
        };
        all.sort_unstable_by_key(|(key, _)| *key);
        let is_shown = |(key, counter): &(Key, Counter)| {
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

    /// Forgets; how many counters there were.
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
            Selection::User(user) => vec![Cleared::One(Key::Account(*user)), Cleared::Devices(*user)],
            Selection::Address(addr) => vec![Cleared::One(Key::Address(Network::of(*addr)))],
            Selection::All => vec![Cleared::All],
            Selection::Name(name) => {
                let secret = match self {
                    Self::Files(files) => Secret::read(&files.key)?,
                    // Without one, nothing has been counted, and any will do.
                    Self::Redis(link) => {
                        Some(Shared::new(link.clone()).agree_on(&Secret::generate()?).await?)
                    }
                };
                secret.map(|secret| Cleared::One(Key::Name(secret.digest(name)))).into_iter().collect()
            }
        })
    }
}

/// Opening would make an empty one.
fn is_missing(database: &Path) -> bool {
    matches!(database.try_exists(), Ok(false))
}

fn warn(error: &StoreError) {
    let cause = error.source.to_string();
    tracing::warn!(%error, cause, "failed sign-ins are counted by this gateway alone");
}
