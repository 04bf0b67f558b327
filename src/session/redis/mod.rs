//! Sessions in Redis or Valkey, for several gateways behind one balancer.
//!
//! Each session is a hash that Redis drops by itself when it has expired;
//! sorted sets list them by user, by key and by time. What two gateways could
//! race for is one Lua script each. Every end and every change is published
//! under a number, so that a gateway notices what it did not hear and asks
//! again for everything; see `sequence`.
//!
//! While Redis is away, every question fails at once: the cache in front goes
//! on for as long as [`Trust::Shared`] allows, and `link` finds the way back.

mod address;
mod backoff;
mod commands;
mod find_server;
mod keys;
mod link;
mod listener;
mod sequence;
mod values;

use std::{path::PathBuf, sync::Arc, time::Duration};

use ::redis::aio::MultiplexedConnection;
use futures_util::future::BoxFuture;

use self::{commands::Commands, find_server::Finder, keys::Keys, link::Link, listener::Listener};
use super::{
    AppData, DataChange, DataRefused, NewSession, Record, SessionKey, SessionStore, StoreError,
    StoreSurroundings, Trust, Which,
};
use crate::{
    clock::{Clock, Timestamp},
    identity::UserId,
};

pub use address::{BadAddress, RedisAddress};

/// What there is to set of a Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSettings {
    /// Where it is.
    pub address: RedisAddress,
    /// Whom to believe that a server is the right one, PEM; `None`: the system's authorities.
    pub ca: Option<PathBuf>,
    /// What all keys start with; gateways with the same one share their sessions. Default `portcullis`.
    pub prefix: String,
    /// How long a session is believed without asking. Default 30 seconds.
    pub cache_ttl: Duration,
    /// How much longer it is believed while Redis is away. Default 5 minutes.
    pub grace: Duration,
}

/// A [`SessionStore`] over Redis.
#[derive(Debug)]
pub struct RedisStore {
    link: Arc<Link>,
    keys: Keys,
    commands: Arc<Commands>,
    clock: Clock,
    trust: Trust,
}

impl RedisStore {
    /// Connects, and starts the thread that keeps connected. Fails if Redis cannot be reached now or
    /// does not take writes.
    pub fn open(settings: &RedisSettings, surroundings: StoreSurroundings) -> Result<Self, StoreError> {
        let RedisSettings { address, ca, prefix, cache_ttl, grace } = settings;
        let StoreSurroundings { clock, invalidator } = surroundings;
        let keys = Keys::new(prefix);
        let commands = Arc::new(Commands::new(keys.clone()));
        let listener = Listener::new(keys.clone(), invalidator);
        let finder = Finder { address: address.clone(), ca: ca.clone(), keys: keys.clone() };
        let link = Link::start(finder, Arc::clone(&commands), listener).map_err(|failure| {
            let doing = format!("cannot use the session store at {address}: {failure}; {}", advice(&failure));
            StoreError::new(doing, failure)
        })?;
        let trust = Trust::Shared { cache_ttl: *cache_ttl, grace: *grace };
        Ok(Self { link: Arc::new(link), keys, commands, clock, trust })
    }

    /// The connection, for what else gateways share.
    pub fn link(&self) -> RedisLink {
        RedisLink { link: Arc::clone(&self.link), keys: self.keys.clone() }
    }
}

/// The connection of a [`RedisStore`], which stays up as long as this does.
#[derive(Clone, Debug)]
pub struct RedisLink {
    link: Arc<Link>,
    keys: Keys,
}

impl RedisLink {
    /// What all keys start with, its braces included: they share a slot of a cluster.
    pub fn prefix(&self) -> &str {
        self.keys.prefix()
    }

    /// Does something that is answered. It is sent at once, even if the answer is not waited for; while Redis
    /// is away, it fails at once.
    pub fn ask<T, F>(
        &self,
        doing: &'static str,
        work: impl FnOnce(MultiplexedConnection) -> F + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        self.link.ask(doing, work)
    }
}

impl SessionStore for RedisStore {
    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        let commands = Arc::clone(&self.commands);
        self.link
            .ask("reading a session", move |connection| async move { commands.find(connection, key).await })
    }

    fn insert(&self, new: NewSession) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        let (commands, now) = (Arc::clone(&self.commands), self.clock.now());
        self.link.ask("keeping a session", move |connection| async move {
            commands.insert(connection, new, now).await
        })
    }

    fn remove(&self, which: Which) -> BoxFuture<'_, Result<Vec<SessionKey>, StoreError>> {
        let commands = Arc::clone(&self.commands);
        self.link.ask("ending a session", move |connection| async move {
            commands.remove(connection, which).await
        })
    }

    fn list(
        &self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        let commands = Arc::clone(&self.commands);
        self.link.ask("listing sessions", move |connection| async move {
            commands.list(connection, of, after, most).await
        })
    }

    fn change_data(
        &self,
        key: SessionKey,
        app: Arc<str>,
        change: DataChange,
    ) -> BoxFuture<'_, Result<Option<Result<AppData, DataRefused>>, StoreError>> {
        let commands = Arc::clone(&self.commands);
        self.link.ask("changing what an app keeps in a session", move |connection| async move {
            commands.change_data(connection, key, &app, change).await
        })
    }

    fn note_use(&self, key: SessionKey, at: Timestamp) {
        let commands = Arc::clone(&self.commands);
        let noted = self.link.ask("noting a use", move |connection| async move {
            commands.note_use(connection, key, at).await
        });
        // It is sent already, and nobody waits for the answer: a use that is not noted costs nothing but
        // an idle time that counts from a minute earlier.
        drop(noted);
    }

    fn prune(&self, now: Timestamp, idle_since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        let commands = Arc::clone(&self.commands);
        self.link.ask("dropping sessions that have expired", move |connection| async move {
            commands.prune(connection, now, idle_since).await
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        let commands = Arc::clone(&self.commands);
        self.link.ask("writing to the session store", move |connection| async move {
            commands.check(connection).await
        })
    }

    fn trust(&self) -> Trust {
        self.trust
    }
}

/// Why something failed.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What to do about a server that cannot be used.
fn advice(failure: &Failure) -> &'static str {
    let code = failure.downcast_ref::<::redis::RedisError>().and_then(::redis::RedisError::code);
    let text = format!("{} {failure}", code.unwrap_or_default());
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["NOAUTH", "WRONGPASS", "AuthenticationFailed", "uthentication", "invalid username"]) {
        "put user and password into `session.store`: redis://user:password@host"
    } else if says(&["MOVED", "CLUSTERDOWN", "cluster mode"]) {
        "if this is a cluster, write redis+cluster://host1,host2"
    } else if says(&["cluster support disabled"]) {
        "this is no cluster: write redis://host:port"
    } else if says(&["READONLY"]) {
        "this is a replica: name the master, or ask Sentinels with redis+sentinel://host1,host2/NAME"
    } else if says(&["NOPERM"]) {
        "let this user run scripts, publish, subscribe, and write keys with the prefix of `session.prefix`"
    } else if says(&["ertificate"]) {
        "name the authority of its certificate in `session.store_ca`"
    } else if says(&["MISCONF"]) {
        "Redis cannot save to its disk and so takes no writes; its log says why"
    } else {
        "start Redis, or correct `session.store`"
    }
}

/// For one Sentinel or node to say where the server is.
const ASK_FOR_SERVER: Duration = Duration::from_secs(1);
/// For a connection, with all that has to be asked before.
const CONNECT_FOR: Duration = Duration::from_secs(4);
const NO_ANSWER: &str = "no answer in time";
