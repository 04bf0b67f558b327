//! Request and response headers: hop-by-hop, forwarded and identity headers, cookies. Identity headers come from the
//! gateway alone.

use std::{cell::RefCell, collections::BTreeSet};

use http::Request;
use portcullis::{
    identity::{GroupName, UserName},
    users::{ListChange, UserChange},
};
use proptest::prelude::*;

use crate::support::{
    client::{Http2, RawClient, frames, full, request, sign_in},
    gateway::TestGateway,
    in_process::InProcess,
    process::until,
    upstream::{Received, Upstream, named_app, public_app},
};

/// A gateway in process before the built-in app, and a user who is signed in.
struct Stage {
    gateway: RefCell<InProcess>,
    cookie: String,
}

impl Stage {
    fn new(sections: &str, keys: &str) -> Self {
        let gateway = InProcess::start_with(sections, &public_app("builtin:whoami", keys));
        gateway.add_user("alice", &["ops", "staff"]);
        let cookie = gateway.session_of("alice");
        Self { gateway: RefCell::new(gateway), cookie }
    }

    /// The request that arrives when an anonymous client sends these header fields.
    #[track_caller]
    fn anonymous(&self, fields: &str) -> Received {
        let response = self.gateway.borrow_mut().request("GET /", fields);
        assert_eq!(response.status, 200, "{}", response.body);
        response.received_request()
    }

    /// The request that arrives when alice sends these header fields.
    #[track_caller]
    fn signed_in(&self, fields: &str) -> Received {
        self.anonymous(&format!("Cookie: {}\r\n{fields}", self.cookie))
    }
}

/// A gateway with real connections before one app, and a user who is signed in.
struct Door {
    upstream: Upstream,
    gateway: TestGateway,
    cookie: String,
}

impl Door {
    fn new(sections: &str, keys: &str) -> Self {
        let upstream = Upstream::ok();
        let gateway = TestGateway::start_with(sections, &public_app(&upstream.url, keys));
        gateway.add_user("alice", &["ops", "staff"]);
        let cookie = sign_in(&gateway, "alice");
        Self { upstream, gateway, cookie }
    }

    /// The request that arrives when an anonymous client sends these header fields.
    #[track_caller]
    fn anonymous(&self, fields: &str) -> Received {
        let response = RawClient::connect(&self.gateway).get("/", fields);
        assert_eq!(response.status, 200, "{}", response.text());
        self.upstream.seen().pop().expect("a request")
    }

    /// The request that arrives when alice sends these header fields.
    #[track_caller]
    fn signed_in(&self, fields: &str) -> Received {
        self.anonymous(&format!("Cookie: {}\r\n{fields}", self.cookie))
    }
}

/// The names of a head's fields as a careless CGI would see them.
fn as_cgi(received: &Received) -> Vec<String> {
    let names = received.head.lines().skip(1).filter_map(|line| line.split_once(':'));
    names
        .map(|(name, _)| {
            name.chars()
                .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
                .collect()
        })
        .collect()
}

const IDENTITY: [&str; 8] = [
    "REMOTE_USER",
    "REMOTE_GROUPS",
    "REMOTE_EMAIL",
    "REMOTE_NAME",
    "X_FORWARDED_USER",
    "X_FORWARDED_GROUPS",
    "X_FORWARDED_EMAIL",
    "X_FORWARDED_PREFERRED_USERNAME",
];

