//! Requests that another site makes a browser send, with the session of its user.

use std::cell::RefCell;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::{
    client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use crate::support::{
    browser::Browser,
    client::{Http2, RawClient, connect, full, request, sign_in},
    cookies::SESSION,
    gateway::{TestGateway, password},
    in_process::{InProcess, InProcessResponse, header_fields},
    process::{Workplace, until},
    upstream::{Upstream, public_app},
    visitor::form,
};

/// A gateway in process before the built-in app, and a user who is signed in.
struct Stage {
    gateway: RefCell<InProcess>,
    cookie: String,
}

impl Stage {
    /// With these keys of the app, tables last.
    fn new(keys: &str) -> Self {
        let gateway =
            InProcess::start(&format!("[[app]]\nname = \"app\"\nupstream = \"builtin:whoami\"\n{keys}\n"));
        gateway.add_user("alice", &[]);
        let cookie = gateway.session_of("alice");
        Self { gateway: RefCell::new(gateway), cookie }
    }

    fn shielded(keys: &str) -> Self {
        Self::new(&format!("[app.shield]\n{keys}"))
    }

    /// Sends a request with alice's session.
    fn send(&self, method: &str, fields: &str) -> InProcessResponse {
        let fields = format!("Cookie: {}\r\nContent-Length: 1\r\n{fields}", self.cookie);
        let method = method.parse().expect("a method");
        self.gateway.borrow_mut().send(&method, "/x", &header_fields(&fields), "x")
    }
}

/// Header fields of a browser on a request that another site made it send.
const FOREIGN: [&str; 9] = [
    "Sec-Fetch-Site: cross-site\r\n",
    "Sec-Fetch-Site: same-site\r\nOrigin: https://evil.localhost\r\n",
    "Sec-Fetch-Site: cross-site\r\nOrigin: https://localhost\r\n",
    "Origin: https://evil.example\r\n",
    "Origin: http://localhost\r\n",
    "Origin: https://localhost:444\r\n",
    "Origin: null\r\n",
    "Referer: https://evil.example/\r\n",
    "Origin: https://localhost\r\nOrigin: https://evil.example\r\n",
];

#[test]
fn asvs_3_5_1_another_site_changes_nothing_with_a_persons_session() {
    let stage = Stage::new("");
    for entries in FOREIGN {
        for method in ["POST", "PUT", "PATCH", "DELETE", "MKCOL"] {
            let response = stage.send(method, entries);
            assert_eq!(response.status, 403, "{method} {entries}");
            assert_eq!(response.header("content-type"), "application/problem+json");
            assert!(response.body.contains("This request came from another site"), "{}", response.body);
        }
    }
    assert_eq!(stage.gateway.borrow().forwarded(), 0);
    // A person who was led there sees a page.
    let page = stage.send(
        "POST",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
    );
    assert!(page.body.contains("<html") && page.body.contains("open the page itself"), "{}", page.body);
    // Reading, and everything from the app's own pages, is as before.
    for entries in FOREIGN {
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert_eq!(stage.send(method, entries).status, 200, "{method} {entries}");
        }
    }
    for entries in [
        "",
        "Sec-Fetch-Site: same-origin\r\nOrigin: https://localhost\r\n",
        "Sec-Fetch-Site: none\r\n",
        "Origin: https://localhost\r\n",
        "Origin: https://LOCALHOST:443\r\n",
        "Referer: https://localhost/page?q\r\n",
    ] {
        assert_eq!(stage.send("POST", entries).status, 200, "{entries}");
    }
    let log = stage.gateway.borrow().log();
    let refused: Vec<_> = log.iter().filter_map(|entry| entry["shield"].as_str()).collect();
    assert_eq!(refused.len(), FOREIGN.len() * 5 + 1);
    for word in ["refused: sec-fetch-site", "refused: origin", "refused: referer"] {
        assert!(refused.contains(&word), "{word}");
    }
}

