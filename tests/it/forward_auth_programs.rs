//! Forward-auth: credentials of programs, which the gateway takes through a proxy as it takes them itself.

use std::{process::Command, time::Duration};

use data_encoding::BASE64;
use portcullis::{
    config,
    identity::{BackendName, IdentityPair, Scope, UserName},
    users::{NewToken, NewUser, TokenLimits},
};
use serde_json::json;

use crate::{
    forward_auth::{PAGE, ask, field, session, status},
    support::{
        certificates::TestAuthority,
        gateway::{TestGateway, password},
        oidc_provider::OidcProvider,
        process::until,
        proxies::{HOST, KINDS, Kind, Proxy},
        upstream::{OK, Received, Upstream},
    },
};

/// The document's app, which takes every credential; `/raw` is an app whose `Authorization` is its own.
fn gateway(upstream: &str, sections: &str) -> TestGateway {
    let apps = format!(
        "[groups]\nadmins = []\n[forward_auth]\nlisten = \"127.0.0.1:0\"\n{sections}\n\
         [[app]]\nname = \"wiki\"\nhost = \"{HOST}\"\nupstream = \"{upstream}\"\n\
         programs = {{ tokens = true, basic = true, bearer = {} }}\n\
         [[app.rule]]\npath = \"/public/**\"\nallow = \"anyone\"\n\
         [[app.rule]]\npath = \"/admin/**\"\nallow = {{ group = \"admins\" }}\n\
         [[app.rule]]\npath = \"/recent/**\"\nallow = \"authenticated\"\nmax_age = \"10m\"\n\
         [[app]]\nname = \"raw\"\nhost = \"{HOST}\"\npath = \"/raw\"\nupstream = \"{upstream}\"\n",
        sections.contains("oidc"),
    );
    let gateway = TestGateway::start_trusting(&["127.0.0.1/32"], &apps);
    gateway.add_user("alice", &["admins"]);
    gateway.add_user("bob", &[]);
    gateway
}

fn here() -> TestGateway {
    gateway("builtin:whoami", "")
}

/// An API token of a user, which the running gateway knows.
fn token(gateway: &TestGateway, owner: &str, scope: Scope) -> String {
    let name = UserName::parse(owner).unwrap();
    let limits = TokenLimits { scope, ..TokenLimits::default() };
    let new =
        NewToken { name: "test".to_owned(), expires: gateway.clock.now() + Duration::from_hours(24), limits };
    let (account, token) = gateway.users().add_token(&name, &new).unwrap();
    let (id, made) = (account.user.id, account.tokens.last().unwrap().id);
    until("the gateway notices the token", || {
        let cached = gateway.shared.directory.cached(id);
        cached.is_none_or(|account| account.tokens.iter().any(|token| token.id == made))
    });
    token.expose().to_owned()
}

fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", BASE64.encode(format!("{user}:{password}").as_bytes()))
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// The status that this kind of proxy is told for one of the gateway's.
fn told(kind: Kind, status: u16) -> u16 {
    if kind == Kind::Nginx && status >= 400 && status != 401 { 403 } else { status }
}

#[test]
fn a_credential_of_a_program_counts_as_at_the_gateway_itself_and_does_not_reach_the_app() {
    let gateway = here();
    let alices = token(&gateway, "alice", Scope::default());
    let bob = session(&gateway, "bob");
    for kind in KINDS {
        for credential in [bearer(&alices), basic("anybody", &alices), basic("alice", &password("alice"))] {
            // The session of somebody else, which loses.
            let response = ask(&gateway, kind, ("GET", "/admin/x"), &format!("{credential}{bob}"));
            assert_eq!(status(&response), 200, "{kind:?} {credential}: {response}");
            assert_eq!(field(&response, "remote-user"), Some("alice"), "{kind:?} {credential}");
            assert_eq!(field(&response, "authorization"), Some(""), "{kind:?} {credential}");
            assert!(!response.contains("ptc_"), "{kind:?}: {response}");
        }
        // A program has nobody who could confirm.
        let recent = ask(&gateway, kind, ("GET", "/recent/x"), &bearer(&alices));
        assert_eq!((status(&recent), field(&recent, "location")), (403, None), "{kind:?}: {recent}");
    }
    let log = gateway.log().iter().map(ToString::to_string).collect::<String>();
    assert!(log.contains("\"user\":\"alice\"") && !log.contains("ptc_"), "{log}");
}

