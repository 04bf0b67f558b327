//! Pauses between attempts to connect: they grow, and each gateway has its own.

use std::time::Duration;

use aws_lc_rs::rand;

/// The pause before the next attempt.
#[derive(Debug)]
pub(super) struct Backoff {
    longest: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { longest: FIRST }
    }

    /// The attempt worked: the next pause is short again.
    pub(super) fn reset(&mut self) {
        self.longest = FIRST;
    }

    /// The next pause, between half of its grown length and all of it.
    pub(super) fn next(&mut self) -> Duration {
        let mut bytes = [0; 4];
        // Without randomness all gateways connect at the same time, which is no failure.
        rand::fill(&mut bytes).ok();
        let part = f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX);
        let pause = self.longest.mul_f64(0.5 + part / 2.0);
        self.longest = (self.longest * 2).min(LONGEST);
        pause
    }
}

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_start_small_again() {
        let mut backoff = Backoff::new();
        let pauses: Vec<Duration> = (0..10).map(|_| backoff.next()).collect();
        assert!(pauses[0] >= FIRST / 2 && pauses[0] <= FIRST, "{pauses:?}");
        assert!(pauses[9] >= LONGEST / 2 && pauses.iter().all(|pause| *pause <= LONGEST), "{pauses:?}");
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
