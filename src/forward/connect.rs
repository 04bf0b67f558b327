//! New connections to upstreams: name look-up, TCP or UNIX socket, TLS.
//!
//! `pool` calls [`connect`]. Where a name has several addresses, the one that accepts first is taken ([`happy_eyeballs`]). TLS
//! starts once, on the connection that was established first.

use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustls::pki_types::ServerName;
use tokio::{
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    Endpoint, FaultKind, Resolver, Transport,
    http1::Stream,
    resolver::{Addresses, Freshness},
    whoami,
};
use crate::happy_eyeballs;

/// Connects, name look-up and TLS included.
pub(super) async fn connect(
    resolver: &Resolver,
    endpoint: &Endpoint,
    limit: Duration,
) -> Result<Stream, FaultKind> {
    match timeout(limit, connect_by(resolver, &endpoint.transport)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(FaultKind::Connect(error)),
        Err(_) => Err(FaultKind::ConnectTimeout(limit)),
    }
}

async fn connect_by(
    resolver: &Resolver,
    transport: &Transport,
) -> Result<Stream, Box<dyn Error + Send + Sync>> {
    Ok(match transport {
        Transport::Http { host, port } => Stream::Tcp(tcp(resolver, host, *port).await?),
        Transport::Https { host, port, tls } => {
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
            let stream = tcp(resolver, host, *port).await?;
            let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?;
            Stream::Tls(Box::new(stream))
        }
        Transport::Unix(path) => Stream::Unix(UnixStream::connect(path).await?),
        Transport::Whoami => Stream::Pipe(whoami::connect()),
    })
}

async fn tcp(resolver: &Resolver, host: &str, port: u16) -> Result<TcpStream, Box<dyn Error + Send + Sync>> {
    let host = host.trim_matches(['[', ']']);
    let stream = match host.parse::<IpAddr>() {
        Ok(addr) => TcpStream::connect((addr, port)).await?,
        Err(_) => by_name(resolver, host, port).await?,
    };
    // With Nagle's algorithm, a body that is written after its head would wait for the acknowledgement of the head.
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn by_name(
    resolver: &Resolver,
    host: &str,
    port: u16,
) -> Result<TcpStream, Box<dyn Error + Send + Sync>> {
    let found = resolver.find(host, Freshness::Cached).await?;
    let refused = match to_one_of(resolver, host, &found, port).await {
        Ok(stream) => return Ok(stream),
        Err(error) if !found.is_cached => return Err(error.into()),
        Err(error) => error,
    };
    // The application may have another address since the last look-up.
    let anew = resolver.find(host, Freshness::Fresh).await?;
    if anew.addrs == found.addrs {
        return Err(refused.into());
    }
    Ok(to_one_of(resolver, host, &anew, port).await?)
}

/// Connects to the address that accepts first, and prefers it from now on.
async fn to_one_of(resolver: &Resolver, host: &str, found: &Addresses, port: u16) -> io::Result<TcpStream> {
    let addrs = found.addrs.iter().map(|addr| SocketAddr::new(*addr, port));
    let stream = happy_eyeballs::connect(addrs).await?;
    prefer_winner(resolver, host, found, &stream);
    Ok(stream)
}

fn prefer_winner(resolver: &Resolver, host: &str, found: &Addresses, stream: &TcpStream) {
    if let Ok(winner) = stream.peer_addr().map(|addr| addr.ip())
        && found.addrs.first() != Some(&winner)
    {
        resolver.prefer(host, winner);
    }
}
