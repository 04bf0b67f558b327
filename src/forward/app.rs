//! The settings of an app for forwarding, and its upstream servers.
//!
//! `config` makes them, a snapshot holds them.

use std::{borrow::Cow, fmt, path::PathBuf, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, header::AUTHORIZATION};

use super::{IdentityHeaders, KeepsData, UpstreamProof};

/// How requests of one app are forwarded.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each of which has a use of its own")]
pub struct App {
    /// Name of the app in logs.
    pub name: Arc<str>,
    /// Servers of the app; requests go to each in turn. Never empty.
    pub upstreams: Vec<Arc<Endpoint>>,
    /// The proof of the gateway towards the upstreams. Default none.
    pub proof: Option<UpstreamProof>,
    /// The header fields that carry a signed assertion. Default none.
    pub assertion_headers: Vec<HeaderName>,
    /// Headers that name the user.
    pub identity: IdentityHeaders,
    /// Whether the app's own address in `Location` and similar headers becomes the address that the browser knows. Default yes.
    pub rewrite_location: bool,
    /// `Host` of the requests that it receives.
    pub host_header: HostHeader,
    /// Time limit for a connection, TLS included. Default 5 seconds.
    pub connect_timeout: Duration,
    /// Time limit for the response head. Default 75 seconds: a long poll that is held for a minute gets its response.
    pub timeout: Duration,
    /// Maximum silence within a response body. Default 5 minutes: event streams and long polls are silent for a while.
    pub body_silence: Duration,
    /// Largest request body; `None`: that of `[limits]`.
    pub max_body: Option<u64>,
    /// Maximum number of requests in flight. Default [`MAX_REQUESTS`].
    pub max_requests: usize,
    /// Largest request body of unknown length that is collected in memory, so that it can be sent with `Content-Length`; a
    /// larger one is refused. Default `None`: such a body is sent in chunks.
    pub collect_bodies: Option<u64>,
    /// Whether request headers with `_` in their name are forwarded. Default no: CGI and WSGI read `_` as `-`.
    pub underscore_headers: bool,
    /// Whether a connection that carried a request with a body may carry another request. Safe only for an app that reads
    /// each body to its end. Default no.
    pub reuse_after_body: bool,
    /// Headers that are removed from requests by default, and forwarded to this app. Default none.
    pub pass_headers: Vec<HeaderName>,
    /// Whether the app receives the client's certificate in `Client-Cert` and `Client-Cert-Chain` (RFC 9440). Default no.
    pub sends_certificate: bool,
    /// Users for whom the app may store data in the session. Default none.
    pub session_data: KeepsData,
}

impl App {
    /// The names that only the gateway may send to any app: identity headers, the secret of the gateway, an assertion.
    /// `Authorization` is none of them, because other apps receive it from clients.
    pub(super) fn own_names(&self) -> impl Iterator<Item = &HeaderName> {
        let secret = self.proof.as_ref().map(UpstreamProof::name).filter(|name| *name != AUTHORIZATION);
        let assertion = self.assertion_headers.iter().filter(|name| **name != AUTHORIZATION);
        self.identity.names().chain(secret).chain(assertion)
    }

    /// The names of the header fields with the client's certificate, if the app receives it.
    pub fn certificate_names(&self) -> impl Iterator<Item = &HeaderName> {
        [&CLIENT_CERT, &CLIENT_CERT_CHAIN].into_iter().filter(|_| self.sends_certificate)
    }

    /// Whether the gateway writes the header itself in requests to this app, so that the client's is left out.
    pub(super) fn writes(&self, name: &HeaderName) -> bool {
        self.identity.names().any(|ours| ours == name)
            || self.proof.as_ref().is_some_and(|proof| proof.name() == name)
            || self.certificate_names().any(|ours| ours == name)
            || self.assertion_headers.contains(name)
    }

    /// `Host` of a request to this server for the host `asked`.
    pub(super) fn host_for<'a>(&'a self, endpoint: &Endpoint, asked: &'a str) -> Cow<'a, [u8]> {
        match (&self.host_header, &endpoint.transport) {
            (HostHeader::Fixed(host), _) => Cow::Borrowed(host.as_bytes()),
            (HostHeader::Upstream, Transport::Http { host, port } | Transport::Https { host, port, .. }) => {
                Cow::Owned(format!("{host}:{port}").into_bytes())
            }
            // An authority is made of legal bytes; see `request::Authority`.
            _ => Cow::Borrowed(asked.as_bytes()),
        }
    }
}

/// RFC 9440 §2.2: the client's certificate.
pub static CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
/// RFC 9440 §2.3: the certificates between it and its authority.
pub static CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");

/// Default maximum of requests in flight to an app. A tunnel and an event stream are one each.
pub const MAX_REQUESTS: usize = 4096;

/// `Host` of the requests that an upstream receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostHeader {
    /// The host that the client asked for; the default.
    Original,
    /// The host and port of the upstream's own address.
    Upstream,
    /// A fixed host.
    Fixed(HeaderValue),
}

/// One server of an app.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Address as configured, for logs; it holds no secret.
    pub url: Box<str>,
    /// Way to reach it.
    pub transport: Transport,
}

/// Way to reach a server.
#[derive(Clone)]
pub enum Transport {
    /// HTTP over TCP.
    Http {
        /// Name or address.
        host: Box<str>,
        /// Port.
        port: u16,
    },
    /// HTTP over TLS over TCP; the certificate has to be valid for `host`.
    Https {
        /// Name or address.
        host: Box<str>,
        /// Port.
        port: u16,
        /// TLS configuration with the trusted authorities.
        tls: Arc<rustls::ClientConfig>,
    },
    /// HTTP over a UNIX domain socket.
    Unix(PathBuf),
    /// The built-in application.
    Whoami,
}

impl Endpoint {
    /// Whether it shows each request to its sender, who must not see a secret of the gateway's.
    pub(super) fn shows_requests(&self) -> bool {
        matches!(self.transport, Transport::Whoami)
    }

    /// Whether only this machine can reach it.
    pub fn is_local(&self) -> bool {
        match &self.transport {
            Transport::Unix(_) | Transport::Whoami => true,
            Transport::Http { host, .. } | Transport::Https { host, .. } => {
                host.eq_ignore_ascii_case("localhost")
                    || host
                        .trim_matches(['[', ']'])
                        .parse::<std::net::IpAddr>()
                        .is_ok_and(|addr| addr.to_canonical().is_loopback())
            }
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { host, port } => write!(f, "Http({host}:{port})"),
            Self::Https { host, port, .. } => write!(f, "Https({host}:{port})"),
            Self::Unix(path) => write!(f, "Unix({})", path.display()),
            Self::Whoami => f.write_str("Whoami"),
        }
    }
}
