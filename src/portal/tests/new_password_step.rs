//! A password that has to be changed: the sign-in asks for another one, and is no session before.

use super::{
    second_step::{PENDING_COOKIE, code, enrol},
    support::{Browser, Fixture, NEW, RIGHT, Reply, name},
};
use crate::{
    clock::Clock,
    users::{AtNextSignIn, UserStore},
};

const STEP: &str = "login/new-password";

/// With ada, who has to change the password.
fn fixture() -> Fixture {
    let fixture = Fixture::new();
    have_ada_change(&fixture);
    fixture
}

fn have_ada_change(fixture: &Fixture) {
    let mut store = UserStore::open(&fixture.temp.path().join("users.db"), Clock::system()).unwrap();
    store.set_must_change_password(&name("ada"), AtNextSignIn::ChangePassword).unwrap();
}

async fn set(browser: &mut Browser, fixture: &Fixture, new: &str, again: &str) -> Reply {
    let csrf = browser.csrf(fixture, STEP).await;
    browser.post(fixture, STEP, &[("csrf", &csrf), ("new", new), ("again", again)]).await
}

#[tokio::test]
async fn a_password_that_has_to_be_changed_opens_no_session_before_it_is() {
    let fixture = fixture();
    let mut browser = Browser::default();
    let reply = browser.login(&fixture, "ada", RIGHT).await;
    assert_eq!(reply.location(), "/.gateway/login/new-password");
    assert!(browser.session().is_none() && !browser.is_signed_in(&fixture).await);
    for (new, again, said) in [
        (NEW, "another", "not the same"),
        (RIGHT, RIGHT, "same as the current"),
        ("12345678", "12345678", "easy to guess"),
    ] {
        let reply = set(&mut browser, &fixture, new, again).await;
        assert_eq!(reply.status, 422, "{new}");
        assert!(reply.text.contains(said), "{new}: {}", reply.text);
        assert!(!browser.is_signed_in(&fixture).await, "{new}");
    }
    let reply = set(&mut browser, &fixture, NEW, NEW).await;
    assert_eq!(reply.location(), "/wiki");
    assert!(browser.is_signed_in(&fixture).await && !browser.cookies.contains_key(PENDING_COOKIE));
    let mut later = Browser::default();
    assert_eq!(later.login(&fixture, "ada", RIGHT).await.status, 401);
    assert_eq!(later.login(&fixture, "ada", NEW).await.location(), "/wiki");
}

#[tokio::test]
async fn the_second_factor_comes_before_the_new_password() {
    let fixture = Fixture::new();
    let (secret, _) = enrol(&fixture).await;
    have_ada_change(&fixture);
    let mut browser = Browser::half_signed_in(&fixture).await;
    let early = browser.get(&fixture, STEP).await;
    assert_eq!(early.status, 303, "the password alone does not open the page");
    let mut browser = Browser::half_signed_in(&fixture).await;
    let csrf = browser.csrf(&fixture, "login/second-step").await;
    let typed = code(&fixture, &secret);
    let reply = browser.post(&fixture, "login/second-step", &[("csrf", &csrf), ("code", &typed)]).await;
    assert_eq!(reply.location(), "/.gateway/login/new-password");
    assert!(!browser.is_signed_in(&fixture).await);
    assert_eq!(set(&mut browser, &fixture, NEW, NEW).await.location(), "/wiki");
    assert!(browser.is_signed_in(&fixture).await);
}

#[tokio::test]
async fn a_stranger_and_a_late_browser_set_no_password() {
    let fixture = fixture();
    let mut browser = Browser::default();
    browser.login(&fixture, "ada", RIGHT).await;
    let csrf = browser.csrf(&fixture, STEP).await;
    // Mallory has a form of her own, and no pending sign-in.
    let mut mallory = Browser::default();
    let own = mallory.csrf(&fixture, "login").await;
    for token in [&csrf, &own] {
        let reply = mallory.post(&fixture, STEP, &[("csrf", token), ("new", NEW), ("again", NEW)]).await;
        assert_eq!(reply.status, 303);
        assert!(reply.location().starts_with("/.gateway/login"), "{}", reply.location());
    }
    // An operator sets another password meanwhile: what was proved proves nothing any more.
    let mut store = UserStore::open(&fixture.temp.path().join("users.db"), Clock::system()).unwrap();
    let other = crate::users::Passwords::hash_now(super::support::QUICK, &"copper lantern".to_owned().into());
    store.set_password(&name("ada"), &other).unwrap();
    let reply = browser.post(&fixture, STEP, &[("csrf", &csrf), ("new", NEW), ("again", NEW)]).await;
    assert!(reply.location().starts_with("/.gateway/login"), "{}", reply.location());
    assert_eq!(Browser::default().login(&fixture, "ada", NEW).await.status, 401);
}
