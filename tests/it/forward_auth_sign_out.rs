//! Forward-auth: an app's own sign-out ends the gateway's session at the check, and the app is told of it.

use data_encoding::BASE64;
use http::{Method, Request, header::ACCEPT};

use crate::{
    forward_auth::{ask, field, session, status},
    support::{
        cookies::SESSION,
        gateway::{TestGateway, password},
        process::until,
        proxies::{HOST, KINDS, Kind, Proxy},
        upstream::{OK, Upstream},
        visitor::Visitor,
    },
};

const OWN: &str = "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";

/// The document's app with a sign-out, which only the group `out` may use.
fn gateway(upstream: &str) -> TestGateway {
    let apps = format!(
        "[groups]\nout = []\n[forward_auth]\nlisten = \"127.0.0.1:0\"\n\
         [[app]]\nname = \"wiki\"\nhost = \"{HOST}\"\nupstream = \"{upstream}\"\n\
         sign_out = \"/logout\"\nsign_out_notice = \"/end\"\nprograms = {{ tokens = true, basic = true }}\n\
         [[app.rule]]\npath = \"/logout\"\nallow = {{ group = \"out\" }}\n"
    );
    let gateway = TestGateway::start_trusting(&["127.0.0.1/32"], &apps);
    gateway.add_user("alice", &["out"]);
    gateway.add_user("bob", &[]);
    gateway
}

#[test]
fn a_check_about_the_sign_out_of_the_app_ends_the_session() {
    let gateway = gateway("builtin:whoami");
    for kind in KINDS {
        for method in ["GET", "POST"] {
            let alice = session(&gateway, "alice");
            let asked = |method, path| ask(&gateway, kind, (method, path), &format!("{alice}{OWN}"));
            assert_eq!(status(&asked("GET", "/page")), 200, "{kind:?}");
            // The app still learns whose session it ends.
            let out = asked(method, "/logout?next=/");
            assert_eq!((status(&out), field(&out, "remote-user")), (200, Some("alice")), "{kind:?}: {out}");
            assert_ne!(status(&asked("GET", "/page")), 200, "{kind:?} {method}: the old cookie");
            assert_ne!(status(&asked(method, "/logout")), 200, "{kind:?} {method}: once more");
        }
    }
    let log = gateway.drained();
    let ends = log.iter().filter(|entry| entry["event"] == "sign_out" || entry["event"] == "sign-out");
    assert_eq!(ends.filter(|entry| entry["user"] == "alice").count(), 8, "{log:?}");
}

#[test]
fn a_check_that_is_no_sign_out_of_the_persons_own_ends_nothing() {
    let gateway = gateway("builtin:whoami");
    let [alice, bob] = ["alice", "bob"].map(|name| session(&gateway, name));
    let foreign = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: document\r\n";
    let picture = "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n";
    let ahead = format!("{OWN}Sec-Purpose: prefetch\r\n");
    for kind in KINDS {
        let goes_on = |cookie: &str| status(&ask(&gateway, kind, ("GET", "/page"), cookie)) == 200;
        for (method, path, fields) in [
            ("GET", "/logout", foreign),
            ("POST", "/logout", foreign),
            ("GET", "/logout", "Sec-Fetch-Site: same-site\r\n"),
            ("GET", "/logout", "Referer: https://evil.example/\r\n"),
            ("POST", "/logout", "Origin: https://evil.example\r\n"),
            ("GET", "/logout", picture),
            ("GET", "/logout", &ahead),
            ("HEAD", "/logout", OWN),
            ("PUT", "/logout", OWN),
            ("GET", "/logout/", OWN),
            ("GET", "/LOGOUT", OWN),
            ("GET", "/page?/logout", OWN),
            ("GET", "/logout/x", OWN),
        ] {
            ask(&gateway, kind, (method, path), &format!("{alice}{fields}"));
            assert!(goes_on(&alice), "{kind:?} {method} {path} {fields}");
        }
        // A person who may not open it, and a program beside a session.
        assert_eq!(status(&ask(&gateway, kind, ("GET", "/logout"), &format!("{bob}{OWN}"))), 403);
        assert!(goes_on(&bob), "{kind:?}");
        let basic = BASE64.encode(format!("alice:{}", password("alice")).as_bytes());
        let program = format!("{alice}Authorization: Basic {basic}\r\n{OWN}");
        assert_eq!(status(&ask(&gateway, kind, ("GET", "/logout"), &program)), 200, "{kind:?}");
        assert!(goes_on(&alice), "{kind:?}");
    }
}

/// Signs out by the app's own page through a real proxy.
fn sign_out_through(kind: Kind) {
    let upstream = Upstream::responding(OK);
    let gateway = gateway(&upstream.url);
    let proxy = Proxy::start(kind, &gateway, upstream.addr());
    let mut visitor = proxy.visitor(&gateway);
    visitor.sign_in("alice", &password("alice"));
    let send = |visitor: &mut Visitor, method: &Method, path: &str, site: &str| {
        let request = Request::builder().method(method.clone()).uri(path).header(ACCEPT, "*/*");
        let request = request.header("sec-fetch-site", site).header("sec-fetch-dest", "empty");
        visitor.send(request.body(String::new()).unwrap()).status.as_u16()
    };
    assert!(visitor.cookies.contains_key(SESSION), "{kind:?}");
    assert_eq!(send(&mut visitor, &Method::GET, "/logout", "cross-site"), 200, "{kind:?}");
    assert_eq!(send(&mut visitor, &Method::GET, "/page", "same-origin"), 200, "{kind:?}: it goes on");
    assert_eq!(send(&mut visitor, &Method::GET, "/logout", "same-origin"), 200, "{kind:?}");
    let asked = upstream.seen();
    let out = asked.iter().rfind(|request| request.asked() == "GET /logout").expect("the app's sign-out");
    assert_eq!(out.value("remote-user"), "alice", "{kind:?}");
    assert_eq!(send(&mut visitor, &Method::GET, "/page", "same-origin"), 401, "{kind:?}");
    let is_told = || upstream.seen().iter().any(|request| request.asked() == "POST /end");
    until("the app is told", is_told);
}

#[test]
fn the_sign_out_of_the_app_goes_through_nginx() {
    sign_out_through(Kind::Nginx);
}

#[test]
fn the_sign_out_of_the_app_goes_through_traefik() {
    sign_out_through(Kind::Traefik);
}

#[test]
fn the_sign_out_of_the_app_goes_through_caddy() {
    sign_out_through(Kind::Caddy);
}

#[test]
fn the_sign_out_of_the_app_goes_through_envoy() {
    sign_out_through(Kind::Envoy);
}
