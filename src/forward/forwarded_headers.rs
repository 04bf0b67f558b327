//! Forwarded headers, which tell an application where a request came from: `X-Forwarded-For`, `-Proto`, `-Host`, `-Port`.
//!
//! `headers` writes them into each request. Values that a client sends are never forwarded; values that a trusted proxy in
//! front sends are.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::request::{Authority, Ports, RequestId, TrustedProxies};

/// Facts about a request that are not in its head.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The request's id.
    pub id: RequestId,
    /// Address of the peer of the socket.
    pub peer_addr: IpAddr,
    /// The same address as text.
    pub peer: &'a str,
    /// Proxies whose `X-Forwarded-*` headers are forwarded.
    pub proxies: &'a TrustedProxies,
    /// Ports at which clients reach the gateway.
    pub ports: Ports,
}

impl Facts<'_> {
    /// Whether a trusted proxy has sent the request.
    pub(super) fn is_from_proxy(&self) -> bool {
        self.proxies.trusts(self.peer_addr)
    }

    /// Gives each forwarded header to `field`.
    pub(super) fn write(
        &self,
        client: &HeaderMap,
        asked: &Authority,
        mut field: impl FnMut(&HeaderName, &[u8]),
    ) {
        let from_proxy = |name: &HeaderName| client.get(name).map(HeaderValue::as_bytes);
        let (mut proto, mut host, mut port) = (None, None, None);
        if self.is_from_proxy() {
            let mut chain: Vec<&[u8]> =
                client.get_all(&FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
            chain.push(self.peer.as_bytes());
            field(&FORWARDED_FOR, &chain.join(&b", "[..]));
            (proto, host, port) =
                (from_proxy(&FORWARDED_PROTO), from_proxy(&FORWARDED_HOST), from_proxy(&FORWARDED_PORT));
        } else {
            field(&FORWARDED_FOR, self.peer.as_bytes());
        }
        // The host that a trusted proxy asks for is trusted like its headers.
        let asked = if self.is_from_proxy() { asked.clone() } else { self.ports.checked(asked) };
        field(&FORWARDED_PROTO, proto.unwrap_or(b"https"));
        field(&FORWARDED_HOST, host.unwrap_or(asked.as_str().as_bytes()));
        field(&FORWARDED_PORT, port.unwrap_or_else(|| asked.port_text().unwrap_or("443").as_bytes()));
    }
}

// Statics, because a constant is made and dropped at each use.
static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
