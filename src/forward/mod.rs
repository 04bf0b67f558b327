//! Forwarding of what was allowed.
//!
//! [`Forwarder::forward`] takes a [`Permit`], which only `access` can make, and
//! sends the request that was judged: its path byte for byte, its headers after
//! the rules of `headers`, its body as a stream. It knows no session, token
//! or password; of the session it knows the cookie's name, to cut it out.

mod app;
mod body;
mod connect;
mod fault;
pub(crate) mod headers;
mod identity_headers;
mod leash;
mod pool;
mod session_data;
mod upgrade;
mod whoami;

use std::{future::Future, pin::pin, rc::Rc, sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{CONNECTION, EXPECT, UPGRADE},
};
use http_body::Body;
use hyper::{body::Incoming, upgrade::OnUpgrade};
use tokio::time::Instant;

use crate::access::Permit;

pub use app::{App, Endpoint, HostHeader, Transport};
pub use body::{BodyError, BodyLimits, UpstreamBody};
pub use fault::{Fault, FaultKind};
pub use headers::{Facts, OwnedNames};
pub use identity_headers::{IdentityHeaders, IdentityValue};
pub use leash::{Leash, LeashEnd};
pub use session_data::{KeepsData, SessionLines};

use body::{Declined, Gate, Progress, RequestBody};
use pool::{Lease, Pool};

/// One worker's way to the upstreams.
#[derive(Debug, Default)]
pub struct Forwarder {
    pool: Pool,
}

/// An upstream's answer.
#[derive(Debug)]
pub struct Answer {
    /// To be passed on.
    pub response: Response<AnswerBody>,
    /// From the forwarded head to the answer's head.
    pub upstream_time: Duration,
    /// What the app said of the session; empty if it is none that keeps something there.
    pub session: SessionLines,
}

/// The body of an upstream's answer; none after a change of protocol.
pub type AnswerBody = Option<UpstreamBody>;

/// What forwarding needs beside the request itself.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The app that the permit is for.
    pub app: &'a App,
    /// The names that only the gateway may send.
    pub owned: &'a Arc<OwnedNames>,
    /// What a body may cost.
    pub limits: BodyLimits,
    /// What is known beside the head.
    pub facts: Facts<'a>,
    /// Asked for a leash when an answer may take long; `None`: nothing can end it early.
    pub leash: Option<&'a dyn Fn() -> Leash>,
    /// What the app keeps in the session, for the app alone; `None`: nothing.
    pub session_data: Option<&'a HeaderValue>,
}

impl Forwarder {
    /// Sends what was allowed and returns the upstream's answer, its body still to come.
    pub async fn forward(
        &self,
        permit: Permit,
        request: Request<Incoming>,
        context: Context<'_>,
    ) -> Result<Answer, Fault> {
        let (mut request, client) = prepare(permit, request, context);
        let progress = Rc::clone(&request.progress);
        let mut lease = self.pool.take(context.app).await.map_err(fault)?;
        let sent_at = Instant::now();
        let answered = loop {
            let head = request.address(&lease);
            let spare = lease.reused.then(|| request.repeatable(&head)).flatten();
            match answer_within(context.app.timeout, &progress, lease.sender.try_send_request(head)).await {
                Some(Ok(response)) => break Ok((response, lease)),
                Some(Err(mut error)) => {
                    let unsent = error.take_message();
                    let again = match (unsent, spare) {
                        (Some(message), _) => Some(message),
                        (None, spare) if broke_off(error.error()) => spare,
                        _ => None,
                    };
                    match again {
                        Some(message) if lease.reused => {
                            tracing::debug!(upstream = %lease.endpoint.url, "a kept connection was dead; trying a new one");
                            request.restore(message);
                            lease = self.pool.fresh(lease, context.app).await.map_err(fault)?;
                            request.readdress(&lease);
                        }
                        _ => break Err((lease.endpoint, FaultKind::Exchange(error.into_error()))),
                    }
                }
                None => break Err((lease.endpoint, FaultKind::ResponseTimeout(context.app.timeout))),
            }
        };
        let (response, lease) = answered.map_err(|(endpoint, kind)| match progress.failure.get() {
            Some(BodyError::TooLarge) => fault((endpoint, FaultKind::TooLarge)),
            Some(BodyError::Stalled) => fault((endpoint, FaultKind::ClientStalled)),
            Some(BodyError::Broken | BodyError::Ended) => fault((endpoint, FaultKind::ClientBroke)),
            Some(BodyError::Unwanted) | None => fault((endpoint, kind)),
        })?;
        let declined = request.expects_continue.as_ref().and_then(Gate::decline);
        let client = client.zip(request.upgrade);
        // Before they are removed with all that the browser is not to see.
        let session = match context.app.session_data {
            KeepsData::ForNobody => SessionLines::default(),
            KeepsData::ForUsers | KeepsData::ForEverybody => SessionLines::of(response.headers()),
        };
        let response = finish(response, lease, client, context, progress, declined)?;
        Ok(Answer { response, upstream_time: sent_at.elapsed(), session })
    }

