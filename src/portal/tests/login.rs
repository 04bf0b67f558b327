//! The sign-in page.

use std::time::Duration;

use futures_util::{FutureExt, future};
use http::{Method, header::SET_COOKIE};

use super::support::{Browser, Extra, FORM_COOKIE, Fixture, NAVIGATION, RIGHT, SESSION_COOKIE, encode};
use crate::{
    session::{MemoryStore, SessionToken},
    users::HashSettings,
};

#[tokio::test]
async fn a_sign_in_opens_a_session_and_leads_on_to_the_requested_page() {
    let fixture = Fixture::new();
    let mut browser = Browser::default();
    let form = browser.get(&fixture, "login?next=/wiki/a%3Fb%3Dc").await;
    assert_eq!((form.status, form.header("cache-control")), (200, "no-store"));
    assert!(form.text.contains("<title>Sign in · wiki.example.com</title>"));
    let csrf = form.hidden("csrf");
    let fields =
        [("csrf", csrf.as_str()), ("next", "/wiki/a?b=c"), ("username", " ADA "), ("password", RIGHT)];
    let reply = browser.post(&fixture, "login", &fields).await;
    assert_eq!(reply.location(), "/wiki/a?b=c");
    assert!(browser.is_signed_in(&fixture).await);
    assert!(!browser.cookies.contains_key(FORM_COOKIE), "the form's secret changes at sign-in");
    let cookie = reply.headers.get_all(SET_COOKIE).iter().next().unwrap().to_str().unwrap();
    assert!(cookie.contains("Max-Age=43200"), "{cookie}");
    assert_eq!(fixture.audited(), ["sign-in/ok/ada"]);
    // Already signed in: straight on, and in no circle.
    assert_eq!(browser.get(&fixture, "login?next=/x").await.location(), "/x");
    assert_eq!(browser.get(&fixture, "login?next=/.gateway/login").await.location(), "/");
    assert_eq!(browser.get(&fixture, "login?next=//evil.example").await.location(), "/");
}

#[tokio::test]
async fn the_cookie_ends_with_the_browser_if_so_configured() {
    let mut fixture = Fixture::new();
    fixture.settings.sessions.browser_session = true;
    let reply = Browser::default().login(&fixture, "ada", RIGHT).await;
    let session = reply.headers.get_all(SET_COOKIE).iter().next().unwrap().to_str().unwrap();
    assert!(session.starts_with(SESSION_COOKIE) && !session.contains("Max-Age"), "{session}");
}

#[tokio::test]
async fn a_sign_in_never_leads_to_another_host() {
    let fixture = Fixture::new();
    for hostile in
        ["//evil.example", "https://evil.example/", "/\\evil.example", "/\t/evil.example", "/%2f/x"]
    {
        let mut browser = Browser::default();
        let form = browser.get(&fixture, &format!("login?{}", encode(&[("next", hostile)]))).await;
        assert_eq!(form.hidden("next"), "&#x2f;", "{hostile:?}");
        let csrf = form.hidden("csrf");
        let fields = [("csrf", csrf.as_str()), ("next", hostile), ("username", "ada"), ("password", RIGHT)];
        assert_eq!(browser.post(&fixture, "login", &fields).await.location(), "/", "{hostile:?}");
    }
}

#[tokio::test]
async fn a_sign_in_in_one_tab_counts_for_the_form_in_another() {
    let fixture = Fixture::new();
    let mut browser = Browser::default();
    let (one, two) =
        (browser.csrf(&fixture, "login?next=/one").await, browser.csrf(&fixture, "login?next=/two").await);
    let form = |csrf: &str, next: &str, name: &str, password: &str| {
        encode(&[("csrf", csrf), ("next", next), ("username", name), ("password", password)])
    };
    let mut submit =
        async |body: String| browser.send(&fixture, Method::POST, "login", NAVIGATION, &body).await;
    assert_eq!(submit(form(&one, "/one", "ada", RIGHT)).await.location(), "/one");
    // Whatever was typed as a password: it is the person who is signed in already.
    for password in [RIGHT, "wrong"] {
        assert_eq!(submit(form(&two, "/two", " ADA", password)).await.location(), "/two");
    }
    assert_eq!(submit(form(&two, "//evil.example", "ada", RIGHT)).await.location(), "/");
    // Somebody else at the same desk is not taken for ada.
    let another = submit(form(&two, "/two", "nora", RIGHT)).await;
    assert_eq!(another.status, 403);
    assert!(another.text.contains("This form has expired") && another.text.contains("value=\"nora\""));
    assert_eq!(fixture.audited(), ["sign-in/ok/ada"]);
}

