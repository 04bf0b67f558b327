//! Bodies far larger than what the gateway may keep of them. It runs as a process of its own here, so that
//! its memory is its memory alone.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::channel,
    },
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::support::{
    client::RawClient,
    upstream::{OK, Upstream, public_app},
};

const BODY_BYTES: u64 = 200 << 20;
static CHUNK: [u8; 64 << 10] = [b'x'; 64 << 10];
/// What the kernel's buffers of two connections can hold at most, and some.
const UNDERWAY_BYTES: u64 = 48 << 20;
/// What may be added to the process: buffers of one request, and what the allocator keeps.
const GROWTH_BYTES: u64 = 16 << 20;

/// The built binary, serving.
struct Process {
    child: Child,
    addr: SocketAddr,
    folder: TempDir,
}

impl Process {
    fn start(apps: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.toml");
        let server = "[server]\nhttps = [\"127.0.0.1:0\"]\nstatus = \"off\"\nworkers = 1\n";
        fs::write(&file, format!("{server}{apps}")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .arg("--config")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains("https=")).expect("the line that says where it serves");
        let (_, addr) = line.split_once("https=").unwrap();
        let addr = addr.split_whitespace().next().unwrap().parse().unwrap();
        // Read on, or the process would wait for somebody to do so.
        thread::spawn(move || lines.for_each(drop));
        Self { child, addr, folder }
    }

    fn connect(&self) -> RawClient {
        let certificate: PathBuf = self.folder.path().join("certs/self-signed.pem");
        RawClient::connect_to(self.addr, "localhost", &[], &[certificate])
    }

    /// A line of `/proc/PID/status`, in bytes.
    fn memory(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What a count comes to once it no longer grows.
fn settled(count: &AtomicU64) -> u64 {
    let mut before = 0;
    loop {
        thread::sleep(Duration::from_millis(400));
        let now = count.load(Ordering::SeqCst);
        if now > 0 && now == before {
            return now;
        }
        before = now;
    }
}

#[test]
fn a_large_download_waits_for_its_reader_and_takes_no_memory() {
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let upstream = Upstream::scripted(move |conn| {
        while let Some(request) = conn.request()? {
            if request.asked() == "GET /small" {
                conn.send(OK.as_bytes())?;
                continue;
            }
            conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY_BYTES}\r\n\r\n").as_bytes())?;
            for _ in 0..BODY_BYTES / CHUNK.len() as u64 {
                conn.send(&CHUNK)?;
                counted.fetch_add(CHUNK.len() as u64, Ordering::SeqCst);
            }
        }
        Ok(())
    });
    let process = Process::start(&public_app(&upstream.url, ""));
    let mut client = process.connect();
    assert_eq!(client.get("/small", "").status, 200);
    let before = process.memory("VmRSS:");

    client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let underway = settled(&sent);
    assert!(
        underway < UNDERWAY_BYTES,
        "{underway} bytes were taken from the upstream for a client that reads none"
    );
    client.head().unwrap();
    for _ in 0..BODY_BYTES / CHUNK.len() as u64 {
        assert!(client.bytes(CHUNK.len()).unwrap() == CHUNK);
    }
    assert_eq!(client.get("/small", "").status, 200);
    let growth = process.memory("VmHWM:").saturating_sub(before);
    assert!(growth < GROWTH_BYTES, "{growth} bytes more than before");
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_large_upload_waits_for_its_reader_and_takes_no_memory() {
    let (go_on, told) = channel::<()>();
    let told = Mutex::new(told);
    let upstream = Upstream::scripted(move |conn| {
        assert!(conn.request()?.is_some());
        conn.send(OK.as_bytes())?;
        conn.head()?;
        told.lock().unwrap().recv().unwrap();
        for _ in 0..BODY_BYTES / CHUNK.len() as u64 {
            assert!(conn.bytes(CHUNK.len())? == CHUNK);
        }
        conn.send(OK.as_bytes())
    });
    let process = Process::start(&public_app(&upstream.url, ""));
    let mut client = process.connect();
    assert_eq!(client.get("/small", "").status, 200);
    let before = process.memory("VmRSS:");

    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let sending = thread::spawn(move || {
        client
            .send(format!("PUT /large HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY_BYTES}\r\n\r\n"));
        for _ in 0..BODY_BYTES / CHUNK.len() as u64 {
            client.send(CHUNK);
            counted.fetch_add(CHUNK.len() as u64, Ordering::SeqCst);
        }
        client.answer().status
    });
    let underway = settled(&sent);
    assert!(
        underway < UNDERWAY_BYTES,
        "{underway} bytes were taken from the client for an upstream that reads none"
    );
    go_on.send(()).unwrap();
    assert_eq!(sending.join().unwrap(), 200);
    let growth = process.memory("VmHWM:").saturating_sub(before);
    assert!(growth < GROWTH_BYTES, "{growth} bytes more than before");
}
