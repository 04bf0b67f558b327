//! HTTP/2, frame by frame: a violation of RFC 9113 ends its stream or its connection, and a flood of frames ends the
//! connection. Neither reaches the upstream.

use std::time::Duration;

use crate::support::{
    frames::{
        ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, Frames, GOAWAY, HEADERS, PADDED,
        PING, PREFACE, PRIORITY, PROTOCOL_ERROR, PUSH_PROMISE, RST_STREAM, SETTINGS, Verdict, WINDOW_UPDATE,
        WITH_PRIORITY, block, frame, get, post,
    },
    gateway::TestGateway,
    process::until,
    upstream::{Gate, OK, Upstream, public_app},
};

fn limited(limits: &str, upstream: &Upstream) -> TestGateway {
    TestGateway::start_with(&format!("[limits]\n{limits}"), &public_app(&upstream.url, ""))
}

/// A head that ends its stream.
fn request(stream: u32, fields: &[(&str, &[u8])]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, block(fields))
}

/// Sends one head and returns what the gateway does about it.
fn head(gateway: &TestGateway, fields: &[(&str, &[u8])]) -> Verdict {
    let mut client = Frames::connect(gateway);
    client.send(request(1, fields));
    client.verdict(1)
}

/// `GET /` with this beside it.
fn with<'a>(name: &'a str, value: &'a [u8]) -> Vec<(&'a str, &'a [u8])> {
    [&get("/")[..], &[(name, value)]].concat()
}

/// `GET /` with this in place of what it has.
fn instead<'a>(name: &'a str, value: &'a [u8]) -> Vec<(&'a str, &'a [u8])> {
    get("/").into_iter().map(|field| if field.0 == name { (name, value) } else { field }).collect()
}

fn without(name: &str) -> Vec<(&'static str, &'static [u8])> {
    get("/").into_iter().filter(|field| field.0 != name).collect()
}

#[track_caller]
fn all_refused(heads: Vec<Vec<(&str, &[u8])>>) {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    for fields in heads {
        let shown: Vec<_> =
            fields.iter().map(|(name, value)| (*name, String::from_utf8_lossy(value))).collect();
        let verdict = head(&gateway, &fields);
        assert!(verdict.is_refusal(), "{shown:?}: {verdict:?}");
    }
    assert_eq!(upstream.connections(), 0);
    assert_eq!(head(&gateway, &get("/")), Verdict::Responded(0x88), "and what is right goes through");
}

#[test]
fn mistake_08_missing_repeated_or_late_pseudo_headers_are_refused() {
    all_refused(vec![
        without(":method"),
        without(":scheme"),
        without(":path"),
        without(":authority"),
        with(":method", b"GET"),
        with(":path", b"/other"),
        with(":scheme", b"https"),
        with(":authority", b"localhost"),
        with(":status", b"200"),
        with(":unknown", b"x"),
        with(":", b"x"),
        with(":protocol", b"websocket"),
        [&[("x", &b"y"[..])], &get("/")[..]].concat(),
        [&get("/")[..2], &[("x", &b"y"[..])], &get("/")[2..]].concat(),
        vec![],
    ]);
}

#[test]
fn mistake_08_malformed_values_of_pseudo_headers_are_refused() {
    all_refused(vec![
        instead(":path", b""),
        instead(":path", b"*"),
        instead(":path", b"x"),
        instead(":path", b"https://localhost/"),
        instead(":path", b"//localhost/../x"),
        instead(":path", b"/ HTTP/1.1\r\nX: y"),
        instead(":path", b"/\t"),
        instead(":path", b" /"),
        instead(":path", b"/\xff"),
        instead(":method", b""),
        instead(":method", b"GET /"),
        instead(":method", b"G\0T"),
        instead(":method", b"CONNECT"),
        instead(":scheme", b""),
        instead(":scheme", b"ht tp"),
        instead(":scheme", b"ftp"),
        instead(":scheme", b"javascript"),
        instead(":authority", b""),
        instead(":authority", b"localhost, other"),
        instead(":authority", b"localhost localhost"),
        instead(":authority", b"localhost\0"),
        instead(":authority", b"user:secret@localhost"),
        with("host", b"other"),
        [&without(":authority")[..], &[("host", &b"localhost"[..]), ("host", &b"localhost"[..])]].concat(),
    ]);
}

