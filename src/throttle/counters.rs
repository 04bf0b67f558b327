//! The counters, which attempts share with the throttle: an attempt may outlive its request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{counter_table::CounterTable, redis::Shared};
use crate::{clock::Clock, store::StoreError};

/// The counters in memory, and those in Redis if gateways share them.
#[derive(Clone, Debug)]
pub(super) struct Counters {
    pub(super) table: Arc<Mutex<CounterTable>>,
    pub(super) shared: Option<Arc<Shared>>,
    pub(super) clock: Clock,
}

impl Counters {
    pub(super) fn lock(&self) -> MutexGuard<'_, CounterTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn warn(error: &StoreError) {
    let error = format_args!("{error}: {}", error.source);
    tracing::warn!(%error, "throttle cannot reach Redis; failed sign-ins are counted by this gateway alone");
}
