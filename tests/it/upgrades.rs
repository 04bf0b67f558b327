//! Connections that change their protocol, and upgrades that are refused.

use std::{sync::mpsc::channel, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use crate::support::{
    client::{Http2, RawClient, connect, full, request, sign_in},
    frames::{END_HEADERS, Frames, HEADERS, block, frame, get},
    gateway::TestGateway,
    upstream::{Gate, PATIENCE, Received, Upstream, public_app},
};

type Socket = WebSocketStream<tokio_rustls::client::TlsStream<tokio::net::TcpStream>>;

/// An upstream that changes to whatever protocol it is asked for and then sends every byte back.
fn echoing() -> Upstream {
    Upstream::scripted(|conn| {
        let Some(request) = conn.request()? else { return Ok(()) };
        let protocol = request.value("upgrade").to_owned();
        assert!(request.value("connection").eq_ignore_ascii_case("upgrade"));
        conn.send(format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\nX-App: yes\r\n\r\n").as_bytes())?;
        conn.note("switched");
        while let Ok(bytes) = conn.bytes(1) {
            conn.send(&bytes)?;
        }
        Ok(())
    })
}

fn switching(protocol: &str, more: &str) -> String {
    format!(
        "GET /up HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: {protocol}\r\n{more}\r\n"
    )
}

async fn open(gateway: &TestGateway, cookie: &str) -> Result<Socket, Error> {
    let mut request = "wss://localhost/websocket".into_client_request().unwrap();
    if !cookie.is_empty() {
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
    }
    client_async(request, connect(gateway, b"http/1.1").await).await.map(|(socket, _)| socket)
}

#[tokio::test]
async fn websocket_messages_come_back_once_signed_in() {
    let gateway = TestGateway::start("[[app]]\nupstream = \"builtin:whoami\"\n");
    gateway.add_user("alice", &[]);
    match open(&gateway, "").await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 401),
        other => panic!("{other:?}"),
    }
    let mut socket = open(&gateway, &sign_in(&gateway, "alice")).await.unwrap();
    for message in [
        Message::text("häl\u{1F600}lo"),
        Message::binary(vec![0, 255, 13, 10]),
        Message::binary(vec![7; 200_000]),
    ] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    socket.send(Message::Ping(vec![1, 2].into())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong(vec![1, 2].into()));
    socket.close(None).await.unwrap();
    while let Some(message) = socket.next().await {
        assert!(matches!(message, Ok(Message::Close(_)) | Err(Error::ConnectionClosed)), "{message:?}");
    }
}

#[test]
fn any_protocol_that_the_upstream_accepts_passes() {
    for protocol in ["websocket", "my-protocol/2", "ssh"] {
        let upstream = echoing();
        let gateway = TestGateway::start(&public_app(&upstream.url, ""));
        let mut client = RawClient::connect(&gateway);
        client.send(switching(protocol, "Sec-WebSocket-Key: abc\r\nX-Other: 1\r\n"));
        let head = client.head().unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert_eq!(crate::support::upstream::values(&head, "upgrade"), [protocol]);
        assert_eq!(crate::support::upstream::values(&head, "x-app"), ["yes"]);
        client.send(b"\0any bytes\r\n\r\n");
        assert_eq!(client.bytes(14).unwrap(), b"\0any bytes\r\n\r\n");
        assert_eq!(upstream.only().value("sec-websocket-key"), "abc");
        drop(client);
        upstream.wait_for_close();
    }
}

#[test]
fn an_upgrade_without_a_session_does_not_reach_the_upstream() {
    let upstream = echoing();
    let gateway = TestGateway::start(&format!("[[app]]\nupstream = {:?}\n", upstream.url));
    let mut client = RawClient::connect(&gateway);
    client.send(switching("websocket", ""));
    assert_eq!(client.response().status, 401);
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn an_upgrade_to_another_http_is_removed() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = RawClient::connect(&gateway);
    for protocol in [
        "h2c",
        "H2C",
        "websocket, h2c",
        " h2c ",
        "h2",
        "TLS/1.0",
        "HTTP/2.0",
        "h2c\r\nUpgrade: websocket",
        "",
    ] {
        client.send(switching(protocol, "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"));
        assert_eq!(client.response().text(), "ok", "{protocol}");
        let received = upstream.seen().pop().unwrap();
        for removed in ["upgrade", "connection", "http2-settings"] {
            assert!(received.values(removed).is_empty(), "{protocol}: {}", received.head);
        }
    }
}