#[test]
fn asvs_4_2_3_headers_of_the_connection_are_refused() {
    all_refused(vec![
        with("connection", b"close"),
        with("connection", b"keep-alive, x"),
        with("transfer-encoding", b"chunked"),
        with("transfer-encoding", b"identity"),
        with("upgrade", b"websocket"),
        with("upgrade", b"h2c"),
        with("keep-alive", b"timeout=5"),
        with("proxy-connection", b"keep-alive"),
        with("te", b"gzip"),
        with("te", b"trailers, gzip"),
    ]);
}

#[test]
fn asvs_4_2_4_line_ends_and_control_bytes_in_fields_are_refused() {
    let mut heads = vec![
        with("X", b"y"),
        with("Remote-User", b"root"),
        with("", b"y"),
        with("x y", b"z"),
        with("x:y", b"z"),
        with("x\r\ny", b"z"),
        with("x\0", b"z"),
        with("x\x7f", b"z"),
        with(" x", b"y"),
        with("x ", b"y"),
    ];
    let values: [&[u8]; 8] = [
        b"a\r\nremote-user: root",
        b"a\nb",
        b"a\rb",
        b"a\0b",
        b"\n",
        b"a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x",
        b"a\x01",
        b"a\x7f",
    ];
    heads.extend(values.map(|value| with("x", value)));
    all_refused(heads);
}

#[test]
fn asvs_4_2_2_a_body_of_another_length_than_declared_reaches_no_upstream_whole() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let cases: [(&[u8], &[&[u8]]); 6] = [
        (b"5", &[b"four"]),
        (b"5", &[b"sixsix"]),
        (b"5", &[b"four", b"xx"]),
        (b"0", &[b"x"]),
        (b"5, 5", &[b"fives"]),
        (b"+5", &[b"fives"]),
    ];
    for (length, data) in cases {
        let mut client = Frames::connect(&gateway);
        let fields = [&post("/")[..], &[("content-length", length)]].concat();
        let mut sent = frame(HEADERS, END_HEADERS, 1, block(&fields));
        for (number, part) in data.iter().enumerate() {
            let flags = if number + 1 == data.len() { END_STREAM } else { 0 };
            sent.extend(frame(DATA, flags, 1, part));
        }
        client.send(sent);
        let verdict = client.verdict(1);
        assert!(verdict.is_refusal(), "{}: {verdict:?}", String::from_utf8_lossy(length));
    }
    for fields in [
        [&get("/")[..], &[("content-length", &b"5"[..])]].concat(),
        [&get("/")[..], &[("content-length", &b"x"[..])]].concat(),
        [&post("/")[..], &[("content-length", &b"0"[..]), ("content-length", &b"5"[..])]].concat(),
    ] {
        assert!(head(&gateway, &fields).is_refusal());
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
}

/// RFC 9113 §8.1. The upstream has the head already: it must not take what it got for the whole.
#[test]
fn pseudo_header_fields_in_trailers_reset_a_request_that_has_begun() {
    for (flags, trailers) in [
        (END_HEADERS | END_STREAM, block(&[(":path", b"/admin"), ("x-after", b"y")])),
        (END_HEADERS | END_STREAM, block(&[("x-after", b"y"), (":scheme", b"https")])),
        // RFC 7541 §6.1: `:path: /` by its index.
        (END_HEADERS | END_STREAM, vec![0x84]),
    ] {
        let upstream = Upstream::scripted(|conn| {
            conn.head()?;
            conn.note("head");
            let rest = conn.until_close();
            conn.note(if rest.ends_with(b"0\r\n\r\n") { "whole" } else { "broken off" });
            Ok(())
        });
        let gateway = TestGateway::start(&public_app(&upstream.url, ""));
        let mut client = Frames::connect(&gateway);
        client.send([frame(HEADERS, END_HEADERS, 1, block(&post("/"))), frame(DATA, 0, 1, b"x")].concat());
        upstream.wait_for_note("head");
        client.send(frame(HEADERS, flags, 1, &trailers));
        assert_eq!(client.verdict(1), Verdict::Reset(PROTOCOL_ERROR), "{trailers:?}");
        upstream.wait_for_note("broken off");
    }
}