#[test]
fn advisory_1_no_spelling_of_an_identity_header_gets_through() {
    let stage = Stage::new("", "underscore_headers = true");
    let spellings = [
        "Remote-User",
        "REMOTE-USER",
        "remote_user",
        "Remote_User",
        "REMOTE.USER",
        "Remote!User",
        "remote~user",
        "remote+user",
        "remote'user",
        "Remote-Groups",
        "remote_groups",
        "Remote-Email",
        "Remote-Name",
        "Remote-Anything",
        "X-Forwarded-User",
        "x_forwarded_user",
        "X-Forwarded_Groups",
        "X.Forwarded.Email",
        "X-Forwarded-Preferred-Username",
        "X-Remote-User",
        "X-Authenticated-User",
        "Portcullis-User",
        "X-Portcullis-Anything",
    ];
    for name in spellings {
        for fields in [
            format!("{name}: root\r\n"),
            format!("{name}: root\r\n{name}: wheel\r\n"),
            format!("{name}:\r\n"),
            format!("{name}: root\r\nConnection: {name}\r\n"),
            format!("Connection: close, {name}\r\n{name}: root\r\n"),
        ] {
            let nobody = stage.anonymous(&fields);
            assert!(
                as_cgi(&nobody).iter().all(|name| !IDENTITY.contains(&name.as_str())),
                "{fields}\n{}",
                nobody.head
            );
            assert!(
                !nobody.head.contains("root") && !nobody.head.contains("wheel"),
                "{fields}\n{}",
                nobody.head
            );
            let alice = stage.signed_in(&fields);
            assert_eq!(alice.value("remote-user"), "alice", "{fields}");
            assert_eq!(alice.value("remote-groups"), "ops,staff", "{fields}");
            let ours = as_cgi(&alice)
                .into_iter()
                .filter(|name| IDENTITY.contains(&name.as_str()))
                .collect::<Vec<_>>();
            assert_eq!(ours, ["REMOTE_USER", "REMOTE_GROUPS", "REMOTE_NAME"], "{fields}\n{}", alice.head);
            assert!(!alice.head.contains("root"), "{fields}\n{}", alice.head);
        }
    }
}

#[tokio::test]
async fn no_identity_header_gets_through_over_http2() {
    let door = Door::new("", "underscore_headers = true");
    let mut client = Http2::connect(&door.gateway).await;
    for cookie in ["", &door.cookie] {
        let request = request("GET", "/")
            .header("remote-user", "root")
            .header("remote-user", "wheel")
            .header("remote_user", "root")
            .header("x-forwarded-user", "root")
            .header("remote!groups", "root")
            .header("cookie", cookie)
            .body(full(""))
            .unwrap();
        assert_eq!(client.send(request).await.unwrap().status(), 200);
        let received = door.upstream.seen().pop().unwrap();
        assert!(!received.head.contains("root") && !received.head.contains("wheel"), "{}", received.head);
        let expected: &[&str] = if cookie.is_empty() { &[] } else { &["alice"] };
        assert_eq!(received.values("remote-user"), expected);
    }
}

#[test]
fn advisory_19b_an_attribute_that_a_person_lacks_is_an_absent_header() {
    let stage = Stage::new(
        "",
        "identity = { X-Who = \"username\", X-Mail = \"email\", X-Team = { attribute = \"team\" } }",
    );
    let received = stage.signed_in("X-Mail: root@localhost\r\nx_team: wheel\r\nRemote-User: root\r\n");
    assert_eq!(received.value("x-who"), "alice");
    for absent in ["x-mail", "x-team", "x_team", "remote-user"] {
        assert!(received.values(absent).is_empty(), "{}", received.head);
    }
}

#[test]
fn the_preset_chooses_the_identity_headers() {
    let received = Stage::new("", "identity = \"x-forwarded\"").signed_in("");
    assert_eq!(
        (received.value("x-forwarded-user"), received.value("x-forwarded-groups")),
        ("alice", "ops,staff")
    );
    assert!(received.values("remote-user").is_empty());
    let received =
        Stage::new("", "identity = \"none\"").signed_in("Remote-User: root\r\nX-Forwarded-User: root\r\n");
    assert!(as_cgi(&received).iter().all(|name| !IDENTITY.contains(&name.as_str())), "{}", received.head);
}

