//! Sign-in through OpenID Connect providers, through the front door.
//!
//! The provider is one of ours that lies on demand; the browser is a visitor whom the test leads by hand. A real provider
//! and a real browser are in `oidc_browser`.

use std::time::Duration;

use portcullis::{
    identity::{BackendName, IdentityPair, UserName},
    users::{NewUser, TotpSecret},
};
use serde_json::{Value, json};

use crate::support::{
    gateway::{TestGateway, password},
    oidc_provider::{Lie, OidcProvider, SECRET},
    process::{Workplace, until},
    redis::RedisServer,
    visitor::{Response, Visitor},
};

const LOCAL: &str = "[[backend]]\ntype = \"local\"\n";
const GROUPS: &str = "[groups]\nstaff = []\nadmins = []\n";
const APPS: &str = r#"
[[app]]
upstream = "builtin:whoami"
[[app.rule]]
path = "/admin/**"
allow = { group = "admins" }
"#;

/// A gateway with local users and this provider, named `corp`; `more` are further keys of the provider.
fn gateway(provider: &OidcProvider, more: &str) -> TestGateway {
    let gateway = TestGateway::start_with(&sections(provider, more), APPS);
    provider.use_clock(&gateway.clock);
    gateway.add_user("root", &[]);
    gateway
}

fn sections(provider: &OidcProvider, more: &str) -> String {
    format!("{GROUPS}{LOCAL}{}", provider.section("corp", more))
}

/// Starts a sign-in; the address at the provider.
#[track_caller]
fn start(visitor: &mut Visitor, next: &str) -> String {
    start_at(visitor, "corp", next)
}

#[track_caller]
fn start_at(visitor: &mut Visitor, provider: &str, next: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
    let response = visitor.get(&format!("/.gateway/oidc/{provider}/start?{query}"));
    assert_eq!(response.status, 303, "{}", response.text());
    response.location().to_owned()
}

/// Signs in through the provider; the response to the callback.
#[track_caller]
fn sign_in_through(visitor: &mut Visitor, provider: &OidcProvider, next: &str) -> Response {
    let address = start(visitor, next);
    visitor.get(&provider.authorize(&address))
}

#[track_caller]
fn is_in_as(visitor: &mut Visitor, name: &str) {
    let response = visitor.get("/.gateway/whoami");
    assert_eq!(response.status, 200, "{}", response.text());
    let whoami: Value = serde_json::from_slice(&response.body).expect("JSON");
    assert_eq!(whoami["user"], name, "{whoami}");
}

fn is_out(visitor: &mut Visitor) -> bool {
    visitor.get("/page").status == 303
}

/// The last entry of the audit stream for one of these events.
#[track_caller]
fn last_audit(gateway: &TestGateway, event: &str) -> Value {
    let log = gateway.log();
    let entry = log.iter().rev().find(|entry| entry["log"] == "audit" && entry["event"] == event);
    entry.unwrap_or_else(|| panic!("no {event} in {log:#?}")).clone()
}

#[test]
fn a_user_signs_in_through_a_provider_and_returns_to_the_page_that_was_asked_for() {
    let provider = OidcProvider::start();
    provider.say(&json!({"groups": ["/Wiki Editors", "unmapped"], "sid": "session-1"}));
    let gateway = gateway(&provider, "title = \"Example Ltd\"\ngroups = { \"Wiki Editors\" = \"staff\" }");
    let mut alice = Visitor::of(&gateway);
    let form = alice.get("/.gateway/login?next=%2Freports%3Fyear%3D2026%26month%3D11").text();
    assert!(form.contains("Sign in with Example Ltd") && form.contains("id=\"password\""), "{form}");
    let before = alice.cookies.clone();
    let response = sign_in_through(&mut alice, &provider, "/reports?year=2026&month=11");
    assert_eq!(response.status, 303, "{}", response.text());
    assert_eq!(response.location(), "/reports?year=2026&month=11");
    assert_ne!(before.get("__Host-Http-portcullis"), alice.cookies.get("__Host-Http-portcullis"));
    assert!(!alice.cookies.keys().any(|name| name.contains("-oidc-")), "{:?}", alice.cookies.keys());
    let page = alice.get("/page").text();
    for sent in ["alice", "staff", "alice@example.com", "Alice Example"] {
        assert!(page.contains(sent), "{sent}: {page}");
    }
    assert!(!page.contains("unmapped"), "{page}");
    assert_eq!(alice.get("/admin/").status, 403);
    let entry = last_audit(&gateway, "sign-in");
    assert_eq!((&entry["user"], &entry["backend"]), (&json!("alice"), &json!("corp")), "{entry}");
    assert_eq!((&entry["subject"], &entry["reason"]), (&json!("248289761001"), &json!("ok")), "{entry}");
}

#[test]
fn each_lie_of_a_provider_is_refused_with_its_own_reason() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider, "");
    let mut texts = std::collections::BTreeSet::new();
    for (number, (lie, reason)) in LIES.iter().enumerate() {
        // Another title makes another provider of it: nothing is known of it yet.
        gateway.reload(&sections(&provider, &format!("title = \"Example {number}\"")), APPS);
        provider.lie(*lie);
        let mut mallory = Visitor::of(&gateway);
        let begun = mallory.get("/.gateway/oidc/corp/start?next=%2Fa");
        let response = match begun.status.as_u16() {
            303 => mallory.get(&provider.authorize(begun.location())),
            _ => begun,
        };
        let is_outage = reason.starts_with("metadata-")
            || reason.starts_with("keys-")
            || reason.starts_with("userinfo-too")
            || reason.starts_with("token-endpoint-");
        assert_eq!(response.status, if is_outage { 503 } else { 403 }, "{lie:?}: {}", response.text());
        assert_eq!(last_audit(&gateway, "sign-in-failed")["reason"], **reason, "{lie:?}");
        assert!(is_out(&mut mallory), "{lie:?}");
        let text = response.text().replace(&format!("Example {number}"), "Example");
        let detail = text.split("role=\"alert\">").nth(1).and_then(|rest| rest.split('<').next());
        texts.insert((is_outage, detail.expect("an explanation").to_owned()));
    }
    assert_eq!(texts.len(), 2, "a page tells which lie it was: {texts:?}");
    provider.lie(None);
    gateway.reload(&sections(&provider, "title = \"Honest\""), APPS);
    assert_eq!(sign_in_through(&mut Visitor::of(&gateway), &provider, "/").status, 303);
}

