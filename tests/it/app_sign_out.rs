//! An app's own sign-out ends the gateway's session; the end of a session is told to the app.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use data_encoding::BASE64URL_NOPAD;
use http::{Method, Request, header::ACCEPT};
use portcullis::{
    identity::{Proofs, UserName},
    session::{Opening, Owner},
    users::UserStore,
};
use serde_json::Value;

use crate::support::{
    cookies::SESSION,
    gateway::{TestGateway, password, quick_hash},
    process::until,
    upstream::{Gate, OK, Received, Upstream},
    visitor::Visitor,
};

const OUT: &str =
    "HTTP/1.1 302 Found\r\nlocation: /bye\r\nset-cookie: sessionid=; Max-Age=0\r\ncontent-length: 0\r\n\r\n";

fn gateway(upstream: &Upstream, keys: &str) -> TestGateway {
    let gateway = TestGateway::start(&format!(
        "[[app]]\nname = \"wiki\"\nhost = \"localhost\"\nupstream = \"{}\"\n{keys}\n",
        upstream.url
    ));
    gateway.add_user("alice", &[]);
    gateway.add_user("bob", &[]);
    gateway
}

fn signed_in(gateway: &TestGateway, name: &str) -> Visitor {
    let mut visitor = Visitor::of(gateway);
    visitor.sign_in(name, &password(name));
    visitor
}

fn send(visitor: &mut Visitor, method: &Method, path: &str, fields: &[(&str, &str)]) -> u16 {
    let request = Request::builder().method(method.clone()).uri(path).header(ACCEPT, "*/*");
    let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    visitor.send(request.body(String::new()).unwrap()).status.as_u16()
}

const OWN: [(&str, &str); 1] = [("sec-fetch-site", "same-origin")];
const FOREIGN: [(&str, &str); 1] = [("sec-fetch-site", "cross-site")];

#[test]
fn a_sign_out_of_the_app_ends_the_session_of_the_gateway_by_get_and_by_post() {
    let upstream = Upstream::responding(OUT);
    let gateway = gateway(&upstream, "sign_out = \"/admin/logout/\"");
    for method in [Method::GET, Method::POST] {
        let mut visitor = signed_in(&gateway, "alice");
        let before = visitor.cookies.clone();
        assert_eq!(send(&mut visitor, &method, "/page", &OWN), 302);
        assert_eq!(send(&mut visitor, &method, "/admin/logout/?next=/", &OWN), 302, "{method}");
        assert!(!visitor.cookies.contains_key(SESSION), "{method}: {:?}", visitor.cookies);
        visitor.cookies = before;
        assert_eq!(send(&mut visitor, &Method::GET, "/page", &OWN), 401, "{method}: the old cookie");
    }
    let log = gateway.drained();
    let ends = log.iter().filter(|entry| entry["event"] == "sign_out" || entry["event"] == "sign-out");
    assert_eq!(ends.filter(|entry| entry["user"] == "alice").count(), 2, "{log:?}");
}

#[test]
fn another_site_signs_nobody_out_through_the_app() {
    let upstream = Upstream::responding(OUT);
    let gateway = gateway(&upstream, "sign_out = \"/logout\"");
    let mut visitor = signed_in(&gateway, "alice");
    let mut asked = |method: &Method, path: &str, fields: &[(&str, &str)]| {
        let status = send(&mut visitor, method, path, fields);
        let goes_on = send(&mut visitor, &Method::GET, "/page", &OWN) == 302;
        (status, goes_on)
    };
    // A link or an image of another site: the app gets the request, and the session goes on.
    assert_eq!(asked(&Method::GET, "/logout", &FOREIGN), (302, true));
    assert_eq!(asked(&Method::GET, "/logout", &[("sec-fetch-site", "same-site")]), (302, true));
    assert_eq!(asked(&Method::GET, "/logout", &[("referer", "https://evil.example/")]), (302, true));
    assert_eq!(asked(&Method::POST, "/logout", &FOREIGN), (403, true));
    // A browser that looks ahead, other methods, other paths.
    assert_eq!(asked(&Method::GET, "/logout", &[OWN[0], ("sec-purpose", "prefetch")]), (302, true));
    assert_eq!(asked(&Method::HEAD, "/logout", &OWN), (302, true));
    // Mallory's comment in a page of the app shows a picture.
    for destination in ["image", "style", "script", "video", "object", ""] {
        let fields = [OWN[0], ("sec-fetch-dest", destination)];
        assert_eq!(asked(&Method::GET, "/logout", &fields), (302, true), "{destination}");
    }
    for path in ["/logout/", "/LOGOUT", "/logout/x", "/x/logout", "/page?logout"] {
        assert_eq!(asked(&Method::GET, path, &OWN), (302, true), "{path}");
    }
    assert_eq!(asked(&Method::GET, "/logout", &OWN), (302, false));
}

