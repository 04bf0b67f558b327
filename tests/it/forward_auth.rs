//! Forward-auth: what other proxies are told, and what arrives behind the four real ones.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
};

use http::{Method, Request, header::ACCEPT};
use socket2::{Domain, Socket, Type};

use crate::support::{
    browser::Browser,
    certificates::TestAuthority,
    client::{RawClient, plain},
    cookies::SESSION,
    gateway::{TestGateway, password},
    in_process::InProcess,
    proxies::{HOST, KINDS, Kind, Proxy},
    upstream::{OK, PATIENCE, Upstream},
    visitor::Visitor,
};

const RULES: &str = r#"
[[app.rule]]
path = "/public/**"
allow = "anyone"
[[app.rule]]
path = "/admin/**"
allow = { group = "admins" }
[[app.rule]]
path = "/office/**"
allow = { group = "staff", network = "203.0.113.0/24" }
[[app.rule]]
path = "/local/**"
allow = { group = "staff", network = "127.0.0.0/8" }
[[app.rule]]
path = "/docs/**"
methods = ["DELETE", "PUT"]
allow = { group = "admins" }
"#;

/// A gateway with the document's app; alice is of the staff, root is an admin, bob is in no group.
fn gateway(upstream: &str, keys: &str, checks: &str) -> TestGateway {
    let apps = format!(
        "[groups]\nadmins = []\nstaff = []\n[forward_auth]\nlisten = \"127.0.0.1:0\"\n{checks}\n\
         [[app]]\nname = \"wiki\"\nhost = \"{HOST}\"\nupstream = \"{upstream}\"\n{keys}\n{RULES}"
    );
    let gateway = TestGateway::start_trusting(&["127.0.0.1/32"], &apps);
    gateway.add_user("alice", &["staff"]);
    gateway.add_user("root", &["admins"]);
    gateway.add_user("bob", &[]);
    gateway
}

fn here() -> TestGateway {
    gateway("builtin:whoami", "", "")
}

/// The session cookie of somebody who has signed in at the gateway itself.
pub fn session(gateway: &TestGateway, name: &str) -> String {
    let origin = format!("https://{HOST}:{}", gateway.https().port());
    let mut visitor = Visitor::new(&origin, gateway.https(), &gateway.certificate(), gateway.clock.clone());
    visitor.sign_in(name, &password(name));
    format!("Cookie: {SESSION}={}\r\n", visitor.cookies[SESSION])
}

pub fn checks(gateway: &TestGateway) -> SocketAddr {
    gateway.addrs.checks[0]
}

/// The head of the response to a check of this kind about `GET https://wiki.example.com{path}`.
pub fn ask(gateway: &TestGateway, kind: Kind, (method, path): (&str, &str), more: &str) -> String {
    let request = described(kind, HOST, (method, path));
    plain(checks(gateway), format!("{request}Connection: close\r\n{more}\r\n"))
}

/// The head of a check, without its end.
fn described(kind: Kind, host: &str, (method, path): (&str, &str)) -> String {
    let forwarded = "X-Forwarded-For: 203.0.113.9\r\n";
    match kind {
        Kind::Nginx => format!(
            "GET /.gateway/check/nginx HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Original-Method: {method}\r\n\
             X-Original-URL: https://{host}{path}\r\n{forwarded}"
        ),
        Kind::Traefik | Kind::Caddy => format!(
            "GET /.gateway/check/{} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Method: {method}\r\nX-Forwarded-Proto: https\r\n\
             X-Forwarded-Host: {host}\r\nX-Forwarded-Uri: {path}\r\n{forwarded}",
            if kind == Kind::Caddy { "caddy" } else { "traefik" }
        ),
        Kind::Envoy => format!(
            "{method} /.gateway/check/envoy{path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: https\r\n{forwarded}"
        ),
    }
}

pub fn status(response: &str) -> u16 {
    response.get(9..12).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{response}"))
}

/// The values of a header field, the only one of its name.
pub fn field<'r>(response: &'r str, name: &str) -> Option<&'r str> {
    let head = response.split("\r\n\r\n").next()?;
    let mut values = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .filter(|(field, _)| field.eq_ignore_ascii_case(name));
    let value = values.next().map(|(_, value)| value.trim());
    assert!(values.next().is_none(), "{name} twice: {head}");
    value
}

pub const PAGE: &str = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";