#[test]
fn an_upgrade_that_connection_does_not_name_is_removed() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = RawClient::connect(&gateway);
    assert_eq!(client.get("/", "Upgrade: websocket\r\n").text(), "ok");
    assert!(upstream.only().values("upgrade").is_empty());
}

#[tokio::test]
async fn http2_has_no_upgrade() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    for fields in [
        vec![(":method", &b"CONNECT"[..]), (":authority", b"localhost:443")],
        // RFC 8441 §4: a WebSocket over HTTP/2.
        [&instead_of_get(b"CONNECT")[..], &[(":protocol", b"websocket")]].concat(),
        [&get("/")[..], &[("connection", b"upgrade"), ("upgrade", b"websocket")]].concat(),
    ] {
        let mut client = Frames::connect(&gateway);
        client.send(frame(HEADERS, END_HEADERS, 1, block(&fields)));
        let verdict = client.verdict(1);
        assert!(verdict.is_refusal(), "{fields:?}: {verdict:?}");
    }
    assert_eq!(upstream.connections(), 0);
    let mut client = Http2::connect(&gateway).await;
    assert_eq!(client.send(request("GET", "/").body(full("")).unwrap()).await.unwrap().status(), 200);
}

/// The pseudo-header fields of a request for `/` with this method.
fn instead_of_get(method: &[u8]) -> [(&str, &[u8]); 4] {
    let mut fields = get("/");
    fields[0].1 = method;
    fields
}

#[test]
fn an_upgrade_to_another_protocol_than_the_one_requested_is_502() {
    let upstream = Upstream::responding(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    );
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = RawClient::connect(&gateway);
    client.send(switching("websocket", ""));
    assert_eq!(client.response().status, 502);
}

#[test]
fn an_upstream_may_decline() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = RawClient::connect_nameless(&gateway);
    // The bytes behind it are the next request: it is decided on as one, and not forwarded as bytes of a tunnel.
    client.send(
        switching("websocket", "")
            + "GET /next HTTP/1.1\r\nHost: elsewhere.example\r\nRemote-User: root\r\n\r\n",
    );
    assert_eq!(client.response().text(), "ok");
    assert_eq!(client.response().text(), "ok");
    let seen = upstream.seen();
    assert_eq!(seen.iter().map(Received::asked).collect::<Vec<_>>(), ["GET /up", "GET /next"]);
    assert!(seen[1].values("remote-user").is_empty());
}

#[test]
fn bytes_sent_before_the_101_arrive_as_they_were_sent() {
    let (agree, gate) = Gate::closed();
    let upstream = Upstream::scripted(move |conn| {
        while conn.request()?.is_some() {
            gate.wait();
            conn.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")?;
            while let Ok(bytes) = conn.bytes(1) {
                conn.send(&bytes)?;
            }
        }
        Ok(())
    });
    let gateway = TestGateway::start(&public_app(&upstream.url, "reuse_after_body = true"));
    let many = vec![b'\n'; 40_000];
    let posting = |length: &str| switching("x", length).replace("GET ", "POST ");
    for (head, body) in [
        (switching("x", ""), ""),
        (posting("Content-Length: 4\r\n"), "body"),
        (posting("Transfer-Encoding: chunked\r\n"), "4\r\nbody\r\n0\r\n\r\n"),
    ] {
        for ahead in
            [&b"\x82\x03a\nbMORE"[..], b"GET /admin HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\n", &many]
        {
            let mut client = RawClient::connect(&gateway);
            client.send([head.as_bytes(), body.as_bytes(), ahead].concat());
            client.send("later");
            agree.send(()).unwrap();
            assert!(client.head().unwrap().starts_with("HTTP/1.1 101 "));
            assert!(client.bytes(ahead.len()).unwrap() == ahead, "{:?}", ahead.escape_ascii().to_string());
            assert_eq!(client.bytes(5).unwrap(), b"later");
        }
    }
    let asked = upstream.asked();
    assert_eq!(asked.len(), 12);
    assert!(asked.iter().all(|asked| asked.ends_with(" /up")), "{asked:?}");
}

