//! A new connection to an upstream.

use std::{error::Error, sync::Arc, time::Duration};

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{Endpoint, FaultKind, Transport, body::RequestBody, whoami};

/// Connects, TLS included, and starts the task that drives the connection.
pub(super) async fn connect(
    endpoint: &Arc<Endpoint>,
    limit: Duration,
) -> Result<SendRequest<RequestBody>, FaultKind> {
    match timeout(limit, connect_by(&endpoint.transport)).await {
        Ok(Ok(sender)) => Ok(sender),
        Ok(Err(error)) => Err(FaultKind::Connect(error)),
        Err(_) => Err(FaultKind::ConnectTimeout(limit)),
    }
}

async fn connect_by(transport: &Transport) -> Result<SendRequest<RequestBody>, Box<dyn Error + Send + Sync>> {
    match transport {
        Transport::Http { host, port } => handshake(tcp(host, *port).await?).await,
        Transport::Https { host, port, tls } => {
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
            let stream = tcp(host, *port).await?;
            handshake(TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?).await
        }
        Transport::Unix(path) => handshake(UnixStream::connect(path).await?).await,
        Transport::Whoami => handshake(whoami::connect()).await,
    }
}

async fn tcp(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    // A head and its body are written apart; without this the second waits for the first one's acknowledgement.
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<SendRequest<RequestBody>, Box<dyn Error + Send + Sync>> {
    let (sender, connection) = http1::Builder::new()
        .max_headers(MAX_RESPONSE_HEADERS)
        .max_buf_size(MAX_BUFFER_BYTES)
        .handshake(TokioIo::new(stream))
        .await?;
    tokio::task::spawn_local(async move {
        if let Err(error) = connection.with_upgrades().await {
            // Whoever waits for an answer is told by the channel; an idle connection may end as it likes.
            tracing::debug!(%error, "an upstream connection ended");
        }
    });
    Ok(sender)
}

const MAX_RESPONSE_HEADERS: usize = 256;
/// Bounds the upstream's response head too.
const MAX_BUFFER_BYTES: usize = 256 * 1024;
