//! The parts that the connections of one worker share.
//!
//! `worker` makes one [`Serving`]; `connection`, `http1` and `http2` read it. All of it stays on the worker's thread.

use std::{cell::Cell, rc::Rc, sync::Arc};

use super::{
    TlsSettings, activity::ConnectionTerms, limits::Limits, open_tasks::OpenTasks, shutdown::Shutdown,
};
use crate::{gateway::Gateway, telemetry::Counters};

/// The shared parts of a worker's connections.
pub(super) struct Serving {
    pub(super) gateway: Rc<Gateway>,
    pub(super) tls: Arc<TlsSettings>,
    pub(super) limits: Limits,
    pub(super) shutdown: Shutdown,
    pub(super) counters: Arc<Counters>,
    /// The worker's tasks that serve a client.
    pub(super) open: Rc<OpenTasks>,
    /// How many connections this worker has served.
    pub(super) served: Cell<u32>,
}

impl Serving {
    /// The terms of the next connection. The age is spread over a tenth, so that clients that connected together do not
    /// all reconnect together.
    pub(super) fn next_terms(&self) -> ConnectionTerms {
        let number = self.served.get().wrapping_add(1);
        self.served.set(number);
        // The golden ratio leaves the largest gaps, however many there are (Knuth, The Art of Computer Programming §6.4).
        let spread = self.limits.connection_age / 10 * (number.wrapping_mul(0x9e37_79b9) >> 24) / 256;
        ConnectionTerms {
            requests: self.limits.requests_per_connection,
            age: self.limits.connection_age.saturating_sub(spread),
        }
    }
}
