//! Override headers, with which a client could make an application serve another path or method than the one decided on.

use crate::support::{
    client::{Http2, RawClient, frames, full, request},
    gateway::TestGateway,
    in_process::InProcess,
    upstream::{Received, Upstream, app_below, public_app},
};

fn arrives(upstream: &Upstream, gateway: &TestGateway, fields: &str) -> Received {
    assert_eq!(RawClient::connect(gateway).get("/", fields).status, 200, "{fields}");
    upstream.seen().pop().expect("a request")
}

const STEERING: [&str; 29] = [
    "X-HTTP-Method-Override",
    "X-Http-Method",
    "X-Method-Override",
    "x_http_method_override",
    "X-Original-URL",
    "X-Original-URI",
    "X-Original-Method",
    "X-Original-Host",
    "X-Rewrite-URL",
    "X-Override-URL",
    "X-Forwarded-Prefix",
    "X-Forwarded-Uri",
    "X-Forwarded-Path",
    "X-Forwarded-Method",
    "X-Forwarded-Server",
    "X-Forwarded-Scheme",
    "X-Forwarded-Ssl",
    "X-Forwarded-By",
    "X-Forwarded",
    "X-Script-Name",
    "X-Url-Scheme",
    "X-Host",
    "X-HTTP-Host-Override",
    "Forwarded",
    "Front-End-Https",
    "X-Real-IP",
    "True-Client-IP",
    // httpoxy: a CGI would read it as HTTP_PROXY.
    "Proxy",
    "X.Original.URL",
];

/// CVE-2026-40575 (8), CVE-2026-33495 (14): what a client says of path, method or scheme decided.
#[test]
fn advisory_8_and_14_no_override_header_reaches_an_application() {
    let mut gateway = InProcess::start(&public_app("builtin:whoami", "underscore_headers = true"));
    for name in STEERING {
        for fields in [
            format!("{name}: hostile\r\n"),
            format!("{name}: hostile\r\n{name}: hostile\r\nConnection: {name}\r\n"),
        ] {
            let response = gateway.request("GET /", &fields);
            assert_eq!(response.status, 200, "{fields}");
            let received = response.received_request();
            assert!(!received.head.contains("hostile"), "{}", received.head);
        }
    }
}

#[tokio::test]
async fn asvs_4_1_3_no_override_header_arrives_over_http2_or_in_a_trailer() {
    let upstream = Upstream::ok();
    let keys = "pass_headers = [\"X-HTTP-Method-Override\"]";
    let gateway = TestGateway::start(&public_app(&upstream.url, keys));
    let mut client = Http2::connect(&gateway).await;
    let plain = request("GET", "/")
        .header("x-original-url", "/hostile")
        .header("proxy", "hostile")
        .body(full(""))
        .unwrap();
    assert_eq!(client.send(plain).await.unwrap().status(), 200);
    let trailers = [("x-original-url", "/hostile"), ("x-http-method-override", "hostile"), ("x-kept", "1")];
    let trailers = trailers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let body = frames(vec![
        http_body::Frame::data("x".into()),
        http_body::Frame::trailers(http::HeaderMap::from_iter(trailers)),
    ]);
    let names = "x-original-url, x-http-method-override, x-kept";
    let posted = request("POST", "/").header("trailer", names).body(body).unwrap();
    assert_eq!(client.send(posted).await.unwrap().status(), 200);
    for received in upstream.seen() {
        assert!(!received.head.contains("hostile"), "{}", received.head);
        assert!(received.trailers.iter().all(|line| !line.contains("hostile")), "{:?}", received.trailers);
    }
    assert_eq!(upstream.seen()[1].trailers, ["x-kept: 1"]);
}

#[test]
fn a_listed_override_header_arrives_in_one_spelling_at_its_app_alone() {
    let (api, other) = (Upstream::ok(), Upstream::ok());
    let listed =
        "pass_headers = [\"X-HTTP-Method-Override\", \"x-forwarded-prefix\"]\nunderscore_headers = true\n";
    let second = app_below("other", &other.url, "");
    let gateway = TestGateway::start(&(public_app(&api.url, listed) + second.as_str()));
    let fields = "X-Http-Method-Override: DELETE\r\nX-Forwarded-Prefix: /a\r\nX_HTTP_Method_Override: hostile\r\n\
                 X-Method-Override: hostile\r\nX.Forwarded.Prefix: hostile\r\nX-Forwarded-Path: hostile\r\n";
    let received = arrives(&api, &gateway, fields);
    assert_eq!(
        (received.value("x-http-method-override"), received.value("x-forwarded-prefix")),
        ("DELETE", "/a")
    );
    assert!(!received.head.contains("hostile"), "{}", received.head);
    assert_eq!(RawClient::connect(&gateway).get("/other", fields).status, 200);
    let received = other.only();
    assert!(received.values("x-http-method-override").is_empty(), "{}", received.head);
    // A header that `Connection` names is removed all the same.
    let received =
        arrives(&api, &gateway, "X-HTTP-Method-Override: DELETE\r\nConnection: X-HTTP-Method-Override\r\n");
    assert!(received.values("x-http-method-override").is_empty(), "{}", received.head);
}
