//! All counters of this process, in bounded memory.
//!
//! There are as many counters of accounts as users. Of each other kind there is room for a fixed number, and past it the
//! counter whose wait would end first is removed: to push out a wait, Mallory has to earn as many longer ones as there is
//! room, each with failures of its own. The counter of an account is never pushed out.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    ThrottleLimits,
    counter::{Counter, ThrottleRule},
    key::{Kind, ThrottleKey},
};
use crate::clock::Timestamp;

/// The counters.
#[derive(Debug, Default)]
pub(super) struct CounterTable {
    /// With the time at which each stops to matter.
    counters: BTreeMap<ThrottleKey, (Counter, Timestamp)>,
    /// The counters of bounded kinds, by the time at which they stop to matter.
    by_worth: BTreeMap<Kind, BTreeSet<(Timestamp, ThrottleKey)>>,
    /// The counters that have changed since the last write to the disk.
    changed: Changed,
}

/// Counters that have changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Changed {
    These(BTreeSet<ThrottleKey>),
    /// More than are listed one by one.
    Everything,
}

impl Default for Changed {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

/// The rule for a kind of counter.
pub(super) fn rule<'l>(limits: &'l ThrottleLimits, key: &ThrottleKey) -> ThrottleRule<'l> {
    match key.kind() {
        Kind::Address => ThrottleRule::of_address(limits),
        Kind::Account | Kind::Device | Kind::Name => ThrottleRule::of_account(limits),
    }
}

impl CounterTable {
    /// Reserves an attempt on all of these counters, or on none: then returns the longest wait.
    pub(super) fn reserve(
        &mut self,
        keys: &[ThrottleKey],
        now: Timestamp,
        limits: &ThrottleLimits,
    ) -> Result<(), Duration> {
        let wait = self.wait(keys, now, limits);
        if !wait.is_zero() {
            return Err(wait);
        }
        for key in keys {
            self.change(*key, limits, |counter| counter.reserve(now, &rule(limits, key)));
        }
        Ok(())
    }

    /// The longest wait of these counters; zero: an attempt may be made now.
    pub(super) fn wait(&self, keys: &[ThrottleKey], now: Timestamp, limits: &ThrottleLimits) -> Duration {
        let waits = keys.iter().map(|key| self.find(key).wait(now, &rule(limits, key)));
        waits.max().unwrap_or_default()
    }

    /// Counts a failure; returns the waits that start with it.
    pub(super) fn fail(
        &mut self,
        keys: &[ThrottleKey],
        now: Timestamp,
        limits: &ThrottleLimits,
    ) -> Vec<(ThrottleKey, Duration)> {
        let mut started = Vec::new();
        for key in keys {
            let wait = self.change(*key, limits, |counter| counter.fail(now, &rule(limits, key)));
            started.extend(wait.map(|wait| (*key, wait)));
        }
        started
    }

    /// Takes reservations back.
    pub(super) fn give_back(&mut self, keys: &[ThrottleKey], limits: &ThrottleLimits) {
        for key in keys {
            self.change(*key, limits, Counter::give_back);
        }
    }

    /// Counts a success: failures are forgiven, but not those of the address, behind which others may guess.
    pub(super) fn succeed(&mut self, keys: &[ThrottleKey], limits: &ThrottleLimits) {
        for key in keys {
            self.change(*key, limits, |counter| match key.kind() {
                Kind::Address => counter.give_back(),
                Kind::Account | Kind::Device | Kind::Name => counter.succeed(),
            });
        }
    }

    /// All counters, in the order of their keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&ThrottleKey, &Counter)> {
        self.counters.iter().map(|(key, (counter, _))| (key, counter))
    }

    /// Adds a counter that was read from the disk.
    pub(super) fn load(&mut self, key: ThrottleKey, counter: Counter, window: Duration) {
        self.put(key, counter, window);
        self.changed = Changed::default();
    }

    /// Removes some counters.
    pub(super) fn forget(&mut self, which: impl Fn(&ThrottleKey, &Counter) -> bool) {
        let removed: Vec<ThrottleKey> =
            self.iter().filter(|(key, counter)| which(key, counter)).map(|(key, _)| *key).collect();
        for key in removed {
            self.drop_counter(&key);
        }
    }

    pub(super) fn find(&self, key: &ThrottleKey) -> Counter {
        self.counters.get(key).map_or(Counter::BLANK, |(counter, _)| *counter)
    }

    /// The counters that have changed since the last call.
    pub(super) fn take_changed(&mut self) -> Changed {
        std::mem::take(&mut self.changed)
    }

    /// Marks counters as changed again that could not be written.
    pub(super) fn changed_again(&mut self, before: Changed) {
        match (before, &mut self.changed) {
            (Changed::These(mut keys), Changed::These(since)) if keys.len() + since.len() <= MOST_CHANGED => {
                since.append(&mut keys);
            }
            (_, changed) => *changed = Changed::Everything,
        }
    }

    fn change<T>(
        &mut self,
        key: ThrottleKey,
        limits: &ThrottleLimits,
        change: impl FnOnce(&mut Counter) -> T,
    ) -> T {
        let mut counter = self.find(&key);
        let outcome = change(&mut counter);
        if counter.is_blank() {
            self.drop_counter(&key);
        } else {
            self.put(key, counter, limits.window);
        }
        outcome
    }

    fn put(&mut self, key: ThrottleKey, counter: Counter, window: Duration) {
        self.drop_counter(&key);
        let worth = counter.holds_until(window);
        if let Some(most) = key.kind().most() {
            let by_worth = self.by_worth.entry(key.kind()).or_default();
            let too_many = (by_worth.len() + 1).saturating_sub(most);
            let least: Vec<ThrottleKey> = by_worth.iter().take(too_many).map(|(_, key)| *key).collect();
            by_worth.insert((worth, key));
            for key in least {
                self.drop_counter(&key);
            }
        }
        self.counters.insert(key, (counter, worth));
        self.note(key);
    }

    fn drop_counter(&mut self, key: &ThrottleKey) {
        let Some((_, worth)) = self.counters.remove(key) else { return };
        if let Some(by_worth) = self.by_worth.get_mut(&key.kind()) {
            by_worth.remove(&(worth, *key));
        }
        self.note(*key);
    }

    fn note(&mut self, key: ThrottleKey) {
        if let Changed::These(keys) = &mut self.changed {
            keys.insert(key);
            if keys.len() > MOST_CHANGED {
                self.changed = Changed::Everything;
            }
        }
    }
}