const LIES: &[(Lie, &str)] = &[
    (Lie::AlgorithmNone, "token-algorithm"),
    (Lie::HmacByPublicKey, "token-algorithm"),
    (Lie::ForeignKey, "token-signature"),
    (Lie::UnknownKeyId, "token-key"),
    (Lie::CriticalHeader, "token-malformed"),
    (Lie::AccessTokenType, "token-type"),
    (Lie::LogoutTokenType, "token-type"),
    (Lie::DuplicateClaim, "token-malformed"),
    (Lie::WrongIssuer, "token-issuer"),
    (Lie::WrongAudience, "token-audience"),
    (Lie::SecondAudience, "token-authorized-party"),
    (Lie::WrongParty, "token-authorized-party"),
    (Lie::WrongNonce, "token-nonce"),
    (Lie::NonceOfAnotherAttempt, "token-nonce"),
    (Lie::NoNonce, "token-nonce"),
    (Lie::Expired, "token-expired"),
    (Lie::HugeExpiry, "token-time"),
    (Lie::TextExpiry, "token-time"),
    (Lie::Old, "token-old"),
    (Lie::FromFuture, "token-from-future"),
    (Lie::NotYetValid, "token-from-future"),
    (Lie::NoSubject, "token-subject"),
    (Lie::NumberAsSubject, "token-subject"),
    (Lie::WrongAccessHash, "token-access-hash"),
    (Lie::NoIdToken, "token-response-malformed"),
    (Lie::IdTokenIsAccessToken, "token-malformed"),
    (Lie::TokenPage, "token-response-malformed"),
    (Lie::TokenRedirect, "token-endpoint-redirect"),
    (Lie::TokenHuge, "token-endpoint-too-large"),
    (Lie::TokenServerError, "token-endpoint-status"),
    (Lie::ClientRefused, "client-refused"),
    (Lie::UserinfoOtherSubject, "userinfo-subject"),
    (Lie::UserinfoList, "userinfo-malformed"),
    (Lie::UserinfoSigned, "userinfo-malformed"),
    (Lie::UserinfoHuge, "userinfo-too-large"),
    (Lie::KeysHuge, "keys-too-large"),
    (Lie::KeysPage, "keys-malformed"),
    (Lie::KeysRedirect, "keys-redirect"),
    (Lie::KeysOfHmac, "keys-malformed"),
    (Lie::MetadataOfAnother, "metadata-issuer"),
    (Lie::MetadataWithSlash, "metadata-issuer"),
    (Lie::MetadataPage, "metadata-malformed"),
    (Lie::MetadataHuge, "metadata-too-large"),
    (Lie::MetadataRedirect, "metadata-redirect"),
    (Lie::MetadataWithoutKeys, "metadata-endpoint"),
    (Lie::MetadataPlainEndpoint, "metadata-endpoint"),
];

#[test]
fn a_callback_that_does_not_belong_to_an_attempt_of_this_browser_is_refused() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider, "");
    let check = |visitor: &mut Visitor, path: &str, reason: &str| {
        let response = visitor.get(path);
        assert_eq!(response.status, 403, "{path}: {}", response.text());
        assert_eq!(last_audit(&gateway, "sign-in-failed")["reason"], reason, "{path}");
        assert!(!response.headers.contains_key("location") && !response.headers.contains_key("refresh"));
        assert!(is_out(visitor), "{path}");
    };
    let callback = "/.gateway/oidc/corp/callback";
    let mut alice = Visitor::of(&gateway);
    check(&mut alice, callback, "state-missing");
    check(&mut alice, &format!("{callback}?code=a&state=short"), "state-missing");
    let invented = "x".repeat(43);
    check(&mut alice, &format!("{callback}?code=a&state={invented}"), "state-of-another-browser");

    // Mallory's own code and state in Alice's browser, and Alice's address in Mallory's.
    let mut mallory = Visitor::of(&gateway);
    let address = start(&mut mallory, "/");
    let of_mallory = provider.authorize(&address);
    check(&mut alice, &of_mallory, "state-of-another-browser");
    assert_eq!(mallory.get(&of_mallory).status, 303, "the attempt of the right browser goes on");

    // Each is used up by a failure, too.
    let change = |path: &str, from: &str, to: &str| {
        let (path, query) = path.split_once('?').expect("a query");
        format!("{path}?{}", query.replacen(from, to, 1))
    };
    for (from, to, reason) in [
        ("code=", "code=x&code=", "callback-malformed"),
        ("state=", "state=x&state=", "callback-malformed"),
        ("code=", "error=access_denied&code=", "callback-ambiguous"),
        ("code=", "xcode=", "callback-ambiguous"),
        ("iss=", "xiss=", "callback-issuer-missing"),
        ("iss=http", "iss=https", "callback-issuer-wrong"),
        ("code=", "error=access_denied&xcode=", "provider-denied"),
        ("code=", "error=server_error&xcode=", "provider-error"),
        ("code=", "code=x", "code-refused"),
    ] {
        let mut visitor = Visitor::of(&gateway);
        let address = start(&mut visitor, "/");
        let right = provider.authorize(&address);
        let kept = visitor.cookies.clone();
        check(&mut visitor, &change(&right, from, to), reason);
        if reason != "callback-malformed" {
            visitor.cookies = kept;
            check(&mut visitor, &right, "state-unknown");
        }
    }

    // Used twice, the second time by a browser that has kept its cookie.
    let mut visitor = Visitor::of(&gateway);
    let address = start(&mut visitor, "/");
    let right = provider.authorize(&address);
    let kept = visitor.cookies.clone();
    assert_eq!(visitor.get(&right).status, 303);
    visitor.cookies = kept;
    check(&mut visitor, &right, "state-unknown");

    // Too late.
    let address = start(&mut visitor, "/");
    let late = provider.authorize(&address);
    gateway.clock.advance(Duration::from_secs(601));
    check(&mut visitor, &late, "state-unknown");
}

#[test]
fn an_attempt_at_one_provider_is_none_at_another() {
    let (one, other) = (OidcProvider::start(), OidcProvider::start());
    let sections = format!("{GROUPS}{LOCAL}{}{}", one.section("corp", ""), other.section("other", ""));
    let gateway = TestGateway::start_with(&sections, APPS);
    one.use_clock(&gateway.clock);
    let mut alice = Visitor::of(&gateway);
    let address = start_at(&mut alice, "corp", "/");
    let callback = one.authorize(&address).replace("/corp/", "/other/");
    assert_eq!(alice.get(&callback).status, 403);
    assert_eq!(last_audit(&gateway, "sign-in-failed")["reason"], "state-of-another-provider");
    assert!(is_out(&mut alice));
}

#[test]
fn two_providers_with_the_same_address_are_two_users() {
    let (one, other) = (OidcProvider::start(), OidcProvider::start());
    other.say(&json!({"preferred_username": "mallory", "email": "admin@example.com"}));
    one.say(&json!({"preferred_username": "admin", "email": "admin@example.com"}));
    let sections = format!("{GROUPS}{LOCAL}{}{}", one.section("corp", ""), other.section("other", ""));
    let gateway = TestGateway::start_with(&sections, APPS);
    for provider in [&one, &other] {
        provider.use_clock(&gateway.clock);
    }
    let (mut admin, mut mallory) = (Visitor::of(&gateway), Visitor::of(&gateway));
    assert_eq!(sign_in_through(&mut admin, &one, "/").status, 303);
    is_in_as(&mut admin, "admin");
    let address = start_at(&mut mallory, "other", "/");
    // The subject, the address and all else are those of the administrator; the issuer is not.
    assert_eq!(mallory.get(&other.authorize(&address)).status, 303);
    is_in_as(&mut mallory, "mallory");
    // With the name as well, Mallory does not come in at all.
    let mut again = Visitor::of(&gateway);
    let address = start_at(&mut again, "other", "/");
    let taken = other.authorize_as(&address, &json!({"sub": "2", "preferred_username": "admin"}));
    assert_eq!(again.get(&taken).status, 403);
    assert_eq!(last_audit(&gateway, "sign-in-failed")["reason"], "name-taken");
}

