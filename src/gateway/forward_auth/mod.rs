//! Forward-auth: another proxy asks whether it may forward a request.
//!
//! [`Gateway::check_for_proxy`] reads the request that the proxy describes, and goes through the steps of [`Gateway::handle`] with it:
//! the same routing, the same identification, the same decision, the same check of the sender. In place of forwarding it
//! responds with 200 and the headers that name the user; the proxy copies them into the request and forwards it. A check
//! about the app's own sign-out ends the session: the gateway sees no response that it could wait for.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `reported` | the request as each kind of proxy describes it, in header fields of its own |
//! | `smuggled` | header fields of the visitor that a proxy could let through, and an app take for the gateway's |
//! | `verdict` | the responses, as each kind of proxy understands them |
//!
//! A request that is described in two ways, or not at all, is refused. Nothing depends on a cookie that a response with 200
//! would set: proxies drop it.

mod reported;
mod smuggled;
mod verdict;

use std::rc::Rc;

use http::{Request, Response, header::UPGRADE};

use super::{Connection, Gateway, RecordedBody, Result, Walk, csrf_check::ShieldResult, identify::Caller};
use crate::{
    access::{App, Decision, Permit, decide, permit_preflight},
    auth::programs::ProgramSettings,
    portal,
    refusal::Refusal,
    request::{Malformed, Preflight, RequestBody, Target},
    snapshot::Snapshot,
    telemetry::Limit,
};

use reported::{ProxyKind, Reported};
use verdict::Verdict;

impl Gateway {
    /// Responds to a proxy that asks about a request.
    ///
    /// The body of a check means nothing and is not read.
    pub async fn check_for_proxy(
        &self,
        request: &mut Request<RequestBody>,
        connection: &Connection,
    ) -> Response<RecordedBody> {
        let snapshot = self.shared.current.load();
        let described = describe(request, connection, &snapshot);
        let record = self.begin_record(request, connection);
        // Those of the app, once it is known.
        let programs = ProgramSettings::default();
        let mut walk = Walk { gateway: self, snapshot: &snapshot, connection, request, record, programs };
        let response = match described {
            Ok((kind, target)) => {
                let target = Rc::new(target);
                walk.record.target = Some(Rc::clone(&target));
                let verdict = match walk.judge(&target).await {
                    Ok(verdict) => verdict,
                    Err(refusal) => Verdict::Refused(walk.refuse(&refusal)),
                };
                verdict.into_response(kind, &target)
            }
            Err(NoCheck(kind, refusal)) => {
                if let Refusal::HeadTooLarge = refusal {
                    walk.reached(Limit::MaxHeaders, Refusal::HeadTooLarge);
                }
                verdict::refused_outright(kind, walk.refuse(&refusal))
            }
        };
        walk.record.finish(response)
    }
}

/// The request is no check of a proxy, or describes no request.
struct NoCheck(Option<ProxyKind>, Refusal);

/// Reads the request that a proxy describes, and makes it the one that is judged: its method, its path, and the header
/// fields of the visitor without those of the proxy.
fn describe(
    request: &mut Request<RequestBody>,
    connection: &Connection,
    snapshot: &Snapshot,
) -> std::result::Result<(ProxyKind, Target), NoCheck> {
    // By the address of the socket alone: header fields are whoever's. The response says nothing of sessions or hosts.
    if !snapshot.proxies.trusts(connection.peer_addr) {
        return Err(NoCheck(None, Refusal::Forbidden));
    }
    if snapshot.proxy_secret.as_ref().is_some_and(|secret| !secret.is_shown_in(request.headers())) {
        return Err(NoCheck(None, Refusal::Forbidden));
    }
    let Some((kind, rest)) = ProxyKind::at(request.uri().path()) else {
        return Err(NoCheck(None, Refusal::NotFound));
    };
    if request.headers().len() > connection.max_headers {
        return Err(NoCheck(Some(kind), Refusal::HeadTooLarge));
    }
    let malformed = |Malformed(what)| NoCheck(Some(kind), Refusal::BadRequest(what));
    let reported = Reported::read(kind, rest, request).map_err(malformed)?;
    if reported.path_and_query().len() > connection.uri_length {
        return Err(NoCheck(Some(kind), Refusal::UriTooLong));
    }
    let client_addr = Reported::client_addr(request.headers(), connection.peer_addr, &snapshot.proxies);
    let target = reported.target(request.headers(), client_addr).map_err(malformed)?;
    reported.take_the_place_of(kind, request, &target);
    Ok((kind, target))
}

