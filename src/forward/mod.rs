//! Forwarding of what was allowed.
//!
//! [`Forwarder::forward`] takes a [`Permit`], which only `access` can make, and
//! sends the request that was judged: its path byte for byte, its headers after
//! the rules of `headers`, its body as a stream. It knows no session, token
//! or password; of the session it knows the cookie's name, to cut it out.
//!
//! A request takes a connection from `pool`, `round_trip` sends it (`sending`, `upload`) and waits for the
//! answer's head, both at once; the answer's body (`download`) has the connection until its end, and gives it
//! back. All of that happens in the task that serves the client; `full_duplex` is the one exception. How HTTP/1.1
//! is spoken with an upstream, and what is refused of it, is `http1`'s.

mod addresses;
mod app;
mod body;
mod bound_connections;
mod cancel;
mod connect;
mod connection_auth;
mod download;
mod fault;
mod full_duplex;
mod header_table;
pub(crate) mod headers;
mod http1;
mod identity_headers;
mod interim;
mod override_headers;
mod owned_names;
mod pool;
mod resolver;
mod round_trip;
mod sending;
mod session_data;
mod trust;
mod untaken;
mod upgrade;
mod upload;
mod whoami;

use std::{sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONNECTION, EXPECT, UPGRADE},
};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use tokio::time::Instant;

use crate::{access::Permit, interim::InterimSlot, moment, request::Origin};

pub use app::{App, Endpoint, HostHeader, MAX_REQUESTS, Transport};
pub use body::{BodyError, BodyLimits};
pub use bound_connections::BoundConnections;
pub use cancel::{CancelGuard, Cancellation, Canceller};
pub use download::UpstreamBody;
pub(crate) use fault::Chain;
pub use fault::{Fault, FaultKind};
pub use header_table::ClientHeader;
pub use headers::Facts;
pub use http1::Http1Error;
#[doc(hidden)]
pub use http1::{ReadAnswer, read_answer, read_answer_in_pieces};
pub use identity_headers::{IdentityHeaders, IdentityValue};
pub use override_headers::client_header;
pub use owned_names::OwnedNames;
pub use resolver::{ResolveError, Resolver};
pub use session_data::{KeepsData, SessionLines};
pub use trust::{KeyPin, Trust};
pub use untaken::Untaken;

use download::Passage;
use header_table::HeaderClass;
use headers::Onward;
use http1::{Announced, AnswerHead, Options, RequestHead};
use interim::InterimWay;
use pool::{Lease, NextUser, Pool};
use round_trip::{Unanswered, round_trip};
use sending::Sending;
use upload::Upload;

/// One worker's way to the upstreams.
#[derive(Debug)]
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

/// Something that is dropped once a request needs no connection any more.
pub type Held = Box<dyn std::any::Any>;

/// What forwarding needs beside the request itself.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The app that the permit is for.
    pub app: &'a App,
    /// The names that only the gateway may send.
    pub owned: &'a Arc<OwnedNames>,
    /// What a body may cost.
    pub limits: BodyLimits,
    /// Whether what tells the app's software is left out of the answer.
    pub hides_software: bool,
    /// What is known beside the head.
    pub facts: Facts<'a>,
    /// Asked for a guard when the request may take long.
    pub cancellation: &'a Cancellation<'a>,
    /// What the app keeps in the session, for the app alone; `None`: nothing.
    pub session_data: Option<&'a HeaderValue>,
    /// Asked for what is to be held by whatever outlives the response: a tunnel, the rest of an upload.
    pub hold: &'a dyn Fn() -> Held,
    /// What the responses of the connection hold; `None`: it has one at a time.
    pub untaken: Option<&'a Untaken>,
    /// Of the same connection; `None`: that is for many people, and no upstream connection can be bound to it.
    pub bound: Option<&'a BoundConnections>,
    /// Where interim responses are left; `None`: the client cannot be sent any.
    pub interim: Option<&'a InterimSlot>,
}

impl Forwarder {
    /// A worker's, without any connections yet.
    pub fn new(resolver: Resolver) -> Self {
        Self { pool: Pool::new(resolver) }
    }

