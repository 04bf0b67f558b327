//! The responses to a check, as each kind of proxy understands them.
//!
//! | | allowed | sign in first, a page | sign in first, a program | not allowed |
//! | --- | --- | --- | --- | --- |
//! | nginx | 200 | 401 with `Location` | 401 | 403 |
//! | Traefik, Caddy, Envoy | 200 | 302 | 401 | 403 |
//!
//! Allowed is exactly 200: Envoy takes a 204 for a refusal. nginx turns every status but 2xx, 401 and 403 into a 500, so it
//! gets the address of the sign-in page in a 401.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{AUTHORIZATION, CACHE_CONTROL, CONNECTION, COOKIE, LOCATION},
};
use http_body_util::Full;

use super::{super::response_body::Content, reported::ProxyKind};
use crate::{
    access::Permit,
    forward::{App, foreign_cookies},
    request::Target,
};

/// The outcome of a check.
pub(super) enum Verdict {
    /// The proxy forwards the request with these headers.
    Allowed(HeaderMap),
    /// The visitor is led to a page of the gateway.
    Led(Response<Content>),
    /// The visitor is refused.
    Refused(Response<Content>),
}

impl Verdict {
    /// The response to this kind of proxy.
    pub(super) fn into_response(self, kind: ProxyKind, target: &Target) -> Response<Content> {
        match self {
            Self::Allowed(headers) => {
                let mut response = Response::new(Content::Own(Full::<Bytes>::default()));
                *response.headers_mut() = headers;
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            Self::Led(response) => led(kind, response, target),
            Self::Refused(mut response) => {
                // The head was read whole, and the next check on the connection is another visitor's.
                response.headers_mut().remove(CONNECTION);
                understood_by(kind, response)
            }
        }
    }
}

/// The way to a page of the gateway on the visitor's host, as an absolute address. A page with a link, for a frame, stays
/// as it is.
fn led(kind: ProxyKind, mut response: Response<Content>, target: &Target) -> Response<Content> {
    let Some(path) = response.headers().get(LOCATION).and_then(|path| path.to_str().ok()) else {
        return response;
    };
    let address = HeaderValue::from_str(&format!("https://{}{path}", target.authority.as_str()));
    let Ok(address) = address else { return response };
    response.headers_mut().insert(LOCATION, address);
    *response.status_mut() =
        if kind == ProxyKind::Nginx { StatusCode::UNAUTHORIZED } else { StatusCode::FOUND };
    response
}

/// The response to a check that describes no request, or comes from an address that may not ask.
pub(super) fn refused_outright(
    kind: Option<ProxyKind>,
    mut response: Response<Content>,
) -> Response<Content> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    match kind {
        Some(kind) => understood_by(kind, response),
        None => response,
    }
}

/// The response with a status that this proxy passes on: nginx turns a 400 into a 500.
fn understood_by(kind: ProxyKind, mut response: Response<Content>) -> Response<Content> {
    let is_known = matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    if kind == ProxyKind::Nginx && response.status().is_client_error() && !is_known {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    response
}

/// All headers of the app that name the user, the visitor's cookies without the gateway's own, and the visitor's
/// `Authorization` unless it was for the gateway: a reader of the app's log must find neither sessions nor API tokens in it.
pub(super) fn headers_for(
    permit: &Permit,
    app: &App,
    assertion: Option<&[(HeaderName, HeaderValue)]>,
    visitor: &HeaderMap,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let cookies = HeaderValue::from_bytes(&foreign_cookies(visitor));
    headers.insert(COOKIE, cookies.unwrap_or(HeaderValue::from_static("")));
    // A credential of the gateway was cut out of the request when it was read.
    let authorization = visitor.get(AUTHORIZATION).cloned();
    headers.insert(AUTHORIZATION, authorization.unwrap_or(HeaderValue::from_static("")));
    // No certificate of the visitor comes through a proxy.
    for name in app.identity.names().chain(&app.assertion_headers).chain(app.certificate_names()) {
        headers.insert(name, HeaderValue::from_static(""));
    }
    for (name, value) in assertion.unwrap_or_default() {
        headers.insert(name, value.clone());
    }
    if let Some(user) = permit.user() {
        app.identity.write(user, |name, value| {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.insert(name, value);
            }
        });
    }
    headers
}
