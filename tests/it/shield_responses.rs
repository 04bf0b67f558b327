//! Security headers that the gateway adds to the responses of an application, and HSTS.

use crate::support::{
    certificates::SelfSigned,
    client::{Http2, RawClient, RawResponse, full, plain_get, request, sign_in},
    gateway::TestGateway,
    upstream::{Upstream, public_app, values},
};

fn responding(fields: &str) -> Upstream {
    Upstream::responding(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok"))
}

/// A gateway before one app for whoever is signed in, and the response that alice gets of it.
fn alices_response(fields: &str, keys: &str) -> RawResponse {
    let upstream = responding(fields);
    let gateway = TestGateway::start(&format!("[[app]]\nupstream = {:?}\n{keys}\n", upstream.url));
    gateway.add_user("alice", &[]);
    let cookie = sign_in(&gateway, "alice");
    RawClient::connect(&gateway).get("/", &format!("Cookie: {cookie}\r\n"))
}

const ADDED: [(&str, &str); 5] = [
    ("x-frame-options", "SAMEORIGIN"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "private"),
];

#[test]
fn asvs_3_4_4_to_3_4_8_and_14_3_2_missing_security_headers_are_added() {
    let response = alices_response("Content-Type: text/html\r\n", "");
    for (name, value) in ADDED {
        assert_eq!(response.values(name), [value], "{}", response.head);
    }
    assert_eq!(response.values("content-type"), ["text/html"]);
}

#[test]
fn security_headers_of_the_application_stay() {
    let own = "X-Frame-Options: DENY\r\nX-Content-Type-Options: none\r\nReferrer-Policy: origin\r\n\
               Cross-Origin-Opener-Policy: unsafe-none\r\nCache-Control: public, max-age=60\r\n";
    let response = alices_response(own, "");
    for line in own.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        assert_eq!(response.values(name), [value], "{}", response.head);
    }
    let framed =
        alices_response("Content-Security-Policy: frame-ancestors https://portal.example.com\r\n", "");
    assert!(framed.values("x-frame-options").is_empty(), "{}", framed.head);
    assert!(alices_response("Expires: 0\r\n", "").values("cache-control").is_empty());
}

#[test]
fn each_security_header_can_be_changed_and_turned_off() {
    let keys = "[app.shield]\nx_frame_options = \"DENY\"\nreferrer_policy = \"no-referrer\"\n\
                cross_origin_opener_policy = \"same-origin-allow-popups\"\ncache_control = \"no-store\"\n";
    let response = alices_response("", keys);
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin-allow-popups"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(response.values(name), [value], "{}", response.head);
    }
    let each = "[app.shield]\nx_frame_options = \"off\"\nx_content_type_options = \"off\"\nreferrer_policy = \"off\"\n\
                cross_origin_opener_policy = \"off\"\ncache_control = \"off\"\nsoftware_headers = \"keep\"\n\
                cookie_secure = false\n";
    for keys in [each, "[app.shield]\nmode = \"off\"\n"] {
        let response = alices_response(
            "Content-Type: a/b\r\nServer: x/1\r\nX-Powered-By: y\r\nSet-Cookie: a=b\r\n",
            keys,
        );
        for (name, _) in ADDED {
            assert!(response.values(name).is_empty(), "{}", response.head);
        }
        assert_eq!(response.values("server"), ["x/1"]);
        assert_eq!(
            (response.values("x-powered-by"), response.values("set-cookie")),
            (vec!["y"], vec!["a=b"])
        );
    }
}

#[test]
fn public_responses_may_be_cached() {
    let upstream = responding("Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n");
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let response = RawClient::connect(&gateway).get("/", "");
    assert!(response.values("cache-control").is_empty(), "{}", response.head);
    assert_eq!(response.values("x-frame-options"), ["SAMEORIGIN"]);
}

/// With `nosniff` and without a type, browsers show a page as source text.
#[test]
fn a_response_without_a_content_type_gets_no_nosniff() {
    for fields in ["", "Content-Type:\r\n"] {
        let response = alices_response(fields, "");
        assert!(response.values("x-content-type-options").is_empty(), "{}", response.head);
        assert_eq!(response.values("x-frame-options"), ["SAMEORIGIN"]);
    }
    let own = alices_response("X-Content-Type-Options: nosniff\r\n", "");
    assert_eq!(own.values("x-content-type-options"), ["nosniff"], "the application's own stays");
}

