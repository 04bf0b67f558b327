//! Responses of every kind, whole and in pieces, and compared with hyper's client.

use std::{
    io::Write as _,
    os::unix::net::UnixStream,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, Method, Request, StatusCode,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use proptest::{collection::vec, prelude::*, sample::select};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{super::header_table::HeaderClass, *};

fn read(text: &str) -> Result<ReadResponse, Http1Error> {
    read_response(&Method::GET, text.as_bytes())
}

/// A result as text, to be compared.
fn shown(result: &Result<ReadResponse, Http1Error>) -> String {
    match result {
        Ok(response) => format!("{response:?}"),
        Err(error) => error.to_string(),
    }
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn whole_responses_are_read() {
    let table = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n", 200, "ok", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", 200, "ok", false),
        ("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", true),
        ("HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n", 299, "", true),
        ("HTTP/1.0 200 OK\r\n\r\nto the end", 200, "to the end", false),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, "", true),
        ("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 204, "", false),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, "", true),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n.",
            200,
            ".",
            true,
        ),
        (&(CHUNKED.to_owned() + "0\r\n\r\n"), 200, "", true),
        (&(CHUNKED.to_owned() + "2;a=b;c\r\nok\r\n0\r\n\r\n"), 200, "ok", true),
        (&(CHUNKED.to_owned() + "000000000000000A\r\n0123456789\r\n0\r\n\r\n"), 200, "0123456789", true),
        (&(CHUNKED.to_owned() + "1\r\na\r\n1\r\nb\r\n0\r\n\r\nx"), 200, "ab", false),
    ];
    for (text, status, body, reusable) in table {
        let response = read(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!((response.status.as_u16(), &response.body[..]), (status, body.as_bytes()), "{text:?}");
        assert_eq!(response.reusable, reusable, "{text:?}");
    }
    let trailers =
        read(&(CHUNKED.to_owned() + "0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n")).unwrap().trailers.unwrap();
    assert_eq!(trailers.get_all("x-sum").iter().collect::<Vec<_>>(), ["1", "2"]);
}

#[test]
fn ambiguous_responses_are_refused() {
    let many_lines = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(257));
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(300 << 10));
    let interim =
        "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let heads = [
        "",
        "ok",
        "<html>hello</html>\n",
        "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        " HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX\0: a\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\x7fb\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no",
        &many_lines,
        &endless,
        &interim,
    ];
    for head in heads {
        let shown: String = head.chars().take(100).collect();
        assert!(read(head).is_err(), "{shown:?}");
    }
    let long_extension = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(2000));
    let extensions = format!("1;{}\r\na\r\n", "x".repeat(900)).repeat(20) + "0\r\n\r\n";
    let trailers = format!("0\r\n{}\r\n", "X: y\r\n".repeat(65));
    let long_trailers = format!("0\r\nX: {}\r\n\r\n", "y".repeat(17 << 10));
    for chunks in [
        "",
        "2\r\nok",
        "2\r\nok\r\n",
        "2\r\nok\r\n0\r\n",
        "2\r\nok\r\n0\r\nX: y\r\n",
        "\r\n",
        "2\nok\r\n0\r\n\r\n",
        "2\r\nok\n0\r\n\r\n",
        "2\r\nok0\r\n\r\n",
        "2\r\nokk\r\n0\r\n\r\n",
        "2\r\nok\r\r\n0\r\n\r\n",
        " 2\r\nok\r\n0\r\n\r\n",
        " \r\nok\r\n0\r\n\r\n",
        " ;a\r\nok\r\n0\r\n\r\n",
        "1 2\r\nok\r\n0\r\n\r\n",
        "2 a\r\nok\r\n0\r\n\r\n",
        "2\x0b\r\nok\r\n0\r\n\r\n",
        "+2\r\nok\r\n0\r\n\r\n",
        "-2\r\nok\r\n0\r\n\r\n",
        "0x2\r\nok\r\n0\r\n\r\n",
        "2g\r\nok\r\n0\r\n\r\n",
        ";a\r\nok\r\n0\r\n\r\n",
        "2;a\0\r\nok\r\n0\r\n\r\n",
        "2;a\nb\r\nok\r\n0\r\n\r\n",
        "2;a\rb\r\nok\r\n0\r\n\r\n",
        "00000000000000002\r\nok\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nok",
        "10000000000000000\r\nok",
        "0\r\nX : y\r\n\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\n X: y\r\n\r\n",
        "0\r\nX: a\0\r\n\r\n",
        "0\r\nno colon\r\n\r\n",
        &long_extension,
        &extensions,
        &trailers,
        &long_trailers,
    ] {
        let shown: String = chunks.chars().take(100).collect();
        assert!(read(&(CHUNKED.to_owned() + chunks)).is_err(), "{shown:?}");
    }
}

