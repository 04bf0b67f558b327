//! The thread of a pool.

use std::{cell::Cell, rc::Rc, sync::Arc, time::Duration};

use tokio::{
    runtime::Runtime,
    sync::{Semaphore, SemaphorePermit, mpsc, oneshot},
    task::{LocalSet, spawn_local},
    time::{Instant, sleep, timeout},
};

use super::{
    health::{Health, ServerState},
    idle::IdleConnections,
    service,
};
use crate::{
    auth::ldap::client::{
        BindOutcome, ConnectionSettings, Filter, LdapError, ResultCode, Scope, SearchRequest, SearchResult,
        ServiceAccount, connection::Connection, failure::Failure, server::Server,
    },
    users::Password,
};

/// An operation, and where its result goes.
pub(super) enum Job {
    Search(Box<SearchRequest>, oneshot::Sender<Result<SearchResult, LdapError>>),
    Verify { dn: String, password: Password, reply: oneshot::Sender<Result<BindOutcome, LdapError>> },
}

/// Works until the last handle is dropped.
pub(super) fn run(
    runtime: Runtime,
    backend: Arc<str>,
    settings: &ConnectionSettings,
    health: Health,
    mut jobs: mpsc::Receiver<Job>,
) {
    let worker = Rc::new(Worker {
        backend,
        servers: Server::all(settings),
        account: settings.service.clone(),
        health,
        idle: IdleConnections::default(),
        searches: Semaphore::new(usize::from(settings.connections.clamp(1, ConnectionSettings::CONNECTIONS))),
        binds: Semaphore::new(MAX_BINDS),
        probed: settings.urls.iter().map(|_| Cell::new(false)).collect(),
        patience: settings.operation_timeout,
    });
    LocalSet::new().block_on(&runtime, async {
        for server in 0..worker.servers.len() {
            worker.start_probe(server, Duration::ZERO);
        }
        let under_way = Arc::new(Semaphore::new(MAX_UNDER_WAY));
        loop {
            // A job stays in the channel until there is space, so that the channel fills and callers hear that it is
            // busy.
            let Ok(permit) = Arc::clone(&under_way).acquire_owned().await else { return };
            let Some(job) = jobs.recv().await else { return };
            let worker = Rc::clone(&worker);
            spawn_local(async move {
                worker.work_on(job).await;
                drop(permit);
            });
        }
    });
    // A look-up of a name may hang for long.
    runtime.shutdown_background();
}

struct Worker {
    backend: Arc<str>,
    servers: Vec<Server>,
    account: Option<ServiceAccount>,
    health: Health,
    idle: IdleConnections,
    /// Searches at a time, each with a connection.
    searches: Semaphore,
    /// Checks of passwords at a time, each with a connection.
    binds: Semaphore,
    /// Which servers the thread asks again and again, because they are down or were not asked yet.
    probed: Vec<Cell<bool>>,
    /// Time for which an operation waits for its turn.
    patience: Duration,
}

impl Worker {
    async fn work_on(self: Rc<Self>, job: Job) {
        // A caller that has gone away is no error.
        match job {
            Job::Search(_, reply) if reply.is_closed() => {}
            Job::Verify { reply, .. } if reply.is_closed() => {}
            Job::Search(request, reply) => drop(reply.send(self.search(&request).await)),
            Job::Verify { dn, password, reply } => drop(reply.send(self.verify(&dn, &password).await)),
        }
    }

    async fn search(self: &Rc<Self>, request: &SearchRequest) -> Result<SearchResult, LdapError> {
        let _permit = self.turn(&self.searches).await?;
        self.on_a_server(async |at, server, deadline| {
            let mut connection = match self.idle.take(at) {
                Some(connection) => connection,
                None => service::open(server, self.account.as_ref(), deadline).await?,
            };
            let found = connection.search(server, request, deadline).await;
            // A refusal ends the search and not the connection.
            if matches!(found, Ok(_) | Err(Failure::Lasting(LdapError::Refused { .. }))) {
                self.idle.put(at, connection);
            }
            found
        })
        .await
    }

