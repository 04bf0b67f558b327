//! An attempt to sign in: reserved before its password is checked, settled afterwards.

use std::time::Duration;

use super::{
    ThrottleKey, ThrottleLimits,
    counters::{Counters, warn},
    redis::Step,
};

/// An attempt that may be made.
///
/// The check of the password owns it. An attempt that is dropped settles itself: it is given back if the check has not
/// started, and counted if it has. Otherwise Mallory, who disconnects during each sign-in, would have as many checks as
/// she can send.
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    pub(super) counters: Counters,
    pub(super) limits: ThrottleLimits,
    /// At most two; empty once the attempt is settled.
    pub(super) keys: Vec<ThrottleKey>,
    pub(super) reserved_in: ReservedIn,
    pub(super) stage: Stage,
}

/// How far the check of an attempt's password has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The password has not been checked yet.
    Reserved,
    /// The password is being checked, or was wrong.
    Started,
    /// The password was right.
    Right,
}

/// Where an attempt was reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReservedIn {
    Memory,
    Redis,
}

/// A wait that has started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The counter that has to wait.
    pub key: ThrottleKey,
    /// How long.
    pub wait: Duration,
}

impl Blocked {
    /// `account`, `device`, `unknown-name` or `address`.
    pub fn kind(&self) -> &'static str {
        self.key.kind().as_str()
    }
}

impl Attempt {
    /// The check of the password starts: from here on the attempt counts, whatever becomes of the request.
    pub fn start(&mut self) {
        self.stage = Stage::Started;
    }

    /// The password was right. Earlier failures are forgiven only once a sign-in follows ([`Attempt::succeeded`]).
    pub fn fits(&mut self) {
        self.stage = Stage::Right;
    }

    /// Whether the check of the password has started.
    pub fn has_started(&self) -> bool {
        self.stage != Stage::Reserved
    }

    /// The password was wrong. Counted when this returns; returns the waits that start.
    pub async fn failed(mut self) -> Vec<Blocked> {
        let keys = std::mem::take(&mut self.keys);
        let (counters, now) = (&self.counters, self.counters.clock.now());
        if let (ReservedIn::Redis, Some(shared)) = (self.reserved_in, &counters.shared) {
            match shared.step(Step::Fail, &keys, now, &self.limits).await {
                Ok(waits) => return blocked(keys.into_iter().zip(waits)),
                // Redis was lost after the reservation, so the failure is counted in memory.
                Err(error) => warn(&error),
            }
        }
        let started = counters.lock().fail(&keys, now, &self.limits);
        blocked(started)
    }

    /// The password was right.
    pub async fn succeeded(mut self) {
        let keys = std::mem::take(&mut self.keys);
        let (counters, now) = (&self.counters, self.counters.clock.now());
        if let (ReservedIn::Redis, Some(shared)) = (self.reserved_in, &counters.shared) {
            if let Err(error) = shared.step(Step::Succeed, &keys, now, &self.limits).await {
                warn(&error);
            }
            return;
        }
        counters.lock().succeed(&keys, &self.limits);
    }

    /// Gives the attempt back: its check came to no verdict, for instance because a directory does not respond.
    pub fn withdraw(mut self) {
        self.stage = Stage::Reserved;
    }

    /// Settles an attempt whose request waits for the verdict no more. If the check has started, the attempt counts: a
    /// wrong password against all its counters; a right one against the address alone (against the device, if that
    /// stands in its place), for it let nobody in. `notify` gets the waits that start, at once or when Redis has
    /// replied.
    pub fn abandon(mut self, notify: impl FnOnce(Vec<Blocked>) + Send + 'static) {
        self.settle_alone(notify);
    }

    fn settle_alone(&mut self, notify: impl FnOnce(Vec<Blocked>) + Send + 'static) {
        let keys = std::mem::take(&mut self.keys);
        let (counted, given_back): (Vec<ThrottleKey>, Vec<ThrottleKey>) = match self.stage {
            Stage::Reserved => (Vec::new(), keys),
            Stage::Started => (keys, Vec::new()),
            Stage::Right => keys
                .into_iter()
                .partition(|key| matches!(key, ThrottleKey::Address(_) | ThrottleKey::Device(..))),
        };
        let (counters, now) = (&self.counters, self.counters.clock.now());
        let Some(shared) = counters.shared.as_ref().filter(|_| self.reserved_in == ReservedIn::Redis) else {
            let mut table = counters.lock();
            table.give_back(&given_back, &self.limits);
            let started = table.fail(&counted, now, &self.limits);
            drop(table);
            return notify(blocked(started));
        };
        // The commands are sent when this returns. A reservation that Redis does not hear of is given back by itself after
        // two minutes.
        if !given_back.is_empty() {
            drop(shared.step(Step::GiveBack, &given_back, now, &self.limits));
        }
        if !counted.is_empty() {
            let (memory, limits) = (counters.clone(), self.limits.clone());
            shared.fail_alone(&counted, now, &self.limits, move |keys, waits| match waits {
                Some(waits) => notify(blocked(keys.into_iter().zip(waits))),
                None => notify(blocked(memory.lock().fail(&keys, now, &limits))),
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

fn blocked(waits: impl IntoIterator<Item = (ThrottleKey, Duration)>) -> Vec<Blocked> {
    let started = waits.into_iter().filter(|(_, wait)| !wait.is_zero());
    started.map(|(key, wait)| Blocked { key, wait }).collect()
}
