//! Requests and responses are forwarded unchanged: methods, paths, bodies and their framing, trailers, interim responses.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;

use crate::support::{
    client::{Http1, Http2, RawClient, curl, frames, full, read, request},
    gateway::TestGateway,
    upstream::{Gate, OK, Upstream, public_app},
};

fn in_front_of(upstream: &Upstream) -> TestGateway {
    TestGateway::start(&public_app(&upstream.url, ""))
}

#[tokio::test]
async fn every_method_arrives_over_http1_and_http2() {
    let upstream = Upstream::ok();
    let gateway = in_front_of(&upstream);
    let (mut http1, mut http2) = (Http1::connect(&gateway).await, Http2::connect(&gateway).await);
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        let with_body = matches!(method, "POST" | "PUT" | "PATCH");
        let sent = || if with_body { full("abc") } else { full("") };
        let mut one = request(method, "/x").body(sent()).unwrap();
        one.headers_mut().insert("host", HeaderValue::from_static("localhost"));
        *one.uri_mut() = "/x".parse().unwrap();
        assert_eq!(read(http1.send(one).await.unwrap()).await.unwrap().0, "ok", "{method}");
        let two = request(method, "/x").body(sent()).unwrap();
        assert_eq!(read(http2.send(two).await.unwrap()).await.unwrap().0, "ok", "{method}");
        for received in upstream.seen().iter().rev().take(2) {
            assert_eq!(received.asked(), format!("{method} /x"));
            assert_eq!(received.body, if with_body { &b"abc"[..] } else { b"" });
            assert!(received.values("transfer-encoding").is_empty(), "{}", received.head);
            assert_eq!(received.values("host"), ["localhost"]);
        }
    }
    assert_eq!(upstream.seen().len(), 14);
}

#[test]
fn path_and_query_arrive_byte_for_byte() {
    let upstream = Upstream::ok();
    let gateway = in_front_of(&upstream);
    let mut client = RawClient::connect(&gateway);
    for path in [
        "/",
        "/?",
        "/a%2Fb",
        "/a%2fb;v=1;w",
        "//double//slash/",
        "/%7Etilde/~tilde",
        "/caf%C3%A9",
        "/a+b%20c?q=a+b%20c&r=%2F&&=",
        "/x?next=/y/../z&u=http://h/%00",
        "/a:b@c!$&'()*,=",
        "/x?[]{}|^`",
        "/*",
    ] {
        let response = client.get(path, "");
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        assert_eq!(upstream.seen().last().unwrap().asked(), format!("GET {path}"));
    }
}

#[tokio::test]
async fn path_and_query_arrive_byte_for_byte_over_http2() {
    let upstream = Upstream::ok();
    let gateway = in_front_of(&upstream);
    let mut client = Http2::connect(&gateway).await;
    for path in ["/a%2Fb;v=1?x=%2f&y", "//a//", "/?"] {
        assert_eq!(client.send(request("GET", path).body(full("")).unwrap()).await.unwrap().status(), 200);
        assert_eq!(upstream.seen().last().unwrap().asked(), format!("GET {path}"));
    }
}

