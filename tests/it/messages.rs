//! HTTP/1.1 and HTTP/2 messages that two servers could read differently: the gateway refuses them and closes the
//! connection.

use crate::support::{
    client::RawClient,
    frames::{END_HEADERS, END_STREAM, Frames, HEADERS, Verdict, block, frame, get},
    gateway::TestGateway,
    upstream::{Upstream, public_app},
};

/// Behind every wrong message: what must never be taken for a request.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Sends this and a hidden request; returns everything that comes until the gateway closes.
#[track_caller]
fn refused(gateway: &TestGateway, message: &str) -> String {
    let mut client = RawClient::connect(gateway);
    client.try_send(format!("{message}{SMUGGLED}")).ok();
    String::from_utf8_lossy(&client.until_close()).into_owned()
}

#[test]
fn mistake_08_ambiguous_heads_are_refused_and_reach_no_upstream() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let oversized = format!("X: {}\r\n", "x".repeat(40 * 1024));
    let many = "X: y\r\n".repeat(101);
    for (fields, status) in [
        // Two lengths, or a length and chunks.
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", 400),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", 400),
        ("Content-Length: 5, 5\r\n", 400),
        ("Content-Length: 5,6\r\n", 400),
        ("Content-Length: +5\r\n", 400),
        ("Content-Length: -5\r\n", 400),
        ("Content-Length: 0x5\r\n", 400),
        ("Content-Length: 5 5\r\n", 400),
        ("Content-Length: five\r\n", 400),
        ("Content-Length:\r\n", 400),
        ("Content-Length: 99999999999999999999\r\n", 400),
        // Chunked in disguise.
        ("Transfer-Encoding: xchunked\r\n", 400),
        ("Transfer-Encoding: chunked, identity\r\n", 400),
        ("Transfer-Encoding: identity\r\n", 400),
        ("Transfer-Encoding: gzip, chunked\r\n", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Transfer-Encoding: \"chunked\"\r\n", 400),
        ("Transfer-Encoding: chunked;x=y\r\n", 400),
        ("Transfer-Encoding: \x0bchunked\r\n", 400),
        ("Transfer-Encoding:\r\n chunked\r\n", 400),
        ("Transfer-Encoding : chunked\r\n", 400),
        ("Transfer-Encoding\t: chunked\r\n", 400),
        (" Transfer-Encoding: chunked\r\n", 400),
        ("X: y\rTransfer-Encoding: chunked\r\n", 400),
        ("X: y\nTransfer-Encoding: chunked\r\n", 400),
        ("Content-Length: 5\nX: y\r\n", 400),
        // Lines.
        ("X: y\n", 400),
        ("X: y\n\n", 400),
        ("X: a\r\n b\r\n", 400),
        ("X: a\r\n\tb\r\n", 400),
        ("X : y\r\n", 400),
        ("X\u{b}: y\r\n", 400),
        ("X\r\n", 400),
        (": y\r\n", 400),
        ("X: a\0b\r\n", 400),
        ("X: a\rb\r\n", 400),
        ("X: a\x7fb\r\n", 400),
        ("X: a\x01b\r\n", 400),
        ("X\0: y\r\n", 400),
        ("X(y): z\r\n", 400),
        ("\u{e9}: y\r\n", 400),
        // Hosts.
        ("Host: other\r\n", 400),
        ("Host: localhost\r\n", 400),
        // Too much.
        (&oversized, 431),
        (&many, 431),
    ] {
        let message = format!("POST / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n0\r\n\r\n");
        let shown: String = fields.chars().take(80).collect();
        let response = refused(&gateway, &message);
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{shown:?}: {response:?}");
        assert_eq!(response.matches("HTTP/1.1 ").count(), 1, "{shown:?}: {response:?}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn mistake_08_ambiguous_request_lines_are_refused_and_reach_no_upstream() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    for line in [
        "GET / HTTP/1.1\n",
        "GET  / HTTP/1.1\r\n",
        "GET /  HTTP/1.1\r\n",
        "GET\t/ HTTP/1.1\r\n",
        " GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1 \r\n",
        "GET / http/1.1\r\n",
        "GET / HTTP/1.2\r\n",
        "GET / HTTP/2.0\r\n",
        "GET / HTTP/0.9\r\n",
        "GET / HTTP/01.1\r\n",
        "GET /\r\n",
        "GET /a b HTTP/1.1\r\n",
        "GET /a\tb HTTP/1.1\r\n",
        "GET /a\0b HTTP/1.1\r\n",
        "GET /a\x7f HTTP/1.1\r\n",
        "GET /caf\u{e9} HTTP/1.1\r\n",
        "GET a HTTP/1.1\r\n",
        "GET ../a HTTP/1.1\r\n",
        "GET /../a HTTP/1.1\r\n",
        "GET /a/./b HTTP/1.1\r\n",
        "GET /a/%2e%2e/b HTTP/1.1\r\n",
        "GET /a/%252e%252e/b HTTP/1.1\r\n",
        "GET /a/..%2fb HTTP/1.1\r\n",
        "GET /a/..;/b HTTP/1.1\r\n",
        "GET /a\\..\\b HTTP/1.1\r\n",
        "GET /%00 HTTP/1.1\r\n",
        "GET /%0d%0aX:%20y HTTP/1.1\r\n",
        "GET /%zz HTTP/1.1\r\n",
        "GET /%f HTTP/1.1\r\n",
        "GET /%ff HTTP/1.1\r\n",
        "GET ftp:x HTTP/1.1\r\n",
        "G(T / HTTP/1.1\r\n",
        "\0GET / HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n",
    ] {
        let response = refused(&gateway, &format!("{line}Host: localhost\r\n\r\n"));
        assert!(response.starts_with("HTTP/1.1 400 "), "{line:?}: {response:?}");
        assert_eq!(response.matches("HTTP/1.1 ").count(), 1, "{line:?}: {response:?}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn mistake_08_ambiguous_bodies_never_arrive_whole() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    for chunks in [
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        ";\r\nhello\r\n0\r\n\r\n",
        "-1\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX: a\r\n b\r\n\r\n",
        "0\r\n\n",
    ] {
        let message =
            format!("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        let response = refused(&gateway, &message);
        assert!(response.starts_with("HTTP/1.1 400 "), "{chunks:?}: {response:?}");
        assert_eq!(response.matches("HTTP/1.1 ").count(), 1, "{chunks:?}: {response:?}");
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
}

#[test]
fn the_second_request_of_a_packet_is_read_as_strictly_as_the_first() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    for first in [
        "GET /first HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /first HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n\n\r\n",
        "POST /first HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    ] {
        let responses =
            refused(&gateway, &format!("{first}GET /second HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n"));
        let statuses: Vec<&str> =
            responses.split("HTTP/1.1 ").skip(1).map(|response| &response[..3]).collect();
        assert_eq!(statuses, ["200", "400"], "{first:?}: {responses}");
    }
    assert_eq!(upstream.asked(), ["GET /first", "POST /first", "POST /first"]);
}

#[test]
fn responses_to_requests_in_one_packet_come_in_order() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = RawClient::connect(&gateway);
    let one = |path: &str| format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi");
    client.send(format!("\r\n{}{}{}", one("/1"), one("/2"), one("/3")));
    for _ in 0..3 {
        assert_eq!(client.response().status, 200);
    }
    assert_eq!(upstream.asked(), ["POST /1", "POST /2", "POST /3"]);
}

#[test]
fn a_head_that_arrives_byte_by_byte_is_understood() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = RawClient::connect(&gateway);
    for byte in
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n".bytes()
    {
        client.send([byte]);
    }
    assert_eq!(client.response().status, 200);
    assert_eq!(upstream.only().body, b"hi");
}

