//! The profile page, the activity page, and the download of what is known about the user.

use std::{collections::BTreeMap, time::Duration};

use super::support::{Browser, Fixture, Reply, name};
use crate::{
    identity::{BackendName, IdentityPair},
    users::{FieldEditor, FieldKind, SourceProfile, UserField, UserFields},
};

fn fields(team: &[&str]) -> UserFields {
    let field = |name: &str, kind, editable_by| UserField {
        name: name.into(),
        title: name.to_uppercase().into(),
        kind,
        required: false,
        editable_by,
    };
    UserFields::new(vec![
        field(
            "team",
            FieldKind::Choice(team.iter().map(|choice| (*choice).into()).collect()),
            FieldEditor::User,
        ),
        field("desk", FieldKind::Number, FieldEditor::User),
        field("rank", FieldKind::Text, FieldEditor::Admin),
    ])
}

fn fixture() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.settings.fields = fields(&["red", "blue"]);
    fixture
}

async fn save(browser: &mut Browser, fixture: &Fixture, values: &[(&str, &str)]) -> Reply {
    let csrf = browser.csrf(fixture, "account/profile").await;
    let fields: Vec<_> = [("csrf", csrf.as_str())].into_iter().chain(values.iter().copied()).collect();
    browser.post(fixture, "account/profile", &fields).await
}

async fn attribute(fixture: &Fixture, key: &str) -> Option<String> {
    let ada = fixture.directory.account_by_name(&name("ada")).await.unwrap().unwrap();
    ada.user.attributes.get(key).cloned()
}

#[tokio::test]
async fn users_change_their_name_and_the_fields_that_are_theirs() {
    let fixture = fixture();
    let mut browser = Browser::signed_in(&fixture).await;
    let values =
        [("full_name", "Ada L"), ("field.team", "blue"), ("field.desk", "12"), ("field.rank", "general")];
    let reply = save(&mut browser, &fixture, &values).await;
    assert_eq!(reply.location(), "/.gateway/account/profile");
    assert!(browser.get(&fixture, "account/profile").await.text.contains("Your profile has been changed."));
    let ada = fixture.directory.account_by_name(&name("ada")).await.unwrap().unwrap();
    assert_eq!(ada.user.full_name, "Ada L");
    assert_eq!(attribute(&fixture, "team").await.as_deref(), Some("blue"));
    assert_eq!(attribute(&fixture, "desk").await.as_deref(), Some("12"));
    assert_eq!(attribute(&fixture, "rank").await, None, "an operator's field");
    save(&mut browser, &fixture, &[("full_name", ""), ("field.team", "blue"), ("field.desk", "")]).await;
    assert_eq!(attribute(&fixture, "desk").await, None);
}

#[tokio::test]
async fn the_name_that_a_backend_has_given_stays() {
    let fixture = fixture();
    let mut browser = Browser::signed_in(&fixture).await;
    let ada = fixture.directory.account_by_name(&name("ada")).await.unwrap().unwrap();
    let profile = SourceProfile {
        pair: IdentityPair {
            backend: BackendName::parse("corp").unwrap(),
            authority: "https://id.example.com".into(),
            subject: "1".into(),
        },
        name: name("ada"),
        email: None,
        full_name: "Ada of the company".to_owned(),
        groups: Vec::new(),
        attributes: BTreeMap::new(),
    };
    fixture.directory.link(ada.user.id, ada.credential, profile).await.unwrap();
    let database = rusqlite::Connection::open(fixture.temp.path().join("users.db")).unwrap();
    database.execute("UPDATE identity SET home = 1", ()).unwrap();
    // Any change that the gateway notices.
    assert_eq!(save(&mut browser, &fixture, &[("field.team", "red")]).await.status, 303);
    let before = fixture.directory.account_by_name(&name("ada")).await.unwrap().unwrap();
    assert!(before.identities.iter().any(|identity| identity.home));
    let changes = [("full_name", "Ada of Mallory"), ("field.team", "blue")];
    assert_eq!(save(&mut browser, &fixture, &changes).await.status, 303);
    let after = fixture.directory.account_by_name(&name("ada")).await.unwrap().unwrap();
    assert_eq!(after.user.full_name, before.user.full_name);
    assert_eq!(attribute(&fixture, "team").await.as_deref(), Some("blue"), "the rest of the form counts");
}