#[test]
fn hop_by_hop_request_headers_are_removed() {
    let stage = Stage::new("", "");
    let received = stage.anonymous(
        "Connection:  keep-alive ,X-One,\t x-TWO ;,, \"q\", \r\nX-One: 1\r\nX-Two: 2\r\nConnection: X-Three\r\nX-Three: 3\r\n\
         X-Four: 4\r\nKeep-Alive: 5\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: x\r\nTE: gzip\r\nUpgrade: x\r\n\
         HTTP2-Settings: x\r\nVia: 1.0 x\r\n",
    );
    for removed in [
        "connection",
        "x-one",
        "x-three",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "te",
        "upgrade",
        "http2-settings",
        "via",
    ] {
        assert!(received.values(removed).is_empty(), "{removed} in {}", received.head);
    }
    assert_eq!(received.value("x-four"), "4");
}

#[test]
fn advisory_13_connection_removes_no_header_of_the_gateway() {
    let stage = Stage::new("", "");
    let received = stage.signed_in(
        "Connection: Remote-User, Remote-Groups, X-Forwarded-For, X-Forwarded-Proto, X-Request-Id, Host, Cookie\r\n",
    );
    for ours in
        ["remote-user", "remote-groups", "x-forwarded-for", "x-forwarded-proto", "x-request-id", "host"]
    {
        assert!(!received.value(ours).is_empty());
    }
    let door = Door::new("", "");
    let mut client = RawClient::connect(&door.gateway);
    client.send(
        "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: Content-Length\r\nContent-Length: 2\r\n\r\nhi",
    );
    assert_eq!(client.response().status, 200);
    assert_eq!(door.upstream.last().body, b"hi");
}

#[test]
fn hop_by_hop_response_headers_are_removed() {
    let upstream = Upstream::responding(
        "HTTP/1.1 200 OK\r\nConnection: X-One,  x-two\r\nConnection: keep-alive\r\nX-One: 1\r\nX-TWO: 2\r\nX-Three: 3\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nPortcullis-Secret: x\r\nContent-Length: 2\r\n\r\nok",
    );
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let response = RawClient::connect(&gateway).get("/", "");
    for removed in
        ["connection", "x-one", "x-two", "keep-alive", "proxy-authenticate", "upgrade", "portcullis-secret"]
    {
        assert!(response.values(removed).is_empty(), "{removed} in {}", response.head);
    }
    assert_eq!((response.values("x-three"), response.text()), (vec!["3"], "ok"));
}

const FORWARDED: &str = "X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-For: 203.0.113.1\r\nX-Forwarded-Proto: http\r\n\
     X-Forwarded-Host: evil.example\r\nX-Forwarded-Port: 1\r\nForwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\n\
     X-Forwarded-Prefix: /x\r\nX-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\nX-HTTP-Method-Override: DELETE\r\n";

#[test]
fn advisory_6_forwarded_headers_of_a_stranger_are_replaced() {
    let stage = Stage::new("", "");
    let received = stage.anonymous(FORWARDED);
    assert_eq!(received.value("x-forwarded-for"), "127.0.0.1");
    assert_eq!(received.value("x-forwarded-proto"), "https");
    assert_eq!(received.value("x-forwarded-host"), "localhost");
    assert_eq!(received.value("x-forwarded-port"), "443");
    for removed in [
        "forwarded",
        "x-real-ip",
        "x-forwarded-prefix",
        "x-original-url",
        "x-rewrite-url",
        "x-http-method-override",
    ] {
        assert!(received.values(removed).is_empty(), "{removed}");
    }
}

#[test]
fn forwarded_headers_of_a_trusted_proxy_are_passed_on_and_extended() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start_trusting(&["127.0.0.0/8"], &public_app(&upstream.url, ""));
    assert_eq!(RawClient::connect(&gateway).get("/", FORWARDED).status, 200);
    let received = upstream.only();
    assert_eq!(received.value("x-forwarded-for"), "198.51.100.7, 203.0.113.1, 127.0.0.1");
    assert_eq!(received.value("x-forwarded-proto"), "http");
    assert_eq!(received.value("x-forwarded-host"), "evil.example");
    assert_eq!(received.value("x-forwarded-port"), "1");
    assert!(received.values("x-real-ip").is_empty() && received.values("x-original-url").is_empty());
}

