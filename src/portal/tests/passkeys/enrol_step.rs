//! A passkey as the second factor that a sign-in requires, of an account that has none yet.

use super::super::support::*;
use super::person::*;
use super::second_step::{at_second_step, second_step};
use crate::{
    auth::webauthn::samples::{UP, UV},
    pages::paths,
    portal::page_table::PAGES,
};

/// The address of the button below the recovery codes.
fn leads_to(reply: &Reply) -> String {
    let (_, rest) = reply.text.split_once("<a class=\"button primary wide\" href=\"").expect("a button");
    rest.split('"').next().unwrap().replace("&#x2f;", "/")
}

#[tokio::test]
async fn a_required_factor_can_be_a_passkey_and_brings_recovery_codes() {
    let fixture = requiring();
    let mut person = new_person();
    let form = at_enrol_step(&fixture, &mut person).await;
    assert!(person.browser.session().is_none());
    // Both ways are on the page; that of the app works without script.
    assert!(form.text.contains("data-passkey=\"create\"") && form.text.contains("class=\"secret\""));
    assert!(form.header("content-security-policy").contains("script-src"));
    let options = form.options();
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    options["user"]["id"].as_str().unwrap().clone_into(&mut person.handle);

    let fields = person.registration(&form, &form.hidden("challenge"), UP | UV);
    let added = person.browser.post(&fixture, page(paths::PASSKEY_ENROL_STEP), &borrowed(&fields)).await;
    assert_eq!((added.status, added.text.matches("<code>").count()), (200, 10), "{}", added.text);
    assert_eq!(leads_to(&added), "/wiki", "the codes lead on");
    assert!(person.browser.is_signed_in(&fixture).await);
    assert_eq!(ada(&fixture).await.factors.len(), 1);
    assert_eq!(fixture.audited(), ["notice/factor-added/ada", "sign-in/ok/ada"]);

    // The next sign-in asks for it.
    let form = at_second_step(&fixture, &mut person).await;
    assert_eq!(second_step(&fixture, &mut person, &form, |_| ()).await.location(), "/wiki");
}

#[tokio::test]
async fn a_passkey_that_cannot_be_added_leaves_the_sign_in_pending() {
    let fixture = requiring();
    let mut person = new_person();
    let mut form = at_enrol_step(&fixture, &mut person).await;
    let target = page(paths::PASSKEY_ENROL_STEP);
    let mut session = Browser::default();
    session.get(&fixture, "login").await;
    let of_login = session.get(&fixture, "login").await.hidden("challenge");
    for (what, flags, challenge) in [
        ("not verified", UP, None),
        ("nobody there", UV, None),
        ("a challenge of the sign-in page", UP | UV, Some(of_login.as_str())),
        (
            "a challenge that was never given out",
            UP | UV,
            Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ),
    ] {
        let fields = person.registration(&form, challenge.unwrap_or(&form.hidden("challenge")), flags);
        form = person.browser.post(&fixture, target, &borrowed(&fields)).await;
        assert_eq!(form.status, 400, "{what}");
        assert!(form.text.contains("could not be added"), "{what}: {}", form.text);
        assert!(form.text.contains("<title>Error:"), "{what}");
        assert!(person.browser.session().is_none(), "{what}");
    }
    assert!(ada(&fixture).await.factors.is_empty());
    // A form of another site adds nothing, and takes nothing.
    let mut forged = person.registration(&form, &form.hidden("challenge"), UP | UV);
    forged[0].1 = "A".repeat(43);
    assert_eq!(person.browser.post(&fixture, target, &borrowed(&forged)).await.status, 403);
    // The challenge of another person's sign-in, in which the same page was open.
    let mut other = new_person();
    let shown = at_enrol_step(&fixture, &mut other).await;
    let fields = person.registration(&form, &shown.hidden("challenge"), UP | UV);
    form = person.browser.post(&fixture, target, &borrowed(&fields)).await;
    assert_eq!(form.status, 400);

    let fields = person.registration(&form, &form.hidden("challenge"), UP | UV);
    assert_eq!(person.browser.post(&fixture, target, &borrowed(&fields)).await.status, 200);
    // The sign-in in the other browser goes on with the factor that was added here.
    let fields = other.registration(&shown, &shown.hidden("challenge"), UP | UV);
    let later = other.browser.post(&fixture, target, &borrowed(&fields)).await;
    assert_eq!(later.location(), paths::SECOND_STEP);
    assert_eq!(ada(&fixture).await.factors.len(), 1);
    assert!(other.browser.session().is_none());
}

#[tokio::test]
async fn a_sign_in_that_has_to_add_a_factor_opens_nothing_else() {
    let fixture = requiring();
    for entry in PAGES {
        let path = page(entry.path).replace('*', "idp");
        let mut pending = new_person();
        at_enrol_step(&fixture, &mut pending).await;
        let mut visitor = Browser::default();
        visitor.get(&fixture, "login").await;
        if entry.path != paths::ENROL_STEP {
            let (with, seen) =
                (pending.browser.get(&fixture, &path).await, visitor.get(&fixture, &path).await);
            let shown = |reply: &Reply| (reply.status, reply.header("location").to_owned());
            assert_eq!(shown(&with), shown(&seen), "{path}");
        }
        let is_step = [paths::LOGIN, paths::ENROL_STEP, paths::PASSKEY_ENROL_STEP].contains(&entry.path);
        if entry.post.is_some() && !is_step {
            let csrf = pending.browser.csrf(&fixture, "login").await;
            let fields = [("csrf", csrf.as_str()), ("current", RIGHT), ("password", RIGHT), ("name", "x")];
            pending.browser.post(&fixture, &path, &fields).await;
        }
        assert!(pending.browser.session().is_none(), "{path} opens a session");
        assert!(!pending.browser.is_signed_in(&fixture).await, "{path}");
    }
    assert!(ada(&fixture).await.factors.is_empty());
}

#[tokio::test]
async fn the_recovery_codes_of_a_required_factor_lead_to_the_next_step() {
    let fixture = requiring();
    let database = rusqlite::Connection::open(fixture.temp.path().join("users.db")).unwrap();
    database.execute("UPDATE user SET must_change_password = 1 WHERE name = 'ada'", ()).unwrap();
    let mut person = new_person();
    let form = at_enrol_step(&fixture, &mut person).await;
    let fields = person.registration(&form, &form.hidden("challenge"), UP | UV);
    let added = person.browser.post(&fixture, page(paths::PASSKEY_ENROL_STEP), &borrowed(&fields)).await;
    assert_eq!(leads_to(&added), paths::NEW_PASSWORD_STEP);
    assert!(!person.browser.is_signed_in(&fixture).await);
    assert_eq!(person.browser.get(&fixture, page(paths::NEW_PASSWORD_STEP)).await.status, 200);
}

#[tokio::test]
async fn without_passkeys_the_step_that_adds_a_factor_offers_an_app_alone() {
    let mut fixture = requiring();
    fixture.settings.accounts.passkeys = None;
    let mut person = new_person();
    let form = at_enrol_step(&fixture, &mut person).await;
    assert!(!form.has_ceremony() && !form.text.contains("<script"), "{}", form.text);
    let csrf = form.hidden("csrf");
    let sent = person.browser.post(&fixture, page(paths::PASSKEY_ENROL_STEP), &[("csrf", &csrf)]).await;
    assert_eq!(sent.status, 404);
    assert_eq!(
        person.browser.get(&fixture, page(paths::ENROL_STEP)).await.status,
        200,
        "it is pending still"
    );
}
