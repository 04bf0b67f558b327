//! Requests that are refused while their head is read: the client gets the same page or problem as for every refusal,
//! and the operator finds an entry in the access log.

use serde_json::Value;

use crate::support::{
    client::{self, Http2, RawClient, full, read, request},
    frames::{END_HEADERS, END_STREAM, Frames, HEADERS, PROTOCOL_ERROR, Verdict, block, frame, get},
    gateway::TestGateway,
    process::wait_for_entries,
    upstream::{OK, Upstream, public_app},
};

/// Header fields of a browser that opens a page.
const BROWSER: &str =
    "Host: localhost\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";

fn started() -> (Upstream, TestGateway) {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    (upstream, gateway)
}

/// The entries of the access log with this status.
fn entries(gateway: &TestGateway, status: u16, count: usize) -> Vec<Value> {
    let of_status = |entries: &[Value]| -> Vec<Value> {
        entries
            .iter()
            .filter(|entry| entry["log"] == "access" && entry["status"] == status)
            .cloned()
            .collect()
    };
    of_status(&wait_for_entries(gateway, |entries| of_status(entries).len() >= count))
}

#[test]
fn an_unreadable_head_gets_the_page_and_a_log_entry() {
    let (upstream, gateway) = started();
    let many = "X: 1\r\n".repeat(150);
    for (number, (head, status)) in [
        (format!("GET /c0 HTTP/1.1\r\n{BROWSER}Cookie: a={}\r\n\r\n", "x".repeat(40_000)), 431),
        (format!("GET /c1 HTTP/1.1\r\n{BROWSER}{many}\r\n"), 431),
        (format!("GET /c2 HTTP/1.1\r\n{BROWSER}X: a\x01b\r\n\r\n"), 400),
        (format!("GET /c3 HTTP/1.1\r\n{BROWSER}X Y: 1\r\n\r\n"), 400),
        (format!("POST /c4 HTTP/1.1\r\n{BROWSER}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400),
        (format!("GET /c5#x HTTP/1.1\r\n{BROWSER}\r\n"), 400),
        (format!("GET /c6 HTTP/9.9\r\n{BROWSER}\r\n"), 400),
        (format!("GET /c7<x HTTP/1.1\r\n{BROWSER}\r\n"), 400),
        (format!("GET /c8?a>b HTTP/1.1\r\n{BROWSER}\r\n"), 400),
        (format!("GET /c9?a=\"b\" HTTP/1.1\r\n{BROWSER}\r\n"), 400),
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = RawClient::connect(&gateway);
        client.send(&head);
        let response = client.response();
        assert_eq!(response.status, status, "{number}");
        let title = if status == 431 { "The request was too large" } else { "This request isn’t valid" };
        assert!(response.text().contains(title), "{number}: {}", response.head);
        assert_eq!(response.values("content-type"), ["text/html; charset=utf-8"], "{number}");
        assert_eq!(response.values("connection"), ["close"]);
        assert!(client.until_close().is_empty());
        let path = format!("/c{number}");
        let logged = wait_for_entries(&gateway, |entries| entries.iter().any(|entry| entry["path"] == path));
        let entry = logged.iter().find(|entry| entry["path"] == path).unwrap();
        assert_eq!((&entry["status"], &entry["client"]), (&Value::from(status), &Value::from("127.0.0.1")));
        assert!(!entry["reason"].as_str().unwrap().is_empty(), "{entry}");
        assert_eq!(entry["host"], "localhost", "{entry}");
        assert!(response.text().contains(entry["id"].as_str().unwrap()), "the page names the entry");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn an_unreadable_head_of_a_program_gets_a_problem() {
    let (_upstream, gateway) = started();
    let mut client = RawClient::connect(&gateway);
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\nX: \x01\r\n\r\n");
    let response = client.response();
    assert_eq!(response.values("content-type"), ["application/problem+json"]);
    let problem: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(problem["status"], 400);
    let mut client = RawClient::connect(&gateway);
    client.send("HEAD / HTTP/1.1\r\nHost: localhost\r\nX: \x01\r\n\r\n");
    assert_eq!(client.response_to("HEAD").unwrap().status, 400);
    assert!(client.until_close().is_empty(), "the response to HEAD has no body");
}

#[test]
fn responses_before_an_unreadable_head_arrive_first() {
    let (upstream, gateway) = started();
    let mut client = RawClient::connect(&gateway);
    let good = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    client.send(format!("{good}{good}GET /bad HTTP/1.1\r\nHost: localhost\r\nX: \x01\r\n\r\n"));
    assert_eq!(
        [client.response().status, client.response().status, client.response().status],
        [200, 200, 400]
    );
    client.until_close();
    assert_eq!(upstream.seen().len(), 2);
    assert_eq!(entries(&gateway, 400, 1)[0]["path"], "/bad");
}

#[test]
fn a_head_that_does_not_come_in_time_gets_408() {
    let upstream = Upstream::ok();
    let gateway =
        TestGateway::start_with("[limits]\nheader_timeout = \"300ms\"", &public_app(&upstream.url, ""));
    for before in ["", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        let mut client = RawClient::connect(&gateway);
        client.send(before);
        if !before.is_empty() {
            assert_eq!(client.response().status, 200);
        }
        client.send(format!("GET /late HTTP/1.1\r\n{BROWSER}"));
        let response = client.response();
        assert_eq!(response.status, 408);
        assert!(response.text().contains("That took too long"));
        client.until_close();
    }
    for entry in entries(&gateway, 408, 2) {
        assert_eq!((entry["path"].as_str(), entry["host"].as_str()), (Some("/late"), Some("localhost")));
        assert_eq!(entry["reason"], "the head did not come in time");
    }
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn a_head_that_starts_behind_a_running_request_has_header_timeout_too() {
    let upstream = Upstream::ok();
    let gateway =
        TestGateway::start_with("[limits]\nheader_timeout = \"300ms\"", &public_app(&upstream.url, ""));
    let mut client = RawClient::connect(&gateway);
    client.send(format!("GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /late HTTP/1.1\r\n{BROWSER}"));
    assert_eq!([client.response().status, client.response().status], [200, 408]);
    client.until_close();
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn a_malformed_request_has_its_host_and_the_reason_in_the_log() {
    let (_upstream, gateway) = started();
    let mut client = RawClient::connect(&gateway);
    let response = client.get("/a/%00", "");
    assert_eq!(response.status, 400);
    let entry = &entries(&gateway, 400, 1)[0];
    assert_eq!((entry["host"].as_str(), entry["path"].as_str()), (Some("localhost"), Some("/a/%00")));
    let problem: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(entry["reason"], "the path contains control characters");
    assert_eq!(problem["detail"], "The path contains control characters.");
}

#[test]
fn a_target_with_a_raw_backtick_has_host_and_path_in_the_log() {
    let (upstream, gateway) = started();
    let mut client = RawClient::connect(&gateway);
    assert_eq!(client.get("/a`b", "").status, 400);
    let entry = &entries(&gateway, 400, 1)[0];
    assert_eq!((entry["host"].as_str(), entry["path"].as_str()), (Some("localhost"), Some("/a")));
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn a_head_of_http2_that_is_too_large_gets_the_page_and_a_log_entry() {
    let (upstream, gateway) = started();
    let mut client = Http2::connect(&gateway).await;
    let large = |bytes: usize| {
        let request =
            request("GET", "/large").header("accept", "text/html").header("cookie", "x".repeat(bytes));
        request.body(full("")).unwrap()
    };
    let response = client.send(large(40_000)).await.unwrap();
    assert_eq!(response.status(), 431);
    let (page, _) = read(response).await.unwrap();
    assert!(String::from_utf8_lossy(&page).contains("The request was too large"));
    let entry = &entries(&gateway, 431, 1)[0];
    assert_eq!((entry["host"].as_str(), entry["path"].as_str()), (Some("localhost"), Some("/large")));
    // Larger than any head that is read whole.
    let response = Http2::connect(&gateway).await.send(large(90_000)).await;
    assert!(response.is_err() || response.is_ok_and(|response| response.status() == 431));
    assert_eq!(entries(&gateway, 431, 2)[1]["client"], "127.0.0.1");
    gateway.wait_until_reached("header_size", 2);
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_malformed_request_of_http2_gets_a_log_entry() {
    let (_upstream, gateway) = started();
    let mut client = Frames::connect(&gateway);
    let malformed: [Vec<(&str, &[u8])>; 3] = [
        [&get("/")[..], &[("connection", b"close")]].concat(),
        [&get("/")[..], &[("X", b"y")]].concat(),
        get("/#fragment").to_vec(),
    ];
    for (number, fields) in malformed.into_iter().enumerate() {
        let stream = u32::try_from(2 * number + 1).unwrap();
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block(&fields)));
        let verdict = client.verdict(stream);
        if verdict != Verdict::Reset(PROTOCOL_ERROR) {
            assert!(matches!(verdict, Verdict::GoAway(_)), "{verdict:?}");
            client = Frames::connect(&gateway);
            client.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block(&get("/"))));
            client.verdict(stream);
        }
    }
    let logged = entries(&gateway, 400, 3);
    assert_eq!(logged.len(), 3);
    for entry in logged {
        assert_eq!(
            (entry["client"].as_str(), entry["reason"].as_str()),
            (Some("127.0.0.1"), Some("malformed HTTP/2 request"))
        );
    }
}

/// The response of the port for TLS to these bytes.
fn plain(gateway: &TestGateway, head: &str) -> String {
    // As templates escape it.
    client::plain(gateway.https(), head).replace("&#x2f;", "/")
}

#[test]
fn plain_http_on_the_port_for_tls_gets_a_link_to_https() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, "host = \"localhost\""));
    let response =
        plain(&gateway, "GET /a?b=c&d HTTP/1.1\r\nHost: localhost:8443\r\nAccept: text/html\r\n\r\n");
    assert!(response.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{response}");
    assert!(response.contains("<a href=\"https://localhost:8443/a?b=c&amp;d\">"), "{response}");
    // Each request has a connection of its own, and workers write to the log in no order: wait for one entry at a time.
    entries(&gateway, 400, 1);
    // A client that names a host that is not served here gets no link to it.
    let response = plain(&gateway, "GET /a HTTP/1.1\r\nHost: evil.example\r\nAccept: text/html\r\n\r\n");
    assert!(response.starts_with("HTTP/1.1 400 ") && !response.contains("evil.example"), "{response}");
    entries(&gateway, 400, 2);
    let response = plain(&gateway, "POST /hook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody");
    assert!(
        response.contains("application/problem+json") && response.contains("https://localhost/hook"),
        "{response}"
    );
    let logged = entries(&gateway, 400, 3);
    let seen: Vec<_> = logged.iter().map(|entry| (entry["host"].as_str(), entry["path"].as_str())).collect();
    let some = |text| Some(text);
    assert_eq!(
        seen,
        [
            (some("localhost:8443"), some("/a")),
            (some("evil.example"), some("/a")),
            (some("localhost"), some("/hook"))
        ]
    );
    assert!(logged.iter().all(|entry| entry["reason"] == "plain HTTP on the port for TLS"));
    assert_eq!(upstream.connections(), 0);
    assert_eq!(RawClient::connect(&gateway).get("/", "").text(), OK.rsplit('\n').next().unwrap());
}
