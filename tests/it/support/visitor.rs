//! A browser without a browser: its cookies and headers over real TLS.
//!
//! Every request goes over a connection of its own, and so to any of the workers, unless a [`Connection`] is kept. No
//! redirect is followed and no request is retried: a test sees each response.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use form_urlencoded::Serializer;
use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version,
    header::{ACCEPT, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE},
    request::Builder,
};
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis::clock::Clock;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    time_provider::TimeProvider,
};
use tokio::{net::TcpStream, runtime::Runtime, time::timeout};
use tokio_rustls::TlsConnector;

use super::{certificates::ClientIdentity, gateway::TestGateway};

/// Somebody with a browser.
pub struct Visitor {
    addr: SocketAddr,
    /// As in the address bar: `localhost:8443`.
    host: String,
    protocol: Protocol,
    trust: Arc<ClientConfig>,
    runtime: Runtime,
    /// The cookies that the gateway has set and not removed.
    pub cookies: BTreeMap<String, String>,
}

/// The version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

/// A response, read whole.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub version: Version,
}

/// A connection that is kept.
pub struct Connection(Sender);

enum Sender {
    Http1(http1::SendRequest<String>),
    Http2(http2::SendRequest<String>),
}

impl Visitor {
    /// A visitor of a gateway of this process.
    pub fn of(gateway: &TestGateway) -> Self {
        Self::new(&gateway.origin, gateway.https(), &gateway.certificate(), gateway.clock.clone())
    }

    /// A visitor of whatever serves `origin` at `addr` with this certificate, at this time.
    pub fn new(origin: &str, addr: SocketAddr, certificate: &Path, clock: Clock) -> Self {
        let host = origin.strip_prefix("https://").expect("an https origin").to_owned();
        let protocol = Protocol::Http1;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let trust = trusting(certificate, clock, protocol);
        Self { addr, host, protocol, trust, runtime, cookies: BTreeMap::new() }
    }

    /// The same, with another protocol.
    pub fn speaking(mut self, protocol: Protocol) -> Self {
        let mut trust = (*self.trust).clone();
        trust.alpn_protocols = vec![protocol.alpn().to_vec()];
        self.trust = Arc::new(trust);
        self.protocol = protocol;
        self
    }

    /// The same, with a client certificate, which it shows where it is asked for one.
    pub fn showing(self, identity: &ClientIdentity) -> Self {
        self.with_tls(|trust| trust.client_auth_cert_resolver = identity.resolver())
    }

    /// The same, with other settings of TLS.
    pub fn with_tls(mut self, change: impl FnOnce(&mut ClientConfig)) -> Self {
        let mut trust = (*self.trust).clone();
        change(&mut trust);
        self.trust = Arc::new(trust);
        self
    }

    /// The same, on another host at the same address.
    pub fn on_host(mut self, name: &str) -> Self {
        self.host = format!("{name}:{}", self.addr.port());
        self
    }

    /// The same, naming no host when it begins TLS: it may ask for every host.
    pub fn nameless(mut self) -> Self {
        let mut trust = (*self.trust).clone();
        trust.enable_sni = false;
        self.trust = Arc::new(trust);
        self
    }

    /// Opens a page as a navigation does.
    pub fn get(&mut self, path: &str) -> Response {
        self.send(Request::get(path).header(ACCEPT, NAVIGATION).body(String::new()).expect("a request"))
    }

    /// Asks as a program does.
    pub fn fetch(&mut self, method: &Method, path: &str) -> Response {
        let request = Request::builder().method(method.clone()).uri(path).header(ACCEPT, "*/*");
        self.send(request.body(String::new()).expect("a request"))
    }

    /// The origin, as a browser writes it.
    pub fn origin(&self) -> String {
        format!("https://{}", self.host)
    }