    /// Sends what was allowed and returns the upstream's answer, its body still to come. The request's own body
    /// is taken from it.
    pub async fn forward(
        &self,
        permit: Permit,
        request: &mut Request<Option<Incoming>>,
        context: &Context<'_>,
    ) -> Result<Answer, Fault> {
        let app = context.app;
        let user = permit.user().map(|user| user.id);
        let (mut request, client, mut upload) = Outgoing::new(permit, request, context);
        // Before a byte goes up.
        if upload.is_some() {
            context.cancellation.guard();
        }
        if let (Some(most), Announced::Chunked) = (app.collect_bodies, request.announced) {
            upload = Box::pin(request.collect(upload, most)).await?;
        }
        let began = moment::now();
        let bound = context.bound.and_then(|bound| bound.take(app, user));
        let (mut lease, mut is_bound) = match bound {
            Some(lease) => (lease, true),
            None => (self.pool.take(app, began).await.map_err(fault)?, false),
        };
        let hidden = if context.hides_software { HeaderClass::SOFTWARE } else { HeaderClass::default() };
        let interim = InterimWay::to(context.interim);
        let mut sent_at = if lease.reused { began } else { Instant::now() };
        let (mut head, sending) = loop {
            let mut sending = request.sending(&lease, upload);
            let asked = (request.client.method(), hidden, &interim);
            match round_trip(
                &mut lease.conn,
                &mut sending,
                asked,
                (sent_at, app.timeout),
                context.cancellation,
            )
            .await
            {
                Ok(head) => break (head, sending),
                Err(Unanswered::Upstream(error)) if lease.reused && request.may_repeat(&error, &sending) => {
                    tracing::debug!(upstream = %lease.endpoint.url, "a kept connection was dead; trying a new one");
                    upload = sending.into_upload();
                    lease = Box::pin(self.pool.fresh(lease, app)).await.map_err(fault)?;
                    is_bound = false;
                    sent_at = Instant::now();
                }
                Err(unanswered) => return Err(fault((lease.endpoint, unanswered.into_kind(app.timeout)))),
            }
        };
        let now = moment::now();
        is_bound |= head.binds || request.binds;
        lease.next = match context.bound {
            _ if request.closes => NextUser::Nobody,
            _ if !is_bound => NextUser::Anybody,
            Some(bound) => NextUser::Same(bound.kept(user)),
            None => NextUser::Nobody,
        };
        if app.rewrite_location && head.class.has(HeaderClass::ADDRESS) {
            request.readdress(&mut head.headers, &lease.endpoint);
        }
        let client = client.zip(request.upgrade);
        // Before they are removed with all that the browser is not to see.
        let session = match app.session_data {
            KeepsData::ForNobody => SessionLines::default(),
            KeepsData::ForUsers | KeepsData::ForEverybody
                if !head.class.has(HeaderClass::NOT_FOR_BROWSERS) =>
            {
                SessionLines::default()
            }
            KeepsData::ForUsers | KeepsData::ForEverybody => SessionLines::of(&head.headers),
        };
        let response = finish(head, lease, sending, client, (context, now))?;
        Ok(Answer { response, upstream_time: now - sent_at, session })
    }

    /// Closes connections that have been idle for too long.
    pub fn prune(&self) {
        self.pool.prune();
    }
}

/// The headers that the app is told beside the client's own, for a request that was allowed.
pub fn added_headers(permit: &Permit, app: &App, owned: &OwnedNames, facts: &Facts<'_>) -> HeaderMap {
    let mut added = HeaderMap::new();
    if let Some(endpoint) = app.upstreams.first() {
        let onward =
            Onward { permit, app, endpoint, owned, facts, upgrade: None, closes: false, session_data: None };
        headers::to_upstream(&HeaderMap::new(), &onward, |name, value| {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                added.append(name, value);
            }
        });
    }
    added
}

/// A request, as it came; kept until there is an answer, because it may have to be sent a second time.
struct Outgoing<'a> {
    client: &'a mut Request<Option<Incoming>>,
    options: Options,
    permit: Permit,
    /// What is said of the body's length.
    announced: Announced,
    /// Whether the body waits for `100 Continue`.
    expects_continue: bool,
    /// Whether the connection is closed after the response.
    closes: bool,
    /// Whether it authenticates the connection that it goes out on.
    binds: bool,
    /// The protocol that the client wants to change to.
    upgrade: Option<HeaderValue>,
    context: &'a Context<'a>,
}

/// The client's end of a change of protocol.
type ClientUpgrade = Option<OnUpgrade>;

impl<'a> Outgoing<'a> {
    fn new(
        permit: Permit,
        client: &'a mut Request<Option<Incoming>>,
        context: &'a Context<'a>,
    ) -> (Self, ClientUpgrade, Option<Box<Upload>>) {
        let options = Options::of(client.headers().get_all(CONNECTION));
        let body = client.body_mut().take();
        let upload = body.and_then(|body| Upload::of(body, client.headers(), context.limits, context.owned));
        // What an upstream leaves of a body is the next request on its connection: Mallory hides one in it that no
        // rule has seen, and gets its response as that to her next request.
        let closes = upload.is_some() && !(context.app.reuse_after_body && expects_body(client.method()));
        let upgrade = headers::wanted_upgrade(client.version(), &options, client.headers());
        // A connection cannot be closed and changed to another protocol.
        let upgrade = upgrade.filter(|_| !closes);
        let switched = upgrade.is_some().then(|| hyper::upgrade::on(&mut *client));
        let (announced, expects_continue) = match &upload {
            Some(upload) => (upload.announced(), upload.is_held()),
            None => (Announced::Nothing, false),
        };
        let binds = client.headers().get_all(AUTHORIZATION).iter().any(connection_auth::names_bound_scheme);
        let request =
            Self { client, options, permit, announced, expects_continue, closes, binds, upgrade, context };
        (request, switched, upload)
    }

