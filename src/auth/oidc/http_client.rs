//! Requests to a provider: one connection each, within five seconds, without redirects, of a bounded size.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT},
};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{endpoint::Endpoint, settings::Authorities};
use crate::happy_eyeballs;

/// Makes requests to one provider.
#[derive(Clone, Debug)]
pub(super) struct HttpClient {
    /// `None` without authorities.
    tls: Option<Arc<ClientConfig>>,
}

/// A request to an endpoint.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) authorization: Option<HeaderValue>,
    /// The form of a POST; `None` for a GET.
    pub(super) form: Option<Bytes>,
}

/// The response to a request.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// Why a provider did not respond, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum CallFailure {
    /// No response in time.
    #[error("no response within 5 seconds")]
    Timeout,
    /// The host has no address, or none takes connections.
    #[error("connecting failed: {0}")]
    Connect(io::Error),
    /// TLS failed; most often because the certificate is signed by an authority that is not trusted.
    #[error("TLS failed: {0}")]
    Tls(io::Error),
    /// The system has no authorities.
    #[error(
        "this system has no certificate authorities: install `ca-certificates`, or give a file with `ca`"
    )]
    NoAuthorities,
    /// The response is no HTTP.
    #[error("the response is not valid: {0}")]
    Http(hyper::Error),
    /// A redirect, which is not followed.
    #[error("it redirects to another address, which is not followed")]
    Redirect,
    /// Another status than 200.
    #[error("the response has status {}", .0.as_u16())]
    Status(StatusCode),
    /// More than 256 KiB.
    #[error("the response is larger than 256 KiB")]
    TooLarge,
}

impl HttpClient {
    pub(super) fn new(authorities: &Authorities) -> Self {
        let mut roots = RootCertStore::empty();
        // Certificates of the system that the verifier cannot read are skipped.
        roots.add_parsable_certificates(authorities.0.iter().cloned());
        let tls = (!roots.is_empty()).then(|| {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect("the provider supports the default versions")
                .with_root_certificates(roots)
                .with_no_client_auth();
            Arc::new(config)
        });
        Self { tls }
    }

    /// The body of a response with status 200.
    pub(super) async fn get(
        &self,
        endpoint: &Endpoint,
        authorization: Option<HeaderValue>,
    ) -> Result<Bytes, CallFailure> {
        let reply = self.call(Call { endpoint, authorization, form: None }).await?;
        if reply.status == StatusCode::OK { Ok(reply.body) } else { Err(CallFailure::Status(reply.status)) }
    }

    /// Any response but a redirect.
    pub(super) async fn call(&self, call: Call<'_>) -> Result<Reply, CallFailure> {
        timeout(TIMEOUT, self.connect_and_send(call)).await.unwrap_or(Err(CallFailure::Timeout))
    }

    async fn connect_and_send(&self, call: Call<'_>) -> Result<Reply, CallFailure> {
        let endpoint = call.endpoint;
        let stream = connect(endpoint.host(), endpoint.port()).await.map_err(CallFailure::Connect)?;
        if !endpoint.is_tls() {
            return send(stream, call).await;
        }
        let tls = self.tls.clone().ok_or(CallFailure::NoAuthorities)?;
        let name = ServerName::try_from(endpoint.host().to_owned())
            .map_err(|error| CallFailure::Tls(io::Error::other(error)))?;
        send(TlsConnector::from(tls).connect(name, stream).await.map_err(CallFailure::Tls)?, call).await
    }
}

async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let addrs: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    let stream = timeout(CONNECT_TIMEOUT, happy_eyeballs::connect(addrs.into_iter())).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn send<S>(stream: S, call: Call<'_>) -> Result<Reply, CallFailure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let handshake = http1::Builder::new().max_headers(MAX_HEADERS).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(CallFailure::Http)?;
    let exchange = async {
        let response = sender.send_request(request(call)).await.map_err(CallFailure::Http)?;
        let status = response.status();
        if status.is_redirection() {
            return Err(CallFailure::Redirect);
        }
        #[expect(clippy::disallowed_methods, reason = "the body is limited")]
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
        match body {
            Ok(body) => Ok(Reply { status, body: body.to_bytes() }),
            Err(error) => Err(match error.downcast::<hyper::Error>() {
                Ok(error) => CallFailure::Http(*error),
                Err(error) if error.is::<LengthLimitError>() => CallFailure::TooLarge,
                Err(_) => CallFailure::Timeout,
            }),
        }
    };
    tokio::pin!(exchange);
    // The connection is driven here, in no task of its own: it ends with this future.
    tokio::select! {
        biased;
        reply = &mut exchange => reply,
        ended = connection => match ended {
            Ok(()) => exchange.await,
            Err(error) => Err(CallFailure::Http(error)),
        },
    }
}

fn request(call: Call<'_>) -> Request<Full<Bytes>> {
    let Call { endpoint, authorization, form } = call;
    let mut request = Request::new(Full::new(form.clone().unwrap_or_default()));
    // An address of a provider is a valid one: it was parsed.
    *request.uri_mut() = endpoint.path_and_query().parse().unwrap_or_default();
    let headers = request.headers_mut();
    if let Ok(host) = HeaderValue::from_str(endpoint.authority()) {
        headers.insert(HOST, host);
    }
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static("portcullis"));
    if let Some(authorization) = authorization {
        headers.insert(AUTHORIZATION, authorization);
    }
    if form.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        *request.method_mut() = Method::POST;
    }
    request
}

/// For all of a request: name look-up, connection, TLS, response.
const TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const MAX_BODY: usize = 256 * 1024;
const MAX_HEADERS: usize = 100;
