//! Limits on the time and memory that one client may take. They are short here, and a test waits for the event: the
//! connection that closes, the response that says why, the count.

use std::{io::Read, net::TcpStream, sync::mpsc::channel, time::Duration};

use bytes::Bytes;
use http_body::Frame;

use crate::support::{
    client::{Http2, RawClient, frames, full, is_timeout, request},
    gateway::TestGateway,
    process::until,
    upstream::{Gate, OK, PATIENCE, Upstream, app_below, public_app},
};

fn limited(limits: &str, upstream: &Upstream) -> TestGateway {
    TestGateway::start_with(&format!("[limits]\n{limits}"), &public_app(&upstream.url, ""))
}

#[test]
fn advisory_71_a_handshake_that_does_not_come_ends_the_connection() {
    let gateway = limited("handshake_timeout = \"200ms\"", &Upstream::ok());
    let mut socket = TcpStream::connect(gateway.https()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(socket.read(&mut [0; 16]).unwrap(), 0);
    gateway.wait_until_reached("handshake_timeout", 1);
}

#[test]
fn advisory_71_a_head_that_drips_ends_the_connection() {
    let upstream = Upstream::ok();
    let gateway = limited("header_timeout = \"300ms\"", &upstream);
    for before in ["", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        let mut client = RawClient::connect(&gateway);
        client.send(before);
        if !before.is_empty() {
            assert_eq!(client.response().status, 200);
        }
        client.send("GET / HTTP/1.1\r\nX: ");
        // Every byte comes in time by itself; only all of them together do not.
        while client.is_silent_for(Duration::from_millis(50)) {
            if client.try_send("x").is_err() {
                break;
            }
        }
        assert_eq!(client.response().status, 408);
        client.until_close();
    }
    assert_eq!(upstream.seen().len(), 1);
    gateway.wait_until_reached("header_timeout", 2);
}

#[test]
fn a_connection_without_requests_is_closed() {
    let gateway = limited("idle_timeout = \"200ms\"", &Upstream::ok());
    let mut silent = RawClient::connect(&gateway);
    silent.handshake().unwrap();
    let mut once = RawClient::connect(&gateway);
    assert_eq!(once.get("/", "").status, 200);
    let mut http2 = RawClient::connect_as(&gateway, "localhost", &[b"h2"]);
    http2.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    let mut half_a_preface = RawClient::connect_as(&gateway, "localhost", &[b"h2"]);
    half_a_preface.send("PRI * HT");
    silent.until_close();
    once.until_close();
    http2.until_close();
    half_a_preface.until_close();
    gateway.wait_until_reached("idle_timeout", 4);
}

/// Longer than a connection keeps its buffers.
const LONG_SILENCE: Duration = Duration::from_millis(400);

#[test]
fn a_connection_goes_on_after_a_silence() {
    let upstream = Upstream::ok();
    let gateway = limited("", &upstream);
    let mut client = RawClient::connect(&gateway);
    client.handshake().unwrap();
    assert!(client.is_silent_for(LONG_SILENCE));
    // An empty line after a request is nothing (RFC 9112 §2.2).
    client.send("POST /1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi\r\n");
    assert_eq!(client.response().text(), "ok");
    assert!(client.is_silent_for(LONG_SILENCE));
    client.send("GET /2 HTTP/1.1\r\nHo");
    assert!(client.is_silent_for(LONG_SILENCE));
    client.send("st: localhost\r\n\r\nGET /3 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(client.response().text(), "ok");
    assert_eq!(client.response().text(), "ok");
    assert!(client.is_silent_for(LONG_SILENCE));
    client.send("POST /4 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nha");
    assert!(client.is_silent_for(LONG_SILENCE));
    client.send("lf");
    assert_eq!(client.response().text(), "ok");
    assert_eq!(upstream.asked(), ["POST /1", "GET /2", "GET /3", "POST /4"]);
    assert!(client.is_silent_for(LONG_SILENCE));
    // The rest of the connection is still read as strictly.
    client.send("GET / HTTP/1.1\nHost: localhost\r\n\r\n");
    assert_eq!(client.response().status, 400);
    client.until_close();
}

#[test]
fn a_running_request_is_not_idle() {
    let (go_on, gate) = Gate::closed();
    let upstream = Upstream::scripted(move |conn| {
        conn.request()?;
        gate.wait();
        conn.send(OK.as_bytes())
    });
    let gateway =
        limited("idle_timeout = \"150ms\"\nheader_timeout = \"150ms\"\nwrite_timeout = \"150ms\"", &upstream);
    let mut client = RawClient::connect(&gateway);
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    // Longer than every limit is the point.
    assert!(client.is_silent_for(Duration::from_millis(500)));
    go_on.send(()).unwrap();
    assert_eq!(client.response().text(), "ok");
}

#[test]
fn a_body_that_stops_gets_408() {
    let upstream = Upstream::ok();
    let gateway = limited("body_timeout = \"200ms\"", &upstream);
    for framing in ["Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
        let mut client = RawClient::connect(&gateway);
        client.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\n{framing}"));
        assert_eq!(client.response().status, 408);
        client.until_close();
    }
    assert!(upstream.seen().is_empty());
    gateway.wait_until_reached("body_timeout", 2);
}

#[test]
fn mistake_12_a_body_that_drips_gets_408() {
    let upstream = Upstream::ok();
    let gateway = limited("body_timeout = \"500ms\"\nbody_rate = \"1KiB\"", &upstream);
    let mut client = RawClient::connect(&gateway);
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n");
    // Never silent for long, and never fast.
    while client.is_silent_for(Duration::from_millis(50)) {
        if client.try_send("x").is_err() {
            break;
        }
    }
    assert_eq!(client.response().status, 408);
    assert!(upstream.seen().is_empty());
    gateway.wait_until_reached("body_rate", 1);
    assert_eq!(gateway.reached("body_timeout"), 0);
}

#[test]
fn a_body_that_is_slow_but_not_too_slow_arrives() {
    let upstream = Upstream::ok();
    let gateway = limited("body_timeout = \"1s\"\nbody_rate = \"100B\"", &upstream);
    let mut client = RawClient::connect(&gateway);
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n");
    // For twice as long as the rate is averaged over.
    for _ in 0..40 {
        assert!(client.is_silent_for(Duration::from_millis(50)));
        client.send("x".repeat(100));
    }
    assert_eq!(client.response().status, 200);
    assert_eq!(upstream.only().body.len(), 4000);
}

#[test]
fn mistake_12_a_client_that_reads_too_slowly_is_disconnected() {
    let upstream = Upstream::endless();
    let gateway = limited("write_timeout = \"1s\"\nwrite_rate = \"1GiB\"", &upstream);
    let mut client = RawClient::connect(&gateway);
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    // Not waiting for anything: the client is to be slower than the upstream, and to read all the time.
    while client.bytes(64 << 10).is_ok() {
        std::thread::sleep(Duration::from_millis(10));
    }
    upstream.wait_for_note("given up");
    gateway.wait_until_reached("write_rate", 1);
}

#[test]
fn a_client_that_reads_nothing_is_disconnected() {
    let upstream = Upstream::endless();
    let gateway = limited("write_timeout = \"300ms\"", &upstream);
    let mut client = RawClient::connect(&gateway);
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    upstream.wait_for_note("given up");
    gateway.wait_until_reached("write_timeout", 1);
}

#[test]
fn a_client_that_reads_slowly_gets_everything() {
    // Far more than all buffers in between hold.
    const BODY: usize = 32 << 20;
    const PIECE: usize = 512 << 10;
    let upstream = Upstream::scripted(|conn| {
        conn.request()?;
        conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n").as_bytes())?;
        conn.send(&vec![b'x'; BODY])
    });
    let gateway = limited("write_timeout = \"1s\"", &upstream);
    let mut client = RawClient::connect(&gateway);
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.head().unwrap();
    for _ in 0..BODY / PIECE {
        client.bytes(PIECE).unwrap();
        // Not waiting for anything: the body is to take longer than the client may read nothing.
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(gateway.reached("write_timeout") + gateway.reached("write_rate"), 0);
}

#[test]
fn a_body_whose_length_is_too_large_is_refused_before_it_reaches_the_upstream() {
    let upstream = Upstream::ok();
    let gateway = limited("max_body = \"1KiB\"", &upstream);
    let post =
        |length: usize| format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
    let mut client = RawClient::connect(&gateway);
    client.send(post(1025));
    assert_eq!(client.response().status, 413);
    let mut client = RawClient::connect(&gateway);
    client.send(post(8 << 20));
    for _ in 0..64 {
        if client.try_send(vec![b'x'; 64 << 10]).is_err() {
            break;
        }
    }
    assert_eq!(client.response().status, 413, "although it goes on sending");
    assert_eq!(upstream.connections(), 0);
    gateway.wait_until_reached("max_body", 2);
    let mut client = RawClient::connect(&gateway);
    client.send(post(1024) + "x".repeat(1024).as_str());
    assert_eq!(client.response().status, 200);
}

#[tokio::test]
async fn a_body_without_a_length_is_cut_when_it_grows_too_large() {
    let upstream = Upstream::ok();
    let gateway = limited("max_body = \"1KiB\"", &upstream);
    let mut client = RawClient::connect(&gateway);
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    for _ in 0..3 {
        client.send(format!("200\r\n{}\r\n", "x".repeat(0x200)));
    }
    assert_eq!(client.response().status, 413);
    client.until_close();
    let mut client = Http2::connect(&gateway).await;
    let body = frames((0..3).map(|_| Frame::data(Bytes::from(vec![b'x'; 512]))).collect());
    assert_eq!(client.send(request("POST", "/").body(body).unwrap()).await.unwrap().status(), 413);
    let declared = request("POST", "/").body(full(vec![b'x'; 1025])).unwrap();
    assert_eq!(client.send(declared).await.unwrap().status(), 413);
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let upstream = Upstream::ok();
    let gateway = limited("header_size = \"8KiB\"\nmax_headers = 20", &upstream);
    for (fields, status) in [
        (format!("X: {}\r\n", "x".repeat(7000)), 200),
        (format!("X: {}\r\n", "x".repeat(9000)), 431),
        ("X: y\r\n".repeat(19), 200),
        ("X: y\r\n".repeat(20), 431),
    ] {
        assert_eq!(RawClient::connect(&gateway).get("/", &fields).status, status, "{}", fields.len());
    }
    let mut client = Http2::connect(&gateway).await;
    let large = request("GET", "/").header("x", "x".repeat(9000)).body(full("")).unwrap();
    let response = client.send(large).await;
    assert!(response.is_err() || response.is_ok_and(|response| response.status() == 431));
    // Cookies may be split over many fields and count as one.
    for (count, name, status) in [(20, "x", 200), (21, "x", 431), (21, "cookie", 200)] {
        let many = (0..count).fold(request("GET", "/"), |request, _| request.header(name, "y"));
        assert_eq!(
            client.send(many.body(full("")).unwrap()).await.unwrap().status(),
            status,
            "{count} {name}"
        );
    }
    assert_eq!(upstream.seen().len(), 4);
    gateway.wait_until_reached("header_size", 2);
    gateway.wait_until_reached("max_headers", 2);
}

#[tokio::test]
async fn asvs_4_2_5_an_address_that_is_too_long_is_414() {
    let upstream = Upstream::ok();
    let gateway = limited("uri_length = \"1KiB\"", &upstream);
    let mut http2 = Http2::connect(&gateway).await;
    for (length, status) in [(1024, 200), (1025, 414), (5000, 414)] {
        let path = format!("/{}?{}", "x".repeat(500), "y".repeat(length - 502));
        assert_eq!(RawClient::connect(&gateway).get(&path, "").status, status, "{length}");
        let response = http2.send(request("GET", &path).body(full("")).unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{length}");
    }
    assert_eq!(upstream.seen().len(), 2);
    gateway.wait_until_reached("uri_length", 4);
}

#[tokio::test]
async fn an_app_may_take_larger_or_smaller_bodies_than_others() {
    let upstream = Upstream::ok();
    let app = |name: &str, keys: &str| app_below(name, &upstream.url, keys);
    let gateway = TestGateway::start_with(
        "[limits]\nmax_body = \"1KiB\"",
        &[app("small", "max_body = \"100B\""), app("large", "max_body = \"10KiB\""), app("usual", "")]
            .concat(),
    );
    for (path, most) in [("/small/", 100), ("/large/", 10 << 10), ("/usual/", 1 << 10)] {
        for (length, status) in [(most, 200), (most + 1, 413)] {
            let mut client = RawClient::connect(&gateway);
            client
                .send(format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"));
            client.try_send("x".repeat(length)).ok();
            assert_eq!(client.response().status, status, "{path} {length}");
            let mut client = Http2::connect(&gateway).await;
            let body = frames(vec![Frame::data(Bytes::from(vec![b'x'; length]))]);
            let response = client.send(request("POST", path).body(body).unwrap()).await.unwrap();
            assert_eq!(response.status(), status, "{path} {length}, without a length");
        }
    }
    assert_eq!(upstream.seen().len(), 6);
    gateway.wait_until_reached("max_body", 6);
}

#[test]
fn one_address_has_no_more_connections_than_it_may() {
    let upstream = Upstream::ok();
    let gateway = limited("connections_per_address = 2", &upstream);
    let mut open: Vec<_> = (0..2).map(|_| RawClient::connect(&gateway)).collect();
    for client in &mut open {
        assert_eq!(client.get("/", "").status, 200);
    }
    let mut third = RawClient::connect(&gateway);
    assert!(third.handshake().is_err());
    // The plain port takes from the same.
    let mut plain = TcpStream::connect(gateway.addrs.http[0]).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    let read = plain.read(&mut [0; 16]);
    assert!(read.as_ref().map_or_else(|error| !is_timeout(error), |count| *count == 0), "{read:?}");
    gateway.wait_until_reached("connections_per_address", 2);
    open.pop();
    until("there is room again", || RawClient::connect(&gateway).handshake().is_ok());
}

#[test]
fn trusted_proxies_may_have_any_number_of_connections() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start_trusting(
        &["127.0.0.0/8"],
        &format!("[limits]\nconnections_per_address = 2\n{}", public_app(&upstream.url, "")),
    );
    let mut open: Vec<_> = (0..5).map(|_| RawClient::connect(&gateway)).collect();
    for client in &mut open {
        assert_eq!(client.get("/", "").status, 200);
    }
    assert_eq!(gateway.reached("connections_per_address"), 0);
}

#[test]
fn the_last_response_of_a_connection_says_close() {
    let upstream = Upstream::ok();
    let mut asked_in_all = 0;
    for (limits, limit, allowed) in [
        ("requests_per_connection = 3", "requests_per_connection", Some(3)),
        ("connection_age = \"1ms\"", "connection_age", None),
    ] {
        let gateway = limited(limits, &upstream);
        let mut client = RawClient::connect(&gateway);
        // A connection's age begins with the end of the server's handshake, which a client cannot see.
        let asked = (1..=10_000).find(|_| {
            let response = client.get("/", "");
            assert_eq!(response.status, 200);
            response.values("connection") == ["close"]
        });
        let asked = asked.unwrap_or_else(|| panic!("{limits}: no end"));
        assert!(allowed.is_none_or(|allowed| asked == allowed), "{limits}: {asked}");
        asked_in_all += asked;
        client.until_close();
        gateway.wait_until_reached(limit, 1);
    }
    assert_eq!(upstream.seen().len(), asked_in_all);
}

#[test]
fn connections_past_the_limit_wait() {
    let gateway = limited("connections = 2", &Upstream::ok());
    let mut open: Vec<_> = (0..2).map(|_| RawClient::connect(&gateway)).collect();
    for client in &mut open {
        assert_eq!(client.get("/", "").status, 200);
    }
    let mut third = RawClient::connect(&gateway);
    let (sender, statuses) = channel();
    let waiting = std::thread::spawn(move || sender.send(third.get("/", "").status).unwrap());
    gateway.wait_until_reached("connections", 1);
    assert!(statuses.try_recv().is_err(), "the third is served beside the other two");
    open.pop();
    assert_eq!(statuses.recv_timeout(PATIENCE).unwrap(), 200);
    waiting.join().unwrap();
}

#[test]
fn draining_closes_connections_on_which_nothing_runs() {
    let gateway = limited("header_timeout = \"500ms\"", &Upstream::ok());
    let mut silent = RawClient::connect(&gateway);
    silent.handshake().unwrap();
    let mut once = RawClient::connect(&gateway);
    assert_eq!(once.get("/", "").status, 200);
    let mut long_ago = RawClient::connect(&gateway);
    assert_eq!(long_ago.get("/", "").status, 200);
    assert!(long_ago.is_silent_for(LONG_SILENCE));
    let mut begun = RawClient::connect(&gateway);
    begun.send("GET / HTTP/1.1\r\nX: ");
    gateway.stopper.drain();
    for client in [&mut silent, &mut once, &mut long_ago, &mut begun] {
        client.until_close();
    }
    gateway.drain().unwrap();
}

#[test]
fn draining_lets_running_requests_end() {
    let (go_on, gate) = Gate::closed();
    let upstream = Upstream::scripted(move |conn| {
        conn.request()?;
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha")?;
        gate.wait();
        conn.send(b"lf")
    });
    let gateway = limited("", &upstream);
    let mut client = RawClient::connect(&gateway);
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    upstream.wait_for_request();
    gateway.stopper.drain();
    go_on.send(()).unwrap();
    assert_eq!(client.response().text(), "half");
    gateway.drain().unwrap();
}