#[test]
fn a_wrong_credential_is_refused_with_a_challenge_and_told_to_no_app() {
    let gateway = here();
    let alices = token(&gateway, "alice", Scope::default());
    let alice = session(&gateway, "alice");
    let (end, cut) = (alices.len() - 1, &alices[..alices.len() - 3]);
    let forged = format!("{}{}", &alices[..end], if alices.ends_with('a') { 'b' } else { 'a' });
    for kind in KINDS {
        let wrong = [
            bearer(&forged),
            bearer(cut),
            basic("alice", &forged),
            bearer("no.token.at-all"),
            "Authorization: Digest username=\"alice\"\r\n".to_owned(),
            "Authorization: Basic !!!\r\n".to_owned(),
        ];
        for credential in wrong {
            for path in ["/page", "/public/x"] {
                let response = ask(&gateway, kind, ("GET", path), &format!("{credential}{alice}"));
                let challenge = field(&response, "www-authenticate").unwrap_or_default();
                assert!(
                    status(&response) == 401 && challenge.starts_with("Basic realm="),
                    "{kind:?} {path} {credential}: {response}"
                );
                assert_eq!(
                    (field(&response, "authorization"), field(&response, "remote-user")),
                    (None, None),
                    "{kind:?} {path} {credential}"
                );
            }
        }
        // A program without a credential is told what would do; a browser opens no dialog.
        let without = ask(&gateway, kind, ("GET", "/page"), "Accept: */*\r\n");
        assert!(field(&without, "www-authenticate").is_some(), "{kind:?}: {without}");
        let page = ask(&gateway, kind, ("GET", "/page"), PAGE);
        assert!(field(&page, "location").is_some(), "{kind:?}: {page}");
        assert_eq!(field(&page, "www-authenticate"), None, "{kind:?}: {page}");
        // An API token is the gateway's also where the app takes none.
        let raw = ask(&gateway, kind, ("GET", "/raw/x"), &format!("{}{alice}", bearer(&alices)));
        assert_eq!((status(&raw), field(&raw, "authorization")), (401, None), "{kind:?}: {raw}");
    }
}

#[test]
fn an_authorization_that_is_the_apps_goes_on_and_two_are_refused() {
    let gateway = here();
    let alice = session(&gateway, "alice");
    for kind in KINDS {
        let own = "Digest username=\"x\", response=\"y\"";
        let asked = |path: &str, more: &str| ask(&gateway, kind, ("GET", path), &format!("{alice}{more}"));
        let response = asked("/raw/x", &format!("Authorization: {own}\r\n"));
        assert_eq!(
            (status(&response), field(&response, "authorization"), field(&response, "remote-user")),
            (200, Some(own), Some("alice")),
            "{kind:?}: {response}"
        );
        let none = asked("/raw/x", "");
        assert_eq!((status(&none), field(&none, "authorization")), (200, Some("")), "{kind:?}: {none}");
        for path in ["/raw/x", "/page", "/public/x"] {
            let two = asked(path, "Authorization: Digest x\r\nAuthorization: Digest y\r\n");
            assert_eq!(status(&two), told(kind, 400), "{kind:?} {path}: {two}");
        }
    }
}

#[test]
fn the_scope_of_a_token_holds_for_the_described_request() {
    let gateway = here();
    let scope = Scope { methods: vec!["GET".into()], ..Scope::default() };
    let reading = bearer(&token(&gateway, "alice", scope));
    for kind in KINDS {
        let asked = |method| status(&ask(&gateway, kind, (method, "/page"), &reading));
        assert_eq!((asked("GET"), asked("POST")), (200, 403), "{kind:?}");
    }
}

#[test]
fn a_check_with_basic_is_judged_by_its_sender_and_wrong_passwords_are_slowed() {
    let gateway = here();
    let alice = basic("alice", &password("alice"));
    let foreign = "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n";
    for kind in KINDS {
        let asked = |more: &str| status(&ask(&gateway, kind, ("POST", "/page"), &format!("{alice}{more}")));
        assert_eq!((asked(""), asked(foreign)), (200, 403), "{kind:?}");
    }
    let wrong = |name: &str, n: usize| {
        let credential = basic(name, &format!("wrong {n}"));
        status(&ask(&gateway, Kind::Caddy, ("GET", "/page"), &credential))
    };
    let statuses: Vec<u16> = (0..8).map(|n| wrong("bob", n)).collect();
    assert!(statuses.starts_with(&[401; 5]) && statuses.ends_with(&[429]), "{statuses:?}");
}

#[test]
fn a_credential_that_has_ended_lets_no_check_pass() {
    let gateway = here();
    let [alices, bobs] = ["alice", "bob"].map(|name| bearer(&token(&gateway, name, Scope::default())));
    let asked = |credential: &str| status(&ask(&gateway, Kind::Traefik, ("GET", "/page"), credential));
    let bobs_password = basic("bob", &password("bob"));
    assert_eq!((asked(&alices), asked(&bobs), asked(&bobs_password)), (200, 200, 200));
    let mut users = gateway.users();
    let name = UserName::parse("alice").unwrap();
    let id = users.find_by_name(&name).unwrap().unwrap().tokens[0].id;
    users.revoke_token(&name, id).unwrap();
    users.set_active(&UserName::parse("bob").unwrap(), false).unwrap();
    until("the token is refused", || asked(&alices) == 401);
    until("the disabled user is refused", || asked(&bobs) == 401 && asked(&bobs_password) == 401);
}

