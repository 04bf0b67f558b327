//! The wait before a delivery is repeated.

use std::time::Duration;

/// The wait after this many failed deliveries: a minute, then twice as long each time, up to an hour.
pub(super) fn after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(6);
    (SHORTEST * 2_u32.pow(doublings)).min(LONGEST)
}

const SHORTEST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(1);
/// How long a message is tried for.
pub(super) const GIVEN_UP_AFTER: Duration = Duration::from_hours(48);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_a_minute_to_an_hour() {
        let minutes = |failures| after(failures).as_secs() / 60;
        let waits: Vec<_> = (0..10).map(minutes).collect();
        assert_eq!(waits, [1, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(minutes(u32::MAX), 60);
    }
}