#[test]
fn five_tabs_end_on_their_own_pages_and_a_sixth_drops_the_oldest() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider, "");
    let mut alice = Visitor::of(&gateway);
    let mut tabs: Vec<(String, String)> = Vec::new();
    for tab in 0..6 {
        gateway.clock.advance(Duration::from_secs(1));
        let next = format!("/tab/{tab}");
        let address = start(&mut alice, &next);
        tabs.push((next, provider.authorize(&address)));
    }
    let cookies = alice.cookies.keys().filter(|name| name.contains("-oidc-")).count();
    assert_eq!(cookies, 5, "{:?}", alice.cookies.keys());
    let (_, dropped) = tabs.remove(0);
    let mut elsewhere = Visitor::of(&gateway);
    elsewhere.cookies = alice.cookies.clone();
    assert_eq!(elsewhere.get(&dropped).status, 403);
    for order in [3, 0, 2, 1, 0] {
        let (next, callback) = tabs.remove(order);
        let response = alice.get(&callback);
        assert_eq!((response.status.as_u16(), response.location()), (303, &*next), "{}", response.text());
        is_in_as(&mut alice, "alice");
        // The back button.
        let again = alice.get(&callback);
        assert_eq!((again.status.as_u16(), again.location()), (303, "/"));
    }
    // One session, and not one for each tab.
    assert_eq!(alice.get("/.gateway/account").text().matches("Firefox").count(), 0);
    let log = gateway.log();
    assert_eq!(log.iter().filter(|entry| entry["event"] == "sign-in").count(), 1);
}

#[test]
fn tabs_that_are_opened_at_the_same_moment_all_end_on_their_pages() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider, "");
    let mut alice = Visitor::of(&gateway);
    let request = |tab: usize| {
        let path = format!("/.gateway/oidc/corp/start?next=%2Ftab%2F{tab}");
        http::Request::get(path).header("accept", "text/html").body(String::new()).expect("a request")
    };
    let responses = alice.send_all((0..5).map(request).collect());
    for response in &responses {
        alice.keep_cookies(response);
    }
    for (tab, response) in responses.iter().enumerate().rev() {
        let ended = alice.get(&provider.authorize(response.location()));
        assert_eq!((ended.status.as_u16(), ended.location()), (303, &*format!("/tab/{tab}")));
    }
}

#[test]
fn a_hundred_users_who_sign_in_at_once_each_get_their_own_account() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider, "");
    let mut visitors: Vec<Visitor> = (0..100).map(|_| Visitor::of(&gateway)).collect();
    let callbacks: Vec<String> = visitors
        .iter_mut()
        .enumerate()
        .map(|(number, visitor)| {
            let address = start(visitor, "/");
            let name = format!("user{number}");
            provider.authorize_as(&address, &json!({"sub": name, "preferred_username": name, "email": null}))
        })
        .collect();
    std::thread::scope(|scope| {
        let pairs: Vec<_> = visitors.iter_mut().zip(&callbacks).enumerate().collect();
        let mut pairs = pairs.into_iter();
        while pairs.len() > 0 {
            let chunk: Vec<_> = pairs.by_ref().take(25).collect();
            scope.spawn(move || {
                for (number, (visitor, callback)) in chunk {
                    let response = visitor.get(callback);
                    assert_eq!(response.status, 303, "{number}: {}", response.text());
                    is_in_as(visitor, &format!("user{number}"));
                }
            });
        }
    });
}

#[test]
fn a_provider_that_is_down_at_start_is_used_as_soon_as_it_responds() {
    let provider = OidcProvider::start();
    provider.lie(Lie::Down);
    let gateway = gateway(&provider, "");
    gateway.add_user("bob", &[]);
    let mut bob = Visitor::of(&gateway);
    bob.sign_in("bob", &password("bob"));
    let mut alice = Visitor::of(&gateway);
    let page = alice.get("/.gateway/oidc/corp/start?next=%2F");
    assert_eq!(page.status, 503);
    assert!(page.text().contains("isn’t answering"), "{}", page.text());
    // A second one does not ask again at once.
    let asked = provider.asked("/.well-known/openid-configuration");
    assert_eq!(alice.get("/.gateway/oidc/corp/start").status, 503);
    assert_eq!(provider.asked("/.well-known/openid-configuration"), asked);
    provider.lie(None);
    gateway.clock.advance(Duration::from_secs(30));
    assert_eq!(sign_in_through(&mut alice, &provider, "/").status, 303);
    // The provider dies, while its metadata and keys are known.
    provider.lie(Lie::Down);
    let mut carol = Visitor::of(&gateway);
    let address = start(&mut carol, "/");
    let callback = provider.authorize(&address);
    assert_eq!(carol.get(&callback).status, 503);
    assert_eq!(last_audit(&gateway, "sign-in-failed")["reason"], "token-endpoint-disconnected");
    provider.lie(None);
    assert_eq!(sign_in_through(&mut carol, &provider, "/").status, 303);
}

#[test]
fn a_provider_that_hangs_delays_nobody_else() {
    let provider = OidcProvider::start();
    provider.lie(Lie::Hangs);
    let gateway = gateway(&provider, "");
    gateway.add_user("bob", &[]);
    let (mut alice, mut bob) = (Visitor::of(&gateway), Visitor::of(&gateway));
    std::thread::scope(|scope| {
        let hanging = scope.spawn(|| alice.get("/.gateway/oidc/corp/start?next=%2F").status);
        until("the provider was asked", || provider.asked("/.well-known/openid-configuration") > 0);
        bob.sign_in("bob", &password("bob"));
        assert!(!hanging.is_finished(), "the provider has responded");
        assert_eq!(hanging.join().expect("no panic"), 503);
    });
    assert_eq!(last_audit(&gateway, "sign-in-failed")["reason"], "metadata-timeout");
}

#[test]
fn rotated_keys_are_fetched_at_most_once_a_minute() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider, "");
    let sign_in = || sign_in_through(&mut Visitor::of(&gateway), &provider, "/").status.as_u16();
    assert_eq!((sign_in(), provider.asked("/keys")), (303, 1));
    gateway.clock.advance(Duration::from_mins(1));
    provider.rotate_keys("second");
    assert_eq!((sign_in(), provider.asked("/keys")), (303, 2));
    provider.rotate_keys("third");
    for _ in 0..5 {
        assert_eq!((sign_in(), provider.asked("/keys")), (403, 2));
    }
    gateway.clock.advance(Duration::from_mins(1));
    assert_eq!((sign_in(), provider.asked("/keys")), (303, 3));
    // A huge set does not replace the keys that are known, and is not asked for more often.
    provider.lie(Lie::KeysHuge);
    gateway.clock.advance(Duration::from_mins(1));
    provider.rotate_keys("fourth");
    for _ in 0..5 {
        assert_eq!((sign_in(), provider.asked("/keys")), (403, 4));
    }
    provider.lie(None);
    gateway.clock.advance(Duration::from_mins(1));
    assert_eq!((sign_in(), provider.asked("/keys")), (303, 5));
}

