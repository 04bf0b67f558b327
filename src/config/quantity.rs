//! Durations and sizes as people write them: `"12h"`, `"1h30m"`, `"10MiB"`.

use std::{fmt::Write, time::Duration};

use super::excerpt::excerpt;

/// The error of a text that is no quantity, with a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoQuantity {
    pub(super) problem: String,
    pub(super) help: String,
}

/// Reads a duration as configurations write it, for the command line: `90s`, `1h30m`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    duration(text).map_err(|wrong| format!("{}: {}", wrong.problem, wrong.help))
}

/// Reads a duration: numbers with `ms`, `s`, `m`, `h` or `d`, one after the other.
pub(super) fn duration(text: &str) -> Result<Duration, NoQuantity> {
    let wrong = |problem: &str, help: String| Err(NoQuantity { problem: problem.to_owned(), help });
    if text.trim().is_empty() {
        return wrong("a duration is missing", "write a number and a unit, such as `\"30s\"`".to_owned());
    }
    let joined: String = text.split_whitespace().collect();
    if joined != text {
        return match duration(&joined) {
            Ok(_) => wrong("a duration has no blanks in it", format!("write `\"{joined}\"`")),
            Err(other) => Err(other),
        };
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let (digits, after) = split_digits(rest);
        let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        if digits.is_empty() {
            return wrong("this is no duration", DURATION_HELP.to_owned());
        }
        if unit.is_empty() {
            return wrong(
                "a duration needs a unit",
                format!(
                    "add a unit: `\"{text}s\"` for seconds, `\"{text}m\"` for minutes, `\"{text}h\"` for hours"
                ),
            );
        }
        let Some((_, millis)) = DURATION_UNITS.iter().find(|(name, _)| *name == unit) else {
            return wrong(
                &format!("`{}` is no unit of time", excerpt(unit)),
                match long_unit(unit) {
                    Some(short) => format!("write `\"{digits}{short}\"`"),
                    None => DURATION_HELP.to_owned(),
                },
            );
        };
        let part = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(*millis));
        let Some(sum) = part.and_then(|part| total.checked_add(Duration::from_millis(part))) else {
            return wrong("this duration is too long", LONGEST.to_owned());
        };
        total = sum;
        rest = after;
    }
    if total > LONGEST_DURATION {
        return wrong("this duration is too long", LONGEST.to_owned());
    }
    Ok(total)
}

/// Reads a size in bytes: a number with `B`, `KB`, `KiB`, `MB`, `MiB`, `GB`, `GiB`, `TB` or `TiB`.
pub(super) fn size(text: &str) -> Result<u64, NoQuantity> {
    let wrong = |problem: &str, help: String| Err(NoQuantity { problem: problem.to_owned(), help });
    if text.trim().is_empty() {
        return wrong("a size is missing", "write a number and a unit, such as `\"10MiB\"`".to_owned());
    }
    let joined: String = text.split_whitespace().collect();
    if joined != text {
        return match size(&joined) {
            Ok(_) => wrong("a size has no blanks in it", format!("write `\"{joined}\"`")),
            Err(other) => Err(other),
        };
    }
    let (digits, unit) = split_digits(text);
    if digits.is_empty() {
        return wrong("this is no size", SIZE_HELP.to_owned());
    }
    if unit.is_empty() {
        return wrong(
            "a size needs a unit",
            format!("add a unit: `\"{text}KiB\"`, `\"{text}MiB\"`, or `\"{text}B\"` for bytes"),
        );
    }
    let Some((_, bytes)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit) else {
        return wrong(
            &format!("`{}` is no unit of size", excerpt(unit)),
            match like_size_unit(unit) {
                Some(right) => format!("write `\"{digits}{right}\"`"),
                None => SIZE_HELP.to_owned(),
            },
        );
    };
    match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(*bytes)) {
        Some(bytes) => Ok(bytes),
        None => wrong("this size is too large", "nothing is that large".to_owned()),
    }
}

