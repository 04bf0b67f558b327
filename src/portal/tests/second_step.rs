//! The second step of a sign-in, and the pages that ask for a second factor.

use std::time::Duration;

use super::support::{Browser, Fixture, RIGHT, SESSION_COOKIE, name};
use crate::{
    portal::page_table::PAGES,
    throttle::ThrottleLimits,
    users::{FactorName, FactorsBefore, RecoveryCodes, ShownTo, TotpCode, TotpSecret},
};

pub(super) const PENDING_COOKIE: &str = "__Host-Http-portcullis-pending";

/// Adds an authenticator app to ada's account.
pub(super) async fn enrol(fixture: &Fixture) -> (TotpSecret, Option<RecoveryCodes>) {
    let ada = fixture.directory.account_by_name(&name("ada")).await.unwrap().unwrap();
    let shown_to = ShownTo { id: ada.user.id, credential: ada.credential, session: "s" };
    let shown = fixture.directory.start_totp(shown_to).await.unwrap();
    let code = TotpCode::parse(&code(fixture, &shown.secret));
    let phone = FactorName::parse("Phone").unwrap();
    let enrolled = fixture
        .directory
        .enrol_totp(FactorsBefore::Any, shown_to, &shown.sealed, (phone, code))
        .await
        .unwrap()
        .unwrap();
    fixture.clock.advance(Duration::from_mins(1));
    (shown.secret, enrolled.codes)
}

/// The code of now.
pub(super) fn code(fixture: &Fixture, secret: &TotpSecret) -> String {
    secret.code_at(fixture.clock.now()).unwrap().to_string()
}

/// A code that is not the one of now, nor of the steps around it.
fn wrong_code(fixture: &Fixture, secret: &TotpSecret) -> &'static str {
    let fits =
        |typed: &&str| !secret.steps_of(&TotpCode::parse(typed).unwrap(), fixture.clock.now()).is_empty();
    ["000000", "111111", "222222", "333333"].into_iter().find(|typed| !fits(typed)).unwrap()
}

impl Browser {
    /// A browser after the first step.
    pub(super) async fn half_signed_in(fixture: &Fixture) -> Self {
        let mut browser = Self::default();
        let reply = browser.login(fixture, "ada", RIGHT).await;
        assert_eq!(reply.location(), "/.gateway/login/second-step");
        browser
    }

    async fn second_step(&mut self, fixture: &Fixture, field: (&str, &str)) -> super::support::Reply {
        let csrf = self.csrf(fixture, "login/second-step").await;
        self.post(fixture, "login/second-step", &[("csrf", &csrf), field]).await
    }
}

#[tokio::test]
async fn a_user_with_a_factor_signs_in_in_two_steps() {
    let fixture = Fixture::new();
    let (secret, _) = enrol(&fixture).await;
    let mut browser = Browser::half_signed_in(&fixture).await;
    assert!(browser.session().is_none() && !browser.is_signed_in(&fixture).await);
    let form = browser.get(&fixture, "login/second-step").await;
    assert!(form.text.contains("autocomplete=\"one-time-code\"") && form.text.contains("recovery"));
    let reply = browser.second_step(&fixture, ("code", &code(&fixture, &secret))).await;
    assert_eq!(reply.location(), "/wiki");
    assert!(browser.is_signed_in(&fixture).await);
    assert!(!browser.cookies.contains_key(PENDING_COOKIE), "the cookie is gone");
    assert_eq!(fixture.audited(), ["sign-in/ok/ada"], "one sign-in");
}

#[tokio::test]
async fn a_wrong_password_looks_the_same_with_and_without_a_factor() {
    let fixture = Fixture::new();
    let before = Browser::default().login(&fixture, "ada", "wrong").await;
    enrol(&fixture).await;
    let after = Browser::default().login(&fixture, "ada", "wrong").await;
    let without_token = |reply: &super::support::Reply| reply.text.replace(&reply.hidden("csrf"), "");
    assert_eq!((before.status, without_token(&before)), (after.status, without_token(&after)));
}