#[test]
fn a_request_body_keeps_its_framing() {
    let upstream = Upstream::ok();
    let gateway = in_front_of(&upstream);
    let mut client = RawClient::connect(&gateway);

    client.send("POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.response().status, 200);
    let received = upstream.seen().pop().unwrap();
    assert_eq!((received.value("content-length"), &received.body[..]), ("5", &b"hello"[..]));
    assert!(received.values("transfer-encoding").is_empty());

    client.send("POST /chunked HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    assert_eq!(client.response().status, 200);
    let received = upstream.seen().pop().unwrap();
    assert_eq!((received.value("transfer-encoding"), &received.body[..]), ("chunked", &b"hello"[..]));
    assert!(received.values("content-length").is_empty());
}

#[test]
fn a_request_without_a_body_arrives_without_one() {
    let upstream = Upstream::ok();
    let gateway = in_front_of(&upstream);
    let mut client = RawClient::connect(&gateway);
    for (method, length) in
        [("GET", ""), ("DELETE", ""), ("POST", "Content-Length: 0\r\n"), ("PUT", "Content-Length: 0\r\n")]
    {
        client.send(format!("{method} / HTTP/1.1\r\nHost: localhost\r\n{length}\r\n"));
        assert_eq!(client.response().status, 200);
        let received = upstream.seen().pop().unwrap();
        assert!(received.values("transfer-encoding").is_empty(), "{}", received.head);
        let expected: &[&str] = if length.is_empty() { &[] } else { &["0"] };
        assert_eq!(received.values("content-length"), expected, "{}", received.head);
    }
}

#[tokio::test]
async fn a_post_put_or_patch_without_a_body_arrives_with_content_length_0() {
    let upstream = Upstream::ok();
    let gateway = in_front_of(&upstream);
    let (mut raw, mut http2) = (RawClient::connect(&gateway), Http2::connect(&gateway).await);
    for method in ["POST", "PUT", "PATCH"] {
        raw.send(format!("{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!(raw.response().status, 200);
        http2.send(request(method, "/").body(full("")).unwrap()).await.unwrap();
        let seen = upstream.seen();
        for received in seen.iter().rev().take(2) {
            assert_eq!(received.asked(), format!("{method} /"));
            assert_eq!(received.value("content-length"), "0");
            assert!(received.values("transfer-encoding").is_empty(), "{}", received.head);
        }
    }
    assert_eq!(upstream.seen().len(), 6);
}

/// An app that gets the length of every body.
fn collecting(upstream: &Upstream, sections: &str) -> TestGateway {
    TestGateway::start_with(sections, &public_app(&upstream.url, "collect_bodies = \"16B\""))
}

const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_small_body_of_unknown_length_is_collected() {
    let upstream = Upstream::ok();
    let gateway = collecting(&upstream, "");
    let (mut raw, mut http2) = (RawClient::connect(&gateway), Http2::connect(&gateway).await);
    for pieces in [vec!["hello"], vec!["hel", "lo"], vec!["0123456789", "abcdef"], vec![]] {
        let chunk = |piece: &&str| format!("{:x}\r\n{piece}\r\n", piece.len());
        let chunks = pieces.iter().map(chunk).collect::<Vec<_>>().concat();
        raw.send(format!("{CHUNKED}{chunks}0\r\nX-Sum: 1\r\n\r\n"));
        assert_eq!(raw.response().status, 200);
        let data = pieces.iter().map(|piece| Frame::data(Bytes::from_static(piece.as_bytes()))).collect();
        http2.send(request("POST", "/").body(frames(data)).unwrap()).await.unwrap();
        let whole = pieces.concat();
        for received in upstream.seen().iter().rev().take(2) {
            assert_eq!(received.value("content-length"), whole.len().to_string());
            assert!(received.values("transfer-encoding").is_empty(), "{}", received.head);
            assert_eq!(received.body, whole.as_bytes());
        }
    }
    assert_eq!(upstream.seen().len(), 8);
}

#[test]
fn a_larger_body_of_unknown_length_is_refused_before_it_reaches_the_upstream() {
    let upstream = Upstream::ok();
    let gateway = collecting(&upstream, "");
    let mut client = RawClient::connect(&gateway);
    client.send(format!("{CHUNKED}a\r\n0123456789\r\n7\r\nabcdefg\r\n0\r\n\r\n"));
    assert_eq!(client.response().status, 411);
    // One that never ends, too.
    let mut client = RawClient::connect(&gateway);
    client.send(format!("{CHUNKED}a\r\n0123456789\r\n7\r\nabcdefg\r\n"));
    assert_eq!(client.response().status, 411);
    assert_eq!((upstream.seen().len(), upstream.connections()), (0, 0));
    let mut client = RawClient::connect(&gateway);
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 17\r\n\r\n0123456789abcdefg");
    assert_eq!(client.response().status, 200, "who says the length may send more");
}

#[test]
fn limits_on_bodies_hold_for_a_collected_body() {
    let upstream = Upstream::ok();
    let gateway = collecting(&upstream, "[limits]\nmax_body = \"4B\"\nbody_timeout = \"200ms\"");
    let mut client = RawClient::connect(&gateway);
    client.send(format!("{CHUNKED}5\r\nhello\r\n0\r\n\r\n"));
    assert_eq!(client.response().status, 413);
    let mut client = RawClient::connect(&gateway);
    client.send(format!("{CHUNKED}2\r\nhe\r\n"));
    assert_eq!(client.response().status, 408);
    assert_eq!((upstream.seen().len(), upstream.connections()), (0, 0));
}

#[test]
fn a_client_that_expects_100_gets_it_before_its_body_is_collected() {
    let upstream = Upstream::ok();
    let gateway = collecting(&upstream, "");
    let mut client = RawClient::connect(&gateway);
    client.send(CHUNKED.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n"));
    assert_eq!(client.response().status, 100);
    client.send("2\r\nhi\r\n0\r\n\r\n");
    assert_eq!(client.response().status, 200);
    let received = upstream.only();
    assert_eq!((received.value("content-length"), &received.body[..]), ("2", &b"hi"[..]));
    assert!(received.values("expect").is_empty());
}

#[test]
fn chunk_sizes_that_devices_pad_with_blanks_are_read() {
    let upstream = Upstream::responding(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3   \r\nhel\r\n2 ;a=b\r\nlo\r\n0 \t\r\n\r\n",
    );
    let gateway = in_front_of(&upstream);
    let mut client = RawClient::connect(&gateway);
    for _ in 0..2 {
        assert_eq!(client.get("/", "").text(), "hello");
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_response_body_keeps_its_framing() {
    let upstream = Upstream::scripted(|conn| {
        while let Some(request) = conn.request()? {
            conn.send(match request.asked() {
                "GET /length" => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                "GET /chunked" => {
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
                }
                _ => b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            })?;
        }
        Ok(())
    });
    let gateway = in_front_of(&upstream);
    let mut client = RawClient::connect(&gateway);
    let length = client.get("/length", "");
    assert_eq!((length.values("content-length"), length.text()), (vec!["5"], "hello"));
    let chunked = client.get("/chunked", "");
    assert_eq!((chunked.values("transfer-encoding"), chunked.text()), (vec!["chunked"], "hello"));
    let empty = client.get("/empty", "");
    assert_eq!((empty.values("content-length"), empty.text()), (vec!["0"], ""));
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn responses_without_a_body_keep_their_headers() {
    let upstream = Upstream::scripted(|conn| {
        while let Some(request) = conn.request()? {
            conn.send(match request.asked() {
                "HEAD /length" => b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nETag: \"h\"\r\n\r\n",
                "HEAD /chunked" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: \"h\"\r\n\r\n",
                "GET /204" => b"HTTP/1.1 204 No Content\r\nETag: \"h\"\r\n\r\n",
                _ => b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: \"h\"\r\n\r\n",
            })?;
        }
        Ok(())
    });
    let gateway = in_front_of(&upstream);
    let mut client = RawClient::connect(&gateway);
    for (asked, status, length) in [
        ("HEAD /length", 200, &["12345"][..]),
        ("HEAD /chunked", 200, &[]),
        ("GET /204", 204, &[]),
        // The length of what is not sent may be left out (RFC 9110 §8.6), and hyper does.
        ("GET /304", 304, &[]),
    ] {
        client.send(format!("{asked} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let response = client.response_to(asked.split(' ').next().unwrap()).unwrap();
        assert_eq!((response.status, response.values("etag")), (status, vec!["\"h\""]), "{asked}");
        assert_eq!(response.values("content-length"), length, "{asked}: {}", response.head);
    }
    // One connection carried all four, so no bytes were left over between them.
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn responses_to_head_keep_their_length_over_http2() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n");
    let gateway = in_front_of(&upstream);
    let mut client = Http2::connect(&gateway).await;
    let response = client.send(request("HEAD", "/").body(full("")).unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-length"], "12345");
    assert_eq!(read(response).await.unwrap().0, "");
}

#[test]
fn interim_responses_arrive_before_the_final_one() {
    let upstream = Upstream::responding(
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    let gateway = in_front_of(&upstream);
    let mut client = RawClient::connect(&gateway);
    for _ in 0..2 {
        assert_eq!(client.get("/", "").head, "HTTP/1.1 102 Processing");
        assert_eq!(client.response().head, "HTTP/1.1 103 Early Hints\r\nlink: </a>");
        let response = client.response();
        assert_eq!((response.status, response.text()), (200, "ok"));
        assert!(response.values("link").is_empty());
    }
}

#[test]
fn an_interim_response_arrives_before_the_upstream_has_its_final_one() {
    let (go_on, gate) = Gate::closed();
    let upstream = Upstream::scripted(move |conn| {
        while conn.request()?.is_some() {
            conn.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")?;
            gate.wait();
            conn.send(OK.as_bytes())?;
        }
        Ok(())
    });
    let gateway = in_front_of(&upstream);
    let mut client = RawClient::connect(&gateway);
    for _ in 0..3 {
        let hints = client.get("/", "");
        assert_eq!((hints.status, hints.values("link")), (103, vec!["</a.css>; rel=preload"]));
        go_on.send(()).unwrap();
        assert_eq!(client.response().text(), "ok");
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn an_interim_response_never_cuts_into_the_response_before_it() {
    const LARGE: usize = 4 << 20;
    let upstream = Upstream::scripted(|conn| {
        while let Some(received) = conn.request()? {
            if received.asked() == "GET /large" {
                conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n").as_bytes())?;
                conn.send(&vec![b'x'; LARGE])?;
            } else {
                conn.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")?;
                conn.send(OK.as_bytes())?;
            }
        }
        Ok(())
    });
    let gateway = in_front_of(&upstream);
    let mut client = RawClient::connect(&gateway);
    // Pipelined: the later ones run while the client has still to take what came before.
    let (large, hints) =
        ("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.send([large, hints, large, hints, hints].concat());
    for is_large in [true, false, true, false, false] {
        let mut response = client.response();
        while response.status == 103 {
            response = client.response();
        }
        assert_eq!(response.status, 200, "{}", response.head);
        assert!(if is_large { response.body == vec![b'x'; LARGE] } else { response.text() == "ok" });
    }
}

#[test]
fn an_interim_response_loses_the_headers_of_final_ones() {
    let upstream = Upstream::responding(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\nConnection: X-Hop\r\nX-Hop: y\r\nKeep-Alive: timeout=5\r\n\
         Set-Cookie: __Host-portcullis=stolen\r\nSet-Cookie: theme=dark\r\nPortcullis-Session-Set: a=b\r\nClear-Site-Data: \"*\"\r\n\
         Strict-Transport-Security: max-age=0\r\nAlt-Svc: h3=\":1\"\r\nServer: old\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    let gateway = in_front_of(&upstream);
    let mut client = RawClient::connect(&gateway);
    assert_eq!(client.get("/", "").head, "HTTP/1.1 103 Early Hints\r\nlink: </a>");
    assert_eq!(client.response().text(), "ok");
}

#[tokio::test]
async fn clients_of_http_1_0_and_http_2_get_the_final_response_alone() {
    let upstream = Upstream::responding(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    let gateway = in_front_of(&upstream);
    let mut old = RawClient::connect(&gateway);
    old.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
    let response = old.response();
    assert_eq!((response.status, response.text()), (200, "ok"), "{}", response.head);
    let response =
        Http2::connect(&gateway).await.send(request("GET", "/").body(full("")).unwrap()).await.unwrap();
    assert_eq!(read(response).await.unwrap().0, "ok");
}

const EXPECTING: &str =
    "POST /upload HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";

#[test]
fn a_client_that_expects_100_gets_it_when_the_upstream_sends_it() {
    let upstream = Upstream::scripted(|conn| {
        let head = conn.head()?.unwrap();
        assert!(head.to_lowercase().contains("expect: 100-continue"));
        conn.note("head");
        conn.send(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        let body = conn.bytes(4)?;
        conn.note(String::from_utf8(body).unwrap());
        conn.send(OK.as_bytes())
    });
    let gateway = in_front_of(&upstream);
    let mut client = RawClient::connect(&gateway);
    client.send(EXPECTING);
    upstream.wait_for_note("head");
    assert!(client.head().unwrap().starts_with("HTTP/1.1 100 "));
    client.send("body");
    upstream.wait_for_note("body");
    assert_eq!(client.response().text(), "ok");
}

#[test]
fn a_client_whose_expectation_is_refused_gets_no_100() {
    for refusal in ["417 Expectation Failed", "413 Content Too Large"] {
        let upstream = Upstream::scripted(move |conn| {
            conn.head()?;
            conn.send(format!("HTTP/1.1 {refusal}\r\nContent-Length: 2\r\n\r\nno").as_bytes())?;
            let rest = conn.until_close();
            conn.note(format!("{} bytes", rest.len()));
            Ok(())
        });
        let gateway = in_front_of(&upstream);
        let mut client = RawClient::connect(&gateway);
        client.send(EXPECTING);
        let response = client.response();
        assert_eq!((response.status.to_string(), response.text()), (refusal.chars().take(3).collect(), "no"));
        // Whether it goes on nevertheless or not: what it sends is no request, and reaches nobody.
        client.try_send("GET ").ok();
        assert!(client.until_close().is_empty());
        upstream.wait_for_note("0 bytes");
    }
}

#[test]
fn an_upstream_that_does_not_know_the_expectation_gets_the_body_after_a_while() {
    let upstream = Upstream::ok();
    let gateway = in_front_of(&upstream);
    let mut client = RawClient::connect(&gateway);
    client.send(EXPECTING);
    assert!(client.head().unwrap().starts_with("HTTP/1.1 100 "));
    client.send("body");
    assert_eq!(client.response().text(), "ok");
    assert_eq!(upstream.only().body, b"body");
}

#[test]
fn a_refused_request_gets_no_100() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&format!("[[app]]\nupstream = {:?}\n", upstream.url));
    let mut client = RawClient::connect(&gateway);
    client.send(EXPECTING);
    assert_eq!(client.response().status, 401);
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn ranges_and_partial_content_pass() {
    let upstream = Upstream::responding(
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/9\r\nContent-Length: 3\r\nAccept-Ranges: bytes\r\n\r\ncde",
    );
    let gateway = in_front_of(&upstream);
    let response = RawClient::connect(&gateway).get("/", "Range: bytes=2-4\r\nIf-Range: \"x\"\r\n");
    assert_eq!((response.status, response.text()), (206, "cde"));
    assert_eq!(response.values("content-range"), ["bytes 2-4/9"]);
    let received = upstream.only();
    assert_eq!((received.value("range"), received.value("if-range")), ("bytes=2-4", "\"x\""));
}

#[test]
fn compressed_bytes_are_not_touched() {
    let body: Vec<u8> = (0..=255).chain([0x1f, 0x8b, 8, 0, 0, 10, 13]).collect();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
    let upstream = Upstream::responding([head.as_bytes(), &body].concat());
    let gateway = in_front_of(&upstream);
    let response = RawClient::connect(&gateway).get("/", "Accept-Encoding: gzip, br\r\n");
    assert_eq!((response.values("content-encoding"), &response.body), (vec!["gzip"], &body));
    assert_eq!(upstream.only().value("accept-encoding"), "gzip, br");
}

#[test]
fn trailers_pass_in_both_directions_without_identity_headers() {
    let upstream = Upstream::responding(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Set-Cookie\r\n\r\n2\r\nok\r\n0\r\nX-Sum: down\r\nSet-Cookie: a=b\r\n\r\n",
    );
    let gateway = in_front_of(&upstream);
    let mut client = RawClient::connect(&gateway);
    client.send(
        "POST / HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\
         Trailer: X-Sum, Remote-User, remote_groups, X-Forwarded-For, Authorization\r\n\r\n\
         2\r\nhi\r\n0\r\nX-Sum: up\r\nRemote-User: root\r\nremote_groups: wheel\r\nX-Forwarded-For: 1.2.3.4\r\nAuthorization: x\r\n\r\n",
    );
    let response = client.response();
    assert_eq!(response.trailers.join("\n").to_lowercase(), "x-sum: down");
    let received = upstream.only();
    assert_eq!(received.trailers.join("\n").to_lowercase(), "x-sum: up");
    assert_eq!(received.body, b"hi");
}

#[tokio::test]
async fn trailers_pass_in_both_directions_over_http2() {
    let upstream = Upstream::responding(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: down\r\n\r\n",
    );
    let gateway = in_front_of(&upstream);
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("up"));
    trailers.insert("remote-user", HeaderValue::from_static("root"));
    let body = frames(vec![Frame::data(Bytes::from_static(b"hi")), Frame::trailers(trailers)]);
    let request = request("POST", "/")
        .header("te", "trailers")
        .header("trailer", "x-sum, remote-user")
        .body(body)
        .unwrap();
    let (data, trailers) = read(Http2::connect(&gateway).await.send(request).await.unwrap()).await.unwrap();
    assert_eq!((&data[..], &trailers["x-sum"]), (&b"ok"[..], &HeaderValue::from_static("down")));
    assert_eq!(upstream.only().trailers.join("\n").to_lowercase(), "x-sum: up");
}

#[test]
fn events_arrive_one_by_one() {
    let (go_on, gate) = Gate::closed();
    let upstream = Upstream::scripted(move |conn| {
        conn.request()?;
        conn.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        )?;
        for event in ["one", "two", "three"] {
            conn.send(format!("{:x}\r\ndata: {event}\n\n\r\n", event.len() + 8).as_bytes())?;
            // The next one leaves only after the client has seen this one.
            gate.wait();
        }
        conn.send(b"0\r\n\r\n")
    });
    let gateway = in_front_of(&upstream);
    let mut client = RawClient::connect(&gateway);
    client.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.head().unwrap();
    for event in ["one", "two", "three"] {
        client.line().unwrap();
        assert_eq!(client.line().unwrap(), format!("data: {event}\n"));
        assert_eq!(client.bytes(3).unwrap(), b"\n\r\n");
        go_on.send(()).unwrap();
    }
    assert_eq!(client.line().unwrap(), "0\r\n");
}

#[test]
fn the_built_in_application_streams_events() {
    let gateway = TestGateway::start(&public_app("builtin:whoami", ""));
    let mut client = RawClient::connect(&gateway);
    client.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(client.head().unwrap().contains("text/event-stream"));
    client.line().unwrap();
    assert_eq!(client.line().unwrap(), "event: tick\n");
}

#[test]
fn one_connection_carries_requests_one_after_the_other() {
    let upstream = Upstream::ok();
    let gateway = in_front_of(&upstream);
    let mut client = RawClient::connect(&gateway);
    for _ in 0..20 {
        assert_eq!(client.get("/", "").text(), "ok");
    }
    assert_eq!((upstream.seen().len(), upstream.connections()), (20, 1));
}

#[test]
fn upstreams_are_reached_over_tls_and_unix_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, authority) = Upstream::tls();
    let unix = Upstream::unix(&folder.path().join("app.sock"));
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority).unwrap();
    for (upstream, keys) in [(tls, format!("upstream_ca = {ca:?}")), (unix, String::new())] {
        let gateway = TestGateway::start(&public_app(&upstream.url, &keys));
        let mut client = RawClient::connect(&gateway);
        client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi");
        assert_eq!(client.response().text(), "ok");
        assert_eq!(upstream.only().body, b"hi");
    }
}

#[test]
fn an_upstream_with_an_untrusted_certificate_gets_no_request() {
    let folder = tempfile::tempdir().unwrap();
    let ((tls, _), (_, other)) = (Upstream::tls(), Upstream::tls());
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, other).unwrap();
    let gateway = TestGateway::start(&public_app(&tls.url, &format!("upstream_ca = {ca:?}")));
    assert_eq!(RawClient::connect(&gateway).get("/", "").status, 502);
    assert!(tls.seen().is_empty());
}

#[test]
fn curl_sends_and_receives_over_both_versions() {
    let upstream = Upstream::ok();
    let gateway = in_front_of(&upstream);
    for version in ["--http1.1", "--http2"] {
        let output = curl(
            &gateway,
            &[version, "--fail", "--data-binary", "hello", "-w", "%{http_version}"],
            "/a%2Fb?c",
        );
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with("ok"), "{text} {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(text, if version == "--http2" { "ok2" } else { "ok1.1" });
        let received = upstream.seen().pop().unwrap();
        assert_eq!((received.asked(), &received.body[..]), ("POST /a%2Fb?c", &b"hello"[..]));
    }
}