#[test]
fn a_sign_out_that_the_app_refuses_ends_nothing() {
    for response in [
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
    ] {
        let upstream = Upstream::responding(response);
        let gateway = gateway(&upstream, "sign_out = \"/logout\"");
        let mut visitor = signed_in(&gateway, "alice");
        let status = send(&mut visitor, &Method::POST, "/logout", &OWN);
        assert_eq!(send(&mut visitor, &Method::GET, "/page", &OWN), status, "{response}");
        assert!(visitor.cookies.contains_key(SESSION));
    }
}

/// The claims of a notice, whose form has the token alone.
fn told(request: &Received) -> Value {
    let form = String::from_utf8(request.body.clone()).unwrap();
    let token = form.strip_prefix("logout_token=").unwrap_or_else(|| panic!("{form}"));
    let parts: Vec<Value> = token
        .split('.')
        .take(2)
        .map(|part| serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap())
        .collect();
    assert_eq!((&parts[0]["typ"], &parts[0]["alg"]), (&"logout+jwt".into(), &"ES256".into()));
    parts[1].clone()
}

fn notices(upstream: &Upstream) -> Vec<Received> {
    upstream.seen().into_iter().filter(|request| request.asked() == "POST /end").collect()
}

#[test]
fn an_app_is_told_of_the_end_of_a_session_by_the_name_that_assertions_give_it() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream, "assertion = true\nsign_out_notice = \"/end\"");
    let mut visitor = signed_in(&gateway, "alice");
    assert_eq!(send(&mut visitor, &Method::GET, "/page", &OWN), 200);
    let assertion = upstream.last().value("portcullis-assertion").to_owned();
    let asserted: Value = serde_json::from_slice(
        &BASE64URL_NOPAD.decode(assertion.split('.').nth(1).unwrap().as_bytes()).unwrap(),
    )
    .unwrap();
    // The session goes on under another token: nobody has signed out.
    let csrf = visitor.get("/.gateway/confirm").field("csrf");
    let confirmed = visitor.submit("/.gateway/confirm", &[("csrf", &csrf), ("password", &password("alice"))]);
    assert_eq!(confirmed.status, 303, "{}", confirmed.text());
    send(&mut visitor, &Method::GET, "/page", &OWN);
    let mut other = signed_in(&gateway, "bob");
    send(&mut other, &Method::GET, "/page", &OWN);

    assert_eq!(visitor.sign_out().status, 303);
    until("the notice", || !notices(&upstream).is_empty());
    let request = notices(&upstream).remove(0);
    let claims = told(&request);
    for name in ["iss", "aud", "sub", "sid"] {
        assert_eq!(claims[name], asserted[name], "{name} in {claims}");
    }
    assert!(
        claims["events"]["http://schemas.openid.net/event/backchannel-logout"].is_object()
            && claims.get("nonce").is_none(),
        "{claims}"
    );
    assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 120);
    assert_eq!((request.values("cookie"), request.values("remote-user")), (vec![], vec![]));

    // An administrator ends a session; time ends one.
    other.sign_out();
    until("the second notice", || notices(&upstream).len() == 2);
    assert_ne!(told(&notices(&upstream)[1])["sid"], claims["sid"]);
    gateway.clock.advance(Duration::from_secs(1));
    let mut third = signed_in(&gateway, "bob");
    send(&mut third, &Method::GET, "/page", &OWN);
    gateway.clock.advance(Duration::from_hours(13));
    crate::support::block_on(async {
        let limits = gateway.shared.current.load().portal.sessions;
        gateway.shared.sessions.prune(gateway.clock.now(), &limits).await.unwrap();
    });
    until("the third notice", || notices(&upstream).len() == 3);
    assert_eq!(told(&notices(&upstream)[2])["sub"], told(&notices(&upstream)[1])["sub"]);
}