#[test]
fn a_rule_that_needs_a_group_lets_nobody_pass_whose_groups_are_unknown() {
    let provider = OidcProvider::start();
    let gateway =
        gateway(&provider, "groups = { admins = \"admins\" }\nclaims = { groups = \"/realm_access/roles\" }");
    let many: Vec<String> = (0..501).map(|n| format!("g{n}")).chain(["admins".to_owned()]).collect();
    for (claims, status) in [
        (json!({"realm_access": {"roles": ["admins"]}}), 200),
        (json!({"realm_access": {"roles": []}}), 403),
        (json!({"realm_access": {"roles": "admins"}}), 200),
        (json!({"realm_access": null}), 403),
        (json!({"realm_access": {"roles": ["admins", 7]}}), 403),
        (json!({"realm_access": {"roles": many}}), 403),
        (json!({"realm_access": null, "hasgroups": true}), 403),
        (json!({"realm_access": {"roles": ["/admins"]}}), 200),
        (json!({"realm_access": {"roles": ["Admins"]}}), 403),
    ] {
        let mut alice = Visitor::of(&gateway);
        let address = start(&mut alice, "/admin/");
        let response = alice.get(&provider.authorize_as(&address, &claims));
        assert_eq!(response.status, 303, "{}", response.text());
        let shown: String = claims.to_string().chars().take(60).collect();
        assert_eq!(alice.get("/admin/").status, status, "{shown}");
    }
    gateway
        .reload(&sections(&provider, "groups = { admins = \"admins\" }\nunknown_groups = \"refuse\""), APPS);
    assert_eq!(sign_in_through(&mut Visitor::of(&gateway), &provider, "/").status, 403);
    assert_eq!(last_audit(&gateway, "sign-in-failed")["reason"], "groups-unknown");
}

#[test]
fn claims_that_the_id_token_lacks_are_those_of_the_userinfo_endpoint() {
    let provider = OidcProvider::start();
    provider.say(&json!({"name": null}));
    provider.say_at_userinfo(
        &json!({"groups": ["admins"], "name": "Alice of Userinfo", "email": "other@example.com"}),
    );
    let gateway = gateway(&provider, "groups = { admins = \"admins\" }");
    let mut alice = Visitor::of(&gateway);
    assert_eq!(sign_in_through(&mut alice, &provider, "/").status, 303);
    let page = alice.get("/admin/");
    assert_eq!(page.status, 200);
    let page = page.text();
    assert!(page.contains("Alice of Userinfo") && page.contains("alice@example.com"), "{page}");
    // Without the endpoint, its claims are missing.
    gateway.reload(&sections(&provider, "groups = { admins = \"admins\" }\nuserinfo = false"), APPS);
    let mut again = Visitor::of(&gateway);
    assert_eq!(sign_in_through(&mut again, &provider, "/").status, 303);
    assert_eq!(again.get("/admin/").status, 403);
}

#[test]
fn only_users_whom_the_settings_allow_come_in() {
    let provider = OidcProvider::start();
    let allow =
        r#"allow = { domain = "example.com", group = "staff", claim = { department = ["it", "hr"] } }"#;
    let gateway = gateway(&provider, allow);
    let right = json!({"groups": ["staff"], "department": "it"});
    for (changes, reason) in [
        (json!({}), None),
        (json!({"email_verified": false}), Some("not-allowed-domain")),
        (json!({"email_verified": "true"}), Some("not-allowed-domain")),
        (json!({"email": "alice@evil.example"}), Some("not-allowed-domain")),
        (json!({"groups": ["other"]}), Some("not-allowed-group")),
        (json!({"groups": null}), Some("not-allowed-group")),
        (json!({"department": "sales"}), Some("not-allowed-claim")),
        (json!({"department": null}), Some("not-allowed-claim")),
    ] {
        let mut visitor = Visitor::of(&gateway);
        let address = start(&mut visitor, "/");
        let mut claims = right.clone();
        claims.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        let response = visitor.get(&provider.authorize_as(&address, &claims));
        match reason {
            None => assert_eq!(response.status, 303, "{changes}"),
            Some(reason) => {
                assert_eq!(response.status, 403, "{changes}");
                assert_eq!(last_audit(&gateway, "sign-in-failed")["reason"], reason, "{changes}");
                assert!(is_out(&mut visitor));
            }
        }
    }
}

#[test]
fn a_refused_user_sees_a_page_and_is_not_sent_round_in_circles() {
    let provider = OidcProvider::start();
    let alone = format!("{GROUPS}{}", provider.section("corp", "provisioning = \"existing\""));
    let gateway = TestGateway::start_with(&alone, APPS);
    provider.use_clock(&gateway.clock);
    let mut mallory = Visitor::of(&gateway);
    let first = mallory.get("/page");
    assert_eq!(first.status, 303);
    let login = mallory.get(first.location());
    assert_eq!(login.status, 303, "the only provider is gone to at once");
    let there = mallory.get(login.location());
    let response = mallory.get(&provider.authorize(there.location()));
    assert_eq!(response.status, 403);
    let page = response.text();
    assert!(page.contains("there is no account for you"), "{page}");
    assert!(!response.headers.contains_key("refresh") && !page.contains("http-equiv"), "{page}");
    let another = page.split("href=\"").find(|rest| rest.contains("for=another")).expect("a link");
    let another = another.split('"').next().expect("an address").replace("&amp;", "&").replace("&#x2f;", "/");
    let chosen = mallory.get(&another);
    assert!(chosen.location().contains("prompt=select_account"), "{}", chosen.location());
    assert!(chosen.location().starts_with(provider.issuer()));
}

#[test]
fn a_user_who_signs_out_is_not_signed_in_again_by_the_only_provider() {
    let provider = OidcProvider::start();
    let gateway = TestGateway::start_with(&format!("{GROUPS}{}", provider.section("corp", "")), APPS);
    provider.use_clock(&gateway.clock);
    let mut alice = Visitor::of(&gateway);
    assert_eq!(sign_in_through(&mut alice, &provider, "/").status, 303);
    let out = alice.sign_out();
    assert_eq!((out.status.as_u16(), out.location()), (303, "/.gateway/login"));
    let page = alice.get("/.gateway/login");
    assert_eq!(page.status, 200, "{}", page.location());
    assert!(page.text().contains("You have signed out.") && page.text().contains("Sign in with corp"));
    assert!(!page.text().contains("id=\"password\""), "no backend checks passwords");
}

