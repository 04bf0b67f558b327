//! A client whose TLS handshake is done, as `connection` hands it to `http1` or `http2`.

use std::{rc::Rc, sync::Arc};

use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::{activity::Activity, counted_socket::CountedSocket};
use crate::{gateway::Connection, telemetry::OpenConnection};

/// One client. Its socket is boxed, because the rest is moved about and stays part of the task while the connection idles.
pub(super) struct Client {
    pub(super) socket: Box<ClientSocket>,
    pub(super) connection: Rc<Connection>,
    pub(super) activity: Arc<Activity>,
    /// Counts the connection as open.
    pub(super) connected: OpenConnection,
}

/// The socket that hyper reads from and writes to.
pub(super) type ClientSocket = CountedSocket<TlsStream<TcpStream>>;