#[tokio::test]
async fn asvs_3_5_1_another_site_changes_nothing_over_http2() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&format!("[[app]]\nupstream = {:?}\n", upstream.url));
    gateway.add_user("alice", &[]);
    let cookie = sign_in(&gateway, "alice");
    let mut client = Http2::connect(&gateway).await;
    for (name, value, expected) in [
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("sec-fetch-site", "same-origin", 200),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("origin", "https://localhost", 200),
        ("referer", "https://evil.example/", 403),
    ] {
        let request = request("POST", "/x").header("cookie", &cookie).header(name, value).body(full("x"));
        let status = client.send(request.unwrap()).await.unwrap().status();
        assert_eq!(status, expected, "{name}: {value}");
    }
    assert_eq!(upstream.seen().len(), 2);
}

#[test]
fn a_request_without_a_session_is_not_checked_for_its_origin() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    gateway.add_user("alice", &[]);
    let post = |fields: &str| {
        let mut client = RawClient::connect(&gateway);
        client.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\n{fields}Content-Length: 0\r\n\r\n"));
        client.response().status
    };
    for fields in FOREIGN {
        assert_eq!(post(fields), 200, "{fields}");
        assert_eq!(post(&format!("Cookie: {SESSION}=of-nobody\r\n{fields}")), 200, "{fields}");
    }
    // With a session it is checked: public paths get identity headers, too.
    let cookie = sign_in(&gateway, "alice");
    assert_eq!(post(&format!("Cookie: {cookie}\r\nOrigin: https://evil.example\r\n")), 403);
}

