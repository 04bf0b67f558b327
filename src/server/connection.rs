//! One client connection, from its handshake to its end.
//!
//! A worker's accept loop starts [`serve`] for each socket. TLS comes first; `http1` or `http2` serves what ALPN chose. A
//! client that speaks plain HTTP where TLS is expected gets a refusal over plain HTTP, and is served nothing else.

use std::{future::Future, io, pin::Pin, rc::Rc, sync::Arc};

use bytes::BytesMut;
use http::Method;
use memchr::memmem;
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};
use tokio_rustls::server::TlsStream;

use super::{
    activity::{Activity, ConnectionSlot},
    client::Client,
    counted_socket::{CountedSocket, Protocol},
    http1, http2, refusal,
    serving::Serving,
};
use crate::{
    client_certificate::PresentedCertificate,
    gateway::{ClientCertificate, Connection},
    request::{Authority, UnreadHead},
    telemetry::{ConnectionProtocol, Limit, OpenConnection},
};

/// Serves one connection until it ends, or until the server has stopped.
pub(super) async fn serve(
    serving: Rc<Serving>,
    socket: TcpStream,
    connection: Connection,
    slot: ConnectionSlot,
) {
    let client = tokio::select! {
        biased;
        () = serving.shutdown.stopped.cancelled() => return,
        // In a box, as is whatever a connection needs for a while only: the task keeps room for all it awaits.
        client = Box::pin(shake_hands(&serving, socket, connection, slot)) => client,
    };
    let served: Pin<Box<dyn Future<Output = ()>>> = match client {
        Some((Protocol::Http1, client)) => Box::pin(http1::serve(serving, client)),
        Some((Protocol::Http2, client)) => Box::pin(http2::serve(serving, client)),
        None => return,
    };
    served.await;
}

async fn shake_hands(
    serving: &Serving,
    socket: TcpStream,
    connection: Connection,
    slot: ConnectionSlot,
) -> Option<(Protocol, Client)> {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "client disconnected before the TLS handshake");
        return None;
    }
    let connected = serving.counters.connected();
    let shaking = async {
        if speaks_plain_http(&socket).await { Err(socket) } else { Ok(serving.tls.accept(socket).await) }
    };
    match timeout(serving.limits.handshake_timeout, shaking).await {
        Ok(Err(socket)) => {
            connected.count_protocol(ConnectionProtocol::Plain);
            refuse_plain(serving, socket, &connection, slot).await;
            None
        }
        Ok(Ok(Ok(mut stream))) => {
            stream.get_mut().1.set_buffer_limit(Some(TLS_BUFFER_BYTES));
            Some(client(serving, stream, connection, slot, connected))
        }
        Ok(Ok(Err(error))) => {
            serving.counters.handshake_failed();
            let peer = connection.peer_addr;
            // The person sees a connection that breaks off, and no page says why.
            if let Some(reason) = refused_certificate(&error) {
                tracing::info!(%reason, %peer, "client certificate refused in the TLS handshake");
            } else {
                tracing::debug!(%error, %peer, "TLS handshake failed");
            }
            None
        }
        Err(_) => {
            serving.counters.reached(Limit::HandshakeTimeout);
            tracing::debug!(peer = %connection.peer_addr, "TLS handshake timed out");
            None
        }
    }
}

/// The reason if a handshake failed because of the client's certificate. A failure of a certificate of the gateway itself is
/// the client's to judge, and comes as its alert.
fn refused_certificate(error: &io::Error) -> Option<&rustls::Error> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    matches!(error, rustls::Error::InvalidCertificate(_) | rustls::Error::InvalidCertRevocationList(_))
        .then_some(error)
}

/// Refuses a client that speaks plain HTTP where TLS is expected.
async fn refuse_plain(serving: &Serving, socket: TcpStream, connection: &Connection, slot: ConnectionSlot) {
    let (activity, counters) = (Activity::new(slot, serving.next_terms()), Arc::clone(&serving.counters));
    let mut io = CountedSocket::new(socket, activity, counters, &serving.limits, Protocol::Http1);
    let mut head = BytesMut::with_capacity(PLAIN_HEAD_BYTES);
    // The socket limits the time for it, as for every head.
    while memmem::find(&head, b"\r\n\r\n").is_none() && head.len() < PLAIN_HEAD_BYTES {
        if !matches!(io.read_buf(&mut head).await, Ok(1..)) {
            break;
        }
    }
    let head = UnreadHead::read(&head);
    let response = serving.gateway.refuse_plain(&head, connection);
    if let Err(error) = refusal::write(&mut io, response, head.method != Some(Method::HEAD)).await {
        tracing::debug!(%error, peer = %connection.peer_addr, "refusal of plain HTTP not written");
    }
}

fn client(
    serving: &Serving,
    stream: TlsStream<TcpStream>,
    mut connection: Connection,
    slot: ConnectionSlot,
    connected: OpenConnection,
) -> (Protocol, Client) {
    let session = stream.get_ref().1;
    connection.server_name = session.server_name().and_then(|name| Authority::parse(name.as_bytes()).ok());
    let certificate = session.peer_certificates().and_then(PresentedCertificate::of_chain);
    connection.client_certificate =
        certificate.map(|certificate| Rc::new(ClientCertificate::new(certificate)));
    let (protocol, counted) = match session.alpn_protocol() {
        Some(b"h2") => (Protocol::Http2, ConnectionProtocol::Http2),
        _ => (Protocol::Http1, ConnectionProtocol::Http1),
    };
    connected.count_protocol(counted);
    let activity = Activity::new(slot, serving.next_terms());
    let counters = Arc::clone(&serving.counters);
    let mut socket = CountedSocket::new(stream, Arc::clone(&activity), counters, &serving.limits, protocol);
    if protocol == Protocol::Http1 {
        socket.drop_refusals();
    }
    connection.interim = socket.interim();
    let socket = Box::new(socket);
    (protocol, Client { socket, connection: Rc::new(connection), activity, connected })
}

/// Whether a client begins with a method of HTTP. A record of TLS begins with a number below 32 (RFC 8446 §5.1).
async fn speaks_plain_http(socket: &TcpStream) -> bool {
    let mut first = [0];
    socket.peek(&mut first).await.is_ok_and(|count| count == 1) && first.iter().all(u8::is_ascii_uppercase)
}

/// How much of a head is read to refuse it.
const PLAIN_HEAD_BYTES: usize = 8 * 1024;
/// Three whole records, which with what TLS adds fit the largest packet that TCP hands down at once (64 KiB). What does not
/// fit goes into a second one, and where TCP spaces packets out by a timer (BBR) that costs more than encrypting it: an
/// response of 1 MiB took a third more at 160 KiB, a half more at rustls' own 64. Without BBR the three differ by 5 %.
const TLS_BUFFER_BYTES: usize = 3 * 16 * 1024;