#[test]
fn pseudo_header_fields_in_trailers_that_come_with_the_head_keep_the_request_from_the_upstream() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = Frames::connect(&gateway);
    let with_trailers = |stream, trailers: &[(&str, &[u8])]| {
        [
            frame(HEADERS, END_HEADERS, stream, block(&post("/"))),
            frame(DATA, 0, stream, b"x"),
            frame(HEADERS, END_HEADERS | END_STREAM, stream, block(trailers)),
        ]
        .concat()
    };
    client.send(with_trailers(1, &[(":path", b"/admin"), ("x-after", b"y")]));
    assert_eq!(client.verdict(1), Verdict::Reset(PROTOCOL_ERROR));
    assert_eq!(upstream.connections(), 0);
    client.send(with_trailers(3, &[("x-after", b"y")]));
    assert_eq!(client.verdict(3), Verdict::Responded(0x88), "other streams go on");
}

/// The end of the stream may have been read when the first pseudo-header field comes.
#[test]
fn pseudo_header_fields_in_trailers_that_come_in_pieces_end_the_stream_or_the_connection() {
    let upstream = Upstream::scripted(|conn| {
        conn.head()?;
        conn.note("head");
        conn.until_close();
        Ok(())
    });
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = Frames::connect(&gateway);
    client.send(frame(HEADERS, END_HEADERS, 1, block(&post("/"))));
    upstream.wait_for_note("head");
    for piece in [
        frame(HEADERS, END_STREAM, 1, []),
        frame(CONTINUATION, END_HEADERS, 1, block(&[(":path", b"/admin")])),
    ] {
        for byte in piece {
            client.send([byte]);
        }
    }
    let verdict = client.verdict(1);
    assert!(
        matches!(verdict, Verdict::Reset(PROTOCOL_ERROR) | Verdict::GoAway(PROTOCOL_ERROR) | Verdict::Closed),
        "{verdict:?}"
    );
    upstream.wait_for_close();
}

/// RFC 9113 §8.3.1. `http` cuts a fragment off where nobody sees it.
#[test]
fn a_fragment_in_the_path_resets_its_stream_and_reaches_no_upstream() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let begin: Vec<(&str, &[u8])> = without(":path");
    let with_path = |field: &[u8]| [&block(&begin)[..], field].concat();
    let mut client = Frames::connect(&gateway);
    for (number, field) in [
        block(&[(":path", b"/public#/../admin")]),
        block(&[(":path", b"/public?a=b#c")]),
        // RFC 7541: the name by its index; in Huffman code, `/#` (appendix B); both, put into the table.
        b"\x04\x03/a#".to_vec(),
        b"\x04\x83\x63\xfe\xbf".to_vec(),
        b"\x44\x83\x63\xfe\xbf".to_vec(),
        b"\x00\x84\xb9\x58\xd3\x3f\x03/a#".to_vec(),
        // From the table.
        vec![0xbe],
    ]
    .into_iter()
    .enumerate()
    {
        let stream = u32::try_from(2 * number + 1).unwrap();
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, with_path(&field)));
        assert_eq!(client.verdict(stream), Verdict::Reset(PROTOCOL_ERROR), "{field:x?}");
    }
    assert_eq!(upstream.connections(), 0);
    for (stream, field) in [
        (21, b"\x04\x03/a?".to_vec()),
        (23, b"\x04\x82\x60\x7f".to_vec()),
        (25, b"\x00\x84\xb9\x58\xd3\x3f\x02/a".to_vec()),
    ] {
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, with_path(&field)));
        assert_eq!(client.verdict(stream), Verdict::Responded(0x88), "{field:x?}");
    }
}

#[test]
fn trailers_that_are_malformed_or_without_an_end_are_refused() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let trailers: [(u8, Vec<u8>); 2] =
        [(END_HEADERS | END_STREAM, block(&[("X", b"y")])), (END_HEADERS, block(&[("x", b"y")]))];
    for (flags, block_of_trailers) in trailers {
        let mut client = Frames::connect(&gateway);
        client.send(
            [
                frame(HEADERS, END_HEADERS, 1, block(&post("/"))),
                frame(DATA, 0, 1, b"x"),
                frame(HEADERS, flags, 1, &block_of_trailers),
            ]
            .concat(),
        );
        let verdict = client.verdict(1);
        assert!(verdict.is_refusal(), "{block_of_trailers:?}: {verdict:?}");
    }
    assert!(upstream.seen().is_empty());
}

