//! Service workers of an application, which could imitate the sign-in page.

use crate::support::{
    browser::Browser,
    client::{RawClient, RawResponse},
    gateway::{TestGateway, password},
    upstream::{Upstream, named_app, public_app},
};

/// An application with a page, and a worker that responds to every navigation below its scope.
fn site() -> Upstream {
    Upstream::scripted(|conn| {
        while let Some(request) = conn.request()? {
            let (kind, fields, body) = match request.asked() {
                "GET /sw.js" | "GET /static/sw.js" | "GET /wiki/js/sw.js" | "GET /wiki" => (
                    "text/javascript",
                    "Cache-Control: public, max-age=600\r\nService-Worker-Allowed: /\r\n",
                    HIJACKER,
                ),
                "GET /pass.js" => ("text/javascript", "", PASSING_ON),
                _ => ("text/html", "", "<!doctype html><title>the application</title><p>the application"),
            };
            let length = body.len();
            conn.send(
                format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
                    .as_bytes(),
            )?;
        }
        Ok(())
    })
}

const HIJACKER: &str = "self.addEventListener('install', () => self.skipWaiting());\
    self.addEventListener('activate', (event) => event.waitUntil(clients.claim()));\
    self.addEventListener('fetch', (event) => { if (event.request.mode === 'navigate') event.respondWith(new Response(\
    '<title>hijacked</title>', { headers: { 'Content-Type': 'text/html' } })); });";

/// As applications that work offline have it: a navigation is fetched as it came.
const PASSING_ON: &str = "self.addEventListener('install', () => self.skipWaiting());\
    self.addEventListener('activate', (event) => event.waitUntil(clients.claim()));\
    self.addEventListener('fetch', (event) => event.respondWith(fetch(event.request)));";

fn ask_for_worker(gateway: &TestGateway, path: &str) -> RawResponse {
    RawClient::connect(gateway).get(path, "Service-Worker: script\r\nAccept: */*\r\n")
}

/// Registers a worker and says its scope, or the name of the error.
fn register(browser: &Browser, script: &str, options: &str) -> String {
    let register = format!("navigator.serviceWorker.register('{script}', {options}).then((it) => it.scope)");
    browser.resolve(&register).as_str().expect("a scope or an error").to_owned()
}

#[test]
fn a_service_worker_of_an_application_never_shows_the_sign_in_page() {
    let upstream = site();
    let gateway = TestGateway::start(&public_app(&upstream.url, "host = \"localhost\""));
    let browser = Browser::start();
    browser.open(&format!("{}/", gateway.origin));
    // As a script first: the standard lets a browser take the worker from its cache then.
    for script in ["/sw.js", "/static/sw.js"] {
        assert_eq!(browser.resolve(&format!("fetch('{script}').then((it) => it.status)")), 200);
        for options in
            ["{}", "{ scope: '/' }", "{ updateViaCache: 'all' }", "{ updateViaCache: 'all', scope: '/' }"]
        {
            assert_eq!(register(&browser, script, options), "TypeError", "{script} {options}");
        }
    }
    assert_eq!(browser.resolve("navigator.serviceWorker.getRegistrations().then((all) => all.length)"), 0);
    browser.open(&format!("{}/.gateway/login", gateway.origin));
    assert!(browser.title().starts_with("Sign in"), "{}", browser.title());
}

