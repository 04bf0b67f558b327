//! One worker: its accept loops, and the tasks of its connections.
//!
//! `server` starts [`Worker::serve`] on a thread for each worker. A worker has a single-threaded runtime and a gateway of its own, so
//! that its requests share locks with other workers only for sessions, accounts and limits that hold for all workers.

use std::{cell::Cell, io, net::IpAddr, rc::Rc, sync::Arc, time::Duration};

use futures_util::FutureExt;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, LocalOptions},
    sync::Semaphore,
    task::spawn_local,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_rustls::TlsAcceptor;

use super::{
    TlsSettings,
    accept_errors::AcceptErrors,
    activity::ConnectionSlot,
    addresses::{AddressSlot, Addresses},
    connection,
    descriptors::when_there_are_descriptors,
    forward_auth,
    limits::Limits,
    listen::WorkerSockets,
    open_tasks::OpenTasks,
    redirect,
    serving::Serving,
    shutdown::Shutdown,
};
use crate::{
    forward::UnsentBytes,
    gateway::{Connection, Gateway, LastSeen, Shared},
    request::Ports,
    telemetry::{self, AccessLog, Counters, Limit},
};

/// Where access-log entries go, and their format.
#[derive(Clone, Debug)]
pub struct AccessLogging {
    /// The thread that writes.
    pub writer: telemetry::LogWriter,
    /// Their format.
    pub format: telemetry::Format,
}

/// The parts of the server that every worker gets.
#[derive(Clone, Debug)]
pub(super) struct WorkerContext {
    pub(super) shared: Arc<Shared>,
    pub(super) tls: Arc<TlsSettings>,
    /// The TLS settings of the listeners of other proxies; `None`: those speak clear text.
    pub(super) check_tls: Option<Arc<rustls::ServerConfig>>,
    pub(super) limits: Limits,
    pub(super) access_log: Option<AccessLogging>,
    /// One permit a connection, over all workers.
    pub(super) connections: Arc<Semaphore>,
    pub(super) addresses: Arc<Addresses>,
    pub(super) accept_errors: Arc<AcceptErrors>,
    pub(super) shutdown: Shutdown,
    /// The port that redirects lead to.
    pub(super) https_port: u16,
    /// The public port, if the operator has configured one.
    pub(super) public_port: Option<u16>,
}

/// A worker with its share of the listeners, not yet serving.
#[derive(Debug)]
pub struct Worker {
    sockets: WorkerSockets,
    context: WorkerContext,
}

impl Worker {
    pub(super) fn new(sockets: WorkerSockets, context: WorkerContext) -> Self {
        Self { sockets, context }
    }

    /// Serves on this thread, until the server stops and the worker's connections have ended.
    pub(super) fn run(self) -> io::Result<()> {
        let runtime = when_there_are_descriptors(&self.context.shutdown, || {
            Builder::new_current_thread()
                .enable_all()
                // Unused: slow work has threads of its own.
                .max_blocking_threads(1)
                .build_local(LocalOptions::default())
        })?;
        runtime.block_on(self.serve())
    }

    /// Serves on the local runtime that polls this, until the server stops and the worker's connections have ended.
    pub async fn serve(self) -> io::Result<()> {
        let Self { sockets, context } = self;
        serve(sockets, context).await
    }
}

async fn serve(sockets: WorkerSockets, context: WorkerContext) -> io::Result<()> {
    let access_log =
        context.access_log.as_ref().map(|log| Rc::new(AccessLog::new(log.writer.clone(), log.format)));
    let gateway = Rc::new(Gateway::new(Arc::clone(&context.shared), access_log));
    let shutdown = context.shutdown.child();
    let serving = Rc::new(Serving {
        gateway: Rc::clone(&gateway),
        tls: Arc::clone(&context.tls),
        limits: context.limits,
        shutdown: shutdown.clone(),
        counters: Arc::clone(gateway.counters()),
        open: Rc::default(),
        served: Cell::default(),
    });
    let open = Rc::clone(&serving.open);
    let mut loops = Vec::new();
    for socket in sockets.https {
        let listener = TcpListener::from_std(socket)?;
        let (context, open, serving) = (context.clone(), Rc::clone(&open), Rc::clone(&serving));
        let counters = Arc::clone(&serving.counters);
        loops.push(spawn_local(accept(
            listener,
            context,
            counters,
            open,
            move |socket, connection, slot| connection::serve(Rc::clone(&serving), socket, connection, slot),
        )));
    }
    for socket in sockets.http {
        let listener = TcpListener::from_std(socket)?;
        let (accepting, open, redirecting) = (context.clone(), Rc::clone(&open), shutdown.clone());
        let (shared, limits, port) = (Arc::clone(&context.shared), context.limits, context.https_port);
        let (counters, counting) = (Arc::clone(gateway.counters()), Arc::clone(gateway.counters()));
        loops.push(spawn_local(accept(listener, accepting, counting, open, move |socket, _, slot| {
            let redirect = redirect::Redirecting {
                shared: Arc::clone(&shared),
                limits,
                https_port: port,
                counters: Arc::clone(&counters),
            };
            redirect.serve(socket, slot, redirecting.clone())
        })));
    }
    let check_tls = context.check_tls.clone().map(TlsAcceptor::from);
    for socket in sockets.checks {
        let listener = TcpListener::from_std(socket)?;
        let (context, open, serving) = (context.clone(), Rc::clone(&open), Rc::clone(&serving));
        let (counters, tls) = (Arc::clone(&serving.counters), check_tls.clone());
        loops.push(spawn_local(accept(
            listener,
            context,
            counters,
            open,
            move |socket, connection, slot| {
                forward_auth::serve(Rc::clone(&serving), tls.clone(), socket, connection, slot)
            },
        )));
    }
    let tidying = Rc::clone(&gateway);
    spawn_local(async move {
        let mut ticks = interval(TIDY_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            tidying.tidy();
            // In a task of its own: a look-up that hangs holds up no later round.
            let judging = Rc::clone(&tidying);
            spawn_local(async move { judging.judge_long_requests().await });
        }
    });
    for accepting in loops {
        // A panic in an accept loop must end the worker, and with it the process.
        accepting.await.map_err(io::Error::other)?;
    }
    open.none_left().await;
    gateway.flush_log();
    Ok(())
}

