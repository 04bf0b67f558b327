//! The life of a request, from its head to its response.
//!
//! [`Gateway::handle`] is the one way in; `server` calls it for each request of a connection. The walk goes through its
//! stages in order, and each stage needs the value that the stage before has made: a [`Target`] to route, an
//! `Identity` to decide, a `Permit` to forward. Every early end is a [`Refusal`].
//!
//! The gateway knows no socket: a test calls [`Gateway::handle`] in process, see `tests/it/in_process.rs`.

mod app_sign_out;
mod assertion;
mod cache_control;
mod certificate_admission;
mod client_certificate;
mod connection;
mod csrf_check;
mod form_body;
mod forward_auth;
mod forwarding;
mod identify;
mod long_requests;
mod parking;
mod preflight;
mod read;
mod record;
mod response_body;
mod session_data;
mod slots;
mod unread;
mod visit;

use std::{cell::Cell, rc::Rc, sync::Arc};

use http::{
    HeaderValue, Request, Response, StatusCode, Version,
    header::{CONNECTION, STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE},
};
use tokio::time::Instant;

use crate::{
    access::{Decision, Unrouted, decide},
    assertion::{AssertionCache, Assertions},
    auth::programs::{ProgramSettings, ProgramSignIn, carries_token},
    clock::Clock,
    forward::{Forwarder, Resolver},
    in_flight::InFlight,
    portal::{self, Portal, WellKnown},
    refusal::{Refusal, Representation},
    request::{RequestBody, RequestIds, Target},
    session::{AppSessionLimits, Sessions},
    snapshot::{Current, Snapshot},
    telemetry::{AccessLog, Counters, Metrics},
    users::Directory,
};

pub use client_certificate::ClientCertificate;
pub use connection::{Connection, LastSeen};
pub use response_body::RecordedBody;

use identify::Carrier;
use long_requests::LongRequests;
use record::{Record, Recorder};
use response_body::Content;

/// The state that all workers share.
#[derive(Debug)]
pub struct Shared {
    /// The configuration as of now.
    pub current: Current,
    /// All sessions.
    pub sessions: Arc<Sessions>,
    /// All users.
    pub directory: Arc<Directory>,
    /// The gateway's own pages.
    pub portal: Portal,
    /// The check of credentials that programs send.
    pub programs: ProgramSignIn,
    /// All counters.
    pub metrics: Arc<Metrics>,
    /// Signs assertions.
    pub assertions: Arc<Assertions>,
    /// The requests in flight.
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
    /// When the operator was last warned of a client whose address can't be read.
    warned_of_unknown_client: Cell<Option<Instant>>,
    recorder: Rc<Recorder>,
    long_requests: LongRequests,
    assertion_cache: AssertionCache,
}

/// One request on its way, and everything that each step may look at.
struct Walk<'a> {
    gateway: &'a Gateway,
    /// The configuration, one and the same from the first step to the last.
    snapshot: &'a Snapshot,
    connection: &'a Connection,
    request: &'a mut Request<RequestBody>,
    record: Box<Record>,
    /// The credentials that the app takes from programs.
    programs: ProgramSettings,
}

type Result<T> = std::result::Result<T, Refusal>;

impl Gateway {
    /// A worker's gateway; without an access log, requests are not logged.
    pub fn new(shared: Arc<Shared>, access_log: Option<Rc<AccessLog>>) -> Self {
        let forwarder = Forwarder::new(shared.resolver.clone());
        let recorder = Rc::new(Recorder { log: access_log, counters: shared.metrics.counters() });
        Self {
            shared,
            forwarder,
            ids: RequestIds::new(),
            warned_of_unknown_client: Cell::new(None),
            recorder,
            long_requests: LongRequests::default(),
            assertion_cache: AssertionCache::default(),
        }
    }

    /// The counters of this worker.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.recorder.counters
    }

    /// Responds to a request. Its body is taken out of it when the request is forwarded.
    ///
    /// The future is large: a caller that moves it puts it into a box.
    pub async fn handle(
        &self,
        request: &mut Request<RequestBody>,
        connection: &Connection,
    ) -> Response<RecordedBody> {
        let snapshot = self.shared.current.load();
        let record = self.begin_record(request, connection);
        let programs = ProgramSettings::default();
        let mut walk = Walk { gateway: self, snapshot: &snapshot, connection, request, record, programs };
        let response = match walk.read_target() {
            Ok(target) => walk.respond(target).await,
            Err(refusal) => Err(refusal),
        };
        let mut response = response.unwrap_or_else(|refusal| walk.refuse(&refusal));
        // The application's own value is overwritten: the gateway speaks TLS (ASVS 5.0 3.4.1).
        if let Some(hsts) = &snapshot.hsts {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        walk.record.finish(response)
    }

    /// A worker's housekeeping beside requests and [`Self::judge_long_requests`]: closes idle upstream connections,
    /// hands the access log over. Called a few times a second.
    pub fn tidy(&self) {
        self.forwarder.prune();
        self.flush_log();
    }

    /// Hands collected entries of the access log over to their writer.
    pub fn flush_log(&self) {
        if let Some(log) = &self.recorder.log {
            log.flush();
        }
    }
}