#[test]
fn a_notice_is_tried_again_and_keeps_no_sign_out_waiting() {
    let refused = AtomicBool::new(false);
    let upstream = Upstream::scripted(move |conn| {
        while let Some(request) = conn.request()? {
            let is_first_notice = request.asked() == "POST /end" && !refused.swap(true, Ordering::SeqCst);
            let response = if is_first_notice { BUSY } else { OK };
            conn.send(response.as_bytes())?;
        }
        Ok(())
    });
    let gateway = gateway(&upstream, "sign_out_notice = \"/end\"");
    let mut visitor = signed_in(&gateway, "alice");
    send(&mut visitor, &Method::GET, "/page", &OWN);
    assert_eq!(visitor.sign_out().status, 303);
    until("the notice", || notices(&upstream).len() == 1);
    gateway.clock.advance(Duration::from_secs(2));
    until("the notice comes again", || notices(&upstream).len() == 2);
    let [first, again] = &notices(&upstream)[..] else { panic!("two notices") };
    assert_eq!(told(first)["sid"], told(again)["sid"]);
}

#[test]
fn a_notice_that_an_app_does_not_take_is_given_up_after_four_attempts() {
    let upstream = Upstream::scripted(|conn| {
        while let Some(request) = conn.request()? {
            let response = if request.asked() == "POST /end" { BUSY } else { OK };
            conn.send(response.as_bytes())?;
        }
        Ok(())
    });
    let gateway = gateway(&upstream, "sign_out_notice = \"/end\"");
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| signed_in(&gateway, name));
    let sid = |notice: &Received| told(notice)["sid"].clone();
    assert_eq!(alice.sign_out().status, 303);
    for (attempts, wait) in [(1, 2), (2, 10), (3, 30), (4, 300)] {
        until("the next attempt", || notices(&upstream).len() == attempts);
        gateway.clock.advance(Duration::from_secs(wait));
    }
    // Alice's would be there by the time that bob's is.
    let of_alice = sid(&notices(&upstream)[0]);
    assert_eq!(bob.sign_out().status, 303);
    until("the notice about bob", || notices(&upstream).iter().any(|notice| sid(notice) != of_alice));
    assert_eq!(notices(&upstream).iter().filter(|notice| sid(notice) == of_alice).count(), 4);
    let counted = |outcome: &str| {
        gateway.counted(&format!("portcullis_sign_out_notices_{outcome}_total{{app=\"wiki\"}}"))
    };
    until("the notice is counted", || counted("given_up") == 1);
    assert_eq!((counted("sent"), counted("dropped")), (0, 0));
}

/// Waits for this many notices while the time goes on.
fn notices_in_time(gateway: &TestGateway, upstream: &Upstream, count: usize) -> Vec<Value> {
    until("the notices", || {
        gateway.clock.advance(Duration::from_secs(1));
        notices(upstream).len() >= count
    });
    notices(upstream).iter().map(told).collect()
}

fn alice() -> UserName {
    UserName::parse("alice").unwrap()
}

/// A change that a command makes beside the gateway.
type ChangeOfUser = fn(&mut UserStore);

#[test]
fn an_app_is_told_of_the_sessions_that_a_command_has_ended() {
    let changes: [(&str, ChangeOfUser); 3] = [
        ("disabled", |users| drop(users.set_active(&alice(), false).unwrap())),
        ("removed", |users| drop(users.remove(&alice()).unwrap())),
        ("new password", |users| drop(users.set_password(&alice(), &quick_hash("another one")).unwrap())),
    ];
    for (name, change) in changes {
        let upstream = Upstream::ok();
        let gateway = gateway(&upstream, "assertion = true\nsign_out_notice = \"/end\"");
        let mut visitor = signed_in(&gateway, "alice");
        send(&mut visitor, &Method::GET, "/page", &OWN);
        let sid = sid_of(&upstream);
        let mut bob = signed_in(&gateway, "bob");
        // No request of alice's follows.
        change(&mut gateway.users());
        assert_eq!(notices_in_time(&gateway, &upstream, 1)[0]["sid"], sid, "{name}");
        assert_eq!(send(&mut bob, &Method::GET, "/page", &OWN), 200, "{name}");
        let bobs = sid_of(&upstream);
        bob.sign_out();
        let told = notices_in_time(&gateway, &upstream, 2);
        assert_eq!((told.len(), &told[1]["sid"]), (2, &bobs), "{name}");
    }
}

