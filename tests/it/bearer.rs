//! Access tokens of a provider by `Authorization: Bearer`, checked offline with its keys.

use std::time::Duration;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use portcullis::{
    identity::{BackendName, IdentityPair, UserName},
    users::NewUser,
};
use serde_json::json;

use crate::support::{
    client::RawClient,
    gateway::{TestGateway, password},
    oidc_provider::OidcProvider,
    process::until,
};

const APPS: &str = "[[app]]\nupstream = \"builtin:whoami\"\nprograms = { bearer = true }\n";
const AUDIENCE: &str = "audience = \"https://api.example.com\"\n";

/// A gateway with the machine `backup`, whose id at the provider is `machine`.
fn gateway(provider: &OidcProvider) -> TestGateway {
    let gateway = TestGateway::start_with(&sections(provider, AUDIENCE), APPS);
    provider.use_clock(&gateway.clock);
    add(&gateway, provider, NewUser { machine: true, ..named("backup") }, "machine");
    gateway
}

fn named(name: &str) -> NewUser {
    NewUser::named(UserName::parse(name).unwrap())
}

/// Adds a user whom the provider knows by this id.
fn add(gateway: &TestGateway, provider: &OidcProvider, new: NewUser, subject: &str) {
    let (mut users, name) = (gateway.users(), new.name.clone());
    users.add(new).unwrap();
    let pair = IdentityPair {
        backend: BackendName::parse("corp").unwrap(),
        authority: provider.issuer().into(),
        subject: subject.into(),
    };
    users.link_pair(&name, &pair).unwrap();
}

fn sections(provider: &OidcProvider, more: &str) -> String {
    format!("[[backend]]\ntype = \"local\"\n{}", provider.section("corp", more))
}

fn get(gateway: &TestGateway, token: &str) -> (u16, String) {
    let mut client = RawClient::connect(gateway);
    let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
    client.send(request.as_bytes());
    let response = client.response();
    (response.status, response.text().to_owned())
}

#[test]
fn an_access_token_of_a_provider_acts_for_the_account_of_its_identity() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider);
    let token = provider.access_token(&json!({}));
    // The keys are fetched by a thread of their own, and no request waits for them.
    until("the keys are known", || get(&gateway, &token).0 != 503);
    let (status, body) = get(&gateway, &token);
    assert_eq!(status, 200, "{body}");
    assert!(body.to_lowercase().contains("remote-user: backup"), "{body}");
    assert!(!body.contains(&token) && !body.to_lowercase().contains("authorization:"), "{body}");
    for wrong in [
        json!({"sub": "somebody"}),
        json!({"aud": "portcullis"}),
        json!({"aud": null}),
        json!({"iss": "https://evil.example"}),
        json!({"exp": 1}),
        json!({"nonce": "x"}),
    ] {
        assert_eq!(get(&gateway, &provider.access_token(&wrong)).0, 401, "{wrong}");
    }
    assert_eq!(get(&gateway, "no.token.at-all").0, 401);

    let mut users = gateway.users();
    users.set_active(&UserName::parse("backup").unwrap(), false).unwrap();
    until("the disabled machine is refused", || get(&gateway, &token).0 == 401);
}

#[test]
fn the_access_token_of_a_person_has_the_claims_that_a_sign_in_needs() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider);
    add(&gateway, &provider, named("carol"), "carol");
    let allow = format!("{AUDIENCE}allow = {{ claim = {{ department = \"it\" }} }}\n");
    gateway.reload(&sections(&provider, &allow), APPS);
    let token = |claims: serde_json::Value| provider.access_token(&claims);
    let right = token(json!({"sub": "carol", "department": "it"}));
    until("the keys are known", || get(&gateway, &right).0 == 200);
    assert_eq!(get(&gateway, &token(json!({"sub": "carol"}))).0, 401);
    assert_eq!(get(&gateway, &token(json!({"sub": "carol", "department": "hr"}))).0, 401);
    assert_eq!(get(&gateway, &token(json!({}))).0, 200, "an operator has linked the machine");
}

