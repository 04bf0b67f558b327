//! Upstreams that leave the body of a request on the connection, where it is their next request.
//!
//! Many home-made servers and some that are installed with a system respond without reading the body. A client that
//! hides a request in a body must neither have it served nor get the response to it into another client's connection.

use std::{
    collections::HashSet,
    fs,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use http_body::Frame;
use tempfile::TempDir;

use crate::support::{
    block_on,
    client::{Http2, RawClient, frames, full, request},
    gateway::TestGateway,
    process::Captured,
    upstream::{OK, Upstream, public_app, values},
};

#[test]
fn an_upstream_that_reads_no_bodies_serves_no_hidden_request() {
    let arrived = Arc::<Mutex<Vec<String>>>::default();
    let upstream = lazy(&arrived);
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    thread::scope(|scope| {
        for who in 0..3 {
            let gateway = &gateway;
            scope.spawn(move || ask_over_http1(gateway, who));
            scope.spawn(move || ask_over_http2(gateway, who));
            scope.spawn(move || ask_without_bodies(gateway, who));
        }
    });
    let log = gateway.drained();
    let text = |entry: &serde_json::Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let logged: HashSet<String> = log
        .iter()
        .filter(|entry| entry["log"] == "access")
        .map(|entry| format!("{} {}", text(entry, "method"), text(entry, "path")))
        .collect();
    let arrived = arrived.lock().unwrap();
    let unlogged: Vec<_> = arrived.iter().filter(|asked| !logged.contains(*asked)).collect();
    assert!(unlogged.is_empty(), "{} of {}, as {:?}", unlogged.len(), arrived.len(), unlogged.first());
    assert!(arrived.len() >= logged.len());
}

#[test]
fn a_request_with_a_body_is_the_last_of_its_connection() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = RawClient::connect(&gateway);
    for (number, method) in METHODS.iter().enumerate() {
        assert_eq!(client.get("/", "").status, 200);
        for (body, text) in [("Content-Length: 2\r\n", "{}"), ("Transfer-Encoding: chunked\r\n", "0\r\n\r\n")]
        {
            client
                .send(format!("{method} / HTTP/1.1\r\nHost: localhost\r\n{body}TE: trailers\r\n\r\n{text}"));
            client.response_to(method).unwrap();
            let seen = upstream.seen();
            assert_eq!(seen.last().unwrap().values("connection"), ["close"], "{method} {body}");
        }
        // The first of the two takes the connection that the request without a body has left.
        assert_eq!(upstream.connections(), 2 * (number + 1), "{method}");
    }
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    client.response();
    assert_eq!(upstream.seen().last().unwrap().values("connection"), [""; 0], "there is no body");
}

#[test]
fn an_app_that_reads_bodies_keeps_connections_after_methods_that_have_one() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, "reuse_after_body = true"));
    let mut client = RawClient::connect(&gateway);
    let body = "Content-Length: 2\r\n\r\n{}";
    for method in ["POST", "PUT", "PATCH", "PROPFIND"] {
        client.send(format!("{method} / HTTP/1.1\r\nHost: localhost\r\n{body}"));
        client.response();
        assert_eq!(upstream.seen().last().unwrap().values("connection"), [""; 0], "{method}");
    }
    assert_eq!(upstream.connections(), 1);
    for (number, method) in ["GET", "HEAD", "DELETE", "OPTIONS"].iter().enumerate() {
        client.send(format!("{method} / HTTP/1.1\r\nHost: localhost\r\n{body}"));
        client.response_to(method).unwrap();
        assert_eq!(upstream.seen().last().unwrap().values("connection"), ["close"], "{method}");
        assert_eq!(upstream.connections(), number + 1, "{method}");
    }
}

#[test]
fn a_connection_with_a_response_before_the_end_of_the_body_is_not_reused() {
    for length in ["Content-Length: 4\r\n", "Transfer-Encoding: chunked\r\n"] {
        let upstream = Upstream::scripted(|conn| {
            while let Some(head) = conn.head()? {
                conn.send(OK.as_bytes())?;
                conn.note("responded");
                // The rest of the body is read.
                if !head.starts_with("GET ") {
                    conn.until_close();
                }
            }
            Ok(())
        });
        let gateway = TestGateway::start(&public_app(&upstream.url, "reuse_after_body = true"));
        let mut client = RawClient::connect(&gateway);
        client.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\n{length}\r\n"));
        upstream.wait_for_note("responded");
        client.send(if length.starts_with('C') { "body" } else { "4\r\nbody\r\n0\r\n\r\n" });
        assert_eq!(client.response().text(), "ok");
        upstream.wait_for_close();
        assert_eq!(RawClient::connect(&gateway).get("/", "").text(), "ok");
        assert_eq!(upstream.connections(), 2);
    }
}

#[test]
fn an_upgrade_with_a_body_is_an_ordinary_request_unless_the_app_reads_bodies() {
    for (keys, connection) in [("", "close"), ("reuse_after_body = true", "upgrade")] {
        let upstream = Upstream::ok();
        let gateway = TestGateway::start(&public_app(&upstream.url, keys));
        let mut client = RawClient::connect(&gateway);
        client.send(
            "POST /exec HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\
             Content-Length: 2\r\n\r\n{}",
        );
        assert_eq!(client.response().text(), "ok");
        let received = upstream.only();
        assert_eq!(received.values("connection"), [connection]);
        assert_eq!(received.values("upgrade").is_empty(), keys.is_empty());
    }
}

