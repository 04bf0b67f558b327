//! A limit on slowness, for whoever waits on a peer that is never silent for long.
//!
//! A byte every 29 seconds passes any limit on silence of 30. [`Pace`] adds up
//! the time that was spent waiting, and takes off what the bytes that came are
//! worth at the least rate. Time in which nobody waited for the peer does not
//! count, and being fast for a while is no credit for being slow afterwards.

use std::time::Duration;

use tokio::time::Instant;

/// Whether a peer is as fast as it must be, on average.
#[derive(Debug)]
pub struct Pace {
    /// Bytes a second; 0: as slow as they like.
    least: u64,
    grace: Duration,
    owed: Duration,
    waiting_since: Option<Instant>,
}

/// A peer was waited for longer than what came of it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what was sent came too slowly")]
pub struct TooSlow;

impl Pace {
    /// At least so many bytes a second (0: no limit), averaged over `grace`.
    pub fn new(least: u64, grace: Duration) -> Self {
        Self { least, grace, owed: Duration::ZERO, waiting_since: None }
    }

    /// The peer has to be waited for, from now on.
    pub fn wait(&mut self) {
        if self.least > 0 && self.waiting_since.is_none() {
            self.waiting_since = Some(Instant::now());
        }
    }

    /// So many bytes moved; an error if they were too few for the time that was waited. Costs nothing if
    /// nobody had to wait.
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

    /// Waits so many seconds for so many bytes, again and again; after how many times it was too slow.
    fn too_slow_after(steps: &[(u64, usize)]) -> Option<usize> {
        let mut pace = Pace::new(100, Duration::from_secs(30));
        let slow =
            |(seconds, bytes): &(u64, usize)| pace.account(Duration::from_secs(*seconds), *bytes).is_err();
        steps.iter().position(slow).map(|before| before + 1)
    }

    #[test]
    fn a_byte_now_and_then_is_too_slow() {
        assert_eq!(too_slow_after(&[(29, 1); 10]), Some(2));
        assert_eq!(too_slow_after(&[(1, 90); 1000]), Some(301));
    }

    #[test]
    fn what_keeps_the_rate_goes_on() {
        assert_eq!(too_slow_after(&[(1, 100); 1000]), None);
        // A tunnel, and what was held up in it.
        assert_eq!(too_slow_after(&[(25, 2500), (25, 2500), (25, 2500)]), None);
    }

    #[test]
    fn a_fast_beginning_does_not_buy_a_slow_end() {
        assert_eq!(too_slow_after(&[(1, 1 << 30), (29, 1), (29, 1)]), Some(3));
    }

    #[test]
    fn time_in_which_nobody_waits_does_not_count() {
        let mut pace = Pace::new(100, Duration::ZERO);
        assert_eq!(pace.moved(0), Ok(()));
        assert_eq!(pace.waiting_since, None);
    }

    #[test]
    fn without_a_rate_everything_is_fast_enough() {
        let mut pace = Pace::new(0, Duration::ZERO);
        pace.wait();
        assert_eq!(pace.moved(0), Ok(()));
    }
}
