//! A minimum rate for a peer that is never silent for long.
//!
//! Mallory sends a byte every 29 seconds and passes a limit on silence of 30. [`Pace`] adds up the time spent waiting for
//! the peer, and subtracts the time that the received bytes may take at the minimum rate. Time in which nothing waited for
//! the peer does not count, and a fast start is no credit for a slow end.

use std::time::Duration;

use tokio::time::Instant;

/// Measures whether a peer keeps the minimum rate, on average.
#[derive(Debug)]
pub struct Pace {
    /// Bytes a second; 0: no minimum.
    least: u64,
    grace: Duration,
    owed: Duration,
    waiting_since: Option<Instant>,
}

/// The peer sent too few bytes for the time spent waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sender was slower than the minimum rate")]
pub struct TooSlow;

impl Pace {
    /// A minimum of `least` bytes a second (0: none), averaged over `grace`.
    pub fn new(least: u64, grace: Duration) -> Self {
        Self { least, grace, owed: Duration::ZERO, waiting_since: None }
    }

    /// Starts to wait for the peer.
    pub fn wait(&mut self) {
        if self.least > 0 && self.waiting_since.is_none() {
            self.waiting_since = Some(Instant::now());
        }
    }

    /// Notes that `bytes` moved; an error if they were too few for the time spent waiting. Without a wait it does not read the
    /// clock.
    pub fn moved(&mut self, bytes: usize) -> Result<(), TooSlow> {
        let waited = self.waiting_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        if waited.is_zero() && self.owed.is_zero() {
            return Ok(());
        }
        self.account(waited, bytes)
    }

    fn account(&mut self, waited: Duration, bytes: usize) -> Result<(), TooSlow> {
        let worth = (bytes as u64).saturating_mul(1_000_000) / self.least.max(1);
        self.owed = (self.owed + waited).saturating_sub(Duration::from_micros(worth));
        if self.owed > self.grace { Err(TooSlow) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits the given seconds for the given bytes, step by step; the number of steps after which it was too slow.
    fn too_slow_after(steps: &[(u64, usize)]) -> Option<usize> {
        let mut pace = Pace::new(100, Duration::from_secs(30));
        let slow =
            |(seconds, bytes): &(u64, usize)| pace.account(Duration::from_secs(*seconds), *bytes).is_err();
        steps.iter().position(slow).map(|before| before + 1)
    }

    #[test]
    fn a_trickle_of_bytes_is_too_slow() {
        assert_eq!(too_slow_after(&[(29, 1); 10]), Some(2));
        assert_eq!(too_slow_after(&[(1, 90); 1000]), Some(301));
    }

    #[test]
    fn a_peer_that_keeps_the_rate_goes_on() {
        assert_eq!(too_slow_after(&[(1, 100); 1000]), None);
        // Bytes that were held up in a tunnel.
        assert_eq!(too_slow_after(&[(25, 2500), (25, 2500), (25, 2500)]), None);
    }

    #[test]
    fn a_fast_start_is_no_credit_for_a_slow_end() {
        assert_eq!(too_slow_after(&[(1, 1 << 30), (29, 1), (29, 1)]), Some(3));
    }

    #[test]
    fn time_without_a_wait_does_not_count() {
        let mut pace = Pace::new(100, Duration::ZERO);
        assert_eq!(pace.moved(0), Ok(()));
        assert_eq!(pace.waiting_since, None);
    }

    #[test]
    fn without_a_minimum_no_peer_is_too_slow() {
        let mut pace = Pace::new(0, Duration::ZERO);
        pace.wait();
        assert_eq!(pace.moved(0), Ok(()));
    }
}
