//! The threads of a running server, and their end.
//!
//! [`Server::run`](super::Server::run) runs a [`Supervisor`]. It starts a thread for each worker, for the status listener and
//! for the control socket, ends the server when one of them dies, and limits how long draining takes.

use std::{
    io,
    net::TcpListener,
    sync::{Arc, mpsc},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    accept_errors::AcceptErrors,
    control::{self, Control},
    shutdown::Stopper,
    status::{self, StatusSource},
    threads::{ThreadEnd, start},
    worker::Worker,
};

/// The server ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A worker could not be started.
    #[error("starting a worker")]
    Start(#[source] io::Error),
    /// A worker ended; the others would go on without it.
    #[error("{0} ended unexpectedly")]
    WorkerDied(String),
}

/// The server apart from its workers.
#[derive(Debug)]
pub struct Supervisor {
    pub(super) status: Option<TcpListener>,
    pub(super) status_source: StatusSource,
    pub(super) control: Option<Control>,
    pub(super) stopper: Stopper,
    pub(super) accept_errors: Arc<AcceptErrors>,
    pub(super) drain_timeout: Duration,
}

impl Supervisor {
    /// Runs the workers until the server is asked to stop and they have ended, or until one dies.
    pub(super) fn run(self, workers: Vec<Worker>) -> Result<(), ServeError> {
        let (ended, endings) = mpsc::channel();
        let mut running = 0;
        for (number, worker) in workers.into_iter().enumerate() {
            start(&format!("worker {number}"), &ended, move || worker.run()).map_err(ServeError::Start)?;
            running += 1;
        }
        let readiness = Arc::clone(&self.status_source.readiness);
        if let Some(listener) = self.status {
            let (source, shutdown) = (self.status_source, self.stopper.shutdown());
            let accept_errors = self.accept_errors;
            // Not counted: it reports that the gateway drains until the last worker has ended, and ends then.
            start(STATUS, &ended, move || status::run(listener, source, (shutdown, accept_errors)))
                .map_err(ServeError::Start)?;
        }
        if let Some(control) = self.control {
            let shutdown = self.stopper.shutdown();
            start("the control socket", &ended, move || control::run(control, shutdown))
                .map_err(ServeError::Start)?;
            running += 1;
        }
        drop(ended);
        readiness.set_serving(true);

        let mut deadline: Option<Instant> = None;
        while running > 0 {
            match endings.recv_timeout(TICK) {
                Ok(ThreadEnd::Stopped(who)) if who == STATUS => {}
                Ok(ThreadEnd::Stopped(_)) => running -= 1,
                Ok(ThreadEnd::Died(who)) => {
                    self.stopper.stop();
                    return Err(ServeError::WorkerDied(who));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if self.stopper.is_draining() {
                readiness.set_serving(false);
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + self.drain_timeout);
                if Instant::now() >= deadline {
                    tracing::warn!("drain_timeout reached: connections of running requests are closed");
                    self.stopper.stop();
                }
            }
        }
        self.stopper.stop();
        Ok(())
    }
}

const STATUS: &str = "the status listener";
const TICK: Duration = Duration::from_millis(50);
