//! Connections that could not be accepted, and what is logged of them.

use std::{
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Logs errors of `accept`, at most one line a second for all listeners: without descriptors, each listener of each worker
/// fails again and again until there are some.
#[derive(Debug, Default)]
pub(super) struct AcceptErrors(Mutex<Logged>);

#[derive(Debug, Default)]
struct Logged {
    last: Option<Instant>,
    /// Errors since then.
    unlogged: u64,
}

impl AcceptErrors {
    /// Another connection could not be accepted.
    pub(super) fn log(&self, error: &io::Error) {
        if let Some(unlogged) = self.add(Instant::now()) {
            tracing::warn!(%error, unlogged, "accepting a connection");
        }
    }

    /// If it is time for a line: how many errors there were without one.
    fn add(&self, now: Instant) -> Option<u64> {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.last.is_some_and(|last| now.duration_since(last) < BETWEEN_LINES) {
            logged.unlogged += 1;
            return None;
        }
        logged.last = Some(now);
        Some(std::mem::take(&mut logged.unlogged))
    }
}

const BETWEEN_LINES: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_leave_one_line_a_second_which_counts_the_others() {
        let (errors, began) = (AcceptErrors::default(), Instant::now());
        let lines: Vec<_> =
            (0..50).filter_map(|number| errors.add(began + number * Duration::from_millis(50))).collect();
        assert_eq!(lines, [0, 19, 19]);
    }
}