    /// Takes the whole body from the client before a connection is taken for it. What is left of it to send.
    async fn collect(
        &mut self,
        upload: Option<Box<Upload>>,
        most: u64,
    ) -> Result<Option<Box<Upload>>, Fault> {
        let Some(mut upload) = upload else { return Ok(None) };
        if let Err(error) = upload.collect(most).await {
            let endpoint = self.context.app.upstreams.first().expect("an app has at least one upstream");
            return Err(fault((Arc::clone(endpoint), error.into())));
        }
        (self.announced, self.expects_continue) = (upload.announced(), false);
        Ok((self.announced != Announced::Length(0)).then_some(upload))
    }

    /// The request as this server is to receive it.
    fn sending(&self, lease: &Lease, upload: Option<Box<Upload>>) -> Sending {
        let Context { app, owned, ref facts, session_data, .. } = *self.context;
        let (permit, upgrade, endpoint) = (&self.permit, self.upgrade.as_ref(), &lease.endpoint);
        let closes = self.closes;
        let onward = Onward { permit, app, endpoint, owned, facts, upgrade, closes, session_data };
        let client = self.client.headers();
        let mut head = RequestHead::begin(self.client.method(), permit.target().path_and_query());
        headers::to_upstream_with(client, &self.options, &onward, |name, value| head.line(name, value));
        if self.expects_continue {
            head.line(&EXPECT, b"100-continue");
        }
        Sending::new(head.end(self.announced), upload)
    }

    /// Turns addresses of the application's own into those that the browser knows.
    fn readdress(&self, headers: &mut HeaderMap, endpoint: &Endpoint) {
        let (asked, by_proxy) = (&self.permit.target().authority, self.context.facts.is_from_proxy());
        if let Some(public) = Origin::asked(asked, self.client.headers(), by_proxy) {
            addresses::to_browser(headers, (self.context.app, endpoint), asked, &public);
        }
    }

    /// Whether the request may go out a second time, on another connection: because nothing of it has
    /// reached the upstream, or because that does no more than sending it once (RFC 9110 §9.2.2).
    fn may_repeat(&self, error: &Http1Error, sending: &Sending) -> bool {
        error.broke_off()
            && (sending.is_untouched()
                || (!sending.has_upload()
                    && self.announced_nothing()
                    && is_idempotent(self.client.method())
                    && self.upgrade.is_none()))
    }

    fn announced_nothing(&self) -> bool {
        matches!(self.announced, Announced::Nothing | Announced::Length(0))
    }
}

impl Unanswered {
    fn into_kind(self, timeout: Duration) -> FaultKind {
        match self {
            Self::Upstream(Http1Error::TwoLengths) => FaultKind::TwoLengths,
            Self::Upstream(error) => FaultKind::Exchange(error),
            Self::TooLate => FaultKind::ResponseTimeout(timeout),
            Self::Ended => FaultKind::Ended,
            Self::Client(error) => error.into(),
        }
    }
}

impl From<BodyError> for FaultKind {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::TooLarge,
            BodyError::NotCollected => Self::LengthRequired,
            BodyError::Stalled => Self::ClientStalled,
            BodyError::TooSlow => Self::ClientTooSlow,
            BodyError::Broken | BodyError::Ended => Self::ClientBroke,
        }
    }
}

fn finish(
    head: AnswerHead,
    lease: Lease,
    sending: Sending,
    client: Option<(OnUpgrade, HeaderValue)>,
    (context, now): (&Context<'_>, Instant),
) -> Result<Response<AnswerBody>, Fault> {
    let AnswerHead { status, reason, mut headers, class, framing, kept, options, binds: _ } = head;
    let mut response = Response::new(None);
    *response.status_mut() = status;
    if let Some(reason) = reason {
        response.extensions_mut().insert(reason);
    }
    if status == StatusCode::SWITCHING_PROTOCOLS {
        let agreed = client.filter(|_| sending.is_complete()).and_then(|(client, wanted)| {
            headers::agreed_upgrade(&wanted, &headers).map(|protocol| (client, protocol))
        });
        let Some((client, protocol)) = agreed else {
            return Err(fault((lease.endpoint, FaultKind::UnwantedUpgrade)));
        };
        headers::to_client(&mut headers, &options, class);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
        *response.headers_mut() = headers;
        let (upstream, ahead) = lease.conn.into_parts();
        upgrade::tunnel(client, upstream, ahead, context.cancellation.guard().clone(), (context.hold)());
        return Ok(response);
    }
    headers::to_client(&mut headers, &options, class);
    *response.headers_mut() = headers;
    let passage = Passage {
        framing,
        kept,
        now,
        silence: context.app.body_silence,
        timeout: context.app.timeout,
        request_id: context.facts.id,
        app: &context.app.name,
        owned: context.owned,
        cancellation: context.cancellation,
        hold: context.hold,
        untaken: context.untaken,
    };
    *response.body_mut() = Some(UpstreamBody::new(lease, sending, &passage));
    Ok(response)
}

fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE
    )
}

/// Whether a body of such a request means anything to an application (RFC 9110 §9.3). One that reads all bodies that it
/// knows of may still leave that of a GET.
fn expects_body(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS)
}

fn fault((endpoint, kind): (Arc<Endpoint>, FaultKind)) -> Fault {
    Fault { endpoint, kind }
}
