//! Upstreams with scripts, well-behaved or not.
//!
//! Each is a thread that accepts and a thread for each connection, on plain blocking sockets: no HTTP library stands
//! between the test and the bytes. Requests are kept byte for byte.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::{CertifiedKey, SingleCertAndKey},
};
use socket2::{Domain, SockRef, Socket, Type};

/// One request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// Request line and header lines, without the empty line.
    pub head: String,
    /// The body as it was framed: chunks, sizes and trailers included.
    pub raw_body: Vec<u8>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// The lines after the last chunk.
    pub trailers: Vec<String>,
}

impl Received {
    /// `GET /path HTTP/1.1`.
    pub fn request_line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// Method, path and query.
    pub fn asked(&self) -> &str {
        self.request_line().strip_suffix(" HTTP/1.1").expect("HTTP/1.1")
    }

    /// The values of a header, in order.
    pub fn values(&self, name: &str) -> Vec<&str> {
        values(&self.head, name)
    }

    /// The value of a header that must be there exactly once.
    #[track_caller]
    pub fn value(&self, name: &str) -> &str {
        let values = self.values(name);
        assert_eq!(values.len(), 1, "{name} in {}", self.head);
        values[0]
    }
}

/// The values of a header in the text of a head.
pub fn values<'h>(head: &'h str, name: &str) -> Vec<&'h str> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

/// A running upstream.
pub struct Upstream {
    /// As `upstream` names it in the configuration.
    pub url: String,
    connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Received>>>,
    events: Mutex<Receiver<Event>>,
}

/// A message of a connection's script to the test.
#[derive(Debug)]
pub enum Event {
    /// A whole request has arrived.
    Request,
    /// The gateway has closed the connection.
    Closed,
    /// Something that only this test knows the meaning of.
    Note(String),
}

/// Holds scripts up until the test lets them go on.
pub struct Gate(Mutex<Receiver<()>>);

impl Gate {
    /// A gate that is closed. Each `()` that is sent lets one through; once the sender is dropped, all go through.
    pub fn closed() -> (Sender<()>, Self) {
        let (open, waiting) = channel();
        (open, Self(Mutex::new(waiting)))
    }

    /// Waits to be let through.
    pub fn wait(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
    }
}

/// One connection, in the hands of a script.
pub struct Conn {
    /// Which, from 0.
    pub number: usize,
    stream: Box<dyn Duplex>,
    unread: Vec<u8>,
    seen: Arc<Mutex<Vec<Received>>>,
    events: Sender<Event>,
}

trait Duplex: Read + Write + Send {
    /// The socket, if it is one over TCP.
    fn tcp(&self) -> Option<&TcpStream> {
        None
    }
}

impl Duplex for UnixStream {}
impl Duplex for StreamOwned<ServerConnection, TcpStream> {}
impl Duplex for TcpStream {
    fn tcp(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

impl Upstream {
    /// Runs the script for every connection.
    pub fn scripted(script: impl Fn(&mut Conn) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        Self::run(url, script, move || {
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream))
        })
    }

    /// Responds to every request with these bytes, and keeps the connection.
    pub fn responding(response: impl Into<Vec<u8>>) -> Self {
        let response = response.into();
        Self::scripted(move |conn| {
            while conn.request()?.is_some() {
                conn.send(&response)?;
            }
            Ok(())
        })
    }

    /// Responds with `200` and a short body.
    pub fn ok() -> Self {
        Self::responding(OK)
    }

    /// Responds with a body that does not end; notes `given up` when the gateway takes no more of it.
    pub fn endless() -> Self {
        Self::scripted(|conn| {
            conn.request()?;
            conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            let chunk = [b"10000\r\n", &vec![b'x'; 0x10000][..], b"\r\n"].concat();
            while conn.send(&chunk).is_ok() {}
            conn.note("given up");
            Ok(())
        })
    }

    /// Like [`Self::ok`], over a UNIX domain socket.
    pub fn unix(path: &Path) -> Self {
        let listener = UnixListener::bind(path).expect("a socket");
        Self::run(format!("unix:{}", path.display()), respond_ok, move || {
            let (stream, _): (UnixStream, _) = listener.accept()?;
            Ok(Box::new(stream))
        })
    }

