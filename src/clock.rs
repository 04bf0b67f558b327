//! The time, as a value that a test can move.
//!
//! Sessions, tokens, throttles and logs take their time from a [`Clock`]; `SystemTime::now` is banned elsewhere. Timers that
//! limit how long a peer is waited for belong to the runtime.

use std::{
    fmt,
    num::NonZeroU8,
    ops::{Add, Sub},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use time::{
    OffsetDateTime,
    format_description::well_known::{
        Iso8601,
        iso8601::{Config, EncodedConfig, TimePrecision},
    },
};
use tokio::sync::Notify;

/// Where the time comes from: the system, or a test.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<ManualTime>),
}

#[derive(Debug)]
struct ManualTime {
    millis: AtomicI64,
    moved: Notify,
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until [`Clock::advance`] moves it; for tests.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(ManualTime { millis: AtomicI64::new(start.0), moved: Notify::new() })))
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the only reading of the system's clock")]
            Source::System => Timestamp::from_system(SystemTime::now()),
            Source::Manual(time) => Timestamp(time.millis.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward; the system's clock cannot be moved and stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(time) = &self.0 {
            time.millis.fetch_add(millis_of(by), Ordering::SeqCst);
            time.moved.notify_waiters();
        }
    }

    /// Waits until the clock shows this time; a manual clock shows it once a test has moved it there. Needs a runtime with
    /// timers.
    pub async fn wait_until(&self, at: Timestamp) {
        let time = match &self.0 {
            Source::System => return tokio::time::sleep(at.since(self.now())).await,
            Source::Manual(time) => time,
        };
        loop {
            let mut moved = pin!(time.moved.notified());
            // Before the time is read: a move in between is not missed.
            moved.as_mut().enable();
            if self.now() >= at {
                return;
            }
            moved.await;
        }
    }
}

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// From a time that the operating system gave (a file's, for instance).
    pub fn from_system(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self(millis_of(since)),
            Err(before) => Self(-millis_of(before.duration())),
        }
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, by: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(millis_of(by)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;

    fn sub(self, by: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(millis_of(by)))
    }
}

/// A [`Timestamp`] as RFC 3339 has it, in UTC, with milliseconds: `2026-01-31T08:00:00.000Z`.
#[derive(Clone, Copy, Debug)]
pub struct TimestampText([u8; 24]);

impl TimestampText {
    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Its bytes, all of them ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Timestamp {
    /// For logs and people; years that don't have four digits are shown as 1970.
    pub fn to_text(self) -> TimestampText {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .filter(|time| (0..=9999).contains(&time.year()))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let mut text = *b"1970-01-01T00:00:00.000Z";
        match time.format_into(&mut text.as_mut_slice(), &Iso8601::<MILLISECONDS>) {
            Ok(_) => TimestampText(text),
            Err(_) => Timestamp(0).to_text(),
        }
    }
}

/// RFC 3339 with three digits after the second.
const MILLISECONDS: EncodedConfig =
    Config::DEFAULT.set_time_precision(TimePrecision::Second { decimal_digits: NonZeroU8::new(3) }).encode();

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_text().as_str())
    }
}

fn millis_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_timestamp_prints_as_rfc_3339() {
        assert_eq!(Timestamp::from_millis(1_700_000_000_123).to_string(), "2023-11-14T22:13:20.123Z");
        assert_eq!(Timestamp::from_millis(-1).to_string(), "1969-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(Timestamp::from_millis(1000));
        let twin = clock.clone();
        clock.advance(Duration::from_secs(2));
        assert_eq!(twin.now(), Timestamp::from_millis(3000));
        assert_eq!(twin.now().since(Timestamp::from_millis(5000)), Duration::ZERO);
    }

    #[test]
    fn a_wait_ends_when_the_manual_clock_has_been_moved_far_enough() {
        let clock = Clock::manual(Timestamp::from_millis(1000));
        let mut wait = pin!(clock.wait_until(Timestamp::from_millis(3000)));
        let mut context = Context::from_waker(Waker::noop());
        for expected in [false, false, true] {
            assert_eq!(wait.as_mut().poll(&mut context).is_ready(), expected);
            clock.advance(Duration::from_secs(1));
        }
        let past = pin!(clock.wait_until(Timestamp::from_millis(10)));
        assert!(past.poll(&mut context).is_ready());
    }
}
