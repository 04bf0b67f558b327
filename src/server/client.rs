//! A client whose TLS handshake is done, as `connection` hands it to `http1` or `http2`.

use std::{rc::Rc, sync::Arc};

use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::{activity::Activity, counted_socket::CountedSocket};
use crate::{gateway::Connection, telemetry::Connected};

/// One client. What is large is boxed: everything else is moved about, and is part of the task for as long as the
/// connection idles.
pub(super) struct Client {
    pub(super) socket: Box<ClientSocket>,
    pub(super) connection: Rc<Connection>,
    pub(super) activity: Arc<Activity>,
    /// Counts the connection as open.
    pub(super) connected: Connected,
}

/// What HTTP is read from and written to.
pub(super) type ClientSocket = CountedSocket<TlsStream<TcpStream>>;