/// The `sid` in the last assertion that the app received.
fn sid_of(upstream: &Upstream) -> Value {
    let assertion = upstream.last().value("portcullis-assertion").to_owned();
    let claims = BASE64URL_NOPAD.decode(assertion.split('.').nth(1).unwrap().as_bytes()).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["sid"].clone()
}

#[test]
fn an_app_is_told_once_of_each_session_that_a_new_password_has_ended() {
    let upstream = Upstream::ok();
    let gateway = gateway(&upstream, "assertion = true\nsign_out_notice = \"/end\"");
    let mut here = signed_in(&gateway, "alice");
    send(&mut here, &Method::GET, "/page", &OWN);
    let own = sid_of(&upstream);
    gateway.clock.advance(Duration::from_secs(1));
    let mut elsewhere = signed_in(&gateway, "alice");
    send(&mut elsewhere, &Method::GET, "/page", &OWN);
    let other = sid_of(&upstream);
    assert_ne!(own, other);

    // A sign-in is known by its time, and the browser signs in anew.
    gateway.clock.advance(Duration::from_secs(1));
    let path = "/.gateway/account/password";
    let (csrf, right, new) = (here.get(path).field("csrf"), password("alice"), "velvet turbine oyster");
    let fields = [("csrf", &*csrf), ("current", &right), ("new", new), ("again", new)];
    let changed = here.submit(path, &fields);
    assert_eq!(changed.status, 303, "{}", changed.text());
    let sids: BTreeSet<String> =
        notices_in_time(&gateway, &upstream, 2).iter().map(|notice| notice["sid"].to_string()).collect();
    assert_eq!(sids, BTreeSet::from([own.to_string(), other.to_string()]));
    // Well after the time in which a change settles, the browser in which it was made is signed in.
    gateway.clock.advance(Duration::from_mins(1));
    assert_eq!(send(&mut here, &Method::GET, "/page", &OWN), 200);
    let new = sid_of(&upstream);
    let mut bob = signed_in(&gateway, "bob");
    bob.sign_out();
    notices_in_time(&gateway, &upstream, 3);
    here.sign_out();
    let told = notices_in_time(&gateway, &upstream, 4);
    assert_eq!((told.len(), &told[3]["sid"]), (4, &new));
}

#[test]
fn a_gateway_that_has_not_seen_a_session_tells_the_app_of_its_end() {
    let upstream = Upstream::ok();
    let keys = "assertion = true\nsign_out_notice = \"/end\"";
    let one = gateway(&upstream, "assertion = true");
    let apps =
        format!("[[app]]\nname = \"wiki\"\nhost = \"localhost\"\nupstream = \"{}\"\n{keys}\n", upstream.url);
    let other = TestGateway::start_beside(&one, "", &apps);
    let mut visitor = signed_in(&one, "alice");
    send(&mut visitor, &Method::GET, "/page", &OWN);
    let sid = sid_of(&upstream);
    one.users().set_active(&alice(), false).unwrap();
    assert_eq!(notices_in_time(&other, &upstream, 1)[0]["sid"], sid);
}

/// The first app takes connections and never responds.
#[test]
fn an_app_that_does_not_respond_delays_and_loses_notices_to_itself_alone() {
    let silent = Upstream::scripted(|conn| {
        conn.request()?;
        conn.until_close();
        Ok(())
    });
    let upstream = Upstream::ok();
    let gateway = TestGateway::start_with(
        "[session]\nstore = \"memory\"\n",
        &format!(
            "[[app]]\nname = \"silent\"\nhost = \"localhost\"\npath = \"/silent\"\nupstream = {:?}\n\
             sign_out_notice = \"/silent/end\"\n\
             [[app]]\nname = \"wiki\"\nhost = \"localhost\"\nupstream = {:?}\nsign_out_notice = \"/end\"\n",
            silent.url, upstream.url
        ),
    );
    gateway.add_user("alice", &[]);
    gateway.add_user("bob", &[]);
    let counted = |outcome: &str, app: &str| {
        gateway.counted(&format!("portcullis_sign_out_notices_{outcome}_total{{app=\"{app}\"}}"))
    };
    // Eight are under way, 1,024 wait.
    let (fill, more) = (8 + 1024, 60);
    end_sessions(&gateway, 0..fill);
    until("the wiki is told of each", || counted("sent", "wiki") == u64::from(fill));
    assert_eq!((counted("dropped", "silent"), counted("dropped", "wiki")), (0, 0));
    end_sessions(&gateway, fill..fill + more);
    until("the wiki is told of each", || counted("sent", "wiki") == u64::from(fill + more));
    assert_eq!((counted("dropped", "silent"), counted("dropped", "wiki")), (u64::from(more), 0));
    assert_eq!(notices(&upstream).len(), usize::try_from(fill + more).unwrap());

    let mut bob = signed_in(&gateway, "bob");
    send(&mut bob, &Method::GET, "/page", &OWN);
    assert_eq!(bob.sign_out().status, 303);
    until("the wiki is told about bob", || counted("sent", "wiki") == u64::from(fill + more + 1));
}

