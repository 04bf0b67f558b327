//! The signed-in user: sends one request after the other on a few connections.

use std::{
    cell::Cell,
    net::SocketAddr,
    path::Path,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    net::TcpStream,
    runtime::{Builder, LocalOptions, LocalRuntime},
    task::spawn_local,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::gateway::{Gateway, PASSWORD};

/// A browser with a session.
pub(crate) struct User {
    runtime: LocalRuntime,
    connections: Vec<Rc<tokio::sync::Mutex<Connection>>>,
    cookie: String,
}

/// A connection that is replaced when a response says `Connection: close`, as the limits of the gateway demand.
struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    tls: Arc<ClientConfig>,
    addr: SocketAddr,
}

const CONNECTIONS: usize = 4;

impl User {
    /// Signs in through the form.
    pub(crate) fn sign_in(gateway: &Gateway) -> Self {
        let runtime =
            Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap();
        let (addr, certificate) = (gateway.addr, gateway.certificate());
        let (connections, cookie) = runtime.block_on(async {
            let tls = Arc::new(client_config(&certificate, b"http/1.1"));
            let mut connections = Vec::new();
            for _ in 0..CONNECTIONS {
                connections.push(Connection::open(Arc::clone(&tls), addr).await);
            }
            let cookie = sign_in(&mut connections[0].sender, "alice", PASSWORD).await;
            (connections, cookie.expect("a session"))
        });
        let connections =
            connections.into_iter().map(|each| Rc::new(tokio::sync::Mutex::new(each))).collect();
        Self { runtime, connections, cookie }
    }

    /// Measures requests a second over this time.
    #[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
    pub(crate) fn measure(&self, time: Duration) -> f64 {
        let done = Rc::new(Cell::new(0_u64));
        let began = Instant::now();
        self.runtime.block_on(async {
            let working: Vec<_> = self
                .connections
                .iter()
                .map(|connection| {
                    let (connection, done) = (Rc::clone(connection), Rc::clone(&done));
                    let cookie = self.cookie.clone();
                    spawn_local(async move {
                        let mut connection = connection.lock().await;
                        while began.elapsed() < time {
                            let request = Request::get("/members/page")
                                .header(header::HOST, "localhost")
                                .header(header::COOKIE, &cookie)
                                .body(Full::default())
                                .unwrap();
                            let response = connection.send(request).await;
                            assert_eq!(response.status(), 200);
                            connection.finish(response).await;
                            done.set(done.get() + 1);
                        }
                    })
                })
                .collect();
            for each in working {
                each.await.unwrap();
            }
        });
        done.get() as f64 / began.elapsed().as_secs_f64()
    }
}

impl Connection {
    async fn open(tls: Arc<ClientConfig>, addr: SocketAddr) -> Self {
        let sender = Self::open_http(&tls, addr).await;
        Self { sender, tls, addr }
    }

    async fn open_http(tls: &Arc<ClientConfig>, addr: SocketAddr) -> http1::SendRequest<Full<Bytes>> {
        let stream = connect(tls, addr).await.expect("the user can connect");
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        spawn_local(connection);
        sender
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        self.sender.ready().await.expect("an open connection");
        self.sender.send_request(request).await.expect("a response")
    }

    /// Reads a response to its end, and reconnects if the gateway closes the connection.
    async fn finish(&mut self, response: Response<Incoming>) {
        let is_last = response.headers().get(header::CONNECTION).is_some_and(|value| value == "close");
        read(response).await;
        if is_last {
            self.sender = Self::open_http(&self.tls, self.addr).await;
        }
    }
}

/// Sends the sign-in form; returns the session cookie if the password was right.
pub(crate) async fn sign_in(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    name: &str,
    password: &str,
) -> Option<String> {
    let request =
        Request::get("/.gateway/login").header(header::HOST, "localhost").body(Full::default()).unwrap();
    let response = sender.send_request(request).await.ok()?;
    let form_cookie = cookie(&response, "")?;
    let page = read(response).await;
    let (_, after) = page.split_once("name=\"csrf\" value=\"")?;
    let (csrf, _) = after.split_once('"')?;
    let fields = form_urlencoded::Serializer::new(String::new())
        .append_pair("csrf", csrf)
        .append_pair("username", name)
        .append_pair("password", password)
        .finish();
    let request = Request::post("/.gateway/login")
        .header(header::HOST, "localhost")
        .header(header::COOKIE, form_cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::from(fields))
        .unwrap();
    sender.ready().await.ok()?;
    let response = sender.send_request(request).await.ok()?;
    let session = cookie(&response, "__Host-Http-portcullis=");
    read(response).await;
    session
}

fn cookie(response: &Response<Incoming>, prefix: &str) -> Option<String> {
    let values =
        response.headers().get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let value = values.into_iter().find(|value| value.starts_with(prefix))?;
    value.split(';').next().map(str::to_owned)
}

async fn read(response: Response<Incoming>) -> String {
    #[expect(clippy::disallowed_methods, reason = "limited")]
    let body = Limited::new(response.into_body(), 1 << 20).collect().await.unwrap().to_bytes();
    String::from_utf8_lossy(&body).into_owned()
}

/// A TLS connection to the gateway.
async fn connect(tls: &Arc<ClientConfig>, addr: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
    handshake(tls, TcpStream::connect(addr).await?).await
}

/// TLS over a connection to the gateway.
pub(crate) async fn handshake(
    tls: &Arc<ClientConfig>,
    socket: TcpStream,
) -> std::io::Result<TlsStream<TcpStream>> {
    socket.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::clone(tls)).connect(name, socket).await
}

/// Client settings that trust this certificate and offer this protocol.
pub(crate) fn client_config(certificate: &Path, protocol: &[u8]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    config
}
