//! Forwards a request that was allowed, and completes the app's response.

use std::{cell::OnceCell, sync::Arc};

use http::{Request, Response, Version, header::CONTENT_LENGTH};
use http_body::Body;

use super::{
    Result, Walk,
    client_certificate::CountedCertificate,
    identify::Caller,
    long_requests::{Basis, Holder},
    response_body::Content,
    session_data::{DataHolder, DataResponse},
};
use crate::{
    access::Permit,
    error_chain::ErrorChain,
    forward::{self, Cancellation, Facts, Fault, FaultKind},
    refusal::Refusal,
    request::RequestBody,
    session::Presented,
    shield::{Audience, WorkerScript, Workers},
    telemetry::Limit,
};

impl Walk<'_> {
    /// Sends the request to its app. Without a `caller` it is a preflight: the app is asked for its permission alone, and
    /// is told of no user and no session.
    pub(super) async fn forward(
        &mut self,
        permit: Permit,
        caller: Option<&Caller>,
    ) -> Result<Response<Content>> {
        let Self { gateway, snapshot, connection, .. } = *self;
        let settings = snapshot.app(permit.app())?;
        let (app, shield) = (&settings.forward, &settings.shield);
        let limits = snapshot.bodies.of(app);
        if declared_length(self.request).is_some_and(|length| length > limits.max_body) {
            return Err(self.reached(Limit::MaxBody, Refusal::TooLarge));
        }
        let slots = self.take_slots(settings).await?;
        let target = self.record.target.clone().ok_or(Refusal::Internal)?;

        let assertion = self.assertion(&permit, caller)?;
        let ending = self.session_to_end(permit.app(), &target, caller)?;
        let presented = caller.and_then(Caller::presented);
        let data_holder = DataHolder::of(app, presented, self.request.headers());
        let session_data = data_holder.header_value(app);
        let is_public = permit.is_public();
        // A response that anyone may have goes on without the session, unless the app was told of the user or of the
        // session's data: it may be meant for that person alone.
        let session = match presented {
            Some(Presented::Alive(session))
                // The response to a sign-out outlives the session that it ends.
                if ending.is_none()
                    && (!is_public || permit.user().is_some() || session_data.is_some()) =>
            {
                Some(session)
            }
            _ => None,
        };
        let (long_request, started) = (OnceCell::new(), self.record.time);
        let start_long_request = || {
            let account = caller.and_then(|caller| caller.account.as_ref());
            let limits = caller.map(|caller| caller.limits).unwrap_or_default();
            let basis = Basis::new(snapshot, account, limits);
            let certificate = caller.and_then(|caller| caller.certificate.clone());
            let holder = (Holder::of(session, caller), certificate);
            let (guard, request) = gateway.long_requests.add((&target, &app.name), holder, started, basis);
            long_request.set(request).ok();
            guard
        };
        let cancellation = Cancellation::new(&start_long_request);

        let certificate =
            caller.and_then(|caller| caller.certificate.as_ref()).filter(|_| app.sends_certificate);
        let certificate = certificate.map(CountedCertificate::headers).unwrap_or_default();
        let is_http2 = self.request.version() == Version::HTTP_2;
        // A browser opens a connection of HTTP/1.1 for whatever authenticates connections, and no proxy can.
        let is_one_person = !is_http2 && !snapshot.proxies.trusts(connection.peer_addr);
        // RFC 9110 §15.2: HTTP/1.0 has no interim responses.
        let takes_interim = self.request.version() == Version::HTTP_11 && caller.is_some();
        let hold = || -> forward::InFlightGuard { Box::new(slots.clone()) };
        let context = forward::Context {
            app,
            owned: &snapshot.owned,
            limits,
            hides_software: shield
                .response_changes
                .as_ref()
                .is_some_and(|response_changes| response_changes.hides_software),
            facts: Facts {
                id: self.record.id,
                peer_addr: connection.peer_addr,
                peer: &connection.peer,
                proxies: &snapshot.proxies,
                ports: connection.ports,
            },
            cancellation: &cancellation,
            assertion: assertion.as_deref(),
            session_data: session_data.as_ref(),
            certificate: &certificate,
            hold: &hold,
            unsent: is_http2.then_some(&connection.unsent),
            bound: (is_one_person && caller.is_some()).then_some(&connection.last.bound),
            interim: connection.interim.as_ref().filter(|_| takes_interim),
        };
        let asks_for_worker = Workers::are_asked_for(self.request.headers());
        let forwarded = gateway.forwarder.forward(permit, self.request, &context).await;
        self.record.slots = Some(slots);
        let answer = match forwarded {
            Ok(answer) => answer,
            Err(Fault { kind: FaultKind::Cancelled, .. }) => {
                let cancelled = long_request.get();
                return Err(cancelled.map_or(Refusal::Unavailable, |request| request.refusal()));
            }
            Err(fault) => return Err(self.record_fault(&app.name, &fault)),
        };

        self.record.upstream_time = Some(answer.upstream_time);
        let mut response = answer.response;
        // Before the gateway adds a cookie of its own.
        let audience = if is_public { Audience::Everyone } else { Audience::SignedIn };
        let script = asks_for_worker.then(|| WorkerScript(target.path.as_str()));
        shield.complete(response.status(), response.headers_mut(), audience, script);
        if !answer.session.is_empty() {
            let change = DataResponse { fields: answer.session, app, target: &target };
            self.change_session_data(data_holder, change, response.headers_mut()).await;
        }
        if let Some(session) = ending {
            self.end_with_app(&session, response.status(), caller, response.headers_mut()).await?;
        }
        Ok(response.map(Content::Upstream))
    }

    /// Logs and counts a fault; returns the refusal that follows.
    fn record_fault(&self, app: &Arc<str>, fault: &Fault) -> Refusal {
        tracing::warn!(
            request_id = %self.record.id, %app, upstream = %fault.endpoint.url, error = %ErrorChain(fault),
            "request failed"
        );
        let counters = &self.gateway.recorder.counters;
        match &fault.kind {
            FaultKind::TooLarge => counters.reached(Limit::MaxBody),
            FaultKind::ClientStalled => counters.reached(Limit::BodyTimeout),
            FaultKind::ClientTooSlow => counters.reached(Limit::BodyRate),
            // No fault of the upstream.
            FaultKind::ClientBroke | FaultKind::LengthRequired | FaultKind::Cancelled => {}
            kind => counters.faulted(app, kind.as_str()),
        }
        refusal_for(fault)
    }
}

/// The length that the head of a request declares for its body.
fn declared_length(request: &Request<RequestBody>) -> Option<u64> {
    if request.body().is_end_stream() {
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