#[test]
fn a_response_in_pieces_reads_as_the_whole() {
    let texts = [
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\nC: d\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2 \r\nlo\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nuntil the end",
    ];
    for text in texts {
        let bytes = text.as_bytes();
        let whole = shown(&read_response(&Method::GET, bytes));
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(shown(&read_response_in_pieces(&Method::GET, pieces)), whole, "{pieces:?}");
            }
        }
        let each = read_response_in_pieces(&Method::GET, bytes.chunks(1));
        assert_eq!(shown(&each), whole, "byte by byte");
    }
}

/// Responses as servers send them, and as they should not.
fn responses() -> impl Strategy<Value = Vec<u8>> {
    let interim = select(vec![
        "",
        "",
        "",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    ]);
    let line = select(vec![
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200",
        "HTTP/1.1 404 Not Here",
        "HTTP/1.0 200 OK",
        "HTTP/1.1 204 No Content",
        "HTTP/1.1 304 Not Modified",
        "HTTP/1.1 999 ?",
    ]);
    let header = select(vec![
        "Server: a",
        "X-Empty:",
        "X-Blanks: \t a b \t",
        "x-latin: \u{e9}",
        "Set-Cookie: a=b",
        "Set-Cookie: c=d; Path=/",
        "Connection: keep-alive",
        "Connection: close",
        "Content-Length: 5",
        "Content-Length: 0",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Trailer: X-Sum",
        "~odd!name: 1",
    ]);
    let framing = select(vec![
        ("", "until the end"),
        ("Content-Length: 5\r\n", "hello"),
        ("Content-Length: 5\r\n", "hello and more"),
        ("Content-Length: 0\r\n", ""),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "2;a=\"b\"\r\nhe\r\n03\r\nllo\r\n00\r\nX-Sum: 1\r\n\r\n"),
        ("transfer-encoding: Chunked\r\n", "1 \r\na\r\n0\r\n\r\nmore"),
    ]);
    (interim, line, vec(header, 0..4), framing).prop_map(|(interim, line, headers, (framing, body))| {
        let mut lines = vec![line];
        lines.extend(headers);
        format!("{interim}{}\r\n{framing}\r\n{body}", lines.join("\r\n")).into_bytes()
    })
}

/// A change that an attacker makes to a response.
#[derive(Clone, Copy, Debug)]
enum Mutation {
    Replace(u8),
    Insert(u8),
    Remove,
    Double,
    Cut,
}

fn mutations() -> impl Strategy<Value = Vec<(prop::sample::Index, Mutation)>> {
    let byte = || prop_oneof![3 => select(b"\r\n\0 \t:;,0159afx\x7f\x80-+".to_vec()), 1 => any::<u8>()];
    let mutation = prop_oneof![
        byte().prop_map(Mutation::Replace),
        byte().prop_map(Mutation::Insert),
        Just(Mutation::Remove),
        Just(Mutation::Double),
        Just(Mutation::Cut),
    ];
    vec((any::<prop::sample::Index>(), mutation), 0..4)
}

fn mutate(mut bytes: Vec<u8>, mutations: &[(prop::sample::Index, Mutation)]) -> Vec<u8> {
    for (index, mutation) in mutations {
        if bytes.is_empty() {
            break;
        }
        let at = index.index(bytes.len());
        match mutation {
            Mutation::Replace(byte) => bytes[at] = *byte,
            Mutation::Insert(byte) => bytes.insert(at, *byte),
            Mutation::Remove => drop(bytes.remove(at)),
            Mutation::Cut => bytes.truncate(at),
            Mutation::Double => {
                let end = (at + 24).min(bytes.len());
                let doubled = bytes[at..end].to_vec();
                bytes.splice(at..at, doubled);
            }
        }
    }
    bytes
}

