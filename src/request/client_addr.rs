//! The address of the client, after trusted proxies.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// The networks of trusted proxies, whose `X-Forwarded-For` counts; none by default.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// Address of the client, after trusted proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAddr {
    /// The address is this one.
    Known(IpAddr),
    /// A trusted proxy sent the request, and its `X-Forwarded-For` can't be read. No rule that names a network admits such a
    /// request: the proxy lies in a network of the operator's, and its clients need not.
    Unknown {
        /// The proxy that the connection came from.
        proxy: IpAddr,
    },
}

impl ClientAddr {
    /// The client's address, if it is known.
    pub fn known(self) -> Option<IpAddr> {
        match self {
            Self::Known(addr) => Some(addr),
            Self::Unknown { .. } => None,
        }
    }

    /// The client's address, or that of the proxy that hides it: to count and to list by, never to allow by.
    pub fn or_proxy(self) -> IpAddr {
        match self {
            Self::Known(addr) => addr,
            Self::Unknown { proxy } => proxy,
        }
    }
}

impl fmt::Display for ClientAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(addr) => addr.fmt(f),
            Self::Unknown { proxy } => write!(f, "unknown, behind {proxy}"),
        }
    }
}

impl TrustedProxies {
    /// Trusts proxies in these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// True if no proxy is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if this peer is a trusted proxy.
    pub fn trusts(&self, addr: IpAddr) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let addr = addr.to_canonical();
        self.0.iter().any(|network| network.contains(&addr))
    }

    /// The client's address: the peer's, unless the peer is a trusted proxy; then the
    /// right-most address of `X-Forwarded-For` that is not a trusted proxy itself.
    ///
    /// The entries to the left of it may be forged. An entry that can't be read on the way there makes the client unknown: with `unknown` or `_hidden` for an entry, a proxy says that it does not know or tell the client, and
    /// the last address that could be read is only the proxy's.
    pub fn client_addr(&self, peer_addr: IpAddr, headers: &HeaderMap) -> ClientAddr {
        let mut client = peer_addr.to_canonical();
        if !self.trusts(client) {
            return ClientAddr::Known(client);
        }
        let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
        let hops = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops {
            let Some(addr) = read_hop(hop) else {
                return ClientAddr::Unknown { proxy: peer_addr.to_canonical() };
            };
            client = addr.to_canonical();
            if !self.trusts(client) {
                break;
            }
        }
        ClientAddr::Known(client)
    }
}

/// One entry of `X-Forwarded-For`: an address; with a port as Azure and IIS write it, or in brackets and quotes as
/// RFC 7239 §6 does: `ip`, `ip:port`, `[v6]`, `[v6]:port`, `"[v6]:port"`.
fn read_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim_matches([' ', '\t']);
    let text = match text.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?,
        None => text,
    };
    if let Ok(addr) = text.parse::<IpAddr>() {
        return Some(addr);
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        return inner.parse().ok().map(IpAddr::V6);
    }
    text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip())
}

/// The header field in which proxies name the client.
pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let proxies = TrustedProxies::new(trusted.iter().map(|net| net.parse().unwrap()).collect());
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        proxies.client_addr(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client(&[], "203.0.113.9", &["10.0.0.1"]), "203.0.113.9");
        assert_eq!(client(&[], "203.0.113.9", &["unknown"]), "203.0.113.9");
        assert_eq!(client(&["10.0.0.0/8"], "203.0.113.9", &["10.0.0.1"]), "203.0.113.9");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.2", &[]), "10.0.0.2");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.2", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(&["10.0.0.0/8"], "::ffff:10.0.0.2", &["198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn the_right_most_untrusted_hop_is_the_client() {
        let trusted = &["10.0.0.0/8"];
        assert_eq!(client(trusted, "10.0.0.2", &["1.1.1.1, 198.51.100.7, 10.0.0.3"]), "198.51.100.7");
        assert_eq!(client(trusted, "10.0.0.2", &["1.1.1.1", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(trusted, "10.0.0.2", &["garbage, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(trusted, "10.0.0.2", &["10.1.2.3, 10.0.0.3"]), "10.1.2.3");
    }

    #[test]
    fn an_address_with_a_port_brackets_or_quotes_is_read() {
        for (hop, addr) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("[2001:db8::9]", "2001:db8::9"),
            ("[2001:db8::9]:443", "2001:db8::9"),
            ("\"[2001:db8::9]:443\"", "2001:db8::9"),
            ("\"203.0.113.9\"", "203.0.113.9"),
            ("\t203.0.113.9 ", "203.0.113.9"),
            ("[::ffff:203.0.113.9]:1", "203.0.113.9"),
            ("203.0.113.9:1, 10.0.0.3:2", "203.0.113.9"),
        ] {
            assert_eq!(client(&["10.0.0.0/8"], "10.0.0.2", &[hop]), addr, "{hop}");
        }
    }

    #[test]
    fn an_entry_that_cannot_be_read_makes_the_client_unknown() {
        for hop in [
            "unknown",
            "_hidden",
            "",
            ", ,",
            "198.51.100.7, unknown",
            "1.1.1.1, garbage, 10.0.0.3",
            "203.0.113.9:",
            "203.0.113.9:x",
            "203.0.113.9:99999",
            "[203.0.113.9]",
            "[2001:db8::9",
            "[2001:db8::9]443",
            "\"203.0.113.9",
            "203.0.113.9\"",
            "for=203.0.113.9",
            "203.0.113.09",
            "203.0.113.9 10.0.0.3",
            "fe80::1%eth0",
        ] {
            assert_eq!(client(&["10.0.0.0/8"], "10.0.0.2", &[hop]), "unknown, behind 10.0.0.2", "{hop}");
        }
    }

    proptest! {
        /// Whatever stands in the header: an address that nobody wrote is nobody's.
        #[test]
        fn the_client_is_an_address_that_was_written_or_unknown(
            entries in prop::collection::vec(
                prop_oneof![
                    any::<IpAddr>().prop_map(|addr| addr.to_string()),
                    any::<SocketAddr>().prop_map(|addr| addr.to_string()),
                    any::<SocketAddr>().prop_map(|addr| format!("\"{addr}\"")),
                    "10\\.0\\.0\\.[1-9](:[0-9]{1,6})?",
                    "[0-9a-f:.\\[\\]\"%x_ ]{0,20}",
                ],
                1..5,
            ),
        ) {
            let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
            let proxy = IpAddr::from([10, 0, 0, 2]);
            let line = entries.join(",");
            let mut headers = HeaderMap::new();
            headers.insert(FORWARDED_FOR, line.parse().unwrap());
            let found = proxies.client_addr(proxy, &headers);
            let legible: Vec<Option<IpAddr>> = line.rsplit(',').map(|hop| read_hop(hop.as_bytes())).collect();
            let passed = legible.iter().take_while(|hop| hop.is_some_and(|addr| proxies.trusts(addr))).count();
            let expected = match legible.get(passed) {
                Some(Some(addr)) => ClientAddr::Known(addr.to_canonical()),
                Some(None) => ClientAddr::Unknown { proxy },
                None => ClientAddr::Known(legible.last().unwrap().unwrap().to_canonical()),
            };
            prop_assert_eq!(found, expected, "{}", line);
        }
    }
}