#[test]
fn every_kind_of_proxy_gets_the_response_that_it_understands() {
    let gateway = here();
    let [alice, bob] = ["alice", "bob"].map(|name| session(&gateway, name));
    for kind in KINDS {
        let allowed = ask(&gateway, kind, ("GET", "/page?x=1"), &format!("{alice}Cookie: theme=dark\r\n"));
        assert_eq!(status(&allowed), 200, "{kind:?}: {allowed}");
        for (name, value) in [
            ("remote-user", "alice"),
            ("remote-groups", "staff"),
            ("remote-email", ""),
            ("remote-name", "alice"),
            ("cookie", "theme=dark"),
        ] {
            assert_eq!(field(&allowed, name), Some(value), "{kind:?} {name}: {allowed}");
        }
        assert_eq!(
            (field(&allowed, "set-cookie"), field(&allowed, "cache-control")),
            (None, Some("no-store"))
        );

        let public = ask(&gateway, kind, ("GET", "/public/x"), "");
        let names = ["remote-user", "remote-groups", "remote-email", "remote-name"];
        assert_eq!(
            (status(&public), names.map(|name| field(&public, name))),
            (200, [Some(""); 4]),
            "{kind:?}: {public}"
        );

        let page = ask(&gateway, kind, ("GET", "/page?x=1"), PAGE);
        let expected = if kind == Kind::Nginx { 401 } else { 302 };
        let location = Some("https://wiki.example.com/.gateway/login?next=/page%3Fx%3D1");
        assert_eq!((status(&page), field(&page, "location")), (expected, location), "{kind:?}: {page}");

        let program = ask(&gateway, kind, ("GET", "/page"), "Accept: */*\r\n");
        assert_eq!((status(&program), field(&program, "location")), (401, None), "{kind:?}: {program}");

        let forbidden = ask(&gateway, kind, ("GET", "/admin/"), &format!("{bob}{PAGE}"));
        assert_eq!((status(&forbidden), field(&forbidden, "location")), (403, None), "{kind:?}: {forbidden}");
        assert_eq!(field(&forbidden, "remote-user"), None);
    }
}

/// A-2.
#[test]
fn a_check_from_an_address_that_is_no_trusted_proxys_says_nothing_of_sessions() {
    let gateway = here();
    let alice = session(&gateway, "alice");
    let from_elsewhere = |cookie: &str, path: &str| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0)).into()).unwrap();
        socket.connect(&checks(&gateway).into()).unwrap();
        let mut socket = TcpStream::from(socket);
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        // Header fields that a proxy in between could have written change nothing.
        let request = described(Kind::Nginx, HOST, ("GET", path));
        let more = format!("{cookie}X-Real-IP: 127.0.0.1\r\nConnection: close\r\n\r\n");
        socket.write_all(format!("{request}{more}").as_bytes()).unwrap();
        let mut response = String::new();
        socket.read_to_string(&mut response).unwrap();
        let request_id = response
            .split("\"request_id\":\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_default();
        let dates = field(&response, "date").unwrap_or_default().to_owned();
        response.replace(request_id, "ID").replace(&dates, "DATE")
    };
    let refused = from_elsewhere("", "/page");
    assert_eq!(status(&refused), 403, "{refused}");
    for (cookie, path) in [(&*alice, "/page"), (&alice, "/public/x"), (&alice, "/admin/"), ("", "/public/x")]
    {
        assert_eq!(from_elsewhere(cookie, path), refused, "{path}");
    }
    assert!(!refused.to_lowercase().contains("remote-user"), "{refused}");
}

#[test]
fn a_proxy_shows_the_secret_if_there_is_one() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "tulip-42\n").unwrap();
    let gateway = gateway("builtin:whoami", "", &format!("secret_file = \"{}\"", file.path().display()));
    let shown = |secret: &str| status(&ask(&gateway, Kind::Caddy, ("GET", "/public/x"), secret));
    assert_eq!(shown("Portcullis-Proxy-Secret: tulip-42\r\n"), 200);
    for wrong in [
        "",
        "Portcullis-Proxy-Secret: tulip-4\r\n",
        "Portcullis-Proxy-Secret: tulip-42\r\nPortcullis-Proxy-Secret: tulip-42\r\n",
        "Portcullis_Proxy_Secret: tulip-42\r\n",
    ] {
        assert_eq!(shown(wrong), 403, "{wrong}");
    }
    let log = gateway.log().iter().map(ToString::to_string).collect::<String>();
    assert!(!log.contains("tulip"), "{log}");
}

