//! CORS preflights: a browser asks, without a cookie, whether a page of a trusted origin may send a request.

use http::{Request, Version};

use crate::support::{
    browser::Browser,
    client::{Http2, RawClient, RawResponse, full, read, sign_in},
    gateway::{TestGateway, password},
    process::until,
    upstream::Upstream,
};

const TRUSTED: &str = "https://portal.example.test";

/// An application that sends a secret in each response and allows the origin.
fn leaky(status: &str) -> Upstream {
    Upstream::responding(format!(
        "HTTP/1.1 103 Early Hints\r\nLink: </secret.css>; rel=preload\r\n\r\nHTTP/1.1 {status}\r\nAccess-Control-Allow-Origin: {TRUSTED}\r\nAccess-Control-Allow-Credentials: true\r\n\
         Access-Control-Allow-Methods: PUT\r\nVary: Origin\r\nSet-Cookie: a=b\r\nX-Secret: 42\r\nLocation: /secret\r\n\
         Content-Length: 10\r\n\r\nthe secret"
    ))
}

fn gateway(upstream: &Upstream) -> TestGateway {
    let gateway = TestGateway::start(&format!(
        "[[app]]\nname = \"trusting\"\nupstream = {0:?}\nsession_data = true\nanonymous_sessions = true\n\
         [app.shield]\ntrusted_origins = [\"{TRUSTED}\"]\n\
         [[app.rule]]\npath = \"/nobody/**\"\nallow = \"nobody\"\n\
         [[app.rule]]\npath = \"/elsewhere/**\"\nallow = {{ group = \"staff\", network = \"10.0.0.0/8\" }}\n\
         [[app.rule]]\npath = \"/public/**\"\nallow = \"anyone\"\n\
         [[app]]\nname = \"plain\"\npath = \"/plain\"\nupstream = {0:?}\n\
         [[app]]\nname = \"off\"\npath = \"/off\"\nupstream = {0:?}\n[app.shield]\nmode = \"off\"\n[groups]\nstaff = []\n",
        upstream.url
    ));
    gateway.add_user("alice", &[]);
    gateway
}

fn ask(gateway: &TestGateway, line: &str, fields: &str) -> RawResponse {
    let mut client = RawClient::connect(gateway);
    client.send(format!("{line} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"));
    client.response()
}

fn preflight_of(origin: &str) -> String {
    format!(
        "Origin: {origin}\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: content-type\r\n"
    )
}

#[test]
fn a_preflight_of_a_trusted_origin_reaches_the_app_and_gets_only_its_permission() {
    for status in ["200 OK", "204 No Content"] {
        let upstream = if status.starts_with("204") {
            Upstream::responding(format!(
                "HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: {TRUSTED}\r\nX-Secret: 42\r\n\r\n"
            ))
        } else {
            leaky(status)
        };
        let gateway = gateway(&upstream);
        let fields = format!(
            "{}Remote-User: root\r\nX-HTTP-Method-Override: DELETE\r\nX-Own: 1\r\nUser-Agent: a browser\r\n",
            preflight_of(TRUSTED)
        );
        let response = ask(&gateway, "OPTIONS /api/thing?a=b", &fields);
        assert_eq!((response.status, response.text()), (204, ""), "{}", response.head);
        assert_eq!(response.values("access-control-allow-origin"), [TRUSTED]);
        for name in ["set-cookie", "x-secret", "location", "content-length", "content-type"] {
            assert!(response.values(name).is_empty(), "{name}: {}", response.head);
        }
        let seen = upstream.only();
        assert_eq!(seen.asked(), "OPTIONS /api/thing?a=b");
        assert_eq!(seen.value("origin"), TRUSTED);
        assert_eq!(seen.value("access-control-request-method"), "PUT");
        assert_eq!(seen.value("access-control-request-headers"), "content-type");
        for name in
            ["remote-user", "remote-groups", "cookie", "authorization", "x-http-method-override", "x-own"]
        {
            assert!(seen.values(name).is_empty(), "{name}: {}", seen.head);
        }
        assert!(!seen.head.to_lowercase().contains("portcullis"), "{}", seen.head);
        let entries = gateway.drained();
        let entry = entries.iter().find(|entry| entry["method"] == "OPTIONS").expect("its entry");
        assert_eq!((&entry["shield"], &entry["status"]), (&"preflight".into(), &204.into()), "{entry}");
    }
}