    async fn verify(self: &Rc<Self>, dn: &str, password: &Password) -> Result<BindOutcome, LdapError> {
        let _permit = self.turn(&self.binds).await?;
        self.on_a_server(async |_, server, deadline| {
            let mut connection = Self::open_alive(server, deadline).await?;
            let outcome = connection.bind(server, dn, password.exposed(), deadline).await;
            let outcome = outcome.map_err(Failure::of_sent_check)?;
            spawn_local(connection.close());
            match outcome.code {
                ResultCode::SUCCESS => Ok(BindOutcome::Right),
                code if code.blames_user() => Ok(BindOutcome::Wrong { code, diagnostic: outcome.diagnostic }),
                code => {
                    let (server, diagnostic) = (Arc::clone(&server.shown), outcome.diagnostic);
                    Err(LdapError::Refused { server, operation: "bind", code, diagnostic }.into())
                }
            }
        })
        .await
    }

    /// A connection whose other end works: a check of a password is sent once, and must not be lost with a connection that
    /// the server was closing already. Without TLS, whose handshake the server takes part in, it is asked for its own entry.
    async fn open_alive(server: &Server, deadline: Instant) -> Result<Connection, Failure> {
        let mut connection = Connection::open(server, deadline).await?;
        if !server.has_handshake() {
            match connection.search(server, &own_entry(), deadline).await {
                Ok(_) | Err(Failure::Lasting(LdapError::Refused { .. })) => {}
                Err(failure) => return Err(failure),
            }
        }
        if connection.is_quiet() { Ok(connection) } else { Err(Failure::Dropped(CLOSED.into())) }
    }

    /// Waits for a turn, but not longer than an operation may take.
    async fn turn<'s>(&self, turns: &'s Semaphore) -> Result<SemaphorePermit<'s>, LdapError> {
        match timeout(self.patience, turns.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(LdapError::Busy),
        }
    }

    /// Does an operation on the first server that works.
    async fn on_a_server<T>(
        self: &Rc<Self>,
        mut attempt: impl AsyncFnMut(usize, &Server, Instant) -> Result<T, Failure>,
    ) -> Result<T, LdapError> {
        let mut first_error = None;
        for (at, server) in self.servers.iter().enumerate() {
            if let Some(error) = self.health.error_of(at) {
                first_error.get_or_insert(error);
                continue;
            }
            let started = Instant::now();
            let deadline = started + server.operation_timeout;
            match Self::until_answered(deadline, async || attempt(at, server, deadline).await).await {
                Ok(answer) => {
                    self.health.count(at, started.elapsed());
                    self.mark_up(at);
                    return Ok(answer);
                }
                Err(failure) => {
                    let is_final = matches!(failure, Failure::Unanswered(_));
                    let error = failure.into_error(&server.shown);
                    match Verdict::of(&error) {
                        Verdict::Answer => {
                            self.health.count(at, started.elapsed());
                            self.mark_up(at);
                            return Err(error);
                        }
                        Verdict::NotNow => {}
                        Verdict::Down => self.mark_down(at, &error),
                    }
                    if is_final {
                        return Err(error);
                    }
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or(LdapError::Stopped))
    }

    /// Repeats an attempt while the server drops connections without an answer. A check of a password that was sent is not
    /// repeated: the server may have counted it.
    async fn until_answered<T>(
        deadline: Instant,
        mut attempt: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut pause = Duration::ZERO;
        for _ in 1..MAX_ATTEMPTS {
            match attempt().await {
                Err(Failure::Dropped(_)) if Instant::now() + pause < deadline => sleep(pause).await,
                ended => return ended,
            }
            pause = (2 * pause).max(Duration::from_millis(1));
        }
        attempt().await
    }

    fn mark_up(&self, server: usize) {
        let before = self.health.set(server, ServerState::Up);
        if matches!(before, Some(ServerState::Down(_))) {
            tracing::info!(backend = %self.backend, server = self.shown(server), "directory server works again");
        }
    }

    /// From now on no operation waits for this server, and the thread looks itself when it works again.
    fn mark_down(self: &Rc<Self>, server: usize, error: &LdapError) {
        self.idle.forget(server);
        let before = self.health.set(server, ServerState::Down(error.clone()));
        // Several operations may notice it at the same time.
        if matches!(before, Some(ServerState::Down(_))) {
            return;
        }
        tracing::warn!(backend = %self.backend, server = self.shown(server), %error, "directory server marked down");
        self.start_probe(server, FIRST_PAUSE);
    }

    fn start_probe(self: &Rc<Self>, server: usize, pause: Duration) {
        let Some(probed) = self.probed.get(server).filter(|probed| !probed.get()) else { return };
        probed.set(true);
        let worker = Rc::clone(self);
        spawn_local(async move {
            worker.probe(server, pause).await;
            worker.probed.iter().skip(server).take(1).for_each(|probed| probed.set(false));
        });
    }

    /// Asks a server until it answers, at first after this pause.
    async fn probe(&self, at: usize, mut pause: Duration) {
        let Some(server) = self.servers.get(at) else { return };
        loop {
            sleep(pause).await;
            let error = match self.ask_for_itself(at, server).await {
                Ok(connection) => {
                    self.idle.put(at, connection);
                    return self.mark_up(at);
                }
                Err(failure) => failure.into_error(&server.shown),
            };
            let before = self.health.set(at, ServerState::Down(error.clone()));
            if !matches!(before, Some(ServerState::Down(_))) {
                tracing::warn!(backend = %self.backend, server = self.shown(at), %error, "directory server marked down");
            }
            // A directory locks an account whose bind fails again and again.
            let longest = if is_about_account(&error) { LONGEST_PAUSE_OF_ACCOUNT } else { LONGEST_PAUSE };
            pause = (2 * pause).clamp(FIRST_PAUSE, longest);
        }
    }

    /// Reads the server's own entry (RFC 4512 §5.1), which every server answers, be it by a refusal.
    async fn ask_for_itself(&self, at: usize, server: &Server) -> Result<Connection, Failure> {
        let deadline = Instant::now() + server.operation_timeout;
        let request = own_entry();
        let started = Instant::now();
        let mut connection = service::open(server, self.account.as_ref(), deadline).await?;
        match connection.search(server, &request, deadline).await {
            Ok(_) | Err(Failure::Lasting(LdapError::Refused { .. })) => {
                self.health.count(at, started.elapsed());
                Ok(connection)
            }
            Err(failure) => Err(failure),
        }
    }

    fn shown(&self, server: usize) -> &str {
        self.servers.get(server).map_or("", |server| &server.shown)
    }
}

/// A search for the server's own entry (RFC 4512 §5.1).
fn own_entry() -> SearchRequest {
    SearchRequest {
        base: String::new(),
        scope: Scope::Base,
        filter: Filter::present("objectClass"),
        attributes: Vec::new(),
        size_limit: 1,
        page_size: None,
    }
}

/// The meaning of an error for the server that it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The server works, and this is its answer.
    Answer,
    /// The server has no answer to this operation. Another server is asked, and this one stays in use.
    NotNow,
    /// The server does not work.
    Down,
}

