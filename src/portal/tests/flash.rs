//! Flash messages.

use super::support::{Browser, FLASH_COOKIE, Fixture};

#[tokio::test]
async fn a_flash_message_says_nothing_that_a_stranger_wrote() {
    let fixture = Fixture::new();
    let mut browser = Browser::default();
    browser.cookies.insert(FLASH_COOKIE.into(), "Call+0900-12345".into());
    let reply = browser.get(&fixture, "login").await;
    assert!(!reply.text.contains("0900") && !reply.text.contains("role=\"status\""));
}