    /// Like [`Self::ok`], over TLS, with a certificate for 127.0.0.1; returns the authority's certificate too.
    pub fn tls() -> (Self, String) {
        let mut authority = CertificateParams::new([]).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key"))
            .expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(["127.0.0.1".to_owned()])
            .expect("parameters")
            .signed_by(&key, &authority)
            .expect("a certificate");
        (Self::tls_with(certificate.der(), &key), authority.pem())
    }

    /// Like [`Self::ok`], over TLS, with this certificate, whether the key fits or not.
    pub fn tls_with(certificate: &CertificateDer<'static>, key: &KeyPair) -> Self {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let key = provider.key_provider.load_private_key(key).expect("a key");
        let certified = Arc::new(CertifiedKey::new(vec![certificate.clone()], key));
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        Self::tls_as(Arc::new(config))
    }

    /// Like [`Self::ok`], over TLS with this configuration.
    pub fn tls_as(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("https://{}", listener.local_addr().expect("an address"));
        Self::run(url, respond_ok, move || {
            let (stream, _) = listener.accept()?;
            let server = ServerConnection::new(Arc::clone(&config)).expect("a server");
            Ok(Box::new(StreamOwned::new(server, stream)))
        })
    }

    /// The address of a server that is not there. The port is held until the tests end, so that nobody else listens
    /// on it.
    pub fn dead() -> String {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).expect("a port");
        let addr = socket.local_addr().expect("an address").as_socket().expect("an address of IPv4");
        Box::leak(Box::new(socket));
        format!("http://{addr}")
    }

    fn run(
        url: String,
        script: impl Fn(&mut Conn) -> io::Result<()> + Send + Sync + 'static,
        accept: impl Fn() -> io::Result<Box<dyn Duplex>> + Send + 'static,
    ) -> Self {
        let connections = Arc::new(AtomicUsize::new(0));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (sender, events) = channel();
        let script = Arc::new(script);
        let (counted, kept) = (Arc::clone(&connections), Arc::clone(&seen));
        // The thread ends with the test process; an upstream holds nothing that would have to be given back.
        std::thread::spawn(move || {
            while let Ok(stream) = accept() {
                let number = counted.fetch_add(1, Ordering::SeqCst);
                let (script, seen, events) = (Arc::clone(&script), Arc::clone(&kept), sender.clone());
                std::thread::spawn(move || {
                    let mut conn = Conn { number, stream, unread: Vec::new(), seen, events };
                    // A broken connection is often what the test is about; it looks at the other end.
                    script(&mut conn).ok();
                });
            }
        });
        Self { url, connections, seen, events: Mutex::new(events) }
    }

    /// The port, for upstreams over TCP.
    pub fn addr(&self) -> SocketAddr {
        self.url.split_once("//").expect("a URL").1.parse().expect("an address")
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Every whole request so far.
    pub fn seen(&self) -> Vec<Received> {
        self.seen.lock().expect("requests").clone()
    }

    /// Method, path and query of every whole request so far.
    pub fn asked(&self) -> Vec<String> {
        self.seen.lock().expect("requests").iter().map(|request| request.asked().to_owned()).collect()
    }

    /// The last whole request so far.
    #[track_caller]
    pub fn last(&self) -> Received {
        self.seen.lock().expect("requests").last().expect("a request has arrived").clone()
    }

    /// The only request so far.
    #[track_caller]
    pub fn only(&self) -> Received {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }

    /// The next event of a script; fails after [`PATIENCE`].
    #[track_caller]
    pub fn event(&self) -> Event {
        self.events.lock().expect("events").recv_timeout(PATIENCE).expect("an event from the upstream")
    }

    /// Waits until another whole request has arrived.
    #[track_caller]
    pub fn wait_for_request(&self) {
        while !matches!(self.event(), Event::Request) {}
    }

    /// Waits for this note of a script.
    #[track_caller]
    pub fn wait_for_note(&self, wanted: &str) {
        loop {
            if let Event::Note(note) = self.event()
                && note == wanted
            {
                return;
            }
        }
    }

    /// Waits until the gateway has closed a connection on which a script was waiting for that.
    #[track_caller]
    pub fn wait_for_close(&self) {
        while !matches!(self.event(), Event::Closed) {}
    }
}