/// The same bytes, read by hyper's client.
async fn read_by_hyper(
    asked: &Method,
    bytes: &[u8],
) -> Option<(StatusCode, HeaderMap, Vec<u8>, Option<HeaderMap>)> {
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let mut builder = http1::Builder::new();
    let (mut sender, connection) = builder.max_headers(256).handshake(TokioIo::new(near)).await.ok()?;
    let driven = tokio::spawn(connection.with_upgrades());
    let request = Request::builder().method(asked).uri("/").body(Empty::<Bytes>::new()).ok()?;
    let requested = tokio::spawn(async move { sender.send_request(request).await });
    // Only after the request: hyper takes what comes before it for noise.
    let mut request = [0; 1024];
    assert!(far.read(&mut request).await.is_ok_and(|count| count > 0));
    far.write_all(bytes).await.ok()?;
    far.shutdown().await.ok()?;
    let (parts, mut incoming) = requested.await.ok()?.ok()?.into_parts();
    let (mut body, mut trailers) = (Vec::new(), None);
    while let Some(frame) = incoming.frame().await {
        match frame.ok()?.into_data() {
            Ok(data) => body.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    driven.abort();
    Some((parts.status, parts.headers, body, trailers))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, max_global_rejects: 65_536, ..ProptestConfig::default() })]

    /// hyper forgives more: bare line feeds, a length beside `chunked`, equal lengths, other codings,
    /// blanks after a chunk's size, empty lines before the head. It reads each accepted response in the same way.
    #[test]
    fn each_accepted_response_reads_the_same_in_hyper(
        head in any::<bool>(),
        response in responses(),
        mutations in mutations(),
    ) {
        let asked = if head { Method::HEAD } else { Method::GET };
        let bytes = mutate(response, &mutations);
        let Ok(ours) = read_response(&asked, &bytes) else { return Err(TestCaseError::reject("refused")) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let theirs = runtime.block_on(read_by_hyper(&asked, &bytes));
        prop_assert!(theirs.is_some(), "hyper refuses {:?}", String::from_utf8_lossy(&bytes));
        let (status, mut headers, body, trailers) = theirs.unwrap();
        // Left out of the head here; `reusable` follows from them.
        let hop_by_hop = |name: &&HeaderName| HeaderClass::of(name).has(HeaderClass::HOP_BY_HOP);
        for name in headers.keys().filter(hop_by_hop).cloned().collect::<Vec<_>>() {
            headers.remove(name);
        }
        prop_assert_eq!(ours.status, status);
        prop_assert_eq!(ours.headers, headers);
        prop_assert_eq!(ours.body, body);
        prop_assert_eq!(ours.trailers, trailers);
    }

    #[test]
    fn any_bytes_in_pieces_read_as_the_whole(
        response in responses(),
        mutations in mutations(),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let bytes = mutate(response, &mutations);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
        let (whole, pieced) = (read_response(&Method::GET, &bytes), read_response_in_pieces(&Method::GET, pieces));
        prop_assert_eq!(whole.is_ok(), pieced.is_ok());
        if let (Ok(whole), Ok(pieced)) = (whole, pieced) {
            prop_assert_eq!(whole, pieced);
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..400)) {
        read_response(&Method::GET, &bytes).ok();
        let mut chunked = CHUNKED.as_bytes().to_vec();
        chunked.extend(bytes);
        read_response(&Method::GET, &chunked).ok();
    }
}

/// The bytes that are sent through a pipe that takes `room` bytes at a time.
fn sent(mut buffer: WriteBuffer, room: usize, mut more: Vec<Bytes>) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async move {
        let (near, mut far) = tokio::io::duplex(room);
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            far.read_to_end(&mut all).await.unwrap();
            all
        });
        let mut conn = Conn::new(Stream::Pipe(near), std::rc::Rc::default());
        loop {
            std::future::poll_fn(|cx| conn.poll_send(cx, &mut buffer)).await.unwrap();
            assert!(buffer.is_empty() && buffer.has_sent());
            if more.is_empty() {
                break;
            }
            buffer.add_chunk(more.remove(0), more.is_empty());
        }
        drop(conn);
        reading.await.unwrap()
    })
}

#[test]
fn bytes_are_sent_in_order_however_few_are_taken_at_a_time() {
    for room in [1, 2, 3, 7, 1000] {
        let mut buffer = WriteBuffer::new(b"HEAD\r\n\r\n".to_vec());
        buffer.add_chunk(Bytes::from_static(b"hello"), false);
        let more = vec![Bytes::from_static(&[b'x'; 17]), Bytes::new(), Bytes::from_static(b"end")];
        let expected = format!("HEAD\r\n\r\n5\r\nhello\r\n11\r\n{}\r\n3\r\nend\r\n0\r\n\r\n", "x".repeat(17));
        assert_eq!(String::from_utf8(sent(buffer, room, more)).unwrap(), expected);
        let mut buffer = WriteBuffer::new(b"HEAD\r\n\r\n".to_vec());
        buffer.add(Bytes::from_static(b"as it is"));
        assert_eq!(sent(buffer, room, vec![]), b"HEAD\r\n\r\nas it is");
    }
}