#[test]
fn a_provider_or_user_that_is_disabled_meanwhile_lets_nobody_in() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider, "");
    let mut alice = Visitor::of(&gateway);
    // The provider is taken out.
    let address = start(&mut alice, "/");
    let callback = provider.authorize(&address);
    gateway.reload(&format!("{GROUPS}{LOCAL}"), APPS);
    assert_eq!(alice.get(&callback).status, 404);
    assert!(is_out(&mut alice));
    // The name is that of another provider now.
    let other = OidcProvider::start();
    gateway.reload(&sections(&other, ""), APPS);
    assert_eq!(alice.get(&callback).status, 403);
    assert_eq!(last_audit(&gateway, "sign-in-failed")["reason"], "state-of-another-provider");
    // The user is disabled here.
    gateway.reload(&sections(&provider, ""), APPS);
    assert_eq!(sign_in_through(&mut alice, &provider, "/").status, 303);
    is_in_as(&mut alice, "alice");
    let mut again = Visitor::of(&gateway);
    let address = start(&mut again, "/");
    let callback = provider.authorize(&address);
    let name = UserName::parse("alice").expect("a name");
    gateway.users().set_active(&name, false).expect("a change");
    until("the sessions have ended", || is_out(&mut alice));
    assert_eq!(again.get(&callback).status, 403);
    assert_eq!(last_audit(&gateway, "sign-in-failed")["reason"], "disabled");
    assert!(is_out(&mut again));
}

/// Sends a logout token as the provider does: from nowhere, without a cookie.
const FIELDS: &str = "\
[[user_field]]\nname = \"team\"\ntitle = \"Team\"\ntype = \"choice\"\nchoices = [\"red\", \"blue\"]\nrequired = true\neditable_by = \"user\"\n\
[[user_field]]\nname = \"desk\"\ntitle = \"Desk\"\ntype = \"number\"\nrequired = true\neditable_by = \"user\"\n\
[[user_field]]\nname = \"rank\"\ntitle = \"Rank\"\nrequired = true\neditable_by = \"admin\"\n";
const FIELDS_STEP: &str = "/.gateway/login/profile";

/// The secret of an authenticator app that a page shows.
fn secret_on(page: &Response) -> TotpSecret {
    let text = page.text();
    let (_, rest) = text.split_once("class=\"secret\"><code>").expect("a secret");
    let groups = rest.split('<').next().expect("the end of the secret");
    let secret: String = groups.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).expect("base32");
    TotpSecret::from_bytes(&bytes).expect("the length of a secret")
}

/// Sends the form of required fields.
fn fill_in(visitor: &mut Visitor, values: &[(&str, &str)]) -> Response {
    let csrf = visitor.get(FIELDS_STEP).field("csrf");
    let fields: Vec<_> = [("csrf", csrf.as_str())].into_iter().chain(values.iter().copied()).collect();
    visitor.submit(FIELDS_STEP, &fields)
}

#[test]
fn a_new_user_of_a_provider_fills_in_the_required_fields_before_there_is_a_session() {
    let provider = OidcProvider::start();
    provider.say(&json!({"desk_number": "12"}));
    let more = "claims = { attributes = { desk = \"desk_number\" } }";
    let gateway = TestGateway::start_with(&format!("{}{FIELDS}", sections(&provider, more)), APPS);
    provider.use_clock(&gateway.clock);
    let mut alice = Visitor::of(&gateway);
    assert_eq!(sign_in_through(&mut alice, &provider, "/reports?year=2026").location(), FIELDS_STEP);
    let form = alice.get(FIELDS_STEP).text();
    assert!(form.contains("name=\"field.team\"") && !form.contains("field.rank"), "{form}");
    assert!(
        form.contains("name=\"field.desk\" type=\"text\" value=\"12\""),
        "the claim is on the form: {form}"
    );
    // The sign-in opens nothing else.
    for path in ["/", "/page", "/.gateway/account", "/.gateway/account/profile", "/.gateway/account/tokens"] {
        let response = alice.get(path);
        assert_eq!(response.location().split('?').next(), Some("/.gateway/login"), "{path}: {response:?}");
    }
    assert!(!alice.cookies.contains_key("__Host-Http-portcullis"), "{:?}", alice.cookies.keys());
    for (team, desk) in [("", "12"), ("violet", "12"), ("red", ""), ("red", "a desk"), ("red", "1\r\n2")] {
        let refused = fill_in(&mut alice, &[("field.team", team), ("field.desk", desk)]);
        assert_eq!(refused.status, 422, "{team:?} {desk:?}: {}", refused.text());
        assert!(is_out(&mut alice), "{team:?} {desk:?}");
    }
    let forged = alice.submit(FIELDS_STEP, &[("csrf", "x"), ("field.team", "red"), ("field.desk", "12")]);
    assert_eq!(forged.status, 403);
    assert!(is_out(&mut alice));
    // The same step in another browser.
    let values = [("field.team", "red"), ("field.desk", "12"), ("field.rank", "admiral"), ("superuser", "1")];
    assert!(Visitor::of(&gateway).submit(FIELDS_STEP, &values).location().starts_with("/.gateway/login"));
    let done = fill_in(&mut alice, &values);
    assert_eq!(done.location(), "/reports?year=2026", "{}", done.text());
    is_in_as(&mut alice, "alice");
    let name = UserName::parse("alice").expect("a name");
    let account = gateway.users().find_by_name(&name).expect("the directory").expect("alice");
    let attributes: Vec<_> =
        account.user.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(attributes, ["desk=12", "team=red"]);
    assert!(!account.user.superuser);

    // It is asked once, and a user of the gateway's own directory is not asked.
    let mut again = Visitor::of(&gateway);
    assert_eq!(sign_in_through(&mut again, &provider, "/").location(), "/");
    gateway.add_user("bob", &[]);
    Visitor::of(&gateway).sign_in("bob", &password("bob"));
}

#[test]
fn required_fields_come_after_a_required_factor_and_the_sign_out_at_the_provider_still_works() {
    let provider = OidcProvider::start();
    let sections = sections(&provider, "logout = true");
    let gateway = TestGateway::start_with(
        &format!("{sections}{FIELDS}[accounts]\nsecond_factor = \"required\"\n"),
        APPS,
    );
    provider.use_clock(&gateway.clock);
    let mut alice = Visitor::of(&gateway);
    let enrol = "/.gateway/login/second-factor";
    assert_eq!(sign_in_through(&mut alice, &provider, "/page").location(), enrol);
    assert!(alice.get(FIELDS_STEP).location().starts_with("/.gateway/login"), "it is not its turn");
    // The page of the step that is missing still waits.
    assert_eq!(sign_in_through(&mut alice, &provider, "/page").location(), enrol);
    let form = alice.get(enrol);
    let code = secret_on(&form).code_at(gateway.clock.now()).expect("a code");
    let (csrf, sealed) = (form.field("csrf"), form.field("sealed"));
    let fields = [("csrf", csrf.as_str()), ("sealed", &sealed), ("name", "Phone"), ("code", &code)];
    let codes = alice.submit(enrol, &fields);
    assert_eq!(codes.status, 200, "{}", codes.text());
    assert!(codes.text().replace("&#x2f;", "/").contains(FIELDS_STEP), "{}", codes.text());
    assert!(is_out(&mut alice));
    let done = fill_in(&mut alice, &[("field.team", "red"), ("field.desk", "12")]);
    assert_eq!(done.location(), "/page", "{}", done.text());
    is_in_as(&mut alice, "alice");
    assert!(alice.sign_out().header("refresh").contains("id_token_hint="));
}

