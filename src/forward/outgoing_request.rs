//! A request between client and upstream: as the client sent it, as the upstream receives it, and its response.
//!
//! `forwarder` makes one for each request and keeps it until there is a response, because the request may have to be sent a
//! second time.

use std::sync::Arc;

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONNECTION, EXPECT, UPGRADE},
};
use hyper::upgrade::OnUpgrade;
use tokio::time::Instant;

use super::{
    Context, Endpoint, Fault, FaultKind, ResponseBody, UpstreamBody, addresses,
    connection_auth::names_bound_scheme,
    headers::{self, OutgoingHead},
    http1::{Announced, Http1Error, Options, RequestHead, ResponseHead},
    pool::Lease,
    sending::Sending,
    upgrade,
    upload::Upload,
};
use crate::{
    access::Permit,
    request::{Origin, RequestBody},
};

/// An allowed request.
pub(super) struct OutgoingRequest<'a> {
    client: &'a Request<RequestBody>,
    options: Options,
    permit: Permit,
    /// The body, until it is sent.
    pub(super) upload: Option<Box<Upload>>,
    /// Declaration of the body's length.
    announced: Announced,
    /// Whether the body waits for `100 Continue`.
    expects_continue: bool,
    /// Whether the connection is closed after the response.
    pub(super) closes: bool,
    /// Whether it authenticates its upstream connection.
    pub(super) binds: bool,
    /// The protocol that the client wants to change to, and its side of the change.
    upgrade: Option<(HeaderValue, OnUpgrade)>,
    context: &'a Context<'a>,
}

impl<'a> OutgoingRequest<'a> {
    pub(super) fn new(
        permit: Permit,
        client: &'a mut Request<RequestBody>,
        context: &'a Context<'a>,
    ) -> Self {
        let options = Options::of(client.headers().get_all(CONNECTION));
        let body = std::mem::take(client.body_mut());
        let upload = Upload::of(body, client.headers(), context.limits, context.owned);
        // An upstream reads the unread rest of a body as the next request on its connection: Mallory hides a request in it
        // that no rule has judged, and gets its response as that to her next request.
        let closes = upload.is_some() && !(context.app.reuse_after_body && expects_body(client.method()));
        let upgrade = upgrade::wanted(client.version(), &options, client.headers());
        // A connection cannot be closed and changed to another protocol.
        let upgrade = upgrade.filter(|_| !closes);
        let upgrade = upgrade.map(|protocol| (protocol, hyper::upgrade::on(&mut *client)));
        let (announced, expects_continue) = match &upload {
            Some(upload) => (upload.announced(), upload.is_held()),
            None => (Announced::Nothing, false),
        };
        let binds = client.headers().get_all(AUTHORIZATION).iter().any(names_bound_scheme);
        Self { client, options, permit, upload, announced, expects_continue, closes, binds, upgrade, context }
    }

    pub(super) fn method(&self) -> &'a Method {
        self.client.method()
    }

    /// Takes the whole body from the client before a connection is taken, if the app needs a declared length.
    pub(super) async fn collect_body(&mut self) -> Result<(), Fault> {
        let (Some(most), Announced::Chunked) = (self.context.app.collect_bodies, self.announced) else {
            return Ok(());
        };
        let Some(upload) = &mut self.upload else { return Ok(()) };
        if let Err(error) = Box::pin(upload.collect(most)).await {
            let endpoint = self.context.app.upstreams.first().expect("an app has at least one upstream");
            return Err(Fault::new(Arc::clone(endpoint), error.into()));
        }
        (self.announced, self.expects_continue) = (upload.announced(), false);
        if self.announced == Announced::Length(0) {
            self.upload = None;
        }
        Ok(())
    }

    /// The request as this server is to receive it, with the body.
    pub(super) fn sending(&mut self, lease: &Lease) -> Sending {
        let Context { app, owned, ref facts, session_data, assertion, .. } = *self.context;
        let outgoing = OutgoingHead {
            permit: &self.permit,
            app,
            endpoint: &lease.endpoint,
            owned,
            facts,
            upgrade: self.upgrade.as_ref().map(|(protocol, _)| protocol),
            closes: self.closes,
            assertion,
            session_data,
        };
        let mut head = RequestHead::begin(self.method(), self.permit.target().path_and_query());
        let client = self.client.headers();
        headers::to_upstream_with(client, &self.options, &outgoing, |name, value| head.field(name, value));
        if self.expects_continue {
            head.field(&EXPECT, b"100-continue");
        }
        for (name, value) in self.context.certificate {
            head.field(name, value.as_bytes());
        }
        Sending::new(head.end(self.announced), self.upload.take(), self.closes)
    }

    /// Turns addresses of the application's own into addresses that the browser knows.
    pub(super) fn readdress(&self, headers: &mut HeaderMap, endpoint: &Endpoint) {
        let (asked, by_proxy) = (&self.permit.target().authority, self.context.facts.is_from_proxy());
        if let Some(public) = Origin::asked(asked, self.client.headers(), by_proxy) {
            addresses::to_browser(headers, (self.context.app, endpoint), asked, &public);
        }
    }

    /// Whether the request may be sent a second time, on another connection: because no byte of it has reached the upstream,
    /// or because it is idempotent (RFC 9110 §9.2.2).
    pub(super) fn may_repeat(&self, error: &Http1Error, sending: &Sending) -> bool {
        error.broke_off()
            && (sending.is_untouched()
                || (!sending.has_upload()
                    && self.has_no_body()
                    && is_idempotent(self.method())
                    && self.upgrade.is_none()))
    }

    fn has_no_body(&self) -> bool {
        matches!(self.announced, Announced::Nothing | Announced::Length(0))
    }

    /// The response that the client receives to this request.
    pub(super) fn respond(
        self,
        head: ResponseHead,
        lease: Lease,
        sending: Sending,
        now: Instant,
    ) -> Result<Response<ResponseBody>, Fault> {
        let context = self.context;
        let ResponseHead { status, reason, mut headers, class, framing, keep_alive, options, binds: _ } =
            head;
        let mut response = Response::new(None);
        *response.status_mut() = status;
        if let Some(reason) = reason {
            response.extensions_mut().insert(reason);
        }
        if status != StatusCode::SWITCHING_PROTOCOLS {
            headers::to_client(&mut headers, &options, class);
            *response.headers_mut() = headers;
            *response.body_mut() =
                Some(UpstreamBody::new(lease, sending, (framing, keep_alive), now, context));
            return Ok(response);
        }
        let wanted = self.upgrade.filter(|_| sending.is_complete());
        let agreed = wanted.and_then(|(wanted, client)| Some((upgrade::agreed(&wanted, &headers)?, client)));
        let Some((protocol, client)) = agreed else {
            return Err(Fault::new(lease.endpoint, FaultKind::UnwantedUpgrade));
        };
        headers::to_client(&mut headers, &options, class);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
        *response.headers_mut() = headers;
        let (upstream, ahead) = lease.conn.into_parts();
        upgrade::tunnel(client, upstream, ahead, context.cancellation.guard().clone(), (context.hold)());
        Ok(response)
    }
}

fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE
    )
}

/// Whether a body of such a request means anything (RFC 9110 §9.3). An application that reads each body that it expects may
/// still leave that of a GET unread.
fn expects_body(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS)
}