#[test]
fn a_connection_with_unread_bytes_or_its_end_is_not_quiet() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (near, mut far) = tokio::io::duplex(64);
        let mut conn = Conn::new(Stream::Pipe(near), std::rc::Rc::default());
        assert!(conn.is_quiet());
        far.write_all(b"H").await.unwrap();
        assert!(!conn.is_quiet());

        let (near, far) = tokio::io::duplex(64);
        let mut conn = Conn::new(Stream::Pipe(near), std::rc::Rc::default());
        drop(far);
        assert!(!conn.is_quiet());
    });
}

/// The runtime knows of no bytes until it polls its sockets again.
#[test]
fn is_quiet_asks_the_socket() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut far, _) = listener.accept().unwrap();
        let mut conn = Conn::new(Stream::Tcp(stream), std::rc::Rc::default());
        after_a_response(&mut conn, &mut far).await;
        far.write_all(b"H").unwrap();
        assert!(!conn.is_quiet(), "a byte over TCP");

        let (near, mut far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        let near = tokio::net::UnixStream::from_std(near).unwrap();
        let mut conn = Conn::new(Stream::Unix(near), std::rc::Rc::default());
        after_a_response(&mut conn, &mut far).await;
        drop(far);
        assert!(!conn.is_quiet(), "the end of a UNIX socket");
    });
}

/// Reads until the runtime knows that there are no more bytes.
async fn after_a_response(conn: &mut Conn, far: &mut impl std::io::Write) {
    far.write_all(b"response").unwrap();
    while conn.buf().len() < 8 {
        std::future::poll_fn(|cx| conn.poll_fill(cx, 0)).await.unwrap();
    }
    let mut cx = Context::from_waker(Waker::noop());
    assert!(conn.poll_fill(&mut cx, 0).is_pending());
    conn.buf().clear();
    assert!(conn.is_quiet());
}

#[test]
fn a_waiting_connection_holds_no_memory() {
    let shared = std::rc::Rc::new(SharedBuffer::default());
    let (near, _far) = tokio::io::duplex(64);
    let mut conn = Conn::new(Stream::Pipe(near), std::rc::Rc::clone(&shared));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(conn.poll_fill(&mut cx, 0), Poll::Pending));
    assert_eq!(conn.buf().capacity(), 0);
    let mut buf = bytes::BytesMut::new();
    shared.take(&mut buf);
    assert!(buf.capacity() > 0, "it is there for the next one");
}

#[test]
fn a_request_head_declares_one_length_whatever_its_headers_declare() {
    for (announced, declared) in [
        (Announced::Nothing, "content-length: 0\r\n"),
        (Announced::Length(0), "content-length: 0\r\n"),
        (Announced::Length(12), "content-length: 12\r\n"),
        (Announced::Chunked, "transfer-encoding: chunked\r\n"),
    ] {
        let mut head = RequestHead::begin(&Method::PUT, &"/a?b".parse().unwrap());
        head.field(&CONTENT_LENGTH, b"7");
        head.field(&TRANSFER_ENCODING, b"chunked");
        head.field(&HeaderName::from_static("x"), b"y");
        let head = head.end(announced);
        assert_eq!(String::from_utf8(head).unwrap(), format!("PUT /a?b HTTP/1.1\r\nx: y\r\n{declared}\r\n"));
    }
    for (method, declared) in [
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::POST, "content-length: 0\r\n"),
        (Method::PUT, "content-length: 0\r\n"),
        (Method::PATCH, "content-length: 0\r\n"),
    ] {
        let head = RequestHead::begin(&method, &"/".parse().unwrap()).end(Announced::Nothing);
        assert_eq!(String::from_utf8(head).unwrap(), format!("{method} / HTTP/1.1\r\n{declared}\r\n"));
    }
}

#[test]
fn a_chunk_size_may_be_padded_with_blanks() {
    for chunks in [
        "5     \r\nhello\r\n0     \r\n\r\n",
        "5\t\r\nhello\r\n0 \t\r\n\r\n",
        "5 ;a=b\r\nhello\r\n0\r\n\r\n",
        "5 \t; a = \"b\" \r\nhello\r\n0 ;\r\n\r\n",
    ] {
        assert_eq!(read(&(CHUNKED.to_owned() + chunks)).unwrap().body, b"hello", "{chunks:?}");
    }
    let padding = format!("1{}\r\na\r\n", " ".repeat(900)).repeat(20) + "0\r\n\r\n";
    assert!(read(&(CHUNKED.to_owned() + &padding)).is_err(), "as bounded as extensions");
}