#[test]
fn an_app_that_requires_a_client_certificate_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), TestAuthority::new().pem()).unwrap();
    let text = |used: &str| {
        format!(
            "[forward_auth]\nlisten = \"127.0.0.1:0\"\n[[tls.client_ca]]\ncert = \"{}/ca.pem\"\n\
             [[tls.client_ca.user]]\nemail = \"*@example.com\"\n\
             [[app]]\nname = \"wiki\"\nhost = \"{HOST}\"\nupstream = \"builtin:whoami\"\n\
             programs = {{ tokens = true }}\nclient_certificate = \"{used}\"\n",
            folder.path().display()
        )
    };
    let gateway = TestGateway::start_trusting(&["127.0.0.1/32"], &text("optional"));
    gateway.add_user("alice", &[]);
    let (alice, token) = (session(&gateway, "alice"), token(&gateway, "alice", Scope::default()));
    // Clients have to be able to reach the gateway by themselves: with the listener of the tests alone, no request ever could.
    let proxy = "workers = 2\ntrusted_proxies = [\"127.0.0.1/32\"]\n";
    let required = TestGateway::configuration("", &text("required")).replace("workers = 2\n", proxy);
    gateway.reload_text(&required.replace("https = [\"127.0.0.1:0\"]", "https = [\"0.0.0.0:0\"]"));
    for kind in KINDS {
        for credential in [&alice, &bearer(&token)] {
            let response = ask(&gateway, kind, ("GET", "/page"), credential);
            assert_eq!(status(&response), 403, "{kind:?}: {response}");
            assert!(response.contains("the server in front of the gateway cannot pass one on"), "{response}");
        }
    }
    for (used, expected) in
        [("required", "nobody reaches this app"), ("optional", "no client certificate signs")]
    {
        let whole = format!("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n{}", text(used));
        let loaded = config::parse(&whole, &folder.path().join("gateway.toml")).unwrap();
        let warnings: Vec<String> =
            loaded.warnings.iter().map(|warning| warning.render(config::Look::Plain)).collect();
        assert!(warnings.iter().any(|text| text.contains(expected)), "{used}: {warnings:?}");
        let alone = whole.replace("[forward_auth]\nlisten = \"127.0.0.1:0\"\n", "");
        let loaded = config::parse(&alone, &folder.path().join("gateway.toml")).unwrap();
        assert!(loaded.warnings.is_empty(), "{used}: {:?}", loaded.warnings);
    }
}

#[test]
fn an_assertion_as_a_bearer_token_takes_the_place_of_every_authorization() {
    let keys = "assertion = { bearer = true }\nprograms = { tokens = true }\n\
                [[app.rule]]\npath = \"/public/**\"\nallow = \"anyone\"\n";
    let apps = format!(
        "[forward_auth]\nlisten = \"127.0.0.1:0\"\n\
         [[app]]\nname = \"wiki\"\nhost = \"{HOST}\"\nupstream = \"builtin:whoami\"\n{keys}"
    );
    let gateway = TestGateway::start_trusting(&["127.0.0.1/32"], &apps);
    gateway.add_user("alice", &[]);
    let (alice, token) = (session(&gateway, "alice"), token(&gateway, "alice", Scope::default()));
    for kind in KINDS {
        for credential in [alice.clone(), bearer(&token)] {
            let response = ask(&gateway, kind, ("GET", "/page"), &credential);
            let sent = field(&response, "authorization").unwrap_or_default();
            assert!(status(&response) == 200 && sent.starts_with("Bearer eyJ"), "{kind:?}: {response}");
        }
        let stranger = ask(&gateway, kind, ("GET", "/public/x"), "Authorization: Digest x\r\n");
        assert_eq!(
            (status(&stranger), field(&stranger, "authorization")),
            (200, Some("")),
            "{kind:?}: {stranger}"
        );
    }
}

/// curl in front of a proxy: the status, the head, and the request that reached the application.
fn curl(
    proxy: &Proxy,
    upstream: &Upstream,
    arguments: &[&str],
    path: &str,
) -> (u16, String, Option<Received>) {
    let before = upstream.seen().len();
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--include", "--http1.1", "--noproxy", "*"])
        .arg("--cacert")
        .arg(&proxy.certificate)
        .args(["--resolve", &format!("{HOST}:{}:127.0.0.1", proxy.addr.port())])
        .args(arguments)
        .arg(format!("{}{path}", proxy.origin()))
        .output()
        .expect("curl is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}{text}", String::from_utf8_lossy(&output.stderr));
    (status(&text), text, upstream.seen().get(before..).and_then(|seen| seen.last().cloned()))
}

