//! Running, draining, stopped: told to every thread.

use std::sync::Arc;

use tokio::sync::watch;

/// Where the server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It accepts connections.
    Running,
    /// It accepts none; running requests end.
    Draining,
    /// What still runs is cut off.
    Stopped,
}

/// Asks the server to stop; every clone reaches the same server.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<watch::Sender<Phase>>);

impl Stopper {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Phase::Running)))
    }

    /// Asks for a phase; there is no way back to an earlier one.
    pub fn stop(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let later = phase > *now;
            if later {
                *now = phase;
            }
            later
        });
    }

    pub(super) fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<Phase> {
        self.0.subscribe()
    }
}

/// Returns once the server has reached `wanted`.
pub(super) async fn reached(phases: &mut watch::Receiver<Phase>, wanted: Phase) {
    // An error means that nobody can ask for anything any more, which is the end too.
    phases.wait_for(|phase| *phase >= wanted).await.ok();
}
