//! Counters of attempts to sign in, by their result, and by the backend where it is known.
//!
//! The audit stream counts each attempt that it records; the metrics show the counters. The names of backends are those of
//! the configuration: nothing that a client sends becomes a label.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The counters, shared by all clones of an audit stream.
#[derive(Debug, Default)]
pub struct SignIns {
    all: [AtomicU64; SignInResult::ALL.len()],
    of_backends: Mutex<BTreeMap<String, [u64; SignInResult::ALL.len()]>>,
}

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
        self.all.get(result as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// The number of attempts with this result, by backend.
    pub fn count_by_backend(&self, result: SignInResult) -> Vec<(String, u64)> {
        let of_backends = self.of_backends.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |counts: &[u64; 3]| counts.get(result as usize).copied().unwrap_or_default();
        of_backends.iter().map(|(backend, counts)| (backend.clone(), count(counts))).collect()
    }

    /// Counts an attempt with this result.
    pub(super) fn add(&self, result: SignInResult, backend: Option<&str>) {
        if let Some(count) = self.all.get(result as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let Some(backend) = backend else { return };
        let mut of_backends = self.of_backends.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = of_backends.entry(backend.to_owned()).or_default().get_mut(result as usize) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_in_all_and_by_backend() {
        let sign_ins = SignIns::default();
        sign_ins.add(SignInResult::Ok, Some("idp"));
        sign_ins.add(SignInResult::Ok, Some("local"));
        sign_ins.add(SignInResult::Failed, None);
        sign_ins.add(SignInResult::Failed, Some("idp"));
        assert_eq!(SignInResult::ALL.map(|result| sign_ins.count(result)), [2, 2, 0]);
        let counted = |result| sign_ins.count_by_backend(result);
        let expected = |idp, local| vec![("idp".to_owned(), idp), ("local".to_owned(), local)];
        assert_eq!(counted(SignInResult::Ok), expected(1, 1));
        assert_eq!(counted(SignInResult::Failed), expected(1, 0));
    }
}