#[tokio::test]
async fn the_form_has_no_action_so_that_the_browser_keeps_the_fragment() {
    let fixture = Fixture::new();
    // Without `action` a form is sent to the address of its page, fragment and all (HTML, form submission), and a
    // redirect without a fragment takes that on (RFC 9110 §10.2.2).
    let mut browser = Browser::signed_in(&fixture).await;
    for page in [
        Browser::default().get(&fixture, "login?next=/board").await,
        browser.get(&fixture, "confirm?next=/board").await,
    ] {
        assert!(page.text.contains("<form method=\"post\">"), "{}", page.text);
    }
    let mut browser = Browser::default();
    let csrf = browser.csrf(&fixture, "login?next=/board").await;
    let fields = [("csrf", csrf.as_str()), ("next", "/board"), ("username", "ada"), ("password", RIGHT)];
    assert_eq!(browser.post(&fixture, "login?next=/board", &fields).await.location(), "/board");
}

#[tokio::test]
async fn a_new_token_comes_with_each_sign_in_and_the_one_before_is_dead() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    let before = browser.clone();
    // The sign-in form, opened in another tab before the first sign-in.
    let mut other_tab = Browser::default();
    let csrf = other_tab.csrf(&fixture, "login").await;
    browser.cookies.extend(other_tab.cookies);
    let fields = [("csrf", csrf.as_str()), ("username", "ada"), ("password", RIGHT)];
    assert_eq!(browser.post(&fixture, "login", &fields).await.location(), "/");
    assert_ne!(browser.session(), before.session());
    assert!(browser.is_signed_in(&fixture).await);
    assert!(!before.clone().is_signed_in(&fixture).await);
    // A token that a stranger planted is not adopted.
    let planted = SessionToken::generate().unwrap().to_cookie().to_string();
    let mut victim = Browser::default();
    victim.cookies.insert(SESSION_COOKIE.into(), planted.clone());
    victim.login(&fixture, "ada", RIGHT).await;
    assert_ne!(victim.session(), Some(&planted));
}

