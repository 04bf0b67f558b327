//! Sockets, TLS, workers, and when they stop.
//!
//! A [`Server`] is bound first, so that every address is known and every
//! mistake told before anything runs; then [`Server::run`] starts one thread a
//! worker, each with a single-threaded runtime, its own accept loop, its own
//! connections and its own way to the upstreams. Below here nobody knows of
//! sockets.

mod accept_errors;
mod addresses;
mod answer;
mod client_io;
mod connection;
mod control;
mod descriptors;
mod frame_head;
mod header_blocks;
mod hpack;
mod http1;
pub(crate) mod http1_guard;
mod http2;
mod http2_guard;
mod huffman;
mod limits;
mod listen;
mod open_tasks;
mod redirect;
mod refusal;
mod self_signed;
mod shutdown;
mod signals;
mod status;
mod stream;
mod tls;
mod worker;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    num::NonZeroUsize,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use tokio::{sync::Semaphore, time::Instant};

use crate::{gateway::Shared, telemetry};

use accept_errors::AcceptErrors;
use addresses::{Addresses, Place};

pub use control::{
    Control, ControlError, ControlledGateway, ReadDatabases, Reload, Reloaded, Revocation, Revocations,
    Revoked, Running, StateFolder, control_sockets,
};
pub use descriptors::{DescriptorShortage, highest_descriptor_limit, raise_descriptor_limit};
pub use limits::{Http2Limits, Limits};
pub use listen::{BindError, ListenAddr, Listeners};
pub use self_signed::{SelfSigned, SelfSignedError};
pub use shutdown::Stopper;
pub use signals::{Signals, notify};
pub use status::Readiness;
pub use tls::{Certificates, TlsError, TlsVersion, certified_names};

/// Where access-log lines go, and how they look.
#[derive(Clone, Debug)]
pub struct AccessLogging {
    /// The thread that writes.
    pub writer: telemetry::LogWriter,
    /// How lines are written.
    pub format: telemetry::Format,
}

/// How the server runs.
#[derive(Debug)]
pub struct Settings {
    /// How many workers; `None`: one a core.
    pub workers: Option<NonZeroUsize>,
    /// What a client may take.
    pub limits: Limits,
    /// `None`: no access log.
    pub access_log: Option<AccessLogging>,
    /// The port at which browsers reach HTTPS, if it is not that of the first listener.
    pub public_port: Option<u16>,
    /// How long running requests may take after the stop was asked for. Default 30 seconds.
    pub drain_timeout: Duration,
    /// Names by which the status listener may be asked, beside addresses, `localhost` and names without a dot.
    pub status_hosts: Vec<Box<str>>,
}

/// Bound to its addresses, not yet serving.
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

/// Why the server ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A worker could not be started.
    #[error("starting a worker")]
    Start(#[source] io::Error),
    /// A worker ended; the rest is of no use without it.
    #[error("{0} ended unexpectedly")]
    WorkerDied(String),
}

/// What every worker is given.
#[derive(Clone, Debug)]
struct Common {
    shared: Arc<Shared>,
    tls: Arc<rustls::ServerConfig>,
    limits: Limits,
    access_log: Option<AccessLogging>,
    /// One permit a connection, over all workers.
    connections: Arc<Semaphore>,
    addresses: Arc<Addresses>,
    accept_errors: Arc<AcceptErrors>,
    shutdown: shutdown::Shutdown,
    /// The port that redirects lead to.
    https_port: u16,
    /// The one that the operator has named.
    public_port: Option<u16>,
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

    /// The same, listening to the command line, too.
    #[must_use]
    pub fn with_control(self, control: Control) -> Self {
        Self { control: Some(control), ..self }
    }

    /// The same, reloading in this way when the command line asks for it.
    #[must_use]
    pub fn with_reload(self, reload: Reload) -> Self {
        Self { control: self.control.map(|control| control.with_reload(reload)), ..self }
    }