impl Walk<'_> {
    /// Judges the described request: the steps of a request that the gateway forwards itself.
    async fn judge(&mut self, target: &Rc<Target>) -> Result<Verdict> {
        let app = self.snapshot.policy.route(target).map_err(|_| Refusal::Forbidden)?;
        // An app of every host would let a proxy send people to a host that nobody has configured.
        if app.hosts.is_empty() {
            return Err(Refusal::Forbidden);
        }
        // The proxy routes the gateway's own pages to the gateway.
        if portal::page_of(&target.path).is_some() || portal::is_disguised(&target.path) {
            return Err(Refusal::Forbidden);
        }
        let settings = self.snapshot.app(app.id)?;
        self.record.app = Some(settings.forward.name.clone());
        if self.snapshot.certificate_use(app, target)?.1 {
            return Err(Refusal::NoCertificateByProxy);
        }
        smuggled::refuse(self.request.headers(), &settings.forward)?;
        self.programs = self.snapshot.programs(app, target)?;
        self.refuse_service_worker(Some(app.id))?;
        let limits = self.snapshot.session_limits(app, target)?;
        let caller = self.identify(target, limits).await?;
        self.record.caller = caller.identity.clone();
        let (policy, identity) = (&self.snapshot.policy, caller.identity.clone());
        match decide(policy, app, identity, &caller.proofs, self.record.time, Rc::clone(target)) {
            Decision::Allow(permit) => {
                self.record.unenforced = permit.unenforced().cloned();
                self.name_upgrade();
                self.refuse_cross_site(&permit, &caller)?;
                let verdict = self.allow(&permit, Some(&caller))?;
                if let Some(session) = self.session_to_end(app.id, target, Some(&caller))? {
                    self.end_for_app(&session, Some(&caller)).await?;
                }
                Ok(verdict)
            }
            // A program has nobody to ask.
            Decision::StepUp(_) | Decision::Deny if caller.program.is_some() => {
                Err(Refusal::ForbiddenToProgram)
            }
            Decision::StepUp(missing) => self.lead_to(Refusal::Confirm(missing.methods)).map(Verdict::Led),
            Decision::Challenge if caller.is_unknown => Err(Refusal::Unavailable),
            Decision::Challenge => match self.permit_of_preflight(app, target) {
                Some(permit) => {
                    self.record.shield = Some(ShieldResult::Preflight);
                    self.allow(&permit, None)
                }
                None => self.lead_to(Refusal::SignIn).map(Verdict::Led),
            },
            Decision::Deny => Err(Refusal::Forbidden),
        }
    }

    /// Proxies do not pass `Upgrade` on, which tells the check of the sender that a GET opens a WebSocket.
    fn name_upgrade(&mut self) {
        let headers = self.request.headers_mut();
        if headers.contains_key("sec-websocket-key") {
            headers.insert(UPGRADE, http::HeaderValue::from_static("websocket"));
        }
    }

    /// The permit of a CORS preflight; the app responds to it by itself.
    fn permit_of_preflight(&self, app: &App, target: &Rc<Target>) -> Option<Permit> {
        let preflight = Preflight::read(&target.method, self.request.headers())?;
        let settings = self.snapshot.app(app.id).ok()?;
        settings.lets_ask(&preflight).then_some(())?;
        permit_preflight(&self.snapshot.policy, app, &preflight, Rc::clone(target))
    }

    /// The response that lets the proxy forward the request: every header that the app takes for the gateway's, with an empty
    /// value where there is nothing to say, so that the proxy overwrites what the visitor has sent.
    fn allow(&self, permit: &Permit, caller: Option<&Caller>) -> Result<Verdict> {
        let assertion = self.assertion(permit, caller)?;
        let app = &self.snapshot.app(permit.app())?.forward;
        Ok(Verdict::Allowed(verdict::headers_for(permit, app, assertion.as_deref(), self.request.headers())))
    }
}
