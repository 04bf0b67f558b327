//! One attempt: reserved before its password is looked at, settled afterwards.

use std::time::Duration;

use super::{
    ThrottleKey, ThrottleLimits,
    redis::Step,
    throttle::{Counters, warn},
};

/// An attempt that may be made.
///
/// It is owned by whatever checks the password, and settles itself when it is dropped: given back if the check has
/// not begun, counted if it has. Otherwise somebody who breaks each sign-in off would have as many checks as they
/// can send.
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    pub(super) counters: Counters,
    pub(super) limits: ThrottleLimits,
    /// At most two. Empty once it is settled.
    pub(super) keys: Vec<ThrottleKey>,
    pub(super) place: Place,
    pub(super) stage: Stage,
}

/// How far the check of an attempt's password has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The password has not been looked at.
    Reserved,
    /// It is being checked, or was wrong.
    Begun,
    /// It was right.
    Right,
}

/// Where an attempt was reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Here,
    Shared,
}

/// A wait that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// For whom.
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
        let (counted, given_back): (Vec<ThrottleKey>, Vec<ThrottleKey>) = match self.stage {
            Stage::Reserved => (Vec::new(), keys),
            Stage::Begun => (keys, Vec::new()),
            Stage::Right => keys
                .into_iter()
                .partition(|key| matches!(key, ThrottleKey::Address(_) | ThrottleKey::Device(..))),
        };
        let (counters, now) = (&self.counters, self.counters.clock.now());
        let Some(shared) = counters.shared.as_ref().filter(|_| self.place == Place::Shared) else {
            let mut table = counters.lock();
            table.give_back(&given_back, &self.limits);
            let begun = table.fail(&counted, now, &self.limits);
            drop(table);
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

fn blocked(waits: impl IntoIterator<Item = (ThrottleKey, Duration)>) -> Vec<Blocked> {
    let begun = waits.into_iter().filter(|(_, wait)| !wait.is_zero());
    begun.map(|(key, wait)| Blocked { key, wait }).collect()
}
