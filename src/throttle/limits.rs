//! The settings of the throttle: how many failures are forgiven, and how long the waits are.

use std::{sync::Arc, time::Duration};

/// `[throttle]`: how many failures are forgiven, and how long the waits are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottleLimits {
    /// Failures of an account, or of a known device of it, within the window. Default 5; at most 100, as NIST SP
    /// 800-63B-4 §3.2.2 has it.
    pub per_account: u32,
    /// Failures from an address within the window. Default 50: many people may be behind one.
    pub per_address: u32,
    /// Default 10 minutes.
    pub window: Duration,
    /// The length of one wait after the other, the last one from then on. Default 1, 5, 15, 60 minutes. Never empty, and
    /// none is shorter than the one before.
    pub waits: Arc<[Duration]>,
}

impl Default for ThrottleLimits {
    fn default() -> Self {
        let waits = [1, 5, 15, 60].map(Duration::from_mins);
        Self { per_account: 5, per_address: 50, window: Duration::from_mins(10), waits: waits.into() }
    }
}