/// Sends a head of these fields over HTTP/2, as they are.
#[track_caller]
fn over_http2(gateway: &TestGateway, fields: &[(&str, &[u8])]) -> Verdict {
    let mut client = Frames::connect(gateway);
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block(fields)));
    client.verdict(1)
}

#[test]
fn mistake_08_ambiguous_http2_heads_are_refused_and_reach_no_upstream() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let good = get("/");
    // RFC 7541 appendix A: 0x88 is `:status: 200`, 0x8c is `:status: 400`.
    assert_eq!(over_http2(&gateway, &good), Verdict::Responded(0x88));
    let before = upstream.connections();
    let with = |name: &'static str, value: &'static [u8]| [&good[..], &[(name, value)]].concat();
    let without = |name: &str| good.iter().filter(|(other, _)| *other != name).copied().collect::<Vec<_>>();
    let instead = |name: &'static str, value: &'static [u8]| {
        good.iter().map(|field| if field.0 == name { (name, value) } else { *field }).collect::<Vec<_>>()
    };
    for fields in [
        with("x", b"a\r\nremote-user: root"),
        with("x", b"a\nb"),
        with("x", b"a\rb"),
        with("x", b"a\0b"),
        with("x\r\ny", b"z"),
        with("x y", b"z"),
        with("x:y", b"z"),
        with("Remote-User", b"root"),
        with("", b"x"),
        with("connection", b"close"),
        with("transfer-encoding", b"chunked"),
        with("keep-alive", b"x"),
        with("proxy-connection", b"x"),
        with("upgrade", b"h2c"),
        with("te", b"gzip"),
        with("content-length", b"5"),
        with("content-length", b"x"),
        with(":path", b"/admin"),
        with(":authority", b"other"),
        with(":unknown", b"x"),
        with("host", b"other"),
        without(":method"),
        without(":path"),
        without(":authority"),
        instead(":path", b""),
        instead(":path", b"x"),
        instead(":path", b"*"),
        instead(":path", b"/a b"),
        instead(":path", b"/a\r\nb"),
        instead(":path", b"/a\0"),
        instead(":path", b"/../a"),
        instead(":path", b"/caf\xc3\xa9"),
        instead(":path", b"https://other/"),
        instead(":method", b"GE T"),
        instead(":method", b"GET / HTTP/1.1\r\nX: y"),
        instead(":method", b"CONNECT"),
        instead(":authority", b"user@localhost"),
        instead(":authority", b"localhost/x"),
        instead(":authority", b""),
    ] {
        let shown: Vec<_> =
            fields.iter().map(|(name, value)| (name, String::from_utf8_lossy(value))).collect();
        let verdict = over_http2(&gateway, &fields);
        assert!(!matches!(verdict, Verdict::Responded(status) if status != 0x8c), "{shown:?}: {verdict:?}");
    }
    assert_eq!(upstream.connections(), before);
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn a_refusal_reaches_a_client_that_goes_on_sending() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = RawClient::connect(&gateway);
    client.send("GET / HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n");
    for _ in 0..50 {
        if client.try_send(vec![b'x'; 16 * 1024]).is_err() {
            break;
        }
    }
    // A reset would take the response out of the socket, whenever it comes.
    assert_eq!(client.response().status, 400);
    assert!(client.is_closed_without_a_reset());
}

