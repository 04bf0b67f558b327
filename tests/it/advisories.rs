//! Advisories of other gateways about headers, by their numbers in `docs/security.md`: each as an attack, in process
//! where the connection is no part of it. Numbers 1 to 3, 6, 13 and 19b are in `headers`, 8 and 14 in
//! `override_headers`.

use std::cell::RefCell;

use crate::support::{
    client::{Http2, RawClient, full, request, sign_in},
    gateway::TestGateway,
    in_process::{InProcess, InProcessResponse},
    upstream::{Upstream, public_app},
};

/// A gateway in process before the built-in app, which is closed but for `/public/**`, and for `/inside/**` from one
/// network; and alice, who is signed in.
struct Stage {
    gateway: RefCell<InProcess>,
    cookie: String,
}

const RULES: &str = "[[app.rule]]\npath = \"/public/**\"\nallow = \"anyone\"\n\
     [[app.rule]]\npath = \"/inside/**\"\nallow = { network = \"10.0.0.0/8\" }\n";

impl Stage {
    fn new(keys: &str) -> Self {
        Self::trusting(&[], keys)
    }

    fn trusting(networks: &[&str], keys: &str) -> Self {
        let gateway = InProcess::start_trusting(networks, &app("builtin:whoami", keys));
        gateway.add_user("alice", &["staff"]);
        let cookie = gateway.session_of("alice");
        Self { gateway: RefCell::new(gateway), cookie }
    }

    fn ask(&self, path: &str, fields: &str) -> InProcessResponse {
        self.gateway.borrow_mut().request(&format!("GET {path}"), fields)
    }

    fn ask_as_alice(&self, path: &str, fields: &str) -> InProcessResponse {
        self.ask(path, &format!("Cookie: {}\r\n{fields}", self.cookie))
    }
}

fn app(upstream: &str, keys: &str) -> String {
    format!("[[app]]\nname = \"app\"\nupstream = {upstream:?}\n{keys}\n{RULES}")
}

const PROXY_AUTH: &str = "identity = { X-WEBAUTH-User = \"username\", X-Groups = \"groups\" }";

