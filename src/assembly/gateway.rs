//! The assembly of a gateway.

use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use super::{
    AssemblyError, Reloader,
    certificates::{certificates, certified},
    control, descriptor_shortage, metrics, pruning,
    snapshot::snapshot,
    stores::Stores,
};
use crate::{
    auth::{Backend, Local, SetupLink, SignIn},
    clock::Clock,
    config::Configuration,
    forward::Resolver,
    gateway::Shared,
    in_flight::InFlight,
    pages::Pages,
    portal::Portal,
    server::{self, AccessLogging, Certificates, Listeners, Readiness, Server},
    snapshot::Current,
    telemetry::{Audit, Format, LogWriter, Metrics},
    users::Passwords,
};

/// The inputs of a gateway beside its configuration.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The source of the time.
    pub clock: Clock,
    /// The writer of access and audit lines.
    pub log: LogWriter,
    /// The resolver of upstream names.
    pub resolver: Resolver,
}

/// A gateway that is bound to its addresses and ready to run.
#[derive(Debug)]
pub struct Assembled {
    /// The server, to be run.
    pub server: Server,
    /// The state that its workers share.
    pub shared: Arc<Shared>,
    /// The receiver of new configurations.
    pub reloader: Reloader,
    /// The origin for browsers: `https://host:port`.
    pub origin: String,
    /// The bound addresses.
    pub addrs: Addrs,
}

/// The bound addresses of a gateway, with the ports that the system chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addrs {
    /// HTTPS.
    pub https: Vec<SocketAddr>,
    /// The plain listeners, which redirect.
    pub http: Vec<SocketAddr>,
    /// The status listener.
    pub status: Option<SocketAddr>,
}

/// Puts a gateway together. It serves nothing yet; the threads of the stores and of the password checks run.
pub fn assemble(
    configuration: Configuration,
    surroundings: Surroundings,
) -> Result<Assembled, AssemblyError> {
    let Surroundings { clock, log, resolver } = surroundings;
    let format = configuration.log.format.unwrap_or_else(Format::for_stdout);
    let audit = Audit::new(log.clone(), format, clock.clone());

    let listening = &configuration.server;
    let listeners = Listeners::bind(&listening.https, &listening.http, listening.status)?;
    let keys = certificates(&configuration, &clock)?;
    let certified = certified(&configuration, &keys);
    let certificates = Certificates::new(keys);
    let tls = Arc::new(certificates.server_config(configuration.tls.min_version)?);

    let Stores { directory, sessions, throttle, databases } = Stores::open(&configuration, &audit, &clock)?;
    let hashing = thread::available_parallelism().map_or(1, Into::into);
    let passwords = Passwords::start(configuration.password, hashing, WAITING_HASHES);
    let control = control::bind(&configuration, databases, &sessions, &audit)?;
    let metrics = Arc::new(Metrics::default());
    metrics::register(&metrics, &audit, &passwords, &sessions);
    let backends = vec![Backend::Local(Local::new(Arc::clone(&directory), Arc::clone(&passwords)))];
    let sign_in = SignIn::new(backends, Arc::clone(&directory), throttle, audit.clone(), clock.clone());
    let setup = SetupLink::new(Arc::clone(&directory), audit.clone(), clock.clone());
    let portal = Portal::new(sign_in, setup, passwords, Arc::clone(&sessions), audit, clock.clone());

    let mut limits = configuration.limits;
    if let Some(shortage) = descriptor_shortage(&configuration, server::raise_descriptor_limit()) {
        tracing::warn!("{shortage}");
        limits.connections = shortage.connections;
    }
    let settings = server::Settings {
        workers: configuration.server.workers,
        limits,
        access_log: configuration.log.access.then_some(AccessLogging { writer: log, format }),
        public_port: configuration.server.public_port,
        drain_timeout: DRAIN_TIMEOUT,
        status_hosts: configuration.server.status_hosts.clone(),
    };
    let addrs = Addrs {
        https: listeners.https_addrs(),
        http: listeners.http_addrs(),
        status: listeners.status_addr(),
    };
    let origin = origin(&configuration, &addrs);
    let readiness = Arc::new(Readiness::new(Arc::clone(&directory), Arc::clone(&sessions)));
    let file = configuration.file.clone();
    let in_flight = InFlight::default();
    let current = Current::new(snapshot(configuration, certified, Pages::new(), &in_flight));
    let shared = Arc::new(Shared {
        current,
        sessions,
        directory,
        portal,
        metrics,
        in_flight,
        resolver,
        clock: clock.clone(),
    });
    pruning::start(&shared)?;
    let mut server = Server::new(listeners, settings, Arc::clone(&shared), tls, readiness);
    if let Some(control) = control {
        server = server.with_control(control);
    }
    let reloader = Reloader { file, shared: Arc::clone(&shared), certificates, clock };
    Ok(Assembled { server, shared, reloader, origin, addrs })
}

fn origin(configuration: &Configuration, addrs: &Addrs) -> String {
    let named = configuration.policy.apps().iter().find_map(|app| app.hosts.first());
    let host = named.map_or("localhost", |host| host);
    let listener = addrs.https.first().map(SocketAddr::port);
    match configuration.server.public_port.or(listener) {
        None | Some(443) => format!("https://{host}"),
        Some(port) => format!("https://{host}:{port}"),
    }
}

/// Maximum number of waiting password checks. With two threads, the last one waits for a little over a second.
const WAITING_HASHES: usize = 64;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
