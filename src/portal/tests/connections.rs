//! Connected sign-ins on the account page.

use std::{collections::BTreeMap, time::Duration};

use super::support::{Browser, Fixture, RIGHT, name};
use crate::{
    identity::{BackendName, GroupName, IdentityPair},
    users::SourceProfile,
};

/// Links the user `1` of the provider `idp` to ada.
async fn link(fixture: &Fixture) -> IdentityPair {
    let pair = IdentityPair {
        backend: BackendName::parse("idp").unwrap(),
        authority: "https://idp.example.com".into(),
        subject: "1".into(),
    };
    let profile = SourceProfile {
        pair: pair.clone(),
        name: name("ada.from.idp"),
        email: None,
        full_name: String::new(),
        groups: vec![GroupName::parse("ops").unwrap()],
        attributes: BTreeMap::new(),
    };
    let ada = fixture.directory.account_by_name(&name("ada")).await.unwrap().unwrap();
    fixture.directory.link(ada.user.id, ada.credential, profile).await.unwrap();
    pair
}

async fn is_linked(fixture: &Fixture, pair: &IdentityPair) -> bool {
    fixture.directory.account_of(pair).await.unwrap().is_some()
}

async fn disconnect(browser: &mut Browser, fixture: &Fixture, key: &str) -> super::support::Reply {
    let csrf = browser.csrf(fixture, "account").await;
    browser.post(fixture, "account/connections", &[("csrf", &csrf), ("disconnect", key)]).await
}

#[tokio::test]
async fn the_account_page_lists_connected_sign_ins() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    assert!(!browser.get(&fixture, "account").await.text.contains("Connected sign-ins"));
    link(&fixture).await;
    let page = browser.get(&fixture, "account").await.text;
    for part in
        ["Connected sign-ins", "<strong id=\"connected-1\">idp</strong>", "ada.from.idp", "value=\"idp 1\""]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(page.contains("<li>ops</li>"), "the backend's groups count");
}

#[tokio::test]
async fn disconnecting_signs_the_user_out_everywhere_else() {
    let fixture = Fixture::new();
    let (mut here, mut elsewhere) = (Browser::signed_in(&fixture).await, Browser::signed_in(&fixture).await);
    let pair = link(&fixture).await;
    let before = here.session().cloned();
    let reply = disconnect(&mut here, &fixture, "idp 1").await;
    assert_eq!(reply.location(), "/.gateway/account");
    assert_ne!(here.session().cloned(), before);
    assert!(!is_linked(&fixture, &pair).await);
    assert!(here.is_signed_in(&fixture).await && !elsewhere.is_signed_in(&fixture).await);
    let page = here.get(&fixture, "account").await.text;
    assert!(page.contains("The sign-in is disconnected.") && !page.contains("<li>ops</li>"), "{page}");
    let last = fixture.audit().pop().unwrap();
    for (field, value) in
        [("event", "identity-unlinked"), ("reason", "ok"), ("backend", "idp"), ("subject", "1")]
    {
        assert_eq!(last[field], value, "{last}");
    }
}

#[tokio::test]
async fn a_sign_in_of_long_ago_disconnects_nothing_until_it_is_confirmed() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    let pair = link(&fixture).await;
    fixture.clock.advance(Duration::from_secs(601));
    let to = disconnect(&mut browser, &fixture, "idp 1").await;
    assert_eq!(to.location(), "/.gateway/confirm?next=/.gateway/account");
    assert!(is_linked(&fixture, &pair).await);

    let csrf = browser.csrf(&fixture, "confirm?next=/.gateway/account").await;
    let fields = [("csrf", csrf.as_str()), ("next", "/.gateway/account"), ("password", RIGHT)];
    assert_eq!(browser.post(&fixture, "confirm", &fields).await.location(), "/.gateway/account");
    disconnect(&mut browser, &fixture, "idp 1").await;
    assert!(!is_linked(&fixture, &pair).await);
}

#[tokio::test]
async fn a_forged_form_and_a_key_of_nobody_disconnect_nothing() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    let pair = link(&fixture).await;
    let forged = [("csrf", "forged"), ("disconnect", "idp 1")];
    assert_eq!(browser.post(&fixture, "account/connections", &forged).await.status, 403);
    assert_eq!(disconnect(&mut browser, &fixture, "idp 2").await.location(), "/.gateway/account");
    assert!(is_linked(&fixture, &pair).await);
    let mut stranger = Browser::default();
    let reply = stranger.post(&fixture, "account/connections", &forged).await;
    assert!(reply.location().starts_with("/.gateway/login"));
}

#[tokio::test]
async fn the_last_way_in_stays() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    let pair = link(&fixture).await;
    // As if ada had never had a password: her account was made by the provider.
    let users = rusqlite::Connection::open(fixture.temp.path().join("users.db")).unwrap();
    users.execute("UPDATE user SET password = NULL WHERE name = 'ada'", []).unwrap();
    let csrf = browser.csrf(&fixture, "account").await;
    let fields = [("csrf", csrf.as_str()), ("disconnect", "idp 1")];
    let reply = browser.post(&fixture, "account/connections", &fields).await;
    assert_eq!(reply.status, 422);
    assert!(reply.text.contains("You could not sign in any more without this one."), "{}", reply.text);
    assert!(is_linked(&fixture, &pair).await && browser.is_signed_in(&fixture).await);
}
