//! Signed assertions: what apps receive, and what verifiers say that know the published keys alone.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use data_encoding::BASE64URL_NOPAD;
use http::{Method, Request};
use portcullis::{
    assertion::{KeyFolder, KeyFolderSettings},
    identity::{GroupName, UserName},
    users::{ListChange, UserChange},
};
use serde_json::{Value, json};

use crate::support::{
    client::RawClient,
    gateway::{TestGateway, password},
    in_process::InProcess,
    process::until,
    upstream::{Received, Upstream},
    visitor::{Protocol, Visitor},
};

const HEADER: &str = "portcullis-assertion";
const GROUPS: &str = "[groups]\nstaff = []\nops = []\n";

fn app(name: &str, path: &str, keys: &str) -> String {
    format!(
        "[[app]]\nname = \"{name}\"\nhost = \"localhost\"\npath = \"{path}\"\nupstream = \"builtin:whoami\"\n{keys}\n"
    )
}

/// The claims, unchecked.
fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap_or_else(|| panic!("no token: {token}"));
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

/// A verifier of another language, as a process of its own.
struct Verifier {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Verifier {
    fn python(gateway: &TestGateway, audience: &str, issuer: &str) -> Self {
        let mut command = Command::new(tools().join("python/bin/python"));
        command.arg(root().join("tests/assertion/verify.py"));
        Self::start(command, gateway, audience, issuer)
    }

    fn node(gateway: &TestGateway, audience: &str, issuer: &str) -> Self {
        let mut command = Command::new("node");
        command
            .arg(root().join("tests/assertion/verify.mjs"))
            .arg(tools().join("node"))
            .env("NODE_TLS_REJECT_UNAUTHORIZED", "0");
        Self::start(command, gateway, audience, issuer)
    }

