//! The throttle of the running gateway.

use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    Attempt, DeviceId, Network, SecretError, ThrottleKey, ThrottleLimits,
    attempt::{ReservedIn, Stage},
    counter_table::CounterTable,
    counters::{Counters, warn},
    device::{MARK_BYTES, Secret},
    disk::Disk,
    redis::{Shared, Step},
};
use crate::{
    clock::Clock,
    identity::UserId,
    store::{
        StoreError,
        redis::RedisLink,
        sqlite::{DatabaseError, ReadFile},
    },
};

/// Counts failed sign-ins; one throttle for the process.
#[derive(Debug)]
pub struct Throttle {
    counters: Counters,
    secret: Secret,
    disk: Option<Disk>,
}

/// The files of the throttle in the state folder.
#[derive(Clone, Debug)]
pub struct ThrottleFiles {
    /// The counters, `throttle.db`.
    pub database: PathBuf,
    /// The key of device cookies, `device.key`.
    pub key: PathBuf,
}

/// Why the throttle could not be opened, or its counters not be read.
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

/// An attempt at a password, before it is counted.
#[derive(Clone, Copy, Debug)]
pub struct PasswordAttempt<'a> {
    /// The account whose password is tried.
    pub account: AttemptedAccount<'a>,
    /// Address of the client.
    pub client_addr: IpAddr,
    /// Value of the device cookie, if there is one.
    pub device: Option<&'a [u8]>,
}

/// The account that an attempt counts against.
#[derive(Clone, Copy, Debug)]
pub enum AttemptedAccount<'a> {
    /// A user's, disabled ones included.
    User(UserId),
    /// No user has the name: in its canonical form, or as it was typed if it has none.
    Unknown(&'a str),
}

/// Too many failures before: the password is not to be checked before this time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub Duration);

impl Throttle {
    /// A throttle that counts in memory and behind it in a file.
    pub fn open(files: &ThrottleFiles, clock: Clock) -> Result<Self, ThrottleError> {
        let secret = Secret::ensure(&files.key)?;
        let table = Arc::<Mutex<CounterTable>>::default();
        let disk = Disk::start(&files.database, clock.clone(), Arc::clone(&table))?;
        let counters = Counters { table, shared: None, clock };
        Ok(Self { counters, secret, disk: Some(disk) })
    }

    /// A throttle that counts in Redis, with other gateways, and in memory while Redis does not answer. All gateways use
    /// one key: that of the first of them.
    pub async fn shared(link: RedisLink, files: &ThrottleFiles, clock: Clock) -> Result<Self, ThrottleError> {
        let (shared, own) = (Shared::new(link), Secret::ensure(&files.key)?);
        let secret = shared.agree_on(&own).await?;
        if *secret.to_hex() != *own.to_hex() {
            // Should Redis lose the key, the gateway that starts next brings it back.
            secret.replace(&files.key)?;
        }
        let counters = Counters { table: Arc::default(), shared: Some(Arc::new(shared)), clock };
        Ok(Self { counters, secret, disk: None })
    }

    /// A throttle that counts in memory alone, under a key of its own.
    pub fn forgetful(clock: Clock) -> Result<Self, ThrottleError> {
        let secret = Secret::generate()?;
        Ok(Self { counters: Counters { table: Arc::default(), shared: None, clock }, secret, disk: None })
    }

    /// Whether a password may be tried from this address now. To be asked before a name is looked up: while the address
    /// waits, the time that a look-up takes could reveal which users exist.
    pub async fn admits(&self, client_addr: IpAddr, limits: &ThrottleLimits) -> Result<(), Wait> {
        let counter = [ThrottleKey::Address(Network::of(client_addr))];
        let now = self.counters.clock.now();
        if let Some(shared) = &self.counters.shared {
            match shared.step(Step::Look, &counter, now, limits).await {
                Ok(waits) => return no_wait(waits),
                Err(error) => warn(&error),
            }
        }
        no_wait([self.counters.lock().wait(&counter, now, limits)])
    }

    /// Whether a password may be checked now. To be asked before any work that depends on the password.
    pub async fn attempt(
        &self,
        attempted: PasswordAttempt<'_>,
        limits: &ThrottleLimits,
    ) -> Result<Attempt, Wait> {
        self.reserve(self.keys(&attempted), limits).await
    }

    /// Whether something may be checked now that counts on this counter alone.
    pub async fn attempt_by(&self, counter: ThrottleKey, limits: &ThrottleLimits) -> Result<Attempt, Wait> {
        self.reserve(vec![counter], limits).await
    }

    async fn reserve(&self, keys: Vec<ThrottleKey>, limits: &ThrottleLimits) -> Result<Attempt, Wait> {
        let now = self.counters.clock.now();
        let attempt = |keys, reserved_in| {
            let (counters, limits) = (self.counters.clone(), limits.clone());
            Attempt { counters, limits, keys, reserved_in, stage: Stage::Reserved }
        };
        if let Some(shared) = &self.counters.shared {
            match shared.step(Step::Reserve, &keys, now, limits).await {
                Ok(waits) => return no_wait(waits).map(|()| attempt(keys, ReservedIn::Redis)),
                Err(error) => warn(&error),
            }
        }
        let reserved = self.counters.lock().reserve(&keys, now, limits);
        reserved.map(|()| attempt(keys, ReservedIn::Memory)).map_err(Wait)
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

    /// A mark on a text that a browser brings back: the same on every gateway with this key, and unknown to everybody else. A
    /// purpose holds no NUL.
    pub fn mark(&self, purpose: &str, text: &[u8]) -> [u8; MARK_BYTES] {
        self.secret.mark(purpose, text)
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

    /// The counters of an attempt; the same work for a user as for a name that no user has.
    fn keys(&self, attempted: &PasswordAttempt<'_>) -> Vec<ThrottleKey> {
        let address = ThrottleKey::Address(Network::of(attempted.client_addr));
        let (user, name) = match attempted.account {
            AttemptedAccount::User(user) => (Some(user), ""),
            AttemptedAccount::Unknown(name) => (None, name),
        };
        let device = attempted.device.and_then(|cookie| self.secret.device(user.unwrap_or(NOBODY), cookie));
        let name = ThrottleKey::Name(self.secret.digest(name));
        match (user, device) {
            (Some(user), Some(device)) => vec![ThrottleKey::Device(user, device)],
            (Some(user), None) => vec![ThrottleKey::Account(user), address],
            (None, _) => vec![name, address],
        }
    }
}

fn no_wait(waits: impl IntoIterator<Item = Duration>) -> Result<(), Wait> {
    match waits.into_iter().max().unwrap_or_default() {
        Duration::ZERO => Ok(()),
        wait => Err(Wait(wait)),
    }
}

/// No user has this number.
const NOBODY: UserId = UserId(0);