#[test]
fn a_provider_whose_access_tokens_are_no_longer_taken_lets_no_remembered_one_in() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider);
    let token = provider.access_token(&json!({}));
    until("the keys are known", || get(&gateway, &token).0 == 200);
    let other = provider.section("other", AUDIENCE).replace(provider.issuer(), "http://127.0.0.1:9");
    gateway.reload(&format!("{}{other}", sections(&provider, "")), APPS);
    // It is checked again, and the keys of the other provider are not known.
    assert_eq!(get(&gateway, &token).0, 503);
    gateway.reload(&sections(&provider, AUDIENCE), APPS);
    until("the provider is taken again", || get(&gateway, &token).0 == 200);
}

#[test]
fn a_new_key_of_the_provider_is_found_without_a_request_waiting_for_it() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider);
    let first = provider.access_token(&json!({}));
    until("the keys are known", || get(&gateway, &first).0 == 200);
    provider.rotate_keys("second");
    let second = provider.access_token(&json!({}));
    assert_eq!(get(&gateway, &second).0, 401, "nobody knows the key yet");
    // An unknown key is asked for once a minute at most.
    gateway.clock.advance(Duration::from_mins(2));
    let second = provider.access_token(&json!({}));
    until("the new key is known", || get(&gateway, &second).0 == 200);
}

/// The token is remembered, and the provider's settings are new.
#[test]
fn a_token_for_another_audience_is_refused_from_the_reload_on() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider);
    let token = provider.access_token(&json!({}));
    until("the keys are known", || get(&gateway, &token).0 == 200);
    let other = provider.section("corp", "audience = \"https://other.example.com\"\n");
    gateway.reload(&format!("[[backend]]\ntype = \"local\"\n{other}"), APPS);
    assert_ne!(get(&gateway, &token).0, 200);
    let other = provider.access_token(&json!({"aud": "https://other.example.com"}));
    until("the new audience is taken", || get(&gateway, &other).0 == 200);
    assert_eq!(get(&gateway, &token).0, 401);
}

#[test]
fn a_remembered_password_opens_nothing_once_no_backend_checks_passwords_here() {
    let provider = OidcProvider::start();
    let apps = "[[app]]\nupstream = \"builtin:whoami\"\nprograms = { basic = true }\n";
    let sections = |local: &str| format!("{local}{}", provider.section("corp", ""));
    let gateway = TestGateway::start_with(&sections("[[backend]]\ntype = \"local\"\n"), apps);
    gateway.add_user("alice", &[]);
    let value = BASE64.encode(format!("alice:{}", password("alice")).as_bytes());
    let status =
        || RawClient::connect(&gateway).get("/", &format!("Authorization: Basic {value}\r\n")).status;
    assert_eq!(status(), 200);
    gateway.reload(&sections(""), apps);
    assert_eq!(status(), 401);
}

/// A gateway that believes in forwarded addresses, with a budget of five wrong tokens for each, and two machines.
fn throttled_gateway(provider: &OidcProvider) -> TestGateway {
    let sections = format!("{}[throttle]\nper_address = 5\n", sections(provider, AUDIENCE));
    let gateway = TestGateway::start_trusting(&["127.0.0.1"], &format!("{sections}{APPS}"));
    provider.use_clock(&gateway.clock);
    for (name, subject) in [("backup", "machine"), ("builder", "other machine")] {
        add(&gateway, provider, NewUser { machine: true, ..named(name) }, subject);
    }
    let token = provider.access_token(&json!({}));
    until("the keys are known", || get_from(&gateway, "192.0.2.9", &token) == 200);
    gateway
}

/// The status of a request from an address.
fn get_from(gateway: &TestGateway, from: &str, token: &str) -> u16 {
    let fields = format!("X-Forwarded-For: {from}\r\nAuthorization: Bearer {token}\r\n");
    RawClient::connect(gateway).get("/", &fields).status
}

const MALLORY: &str = "192.0.2.66";

