//! Access tokens of a provider by `Authorization: Bearer`, checked offline with its keys.

use portcullis::{
    identity::{BackendName, IdentityPair, UserName},
    users::NewUser,
};
use serde_json::json;

use crate::support::{client::RawClient, gateway::TestGateway, oidc_provider::OidcProvider, process::until};

const APPS: &str = "[[app]]\nupstream = \"builtin:whoami\"\nprograms = { bearer = true }\n";
const AUDIENCE: &str = "audience = \"https://api.example.com\"\n";

/// A gateway with the machine `backup`, whose id at the provider is `machine`.
fn gateway(provider: &OidcProvider) -> TestGateway {
    let sections = format!("[[backend]]\ntype = \"local\"\n{}", provider.section("corp", AUDIENCE));
    let gateway = TestGateway::start_with(&sections, APPS);
    provider.use_clock(&gateway.clock);
    let mut users = gateway.users();
    let name = UserName::parse("backup").unwrap();
    users.add(NewUser { machine: true, ..NewUser::named(name.clone()) }).unwrap();
    let pair = IdentityPair {
        backend: BackendName::parse("corp").unwrap(),
        authority: provider.issuer().into(),
        subject: "machine".into(),
    };
    users.link_pair(&name, &pair).unwrap();
    gateway
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
fn a_new_key_of_the_provider_is_found_without_a_request_waiting_for_it() {
    let provider = OidcProvider::start();
    let gateway = gateway(&provider);
    let first = provider.access_token(&json!({}));
    until("the keys are known", || get(&gateway, &first).0 == 200);
    provider.rotate_keys("second");
    let second = provider.access_token(&json!({}));
    assert_eq!(get(&gateway, &second).0, 401, "nobody knows the key yet");
    // An unknown key is asked for once a minute at most.
    gateway.clock.advance(std::time::Duration::from_mins(2));
    let second = provider.access_token(&json!({}));
    until("the new key is known", || get(&gateway, &second).0 == 200);
}