#[test]
fn a_visitors_session_is_protected_like_a_persons() {
    let upstream = Upstream::responding(
        "HTTP/1.1 200 OK\r\nPortcullis-Session-Set: cart=1\r\nContent-Length: 2\r\n\r\nok",
    );
    let gateway =
        TestGateway::start(&public_app(&upstream.url, "session_data = true\nanonymous_sessions = true"));
    let opened = RawClient::connect(&gateway).get("/", "");
    let cookies = opened.values("set-cookie");
    let cookie = cookies.first().and_then(|line| line.split(';').next()).expect("a visitor's session");
    let mut client = RawClient::connect(&gateway);
    client.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nOrigin: https://evil.example\r\nContent-Length: 0\r\n\r\n"));
    assert_eq!(client.response().status, 403);
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn the_rules_decide_before_the_shield() {
    let stage = Stage::new("[[app.rule]]\npath = \"/x\"\nallow = \"nobody\"");
    let response = stage.send("POST", "Sec-Fetch-Site: cross-site\r\n");
    assert!(response.status == 403 && !response.body.contains("another site"), "{}", response.body);
}

#[test]
fn trusted_origins_may_send_and_hidden_ones_may_not_with_require_origin() {
    let stage = Stage::shielded("trusted_origins = [\"https://portal.example.com\"]\nrequire_origin = true");
    for (fields, expected) in [
        ("Origin: https://portal.example.com\r\n", 200),
        ("Sec-Fetch-Site: cross-site\r\nOrigin: https://portal.example.com\r\n", 200),
        ("Sec-Fetch-Site: cross-site\r\nOrigin: https://portal.example.com.evil.example\r\n", 403),
        ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Origin: http://portal.example.com\r\n", 403),
        ("", 403),
    ] {
        assert_eq!(stage.send("POST", fields).status, expected, "{fields}");
    }
}

#[test]
fn report_mode_forwards_and_logs() {
    let stage = Stage::shielded("mode = \"report\"");
    assert_eq!(stage.send("POST", "Origin: https://evil.example\r\n").status, 200);
    assert_eq!(stage.send("POST", "Origin: https://localhost\r\n").status, 200);
    assert_eq!(stage.gateway.borrow().forwarded(), 2);
    let log = stage.gateway.borrow().log();
    let logged: Vec<_> = log.iter().map(|entry| entry["shield"].as_str()).collect();
    assert_eq!(logged, [Some("reported: origin"), None]);
}

/// The people who look after two apps that trust each other have to find out why a form is refused.
#[test]
fn the_log_of_a_refused_request_describes_the_page_that_sent_it() {
    let upstream = Upstream::ok();
    let place = Workplace::new("", &format!("[[app]]\nupstream = {:?}\n", upstream.url));
    place.run_well(&["user", "add", "alice"], "correct horse alice");
    let process = place.start();
    let mut alice = process.visitor();
    alice.sign_in("alice", "correct horse alice");
    let sent = form(
        "/save",
        &[("a", "b")],
        &[
            ("origin", "null"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("referer", "https://portal.example.com/a/private?token=x"),
        ],
    );
    assert_eq!(alice.send(sent).status, 403);
    let line = process.stderr.wait_for("the warning", |text| {
        text.lines().find(|line| line.contains("cross-site request refused")).map(str::to_owned)
    });
    for known in [
        "origin=\"null\"",
        "referer_origin=\"https://portal.example.com\"",
        "fetch_site=\"same-site\"",
        "fetch_mode=\"navigate\"",
        "fetch_dest=\"document\"",
        "Referrer-Policy no-referrer or same-origin",
    ] {
        assert!(line.contains(known), "{known}: {line}");
    }
    assert!(!line.contains("private") && !line.contains("token=x"), "{line}");
}

#[test]
fn an_app_can_turn_the_shield_off() {
    for keys in ["mode = \"off\"", "cross_site = \"allow\""] {
        let stage = Stage::shielded(keys);
        for fields in FOREIGN {
            assert_eq!(stage.send("POST", fields).status, 200, "{keys} {fields}");
        }
    }
}

#[test]
fn the_origin_behind_a_trusted_proxy_is_the_public_one() {
    let upstream = Upstream::ok();
    let app = format!("[[app]]\nupstream = {:?}\n", upstream.url);
    let (trusting, wary) = (TestGateway::start_trusting(&["127.0.0.0/8"], &app), TestGateway::start(&app));
    let post = |gateway: &TestGateway, fields: &str| {
        let mut client = RawClient::connect(gateway);
        let cookie = sign_in(gateway, "alice");
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n{fields}Content-Length: 0\r\n\r\n"
        ));
        client.response().status
    };
    trusting.add_user("alice", &[]);
    wary.add_user("alice", &[]);
    let through = "X-Forwarded-Host: wiki.example.com\r\nX-Forwarded-Proto: https\r\nOrigin: https://wiki.example.com\r\n";
    assert_eq!(post(&trusting, through), 200);
    // From anybody else these headers mean nothing.
    assert_eq!(post(&wary, through), 403);
    assert_eq!(post(&trusting, "X-Forwarded-Host: wiki.example.com\r\nOrigin: https://localhost\r\n"), 403);
}

#[test]
fn asvs_4_4_2_a_websocket_from_another_origin_is_refused() {
    let upstream = Upstream::scripted(|conn| {
        while conn.request()?.is_some() {
            conn.send(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            )?;
        }
        Ok(())
    });
    let gateway = TestGateway::start(&format!("[[app]]\nupstream = {:?}\n", upstream.url));
    gateway.add_user("alice", &[]);
    let cookie = sign_in(&gateway, "alice");
    let open = |fields: &str| {
        let mut client = RawClient::connect(&gateway);
        client.send(format!(
            "GET /ws HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
        ));
        client.response_to("GET").expect("a response").status
    };
    for fields in FOREIGN {
        assert_eq!(open(fields), 403, "{fields}");
    }
    assert_eq!(open("Sec-Fetch-Site: same-origin\r\nOrigin: https://evil.example\r\n"), 403);
    assert_eq!(upstream.connections(), 0);
    for fields in
        ["Origin: https://localhost\r\n", "Origin: https://localhost\r\nSec-Fetch-Site: same-origin\r\n", ""]
    {
        assert_eq!(open(fields), 101, "{fields}");
    }
}