const MOST_CHANGED: usize = 1 << 17;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        identity::UserId,
        throttle::key::{NameDigest, Network},
    };

    const START: Timestamp = Timestamp::from_millis(1_791_273_600_000);
    const MOST: usize = 1 << 16;

    fn name(number: u32) -> ThrottleKey {
        let mut digest = [0; 16];
        digest[..4].copy_from_slice(&number.to_be_bytes());
        ThrottleKey::Name(NameDigest(digest))
    }

    fn network(number: u32) -> ThrottleKey {
        let bits = (0x2001_0db8_u128 << 96) | (u128::from(number) << 64);
        ThrottleKey::Address(Network::of(std::net::Ipv6Addr::from_bits(bits).into()))
    }

    fn failure(
        table: &mut CounterTable,
        keys: &[ThrottleKey],
        now: Timestamp,
        limits: &ThrottleLimits,
    ) -> Result<(), Duration> {
        table.reserve(keys, now, limits)?;
        table.fail(keys, now, limits);
        Ok(())
    }

    #[test]
    fn a_flood_of_names_and_addresses_takes_bounded_memory_and_frees_no_account() {
        let (limits, mut table) = (ThrottleLimits::default(), CounterTable::default());
        let alice = ThrottleKey::Account(UserId(1));
        for _ in 0..5 {
            failure(&mut table, &[alice, network(0)], START, &limits).unwrap();
        }
        // One more name and one more address wait, too.
        let (held_name, held_address) = (name(u32::MAX), network(u32::MAX));
        for _ in 0..5 {
            failure(&mut table, &[held_name], START, &limits).unwrap();
        }
        let harsh = ThrottleLimits { per_address: 1, ..limits.clone() };
        let later = |minutes| START + Duration::from_mins(minutes);
        let mut now = START;
        for _ in 0..4 {
            failure(&mut table, &[held_name, held_address], now.max(later(1)), &harsh).ok();
            now = now + Duration::from_mins(5);
        }
        let count = u32::try_from(MOST).unwrap() + 5000;
        for number in 1..count {
            table.reserve(&[name(number), network(number)], START, &limits).unwrap();
            table.fail(&[name(number), network(number)], START, &limits);
        }
        assert_eq!(table.counters.len(), 2 * MOST + 1);
        assert_eq!(table.by_worth.values().map(BTreeSet::len).sum::<usize>(), 2 * MOST);
        assert!(table.reserve(&[alice], START, &limits).is_err(), "the account's budget is back");
        assert!(
            table.find(&held_name).step > 1 && table.find(&held_address).step > 1,
            "a wait was pushed out"
        );
        assert!(table.reserve(&[held_name], now - Duration::from_mins(5), &limits).is_err());
        assert_eq!(table.take_changed(), Changed::Everything);
    }

    #[test]
    fn a_refused_attempt_reserves_nothing_anywhere() {
        let (limits, mut table) = (ThrottleLimits::default(), CounterTable::default());
        let (alice, address) = (ThrottleKey::Account(UserId(1)), network(1));
        for _ in 0..5 {
            failure(&mut table, &[alice], START, &limits).unwrap();
        }
        for _ in 0..1000 {
            assert!(table.reserve(&[alice, address], START, &limits).is_err());
        }
        assert_eq!(table.find(&address), Counter::BLANK);
    }

    #[test]
    fn a_success_forgives_the_account_and_not_the_address() {
        let (limits, mut table) = (ThrottleLimits::default(), CounterTable::default());
        let (mallory, address) = (ThrottleKey::Account(UserId(2)), network(1));
        for _ in 0..10 {
            for _ in 0..4 {
                failure(&mut table, &[mallory, address], START, &limits).unwrap();
            }
            table.reserve(&[mallory, address], START, &limits).unwrap();
            table.succeed(&[mallory, address], &limits);
        }
        assert_eq!(table.find(&address).failures, 40);
        assert_eq!(table.find(&mallory), Counter::BLANK);
        assert_eq!(table.iter().count(), 1, "blank counters are removed");
    }
}