impl Verdict {
    fn of(error: &LdapError) -> Self {
        match error {
            // busy, unavailable.
            LdapError::Refused { code: ResultCode(51 | 52), .. } => Self::NotNow,
            // One entry may be broken: Mallory writes a picture of 1 MiB into her own, and searching for her must not
            // take the directory away from the others.
            LdapError::Refused { .. } | LdapError::Protocol { .. } | LdapError::Busy | LdapError::Stopped => {
                Self::Answer
            }
            LdapError::Unreachable { .. }
            | LdapError::Tls { .. }
            | LdapError::ServiceBindRefused { .. }
            | LdapError::Timeout { .. } => Self::Down,
        }
    }
}

fn is_about_account(error: &LdapError) -> bool {
    matches!(error, LdapError::ServiceBindRefused { code, .. } if code.blames_user())
}

const CLOSED: &str = "the server closed the connection";
/// Checks of passwords at a time.
const MAX_BINDS: usize = 16;
/// Operations that were taken out of the channel.
const MAX_UNDER_WAY: usize = 128;
/// Attempts of an operation with a server that drops connections. Together with their pauses they take two seconds.
const MAX_ATTEMPTS: u32 = 12;
/// Pause before a server that was marked down is asked again; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause: with the time limits of a hanging attempt, a server is used again within ten seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// The longest pause while the directory refuses the service account.
const LONGEST_PAUSE_OF_ACCOUNT: Duration = Duration::from_mins(1);
