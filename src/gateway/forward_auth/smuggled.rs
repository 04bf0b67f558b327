//! Header fields of the visitor that a proxy could let through, and that an app could take for the gateway's.
//!
//! The gateway removes them from requests that it forwards itself. Here the proxy forwards, and proxies differ: Traefik and
//! Envoy let `Remote_User` and `Remote.User` pass beside the `Remote-User` that they set, which a CGI takes for one. The
//! documented configurations remove these header fields before they ask; a request that still has one is refused.
//!
//! A request with two `Authorization` fields is refused, too: the response has one, and a proxy that copies it could leave
//! the other in place.

use http::{HeaderMap, HeaderName, header::AUTHORIZATION};

use super::super::Result;
use crate::{
    forward::{App, ClientHeader, client_header, is_identity_claim, names_path},
    refusal::Refusal,
};

/// Refuses a request with a header field that names an identity, in any spelling, or chooses another method or path, and
/// one with two credentials.
pub(super) fn refuse(headers: &HeaderMap, app: &App) -> Result<()> {
    if headers.get_all(AUTHORIZATION).iter().nth(1).is_some() {
        return Err(Refusal::BadRequest("the request has more than one Authorization header"));
    }
    let is_smuggled = |name: &&HeaderName| {
        is_identity_claim(name, app) || overrides_method(name, app) || overrides_path(name, app)
    };
    match headers.keys().find(is_smuggled) {
        None => Ok(()),
        Some(_) => Err(Refusal::BadRequest("The request has a header that only the gateway may send.")),
    }
}

/// Some frameworks serve `/admin` for a request to `/public` with `X-Rewrite-URL: /admin`.
fn overrides_path(name: &HeaderName, app: &App) -> bool {
    names_path(name) && !app.pass_headers.contains(name)
}

/// An app that takes such a header would carry out another method than the one that was judged.
fn overrides_method(name: &HeaderName, app: &App) -> bool {
    name.as_str().contains("method")
        && !app.pass_headers.contains(name)
        && client_header(name, std::iter::empty()) == ClientHeader::MethodOverride
}
