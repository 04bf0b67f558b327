//! Counters of attempts to sign in, by their result.
//!
//! The audit stream counts each attempt that it records; the metrics show the
//! counters.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters, shared by all clones of an audit stream.
#[derive(Debug, Default)]
pub struct SignIns([AtomicU64; SignInResult::ALL.len()]);

/// The result of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInResult {
    /// The user is signed in.
    Ok,
    /// The name or the password was wrong, or the client disconnected before the result.
    Failed,
    /// The password was not checked: too many checks waited, too many attempts had failed, or the directory was
    /// unavailable.
    Refused,
}

impl SignInResult {
    /// All results.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Failed, Self::Refused];

    /// The label of the metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

impl SignIns {
    /// The number of attempts with this result.
    pub fn count(&self, result: SignInResult) -> u64 {
        self.0.get(result as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Counts an attempt with this result.
    pub(super) fn add(&self, result: SignInResult) {
        if let Some(count) = self.0.get(result as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}
