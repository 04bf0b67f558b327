//! How often somebody may guess a password.
//!
//! Every entrance at which a password is checked asks for an [`Attempt`] first, and tells it how it ended. An attempt
//! whose check has begun counts, whether or not anybody waits for the verdict. Failures are counted per account, whatever was typed to name it, and per address; names that nobody has are counted as if
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
    identity::UserId,
    store::{
        StoreError,
        redis::RedisLink,
        sqlite::{DatabaseError, ReadFile},
    },
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
    counters: Counters,
    secret: Secret,
    disk: Option<Disk>,
}

/// All counters, which attempts share with the throttle: an attempt may outlive the request that made it.
#[derive(Clone, Debug)]
struct Counters {
    ledger: Arc<Mutex<Ledger>>,
    shared: Option<Arc<Shared>>,
    clock: Clock,
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

/// An attempt that may be made.
///
/// It is owned by whatever checks the password, and settles itself when it is dropped: given back if the check has
/// not begun, counted if it has. Otherwise somebody who breaks each sign-in off would have as many checks as they
/// can send.
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    counters: Counters,
    limits: Limits,
    /// At most two. Empty once it is settled.
    keys: Vec<Key>,
    place: Place,
    stage: Stage,
}

/// How far the check of an attempt's password has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The password has not been looked at.
    Reserved,
    /// It is being checked, or was wrong.
    Begun,
    /// It was right.
    Right,
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
        let counters = Counters { ledger, shared: None, clock };
        Ok(Self { counters, secret, disk: Some(disk) })
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
        let counters = Counters { ledger: Arc::default(), shared: Some(Arc::new(shared)), clock };
        Ok(Self { counters, secret, disk: None })
    }

    /// Counts in memory alone, under a key of its own, until it is dropped.
    pub fn forgetful(clock: Clock) -> Result<Self, ThrottleError> {
        let secret = Secret::generate()?;
        Ok(Self { counters: Counters { ledger: Arc::default(), shared: None, clock }, secret, disk: None })
    }

    /// Whether anybody at this address may try a password now, whoever they are. To be asked before a name is looked
    /// up: while the address waits, the time that a look-up takes could tell who exists.
    pub async fn admits(&self, client_addr: IpAddr, limits: &Limits) -> Result<(), Wait> {
        let address = [Key::Address(Network::of(client_addr))];
        let now = self.counters.clock.now();
        if let Some(shared) = &self.counters.shared {
            match shared.step(Step::Look, &address, now, limits).await {
                Ok(waits) => return no_wait(waits),
                Err(error) => warn(&error),
            }
        }
        no_wait([self.counters.lock().wait(&address, now, limits)])
    }

    /// Whether a password may be looked at now. To be asked before anything that depends on the password.
    pub async fn attempt(&self, guess: Guess<'_>, limits: &Limits) -> Result<Attempt, Wait> {
        let (keys, now) = (self.keys(&guess), self.counters.clock.now());
        let attempt = |keys, place| {
            let (counters, limits) = (self.counters.clone(), limits.clone());
            Attempt { counters, limits, keys, place, stage: Stage::Reserved }
        };
        if let Some(shared) = &self.counters.shared {
            match shared.step(Step::Reserve, &keys, now, limits).await {
                Ok(waits) => return no_wait(waits).map(|()| attempt(keys, Place::Shared)),
                Err(error) => warn(&error),
            }
        }
        let reserved = self.counters.lock().reserve(&keys, now, limits);
        reserved.map(|()| attempt(keys, Place::Here)).map_err(Wait)
    }

    /// The user for whom the browser with this device cookie is a known device, read from the cookie alone.
    pub fn owner_of(&self, device: &[u8]) -> Option<UserId> {
        self.secret.owner(device)
    }

    /// A cookie's value that makes this browser a known device of the user: the one that it has, or a new one.
    pub fn device_cookie(&self, user: UserId, presented: Option<&[u8]>) -> Result<String, SecretError> {
        let known = presented.and_then(|cookie| self.secret.device(user, cookie));
        let device = known.map_or_else(DeviceId::generate, Ok)?;
        Ok(self.secret.cookie(user, device))
    }

    /// Which file is written and read; `None` where gateways share what they count.
    pub fn read_file(&self) -> Option<ReadFile> {
        self.disk.as_ref().map(Disk::read_file)
    }

    /// Waits until what has been counted is on the disk; for the end of the process.
    pub fn flush(&self) {
        if let Some(disk) = &self.disk {
            disk.flush();
        }
    }

    /// The same work for a user as for a name that nobody has.
    fn keys(&self, guess: &Guess<'_>) -> Vec<Key> {
        let address = Key::Address(Network::of(guess.client_addr));
        let (user, name) = match guess.whose {
            Whose::User(user) => (Some(user), ""),
            Whose::Nobody(name) => (None, name),
        };
        let device = guess.device.and_then(|cookie| self.secret.device(user.unwrap_or(NOBODY), cookie));
        let name = Key::Name(self.secret.digest(name));
        match (user, device) {
            (Some(user), Some(device)) => vec![Key::Device(user, device)],
            (Some(user), None) => vec![Key::Account(user), address],
            (None, _) => vec![name, address],
        }
    }
}