#[tokio::test]
async fn a_pending_sign_in_opens_no_page_but_its_own_step() {
    let fixture = Fixture::new();
    enrol(&fixture).await;
    for page in PAGES {
        let path = page.path.trim_start_matches("/.gateway/").replace('*', "idp");
        let without = Browser::default().get(&fixture, &path).await;
        let mut pending = Browser::half_signed_in(&fixture).await;
        // The form cookie alone is that of any visitor who has seen the sign-in page.
        let mut visitor = Browser::default();
        visitor.get(&fixture, "login").await;
        let (with, seen) = (pending.get(&fixture, &path).await, visitor.get(&fixture, &path).await);
        let location = |reply: &super::support::Reply| reply.header("location").to_owned();
        if path == "login/second-step" {
            assert_eq!((with.status, without.status), (200, 303));
        } else {
            assert_eq!((with.status, location(&with)), (seen.status, location(&seen)), "{path}");
        }
        if page.post.is_some() && path != "login" && path != "login/second-step" {
            let csrf = pending.csrf(&fixture, "login").await;
            let fields = [("csrf", csrf.as_str()), ("current", RIGHT), ("password", RIGHT), ("name", "x")];
            pending.post(&fixture, &path, &fields).await;
        }
        assert!(!pending.cookies.contains_key(SESSION_COOKIE), "{path} opens a session");
        assert!(!pending.is_signed_in(&fixture).await, "{path}");
    }
    assert_eq!(fixture.directory.account_by_name(&name("ada")).await.unwrap().unwrap().factors.len(), 1);
}

#[tokio::test]
async fn after_five_wrong_codes_the_password_is_asked_again_and_its_throttle_counts_on() {
    let mut fixture = Fixture::new();
    fixture.settings.throttle = ThrottleLimits { per_account: 10, ..ThrottleLimits::default() };
    let (secret, _) = enrol(&fixture).await;
    for round in 0..2 {
        let mut browser = Browser::half_signed_in(&fixture).await;
        for _ in 0..4 {
            let reply = browser.second_step(&fixture, ("code", wrong_code(&fixture, &secret))).await;
            assert_eq!(reply.status, 401, "round {round}");
            assert!(reply.text.contains("That code isn’t right"));
        }
        let fifth = browser.second_step(&fixture, ("code", wrong_code(&fixture, &secret))).await;
        assert_eq!(fifth.location(), "/.gateway/login?next=/wiki");
        let again = browser.get(&fixture, "login").await;
        assert!(again.text.contains("Too many wrong codes"), "{}", again.text);
    }
    // The right password in between has forgiven none of the ten.
    let mut browser = Browser::default();
    let reply = browser.login(&fixture, "ada", RIGHT).await;
    assert_eq!(reply.status, 429, "{}", reply.text);
    assert!(fixture.audited().contains(&"blocked/account/ada".to_owned()), "{:?}", fixture.audited());
}

#[tokio::test]
async fn a_right_code_forgives_the_wrong_ones() {
    let fixture = Fixture::new();
    let (secret, _) = enrol(&fixture).await;
    for _ in 0..3 {
        let mut browser = Browser::half_signed_in(&fixture).await;
        for _ in 0..3 {
            let reply = browser.second_step(&fixture, ("code", wrong_code(&fixture, &secret))).await;
            assert_eq!(reply.status, 401);
        }
        let reply = browser.second_step(&fixture, ("code", &code(&fixture, &secret))).await;
        assert_eq!(reply.location(), "/wiki");
        fixture.clock.advance(Duration::from_secs(30));
    }
}

#[tokio::test]
async fn a_code_that_was_used_signs_nobody_else_in() {
    let fixture = Fixture::new();
    let (secret, _) = enrol(&fixture).await;
    let (mut alice, mut mallory) =
        (Browser::half_signed_in(&fixture).await, Browser::half_signed_in(&fixture).await);
    let seen = code(&fixture, &secret);
    assert_eq!(alice.second_step(&fixture, ("code", &seen)).await.location(), "/wiki");
    assert_eq!(mallory.second_step(&fixture, ("code", &seen)).await.status, 401);
    assert!(!mallory.is_signed_in(&fixture).await);
}

#[tokio::test]
async fn a_recovery_code_signs_in_once_and_the_owner_gets_a_notice() {
    let fixture = Fixture::new();
    let (_, codes) = enrol(&fixture).await;
    let code = codes.unwrap().iter().next().unwrap().to_groups().to_lowercase();
    let mut browser = Browser::half_signed_in(&fixture).await;
    assert_eq!(browser.second_step(&fixture, ("recovery", &code)).await.location(), "/wiki");
    assert!(browser.is_signed_in(&fixture).await);
    assert_eq!(fixture.audited(), ["notice/recovery-code-used/ada", "sign-in/ok/ada"]);
    let mut again = Browser::half_signed_in(&fixture).await;
    assert_eq!(again.second_step(&fixture, ("recovery", &code)).await.status, 401);
}