#[test]
fn a_request_for_a_worker_script_is_refused_and_logged_unless_the_app_has_workers() {
    let upstream = site();
    let gateway = TestGateway::start(&format!(
        "{}{}{}",
        named_app("plain", &upstream.url, ""),
        named_app("off", &upstream.url, "path = \"/off\"\nshield = { mode = \"off\" }"),
        named_app("wiki", &upstream.url, "path = \"/wiki\"\nservice_workers = true"),
    ));
    for path in ["/sw.js", "/static/sw.js", "/off/sw.js", "/.gateway/login", "/.gateway/whoami"] {
        let refused = ask_for_worker(&gateway, path);
        assert_eq!(refused.status, 403, "{path}: {}", refused.text());
        assert!(refused.text().contains("Service workers aren’t allowed here"), "{}", refused.text());
    }
    assert!(upstream.seen().is_empty());
    for (path, scope) in [("/wiki/js/sw.js", &[][..]), ("/wiki", &["/wiki/"])] {
        let response = ask_for_worker(&gateway, path);
        assert_eq!(
            (response.status, response.values("service-worker-allowed")),
            (200, scope.to_vec()),
            "{path}"
        );
        assert!(response.values("vary").is_empty(), "{}", response.head);
    }
    // Asked for as a mere script, it is nothing that a worker could be made of later.
    for path in ["/sw.js", "/off/sw.js"] {
        let script = RawClient::connect(&gateway).get(path, "");
        assert_eq!(script.status, 200);
        assert!(script.values("service-worker-allowed").is_empty(), "{}", script.head);
        let is_script = script.values("content-type") == ["text/javascript"];
        assert_eq!(script.values("vary"), if is_script { vec!["Service-Worker"] } else { vec![] });
    }
    let refused: Vec<(String, String)> = gateway
        .drained()
        .iter()
        .filter(|entry| entry["shield"] == "refused: service worker")
        .map(|entry| (entry["path"].to_string(), entry["app"].to_string()))
        .collect();
    assert_eq!(refused.len(), 5, "{refused:?}");
    assert!(refused.contains(&("\"/off/sw.js\"".into(), "\"off\"".into())), "{refused:?}");
}

#[test]
fn an_allowed_service_worker_stays_within_the_mount_of_its_app() {
    let upstream = site();
    let gateway = TestGateway::start(&format!(
        "{}{}",
        public_app(&upstream.url, "host = \"localhost\""),
        named_app("wiki", &upstream.url, "host = \"localhost\"\npath = \"/wiki\"\nservice_workers = true"),
    ));
    let browser = Browser::start();
    browser.open(&format!("{}/wiki/page", gateway.origin));
    for (script, options) in [
        ("/wiki/js/sw.js", "{ scope: '/' }"),
        ("/wiki/js/sw.js", "{ scope: '/.gateway/' }"),
        // The folder of this script is `/`.
        ("/wiki", "{}"),
        ("/wiki", "{ scope: '/' }"),
    ] {
        assert_eq!(register(&browser, script, options), "SecurityError", "{script} {options}");
    }
    assert_eq!(register(&browser, "/wiki/js/sw.js", "{}"), format!("{}/wiki/js/", gateway.origin));
    assert_eq!(register(&browser, "/wiki", "{ scope: '/wiki/' }"), format!("{}/wiki/", gateway.origin));
    browser.resolve("navigator.serviceWorker.ready.then(() => true)");
    browser.open(&format!("{}/wiki/other", gateway.origin));
    assert_eq!(browser.title(), "hijacked", "the worker works where it may");
    browser.open(&format!("{}/.gateway/login", gateway.origin));
    assert!(browser.title().starts_with("Sign in"), "{}", browser.title());
}

/// A worker that fetches each navigation sends `Sec-Fetch-Mode: navigate` with `Sec-Fetch-Dest: empty`.
#[test]
fn a_user_whose_application_has_a_service_worker_reaches_the_sign_in_page() {
    let upstream = site();
    let gateway = TestGateway::start(&format!(
        "[[app]]\nhost = \"localhost\"\nupstream = {:?}\nservice_workers = true\n",
        upstream.url
    ));
    gateway.add_user("alice", &[]);
    let browser = Browser::start();
    let sign_in = || {
        browser.fill_in("#username", "alice");
        browser.fill_in("#password", &password("alice"));
        browser.click("button[type=submit]");
    };
    browser.open(&format!("{}/", gateway.origin));
    sign_in();
    assert_eq!(register(&browser, "/pass.js", "{}"), format!("{}/", gateway.origin));
    browser.resolve("navigator.serviceWorker.ready.then(() => true)");
    browser.open(&format!("{}/first", gateway.origin));
    assert_eq!(browser.evaluate("!!navigator.serviceWorker.controller"), true);
    browser.forget_cookies();
    browser.open(&format!("{}/second?page", gateway.origin));
    assert!(browser.title().starts_with("Sign in"), "{}: {}", browser.title(), browser.text());
    sign_in();
    assert_eq!(browser.url(), format!("{}/second?page", gateway.origin));
    // Every other refusal is a page, too.
    browser.open(&format!("{}/.gateway/nothing", gateway.origin));
    assert!(browser.text().contains("Page not found"), "{}", browser.text());
}
