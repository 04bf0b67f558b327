//! One client connection, from its handshake to its end.

use std::{cell::Cell, future::Future, pin::Pin, rc::Rc, sync::Arc};

use bytes::BytesMut;
use http::Method;
use memchr::memmem;
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    Limits,
    client_io::{Activity, ClientIo, Protocol, Slot, Terms},
    http1, http2,
    open_tasks::OpenTasks,
    refusal,
    shutdown::Shutdown,
};
use crate::{
    gateway::{Connection, Gateway},
    request::{Authority, UnreadHead},
    telemetry::{Connected, Counters, Limit, Spoken},
};

/// What a worker's connections have in common.
pub(super) struct Serving {
    pub(super) gateway: Rc<Gateway>,
    pub(super) acceptor: TlsAcceptor,
    pub(super) limits: Limits,
    pub(super) shutdown: Shutdown,
    pub(super) counters: Arc<Counters>,
    /// The worker's tasks that serve a client.
    pub(super) open: Rc<OpenTasks>,
    /// How many connections this worker has served.
    pub(super) served: Cell<u32>,
}

/// A client whose handshake is done. Boxed is what is large: everything else is moved about, and is part of the
/// task for as long as the connection idles.
pub(super) struct Client {
    pub(super) io: Box<TlsIo>,
    pub(super) connection: Rc<Connection>,
    pub(super) activity: Arc<Activity>,
    /// Counts it as open.
    pub(super) connected: Connected,
}

/// What HTTP is read from and written to.
pub(super) type TlsIo = ClientIo<TlsStream<TcpStream>>;

impl Serving {
    /// Serves one connection until it ends, or until the server has stopped.
    pub(super) async fn serve(self: Rc<Self>, socket: TcpStream, connection: Connection, slot: Slot) {
        let client = tokio::select! {
            biased;
            () = self.shutdown.stopped.cancelled() => return,
            // In a box, as is whatever a connection needs for a while only: the task keeps room for all it awaits.
            client = Box::pin(self.shake_hands(socket, connection, slot)) => client,
        };
        let served: Pin<Box<dyn Future<Output = ()>>> = match client {
            Some((Protocol::Http1, client)) => Box::pin(http1::serve(self, client)),
            Some((Protocol::Http2, client)) => Box::pin(http2::serve(self, client)),
            None => return,
        };
        served.await;
    }

    async fn shake_hands(
        &self,
        socket: TcpStream,
        connection: Connection,
        slot: Slot,
    ) -> Option<(Protocol, Client)> {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a connection is gone before it began");
            return None;
        }
        let connected = self.counters.connected();
        let shaking = async {
            if speaks_plain_http(&socket).await {
                Err(socket)
            } else {
                Ok(self.acceptor.accept(socket).await)
            }
        };
        match timeout(self.limits.handshake_timeout, shaking).await {
            Ok(Err(socket)) => {
                connected.speaks(Spoken::Plain);
                self.refuse_plain(socket, &connection, slot).await;
                None
            }
            Ok(Ok(Ok(mut stream))) => {
                stream.get_mut().1.set_buffer_limit(Some(TLS_BUFFER_BYTES));
                Some(self.client(stream, connection, slot, connected))
            }
            Ok(Ok(Err(error))) => {
                self.counters.handshake_failed();
                tracing::debug!(%error, peer = %connection.peer_addr, "a TLS handshake failed");
                None
            }
            Err(_) => {
                self.counters.reached(Limit::HandshakeTimeout);
                tracing::debug!(peer = %connection.peer_addr, "a TLS handshake took too long");
                None
            }
        }
    }

    /// Tells a client that has begun with HTTP where TLS is spoken.
    async fn refuse_plain(&self, socket: TcpStream, connection: &Connection, slot: Slot) {
        let (activity, counters) = (Activity::new(slot, self.terms()), Arc::clone(&self.counters));
        let mut io = ClientIo::new(socket, activity, counters, &self.limits, Protocol::Http1);
        let mut head = BytesMut::with_capacity(PLAIN_HEAD_BYTES);
        // Its time is limited by the stream, as that of every head.
        while memmem::find(&head, b"\r\n\r\n").is_none() && head.len() < PLAIN_HEAD_BYTES {
            if !matches!(io.read_buf(&mut head).await, Ok(1..)) {
                break;
            }
        }
        let head = UnreadHead::read(&head);
        let response = self.gateway.refuse_plain(&head, connection);
        if let Err(error) = refusal::write(&mut io, response, head.method != Some(Method::HEAD)).await {
            tracing::debug!(%error, peer = %connection.peer_addr, "plain HTTP where TLS is spoken");
        }
    }

    fn client(
        &self,
        stream: TlsStream<TcpStream>,
        mut connection: Connection,
        slot: Slot,
        connected: Connected,
    ) -> (Protocol, Client) {
        let session = stream.get_ref().1;
        connection.server_name =
            session.server_name().and_then(|name| Authority::parse(name.as_bytes()).ok());
        let (protocol, spoken) = match session.alpn_protocol() {
            Some(b"h2") => (Protocol::Http2, Spoken::Http2),
            _ => (Protocol::Http1, Spoken::Http1),
        };
        connected.speaks(spoken);
        let activity = Activity::new(slot, self.terms());
        let counters = Arc::clone(&self.counters);
        let mut io = ClientIo::new(stream, Arc::clone(&activity), counters, &self.limits, protocol);
        if protocol == Protocol::Http1 {
            io.drop_refusals();
        }
        connection.interim = io.interim();
        let io = Box::new(io);
        (protocol, Client { io, connection: Rc::new(connection), activity, connected })
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
}

/// Whether a client begins with a method of HTTP. A record of TLS begins with a number below 32 (RFC 8446 §5.1).
async fn speaks_plain_http(socket: &TcpStream) -> bool {
    let mut first = [0];
    socket.peek(&mut first).await.is_ok_and(|count| count == 1) && first.iter().all(u8::is_ascii_uppercase)
}

/// As much of a head as is read to tell its sender of the mistake.
const PLAIN_HEAD_BYTES: usize = 8 * 1024;
/// Three whole records, which with what TLS adds fit the largest packet that TCP hands down at once (64 KiB). What does not
/// fit goes into a second one, and where TCP spaces packets out by a timer (BBR) that costs more than encrypting it: an
/// answer of 1 MiB took a third more at 160 KiB, a half more at rustls' own 64. Without BBR the three differ by 5 %.
const TLS_BUFFER_BYTES: usize = 3 * 16 * 1024;
