//! A counter of failures, which says when the next attempt may be made.
//!
//! A pure state machine: the time is an argument of every call. `budget` failures within `window` start the first wait;
//! from then on a fifth of the budget (at least one failure) starts the next, longer one. A day after the last wait the
//! steps start anew; a day without any failure clears the counter.
//!
//! An attempt is [reserved](Counter::reserve) before its password is checked and settled afterwards. A reserved attempt
//! takes its place in the budget, so that a hundred guesses at once are not a hundred guesses.
//!
//! `scripts/settle.lua` is the same machine in Redis; a test in `tests/it/throttle.rs` compares the two.

use std::time::Duration;

use super::ThrottleLimits;
use crate::clock::Timestamp;

/// The failures of one account, device, name or address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counter {
    /// Failures in the window, and since the last wait.
    pub(super) failures: u32,
    /// The start of the window: the first of the failures.
    pub(super) window: Timestamp,
    /// Attempts that are being checked.
    pub(super) pending: u32,
    /// When the last of these attempts was reserved.
    pub(super) reserved: Timestamp,
    /// How many waits there have been.
    pub(super) step: u32,
    /// No attempt before this.
    pub(super) blocked_until: Timestamp,
    /// Failures since the last success.
    pub(super) total: u32,
    /// When the last failure was.
    pub(super) last: Timestamp,
}

/// The budget and the waits of a counter.
#[derive(Clone, Copy, Debug)]
pub(super) struct ThrottleRule<'l> {
    pub(super) budget: u32,
    /// From this many failures without a success on, each starts the longest wait; 0: never.
    pub(super) patience: u32,
    pub(super) window: Duration,
    pub(super) waits: &'l [Duration],
}

impl<'l> ThrottleRule<'l> {
    /// For accounts, their devices, and names that no user has.
    pub(super) fn of_account(limits: &'l ThrottleLimits) -> Self {
        let ThrottleLimits { per_account: budget, window, waits, .. } = limits;
        Self { budget: *budget, patience: PATIENCE, window: *window, waits }
    }

    /// For addresses, behind which there may be many users.
    pub(super) fn of_address(limits: &'l ThrottleLimits) -> Self {
        let ThrottleLimits { per_address: budget, window, waits, .. } = limits;
        Self { budget: *budget, patience: 0, window: *window, waits }
    }

    fn longest(&self) -> Duration {
        self.waits.last().copied().unwrap_or_default()
    }
}

impl Counter {
    /// A counter without any failure.
    pub(super) const BLANK: Self = Self {
        failures: 0,
        window: LONG_AGO,
        pending: 0,
        reserved: LONG_AGO,
        step: 0,
        blocked_until: LONG_AGO,
        total: 0,
        last: LONG_AGO,
    };

    /// How long the next attempt has to wait; zero: it may be made now.
    pub(super) fn wait(&self, now: Timestamp, rule: &ThrottleRule<'_>) -> Duration {
        let mut this = *self;
        this.pass(now, rule);
        if now < this.blocked_until {
            return this.blocked_until.since(now);
        }
        // The outcome of the attempts that are being checked is known soon.
        if this.failures.saturating_add(this.pending) >= this.allowance(rule) {
            A_MOMENT
        } else {
            Duration::ZERO
        }
    }

    /// Takes the place of an attempt for which [`Counter::wait`] was zero.
    pub(super) fn reserve(&mut self, now: Timestamp, rule: &ThrottleRule<'_>) {
        self.pass(now, rule);
        self.pending = self.pending.saturating_add(1);
        self.reserved = now;
    }

    /// Counts a failure of a reserved attempt. Returns the wait that starts with it, if one does.
    pub(super) fn fail(&mut self, now: Timestamp, rule: &ThrottleRule<'_>) -> Option<Duration> {
        self.pass(now, rule);
        self.pending = self.pending.saturating_sub(1);
        if self.failures == 0 {
            self.window = now;
        }
        self.failures = self.failures.saturating_add(1);
        self.total = self.total.saturating_add(1);
        self.last = now;
        let is_endless = rule.patience > 0 && self.total >= rule.patience;
        if self.failures < self.allowance(rule) && !is_endless {
            return None;
        }
        let next = usize::try_from(self.step).ok().and_then(|step| rule.waits.get(step)).copied();
        let wait = if is_endless { rule.longest() } else { next.unwrap_or(rule.longest()) };
        self.failures = 0;
        self.step = self.step.saturating_add(1);
        self.blocked_until = now + wait;
        Some(wait)
    }

