//! The life of a request.
//!
//! [`Gateway::handle`] is the one way in. It goes through the stages in order,
//! and each needs what the one before has made: a [`Target`] to route, an
//! [`Identity`] to decide, a `Permit` to forward. Whatever ends the walk early
//! is a [`Refusal`].

mod app_data;
mod carried;
mod cross_site;
mod paced;
mod shared_caches;

use std::{
    cell::{Cell, OnceCell},
    net::IpAddr,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{CONNECTION, CONTENT_LENGTH, COOKIE, HOST, STRICT_TRANSPORT_SECURITY},
    uri::PathAndQuery,
};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::{
    access::{App, Decision, Outcome, Permit, Unenforced, Unrouted, decide, permit_preflight},
    clock::{Clock, Timestamp},
    forward::{
        self, BodyError, BoundConnections, Cancellation, Chain, Facts, Fault, FaultKind, Forwarder, Resolver,
        ResponseBody, UnsentBytes,
    },
    identity::{Identity, UserId},
    in_flight::{Counted, InFlight, LastLoad, Slot},
    interim::InterimSlot,
    portal::{self, InterruptedRequest, PageRequest, Portal, Prerequisite},
    refusal::{Refusal, Representation},
    request::{
        Authority, ClientAddr, FORWARDED_FOR, LastAuthority, Malformed, Ports, Preflight, RequestId,
        RequestIds, SingleHeader, Target, UnreadHead,
    },
    session::{
        AppLimits, Owner, Presented, SessionToken, Sessions,
        cookie::{self, Brought},
    },
    shield::{Audience, WorkerScript, Workers},
    snapshot::{AppSettings, Current, Snapshot},
    telemetry::{AccessLog, AccessRecord, Counters, Ended, Limit, Metrics, UnenforcedRecord},
    users::{Account, Directory, DirectoryError},
};

use app_data::{Keeping, Said};
use carried::{Basis, Carried};
use paced::Paced;

/// What all workers share.
#[derive(Debug)]
pub struct Shared {
    /// The configuration as of now.
    pub current: Current,
    /// Who is signed in.
    pub sessions: Arc<Sessions>,
    /// Who there is.
    pub directory: Arc<Directory>,
    /// The gateway's own pages.
    pub portal: Portal,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How many requests are in flight.
    pub in_flight: InFlight,
    /// The addresses of upstreams.
    pub resolver: Resolver,
    /// The time.
    pub clock: Clock,
}

/// One worker's gateway; its connections to upstreams and its access log are its own.
#[derive(Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
    forwarder: Forwarder,
    ids: RequestIds,
    /// When the log was last told of a client whose address can't be read.
    noted_unknown_client: Cell<Option<Instant>>,
    ledger: Rc<Ledger>,
    carried: Carried,
}

/// Where a worker's requests leave their traces; each holds it until it has ended.
#[derive(Debug)]
struct Ledger {
    log: Option<Rc<AccessLog>>,
    counters: Arc<Counters>,
}

/// The connection that a request came on.
#[derive(Debug)]
pub struct Connection {
    /// The other end of the socket.
    pub peer_addr: IpAddr,
    /// The same as text, which every request tells the application.
    pub peer: Box<str>,
    /// The ports at which the gateway is reached.
    pub ports: Ports,
    /// The name that the client asked for when it began TLS (RFC 6066 §3), if it named one.
    pub server_name: Option<Authority>,
    /// How many header lines a request may have.
    pub max_headers: usize,
    /// How many bytes the path and query of a request may have.
    pub uri_length: usize,
    /// How many requests of a client may be in flight, on all of its connections.
    pub requests_per_address: usize,
    /// What its responses hold for a client that does not take it.
    pub unsent: UnsentBytes,
    /// How many bytes the head of a request may have.
    pub header_size: usize,
    /// What its last request said.
    pub last: LastSeen,
    /// Where interim responses are left for it; `None`: it has no way for them.
    pub interim: Option<InterimSlot>,
}

/// What a connection's requests repeat, one after the other: it is read once, and compared from then on.
///
/// Nothing in it says who asks: session and account are looked up in [`Sessions`] and [`Directory`] for every request.
#[derive(Debug, Default)]
pub struct LastSeen {
    authority: LastAuthority,
    load: LastLoad,
    bound: BoundConnections,
}

impl Connection {
    /// RFC 9110 §7.4: whether the client asked for another name when it began TLS.
    ///
    /// A browser takes one connection of HTTP/2 for all hosts of a certificate (RFC 9113 §9.1.1). That has
    /// to work: told to open another one, Safari shows the 421 instead. What TLS demands is the same for
    /// all hosts here, so that nobody gets around anything. Who named no host (an address has no name) may
    /// ask for every one, and so may a trusted proxy, whose connection is for many.
    fn is_for_another_host(&self, target: &Target, version: Version, snapshot: &Snapshot) -> bool {
        let asked = target.authority.host();
        self.server_name.as_ref().map(Authority::host).is_some_and(|named| {
            named != asked
                && !(version == Version::HTTP_2 && snapshot.certified.are_one(named, asked))
                && !snapshot.proxies.trusts(self.peer_addr)
        })
    }
}