    /// Closes connections that have been idle for too long.
    pub fn prune(&self) {
        self.pool.prune();
    }
}

/// The headers that the app is told beside the client's own, for a request that was allowed.
pub fn added_headers(permit: &Permit, app: &App, owned: &OwnedNames, facts: &Facts<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(endpoint) = app.upstreams.first() {
        headers::to_upstream(&mut headers, permit, app, endpoint, owned, facts, None);
    }
    headers
}

/// A request on its way: what [`Request`] needs, apart from the upstream that it is addressed to.
struct Outgoing<'a> {
    request: Option<Request<RequestBody>>,
    permit: Permit,
    context: Context<'a>,
    upgrade: Option<HeaderValue>,
    expects_continue: Option<Gate>,
    addressed: bool,
    progress: Rc<Progress>,
}

/// The client's end of a change of protocol.
type ClientUpgrade = Option<OnUpgrade>;

fn prepare(
    permit: Permit,
    mut request: Request<Incoming>,
    context: Context<'_>,
) -> (Outgoing<'_>, ClientUpgrade) {
    let upgrade = headers::wanted_upgrade(request.version(), request.headers());
    let client = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
    let expects_continue = request
        .headers()
        .get(EXPECT)
        .is_some_and(|expect| expect.as_bytes().eq_ignore_ascii_case(b"100-continue"))
        .then(Gate::default);
    let progress = Rc::new(Progress::new());
    let (parts, body) = request.into_parts();
    let body = if body.is_end_stream() {
        RequestBody::empty()
    } else {
        RequestBody::new(
            body,
            context.limits,
            Arc::clone(context.owned),
            expects_continue.clone(),
            Rc::clone(&progress),
        )
    };
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.headers_mut() = parts.headers;
    *request.uri_mut() = Uri::from(permit.target().path_and_query().clone());
    *request.version_mut() = Version::HTTP_11;
    let outgoing = Outgoing {
        request: Some(request),
        permit,
        context,
        upgrade,
        expects_continue,
        addressed: false,
        progress,
    };
    (outgoing, client)
}

impl Outgoing<'_> {
    /// The request for this upstream. Headers are rewritten once; `Host` may change with the server.
    fn address(&mut self, lease: &Lease) -> Request<RequestBody> {
        let mut request = self.request.take().unwrap_or_else(|| Request::new(RequestBody::empty()));
        if !self.addressed {
            self.addressed = true;
            let Context { app, owned, facts, .. } = self.context;
            let upgrade = self.upgrade.as_ref();
            headers::to_upstream(
                request.headers_mut(),
                &self.permit,
                app,
                &lease.endpoint,
                owned,
                &facts,
                upgrade,
            );
            if let Some(data) = self.context.session_data {
                session_data::tell(request.headers_mut(), data);
            }
            if let Some(gate) = &self.expects_continue {
                request.headers_mut().insert(EXPECT, HeaderValue::from_static("100-continue"));
                let gate = gate.clone();
                hyper::ext::on_informational(&mut request, move |response| {
                    if response.status() == StatusCode::CONTINUE {
                        gate.open();
                    }
                });
            }
        }
        if let Some(gate) = &self.expects_continue {
            // An upstream that does not know the expectation says nothing; RFC 9110 §10.1.1 wants no endless wait.
            let gate = gate.clone();
            tokio::task::spawn_local(async move {
                tokio::time::sleep(CONTINUE_WAIT).await;
                gate.open();
            });
        }
        request
    }

    /// Turns to another server, if the one that was asked first is gone.
    fn readdress(&mut self, lease: &Lease) {
        if let Some(request) = &mut self.request {
            headers::address(request.headers_mut(), self.context.app, &lease.endpoint, self.permit.target());
        }
    }

    /// A copy, if sending it twice does no more than sending it once (RFC 9110 §9.2.2).
    fn repeatable(&self, request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
        if !request.body().is_empty() || !is_idempotent(request.method()) || self.upgrade.is_some() {
            return None;
        }
        let mut copy = Request::new(RequestBody::empty());
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.headers_mut() = request.headers().clone();
        Some(copy)
    }

    fn restore(&mut self, request: Request<RequestBody>) {
        self.request = Some(request);
    }
}