#[test]
fn each_request_has_its_own_id_in_the_log() {
    let door = Door::new("", "");
    let ids: Vec<String> =
        (0..3).map(|_| door.anonymous("X-Request-Id: mine\r\n").value("x-request-id").to_owned()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 3);
    let log = door.gateway.drained();
    for id in ids {
        assert!(log.iter().any(|entry| entry["id"] == *id), "{id}");
    }
}

#[test]
fn host_is_the_original_the_upstreams_or_a_fixed_one() {
    let original = Door::new("", "").anonymous("");
    assert_eq!(original.value("host"), "localhost");
    let upstreams = Door::new("", "host_header = \"upstream\"");
    assert_eq!(upstreams.anonymous("").value("host"), upstreams.upstream.addr().to_string());
    let fixed = Door::new("", "host_header = \"app.internal:8080\"").anonymous("");
    assert_eq!((fixed.value("host"), fixed.value("x-forwarded-host")), ("app.internal:8080", "localhost"));
}

#[test]
fn the_gateways_cookies_are_cut_out_and_others_stay_byte_for_byte() {
    let stage = Stage::new("", "");
    let ours = &stage.cookie;
    let as_value = format!("a={ours}");
    for (sent, arrives) in [
        (ours.clone(), None),
        (format!("a=b; {ours}"), Some("a=b")),
        (format!("{ours}; a=b"), Some("a=b")),
        (format!("a=b; {ours}; c=\"d e\""), Some("a=b; c=\"d e\"")),
        (format!("a=b;{ours};c=d"), Some("a=b;c=d")),
        ("a=b;c=d;  e = f;;g".to_owned(), Some("a=b;c=d;  e = f;;g")),
        ("__host-PORTCULLIS=x; a=b".to_owned(), Some("a=b")),
        (format!("a={ours}"), Some(as_value.as_str())),
    ] {
        let received = stage.anonymous(&format!("Cookie: {sent}\r\n"));
        let expected: Vec<&str> = arrives.into_iter().collect();
        assert_eq!(received.values("cookie"), expected, "{sent}");
    }
}

#[tokio::test]
async fn cookies_split_over_http2_arrive_as_one_field() {
    let door = Door::new("", "");
    let request = request("GET", "/")
        .header("cookie", "a=b")
        .header("cookie", &door.cookie)
        .header("cookie", "c=d;e")
        .body(full(""))
        .unwrap();
    assert_eq!(Http2::connect(&door.gateway).await.send(request).await.unwrap().status(), 200);
    let received = door.upstream.only();
    assert_eq!((received.value("cookie"), received.value("remote-user")), ("a=b; c=d;e", "alice"));
}

#[test]
fn an_upstream_cannot_set_the_gateways_cookies() {
    let upstream = Upstream::responding(
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nSet-Cookie: __Host-Http-portcullis=x; Path=/; Secure\r\n\
         set-cookie:  __host-http-Portcullis-form=x\r\nSet-Cookie: __Host-portcullis=x; Path=/; Secure\r\nSet-Cookie: =__Host-Http-portcullis=x; Path=/; Secure\r\n\
         Set-Cookie: = __Host-Http-portcullis=x\r\nSet-Cookie: c=__Host-Http-portcullis=x\r\nContent-Length: 2\r\n\r\nok",
    );
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let response = RawClient::connect(&gateway).get("/", "");
    assert_eq!(response.values("set-cookie"), ["a=b; Path=/; Secure", "c=__Host-Http-portcullis=x; Secure"]);
}

#[test]
fn advisory_2_names_with_an_underscore_are_dropped_unless_wanted() {
    let fields = "X_Custom: 1\r\nX-Custom: 2\r\n_x: 3\r\nremote_user: root\r\nx_forwarded_for: 1.1.1.1\r\nx_request_id: 1\r\n";
    let dropped = Stage::new("", "").anonymous(fields);
    assert!(dropped.values("x_custom").is_empty() && dropped.values("_x").is_empty(), "{}", dropped.head);
    assert_eq!(dropped.value("x-custom"), "2");
    let kept = Stage::new("", "underscore_headers = true").anonymous(fields);
    assert_eq!((kept.value("x_custom"), kept.value("x-custom"), kept.value("_x")), ("1", "2", "3"));
    for owned in ["remote_user", "x_forwarded_for", "x_request_id"] {
        assert!(kept.values(owned).is_empty(), "{}", kept.head);
    }
}