#[test]
fn the_name_of_a_removed_user_is_given_to_nobody_by_a_provider() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider, "");
    let alice = UserName::parse("alice").expect("a name");
    sign_in_through(&mut Visitor::of(&gateway), &provider, "/");
    gateway.users().remove(&alice).expect("alice");
    // Another person with her name, and herself.
    for subject in ["999", "248289761001"] {
        provider.say(&json!({"sub": subject}));
        let mut somebody = Visitor::of(&gateway);
        let refused = sign_in_through(&mut somebody, &provider, "/");
        assert_eq!(refused.status, 403, "{subject}: {}", refused.text());
        assert!(is_out(&mut somebody), "{subject}");
        assert_eq!(last_audit(&gateway, "sign-in-failed")["reason"], "name-taken", "{subject}");
    }
    // An operator gives it again.
    let mut store = gateway.users();
    store.add(NewUser::named(alice.clone())).expect("a new account");
    let backend = BackendName::parse("corp").expect("a name");
    let subject = "248289761001".into();
    let pair = IdentityPair { backend, authority: provider.issuer().into(), subject };
    store.link_pair(&alice, &pair).expect("a link");
    let mut back = Visitor::of(&gateway);
    sign_in_through(&mut back, &provider, "/");
    is_in_as(&mut back, "alice");
}

fn send_logout(gateway: &TestGateway, token: &str) -> Response {
    let mut provider = Visitor::of(gateway);
    provider.submit_with("/.gateway/oidc/corp/logout", &[("logout_token", token)], &[])
}

#[test]
fn a_logout_token_ends_the_sessions_that_it_names() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider, "");
    gateway.add_user("bob", &[]);
    let signed_in = |claims: Value| {
        let mut visitor = Visitor::of(&gateway);
        let address = start(&mut visitor, "/");
        assert_eq!(visitor.get(&provider.authorize_as(&address, &claims)).status, 303);
        visitor
    };
    let mut one = signed_in(json!({"sid": "one"}));
    let mut two = signed_in(json!({"sid": "two"}));
    let mut carol = signed_in(json!({"sub": "3", "preferred_username": "carol", "sid": "three"}));
    let mut bob = Visitor::of(&gateway);
    bob.sign_in("bob", &password("bob"));

    let token = provider.logout_token(&json!({"sid": "one"}));
    let response = send_logout(&gateway, &token);
    assert_eq!((response.status.as_u16(), response.header("cache-control")), (200, "no-store"));
    assert!(is_out(&mut one) && !is_out(&mut two) && !is_out(&mut carol) && !is_out(&mut bob));
    assert_eq!(send_logout(&gateway, &token).status, 400, "a replayed token");
    assert_eq!(last_audit(&gateway, "provider-logout")["reason"], "logout-replayed");

    // All sessions of the user.
    let mut three = signed_in(json!({"sid": "three and a half"}));
    assert_eq!(send_logout(&gateway, &provider.logout_token(&json!({}))).status, 200);
    assert!(is_out(&mut two) && is_out(&mut three) && !is_out(&mut carol) && !is_out(&mut bob));
    // By the session alone.
    let only_session = provider.logout_token(&json!({"sub": null, "sid": "three"}));
    assert_eq!(send_logout(&gateway, &only_session).status, 200);
    assert!(is_out(&mut carol) && !is_out(&mut bob));
    // Without a session: the same response.
    assert_eq!(send_logout(&gateway, &provider.logout_token(&json!({"sub": "unknown"}))).status, 200);

    let mut four = signed_in(json!({"sid": "four"}));
    for (lie, reason) in [
        (json!({"nonce": "a"}), "logout-event"),
        (json!({"events": {}}), "logout-event"),
        (json!({"iss": "https://id.example.com"}), "token-issuer"),
        (json!({"aud": "another"}), "token-audience"),
        (json!({"exp": 1}), "token-expired"),
        (json!({"sub": null}), "token-subject"),
    ] {
        let response = send_logout(&gateway, &provider.logout_token(&lie));
        assert_eq!((response.status.as_u16(), response.header("cache-control")), (400, "no-store"), "{lie}");
        assert_eq!(last_audit(&gateway, "provider-logout")["reason"], reason, "{lie}");
    }
    assert_eq!(send_logout(&gateway, "").status, 400);
    assert_eq!(send_logout(&gateway, "a.b.c").status, 400);
    assert!(!is_out(&mut four));
    let mut stranger = Visitor::of(&gateway);
    assert_eq!(stranger.get("/.gateway/oidc/corp/logout").status, 405);
    assert_eq!(send_logout(&gateway, &provider.logout_token(&json!({"sid": "four"}))).status, 200);
    assert!(is_out(&mut four));
}

/// Alice leaves a computer before she has filled in the required fields, and signs out at the provider.
#[test]
fn a_logout_token_ends_the_sign_ins_that_are_pending() {
    let provider = OidcProvider::start();
    let gateway = TestGateway::start_with(&format!("{}{FIELDS}", sections(&provider, "")), APPS);
    provider.use_clock(&gateway.clock);
    let pending = |claims: Value| {
        let mut visitor = Visitor::of(&gateway);
        let address = start(&mut visitor, "/page");
        assert_eq!(visitor.get(&provider.authorize_as(&address, &claims)).location(), FIELDS_STEP);
        visitor
    };
    let form_of = |visitor: &mut Visitor| visitor.get(FIELDS_STEP).field("csrf");
    for (mine, ends) in [
        (json!({"sid": "one"}), json!({"sid": "one"})),
        (json!({"sid": "two"}), json!({"sub": null, "sid": "two"})),
        (json!({"sid": "three"}), json!({})),
        (json!({}), json!({"sid": "unknown"})),
    ] {
        let mut visitor = pending(mine.clone());
        let mut other = pending(json!({"sub": "3", "preferred_username": "carol", "sid": "of carol"}));
        let csrf = form_of(&mut visitor);
        gateway.clock.advance(Duration::from_secs(1));
        assert_eq!(send_logout(&gateway, &provider.logout_token(&ends)).status, 200, "{ends}");
        let values = [("csrf", csrf.as_str()), ("field.team", "blue"), ("field.desk", "12")];
        let sent = visitor.submit(FIELDS_STEP, &values);
        assert!(sent.location().starts_with("/.gateway/login"), "{mine} {ends}: {sent:?}");
        assert!(is_out(&mut visitor), "{mine} {ends}");
        assert_eq!(other.get(FIELDS_STEP).status, 200, "{mine} {ends}: that of somebody else");
        // A later sign-in is another one.
        gateway.clock.advance(Duration::from_secs(1));
        let mut again = pending(mine);
        assert!(!form_of(&mut again).is_empty(), "{ends}");
    }
}

