//! Metrics of the gateway, for Prometheus.
//!
//! Each worker has [`Counters`] of its own and is their only writer, so that
//! counting is an increment that no other core waits for. [`Metrics`] adds them
//! up at each scrape, and reads then what other parts of the gateway count and
//! have registered.
//!
//! A label has few values: names of apps, which the operator chose, and fixed
//! words. No text of a client becomes a label.

mod counters;
mod exposition;
mod histogram;
mod limit;
mod registry;
mod totals;

pub use counters::{ConnectionProtocol, Counters, OpenConnection};
pub use limit::Limit;
pub use registry::{MetricKind, Metrics};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks counters, also after a panic: no increment leaves them half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
