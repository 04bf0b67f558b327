//! The table of pages.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Method, header::SET_COOKIE};
use http_body::{Body, Frame};

use super::support::{Browser, Fixture, NAVIGATION};
use crate::{pages::paths, portal::page_table::PAGES};

/// A body that panics when it is read.
struct Unread;

impl Body for Unread {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("the body is read")
    }
}

#[tokio::test]
async fn no_page_reads_the_form_of_a_stranger() {
    let fixture = Fixture::new();
    let pages = PAGES.iter().filter(|page| page.post.is_some());
    let pages: Vec<&str> = pages.map(|page| page.path.strip_prefix(paths::ROOT).unwrap()).collect();
    let expected = [
        "login",
        "login/second-step",
        "login/second-factor",
        "account/factors",
        "account/factors/app",
        "login/new-password",
        "login/profile",
        "login/second-step/passkey",
        "login/second-factor/passkey",
        "confirm/passkey",
        "login/passkey",
        "account/factors/passkey",
        "logout",
        "confirm",
        "account/sessions",
        "account/connections",
        "account/profile",
        "account/data",
        "account/password",
        "reset",
        "reset/new",
        "invite",
        "register",
        "register/finish",
        "account/email",
        "confirm-email",
        "undo-email",
        "account/tokens",
        "oidc/*/link",
        // Read if there is a provider of this name: its signature is in the form.
        "oidc/*/logout",
        "setup",
    ];
    assert_eq!(pages, expected);
    for page in pages {
        let mut stranger = Browser::default();
        let reply = stranger.send_body(&fixture, Method::POST, page, NAVIGATION, Unread).await;
        assert!([303, 401, 403, 404, 410].contains(&reply.status), "{page}: {}", reply.status);
    }
}

#[tokio::test]
async fn unknown_pages_and_methods_are_refused_and_head_is_get() {
    let fixture = Fixture::new();
    let mut browser = Browser::default();
    for unknown in ["unknown", "login/", "Login", "account/", "style-0.css", "verify/x", "../login"] {
        assert_eq!(browser.get(&fixture, unknown).await.status, 404, "{unknown}");
    }
    for (method, page, allow) in [
        (Method::POST, "", "GET, HEAD"),
        (Method::PUT, "login", "GET, HEAD, POST"),
        (Method::DELETE, "logout", "GET, HEAD, POST"),
        (Method::OPTIONS, "account/password", "GET, HEAD, POST"),
        (Method::POST, "account", "GET, HEAD"),
        (Method::GET, "account/sessions", "POST"),
        (Method::PUT, "confirm", "GET, HEAD, POST"),
        (Method::POST, "whoami", "GET, HEAD"),
    ] {
        let reply = browser.send(&fixture, method, page, NAVIGATION, "").await;
        assert_eq!((reply.status, reply.header("allow")), (405, allow), "{page}");
    }
    for page in ["login", "logout", "account", "whoami"] {
        let mut browser = Browser::default();
        let head = browser.send(&fixture, Method::HEAD, page, NAVIGATION, "").await;
        assert_eq!(head.status, browser.get(&fixture, page).await.status, "{page}");
    }
}

#[tokio::test]
async fn the_root_of_the_pages_leads_to_the_account_or_to_the_form() {
    let fixture = Fixture::new();
    for method in [Method::GET, Method::HEAD] {
        let reply = Browser::default().send(&fixture, method, "", NAVIGATION, "").await;
        assert_eq!(reply.location(), "/.gateway/login");
    }
    assert_eq!(Browser::signed_in(&fixture).await.get(&fixture, "").await.location(), "/.gateway/account");
}

#[tokio::test]
async fn a_form_without_a_session_leaves_the_message_that_it_was_not_saved() {
    let fixture = Fixture::new();
    let mut browser = Browser::default();
    let from = "https://wiki.example.com/.gateway/account";
    let extra = [NAVIGATION, &[("referer", from)]].concat();
    let reply = browser.send(&fixture, Method::POST, "account/sessions", &extra, "end=others").await;
    assert_eq!(reply.location(), "/.gateway/login?next=/.gateway/account");
    assert!(browser.get(&fixture, "login").await.text.contains("What you sent was not saved"));
    assert!(!browser.get(&fixture, "login").await.text.contains("not saved"), "once");
    let reply = browser.get(&fixture, "account").await;
    assert!(!reply.headers.contains_key(SET_COOKIE), "nothing was sent");
}
