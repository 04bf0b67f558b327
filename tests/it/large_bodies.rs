//! Bodies far larger than the buffers of the gateway. The gateway runs as a process of its own, so that its memory can
//! be measured.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::support::{
    client::RawClient,
    process::{Process, Workplace},
    upstream::{Gate, OK, Upstream, public_app},
};

const BODY_BYTES: u64 = 200 << 20;
static CHUNK: [u8; 64 << 10] = [b'x'; 64 << 10];
/// More than the kernel's buffers of two connections can hold.
const UNDERWAY_BYTES: u64 = 48 << 20;
/// Most that may be added to the process: buffers of one request, and memory that the allocator keeps.
const GROWTH_BYTES: u64 = 16 << 20;

fn start(upstream: &Upstream) -> (Workplace, Process) {
    let place = Workplace::empty();
    let configuration = Workplace::configuration("", &public_app(&upstream.url, ""));
    place.write(&configuration.replace("workers = 2", "workers = 1"));
    let process = place.start();
    (place, process)
}

fn connect(process: &Process) -> RawClient {
    RawClient::connect_to(process.https, "localhost", &[], &[process.certificate().to_owned()])
}

/// A line of `/proc/PID/status`, in bytes.
fn memory(process: &Process, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// Waits until a count no longer grows. No event says that no more bytes will move, so a count that is the same after
/// this time is taken for the last one. One that is taken too early is too low, and fails no test.
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
    let (_place, process) = start(&upstream);
    let mut client = connect(&process);
    assert_eq!(client.get("/small", "").status, 200);
    let before = memory(&process, "VmRSS:");

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
    let growth = memory(&process, "VmHWM:").saturating_sub(before);
    assert!(growth < GROWTH_BYTES, "{growth} bytes more than before");
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_large_upload_waits_for_its_reader_and_takes_no_memory() {
    let (go_on, gate) = Gate::closed();
    let upstream = Upstream::scripted(move |conn| {
        assert!(conn.request()?.is_some());
        conn.send(OK.as_bytes())?;
        conn.head()?;
        gate.wait();
        for _ in 0..BODY_BYTES / CHUNK.len() as u64 {
            assert!(conn.bytes(CHUNK.len())? == CHUNK);
        }
        conn.send(OK.as_bytes())
    });
    let (_place, process) = start(&upstream);
    let mut client = connect(&process);
    assert_eq!(client.get("/small", "").status, 200);
    let before = memory(&process, "VmRSS:");

    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let sending = thread::spawn(move || {
        client
            .send(format!("PUT /large HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY_BYTES}\r\n\r\n"));
        for _ in 0..BODY_BYTES / CHUNK.len() as u64 {
            client.send(CHUNK);
            counted.fetch_add(CHUNK.len() as u64, Ordering::SeqCst);
        }
        client.response().status
    });
    let underway = settled(&sent);
    assert!(
        underway < UNDERWAY_BYTES,
        "{underway} bytes were taken from the client for an upstream that reads none"
    );
    go_on.send(()).unwrap();
    assert_eq!(sending.join().unwrap(), 200);
    let growth = memory(&process, "VmHWM:").saturating_sub(before);
    assert!(growth < GROWTH_BYTES, "{growth} bytes more than before");
}
