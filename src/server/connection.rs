//! One client connection, from its handshake to its end.

use std::{
    convert::Infallible,
    future::Future,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpStream, sync::watch, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    Limits,
    client_io::{Activity, ClientIo, Protocol, Running, Slot},
    phase::{Phase, reached},
};
use crate::{
    forward::BodyError,
    gateway::{Connection, Gateway, Outgoing},
    request::Authority,
};

/// What a worker's connections have in common.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) gateway: Rc<Gateway>,
    pub(super) acceptor: TlsAcceptor,
    pub(super) limits: Limits,
    pub(super) phases: watch::Receiver<Phase>,
}

impl Serving {
    /// Serves one connection until it ends, or until the server has stopped.
    pub(super) async fn serve(self, socket: TcpStream, connection: Connection, slot: Slot) {
        let mut stopped = self.phases.clone();
        tokio::select! {
            () = self.serve_until_its_end(socket, connection, slot) => {}
            () = reached(&mut stopped, Phase::Stopped) => {}
        }
    }

    async fn serve_until_its_end(self, socket: TcpStream, mut connection: Connection, slot: Slot) {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a connection is gone before it began");
            return;
        }
        let stream = match timeout(self.limits.handshake_timeout, self.acceptor.accept(socket)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%error, peer = %connection.peer_addr, "a TLS handshake failed");
                return;
            }
            Err(_) => {
                tracing::debug!(peer = %connection.peer_addr, "a TLS handshake took too long");
                return;
            }
        };
        let named = stream.get_ref().1.server_name();
        connection.server_name = named.and_then(|name| Authority::parse(name.as_bytes()).ok());
        let peer_addr = connection.peer_addr;
        let activity = Activity::new(slot);
        let ended = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => self.serve_http2(stream, connection, activity).await,
            _ => self.serve_http1(stream, connection, activity).await,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, peer = %peer_addr, "a connection ended");
        }
    }

    async fn serve_http1(
        self,
        stream: TlsStream<TcpStream>,
        connection: Connection,
        activity: Arc<Activity>,
    ) -> hyper::Result<()> {
        let io = ClientIo::new(stream, Arc::clone(&activity), &self.limits, Protocol::Http1);
        let (gateway, connection) = (Rc::clone(&self.gateway), Rc::new(connection));
        let service = service_fn(move |request| {
            answer(Rc::clone(&gateway), request, Rc::clone(&connection), activity.begin())
        });
        let mut builder = http1::Builder::new();
        builder
            .max_buf_size(self.limits.header_size.max(MIN_BUFFER_BYTES))
            .max_header_size(self.limits.header_size);
        if self.limits.max_headers != HYPER_MAX_HEADERS {
            builder.max_headers(self.limits.max_headers);
        }
        // The stream itself keeps the time; see `client_io`.
        builder.header_read_timeout(None);
        let mut served = pin!(builder.serve_connection(TokioIo::new(io), service).with_upgrades());
        let mut phases = self.phases;
        tokio::select! {
            ended = &mut served => return ended,
            () = reached(&mut phases, Phase::Draining) => served.as_mut().graceful_shutdown(),
        }
        served.await
    }

    async fn serve_http2(
        self,
        stream: TlsStream<TcpStream>,
        connection: Connection,
        activity: Arc<Activity>,
    ) -> hyper::Result<()> {
        let io = ClientIo::new(stream, Arc::clone(&activity), &self.limits, Protocol::Http2);
        let (gateway, connection) = (Rc::clone(&self.gateway), Rc::new(connection));
        let service = service_fn(move |request| {
            answer(Rc::clone(&gateway), request, Rc::clone(&connection), activity.begin())
        });
        let mut builder = http2::Builder::new(Here);
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(u32::try_from(self.limits.header_size).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(SEND_BUFFER_BYTES);
        let mut served = pin!(builder.serve_connection(TokioIo::new(io), service));
        let mut phases = self.phases;
        tokio::select! {
            ended = &mut served => return ended,
            () = reached(&mut phases, Phase::Draining) => served.as_mut().graceful_shutdown(),
        }
        served.await
    }
}

async fn answer(
    gateway: Rc<Gateway>,
    request: Request<Incoming>,
    connection: Rc<Connection>,
    running: Running,
) -> Result<Response<Watched>, Infallible> {
    let response = gateway.handle(request, &connection).await;
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    Ok(response.map(|body| {
        let running = if switched {
            running.for_good();
            None
        } else {
            Some(running)
        };
        Watched { body, running }
    }))
}

/// A body that tells the connection when it has ended.
struct Watched {
    body: Outgoing,
    running: Option<Running>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = polled {
            self.running = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Runs HTTP/2 streams on the worker that has their connection.
#[derive(Clone, Copy)]
struct Here;

impl<F> hyper::rt::Executor<F> for Here
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, stream: F) {
        tokio::task::spawn_local(stream);
    }
}

/// hyper parses this many without allocating.
const HYPER_MAX_HEADERS: usize = 100;
/// hyper takes no less.
const MIN_BUFFER_BYTES: usize = 8 * 1024;
const MAX_STREAMS: u32 = 128;
/// Streams that a client opened and reset before we took them on (CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
const SEND_BUFFER_BYTES: usize = 128 * 1024;
