//! Which host and path reach which app, which certificate is shown, and what each port serves.

use crate::support::{
    certificates::SelfSigned,
    client::{Http2, RawClient, RawResponse, full, plain, request},
    gateway::TestGateway,
    process::until,
    upstream::Upstream,
};

fn app(name: &str, place: &str, upstream: &Upstream) -> String {
    let rule = "[[app.rule]]\npath = \"/**\"\nallow = \"anyone\"\n";
    format!("[[app]]\nname = {name:?}\n{place}\nupstream = {:?}\n{rule}", upstream.url)
}

/// An upstream that says its name.
fn named(name: &str) -> Upstream {
    Upstream::responding(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len()))
}

fn ask(gateway: &TestGateway, head: &str) -> RawResponse {
    let mut client = RawClient::connect_nameless(gateway);
    client.send(format!("{head}\r\n\r\n"));
    client.response()
}

#[test]
fn the_host_chooses_the_app_in_every_spelling() {
    let (wiki, shop) = (named("wiki"), named("shop"));
    let gateway = TestGateway::start(
        &(app("wiki", "host = \"wiki.example\"", &wiki)
            + app("shop", "host = [\"shop.example\", \"b.example\"]", &shop).as_str()),
    );
    for (host, expected) in [
        ("wiki.example", "wiki"),
        ("WIKI.Example", "wiki"),
        ("wiki.example.", "wiki"),
        ("wiki.example:8443", "wiki"),
        ("shop.example", "shop"),
        ("b.example", "shop"),
    ] {
        assert_eq!(ask(&gateway, &format!("GET / HTTP/1.1\r\nHost: {host}")).text(), expected, "{host}");
    }
}

#[test]
fn an_unknown_host_learns_nothing() {
    let wiki = named("wiki");
    let gateway = TestGateway::start(&app("secret-app", "host = \"wiki.example\"", &wiki));
    for host in
        ["localhost", "127.0.0.1", "wiki.example.evil", "xwiki.example", "example", "www.wiki.example"]
    {
        for path in ["/", "/.gateway/login", "/.gateway/whoami", "/admin"] {
            for accept in ["text/html", "application/json"] {
                let response =
                    ask(&gateway, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}"));
                assert_eq!(response.status, 421, "{host}{path}");
                let shown = format!("{}{}", response.head, response.text());
                for secret in ["wiki", "secret-app", "127.0.0.1:", "upstream"] {
                    assert!(!shown.replace(host, "").contains(secret), "{secret} in {shown}");
                }
            }
        }
    }
    assert_eq!(wiki.connections(), 0);
}

#[test]
fn the_longest_mount_wins_and_the_path_arrives_whole() {
    let (root, api, v2) = (named("root"), named("api"), named("v2"));
    let gateway = TestGateway::start(
        &(app("root", "", &root)
            + app("api", "path = \"/api\"", &api).as_str()
            + app("v2", "path = \"/api/v2\"", &v2).as_str()),
    );
    let mut client = RawClient::connect(&gateway);
    for (path, expected) in [
        ("/", "root"),
        ("/apix", "root"),
        ("/api", "api"),
        ("/api/", "api"),
        ("/api/v1", "api"),
        ("/api/v22", "api"),
        ("/api/v2", "v2"),
        ("/api/v2/x?y", "v2"),
    ] {
        assert_eq!(client.get(path, "").text(), expected, "{path}");
    }
    assert_eq!(v2.seen().pop().unwrap().asked(), "GET /api/v2/x?y");
}

#[test]
fn a_known_host_without_an_app_at_this_path_is_404() {
    let api = named("api");
    let gateway = TestGateway::start(&app("api", "path = \"/api\"", &api));
    let mut client = RawClient::connect(&gateway);
    for path in ["/", "/other", "/ap", "/apis"] {
        assert_eq!(client.get(path, "").status, 404, "{path}");
    }
    assert_eq!(api.connections(), 0);
}

