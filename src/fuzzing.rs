//! Private functions for the targets of `fuzz/`.
//!
//! cargo-fuzz compiles this module with `cfg(fuzzing)`; a release and the public
//! interface are without it. Each function calls the function that a request
//! meets, and shows its result. Public functions are not repeated here.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    access::{Decision, Permit, decide},
    auth::ldap,
    clock::Timestamp,
    config::Configuration,
    forward::{
        App, Endpoint, Facts, OwnedNames,
        headers::{self, OutgoingHead},
    },
    identity::{Identity, Proofs},
    portal::form::Form,
    request::{Ports, RequestId, RequestIds, Target, TrustedProxies},
    server::http1_guard::Http1Guard,
};

/// The first invalid byte of the HTTP/1.1 requests of one connection, counted over all pieces.
pub fn misplaced_byte<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Option<usize> {
    let mut guard = Http1Guard::new();
    let mut before = 0;
    for piece in pieces {
        if let Some(at) = guard.follow(piece) {
            return Some(before + at);
        }
        before += piece.len();
    }
    None
}

/// The messages of a directory in these bytes, which come in pieces of this size, and the problem of the first that is
/// refused.
pub fn ldap_messages(bytes: &[u8], piece: usize) -> (Vec<String>, Option<&'static str>) {
    ldap::messages_in(bytes, piece)
}

/// The fields of a submitted form; `None` if it is refused.
pub fn form_fields(encoded: &[u8]) -> Option<Vec<(String, String)>> {
    let form = Form::parse(encoded).ok()?;
    Some(form.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// The headers that the upstream receives for these headers of a client; `None` if the request is not forwarded.
///
/// # Panics
///
/// If a header value that the gateway writes is not legal.
pub fn headers_to_upstream(
    configuration: &Configuration,
    identity: Identity,
    target: Target,
    peer_addr: IpAddr,
    client: &HeaderMap,
    upgrade: Option<&HeaderValue>,
) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    Rewriting::of(configuration, identity, target, peer_addr)?.rewrite(client, upgrade, |name, value| {
        let value = HeaderValue::from_bytes(value).expect("what is written is a legal value");
        headers.append(name, value);
    });
    Some(headers)
}

/// A request that may go on, and all that its headers are rewritten with.
pub struct Rewriting<'c> {
    permit: Permit,
    app: &'c App,
    endpoint: &'c Endpoint,
    owned: OwnedNames,
    id: RequestId,
    peer_addr: IpAddr,
    peer: String,
    proxies: &'c TrustedProxies,
}

impl<'c> Rewriting<'c> {
    /// `None` if the rules don't let it go on.
    pub fn of(
        configuration: &'c Configuration,
        identity: Identity,
        target: Target,
        peer_addr: IpAddr,
    ) -> Option<Self> {
        let app = configuration.policy.route(&target).ok()?;
        let Decision::Allow(permit) = decide(
            &configuration.policy,
            app,
            identity,
            &Proofs::default(),
            Timestamp::from_millis(0),
            target,
        ) else {
            return None;
        };
        let app = &configuration.apps.get(permit.app().0)?.forward;
        let endpoint = app.upstreams.first()?;
        let owned = OwnedNames::of(configuration.apps.iter().map(|app| &app.forward));
        let id = RequestIds::new().next();
        let proxies = &configuration.server.trusted_proxies;
        Some(Self { permit, app, endpoint, owned, id, peer_addr, peer: peer_addr.to_string(), proxies })
    }

    /// Gives each header that the upstream receives to `field`.
    pub fn rewrite(
        &self,
        client: &HeaderMap,
        upgrade: Option<&HeaderValue>,
        field: impl FnMut(&HeaderName, &[u8]),
    ) {
        let Self { permit, app, endpoint, owned, id, peer_addr, peer, proxies } = self;
        let ports = Ports { listener: 443, public: None };
        let facts = Facts { id: *id, peer_addr: *peer_addr, peer, proxies, ports };
        let outgoing = OutgoingHead {
            permit,
            app,
            endpoint,
            owned,
            facts: &facts,
            upgrade,
            closes: false,
            assertion: None,
            session_data: None,
        };
        headers::to_upstream(client, &outgoing, field);
    }
}