/// A-3.
#[test]
fn header_fields_that_a_visitor_adds_change_no_decision() {
    let gateway = here();
    let bob = session(&gateway, "bob");
    let spoofed = [
        "X-Forwarded-Uri: /public/x",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Method: HEAD",
        "X-Forwarded-Proto: http",
        "X-Original-URI: /public/x",
        "X-Original-URL: https://wiki.example.com/public/x",
        "X-Original-Method: GET",
        "X_Forwarded_Uri: /public/x",
        "X.Forwarded.Uri: /public/x",
        "X_Original_URL: https://wiki.example.com/public/x",
        "x-FORWARDED-uri: /public/x",
        "Forwarded: host=evil.example;for=203.0.113.9",
        "X-Forwarded-Prefix: /public",
        "X-Rewrite-URL: /public/x",
        "X-Real-IP: 203.0.113.9",
        "X-Forwarded-Server: evil",
        "X-Envoy-Original-Path: /public/x",
    ];
    let own = |kind: Kind, field: &str| {
        let name = field.split(':').next().unwrap_or_default().to_lowercase();
        match kind {
            Kind::Nginx => ["x-original-url", "x-original-method"].contains(&&*name),
            Kind::Envoy => name == "x-forwarded-proto",
            _ => ["x-forwarded-uri", "x-forwarded-host", "x-forwarded-method", "x-forwarded-proto"]
                .contains(&&*name),
        }
    };
    let names_path = |field: &str| {
        let name = field.split(':').next().unwrap_or_default().to_lowercase().replace(['_', '.'], "-");
        ["x-original-uri", "x-original-url", "x-rewrite-url"].contains(&&*name)
    };
    for kind in KINDS {
        for field in spoofed {
            let asked =
                |path: &str| status(&ask(&gateway, kind, ("DELETE", path), &format!("{bob}{field}\r\n")));
            let statuses = [asked("/admin/x"), asked("/public/x"), asked("/docs/x")];
            // One that the proxy writes itself comes twice then, and describes two requests; one by which the application
            // could choose another path is refused.
            let expected = match own(kind, field) || names_path(field) {
                true if kind == Kind::Nginx => [403; 3],
                true => [400; 3],
                false => [403, 200, 403],
            };
            assert_eq!(statuses, expected, "{kind:?} {field}");
        }
    }
}

/// A-4.
#[test]
fn malformed_and_oversized_checks_are_never_allowed() {
    let gateway = here();
    let alice = session(&gateway, "alice");
    let long = "x".repeat(64 << 10);
    let token = alice.trim().strip_prefix("Cookie: ").unwrap();
    for kind in KINDS {
        let cookies = [
            format!("{SESSION}={long}"),
            format!("{SESSION}="),
            SESSION.to_owned(),
            format!("{token}; {token}"),
            format!("{token}x"),
            format!("{SESSION}=\"{}\"", token.split_once('=').unwrap().1),
            format!("$Version=1; {token}"),
            format!("{token}; {SESSION}=a"),
        ];
        for cookie in cookies {
            let response = ask(&gateway, kind, ("GET", "/page"), &format!("Cookie: {cookie}\r\n"));
            assert!(
                !response.is_empty() && status(&response) >= 400,
                "{kind:?} {cookie:.60}: {response:.200}"
            );
        }
        for (method, path) in [
            ("GET", format!("/{long}")),
            ("GET", "/a/%2e%2e/public/x".into()),
            ("GET", "/a/..%2fpublic/x".into()),
            ("GET", "/%zz".into()),
            ("GET", "/a%00".into()),
            ("GET", "//evil.example/".into()),
            ("get", "/page".into()),
            ("TRACE", "/page".into()),
            (&*long, "/page".into()),
            ("GET", "/.gateway/account".into()),
            ("GET", "/.GATEWAY/account".into()),
            ("GET", "/.gateway%2faccount".into()),
        ] {
            let response = ask(&gateway, kind, (method, &path), &alice);
            if path.starts_with("//") {
                // Another reading of a path that the rules know.
                assert_eq!(status(&response), 200, "{kind:?} {path}");
            } else {
                assert!(
                    !response.is_empty() && status(&response) >= 400,
                    "{kind:?} {method:.20} {path:.60}: {response:.200}"
                );
            }
        }
        for host in [
            &*long,
            "evil.example",
            "wiki.example.com.evil.example",
            "",
            "wiki.example.com:0",
            "wiki example.com",
            "a@wiki.example.com",
        ] {
            let request = described(kind, host, ("GET", "/page"));
            let response = plain(checks(&gateway), format!("{request}{alice}Connection: close\r\n\r\n"));
            assert!(!response.is_empty() && status(&response) >= 400, "{kind:?} {host:.60}: {response:.200}");
        }
        let allowed = ask(&gateway, kind, ("GET", "/page"), &alice);
        assert_eq!(status(&allowed), 200, "{kind:?}, untouched: {allowed}");
    }
    // Bytes that are no text.
    let mut request = described(Kind::Nginx, HOST, ("GET", "/p\u{1}")).into_bytes();
    request.extend(format!("{alice}Connection: close\r\n\r\n").bytes());
    let at = request.iter().position(|byte| *byte == 1).unwrap();
    request[at] = 0xff;
    assert_eq!(status(&plain(checks(&gateway), request)), 403);
}

#[test]
fn a_host_that_no_app_names_is_refused_also_beside_an_app_of_every_host() {
    let apps = format!(
        "[forward_auth]\nlisten = \"127.0.0.1:0\"\n\
         [[app]]\nname = \"wiki\"\nhost = \"{HOST}\"\nupstream = \"builtin:whoami\"\n\
         [[app]]\nname = \"any\"\nupstream = \"builtin:whoami\"\n\
         [[app.rule]]\npath = \"/**\"\nallow = \"anyone\"\n"
    );
    let gateway = TestGateway::start_trusting(&["127.0.0.1/32"], &apps);
    for kind in KINDS {
        let request = described(kind, "evil.example", ("GET", "/page"));
        let response = plain(checks(&gateway), format!("{request}{PAGE}Connection: close\r\n\r\n"));
        assert_eq!((status(&response), field(&response, "location")), (403, None), "{kind:?}: {response}");
    }
}

