//! The pool of upstream connections of one worker.
//!
//! `forwarder` takes a connection from it for each request, and the response body gives it back at its end. The pool needs
//! no lock and no task: it takes the connection that was used last and asks the socket whether it is still quiet. The pool
//! also chooses the server for each request, and marks a server down that accepts no connection.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fmt,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use foldhash::fast::RandomState;
use tokio::time::Instant;

use super::{
    App, Endpoint, Fault, FaultKind, Resolver, Transport, UpstreamProof,
    connect::connect,
    http1::{Conn, SharedBuffer},
};

/// One worker's connections to all upstreams.
#[derive(Debug)]
pub(super) struct Pool {
    /// By address. The operator chooses the addresses, so that no client can make keys collide.
    servers: RefCell<HashMap<Box<str>, Rc<Server>, RandomState>>,
    turns: Cell<usize>,
    buffer: Rc<SharedBuffer>,
    resolver: Resolver,
}

/// The state of one upstream server in one worker.
#[derive(Debug)]
struct Server {
    resolver: Resolver,
    buffer: Rc<SharedBuffer>,
    idle: RefCell<Vec<Idle>>,
    failures: Cell<u32>,
    down_until: Cell<Option<Instant>>,
}

#[derive(Debug)]
struct Idle {
    conn: Conn,
    endpoint: Arc<Endpoint>,
    proof: Option<UpstreamProof>,
    since: Instant,
}

/// A connection while a request uses it. It goes back only through [`Lease::give_back`]; a connection with an unread rest
/// or another protocol never does.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) conn: Conn,
    pub(super) endpoint: Arc<Endpoint>,
    /// Whether it has carried a request before, and so may turn out to be dead.
    pub(super) reused: bool,
    /// The requests that may use it after this one.
    pub(super) next: NextUser,
    /// The proof in the requests that it has carried.
    proof: Option<UpstreamProof>,
    server: Rc<Server>,
}

/// The idle connections that are bound to one client connection. A lease holds it to give its connection back.
#[derive(Clone, Default)]
pub(super) struct BoundList(pub(super) Rc<RefCell<Vec<Lease>>>);

/// The requests that a connection may carry next.
#[derive(Debug)]
pub(super) enum NextUser {
    /// Requests of any user.
    Anybody,
    /// Requests of the same user on the same client connection.
    Same(BoundList),
    /// None: the connection is closed.
    Nobody,
}

impl BoundList {
    pub(super) fn put_back(&self, lease: Lease) {
        self.0.borrow_mut().push(lease);
    }
}

impl fmt::Debug for BoundList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundList").finish_non_exhaustive()
    }
}

impl Pool {
    pub(super) fn new(resolver: Resolver) -> Self {
        Self { servers: RefCell::default(), turns: Cell::default(), buffer: Rc::default(), resolver }
    }

    /// Takes a connection to one of the app's servers, in turn. A server that accepts none is marked down for a while, and the
    /// next is tried at once.
    pub(super) async fn take(&self, app: &App, now: Instant) -> Result<Lease, Fault> {
        if let [only] = &*app.upstreams {
            let lease = self.server(only).lease(only, now, app).await;
            return lease.map_err(|kind| Fault::new(Arc::clone(only), kind));
        }
        let turn = self.turns.get();
        self.turns.set(turn.wrapping_add(1));
        let mut in_turn: Vec<_> = app
            .upstreams
            .iter()
            .cycle()
            .skip(turn % app.upstreams.len().max(1))
            .take(app.upstreams.len())
            .map(|endpoint| (endpoint, self.server(endpoint)))
            .collect();
        // Servers that are marked down come last: if all are, all are tried.
        in_turn.sort_by_key(|(_, server)| server.is_down(now));
        let mut failed = None;
        for (endpoint, server) in in_turn {
            match server.lease(endpoint, now, app).await {
                Ok(lease) => return Ok(lease),
                Err(kind) => {
                    tracing::warn!(app = %app.name, upstream = %endpoint.url, error = %DisplayKind(&kind), "upstream marked down");
                    failed = Some(Fault::new(Arc::clone(endpoint), kind));
                }
            }
        }
        Err(failed.expect("an app has at least one upstream"))
    }

    /// Opens a new connection: to the same server, or to the next one that accepts it.
    pub(super) async fn fresh(&self, lease: Lease, app: &App) -> Result<Lease, Fault> {
        let Lease { endpoint, server, .. } = lease;
        let mut failed = match server.open(&endpoint, app).await {
            Ok(lease) => return Ok(lease),
            Err(kind) => Fault::new(Arc::clone(&endpoint), kind),
        };
        for other in app.upstreams.iter().filter(|other| other.url != endpoint.url) {
            match self.server(other).open(other, app).await {
                Ok(lease) => return Ok(lease),
                Err(kind) => failed = Fault::new(Arc::clone(other), kind),
            }
        }
        Err(failed)
    }

    /// Closes connections that were idle for too long. Called a few times a second.
    pub(super) fn prune(&self) {
        let now = Instant::now();
        self.servers.borrow_mut().retain(|_, server| {
            server.idle.borrow_mut().retain_mut(|idle| idle.is_fit(now));
            Rc::strong_count(server) > 1 || server.is_down(now) || !server.idle.borrow().is_empty()
        });
    }