    /// Submits a form as a page of this host does.
    pub fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let origin = self.origin();
        let headers = [("origin", origin.as_str()), ("sec-fetch-site", "same-origin")];
        self.submit_with(path, fields, &headers)
    }

    /// Submits a form with what a browser would say of its origin.
    pub fn submit_with(&mut self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Response {
        self.send(form(path, fields, headers))
    }

    /// Opens the sign-in form for `next` and submits it.
    pub fn sign_in_to(&mut self, next: &str, name: &str, password: &str) -> Response {
        let query = Serializer::new(String::new()).append_pair("next", next).finish();
        let page = self.get(&format!("/.gateway/login?{query}"));
        assert_eq!(page.status, 200, "{page:?}");
        let (csrf, next) = (page.field("csrf"), page.field("next"));
        let fields = [("csrf", &*csrf), ("next", &next), ("username", name), ("password", password)];
        self.submit("/.gateway/login", &fields)
    }

    /// Signs in, which has to work.
    pub fn sign_in(&mut self, name: &str, password: &str) {
        let response = self.sign_in_to("/", name, password);
        assert_eq!((response.status.as_u16(), response.location()), (303, "/"), "{}", response.text());
    }

    /// Signs out through the form.
    pub fn sign_out(&mut self) -> Response {
        let csrf = self.get("/.gateway/logout").field("csrf");
        self.submit("/.gateway/logout", &[("csrf", &csrf)])
    }

    /// Sends any request over a connection of its own.
    pub fn send(&mut self, request: Request<String>) -> Response {
        let mut connection = self.connect();
        self.send_over(&mut connection, request)
    }

    /// Opens a connection.
    pub fn connect(&self) -> Connection {
        self.try_connect().expect("a connection")
    }

    /// Opens a connection; an error if that fails.
    pub fn try_connect(&self) -> Result<Connection, Box<dyn std::error::Error>> {
        let name = self.host.rsplit_once(':').map_or(&*self.host, |(name, _)| name);
        let name = ServerName::try_from(name.to_owned())?;
        let connecting = async {
            let socket = TcpStream::connect(self.addr).await?;
            let tls = TlsConnector::from(Arc::clone(&self.trust)).connect(name, socket).await?;
            let io = TokioIo::new(tls);
            Ok(Connection(match self.protocol {
                Protocol::Http1 => {
                    let (sender, connection) = http1::handshake(io).await?;
                    tokio::spawn(connection);
                    Sender::Http1(sender)
                }
                Protocol::Http2 => {
                    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
                    tokio::spawn(connection);
                    Sender::Http2(sender)
                }
            }))
        };
        self.runtime.block_on(async { timeout(PATIENCE, connecting).await })?
    }

    /// A connection on which the test reads and writes the bytes of HTTP/1.1 itself.
    pub fn raw(&self) -> StreamOwned<ClientConnection, std::net::TcpStream> {
        let name = self.host.rsplit_once(':').map_or(&*self.host, |(name, _)| name);
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let connection = ClientConnection::new(Arc::clone(&self.trust), name).expect("TLS");
        let socket = std::net::TcpStream::connect(self.addr).expect("a connection");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        StreamOwned::new(connection, socket)
    }

    /// Its host and port, as in the address bar.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Sends a request over a connection that is kept.
    pub fn send_over(&mut self, connection: &mut Connection, request: Request<String>) -> Response {
        let response =
            self.runtime.block_on(async { timeout(PATIENCE, self.exchange(connection, request)).await });
        let response = response.expect("a response in time").expect("a response");
        self.keep_cookies(&response);
        response
    }

    /// Sends a request over a connection that may be closed before there is a response.
    pub fn try_send_over(
        &mut self,
        connection: &mut Connection,
        request: Request<String>,
    ) -> Option<Response> {
        let response =
            self.runtime.block_on(async { timeout(PATIENCE, self.exchange(connection, request)).await });
        let response = response.expect("an end in time").ok()?;
        self.keep_cookies(&response);
        Some(response)
    }

    /// Sends these at the same time, each over a connection of its own.
    pub fn send_all(&mut self, requests: Vec<Request<String>>) -> Vec<Response> {
        let all = join_all(self.exchanges(requests));
        self.runtime.block_on(async { timeout(PATIENCE, all).await }).expect("responses in time")
    }

    /// The same, until the responses so far are enough; the other requests are given up then.
    pub fn send_all_until(
        &mut self,
        requests: Vec<Request<String>>,
        are_enough: impl Fn(&[Response]) -> bool,
    ) -> Vec<Response> {
        let mut exchanges: FuturesUnordered<_> = self.exchanges(requests).collect();
        let enough = async {
            let mut responses = Vec::new();
            while !are_enough(&responses)
                && let Some(response) = exchanges.next().await
            {
                responses.push(response);
            }
            responses
        };
        self.runtime.block_on(async { timeout(PATIENCE, enough).await }).expect("responses in time")
    }

    fn exchanges(
        &self,
        requests: Vec<Request<String>>,
    ) -> impl Iterator<Item = impl Future<Output = Response>> {
        let connections: Vec<Connection> = requests.iter().map(|_| self.connect()).collect();
        connections.into_iter().zip(requests).map(
            async |(mut connection, request): (Connection, Request<String>)| {
                self.exchange(&mut connection, request).await.expect("a response")
            },
        )
    }

    async fn exchange(
        &self,
        connection: &mut Connection,
        request: Request<String>,
    ) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
        let request = self.dressed(request);
        let response = match &mut connection.0 {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        let (head, body) = response.into_parts();
        #[expect(clippy::disallowed_methods, reason = "limited")]
        let body = Limited::new(body, MAX_RESPONSE).collect().await?.to_bytes();
        Ok(Response { status: head.status, headers: head.headers, body: body.into(), version: head.version })
    }

    /// Adds host and cookies, unless the test has named its own.
    fn dressed(&self, mut request: Request<String>) -> Request<String> {
        if self.protocol == Protocol::Http2 {
            let whole = format!("https://{}{}", self.host, request.uri());
            *request.uri_mut() = whole.parse::<Uri>().expect("a URI");
        } else if !request.headers().contains_key(HOST) {
            request.headers_mut().insert(HOST, self.host.parse().expect("a host"));
        }
        if !self.cookies.is_empty() && !request.headers().contains_key(COOKIE) {
            request.headers_mut().insert(COOKIE, self.cookie_line().parse().expect("a cookie line"));
        }
        request
    }

    /// The value of the `Cookie` header.
    pub fn cookie_line(&self) -> String {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    pub fn keep_cookies(&mut self, response: &Response) {
        for cookie in response.set_cookies() {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').expect("a cookie's name and value");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Protocol {
    fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}

impl Response {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's only value; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        let name = HeaderName::try_from(name).expect("a header name");
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map_or("", |value| value.to_str().expect("a readable header"));
        assert!(values.next().is_none(), "two values: {:?}", self.headers);
        value
    }

    pub fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |value| value.to_str().expect("a location"))
    }

    pub fn set_cookies(&self) -> Vec<&str> {
        let values = self.headers.get_all(SET_COOKIE).iter();
        values.map(|value| value.to_str().expect("a readable cookie")).collect()
    }

    /// The value of a hidden field of the form on the page.
    pub fn field(&self, name: &str) -> String {
        let text = self.text();
        let marker = format!("name=\"{name}\" value=\"");
        let value = text.split_once(&marker).and_then(|(_, rest)| rest.split_once('"'));
        let (value, _) = value.unwrap_or_else(|| panic!("no field {name} on the page:\n{text}"));
        let unescaped = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x2f;", "/")]
            .iter()
            .fold(value.to_owned(), |text, (escape, plain)| text.replace(escape, plain));
        unescaped.replace("&amp;", "&")
    }
}