#[test]
fn the_limits_on_a_head_hold_for_the_described_request() {
    let gateway = here();
    let alice = session(&gateway, "alice");
    let long = format!("/{}", "x".repeat(9 << 10));
    let fields = (0..110).map(|n| format!("X-Field-{n}: x\r\n")).collect::<Vec<_>>().concat();
    for kind in KINDS {
        for (path, more, expected) in [(&*long, "", 414), ("/page", &*fields, 431)] {
            let response = ask(&gateway, kind, ("GET", path), &format!("{alice}{more}"));
            // A head of too many fields is refused before it is read as a check.
            let expected = if kind == Kind::Nginx && expected == 414 { 403 } else { expected };
            assert_eq!(status(&response), expected, "{kind:?} {path:.20}: {response}");
        }
    }
}

#[test]
fn header_fields_that_could_pass_for_the_gateways_are_refused() {
    let gateway =
        gateway("builtin:whoami", "identity = { Remote-User = \"username\", X-Staff = \"groups\" }", "");
    let alice = session(&gateway, "alice");
    for name in [
        "Remote-User",
        "remote_user",
        "Remote.User",
        "REMOTE-GROUPS",
        "Remote!Name",
        "X-Staff",
        "x_staff",
        "X.Staff",
        "Portcullis-Assertion",
        "X-Portcullis-User",
        "x_portcullis_user",
        "X-HTTP-Method-Override",
        "X-Method-Override",
    ] {
        for kind in KINDS {
            let response = ask(&gateway, kind, ("GET", "/page"), &format!("{alice}{name}: root\r\n"));
            let expected = if kind == Kind::Nginx { 403 } else { 400 };
            assert_eq!(status(&response), expected, "{kind:?} {name}: {response}");
        }
    }
    let ordinary = ask(
        &gateway,
        Kind::Caddy,
        ("GET", "/page"),
        &format!("{alice}X-Remote-Control: on\r\nX-Requested-With: x\r\n"),
    );
    assert_eq!(status(&ordinary), 200, "{ordinary}");
}

#[test]
fn header_fields_that_choose_another_path_are_refused() {
    let gateway = gateway("builtin:whoami", "pass_headers = [\"X-Matched-Path\"]", "");
    for kind in KINDS {
        for name in
            ["X-Rewrite-URL", "x_rewrite_url", "X.Original.URL", "X-Original-URI", "X-Middleware-Rewrite"]
        {
            let response = ask(&gateway, kind, ("GET", "/public/x"), &format!("{name}: /admin/\r\n"));
            let expected = if kind == Kind::Nginx { 403 } else { 400 };
            assert_eq!(status(&response), expected, "{kind:?} {name}: {response}");
        }
        let passed = ask(&gateway, kind, ("GET", "/public/x"), "X-Matched-Path: /admin/\r\n");
        assert_eq!(status(&passed), 200, "{kind:?}: {passed}");
    }
}

/// The app takes certificates from the gateway alone. A proxy would pass on what the visitor has sent.
#[test]
fn a_visitors_client_certificate_header_is_refused_where_the_app_reads_one() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, TestAuthority::new().pem()).unwrap();
    let ca = format!(
        "[[tls.client_ca]]\ncert = {:?}\n[[tls.client_ca.user]]\nemail = \"*@example.com\"\n",
        authority.display().to_string()
    );
    let keys = "client_certificate = \"optional\"\nclient_certificate_header = true";
    let gateway = gateway("builtin:whoami", keys, &ca);
    let alice = session(&gateway, "alice");
    for kind in KINDS {
        for name in ["Client-Cert", "client_cert", "Client.Cert-Chain"] {
            let response = ask(&gateway, kind, ("GET", "/page"), &format!("{alice}{name}: :Zm9yZ2Vk:\r\n"));
            let expected = if kind == Kind::Nginx { 403 } else { 400 };
            assert_eq!(status(&response), expected, "{kind:?} {name}: {response}");
        }
        let response = ask(&gateway, kind, ("GET", "/page"), &alice);
        assert_eq!(status(&response), 200, "{response}");
        for name in ["client-cert", "client-cert-chain"] {
            assert_eq!(field(&response, name), Some(""), "overwrites what the visitor sends: {response}");
        }
    }
}

