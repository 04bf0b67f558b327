//! The list of sessions on the account page.

use std::time::Duration;

use http::Method;

use super::support::{Browser, Fixture, NAVIGATION, QUICK, RIGHT, Reply, encode, name};
use crate::{
    session::SessionToken,
    users::{Password, Passwords, UserStore},
};

/// The keys of the sessions that the page has a button for.
fn endable(reply: &Reply) -> Vec<String> {
    let marked = reply.text.split("name=\"end\" value=\"").skip(1);
    marked.map(|rest| rest.split('"').next().unwrap().to_owned()).filter(|key| key.len() == 64).collect()
}

#[tokio::test]
async fn the_account_page_lists_the_sessions_of_the_user_and_ends_one() {
    let fixture = Fixture::new();
    let mut here = Browser::signed_in(&fixture).await;
    let mut there = Browser::default();
    let csrf = there.csrf(&fixture, "login").await;
    let fields = [("csrf", csrf.as_str()), ("username", "ada"), ("password", RIGHT)];
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Version/18.6 Safari/604.1";
    let extra = [NAVIGATION, &[("user-agent", agent)]].concat();
    there.send(&fixture, Method::POST, "login", &extra, &encode(&fields)).await;
    fixture.clock.advance(Duration::from_mins(20));

    let page = here.get(&fixture, "account").await;
    for part in ["This session", "Safari on an iPhone", "20 minutes ago", "An unknown program"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let keys = endable(&page);
    assert_eq!(keys.len(), 1, "there is no button for this one");
    let csrf = page.hidden("csrf");
    let end = |key: &str| encode(&[("csrf", csrf.as_str()), ("end", key)]);
    let reply = here.send(&fixture, Method::POST, "account/sessions", NAVIGATION, &end(&keys[0])).await;
    assert_eq!(reply.location(), "/.gateway/account");
    assert!(!there.is_signed_in(&fixture).await && here.is_signed_in(&fixture).await);
    let page = here.get(&fixture, "account").await;
    assert!(page.text.contains("That session has ended.") && endable(&page).is_empty());
    // Again, from a page that was open in another tab.
    let reply = here.send(&fixture, Method::POST, "account/sessions", NAVIGATION, &end(&keys[0])).await;
    assert_eq!(reply.location(), "/.gateway/account");
    let line = fixture.audit().into_iter().find(|line| line["event"] == "sessions-ended").unwrap();
    assert_eq!((&line["reason"], &line["user"]), (&"one".into(), &"ada".into()));
    assert!(keys[0].starts_with(line["session"].as_str().unwrap()));
}

#[tokio::test]
async fn only_a_genuine_form_ends_sessions_and_only_those_of_its_user() {
    let fixture = Fixture::new();
    let mut ada = Browser::signed_in(&fixture).await;
    let mut users = UserStore::open(&fixture.temp.path().join("users.db"), fixture.clock.clone()).unwrap();
    users.set_password(&name("nora"), &Passwords::hash_now(QUICK, &Password::new(RIGHT.into()))).unwrap();
    let mut nora = Browser::default();
    assert_eq!(nora.login(&fixture, "nora", RIGHT).await.location(), "/wiki");
    let hers = SessionToken::from_cookie(nora.session().unwrap().as_bytes()).unwrap().key().to_hex();
    let csrf = ada.csrf(&fixture, "account").await;
    for (key, status) in [(hers.as_str(), 404), ("", 404), ("x", 404), ("Others", 404)] {
        let fields = [("csrf", csrf.as_str()), ("end", key)];
        assert_eq!(ada.post(&fixture, "account/sessions", &fields).await.status, status, "{key}");
    }
    assert!(nora.is_signed_in(&fixture).await);
    let mut other = Browser::signed_in(&fixture).await;
    let forged = other.csrf(&fixture, "account").await;
    for (fields, extra) in [
        (vec![("end", "everywhere")], NAVIGATION),
        (vec![("csrf", forged.as_str()), ("end", "everywhere")], NAVIGATION),
        (vec![("csrf", csrf.as_str()), ("end", "everywhere")], &[("sec-fetch-site", "cross-site")]),
    ] {
        let reply = ada.send(&fixture, Method::POST, "account/sessions", extra, &encode(&fields)).await;
        assert_eq!(reply.status, 403);
        assert!(reply.text.contains("This form has expired"));
    }
    assert!(ada.is_signed_in(&fixture).await && other.is_signed_in(&fixture).await);
    let reply = Browser::default().post(&fixture, "account/sessions", &[("end", "everywhere")]).await;
    assert_eq!(reply.location(), "/.gateway/login");
}

#[tokio::test]
async fn signing_out_everywhere_else_and_everywhere_ends_those_sessions() {
    let fixture = Fixture::new();
    let mut browsers = Vec::new();
    for _ in 0..3 {
        browsers.push(Browser::signed_in(&fixture).await);
    }
    let [mut one, mut two, mut three] = <[Browser; 3]>::try_from(browsers).ok().unwrap();
    let csrf = one.csrf(&fixture, "account").await;
    let reply = one.post(&fixture, "account/sessions", &[("csrf", &csrf), ("end", "others")]).await;
    assert_eq!(reply.location(), "/.gateway/account");
    assert!(one.is_signed_in(&fixture).await);
    assert!(!two.is_signed_in(&fixture).await && !three.is_signed_in(&fixture).await);

    let mut two = Browser::signed_in(&fixture).await;
    let reply = one.post(&fixture, "account/sessions", &[("csrf", &csrf), ("end", "everywhere")]).await;
    assert_eq!(reply.location(), "/.gateway/login");
    assert!(one.session().is_none() && !two.is_signed_in(&fixture).await);
    assert!(one.get(&fixture, "login").await.text.contains("You are signed out everywhere."));
    let audited = fixture.audited();
    assert!(audited.contains(&"sessions-ended/others/ada".to_owned()), "{audited:?}");
    assert!(audited.contains(&"sessions-ended/everywhere/ada".to_owned()), "{audited:?}");
}
