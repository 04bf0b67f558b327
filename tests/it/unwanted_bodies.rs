//! Bodies of requests that are refused from their heads: a client that is still to send one sees the response.

use std::time::Duration;

use crate::support::{
    client::RawClient,
    frames::{END_HEADERS, END_STREAM, Frames, HEADERS, block, frame, get, post},
    gateway::TestGateway,
    upstream::{Upstream, public_app},
};

const LENGTH: &str = "Content-Length: 5\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// A gateway with a page for everybody and, at `/kept/`, one that needs a sign-in.
fn gateway(upstream: &Upstream) -> TestGateway {
    let rules = "[[app.rule]]\npath = \"/kept/\"\nallow = \"authenticated\"\n";
    TestGateway::start(&public_app(&upstream.url, rules))
}

fn head(fields: &str) -> String {
    format!("POST /kept/ HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n{fields}\r\n")
}

#[test]
fn a_refused_request_whose_body_comes_later_is_not_the_last_of_its_connection() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream);
    let mut client = RawClient::connect(&gateway);
    for (fields, body) in [(LENGTH, "hello"), (CHUNKED, "5\r\nhello\r\n0\r\n\r\n")] {
        client.send(head(fields));
        assert!(client.is_silent_for(Duration::from_millis(100)), "a response before the body: {fields}");
        client.send(body);
        let response = client.response();
        assert_eq!((response.status, response.values("connection")), (401, vec![]), "{fields}");
        assert_eq!(client.get("/", "").status, 200, "{fields}");
    }
    assert_eq!(upstream.seen().len(), 2, "a refused request was forwarded");
}

#[test]
fn a_refused_request_whose_body_does_not_come_is_the_last_of_its_connection() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream);
    for fields in
        [LENGTH, CHUNKED, "Content-Length: 5\r\nExpect: 100-continue\r\n", "Content-Length: 262145\r\n"]
    {
        let mut client = RawClient::connect(&gateway);
        client.send(head(fields));
        let response = client.response();
        assert_eq!((response.status, response.values("connection")), (401, vec!["close"]), "{fields}");
        client.until_close();
    }
}

#[test]
fn a_body_of_a_refused_request_without_an_end_is_not_read_for_ever() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream);
    let mut client = RawClient::connect(&gateway);
    client.send(head(CHUNKED));
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    // As many as fit, and one more.
    for _ in 0..9 {
        client.send(&chunk);
    }
    let response = client.response();
    assert_eq!((response.status, response.values("connection")), (401, vec!["close"]));
}

#[test]
fn a_body_of_a_refused_request_is_read_up_to_256_kib() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream);
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    for (chunks, connection) in [(8, vec![]), (9, vec!["close"])] {
        let mut client = RawClient::connect(&gateway);
        client.send(head(CHUNKED));
        client.send(format!("{}0\r\n\r\n", chunk.repeat(chunks)));
        let response = client.response();
        assert_eq!((response.status, response.values("connection")), (401, connection), "{chunks}");
    }
}

/// The other streams of the connection go on, so that there is no reason to wait for the body.
#[test]
fn a_refused_request_of_http2_gets_its_response_before_its_body() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream);
    let mut client = Frames::connect(&gateway);
    let refused = frame(HEADERS, END_HEADERS, 1, block(&post("/kept/")));
    let public = frame(HEADERS, END_HEADERS | END_STREAM, 3, block(&get("/")));
    client.send([refused, public].concat());
    let mut responses = Vec::new();
    while responses.len() < 2 {
        let frame = client.next().unwrap();
        if frame.kind == HEADERS {
            responses.push(frame.stream);
        }
    }
    assert_eq!(responses, [1, 3], "the first waits for a body");
}