/// Status codes of everything that comes until the gateway closes.
fn statuses(responses: &str) -> Vec<&str> {
    responses.split("HTTP/1.1 ").skip(1).map(|response| &response[..3]).collect()
}

#[test]
fn asvs_4_2_1_framing_that_versions_of_http_read_differently_is_refused() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    for message in [
        // RFC 9112 §6.1: whoever speaks 1.0 knows nothing of chunks.
        "POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent_Length: 6\r\nContent-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1e1\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: \u{b}5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\u{c}\r\n\r\nhello",
    ] {
        let response = refused(&gateway, message);
        assert_eq!(statuses(&response), ["400"], "{message:?}: {response:?}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn ambiguous_hosts_are_refused_and_reach_no_upstream() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    for head in [
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n",
        "GET / HTTP/1.1\r\nHost: \r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n",
        "GET / HTTP/1.1\r\nHost: localhost, other\r\n",
        "GET / HTTP/1.1\r\nHost: user@localhost\r\n",
        "GET / HTTP/1.1\r\nHost: localhost/path\r\n",
        "GET / HTTP/1.1\r\nHost: localhost?x\r\n",
        "GET / HTTP/1.1\r\nHost: localhost#x\r\n",
        "GET / HTTP/1.1\r\nHost: localhost:port\r\n",
        "GET / HTTP/1.1\r\nHost: localhost:99999\r\n",
        "GET / HTTP/1.1\r\nHost: [::1\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nHOST: other\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\n",
        "GET https://other/ HTTP/1.1\r\nHost: localhost\r\n",
        "GET https://localhost@other/ HTTP/1.1\r\nHost: localhost\r\n",
        "GET https:///x HTTP/1.1\r\nHost: localhost\r\n",
        "GET localhost HTTP/1.1\r\nHost: localhost\r\n",
    ] {
        let response = refused(&gateway, &format!("{head}\r\n"));
        assert_eq!(statuses(&response), ["400"], "{head:?}: {response:?}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn asvs_13_4_4_connect_trace_and_options_for_the_server_reach_no_upstream() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    for line in [
        "CONNECT localhost:443 HTTP/1.1",
        "CONNECT other:80 HTTP/1.1",
        "CONNECT / HTTP/1.1",
        "TRACE / HTTP/1.1",
        "TRACK / HTTP/1.1",
        "OPTIONS * HTTP/1.1",
    ] {
        let response = refused(&gateway, &format!("{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        let statuses = statuses(&response);
        assert!(matches!(statuses[..], ["400" | "404" | "405" | "421" | "501"]), "{line}: {response:?}");
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
}

#[test]
fn advisory_51_a_tunnel_that_was_refused_leaves_nothing_behind() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    for upgrade in [
        "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: TLS/1.0\r\n\r\n",
    ] {
        let mut client = RawClient::connect(&gateway);
        client.send(upgrade);
        let first = client.head().unwrap();
        let accepts = if upgrade.starts_with("CONNECT") { "HTTP/1.1 2" } else { "HTTP/1.1 1" };
        assert!(!first.starts_with(accepts), "{first}");
        // Somebody else, over whatever the first left behind.
        let mut other = RawClient::connect(&gateway);
        let response = other.get("/mine", "");
        assert_eq!((response.status, response.text()), (200, "ok"));
    }
    let seen = upstream.seen();
    assert!(seen.iter().all(|request| request.values("upgrade").is_empty()));
    assert_eq!(seen.iter().filter(|request| request.asked() == "GET /mine").count(), 3);
}