impl Gateway {
    /// A worker's gateway; without an access log, requests leave no line.
    pub fn new(shared: Arc<Shared>, access_log: Option<Rc<AccessLog>>) -> Self {
        let forwarder = Forwarder::new(shared.resolver.clone());
        let (ids, carried) = (RequestIds::new(), Carried::default());
        let ledger = Rc::new(Ledger { log: access_log, counters: shared.metrics.counters() });
        Self { shared, forwarder, ids, noted_unknown_client: Cell::new(None), ledger, carried }
    }

    /// What this worker counts.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.ledger.counters
    }

    /// Answers a request, which stays where it is: every step of the walk would keep room for it. Its body goes on alone when
    /// it is forwarded.
    pub async fn handle(
        &self,
        request: &mut Request<Option<Incoming>>,
        connection: &Connection,
    ) -> Response<Outgoing> {
        let snapshot = self.shared.current.load();
        let mut exchange = self.begin(request, connection);
        let shares_connection = request.version() == Version::HTTP_2;
        let answered = match self.read(request, &snapshot, connection).map(Rc::new) {
            Ok(target) => {
                exchange.target = Some(Rc::clone(&target));
                self.note_unknown_client(&target, request.headers(), exchange.id);
                pin!(self.answer(&snapshot, request, target, connection, &mut exchange)).await
            }
            Err(refusal) => {
                exchange.unread = Some(request.uri().clone());
                exchange.unread_host = named_host(request);
                Err(refusal)
            }
        };
        let mut response = match answered {
            Ok(response) => response,
            Err(refusal) => {
                if let Refusal::BadRequest(what) = refusal {
                    exchange.reason = Some(what);
                }
                let wants = Representation::of(request.method(), request.headers());
                let mut response = refusal.respond(wants, exchange.id.as_str(), &snapshot.portal.pages);
                // What came may have been meant otherwise, and so may what comes after it.
                if matches!(refusal, Refusal::BadRequest(_)) && !shares_connection {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                response.map(OutgoingBody::Own)
            }
        };
        // The application's own word on it, too, is the gateway's: it speaks TLS (ASVS 5.0 3.4.1).
        if let Some(hsts) = &snapshot.hsts {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        exchange.finish(response)
    }

    /// Refuses a request whose head could not be read, and whose connection ends with that. It leaves a line in the log, as
    /// every request does.
    pub fn refuse_unread(
        &self,
        head: &UnreadHead<'_>,
        (refusal, reason): (&Refusal, &str),
        connection: &Connection,
    ) -> Response<Full<Bytes>> {
        let (snapshot, id) = (self.shared.current.load(), self.ids.next());
        let wants = Representation::of(head.method.as_ref().unwrap_or(&Method::GET), &head.headers);
        let mut response = refusal.respond(wants, id.as_str(), &snapshot.portal.pages);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        // Never in clear text (RFC 6797 §7.2).
        if let (Some(hsts), false) = (&snapshot.hsts, matches!(refusal, Refusal::PlainHttp { .. })) {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        let bytes = response.body().size_hint().exact().unwrap_or_default();
        self.record_unread(head, (id, response.status().as_u16(), bytes), reason, connection);
        response
    }

    /// Refuses a request that came in clear text where TLS is spoken, and tells where it should have gone.
    pub fn refuse_plain(&self, head: &UnreadHead<'_>, connection: &Connection) -> Response<Full<Bytes>> {
        let snapshot = self.shared.current.load();
        // Nobody is sent to a host that is not served here.
        let host = head.host.as_ref().filter(|host| snapshot.policy.serves(host.host()));
        let target =
            head.target.parse::<PathAndQuery>().ok().filter(|target| target.as_str().starts_with('/'));
        let to = host.zip(target).map(|(host, target)| format!("https://{}{target}", host.as_str()).into());
        let refusal = Refusal::PlainHttp { to };
        self.refuse_unread(head, (&refusal, "plain HTTP on the port for TLS"), connection)
    }

    /// A request was refused by what speaks HTTP/2, and nothing is known of it but its client.
    pub fn refused_unseen(&self, status: StatusCode, reason: &str, connection: &Connection) {
        self.record_unread(&UnreadHead::default(), (self.ids.next(), status.as_u16(), 0), reason, connection);
    }

    fn record_unread(
        &self,
        head: &UnreadHead<'_>,
        (id, status, bytes): (RequestId, u16, u64),
        reason: &str,
        connection: &Connection,
    ) {
        self.ledger.counters.answered(None, status, Duration::ZERO, None);
        let Some(log) = &self.ledger.log else { return };
        log.record(&AccessRecord {
            time: self.shared.clock.now(),
            id: id.as_bytes(),
            // What a trusted proxy says of its client was not read.
            client: (!self.shared.current.load().proxies.trusts(connection.peer_addr))
                .then_some(connection.peer_addr),
            method: head.method.as_ref().map_or("", Method::as_str),
            host: head.host.as_ref().map_or("", Authority::as_str),
            path: head.path,
            status,
            bytes,
            duration: Duration::ZERO,
            upstream_time: None,
            app: None,
            user: None,
            unenforced: None,
            reason: Some(reason),
            shield: None,
            ended: None,
        });
    }

    /// What is asked for, if it can be read in one way only.
    fn read(
        &self,
        request: &Request<Option<Incoming>>,
        snapshot: &Snapshot,
        connection: &Connection,
    ) -> Result<Target, Refusal> {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        if has_more_lines(headers, connection.max_headers) {
            self.ledger.counters.reached(Limit::MaxHeaders);
            return Err(Refusal::HeadTooLarge);
        }
        let length = uri_length(uri);
        if length > connection.uri_length
            && length > portal::longest_address(uri.path(), connection.uri_length)
        {
            self.ledger.counters.reached(Limit::UriLength);
            return Err(Refusal::UriTooLong);
        }
        // Of HTTP/1.1, hyper has read no larger one.
        if request.version() == Version::HTTP_2 && list_size(uri, headers) > connection.header_size {
            self.ledger.counters.reached(Limit::HeaderSize);
            return Err(Refusal::HeadTooLarge);
        }
        if !has_known_scheme(uri) {
            return Err(Refusal::BadRequest("The scheme of the address is not one that is served here."));
        }
        let (last, peer_addr) = (&connection.last.authority, connection.peer_addr);
        Target::read_after(last, method, uri, headers, peer_addr, &snapshot.proxies)
            .map_err(|Malformed(what)| Refusal::BadRequest(what))
    }

    /// Tells the operator, once a minute, of a proxy whose word on the client can't be read.
    fn note_unknown_client(&self, target: &Target, headers: &HeaderMap, id: RequestId) {
        let ClientAddr::Unknown { proxy } = target.client_addr else { return };
        let now = Instant::now();
        if self.noted_unknown_client.get().is_some_and(|last| now.duration_since(last) < NOTE_AGAIN_AFTER) {
            return;
        }
        self.noted_unknown_client.set(Some(now));
        let said = headers.get_all(FORWARDED_FOR).iter().next_back().map(|line| {
            let shown = line.as_bytes().get(..LONGEST_SHOWN).unwrap_or(line.as_bytes());
            shown.escape_ascii().to_string()
        });
        tracing::warn!(
            request_id = %id, %proxy, x_forwarded_for = said,
            "client address unknown: a trusted proxy names none that can be read; rules that name a network refuse it"
        );
    }

    /// The walk from there: route, identify, authorise, answer.
    async fn answer(
        &self,
        snapshot: &Snapshot,
        request: &mut Request<Option<Incoming>>,
        target: Rc<Target>,
        connection: &Connection,
        exchange: &mut Exchange,
    ) -> Result<Response<OutgoingBody>, Refusal> {
        let (method, headers) = (request.method(), request.headers());
        // Refusals are pages, too: on a host that is not served, and while nobody can be looked up.
        if let Some(stylesheet) = snapshot.portal.pages.stylesheet_at(method, target.path.as_str()) {
            return Ok(stylesheet.map(OutgoingBody::Own));
        }

        // Before anything is said of hosts: it is the same whether this one is served.
        if connection.is_for_another_host(&target, request.version(), snapshot) {
            return Err(Refusal::WrongConnection);
        }
        let app = match snapshot.policy.route(&target) {
            Ok(app) => Some(app),
            Err(Unrouted::NoApp) => None,
            Err(Unrouted::UnknownHost) => return Err(Refusal::Misdirected),
        };

        let page = portal::page_of(&target.path);
        let own_app = app.filter(|_| page.is_none()).map(|app| app.id);
        cross_site::ward_off_worker(headers, own_app, snapshot, exchange)?;
        // Before this use of the session counts: the app may have limits of its own.
        let own = match (app, page) {
            (Some(app), None) => snapshot.session_limits(app, &target)?,
            _ => AppLimits::default(),
        };
        let viewer = pin!(self.identify(headers, snapshot, &own, exchange.time)).await;
        exchange.viewer = viewer.identity.clone();
        if let Some(page) = page {
            // Ending a session that cannot be found would only look like it.
            if viewer.unknown {
                return Err(Refusal::Unavailable);
            }
            // Boxed as everything that is rare, so that a request to an app carries no room for it.
            return Box::pin(self.visit(
                page,
                &target,
                &viewer,
                (snapshot, connection),
                request,
                exchange.id,
            ))
            .await;
        }

        if portal::is_disguised(&target.path) {
            return Err(Refusal::NotFound);
        }

        let app = app.ok_or(Refusal::NotFound)?;
        exchange.app = Some(Arc::clone(&snapshot.app(app.id)?.forward.name));

        match decide(&snapshot.policy, app, viewer.identity, viewer.confirmed, target) {
            Decision::Allow(permit) => {
                exchange.unenforced = permit.unenforced().cloned();
                let shield = &snapshot.app(permit.app())?.shield;
                let said = (method, headers);
                cross_site::ward_off(shield, &permit, said, &viewer.presented, snapshot, exchange)?;
                let presented = (!viewer.unknown).then_some(&viewer.presented);
                pin!(self.forward(
                    permit,
                    request,
                    (presented, viewer.account.as_ref(), own),
                    (snapshot, connection),
                    exchange
                ))
                .await
            }
            Decision::Confirm => lead_to(Refusal::Confirm, request, connection, exchange, snapshot),
            Decision::Challenge if viewer.unknown => Err(Refusal::Unavailable),
            Decision::Challenge => match preflight_permit(app, request, snapshot, exchange) {
                Some(permit) => {
                    // Boxed as everything that is rare.
                    Box::pin(self.ask_for_page(permit, request, (snapshot, connection), exchange)).await
                }
                None => lead_to(Refusal::SignIn, request, connection, exchange, snapshot),
            },
            Decision::Deny => Err(Refusal::Forbidden),
        }
    }

    /// Cookie → session → account → identity, as of now. Whatever cannot be read is nobody.
    async fn identify(
        &self,
        headers: &HeaderMap,
        snapshot: &Snapshot,
        own: &AppLimits,
        now: Timestamp,
    ) -> Viewer {
        let key = match cookie::read(headers, snapshot.portal.cookies.session()) {
            Brought::Nothing => return Viewer::nobody(Presented::Absent),
            Brought::Value(value) => SessionToken::from_cookie(value).map(|token| token.key()),
            Brought::NoValue => None,
        };
        let limits = &snapshot.portal.sessions;
        let presented = match self.shared.sessions.present_to(own, key, now, limits).await {
            Ok(presented) => presented,
            Err(error) => {
                tracing::error!(error = %Chain(&error), "looking a session up");
                return Viewer { unknown: true, ..Viewer::nobody(Presented::Invalid) };
            }
        };
        let Presented::Alive(session) = &presented else { return Viewer::nobody(presented) };
        let Owner::User { id, credential } = session.owner else { return Viewer::nobody(presented) };
        let confirmed = session.proofs.newest().map(|at| now.since(at));
        match self.account(id).await {
            Err(error) => {
                tracing::error!(error = %Chain(&error), user = %id, "looking a user up");
                Viewer { unknown: true, ..Viewer::nobody(Presented::Invalid) }
            }
            Ok(account) => match account.as_ref().and_then(|account| account.identity(credential)) {
                Some(identity) => Viewer { presented, account, identity, confirmed, unknown: false },
                None => Viewer::nobody(Presented::Invalid),
            },
        }
    }

    async fn account(&self, id: UserId) -> Result<Option<Arc<Account>>, DirectoryError> {
        match self.shared.directory.cached(id) {
            Some(account) => Ok(Some(account)),
            None => self.shared.directory.account(id).await,
        }
    }

    async fn visit(
        &self,
        page: &str,
        target: &Target,
        viewer: &Viewer,
        (snapshot, connection): (&Snapshot, &Connection),
        request: &mut Request<Option<Incoming>>,
        id: RequestId,
    ) -> Result<Response<OutgoingBody>, Refusal> {
        let body = request.body_mut().take().ok_or(Refusal::Internal)?;
        let page_request = PageRequest {
            method: request.method(),
            page,
            query: target.path_and_query().query(),
            headers: request.headers(),
            host: target.authority.as_str(),
            header_size: connection.header_size,
            // An address to go back to, in which each byte may take three, and the rest.
            max_form_bytes: FORM_BYTES + 3 * connection.uri_length,
            client_addr: target.client_addr,
            request_id: id.as_str(),
            presented: &viewer.presented,
            account: viewer.account.as_ref(),
            settings: &snapshot.portal,
        };
        let body = Paced::new(body, snapshot.bodies, &self.ledger.counters);
        Ok(self.shared.portal.respond(page_request, body).await.map(OutgoingBody::Own))
    }

    async fn forward(
        &self,
        permit: Permit,
        request: &mut Request<Option<Incoming>>,
        (presented, account, own): (Option<&Presented>, Option<&Arc<Account>>, AppLimits),
        (snapshot, connection): (&Snapshot, &Connection),
        exchange: &mut Exchange,
    ) -> Result<Response<OutgoingBody>, Refusal> {
        let settings = snapshot.app(permit.app())?;
        let (app, shield) = (&settings.forward, &settings.shield);
        let limits = snapshot.bodies.of(app);
        if declared_length(request).is_some_and(|length| length > limits.max_body) {
            self.ledger.counters.reached(Limit::MaxBody);
            return Err(Refusal::TooLarge);
        }
        let slots = self.take_slots(settings, snapshot, connection, exchange).await?;
        let hold = || -> forward::InFlightGuard { Box::new(slots.clone()) };
        let shares_connection = request.version() == Version::HTTP_2;
        let (peer_addr, peer) = (connection.peer_addr, &*connection.peer);
        let facts =
            Facts { id: exchange.id, peer_addr, peer, proxies: &snapshot.proxies, ports: connection.ports };
        // A browser opens a connection of HTTP/1.1 for whatever authenticates connections, and no proxy can.
        let is_one_person = !shares_connection && !snapshot.proxies.trusts(peer_addr);
        // Its client gets the app's permission alone, and nobody's identity goes with it.
        let is_preflight = matches!(exchange.shield, Some(cross_site::Noted::Preflight));
        let keeping = Keeping::of(app, presented, request.headers());
        let told = keeping.told(app);
        // What anyone may have goes on without a session, unless the app was told whose it is: what it
        // sends then may be meant for that person alone.
        let script = Workers::are_asked_for(request.headers()).then(|| exchange.target.clone()).flatten();
        let audience = if permit.is_public() { Audience::Everyone } else { Audience::SignedIn };
        let needs_session = !permit.is_public() || permit.user().is_some() || told.is_some();
        let session = match presented {
            Some(Presented::Alive(session)) if needs_session => Some(session),
            _ => None,
        };
        let (target, carried) = (exchange.target.clone().ok_or(Refusal::Internal)?, OnceCell::new());
        let (began, basis) = (exchange.time, || Basis::new(snapshot, account, own));
        let make = || {
            let (guard, request) = self.carried.add((&target, &app.name), session, began, basis());
            carried.set(request).ok();
            guard
        };
        let cancellation = Cancellation::new(&make);
        let context = forward::Context {
            app,
            owned: &snapshot.owned,
            limits,
            hides_software: shield.answers.as_ref().is_some_and(|answers| answers.hides_software),
            facts,
            cancellation: &cancellation,
            session_data: told.as_ref(),
            hold: &hold,
            unsent: shares_connection.then_some(&connection.unsent),
            bound: (is_one_person && !is_preflight).then_some(&connection.last.bound),
            // RFC 9110 §15.2: HTTP/1.0 has none.
            interim: connection
                .interim
                .as_ref()
                .filter(|_| request.version() == Version::HTTP_11 && !is_preflight),
        };
        let answered = pin!(self.forwarder.forward(permit, request, &context)).await;
        exchange.slots = Some(slots);
        match answered {
            Ok(answer) => {
                exchange.upstream_time = Some(answer.upstream_time);
                let mut response = answer.response;
                // Before the gateway adds a cookie of its own.
                let script = script.as_ref().map(|target| WorkerScript(target.path.as_str()));
                shield.complete(response.status(), response.headers_mut(), audience, script);
                if !answer.session.is_empty()
                    && let Some(target) = &exchange.target
                {
                    let said = Said {
                        lines: answer.session,
                        app,
                        request_id: exchange.id,
                        target,
                        limits: &snapshot.portal.sessions,
                        cookies: &snapshot.portal.cookies,
                        max_visitors: snapshot.max_visitors,
                    };
                    Box::pin(keeping.keep(&self.shared, said, response.headers_mut())).await;
                }
                Ok(response.map(OutgoingBody::Upstream))
            }
            Err(Fault { kind: FaultKind::Cancelled, .. }) => {
                Err(carried.get().map_or(Refusal::Unavailable, |request| request.refusal()))
            }
            Err(fault) => {
                tracing::warn!(
                    request_id = %exchange.id, app = %app.name, upstream = %fault.endpoint.url,
                    error = %Chain(&fault), "a request was not answered"
                );
                self.count(&app.name, &fault.kind);
                Err(refusal_for(&fault))
            }
        }
    }

    /// Slots for one more request of this client to this app.
    async fn take_slots(
        &self,
        settings: &AppSettings,
        snapshot: &Snapshot,
        connection: &Connection,
        exchange: &Exchange,
    ) -> Result<Slots, Refusal> {
        let addr =
            exchange.target.as_ref().map_or(connection.peer_addr, |target| target.client_addr.or_proxy());
        let counted = match exchange.viewer.user() {
            Some(user) => Some(Counted::User(user.id)),
            // Proxies of our own bring everybody's requests.
            None if snapshot.proxies.trusts(addr) => None,
            None => Some(Counted::address(addr)),
        };
        let refuse = |limit| {
            self.ledger.counters.reached(limit);
            Refusal::Overloaded { retry_after: RETRY_AFTER }
        };
        let client = match counted {
            Some(counted) => {
                let most = connection.requests_per_address;
                let slot = pin!(connection.last.load.take(counted, most, &self.shared.in_flight)).await;
                Some(slot.ok_or_else(|| refuse(Limit::RequestsPerAddress))?)
            }
            None => None,
        };
        let app = pin!(settings.load.take(settings.forward.max_requests)).await;
        Ok(Slots { client, app: app.ok_or_else(|| refuse(Limit::MaxRequests))? })
    }

    /// Asks the app whether a page of an origin that it trusts may send a request. The app is told nothing else, and
    /// nothing else of its answer goes on.
    async fn ask_for_page(
        &self,
        permit: Permit,
        request: &mut Request<Option<Incoming>>,
        surroundings: (&Snapshot, &Connection),
        exchange: &mut Exchange,
    ) -> Result<Response<OutgoingBody>, Refusal> {
        exchange.shield = Some(cross_site::Noted::Preflight);
        Preflight::strip(request.headers_mut());
        let answer =
            self.forward(permit, request, (None, None, AppLimits::default()), surroundings, exchange).await?;
        if !answer.status().is_success() {
            return Err(Refusal::SignIn);
        }
        let mut response = Response::new(OutgoingBody::Own(Full::default()));
        *response.status_mut() = StatusCode::NO_CONTENT;
        *response.headers_mut() = cross_site::permission_alone(answer.headers());
        Ok(response)
    }

    fn count(&self, app: &str, fault: &FaultKind) {
        match fault {
            FaultKind::TooLarge => self.ledger.counters.reached(Limit::MaxBody),
            FaultKind::ClientStalled => self.ledger.counters.reached(Limit::BodyTimeout),
            FaultKind::ClientTooSlow => self.ledger.counters.reached(Limit::BodyRate),
            // Nothing that the upstream could help.
            FaultKind::ClientBroke | FaultKind::LengthRequired | FaultKind::Cancelled => {}
            other => self.ledger.counters.faulted(app, other.as_str()),
        }
    }

    /// What a worker does beside requests and [`Self::judge_carried`]: closes idle upstream connections, hands the log
    /// over. Called a few times a second.
    pub fn tidy(&self) {
        self.forwarder.prune();
        self.flush_log();
    }

    /// Hands collected log lines over.
    pub fn flush_log(&self) {
        if let Some(log) = &self.ledger.log {
            log.flush();
        }
    }

    fn begin(&self, request: &Request<Option<Incoming>>, connection: &Connection) -> Box<Exchange> {
        Box::new(Exchange {
            id: self.ids.next(),
            peer_addr: connection.peer_addr,
            method: request.method().clone(),
            time: self.shared.clock.now(),
            began: Instant::now(),
            target: None,
            unread: None,
            unread_host: None,
            reason: None,
            app: None,
            viewer: Identity::Anonymous,
            unenforced: None,
            shield: None,
            upstream_time: None,
            status: CLIENT_GONE,
            bytes: 0,
            slots: None,
            ended: None,
            ledger: Rc::clone(&self.ledger),
        })
    }
}

/// Who looks, and what is known of how they signed in.
struct Viewer {
    presented: Presented,
    account: Option<Arc<Account>>,
    identity: Identity,
    /// How long ago the password was checked last.
    confirmed: Option<Duration>,
    /// Somebody may be signed in, but nobody can be asked right now.
    unknown: bool,
}

impl Viewer {
    fn nobody(presented: Presented) -> Self {
        Self { presented, account: None, identity: Identity::Anonymous, confirmed: None, unknown: false }
    }
}

/// What is remembered of a request for its line in the log, which is written when this is dropped:
/// the answer has ended then, or nobody waits for it any more.
#[derive(Debug)]
struct Exchange {
    id: RequestId,
    peer_addr: IpAddr,
    method: Method,
    time: Timestamp,
    began: Instant,
    target: Option<Rc<Target>>,
    /// In place of the target, if none could be made of it.
    unread: Option<http::Uri>,
    /// The host that it names, if it names one.
    unread_host: Option<Authority>,
    /// Why it was refused.
    reason: Option<&'static str>,
    app: Option<Arc<str>>,
    viewer: Identity,
    unenforced: Option<Unenforced>,
    shield: Option<cross_site::Noted>,
    upstream_time: Option<Duration>,
    status: u16,
    bytes: u64,
    /// Held until the response has ended.
    slots: Option<Slots>,
    ended: Option<Ended>,
    ledger: Rc<Ledger>,
}

/// What a request in flight counts as.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "they are held")]
struct Slots {
    /// `None`: its client may have as many as it likes.
    client: Option<Slot>,
    app: Slot,
}

impl Outgoing {
    /// A piece of the body that is on its way to a client of HTTP/2. What the client has not made room for stays in
    /// memory after the body has ended, and counts as a request in flight for as long.
    pub fn hold(&self, data: Bytes, unsent: &UnsentBytes) -> Bytes {
        if data.len() > SMALL_BYTES { unsent.hold(data, self.exchange.slots.clone()) } else { data }
    }
}

impl Exchange {
    fn finish(mut self: Box<Self>, response: Response<OutgoingBody>) -> Response<Outgoing> {
        self.status = response.status().as_u16();
        response.map(|body| Outgoing { body, exchange: self })
    }

    /// The response's body did not come to its end, and its head has left.
    fn broke_off(&mut self, error: BodyError) {
        let ended = match error {
            BodyError::Stalled => Ended::Stalled,
            BodyError::Broken => Ended::Broken,
            BodyError::Cancelled | BodyError::TooLarge | BodyError::NotCollected | BodyError::TooSlow => {
                Ended::Cancelled
            }
        };
        self.ended = Some(ended);
        if ended != Ended::Cancelled {
            self.ledger.counters.unfinished(self.app.as_deref().unwrap_or_default(), ended.as_str());
        }
    }
}

/// A response's body; when it has ended, or was given up, the request's line is written.
#[derive(Debug)]
pub struct Outgoing {
    body: OutgoingBody,
    /// In a box, because an answer is moved many times until it is sent.
    exchange: Box<Exchange>,
}

/// hyper drops a body that has come to its end, and one whose client is gone.
impl Drop for Outgoing {
    fn drop(&mut self) {
        if let OutgoingBody::Upstream(Some(body)) = &self.body
            && !body.is_end_stream()
        {
            self.exchange.ended.get_or_insert(Ended::Unread);
        }
    }
}

#[derive(Debug)]
enum OutgoingBody {
    Own(Full<Bytes>),
    Upstream(ResponseBody),
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let Self { id, peer_addr, method, time, began, target, unread, app, viewer, upstream_time, .. } =
            self;
        let took = began.elapsed();
        self.ledger.counters.answered(app.as_deref(), self.status, took, *upstream_time);
        let Some(log) = &self.ledger.log else { return };
        let place = self.unenforced.as_ref().map(|unenforced| unenforced.place.to_string());
        log.record(&AccessRecord {
            time: *time,
            id: id.as_bytes(),
            client: target.as_ref().map_or(Some(*peer_addr), |target| target.client_addr.known()),
            method: method.as_str(),
            host: match (&*target, &self.unread_host) {
                (Some(target), _) => target.authority.as_str(),
                (None, host) => host.as_ref().map_or("", Authority::as_str),
            },
            path: match (&*target, &*unread) {
                (Some(target), _) => target.path.as_str(),
                (None, Some(uri)) => uri.path(),
                (None, None) => "",
            },
            status: self.status,
            bytes: self.bytes,
            duration: took,
            upstream_time: *upstream_time,
            app: app.as_deref(),
            user: viewer.user().map(|user| user.name.as_str()),
            unenforced: self.unenforced.as_ref().zip(place.as_deref()).map(|(unenforced, rule)| {
                let outcome = match unenforced.outcome {
                    Outcome::Allow => "allow",
                    Outcome::Confirm => "confirm",
                    Outcome::Challenge => "sign-in",
                    Outcome::Deny => "forbidden",
                };
                UnenforcedRecord { outcome, rule }
            }),
            reason: self.reason,
            shield: self.shield.map(cross_site::Noted::as_str),
            ended: self.ended,
        });
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let polled = match &mut this.body {
            OutgoingBody::Own(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            OutgoingBody::Upstream(Some(body)) => Pin::new(body).poll_frame(cx),
            OutgoingBody::Upstream(None) => Poll::Ready(None),
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                this.exchange.bytes += frame.data_ref().map_or(0, |data| data.remaining() as u64);
            }
            Poll::Ready(Some(Err(error))) => this.exchange.broke_off(*error),
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            OutgoingBody::Own(body) => body.is_end_stream(),
            OutgoingBody::Upstream(body) => body.as_ref().is_none_or(Body::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            OutgoingBody::Own(body) => body.size_hint(),
            OutgoingBody::Upstream(Some(body)) => body.size_hint(),
            OutgoingBody::Upstream(None) => SizeHint::with_exact(0),
        }
    }
}

/// Sends a person to the page that a refusal asks for. From a frame only a link leads there: the page has a form, which
/// nobody may frame.
fn lead_to(
    refusal: Refusal,
    request: &Request<Option<Incoming>>,
    connection: &Connection,
    exchange: &Exchange,
    snapshot: &Snapshot,
) -> Result<Response<OutgoingBody>, Refusal> {
    let (method, headers) = (request.method(), request.headers());
    let target = exchange.target.as_ref().ok_or(Refusal::Internal)?;
    let interrupted = InterruptedRequest {
        method,
        headers,
        host: target.authority.as_str(),
        path_and_query: target.path_and_query().as_str(),
        header_size: connection.header_size,
        cookies: &snapshot.portal.cookies,
    };
    let prerequisite = if refusal == Refusal::Confirm { Prerequisite::Confirm } else { Prerequisite::SignIn };
    let wants = Representation::of(method, headers);
    let response = match wants {
        Representation::Problem => return Err(refusal),
        Representation::Page => interrupted.redirect(prerequisite),
        Representation::Frame => {
            let page = interrupted.location(prerequisite);
            refusal.respond_leading_to(Some(&page), wants, exchange.id.as_str(), &snapshot.portal.pages)
        }
    };
    Ok(response.map(OutgoingBody::Own))
}

/// For a CORS preflight of an origin that the app trusts, which brings no body.
fn preflight_permit(
    app: &App,
    request: &Request<Option<Incoming>>,
    snapshot: &Snapshot,
    exchange: &Exchange,
) -> Option<Permit> {
    let preflight = Preflight::read(request.method(), request.headers())?;
    let senders = snapshot.app(app.id).ok()?.shield.senders.as_ref()?;
    if !senders.let_ask(&preflight) || request.body().as_ref().is_some_and(|body| !body.is_end_stream()) {
        return None;
    }
    permit_preflight(&snapshot.policy, app, &preflight, Rc::clone(exchange.target.as_ref()?))
}

/// As HTTP/1.1 would have them: a browser splits its cookies over many lines of HTTP/2.
fn has_more_lines(headers: &HeaderMap, most: usize) -> bool {
    headers.len() > most && headers.len() - headers.get_all(COOKIE).iter().count().saturating_sub(1) > most
}

/// RFC 9113 §8.3.1: an address that names a host names its scheme, too. A proxy of one's own may say `http`.
fn has_known_scheme(uri: &http::Uri) -> bool {
    uri.authority().is_none() || matches!(uri.scheme_str(), Some("https" | "http"))
}

/// RFC 9113 §6.5.2: as it is counted for `SETTINGS_MAX_HEADER_LIST_SIZE`.
fn list_size(uri: &http::Uri, headers: &HeaderMap) -> usize {
    let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32);
    fields.sum::<usize>() + uri_length(uri)
}

/// The host that a request names, if it names one and no other.
fn named_host(request: &Request<Option<Incoming>>) -> Option<Authority> {
    if let Some(authority) = request.uri().authority() {
        return Authority::parse(authority.as_str().as_bytes()).ok();
    }
    let host = SingleHeader::of(request.headers(), HOST).once()?;
    Authority::parse(host.as_bytes()).ok()
}

fn uri_length(uri: &http::Uri) -> usize {
    uri.path_and_query().map_or(0, |path_and_query| path_and_query.as_str().len())
}

/// How long the body says to be that comes with a request.
fn declared_length(request: &Request<Option<Incoming>>) -> Option<u64> {
    if request.body().as_ref().is_none_or(Body::is_end_stream) {
        return None;
    }
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn refusal_for(fault: &Fault) -> Refusal {
    match fault.kind {
        FaultKind::Connect(_)
        | FaultKind::Exchange(_)
        | FaultKind::UnwantedUpgrade
        | FaultKind::TwoLengths => Refusal::BadGateway,
        FaultKind::ConnectTimeout(_) | FaultKind::ResponseTimeout(_) => Refusal::GatewayTimeout,
        FaultKind::TooLarge => Refusal::TooLarge,
        FaultKind::LengthRequired => Refusal::LengthRequired,
        FaultKind::ClientStalled | FaultKind::ClientTooSlow => Refusal::TooSlow,
        FaultKind::ClientBroke => Refusal::BadRequest("The body of the request is malformed."),
        FaultKind::Cancelled => Refusal::Unavailable,
    }
}

/// Of a form, beside an address in it: names and passwords.
const FORM_BYTES: usize = 16 * 1024;
/// A piece of a body that costs less than what HTTP/2 needs for its stream in any case.
const SMALL_BYTES: usize = 4 * 1024;
/// How long somebody is asked to wait whose request found no slot.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// How often the log is told of a client whose address can't be read.
const NOTE_AGAIN_AFTER: Duration = Duration::from_mins(1);
const LONGEST_SHOWN: usize = 100;

/// What the log says of a request whose client did not wait for the answer; never sent.
const CLIENT_GONE: u16 = 499;