#[test]
fn asvs_4_2_1_frames_that_break_the_protocol_end_the_connection() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let head = |stream| frame(HEADERS, END_HEADERS, stream, block(&post("/")));
    let settings = |id: u16, value: u32| {
        frame(SETTINGS, 0, 0, [&id.to_be_bytes()[..], &value.to_be_bytes()[..]].concat())
    };
    for (what, sent) in [
        ("an even stream", request(2, &get("/"))),
        ("stream 0", request(0, &get("/"))),
        ("a stream below the last", [head(5), request(3, &get("/"))].concat()),
        ("data on stream 0", frame(DATA, 0, 0, b"x")),
        ("data on an idle stream", frame(DATA, 0, 1, b"x")),
        ("data padded beyond its end", [head(1), frame(DATA, PADDED, 1, [9, 0])].concat()),
        ("a head padded beyond its end", frame(HEADERS, END_HEADERS | PADDED, 1, [200])),
        ("a frame that is too large", frame(DATA, 0, 1, vec![0; 16_385])),
        ("a head within a head", [frame(HEADERS, 0, 1, block(&get("/"))), head(3)].concat()),
        (
            "a ping within a head",
            [frame(HEADERS, 0, 1, block(&get("/"))), frame(PING, 0, 0, [0; 8])].concat(),
        ),
        ("a continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, block(&get("/")))),
        (
            "a continuation of another stream",
            [frame(HEADERS, 0, 1, block(&get("/"))), frame(CONTINUATION, END_HEADERS, 3, [])].concat(),
        ),
        ("a reset of an idle stream", frame(RST_STREAM, 0, 1, [0; 4])),
        ("a reset of stream 0", frame(RST_STREAM, 0, 0, [0; 4])),
        ("a reset of the wrong length", [head(1), frame(RST_STREAM, 0, 1, [0; 3])].concat()),
        ("a push", frame(PUSH_PROMISE, END_HEADERS, 1, [0, 0, 0, 2])),
        ("a ping of the wrong length", frame(PING, 0, 0, [0; 7])),
        ("a ping on a stream", frame(PING, 0, 1, [0; 8])),
        ("settings of the wrong length", frame(SETTINGS, 0, 0, [0; 5])),
        ("settings on a stream", frame(SETTINGS, 0, 1, [])),
        ("settings that acknowledge and say something", frame(SETTINGS, ACK, 0, [0; 6])),
        ("settings acknowledged that nobody sent", frame(SETTINGS, ACK, 0, []).repeat(3)),
        ("a push setting of two", settings(2, 2)),
        ("a window that is too large", settings(4, 1 << 31)),
        ("frames that are too small", settings(5, 16_383)),
        ("frames that are too large", settings(5, 1 << 24)),
        ("no more room for the connection", frame(WINDOW_UPDATE, 0, 0, [0; 4])),
        ("too much room", frame(WINDOW_UPDATE, 0, 0, [0x7f, 0xff, 0xff, 0xff])),
        ("an update of the wrong length", frame(WINDOW_UPDATE, 0, 0, [0; 3])),
        ("a block that cannot be read", frame(HEADERS, END_HEADERS | END_STREAM, 1, [0xff; 20])),
        ("an index beyond the table", frame(HEADERS, END_HEADERS | END_STREAM, 1, [0xbf])),
    ] {
        let mut client = Frames::connect(&gateway);
        client.send(sent);
        let end = client.end();
        assert!(matches!(end, Verdict::GoAway(1..) | Verdict::Closed), "{what}: {end:?}");
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
}

#[test]
fn frames_that_break_a_stream_end_it() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let open = frame(HEADERS, END_HEADERS, 1, block(&post("/")));
    for (what, sent) in [
        ("no room for a stream", frame(WINDOW_UPDATE, 0, 1, [0; 4])),
        ("too much room for a stream", frame(WINDOW_UPDATE, 0, 1, [0x7f, 0xff, 0xff, 0xff])),
        ("a priority of the wrong length", frame(PRIORITY, 0, 1, [0; 4])),
        ("a stream that depends on itself", frame(PRIORITY, 0, 1, [0, 0, 0, 1, 0])),
        (
            "a head that depends on itself",
            frame(
                HEADERS,
                END_HEADERS | END_STREAM | WITH_PRIORITY,
                1,
                [&[0, 0, 0, 1, 0][..], &block(&get("/"))].concat(),
            ),
        ),
    ] {
        let mut client = Frames::connect(&gateway);
        client.send([&open[..], &sent].concat());
        let verdict = client.verdict(1);
        assert!(
            matches!(verdict, Verdict::Reset(1..) | Verdict::GoAway(1..) | Verdict::Closed),
            "{what}: {verdict:?}"
        );
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
}

#[test]
fn data_after_the_end_of_a_stream_reaches_no_upstream() {
    let upstream = Upstream::scripted(|conn| {
        conn.request()?;
        conn.note("request");
        let rest = conn.until_close();
        conn.note(format!("{} bytes more", rest.len()));
        Ok(())
    });
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = Frames::connect(&gateway);
    client.send(request(1, &get("/")));
    upstream.wait_for_note("request");
    client.send(frame(DATA, END_STREAM, 1, b"GET /smuggled"));
    assert!(matches!(client.verdict(1), Verdict::Reset(_) | Verdict::GoAway(_) | Verdict::Closed));
    upstream.wait_for_note("0 bytes more");
    let received = upstream.only();
    assert_eq!((received.asked(), &received.body[..]), ("GET /", &b""[..]));

    // In one piece with the request, which may not be forwarded then.
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = Frames::connect(&gateway);
    client.send([request(1, &get("/")), frame(DATA, END_STREAM, 1, b"GET /smuggled")].concat());
    assert!(matches!(client.end(), Verdict::GoAway(_) | Verdict::Closed));
    assert_eq!(head(&gateway, &get("/after")), Verdict::Responded(0x88));
    let mut asked = upstream.asked();
    assert_eq!(asked.pop().as_deref(), Some("GET /after"));
    assert!(asked.is_empty() || asked == ["GET /"], "{asked:?}");
}

#[test]
fn a_connection_without_the_preface_of_http2_is_closed() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    for sent in [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        [&PREFACE[..23], b"X", &frame(SETTINGS, 0, 0, [])].concat(),
        frame(SETTINGS, 0, 0, []).repeat(3),
    ] {
        let mut client = Frames::silent(&gateway);
        client.send(sent);
        assert!(matches!(client.end(), Verdict::GoAway(_) | Verdict::Closed));
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn advisory_72_a_goodbye_followed_by_settings_ends_nothing_but_the_connection() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    for _ in 0..10 {
        let mut client = Frames::connect(&gateway);
        client.send(
            [
                request(1, &get("/")),
                frame(GOAWAY, 0, 0, [0; 8]),
                frame(SETTINGS, 0, 0, [0, 4, 0, 0, 0, 0]),
                frame(SETTINGS, ACK, 0, []),
                frame(GOAWAY, 0, 0, [0xff; 64]),
            ]
            .concat(),
        );
        assert!(matches!(client.end(), Verdict::GoAway(_) | Verdict::Closed));
    }
    assert_eq!(head(&gateway, &get("/")), Verdict::Responded(0x88), "others do not notice");
}

/// Floods a gateway that allows ten of each kind; the connection has to end, and be counted once.
#[track_caller]
fn flooded(limit: &str, sent: &[u8]) {
    let upstream = Upstream::ok();
    let gateway = limited(&format!("{limit} = 10"), &upstream);
    let mut client = Frames::connect(&gateway);
    client.send(sent);
    let end = client.end();
    assert!(matches!(end, Verdict::GoAway(ENHANCE_YOUR_CALM) | Verdict::Closed), "{limit}: {end:?}");
    gateway.wait_until_reached(limit, 1);
    assert_eq!(head(&gateway, &get("/")), Verdict::Responded(0x88), "others do not notice");
}

#[test]
fn mistake_11_floods_of_control_frames_end_the_connection() {
    flooded("http2_settings", &frame(SETTINGS, 0, 0, []).repeat(200));
    flooded("http2_pings", &frame(PING, 0, 0, [7; 8]).repeat(200));
    flooded("http2_pings", &frame(PING, ACK, 0, [7; 8]).repeat(200));
    flooded("http2_priorities", &frame(PRIORITY, 0, 1, [0, 0, 0, 0, 9]).repeat(200));
    flooded("http2_priorities", &frame(0x10, 0, 0, [0, 0, 0, 1, b'u']).repeat(200));
    flooded("http2_priorities", &frame(0xfe, 0, 0, []).repeat(200));
    flooded("http2_window_updates", &frame(WINDOW_UPDATE, 0, 0, [0, 0, 0, 1]).repeat(200));
    let open = frame(HEADERS, END_HEADERS, 1, block(&post("/")));
    flooded("http2_empty_frames", &[open, frame(DATA, 0, 1, []).repeat(200)].concat());
}

#[test]
fn mistake_11_a_head_in_very_many_pieces_ends_the_connection() {
    let started = frame(HEADERS, END_STREAM, 1, block(&get("/")));
    flooded("http2_continuations", &[&started[..], &frame(CONTINUATION, 0, 1, []).repeat(200)].concat());
    let one = frame(CONTINUATION, 0, 1, block(&[("x", b"y")]));
    flooded("http2_continuations", &[started, one.repeat(200)].concat());
}

#[test]
fn mistake_11_streams_that_are_opened_and_reset_end_the_connection() {
    let flood: Vec<u8> = (0..200)
        .flat_map(|number| {
            let stream = 2 * number + 1;
            [request(stream, &get("/")), frame(RST_STREAM, 0, stream, [0, 0, 0, 8])].concat()
        })
        .collect();
    flooded("http2_resets", &flood);
}

#[test]
fn mistake_11_streams_that_are_reset_at_once_reach_no_upstream() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = Frames::connect(&gateway);
    let flood = (0..15).flat_map(|number| {
        let stream = 2 * number + 1;
        [request(stream, &get("/reset")), frame(RST_STREAM, 0, stream, [0, 0, 0, 8])].concat()
    });
    client.send(flood.chain(request(31, &get("/stays"))).collect::<Vec<_>>());
    assert_eq!(client.verdict(31), Verdict::Responded(0x88));
    assert_eq!(upstream.only().asked(), "GET /stays");
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn mistake_11_streams_that_the_gateway_has_to_reset_end_the_connection() {
    let upstream = Upstream::ok();
    let gateway = limited("http2_resets = 10", &upstream);
    let mut client = Frames::connect(&gateway);
    for number in 0..200 {
        let stream = 2 * number + 1;
        client.send(frame(HEADERS, END_HEADERS, stream, block(&post("/"))));
        // More room than there can be: RFC 9113 §6.9.1 wants the stream reset.
        client.send(frame(WINDOW_UPDATE, 0, stream, [0x7f, 0xff, 0xff, 0xff]));
    }
    assert!(matches!(client.end(), Verdict::GoAway(ENHANCE_YOUR_CALM) | Verdict::Closed));
    until("it is counted", || gateway.reached("http2_resets") >= 1);
    assert!(upstream.seen().is_empty());
}

#[test]
fn mistake_11_a_small_block_that_unpacks_to_a_large_head_is_refused() {
    let upstream = Upstream::ok();
    let gateway = limited("header_size = \"8KiB\"", &upstream);
    let mut client = Frames::connect(&gateway);
    // RFC 7541 §6.2.1 puts a field of 3,000 bytes into the table, §6.1 names it again in one byte each.
    let mut bomb = block(&get("/"));
    bomb.extend([0x40, 1, b'x', 127, 0xb9, 0x16]);
    bomb.extend([b'y'; 127 + 0x39 + 0x16 * 128]);
    bomb.extend([0xbe; 10_000]);
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, bomb));
    let verdict = client.verdict(1);
    assert!(verdict.is_refusal(), "{verdict:?}");
    gateway.wait_until_reached("header_size", 1);
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn mistake_11_no_more_streams_run_than_there_may_be() {
    let (go_on, gate) = Gate::closed();
    let upstream = Upstream::scripted(move |conn| {
        conn.request()?;
        gate.wait();
        conn.send(OK.as_bytes())
    });
    let gateway = limited("http2_streams = 2", &upstream);
    let mut client = Frames::connect(&gateway);
    client.send([1, 3, 5].map(|stream| request(stream, &get("/"))).concat());
    assert_eq!(client.verdict(5), Verdict::Reset(7), "REFUSED_STREAM: it may be tried again");
    gateway.wait_until_reached("http2_streams", 1);
    drop(go_on);
}