#[test]
fn a_request_names_its_host_once() {
    let upstream = named("x");
    let gateway = TestGateway::start(&app("x", "host = [\"a.example\", \"b.example\"]", &upstream));
    for head in [
        "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example",
        "GET / HTTP/1.1\r\nHost: a.example\r\nHost: a.example",
        "GET / HTTP/1.1\r\nhost: a.example\r\nHOST: b.example",
        "GET / HTTP/1.1\r\nHost: a.example, b.example",
        "GET / HTTP/1.1\r\nHost: a.example b.example",
        "GET / HTTP/1.1\r\nHost: user@a.example",
        "GET / HTTP/1.1\r\nHost: a.example/x",
        "GET / HTTP/1.1\r\nHost:",
        "GET / HTTP/1.1\r\nX: y",
        "GET / HTTP/1.0",
        "GET https://b.example/ HTTP/1.1\r\nHost: a.example",
        "GET https://a.example:1/ HTTP/1.1\r\nHost: a.example:2",
        "GET https://user@a.example/ HTTP/1.1\r\nHost: a.example",
        "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443",
        "OPTIONS * HTTP/1.1\r\nHost: a.example",
    ] {
        assert_eq!(ask(&gateway, head).status, 400, "{head}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn the_absolute_form_is_understood_and_not_passed_on() {
    let upstream = named("x");
    let gateway = TestGateway::start(&app("x", "host = \"a.example\"", &upstream));
    for head in [
        "GET https://a.example/p?q HTTP/1.1\r\nHost: a.example",
        "GET http://A.example/p?q HTTP/1.1\r\nHost: a.example",
    ] {
        assert_eq!(ask(&gateway, head).text(), "x", "{head}");
        let received = upstream.seen().pop().unwrap();
        assert_eq!((received.asked(), received.value("host")), ("GET /p?q", "a.example"));
    }
    assert_eq!(ask(&gateway, "GET https://b.example/ HTTP/1.1\r\nHost: b.example").status, 421);
}

#[tokio::test]
async fn http2_names_its_host_in_authority() {
    let upstream = named("x");
    let gateway = TestGateway::start(&app("x", "host = \"a.example\"", &upstream));
    let mut client = Http2::connect_as(&gateway, "a.example").await;
    let to = |uri: &str| http::Request::get(uri).body(full("")).unwrap();
    assert_eq!(client.send(to("https://a.example/")).await.unwrap().status(), 200);
    assert_eq!(upstream.only().value("host"), "a.example");
    assert_eq!(client.send(to("https://b.example/")).await.unwrap().status(), 421);
    let mut two = to("https://a.example/");
    two.headers_mut().insert("host", "b.example".parse().unwrap());
    assert_eq!(client.send(two).await.unwrap().status(), 400);
    let mut same = to("https://a.example/");
    same.headers_mut().insert("host", "A.example".parse().unwrap());
    assert_eq!(client.send(same).await.unwrap().status(), 200);
    assert_eq!(client.send(request("GET", "/").body(full("")).unwrap()).await.unwrap().status(), 421);
}

/// CVE-2022-23632, CVE-2026-32305: what TLS was set up for one host, a request used for another.
#[tokio::test]
async fn a_connection_for_one_host_is_not_for_another() {
    let (wiki, shop) = (named("wiki"), named("shop"));
    let apps = app("wiki", "host = \"wiki.example\"", &wiki)
        + app("shop", "host = \"shop.example\"", &shop).as_str();
    let gateway = TestGateway::start(&apps);
    for (name, host, expected) in [
        ("wiki.example", "wiki.example", Some("wiki")),
        ("wiki.example", "WIKI.example.:8443", Some("wiki")),
        ("Wiki.Example", "wiki.example", Some("wiki")),
        ("wiki.example", "shop.example", None),
        ("shop.example", "wiki.example", None),
        ("wiki.example", "127.0.0.1", None),
        ("wiki.example", "unknown.example", None),
    ] {
        let mut client = RawClient::connect_as(&gateway, name, &[]);
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n\r\n"));
        let response = client.response();
        if let Some(app) = expected {
            assert_eq!(response.text(), app, "{name} {host}");
        } else {
            assert_eq!(response.status, 421, "{name} {host}");
            // The response is the same whether that host is served or not.
            assert!(response.text().contains("This connection is for another site"), "{}", response.text());
        }
        // The gateway's own pages, too.
        client.send(format!("GET /.gateway/login HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(client.response().status, if expected.is_some() { 200 } else { 421 }, "{name} {host}");
    }
    let mut client = Http2::connect_as(&gateway, "wiki.example").await;
    let to = |uri: &str| http::Request::get(uri).body(full("")).unwrap();
    assert_eq!(client.send(to("https://wiki.example:8443/")).await.unwrap().status(), 200);
    assert_eq!(client.send(to("https://shop.example/")).await.unwrap().status(), 421);
    // The connection goes on for what it is for.
    assert_eq!(client.send(to("https://wiki.example/")).await.unwrap().status(), 200);
    assert_eq!(shop.connections(), 0);
}

/// Browsers use one connection of HTTP/2 for all hosts of a certificate, and Safari shows a 421 as it comes.
#[tokio::test]
async fn hosts_of_one_certificate_share_a_connection_of_http2() {
    let (wiki, shop, bank) = (named("wiki"), named("shop"), named("bank"));
    let folder = tempfile::tempdir().unwrap();
    let certificates = [&["wiki.example", "shop.example"][..], &["bank.example"]]
        .map(|names| SelfSigned::make(folder.path(), names));
    let sections = certificates.each_ref().map(SelfSigned::section).concat();
    let apps = app("wiki", "host = \"wiki.example\"", &wiki)
        + app("shop", "host = \"shop.example\"", &shop).as_str()
        + app("bank", "host = \"bank.example\"", &bank).as_str();
    let gateway = TestGateway::start_with(&sections, &apps);
    let trusted = [certificates[0].cert.clone()];
    let mut client = Http2::connect_trusting(&gateway, "wiki.example", &trusted).await;
    let to = |uri: &str| http::Request::get(uri).body(full("")).unwrap();
    assert_eq!(client.send(to("https://wiki.example/")).await.unwrap().status(), 200);
    assert_eq!(client.send(to("https://shop.example/")).await.unwrap().status(), 200);
    assert_eq!(shop.only().value("host"), "shop.example");
    assert_eq!(client.send(to("https://bank.example/")).await.unwrap().status(), 421);
    // A connection of HTTP/1.1 is for one host.
    let mut client = RawClient::connect_trusting(&gateway, "wiki.example", &[], &trusted);
    client.send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    assert_eq!(client.response().status, 421);
    assert_eq!((shop.connections(), bank.connections()), (1, 0));
}

#[test]
fn clients_without_sni_and_trusted_proxies_may_request_every_host() {
    let (wiki, shop) = (named("wiki"), named("shop"));
    let apps = app("wiki", "host = \"wiki.example\"", &wiki)
        + app("shop", "host = [\"shop.example\", \"127.0.0.1\"]", &shop).as_str();
    let gateway = TestGateway::start(&apps);
    for (host, expected) in [("wiki.example", "wiki"), ("shop.example", "shop"), ("127.0.0.1:8443", "shop")] {
        assert_eq!(ask(&gateway, &format!("GET / HTTP/1.1\r\nHost: {host}")).text(), expected);
    }
    let gateway = TestGateway::start_trusting(&["127.0.0.0/8"], &apps);
    let mut proxy = RawClient::connect_as(&gateway, "wiki.example", &[]);
    for (host, expected) in [("wiki.example", "wiki"), ("shop.example", "shop")] {
        proxy.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(proxy.response().text(), expected);
    }
}

/// CVE-2026-48794: a host in another spelling met another rule.
#[test]
fn advisory_33_rules_see_a_host_in_one_form() {
    let (wiki, any) = (named("wiki"), named("any"));
    let closed = format!(
        "[[app]]\nname = \"wiki\"\nhost = [\"b.example\", \"xn--caf-dma.example\"]\nupstream = {:?}\n",
        wiki.url
    );
    let gateway = TestGateway::start(&(closed + app("any", "", &any).as_str()));
    for host in [
        "b.example",
        "B.example",
        "b.EXAMPLE",
        "b.example.",
        "B.Example.:443",
        "b.example:8443",
        "xn--caf-dma.example",
        "XN--CAF-DMA.Example.",
    ] {
        assert_eq!(ask(&gateway, &format!("GET / HTTP/1.1\r\nHost: {host}")).status, 401, "{host}");
    }
    // Spellings that only a lenient server takes for the host are refused.
    for host in [
        "b.example..",
        "b..example",
        ".b.example",
        "caf\u{e9}.example",
        "b%2eexample",
        "b.example\u{2024}",
        "\u{ff42}.example",
    ] {
        assert_eq!(ask(&gateway, &format!("GET / HTTP/1.1\r\nHost: {host}")).status, 400, "{host}");
    }
    assert_eq!(wiki.connections() + any.connections(), 0);
}

#[test]
fn the_name_chooses_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let made = ["a.example", "*.b.example"].map(|name| SelfSigned::make(folder.path(), &[name]));
    let sections = made.each_ref().map(SelfSigned::section).concat();
    let gateway = TestGateway::start_with(&sections, "[[app]]\nupstream = \"builtin:whoami\"");
    let trusted = made.each_ref().map(|made| made.cert.clone());
    for (name, expected) in [("a.example", 0), ("x.b.example", 1), ("A.EXAMPLE", 0)] {
        let mut client = RawClient::connect_trusting(&gateway, name, &[], &trusted);
        assert_eq!(client.certificate(), made[expected].der, "{name}");
    }
    // A name that nobody has gets the first one, and the client does not believe it.
    assert!(RawClient::connect_trusting(&gateway, "c.example", &[], &trusted).handshake().is_err());
}

#[test]
fn the_plain_port_only_redirects_known_hosts() {
    let upstream = named("x");
    let gateway = TestGateway::start(&app("x", "host = \"a.example\"", &upstream));
    let (http, https) = (gateway.addrs.http[0], gateway.https().port());
    for (request, status, location) in [
        ("GET /x%2Fy?z=1 HTTP/1.1\r\nHost: a.example", 308, format!("https://a.example:{https}/x%2Fy?z=1")),
        ("HEAD / HTTP/1.1\r\nHost: A.example:80", 308, format!("https://a.example:{https}/")),
        ("GET / HTTP/1.1\r\nHost: b.example", 421, String::new()),
        ("GET /.gateway/login HTTP/1.1\r\nHost: b.example", 421, String::new()),
        ("GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example", 400, String::new()),
        (
            "GET //evil.example/ HTTP/1.1\r\nHost: a.example",
            308,
            format!("https://a.example:{https}//evil.example/"),
        ),
    ] {
        let text = plain(http, format!("{request}\r\n\r\n"));
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {text}");
        let locations = crate::support::upstream::values(&text, "location");
        assert_eq!(locations, if location.is_empty() { vec![] } else { vec![&location[..]] }, "{request}");
        assert!(text.ends_with("\r\n\r\n"), "no body: {text}");
    }
    assert_eq!(upstream.connections(), 0);
}

/// A program that sends its secrets in clear text has to notice.
#[test]
fn asvs_4_1_2_only_what_a_person_opens_is_redirected_from_plain_http() {
    let upstream = named("x");
    let gateway = TestGateway::start(&app("x", "host = \"a.example\"", &upstream));
    for request in [
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0",
        "PUT /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0",
        "DELETE /x HTTP/1.1\r\nHost: a.example",
        "OPTIONS / HTTP/1.1\r\nHost: a.example",
        "PROPFIND / HTTP/1.1\r\nHost: a.example",
        "GET /x HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer s3cret",
        "GET /x HTTP/1.1\r\nHost: a.example\r\nauthorization: Basic YTpi",
        "POST /.gateway/login HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0",
    ] {
        let text = plain(gateway.addrs.http[0], format!("{request}\r\n\r\n"));
        assert!(text.starts_with("HTTP/1.1 403 "), "{request}: {text}");
        assert!(crate::support::upstream::values(&text, "location").is_empty(), "{request}: {text}");
        assert!(text.contains("Use https://") && !text.contains("s3cret"), "{request}: {text}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn the_status_is_served_on_its_own_port_alone() {
    let upstream = named("the app's own");
    let gateway = TestGateway::start(&app("x", "", &upstream));
    let ask = |path: &str| gateway.status(path);
    // The status listener serves while the workers start.
    until("it is ready", || ask("/readyz").starts_with("HTTP/1.1 200 "));
    for (path, expected) in [("/healthz", "200"), ("/", "404"), ("/.gateway/login", "404")] {
        let text = ask(path);
        assert!(text.starts_with(&format!("HTTP/1.1 {expected} ")), "{path}: {text}");
    }
    let mut client = RawClient::connect(&gateway);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(client.get(path, "").text(), "the app's own");
        assert!(
            plain(gateway.addrs.http[0], format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
                .starts_with("HTTP/1.1 308")
        );
    }
}

#[test]
fn the_gateways_own_pages_are_on_every_host_and_never_forwarded() {
    let (any, wiki) = (named("any"), named("wiki"));
    let gateway =
        TestGateway::start(&(app("any", "", &any) + app("wiki", "host = \"wiki.example\"", &wiki).as_str()));
    for host in ["localhost", "wiki.example", "any.thing"] {
        for path in [
            "/.gateway",
            "/.gateway/",
            "/.gateway/login",
            "/.gateway/nothing",
            "/.gateway/../x",
            "/.gateway/login/",
        ] {
            let response = ask(&gateway, &format!("GET {path} HTTP/1.1\r\nHost: {host}"));
            assert!(!["any", "wiki"].contains(&response.text()), "{host}{path}");
        }
        assert_eq!(ask(&gateway, &format!("GET /.gateway/login HTTP/1.1\r\nHost: {host}")).status, 200);
    }
    for path in [
        "/.GATEWAY/login",
        "/%2egateway/login",
        "//.gateway/login",
        "/%2Fx/..;/.gateway/login",
        "/.gateway%2flogin",
        "/.gateway;x/login",
        "/.gateway\\login",
        "/%252egateway/",
    ] {
        let response = ask(&gateway, &format!("GET {path} HTTP/1.1\r\nHost: localhost"));
        assert!(matches!(response.status, 400 | 404), "{path} {}", response.status);
    }
    assert_eq!(any.connections() + wiki.connections(), 0);
}

#[test]
fn the_plain_port_redirects_to_the_public_port() {
    for (port, origin) in [(443, "https://wiki.example"), (444, "https://wiki.example:444")] {
        let apps = "[[app]]\nhost = \"wiki.example\"\nupstream = \"builtin:whoami\"\n";
        let gateway = TestGateway::start_at_public_port(port, apps);
        let response = plain(gateway.addrs.http[0], "GET /a?b HTTP/1.1\r\nHost: wiki.example\r\n\r\n");
        assert!(response.contains(&format!("\r\nlocation: {origin}/a?b\r\n")), "{response}");
        assert_eq!(gateway.origin, origin);
    }
}
