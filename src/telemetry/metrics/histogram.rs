//! Histograms of durations.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// The number of durations up to each of [`STEPS`], and of longer ones.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    counts: [AtomicU64; STEPS.len() + 1],
    micros: AtomicU64,
}

/// Several histograms, added up.
#[derive(Debug, Default)]
pub(super) struct Sum {
    /// The count of each step, not cumulated; the last has no upper bound.
    pub(super) counts: [u64; STEPS.len() + 1],
    pub(super) micros: u64,
}

impl Histogram {
    pub(super) fn add(&self, time: Duration) {
        let step = STEPS.iter().position(|(most, _)| time <= *most).unwrap_or(STEPS.len());
        if let Some(count) = self.counts.get(step) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Sum {
    pub(super) fn add(&mut self, histogram: &Histogram) {
        for (sum, count) in self.counts.iter_mut().zip(&histogram.counts) {
            *sum += count.load(Ordering::Relaxed);
        }
        self.micros = self.micros.wrapping_add(histogram.micros.load(Ordering::Relaxed));
    }
}

/// The upper bounds, with their text in seconds.
pub(super) const STEPS: [(Duration, &str); 8] = [
    (Duration::from_millis(5), "0.005"),
    (Duration::from_millis(25), "0.025"),
    (Duration::from_millis(100), "0.1"),
    (Duration::from_millis(250), "0.25"),
    (Duration::from_secs(1), "1"),
    (Duration::from_millis(2500), "2.5"),
    (Duration::from_secs(10), "10"),
    (Duration::from_mins(1), "60"),
];