/// `"cookies"` would delete the session of the gateway, and what makes the browser a known one.
#[test]
fn clear_site_data_of_an_application_leaves_the_cookies_of_the_gateway() {
    for keys in ["", "[app.shield]\nmode = \"off\"\n"] {
        let response = alices_response(
            "Clear-Site-Data: \"cache\", \"cookies\"\r\nclear-site-data: \"storage\"\r\n",
            keys,
        );
        assert_eq!(response.values("clear-site-data"), ["\"cache\", \"storage\""], "{}", response.head);
        let alone = alices_response("Clear-Site-Data: \"cookies\"\r\n", keys);
        assert!(alone.values("clear-site-data").is_empty(), "{}", alone.head);
        let all = alices_response("Clear-Site-Data: \"*\"\r\n", keys);
        assert!(!all.head.contains("cookies") && !all.head.contains('*'), "{}", all.head);
        assert!(all.head.contains("\"storage\""), "{}", all.head);
    }
}

#[tokio::test]
async fn missing_security_headers_are_added_over_http2() {
    let upstream = responding("Content-Type: text/html\r\nServer: x\r\nSet-Cookie: a=b\r\n");
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let response =
        Http2::connect(&gateway).await.send(request("GET", "/").body(full("")).unwrap()).await.unwrap();
    for (name, value) in ADDED.iter().filter(|(name, _)| *name != "cache-control") {
        assert_eq!(response.headers().get(*name).unwrap(), value);
    }
    assert!(!response.headers().contains_key("server"));
    assert_eq!(response.headers().get("set-cookie").unwrap(), "a=b; Secure");
}

#[test]
fn asvs_13_4_6_no_response_names_the_software() {
    let fields = "Server: Apache/2.4.1\r\nserver: again\r\nX-Powered-By: PHP/5\r\nX-AspNet-Version: 4\r\nX-AspNetMvc-Version: 5\r\nX-Other: 1\r\n";
    let response = alices_response(fields, "");
    for name in ["server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version"] {
        assert!(response.values(name).is_empty(), "{}", response.head);
    }
    assert_eq!(response.values("x-other"), ["1"]);
}

#[test]
fn asvs_3_3_1_the_applications_cookies_are_secure() {
    let fields = "Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; SECURE\r\nSet-Cookie: c=\"x; secure\"\r\nSet-Cookie: d\r\nSet-Cookie:\r\nset-cookie: e=1;;\r\n";
    assert_eq!(
        alices_response(fields, "").values("set-cookie"),
        ["a=1; Path=/; Secure", "b=2; SECURE", "c=\"x; secure\"; Secure", "d; Secure", "", "e=1;;; Secure"]
    );
    let keys = "[app.shield]\ncookie_http_only = true\ncookie_same_site = \"Lax\"";
    assert_eq!(
        alices_response("Set-Cookie: a=1\r\nSet-Cookie: b=2; samesite=None; httponly; secure\r\n", keys)
            .values("set-cookie"),
        ["a=1; Secure; HttpOnly; SameSite=Lax", "b=2; samesite=None; httponly; secure"]
    );
}

/// An app behind the gateway may not speak for it: not in a head, not with a change of protocol, not in a trailer.
#[test]
fn asvs_3_3_3_no_application_sets_a_cookie_or_a_header_of_the_gateway() {
    let forged = "Set-Cookie: __Host-Http-portcullis=x; Path=/; Secure\r\nSet-Cookie: __Host-Http-portcullis-form=x\r\n\
                  Set-Cookie: __Host-Http-portcullis-device=x; Path=/; Secure\r\nSet-Cookie: __HOST-Portcullis-Notice=x\r\n\
                  Set-Cookie: =__Host-Http-portcullis-device=x\r\nSet-Cookie: mine=1\r\nPortcullis-User: root\r\n\
                  PORTCULLIS-Anything: x\r\nPortcullis-Session-Set: a=b\r\nAlt-Svc: h3=\":443\"\r\n";
    let response = alices_response(forged, "");
    assert_eq!(response.values("set-cookie"), ["mine=1; Secure"]);
    assert!(!response.head.to_ascii_lowercase().contains("portcullis"), "{}", response.head);
    assert!(response.values("alt-svc").is_empty(), "{}", response.head);

    let switching =
        format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n{forged}\r\n");
    let upstream = Upstream::responding(switching);
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = RawClient::connect(&gateway);
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    let head = client.head().unwrap();
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert_eq!(values(&head, "set-cookie"), ["mine=1; Secure"]);
    assert!(!head.to_ascii_lowercase().contains("portcullis"), "{head}");
    assert!(values(&head, "x-frame-options").is_empty(), "{head}");

    let upstream = Upstream::responding(
        "HTTP/1.1 200 OK\r\nTrailer: Set-Cookie, Portcullis-User, X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\
         Set-Cookie: __Host-Http-portcullis=x\r\nset-cookie: a=b\r\nPortcullis-User: root\r\nX-Sum: 1\r\n\r\n",
    );
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let response = RawClient::connect(&gateway).get("/", "TE: trailers\r\n");
    assert_eq!(response.text(), "ok");
    assert_eq!(response.trailers, ["x-sum: 1"]);
}