#[test]
fn mistake_12_a_stream_without_room_for_its_response_is_reset() {
    let upstream = Upstream::endless();
    let gateway = limited("write_timeout = \"300ms\"", &upstream);
    let mut client = Frames::silent(&gateway);
    // SETTINGS_INITIAL_WINDOW_SIZE of 0.
    client.send([PREFACE, &frame(SETTINGS, 0, 0, [0, 4, 0, 0, 0, 0]), &request(1, &get("/"))].concat());
    assert_eq!(client.verdict(1), Verdict::Responded(0x88));
    assert!(matches!(client.verdict(1), Verdict::Reset(_)));
    upstream.wait_for_note("given up");
    gateway.wait_until_reached("write_timeout", 1);
    // The connection and its other streams go on.
    client.send(frame(PING, 0, 0, [1; 8]));
    while client.next().unwrap().kind != PING {}
}

#[test]
fn mistake_12_responses_that_a_client_never_takes_end_the_connection() {
    let (go_on, gate) = Gate::closed();
    let upstream = Upstream::scripted(move |conn| {
        while let Some(request) = conn.request()? {
            if request.asked() == "GET /waits" {
                gate.wait();
            }
            conn.send(OK.as_bytes())?;
        }
        Ok(())
    });
    let gateway = limited("idle_timeout = \"300ms\"", &upstream);
    let mut client = Frames::silent(&gateway);
    // Room for one byte: h2 then has the whole response, and nobody waits for it but the client.
    client.send([PREFACE, &frame(SETTINGS, 0, 0, [0, 4, 0, 0, 0, 1])].concat());
    client.send([request(1, &get("/waits")), request(3, &get("/"))].concat());
    assert_eq!(client.verdict(3), Verdict::Responded(0x88));
    assert!(matches!(client.end(), Verdict::GoAway(_) | Verdict::Closed));
    gateway.wait_until_reached("write_timeout", 1);
    drop(go_on);
}

