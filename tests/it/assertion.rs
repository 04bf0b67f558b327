//! Signed assertions: what apps receive, and what verifiers say that know the published keys alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use data_encoding::BASE64URL_NOPAD;
use http::{Method, Request};
use portcullis::{
    clock::Timestamp,
    identity::{GroupName, UserName},
    users::{FactorName, ListChange, ShownTo, TotpCode, UserChange},
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
    assert_ne!(
        claims(&wiki)["sid"],
        claims(&shop)["sid"],
        "no app knows the name that another has for a sign-in"
    );
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
    let turn = |shared: &mut Visitor, connection: &mut _, cookies: &BTreeMap<String, String>, path: &str| {
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
        let (_, request) = turn(&mut shared, &mut connection, &BTreeMap::new(), "/public/x");
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

/// A verifier that fetches the published keys again when those that it has are five minutes old, and never in between.
#[derive(Default)]
struct CachingVerifier {
    keys: BTreeMap<String, Vec<u8>>,
    fetched: Option<Timestamp>,
}

impl CachingVerifier {
    /// Checks the signature; returns the name of the key.
    fn check(
        &mut self,
        token: &str,
        now: Timestamp,
        fetch: impl FnOnce() -> Value,
    ) -> Result<String, String> {
        if self.fetched.is_none_or(|fetched| now >= fetched + Duration::from_mins(5)) {
            let bytes = |text: &Value| BASE64URL_NOPAD.decode(text.as_str().unwrap().as_bytes()).unwrap();
            let point = |key: &Value| [vec![4], bytes(&key["x"]), bytes(&key["y"])].concat();
            let published = fetch();
            let keys = published["keys"].as_array().unwrap().iter();
            self.keys = keys.map(|key| (key["kid"].as_str().unwrap().to_owned(), point(key))).collect();
            self.fetched = Some(now);
        }
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let decoded = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).unwrap();
        let header: Value = serde_json::from_slice(&decoded(signed.split('.').next().unwrap())).unwrap();
        let kid = header["kid"].as_str().unwrap().to_owned();
        let key = self.keys.get(&kid).ok_or_else(|| format!("the key {kid} is unknown"))?;
        let seconds = now.as_millis() / 1000;
        let claims = claims(token);
        if !(claims["nbf"].as_i64().unwrap()..claims["exp"].as_i64().unwrap()).contains(&seconds) {
            return Err(format!("not valid now: {claims}"));
        }
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
            .verify(signed.as_bytes(), &decoded(signature))
            .map_err(|_| "the signature is wrong".to_owned())?;
        Ok(kid)
    }
}

/// The built program, in the folder of a gateway's configuration.
fn command(gateway: &TestGateway, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .current_dir(gateway.folder())
        .args(arguments)
        .output()
        .expect("the program");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    out.into_owned()
}

/// J-3: two gateways with one folder, a rotation by the command and one by age, and verifiers with caches of five minutes
/// that were filled at different times.
#[test]
fn a_rotation_by_hand_and_one_by_age_fail_no_check_over_two_gateways() {
    let keys = tempfile::tempdir().unwrap();
    let sections = format!(
        "{GROUPS}[assertion]\nkeys = \"{}\"\nissuer = \"https://login.example.com\"\nrotate_every = \"2h\"\n",
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
    // The command goes by the time of the machine, which is that of the gateways until it is moved.
    assert!(command(&one, &["assertion", "rotate"]).contains("signs in 15 minutes"));
    let listed: Value = serde_json::from_str(&command(&one, &["assertion", "list", "--json"])).unwrap();
    let states: Vec<(bool, bool)> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|key| (key["signs"].as_bool().unwrap(), key["published"].as_bool().unwrap()))
        .collect();
    assert_eq!(states, [(false, true), (true, true)], "{listed}");

    let mut verifiers: [CachingVerifier; 10] = Default::default();
    let mut signing = Vec::new();
    for minute in 0..150 {
        // The threads of the gateways look by real time; the clock of the test is ahead.
        one.shared.assertions.read_folder();
        other.shared.assertions.read_folder();
        let tokens = [0, 1].map(|gateway: usize| {
            let page = visitors[gateway].get("/page");
            received(&page.text()).value(HEADER).to_owned()
        });
        for (n, verifier) in verifiers.iter_mut().enumerate().filter(|(n, _)| n / 2 <= minute) {
            for token in &tokens {
                let fetch = || {
                    let published = visitors[n % 2].fetch(&Method::GET, "/.gateway/jwks.json");
                    serde_json::from_slice(&published.body).unwrap()
                };
                match verifier.check(token, one.clock.now(), fetch) {
                    Ok(kid) if signing.contains(&kid) => {}
                    Ok(kid) => signing.push(kid),
                    Err(error) => panic!("minute {minute}, verifier {n}: {error}"),
                }
            }
        }
        one.clock.advance(Duration::from_mins(1));
    }
    assert_eq!(signing.len(), 3, "the first key, that of the command, and that of age: {signing:?}");
    let files = std::fs::read_dir(keys.path()).unwrap().count();
    assert!(files <= 3, "{files} files: the gateways have made one key together");
}

/// J-4: a confirmation and a second factor are in the assertion of the next request.
#[test]
fn a_step_up_is_in_the_next_assertion() {
    let upstream = Upstream::ok();
    let apps = format!(
        "[[app]]\nname = \"wiki\"\nhost = \"localhost\"\nupstream = \"{}\"\nassertion = true\n\
         [[app.rule]]\npath = \"/recent/**\"\nallow = \"authenticated\"\nmax_age = \"10m\"\n\
         [[app.rule]]\npath = \"/two/**\"\nallow = \"authenticated\"\nfactors = 2\n",
        upstream.url
    );
    let gateway = TestGateway::start(&apps);
    gateway.add_user("alice", &[]);
    let mut users = gateway.users();
    let alice = UserName::parse("alice").unwrap();
    let account = users.find_by_name(&alice).unwrap().unwrap();
    let mut visitor = Visitor::of(&gateway);
    visitor.sign_in("alice", &password("alice"));
    let asserted = |visitor: &mut Visitor, path: &str| {
        let response = visitor.get(path);
        (response.status == 200).then(|| claims(upstream.last().value(HEADER)))
    };
    let first = asserted(&mut visitor, "/page").unwrap();
    assert_eq!(first["amr"], json!(["pwd"]));

    gateway.clock.advance(Duration::from_mins(20));
    assert_eq!(asserted(&mut visitor, "/recent/x"), None);
    let form = visitor.get("/.gateway/confirm?next=/recent/x");
    let fields =
        [("csrf", form.field("csrf")), ("next", form.field("next")), ("password", password("alice"))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(visitor.submit("/.gateway/confirm", &fields).status, 303);
    let confirmed = asserted(&mut visitor, "/page").unwrap();
    let now = gateway.clock.now().as_millis() / 1000;
    assert_eq!(confirmed["auth_time"], now, "{confirmed}");
    assert_eq!(confirmed["sid"], first["sid"], "the sign-in goes on");

    let shown_to = ShownTo { id: account.user.id, credential: account.credential, session: "test" };
    let shown = users.start_totp(shown_to).unwrap();
    let code = |gateway: &TestGateway| shown.secret.code_at(gateway.clock.now()).unwrap().to_string();
    let phone = FactorName::parse("Phone").unwrap();
    let typed = TotpCode::parse(&code(&gateway));
    users.enrol_totp(shown_to, &shown.sealed, &phone, typed.as_ref()).unwrap().unwrap();
    gateway.clock.advance(Duration::from_mins(1));
    let directory = &gateway.shared.directory;
    until("the gateway knows of the factor", || {
        directory.cached(account.user.id).is_none_or(|account| !account.factors.is_empty())
    });
    assert_eq!(asserted(&mut visitor, "/page").unwrap()["amr"], json!(["pwd"]));
    let to = visitor.get("/two/x").location().to_owned();
    let form = visitor.get(&to);
    let fields = [("csrf", form.field("csrf")), ("next", form.field("next")), ("code", code(&gateway))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let confirmed = visitor.submit(&to, &fields);
    assert_eq!(confirmed.status, 303, "{}", confirmed.text());
    let both = asserted(&mut visitor, "/page").unwrap();
    assert_eq!((&both["amr"], &both["sid"]), (&json!(["mfa", "otp", "pwd"]), &first["sid"]), "{both}");
    assert_eq!(both["auth_time"], gateway.clock.now().as_millis() / 1000);
}

/// Two browsers of one user whose proofs are the same to the millisecond.
#[test]
fn each_sign_in_has_a_sid_of_its_own_although_account_and_proofs_are_the_same() {
    let gateway = TestGateway::start(&app("wiki", "/", "assertion = true"));
    gateway.add_user("alice", &[]);
    let mut visitors = [0, 1].map(|_| {
        let mut visitor = Visitor::of(&gateway);
        visitor.sign_in("alice", &password("alice"));
        gateway.clock.advance(Duration::from_mins(1));
        visitor
    });
    for visitor in &mut visitors {
        let form = visitor.get("/.gateway/confirm?next=/page");
        let fields =
            [("csrf", form.field("csrf")), ("next", form.field("next")), ("password", password("alice"))];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(visitor.submit("/.gateway/confirm", &fields).status, 303);
    }
    let mut seen = BTreeSet::new();
    // Each worker has a cache of its own.
    for _ in 0..4 {
        let claims = visitors.each_mut().map(|visitor| {
            let page = visitor.get("/page");
            claims(received(&page.text()).value(HEADER))
        });
        assert_eq!(claims[0]["auth_time"], claims[1]["auth_time"]);
        assert_ne!(claims[0]["sid"], claims[1]["sid"], "the end of one sign-in is not that of the other");
        seen.extend(claims.map(|claims| claims["sid"].to_string()));
    }
    assert_eq!(seen.len(), 2);
}

/// J-7.
#[test]
fn an_assertion_with_two_hundred_groups_stays_below_four_kibibytes_and_says_what_is_cut() {
    let upstream = Upstream::ok();
    let claims_of = "claims = { roles = \"groups\", team = { attribute = \"team\" } }";
    let apps = format!(
        "[[app]]\nname = \"wiki\"\nhost = \"localhost\"\nupstream = \"{}\"\nassertion = {{ bearer = true, {claims_of} }}\n",
        upstream.url
    );
    let gateway = TestGateway::start(&apps);
    let names = |length: usize| -> Vec<String> { (0..200).map(|n| format!("g{n:0length$}")).collect() };
    for (user, length, is_cut) in [("short", 3, true), ("long", 60, true), ("few", 0, false)] {
        let groups = if length == 0 { vec!["staff".to_owned()] } else { names(length) };
        let all: Vec<&str> = groups.iter().map(String::as_str).collect();
        gateway.add_user(user, &all);
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let mut visitor = Visitor::of(&gateway).speaking(protocol);
            visitor.sign_in(user, &password(user));
            assert_eq!(visitor.get("/page").status, 200, "{user}");
            let request = upstream.last();
            let token = request.value(HEADER);
            assert!(token.len() <= 4096, "{user}: {} bytes", token.len());
            assert_eq!(request.value("authorization"), format!("Bearer {token}"));
            let claims = claims(token);
            let told: Vec<&str> =
                claims["groups"].as_array().unwrap().iter().map(|group| group.as_str().unwrap()).collect();
            assert!(!told.is_empty() && all.starts_with(&told), "{user}: {told:?}");
            assert_eq!(claims["roles"], claims["groups"], "{user}");
            let marker = claims.get("groups_truncated").is_some_and(|marker| *marker == true);
            assert_eq!((marker, told.len() < all.len()), (is_cut, is_cut), "{user}: {}", told.len());
        }
    }
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
