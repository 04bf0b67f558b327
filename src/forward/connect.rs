//! A new connection to an upstream.

use std::{error::Error, sync::Arc, time::Duration};

use rustls::pki_types::ServerName;
use tokio::{
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{Endpoint, FaultKind, Transport, whoami, wire::Stream};

/// Connects, TLS included.
pub(super) async fn connect(endpoint: &Endpoint, limit: Duration) -> Result<Stream, FaultKind> {
    match timeout(limit, connect_by(&endpoint.transport)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(FaultKind::Connect(error)),
        Err(_) => Err(FaultKind::ConnectTimeout(limit)),
    }
}

async fn connect_by(transport: &Transport) -> Result<Stream, Box<dyn Error + Send + Sync>> {
    Ok(match transport {
        Transport::Http { host, port } => Stream::Tcp(tcp(host, *port).await?),
        Transport::Https { host, port, tls } => {
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
            let stream = tcp(host, *port).await?;
            let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?;
            Stream::Tls(Box::new(stream))
        }
        Transport::Unix(path) => Stream::Unix(UnixStream::connect(path).await?),
        Transport::Whoami => Stream::Pipe(whoami::connect()),
    })
}

async fn tcp(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    // A body may come after its head was written; without this it waits for the head's acknowledgement.
    stream.set_nodelay(true)?;
    Ok(stream)
}
