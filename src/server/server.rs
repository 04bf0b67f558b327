//! The server: bound first, then served by one thread a worker.
//!
//! `assembly` binds a [`Server`], so that every address is known and every mistake is reported before anything runs.
//! [`Server::run`] splits it into workers and a [`Supervisor`], which runs them.

use std::{net::SocketAddr, num::NonZeroUsize, sync::Arc, thread, time::Duration};

use tokio::sync::Semaphore;

use super::{
    TlsSettings,
    accept_errors::AcceptErrors,
    addresses::Addresses,
    control::{Control, Reload},
    limits::Limits,
    listen::Listeners,
    shutdown::Stopper,
    status::{Readiness, StatusSource},
    supervisor::{ServeError, Supervisor},
    worker::{AccessLogging, Worker, WorkerContext},
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
    /// Whether the listeners of other proxies speak TLS.
    pub checks_over_tls: bool,
    /// Host names of the status listener, beside addresses, `localhost` and names without a dot.
    pub status_hosts: Vec<Box<str>>,
}

/// The server, bound to its addresses and not yet serving.
#[derive(Debug)]
pub struct Server {
    listeners: Listeners,
    settings: Settings,
    shared: Arc<Shared>,
    tls: Arc<TlsSettings>,
    readiness: Arc<Readiness>,
    control: Option<Control>,
    stopper: Stopper,
    accept_errors: Arc<AcceptErrors>,
}

impl Server {
    /// A server over listeners that are bound already.
    pub fn new(
        listeners: Listeners,
        settings: Settings,
        shared: Arc<Shared>,
        tls: Arc<TlsSettings>,
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
        let number = self
            .settings
            .workers
            .unwrap_or_else(|| thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
        let (workers, supervisor) = self.into_workers(number)?;
        supervisor.run(workers)
    }

    /// The workers, and the supervisor that runs them on threads of their own.
    ///
    /// A bench runs a single worker on its own thread, without the supervisor.
    pub fn into_workers(self, number: NonZeroUsize) -> Result<(Vec<Worker>, Supervisor), ServeError> {
        let context = self.worker_context();
        let sockets = self.listeners.for_workers(number).map_err(ServeError::Start)?;
        let workers =
            sockets.workers.into_iter().map(|sockets| Worker::new(sockets, context.clone())).collect();
        let supervisor = Supervisor {
            status: sockets.status,
            status_source: StatusSource {
                readiness: self.readiness,
                metrics: Arc::clone(&context.shared.metrics),
                hosts: self.settings.status_hosts.into(),
            },
            control: self.control,
            stopper: self.stopper,
            accept_errors: self.accept_errors,
            drain_timeout: self.settings.drain_timeout,
        };
        Ok((workers, supervisor))
    }

    fn worker_context(&self) -> WorkerContext {
        WorkerContext {
            shared: Arc::clone(&self.shared),
            tls: Arc::clone(&self.tls),
            check_tls: self.settings.checks_over_tls.then(|| Arc::new(only_http1(self.tls.plain()))),
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

/// The same, without HTTP/2, which the listeners of other proxies do not speak.
fn only_http1(tls: &rustls::ServerConfig) -> rustls::ServerConfig {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    tls
}
