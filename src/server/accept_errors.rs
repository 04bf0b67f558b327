//! Errors of `accept`: logged, but not each of them.
//!
//! The accept loops of all workers and the status listener share one [`AcceptErrors`]. Without file descriptors, each of
//! them fails many times a second; one log message a second counts the others. The loops themselves wait before they
//! try again.

use std::{
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Logs errors of `accept`: at most one message a second for all listeners.
#[derive(Debug, Default)]
pub(super) struct AcceptErrors(Mutex<Logged>);

#[derive(Debug, Default)]
struct Logged {
    last: Option<Instant>,
    /// Errors since then that were not logged.
    unlogged: u64,
}

impl AcceptErrors {
    /// Another connection could not be accepted.
    pub(super) fn log(&self, error: &io::Error) {
        if let Some(unlogged) = self.add(Instant::now()) {
            tracing::warn!(%error, unlogged, "connection not accepted");
        }
    }

    /// Counts an error; `Some` if it is to be logged, with the number of errors before it that were not.
    fn add(&self, now: Instant) -> Option<u64> {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.last.is_some_and(|last| now.duration_since(last) < BETWEEN_MESSAGES) {
            logged.unlogged += 1;
            return None;
        }
        logged.last = Some(now);
        Some(std::mem::take(&mut logged.unlogged))
    }
}

const BETWEEN_MESSAGES: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_a_second_counts_the_errors_before_it() {
        let (errors, start) = (AcceptErrors::default(), Instant::now());
        let messages: Vec<_> =
            (0..50).filter_map(|number| errors.add(start + number * Duration::from_millis(50))).collect();
        assert_eq!(messages, [0, 19, 19]);
    }
}