/// A form's POST as a browser sends it.
pub fn form(path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Request<String> {
    let body = Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(path)
        .header(ACCEPT, NAVIGATION)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let with = |request: Builder, (name, value): &(&str, &str)| {
        request.header(*name, HeaderValue::from_str(value).expect("a header value"))
    };
    let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let says_site = headers.iter().any(|(name, _)| name.starts_with("sec-fetch"));
    let request = headers.iter().fold(request, with);
    let request = if says_site { navigation.iter().fold(request, with) } else { request };
    request.body(body).expect("a request")
}

fn trusting(certificate: &Path, clock: Clock, protocol: Protocol) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let pem = fs::read(certificate).expect("the certificate");
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate.expect("a certificate")).expect("a usable certificate");
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(At(clock)))
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.alpn().to_vec()];
    Arc::new(config)
}

/// The certificate is looked at when the gateway made it: at the time of its clock.
#[derive(Debug)]
struct At(Clock);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        let millis = u64::try_from(self.0.now().as_millis()).ok()?;
        let time: SystemTime = UNIX_EPOCH + Duration::from_millis(millis);
        time.duration_since(UNIX_EPOCH).ok().map(UnixTime::since_unix_epoch)
    }
}

const NAVIGATION: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
const PATIENCE: Duration = Duration::from_secs(30);
const MAX_RESPONSE: usize = 16 << 20;
