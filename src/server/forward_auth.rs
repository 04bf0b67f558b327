//! The listener at which other proxies ask about requests.
//!
//! `worker` starts [`serve`] for each connection of `[forward_auth]`: HTTP/1.1, in clear text or over TLS, as the operator
//! has chosen. Requests go to [`Gateway::check_for_proxy`](crate::gateway::Gateway::check_for_proxy), which looks at the address of the
//! connection before anything else. Nothing is forwarded from here, and no page of the gateway is served.

use std::{pin::pin, rc::Rc, sync::Arc};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::{
    activity::{Activity, ConnectionSlot},
    counted_socket::{CountedSocket, Protocol},
    response::respond_to_check,
    serving::Serving,
};
use crate::{
    gateway::Connection,
    request::RequestBody,
    telemetry::{ConnectionProtocol, Limit},
};

/// Serves one connection of a proxy until it ends, or until the server has stopped.
pub(super) async fn serve(
    serving: Rc<Serving>,
    tls: Option<TlsAcceptor>,
    socket: TcpStream,
    connection: Connection,
    slot: ConnectionSlot,
) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "proxy disconnected");
        return;
    }
    let connected = serving.counters.connected();
    let Some(tls) = tls else {
        connected.count_protocol(ConnectionProtocol::Plain);
        return serve_requests(serving, socket, connection, slot).await;
    };
    connected.count_protocol(ConnectionProtocol::Http1);
    match timeout(serving.limits.handshake_timeout, tls.accept(socket)).await {
        Ok(Ok(stream)) => Box::pin(serve_requests(serving, stream, connection, slot)).await,
        Ok(Err(error)) => {
            serving.counters.handshake_failed();
            tracing::debug!(%error, peer = %connection.peer_addr, "TLS handshake of a proxy failed");
        }
        Err(_) => {
            serving.counters.reached(Limit::HandshakeTimeout);
            tracing::debug!(peer = %connection.peer_addr, "TLS handshake of a proxy timed out");
        }
    }
}

async fn serve_requests<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    serving: Rc<Serving>,
    stream: S,
    connection: Connection,
    slot: ConnectionSlot,
) {
    let (limits, shutdown) = (&serving.limits, &serving.shutdown);
    let activity = Activity::new(slot, serving.next_terms());
    let counters = Arc::clone(&serving.counters);
    let io = CountedSocket::new(stream, Arc::clone(&activity), counters, limits, Protocol::Http1);
    let (gateway, connection) = (Rc::clone(&serving.gateway), Rc::new(connection));
    let service = service_fn(move |request| {
        let running = activity.start();
        let is_last = running.retires().is_some();
        let (gateway, connection) = (Rc::clone(&gateway), Rc::clone(&connection));
        Box::pin(respond_to_check(gateway, request.map(RequestBody::Incoming), connection, running, is_last))
    });
    let mut builder = http1::Builder::new();
    builder
        .header_read_timeout(None)
        .max_buf_size(limits.header_size.max(MIN_BUFFER_BYTES))
        .max_header_size(limits.header_size);
    if limits.max_headers > HYPER_MAX_HEADERS {
        builder.max_headers(limits.max_headers);
    }
    let mut served = pin!(builder.serve_connection(TokioIo::new(io), service));
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = shutdown.draining.cancelled() => {
            served.as_mut().graceful_shutdown();
            tokio::select! {
                ended = served => ended,
                () = shutdown.stopped.cancelled() => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection of a proxy failed");
    }
}

/// hyper takes no less.
const MIN_BUFFER_BYTES: usize = 8 * 1024;
/// hyper parses this many without allocating.
const HYPER_MAX_HEADERS: usize = 100;