#[test]
fn other_headers_arrive_as_they_were_sent() {
    let door = Door::new("", "");
    let received = door.anonymous(
        "Accept: a/b, c/d;q=0.1\r\nX-Twice: 1\r\nX-Twice: 2\r\nX-Empty:\r\nAuthorization: Basic eDp5\r\nX-Latin: caf\u{e9}\r\nReferer: https://localhost/x\r\n",
    );
    assert_eq!(received.values("x-twice"), ["1", "2"]);
    assert_eq!((received.value("accept"), received.value("x-empty")), ("a/b, c/d;q=0.1", ""));
    assert_eq!((received.value("authorization"), received.value("x-latin")), ("Basic eDp5", "caf\u{e9}"));
}

/// A name that a careless server takes for one of these.
fn disguised() -> impl Strategy<Value = String> {
    let names = [
        "remote-user",
        "remote-groups",
        "remote-email",
        "remote-name",
        "x-forwarded-user",
        "x-forwarded-email",
        "x-who",
    ];
    (prop::sample::select(names.to_vec()), prop::collection::vec(any::<u8>(), 32)).prop_map(
        |(name, noise)| {
            let signs = b"-_.!~+*'^|`#$&";
            let dress = |(letter, noise): (u8, &u8)| match letter {
                b'-' => *signs.iter().cycle().nth(usize::from(*noise)).expect("it never ends"),
                letter if noise % 2 == 0 => letter.to_ascii_uppercase(),
                letter => letter,
            };
            name.bytes().zip(&noise).map(dress).map(char::from).collect()
        },
    )
}

