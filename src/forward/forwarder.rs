//! The life of a forwarded request, from its permit to the response that the client receives.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::{
    App, BodyLimits, BoundConnections, Cancellation, Facts, Fault, KeepsData, OwnedNames, Resolver,
    SessionHeaders, UnsentBytes, UpstreamBody,
    header_table::HeaderClass,
    headers::{self, OutgoingHead},
    interim::InterimWay,
    outgoing_request::OutgoingRequest,
    pool::{NextUser, Pool},
    round_trip::{NoResponse, RoundTrip},
};
use crate::{access::Permit, interim::InterimSlot, moment};

/// One worker's way to the upstreams.
#[derive(Debug)]
pub struct Forwarder {
    pool: Pool,
}

/// An upstream's response.
#[derive(Debug)]
pub struct UpstreamResponse {
    /// To be passed on.
    pub response: Response<ResponseBody>,
    /// From the forwarded head to the response's head.
    pub upstream_time: Duration,
    /// What the app said of the session; empty if it is none that keeps something there.
    pub session: SessionHeaders,
}

/// The body of an upstream's response; none after a change of protocol.
pub type ResponseBody = Option<UpstreamBody>;

/// Something that is dropped once a request needs no connection any more.
pub type InFlightGuard = Box<dyn std::any::Any>;

/// What forwarding needs beside the request itself.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The app that the permit is for.
    pub app: &'a App,
    /// The names that only the gateway may send.
    pub owned: &'a Arc<OwnedNames>,
    /// What a body may cost.
    pub limits: BodyLimits,
    /// Whether what tells the app's software is left out of the response.
    pub hides_software: bool,
    /// What is known beside the head.
    pub facts: Facts<'a>,
    /// Asked for a guard when the request may take long.
    pub cancellation: &'a Cancellation<'a>,
    /// What the app keeps in the session, for the app alone; `None`: nothing.
    pub session_data: Option<&'a HeaderValue>,
    /// Asked for what is to be held by whatever outlives the response: a tunnel, the rest of an upload.
    pub hold: &'a dyn Fn() -> InFlightGuard,
    /// What the responses of the connection hold; `None`: it has one at a time.
    pub unsent: Option<&'a UnsentBytes>,
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

    /// Sends what was allowed and returns the upstream's response, its body still to come. The request's own body
    /// is taken from it.
    pub async fn forward(
        &self,
        permit: Permit,
        request: &mut Request<Option<Incoming>>,
        context: &Context<'_>,
    ) -> Result<UpstreamResponse, Fault> {
        let app = context.app;
        let user = permit.user().map(|user| user.id);
        let mut request = OutgoingRequest::new(permit, request, context);
        // Before a byte goes up.
        if request.upload.is_some() {
            context.cancellation.guard();
        }
        request.collect_body().await?;
        let began = moment::now();
        let bound = context.bound.and_then(|bound| bound.take(app, user));
        let (mut lease, mut is_bound) = match bound {
            Some(lease) => (lease, true),
            None => (self.pool.take(app, began).await?, false),
        };
        let interim = InterimWay::to(context.interim);
        let mut round_trip = RoundTrip {
            method: request.method(),
            hidden: if context.hides_software { HeaderClass::SOFTWARE } else { HeaderClass::default() },
            interim: &interim,
            since: if lease.reused { began } else { Instant::now() },
            limit: app.timeout,
            cancellation: context.cancellation,
        };
        let (mut head, sending) = loop {
            let mut sending = request.sending(&lease);
            match round_trip.run(&mut lease.conn, &mut sending).await {
                Ok(head) => break (head, sending),
                Err(NoResponse::Upstream(error)) if lease.reused && request.may_repeat(&error, &sending) => {
                    tracing::debug!(upstream = %lease.endpoint.url, "a kept connection was dead; trying a new one");
                    request.upload = sending.into_upload();
                    lease = Box::pin(self.pool.fresh(lease, app)).await?;
                    is_bound = false;
                    round_trip.since = Instant::now();
                }
                Err(no_response) => {
                    return Err(Fault::new(lease.endpoint, no_response.into_kind(app.timeout)));
                }
            }
        };
        let now = moment::now();
        is_bound |= head.binds || request.binds;
        lease.next = match context.bound {
            _ if request.closes => NextUser::Nobody,
            _ if !is_bound => NextUser::Anybody,
            Some(bound) => NextUser::Same(bound.list_for(user)),
            None => NextUser::Nobody,
        };
        // Before they are removed with all that the browser is not to see.
        let session = match app.session_data {
            KeepsData::ForUsers | KeepsData::ForEverybody
                if head.class.has(HeaderClass::NOT_FOR_BROWSERS) =>
            {
                SessionHeaders::of(&head.headers)
            }
            _ => SessionHeaders::default(),
        };
        if app.rewrite_location && head.class.has(HeaderClass::ADDRESS) {
            request.readdress(&mut head.headers, &lease.endpoint);
        }
        let upstream_time = now - round_trip.since;
        let response = request.respond(head, lease, sending, now)?;
        Ok(UpstreamResponse { response, upstream_time, session })
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
        let head = OutgoingHead {
            permit,
            app,
            endpoint,
            owned,
            facts,
            upgrade: None,
            closes: false,
            session_data: None,
        };
        headers::to_upstream(&HeaderMap::new(), &head, |name, value| {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                added.append(name, value);
            }
        });
    }
    added
}