    /// Takes back a reserved attempt whose password was not checked.
    pub(super) fn give_back(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }

    /// Counts a success of a reserved attempt: earlier failures are forgiven.
    pub(super) fn succeed(&mut self) {
        *self = Self { pending: self.pending.saturating_sub(1), reserved: self.reserved, ..Self::BLANK };
    }

    /// Whether it counts nothing.
    pub(super) fn is_blank(&self) -> bool {
        (self.failures, self.pending, self.step, self.total) == (0, 0, 0, 0)
    }

    /// Whether all that it counts is too old to matter at `now`.
    pub(super) fn is_history(&self, now: Timestamp) -> bool {
        let (reserved, blocked) = (now.since(self.reserved), now.since(self.blocked_until));
        now.since(self.last) >= FORGOTTEN_AFTER && blocked >= FORGOTTEN_AFTER && reserved >= CHECKED_WITHIN
    }

    /// Until when it may cause a wait. The counter with the earliest time is needed least.
    pub(super) fn holds_until(&self, window: Duration) -> Timestamp {
        self.blocked_until.max(self.last + window)
    }

    fn allowance(&self, rule: &ThrottleRule<'_>) -> u32 {
        if self.step == 0 { rule.budget.max(1) } else { (rule.budget / 5).max(1) }
    }

    /// Applies the passage of time.
    fn pass(&mut self, now: Timestamp, rule: &ThrottleRule<'_>) {
        // A clock that was put back, or waits that were made shorter, make no wait longer.
        self.blocked_until = self.blocked_until.min(now + rule.longest());
        self.last = self.last.min(now);
        self.window = self.window.min(now);
        self.reserved = self.reserved.min(now);
        if now.since(self.reserved) >= CHECKED_WITHIN {
            self.pending = 0;
        }
        if now < self.blocked_until {
            return;
        }
        if now.since(self.last) >= FORGOTTEN_AFTER {
            *self = Self { pending: self.pending, reserved: self.reserved, ..Self::BLANK };
        }
        if now.since(self.blocked_until) >= FORGOTTEN_AFTER {
            self.step = 0;
        }
        if now.since(self.window) >= rule.window {
            self.failures = 0;
        }
    }
}