#[test]
fn a_logout_token_ends_the_session_on_another_gateway_within_a_second() {
    let provider = OidcProvider::start();
    let redis = RedisServer::start();
    // A cache that believes its entries for hours: only the message of the store can end the session in time.
    let session = format!("[session]\nstore = \"{}\"\ncache_ttl = \"10h\"\ngrace = \"0s\"\n", redis.url());
    let sections = format!("{session}{}", sections(&provider, ""));
    let here = TestGateway::start_with(&sections, APPS);
    let there = TestGateway::start_beside(&here, &sections, APPS);
    provider.use_clock(&here.clock);
    let mut alice = Visitor::of(&here);
    // Started here, and come back to the other gateway.
    let address = start(&mut alice, "/page");
    let callback = provider.authorize(&address);
    // The load balancer leads the same browser to the other gateway.
    let mut same = Visitor::new(&here.origin, there.https(), &there.certificate(), here.clock.clone());
    same.cookies = alice.cookies.clone();
    let response = same.get(&callback);
    assert_eq!((response.status.as_u16(), response.location()), (303, "/page"), "{}", response.text());
    alice.cookies = same.cookies.clone();
    assert!(!is_out(&mut alice) && !is_out(&mut same));
    let token = provider.logout_token(&json!({}));
    assert_eq!(send_logout(&here, &token).status, 200);
    assert!(is_out(&mut alice));
    until("the session has ended on the other gateway", || is_out(&mut same));
    assert_eq!(send_logout(&there, &token).status, 400, "a token that was used at the other gateway");
}

#[test]
fn signing_out_leads_to_the_sign_out_of_the_provider_if_that_is_configured() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider, "logout = true");
    let mut alice = Visitor::of(&gateway);
    assert_eq!(sign_in_through(&mut alice, &provider, "/").status, 303);
    let response = alice.sign_out();
    assert_eq!(response.status, 200, "{}", response.text());
    let address = response.header("refresh").strip_prefix("0;url=").expect("an address").to_owned();
    let query = address.strip_prefix(&format!("{}/end?", provider.issuer())).expect("the provider");
    let asked: std::collections::HashMap<_, _> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    assert_eq!(asked["client_id"], "portcullis");
    assert!(provider.secrets().contains(&asked["id_token_hint"]), "the ID token of this session");
    let back = format!("{}/.gateway/oidc/corp/signed-out", alice.origin());
    assert_eq!(asked["post_logout_redirect_uri"], back);
    assert!(is_out(&mut alice));
    let response = alice.get("/.gateway/oidc/corp/signed-out");
    assert_eq!((response.status.as_u16(), response.location()), (303, "/.gateway/login"));
    assert!(alice.get("/.gateway/login").text().contains("You have signed out."));
    // A local user stays here.
    gateway.add_user("bob", &[]);
    let mut bob = Visitor::of(&gateway);
    bob.sign_in("bob", &password("bob"));
    assert_eq!(bob.sign_out().location(), "/.gateway/login");
}

#[test]
fn no_code_token_or_secret_is_in_the_log_or_the_metrics() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider, "logout = true");
    let mut alice = Visitor::of(&gateway);
    assert_eq!(sign_in_through(&mut alice, &provider, "/").status, 303);
    assert_eq!(send_logout(&gateway, &provider.logout_token(&json!({}))).status, 200);
    for lie in
        [Lie::WrongNonce, Lie::AlgorithmNone, Lie::ClientRefused, Lie::UserinfoList, Lie::TokenServerError]
    {
        provider.lie(lie);
        assert_ne!(sign_in_through(&mut Visitor::of(&gateway), &provider, "/").status, 303);
    }
    provider.lie(None);
    let mut tampered = Visitor::of(&gateway);
    let address = start(&mut tampered, "/");
    let callback = format!("{}&code=twice", provider.authorize(&address));
    assert_eq!(tampered.get(&callback).status, 403);
    let metrics = gateway.metrics();
    let log = || gateway.log().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    // A worker hands its entries over a few times a second.
    until("the requests are in the log", || log().matches("/.gateway/oidc/corp/callback").count() > 6);
    let text = log();
    let secrets = provider.secrets();
    assert!(secrets.len() > 20);
    for secret in secrets.iter().map(String::as_str).chain([SECRET]) {
        for part in secret.split('.').filter(|part| part.len() > 12) {
            assert!(!text.contains(part) && !metrics.contains(part), "{secret} is in the log");
        }
    }
}

/// Starts to connect the provider to the account that is signed in.
fn begin_link(visitor: &mut Visitor) -> Response {
    let csrf = visitor.get("/.gateway/account").field("csrf");
    visitor.submit("/.gateway/oidc/corp/link", &[("csrf", &csrf)])
}

/// The address that a page goes on to by itself.
#[track_caller]
fn onward(response: &Response) -> String {
    assert_eq!(response.status, 200, "{}", response.text());
    response.header("refresh").strip_prefix("0;url=").expect("an address").to_owned()
}

#[test]
fn a_user_who_connects_a_provider_signs_in_through_it() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider, "");
    gateway.add_user("bob", &[]);
    let mut bob = Visitor::of(&gateway);
    bob.sign_in("bob", &password("bob"));
    // Another site has no csrf token, and is not told anything.
    let forged = bob.submit("/.gateway/oidc/corp/link", &[("csrf", "forged")]);
    assert_eq!((forged.status.as_u16(), forged.location()), (303, "/.gateway/account"));
    let address = onward(&begin_link(&mut bob));
    assert!(address.contains("prompt=select_account"), "{address}");
    let response = bob.get(&provider.authorize(&address));
    assert_eq!((response.status.as_u16(), response.location()), (303, "/.gateway/account"));
    assert!(bob.get("/.gateway/account").text().contains("The sign-in is connected."));
    let entry = last_audit(&gateway, "identity-linked");
    assert_eq!(
        (&entry["user"], &entry["backend"], &entry["reason"]),
        (&json!("bob"), &json!("corp"), &json!("ok"))
    );
    let mut elsewhere = Visitor::of(&gateway);
    assert_eq!(sign_in_through(&mut elsewhere, &provider, "/").status, 303);
    is_in_as(&mut elsewhere, "bob");

    // The provider's user belongs to bob now, and to nobody else.
    gateway.add_user("mallory", &[]);
    let mut mallory = Visitor::of(&gateway);
    mallory.sign_in("mallory", &password("mallory"));
    let address = onward(&begin_link(&mut mallory));
    let response = mallory.get(&provider.authorize(&address));
    assert_eq!(response.status, 403);
    assert!(response.text().contains("It belongs to another account."), "{}", response.text());
    assert_eq!(last_audit(&gateway, "identity-linked")["reason"], "taken");
}

#[test]
fn connecting_a_provider_needs_a_recent_proof_and_the_user_who_has_started_it() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider, "");
    for name in ["bob", "carol"] {
        gateway.add_user(name, &[]);
    }
    let mut bob = Visitor::of(&gateway);
    bob.sign_in("bob", &password("bob"));
    let address = onward(&begin_link(&mut bob));
    let callback = provider.authorize(&address);
    // Carol signs in, in the same browser, before it comes back.
    bob.sign_out();
    bob.sign_in("carol", &password("carol"));
    assert_eq!(bob.get(&callback).status, 403);
    assert_eq!(last_audit(&gateway, "sign-in-failed")["reason"], "link-of-another-user");
    // The session has ended.
    let address = onward(&begin_link(&mut bob));
    let callback = provider.authorize(&address);
    bob.sign_out();
    assert_eq!(bob.get(&callback).status, 303);
    assert!(is_out(&mut bob), "connecting signs nobody in");
    bob.sign_in("bob", &password("bob"));
    gateway.clock.advance(Duration::from_mins(11));
    let late = begin_link(&mut bob);
    assert_eq!(late.status, 303);
    assert!(late.location().starts_with("/.gateway/confirm"), "{}", late.location());
}