#[test]
fn requests_beyond_the_last_of_a_connection_are_not_lost() {
    let upstream = Upstream::ok();
    let gateway = limited("requests_per_connection = 3", &upstream);
    let mut client = Frames::connect(&gateway);
    let streams = [1, 3, 5, 7, 9];
    client.send(streams.map(|stream| request(stream, &get("/"))).concat());
    let (mut responded, mut goodbye) = (Vec::new(), None);
    while responded.len() < streams.len() || goodbye.is_none() {
        let frame = client.next().unwrap();
        match frame.kind {
            HEADERS => responded.push(frame.stream),
            GOAWAY => goodbye = Some(frame.error()),
            RST_STREAM => panic!("{frame:?}"),
            _ => {}
        }
    }
    assert_eq!(goodbye, Some(0));
    gateway.wait_until_reached("requests_per_connection", 1);
    assert_eq!(upstream.seen().len(), streams.len());
}

#[test]
fn a_stream_that_waits_for_its_upstream_is_not_given_up() {
    let (go_on, gate) = Gate::closed();
    let upstream = Upstream::scripted(move |conn| {
        conn.request()?;
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha")?;
        gate.wait();
        conn.send(b"lf")
    });
    let gateway = limited("write_timeout = \"100ms\"\nidle_timeout = \"100ms\"", &upstream);
    let mut client = Frames::connect(&gateway);
    client.send(request(1, &get("/")));
    let mut body = Vec::new();
    while body != b"ha" {
        let frame = client.next().unwrap();
        if frame.kind == DATA {
            body.extend(frame.payload);
        }
    }
    // Longer than every limit is the point.
    assert!(client.0.is_silent_for(Duration::from_millis(500)));
    go_on.send(()).unwrap();
    while body != b"half" {
        let frame = client.next().unwrap();
        assert!(matches!(frame.kind, DATA | WINDOW_UPDATE), "{frame:?}");
        body.extend(frame.payload);
    }
}
