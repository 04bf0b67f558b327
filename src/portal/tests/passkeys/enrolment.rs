//! Adding a passkey on the page of factors: the proof that it needs, its name, whether it is synced.

use std::time::Duration;

use super::super::support::*;
use super::person::*;
use crate::{
    auth::webauthn::samples::{BE, BS, SoftPasskey, UP, UV},
    pages::paths,
    portal::AuthenticatorNames,
};

#[tokio::test]
async fn adding_a_passkey_needs_a_recent_proof_and_the_form_of_this_session() {
    let fixture = fixture();
    let mut person = Person::signed_in(&fixture).await;
    let form = person.browser.get(&fixture, page(paths::ADD_PASSKEY)).await;
    let fields = person.registration(&form, &form.hidden("challenge"), UP | UV);

    let mut forged = fields.clone();
    forged[0].1 = "A".repeat(43);
    let reply = person.browser.post(&fixture, page(paths::ADD_PASSKEY), &borrowed(&forged)).await;
    assert_eq!(reply.status, 403);

    fixture.clock.advance(Duration::from_mins(11));
    let shown = person.browser.get(&fixture, page(paths::ADD_PASSKEY)).await;
    assert!(shown.location().starts_with(paths::CONFIRM), "{}", shown.location());
    let sent = person.browser.post(&fixture, page(paths::ADD_PASSKEY), &borrowed(&fields)).await;
    assert!(sent.location().starts_with(paths::CONFIRM), "{}", sent.location());
    assert!(ada(&fixture).await.factors.is_empty());
    assert_eq!(Browser::default().get(&fixture, page(paths::ADD_PASSKEY)).await.status, 303);
}

#[tokio::test]
async fn a_bad_registration_adds_nothing() {
    let fixture = fixture();
    let mut person = Person::signed_in(&fixture).await;
    assert_eq!(person.enrol(&fixture, UP).await.status, 400, "not verified");
    for (field, value) in
        [("name", "a\nb"), ("attestation_object", "oA"), ("client_data", "e30"), ("credential", "AQ")]
    {
        let form = person.browser.get(&fixture, page(paths::ADD_PASSKEY)).await;
        let mut fields = person.registration(&form, &form.hidden("challenge"), UP | UV);
        fields.iter_mut().filter(|(name, _)| *name == field).for_each(|(_, old)| value.clone_into(old));
        let reply = person.browser.post(&fixture, page(paths::ADD_PASSKEY), &borrowed(&fields)).await;
        assert_eq!(reply.status, 400, "{field}={value}");
    }
    assert!(ada(&fixture).await.factors.is_empty());
    assert!(fixture.audited().contains(&"factor-refused/passkey-user-not-verified/ada".to_owned()));
}

/// Adds a passkey with this id and without a name.
async fn add_nameless(fixture: &Fixture, person: &mut Person, id: &[u8]) {
    let form = person.browser.get(fixture, page(paths::ADD_PASSKEY)).await;
    form.options()["user"]["id"].as_str().unwrap().clone_into(&mut person.handle);
    let new = Person { passkey: SoftPasskey::es256(id), ..new_person() };
    let fields = new.registration(&form, &form.hidden("challenge"), UP | UV);
    let nameless = |(field, value)| if field == "name" { (field, " ".to_owned()) } else { (field, value) };
    let fields: Fields = fields.into_iter().map(nameless).collect();
    let reply = person.browser.post(fixture, page(paths::ADD_PASSKEY), &borrowed(&fields)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    if person.sign_count == 0 {
        // A further one needs a proof by the first one.
        person.passkey = new.passkey;
        person.browser = Browser::default();
        person.sign_in(fixture, |_| ()).await;
    }
}

#[tokio::test]
async fn a_passkey_without_a_name_gets_that_of_its_model_or_of_its_day() {
    let mut fixture = fixture();
    let mut person = Person::signed_in(&fixture).await;
    add_nameless(&fixture, &mut person, b"one").await;
    let known = r#"{"aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa": {"name": "Badge"}}"#;
    let passkeys = fixture.settings.accounts.passkeys.as_mut().unwrap();
    passkeys.authenticators = AuthenticatorNames::parse(known).unwrap();
    add_nameless(&fixture, &mut person, b"two").await;
    add_nameless(&fixture, &mut person, b"three").await;
    let account = ada(&fixture).await;
    let names: Vec<&str> = account.factors.iter().map(|factor| factor.name.as_str()).collect();
    assert_eq!(names, ["Passkey, added 6 October 2026, 08:00 UTC", "Badge", "Badge 2"]);
}

#[tokio::test]
async fn a_passkey_that_is_on_several_devices_is_shown_as_synced() {
    let fixture = fixture();
    let mut person = Person::signed_in(&fixture).await;
    person.enrol(&fixture, UP | UV | BE).await;
    person.browser = Browser::default();
    person.sign_in(&fixture, |shown| shown.flags |= BE).await;
    let list = person.browser.get(&fixture, page(paths::FACTORS)).await.text;
    assert!(!list.contains("synced") && !ada(&fixture).await.factors[0].synced, "{list}");
    // It is in a backup from now on.
    person.browser = Browser::default();
    person.sign_in(&fixture, |shown| shown.flags |= BE | BS).await;
    let list = person.browser.get(&fixture, page(paths::FACTORS)).await.text;
    assert!(list.contains("synced") && ada(&fixture).await.factors[0].synced, "{list}");
}