#[test]
fn an_unknown_visitor_address_satisfies_no_network() {
    let gateway = here();
    let alice = session(&gateway, "alice");
    let asked = |path: &str, forwarded: &str| {
        let described = described(Kind::Caddy, HOST, ("GET", path));
        let (before, _) = described.split_once("X-Forwarded-For").unwrap();
        status(&plain(checks(&gateway), format!("{before}{forwarded}{alice}Connection: close\r\n\r\n")))
    };
    assert_eq!(asked("/office/", "X-Forwarded-For: 203.0.113.9\r\n"), 200);
    assert_eq!(asked("/office/", "X-Forwarded-For: 198.51.100.1\r\n"), 403);
    for path in ["/office/", "/local/"] {
        assert_eq!(asked(path, "X-Forwarded-For: unknown\r\n"), 403, "{path}");
        assert_eq!(asked(path, ""), 403, "{path}: the proxy's own address is none of the visitor's");
    }
}

/// A-6: the paths of the path tests, as they are and as Traefik digests them.
#[test]
fn a_path_is_decided_as_if_the_gateway_forwarded_the_request_itself() {
    let gateway = here();
    let bob = session(&gateway, "bob");
    let mut raw = RawClient::connect_to(gateway.https(), HOST, &[], &[gateway.certificate()]);
    let spellings = [
        "/admin",
        "/admin/",
        "//admin/",
        "/ADMIN/",
        "/admin;x=1/",
        "/%61dmin/",
        "/public/../admin/",
        "/public/%2e%2e/admin/",
        "/public/..%2fadmin/",
        "/public/..;/admin/",
        "/admin%2f",
        "/public%2f..%2fadmin",
        "/public/",
        "/public",
        "/PUBLIC/",
        "/public//x",
        "/index.php/admin/",
        "/(S(x))/admin/",
        "/admin::$DATA",
        "/\u{ff41}dmin/",
        "/%ef%bd%81dmin/",
        "/adm\u{131}n/",
        "/%2561dmin/",
        "/page",
        "/docs/x",
        "/docs/..\\admin",
        "/docs/%5c..%5cadmin",
        "/x?y=/public/",
        "/public?x#y",
    ];
    for path in spellings.iter().filter(|path| path.is_ascii()) {
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: 203.0.113.9\r\n{bob}\r\n"));
        let itself = raw.response();
        if itself.status == 400 {
            raw = RawClient::connect_to(gateway.https(), HOST, &[], &[gateway.certificate()]);
        }
        for kind in KINDS {
            let asked = status(&ask(&gateway, kind, ("GET", path), &bob));
            let expected = match (kind, itself.status) {
                (Kind::Nginx, 400) => 403,
                (_, status) => status,
            };
            assert_eq!(asked, expected, "{kind:?} {path}");
        }
    }
}