#[test]
fn advisory_3_no_disguise_of_an_identity_header_gets_through() {
    let stage = Stage::new(
        "",
        "underscore_headers = true\nidentity = { preset = \"remote-user\", X-Who = \"username\" }",
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let fields = prop::collection::vec((disguised(), any::<bool>()), 1..6);
    let outcome = runner.run(&(fields, any::<bool>()), |(fields, signed_in)| {
        let mut head = String::new();
        for (name, named) in &fields {
            head += &format!("{name}: root\r\n");
            if *named {
                head += &format!("connection: {name}\r\n");
            }
        }
        if signed_in {
            head += &format!("cookie: {}\r\n", stage.cookie);
        }
        let received = stage.anonymous(&head);
        prop_assert!(!received.head.contains("root"), "{}", received.head);
        let ours: &[&str] = if signed_in { &["alice"] } else { &[] };
        prop_assert_eq!(received.values("remote-user"), ours);
        prop_assert_eq!(received.values("x-who"), ours);
        Ok(())
    });
    outcome.unwrap();
}

fn identity_and_forwarded_fields(received: &Received) -> Vec<&str> {
    let is_of_it = |line: &&str| line.starts_with("remote-") || line.starts_with("x-forwarded-");
    received.head.lines().filter(is_of_it).collect()
}

#[test]
fn the_next_request_on_a_connection_brings_a_changed_account() {
    let door = Door::new("", "");
    let mut client = RawClient::connect(&door.gateway);
    let mut ask = || {
        let cookie = format!("Cookie: {}\r\n", door.cookie);
        assert_eq!(client.get("/", &cookie).status, 200);
        door.upstream.seen().pop().expect("a request")
    };
    for _ in 0..2 {
        let before = ask();
        assert_eq!(before.value("remote-groups"), "ops,staff");
        assert!(before.values("remote-email").is_empty());
    }
    let change = UserChange {
        email: Some("alice@example.com".to_owned()),
        groups: ListChange { remove: vec![GroupName::parse("ops").unwrap()], ..ListChange::default() },
        ..UserChange::default()
    };
    door.gateway.users().update(&UserName::parse("alice").unwrap(), &change).unwrap();
    let mut after = ask();
    until("the change is known", || {
        after = ask();
        after.value("remote-groups") == "staff"
    });
    assert_eq!(after.value("remote-email"), "alice@example.com");
    assert_eq!(after.value("remote-user"), "alice");
}

#[test]
fn users_and_apps_that_alternate_on_a_connection_are_kept_apart() {
    let upstream = Upstream::ok();
    let app = |path: &str, identity: &str| {
        let name = format!("app{}", path.replace('/', "-"));
        named_app(&name, &upstream.url, &format!("path = {path:?}\nidentity = {identity:?}"))
    };
    let apps = app("/", "remote-user") + app("/x", "x-forwarded").as_str() + app("/n", "none").as_str();
    let gateway = TestGateway::start(&apps);
    let mut users = vec![(None, "X-Nobody: 1".to_owned())];
    for name in ["alice", "bob"] {
        gateway.add_user(name, &[name]);
        users.push((Some(name), format!("Cookie: {}", sign_in(&gateway, name))));
    }
    let mut client = RawClient::connect(&gateway);
    for _ in 0..2 {
        for path in ["/", "/x", "/n", "/"] {
            for (name, line) in &users {
                assert_eq!(client.get(path, &format!("{line}\r\n")).status, 200);
                let received = upstream.seen().pop().expect("a request");
                let names = identity_and_forwarded_fields(&received).into_iter().filter(|line| {
                    let (key, value) = line.split_once(": ").expect("a line");
                    !["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"]
                        .contains(&key)
                        && Some(value) == *name
                });
                let expected: &[&str] = match (name, path) {
                    (None, _) | (_, "/n") => &[],
                    (_, "/x") => {
                        &["x-forwarded-user", "x-forwarded-groups", "x-forwarded-preferred-username"]
                    }
                    _ => &["remote-user", "remote-groups", "remote-name"],
                };
                let names: Vec<&str> =
                    names.filter_map(|line| line.split_once(':').map(|(key, _)| key)).collect();
                assert_eq!(names, expected, "{}", received.head);
                let others =
                    users.iter().filter_map(|(other, _)| *other).filter(|other| Some(*other) != *name);
                for other in others {
                    assert!(!received.head.contains(other), "{}", received.head);
                }
            }
        }
    }
}

#[tokio::test]
async fn hosts_that_share_a_connection_get_forwarded_headers_of_their_own() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = Http2::connect(&gateway).await;
    let port = gateway.https().port().to_string();
    for _ in 0..2 {
        for (authority, port) in
            [("localhost".to_owned(), "443"), (format!("localhost:{port}"), port.as_str())]
        {
            let asked = Request::get(format!("https://{authority}/")).body(full("")).unwrap();
            assert_eq!(client.send(asked).await.unwrap().status(), 200);
            let received = upstream.seen().pop().expect("a request");
            assert_eq!(received.value("x-forwarded-host"), authority);
            assert_eq!(received.value("x-forwarded-port"), port);
            assert_eq!(received.value("host"), authority);
        }
    }
}

/// An identity header of the configuration with so many characters.
fn long_name(length: usize) -> String {
    "q-user-name".chars().cycle().take(length).collect()
}

/// Each name is written as the noise says: another case, another sign.
fn dressed(name: &str, noise: &[u8], can_be_upper: bool) -> String {
    let signs = b"-_.!~+*'^|`#$&";
    let dress = |(letter, noise): (u8, &u8)| match letter {
        b'-' => *signs.iter().cycle().nth(usize::from(*noise)).expect("it never ends"),
        letter if can_be_upper && noise % 2 == 0 => letter.to_ascii_uppercase(),
        letter => letter,
    };
    name.bytes().zip(noise.iter().cycle()).map(dress).map(char::from).collect()
}