#[tokio::test]
async fn a_pending_sign_in_ends_after_five_minutes_and_with_a_change_of_the_account() {
    let fixture = Fixture::new();
    let (secret, _) = enrol(&fixture).await;
    let mut late = Browser::half_signed_in(&fixture).await;
    let csrf = late.csrf(&fixture, "login/second-step").await;
    fixture.clock.advance(Duration::from_mins(5));
    let now = code(&fixture, &secret);
    let reply = late.post(&fixture, "login/second-step", &[("csrf", &csrf), ("code", &now)]).await;
    assert_eq!(reply.location(), "/.gateway/login");
    assert!(late.get(&fixture, "login").await.text.contains("took too long"));

    let mut browser = Browser::half_signed_in(&fixture).await;
    let csrf = browser.csrf(&fixture, "login/second-step").await;
    let mut store =
        crate::users::UserStore::open(&fixture.temp.path().join("users.db"), fixture.clock.clone()).unwrap();
    store.set_active(&name("ada"), false).unwrap();
    fixture.directory.account_by_name(&name("ada")).await.unwrap();
    let reply = browser.post(&fixture, "login/second-step", &[("csrf", &csrf), ("code", &now)]).await;
    assert_eq!(reply.location(), "/.gateway/login?next=/wiki");
    assert!(!browser.is_signed_in(&fixture).await);
}

#[tokio::test]
async fn wrong_codes_give_a_pending_sign_in_no_more_time() {
    let fixture = Fixture::new();
    let (secret, _) = enrol(&fixture).await;
    let mut browser = Browser::half_signed_in(&fixture).await;
    fixture.clock.advance(Duration::from_mins(4));
    let wrong = wrong_code(&fixture, &secret);
    assert_eq!(browser.second_step(&fixture, ("code", wrong)).await.status, 401);
    let csrf = browser.csrf(&fixture, "login/second-step").await;
    fixture.clock.advance(Duration::from_mins(1));
    let now = code(&fixture, &secret);
    let late = browser.post(&fixture, "login/second-step", &[("csrf", &csrf), ("code", &now)]).await;
    assert_eq!(late.location(), "/.gateway/login");
    assert!(!browser.is_signed_in(&fixture).await);
}

#[tokio::test]
async fn a_pending_sign_in_goes_on_on_its_own_host_alone() {
    let fixture = Fixture::new();
    let (secret, _) = enrol(&fixture).await;
    let here = Browser::half_signed_in(&fixture).await;
    // Somebody carries the cookies over to another host.
    let mut there = Browser { host: Some("shop.example.com"), ..here.clone() };
    assert_eq!(there.get(&fixture, "login/second-step").await.location(), "/.gateway/login");
    let mut there = Browser { host: Some("shop.example.com"), ..here.clone() };
    let csrf = there.csrf(&fixture, "login").await;
    let now = code(&fixture, &secret);
    let sent = there.post(&fixture, "login/second-step", &[("csrf", &csrf), ("code", &now)]).await;
    assert_eq!(sent.location(), "/.gateway/login");
    assert!(!there.is_signed_in(&fixture).await);
}

#[tokio::test]
async fn a_form_of_another_site_is_no_try() {
    let fixture = Fixture::new();
    let (secret, _) = enrol(&fixture).await;
    let mut browser = Browser::half_signed_in(&fixture).await;
    for _ in 0..6 {
        let forged = [("csrf", "x"), ("code", wrong_code(&fixture, &secret))];
        assert_eq!(browser.post(&fixture, "login/second-step", &forged).await.status, 403);
    }
    let reply = browser.second_step(&fixture, ("code", &code(&fixture, &secret))).await;
    assert_eq!(reply.location(), "/wiki");
}

#[tokio::test]
async fn the_confirm_page_asks_for_what_is_needed_and_no_more() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    let fields =
        |text: &str| ["password", "code", "recovery"].map(|id| text.contains(&format!("id=\"{id}\"")));
    let none = browser.get(&fixture, "confirm?need=totp.passkey&next=/wiki").await;
    assert!(fields(&none.text) == [false; 3] && none.text.contains("you have none yet"), "{}", none.text);
    assert!(none.text.contains("href=\"/.gateway/account/factors\""));
    let (secret, _) = enrol(&fixture).await;
    for (need, expected) in [
        ("", [true, false, false]),
        ("need=password.provider", [true, false, false]),
        ("need=totp", [false, true, false]),
        ("need=recovery-code.totp", [false, true, true]),
        ("need=password.totp", [true, true, false]),
        ("need=passkey", [false; 3]),
    ] {
        let page = browser.get(&fixture, &format!("confirm?{need}&next=/wiki")).await;
        assert_eq!(fields(&page.text), expected, "{need}");
    }
    let before = browser.session().cloned();
    let csrf = browser.csrf(&fixture, "confirm?need=totp&next=/wiki").await;
    let now = code(&fixture, &secret);
    let fields = [("csrf", csrf.as_str()), ("next", "/wiki"), ("code", &now)];
    assert_eq!(browser.post(&fixture, "confirm?need=totp&next=/wiki", &fields).await.location(), "/wiki");
    assert_ne!(browser.session().cloned(), before, "a new token");
    assert_eq!(browser.post(&fixture, "confirm?need=totp", &fields).await.status, 303, "confirmed just now");
}
