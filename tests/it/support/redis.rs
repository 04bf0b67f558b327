//! A real Redis of a test's own, and a relay to it that a test can cut.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use tempfile::TempDir;

use super::process::until;

/// A `redis-server` on a free port; killed when this is dropped.
pub struct RedisServer {
    child: Child,
    port: u16,
    arguments: Vec<String>,
    folder: TempDir,
}

impl RedisServer {
    /// A server that keeps everything in memory.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with further settings: `--requirepass`, `secret`.
    pub fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>();
        // Somebody else may take the port before the server does.
        for _ in 0..20 {
            let port = free_port();
            let mut child = spawn(port, &arguments, &folder);
            if responds(&mut child, port) {
                return Self { child, port, arguments, folder };
            }
            child.kill().ok();
            child.wait().ok();
        }
        panic!("no redis-server comes up");
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Stops it from doing anything; its connections stay open.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// Ends it without asking.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().expect("its end");
    }

    /// Starts it again on the same port, with nothing in it unless it was saved.
    pub fn start_again(&mut self) {
        self.child = spawn(self.port, &self.arguments, &self.folder);
        assert!(responds(&mut self.child, self.port), "redis-server does not come up again");
    }

    /// A connection for the test itself.
    pub fn connection(&self) -> redis::Connection {
        let client = redis::Client::open(self.url()).expect("an address");
        client.get_connection().expect("a connection")
    }

    /// The dump that it would write to a disk.
    pub fn dump(&self) -> Vec<u8> {
        redis::cmd("SAVE").exec(&mut self.connection()).expect("a dump");
        std::fs::read(self.folder.path().join("dump.rdb")).expect("the dump")
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill").success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(port: u16, arguments: &[String], folder: &TempDir) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--rdbcompression", "no"])
        .arg("--dir")
        .arg(folder.path())
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server; tests/run installs it")
}

/// Whether it says anything to a greeting before it ends.
fn responds(child: &mut Child, port: u16) -> bool {
    let mut ended = false;
    let ping = || -> std::io::Result<bool> {
        let mut socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        socket.write_all(b"PING\r\n")?;
        Ok(socket.read(&mut [0; 16])? > 0)
    };
    until("redis-server responds or ends", || {
        ended = child.try_wait().expect("its state").is_some();
        ended || ping().unwrap_or(false)
    });
    !ended
}

/// A free port below those that the kernel gives out by itself, so that no listener of another test takes it before the
/// server that it is for.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Programs of tests that run at the same time begin elsewhere.
    let first = std::process::id().wrapping_mul(97);
    let ports = std::iter::repeat_with(|| first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)));
    let mut ports = ports.map(|number| 10_000 + u16::try_from(number % 22_000).expect("a small number"));
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("there is always another port")
}

/// Stands between a gateway and its Redis.
pub struct Relay {
    addr: SocketAddr,
    swallows: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Relay {
    pub fn to(server: &RedisServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let addr = listener.local_addr().expect("an address");
        let (swallows, open) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<TcpStream>>>::default());
        let (port, dropping, kept) = (server.port, Arc::clone(&swallows), Arc::clone(&open));
        // Ends with the test's process: there is nothing to be left undone.
        thread::spawn(move || {
            for here in listener.incoming().flatten() {
                let Ok(there) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                kept.lock()
                    .expect("the relayed sockets")
                    .extend([&here, &there].map(|end| end.try_clone().expect("a socket")));
                for (from, to) in [(&here, &there), (&there, &here)] {
                    let (from, to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                    let dropping = Arc::clone(&dropping);
                    thread::spawn(move || carry(from, to, &dropping));
                }
            }
        });
        Self { addr, swallows, open }
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.addr)
    }

    /// From now on no byte comes through, and the connections stay open.
    pub fn swallow(&self) {
        self.swallows.store(true, Ordering::SeqCst);
    }

    /// From now on all bytes come through; connections that missed some are closed, as their peers would close them.
    pub fn mend(&self) {
        self.swallows.store(false, Ordering::SeqCst);
        for socket in self.open.lock().expect("the relayed sockets").drain(..) {
            socket.shutdown(Shutdown::Both).ok();
        }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, dropping: &AtomicBool) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if !dropping.load(Ordering::SeqCst) && to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
}