const LONG_AGO: Timestamp = Timestamp::from_millis(0);
/// NIST SP 800-63B-4 §3.2.2: no more than 100 failures in a row on one account.
const PATIENCE: u32 = 100;
pub(super) const FORGOTTEN_AFTER: Duration = Duration::from_hours(24);
/// Longer than the queue of password checks can be. An attempt that was not settled by then never will be: the gateway
/// that reserved it has ended.
pub(super) const CHECKED_WITHIN: Duration = Duration::from_mins(2);
const A_MOMENT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_791_273_600_000);
    const MINUTE: Duration = Duration::from_mins(1);

    fn limits() -> ThrottleLimits {
        ThrottleLimits::default()
    }

    fn attempt(
        counter: &mut Counter,
        now: Timestamp,
        rule: &ThrottleRule<'_>,
    ) -> Result<Option<Duration>, Duration> {
        match counter.wait(now, rule) {
            Duration::ZERO => {
                counter.reserve(now, rule);
                Ok(counter.fail(now, rule))
            }
            wait => Err(wait),
        }
    }

    #[test]
    fn five_failures_then_one_five_fifteen_and_sixty_minutes() {
        let (limits, mut counter, mut now) = (limits(), Counter::BLANK, START);
        let rule = ThrottleRule::of_account(&limits);
        for _ in 0..4 {
            assert_eq!(attempt(&mut counter, now, &rule), Ok(None));
        }
        for minutes in [1, 5, 15, 60, 60, 60] {
            let wait = MINUTE * minutes;
            assert_eq!(attempt(&mut counter, now, &rule), Ok(Some(wait)));
            assert_eq!(attempt(&mut counter, now, &rule), Err(wait));
            now = now + wait;
            assert_eq!(counter.wait(now - Duration::from_millis(1), &rule), Duration::from_millis(1));
        }
    }

    #[test]
    fn a_success_forgives_and_so_does_the_window_and_a_day() {
        let (limits, mut counter) = (limits(), Counter::BLANK);
        let rule = ThrottleRule::of_account(&limits);
        for _ in 0..4 {
            assert_eq!(attempt(&mut counter, START, &rule), Ok(None));
        }
        counter.reserve(START, &rule);
        counter.succeed();
        assert!(counter.is_blank());
        let mut now = START;
        for _ in 0..10 {
            for _ in 0..4 {
                assert_eq!(attempt(&mut counter, now, &rule), Ok(None), "the window has passed");
            }
            now = now + limits.window;
        }
        for _ in 0..4 {
            attempt(&mut counter, now, &rule).unwrap();
        }
        assert_eq!(attempt(&mut counter, now, &rule), Ok(Some(MINUTE)));
        now = now + MINUTE + FORGOTTEN_AFTER;
        assert_eq!(attempt(&mut counter, now, &rule), Ok(None), "the budget is back after a day");
        assert!(counter.is_history(now + FORGOTTEN_AFTER + FORGOTTEN_AFTER) && !counter.is_history(now));
    }

    #[test]
    fn a_hundred_failures_without_a_success_leave_one_an_hour() {
        // Four in each window, for ever, would never begin a wait otherwise.
        let (limits, mut counter, mut now) = (limits(), Counter::BLANK, START);
        let rule = ThrottleRule::of_account(&limits);
        for failure in 1..=99 {
            assert_eq!(attempt(&mut counter, now, &rule), Ok(None), "{failure}");
            if failure % 4 == 0 {
                now = now + limits.window;
            }
        }
        for _ in 0..30 {
            assert_eq!(attempt(&mut counter, now, &rule), Ok(Some(MINUTE * 60)));
            now = now + MINUTE * 60;
        }
        let address = ThrottleRule::of_address(&limits);
        let mut many = Counter { total: 1000, ..Counter::BLANK };
        assert_eq!(attempt(&mut many, now, &address), Ok(None), "an address is many people");
    }

    #[test]
    fn a_clock_that_is_put_back_blocks_nobody_for_longer() {
        let (limits, mut counter) = (limits(), Counter::BLANK);
        let rule = ThrottleRule::of_account(&limits);
        let future = START + Duration::from_hours(24 * 365);
        for _ in 0..5 {
            attempt(&mut counter, future, &rule).unwrap();
        }
        assert!(counter.wait(START, &rule) <= MINUTE * 60);
        counter.reserve(START, &rule);
        assert_eq!(counter.wait(START + MINUTE * 60, &rule), Duration::ZERO);
    }

    proptest! {
        /// However attempts are reserved, settled or abandoned: no more passwords are checked within one window than the
        /// budget and one for each wait that has ended, unless there was a success.
        #[test]
        fn no_more_passwords_are_checked_than_the_budget(steps in proptest::collection::vec((0_u8..5, 0_u64..90), 1..200)) {
            let limits = limits();
            let rule = ThrottleRule::of_account(&limits);
            let (mut counter, mut now, mut open, mut checked, mut waits) = (Counter::BLANK, START, 0_u32, 0, 0);
            for (what, seconds) in steps {
                match what {
                    0 | 1 if counter.wait(now, &rule).is_zero() => {
                        counter.reserve(now, &rule);
                        open += 1;
                    }
                    2 | 3 if open > 0 => {
                        open -= 1;
                        checked += 1;
                        waits += u32::from(counter.fail(now, &rule).is_some());
                    }
                    4 => {
                        let then = now + Duration::from_secs(seconds);
                        // No check of a password takes as long as that; see CHECKED_WITHIN.
                        let is_checking = open > 0 && then.since(counter.reserved) >= CHECKED_WITHIN;
                        if then.since(START) < limits.window && !is_checking {
                            now = then;
                        }
                    }
                    _ => {}
                }
                prop_assert!(checked + open <= limits.per_account + waits, "{counter:?}");
            }
        }
    }
}
