//! A client with one persistent connection.

use std::sync::Arc;

use http::{
    HeaderValue, Method, Request, Response,
    header::{COOKIE, HOST},
    request,
};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Gateway;

/// Protocol between client and gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// A connection that carries one request at a time.
pub(crate) struct Client {
    sender: Sender,
    authority: String,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Client {
    /// Connects; ALPN selects the protocol.
    pub(crate) async fn connect(gateway: &Gateway, protocol: Protocol) -> Self {
        let socket = TcpStream::connect(gateway.addr).await.expect("the gateway listens");
        socket.set_nodelay(true).expect("an open socket");
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::new(tls(gateway, protocol)));
        let stream = connector.connect(name, socket).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.alpn()));
        let stream = TokioIo::new(stream);
        let sender = match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(stream).await.expect("HTTP/1.1");
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
            Protocol::Http2 => {
                let (sender, connection) =
                    http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
                tokio::spawn(connection);
                Sender::Http2(sender)
            }
        };
        Self { sender, authority: format!("localhost:{}", gateway.addr.port()) }
    }

    /// Requests a path, reads the response to its end, and returns its status.
    pub(crate) async fn get(&mut self, path: &str, cookie: Option<&str>) -> u16 {
        let mut request = self.request(&Method::GET, path);
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, HeaderValue::from_str(cookie).expect("ASCII"));
        }
        self.send(request.body(Full::default()).expect("a good request")).await.status().as_u16()
    }

    /// Builder of a request to this gateway.
    pub(crate) fn request(&self, method: &Method, path: &str) -> request::Builder {
        match self.sender {
            Sender::Http1(_) => Request::builder().uri(path).header(HOST, &self.authority),
            Sender::Http2(_) => Request::builder().uri(format!("https://{}{path}", self.authority)),
        }
        .method(method)
    }

    /// Sends a request and reads the response to its end.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Response<Vec<u8>> {
        let response = match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await.expect("an open connection");
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                sender.ready().await.expect("an open connection");
                sender.send_request(request).await
            }
        };
        let (head, body) = response.expect("a response").into_parts();
        Response::from_parts(head, read(body).await)
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

fn tls(gateway: &Gateway, protocol: Protocol) -> ClientConfig {
    let certificate = CertificateDer::from_pem_file(gateway.certificate()).expect("the certificate");
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a good certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider's own versions");
    let mut tls = builder.with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = vec![protocol.alpn().to_vec()];
    tls
}

async fn read(mut body: Incoming) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.expect("a whole response").into_data() {
            whole.extend_from_slice(&data);
        }
    }
    whole
}
