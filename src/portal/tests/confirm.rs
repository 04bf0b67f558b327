//! The page that asks for the password again.

use std::time::Duration;

use http::header::SET_COOKIE;

use super::support::{Browser, Fixture, RIGHT};

#[tokio::test]
async fn a_confirmed_password_gives_a_new_token_and_goes_on_with_the_same_limits() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    let before = browser.clone();
    fixture.clock.advance(Duration::from_mins(59));
    let form = browser.get(&fixture, "confirm?next=/wiki/admin").await;
    assert_eq!(form.status, 200);
    assert!(form.text.contains("autocomplete=\"current-password\"") && form.text.contains("value=\"ada\""));
    let csrf = form.hidden("csrf");
    let fields = |password| [("csrf", csrf.as_str()), ("next", "/wiki/admin"), ("password", password)];
    let wrong = browser.post(&fixture, "confirm", &fields("wrong")).await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.text.contains("Wrong password.") && wrong.hidden("next").ends_with("admin"));
    assert_eq!(browser.session(), before.session());
    let forged = browser.post(&fixture, "confirm", &[("csrf", "x"), ("password", RIGHT)]).await;
    assert_eq!(forged.status, 403);

    let reply = browser.post(&fixture, "confirm", &fields(RIGHT)).await;
    assert_eq!(reply.location(), "/wiki/admin");
    let cookie = reply.headers.get_all(SET_COOKIE).iter().next().unwrap().to_str().unwrap();
    assert!(cookie.contains(&format!("Max-Age={}", (12 * 60 - 59) * 60)), "the limit is as it was: {cookie}");
    assert!(browser.is_signed_in(&fixture).await && !before.clone().is_signed_in(&fixture).await);
    assert_eq!(fixture.audited(), ["sign-in/ok/ada", "confirm/wrong-password/ada", "confirm/ok/ada"]);
    // The limit counts from the sign-in.
    for _ in 0..13 {
        fixture.clock.advance(Duration::from_mins(51));
        browser.is_signed_in(&fixture).await;
    }
    assert!(!browser.is_signed_in(&fixture).await);
    // A signed-out browser is sent to the sign-in page.
    assert_eq!(browser.get(&fixture, "confirm?next=/x").await.location(), "/.gateway/login?next=/x");
    let hostile = Browser::default().get(&fixture, "confirm?next=//evil.example").await;
    assert_eq!(hostile.location(), "/.gateway/login");
}

#[tokio::test]
async fn a_confirmation_in_one_tab_counts_for_the_form_in_another() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    fixture.clock.advance(Duration::from_mins(30));
    let csrf = browser.csrf(&fixture, "confirm?next=/one").await;
    let fields = |next| [("csrf", csrf.as_str()), ("next", next), ("password", RIGHT)];
    assert_eq!(browser.post(&fixture, "confirm", &fields("/one")).await.location(), "/one");
    assert_eq!(browser.post(&fixture, "confirm", &fields("/two")).await.location(), "/two");
    assert_eq!(browser.post(&fixture, "confirm", &fields("//evil.example")).await.location(), "/");
    fixture.clock.advance(Duration::from_mins(5));
    assert_eq!(browser.post(&fixture, "confirm", &fields("/two")).await.status, 403);
}