/// CVE-2026-33433: ours was written beside the client's, under another spelling.
#[test]
fn advisory_4_an_identity_header_comes_once_whatever_was_there() {
    let stage = Stage::new(PROXY_AUTH);
    let names = ["x-webauth-user", "X-WEBAUTH-USER", "X-WebAuth-User", "x-WEBAUTH-user"];
    for name in names {
        let fields = format!("{name}: root\r\n{name}: wheel\r\nx-groups: wheel\r\n");
        let received = stage.ask_as_alice("/", &fields).received_request();
        assert_eq!(
            (received.value("x-webauth-user"), received.value("x-groups")),
            ("alice", "staff"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn advisory_4_an_identity_header_comes_once_over_http1_and_http2() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&app(&upstream.url, PROXY_AUTH));
    gateway.add_user("alice", &["staff"]);
    let cookie = sign_in(&gateway, "alice");
    let forged =
        format!("Cookie: {cookie}\r\nX-WEBAUTH-USER: root\r\nx-Webauth-User: wheel\r\nX-Groups: wheel\r\n");
    assert_eq!(RawClient::connect(&gateway).get("/", &forged).status, 200);
    let request = request("GET", "/")
        .header("cookie", &cookie)
        .header("x-webauth-user", "root")
        .header("x-groups", "wheel");
    let mut client = Http2::connect(&gateway).await;
    assert_eq!(client.send(request.body(full("")).unwrap()).await.unwrap().status(), 200);
    let seen = upstream.seen();
    assert_eq!(seen.len(), 2);
    for received in seen {
        assert_eq!((received.value("x-webauth-user"), received.value("x-groups")), ("alice", "staff"));
    }
}

/// CVE-2026-39858 (5), CVE-2026-54764 (7): an alias of a forwarded header was read, and one made of another.
#[test]
fn advisory_5_and_7_forwarded_headers_come_from_the_connection() {
    let stage = Stage::new("underscore_headers = true");
    let fields = "X-Forwarded-Proto: http\r\nX_Forwarded_Proto: http\r\nX-Forwarded_Port: 80\r\nx.forwarded.host: evil.example\r\n\
                 X-Forwarded-Scheme: http\r\nX-Forwarded-Ssl: off\r\nFront-End-Https: off\r\n";
    let received = stage.ask("/public/", fields).received_request();
    assert_eq!((received.value("x-forwarded-proto"), received.value("x-forwarded-port")), ("https", "443"));
    assert_eq!(received.value("x-forwarded-host"), "localhost");
    for sent in ["evil", "http\n", "off", "_", "x.forwarded"] {
        assert!(!received.head.to_ascii_lowercase().contains(sent), "{sent} in {}", received.head);
    }
}

/// CVE-2026-40575: a header of the client decided whether it was public.
#[test]
fn advisory_8_a_path_is_public_by_its_request_line_alone() {
    for networks in [&[][..], &["127.0.0.0/8"]] {
        let stage = Stage::trusting(networks, "");
        for name in [
            "X-Forwarded-Uri",
            "X-Original-URL",
            "X-Original-URI",
            "X-Rewrite-URL",
            "X-Forwarded-Path",
            "X-Forwarded-Prefix",
        ] {
            assert_eq!(stage.ask("/private", &format!("{name}: /public/\r\n")).status, 401, "{name}");
        }
        for name in ["X-Forwarded-Method", "X-Original-Method", "X-HTTP-Method-Override"] {
            assert_eq!(stage.ask("/private", &format!("{name}: OPTIONS\r\n")).status, 401, "{name}");
        }
        assert_eq!(stage.gateway.borrow().forwarded(), 0);
    }
}

/// CVE-2026-76835 (9), CVE-2023-36456 (16): every client was a trusted proxy by default.
#[test]
fn advisory_9_and_16_no_proxy_is_trusted_by_default() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let fields = "X-Forwarded-For: 10.1.1.1\r\nX-Real-IP: 10.1.1.1\r\nForwarded: for=10.1.1.1\r\n";
    assert_eq!(RawClient::connect(&gateway).get("/", fields).status, 200);
    assert_eq!(upstream.only().value("x-forwarded-for"), "127.0.0.1");
    assert!(!upstream.only().head.contains("10.1.1.1"), "{}", upstream.only().head);
    for all in ["0.0.0.0/0", "::/0"] {
        let text = format!("[server]\ntrusted_proxies = {all:?}\n[[app]]\nupstream = \"builtin:whoami\"\n");
        let refused = portcullis::config::parse(&text, std::path::Path::new("gateway.toml")).unwrap_err();
        let shown = portcullis::config::ConfigError::Invalid(refused).to_string();
        assert!(shown.contains("trusted_proxies") && shown.contains("1 error"), "{all}: {shown}");
    }
}

/// CVE-2026-34457: whoever called himself a health check was let through.
#[test]
fn advisory_10_no_user_agent_is_let_through() {
    let stage = Stage::new("");
    for agent in ["GoogleHC/1.0", "kube-probe/1.30", "ELB-HealthChecker/2.0", "Prometheus/3.0", "curl/8", ""]
    {
        for path in ["/private", "/ping", "/ready", "/health", "/healthz", "/readyz", "/metrics"] {
            assert_eq!(stage.ask(path, &format!("User-Agent: {agent}\r\n")).status, 401, "{agent} {path}");
        }
    }
    assert_eq!(stage.gateway.borrow().forwarded(), 0);
}

/// GHSA-w9mr-28mw-j8hg (11), CVE-2024-45410 and its bypass CVE-2026-29054 (12).
#[test]
fn advisory_11_and_12_connection_takes_no_identity_away_however_it_is_written() {
    let stage = Stage::new("identity = { preset = \"remote-user\", X-Who = \"username\" }");
    for fields in [
        "Connection: Remote-User, X-Who\r\n",
        "connection: remote-user,x-who\r\n",
        "CONNECTION: close , REMOTE-USER ,\tX-WHO\r\n",
        "Connection: keep-alive\r\nconnection: Remote-User\r\nConnection: X-Who\r\n",
        "Connection: ,,remote-User;q=1,, x-Who ,\r\nConnection: remote-user\r\n",
        "Connection: Remote-User, X-Who\r\nRemote-User: root\r\nX-Who: root\r\n",
    ] {
        let received = stage.ask_as_alice("/", fields).received_request();
        assert_eq!((received.value("remote-user"), received.value("x-who")), ("alice", "alice"), "{fields}");
        assert_eq!(received.value("remote-groups"), "staff", "{fields}");
    }
}

/// CVE-2024-47070 (15): junk in the header made a step be skipped. CVE-2024-21494 (17): it chose the address.
#[test]
fn advisory_15_and_17_no_forwarded_header_of_a_client_moves_it_into_another_network() {
    let (wary, trusting) = (Stage::new(""), Stage::trusting(&["127.0.0.0/8"], ""));
    for sent in [
        "10.0.0.1",
        "10.0.0.1, 127.0.0.1",
        "junk",
        "",
        "10.0.0.1, junk",
        "10.0.0.1,,",
        "::ffff:10.0.0.1",
        "[10.0.0.1]",
        "10.0.0.1:80",
    ] {
        let fields = format!("X-Forwarded-For: {sent}\r\n");
        assert_eq!(wary.ask_as_alice("/inside/", &fields).status, 403, "{sent}");
    }
    for sent in [
        "junk",
        "",
        "10.0.0.1, junk",
        "10.0.0.1,,",
        "10.0.0.1, 192.0.2.1",
        "[10.0.0.1]",
        "10.0.0.1:x",
        "0x0a.0.0.1",
    ] {
        let fields = format!("X-Forwarded-For: {sent}\r\n");
        assert_eq!(trusting.ask_as_alice("/inside/", &fields).status, 403, "{sent}");
        // Nor does it spare anybody the sign-in.
        assert_eq!(trusting.ask("/private", &fields).status, 401, "{sent}");
    }
    for sent in ["10.0.0.1", "10.0.0.1:80", "192.0.2.1, 10.0.0.1", "junk, 10.0.0.1, 127.0.0.1"] {
        let fields = format!("X-Forwarded-For: {sent}\r\n");
        assert_eq!(trusting.ask_as_alice("/inside/", &fields).status, 200, "{sent}");
    }
}

/// CVE-2018-1283 (19): a header of the client became what the application takes for its session. And what many
/// plugins warn of (20): no client sends an identity header of any preset, whichever the app has.
#[test]
fn advisory_19_and_20_no_client_sends_an_identity_header_of_any_preset() {
    for identity in ["remote-user", "x-forwarded", "none", "grafana", "redash"] {
        let stage = Stage::new(&format!("identity = {identity:?}\nsession_data = true"));
        let names = [
            "Remote-User",
            "Remote-Groups",
            "Remote-Email",
            "Remote-Name",
            "X-Forwarded-User",
            "X-Forwarded-Groups",
            "X-Forwarded-Email",
            "X-Forwarded-Preferred-Username",
            "X-Remote-User",
            "X-Authenticated-User",
            "X-WEBAUTH-USER",
            "X_WebAuth_User",
            "X-Proxy-User",
            "X-Authentik-Username",
            "X-Auth-Request-User",
            "X-Token-Subject",
            "X-Forwarded-Remote-User",
            "X-Forwarded-Mail",
            "Portcullis-Session-Data",
            "Portcullis-Session-Set",
            "Portcullis-Assertion",
        ];
        let fields = names.map(|name| format!("{name}: hostile\r\n")).concat();
        for response in [stage.ask("/public/", &fields), stage.ask_as_alice("/public/", &fields)] {
            let received = response.received_request();
            assert!(!received.head.contains("hostile"), "{identity}: {}", received.head);
        }
    }
}