    fn server(&self, endpoint: &Endpoint) -> Rc<Server> {
        if let Some(server) = self.servers.borrow().get(&endpoint.url) {
            return Rc::clone(server);
        }
        let server = Rc::new(Server {
            resolver: self.resolver.clone(),
            buffer: Rc::clone(&self.buffer),
            idle: RefCell::default(),
            failures: Cell::default(),
            down_until: Cell::default(),
        });
        Rc::clone(self.servers.borrow_mut().entry(endpoint.url.clone()).or_insert(server))
    }
}

impl Server {
    async fn lease(
        self: &Rc<Self>,
        endpoint: &Arc<Endpoint>,
        now: Instant,
        app: &App,
    ) -> Result<Lease, FaultKind> {
        if let Some(conn) = self.take_idle(endpoint, now, app.proof.as_ref()) {
            return Ok(self.lend(conn, endpoint, app, true));
        }
        self.open(endpoint, app).await
    }

    async fn open(self: &Rc<Self>, endpoint: &Arc<Endpoint>, app: &App) -> Result<Lease, FaultKind> {
        match Box::pin(connect(&self.resolver, endpoint, app.connect_timeout)).await {
            Ok(stream) => {
                self.failures.set(0);
                self.down_until.set(None);
                let conn = Conn::new(stream, Rc::clone(&self.buffer));
                Ok(self.lend(conn, endpoint, app, false))
            }
            Err(kind) => {
                let failures = self.failures.get().min(5);
                self.failures.set(failures + 1);
                self.down_until.set(Some(Instant::now() + Duration::from_secs(1 << failures)));
                Err(kind)
            }
        }
    }

    fn lend(self: &Rc<Self>, conn: Conn, endpoint: &Arc<Endpoint>, app: &App, reused: bool) -> Lease {
        Lease {
            conn,
            endpoint: Arc::clone(endpoint),
            reused,
            next: NextUser::Anybody,
            proof: app.proof.clone(),
            server: Rc::clone(self),
        }
    }

    /// The idle connection that was used last, so that the others expire; never one that has carried another proof, see
    /// [`Lease::is_of`].
    fn take_idle(
        &self,
        endpoint: &Arc<Endpoint>,
        now: Instant,
        proof: Option<&UpstreamProof>,
    ) -> Option<Conn> {
        let mut idle = self.idle.borrow_mut();
        while let Some(found) = idle.iter().rposition(|idle| {
            idle.proof.as_ref() == proof && same_trust(&idle.endpoint.transport, &endpoint.transport)
        }) {
            let mut found = idle.remove(found);
            if found.is_fit(now) {
                return Some(found.conn);
            }
        }
        None
    }

    fn is_down(&self, now: Instant) -> bool {
        self.down_until.get().is_some_and(|until| now < until)
    }
}

impl Idle {
    fn is_fit(&mut self, now: Instant) -> bool {
        now.duration_since(self.since) < MAX_IDLE && self.conn.is_quiet()
    }
}

impl Lease {
    /// Gives the connection back for the next request. Only after the whole response was read.
    pub(super) fn give_back(self, now: Instant) {
        let Self { mut conn, endpoint, next, proof, server, .. } = self;
        conn.rest();
        match next {
            NextUser::Anybody => {
                let mut idle = server.idle.borrow_mut();
                if idle.len() < MAX_IDLE_CONNECTIONS {
                    idle.push(Idle { conn, endpoint, proof, since: now });
                }
            }
            NextUser::Same(list) => {
                list.put_back(Self { conn, endpoint, reused: true, next: NextUser::Nobody, proof, server });
            }
            NextUser::Nobody => {}
        }
    }

    /// Whether it leads to a server of this app, checked against the same authorities, and has carried the app's proof. An
    /// upstream may authenticate a connection and not each request on it: one app's connection would carry another app's
    /// requests with the wrong rights then.
    pub(super) fn is_of(&self, app: &App) -> bool {
        let leads_to = |endpoint: &Arc<Endpoint>| {
            endpoint.url == self.endpoint.url && same_trust(&endpoint.transport, &self.endpoint.transport)
        };
        self.proof == app.proof && app.upstreams.iter().any(leads_to)
    }
}

/// Whether two connections were checked against the same authorities; after a reload the server may have others.
fn same_trust(one: &Transport, other: &Transport) -> bool {
    match (one, other) {
        (Transport::Https { tls: one, .. }, Transport::Https { tls: other, .. }) => Arc::ptr_eq(one, other),
        _ => true,
    }
}

struct DisplayKind<'a>(&'a FaultKind);

impl fmt::Display for DisplayKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            FaultKind::Connect(error) => error.fmt(f),
            FaultKind::ConnectTimeout(limit) => write!(f, "no connection within {limit:?}"),
            _ => f.write_str("no connection"),
        }
    }
}

/// Shorter than servers commonly keep an idle connection open. A dead one is noticed in any case.
const MAX_IDLE: Duration = Duration::from_secs(30);
/// Per worker and server; further connections are closed.
const MAX_IDLE_CONNECTIONS: usize = 256;
