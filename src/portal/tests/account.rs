//! The account page.

use http::Method;

use super::support::{Browser, Extra, Fixture, NAVIGATION};

#[tokio::test]
async fn account_pages_send_people_to_the_sign_in_page_and_refuse_programs() {
    let fixture = Fixture::new();
    for page in ["account", "account/password"] {
        let reply = Browser::default().get(&fixture, page).await;
        assert_eq!(reply.location(), format!("/.gateway/login?next=/.gateway/{page}"));
        let program: Extra<'_> = &[("accept", "application/json")];
        let reply = Browser::default().send(&fixture, Method::GET, page, program, "").await;
        assert_eq!(reply.status, 401);
        assert_eq!(reply.header("content-type"), "application/problem+json");
    }
    let reply = Browser::default().post(&fixture, "account/password", &[]).await;
    assert_eq!(reply.location(), "/.gateway/login?next=/.gateway/account/password");
}

#[tokio::test]
async fn the_account_page_shows_the_profile_escaped() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    let reply = browser.get(&fixture, "account").await;
    assert_eq!(reply.status, 200);
    for part in [
        "Ada &lt;b&gt;Lovelace&lt;&#x2f;b&gt;",
        "ada@example.com",
        "<li>staff</li>",
        "<li>reports.view</li><li>wiki.edit</li>",
        "Signed in <time datetime=\"2026-10-06T08:00:00.000Z\">6 October 2026, 08:00 UTC",
        "6 October 2026, 20:00 UTC",
        "</time> to wiki.example.com from 127.0.0.1",
        "Signing out ends this session",
        "<a href=\"&#x2f;\">Back to the application</a>",
        "In use now",
    ] {
        assert!(reply.text.contains(part), "{part}: {}", reply.text);
    }
    assert!(!reply.text.contains(browser.session().unwrap().as_str()));
}

#[tokio::test]
async fn the_account_page_links_back_to_the_page_of_the_application() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    for (referer, back) in [
        ("https://wiki.example.com/page?a=1", "/page?a=1"),
        ("https://wiki.example.com/.gateway/account/password", "/"),
        ("https://wiki.example.com//evil.example", "/"),
        ("https://evil.example/page", "/"),
    ] {
        let extra = [NAVIGATION, &[("referer", referer)]].concat();
        let page = browser.send(&fixture, Method::GET, "account", &extra, "").await;
        let link = format!("<a href=\"{}\">Back", back.replace('/', "&#x2f;"));
        assert!(page.text.contains(&link), "{referer}: {}", page.text);
    }
}
