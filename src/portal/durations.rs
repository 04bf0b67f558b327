//! Humanised durations in English, for listings on the command line. Pages have theirs from
//! [`language`](crate::language).

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
    }
}