/// A gateway with a certificate that is not of its own making.
struct Certified {
    gateway: TestGateway,
    certificate: SelfSigned,
    _folder: tempfile::TempDir,
}

impl Certified {
    fn start(tls: &str, apps: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificate = SelfSigned::make(folder.path(), &["localhost"]);
        let sections = format!("[tls]\n{tls}\n{}", certificate.section());
        Self { gateway: TestGateway::start_with(&sections, apps), certificate, _folder: folder }
    }

    fn ask(&self, request: &str) -> RawResponse {
        let mut client = RawClient::connect_trusting(
            &self.gateway,
            "localhost",
            &[],
            std::slice::from_ref(&self.certificate.cert),
        );
        client.send(format!("{request}\r\n\r\n"));
        client.response()
    }
}

#[test]
fn asvs_3_4_1_every_response_over_https_has_hsts_for_a_year() {
    let upstream =
        responding("Strict-Transport-Security: max-age=0\r\nstrict-transport-security: max-age=1\r\n");
    let apps = public_app(&upstream.url, "")
        + "[[app.rule]]\npath = \"/closed\"\nallow = \"nobody\"\n[[app]]\npath = \"/gone\"\nupstream = \"http://127.0.0.1:1\"\n[[app.rule]]\npath = \"/gone\"\nallow = \"anyone\"\n";
    let certified = Certified::start("", &apps);
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: localhost", 200),
        ("GET /.gateway/login HTTP/1.1\r\nHost: localhost", 200),
        ("GET /.gateway/account HTTP/1.1\r\nHost: localhost\r\nAccept: text/html", 303),
        ("GET /.gateway/nothing HTTP/1.1\r\nHost: localhost", 404),
        ("GET /closed HTTP/1.1\r\nHost: localhost", 403),
        ("GET /gone HTTP/1.1\r\nHost: localhost", 502),
        ("GET /a/../b HTTP/1.1\r\nHost: localhost", 400),
        ("GET / HTTP/1.1\r\nHost: elsewhere.example", 421),
    ] {
        let response = certified.ask(request);
        assert_eq!(response.status, status, "{request}");
        assert_eq!(response.values("strict-transport-security"), ["max-age=31536000"], "{request}");
    }
    let plain = plain_get(certified.gateway.addrs.http[0], "/");
    assert!(plain.starts_with("HTTP/1.1 308"), "{plain}");
    // RFC 6797 §7.2: never over plain HTTP.
    assert!(values(&plain, "strict-transport-security").is_empty(), "{plain}");
}

#[test]
fn the_operators_hsts_replaces_that_of_the_application() {
    let upstream = responding("Strict-Transport-Security: max-age=5\r\n");
    let app = public_app(&upstream.url, "");
    for (tls, expected) in [
        ("hsts = \"2d\"", "max-age=172800"),
        ("hsts = \"730d\"\nhsts_subdomains = true", "max-age=63072000; includeSubDomains"),
        // RFC 6797 §6.1.1: browsers forget.
        ("hsts = \"0s\"", "max-age=0"),
        ("hsts = \"off\"", "max-age=5"),
    ] {
        let response = Certified::start(tls, &app).ask("GET / HTTP/1.1\r\nHost: localhost");
        assert_eq!(response.values("strict-transport-security"), [expected], "{tls}");
    }
}

#[test]
fn a_self_signed_certificate_sends_no_hsts() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    for path in ["/", "/.gateway/login"] {
        let response = RawClient::connect(&gateway).get(path, "");
        assert!(response.values("strict-transport-security").is_empty(), "{}", response.head);
    }
    // Unless it is asked for: a proxy in front may have a real one.
    let gateway = TestGateway::start_with("[tls]\nhsts = \"365d\"", &public_app(&upstream.url, ""));
    let response = RawClient::connect(&gateway).get("/", "");
    assert_eq!(response.values("strict-transport-security"), ["max-age=31536000"]);
}