/// curl with each credential through a real proxy.
fn programs_through(kind: Kind) {
    let upstream = Upstream::responding(OK);
    let provider = OidcProvider::start();
    let sections = format!(
        "[[backend]]\ntype = \"local\"\n{}",
        provider.section("corp", "audience = \"https://api.example.com\"")
    );
    let gateway = gateway(&upstream.url, &sections);
    provider.use_clock(&gateway.clock);
    let backup = UserName::parse("backup").unwrap();
    let pair = IdentityPair {
        backend: BackendName::parse("corp").unwrap(),
        authority: provider.issuer().into(),
        subject: "machine".into(),
    };
    let mut users = gateway.users();
    users.add(NewUser { machine: true, ..NewUser::named(backup.clone()) }).unwrap();
    users.link_pair(&backup, &pair).unwrap();
    let proxy = Proxy::start(kind, &gateway, upstream.addr());
    let alices = token(&gateway, "alice", Scope::default());
    let machine = provider.access_token(&json!({}));
    let through = |arguments: &[&str], path: &str| curl(&proxy, &upstream, arguments, path);
    let header = |value: &str| format!("Authorization: {value}");
    // The keys of the provider are fetched by a thread of their own.
    until("the keys are known", || {
        status(&ask(&gateway, Kind::Caddy, ("GET", "/page"), &bearer(&machine))) == 200
    });

    let (bearer_token, bearer_jwt) =
        (header(&format!("Bearer {alices}")), header(&format!("Bearer {machine}")));
    let (as_password, with_password) = (format!("x:{alices}"), format!("alice:{}", password("alice")));
    for (arguments, user) in [
        (["--header", &*bearer_token], "alice"),
        (["--user", &as_password], "alice"),
        (["--user", &with_password], "alice"),
        (["--header", &bearer_jwt], "backup"),
    ] {
        let (status, text, arrived) = through(&arguments, "/page");
        let arrived = arrived.unwrap_or_else(|| panic!("{kind:?} {arguments:?}: {text}"));
        assert_eq!((status, arrived.value("remote-user")), (200, user), "{kind:?} {arguments:?}");
        let authorization = arrived.values("authorization");
        assert!(authorization.iter().all(|value| value.is_empty()), "{kind:?}: {authorization:?}");
    }
    // Nobody, and a wrong credential: curl and git wait for the challenge.
    let (basic, bearer) =
        ("Basic realm=\"Portcullis\"", "Bearer realm=\"Portcullis\", error=\"invalid_token\"");
    for (arguments, expected) in [
        (&[][..], basic),
        (&["--user", "alice:wrong"], basic),
        (&["--header", "Authorization: Bearer x"], bearer),
    ] {
        let (status, text, arrived) = through(arguments, "/page");
        assert_eq!(
            (status, arrived.map(|request| request.head)),
            (401, None),
            "{kind:?} {arguments:?}: {text}"
        );
        let challenge = field(&text, "www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with(expected), "{kind:?} {arguments:?}: {text}");
    }
    let (status, text, arrived) = through(&["--anyauth", "--user", &with_password], "/page");
    assert!(arrived.is_some(), "{kind:?}: curl answers the challenge: {status} {text}");
    // A credential for the app arrives as it was sent, also if it is long.
    let gateways = session(&gateway, "alice");
    let cookie = gateways.trim_end().to_owned();
    for own in ["Digest username=\"x\"".to_owned(), format!("Negotiate {}", "A".repeat(6000))] {
        let (status, text, arrived) = through(&["--header", &cookie, "--header", &header(&own)], "/raw/x");
        let arrived = arrived.unwrap_or_else(|| panic!("{kind:?}: {text}"));
        assert_eq!((status, arrived.value("authorization")), (200, &*own), "{kind:?}");
    }
    let long = format!("{cookie}; theme={}", "x".repeat(6000));
    let (status, text, arrived) = through(&["--header", &long], "/page");
    assert!(status == 200 && arrived.is_some(), "{kind:?}: {text}");
}

#[test]
fn programs_go_through_nginx() {
    programs_through(Kind::Nginx);
}

#[test]
fn programs_go_through_traefik() {
    programs_through(Kind::Traefik);
}

#[test]
fn programs_go_through_caddy() {
    programs_through(Kind::Caddy);
}

#[test]
fn programs_go_through_envoy() {
    programs_through(Kind::Envoy);
}
