//! Counters of deliveries, for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of messages by their result, since the start of the process.
#[derive(Debug, Default)]
pub struct MailCounts {
    sent: AtomicU64,
    put_off: AtomicU64,
    given_up: AtomicU64,
    not_queued: AtomicU64,
    waiting: AtomicU64,
}

impl MailCounts {
    /// Messages that the mail server has taken.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Deliveries that failed and will be repeated.
    pub fn put_off(&self) -> u64 {
        self.put_off.load(Ordering::Relaxed)
    }

    /// Messages that will not be delivered: refused for good, tried for too long, or of no use any more.
    pub fn given_up(&self) -> u64 {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Messages that were lost because the queue was full or could not be written.
    pub fn not_queued(&self) -> u64 {
        self.not_queued.load(Ordering::Relaxed)
    }

    /// Messages that waited at the last look.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn count_sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_put_off(&self) {
        self.put_off.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_given_up(&self) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_not_queued(&self) {
        self.not_queued.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_waiting(&self, waiting: u64) {
        self.waiting.store(waiting, Ordering::Relaxed);
    }
}
