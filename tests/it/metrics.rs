//! Metrics of the status listener, as Prometheus reads them.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use crate::support::{
    client::{RawClient, sign_in},
    gateway::TestGateway,
    process::until,
    upstream::{Upstream, public_app},
};

#[test]
fn prometheus_finds_nothing_wrong_with_the_metrics() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    RawClient::connect(&gateway).get("/", "");
    until("the request is counted", || gateway.metrics().contains("portcullis_requests_total{app=\"app\""));
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("starting promtool: {error}; tests/run installs it with prometheus"));
    promtool.stdin.take().unwrap().write_all(gateway.metrics().as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.is_empty() && err.is_empty(), "{out}{err}");
}

#[test]
fn requests_and_bytes_are_counted_by_app_and_status() {
    let upstream = Upstream::ok();
    let apps = format!(
        "{}[[app]]\nname = \"dead\"\nhost = \"dead.test\"\nupstream = \"{}\"\n[[app.rule]]\npath = \"/**\"\nallow = \"anyone\"\n",
        public_app(&upstream.url, "host = \"localhost\""),
        Upstream::dead()
    );
    let gateway = TestGateway::start(&apps);
    // No name in TLS: it asks for two hosts.
    let mut client = RawClient::connect_nameless(&gateway);
    assert_eq!(client.get("/", "").status, 200);
    assert_eq!(client.get("/.gateway/nothing", "").status, 404);
    client.send("GET / HTTP/1.1\r\nHost: dead.test\r\n\r\n");
    assert_eq!(client.response().status, 502);
    for sample in [
        "portcullis_requests_total{app=\"app\",status=\"2xx\"}",
        "portcullis_requests_total{app=\"\",status=\"4xx\"}",
        "portcullis_requests_total{app=\"dead\",status=\"5xx\"}",
        "portcullis_upstream_faults_total{app=\"dead\",kind=\"connect\"}",
        "portcullis_upstream_duration_seconds_count",
        "portcullis_connections_total{protocol=\"http/1.1\"}",
        "portcullis_connections_open",
    ] {
        until(sample, || gateway.counted(sample) == 1);
    }
    until("all three", || gateway.counted("portcullis_request_duration_seconds_count") == 3);
    assert!(gateway.counted("portcullis_sent_bytes_total") > 500);
    assert!(gateway.counted("portcullis_received_bytes_total") > 100);
    drop(client);
    until("nobody is connected", || gateway.counted("portcullis_connections_open") == 0);
}

#[test]
fn sign_ins_are_counted_by_result() {
    let gateway = TestGateway::start(&public_app(&Upstream::ok().url, ""));
    gateway.add_user("alice", &[]);
    sign_in(&gateway, "alice");
    assert_eq!(gateway.counted("portcullis_sign_ins_total{result=\"ok\"}"), 1);
    assert_eq!(gateway.counted("portcullis_sign_ins_total{result=\"failed\"}"), 0);
    assert_eq!(gateway.counted("portcullis_password_checks_total"), 1);
}

#[test]
fn no_label_holds_text_of_a_request() {
    let gateway = TestGateway::start(&public_app(&Upstream::ok().url, "host = \"localhost\""));
    let mut client = RawClient::connect(&gateway);
    for number in 0..20 {
        client.send(format!("X{number} /path{number} HTTP/1.1\r\nHost: host{number}.test\r\n\r\n"));
        assert_eq!(client.response().status, 421);
    }
    until("all are counted", || gateway.counted("portcullis_requests_total{app=\"\",status=\"4xx\"}") == 20);
    let text = gateway.metrics();
    assert!(!text.contains("path1") && !text.contains("host1") && !text.contains("X1"), "{text}");
}
