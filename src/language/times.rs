//! Spans of time as people say them. A waiting time is never shorter than the time itself.

use std::time::Duration;

use super::Text;

/// The time since something: `just now`, `5 minutes ago`, `3 days ago`.
pub fn ago(time: Duration) -> Text {
    match time.as_secs() {
        0..MINUTE => Text::of("ago-just-now"),
        seconds @ MINUTE..HOUR => Text::of("ago-minutes").with("number", seconds / MINUTE),
        seconds @ HOUR..DAY => Text::of("ago-hours").with("number", seconds / HOUR),
        seconds => Text::of("ago-days").with("number", seconds / DAY),
    }
}

/// A duration in the largest unit that expresses it exactly: `30 days`, `36 hours`.
pub fn exactly(time: Duration) -> Text {
    let seconds = time.as_secs();
    let fits = |unit| seconds >= unit && seconds.is_multiple_of(unit);
    if fits(DAY) {
        Text::of("duration-days").with("number", seconds / DAY)
    } else if fits(HOUR) {
        Text::of("duration-hours").with("number", seconds / HOUR)
    } else if fits(MINUTE) {
        Text::of("duration-minutes").with("number", seconds / MINUTE)
    } else {
        Text::of("duration-seconds").with("number", seconds)
    }
}

/// A waiting time, rounded up, as in “try again in 5 minutes”.
pub fn waiting(time: Duration) -> Text {
    let seconds = (time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(1);
    match seconds {
        0..120 if seconds != 60 => Text::of("wait-seconds").with("number", seconds),
        60..7200 => Text::of("wait-minutes").with("number", seconds.div_ceil(MINUTE)),
        _ => Text::of("wait-hours").with("number", seconds.div_ceil(HOUR)),
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