#[tokio::test]
async fn every_failed_sign_in_looks_the_same() {
    let fixture = Fixture::new();
    let long = "x".repeat(10_000);
    let cases = [
        ("ada", "wrong"),
        ("ada", ""),
        ("ada", long.as_str()),
        ("ada", "velvet turbine oyster\0"),
        ("ada", "velvet turbine oyster "),
        ("dora", RIGHT),
        ("nora", RIGHT),
        ("nobody", RIGHT),
        ("", RIGHT),
        ("", ""),
        ("a b", "x"),
        ("ada\0", RIGHT),
        (long.as_str(), RIGHT),
        ("<script>", "x"),
    ];
    let mut seen = Vec::new();
    for (username, password) in cases {
        let mut browser = Browser::default();
        let reply = browser.login(&fixture, username, password).await;
        assert_eq!(reply.status, 401, "{username:.20} {password:.20}");
        assert!(reply.text.contains("Wrong user name or password."));
        assert!(!reply.text.contains("<script"));
        assert!(browser.session().is_none());
        let shown = reply.hidden("csrf");
        let typed = reply.text.split("name=\"username\" type=\"text\" value=\"").nth(1).unwrap();
        let typed = typed.split('"').next().unwrap().to_owned();
        // The focus depends on whether a name was typed, which the sender knows.
        let same = reply
            .text
            .replace(&shown, "")
            .replace(&format!("value=\"{typed}\""), "value=\"\"")
            .replace(" autofocus", "");
        let mut headers = reply.headers.clone();
        headers.remove(SET_COOKIE);
        seen.push((same, format!("{headers:?}")));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:#?}");
    let audited = fixture.audited();
    for line in [
        "sign-in-failed/wrong-password/ada",
        "sign-in-failed/disabled/dora",
        "sign-in-failed/no-password/nora",
        "sign-in-failed/unknown-user/-",
        "sign-in-failed/invalid-name/-",
        "sign-in-failed/unusable-password/ada",
    ] {
        assert!(audited.iter().any(|audited| audited == line), "{line}: {audited:?}");
    }
}

#[tokio::test]
async fn the_audit_stream_holds_no_password_no_token_and_no_unknown_name() {
    let fixture = Fixture::new();
    let mut browser = Browser::default();
    browser.login(&fixture, "hunter2-as-a-name", "hunter2").await;
    browser.login(&fixture, "ada", "hunter2").await;
    browser.login(&fixture, "ada", RIGHT).await;
    let token = browser.session().unwrap().clone();
    let text = format!("{:?}", fixture.audit());
    assert!(text.contains("r-1") && text.contains("127.0.0.1"), "{text}");
    assert!(!text.contains("hunter2") && !text.contains("velvet") && !text.contains(&token), "{text}");
}

#[tokio::test]
async fn a_sign_in_that_another_site_sends_does_nothing() {
    let fixture = Fixture::new();
    let mut honest = Browser::default();
    let csrf = honest.csrf(&fixture, "login").await;
    let mut stranger = Browser::default();
    let foreign = stranger.csrf(&fixture, "login").await;
    let cookieless = Browser::default();
    let own: Extra<'_> = &[("origin", "https://wiki.example.com")];
    let table: &[(&Browser, &str, Extra<'_>, u16)] = &[
        (&honest, &csrf, NAVIGATION, 303),
        (&honest, &csrf, own, 303),
        (&honest, &csrf, &[], 303),
        (&honest, &csrf, &[("sec-fetch-site", "none")], 303),
        // A form of the stranger's own browser, sent by the victim's (login CSRF).
        (&cookieless, &foreign, NAVIGATION, 403),
        (&honest, &foreign, NAVIGATION, 403),
        (&stranger, &csrf, own, 403),
        (&honest, "", own, 403),
        (&honest, "x", own, 403),
        (&honest, &csrf, &[("sec-fetch-site", "cross-site")], 403),
        (&honest, &csrf, &[("sec-fetch-site", "same-site")], 403),
        (&honest, &csrf, &[("origin", "https://evil.example")], 403),
        (&honest, &csrf, &[("origin", "null")], 403),
        (&honest, &csrf, &[("origin", "http://wiki.example.com")], 403),
    ];
    for (browser, csrf, extra, expected) in table {
        let mut browser = (*browser).clone();
        let had_cookie = !browser.cookies.is_empty();
        let fields = [("csrf", *csrf), ("username", "ada"), ("password", RIGHT), ("next", "/wiki")];
        let reply = browser.send(&fixture, Method::POST, "login", extra, &encode(&fields)).await;
        assert_eq!(reply.status, *expected, "{csrf} {extra:?}");
        assert_eq!(browser.session().is_some(), *expected == 303);
        if *expected == 403 {
            // The form keeps all that was typed except the password, and the next attempt works. A form without its
            // cookie is not read.
            assert!(reply.text.contains("This form has expired"));
            assert!(reply.text.contains("value=\"ada\"") || !had_cookie);
            assert!(!reply.text.contains(RIGHT));
            let csrf = reply.hidden("csrf");
            let fields = [("csrf", csrf.as_str()), ("username", "ada"), ("password", RIGHT)];
            assert_eq!(browser.post(&fixture, "login", &fields).await.status, 303);
        }
    }
}

#[tokio::test]
async fn bodies_that_are_not_forms_are_refused() {
    let fixture = Fixture::new();
    let mut browser = Browser::default();
    browser.csrf(&fixture, "login").await;
    let json: Extra<'_> = &[("content-type", "application/json"), ("accept", "text/html")];
    assert_eq!(browser.send(&fixture, Method::POST, "login", json, "{}").await.status, 415);
    assert_eq!(browser.send(&fixture, Method::POST, "login", NAVIGATION, "a=1&a=2").await.status, 400);
    assert_eq!(browser.send(&fixture, Method::POST, "login", NAVIGATION, "a=%ff").await.status, 400);
    let large = "a".repeat(200_000);
    assert_eq!(browser.send(&fixture, Method::POST, "login", NAVIGATION, &large).await.status, 413);
}

#[tokio::test]
async fn the_checkbox_to_stay_signed_in_is_there_only_if_configured_and_then_counts() {
    let mut fixture = Fixture::new();
    let form = Browser::default().get(&fixture, "login").await;
    assert!(!form.text.contains("remember"));
    let ticked = |csrf: &str| {
        vec![
            ("csrf".to_owned(), csrf.to_owned()),
            ("username".to_owned(), "ada".to_owned()),
            ("password".to_owned(), RIGHT.to_owned()),
            ("remember".to_owned(), "yes".to_owned()),
        ]
    };
    let cookie = async |fixture: &Fixture, browser: &mut Browser| {
        let csrf = browser.csrf(fixture, "login").await;
        let fields = ticked(&csrf);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let reply = browser.post(fixture, "login", &fields).await;
        reply.headers.get_all(SET_COOKIE).iter().next().unwrap().to_str().unwrap().to_owned()
    };
    let mut stranger = Browser::default();
    let set_cookie = cookie(&fixture, &mut stranger).await;
    assert!(
        set_cookie.contains("Max-Age=43200"),
        "a box that is not on the page cannot be ticked: {set_cookie}"
    );

    fixture.settings.sessions.remember_lifetime = Some(Duration::from_hours(30 * 24));
    fixture.settings.sessions.browser_session = true;
    let mut browser = Browser::default();
    let form = browser.get(&fixture, "login").await;
    assert!(form.text.contains("For 30 days.") && !form.text.contains(" checked"), "{}", form.text);
    let set_cookie = cookie(&fixture, &mut browser).await;
    assert!(set_cookie.contains("Max-Age=2592000"), "it outlives the browser: {set_cookie}");
    fixture.clock.advance(Duration::from_hours(29 * 24));
    assert!(browser.is_signed_in(&fixture).await, "neither the idle time nor the usual lifetime counts");
    fixture.clock.advance(Duration::from_hours(24));
    assert!(!browser.is_signed_in(&fixture).await);

    // A mistyped password does not clear the checkbox.
    let mut browser = Browser::default();
    let csrf = browser.csrf(&fixture, "login").await;
    let fields = [("csrf", csrf.as_str()), ("username", "ada"), ("password", "x"), ("remember", "yes")];
    assert!(browser.post(&fixture, "login", &fields).await.text.contains(" checked"));
}

#[tokio::test]
async fn too_many_sign_ins_at_once_are_refused_at_once_and_the_form_keeps_the_name() {
    // One check runs, two wait; all take far longer than telling the others that there is no room.
    let slow = HashSettings { memory: 19_456, iterations: 40, parallelism: 1 };
    let fixture = Fixture::with(Box::new(MemoryStore::new(10)), slow, Fixture::people);
    let attempts =
        (0..4).map(|_| async { Browser::default().login(&fixture, "ada", RIGHT).await }.boxed_local());
    let (reply, _, _) = future::select_all(attempts).await;
    assert_eq!(reply.status, 503);
    assert!(reply.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(reply.text.contains("value=\"ada\"") && reply.text.contains("Please try again in"));
    assert!(fixture.audited().contains(&"sign-in-failed/busy/-".to_owned()));
}