    fn start(mut command: Command, gateway: &TestGateway, audience: &str, issuer: &str) -> Self {
        let url = format!("https://localhost:{}/.gateway/jwks.json", gateway.https().port());
        let mut child = command
            .args([&url, audience, issuer])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("starting a verifier: {error}; tests/run installs it"));
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    fn check(&mut self, token: &str) -> Result<Value, String> {
        writeln!(self.input, "{token}").expect("the verifier reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the verifier responds");
        let verdict: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("a verifier is missing; tests/run installs it: {line}"));
        match verdict.get("ok") {
            Some(claims) => Ok(claims.clone()),
            None => Err(verdict["error"].as_str().unwrap().to_owned()),
        }
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn tools() -> PathBuf {
    root().join("target/tools/proxies")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// J-1.
#[test]
fn verifiers_that_know_the_published_keys_alone_accept_an_assertion_for_their_app() {
    let apps = [
        app("wiki", "/", "assertion = true"),
        app(
            "shop",
            "/shop",
            "assertion = { audience = \"https://shop.example\", claims = { login = \"username\" } }",
        ),
    ]
    .concat();
    let gateway = TestGateway::start_with(GROUPS, &apps);
    gateway.add_user("alice", &["ops", "staff"]);
    let mut visitor = Visitor::of(&gateway);
    visitor.sign_in("alice", &password("alice"));
    let token =
        |visitor: &mut Visitor, path: &str| received(&visitor.get(path).text()).value(HEADER).to_owned();
    let (wiki, shop) = (token(&mut visitor, "/page"), token(&mut visitor, "/shop/page"));
    let issuer = "https://localhost";
    let id = claims(&wiki)["sub"].clone();
    for verifier in [Verifier::python, Verifier::node] {
        let mut of_wiki = verifier(&gateway, "wiki", issuer);
        let accepted = of_wiki.check(&wiki).unwrap_or_else(|error| panic!("{error}: {wiki}"));
        for (name, value) in [
            ("sub", id.clone()),
            ("preferred_username", "alice".into()),
            ("groups", json!(["ops", "staff"])),
            ("amr", json!(["pwd"])),
        ] {
            assert_eq!(accepted[name], value, "{name} in {accepted}");
        }
        assert!(accepted["sid"].is_string() && accepted["auth_time"].is_number(), "{accepted}");
        of_wiki.check(&shop).expect_err("an assertion for another app");
        let mut of_shop = verifier(&gateway, "https://shop.example", issuer);
        assert_eq!(of_shop.check(&shop).unwrap()["login"], "alice");
        of_shop.check(&wiki).expect_err("an assertion for another app");
        verifier(&gateway, "wiki", "https://evil.example").check(&wiki).expect_err("another issuer");
        let (head, signature) = wiki.rsplit_once('.').unwrap();
        let (header, _) = head.split_once('.').unwrap();
        let mut forged = claims(&wiki);
        forged["sub"] = "1000".into();
        let forged = BASE64URL_NOPAD.encode(forged.to_string().as_bytes());
        let none = BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"JWT"}"#);
        for forged in [
            format!("{header}.{forged}.{signature}"),
            format!("{none}.{forged}."),
            format!("{head}.{}", BASE64URL_NOPAD.encode(&[1; 64])),
        ] {
            of_wiki.check(&forged).expect_err("a forged assertion");
        }
    }
    let jwks = visitor.fetch(&Method::GET, "/.gateway/jwks.json");
    assert_eq!(
        (jwks.status.as_u16(), jwks.headers["cache-control"].to_str().unwrap()),
        (200, "public, max-age=300")
    );
    let jwks: Value = serde_json::from_slice(&jwks.body).unwrap();
    let members: BTreeSet<&str> = jwks["keys"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, BTreeSet::from(["alg", "crv", "kid", "kty", "use", "x", "y"]), "no private member");
}

/// The request as the built-in app shows it.
fn received(page: &str) -> Received {
    let text = page.split("<pre>").nth(1).and_then(|rest| rest.split("</pre>").next()).unwrap_or(page);
    let text =
        text.replace("&quot;", "\"").replace("&amp;", "&").replace("&#x2f;", "/").replace("&#x27;", "'");
    Received { head: text.trim().to_owned(), ..Received::default() }
}

/// J-2 and J-5.
#[test]
fn no_assertion_of_a_client_arrives_in_any_spelling() {
    let keys = "assertion = { header = \"X-Wiki-Jwt\", bearer = true }\n[[app.rule]]\npath = \"/public/**\"\nallow = \"anyone\"\n";
    let mut gateway = InProcess::start_with(GROUPS, &app("wiki", "/", keys));
    gateway.add_user("alice", &["staff"]);
    let cookie = gateway.session_of("alice");
    for name in [
        "X-Wiki-Jwt",
        "x-wiki-jwt",
        "X_Wiki_Jwt",
        "X.Wiki.Jwt",
        "Portcullis-Assertion",
        "Portcullis_Assertion",
        "Authorization",
    ] {
        let sent = [
            (name, "forged"),
            (name, "again"),
            ("cookie", cookie.as_str()),
            ("connection", "X-Wiki-Jwt, Authorization"),
        ];
        let response = gateway.get("/page", &sent);
        let token = response.received("x-wiki-jwt");
        assert_eq!((response.status.as_u16(), token.len()), (200, 1), "{name}: {}", response.body);
        assert_eq!(claims(token[0])["preferred_username"], "alice");
        assert_eq!(response.received("authorization"), [format!("Bearer {}", token[0])], "{name}");
        assert!(!response.body.contains("forged"), "{name}: {}", response.body);
        // No user is signed in.
        let response = gateway.get("/public/x", &[(name, "forged"), (name, "again")]);
        assert_eq!(response.status, 200);
        assert_eq!(
            (response.received("x-wiki-jwt"), response.received("authorization")),
            (vec![], vec![]),
            "{name}"
        );
        assert!(!response.body.contains("forged"), "{name}: {}", response.body);
    }
}

/// Two users take turns on one connection of HTTP/2, through a change of groups, a reload and a sign-out.
#[test]
fn an_assertion_of_one_user_is_never_sent_with_a_request_of_another() {
    let upstream = Upstream::ok();
    let apps = format!(
        "[[app]]\nname = \"wiki\"\nhost = \"localhost\"\nupstream = \"{}\"\nassertion = true\nidentity = \"remote-user\"\n[[app.rule]]\npath = \"/public/**\"\nallow = \"anyone\"\n",
        upstream.url
    );
    let gateway = TestGateway::start_with(GROUPS, &apps);
    let mut visitors = ["alice", "bob"].map(|name| {
        gateway.add_user(name, &["staff"]);
        let mut visitor = Visitor::of(&gateway);
        visitor.sign_in(name, &password(name));
        (name, visitor.cookies)
    });
    let mut shared = Visitor::of(&gateway).speaking(Protocol::Http2);
    let mut connection = shared.connect();
    let mut seen = BTreeSet::new();
    let turn = |shared: &mut Visitor,
                connection: &mut _,
                cookies: &std::collections::BTreeMap<String, String>,
                path: &str| {
        let cookie =
            cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let request = Request::get(path).header("cookie", cookie).body(String::new()).unwrap();
        let before = upstream.seen().len();
        let status = shared.send_over(connection, request).status.as_u16();
        (status, upstream.seen().get(before).cloned())
    };
    for round in 0..12 {
        match round {
            4 => {
                let change = UserChange {
                    groups: ListChange {
                        replace: Some(vec![GroupName::parse("ops").unwrap()]),
                        ..ListChange::default()
                    },
                    ..UserChange::default()
                };
                gateway.users().update(&UserName::parse("alice").unwrap(), &change).unwrap();
                let id = gateway
                    .users()
                    .find_by_name(&UserName::parse("alice").unwrap())
                    .unwrap()
                    .unwrap()
                    .user
                    .id;
                until("the change is noticed", || {
                    gateway
                        .shared
                        .directory
                        .cached(id)
                        .is_none_or(|account| account.user.groups == [GroupName::parse("ops").unwrap()])
                });
            }
            8 => gateway.reload(GROUPS, &apps),
            _ => {}
        }
        for (name, cookies) in &visitors {
            let (status, request) = turn(&mut shared, &mut connection, cookies, "/page");
            let request = request.unwrap_or_else(|| panic!("{name}: {status}"));
            let claims = claims(request.value(HEADER));
            assert_eq!(
                (request.value("remote-user"), &claims["preferred_username"]),
                (*name, &Value::from(*name)),
                "round {round}"
            );
            let groups = if *name == "alice" && round >= 4 { "ops" } else { "staff" };
            // J-4: the next request has the new groups.
            assert_eq!(claims["groups"], json!([groups]), "{name}, round {round}");
            seen.insert((*name, request.value(HEADER).to_owned()));
        }
        let (_, request) =
            turn(&mut shared, &mut connection, &std::collections::BTreeMap::new(), "/public/x");
        assert_eq!(request.expect("a public page").values(HEADER), Vec::<&str>::new());
    }
    // Each worker signs once for each state.
    assert!(seen.len() <= 10, "{} assertions for 24 requests", seen.len());
    let mut alice = Visitor::of(&gateway);
    alice.cookies = visitors[0].1.clone();
    assert_eq!(alice.sign_out().status, 303);
    let (status, request) = turn(&mut shared, &mut connection, &visitors[0].1, "/page");
    assert_eq!((status, request.map(|request| request.head)), (401, None));
    // The next person in her browser.
    visitors[0].1 = visitors[1].1.clone();
    let (_, request) = turn(&mut shared, &mut connection, &visitors[0].1, "/page");
    assert_eq!(claims(request.unwrap().value(HEADER))["preferred_username"], "bob");
}

/// J-3 over two gateways with one folder, with a verifier of jose, which keeps the keys.
#[test]
fn a_rotation_over_two_gateways_fails_no_check() {
    let keys = tempfile::tempdir().unwrap();
    let sections = format!(
        "{GROUPS}[assertion]\nkeys = \"{}\"\nissuer = \"https://login.example.com\"\n",
        keys.path().display()
    );
    let apps = app("wiki", "/", "assertion = true");
    let one = TestGateway::start_with(&sections, &apps);
    let other = TestGateway::start_beside(&one, &sections, &apps);
    one.add_user("alice", &["staff"]);
    let mut visitors = [&one, &other].map(|gateway| {
        let mut visitor = Visitor::of(gateway);
        visitor.sign_in("alice", &password("alice"));
        visitor
    });
    let kids = |visitor: &mut Visitor| -> BTreeSet<String> {
        let jwks: Value =
            serde_json::from_slice(&visitor.fetch(&Method::GET, "/.gateway/jwks.json").body).unwrap();
        jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let settings = KeyFolderSettings { folder: keys.path().to_owned(), rotate_every: None };
    let (mut known, mut signing) = (kids(&mut visitors[0]), BTreeSet::new());
    for step in 0..60 {
        one.clock.advance(Duration::from_mins(1));
        if step == 10 {
            KeyFolder::open(settings.clone(), one.clock.now()).unwrap().rotate(one.clock.now()).unwrap();
        }
        // The threads of the gateways look by real time; the clock of the test is ahead.
        one.shared.assertions.read_folder();
        other.shared.assertions.read_folder();
        if step % 5 == 0 {
            known = kids(&mut visitors[step / 5 % 2]);
        }
        for visitor in &mut visitors {
            let page = visitor.get("/page");
            let token = received(&page.text()).value(HEADER).to_owned();
            let header: Value = serde_json::from_slice(
                &BASE64URL_NOPAD.decode(token.split('.').next().unwrap().as_bytes()).unwrap(),
            )
            .unwrap();
            let kid = header["kid"].as_str().unwrap().to_owned();
            assert!(known.contains(&kid), "step {step}: {kid} is not among {known:?}");
            signing.insert(kid);
        }
    }
    assert_eq!(signing.len(), 2, "the new key signs, too");
}

#[test]
fn an_app_without_an_assertion_publishes_no_keys_and_makes_none() {
    let gateway = TestGateway::start(&app("wiki", "/", ""));
    assert_eq!(RawClient::connect(&gateway).get("/.gateway/jwks.json", "").status, 404);
    assert!(!gateway.folder().join("state/assertion-keys").exists());
    // A reload makes the first key.
    gateway.reload("", &app("wiki", "/", "assertion = true"));
    assert_eq!(RawClient::connect(&gateway).get("/.gateway/jwks.json", "").status, 200);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &gateway.folder().join("state/assertion-keys/key-00000001.pem").metadata().unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}