#[tokio::test]
async fn identity_headers_of_every_length_are_the_gateways_alone() {
    let names: Vec<String> =
        (1..=300).map(|length| format!("{} = \"username\"", long_name(length))).collect();
    let keys = format!("underscore_headers = true\nidentity = {{ {} }}", names.join(", "));
    let door = Door::new("", &keys);
    let mut http2 = Http2::connect(&door.gateway).await;
    let mut http1 = RawClient::connect(&door.gateway);
    for length in 1..=300 {
        let name = long_name(length);
        let noise: Vec<u8> =
            (0..7).map(|place| u8::try_from((length * 31 + place * 17) % 256).unwrap()).collect();
        let (one, other) = (dressed(&name, &noise, true), dressed(&name, &noise, false));
        http1.send(format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n{one}: root\r\nConnection: {one}\r\n{name}: root\r\n\r\n\
             1\r\nx\r\n0\r\n{one}: root\r\n{name}: root\r\n\r\n"
        ));
        assert_eq!(http1.response().status, 200, "{name}");
        let names = [other.as_str(), name.as_str()].map(|name| name.parse::<http::HeaderName>().unwrap());
        let trailers = names.iter().map(|name| (name.clone(), "root".parse().unwrap())).collect();
        let body = frames(vec![http_body::Frame::data("x".into()), http_body::Frame::trailers(trailers)]);
        let posted = names.iter().fold(request("POST", "/"), |request, name| request.header(name, "root"));
        assert_eq!(http2.send(posted.body(body).unwrap()).await.unwrap().status(), 200, "{name}");
    }
    let seen = door.upstream.seen();
    assert_eq!(seen.len(), 600);
    for received in seen {
        assert!(!received.head.contains("root"), "{}", received.head);
        assert!(received.trailers.is_empty(), "{:?}", received.trailers);
    }
    let received = door.signed_in(&format!("{}: root\r\n", long_name(73)));
    for length in 1..=300 {
        assert_eq!(received.values(&long_name(length)), ["alice"], "{length}");
    }
}

/// By the documentation of the proxies that write them.
const BELIEVED: &[&str] = &[
    "Client-IP",
    "X-Client-IP",
    "CF-Connecting-IP",
    "CF-Connecting-IPv6",
    "Fastly-Client-IP",
    "Fly-Client-IP",
    "X-Remote-Addr",
    "X-Remote-IP",
    "X-Originating-IP",
    "X-Envoy-External-Address",
    "X-Envoy-Original-Path",
    "WL-Proxy-Client-IP",
    "Proxy-Client-IP",
    "X-Azure-ClientIP",
    "X-AppEngine-User-IP",
    "DO-Connecting-IP",
    "Forwarded-For",
    "X-SSL-Client-Cert",
    "X-SSL-Client-Verify",
    "SSL-Client-S-DN",
    "X-ARR-ClientCert",
    "X-Client-Cert",
    "Client-Cert",
    "X-Amzn-Mtls-Clientcert",
    "X-WebAuth-User",
    "X-WEBAUTH-ROLE",
    "X-Auth-Request-User",
    "X-Auth-Request-Groups",
    "X-authentik-username",
    "Cf-Access-Authenticated-User-Email",
    "Cf-Access-Jwt-Assertion",
    "X-MS-Client-Principal",
    "X-MS-Client-Principal-Name",
    "X-Goog-Authenticated-User-Email",
    "X-Goog-Iap-Jwt-Assertion",
    "X-Amzn-Oidc-Identity",
    "X-Pomerium-Jwt-Assertion",
    "X-Token-User-Name",
    "X-Vouch-User",
    "Tailscale-User-Login",
    "Auth-User",
    "SM-User",
    "IV-User",
    "OIDC-Claim-Sub",
    "X-Consumer-Username",
    "X-Proxy-User",
    "X-Remote-Group",
    "X-Accel-Redirect",
    "X-Accel-Mapping",
    "X-Sendfile-Type",
    "X-Middleware-Subrequest",
    "X-Middleware-Rewrite",
    "X-Invoke-Path",
    "X-Matched-Path",
    "X-Ingress-Path",
    "Front-End-Https",
    "CloudFront-Forwarded-Proto",
];

