//! The page that changes the password.

use std::fs;

use http::Method;

use super::support::{Browser, Fixture, NAVIGATION, NEW, QUICK, RIGHT, Reply, encode, name};
use crate::{
    session::SessionToken,
    users::{Password, Passwords, UserStore},
};

async fn change(browser: &mut Browser, fixture: &Fixture, current: &str, new: &str, again: &str) -> Reply {
    let csrf = browser.csrf(fixture, "account/password").await;
    let fields = [("csrf", csrf.as_str()), ("current", current), ("new", new), ("again", again)];
    browser.post(fixture, "account/password", &fields).await
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_and_renews_this_one() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    let mut elsewhere = Browser::signed_in(&fixture).await;
    let before = browser.clone();
    let reply = change(&mut browser, &fixture, RIGHT, NEW, NEW).await;
    assert_eq!(reply.location(), "/.gateway/account");
    assert_ne!(browser.session(), before.session());
    assert!(browser.is_signed_in(&fixture).await);
    assert!(!before.clone().is_signed_in(&fixture).await);
    assert!(!elsewhere.is_signed_in(&fixture).await);
    assert!(browser.get(&fixture, "account").await.text.contains("Your password has been changed."));
    assert!(!browser.get(&fixture, "account").await.text.contains("Your password has been changed."));
    assert_eq!(Browser::default().login(&fixture, "ada", RIGHT).await.status, 401);
    assert_eq!(Browser::default().login(&fixture, "ada", NEW).await.status, 303);
    assert!(fixture.audited().contains(&"password-change/ok/ada".to_owned()));
}

#[tokio::test]
async fn a_longer_password_of_before_goes_on_working_and_a_new_one_is_refused_in_the_language_of_the_reader()
{
    let fixture = Fixture::new();
    let long = "velvet turbine oyster ".repeat(40);
    let hash = Passwords::hash_now(QUICK, &Password::new(long.clone()));
    let mut store = UserStore::open(&fixture.temp.path().join("users.db"), fixture.clock.clone()).unwrap();
    let ada = store.set_password(&name("ada"), &hash).unwrap();
    fixture.directory.account(ada.user.id).await.unwrap();
    let mut browser = Browser::default();
    assert_eq!(browser.login(&fixture, "ada", &long).await.location(), "/wiki");
    let reply = change(&mut browser, &fixture, &long, &format!("{long}!"), &format!("{long}!")).await;
    assert!(reply.status == 422 && reply.text.contains("more than 128 characters"), "{}", reply.text);
    let csrf = browser.csrf(&fixture, "account/password").await;
    let new = "copper lantern ".repeat(9);
    let fields = encode(&[("csrf", &csrf), ("current", &long), ("new", &new), ("again", &new)]);
    for (language, said) in [
        ("de", "Das Passwort hat mehr als 128 Zeichen."),
        ("es", "más de 128 caracteres"),
        ("fr", "plus de 128 caractères"),
        ("it", "128 caratteri"),
        ("nl", "128 tekens"),
        ("pl", "więcej niż 128 znaków"),
        ("pt", "128 caracteres"),
    ] {
        let extra = [NAVIGATION, &[("accept-language", language)]].concat();
        let reply = browser.send(&fixture, Method::POST, "account/password", &extra, &fields).await;
        assert!(reply.status == 422 && reply.text.contains(said), "{language}: {}", reply.text);
    }
}

#[tokio::test]
async fn a_new_password_takes_the_other_sessions_out_of_the_store() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    Browser::signed_in(&fixture).await;
    change(&mut browser, &fixture, RIGHT, NEW, NEW).await;
    let remaining = fixture.sessions.list(None, None, 10).await.unwrap();
    let own = SessionToken::from_cookie(browser.session().unwrap().as_bytes()).unwrap().key();
    assert_eq!(remaining.iter().map(|listed| listed.record.key).collect::<Vec<_>>(), [own]);
}

#[tokio::test]
async fn a_password_change_that_is_refused_says_why_and_changes_nothing() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    for (current, new, again, expected) in [
        ("wrong", NEW, NEW, "The current password is wrong."),
        ("", NEW, NEW, "The current password is wrong."),
        (RIGHT, NEW, "copper lantern", "The two new passwords are not the same."),
        (RIGHT, RIGHT, RIGHT, "The new password is the same as the current one."),
        (RIGHT, "short", "short", "The password is too short"),
        (RIGHT, "password1", "password1", "too easy to guess"),
        (RIGHT, "", "", "The password is empty."),
    ] {
        let reply = change(&mut browser, &fixture, current, new, again).await;
        assert_eq!(reply.status, 422, "{expected}");
        assert!(reply.text.contains(expected), "{expected}: {}", reply.text);
        assert!(!reply.text.contains(RIGHT) && !reply.text.contains(NEW), "{expected}");
    }
    let fields = [("csrf", "forged"), ("current", RIGHT), ("new", NEW), ("again", NEW)];
    assert_eq!(browser.post(&fixture, "account/password", &fields).await.status, 403);
    assert!(browser.is_signed_in(&fixture).await);
    assert_eq!(Browser::default().login(&fixture, "ada", RIGHT).await.status, 303);
    assert!(fixture.audited().contains(&"password-change/wrong-password/ada".to_owned()));
}

#[tokio::test]
async fn no_token_and_no_password_is_readable_on_the_disk() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    change(&mut browser, &fixture, RIGHT, NEW, NEW).await;
    let token = browser.session().unwrap().clone();
    let files = fs::read_dir(fixture.temp.path()).unwrap().map(|entry| entry.unwrap().path());
    let bytes: Vec<u8> = files.flat_map(|path| fs::read(path).unwrap()).collect();
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("$argon2id$"), "the password is elsewhere");
    for secret in [token.as_str(), RIGHT, NEW] {
        assert!(!has(secret));
    }
}