impl Counters {
    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// The password is looked at now: from here on the attempt counts, whatever becomes of the request.
    pub fn begin(&mut self) {
        self.stage = Stage::Begun;
    }

    /// The password was right. Somebody has to take notice ([`Attempt::succeeded`]) for it to forgive anything.
    pub fn fits(&mut self) {
        self.stage = Stage::Right;
    }

    /// Whether the password was looked at.
    pub fn has_begun(&self) -> bool {
        self.stage != Stage::Reserved
    }

    /// The password was wrong. Counted when this returns; which waits begin.
    pub async fn failed(mut self) -> Vec<Blocked> {
        let keys = std::mem::take(&mut self.keys);
        let (counters, now) = (&self.counters, self.counters.clock.now());
        if let (Place::Shared, Some(shared)) = (self.place, &counters.shared) {
            match shared.step(Step::Fail, &keys, now, &self.limits).await {
                Ok(waits) => return blocked(keys.into_iter().zip(waits)),
                // Counted here, then: Redis was lost between the two.
                Err(error) => warn(&error),
            }
        }
        let begun = counters.lock().fail(&keys, now, &self.limits);
        blocked(begun)
    }

    /// The password was right.
    pub async fn succeeded(mut self) {
        let keys = std::mem::take(&mut self.keys);
        let (counters, now) = (&self.counters, self.counters.clock.now());
        if let (Place::Shared, Some(shared)) = (self.place, &counters.shared) {
            if let Err(error) = shared.step(Step::Succeed, &keys, now, &self.limits).await {
                warn(&error);
            }
            return;
        }
        counters.lock().succeed(&keys, &self.limits);
    }

    /// Nobody waits for the verdict any more. If the password was looked at, the attempt counts: a wrong one against
    /// all that an attempt counts against; a right one against the address alone (against the device, if that stands
    /// in its place), for it gave nobody anything. `told` is told which waits begin, at once or when Redis has
    /// answered.
    pub fn abandon(mut self, told: impl FnOnce(Vec<Blocked>) + Send + 'static) {
        self.settle_alone(told);
    }

    fn settle_alone(&mut self, told: impl FnOnce(Vec<Blocked>) + Send + 'static) {
        let keys = std::mem::take(&mut self.keys);
        let (counted, given_back): (Vec<Key>, Vec<Key>) = match self.stage {
            Stage::Reserved => (Vec::new(), keys),
            Stage::Begun => (keys, Vec::new()),
            Stage::Right => {
                keys.into_iter().partition(|key| matches!(key, Key::Address(_) | Key::Device(..)))
            }
        };
        let (counters, now) = (&self.counters, self.counters.clock.now());
        let Some(shared) = counters.shared.as_ref().filter(|_| self.place == Place::Shared) else {
            let mut ledger = counters.lock();
            ledger.give_back(&given_back, &self.limits);
            let begun = ledger.fail(&counted, now, &self.limits);
            drop(ledger);
            return told(blocked(begun));
        };
        // Sent when this returns. What Redis does not hear of is given back by itself after two minutes.
        if !given_back.is_empty() {
            drop(shared.step(Step::GiveBack, &given_back, now, &self.limits));
        }
        if !counted.is_empty() {
            let (here, limits) = (counters.clone(), self.limits.clone());
            shared.fail_alone(&counted, now, &self.limits, move |keys, waits| match waits {
                Some(waits) => told(blocked(keys.into_iter().zip(waits))),
                None => told(blocked(here.lock().fail(&keys, now, &limits))),
            });
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.keys.is_empty() {
            self.settle_alone(|_| ());
        }
    }
}

fn no_wait(waits: impl IntoIterator<Item = Duration>) -> Result<(), Wait> {
    match waits.into_iter().max().unwrap_or_default() {
        Duration::ZERO => Ok(()),
        wait => Err(Wait(wait)),
    }
}

fn blocked(waits: impl IntoIterator<Item = (Key, Duration)>) -> Vec<Blocked> {
    let begun = waits.into_iter().filter(|(_, wait)| !wait.is_zero());
    begun.map(|(key, wait)| Blocked { key, wait }).collect()
}

/// No user has this number.
const NOBODY: UserId = UserId(0);

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
