//! How many attempts to sign in there were, and what came of them.

use std::sync::atomic::{AtomicU64, Ordering};

use super::AuditKind;

/// The attempts so far; shared by everybody who reports one.
#[derive(Debug, Default)]
pub struct SignIns([AtomicU64; SignInResult::ALL.len()]);

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInResult {
    /// Somebody is signed in.
    Ok,
    /// It was nobody, or the wrong password, or nobody waited for the verdict.
    Failed,
    /// It was not looked at: too many others, too many before it, or no directory to look in.
    Refused,
}

impl SignInResult {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Failed, Self::Refused];

    /// As the label of a metric has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

impl SignIns {
    /// How many came to this.
    pub fn count(&self, result: SignInResult) -> u64 {
        self.0.get(result as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Counts what the audit stream is told, if it is an attempt to sign in.
    pub(super) fn note(&self, event: AuditKind, reason: &str) {
        let result = match (event, reason) {
            (AuditKind::SignIn, _) => SignInResult::Ok,
            (AuditKind::SignInFailed, "busy" | "unavailable" | "throttled") => SignInResult::Refused,
            (AuditKind::SignInFailed, _) => SignInResult::Failed,
            _ => return,
        };
        if let Some(count) = self.0.get(result as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}