#[test]
fn a_user_without_a_password_confirms_by_a_new_sign_in_at_the_provider() {
    let provider = OidcProvider::start();
    let apps =
        format!("{APPS}[[app.rule]]\npath = \"/vault/**\"\nallow = \"authenticated\"\nmax_age = \"10m\"\n");
    let gateway = TestGateway::start_with(&sections(&provider, ""), &apps);
    provider.use_clock(&gateway.clock);
    let mut alice = Visitor::of(&gateway);
    assert_eq!(sign_in_through(&mut alice, &provider, "/").status, 303);
    assert_eq!(alice.get("/vault/").status, 200, "a sign-in is a proof");
    // A sign-in at the provider that is older is an older proof.
    let mut early = Visitor::of(&gateway);
    let address = start(&mut early, "/");
    let before = gateway.clock.now().as_millis() / 1000 - 660;
    let callback = provider.authorize_as(&address, &json!({ "auth_time": before }));
    assert_eq!(early.get(&callback).status, 303);
    is_in_as(&mut early, "alice");
    assert!(early.get("/vault/").location().starts_with("/.gateway/confirm"));
    let ask = |alice: &mut Visitor| {
        gateway.clock.advance(Duration::from_mins(11));
        let page = alice.get("/vault/");
        assert!(page.location().starts_with("/.gateway/confirm"), "{}", page.location());
        let page = alice.get(page.location()).text();
        assert!(page.contains("Confirm with corp") && !page.contains("id=\"password\""), "{page}");
        let address =
            alice.get("/.gateway/oidc/corp/start?for=confirm&next=%2Fvault%2F").location().to_owned();
        assert!(address.contains("prompt=login") && address.contains("max_age=0"), "{address}");
        address
    };
    let now = || gateway.clock.now().as_millis() / 1000;

    // The provider did not ask again, whatever it was asked for.
    for auth_time in [json!(now() - 600), json!(null)] {
        let address = ask(&mut alice);
        let callback = provider.authorize_as(&address, &json!({ "auth_time": auth_time }));
        assert_eq!(alice.get(&callback).status, 403);
        assert_eq!(last_audit(&gateway, "sign-in-failed")["reason"], "token-auth-time");
        assert_eq!(alice.get("/vault/").status, 303);
    }
    // Another user of the provider.
    let address = ask(&mut alice);
    let other = provider.authorize_as(&address, &json!({"sub": "2", "preferred_username": "mallory"}));
    assert_eq!(alice.get(&other).status, 403);
    assert_eq!(last_audit(&gateway, "sign-in-failed")["reason"], "confirmed-by-another-user");
    assert_eq!(alice.get("/vault/").status, 303);
    // Alice, now.
    let address = ask(&mut alice);
    let before = alice.cookies["__Host-Http-portcullis"].clone();
    let response = alice.get(&provider.authorize(&address));
    assert_eq!((response.status.as_u16(), response.location()), (303, "/vault/"), "{}", response.text());
    assert_ne!(alice.cookies["__Host-Http-portcullis"], before, "the token is new");
    assert_eq!(alice.get("/vault/").status, 200);
    assert_eq!(last_audit(&gateway, "confirm")["backend"], "corp");
}

#[test]
fn a_session_of_a_provider_ends_at_its_own_limit() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider, "max_session = \"30m\"");
    gateway.add_user("bob", &[]);
    let (mut alice, mut bob) = (Visitor::of(&gateway), Visitor::of(&gateway));
    assert_eq!(sign_in_through(&mut alice, &provider, "/").status, 303);
    bob.sign_in("bob", &password("bob"));
    gateway.clock.advance(Duration::from_mins(29));
    assert!(!is_out(&mut alice) && !is_out(&mut bob));
    gateway.clock.advance(Duration::from_mins(1));
    assert!(is_out(&mut alice) && !is_out(&mut bob));
}

#[test]
fn no_code_token_or_secret_is_in_any_message_of_the_process() {
    let provider = OidcProvider::start();
    let workplace = Workplace::new(&sections(&provider, "logout = true"), APPS);
    let mut command = workplace.command(&[]);
    command.env("PORTCULLIS_LOG", "trace");
    let process = workplace.start_command(command);
    let mut alice = process.visitor();
    for lie in [
        None,
        Some(Lie::WrongNonce),
        Some(Lie::ClientRefused),
        Some(Lie::TokenServerError),
        Some(Lie::UserinfoList),
    ] {
        provider.lie(lie);
        alice.cookies.clear();
        let address = start(&mut alice, "/");
        let response = alice.get(&provider.authorize(&address));
        assert_eq!(response.status == 303, lie.is_none(), "{lie:?}: {}", response.text());
    }
    provider.lie(None);
    alice.submit_with(
        "/.gateway/oidc/corp/logout",
        &[("logout_token", &provider.logout_token(&json!({})))],
        &[],
    );
    let (_, out, err) = process.stop();
    assert!(err.contains("token endpoint refused the code") && out.contains("provider-logout"), "{err}");
    let mut secrets = provider.secrets();
    secrets.push(SECRET.to_owned());
    secrets.extend(alice.cookies.into_values());
    for secret in &secrets {
        for part in secret.split('.').filter(|part| part.len() > 12) {
            assert!(!out.contains(part) && !err.contains(part), "{secret} is in the log");
        }
    }
}

#[test]
fn the_command_backend_test_says_what_is_wrong_with_a_provider() {
    let provider = OidcProvider::start();
    let workplace = Workplace::new(&sections(&provider, "groups = { \"Wiki Editors\" = \"staff\" }"), APPS);
    let test = ["backend", "test", "corp"];
    let shown = workplace.run_well(&test, "");
    for told in [
        &format!("{}/auth", provider.issuer()),
        "1 keys; usable for ES256",
        "https://HOST/.gateway/oidc/corp/callback",
        "group Wiki Editors is staff here",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    for (lie, told) in [
        (Lie::MetadataWithSlash, "write `issuer` exactly like that"),
        (Lie::MetadataPage, "the response is no JSON object"),
        (Lie::MetadataRedirect, "it redirects to another address"),
        (Lie::MetadataWithoutKeys, "the document's `jwks_uri` can't be used"),
        (Lie::KeysOfHmac, "HS256 is refused"),
        (Lie::KeysHuge, "larger than 256 KiB"),
        (Lie::Down, "whether the provider runs"),
    ] {
        provider.lie(lie);
        let output = workplace.run(&test, "");
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!output.status.success() && shown.contains(told), "{lie:?}: {shown}");
        assert!(!shown.contains(SECRET), "{shown}");
    }
}