#[test]
fn requests_behind_an_upgrade_that_is_declined_are_read_whole() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = RawClient::connect(&gateway);
    let body = "x".repeat(30_000);
    let post =
        format!("POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let again = switching("websocket", "").replace("/up", "/again");
    client.send(format!("{}{post}{again}{post}", switching("websocket", "")));
    for _ in 0..4 {
        assert_eq!(client.response().text(), "ok");
    }
    let seen = upstream.seen();
    let asked: Vec<_> = seen.iter().map(Received::asked).collect();
    assert_eq!(asked, ["GET /up", "POST /post", "GET /again", "POST /post"]);
    assert!(seen[1].body == body.as_bytes() && seen[3].body == body.as_bytes());
}

#[test]
fn a_client_that_disconnects_before_the_101_ends_the_upstream_connection() {
    let upstream = Upstream::scripted(|conn| {
        conn.request()?;
        conn.until_close();
        Ok(())
    });
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    for ahead in ["", "sent ahead"] {
        let mut client = RawClient::connect(&gateway);
        client.send(switching("x", "") + ahead);
        upstream.wait_for_request();
        drop(client);
        upstream.wait_for_close();
    }
}

#[test]
fn mistake_07_bytes_sent_before_a_101_that_does_not_come_reach_no_upstream() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = RawClient::connect(&gateway);
    client.send(switching("websocket", "") + "\x01\x02smuggled\r\n\r\n");
    assert_eq!(client.response().status, 200);
    // The bytes are no request: they are refused, and the connection ends.
    assert!(String::from_utf8_lossy(&client.until_close()).starts_with("HTTP/1.1 400"));
    assert_eq!(RawClient::connect(&gateway).get("/honest", "").status, 200);
    assert_eq!(upstream.asked(), ["GET /up", "GET /honest"]);
}

#[test]
fn an_upgraded_connection_outlives_the_time_limits_of_requests() {
    let upstream = echoing();
    let limits = "[limits]\nidle_timeout = \"150ms\"\nheader_timeout = \"150ms\"\nbody_timeout = \"150ms\"";
    let gateway = TestGateway::start_with(limits, &public_app(&upstream.url, "timeout = \"150ms\""));
    let mut client = RawClient::connect(&gateway);
    client.send(switching("websocket", ""));
    client.head().unwrap();
    // Silence longer than every limit is the point.
    assert!(client.is_silent_for(Duration::from_millis(600)));
    client.send("x");
    assert_eq!(client.bytes(1).unwrap(), b"x");
}

#[test]
fn the_end_of_the_upstream_ends_an_upgraded_connection() {
    let upstream = Upstream::scripted(|conn| {
        conn.head()?;
        conn.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nbye")
    });
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = RawClient::connect(&gateway);
    client.send(switching("x", ""));
    client.head().unwrap();
    assert_eq!(client.until_close(), b"bye");
}

#[test]
fn draining_ends_upgraded_connections() {
    let upstream = echoing();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = RawClient::connect(&gateway);
    client.send(switching("websocket", ""));
    client.head().unwrap();
    gateway.drain().unwrap();
    client.until_close();
    upstream.wait_for_close();
}

#[test]
fn upgraded_connections_count_as_connections() {
    let upstream = echoing();
    let gateway = TestGateway::start_with("[limits]\nconnections = 1", &public_app(&upstream.url, ""));
    let mut first = RawClient::connect(&gateway);
    first.send(switching("websocket", ""));
    first.head().unwrap();
    let mut second = RawClient::connect(&gateway);
    let (sender, statuses) = channel();
    let waiting = std::thread::spawn(move || {
        sender.send(second.get("/", "Upgrade: x\r\n").status).unwrap();
    });
    gateway.wait_until_reached("connections", 1);
    assert!(statuses.try_recv().is_err(), "the second is served beside the first");
    drop(first);
    upstream.wait_for_close();
    // The echo takes it for no upgrade and hangs up; what counts is that somebody was asked.
    assert_eq!(statuses.recv_timeout(PATIENCE).unwrap(), 502);
    waiting.join().unwrap();
}
