//! The target of a request, read once and strictly.
//!
//! A [`Target`] holds the facts on which routing and rules decide: the method, the authority, the path and the address of
//! the client. They come from the request line and the connection; of the header fields, only `Host`, and
//! `X-Forwarded-For` from a trusted proxy, can influence a decision. A request of `WebDAV` has a second path, in
//! `Destination`. A request that two parsers could read differently is [`Malformed`] and goes no further.

mod authority;
mod body;
mod certified;
mod client_addr;
mod described;
mod destination;
mod folding;
mod id;
mod origin;
mod path;
mod ports;
mod preflight;
mod proxy_secret;
mod readings;
mod scripts;
mod short_names;
mod single_header;
mod subscriber;
mod unread;

use std::net::IpAddr;

use http::{HeaderMap, Method, Uri, header::HOST, uri::PathAndQuery};

pub use authority::{Authority, LastAuthority};
pub use body::RequestBody;
pub use certified::CertifiedNames;
pub use client_addr::{ClientAddr, FORWARDED_FOR, TrustedProxies};
pub use described::split_url;
pub use destination::{DESTINATION, Destination};
pub use folding::{Folding, fold};
pub use id::{RequestId, RequestIds};
pub use origin::Origin;
pub use path::{NormalPath, Segments};
pub use ports::Ports;
pub use preflight::Preflight;
pub use proxy_secret::{PROXY_SECRET, ProxySecret};
pub use scripts::scripts_of;
pub use short_names::{is_short_name, may_stand_for};
pub use single_header::{SingleHeader, Unreadable};
pub use subscriber::subscriber;
pub use unread::UnreadHead;

/// The facts of a request on which routing and rules decide.
#[derive(Clone, Debug)]
pub struct Target {
    /// As received; case matters (RFC 9110 §9.1).
    pub method: Method,
    /// The host that the request names.
    pub authority: Authority,
    /// Settled: what is matched is what is forwarded.
    pub path: NormalPath,
    /// Address of the client, after trusted proxies.
    pub client_addr: ClientAddr,
    /// Where it copies or moves to: judged and forwarded like the path.
    pub destination: Option<Box<Destination>>,
}

/// A request that could be read in more than one way, or in none; the text is safe to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

impl Target {
    /// Reads the target from a request's head.
    pub fn read(
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        peer_addr: IpAddr,
        proxies: &TrustedProxies,
    ) -> Result<Self, Malformed> {
        Self::read_after(&LastAuthority::default(), method, uri, headers, peer_addr, proxies)
    }

    /// The same, on a connection whose last request named `last`.
    pub fn read_after(
        last: &LastAuthority,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        peer_addr: IpAddr,
        proxies: &TrustedProxies,
    ) -> Result<Self, Malformed> {
        let client_addr = proxies.client_addr(peer_addr, headers);
        Self::read_with(last, (method, uri, headers), client_addr, proxies.trusts(peer_addr))
    }

    fn read_with(
        last: &LastAuthority,
        (method, uri, headers): (&Method, &Uri, &HeaderMap),
        client_addr: ClientAddr,
        by_trusted_proxy: bool,
    ) -> Result<Self, Malformed> {
        if method == Method::CONNECT {
            return Err(Malformed("CONNECT is not served here"));
        }
        // An upstream that does not care for case would take `post` for a POST, which a rule may forbid.
        if method.as_str().bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(Malformed("the method is not written in capital letters"));
        }
        // TRACE has the last server repeat the request, our headers included (ASVS 13.4.4).
        if method == Method::TRACE || method.as_str() == "TRACK" {
            return Err(Malformed("TRACE is not served here"));
        }
        let path = uri.path_and_query().ok_or(Malformed("the request has no path"))?;
        let authority = read_authority(last, uri, headers)?;
        Ok(Self {
            method: method.clone(),
            path: NormalPath::parse(path.clone())?,
            client_addr,
            destination: Destination::read(method, headers, &authority, by_trusted_proxy)?,
            authority,
        })
    }

    /// The other operations of the request, which have to be allowed, too. A COPY reads, a MOVE deletes what it takes;
    /// both write to the destination, and delete what is there unless they are told not to (RFC 4918 §9.8.4, §9.9.3).
    pub fn implied(&self) -> impl Iterator<Item = (Method, &NormalPath)> {
        self.destination.iter().flat_map(|destination| {
            let taken = if self.method.as_str() == "COPY" { Method::GET } else { Method::DELETE };
            let deleted = destination.replaces().then(|| (Method::DELETE, destination.path()));
            [(taken, &self.path), (Method::PUT, destination.path())].into_iter().chain(deleted)
        })
    }

    /// The path and query, byte for byte as they were judged.
    pub fn path_and_query(&self) -> &PathAndQuery {
        self.path.path_and_query()
    }
}

/// RFC 9112 §3.2 and RFC 9113 §8.3.1: exactly one host, however it is said.
fn read_authority(last: &LastAuthority, uri: &Uri, headers: &HeaderMap) -> Result<Authority, Malformed> {
    let line = match SingleHeader::of(headers, HOST) {
        SingleHeader::Absent => None,
        SingleHeader::Once(value) => Some(last.parse(value.as_bytes())?),
        SingleHeader::Repeated => return Err(Malformed("the request names its host more than once")),
    };
    let named = uri.authority().map(|authority| last.parse(authority.as_str().as_bytes())).transpose()?;
    if line.iter().chain(&named).any(|authority| authority.port() == Some(0)) {
        return Err(Malformed("the request names a port that there is not"));
    }
    match (line, named) {
        (Some(line), Some(named)) if line != named => Err(Malformed("the request names two different hosts")),
        (Some(authority), _) | (None, Some(authority)) => Ok(authority),
        (None, None) => Err(Malformed("the request names no host")),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn read(method: &Method, uri: &str, hosts: &[&str]) -> Result<Target, Malformed> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, host.parse().unwrap());
        }
        let proxies = TrustedProxies::default();
        Target::read(method, &uri.parse().unwrap(), &headers, Ipv4Addr::LOCALHOST.into(), &proxies)
    }

    #[test]
    fn one_host_is_wanted_and_one_only() {
        assert_eq!(
            read(&Method::GET, "/", &["Wiki.Example.com."]).unwrap().authority.host(),
            "wiki.example.com"
        );
        assert_eq!(read(&Method::GET, "https://a/", &[]).unwrap().authority.host(), "a");
        assert_eq!(read(&Method::GET, "https://a/", &["A"]).unwrap().authority.host(), "a");
        assert!(read(&Method::GET, "/", &[]).is_err());
        assert!(read(&Method::GET, "/", &["a", "a"]).is_err());
        assert!(read(&Method::GET, "https://a/", &["b"]).is_err());
        assert!(read(&Method::CONNECT, "a:443", &["a:443"]).is_err());
        assert!(read(&Method::TRACE, "/", &["a"]).is_err());
        assert!(read(&Method::GET, "/", &["a:0"]).is_err());
    }

    #[test]
    fn a_method_has_one_spelling() {
        for method in ["get", "Post", "patch", "pROPFIND"] {
            assert!(read(&Method::from_bytes(method.as_bytes()).unwrap(), "/", &["a"]).is_err(), "{method}");
        }
        assert!(read(&Method::from_bytes(b"M-SEARCH").unwrap(), "/", &["a"]).is_ok());
    }

    #[test]
    fn the_query_is_no_part_of_the_path() {
        let target = read(&Method::GET, "/secret?x=/public", &["a"]).unwrap();
        assert_eq!(target.path.as_str(), "/secret");
        assert_eq!(target.path_and_query().as_str(), "/secret?x=/public");
    }
}
