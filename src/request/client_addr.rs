//! Whose address a request came from.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// The networks whose word about the client is believed; none by default.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Believes proxies in these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this peer's word is believed.
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
    /// Everything to the left of it is hearsay. What cannot be read as an address ends the walk
    /// at the last address that could: garbage never moves a client into another network.
    pub fn client_addr(&self, peer_addr: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer_addr.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
        let hops = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops {
            let Some(addr) =
                std::str::from_utf8(hop).ok().and_then(|text| text.trim().parse::<IpAddr>().ok())
            else {
                break;
            };
            client = addr.to_canonical();
            if !self.trusts(client) {
                break;
            }
        }
        client
    }
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[cfg(test)]
mod tests {
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
        assert_eq!(client(trusted, "10.0.0.2", &["1.1.1.1, garbage, 10.0.0.3"]), "10.0.0.3");
        assert_eq!(client(trusted, "10.0.0.2", &["garbage"]), "10.0.0.2");
        assert_eq!(client(trusted, "10.0.0.2", &[", ,"]), "10.0.0.2");
    }
}