/// A-7.
#[test]
fn the_body_of_a_check_is_not_read() {
    let gateway = here();
    let alice = session(&gateway, "alice");
    let mut socket = TcpStream::connect(checks(&gateway)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = described(Kind::Envoy, HOST, ("POST", "/page"));
    socket.write_all(format!("{request}{alice}Content-Length: 104857600\r\n\r\nstart").as_bytes()).unwrap();
    let mut response = String::new();
    // The gateway ends the connection, whose next bytes would be the rest of the body.
    socket.read_to_string(&mut response).unwrap();
    assert_eq!(status(&response), 200, "{response}");
}

#[test]
fn the_sender_of_a_check_is_judged_like_that_of_any_request() {
    let gateway = here();
    let alice = session(&gateway, "alice");
    let foreign = "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n";
    let own = "Origin: https://wiki.example.com\r\nSec-Fetch-Site: same-origin\r\n";
    let socket = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    for kind in KINDS {
        let asked =
            |method, more: &str| status(&ask(&gateway, kind, (method, "/page"), &format!("{alice}{more}")));
        assert_eq!(
            (asked("POST", own), asked("POST", foreign), asked("GET", foreign)),
            (200, 403, 200),
            "{kind:?}"
        );
        assert_eq!(
            (asked("GET", &format!("{own}{socket}")), asked("GET", &format!("{foreign}{socket}"))),
            (200, 403),
            "{kind:?}"
        );
        assert_eq!(asked("GET", "Service-Worker: script\r\n"), 403, "{kind:?}");
    }
    let moved =
        |more: &str| status(&ask(&gateway, Kind::Caddy, ("MOVE", "/page"), &format!("{alice}{more}")));
    assert_eq!(moved("Destination: https://wiki.example.com/page2\r\n"), 200);
    assert_eq!(moved("Destination: https://wiki.example.com/admin/x\r\n"), 403);
    assert_eq!(moved(""), 400);
}

/// A-10.
#[test]
fn a_preflight_passes_without_a_sign_in_where_the_app_says_so() {
    let strict = here();
    let open = gateway("builtin:whoami", "preflight = \"allow\"", "");
    let preflight = "Origin: https://page.example\r\nAccess-Control-Request-Method: PUT\r\n";
    let alice = session(&open, "alice");
    for kind in KINDS {
        let asked =
            |gateway: &TestGateway, method, more: &str| status(&ask(gateway, kind, (method, "/page"), more));
        assert_eq!(asked(&strict, "OPTIONS", preflight), 401, "{kind:?}");
        let response = ask(&open, kind, ("OPTIONS", "/page"), preflight);
        assert_eq!((status(&response), field(&response, "remote-user")), (200, Some("")), "{kind:?}");
        assert_eq!(asked(&open, "PUT", preflight), 401, "{kind:?}");
        assert_eq!(asked(&open, "OPTIONS", "Origin: https://page.example\r\n"), 401, "{kind:?}");
        assert_eq!(
            asked(&open, "OPTIONS", &format!("{preflight}Authorization: Basic eA==\r\n")),
            401,
            "{kind:?}"
        );
        assert_eq!(asked(&open, "OPTIONS", &format!("{preflight}Cookie: a=b\r\n")), 401, "{kind:?}");
        // Somebody who is signed in is decided as ever.
        assert_eq!(asked(&open, "OPTIONS", &format!("{preflight}{alice}")), 200, "{kind:?}");
    }
}

#[test]
fn a_preflight_of_any_origin_reaches_an_app_that_allows_it_without_a_proxy_too() {
    let preflight = [("origin", "https://page.example"), ("access-control-request-method", "PUT")];
    for (keys, expected) in [("", 401), ("preflight = \"allow\"", 204)] {
        let mut gateway = InProcess::start(&format!("[[app]]\nupstream = \"builtin:whoami\"\n{keys}\n"));
        assert_eq!(gateway.send(&Method::OPTIONS, "/page", &preflight, "").status, expected, "{keys}");
        assert_eq!(gateway.send(&Method::PUT, "/page", &preflight, "").status, 401, "{keys}");
    }
}

#[test]
fn checks_over_tls_use_the_certificates_of_the_gateway() {
    let gateway = gateway("builtin:whoami", "", "tls = true");
    let alice = session(&gateway, "alice");
    let mut proxy =
        RawClient::connect_to(checks(&gateway), HOST, &[b"h2", b"http/1.1"], &[gateway.certificate()]);
    for _ in 0..2 {
        proxy.send(format!("{}{alice}\r\n", described(Kind::Caddy, HOST, ("GET", "/page"))));
        let response = proxy.response();
        assert_eq!((response.status, response.values("remote-user")), (200, vec!["alice"]));
    }
}

#[test]
fn checks_are_recorded_as_the_requests_that_they_are_about() {
    let gateway = here();
    let alice = session(&gateway, "alice");
    ask(&gateway, Kind::Nginx, ("DELETE", "/page?secret=1"), &alice);
    let log = gateway.drained();
    let entry = log.iter().find(|entry| entry["path"] == "/page").unwrap_or_else(|| panic!("{log:?}"));
    assert_eq!(
        (&entry["method"], &entry["host"], &entry["status"], &entry["user"], &entry["app"], &entry["client"]),
        (&"DELETE".into(), &HOST.into(), &200.into(), &"alice".into(), &"wiki".into(), &"203.0.113.9".into())
    );
}

/// The response behind a proxy, and the last request that reached the application since.
fn behind(proxy: &Proxy, upstream: &Upstream, request: &str) -> (u16, Option<String>) {
    let before = upstream.seen().len();
    let mut client = RawClient::connect_to(proxy.addr, HOST, &[], std::slice::from_ref(&proxy.certificate));
    let method = request.split(' ').next().unwrap_or_default().to_owned();
    client.send(request.replacen(
        "HTTP/1.1\r\n",
        &format!("HTTP/1.1\r\nHost: {}\r\n", proxy.origin().trim_start_matches("https://")),
        1,
    ));
    let response = client.response_to(&method).expect("a response of the proxy");
    let arrived =
        upstream.seen().get(before..).and_then(|seen| seen.last().map(|request| request.head.clone()));
    (response.status, arrived)
}

/// A-1, A-3, A-5: one table of requests through each real proxy.
#[expect(clippy::too_many_lines, reason = "a table of requests")]
fn the_table_through(kind: Kind) {
    let upstream = Upstream::responding(OK);
    let gateway = gateway(&upstream.url, "", "");
    let proxy = Proxy::start(kind, &gateway, upstream.addr());
    let mut visitor = proxy.visitor(&gateway);
    visitor.sign_in("bob", &password("bob"));
    let bob = format!("Cookie: theme=dark; {SESSION}={}\r\n", visitor.cookies[SESSION]);
    let through = |request: String| behind(&proxy, &upstream, &request);
    let values = |head: &str, name: &str| -> Vec<String> {
        let folded = |text: &str| text.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "-");
        head.lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .filter(|(field, _)| folded(field) == name)
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    };

    let (status, arrived) = through(format!("GET /page?x=1&y=%2F HTTP/1.1\r\n{bob}\r\n"));
    let head = arrived.unwrap_or_else(|| panic!("{kind:?}: {status}"));
    assert_eq!(status, 200, "{kind:?}");
    assert!(head.starts_with("GET /page?x=1&y=%2F HTTP/1.1"), "{kind:?}: {head}");
    assert_eq!(values(&head, "remote-user"), ["bob"], "{kind:?}: {head}");
    assert_eq!(values(&head, "cookie"), ["theme=dark"], "{kind:?}: {head}");

    // A visitor who is not allowed does not get through, whatever they send along.
    let (status, arrived) = through(format!("GET /admin/ HTTP/1.1\r\n{bob}\r\n"));
    assert_eq!((status, arrived), (403, None), "{kind:?}");
    let spoofed = [
        "X-Forwarded-Uri: /public/x",
        "X-Original-URI: /public/x",
        "X-Original-URL: https://wiki.example.com/public/x",
        "X-Original-Method: HEAD",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Method: HEAD",
        "X-Forwarded-Proto: http",
        "X_Forwarded_Uri: /public/x",
        "X.Forwarded.Uri: /public/x",
        "Forwarded: host=evil.example",
        "X-Forwarded-For: 203.0.113.9",
        "X-Real-IP: 127.0.0.1",
        "Portcullis-Proxy-Secret: x",
    ];
    for field in spoofed {
        let (_, arrived) = through(format!("GET /admin/ HTTP/1.1\r\n{field}\r\n{bob}\r\n"));
        assert_eq!(arrived, None, "{kind:?} {field}");
        let (_, arrived) = through(format!("GET /office/ HTTP/1.1\r\n{field}\r\n{bob}\r\n"));
        assert_eq!(arrived, None, "{kind:?} {field}");
    }
    // Nor is the application told of another path.
    for name in ["X-Original-URL", "X_Original_URL", "X-Rewrite-URL"] {
        let (status, arrived) = through(format!("GET /public/x HTTP/1.1\r\n{name}: /admin/\r\n{bob}\r\n"));
        let is_forwarded = arrived.as_ref().is_some_and(|head| head.contains("/admin/"));
        assert!(
            !is_forwarded && (arrived.is_some() || status >= 400),
            "{kind:?} {name}: {status} {arrived:?}"
        );
    }
    for path in [
        "/public/../admin/",
        "/public/%2e%2e/admin/",
        "/public/..%2fadmin/",
        "//admin/",
        "/admin;x",
        "/%61dmin/",
        "/ADMIN/",
        "/public/..%5cadmin/",
        "/.gateway/../admin/",
        "/.gateway/..%2fadmin/",
        "/.gateway/%2e%2e/admin/",
    ] {
        let (status, arrived) = through(format!("GET {path} HTTP/1.1\r\n{bob}\r\n"));
        let is_below_admin =
            arrived.as_ref().is_some_and(|head| head.to_lowercase().replace("%61", "a").contains("admin"));
        assert!(!is_below_admin, "{kind:?} {path}: {status} {arrived:?}");
    }

    // A name of the visitor's never arrives: with a session, without groups, on a public path.
    for (path, user) in [("/page", "bob"), ("/public/x", "bob"), ("/public/x", "")] {
        let session = if user.is_empty() { "" } else { &*bob };
        for fields in [
            "Remote-User: root\r\nRemote-Groups: admins\r\nRemote-Email: r@x\r\n",
            "Remote_User: root\r\n",
            "Remote.User: root\r\n",
            "remote-USER: root\r\n",
            "Remote-Groups: admins\r\n",
            "Remote_Groups: admins\r\n",
            "Remote.Groups: admins\r\n",
            "Remote!Groups: admins\r\n",
            "X-Portcullis-User: root\r\n",
            "X_Portcullis_User: root\r\n",
            "Portcullis-Assertion: x\r\n",
            "Portcullis_Assertion: x\r\n",
            "Remote-User: root\r\nRemote-User: admin\r\n",
            "Connection: Remote-User\r\n",
            "Connection: close, remote-user, Remote-Groups, Cookie\r\n",
            "Connection: Remote-User\r\nRemote-User: root\r\n",
            "Remote-Extra: x\r\n",
        ] {
            let (status, arrived) = through(format!("GET {path} HTTP/1.1\r\n{fields}{session}\r\n"));
            let Some(head) = arrived else {
                assert!(status >= 400, "{kind:?} {fields}: {status}");
                continue;
            };
            // A visitor who has the proxy drop their own cookies is nobody.
            let expected: &[&str] = if user.is_empty() || values(&head, "cookie").iter().all(String::is_empty)
            {
                &[]
            } else {
                &[user]
            };
            let named: Vec<String> =
                values(&head, "remote-user").into_iter().filter(|value| !value.is_empty()).collect();
            assert_eq!(named, expected, "{kind:?} {path} {fields}: {head}");
            for name in
                ["remote-groups", "remote-email", "remote-extra", "x-portcullis-user", "portcullis-assertion"]
            {
                assert!(values(&head, name).iter().all(String::is_empty), "{kind:?} {path} {fields}: {head}");
            }
        }
    }

    // Programs and pages.
    let (status, _) = through("GET /page HTTP/1.1\r\nAccept: */*\r\n\r\n".into());
    assert_eq!(status, 401, "{kind:?}");
    let page = Request::get("/page?x=1")
        .header(ACCEPT, "text/html")
        .header("sec-fetch-mode", "navigate")
        .body(String::new())
        .unwrap();
    let mut stranger = proxy.visitor(&gateway);
    let led = stranger.send(page);
    assert_eq!(
        (led.status.as_u16(), led.location()),
        (302, &*format!("{}/.gateway/login?next=/page%3Fx%3D1", proxy.origin())),
        "{kind:?}"
    );

    // A large body goes to the application and not to the check.
    let before = upstream.seen().len();
    let body = "x".repeat(300_000);
    let sent = Request::post("/page")
        .header("origin", proxy.origin())
        .header("sec-fetch-site", "same-origin")
        .body(body.clone())
        .unwrap();
    assert_eq!(visitor.send(sent).status, 200, "{kind:?}");
    assert_eq!(upstream.seen()[before].body.len(), body.len(), "{kind:?}");
    let foreign = Request::post("/page")
        .header("origin", "https://evil.example")
        .header("sec-fetch-site", "cross-site")
        .body(String::new())
        .unwrap();
    assert_eq!(visitor.send(foreign).status, 403, "{kind:?}");

    // A WebSocket is asked about, and opened.
    let upgrade = format!(
        "GET /page HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: {}\r\n",
        proxy.origin()
    );
    let (_, arrived) = through(format!("{upgrade}\r\n"));
    assert_eq!(arrived, None, "{kind:?}");
    let (_, arrived) = through(format!("{upgrade}{bob}\r\n"));
    let head = arrived.unwrap_or_else(|| panic!("{kind:?}: no upgrade"));
    assert_eq!(
        (values(&head, "upgrade"), values(&head, "remote-user")),
        (vec!["websocket".to_owned()], vec!["bob".to_owned()]),
        "{kind:?}: {head}"
    );

    // Signed out, nothing gets through, on any connection.
    assert_eq!(visitor.sign_out().status, 303, "{kind:?}");
    let (status, arrived) = through(format!("GET /page HTTP/1.1\r\n{bob}\r\n"));
    assert_eq!((status, arrived), (401, None), "{kind:?}");
    drop(gateway);
    let (status, arrived) = through(format!("GET /public/x HTTP/1.1\r\n{bob}\r\n"));
    assert!(status >= 403 && arrived.is_none(), "{kind:?}: {status} without a gateway");
}