#[test]
fn headers_that_applications_trust_from_a_proxy_do_not_arrive() {
    let stage = Stage::new("", "underscore_headers = true");
    for name in BELIEVED {
        for name in [(*name).to_owned(), name.replace('-', "_"), name.to_lowercase().replace('-', ".")] {
            let received = stage.anonymous(&format!("{name}: hostile\r\n"));
            assert!(!received.head.contains("hostile"), "{}", received.head);
        }
    }
}

/// Variables of CGI, WSGI, `FastCGI`, Rack and PHP, and the names of headers that a server could make them of. A name
/// stands for a variable with or without `HTTP_` before it; whoever folds two names into one takes either.
const VARIABLES: &[(&str, &[&str])] = &[
    ("SCRIPT_NAME", &["SCRIPT_NAME", "Script-Name", "script.name"]),
    ("PATH_INFO", &["PATH_INFO", "Path-Info"]),
    ("PATH_TRANSLATED", &["PATH_TRANSLATED", "Path-Translated"]),
    ("REQUEST_URI", &["REQUEST_URI", "Request-Uri", "Request_Uri"]),
    ("REQUEST_METHOD", &["REQUEST_METHOD", "Request-Method"]),
    ("QUERY_STRING", &["QUERY_STRING", "Query-String"]),
    ("SERVER_NAME", &["SERVER_NAME", "Server-Name"]),
    ("SERVER_PORT", &["SERVER_PORT", "Server-Port"]),
    ("SERVER_PROTOCOL", &["SERVER_PROTOCOL"]),
    ("DOCUMENT_ROOT", &["DOCUMENT_ROOT", "Document-Root"]),
    ("SCRIPT_FILENAME", &["SCRIPT_FILENAME", "Script-Filename"]),
    ("GATEWAY_INTERFACE", &["GATEWAY_INTERFACE"]),
    ("AUTH_TYPE", &["AUTH_TYPE", "Auth-Type"]),
    ("REMOTE_USER", &["REMOTE_USER", "Remote-User", "HTTP_REMOTE_USER"]),
    ("REMOTE_ADDR", &["REMOTE_ADDR", "Remote-Addr"]),
    ("LOGON_USER", &["LOGON_USER"]),
    ("PHP_AUTH_USER", &["PHP_AUTH_USER", "Php-Auth-User"]),
    ("REDIRECT_REMOTE_USER", &["REDIRECT_REMOTE_USER"]),
    ("HTTPS", &["HTTPS"]),
    ("wsgi.url_scheme", &["wsgi.url_scheme", "Wsgi-Url-Scheme"]),
    (
        "CONTENT_LENGTH",
        &["Content_Length", "CONTENT_LENGTH", "content.length", "Http-Content-Length", "_Content_Length"],
    ),
    ("CONTENT_TYPE", &["Content_Type", "content.type"]),
    ("HTTP_TRANSFER_ENCODING", &["Transfer_Encoding", "transfer.encoding", "Http_Transfer_Encoding"]),
    ("HTTP_HOST", &["Host_", "_Host", "Http_Host", "HTTP-HOST", "Host."]),
    ("HTTP_COOKIE", &["Cookie_", "Http_Cookie"]),
    ("HTTP_AUTHORIZATION", &["Http_Authorization", "Authorization_"]),
    ("HTTP_ORIGIN", &["Origin_", "Http-Origin"]),
    ("HTTP_SEC_FETCH_SITE", &["Sec_Fetch_Site", "sec.fetch.site"]),
    ("HTTP_PROXY", &["Proxy", "Http-Proxy", "http_proxy"]),
    ("HTTP_X_FORWARDED_PROTO", &["X_Forwarded_Proto", "Http-X-Forwarded-Proto"]),
];

#[test]
fn no_header_of_a_client_sets_a_variable_of_an_application() {
    for keys in ["", "underscore_headers = true"] {
        let stage = Stage::new("", keys);
        for (variable, names) in VARIABLES {
            for name in *names {
                let received = stage.anonymous(&format!("{name}: hostile\r\n"));
                assert!(!received.head.contains("hostile"), "{variable} <- {name}: {}", received.head);
            }
        }
    }
}
