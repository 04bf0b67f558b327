//! Which headers tell an application where a request came from: `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`.
//!
//! What a client says of itself in them is never passed on; what a trusted proxy in front says is.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::request::{Authority, Ports, RequestId, TrustedProxies};

/// What the gateway knows of a request beside its head.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The request's id.
    pub id: RequestId,
    /// The other end of the socket.
    pub peer_addr: IpAddr,
    /// The same as text.
    pub peer: &'a str,
    /// Whose `X-Forwarded-*` is passed on.
    pub proxies: &'a TrustedProxies,
    /// The ports at which the gateway is reached.
    pub ports: Ports,
}

impl Facts<'_> {
    /// Whether a proxy has sent the request whose word on the client is passed on.
    pub(super) fn is_from_proxy(&self) -> bool {
        self.proxies.trusts(self.peer_addr)
    }

    /// Gives the headers that say where the request came from to `field`: what a trusted proxy in front says of it, and
    /// what is known here.
    pub(super) fn write(
        &self,
        client: &HeaderMap,
        asked: &Authority,
        mut field: impl FnMut(&HeaderName, &[u8]),
    ) {
        let told = |name: &HeaderName| client.get(name).map(HeaderValue::as_bytes);
        let (mut proto, mut host, mut port) = (None, None, None);
        if self.is_from_proxy() {
            let mut chain: Vec<&[u8]> =
                client.get_all(&FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
            chain.push(self.peer.as_bytes());
            field(&FORWARDED_FOR, &chain.join(&b", "[..]));
            (proto, host, port) = (told(&FORWARDED_PROTO), told(&FORWARDED_HOST), told(&FORWARDED_PORT));
        } else {
            field(&FORWARDED_FOR, self.peer.as_bytes());
        }
        // What a proxy of the operator's asks for is believed like what it says.
        let asked = if self.is_from_proxy() { asked.clone() } else { self.ports.checked(asked) };
        field(&FORWARDED_PROTO, proto.unwrap_or(b"https"));
        field(&FORWARDED_HOST, host.unwrap_or(asked.as_str().as_bytes()));
        field(&FORWARDED_PORT, port.unwrap_or_else(|| asked.port_text().unwrap_or("443").as_bytes()));
    }
}

// Statics, because a constant is made anew, and dropped, wherever a header is held against it.
static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
