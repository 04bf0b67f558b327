//! The time, as a value that a test can move.
//!
//! Everything that compares points in time (sessions, tokens, back-off) takes
//! a [`Clock`]; `SystemTime::now` is banned elsewhere. Timers that only bound
//! how long we wait for a peer belong to the runtime and do not come from here.

use std::{
    fmt,
    ops::{Add, RangeInclusive, Sub},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Where the time comes from: the system, or a test.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until [`Clock::advance`] moves it; for tests.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(start.0))))
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
            Source::System => Timestamp::from_system(SystemTime::now()),
            Source::Manual(millis) => Timestamp(millis.load(Ordering::Relaxed)),
        }
    }

    /// Moves a manual clock forward; the system's clock cannot be moved and stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(millis) = &self.0 {
            millis.fetch_add(millis_of(by), Ordering::Relaxed);
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

    fn put(&mut self, at: usize, digits: usize, number: u32) {
        let places = self.0.get_mut(at..at + digits).unwrap_or_default();
        places.iter_mut().rev().fold(number, |left, place| {
            *place = b'0' + u8::try_from(left % 10).unwrap_or_default();
            left / 10
        });
    }
}

impl Timestamp {
    /// For logs and people; years that don't have four digits are shown as 1970.
    pub fn to_text(self) -> TimestampText {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .filter(|time| (0..=9999).contains(&time.year()))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let ((year, month, day), clock) = (time.to_calendar_date(), time.time());
        let mut text = TimestampText(*b"0000-00-00T00:00:00.000Z");
        text.put(0, 4, year.unsigned_abs());
        text.put(5, 2, u8::from(month).into());
        text.put(8, 2, day.into());
        text.put(11, 2, clock.hour().into());
        text.put(14, 2, clock.minute().into());
        text.put(17, 2, clock.second().into());
        text.put(20, 3, clock.millisecond().into());
        text
    }
}

/// Writes one time after the other: the date and the time of day are reckoned once a second.
#[derive(Debug)]
pub struct TimestampWriter {
    /// The second that the text is of, since 1970.
    second: i64,
    text: TimestampText,
}

impl TimestampWriter {
    /// The same as [`Timestamp::to_text`].
    pub fn text(&mut self, time: Timestamp) -> TimestampText {
        let (second, millis) = (time.0.div_euclid(1000), time.0.rem_euclid(1000));
        if second == self.second && FOUR_DIGIT_YEARS.contains(&second) {
            self.text.put(20, 3, u32::try_from(millis).unwrap_or_default());
        } else {
            *self = Self { second, text: time.to_text() };
        }
        self.text
    }
}

impl Default for TimestampWriter {
    fn default() -> Self {
        Self { second: 0, text: Timestamp(0).to_text() }
    }
}

/// 0000-01-01T00:00:00Z to 9999-12-31T23:59:59Z, in seconds since 1970.
const FOUR_DIGIT_YEARS: RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_timestamp_prints_as_rfc_3339() {
        assert_eq!(Timestamp::from_millis(1_700_000_000_123).to_string(), "2023-11-14T22:13:20.123Z");
        assert_eq!(Timestamp::from_millis(-1).to_string(), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(Timestamp::from_millis(1000));
        let twin = clock.clone();
        clock.advance(Duration::from_secs(2));
        assert_eq!(twin.now(), Timestamp::from_millis(3000));
        assert_eq!(twin.now().since(Timestamp::from_millis(5000)), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn times_in_a_row_are_written_as_each_alone(
            start in prop_oneof![Just(0), -70_000_000_000_000..300_000_000_000_000_i64, Just(-62_167_219_200_500), Just(253_402_300_799_500)],
            steps in prop::collection::vec(-1500..1500_i64, 1..20),
        ) {
            let mut writer = TimestampWriter::default();
            let times = steps.iter().scan(start, |time, step| { *time += step; Some(Timestamp(*time)) });
            for time in times {
                let (one, alone) = (writer.text(time), time.to_text());
                prop_assert_eq!(one.as_str(), alone.as_str());
            }
        }
    }
}