impl Walk<'_> {
    /// The walk after the target was read: route, identify, decide, and a page or the application.
    async fn respond(&mut self, target: Rc<Target>) -> Result<Response<Content>> {
        // Refusals need it, too: on a host that is not served, and while no user can be looked up.
        let pages = &self.snapshot.portal.pages;
        if let Some(file) = pages.file_at(self.request.method(), target.path.as_str()) {
            return Ok(file.map(Content::Own));
        }

        if let Some(keys) = self.published_keys(&target) {
            return Ok(keys);
        }

        // Before the host is looked up: the response is the same whether this gateway serves it.
        if self.connection.is_for_another_host(&target, self.request.version(), self.snapshot) {
            return Err(Refusal::WrongConnection);
        }
        let app = match self.snapshot.policy.route(&target) {
            Ok(app) => Some(app),
            Err(Unrouted::NoApp) => None,
            Err(Unrouted::UnknownHost) => return Err(Refusal::Misdirected),
        };

        if let Some(response) = portal::well_known(self.request.method(), &target.path) {
            return Ok(response.map(Content::Own));
        }
        let passkeys = self.snapshot.portal.accounts.passkeys.as_ref();
        if let Some(passkeys) = passkeys
            && let Some(known) = WellKnown::at(passkeys, target.authority.host(), target.path.as_str())
        {
            let response = known.respond(passkeys, self.request.method(), self.connection.ports);
            return Ok(response.map(Content::Own));
        }

        let page = portal::page_of(&target.path);
        self.refuse_service_worker(app.filter(|_| page.is_none()).map(|app| app.id))?;
        // Looked up before this request counts as a use of the session: the app may have limits of its own.
        let limits = match app {
            Some(app) if page.is_none() => self.snapshot.session_limits(app, &target)?,
            _ => AppSessionLimits::default(),
        };
        if let Some(app) = app.filter(|_| page.is_none()) {
            self.programs = self.snapshot.programs(app, &target)?;
        }
        // A stolen token must not make another one, nor change a password.
        if page.is_some() && carries_token(self.request.headers()) {
            return Err(Refusal::Forbidden);
        }
        let mut caller = match page {
            Some(_) => self.identify_by_session(limits).await,
            None => self.identify(&target, limits).await?,
        };
        if let Some(app) = app.filter(|_| page.is_none()) {
            caller = self.admit_certificate(caller, app, &target).await?;
        }
        self.record.caller = caller.identity.clone();
        if let Some(page) = page {
            return self.visit(page, &target, &caller).await;
        }
        if portal::is_disguised(&target.path) {
            return Err(Refusal::NotFound);
        }

        let Some(app) = app else {
            // People type the name of the portal host alone.
            let start = self.snapshot.portal.start_of(target.authority.host(), target.path.as_str());
            return start.map(|response| response.map(Content::Own)).ok_or(Refusal::NotFound);
        };
        self.record.app = Some(Arc::clone(&self.snapshot.app(app.id)?.forward.name));
        let (policy, identity) = (&self.snapshot.policy, caller.identity.clone());
        match decide(policy, app, identity, &caller.proofs, self.record.time, target) {
            Decision::Allow(permit) => {
                self.record.unenforced = permit.unenforced().cloned();
                self.refuse_cross_site(&permit, &caller)?;
                self.forward(permit, Some(&caller)).await
            }
            // A program has nobody to ask.
            Decision::StepUp(_) | Decision::Deny if caller.program.is_some() => {
                Err(Refusal::ForbiddenToProgram)
            }
            // The page that confirms is for a session.
            Decision::StepUp(_) if caller.carrier == Carrier::Certificate => {
                self.lead_to_keeping_form(Refusal::SignIn, app, &caller).await
            }
            Decision::StepUp(missing) => {
                self.lead_to_keeping_form(Refusal::Confirm(missing.methods), app, &caller).await
            }
            Decision::Challenge if caller.is_unknown => Err(Refusal::Unavailable),
            Decision::Challenge => match self.preflight_permit(app) {
                Some(permit) => self.forward_preflight(permit).await,
                None => self.lead_to_keeping_form(Refusal::SignIn, app, &caller).await,
            },
            Decision::Deny => Err(Refusal::Forbidden),
        }
    }

    /// The response to a request that was refused.
    fn refuse(&mut self, refusal: &Refusal) -> Response<Content> {
        let wants = Representation::of(self.request.method(), self.request.headers());
        let (pages, headers) = (&self.snapshot.portal.pages, self.request.headers());
        let mut response = refusal.respond(wants, self.record.id.as_str(), pages, headers);
        if response.status() == StatusCode::UNAUTHORIZED
            && !response.headers().contains_key(WWW_AUTHENTICATE)
            && let Some(challenge) = self.programs.challenge(self.request.headers())
        {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        if let Refusal::BadRequest(reason) = refusal {
            self.record.reason = Some(reason);
            // The bytes of an ambiguous request may have been meant otherwise, and so may the bytes after it.
            if self.request.version() != Version::HTTP_2 {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
        }
        response.map(Content::Own)
    }
}