impl Conn {
    /// The next whole request; `None` once the gateway has closed.
    pub fn request(&mut self) -> io::Result<Option<Received>> {
        let Some(head) = self.head()? else { return Ok(None) };
        let mut received = Received { head, ..Received::default() };
        if values(&received.head, "transfer-encoding") == ["chunked"] {
            self.chunks(&mut received)?;
        } else if let Some(length) = values(&received.head, "content-length").first() {
            let length = length.parse().map_err(io::Error::other)?;
            received.body = self.bytes(length)?;
            received.raw_body.clone_from(&received.body);
        }
        self.seen.lock().expect("requests").push(received.clone());
        self.notify(Event::Request);
        Ok(Some(received))
    }

    /// The next head, up to its empty line; `None` once the gateway has closed.
    pub fn head(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.unread.drain(..end + 4).take(end).collect();
                return String::from_utf8(head).map(Some).map_err(io::Error::other);
            }
            if self.more()? == 0 {
                self.notify(Event::Closed);
                return if self.unread.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    /// Reads `count` bytes.
    pub fn bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < count {
            if self.more()? == 0 {
                self.notify(Event::Closed);
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.unread.drain(..count).collect())
    }

    /// The bytes until the gateway closes; a reset counts as an end.
    pub fn until_close(&mut self) -> Vec<u8> {
        while self.more().is_ok_and(|count| count > 0) {}
        self.notify(Event::Closed);
        std::mem::take(&mut self.unread)
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// The socket of a connection over TCP.
    pub fn socket(&self) -> &TcpStream {
        self.stream.tcp().expect("a connection over TCP")
    }

    /// From now on, closing the connection resets it.
    pub fn reset_at_close(&self) {
        SockRef::from(self.socket()).set_linger(Some(Duration::ZERO)).expect("a socket option");
    }

    /// Sends the test a note.
    pub fn note(&self, note: impl Into<String>) {
        self.notify(Event::Note(note.into()));
    }

    fn notify(&self, event: Event) {
        // The test may have ended already.
        self.events.send(event).ok();
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.extend(self.bytes(1)?);
        }
        String::from_utf8(line).map_err(io::Error::other)
    }

    fn chunks(&mut self, received: &mut Received) -> io::Result<()> {
        loop {
            let line = self.line()?;
            received.raw_body.extend(line.as_bytes());
            let size = usize::from_str_radix(line.trim_end(), 16).map_err(io::Error::other)?;
            if size == 0 {
                break;
            }
            let data = self.bytes(size + 2)?;
            received.body.extend(&data[..size]);
            received.raw_body.extend(data);
        }
        loop {
            let line = self.line()?;
            received.raw_body.extend(line.as_bytes());
            if line == "\r\n" {
                return Ok(());
            }
            received.trailers.push(line.trim_end().to_owned());
        }
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut buffer = vec![0; 64 * 1024];
        let count = match self.stream.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            other => other?,
        };
        self.unread.extend(&buffer[..count]);
        Ok(count)
    }
}

/// An app that everybody may use, with these further keys.
pub fn public_app(upstream: &str, keys: &str) -> String {
    named_app("app", upstream, keys)
}

/// The same with another name; its rule covers everything below its mount, whatever that is.
pub fn named_app(name: &str, upstream: &str, keys: &str) -> String {
    let upstream = if upstream.starts_with('[') { upstream.to_owned() } else { format!("{upstream:?}") };
    format!(
        "[[app]]\nname = {name:?}\nupstream = {upstream}\n{keys}\n[[app.rule]]\npath = \"/**\"\nallow = \"anyone\"\n"
    )
}

/// The same below `/NAME`.
pub fn app_below(name: &str, upstream: &str, keys: &str) -> String {
    named_app(name, upstream, &format!("path = \"/{name}\"\n{keys}")).replace("/**", &format!("/{name}/**"))
}

fn respond_ok(conn: &mut Conn) -> io::Result<()> {
    while conn.request()?.is_some() {
        conn.send(OK.as_bytes())?;
    }
    Ok(())
}

/// A small response.
pub const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";
/// How long a test waits for what must happen before it fails.
pub const PATIENCE: Duration = Duration::from_secs(20);