#[tokio::test]
async fn a_websocket_of_the_apps_own_page_works() {
    let gateway = TestGateway::start("[[app]]\nupstream = \"builtin:whoami\"\n");
    gateway.add_user("alice", &[]);
    let cookie = sign_in(&gateway, "alice");
    for (origin, opens) in [("https://localhost", true), ("https://evil.example", false)] {
        let mut request = "wss://localhost/websocket".into_client_request().unwrap();
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        request.headers_mut().insert("origin", origin.parse().unwrap());
        match client_async(request, connect(&gateway, b"http/1.1").await).await {
            Ok((mut socket, _)) => {
                assert!(opens, "{origin}");
                socket.send(Message::text("hello")).await.unwrap();
                assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
            }
            Err(Error::Http(response)) => {
                assert!(!opens && response.status() == 403, "{origin} {response:?}");
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// A page whose button sends a form to another site.
fn hostile_page(target: &str) -> String {
    let page = format!(
        "<!doctype html><title>hostile</title><form method=post action='{target}/transfer'>\
         <input name=amount value=1000><button type=submit>A kitten</button></form>"
    );
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}", page.len())
}

/// The cookie's `SameSite=Lax` lets another host of the same domain through; the shield does not.
#[test]
fn a_neighbouring_host_makes_a_browser_change_nothing() {
    let bank = Upstream::responding(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 41\r\n\r\n<!doctype html><title>bank</title>balance",
    );
    let page = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let shown = std::sync::Arc::clone(&page);
    let neighbour = Upstream::scripted(move |conn| {
        while conn.request()?.is_some() {
            let page = shown.lock().unwrap().clone();
            conn.send(page.as_bytes())?;
        }
        Ok(())
    });
    let gateway = TestGateway::start(&format!(
        "[[app]]\nname = \"bank\"\nhost = \"bank.site.localhost\"\nupstream = {:?}\n\
         [[app]]\nname = \"echo\"\nhost = \"bank.site.localhost\"\npath = \"/websocket\"\nupstream = \"builtin:whoami\"\n\
         [[app]]\nname = \"blog\"\nhost = \"blog.site.localhost\"\nupstream = {:?}\n\
         [[app.rule]]\npath = \"/**\"\nallow = \"anyone\"\n",
        bank.url, neighbour.url
    ));
    gateway.add_user("alice", &[]);
    let (bank_at, blog_at) = (gateway.origin.clone(), gateway.origin.replace("bank.", "blog."));
    *page.lock().unwrap() = hostile_page(&bank_at);

    let browser = Browser::start();
    browser.open(&format!("{bank_at}/"));
    browser.fill_in("#username", "alice");
    browser.fill_in("#password", &password("alice"));
    browser.click("button[type=submit]");
    assert!(browser.text().contains("balance"), "{}", browser.text());
    let websocket = |browser: &Browser| {
        browser.evaluate("(window.outcome = null, 1)");
        browser.evaluate(&format!(
            "(() => {{ const s = new WebSocket('{}/websocket'); s.onopen = () => window.outcome = 'open'; \
             s.onerror = () => window.outcome = 'refused'; return 1; }})()",
            bank_at.replace("https:", "wss:")
        ));
        until("the WebSocket is open or refused", || !browser.evaluate("window.outcome").is_null());
        browser.evaluate("window.outcome")
    };
    assert_eq!(websocket(&browser), "open");

    browser.open(&format!("{blog_at}/"));
    assert_eq!(browser.title(), "hostile");
    assert_eq!(websocket(&browser), "refused");
    browser.click("button[type=submit]");
    assert!(browser.text().contains("This request came from another site"), "{}", browser.text());
    browser.picture("refused-cross-site");
    assert!(bank.seen().iter().all(|request| request.asked().starts_with("GET ")), "{:?}", bank.seen());
    // Both refused requests brought the cookie of Alice, who was signed in all the time.
    let log = gateway.drained();
    let refused: Vec<_> = log.iter().filter(|entry| !entry["shield"].is_null()).collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused.iter().all(|entry| entry["user"] == "alice" && entry["status"] == 403), "{refused:?}");
}
