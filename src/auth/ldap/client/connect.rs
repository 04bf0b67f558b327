//! New connections to a server: look-up, TCP or Unix socket, TLS.
//!
//! A connection that comes out of here is protected as the settings say. Until then nothing was sent on it but the request
//! for TLS, so that no password can go to a server of another name, to another authority's, or over a plain connection.

use std::{io, net::SocketAddr};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream, lookup_host},
    time::{Instant, timeout_at},
};

use super::{
    ResultCode, failure::Failure, message_stream::MessageStream, request, response::Response,
    result_budget::ResultBudget, server::Server, url::Location,
};
use crate::happy_eyeballs;

/// Bytes in both directions.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Duplex for S {}

/// Connects to a server, TLS included, within the time limit for connections, and before the deadline.
pub(super) async fn connect(
    server: &Server,
    deadline: Instant,
) -> Result<MessageStream<Box<dyn Duplex>>, Failure> {
    let deadline = deadline.min(Instant::now() + server.connect_timeout);
    match timeout_at(deadline, establish(server)).await {
        Ok(connected) => connected,
        Err(_) => Err(server.timed_out("connection", server.connect_timeout)),
    }
}

async fn establish(server: &Server) -> Result<MessageStream<Box<dyn Duplex>>, Failure> {
    let (host, port, tls, name) = match &server.url.0 {
        Location::Socket(path) => {
            let connected = UnixStream::connect(path).await;
            let stream = connected.map_err(|error| server.unreachable(&error.to_string()))?;
            return Ok(MessageStream::new(Box::new(stream)));
        }
        Location::Tcp { host, port, tls, name } => (host, *port, *tls, name),
    };
    let stream = tcp(host, port).await.map_err(|error| server.unreachable(&error.to_string()))?;
    if tls {
        return start_tls_on(server, stream, name).await;
    }
    if server.start_tls {
        let mut plain = MessageStream::new(stream);
        ask_for_tls(server, &mut plain).await?;
        return start_tls_on(server, plain.into_inner(), name).await;
    }
    // The address counts and not its name, which anybody may have written into a name server.
    let is_local = stream.peer_addr().is_ok_and(|addr| addr.ip().to_canonical().is_loopback());
    if !is_local && !server.allow_plain {
        return Err(server.tls_failed("the connection is neither protected by TLS nor to this machine"));
    }
    Ok(MessageStream::new(Box::new(stream)))
}

/// RFC 4511 §4.14 (StartTLS Operation).
async fn ask_for_tls(server: &Server, stream: &mut MessageStream<TcpStream>) -> Result<(), Failure> {
    stream.send(request::start_tls).await?;
    match stream.receive(server, &mut ResultBudget::new()).await? {
        Response::Extended(outcome, _) if outcome.code == ResultCode::SUCCESS => {}
        Response::Extended(outcome, _) => {
            let reason = format!("StartTLS is refused: {} {}", outcome.code, outcome.diagnostic);
            return Err(server.tls_failed(reason.trim_end()));
        }
        _ => return Err(server.breaks_protocol("another response answers the request for TLS")),
    }
    // Mallory, on the way, appends a bind response to the server's plain answer: it would be read as one that came
    // under TLS.
    if stream.has_unread() {
        return Err(server.tls_failed("bytes follow the answer to StartTLS in plain text"));
    }
    Ok(())
}

async fn start_tls_on(
    server: &Server,
    stream: TcpStream,
    name: &ServerName<'static>,
) -> Result<MessageStream<Box<dyn Duplex>>, Failure> {
    match server.tls.connect(name.clone(), stream).await {
        Ok(stream) => Ok(MessageStream::new(Box::new(stream))),
        // The server, or a load balancer in front of it, went away; nothing was wrong with its certificate.
        Err(error) if is_disconnect(&error) => Err(error.into()),
        Err(error) => Err(server.tls_failed(&error.to_string())),
    }
}

fn is_disconnect(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

/// A name of Active Directory has the addresses of all domain controllers, and one may be off.
async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let addrs: Vec<SocketAddr> = lookup_host((host, port)).await?.take(MAX_ADDRS).collect();
    let stream = happy_eyeballs::connect(addrs.into_iter()).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Maximum number of addresses of a name that are tried.
const MAX_ADDRS: usize = 16;