    /// How long it takes at most from the stop that was asked for to the end of [`Server::run`].
    pub fn drain_timeout(&self) -> Duration {
        self.settings.drain_timeout
    }

    /// Where HTTPS is served.
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
        let common = self.common();
        let metrics = Arc::clone(&common.shared.metrics);
        let (ended, endings) = mpsc::channel();
        let sockets = self.listeners.for_workers(workers).map_err(ServeError::Start)?;
        let mut running = 0;
        for (number, sockets) in sockets.workers.into_iter().enumerate() {
            let common = common.clone();
            start(&format!("worker {number}"), &ended, move || worker::run(sockets, common))?;
            running += 1;
        }
        if let Some(listener) = sockets.status {
            let (readiness, shutdown) = (Arc::clone(&self.readiness), self.stopper.shutdown());
            let accept_errors = Arc::clone(&self.accept_errors);
            let status_hosts = self.settings.status_hosts;
            // Not counted: it tells that we drain until the last worker has ended, and ends then.
            start(STATUS, &ended, move || {
                let hosts = status_hosts.into();
                status::run(listener, status::Told { readiness, metrics, hosts }, (shutdown, accept_errors))
            })?;
        }
        if let Some(control) = self.control {
            let shutdown = self.stopper.shutdown();
            start("the control socket", &ended, move || control::run(control, shutdown))?;
            running += 1;
        }
        drop(ended);
        self.readiness.set_serving(true);

        let mut deadline: Option<Instant> = None;
        while running > 0 {
            match endings.recv_timeout(TICK) {
                Ok(Ending::Asked(who)) if who == STATUS => {}
                Ok(Ending::Asked(_)) => running -= 1,
                Ok(Ending::Unasked(who)) => {
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
                    tracing::warn!("running requests did not end in time; their connections are closed");
                    self.stopper.stop();
                }
            }
        }
        self.stopper.stop();
        Ok(())
    }

    /// Serves as the one worker of a gateway does, on the thread that polls this, which needs a local runtime; for
    /// whoever counts what a request costs that thread. No status port, no control socket, no limit on draining.
    #[doc(hidden)]
    pub async fn run_here(self) -> io::Result<()> {
        let common = self.common();
        let sockets = self.listeners.for_workers(NonZeroUsize::MIN)?;
        for worker in sockets.workers {
            worker::serve(worker, common.clone()).await?;
        }
        Ok(())
    }

    fn common(&self) -> Common {
        Common {
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

/// An address has as many connections as it may.
struct Crowded;

impl Common {
    /// A place among the connections of an address; none is needed by proxies of our own, which bring everybody's.
    fn place(&self, addr: IpAddr) -> Result<Option<Place>, Crowded> {
        if self.shared.current.load().proxies.trusts(addr) {
            return Ok(None);
        }
        self.addresses.place(addr).map(Some).ok_or(Crowded)
    }
}

/// How a thread ended.
enum Ending {
    Asked(String),
    Unasked(String),
}

/// Tells how the thread ended even if it ends in a panic.
struct EndingGuard {
    ended: mpsc::Sender<Ending>,
    who: String,
    asked: bool,
}

impl Drop for EndingGuard {
    fn drop(&mut self) {
        let who = std::mem::take(&mut self.who);
        let ending = if self.asked { Ending::Asked(who) } else { Ending::Unasked(who) };
        self.ended.send(ending).ok();
    }
}

fn start(
    name: &str,
    ended: &mpsc::Sender<Ending>,
    run: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> Result<(), ServeError> {
    let guard = EndingGuard { ended: ended.clone(), who: name.to_owned(), asked: false };
    let body = move || {
        let mut guard = guard;
        match run() {
            Ok(()) => guard.asked = true,
            Err(error) => tracing::error!(%error, "{} failed", guard.who),
        }
    };
    thread::Builder::new().name(name.replace(' ', "-")).spawn(body).map_err(ServeError::Start)?;
    Ok(())
}

const STATUS: &str = "the status listener";
const TICK: Duration = Duration::from_millis(50);
