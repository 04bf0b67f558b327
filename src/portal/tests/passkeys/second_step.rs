//! A passkey as the second step of a sign-in, and as the further proof of somebody who is signed in.

use std::time::Duration;

use super::super::support::*;
use super::person::*;
use crate::{
    auth::webauthn::samples::{SoftPasskey, UP, UV, base64url},
    pages::paths,
};

/// Ada's browser after the right password.
pub(super) async fn at_second_step(fixture: &Fixture, person: &mut Person) -> Reply {
    person.browser = Browser::default();
    let first = person.browser.login(fixture, "ada", RIGHT).await;
    assert_eq!(first.location(), paths::SECOND_STEP);
    person.browser.get(fixture, page(paths::SECOND_STEP)).await
}

pub(super) async fn second_step(
    fixture: &Fixture,
    person: &mut Person,
    form: &Reply,
    change: impl FnOnce(&mut PasskeyResponse),
) -> Reply {
    let fields = person.assertion(&form.hidden("csrf"), |shown| {
        shown.challenge = form.hidden("challenge");
        change(shown);
    });
    person.browser.post(fixture, page(paths::PASSKEY_SECOND_STEP), &borrowed(&fields)).await
}

#[tokio::test]
async fn a_passkey_is_a_second_step_after_the_password() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let form = at_second_step(&fixture, &mut person).await;
    let options = form.options();
    assert_eq!(options["allowCredentials"][0]["id"], base64url(&person.passkey.id));
    assert_eq!(options["userVerification"], "preferred");
    assert!(form.header("content-security-policy").contains("script-src"));

    let wrong = second_step(&fixture, &mut person, &form, |shown| shown.flags = UV).await;
    assert_eq!(wrong.status, 401);
    assert!(!person.browser.is_signed_in(&fixture).await);
    // Neither the handle nor a verified person is needed here.
    let right = second_step(&fixture, &mut person, &wrong, |shown| {
        shown.flags = UP;
        shown.handle = String::new();
    })
    .await;
    assert_eq!(right.location(), "/wiki");
    assert!(person.browser.is_signed_in(&fixture).await);
}

#[tokio::test]
async fn a_second_step_is_of_the_user_who_typed_the_password() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let mut store =
        crate::users::UserStore::open(&fixture.temp.path().join("users.db"), fixture.clock.clone()).unwrap();
    let hash = crate::users::Passwords::hash_now(QUICK, &crate::users::Password::new(RIGHT.into()));
    store
        .add(crate::users::NewUser { password: Some(hash), ..crate::users::NewUser::named(name("bob")) })
        .unwrap();
    let mut bob = Person {
        browser: Browser::default(),
        passkey: SoftPasskey::eddsa(b"bob's key"),
        handle: String::new(),
        sign_count: 0,
    };
    bob.browser.login(&fixture, "bob", RIGHT).await;
    assert_eq!(bob.enrol(&fixture, UP | UV).await.status, 200);

    // Bob's passkey, in a sign-in with Ada's password.
    let form = at_second_step(&fixture, &mut person).await;
    let fields = bob.assertion(&form.hidden("csrf"), |shown| shown.challenge = form.hidden("challenge"));
    let reply = person.browser.post(&fixture, page(paths::PASSKEY_SECOND_STEP), &borrowed(&fields)).await;
    assert_eq!(reply.status, 401);
    assert_eq!(fixture.audited().last().unwrap(), "sign-in-failed/passkey-credential/ada");
    // A challenge of the sign-in page is none of the second step.
    let login = person.browser.clone().get(&fixture, "login").await.hidden("challenge");
    let reply = second_step(&fixture, &mut person, &reply, |shown| shown.challenge = login).await;
    assert_eq!(reply.status, 401);
    assert!(!person.browser.is_signed_in(&fixture).await);
}

#[tokio::test]
async fn the_fifth_wrong_passkey_asks_for_the_password_again() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let mut form = at_second_step(&fixture, &mut person).await;
    for _ in 0..4 {
        form = second_step(&fixture, &mut person, &form, |shown| shown.flags = UV).await;
        assert_eq!(form.status, 401);
    }
    let last = second_step(&fixture, &mut person, &form, |shown| shown.flags = UV).await;
    assert!(last.location().starts_with(paths::LOGIN), "{}", last.location());
}

#[tokio::test]
async fn a_passkey_confirms_the_session_and_no_other_users_does() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    assert_eq!(person.sign_in(&fixture, |_| ()).await.status, 303);
    let before = person.browser.session().cloned();
    fixture.clock.advance(Duration::from_mins(11));
    let led = person.browser.get(&fixture, page(paths::ADD_PASSKEY)).await;
    assert!(led.location().starts_with(paths::CONFIRM));
    let target = led.location().strip_prefix("/.gateway/").unwrap().to_owned();
    let form = person.browser.get(&fixture, &target).await;
    let confirm = |person: &mut Person, form: &Reply, flags: u8| {
        person.assertion(&form.hidden("csrf"), |shown| {
            shown.challenge = form.hidden("challenge");
            shown.flags = flags;
        })
    };
    let fields = confirm(&mut person, &form, UV);
    let wrong = person.browser.post(&fixture, page(paths::PASSKEY_CONFIRM), &borrowed(&fields)).await;
    assert_eq!(wrong.status, 401);
    let mut fields = confirm(&mut person, &wrong, UP | UV);
    fields[1].1 = paths::ADD_PASSKEY.to_owned();
    let right = person.browser.post(&fixture, page(paths::PASSKEY_CONFIRM), &borrowed(&fields)).await;
    assert_eq!(right.location(), paths::ADD_PASSKEY);
    assert_ne!(person.browser.session(), before.as_ref(), "a new token");
    assert_eq!(person.browser.get(&fixture, page(paths::ADD_PASSKEY)).await.status, 200);
    assert!(fixture.audited().contains(&"confirm/ok/ada".to_owned()));
}
