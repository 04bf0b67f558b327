//! The pages with a ceremony, those without, and the passkeys that a page tells the browser of.

use http::Method;

use super::super::support::*;
use super::person::*;
use crate::{
    auth::webauthn::samples::{UP, UV, base64url},
    pages::paths,
    portal::PasskeySettings,
};

#[tokio::test]
async fn without_passkeys_no_page_speaks_of_them() {
    let mut fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    assert_eq!(browser.get(&fixture, page(paths::ADD_PASSKEY)).await.status, 404);
    let mut visitor = Browser::default();
    let login = visitor.get(&fixture, "login").await;
    assert!(!login.has_ceremony() && !login.text.contains("<script"));
    let csrf = login.hidden("csrf");
    let sent = visitor.post(&fixture, page(paths::PASSKEY_SIGN_IN), &[("csrf", &csrf)]).await;
    assert_eq!(sent.status, 404);

    // For the second factor alone.
    let settings = self::fixture().settings.accounts.passkeys;
    fixture.settings.accounts.passkeys =
        settings.map(|passkeys| PasskeySettings { first_factor: false, ..passkeys });
    let login = visitor.get(&fixture, "login").await;
    assert!(!login.has_ceremony() && !login.text.contains("<script"));
    let sent = visitor.post(&fixture, page(paths::PASSKEY_SIGN_IN), &[("csrf", &csrf)]).await;
    assert_eq!(sent.status, 404);
    assert_eq!(
        browser.get(&fixture, page(paths::ADD_PASSKEY)).await.options()["authenticatorSelection"]["userVerification"],
        "preferred"
    );
}

#[tokio::test]
async fn one_script_runs_on_pages_with_a_ceremony_and_none_on_others() {
    let fixture = fixture();
    let mut browser = Browser::signed_in(&fixture).await;
    let policy = |reply: &Reply| reply.header("content-security-policy").to_owned();
    let plain = policy(&Browser::default().get(&fixture, "nothing").await);
    assert!(!plain.contains("script-src") && plain.starts_with("default-src 'none'"));
    for target in ["account", "account/password", "confirm", "logout"] {
        let reply = browser.get(&fixture, target).await;
        assert_eq!((reply.status, policy(&reply)), (200, plain.clone()), "{target}");
        assert!(!reply.text.contains("<script"), "{target}");
    }
    for (browser, target) in [(&mut Browser::default(), "login"), (&mut browser, page(paths::ADD_PASSKEY))] {
        let reply = browser.get(&fixture, target).await;
        let (_, rest) = reply.text.split_once("<script src=\"").expect("a script");
        let script = rest.split('"').next().unwrap();
        assert_eq!(policy(&reply), format!("{plain}; script-src https://{HOST}{script}"), "{target}");
        let file = fixture.settings.pages.file_at(&Method::GET, script).expect("the script");
        assert_eq!(file.headers()["content-type"], "text/javascript; charset=utf-8");
        assert_eq!(reply.text.matches("<script").count(), 1);
    }
}

#[tokio::test]
async fn pages_of_somebody_with_passkeys_tell_the_browser_which_are_left() {
    let fixture = fixture();
    let mut person = Person::signed_in(&fixture).await;
    let told = |reply: &Reply| reply.data("passkeys-accepted");
    for target in ["account", page(paths::FACTORS), page(paths::PROFILE), "confirm"] {
        let reply = person.browser.get(&fixture, target).await;
        assert!(told(&reply).is_none() && !reply.text.contains("<script"), "{target}, without a passkey");
    }
    let added = person.enrol(&fixture, UP | UV).await;
    let expected = serde_json::json!({
        "rpId": HOST, "userId": person.handle, "allAcceptedCredentialIds": [base64url(b"ada's laptop")],
        "name": "ada", "displayName": "Ada <b>Lovelace</b>",
    });
    assert_eq!(told(&added), Some(expected.clone()));
    person.browser = Browser::default();
    assert_eq!(person.sign_in(&fixture, |_| ()).await.location(), "/wiki");
    let policy = |reply: &Reply| reply.header("content-security-policy").to_owned();
    for target in [
        "account",
        page(paths::FACTORS),
        page(paths::PROFILE),
        "confirm?need=passkey",
        page(paths::ADD_PASSKEY),
    ] {
        let reply = person.browser.get(&fixture, target).await;
        assert_eq!(told(&reply), Some(expected.clone()), "{target}");
        assert_eq!(reply.text.matches("<script").count(), 1, "{target}");
        assert!(policy(&reply).contains("script-src https://"), "{target}");
    }
    assert!(told(&person.browser.get(&fixture, "whoami").await).is_none());

    // A changed name.
    let csrf = person.browser.csrf(&fixture, page(paths::PROFILE)).await;
    let fields = [("csrf", csrf.as_str()), ("full_name", "Ada King")];
    assert_eq!(person.browser.post(&fixture, page(paths::PROFILE), &fields).await.status, 303);
    let reply = person.browser.get(&fixture, page(paths::PROFILE)).await;
    assert_eq!(told(&reply).unwrap()["displayName"], "Ada King");

    // The last one is removed: the page that says so tells the browser as well, once.
    assert_eq!(remove_first(&fixture, &mut person.browser).await.location(), paths::FACTORS);
    let reply = person.browser.get(&fixture, page(paths::FACTORS)).await;
    assert_eq!(told(&reply).unwrap()["allAcceptedCredentialIds"], serde_json::json!([]));
    let reply = person.browser.get(&fixture, page(paths::FACTORS)).await;
    assert!(told(&reply).is_none() && !reply.text.contains("<script"));
}