#[tokio::test]
async fn values_that_do_not_fit_are_refused_all_at_once_and_change_nothing() {
    let fixture = fixture();
    let mut browser = Browser::signed_in(&fixture).await;
    let reply =
        save(&mut browser, &fixture, &[("full_name", "X"), ("field.team", "green"), ("field.desk", "1e5")])
            .await;
    assert_eq!(reply.status, 422);
    assert!(reply.text.contains("TEAM: please choose") && reply.text.contains("DESK: please enter a number"));
    assert!(reply.text.contains("value=\"1e5\""), "what was typed stays");
    let ada = fixture.directory.account_by_name(&name("ada")).await.unwrap().unwrap();
    assert_eq!(ada.user.full_name, "Ada <b>Lovelace</b>");
    let reply = save(&mut browser, &fixture, &[("full_name", "X\nY")]).await;
    assert_eq!(reply.status, 422);
    let stranger = browser.post(&fixture, "account/profile", &[("csrf", "x"), ("full_name", "X")]).await;
    assert_eq!(stranger.status, 403);
}

#[tokio::test]
async fn a_required_field_needs_a_value_whenever_the_profile_is_saved() {
    let mut fixture = Fixture::new();
    let fields = fields(&["red"]);
    let required = fields.iter().cloned().map(|field| UserField { required: true, ..field });
    fixture.settings.fields = UserFields::new(required.collect());
    let mut browser = Browser::signed_in(&fixture).await;
    let reply = save(&mut browser, &fixture, &[("full_name", "Ada"), ("field.desk", "1")]).await;
    assert_eq!(reply.status, 422);
    assert!(reply.text.contains("TEAM: please enter a value") && !reply.text.contains("RANK: please"));
    assert_eq!(attribute(&fixture, "desk").await, None);
}

#[tokio::test]
async fn a_value_that_fits_no_more_is_kept_until_another_is_chosen() {
    let mut fixture = fixture();
    let mut browser = Browser::signed_in(&fixture).await;
    save(&mut browser, &fixture, &[("full_name", ""), ("field.team", "red")]).await;
    fixture.settings.fields = fields(&["blue"]);
    let page = browser.get(&fixture, "account/profile").await.text;
    assert!(page.contains("<option value=\"red\" selected>") && page.contains("no longer offered"), "{page}");
    save(&mut browser, &fixture, &[("full_name", "Ada"), ("field.team", "red")]).await;
    assert_eq!(attribute(&fixture, "team").await.as_deref(), Some("red"));
    save(&mut browser, &fixture, &[("full_name", "Ada"), ("field.team", "blue")]).await;
    assert_eq!(
        save(&mut browser, &fixture, &[("full_name", "Ada"), ("field.team", "red")]).await.status,
        422
    );
    assert_eq!(attribute(&fixture, "team").await.as_deref(), Some("blue"));
}

#[tokio::test]
async fn the_activity_page_lists_sign_ins_and_changes_of_this_account_alone() {
    let fixture = fixture();
    let mut browser = Browser::signed_in(&fixture).await;
    save(&mut browser, &fixture, &[("full_name", "Ada L")]).await;
    let page = browser.get(&fixture, "account/activity").await.text;
    for text in ["Profile changed", "Signed in", "Account made by an administrator"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert_eq!(page.matches("Signed in<").count(), 1, "{page}");
}

#[tokio::test]
async fn personal_data_is_downloaded_after_a_fresh_proof_and_holds_no_secret() {
    let fixture = fixture();
    let mut browser = Browser::signed_in(&fixture).await;
    let csrf = browser.csrf(&fixture, "account/profile").await;
    let reply = browser.post(&fixture, "account/data", &[("csrf", &csrf)]).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-disposition"), "attachment; filename=\"account.json\"");
    let known: serde_json::Value = serde_json::from_str(&reply.text).unwrap();
    assert_eq!(known["account"]["user_name"], "ada");
    assert_eq!(known["account"]["email"], "ada@example.com");
    assert_eq!(known["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(known["activity"][0]["what"], "signed-in");
    let session = browser.session().unwrap().to_owned();
    for secret in ["argon2", session.as_str(), "password_hash"] {
        assert!(!reply.text.contains(secret), "{secret}");
    }
    let forged = browser.post(&fixture, "account/data", &[("csrf", "x")]).await;
    assert_eq!(forged.status, 303);
    fixture.clock.advance(Duration::from_mins(11));
    let late = browser.post(&fixture, "account/data", &[("csrf", &csrf)]).await;
    assert!(late.location().starts_with("/.gateway/confirm"), "{}", late.location());
}
