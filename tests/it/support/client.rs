//! Clients: one that sends bytes over TLS as they are, hyper's for HTTP/1.1 and HTTP/2, and curl.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Command, Output},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited, combinators::BoxBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio_rustls::TlsConnector;

use super::{
    cookies::SESSION,
    gateway::{TestGateway, password},
    upstream::{PATIENCE, values},
};

/// A connection on which a test writes and reads bytes.
pub struct RawClient {
    stream: StreamOwned<ClientConnection, TcpStream>,
    unread: Vec<u8>,
}

/// A response as it arrived.
#[derive(Debug)]
pub struct RawResponse {
    /// The status code.
    pub status: u16,
    /// Status line and header lines, without the empty line.
    pub head: String,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// The lines after the last chunk.
    pub trailers: Vec<String>,
}

impl RawResponse {
    /// The values of a header, in order.
    pub fn values(&self, name: &str) -> Vec<&str> {
        values(&self.head, name)
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }
}

impl RawClient {
    /// A connection to the gateway's first HTTPS listener, as `localhost`, without ALPN.
    pub fn connect(gateway: &TestGateway) -> Self {
        Self::connect_as(gateway, "localhost", &[])
    }

    /// A connection with this server name and these protocols.
    pub fn connect_as(gateway: &TestGateway, name: &str, protocols: &[&[u8]]) -> Self {
        Self::connect_trusting(gateway, name, protocols, &[gateway.certificate()])
    }

    /// A connection that believes these certificates.
    pub fn connect_trusting(
        gateway: &TestGateway,
        name: &str,
        protocols: &[&[u8]],
        trusted: &[PathBuf],
    ) -> Self {
        Self::connect_to(gateway.https(), name, protocols, trusted)
    }

    /// A connection of a client that names no host when it begins TLS, and so may ask for every host.
    pub fn connect_nameless(gateway: &TestGateway) -> Self {
        let mut config = client_config(&[gateway.certificate()]);
        config.enable_sni = false;
        Self::connect_with(gateway.https(), "localhost", config)
    }

    /// A connection to this address.
    pub fn connect_to(addr: SocketAddr, name: &str, protocols: &[&[u8]], trusted: &[PathBuf]) -> Self {
        let mut config = client_config(trusted);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Self::connect_with(addr, name, config)
    }

    fn connect_with(addr: SocketAddr, name: &str, config: ClientConfig) -> Self {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
        let socket = TcpStream::connect(addr).expect("the gateway");
        socket.set_nodelay(true).expect("a socket option");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        Self { stream: StreamOwned::new(connection, socket), unread: Vec::new() }
    }

    /// Finishes the handshake without sending anything; an error if the gateway closes instead.
    #[track_caller]
    pub fn handshake(&mut self) -> io::Result<()> {
        while self.stream.conn.is_handshaking() {
            let done = self.stream.conn.complete_io(&mut self.stream.sock);
            if let Err(error) = done {
                assert!(!is_timeout(&error), "the gateway neither shakes hands nor closes");
                return Err(error);
            }
        }
        Ok(())
    }

