//! The set-up of the first user.

use std::time::Duration;

use futures_util::future;

use super::support::{Browser, Fixture, NEW, QUICK, Reply, name};
use crate::{
    session::MemoryStore,
    users::{NewUser, UserStore},
};

const SETUP: [(&str, &str); 3] = [("username", "Root"), ("password", NEW), ("again", NEW)];

/// A browser that has opened the link, and the fields that make the first user.
async fn open_link(fixture: &Fixture, link: &str) -> (Browser, Vec<(String, String)>) {
    let mut browser = Browser::default();
    let form = browser.get(fixture, link).await;
    assert_eq!(form.status, 200);
    let mut fields = vec![("csrf".into(), form.hidden("csrf")), ("token".into(), form.hidden("token"))];
    fields.extend(SETUP.map(|(name, value)| (name.to_owned(), value.to_owned())));
    (browser, fields)
}

async fn submit(browser: &mut Browser, fixture: &Fixture, fields: &[(String, String)]) -> Reply {
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(fixture, "setup", &fields).await
}

async fn link(fixture: &Fixture) -> String {
    let link = fixture.portal.setup_link().await.unwrap().expect("there is no user yet");
    link.strip_prefix("/.gateway/").unwrap().to_owned()
}

#[tokio::test]
async fn the_set_up_link_makes_one_superuser_and_signs_them_in() {
    let fixture = Fixture::empty();
    let link = link(&fixture).await;
    let (mut browser, fields) = open_link(&fixture, &link).await;
    assert_eq!(submit(&mut browser, &fixture, &fields).await.location(), "/.gateway/account");
    let page = browser.get(&fixture, "account").await;
    assert!(page.text.contains("Superuser") && page.text.contains("You are the first superuser."));
    let account = fixture.directory.account_by_name(&name("root")).await.unwrap().unwrap();
    assert!(account.user.superuser && account.active);
    assert_eq!(fixture.audited(), ["setup/ok/root", "sign-in/ok/root"]);
    // One use.
    assert_eq!(browser.get(&fixture, &link).await.status, 404);
    assert_eq!(submit(&mut browser, &fixture, &fields).await.status, 404);
    assert!(fixture.portal.setup_link().await.unwrap().is_none());
}

#[tokio::test]
async fn a_refused_set_up_says_why_and_the_link_stays_good() {
    let fixture = Fixture::empty();
    let (mut browser, fields) = open_link(&fixture, &link(&fixture).await).await;
    for (field, value, expected) in [
        ("username", "a b", "cannot stand in a name"),
        ("username", "", "A name needs at least one character."),
        ("again", "x", "The two passwords are not the same."),
        ("csrf", "x", "This form has expired."),
    ] {
        let mut fields = fields.clone();
        fields.iter_mut().find(|(name, _)| name == field).unwrap().1 = value.into();
        let reply = submit(&mut browser, &fixture, &fields).await;
        assert!([403, 422].contains(&reply.status) && reply.text.contains(expected), "{}", reply.text);
    }
    assert_eq!(submit(&mut browser, &fixture, &fields).await.status, 303);
}

#[tokio::test]
async fn without_a_good_link_there_is_no_set_up_page() {
    let fixture = Fixture::empty();
    let mut browser = Browser::default();
    let nothing_open = browser.get(&fixture, "setup?token=x").await;
    let unknown = browser.get(&fixture, "unknown").await;
    assert_eq!((nothing_open.status, &nothing_open.text), (404, &unknown.text));

    let old = link(&fixture).await;
    let good = link(&fixture).await;
    let (mut late, fields) = open_link(&fixture, &good).await;
    for wrong in
        ["setup", "setup?token=", "setup?token=x", &old, &format!("{good}x"), &format!("{good}&token=x")]
    {
        let reply = browser.get(&fixture, wrong).await;
        assert_eq!((reply.status, &reply.text), (404, &unknown.text), "{wrong}");
    }
    assert!(fixture.audited().contains(&"setup/wrong-link/-".to_owned()));
    fixture.clock.advance(Duration::from_hours(1));
    assert_eq!(browser.get(&fixture, &good).await.status, 404);
    assert_eq!(submit(&mut late, &fixture, &fields).await.status, 404);
    assert!(!fixture.directory.has_users().await.unwrap());
}

#[tokio::test]
async fn one_of_two_set_ups_at_once_wins() {
    let fixture = Fixture::with(Box::new(MemoryStore::new(10)), QUICK, |_| ());
    let link = link(&fixture).await;
    let (mut one, fields_of_one) = open_link(&fixture, &link).await;
    let (mut other, mut fields_of_other) = open_link(&fixture, &link).await;
    fields_of_other.iter_mut().find(|(name, _)| name == "username").unwrap().1 = "mallory".into();
    let (first, second) = future::join(
        submit(&mut one, &fixture, &fields_of_one),
        submit(&mut other, &fixture, &fields_of_other),
    )
    .await;
    let mut both = [first.status, second.status];
    both.sort_unstable();
    assert_eq!(both, [303, 404]);
    assert_ne!(one.is_signed_in(&fixture).await, other.is_signed_in(&fixture).await);
}

#[tokio::test]
async fn the_sign_in_page_without_users_says_where_the_set_up_link_is_but_not_the_link() {
    let fixture = Fixture::empty();
    let secret = link(&fixture).await.split_once('=').unwrap().1.to_owned();
    let page = Browser::default().get(&fixture, "login").await;
    assert!(page.text.contains("Nobody can sign in yet") && !page.text.contains("type=\"password\""));
    assert!(!page.text.contains(&secret) && !page.text.contains("setup"), "{}", page.text);
    let mut users = UserStore::open(&fixture.temp.path().join("users.db"), fixture.clock.clone()).unwrap();
    users.add(NewUser::named(name("nora"))).unwrap();
    let page = Browser::default().get(&fixture, "login").await;
    assert!(!page.text.contains("Nobody can sign in yet") && page.text.contains("type=\"password\""));
    // The directory is not asked again.
    let asked = fixture.directory.questions();
    Browser::default().get(&fixture, "login").await;
    assert_eq!(fixture.directory.questions(), asked);
}
