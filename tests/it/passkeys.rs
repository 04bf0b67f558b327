//! Passkeys: the verifier against an independent one, and ceremonies through the front door.

mod oracle;

use http::StatusCode;

use crate::support::in_process::InProcess;

const SECTIONS: &str =
    "[accounts.passkeys]\nrp_id = \"example.com\"\nrelated_hosts = [\"shop.example.org\"]\n";
const APPS: &str = r#"
[[app]]
name = "site"
host = "example.com"
upstream = "builtin:whoami"
[[app.rule]]
path = "/.well-known/**"
allow = "anyone"
[[app]]
name = "wiki"
host = "wiki.example.com"
upstream = "builtin:whoami"
[[app.rule]]
path = "/.well-known/**"
allow = "anyone"
[[app]]
name = "shop"
host = "shop.example.org"
upstream = "builtin:whoami"
[[app.rule]]
path = "/.well-known/**"
allow = "anyone"
"#;

#[test]
fn related_origins_are_listed_at_the_host_of_the_relying_party_alone() {
    let mut gateway = InProcess::start_with(SECTIONS, APPS);
    let mut get = |host: &str, path: &str| {
        let response = gateway.get(path, &[("host", host)]);
        (response.status, response.body)
    };
    let (status, text) = get("example.com", "/.well-known/webauthn");
    assert_eq!(status, StatusCode::OK, "{text}");
    let listed: serde_json::Value = serde_json::from_str(&text).unwrap();
    let origins: Vec<&str> =
        listed["origins"].as_array().unwrap().iter().filter_map(|origin| origin.as_str()).collect();
    assert!(matches!(origins[..], [origin] if origin.starts_with("https://shop.example.org")), "{text}");
    let (_, text) = get("example.com", "/.well-known/passkey-endpoints");
    let endpoints: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(endpoints["enroll"].as_str().unwrap().ends_with("/.gateway/account/factors/passkey"), "{text}");
    // Elsewhere the addresses are the application's.
    for host in ["wiki.example.com", "shop.example.org"] {
        for path in ["/.well-known/webauthn", "/.well-known/passkey-endpoints"] {
            let (_, text) = get(host, path);
            assert!(!text.contains("origins") && !text.contains("enroll"), "{host}{path}: {text}");
        }
    }
}