    /// The certificate that the gateway chose.
    pub fn certificate(&mut self) -> CertificateDer<'static> {
        self.handshake().expect("a handshake");
        self.stream.conn.peer_certificates().expect("a certificate")[0].clone()
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("sending to the gateway");
    }

    /// Sends bytes as they are; the gateway may have closed already.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// Sends one request without a body and reads its response.
    pub fn get(&mut self, path: &str, headers: &str) -> RawResponse {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"));
        self.response()
    }

    /// The next whole response.
    #[track_caller]
    pub fn response(&mut self) -> RawResponse {
        self.response_to("GET").expect("a response of the gateway")
    }

    /// The next whole response to a request with this method; an error if it breaks off. Fails if nothing comes for
    /// as long as [`PATIENCE`].
    #[track_caller]
    pub fn response_to(&mut self, method: &str) -> io::Result<RawResponse> {
        let head = self.head()?;
        let status: u16 =
            head.get(9..12).and_then(|code| code.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let mut response = RawResponse { status, head, body: Vec::new(), trailers: Vec::new() };
        if method == "HEAD" || status == 204 || status == 304 || status < 200 {
            return Ok(response);
        }
        if response.values("transfer-encoding") == ["chunked"] {
            self.chunks(&mut response)?;
        } else if let [length] = response.values("content-length")[..] {
            let length = length.parse().map_err(io::Error::other)?;
            response.body = self.bytes(length)?;
        } else {
            response.body = self.until_close();
        }
        Ok(response)
    }

    /// The next head, without its empty line.
    #[track_caller]
    pub fn head(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.unread.drain(..end + 4).take(end).collect();
                return String::from_utf8(head).map_err(io::Error::other);
            }
            self.more()?;
        }
    }

    /// Reads `count` bytes.
    #[track_caller]
    pub fn bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < count {
            self.more()?;
        }
        Ok(self.unread.drain(..count).collect())
    }

    /// One line, with its end.
    #[track_caller]
    pub fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            line.extend(self.bytes(1)?);
        }
        String::from_utf8(line).map_err(io::Error::other)
    }

    /// The bytes until the gateway closes; fails after [`PATIENCE`].
    #[track_caller]
    pub fn until_close(&mut self) -> Vec<u8> {
        while self.more().is_ok() {}
        std::mem::take(&mut self.unread)
    }

    /// Reads on until the gateway closes; whether it does so in peace.
    #[track_caller]
    pub fn is_closed_without_a_reset(&mut self) -> bool {
        loop {
            if let Err(error) = self.more() {
                return error.kind() == io::ErrorKind::UnexpectedEof;
            }
        }
    }

    /// Whether nothing comes within this time.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        self.stream.sock.set_read_timeout(Some(time)).expect("a socket option");
        let read = self.read();
        self.stream.sock.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        read.is_err_and(|error| is_timeout(&error))
    }

    #[track_caller]
    fn chunks(&mut self, response: &mut RawResponse) -> io::Result<()> {
        loop {
            let line = self.line()?;
            let size = usize::from_str_radix(line.trim_end(), 16).map_err(io::Error::other)?;
            if size == 0 {
                break;
            }
            let data = self.bytes(size + 2)?;
            response.body.extend(&data[..size]);
        }
        loop {
            let line = self.line()?;
            if line == "\r\n" {
                return Ok(());
            }
            response.trailers.push(line.trim_end().to_owned());
        }
    }

    /// Reads what comes next. Silence is a failure of the test, and no end of the connection.
    #[track_caller]
    fn more(&mut self) -> io::Result<()> {
        let read = self.read();
        assert!(
            !read.as_ref().is_err_and(is_timeout),
            "the gateway neither sends nor closes; unread: {:?}",
            String::from_utf8_lossy(&self.unread)
        );
        read
    }

    fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.unread.extend(&buffer[..count]);
                Ok(())
            }
        }
    }
}

/// Whether a read ended because nothing came in time.
pub fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Sends bytes without TLS, and reads until the other end closes.
#[track_caller]
pub fn plain(addr: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut socket = TcpStream::connect(addr).expect("a connection");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    socket.write_all(bytes.as_ref()).expect("sending");
    let mut response = String::new();
    socket.read_to_string(&mut response).expect("a response");
    response
}

/// Asks for a path without TLS, as a balancer does.
#[track_caller]
pub fn plain_get(addr: SocketAddr, path: &str) -> String {
    plain(addr, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
}

/// The body of a request of the hyper clients.
pub type SentBody = BoxBody<Bytes, io::Error>;

/// A connection of hyper's HTTP/1.1 client.
pub struct Http1(hyper::client::conn::http1::SendRequest<SentBody>);

/// A connection of hyper's HTTP/2 client.
pub struct Http2(hyper::client::conn::http2::SendRequest<SentBody>);

impl Http1 {
    /// Connects; must be called within a runtime.
    pub async fn connect(gateway: &TestGateway) -> Self {
        let stream = TokioIo::new(connect(gateway, b"http/1.1").await);
        let (sender, connection) = hyper::client::conn::http1::handshake(stream).await.expect("a handshake");
        tokio::spawn(connection.with_upgrades());
        Self(sender)
    }

    /// Sends one request.
    pub async fn send(&mut self, request: Request<SentBody>) -> hyper::Result<Response<Incoming>> {
        self.0.ready().await?;
        self.0.send_request(request).await
    }
}

impl Http2 {
    /// Connects; must be called within a runtime.
    pub async fn connect(gateway: &TestGateway) -> Self {
        Self::connect_as(gateway, "localhost").await
    }

    /// Connects with this server name.
    pub async fn connect_as(gateway: &TestGateway, name: &str) -> Self {
        Self::connect_trusting(gateway, name, &[gateway.certificate()]).await
    }

    /// Connects with this server name, believing these certificates.
    pub async fn connect_trusting(gateway: &TestGateway, name: &str, trusted: &[PathBuf]) -> Self {
        let stream = TokioIo::new(connect_trusting(gateway, name, trusted, b"h2").await);
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.expect("a handshake");
        tokio::spawn(connection);
        Self(sender)
    }

    /// Sends one request.
    pub async fn send(&mut self, request: Request<SentBody>) -> hyper::Result<Response<Incoming>> {
        self.0.ready().await?;
        self.0.send_request(request).await
    }
}

/// A TLS connection for asynchronous clients.
pub async fn connect(
    gateway: &TestGateway,
    protocol: &[u8],
) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
    connect_trusting(gateway, "localhost", &[gateway.certificate()], protocol).await
}

