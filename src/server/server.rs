//! The server: bound first, then served by one thread a worker.
//!
//! `assembly` binds a [`Server`], so that every address is known and every mistake is reported before anything runs.
//! [`Server::run`] starts the threads and waits for them: it limits how long draining takes, and ends when a worker dies.

use std::{
    io,
    net::SocketAddr,
    num::NonZeroUsize,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use tokio::{sync::Semaphore, time::Instant};

use super::{
    accept_errors::AcceptErrors,
    addresses::Addresses,
    control::{self, Control, Reload},
    limits::Limits,
    listen::Listeners,
    shutdown::Stopper,
    status::{self, Readiness, StatusSource},
    threads::{ThreadEnd, start},
    worker::{self, AccessLogging, WorkerContext},
};
use crate::gateway::Shared;

/// The settings of the server.
#[derive(Debug)]
pub struct Settings {
    /// Number of workers; `None`: one a core.
    pub workers: Option<NonZeroUsize>,
    /// Limits on clients.
    pub limits: Limits,
    /// `None`: no access log.
    pub access_log: Option<AccessLogging>,
    /// The port at which browsers reach HTTPS, if it is not that of the first listener.
    pub public_port: Option<u16>,
    /// Maximum time for running requests once the server drains. Default 30 seconds.
    pub drain_timeout: Duration,
    /// Host names of the status listener, beside addresses, `localhost` and names without a dot.
    pub status_hosts: Vec<Box<str>>,
}

/// The server, bound to its addresses and not yet serving.
#[derive(Debug)]
pub struct Server {
    listeners: Listeners,
    settings: Settings,
    shared: Arc<Shared>,
    tls: Arc<rustls::ServerConfig>,
    readiness: Arc<Readiness>,
    control: Option<Control>,
    stopper: Stopper,
    accept_errors: Arc<AcceptErrors>,
}

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

impl Server {
    /// A server over listeners that are bound already.
    pub fn new(
        listeners: Listeners,
        settings: Settings,
        shared: Arc<Shared>,
        tls: Arc<rustls::ServerConfig>,
        readiness: Arc<Readiness>,
    ) -> Self {
        Self {
            listeners,
            settings,
            shared,
            tls,
            readiness,
            control: None,
            stopper: Stopper::new(),
            accept_errors: Arc::default(),
        }
    }

    /// The same, with a control socket.
    #[must_use]
    pub fn with_control(self, control: Control) -> Self {
        Self { control: Some(control), ..self }
    }

    /// The same, with this function for reloads that the command line asks for.
    #[must_use]
    pub fn with_reload(self, reload: Reload) -> Self {
        Self { control: self.control.map(|control| control.with_reload(reload)), ..self }
    }

    /// The longest time from the request to drain to the end of [`Server::run`].
    pub fn drain_timeout(&self) -> Duration {
        self.settings.drain_timeout
    }

    /// The addresses of HTTPS.
    pub fn https_addrs(&self) -> Vec<SocketAddr> {
        self.listeners.https_addrs()
    }

    /// A handle that asks the server to stop.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Serves until it is asked to stop and the running requests have ended, or until a worker dies.
    pub fn run(self) -> Result<(), ServeError> {
        let workers = self
            .settings
            .workers
            .unwrap_or_else(|| thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
        let context = self.worker_context();
        let metrics = Arc::clone(&context.shared.metrics);
        let (ended, endings) = mpsc::channel();
        let sockets = self.listeners.for_workers(workers).map_err(ServeError::Start)?;
        let mut running = 0;
        for (number, sockets) in sockets.workers.into_iter().enumerate() {
            let context = context.clone();
            start(&format!("worker {number}"), &ended, move || worker::run(sockets, context))
                .map_err(ServeError::Start)?;
            running += 1;
        }
        if let Some(listener) = sockets.status {
            let (readiness, shutdown) = (Arc::clone(&self.readiness), self.stopper.shutdown());
            let accept_errors = Arc::clone(&self.accept_errors);
            let status_hosts = self.settings.status_hosts;
            // Not counted: it reports that the gateway drains until the last worker has ended, and ends then.
            start(STATUS, &ended, move || {
                let hosts = status_hosts.into();
                status::run(listener, StatusSource { readiness, metrics, hosts }, (shutdown, accept_errors))
            })
            .map_err(ServeError::Start)?;
        }
        if let Some(control) = self.control {
            let shutdown = self.stopper.shutdown();
            start("the control socket", &ended, move || control::run(control, shutdown))
                .map_err(ServeError::Start)?;
            running += 1;
        }
        drop(ended);
        self.readiness.set_serving(true);

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
                self.readiness.set_serving(false);
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + self.settings.drain_timeout);
                if Instant::now() >= deadline {
                    tracing::warn!("drain_timeout reached: connections of running requests are closed");
                    self.stopper.stop();
                }
            }
        }
        self.stopper.stop();
        Ok(())
    }

    /// Serves as a single worker, on the local runtime that polls this; for benches and tests that count the cost of a request
    /// on their own thread. No status listener, no control socket, no limit on draining.
    #[doc(hidden)]
    pub async fn run_here(self) -> io::Result<()> {
        let context = self.worker_context();
        let sockets = self.listeners.for_workers(NonZeroUsize::MIN)?;
        for worker in sockets.workers {
            worker::serve(worker, context.clone()).await?;
        }
        Ok(())
    }

    fn worker_context(&self) -> WorkerContext {
        WorkerContext {
            shared: Arc::clone(&self.shared),
            tls: Arc::clone(&self.tls),
            limits: self.settings.limits,
            access_log: self.settings.access_log.clone(),
            connections: Arc::new(Semaphore::new(self.settings.limits.connections)),
            addresses: Addresses::new(self.settings.limits.connections_per_address),
            accept_errors: Arc::clone(&self.accept_errors),
            shutdown: self.stopper.shutdown(),
            https_port: self
                .settings
                .public_port
                .unwrap_or_else(|| self.listeners.https_addrs().first().map_or(443, SocketAddr::port)),
            public_port: self.settings.public_port,
        }
    }
}

const STATUS: &str = "the status listener";
const TICK: Duration = Duration::from_millis(50);