#[test]
fn a_request_other_than_a_preflight_of_a_trusted_origin_needs_a_sign_in() {
    let upstream = leaky("200 OK");
    let gateway = gateway(&upstream);
    let cookie = format!("Cookie: {}x\r\n", sign_in(&gateway, "alice"));
    let trusted = preflight_of(TRUSTED);
    let twice = format!("{trusted}Origin: {TRUSTED}\r\n");
    let (foreign, null) = (preflight_of("https://evil.example.test"), preflight_of("null"));
    let (no_method, no_origin) =
        (format!("Origin: {TRUSTED}\r\n"), "Access-Control-Request-Method: PUT\r\n".to_owned());
    let with = |fields: &str| format!("{trusted}{fields}");
    for (line, fields, status) in [
        ("OPTIONS /api", &foreign, 401),
        ("OPTIONS /api", &null, 401),
        ("OPTIONS /api", &preflight_of("http://portal.example.test"), 401),
        ("OPTIONS /api", &preflight_of("https://portal.example.test.evil.test"), 401),
        ("OPTIONS /api", &no_method, 401),
        ("OPTIONS /api", &no_origin, 401),
        ("OPTIONS /api", &twice, 401),
        ("OPTIONS /api", &with("Transfer-Encoding: chunked\r\n"), 401),
        ("OPTIONS /api", &with(&cookie), 401),
        ("OPTIONS /api", &with("Authorization: Basic YTpi\r\n"), 401),
        ("OPTIONS /api", &with("Connection: Upgrade\r\nUpgrade: websocket\r\n"), 401),
        ("GET /api", &trusted, 401),
        ("HEAD /api", &trusted, 401),
        ("PUT /api", &trusted, 401),
        ("OPTIONS /plain/api", &trusted, 401),
        ("OPTIONS /off/api", &trusted, 401),
        ("OPTIONS /nobody/api", &trusted, 403),
        ("OPTIONS /NOBODY/api", &trusted, 403),
        ("OPTIONS /elsewhere/api", &trusted, 401),
        ("OPTIONS /.gateway/account", &trusted, 405),
    ] {
        let mut client = RawClient::connect(&gateway);
        client.send(format!("{line} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"));
        let (method, _) = line.split_once(' ').unwrap();
        let response = client.response_to(method).unwrap();
        assert_eq!(response.status, status, "{line}\n{fields}\n{}", response.head);
        assert!(response.values("access-control-allow-origin").is_empty(), "{line}\n{fields}");
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen().first().map(|seen| seen.head.clone()));
    // Public paths are served as before.
    let mut client = RawClient::connect(&gateway);
    client.send(format!("OPTIONS /public/api HTTP/1.1\r\nHost: localhost\r\n{trusted}\r\n"));
    assert_eq!(client.response().status, 103);
    let public = client.response();
    assert_eq!((public.status, public.text(), public.values("x-secret")), (200, "the secret", vec!["42"]));
}

#[test]
fn a_preflight_that_the_app_refuses_shows_nothing_of_the_app() {
    for status in ["404 Not Found", "302 Found", "500 Internal Server Error"] {
        let upstream = leaky(status);
        let gateway = gateway(&upstream);
        let response = ask(&gateway, "OPTIONS /api", &preflight_of(TRUSTED));
        assert_eq!(response.status, 401, "{status}");
        assert!(
            !response.head.contains("secret") && !response.text().contains("secret"),
            "{}",
            response.head
        );
        assert_eq!(upstream.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_preflight_over_http2_gets_only_its_permission() {
    let upstream = leaky("200 OK");
    let gateway = gateway(&upstream);
    let asked = |origin: &str| {
        Request::options("https://localhost/api")
            .version(Version::HTTP_2)
            .header("origin", origin)
            .header("access-control-request-method", "PUT")
            .body(full(""))
            .unwrap()
    };
    let mut client = Http2::connect(&gateway).await;
    let response = client.send(asked(TRUSTED)).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers().contains_key("x-secret")), (204, false));
    assert!(read(response).await.unwrap().0.is_empty());
    assert_eq!(client.send(asked("https://evil.example.test")).await.unwrap().status(), 401);
    assert_eq!(upstream.seen().len(), 1);
}

/// A page of one host changes something in an application on another, which trusts it; both sign-ins are there.
#[test]
fn a_page_of_a_trusted_origin_sends_a_put_in_a_browser() {
    let upstream = Upstream::scripted(|conn| {
        while let Some(request) = conn.request()? {
            let origin = request.values("origin").first().copied().unwrap_or("none").to_owned();
            let user = request.values("remote-user").join(",");
            let (status, body) = if request.asked().starts_with("OPTIONS ") {
                ("204 No Content", String::new())
            } else {
                ("200 OK", format!("{} by {user}", request.asked()))
            };
            let length =
                if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
            conn.send(
                format!(
                    "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nAccess-Control-Allow-Origin: {origin}\r\n\
                     Access-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Methods: PUT\r\n{length}\r\n{body}"
                )
                .as_bytes(),
            )?;
        }
        Ok(())
    });
    // The port of the gateway is known once it runs, and the origin has it: a reload names it.
    let apps = |origin: &str| {
        format!(
            "[[app]]\nname = \"portal\"\nhost = \"portal.apps.localhost\"\nupstream = {0:?}\n\
             [[app]]\nname = \"api\"\nhost = \"api.apps.localhost\"\nupstream = {0:?}\n[app.shield]\n\
             trusted_origins = [{origin:?}]\n",
            upstream.url
        )
    };
    let gateway = TestGateway::start(&apps("https://nobody.apps.localhost"));
    gateway.add_user("alice", &[]);
    let port = gateway.https().port();
    let at = |host: &str| format!("https://{host}.apps.localhost:{port}");
    let browser = Browser::start();
    for host in ["api", "portal"] {
        browser.open(&format!("{}/page", at(host)));
        browser.fill_in("#username", "alice");
        browser.fill_in("#password", &password("alice"));
        browser.click("button[type=submit]");
        assert_eq!(browser.text(), "GET /page by alice");
    }
    let put = format!(
        "fetch('{}/thing', {{ method: 'PUT', credentials: 'include' }}).then((it) => it.text())",
        at("api")
    );
    assert_eq!(browser.resolve(&put), "TypeError", "an origin that is not trusted");
    gateway.reload("", &apps(&at("portal")));
    assert_eq!(browser.resolve(&put), "PUT /thing by alice");
    // A form needs no preflight; with a stricter Referrer-Policy than browsers have, it would come with `Origin: null`.
    let submit = format!(
        "(() => {{ const form = document.createElement('form'); form.method = 'POST'; form.action = '{}/form'; \
         document.body.append(form); form.submit(); }})()",
        at("api")
    );
    browser.evaluate(&submit);
    until("the response to the form", || browser.url().ends_with("/form"));
    assert_eq!(browser.text(), "POST /form by alice");
}