/// The address has as many connections as it may.
struct Crowded;

impl WorkerContext {
    /// A slot among the connections of an address. Our own proxies need none: they bring everybody's connections.
    fn address_slot(&self, addr: IpAddr) -> Result<Option<AddressSlot>, Crowded> {
        if self.shared.current.load().proxies.trusts(addr) {
            return Ok(None);
        }
        self.addresses.slot(addr).map(Some).ok_or(Crowded)
    }
}

async fn accept<F: Future<Output = ()> + 'static>(
    listener: TcpListener,
    context: WorkerContext,
    counters: Arc<Counters>,
    open: Rc<OpenTasks>,
    serve: impl Fn(TcpStream, Connection, ConnectionSlot) -> F,
) {
    let mut draining = std::pin::pin!(context.shutdown.draining.cancelled());
    loop {
        let next = async {
            let (socket, peer) = listener.accept().await?;
            // Before it waits for a slot: an address with too many connections must not hold up the others.
            let Ok(of_address) = context.address_slot(peer.ip()) else {
                counters.reached(Limit::ConnectionsPerAddress);
                return Ok(None);
            };
            // Beyond the limit clients wait, one here and the others in the kernel's queue; none is turned away. A slot
            // that this loop took before it has a client would be missing where the next client comes.
            if context.connections.available_permits() == 0 {
                counters.reached(Limit::Connections);
            }
            let of_all = Arc::clone(&context.connections).acquire_owned().await.map_err(io::Error::other)?;
            Ok(Some((socket, peer, ConnectionSlot { _of_all: of_all, _of_address: of_address })))
        };
        let accepted: io::Result<_> = tokio::select! {
            biased;
            () = &mut draining => return,
            next = next => next,
        };
        match accepted {
            Ok(None) => {}
            Ok(Some((socket, peer, slot))) => {
                set_up(&socket);
                let peer_addr = peer.ip().to_canonical();
                let connection = Connection {
                    peer_addr,
                    peer: peer_addr.to_string().into(),
                    ports: Ports {
                        listener: socket.local_addr().map_or(context.https_port, |addr| addr.port()),
                        public: context.public_port,
                    },
                    server_name: None,
                    client_certificate: None,
                    max_headers: context.limits.max_headers,
                    uri_length: context.limits.uri_length,
                    header_size: context.limits.header_size,
                    requests_per_address: context.limits.requests_per_address,
                    unsent: UnsentBytes::default(),
                    last: LastSeen::default(),
                    interim: None,
                };
                let counted = open.open();
                // An `async` block around it would hold the arguments twice.
                spawn_local(serve(socket, connection, slot).map(|()| drop(counted)));
            }
            Err(error) => {
                // Mostly there are no file descriptors left; without a pause the loop would spin.
                context.accept_errors.log(&error);
                sleep(AFTER_ACCEPT_ERROR).await;
            }
        }
    }
}

/// Has the kernel notice clients that vanished, on connections that may be silent for hours, and has it take no more than
/// [`UNSENT_BYTES`] at a time. It would take megabytes, and a phone that needs minutes for them would seem to read nothing
/// meanwhile.
fn set_up(socket: &TcpStream) {
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_mins(1)).with_interval(Duration::from_secs(15));
    let socket = SockRef::from(socket);
    let set = socket.set_tcp_keepalive(&keepalive).and_then(|()| socket.set_tcp_notsent_lowat(UNSENT_BYTES));
    if let Err(error) = set {
        tracing::debug!(%error, "socket options not set");
    }
}

/// How much may wait in the kernel to be sent.
const UNSENT_BYTES: u32 = 128 * 1024;
const TIDY_EVERY: Duration = Duration::from_millis(250);
const AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(50);