/// A duration as a configuration writes it: `12h`, `1h30m`.
pub fn show_duration(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut text = String::new();
    for (unit, millis) in DURATION_UNITS.iter().rev() {
        let number = rest / u128::from(*millis);
        rest %= u128::from(*millis);
        if number > 0 {
            write!(text, "{number}{unit}").expect("writing to a string does not fail");
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// A size as a configuration writes it.
pub(super) fn show_size(bytes: u64) -> String {
    for (unit, scale) in [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if bytes >= scale && bytes.is_multiple_of(scale) {
            return format!("{}{unit}", bytes / scale);
        }
    }
    format!("{bytes}B")
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The unit for a name such as `hours`.
fn long_unit(unit: &str) -> Option<&'static str> {
    match unit.to_lowercase().as_str() {
        "sec" | "secs" | "second" | "seconds" | "s" => Some("s"),
        "min" | "mins" | "minute" | "minutes" => Some("m"),
        "hr" | "hrs" | "hour" | "hours" | "h" => Some("h"),
        "day" | "days" | "d" => Some("d"),
        "msec" | "millis" | "milliseconds" => Some("ms"),
        _ => None,
    }
}

fn like_size_unit(unit: &str) -> Option<&'static str> {
    let unit = unit.to_lowercase();
    let (same, short) = (
        SIZE_UNITS.iter().find(|(name, _)| name.to_lowercase() == unit),
        SIZE_UNITS.iter().rev().find(|(name, _)| name.to_lowercase() == format!("{unit}ib")),
    );
    same.or(short).map(|(name, _)| *name)
}

const DURATION_UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZE_UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("TB", 1_000_000_000_000),
    ("TiB", 1 << 40),
];
/// Ten years: a longer duration is a slip, and adding this one to a time never overflows.
const LONGEST_DURATION: Duration = Duration::from_hours(24 * 3650);
const LONGEST: &str = "the longest is `\"3650d\"`";
const DURATION_HELP: &str =
    "write a number and one of the units `ms`, `s`, `m`, `h`, `d`, such as `\"90s\"` or `\"1h30m\"`";
const SIZE_HELP: &str = "write a number and a unit, such as `\"32KiB\"`, `\"10MiB\"` or `\"1GiB\"`";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("12h", 43_200), ("1d", 86_400), ("1h30m", 5400), ("0s", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
    }

    #[test]
    fn an_invalid_duration_has_a_hint() {
        for (text, help) in [
            ("5", "add a unit: `\"5s\"` for seconds, `\"5m\"` for minutes, `\"5h\"` for hours"),
            ("12 h", "write `\"12h\"`"),
            ("12 hours", "write `\"12h\"`"),
            ("12H", "write `\"12h\"`"),
            ("99999d", LONGEST),
            ("99999999999999999999s", LONGEST),
            ("h", DURATION_HELP),
            ("1.5h", DURATION_HELP),
            ("-1s", DURATION_HELP),
            ("", "write a number and a unit, such as `\"30s\"`"),
        ] {
            assert_eq!(duration(text).unwrap_err().help, help, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [("10MiB", 10 << 20), ("10MB", 10_000_000), ("512B", 512), ("1GiB", 1 << 30)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn an_invalid_size_has_a_hint() {
        for (text, help) in [
            ("10", "add a unit: `\"10KiB\"`, `\"10MiB\"`, or `\"10B\"` for bytes"),
            ("10 KiB", "write `\"10KiB\"`"),
            ("10kib", "write `\"10KiB\"`"),
            ("10M", "write `\"10MiB\"`"),
            ("10 apples", SIZE_HELP),
            ("99999999999TiB", "nothing is that large"),
        ] {
            assert_eq!(size(text).unwrap_err().help, help, "{text}");
        }
    }

    proptest! {
        #[test]
        fn durations_round_trip(seconds in 0..LONGEST_DURATION.as_secs(), millis in 0..1000_u32) {
            let written = Duration::new(seconds, millis * 1_000_000);
            prop_assert_eq!(duration(&show_duration(written)), Ok(written));
        }

        #[test]
        fn sizes_round_trip(bytes: u64) {
            prop_assert_eq!(size(&show_size(bytes)), Ok(bytes));
        }

        #[test]
        fn every_text_is_read_or_gets_a_hint(text: String) {
            prop_assert!(duration(&text).is_ok() || !duration(&text).unwrap_err().help.is_empty());
            prop_assert!(size(&text).is_ok() || !size(&text).unwrap_err().help.is_empty());
        }
    }
}