fn finish(
    response: Response<Incoming>,
    lease: Lease,
    client: Option<(OnUpgrade, HeaderValue)>,
    context: Context<'_>,
    progress: Rc<Progress>,
    declined: Option<Declined>,
) -> Result<Response<AnswerBody>, Fault> {
    if !headers::frames_once(response.headers()) {
        return Err(fault((lease.endpoint, FaultKind::TwoLengths)));
    }
    let switching = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let mut response = response;
    *response.version_mut() = Version::HTTP_11;
    match (switching, client) {
        (true, Some((client, wanted))) => {
            let Some(protocol) = headers::agreed_upgrade(&wanted, response.headers()) else {
                return Err(fault((lease.endpoint, FaultKind::UnwantedUpgrade)));
            };
            let upstream = hyper::upgrade::on(&mut response);
            let mut response = response.map(|_| None);
            headers::to_client(response.headers_mut());
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
            response.headers_mut().insert(UPGRADE, protocol);
            upgrade::tunnel(client, upstream, context.leash.map(|tie| tie()));
            Ok(response)
        }
        (true, None) => Err(fault((lease.endpoint, FaultKind::UnwantedUpgrade))),
        (false, _) => {
            headers::to_client(response.headers_mut());
            let (silence, owned) = (context.app.timeout, Arc::clone(context.owned));
            let may_take_long =
                response.body().size_hint().exact().is_none_or(|bytes| bytes > SHORT_BODY_BYTES);
            let tied = context.leash.filter(|_| may_take_long).map(|tie| tie());
            Ok(response
                .map(|body| Some(UpstreamBody::new(body, lease, silence, owned, progress, declined, tied))))
        }
    }
}

/// Waits for an answer; the limit starts anew whenever something of the request's body goes out.
async fn answer_within<T>(
    limit: Duration,
    progress: &Progress,
    answer: impl Future<Output = T>,
) -> Option<T> {
    let mut answer = pin!(answer);
    let mut silence = pin!(tokio::time::sleep(limit));
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return Some(answer),
            () = &mut silence => {
                let due = progress.moved_at.get() + limit;
                if due <= Instant::now() {
                    return None;
                }
                silence.as_mut().reset(due);
            }
        }
    }
}

/// Whether the connection ended before any byte of an answer.
fn broke_off(error: &hyper::Error) -> bool {
    use std::error::Error;
    let reset = |error: &std::io::Error| {
        matches!(
            error.kind(),
            std::io::ErrorKind::ConnectionReset
                | std::io::ErrorKind::BrokenPipe
                | std::io::ErrorKind::NotConnected
        )
    };
    error.is_incomplete_message()
        || error.is_closed()
        || error.source().and_then(|source| source.downcast_ref()).is_some_and(reset)
}

fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE
    )
}

fn fault((endpoint, kind): (Arc<Endpoint>, FaultKind)) -> Fault {
    Fault { endpoint, kind }
}

/// Fits the sockets' buffers: on its way before anybody could end it.
const SHORT_BODY_BYTES: u64 = 16 * 1024;
const CONTINUE_WAIT: Duration = Duration::from_secs(1);
