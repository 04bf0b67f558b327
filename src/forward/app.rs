//! What forwarding needs to know of an app.

use std::{borrow::Cow, fmt, path::PathBuf, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue};

use super::{IdentityHeaders, KeepsData};

/// How requests of one app are forwarded.
#[derive(Clone, Debug)]
pub struct App {
    /// Its name, for logs.
    pub name: Arc<str>,
    /// Where it is served; several take turns. Never empty.
    pub upstreams: Vec<Arc<Endpoint>>,
    /// Which headers tell it who asks.
    pub identity: IdentityHeaders,
    /// Whether addresses of its own that it sends a browser to become those that the browser knows. Default yes.
    pub rewrite_location: bool,
    /// The `Host` it is told.
    pub host_header: HostHeader,
    /// To connect, TLS included. Default 5 seconds.
    pub connect_timeout: Duration,
    /// For the response head. Default 75 seconds: a long poll that is held for a minute is answered.
    pub timeout: Duration,
    /// How long it may be silent within a response's body. Default 5 minutes: event streams and long polls
    /// say nothing for a while.
    pub body_silence: Duration,
    /// The largest body that it is sent; `None`: that of `[limits]`.
    pub max_body: Option<u64>,
    /// Requests in flight to it. Default [`MAX_REQUESTS`].
    pub max_requests: usize,
    /// How much of a request's body of unknown length is collected, so that the length can be told; a larger one is
    /// refused. Default `None`: such bodies go on in chunks.
    pub collect_bodies: Option<u64>,
    /// Whether the client's headers with `_` in their name pass. Default no: CGI and WSGI read `_` as `-`.
    pub underscore_headers: bool,
    /// Whether a connection that carried a request with a body may carry another one: whether the app is known to read
    /// each body to its end. Default no.
    pub reuse_after_body: bool,
    /// Names that only the gateway may send, and that the client may send to this app all the same.
    /// Default none.
    pub pass_headers: Vec<HeaderName>,
    /// For whom it keeps something in the session. Default nobody.
    pub session_data: KeepsData,
}

impl App {
    /// The `Host` that this server is told in a request for the host `asked`.
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

/// The requests in flight that an app has by default. A tunnel and an event stream are one each.
pub const MAX_REQUESTS: usize = 4096;

/// The `Host` that an upstream is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostHeader {
    /// What the client asked for; the default.
    Original,
    /// The host and port of the upstream's own address.
    Upstream,
    /// A fixed one.
    Fixed(HeaderValue),
}

/// One server of an app.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// As configured, for logs; it holds no secret.
    pub url: Box<str>,
    /// How to reach it.
    pub transport: Transport,
}

/// How a server is reached.
#[derive(Clone)]
pub enum Transport {
    /// HTTP over TCP.
    Http {
        /// Name or address.
        host: Box<str>,
        /// Port.
        port: u16,
    },
    /// HTTP over TLS over TCP; the certificate is verified for `host`.
    Https {
        /// Name or address.
        host: Box<str>,
        /// Port.
        port: u16,
        /// Which authorities are believed.
        tls: Arc<rustls::ClientConfig>,
    },
    /// HTTP over a UNIX domain socket.
    Unix(PathBuf),
    /// The application that is built in.
    Whoami,
}

impl Endpoint {
    /// Whether it can only be reached from this machine.
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
