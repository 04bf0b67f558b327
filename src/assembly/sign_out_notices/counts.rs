//! Counters of the notices to each app.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::telemetry::{MetricKind, Metrics};

/// The end of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoticeOutcome {
    /// The app has taken it.
    Sent,
    /// The app has not taken it at any of the attempts.
    GivenUp,
    /// Too many waited.
    Dropped,
}

/// How many notices to each app had each end.
#[derive(Debug, Default)]
pub(super) struct NoticeCounts(Mutex<BTreeMap<Arc<str>, [u32; 3]>>);

impl NoticeCounts {
    /// Counters that are among the metrics.
    pub(super) fn registered_with(metrics: &Metrics) -> Arc<Self> {
        let counts = Arc::<Self>::default();
        for (outcome, name, help) in [
            (
                NoticeOutcome::Sent,
                "portcullis_sign_out_notices_sent_total",
                "Notices of the end of a session that an app has taken.",
            ),
            (
                NoticeOutcome::GivenUp,
                "portcullis_sign_out_notices_given_up_total",
                "Notices of the end of a session that an app has not taken at any attempt.",
            ),
            (
                NoticeOutcome::Dropped,
                "portcullis_sign_out_notices_dropped_total",
                "Notices of the end of a session that were not sent, because too many waited for the app.",
            ),
        ] {
            let counts = Arc::clone(&counts);
            metrics.register_family((name, help, MetricKind::Counter), "app", move || counts.of(outcome));
        }
        counts
    }

    /// Counts a notice to an app.
    pub(super) fn add(&self, app: &Arc<str>, outcome: NoticeOutcome) {
        let mut counts = self.lock();
        let counts = counts.entry(Arc::clone(app)).or_default();
        if let Some(count) = counts.get_mut(outcome as usize) {
            *count = count.saturating_add(1);
        }
    }

    fn of(&self, outcome: NoticeOutcome) -> Vec<(String, f64)> {
        let counts = self.lock();
        let of_app = |counts: &[u32; 3]| counts.get(outcome as usize).copied().map_or(0.0, f64::from);
        counts.iter().map(|(app, counts)| (app.to_string(), of_app(counts))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, [u32; 3]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
