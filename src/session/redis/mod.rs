//! Sessions in Redis or Valkey, for several gateways behind one balancer.
//!
//! Each session is a hash that Redis removes by itself when it has expired; sorted sets list sessions by user, by key and
//! by time. Each step for which two gateways could race is one Lua script. Every end and every change is published under
//! a number, so that a gateway notices a message that it did not hear and reads every session again.
//!
//! While Redis is away, every call fails at once: the cache in front goes on for as long as [`Trust::Shared`] allows, and
//! the [link](RedisLink) connects again.

mod commands;
mod keys;
mod listener;
mod values;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use self::{commands::Commands, keys::Keys, listener::Listener};
use super::{
    AppData, DataChange, DataRefused, Inserted, InsertedBranch, ListedRecord, NewBranch, NewSession,
    OneTimeEntry, OneTimeKey, OneTimePurpose, Record, SessionKey, SessionStore, StoreError,
    StoreSurroundings, Trust, Which,
};
use crate::{
    clock::{Clock, Timestamp},
    identity::UserId,
    store::redis::{RedisConfig, RedisLink},
};

/// The settings of sessions in Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSettings {
    /// Which Redis.
    pub server: RedisConfig,
    /// How long a session is believed without asking. Default 30 seconds.
    pub cache_ttl: Duration,
    /// How much longer it is believed while Redis is away. Default 5 minutes.
    pub grace: Duration,
}

/// A [`SessionStore`] over Redis.
#[derive(Debug)]
pub struct RedisStore {
    link: RedisLink,
    commands: Arc<Commands>,
    clock: Clock,
    trust: Trust,
}

impl RedisStore {
    /// Connects, and starts the thread that keeps connected. Fails if Redis cannot be reached now or
    /// does not take writes.
    pub fn open(settings: &RedisSettings, surroundings: StoreSurroundings) -> Result<Self, StoreError> {
        let RedisSettings { server, cache_ttl, grace } = settings;
        let StoreSurroundings { clock, invalidator } = surroundings;
        let link = RedisLink::open(server, |prefix| Listener::new(Keys::new(prefix), invalidator))?;
        let commands = Arc::new(Commands::new(Keys::new(link.prefix().clone())));
        let trust = Trust::Shared { cache_ttl: *cache_ttl, grace: *grace };
        Ok(Self { link, commands, clock, trust })
    }

    /// The connection, for the other state that gateways share.
    pub fn link(&self) -> RedisLink {
        self.link.clone()
    }
}

impl SessionStore for RedisStore {
    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        let commands = Arc::clone(&self.commands);
        self.link
            .ask("reading a session", move |connection| async move { commands.find(connection, key).await })
    }

    fn insert(&self, new: NewSession) -> BoxFuture<'_, Result<Inserted, StoreError>> {
        let (commands, now) = (Arc::clone(&self.commands), self.clock.now());
        self.link.ask("storing a session", move |connection| async move {
            commands.insert(connection, new, now).await
        })
    }

    fn insert_branch(&self, new: NewBranch) -> BoxFuture<'_, Result<Option<InsertedBranch>, StoreError>> {
        let commands = Arc::clone(&self.commands);
        self.link.ask("storing a branch of a session", move |connection| async move {
            commands.insert_branch(connection, new).await
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
    ) -> BoxFuture<'_, Result<Vec<ListedRecord>, StoreError>> {
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
        self.link.ask("changing the data of an app in a session", move |connection| async move {
            commands.change_data(connection, key, &app, change).await
        })
    }

    fn note_use(&self, key: SessionKey, at: Timestamp) {
        let commands = Arc::clone(&self.commands);
        let noted = self.link.ask("noting a use", move |connection| async move {
            commands.note_use(connection, key, at).await
        });
        // The command is sent already, and no request waits for the reply: a use that is not noted only makes the idle time
        // count from a minute earlier.
        drop(noted);
    }

    fn put_one_time(&self, entry: OneTimeEntry) -> BoxFuture<'_, Result<bool, StoreError>> {
        let (commands, now) = (Arc::clone(&self.commands), self.clock.now());
        self.link.ask("storing a one-time entry", move |connection| async move {
            commands.put_one_time(connection, entry, now).await
        })
    }

    fn take_one_time(
        &self,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Box<str>>, StoreError>> {
        let commands = Arc::clone(&self.commands);
        self.link.ask("taking a one-time entry", move |connection| async move {
            commands.take_one_time(connection, key, purpose, now).await
        })
    }

    fn read_one_time(
        &self,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Box<str>>, StoreError>> {
        let commands = Arc::clone(&self.commands);
        self.link.ask("reading a one-time entry", move |connection| async move {
            commands.read_one_time(connection, key, purpose, now).await
        })
    }

    fn prune(&self, now: Timestamp, idle_since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        let commands = Arc::clone(&self.commands);
        self.link.ask("removing expired sessions", move |connection| async move {
            commands.prune(connection, now, idle_since).await
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.link.check()
    }

    fn trust(&self) -> Trust {
        self.trust
    }
}