async fn connect_trusting(
    gateway: &TestGateway,
    name: &str,
    trusted: &[PathBuf],
    protocol: &[u8],
) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
    let mut config = client_config(trusted);
    config.alpn_protocols = vec![protocol.to_vec()];
    let socket = tokio::net::TcpStream::connect(gateway.https()).await.expect("the gateway");
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
    stream
}

/// `GET https://localhost/PATH`, to be changed further.
pub fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(format!("https://localhost{path}"))
}

/// A body of these bytes, with a known length.
pub fn full(bytes: impl Into<Bytes>) -> SentBody {
    http_body_util::Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// A body of these frames, without a known length.
pub fn frames(frames: Vec<http_body::Frame<Bytes>>) -> SentBody {
    let stream = futures_util::stream::iter(frames.into_iter().map(Ok));
    http_body_util::StreamBody::new(stream).boxed()
}

/// The whole body and its trailers.
pub async fn read(response: Response<Incoming>) -> Result<(Bytes, http::HeaderMap), String> {
    #[expect(clippy::disallowed_methods, reason = "limited, and a test's own")]
    let collected =
        Limited::new(response.into_body(), 64 << 20).collect().await.map_err(|error| error.to_string())?;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Ok((collected.to_bytes(), trailers))
}

/// Signs in through the form, as a browser does; returns the value of the `Cookie` header from then on.
#[track_caller]
pub fn sign_in(gateway: &TestGateway, name: &str) -> String {
    let mut client = RawClient::connect(gateway);
    let form = client.get("/.gateway/login", "");
    let form_cookie = cookie(&form);
    let (_, after) = form.text().split_once("name=\"csrf\" value=\"").expect("a CSRF field");
    let (csrf, _) = after.split_once('"').expect("its end");
    let fields: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("csrf", csrf)
        .append_pair("username", name)
        .append_pair("password", &password(name))
        .append_pair("next", "/")
        .finish();
    client.send(format!(
        "POST /.gateway/login HTTP/1.1\r\nHost: localhost\r\nCookie: {form_cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{fields}",
        fields.len()
    ));
    let response = client.response();
    assert_eq!(response.status, 303, "{}\n{}", response.head, response.text());
    let session =
        response.values("set-cookie").into_iter().find(|line| line.starts_with(&format!("{SESSION}=")));
    session.expect("a session").split(';').next().expect("a pair").to_owned()
}

fn cookie(response: &RawResponse) -> String {
    let lines = response.values("set-cookie");
    lines.first().and_then(|line| line.split(';').next()).expect("a cookie").to_owned()
}

/// Runs curl against the gateway; `PATH` stands after the origin.
pub fn curl(gateway: &TestGateway, arguments: &[&str], path: &str) -> Output {
    Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--path-as-is", "--cacert"])
        .arg(gateway.certificate())
        .args(arguments)
        .arg(format!("https://localhost:{}{path}", gateway.https().port()))
        .output()
        .expect("curl is installed")
}

fn client_config(trusted: &[PathBuf]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(CertificateDer::from_pem_file(certificate).expect("a certificate")).expect("a root");
    }
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
