//! `whoami`.

use super::support::{Browser, Fixture};

#[tokio::test]
async fn whoami_says_who_is_signed_in() {
    let fixture = Fixture::new();
    let mut browser = Browser::default();
    let reply = browser.get(&fixture, "whoami").await;
    assert_eq!((reply.status, reply.text.as_str()), (200, "{\"authenticated\":false}"));
    let mut browser = Browser::signed_in(&fixture).await;
    let reply = browser.get(&fixture, "whoami").await;
    assert_eq!(
        (reply.header("content-type"), reply.header("cache-control")),
        ("application/json", "no-store")
    );
    let json: serde_json::Value = serde_json::from_str(&reply.text).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "authenticated": true,
            "user": "ada",
            "full_name": "Ada <b>Lovelace</b>",
            "email": "ada@example.com",
            "groups": ["staff"],
            "permissions": ["reports.view", "wiki.edit"],
            "superuser": false,
            "session": { "signed_in": "2026-10-06T08:00:00.000Z", "expires": "2026-10-06T20:00:00.000Z" },
        })
    );
}
