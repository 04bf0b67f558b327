//! One client connection, from its handshake to its end.

use std::{
    cell::Cell,
    convert::Infallible,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONNECTION};
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::{Notify, watch},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    Limits,
    client_io::{Activity, ClientIo, Protocol, Running, Slot, Terms},
    phase::{Phase, reached},
    stream::{Streams, Taking},
};
use crate::{
    forward::BodyError,
    gateway::{Connection, Gateway, Outgoing},
    request::Authority,
    telemetry::{Connected, Counters, Limit, Spoken},
};

/// What a worker's connections have in common.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) gateway: Rc<Gateway>,
    pub(super) acceptor: TlsAcceptor,
    pub(super) limits: Limits,
    pub(super) phases: watch::Receiver<Phase>,
    pub(super) counters: Arc<Counters>,
    /// How many connections this worker has served.
    pub(super) served: Rc<Cell<u32>>,
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
        let connected = self.counters.connected();
        // What a connection needs for a while only is boxed, so that it need not be kept while the connection idles.
        let handshake = Box::pin(self.acceptor.accept(socket));
        let stream = match timeout(self.limits.handshake_timeout, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                self.counters.handshake_failed();
                tracing::debug!(%error, peer = %connection.peer_addr, "a TLS handshake failed");
                return;
            }
            Err(_) => {
                self.counters.reached(Limit::HandshakeTimeout);
                tracing::debug!(peer = %connection.peer_addr, "a TLS handshake took too long");
                return;
            }
        };
        let named = stream.get_ref().1.server_name();
        connection.server_name = named.and_then(|name| Authority::parse(name.as_bytes()).ok());
        let peer_addr = connection.peer_addr;
        let activity = Activity::new(slot, self.terms());
        let ended = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => self.serve_http2(stream, connection, activity, &connected).await,
            _ => self.serve_http1(stream, connection, activity, &connected).await,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, peer = %peer_addr, "a connection ended");
        }
    }

    /// Spread over a tenth of the age, so that a crowd that came together does not leave together.
    fn terms(&self) -> Terms {
        let number = self.served.get().wrapping_add(1);
        self.served.set(number);
        // The golden ratio leaves the largest gaps, however many there are (Knuth, The Art of Computer Programming §6.4).
        let spread = self.limits.connection_age / 10 * (number.wrapping_mul(0x9e37_79b9) >> 24) / 256;
        Terms {
            requests: self.limits.requests_per_connection,
            age: self.limits.connection_age.saturating_sub(spread),
        }
    }

    /// Not an `async fn`, which would keep room for the stream that it was given beside the one that it serves.
    fn serve_http1(
        self,
        stream: TlsStream<TcpStream>,
        connection: Connection,
        activity: Arc<Activity>,
        connected: &Connected,
    ) -> impl Future<Output = hyper::Result<()>> {
        connected.speaks(Spoken::Http1);
        let counters = Arc::clone(&self.counters);
        let io = ClientIo::new(
            stream,
            Arc::clone(&activity),
            Arc::clone(&counters),
            &self.limits,
            Protocol::Http1,
        );
        let (gateway, connection) = (Rc::clone(&self.gateway), Rc::new(connection));
        let (beginning, counting) = (Arc::clone(&activity), Arc::clone(&counters));
        let service = service_fn(move |request: Request<Incoming>| {
            let running = beginning.begin();
            let retires = running.retires();
            if let Some(limit) = retires {
                counting.reached(limit);
            }
            let (gateway, connection) = (Rc::clone(&gateway), Rc::clone(&connection));
            answer(gateway, Box::new(request), connection, running, Flow::Http1 { last: retires.is_some() })
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
        let mut served = Box::pin(builder.serve_connection(TokioIo::new(io), service).with_upgrades());
        let mut phases = self.phases;
        async move {
            let ended = tokio::select! {
                ended = &mut served => ended,
                () = reached(&mut phases, Phase::Draining) => {
                    served.as_mut().graceful_shutdown();
                    served.await
                }
            };
            if ended.as_ref().is_err_and(hyper::Error::is_parse_too_large) && !activity.has_many_lines() {
                counters.reached(Limit::HeaderSize);
            }
            ended
        }
    }

    fn serve_http2(
        self,
        stream: TlsStream<TcpStream>,
        connection: Connection,
        activity: Arc<Activity>,
        connected: &Connected,
    ) -> impl Future<Output = hyper::Result<()>> {
        connected.speaks(Spoken::Http2);
        let counters = Arc::clone(&self.counters);
        let io = ClientIo::new(
            stream,
            Arc::clone(&activity),
            Arc::clone(&counters),
            &self.limits,
            Protocol::Http2,
        );
        let (gateway, connection) = (Rc::clone(&self.gateway), Rc::new(connection));
        let streams = Streams::new(&self.limits, Arc::clone(&activity), Arc::clone(&counters));
        let taking = streams.taking();
        let retiring = Rc::new(Notify::new());
        let retire = Rc::clone(&retiring);
        let service = service_fn(move |request: Request<Incoming>| {
            let running = activity.begin();
            if let Some(limit) = running.retires() {
                counters.reached(limit);
                retire.notify_one();
            }
            let (gateway, connection) = (Rc::clone(&gateway), Rc::clone(&connection));
            // In a box, because it is moved a dozen times until it runs (hyper puts that of HTTP/1.1 into one).
            Box::pin(answer(gateway, Box::new(request), connection, running, Flow::Http2(taking.clone())))
        });
        let resets = usize::try_from(self.limits.http2.resets).unwrap_or(usize::MAX);
        let mut builder = http2::Builder::new(streams);
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.http2.streams)
            .max_local_error_reset_streams(resets)
            .max_header_list_size(u32::try_from(self.limits.header_size).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(SEND_BUFFER_BYTES);
        let mut served = Box::pin(builder.serve_connection(TokioIo::new(io), service));
        let mut phases = self.phases;
        async move {
            tokio::select! {
                ended = &mut served => return ended,
                () = reached(&mut phases, Phase::Draining) => {}
                () = retiring.notified() => {}
            }
            // GOAWAY: no stream is refused that was on its way (RFC 9113 §6.8).
            served.as_mut().graceful_shutdown();
            served.await
        }
    }
}

/// How an answer goes out beside others of its connection.
enum Flow {
    /// Alone; the last one says so.
    Http1 { last: bool },
    /// Among others: whether it is taken is watched.
    Http2(Taking),
}

/// Returns at once, but not at the first poll: hyper looks for a reset only while an answer is not ready. What was
/// opened and reset in one breath (CVE-2023-44487) then ends here, and no upstream's connection is broken for it.
async fn be_reset() {
    let mut looked = false;
    let looking = |cx: &mut Context<'_>| {
        if std::mem::replace(&mut looked, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    };
    std::future::poll_fn(looking).await;
}

async fn answer(
    gateway: Rc<Gateway>,
    request: Box<Request<Incoming>>,
    connection: Rc<Connection>,
    mut running: Running,
    flow: Flow,
) -> Result<Response<Watched>, Infallible> {
    if matches!(flow, Flow::Http2(_)) {
        be_reset().await;
    }
    let mut response = gateway.handle(request, &connection).await;
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let taking = match flow {
        Flow::Http1 { last } => {
            if last && !switched {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            None
        }
        Flow::Http2(taking) => Some(taking),
    };
    Ok(response.map(|body| {
        let running = if switched {
            running.for_good();
            None
        } else {
            running.answering();
            Some(running)
        };
        Watched { body, running, taking }
    }))
}

/// A body that tells the connection when it has ended.
struct Watched {
    body: Outgoing,
    running: Option<Running>,
    taking: Option<Taking>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Some(taking) = &self.taking {
            taking.note(polled.is_ready());
        }
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

/// hyper parses this many without allocating.
const HYPER_MAX_HEADERS: usize = 100;
/// hyper takes no less.
const MIN_BUFFER_BYTES: usize = 8 * 1024;
/// Streams that a client opened and reset before we took them on (CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
const SEND_BUFFER_BYTES: usize = 128 * 1024;
