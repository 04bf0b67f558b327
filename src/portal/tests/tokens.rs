//! The page of API tokens.

use std::time::Duration;

use super::{
    second_step::{code, enrol},
    support::{Browser, Fixture, Reply, name},
};

/// Asks for a token that counts as two factors.
async fn make(browser: &mut Browser, fixture: &Fixture) -> Reply {
    let csrf = browser.csrf(fixture, "account/tokens").await;
    let fields = [("csrf", csrf.as_str()), ("name", "backup"), ("days", "1"), ("multi_factor", "yes")];
    browser.post(fixture, "account/tokens", &fields).await
}

/// Shows the factor of now at the page of this step.
async fn show(browser: &mut Browser, fixture: &Fixture, page: &str, code: &str) {
    let csrf = browser.csrf(fixture, page).await;
    let sent = browser.post(fixture, page, &[("csrf", &csrf), ("next", "/wiki"), ("code", code)]).await;
    assert_eq!(sent.location(), "/wiki", "{page}");
}

#[tokio::test]
async fn a_token_counts_as_two_factors_only_if_two_were_shown_in_the_last_ten_minutes() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    assert_eq!(make(&mut browser, &fixture).await.status, 200, "with the password alone");

    let (secret, _) = enrol(&fixture).await;
    let mut browser = Browser::half_signed_in(&fixture).await;
    show(&mut browser, &fixture, "login/second-step", &code(&fixture, &secret)).await;
    assert_eq!(make(&mut browser, &fixture).await.status, 200, "with password and code");

    fixture.clock.advance(Duration::from_mins(11));
    show(&mut browser, &fixture, "confirm?need=totp", &code(&fixture, &secret)).await;
    assert_eq!(make(&mut browser, &fixture).await.status, 200, "the password is of long ago");

    let ada = fixture.directory.account_by_name(&name("ada")).await.unwrap().unwrap();
    let counts: Vec<bool> = ada.tokens.iter().map(|token| token.limits.multi_factor).collect();
    assert_eq!(counts, [false, true, false]);
}
