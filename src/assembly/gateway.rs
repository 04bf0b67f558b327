//! The assembly of a gateway.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::{
    AssemblyError, Reloader, Surroundings,
    certificates::{certificates, certified},
    control, descriptor_shortage, pruning,
    restart::StartSettings,
    revocation_lists,
    shared::{Opened, open},
};
use crate::{
    config::Configuration,
    gateway::Shared,
    server::{self, AccessLogging, Certificates, ListenAddrs, Listeners, Readiness, Server, TlsSettings},
    telemetry::Format,
};

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
    /// The listeners of other proxies that ask about requests.
    pub checks: Vec<SocketAddr>,
    /// The status listener.
    pub status: Option<SocketAddr>,
}

/// Puts a gateway together. It serves nothing yet; the threads of the stores and of the password checks run.
pub fn assemble(
    configuration: Configuration,
    surroundings: Surroundings,
) -> Result<Assembled, AssemblyError> {
    let Surroundings { clock, log, .. } = surroundings.clone();
    let listening = &configuration.server;
    let checks = configuration.forward_auth.as_ref();
    let listeners = Listeners::bind(ListenAddrs {
        https: &listening.https,
        http: &listening.http,
        checks: checks.map_or(&[], |checks| &checks.listen),
        status: listening.status,
    })?;
    let checks_over_tls = checks.is_some_and(|checks| checks.tls);
    let keys = certificates(&configuration, &clock)?;
    let certified = certified(&configuration, &keys);
    let certificates = Certificates::new(keys);
    let tls = Arc::new(TlsSettings::new(certificates, configuration.tls.min_version)?);
    let clients = &configuration.tls.clients;
    tls.ask_for_certificates(clients.authorities.as_ref(), &clients.hosts)?;

    let port = listeners.https_addrs().first().map(SocketAddr::port);
    let Opened { shared, databases, audit, outbox } = open(&configuration, certified, port, surroundings)?;
    let control = control::bind(&configuration, databases, &shared.sessions, &audit)?;

    let mut limits = configuration.limits;
    if let Some(shortage) = descriptor_shortage(&configuration, server::raise_descriptor_limit()) {
        tracing::warn!("{shortage}");
        limits.connections = shortage.connections;
    }
    let format = configuration.log.format.unwrap_or_else(Format::for_stdout);
    let settings = server::Settings {
        workers: configuration.server.workers,
        limits,
        access_log: configuration.log.access.then_some(AccessLogging { writer: log, format }),
        public_port: configuration.server.public_port,
        drain_timeout: DRAIN_TIMEOUT,
        checks_over_tls,
        status_hosts: configuration.server.status_hosts.clone(),
    };
    let addrs = Addrs {
        https: listeners.https_addrs(),
        http: listeners.http_addrs(),
        checks: listeners.check_addrs(),
        status: listeners.status_addr(),
    };
    let readiness = Arc::new(Readiness::new(Arc::clone(&shared.directory), Arc::clone(&shared.sessions)));
    let origin = configuration.origin(port);
    let started = StartSettings::of(&configuration);
    let file = configuration.file;
    pruning::start(&shared)?;
    revocation_lists::start(&shared)?;
    let mut server = Server::new(listeners, settings, Arc::clone(&shared), Arc::clone(&tls), readiness);
    if let Some(control) = control {
        server = server.with_control(control);
    }
    let reloader = Reloader { file, shared: Arc::clone(&shared), tls, outbox, port, clock, started };
    Ok(Assembled { server, shared, reloader, origin, addrs })
}

const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
