//! The form of an invited user, with the fields that the operator has defined.

use http::Method;

use super::support::{Browser, Fixture, NAVIGATION, NEW, Reply, encode, name};
use crate::users::{
    FieldEditor, FieldKind, LinkDelivery, LinkToken, NewUser, UserField, UserFields, UserStore,
};

fn fixture() -> (Fixture, LinkToken) {
    let mut fixture = Fixture::new();
    let field = |name: &str, kind, required, editable_by| UserField {
        name: name.into(),
        title: name.to_uppercase().into(),
        kind,
        required,
        editable_by,
    };
    fixture.settings.fields = UserFields::new(vec![
        field("team", FieldKind::Choice(vec!["red".into(), "blue".into()]), true, FieldEditor::User),
        field("desk", FieldKind::Number, false, FieldEditor::User),
        field("rank", FieldKind::Text, true, FieldEditor::Admin),
    ]);
    let mut store = UserStore::open(&fixture.temp.path().join("users.db"), fixture.clock.clone()).unwrap();
    let new = NewUser {
        email: "bob@example.com".into(),
        attributes: [("desk".into(), "7".into()), ("rank".into(), "private".into())].into(),
        ..NewUser::named(name("bob"))
    };
    let (_, token) = store.invite(new, LinkDelivery::Operator).unwrap();
    (fixture, token)
}

/// A browser that has opened the link.
async fn opened(fixture: &Fixture, token: &LinkToken) -> Browser {
    let mut browser = Browser::default();
    let arrival = browser.get(fixture, &format!("invite?token={}", *token.to_text())).await;
    assert_eq!(arrival.location(), "/.gateway/invite");
    browser
}

async fn send(browser: &mut Browser, fixture: &Fixture, values: &[(&str, &str)]) -> Reply {
    let csrf = browser.csrf(fixture, "invite").await;
    let fixed = [("csrf", csrf.as_str()), ("new", NEW), ("again", NEW)];
    let fields: Vec<_> = fixed.into_iter().chain(values.iter().copied()).collect();
    browser.post(fixture, "invite", &fields).await
}

#[tokio::test]
async fn an_invited_user_fills_in_the_own_fields_and_no_field_of_operators() {
    let (fixture, token) = fixture();
    let mut browser = opened(&fixture, &token).await;
    let page = browser.get(&fixture, "invite").await.text;
    assert!(page.contains("<select id=\"field.team\" name=\"field.team\" required"), "{page}");
    assert!(page.contains("name=\"field.desk\" type=\"text\" value=\"7\""), "{page}");
    assert!(!page.contains("rank") && !page.contains("RANK"), "{page}");
    let forged = [
        ("full_name", "Bob"),
        ("field.team", "blue"),
        ("field.desk", ""),
        ("field.rank", "general"),
        ("rank", "general"),
        ("superuser", "1"),
        ("groups", "staff"),
        ("field.groups", "staff"),
    ];
    let reply = send(&mut browser, &fixture, &forged).await;
    assert_eq!(reply.location(), "/.gateway/login");
    let bob = fixture.directory.account_by_name(&name("bob")).await.unwrap().unwrap();
    let attributes = bob.user.attributes.clone().into_iter().collect::<Vec<_>>();
    assert_eq!(
        attributes,
        [("rank".to_owned(), "private".to_owned()), ("team".to_owned(), "blue".to_owned())]
    );
    assert!(bob.user.groups.is_empty() && !bob.user.superuser && bob.password.is_some());
    assert_eq!(bob.user.full_name, "Bob");
}

#[tokio::test]
async fn an_unfit_value_of_an_own_field_sets_no_password_and_leaves_the_link() {
    let (fixture, token) = fixture();
    let mut browser = opened(&fixture, &token).await;
    for (values, problems) in [
        (&[("field.team", ""), ("field.desk", "1e5")][..], &["TEAM: please enter", "DESK: please enter"][..]),
        (&[("field.team", "green")], &["TEAM: please choose"]),
        (&[], &["TEAM: please enter"]),
    ] {
        let reply = send(&mut browser, &fixture, values).await;
        assert_eq!(reply.status, 422);
        for problem in problems {
            assert!(reply.text.contains(problem), "{problem}: {}", reply.text);
        }
        let bob = fixture.directory.account_by_name(&name("bob")).await.unwrap().unwrap();
        assert!(bob.password.is_none() && !bob.user.attributes.contains_key("team"));
    }
    let reply = send(&mut browser, &fixture, &[("field.team", "red"), ("field.desk", "7")]).await;
    assert_eq!(reply.location(), "/.gateway/login");
}

#[tokio::test]
async fn an_unfit_password_is_refused_in_the_language_of_the_reader() {
    let (fixture, token) = fixture();
    let mut browser = opened(&fixture, &token).await;
    let csrf = browser.csrf(&fixture, "invite").await;
    let long = "velvet turbine ".repeat(9);
    for (new, said) in
        [("kurz", "Das Passwort ist zu kurz"), (long.as_str(), "Das Passwort hat mehr als 128 Zeichen.")]
    {
        let fields = encode(&[("csrf", &csrf), ("new", new), ("again", new), ("field.team", "red")]);
        let extra = [NAVIGATION, &[("accept-language", "de")]].concat();
        let reply = browser.send(&fixture, Method::POST, "invite", &extra, &fields).await;
        assert!(reply.status == 422 && reply.text.contains(said), "{}", reply.text);
    }
}

#[tokio::test]
async fn a_reset_of_the_password_changes_no_profile() {
    let (fixture, _) = fixture();
    let mut store = UserStore::open(&fixture.temp.path().join("users.db"), fixture.clock.clone()).unwrap();
    let (_, _, token) = store.link_for(&name("ada"), LinkDelivery::Operator).unwrap();
    let mut browser = Browser::default();
    browser.get(&fixture, &format!("reset/new?token={}", *token.to_text())).await;
    let page = browser.get(&fixture, "reset/new").await;
    assert!(!page.text.contains("field."), "{}", page.text);
    let csrf = page.hidden("csrf");
    let fields =
        [("csrf", csrf.as_str()), ("new", NEW), ("again", NEW), ("full_name", "Eve"), ("field.team", "red")];
    let reply = browser.post(&fixture, "reset/new", &fields).await;
    assert_eq!(reply.location(), "/.gateway/login");
    let ada = fixture.directory.account_by_name(&name("ada")).await.unwrap().unwrap();
    assert!(ada.user.attributes.is_empty() && ada.user.full_name == "Ada <b>Lovelace</b>");
}
