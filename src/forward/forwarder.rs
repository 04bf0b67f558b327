//! A request from its permit to the response: the steps of forwarding, in order.
//!
//! Each worker's gateway has one [`Forwarder`]. It takes a connection, sends the request, repeats it on another connection
//! where the first turned out to be dead and repeating is safe, and decides who may use the connection next.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::time::Instant;

use super::{
    App, Context, Facts, Fault, KeepsData, OwnedNames, Resolver, ResponseBody, SessionHeaders,
    header_table::HeaderClass,
    headers::{self, OutgoingHead},
    interim::InterimWay,
    outgoing_request::OutgoingRequest,
    pool::{NextUser, Pool},
    round_trip::{NoResponse, RoundTrip},
};
use crate::{access::Permit, request::RequestBody};

/// Forwards the requests of one worker.
#[derive(Debug)]
pub struct Forwarder {
    pool: Pool,
}

/// An upstream's response.
#[derive(Debug)]
pub struct UpstreamResponse {
    /// The response for the client.
    pub response: Response<ResponseBody>,
    /// Time from the forwarded head to the response's head.
    pub upstream_time: Duration,
    /// Changes to the session data that the app asks for; empty if the app may not store any.
    pub session: SessionHeaders,
}

impl Forwarder {
    /// A forwarder without connections.
    pub fn new(resolver: Resolver) -> Self {
        Self { pool: Pool::new(resolver) }
    }

    /// Sends an allowed request and returns the upstream's response, whose body is still to be read. Takes the body out of
    /// `request`.
    pub async fn forward(
        &self,
        permit: Permit,
        request: &mut Request<RequestBody>,
        context: &Context<'_>,
    ) -> Result<UpstreamResponse, Fault> {
        let app = context.app;
        let user = permit.user().map(|user| user.id);
        let mut request = OutgoingRequest::new(permit, request, context);
        // Before a byte of the body is sent.
        if request.upload.is_some() {
            context.cancellation.guard();
        }
        request.collect_body().await?;
        let started = Instant::now();
        let bound = context.bound.and_then(|bound| bound.take(app, user));
        let (mut lease, mut is_bound) = match bound {
            Some(lease) => (lease, true),
            None => (self.pool.take(app, started).await?, false),
        };
        let interim = InterimWay::to(context.interim);
        let mut round_trip = RoundTrip {
            method: request.method(),
            hidden: if context.hides_software { HeaderClass::SOFTWARE } else { HeaderClass::default() },
            interim: &interim,
            since: if lease.reused { started } else { Instant::now() },
            limit: app.timeout,
            cancellation: context.cancellation,
        };
        let (mut head, sending) = loop {
            let mut sending = request.sending(&lease);
            match round_trip.run(&mut lease.conn, &mut sending).await {
                Ok(head) => break (head, sending),
                Err(NoResponse::Upstream(error)) if lease.reused && request.may_repeat(&error, &sending) => {
                    tracing::debug!(upstream = %lease.endpoint.url, "idle connection was dead; trying a new one");
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
        let now = Instant::now();
        is_bound |= head.binds || request.binds;
        lease.next = match context.bound {
            _ if request.closes => NextUser::Nobody,
            _ if !is_bound => NextUser::Anybody,
            Some(bound) => NextUser::Same(bound.list_for(user)),
            None => NextUser::Nobody,
        };
        // Before `respond` removes the headers that are not for browsers.
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

    /// Closes connections that were idle for too long.
    pub fn prune(&self) {
        self.pool.prune();
    }
}

/// The headers that the gateway adds to an allowed request.
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
            assertion: None,
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