/// A token is valid for two minutes, and the notices before it may take longer.
#[test]
fn a_notice_is_signed_when_its_turn_comes_and_left_out_if_the_app_wants_none_by_then() {
    let (open, gate) = Gate::closed();
    let upstream = Upstream::scripted(move |conn| {
        while conn.request()?.is_some() {
            gate.wait();
            conn.send(OK.as_bytes())?;
        }
        Ok(())
    });
    let gateway = gateway(&upstream, "sign_out_notice = \"/end\"");
    end_sessions(&gateway, 0..10);
    until("eight are under way", || notices(&upstream).len() == 8);
    gateway.clock.advance(Duration::from_mins(10));
    open.send(()).unwrap();
    until("the ninth is under way", || notices(&upstream).len() == 9);
    let signed = |number: usize| told(&notices(&upstream)[number])["iat"].as_i64().unwrap();
    assert!(signed(8) >= signed(0) + 600, "{} after {}", signed(8), signed(0));

    let app = format!("[[app]]\nname = \"wiki\"\nhost = \"localhost\"\nupstream = {:?}\n", upstream.url);
    gateway.reload("", &app);
    drop(open);
    let counted = |outcome: &str| {
        gateway.counted(&format!("portcullis_sign_out_notices_{outcome}_total{{app=\"wiki\"}}"))
    };
    until("nine are sent", || counted("sent") == 9);
    assert_eq!((notices(&upstream).len(), counted("given_up"), counted("dropped")), (9, 0, 0));
}

#[test]
fn an_app_is_told_of_the_sessions_alone_that_could_have_reached_it() {
    for (sections, reaches_all) in [("", false), ("[portal]\nhost = \"login.example.com\"\n", true)] {
        let (other, own) = (Upstream::ok(), Upstream::ok());
        let app = |host: &str, upstream: &Upstream| {
            format!("[[app]]\nhost = {host:?}\nupstream = {:?}\nsign_out_notice = \"/end\"\n", upstream.url)
        };
        let apps = format!("{}{}", app("other.example", &other), app("localhost", &own));
        let gateway = TestGateway::start_with(sections, &apps);
        gateway.add_user("alice", &[]);
        end_sessions(&gateway, 0..20);
        until("the app of the host is told", || notices(&own).len() == 20);
        if reaches_all {
            until("the other app is told", || notices(&other).len() == 20);
        }
        assert_eq!(notices(&other).is_empty(), !reaches_all, "{sections}");
    }
}

/// Ends as many sessions of alice, who has signed in at another millisecond each time.
fn end_sessions(gateway: &TestGateway, millis: std::ops::Range<u32>) {
    let (shared, start) = (&gateway.shared, gateway.clock.now());
    let limits = shared.current.load().portal.sessions;
    crate::support::block_on(async {
        let account = shared.directory.account_by_name(&alice()).await.unwrap().unwrap();
        for millis in millis {
            let now = start + Duration::from_millis(millis.into());
            let opening = Opening {
                owner: Owner::User { id: account.user.id, credential: account.credential },
                proofs: Proofs::password(now),
                source: None,
                client_addr: [127, 0, 0, 1].into(),
                user_agent: "test",
                host: "localhost",
                remember: false,
                replaces: None,
                confirms: false,
            };
            let (_, session) = shared.sessions.open(opening, now, &limits).await.unwrap();
            shared.sessions.end(&session).await.unwrap();
        }
    });
}

const BUSY: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
