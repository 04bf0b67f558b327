//! The two forms of time that directories write.

use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset};

use crate::clock::Timestamp;

/// A time of Windows: hundreds of nanoseconds since 1601-01-01.
///
/// In `accountExpires`, 0 and the largest number mean never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NtTime {
    Never,
    At(Timestamp),
}

impl NtTime {
    /// Reads the decimal number; `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let ticks: i64 = text.parse().ok()?;
        match ticks {
            0 | i64::MAX => Some(Self::Never),
            ..0 => None,
            _ => Some(Self::At(Timestamp::from_millis(ticks / TICKS_PER_MILLI - MILLIS_TO_1970))),
        }
    }
}

/// Reads a GeneralizedTime, RFC 4517 §3.3.13: `20261231235959Z`, `2026123123Z`, `20261231235959.5+0100`.
pub(super) fn generalized_time(text: &str) -> Option<Timestamp> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits)?;
    let part = |from: usize, length: usize| -> Option<u8> {
        match number.get(from..from + length) {
            Some(part) => part.parse().ok(),
            None if from >= number.len() => Some(0),
            None => None,
        }
    };
    if !matches!(digits, 10 | 12 | 14) {
        return None;
    }
    let year: i32 = number.get(..4)?.parse().ok()?;
    let date = Date::from_calendar_date(year, Month::try_from(part(4, 2)?).ok()?, part(6, 2)?).ok()?;
    // A leap second is the end of its minute.
    let time = Time::from_hms(part(8, 2)?, part(10, 2)?, part(12, 2)?.min(59)).ok()?;
    let at = PrimitiveDateTime::new(date, time).assume_offset(offset(without_fraction(rest)?)?);
    Some(Timestamp::from_millis(at.unix_timestamp().checked_mul(1000)?))
}

/// The rest without a fraction of its last unit. An expiry is not decided by it.
fn without_fraction(rest: &str) -> Option<&str> {
    let Some(fraction) = rest.strip_prefix(['.', ',']) else { return Some(rest) };
    let after = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    (after.len() < fraction.len()).then_some(after)
}

fn offset(text: &str) -> Option<UtcOffset> {
    if text == "Z" {
        return Some(UtcOffset::UTC);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let is_number = matches!(digits.len(), 2 | 4) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let hours: i8 = digits.get(..2).filter(|_| is_number)?.parse().ok()?;
    let minutes: i8 =
        digits.get(2..).filter(|part| !part.is_empty()).map_or(Some(0), |part| part.parse().ok())?;
    UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
}

const TICKS_PER_MILLI: i64 = 10_000;
const MILLIS_TO_1970: i64 = 11_644_473_600_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_of_windows_is_read() {
        for (text, expected) in [
            ("0", Some(NtTime::Never)),
            ("9223372036854775807", Some(NtTime::Never)),
            ("116444736000000000", Some(NtTime::At(Timestamp::from_millis(0)))),
            ("134404917774394310", Some(NtTime::At(Timestamp::from_millis(1_796_018_177_439)))),
            ("-1", None),
            ("", None),
            ("soon", None),
            ("9223372036854775808", None),
        ] {
            assert_eq!(NtTime::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_generalized_time_is_read() {
        for (text, expected) in [
            ("19700101000000Z", Some(0)),
            ("20261231235959Z", Some(1_798_761_599_000)),
            ("202612312359Z", Some(1_798_761_540_000)),
            ("2026123123Z", Some(1_798_758_000_000)),
            ("20261231235960Z", Some(1_798_761_599_000)),
            ("20261231235959.5Z", Some(1_798_761_599_000)),
            ("20261231235959,25Z", Some(1_798_761_599_000)),
            ("20270101005959+0100", Some(1_798_761_599_000)),
            ("20261231185959-05", Some(1_798_761_599_000)),
            ("20261231235959", None),
            ("20261331235959Z", None),
            ("20260230000000Z", None),
            ("20261231250000Z", None),
            ("20261231235959.Z", None),
            ("20261231235959Zx", None),
            ("20261231235959+1", None),
            ("202612312Z", None),
            ("", None),
            ("Z", None),
        ] {
            assert_eq!(generalized_time(text), expected.map(Timestamp::from_millis), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_readers_panic(text in "\\PC{0,30}|[0-9]{0,20}[.,Z+-]{0,2}[0-9Z]{0,6}") {
            generalized_time(&text);
            NtTime::parse(&text);
        }
    }
}
