//! A configuration becomes a gateway: every part is made here, once, in order.
//!
//! The command line runs what comes out, and so do the tests: what they test
//! is put together as the real one is.

use std::{
    error::Error, fs, io, net::SocketAddr, os::unix::fs::DirBuilderExt, path::PathBuf, sync::Arc, thread,
    time::Duration,
};

use rustls::sign::CertifiedKey;

use crate::{
    auth::{Backend, Local, SetupLink, SignIn},
    clock::Clock,
    config::{self, AppDeclaration, CertificateProblem, Configuration, Store},
    forward::{BodyLimits, OwnedNames, Resolver},
    gateway::Shared,
    in_flight::InFlight,
    pages::Pages,
    portal::{self, Portal},
    request::CertifiedNames,
    server::{
        self, AccessLogging, BindError, Certificates, Control, ControlError, ControlledGateway,
        DescriptorShortage, Listeners, Readiness, SelfSigned, SelfSignedError, Server, StateFolder, TlsError,
    },
    session::{
        FileStore, MemoryStore, RedisLink, RedisStore, SessionStore, Sessions,
        StoreError as SessionStoreError, StoreSurroundings,
    },
    snapshot::{AppSettings, AppTable, Current, Snapshot},
    store::sqlite::ReadFile,
    telemetry::{Audit, AuditEvent, AuditKind, Format, LogWriter, MetricKind, Metrics, SignInResult},
    throttle::{Throttle, ThrottleError},
    users::{Change, Directory, Passwords, StoreError},
};

/// What a gateway is made in.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The time.
    pub clock: Clock,
    /// Where access and audit lines go.
    pub log: LogWriter,
    /// How the addresses of upstreams are found.
    pub resolver: Resolver,
}

/// A gateway that is bound to its addresses and ready to run.
#[derive(Debug)]
pub struct Assembled {
    /// To be run.
    pub server: Server,
    /// What its workers share.
    pub shared: Arc<Shared>,
    /// To be given new configurations.
    pub reloader: Reloader,
    /// How a browser reaches it: `https://host:port`.
    pub origin: String,
    /// Where it listens.
    pub addrs: Addrs,
}

/// Where a gateway listens; ports chosen by the system are filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addrs {
    /// HTTPS.
    pub https: Vec<SocketAddr>,
    /// The plain listeners, which redirect.
    pub http: Vec<SocketAddr>,
    /// The status listener.
    pub status: Option<SocketAddr>,
}

