//! The sign-out page.

use http::{Method, StatusCode, header::SET_COOKIE};

use super::support::{Browser, Fixture, NAVIGATION, QUICK, RIGHT, SESSION_COOKIE, encode, name};
use crate::{
    session::{ScriptedStore, Trust},
    users::{NewUser, Password, Passwords},
};

#[tokio::test]
async fn signing_out_takes_a_form_of_ours_and_ends_the_session_at_once() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    let thief = browser.clone();
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(browser.send(&fixture, method, "logout", NAVIGATION, "").await.status, 200);
    }
    let csrf = browser.csrf(&fixture, "logout").await;
    let foreign = Browser::default().csrf(&fixture, "login").await;
    for (csrf, extra) in [
        ("", NAVIGATION),
        (foreign.as_str(), NAVIGATION),
        (csrf.as_str(), &[("sec-fetch-site", "cross-site")][..]),
        (csrf.as_str(), &[("origin", "null")][..]),
    ] {
        let reply = browser.send(&fixture, Method::POST, "logout", extra, &encode(&[("csrf", csrf)])).await;
        assert_eq!(reply.status, 403);
    }
    assert!(browser.is_signed_in(&fixture).await);

    let reply = browser.post(&fixture, "logout", &[("csrf", &csrf)]).await;
    assert_eq!(reply.location(), "/.gateway/login");
    assert_eq!(reply.header("clear-site-data"), "\"cache\"");
    assert!(browser.session().is_none());
    assert!(!thief.clone().is_signed_in(&fixture).await, "the token is worth nothing any more");
    assert_eq!(fixture.audited(), ["sign-in/ok/ada", "sign-out/ok/ada"]);

    // The message is shown once; a HEAD in between does not use it up.
    browser.send(&fixture, Method::HEAD, "login", NAVIGATION, "").await;
    assert!(browser.get(&fixture, "login").await.text.contains("You have signed out."));
    assert!(!browser.get(&fixture, "login").await.text.contains("You have signed out."));
}

#[tokio::test]
async fn signing_out_without_a_session_is_no_error_and_clears_no_cookie_that_was_not_sent() {
    let fixture = Fixture::new();
    for method in [Method::GET, Method::POST] {
        let reply = Browser::default().send(&fixture, method.clone(), "logout", NAVIGATION, "").await;
        assert_eq!(reply.location(), "/.gateway/login");
        assert!(!reply.headers.contains_key(SET_COOKIE), "a form on another site would sign people out");
        let mut stale = Browser::default();
        stale.cookies.insert(SESSION_COOKIE.into(), "stale".into());
        assert_eq!(
            stale.send(&fixture, method, "logout", NAVIGATION, "").await.location(),
            "/.gateway/login"
        );
        assert!(stale.session().is_none());
    }
}

#[tokio::test]
async fn a_sign_out_that_the_store_did_not_take_is_not_acknowledged() {
    let refusing = ScriptedStore { refuses_removals: true, ..ScriptedStore::new(Trust::Notified) };
    let fixture = Fixture::with(Box::new(refusing), QUICK, |store| {
        let hash = Passwords::hash_now(QUICK, &Password::new(RIGHT.into()));
        store.add(NewUser { password: Some(hash), ..NewUser::named(name("ada")) }).unwrap();
    });
    let mut browser = Browser::signed_in(&fixture).await;
    let csrf = browser.csrf(&fixture, "logout").await;
    let reply = browser.post(&fixture, "logout", &[("csrf", &csrf)]).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(browser.session().is_some(), "the browser keeps the cookie, so that it can try again");
    for end in ["others", "everywhere"] {
        let reply = browser.post(&fixture, "account/sessions", &[("csrf", &csrf), ("end", end)]).await;
        assert_eq!((reply.status, browser.session().is_some()), (503, true), "{end}");
    }
    assert!(!reply.text.contains("secrets.example"));
    assert_eq!(fixture.audited(), ["sign-in/ok/ada"]);
}
