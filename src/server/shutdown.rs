//! How the server stops: it drains first, then it is stopped.
//!
//! A [`Stopper`] asks for either, from any thread; every thread and connection waits for the tokens of its [`Shutdown`].
//! There is no way back: a server that is stopped drains, too. How long draining may take is decided in `Server::run`.

use tokio_util::sync::CancellationToken;

/// Asks the server to stop; every clone reaches the same server.
#[derive(Clone, Debug)]
pub struct Stopper(Shutdown);

/// The tokens of draining and of stopping.
#[derive(Clone, Debug)]
pub(super) struct Shutdown {
    /// Cancelled: no connection is accepted any more, and running requests end. A child of `stopped`.
    pub(super) draining: CancellationToken,
    /// Cancelled: what still runs is cut off.
    pub(super) stopped: CancellationToken,
}

impl Stopper {
    pub(super) fn new() -> Self {
        let stopped = CancellationToken::new();
        Self(Shutdown { draining: stopped.child_token(), stopped })
    }

    /// Has the server accept no more connections, and end when its running requests have ended.
    pub fn drain(&self) {
        self.0.draining.cancel();
    }

    /// Has the server end at once.
    pub fn stop(&self) {
        self.0.stopped.cancel();
    }

    pub(super) fn is_draining(&self) -> bool {
        self.0.draining.is_cancelled()
    }

    pub(super) fn shutdown(&self) -> Shutdown {
        self.0.clone()
    }
}

impl Shutdown {
    /// The same for one worker. Each token has a lock that every request takes; workers must not share it.
    pub(super) fn child(&self) -> Self {
        Self { draining: self.draining.child_token(), stopped: self.stopped.child_token() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_stopped_drains_too() {
        let stopper = Stopper::new();
        let worker = stopper.shutdown().child();
        stopper.drain();
        assert!(worker.draining.is_cancelled() && !worker.stopped.is_cancelled());
        let stopper = Stopper::new();
        let worker = stopper.shutdown().child();
        stopper.stop();
        assert!(worker.draining.is_cancelled() && worker.stopped.is_cancelled() && stopper.is_draining());
    }
}