/// Why a gateway cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// An address is taken, or not ours.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A configured certificate went bad since it was checked.
    #[error("{place}: {}", .problem.problem)]
    Certificate {
        /// Where it is configured.
        place: crate::access::Place,
        /// What is wrong.
        problem: CertificateProblem,
    },
    /// Another gateway runs with the same state.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// No self-signed certificate could be made.
    #[error(transparent)]
    SelfSigned(#[from] SelfSignedError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The state folder cannot be made.
    #[error("cannot make the state folder {}: {source}; make it, or name another with `state` in the configuration", .folder.display())]
    State {
        /// Which.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The session store cannot be opened.
    #[error(transparent)]
    Sessions(#[from] SessionStoreError),
    /// A thread cannot be started.
    #[error("starting a thread: {0}")]
    Thread(io::Error),
    /// Failed sign-ins cannot be counted.
    #[error(transparent)]
    Throttle(#[from] ThrottleError),
    /// The user directory cannot be opened.
    #[error(transparent)]
    Users(#[from] StoreError),
}

/// Puts a gateway together. Nothing runs yet but the threads of the directory and of the password checks.
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

    make_private_folder(&configuration)?;
    let directory =
        Directory::open(&configuration.users_database(), clock.clone(), report_changes(audit.clone()))?;
    let hashing = thread::available_parallelism().map_or(1, Into::into);
    let passwords = Passwords::start(configuration.password, hashing, WAITING_HASHES);
    let OpenSessions { sessions, link, read_file } = sessions(&configuration, &clock)?;
    let sessions = Arc::new(sessions);
    let throttle = throttle(&configuration, link, &clock)?;
    let databases = [
        (configuration.users_database(), Some(directory.read_file())),
        (configuration.sessions_database(), read_file),
        (configuration.throttle_files().database, throttle.read_file()),
    ];
    let control = control(&configuration, databases, &sessions, &audit)?;
    let metrics = Arc::new(Metrics::default());
    tell(&metrics, &audit, &passwords, &sessions);
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
    keep_pruning(&shared)?;
    let mut server = Server::new(listeners, settings, Arc::clone(&shared), tls, readiness);
    if let Some(control) = control {
        server = server.with_control(control);
    }
    let reloader = Reloader { file, shared: Arc::clone(&shared), certificates, clock };
    Ok(Assembled { server, shared, reloader, origin, addrs })
}

/// Whether the configuration may need more file descriptors than there may be.
pub fn descriptor_shortage(
    configuration: &Configuration,
    allowed: Option<u64>,
) -> Option<DescriptorShortage> {
    let requests =
        configuration.apps.iter().map(|app| app.forward.max_requests).fold(0, usize::saturating_add);
    DescriptorShortage::of(configuration.limits.connections, requests, allowed)
}

/// What others count, told beside what the workers do.
fn tell(metrics: &Metrics, audit: &Audit, passwords: &Arc<Passwords>, sessions: &Arc<Sessions>) {
    let family =
        ("portcullis_sign_ins_total", "Attempts to sign in, by what came of them.", MetricKind::Counter);
    for result in SignInResult::ALL {
        let sign_ins = Arc::clone(audit.sign_ins());
        metrics.register(family, Some(("result", result.as_str())), move || sign_ins.count(result));
    }
    let them = Arc::clone(passwords);
    let family = ("portcullis_password_checks_total", "Passwords that were checked.", MetricKind::Counter);
    metrics.register(family, None, move || them.verifications());
    let them = Arc::clone(passwords);
    let help = "Passwords that nobody had time to check or hash.";
    let family = ("portcullis_password_queue_refusals_total", help, MetricKind::Counter);
    metrics.register(family, None, move || them.refusals());
    let them = Arc::clone(passwords);
    let family = (
        "portcullis_password_queue_length",
        "Passwords that wait to be checked or hashed.",
        MetricKind::Gauge,
    );
    metrics.register(family, None, move || them.waiting());
    let them = Arc::clone(sessions);
    let family = ("portcullis_sessions_cached", "Sessions in use, as the cache has them.", MetricKind::Gauge);
    metrics.register(family, None, move || them.cached());
}

/// The sessions, and what else comes of opening them.
struct OpenSessions {
    sessions: Sessions,
    /// The way to Redis, if they are there.
    link: Option<RedisLink>,
    /// The file that is read, if they are in one.
    read_file: Option<ReadFile>,
}

fn sessions(configuration: &Configuration, clock: &Clock) -> Result<OpenSessions, SessionStoreError> {
    let config::SessionSection { store, max_sessions, .. } = &configuration.sessions;
    let (mut link, mut read_file) = (None, None);
    let sessions = Sessions::start(CACHED_SESSIONS, |invalidator| {
        let surroundings = StoreSurroundings { clock: clock.clone(), invalidator };
        Ok(match store {
            Store::File => {
                let store = FileStore::open(&configuration.sessions_database(), surroundings)?;
                read_file = Some(store.read_file());
                Box::new(store)
            }
            Store::Memory => Box::new(MemoryStore::new(*max_sessions)) as Box<dyn SessionStore>,
            Store::Redis(settings) => {
                let store = RedisStore::open(settings, surroundings)?;
                link = Some(store.link());
                Box::new(store)
            }
        })
    })?;
    Ok(OpenSessions { sessions, link, read_file })
}

/// Gateways that share their sessions share what they count, too.
fn throttle(
    configuration: &Configuration,
    link: Option<RedisLink>,
    clock: &Clock,
) -> Result<Throttle, AssemblyError> {
    let files = configuration.throttle_files();
    let Some(link) = link else { return Ok(Throttle::open(&files, clock.clone())?) };
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(AssemblyError::Thread)?;
    Ok(runtime.block_on(Throttle::shared(link, &files, clock.clone()))?)
}

/// Where the command line reaches the gateway; what is kept in memory alone, from nowhere else.
fn control(
    configuration: &Configuration,
    databases: [(PathBuf, Option<ReadFile>); 3],
    sessions: &Arc<Sessions>,
    audit: &Audit,
) -> Result<Option<Control>, AssemblyError> {
    let folder = match configuration.sessions.store {
        Store::Memory => StateFolder::OwnAlone,
        Store::File | Store::Redis(_) => StateFolder::Shared,
    };
    let named = |(path, file): (PathBuf, Option<ReadFile>)| {
        path.file_name().map(|name| name.to_string_lossy().into_owned()).zip(file)
    };
    let gateway = ControlledGateway {
        // Commands may be run in another folder.
        configuration: std::path::absolute(&configuration.file)
            .unwrap_or_else(|_| configuration.file.clone()),
        databases: databases.into_iter().filter_map(named).collect(),
        sessions: Arc::clone(sessions),
        audit: audit.clone(),
    };
    match Control::bind(&configuration.control_socket(), folder, gateway) {
        Ok(control) => Ok(Some(control)),
        Err(taken @ ControlError::Taken(_)) => Err(taken.into()),
        // A path that is too long for a socket, for instance: all else works.
        Err(error @ ControlError::Bind { .. }) => {
            let cause = error.source().map(ToString::to_string);
            tracing::warn!(cause, "{error}: no command reaches this gateway; SIGHUP still reloads");
            Ok(None)
        }
    }
}

/// Drops sessions that ended by themselves, once a minute, on a thread of its own: with a million of
/// them it takes long enough that no worker should wait for it.
fn keep_pruning(shared: &Arc<Shared>) -> Result<(), AssemblyError> {
    let shared = Arc::downgrade(shared);
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(AssemblyError::Thread)?;
    let prune = move || {
        loop {
            thread::sleep(PRUNE_EVERY);
            let Some(shared) = shared.upgrade() else { return };
            runtime.block_on(drop_expired(&shared));
        }
    };
    thread::Builder::new().name("prune".into()).spawn(prune).map(drop).map_err(AssemblyError::Thread)
}

/// By the limits as they are now: a reload may have changed them.
async fn drop_expired(shared: &Shared) {
    let limits = shared.current.load().portal.sessions;
    if let Err(error) = shared.sessions.prune(shared.clock.now(), &limits).await {
        tracing::warn!(%error, "dropping sessions that have expired");
    }
}

/// Replaces what can change while the gateway runs: apps, rules, groups, session limits, the throttle's limits,
/// certificates.
/// Everything else waits for a restart.
#[derive(Debug)]
pub struct Reloader {
    file: PathBuf,
    shared: Arc<Shared>,
    certificates: Arc<Certificates>,
    clock: Clock,
}

impl Reloader {
    /// The file to read again.
    pub fn file(&self) -> &std::path::Path {
        &self.file
    }

    /// Uses this configuration from the next request on, whole; on an error everything stays as it was.
    pub fn apply(&self, configuration: Configuration) -> Result<(), AssemblyError> {
        let certificates = certificates(&configuration, &self.clock)?;
        let certified = certified(&configuration, &certificates);
        let pages = self.shared.current.load().portal.pages.clone();
        self.certificates.replace(certificates);
        let snapshot = snapshot(configuration, certified, pages, &self.shared.in_flight);
        self.shared.current.replace(snapshot);
        Ok(())
    }
}

fn snapshot(
    configuration: Configuration,
    certified: CertifiedNames,
    pages: Pages,
    in_flight: &InFlight,
) -> Snapshot {
    let Configuration { policy, apps, limits, server, tls, sessions, throttle, groups, .. } = configuration;
    let settings = |AppDeclaration { forward, session, shield }| {
        let load = in_flight.to_app(&forward.name);
        AppSettings { forward, session, shield, load }
    };
    Snapshot {
        generation: 0,
        policy,
        owned: Arc::new(OwnedNames::of(apps.iter().map(|app| &app.forward))),
        apps: AppTable::new(apps.into_iter().map(settings).collect()),
        hsts: tls.hsts,
        certified,
        bodies: BodyLimits {
            max_body: limits.max_body,
            body_timeout: limits.body_timeout,
            body_rate: limits.body_rate,
        },
        proxies: server.trusted_proxies,
        max_visitors: sessions.max_visitors,
        portal: portal::Settings {
            sessions: sessions.limits,
            cookies: sessions.cookies,
            throttle,
            pages,
            groups: Arc::new(groups),
        },
    }
}

/// Which hosts may share a connection: those of one certificate, unless it is of our own making.
fn certified(configuration: &Configuration, keys: &[Arc<CertifiedKey>]) -> CertifiedNames {
    if configuration.tls.certificates.is_empty() {
        return CertifiedNames::default();
    }
    CertifiedNames::new(keys.iter().map(|key| server::certified_names(key)).collect())
}

/// The configured certificates; without any, a self-signed one.
fn certificates(
    configuration: &Configuration,
    clock: &Clock,
) -> Result<Vec<Arc<CertifiedKey>>, AssemblyError> {
    if !configuration.tls.certificates.is_empty() {
        let read = |files: &config::CertificateFiles| {
            config::read_certificate(&files.cert, &files.key)
                .map(Arc::new)
                .map_err(|problem| AssemblyError::Certificate { place: files.place.clone(), problem })
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

/// It holds password hashes: nobody else may look in (0700).
fn make_private_folder(configuration: &Configuration) -> Result<(), AssemblyError> {
    let folder = &configuration.state;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| AssemblyError::State { folder: folder.clone(), source })
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

fn origin(configuration: &Configuration, addrs: &Addrs) -> String {
    let named = configuration.policy.apps().iter().find_map(|app| app.hosts.first());
    let host = named.map_or("localhost", |host| host);
    let listener = addrs.https.first().map(SocketAddr::port);
    match configuration.server.public_port.or(listener) {
        None | Some(443) => format!("https://{host}"),
        Some(port) => format!("https://{host}:{port}"),
    }
}

/// Checks that may wait; with two at work, the last of them waits for a little over a second.
const WAITING_HASHES: usize = 64;
/// About 25 MB when they are all there.
const CACHED_SESSIONS: u64 = 50_000;
const PRUNE_EVERY: Duration = Duration::from_mins(1);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        identity::{CredentialVersion, UserId},
        session::{Opening, Owner},
    };

    fn configuration(folder: &std::path::Path, idle_timeout: &str) -> Configuration {
        let text = format!(
            "[server]\nhttps = \"127.0.0.1:0\"\nstatus = \"off\"\n[session]\nidle_timeout = \"{idle_timeout}\"\n\
             [[app]]\nupstream = \"builtin:whoami\"\n"
        );
        config::parse(&text, &folder.join("gateway.toml")).unwrap().configuration
    }

    #[tokio::test]
    async fn expired_sessions_are_dropped_by_the_limits_of_the_last_reload() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let log = LogWriter::start(io::sink()).unwrap();
        let surroundings = Surroundings { clock: clock.clone(), log, resolver: Resolver::system() };
        let made = assemble(configuration(folder.path(), "2h"), surroundings).unwrap();
        let shared = &made.shared;
        let limits = shared.current.load().portal.sessions;
        let opening = Opening {
            owner: Owner::User { id: UserId(1), credential: CredentialVersion(1) },
            client_addr: [192, 0, 2, 1].into(),
            user_agent: "",
            host: "",
            remember: false,
            replaces: None,
            confirms: false,
        };
        shared.sessions.open(opening, clock.now(), &limits).await.unwrap();
        let kept = async || shared.sessions.list(None, None, 10).await.unwrap().len();
        clock.advance(Duration::from_hours(1));
        drop_expired(shared).await;
        assert_eq!(kept().await, 1);
        made.reloader.apply(configuration(folder.path(), "30m")).unwrap();
        drop_expired(shared).await;
        assert_eq!(kept().await, 0, "by the limits of the start, it would live for another hour");
    }
}
