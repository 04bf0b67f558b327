//! Humanised durations: spans of time as people say them, for pages and listings.

use std::time::Duration;

/// The time since something: `just now`, `5 minutes ago`, `3 days ago`.
pub fn ago(time: Duration) -> String {
    match time.as_secs() {
        0..60 => "just now".to_owned(),
        seconds @ 60..3600 => format!("{} ago", counted(seconds / MINUTE, "minute")),
        seconds @ 3600..86_400 => format!("{} ago", counted(seconds / HOUR, "hour")),
        seconds => format!("{} ago", counted(seconds / DAY, "day")),
    }
}

/// A duration in the largest unit that expresses it exactly: `30 days`, `36 hours`.
pub(super) fn exactly(time: Duration) -> String {
    let seconds = time.as_secs();
    for (unit, name) in [(DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")] {
        if seconds >= unit && seconds.is_multiple_of(unit) {
            return counted(seconds / unit, name);
        }
    }
    counted(seconds, "second")
}

fn counted(number: u64, unit: &str) -> String {
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_in_the_unit_that_people_use() {
        for (seconds, expected) in [
            (0, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (3599, "59 minutes ago"),
            (3600, "1 hour ago"),
            (86_399, "23 hours ago"),
            (86_400, "1 day ago"),
            (30 * 86_400, "30 days ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(seconds)), expected);
        }
        for (seconds, expected) in [
            (30 * 86_400, "30 days"),
            (36 * 3600, "36 hours"),
            (3600, "1 hour"),
            (90, "90 seconds"),
            (1, "1 second"),
        ] {
            assert_eq!(exactly(Duration::from_secs(seconds)), expected);
        }
    }
}
