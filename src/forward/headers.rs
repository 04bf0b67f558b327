//! The headers of requests to upstreams and of responses to clients.
//!
//! Towards the upstream the order matters: headers that only the gateway may send are removed first, in any spelling; then
//! hop-by-hop headers, with those that the client's `Connection` names; the gateway's own are added last. So Mallory can
//! neither send an identity header nor have the gateway's removed (`Connection: Remote-User`).
//!
//! Classes of names are left to `header_table`, values to `forwarded_headers`, `identity_headers` and `own_cookies`.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, CONNECTION, COOKIE, EXPECT, HOST, ORIGIN, REFERER, TE, UPGRADE},
};

use super::{
    App, Endpoint, Facts, HostHeader, OwnedNames, addresses, header_table::HeaderClass, http1::Options,
    own_cookies, session_data::DATA as SESSION_DATA,
};
use crate::{
    access::Permit,
    request::{DESTINATION, Origin},
};

/// All that decides the headers of a request to an upstream, beside the client's headers.
#[derive(Clone, Copy)]
pub(crate) struct OutgoingHead<'a> {
    pub(crate) permit: &'a Permit,
    pub(crate) app: &'a App,
    /// The server that receives it.
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) owned: &'a OwnedNames,
    pub(crate) facts: &'a Facts<'a>,
    /// The protocol that the client wants to change to.
    pub(crate) upgrade: Option<&'a HeaderValue>,
    /// Whether the upstream is to close the connection after its response (RFC 9112 §9.6).
    pub(crate) closes: bool,
    /// The signed assertion about the user.
    pub(crate) assertion: Option<&'a [(HeaderName, HeaderValue)]>,
    /// Session data of this app.
    pub(crate) session_data: Option<&'a HeaderValue>,
}

/// Gives each header that the upstream receives to `field`: those of the client that pass, then the gateway's own.
/// Rewriting the client's map instead costs four times as much.
pub(crate) fn to_upstream(
    client: &HeaderMap,
    outgoing: &OutgoingHead<'_>,
    field: impl FnMut(&HeaderName, &[u8]),
) {
    to_upstream_with(client, &Options::of(client.get_all(CONNECTION)), outgoing, field);
}

/// The same, with the options of the client's `Connection` header.
pub(super) fn to_upstream_with(
    client: &HeaderMap,
    options: &Options,
    outgoing: &OutgoingHead<'_>,
    mut field: impl FnMut(&HeaderName, &[u8]),
) {
    of_client(client, options, outgoing, &mut field);
    outgoing.facts.write(client, &outgoing.permit.target().authority, &mut field);
    if let Some(user) = outgoing.permit.user() {
        outgoing.app.identity.write(user, &mut field);
    }
    for (name, value) in outgoing.assertion.unwrap_or_default() {
        field(name, value.as_bytes());
    }
    if let Some(proof) = outgoing.app.proof.as_ref().filter(|_| !outgoing.endpoint.shows_requests()) {
        field(proof.name(), proof.value().as_bytes());
    }
    field(&REQUEST_ID, outgoing.facts.id.as_bytes());
    if let Some(data) = outgoing.session_data {
        field(&SESSION_DATA, data.as_bytes());
    }
}

/// The client's headers that pass, and those for the hop to the upstream.
fn of_client(
    client: &HeaderMap,
    options: &Options,
    outgoing: &OutgoingHead<'_>,
    mut field: impl FnMut(&HeaderName, &[u8]),
) {
    let OutgoingHead { permit, app, owned, .. } = *outgoing;
    let named = options.named();
    let is_replaced =
        |name: &HeaderName| HeaderClass::of(name).has(HeaderClass::WRITTEN_ANEW) || app.writes(name);
    // `Authorization` belongs to clients, unless the gateway writes its own for this app.
    let has_account = app.writes(&AUTHORIZATION);
    let passes = |name: &HeaderName| {
        let is_owned = owned.contains(name) && (!app.pass_headers.contains(name) || is_replaced(name));
        let hides_another = !app.underscore_headers && name.as_str().contains('_');
        let is_judged = permit.target().destination.is_some() && *name == DESTINATION;
        !(is_owned
            || (has_account && *name == AUTHORIZATION)
            || hides_another
            || is_judged
            || HeaderClass::of(name).has(HeaderClass::HOP_BY_HOP)
            || named.contains(name))
    };
    let target = permit.target();
    field(&HOST, &app.host_for(outgoing.endpoint, target.authority.as_str()));
    // For an app that receives another host, and so takes another address for its own.
    let addresses = (app.host_header != HostHeader::Original).then(|| {
        let public = Origin::asked(&target.authority, client, outgoing.facts.is_from_proxy());
        (addresses::own_origin(app, outgoing.endpoint, target.authority.as_str()), public)
    });
    let mut wants_trailers = false;
    for (name, value) in client {
        if let Some((own, Some(public))) = &addresses
            && (*name == ORIGIN || *name == REFERER)
            && let Some(rewritten) = addresses::to_app(value.as_bytes(), public, own)
        {
            if passes(name) {
                field(name, rewritten.as_bytes());
            }
            continue;
        }
        if *name == TE {
            wants_trailers |= has_token(value, b"trailers");
        } else if *name != HOST && *name != EXPECT && *name != COOKIE && passes(name) {
            field(name, value.as_bytes());
        }
    }
    if let Some(destination) = &target.destination {
        match &addresses {
            Some((own, _)) => {
                field(&DESTINATION, format!("{own}{}", destination.path().path_and_query()).as_bytes());
            }
            None => field(&DESTINATION, destination.as_received().as_bytes()),
        }
    }
    if !named.contains(&COOKIE) {
        let foreign = own_cookies::foreign(client);
        if !foreign.is_empty() {
            field(&COOKIE, &foreign);
        }
    }
    // `close` stands alone: Python's `http.server` compares the whole value.
    if outgoing.closes {
        field(&CONNECTION, b"close");
    } else if let Some(protocol) = outgoing.upgrade {
        field(&CONNECTION, b"upgrade");
        field(&UPGRADE, protocol.as_bytes());
    } else if wants_trailers {
        field(&CONNECTION, b"te");
        field(&TE, b"trailers");
    }
}

/// Removes from the upstream's headers, which are of this class, those that the client does not receive.
pub(super) fn to_client(headers: &mut HeaderMap, options: &Options, class: HeaderClass) {
    for name in options.named() {
        headers.remove(name);
    }
    let forbidden = HeaderClass::HOP_BY_HOP.or(HeaderClass::NOT_FOR_BROWSERS);
    if class.has(forbidden) {
        let names: Vec<HeaderName> =
            headers.keys().filter(|name| HeaderClass::of(name).has(forbidden)).cloned().collect();
        for name in names {
            headers.remove(name);
        }
    }
    if class.has(HeaderClass::SET_COOKIE) {
        own_cookies::remove_set_cookies(headers);
    }
}

/// Whether a list in a header value has this token.
fn has_token(list: &HeaderValue, wanted: &[u8]) -> bool {
    let mut tokens = list.as_bytes().split(|byte| *byte == b',');
    tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(wanted))
}

// A static, because a constant is made and dropped at each use.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