#[test]
fn wrong_signatures_of_access_tokens_are_throttled_by_their_address() {
    let provider = OidcProvider::start();
    let gateway = throttled_gateway(&provider);
    for _ in 0..5 {
        assert_eq!(get_from(&gateway, MALLORY, &provider.forged_access_token(&json!({}))), 401);
    }
    for subject in ["machine", "other machine", "nobody"] {
        let forged = provider.forged_access_token(&json!({"sub": subject}));
        assert_eq!(get_from(&gateway, MALLORY, &forged), 429, "{subject}");
    }
    let log = gateway.log();
    let audited = |event: &str, reason: &str| {
        log.iter().filter(|entry| entry["event"] == event && entry["reason"] == reason).count()
    };
    assert_eq!(audited("sign-in-failed", "token-signature"), 5, "{log:?}");
    assert_eq!(audited("sign-in-failed", "throttled"), 3, "{log:?}");
    assert_eq!(audited("blocked", "address"), 1, "{log:?}");

    // Others need not wait, and she need not after a minute.
    let right = provider.access_token(&json!({"sub": "other machine"}));
    assert_eq!(get_from(&gateway, MALLORY, &right), 429, "no signature is checked");
    assert_eq!(get_from(&gateway, "192.0.2.1", &right), 200);
    gateway.clock.advance(Duration::from_mins(1));
    assert_eq!(get_from(&gateway, MALLORY, &provider.access_token(&json!({}))), 200);
}

/// A machine whose token has expired, or that was set up with another audience, sends it all day long.
#[test]
fn an_access_token_whose_claims_are_wrong_costs_no_signature_and_no_budget() {
    let provider = OidcProvider::start();
    let gateway = throttled_gateway(&provider);
    for wrong in [
        json!({"exp": 1}),
        json!({"aud": "another"}),
        json!({"iss": "https://evil.example"}),
        json!({"nonce": "x"}),
        json!({"sub": ""}),
        json!({"cnf": {"x5t#S256": "bound to a certificate that is not shown"}}),
        json!({"cnf": {"x5t#S256": BASE64URL_NOPAD.encode(&[7; 32])}}),
    ] {
        for _ in 0..3 {
            assert_eq!(get_from(&gateway, MALLORY, &provider.forged_access_token(&wrong)), 401, "{wrong}");
            assert_eq!(get_from(&gateway, MALLORY, "no.token.at-all"), 401);
        }
    }
    provider.rotate_keys("second");
    for _ in 0..6 {
        assert_eq!(
            get_from(&gateway, MALLORY, &provider.forged_access_token(&json!({}))),
            401,
            "no such key"
        );
    }
    assert!(!gateway.log().iter().any(|entry| entry["reason"] == "token-signature"));
    gateway.clock.advance(Duration::from_mins(2));
    let right = provider.access_token(&json!({}));
    until("the new key is known", || get_from(&gateway, MALLORY, &right) == 200);
}

#[test]
fn forged_access_tokens_stop_no_machine_that_was_there_before() {
    let provider = OidcProvider::start();
    let gateway = throttled_gateway(&provider);
    let shared = "192.0.2.7";
    let token = provider.access_token(&json!({}));
    assert_eq!(get_from(&gateway, shared, &token), 200);
    for _ in 0..5 {
        let forged = provider.forged_access_token(&json!({"sub": "somebody"}));
        assert_eq!(get_from(&gateway, shared, &forged), 401);
    }
    let stranger = provider.access_token(&json!({"sub": "other machine"}));
    assert_eq!(get_from(&gateway, shared, &stranger), 429);
    // A token is looked at again after a minute, and the next one is another text.
    gateway.clock.advance(Duration::from_secs(30));
    let next = provider.access_token(&json!({}));
    assert_eq!((get_from(&gateway, shared, &token), get_from(&gateway, shared, &next)), (200, 200));

    // Mallory knows what the machine is called.
    for _ in 0..20 {
        let forged = provider.forged_access_token(&json!({}));
        assert_eq!(get_from(&gateway, shared, &forged), 401);
    }
    let next = provider.access_token(&json!({"jti": "after the forged ones"}));
    assert_eq!(get_from(&gateway, shared, &next), 200);
    gateway.clock.advance(Duration::from_secs(50));
    assert_eq!(get_from(&gateway, shared, &token), 200, "it was right a while ago, and is checked again");
}
