//! `portcullis serve`: everything is put together here, in order, and run.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use rustls::sign::CertifiedKey;
use tracing_subscriber::EnvFilter;

use super::{Failure, configuration};
use crate::{
    clock::Clock,
    config::{self, Configuration, Look, Store},
    forward::{BodyLimits, OwnedNames},
    gateway::Shared,
    pages::Pages,
    portal::{self, Portal},
    server::{
        self, AccessLogging, Certificates, Listeners, Readiness, SelfSigned, Server, listen_to_signals,
        notify,
    },
    session::{MemoryStore, Sessions},
    snapshot::{Current, Snapshot},
    telemetry::{Audit, AuditEvent, AuditKind, Format, LogWriter},
    users::{Change, Directory, Passwords},
};

/// Runs the gateway until it is asked to stop.
pub(super) fn run(file: &Path) -> Result<(), Failure> {
    log_to_stderr();
    let configuration = configuration(file)?;
    let clock = Clock::system();
    let writer = LogWriter::start(io::stdout())?;
    let format = configuration.log.format.unwrap_or_else(Format::for_stdout);
    let audit = Audit::new(writer.clone(), format, clock.clone());

    let listening = &configuration.server;
    let listeners = Listeners::bind(&listening.https, &listening.http, listening.status)?;
    let certificates = Certificates::new(certificates(&configuration, &clock)?);
    let tls = Arc::new(certificates.server_config(configuration.tls.min_version)?);

    make_private_folder(&configuration.state)?;
    let directory =
        Directory::open(&configuration.users_database(), clock.clone(), report_changes(audit.clone()))?;
    let hashing = thread::available_parallelism().map_or(1, Into::into);
    let passwords = Passwords::start(configuration.password, hashing, WAITING_HASHES);
    let store = match configuration.sessions.store {
        Store::Memory => Box::new(MemoryStore::new(configuration.sessions.max_sessions)),
    };
    let sessions = Arc::new(Sessions::new(store));
    let portal = Portal::new(Arc::clone(&directory), passwords, Arc::clone(&sessions), audit, clock.clone());

    let origin = origin(&configuration, &listeners);
    let settings = server::Settings {
        workers: configuration.server.workers,
        limits: configuration.limits,
        access_log: configuration.log.access.then(|| AccessLogging { writer: writer.clone(), format }),
        drain_timeout: DRAIN_TIMEOUT,
    };
    let addrs = (listeners.https_addrs(), listeners.http_addrs(), listeners.status_addr());
    let readiness = Arc::new(Readiness::new(Arc::clone(&directory)));
    let current = Current::new(snapshot(configuration, Pages::new()));
    let shared = Arc::new(Shared { current, sessions, directory, portal, clock: clock.clone() });
    let server = Server::new(listeners, settings, Arc::clone(&shared), tls, readiness);

    let reloading = Reload { file: file.to_owned(), shared: Arc::clone(&shared), certificates, clock };
    listen_to_signals(server.stopper(), move || reloading.run())?;
    announce(&origin, &addrs, &shared)?;
    notify(&[sd_notify::NotifyState::Ready]);
    let ended = server.run();
    writer.flush();
    Ok(ended?)
}

/// What can change while we run; everything else waits for a restart.
struct Reload {
    file: PathBuf,
    shared: Arc<Shared>,
    certificates: Arc<Certificates>,
    clock: Clock,
}

impl Reload {
    /// All or nothing: a mistake leaves everything as it was.
    fn run(&self) {
        let loaded = match config::load(&self.file) {
            Ok(loaded) => loaded,
            Err(error) => {
                tracing::error!("the configuration was not reloaded:\n{}", error.render(Look::Plain));
                return;
            }
        };
        for warning in &loaded.warnings {
            tracing::warn!("{}", warning.render(Look::Plain));
        }
        match certificates(&loaded.configuration, &self.clock) {
            Ok(certificates) => self.certificates.replace(certificates),
            Err(Failure(error)) => {
                tracing::error!("the configuration was not reloaded: {error}");
                return;
            }
        }
        let pages = self.shared.current.load().portal.pages.clone();
        self.shared.current.replace(snapshot(loaded.configuration, pages));
        tracing::info!(
            "configuration reloaded: apps, rules, groups, session limits, certificates; addresses, workers, state, \
             [password], [limits] and [log] wait for a restart"
        );
    }
}