#[test]
fn the_table_of_requests_goes_through_nginx() {
    the_table_through(Kind::Nginx);
}

#[test]
fn the_table_of_requests_goes_through_traefik() {
    the_table_through(Kind::Traefik);
}

#[test]
fn the_table_of_requests_goes_through_caddy() {
    the_table_through(Kind::Caddy);
}

#[test]
fn the_table_of_requests_goes_through_envoy() {
    the_table_through(Kind::Envoy);
}

/// A-8.
#[test]
fn a_browser_signs_in_behind_each_proxy_and_comes_to_the_page_that_it_wanted() {
    let page = "<!doctype html><title>Wiki</title><p>the application</p>";
    let upstream = Upstream::responding(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{page}",
        page.len()
    ));
    let gateway = gateway(&upstream.url, "", "");
    for kind in KINDS {
        let proxy = Proxy::start(kind, &gateway, upstream.addr());
        let browser = Browser::start_knowing(&[HOST]);
        let at = |path: &str| format!("{}{path}", proxy.origin());
        browser.open(&at("/reports/2026?month=11&x=%2F"));
        assert!(browser.url().starts_with(&at("/.gateway/login?next=")), "{kind:?}: {}", browser.url());
        browser.fill_in("input[name=username]", "alice");
        browser.fill_in("input[name=password]", &password("alice"));
        browser.click("button[type=submit]");
        assert_eq!(browser.url(), at("/reports/2026?month=11&x=%2F"), "{kind:?}");
        assert!(browser.text().contains("the application"), "{kind:?}: {}", browser.text());
        assert_eq!(upstream.last().value("remote-user"), "alice", "{kind:?}");
        browser.open(&at("/admin/"));
        if kind == Kind::Nginx {
            // nginx has a page of its own for a 403.
            assert!(browser.text().contains("403"), "{kind:?}: {}", browser.text());
        } else {
            assert!(browser.text().contains("You can’t open this page"), "{kind:?}: {}", browser.text());
        }
        browser.open(&at("/.gateway/logout"));
        browser.click("button[type=submit]");
        browser.open(&at("/reports/2026"));
        assert!(browser.url().starts_with(&at("/.gateway/login")), "{kind:?}: {}", browser.url());
    }
}
