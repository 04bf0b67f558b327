//! Doors for `fuzz/`: what is private and reads bytes of strangers, made callable from outside.
//!
//! Nothing of the gateway uses this module and no request passes through it. A door does nothing
//! of its own: it calls the very function that a request meets and shows what came out. What a fuzz
//! target can reach by the public interface has no door here.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};

use crate::{
    access::{Decision, decide},
    config::Configuration,
    forward::{self, Facts, OwnedNames},
    identity::Identity,
    portal::form::Form,
    request::{RequestIds, Target},
    server::framing::Framing,
};

/// Follows the HTTP/1.1 requests of one connection, as they come in pieces; the first byte that may not
/// stand where it does, counted over all pieces.
pub fn misplaced_byte<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Option<usize> {
    let mut framing = Framing::new();
    let mut before = 0;
    for piece in pieces {
        if let Some(at) = framing.follow(piece) {
            return Some(before + at);
        }
        before += piece.len();
    }
    None
}

/// The fields of a submitted form, or `None` if it is refused.
pub fn form_fields(encoded: &[u8]) -> Option<Vec<(String, String)>> {
    let form = Form::parse(encoded).ok()?;
    Some(form.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// What the upstream of the app would receive for these headers of a client, or `None` if the request is
/// not forwarded.
pub fn headers_to_upstream(
    configuration: &Configuration,
    identity: Identity,
    target: Target,
    peer_addr: IpAddr,
    headers: &HeaderMap,
    upgrade: Option<&HeaderValue>,
) -> Option<HeaderMap> {
    let app = configuration.policy.route(&target).ok()?;
    let Decision::Allow(permit) = decide(&configuration.policy, app, identity, None, target) else {
        return None;
    };
    let app = configuration.apps.get(permit.app().0)?;
    let owned = OwnedNames::of(&configuration.apps);
    let id = RequestIds::new().next();
    let peer = peer_addr.to_string();
    let facts = Facts { id, peer_addr, peer: &peer, proxies: &configuration.server.trusted_proxies };
    Some(forward::rewritten(headers, &permit, app, &owned, &facts, upgrade))
}