fn snapshot(configuration: Configuration, pages: Pages) -> Snapshot {
    let Configuration { policy, apps, limits, server, sessions, groups, .. } = configuration;
    Snapshot {
        policy,
        owned: Arc::new(OwnedNames::of(&apps)),
        apps,
        bodies: BodyLimits { max_body: limits.max_body, body_timeout: limits.body_timeout },
        proxies: server.trusted_proxies,
        portal: portal::Settings { sessions: sessions.limits, pages, groups: Arc::new(groups) },
    }
}

/// The configured certificates; without any, a self-signed one.
fn certificates(configuration: &Configuration, clock: &Clock) -> Result<Vec<Arc<CertifiedKey>>, Failure> {
    if !configuration.tls.certificates.is_empty() {
        let read = |files: &config::CertificateFiles| {
            config::read_certificate(&files.cert, &files.key)
                .map(Arc::new)
                .map_err(|problem| Failure(format!("error: {}: {}", files.place, problem.problem)))
        };
        return configuration.tls.certificates.iter().map(read).collect();
    }
    let hosts: Vec<String> =
        configuration.policy.apps().iter().flat_map(|app| &app.hosts).map(ToString::to_string).collect();
    let own = SelfSigned::ensure(&configuration.certs, &hosts, clock)?;
    if own.made {
        tracing::info!(file = %own.path.display(), "made a self-signed certificate; browsers will warn of it");
    }
    Ok(vec![own.certificate])
}

/// The state folder holds password hashes: nobody else may look in (0700).
fn make_private_folder(folder: &Path) -> Result<(), Failure> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| {
        Failure(format!("error: cannot make the state folder {}: {error}", folder.display()))
    })
}

fn report_changes(audit: Audit) -> Box<dyn Fn(&Change) + Send> {
    Box::new(move |change| {
        audit.record(&AuditEvent {
            event: AuditKind::UserChanged,
            reason: change.action.as_str(),
            user: Some(change.name.as_str()),
            actor: Some(&change.actor),
            client: None,
            request_id: None,
            session: None,
        });
    })
}

/// How a browser on this machine, or in its network, reaches us.
fn origin(configuration: &Configuration, listeners: &Listeners) -> String {
    let named = configuration.policy.apps().iter().find_map(|app| app.hosts.first());
    let host = named.map_or("localhost", |host| host);
    match listeners.https_addrs().first().map(std::net::SocketAddr::port) {
        None | Some(443) => format!("https://{host}"),
        Some(port) => format!("https://{host}:{port}"),
    }
}

type Addrs = (Vec<std::net::SocketAddr>, Vec<std::net::SocketAddr>, Option<std::net::SocketAddr>);

/// Tells where we are, and how the first user is made.
fn announce(origin: &str, (https, http, status): &Addrs, shared: &Shared) -> Result<(), Failure> {
    let list =
        |addrs: &[std::net::SocketAddr]| addrs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    tracing::info!(https = %list(https), http = %list(http), status = ?status, "portcullis {} serves {origin}/", env!("CARGO_PKG_VERSION"));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    if let Some(link) = runtime.block_on(shared.portal.setup_link())? {
        // Told once and kept nowhere: not through the log, whose lines are stored.
        writeln!(
            io::stderr(),
            "\nThere is no user yet. Open this link within one hour to make the first one:\n\n    {origin}{}\n",
            link.as_str()
        )?;
    }
    Ok(())
}

/// The gateway's own messages. `PORTCULLIS_LOG` chooses which (`debug`, `portcullis=debug`, …).
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("PORTCULLIS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let to_stderr = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal());
    // A second subscriber is refused, which only happens if one is there already.
    to_stderr.try_init().ok();
}

/// Checks that may wait; with two at work, the last of them waits for a little over a second.
const WAITING_HASHES: usize = 64;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