#[test]
fn a_hidden_request_reads_no_protected_file_of_pythons_http_server() {
    let server = PythonServer::start();
    let apps = format!(
        "[[app]]\nupstream = \"http://{}\"\n[[app.rule]]\npath = \"/public/**\"\nallow = \"anyone\"",
        server.addr
    );
    let gateway = TestGateway::start(&apps);
    let hidden = "GET /protected/file HTTP/1.1\r\nHost: localhost\r\nRemote-User: admin\r\n\r\n";
    assert_eq!(RawClient::connect(&gateway).get("/protected/file", "").status, 401);
    for _ in 0..20 {
        for path in ["/public/small", "/public/large"] {
            let mut client = RawClient::connect(&gateway);
            client.send(format!(
                "GET {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{hidden}\
                 GET /public/mine HTTP/1.1\r\nHost: localhost\r\n\r\n",
                hidden.len()
            ));
            assert_eq!(client.response().status, 200);
            assert_eq!(client.response().text(), "mine");
        }
    }
    drop(gateway);
    server.log.wait_for("a line for each request", |log| {
        (log.matches("\"GET /public/mine ").count() == 40).then_some(())
    });
    let log = server.log.so_far();
    assert!(!log.contains("/protected/"), "{log}");
}

/// Responds to each request with its path, without reading its body. Heeds `Connection: close`, as nearly all do.
fn lazy(arrived: &Arc<Mutex<Vec<String>>>) -> Upstream {
    let arrived = Arc::clone(arrived);
    Upstream::scripted(move |conn| {
        while let Some(head) = conn.head()? {
            let asked = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1");
            arrived.lock().unwrap().push(asked.to_owned());
            let (method, path) = asked.split_once(' ').unwrap_or((asked, "/none"));
            let body = if method == "HEAD" { "" } else { path };
            let length = path.len();
            conn.send(
                format!("HTTP/1.1 200 OK\r\nX-Nonce: {path}\r\nContent-Length: {length}\r\n\r\n{body}")
                    .as_bytes(),
            )?;
            if values(&head, "connection").iter().any(|value| value.eq_ignore_ascii_case("close")) {
                return Ok(());
            }
        }
        Ok(())
    })
}

/// A request that nobody has sent.
fn hidden(who: usize) -> String {
    format!("GET /hidden/{who} HTTP/1.1\r\nHost: localhost\r\nRemote-User: admin\r\n\r\n")
}

fn ask_over_http1(gateway: &TestGateway, who: usize) {
    let hidden = hidden(who);
    let length = hidden.len();
    let bodies = [
        format!("Content-Length: {length}\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n"),
        format!("Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n{hidden}"),
    ];
    let mut client = RawClient::connect(gateway);
    for round in 0..ROUNDS {
        for method in METHODS {
            for (number, body) in bodies.iter().enumerate() {
                let path = format!("/one/{who}/{round}/{method}/{number}");
                client.send(format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{body}"));
                let mut response = client.response_to(method).unwrap();
                while response.status == 100 {
                    response = client.response_to(method).unwrap();
                }
                assert_eq!(response.values("x-nonce"), [path], "{}", response.head);
                if response.values("connection") == ["close"] {
                    client = RawClient::connect(gateway);
                }
            }
        }
    }
}

fn ask_over_http2(gateway: &TestGateway, who: usize) {
    block_on(async {
        let mut client = Http2::connect(gateway).await;
        for round in 0..ROUNDS {
            for method in METHODS {
                for is_known in [true, false] {
                    let path = format!("/two/{who}/{round}/{method}/{is_known}");
                    let hidden = hidden(who);
                    let body = if is_known { full(hidden) } else { frames(vec![Frame::data(hidden.into())]) };
                    let response = client.send(request(method, &path).body(body).unwrap()).await.unwrap();
                    assert_eq!(response.headers()["x-nonce"], *path);
                }
            }
        }
    });
}

fn ask_without_bodies(gateway: &TestGateway, who: usize) {
    let mut client = RawClient::connect(gateway);
    for number in 0..ROUNDS * METHODS.len() * 2 {
        let path = format!("/plain/{who}/{number}");
        assert_eq!(client.get(&path, "").text(), path);
    }
}

/// Python's own file server, as anybody would start it.
struct PythonServer {
    child: Child,
    addr: String,
    log: Captured,
    _folder: TempDir,
}

impl PythonServer {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            ("public/small", "small".to_owned()),
            ("public/large", "large".repeat(100_000)),
            ("public/mine", "mine".to_owned()),
            ("protected/file", "the protected file".to_owned()),
        ] {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("its folder");
            fs::write(file, text).expect("a file");
        }
        let mut child = Command::new("python3")
            .args(["-u", "-m", "http.server", "--protocol", "HTTP/1.1", "--bind", "127.0.0.1", "0"])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("starting python3: {error}"));
        let log = Captured::of(child.stderr.take().expect("its standard error"));
        let output = Captured::of(child.stdout.take().expect("its standard output"));
        let port = output.wait_for("where http.server listens", |text| {
            text.split_once(" port ")?.1.split_once(' ').map(|(port, _)| port.to_owned())
        });
        Self { child, addr: format!("127.0.0.1:{port}"), log, _folder: folder }
    }
}

impl Drop for PythonServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

const METHODS: [&str; 9] = ["GET", "HEAD", "OPTIONS", "DELETE", "POST", "PUT", "PATCH", "PROPFIND", "REPORT"];
const ROUNDS: usize = 3;
