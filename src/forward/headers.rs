//! One table of rules for headers, in both directions.
//!
//! Towards the upstream the order matters: first goes everything that only the
//! gateway may say, in any spelling; then what is hop-by-hop, including what
//! the client's `Connection` names; ours is added last. So a client can
//! neither bring an identity in nor have ours taken out (`Connection: Remote-User`).

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONNECTION, COOKIE, EXPECT, HOST, ORIGIN, REFERER, TE, UPGRADE},
};

use super::{
    App, Endpoint, Facts, HostHeader, OwnedNames, addresses, header_table::HeaderClass, http1::Options,
    own_cookies, session_data::DATA as SESSION_DATA,
};
use crate::{
    access::Permit,
    request::{DESTINATION, Origin},
};

/// How a request is forwarded, as far as its headers are concerned.
#[derive(Clone, Copy)]
pub(crate) struct OutgoingHead<'a> {
    pub(crate) permit: &'a Permit,
    pub(crate) app: &'a App,
    /// The server that is asked.
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) owned: &'a OwnedNames,
    pub(crate) facts: &'a Facts<'a>,
    /// The protocol that the client wants to change to.
    pub(crate) upgrade: Option<&'a HeaderValue>,
    /// Whether the upstream is to close the connection after its response (RFC 9112 §9.6).
    pub(crate) closes: bool,
    /// What the app keeps in the session.
    pub(crate) session_data: Option<&'a HeaderValue>,
}

/// Gives the headers that the upstream receives to `field`, one by one: what may pass of the client's, then
/// ours. Written as they come instead of by rewriting the client's own, which costs four times as much.
pub(crate) fn to_upstream(
    client: &HeaderMap,
    outgoing: &OutgoingHead<'_>,
    field: impl FnMut(&HeaderName, &[u8]),
) {
    to_upstream_with(client, &Options::of(client.get_all(CONNECTION)), outgoing, field);
}

/// The same, with the options of the client's `Connection`.
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
    field(&REQUEST_ID, outgoing.facts.id.as_bytes());
    if let Some(data) = outgoing.session_data {
        field(&SESSION_DATA, data.as_bytes());
    }
}

/// What may pass of the client's, as far as the hop to the upstream allows it.
fn of_client(
    client: &HeaderMap,
    options: &Options,
    outgoing: &OutgoingHead<'_>,
    mut field: impl FnMut(&HeaderName, &[u8]),
) {
    let OutgoingHead { permit, app, owned, .. } = *outgoing;
    let named = options.named();
    let is_replaced = |name: &HeaderName| {
        HeaderClass::of(name).has(HeaderClass::WRITTEN_ANEW) || app.identity.names().any(|ours| ours == name)
    };
    let passes = |name: &HeaderName| {
        let is_owned = owned.contains(name) && (!app.pass_headers.contains(name) || is_replaced(name));
        let hides_another = !app.underscore_headers && name.as_str().contains('_');
        let is_judged = permit.target().destination.is_some() && *name == DESTINATION;
        !(is_owned
            || hides_another
            || is_judged
            || HeaderClass::of(name).has(HeaderClass::HOP_BY_HOP)
            || named.contains(name))
    };
    let target = permit.target();
    field(&HOST, &app.host_for(outgoing.endpoint, target.authority.as_str()));
    // Of an app that is told another host, and so another address of its own.
    let addresses = (app.host_header != HostHeader::Original).then(|| {
        let public = Origin::asked(&target.authority, client, outgoing.facts.is_from_proxy());
        (addresses::own_origin(app, outgoing.endpoint, target.authority.as_str()), public)
    });
    let mut wants_trailers = false;
    for (name, value) in client {
        if let Some((own, Some(public))) = &addresses
            && (*name == ORIGIN || *name == REFERER)
            && let Some(told) = addresses::to_app(value.as_bytes(), public, own)
        {
            if passes(name) {
                field(name, told.as_bytes());
            }
            continue;
        }
        if *name == TE {
            wants_trailers |= holds(value, b"trailers");
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
    // Alone in its header field: Python's `http.server` compares the whole value.
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

/// Turns the upstream's headers, which are of this class, into those that the client receives.
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

/// Whether a list in one line has this token.
fn holds(line: &HeaderValue, wanted: &[u8]) -> bool {
    let mut tokens = line.as_bytes().split(|byte| *byte == b',');
    tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(wanted))
}

// A static, because a constant is made anew, and dropped, wherever it is used.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
