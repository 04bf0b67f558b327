//! The gateway's pages in a real browser, Chromium: texts, focus, cookies, the back button.
//!
//! Pictures of every page go to `tests/output/screenshots/`, to be looked at.

use std::time::Duration;

use crate::support::{
    block_on,
    browser::Browser,
    gateway::{TestGateway, password},
    process::until,
    upstream::Upstream,
};

const APPS: &str = r#"
[[app]]
host = "localhost"
upstream = "builtin:whoami"
[[app.rule]]
path = "/admin/**"
allow = { group = "operators" }
[[app]]
name = "gone"
host = "localhost"
path = "/gone"
upstream = "http://127.0.0.1:1"
"#;

const GROUPS: &str = "[groups]\noperators = []\nstaff = [\"wiki.edit\", \"reports.view\"]";

fn gateway() -> TestGateway {
    let gateway = TestGateway::start_with(GROUPS, APPS);
    gateway.add_user("alice", &["staff"]);
    gateway
}

/// Fills the sign-in form in and sends it.
fn sign_in(browser: &Browser, name: &str, password: &str) {
    browser.fill_in("#username", name);
    browser.fill_in("#password", password);
    browser.click("button[type=submit]");
}

#[test]
fn a_person_signs_in_works_and_signs_out() {
    let gateway = gateway();
    let browser = Browser::start();
    let at = |path: &str| format!("{}{path}", gateway.origin);

    browser.open(&at("/reports/2026?month=11"));
    assert!(browser.title().starts_with("Sign in"), "{}", browser.title());
    assert_eq!(browser.evaluate("document.activeElement.id"), "username");
    browser.picture("login");
    sign_in(&browser, "alice", "a wrong guess");
    assert!(browser.text().contains("Wrong user name or password."), "{}", browser.text());
    assert_eq!(browser.evaluate("document.activeElement.id"), "password");
    assert_eq!(browser.evaluate("document.getElementById('password').value"), "");
    browser.picture("login-failed");

    sign_in(&browser, "alice", &password("alice"));
    assert_eq!(browser.url(), at("/reports/2026?month=11"));
    let page = browser.text();
    assert!(page.to_lowercase().contains("remote-user") && page.contains("alice"), "{page}");
    browser.picture("whoami");
    assert_eq!(browser.evaluate("document.cookie"), "", "a script can read a cookie");

    browser.open(&at("/admin/users"));
    assert!(browser.text().contains("403") && browser.text().contains("can’t open this page"));
    browser.picture("refused-403");

    browser.open(&at("/.gateway/account"));
    assert!(browser.text().contains("alice") && browser.text().contains("wiki.edit"), "{}", browser.text());
    browser.picture("account");
    browser.open(&at("/.gateway/logout"));
    browser.picture("logout");

    browser.click("button[type=submit]");
    assert!(browser.text().contains("You have signed out."), "{}", browser.text());
    browser.picture("login-signed-out");
    browser.reload();
    assert!(browser.title().starts_with("Sign in"), "{}", browser.title());
    assert!(!browser.text().contains("You have signed out."), "shown twice");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// A dashboard that everybody may see frames an application for which people sign in.
#[test]
fn a_framed_application_links_to_the_sign_in_page() {
    let upstream = Upstream::scripted(|conn| {
        while let Some(request) = conn.request()? {
            let body = match request.asked() {
                "GET /outer" => FRAMES,
                _ => "<!doctype html><title>inner</title><p>the inner application",
            };
            let length = body.len();
            conn.send(
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{body}"
                )
                .as_bytes(),
            )?;
        }
        Ok(())
    });
    let gateway = TestGateway::start(&format!(
        "[[app]]\nhost = \"localhost\"\nupstream = {:?}\n[[app.rule]]\npath = \"/outer\"\nallow = \"anyone\"\n\
         [[app.rule]]\npath = \"/recent\"\nallow = \"authenticated\"\nmax_age = \"1m\"\n",
        upstream.url
    ));
    gateway.add_user("alice", &[]);
    let browser = Browser::start();
    let outer = format!("{}/outer", gateway.origin);
    let framed = |id: &str, what: &str| {
        let found = browser.evaluate(&format!("document.getElementById('{id}').contentDocument.{what}"));
        found.as_str().map_or_else(|| found.to_string(), str::to_owned)
    };
    browser.open(&outer);
    for (id, words) in [
        ("inner", "Please sign in"),
        ("account", "Please sign in"),
        ("login", "doesn’t open in a frame"),
        ("nothing", "Page not found"),
    ] {
        let text = framed(id, "body.innerText");
        assert!(text.contains(words), "{id}: {text}");
        assert_eq!(framed(id, "forms.length"), "0", "{id}");
    }
    browser.picture("framed");
    browser.evaluate("document.getElementById('inner').contentDocument.querySelector('a.primary').click()");
    until("the sign-in page in the whole window", || browser.title().starts_with("Sign in"));
    sign_in(&browser, "alice", &password("alice"));
    assert_eq!(browser.url(), format!("{}/inner?a=b", gateway.origin));

    browser.open(&outer);
    assert!(framed("inner", "body.innerText").contains("the inner application"));
    assert!(framed("account", "body.innerText").contains("doesn’t open in a frame"));
    gateway.clock.advance(Duration::from_mins(2));
    browser.open(&outer);
    assert!(framed("recent", "body.innerText").contains("Please confirm your password"));
    browser.evaluate("document.getElementById('recent').contentDocument.querySelector('a.primary').click()");
    until("the page in the whole window", || browser.title().starts_with("Confirm"));
    assert!(browser.url().ends_with("/.gateway/confirm?next=/recent"), "{}", browser.url());
}

const FRAMES: &str = "<!doctype html><meta name=viewport content='width=device-width'><title>outer</title><p>the dashboard</p>\
    <style>iframe { display: block; width: 100%; height: 26rem; margin-bottom: 1rem }</style>\
    <iframe id=inner src='/inner?a=b'></iframe>\
    <iframe id=account src='/.gateway/account'></iframe><iframe id=login src='/.gateway/login'></iframe>\
    <iframe id=nothing src='/.gateway/nothing'></iframe><iframe id=recent src='/recent'></iframe>";

#[test]
fn a_sign_in_returns_to_the_fragment_of_a_deep_link() {
    let rule = "[[app]]\nupstream = \"builtin:whoami\"\n\
                [[app.rule]]\npath = \"/admin/**\"\nallow = \"authenticated\"\nmax_age = \"10m\"";
    let gateway = TestGateway::start(rule);
    gateway.add_user("alice", &[]);
    let browser = Browser::start();
    let at = |path: &str| format!("{}{path}", gateway.origin);
    browser.open(&at("/boards?x=1#/card/7"));
    sign_in(&browser, "alice", "a wrong guess");
    sign_in(&browser, "alice", &password("alice"));
    assert_eq!(browser.url(), at("/boards?x=1#/card/7"));
    gateway.clock.advance(Duration::from_mins(11));
    browser.open(&at("/admin/users?y=2#/bob"));
    browser.picture("confirm-deep-link");
    browser.fill_in("#password", &password("alice"));
    browser.click("button[type=submit]");
    assert_eq!(browser.url(), at("/admin/users?y=2#/bob"));
}

#[test]
fn the_sign_in_page_says_that_a_form_was_not_saved_and_how_the_first_user_is_made() {
    let gateway = TestGateway::start("[[app]]\nupstream = \"builtin:whoami\"");
    let browser = Browser::start();
    browser.open(&format!("{}/page", gateway.origin));
    assert!(browser.text().contains("Nobody can sign in yet"), "{}", browser.text());
    browser.picture("login-no-users");
    gateway.add_user("alice", &[]);
    browser.open(&format!("{}/.gateway/account", gateway.origin));
    sign_in(&browser, "alice", &password("alice"));
    gateway.clock.advance(Duration::from_hours(2));
    browser.click("button[value=everywhere]");
    assert!(browser.text().contains("What you sent was not saved"), "{}", browser.text());
    browser.picture("login-not-saved");
    sign_in(&browser, "alice", &password("alice"));
    assert_eq!(browser.url(), format!("{}/.gateway/account", gateway.origin));
}

#[test]
fn the_back_button_shows_nothing_private_after_signing_out() {
    let gateway = gateway();
    let browser = Browser::start();
    browser.open(&format!("{}/private", gateway.origin));
    sign_in(&browser, "alice", &password("alice"));
    assert!(browser.text().contains("alice"));
    browser.open(&format!("{}/.gateway/account", gateway.origin));
    assert!(browser.text().contains("wiki.edit"));
    browser.click("form button[type=submit]");
    assert!(browser.text().contains("You have signed out."));
    let mut passed = Vec::new();
    for step in 1..=4 {
        browser.back();
        let text = browser.text();
        let private = ["alice", "wiki.edit", "Remote-User"].iter().any(|word| text.contains(word));
        assert!(!private, "{step} steps back, at {}:\n{text}", browser.url());
        passed.push((browser.url(), browser.title()));
    }
    // The account page and the private one were passed: each asks for a sign-in.
    let asks =
        |(url, title): &(String, String)| url.starts_with(&gateway.origin) && title.starts_with("Sign in");
    assert!(passed.iter().filter(|passed| asks(passed)).count() >= 2, "{passed:?}");
}

#[test]
fn a_person_changes_the_password() {
    let gateway = gateway();
    let (browser, elsewhere) = (Browser::start(), Browser::start());
    for browser in [&browser, &elsewhere] {
        browser.open(&format!("{}/.gateway/account", gateway.origin));
        sign_in(browser, "alice", &password("alice"));
        assert!(browser.title().starts_with("Your account"), "{}", browser.title());
    }
    browser.click("a[href='/.gateway/account/password']");
    browser.picture("password");
    let change = |current: &str, new: &str| {
        browser.fill_in("#current", current);
        browser.fill_in("#new", new);
        browser.fill_in("#again", new);
        browser.click("button[type=submit]");
    };
    change(&password("alice"), "password123");
    assert!(browser.text().contains("too easy to guess"), "{}", browser.text());
    browser.picture("password-refused");
    change(&password("alice"), NEW);
    assert!(browser.text().contains("Your password has been changed."), "{}", browser.text());
    browser.picture("account-notice");
    browser.reload();
    assert!(browser.title().starts_with("Your account"), "{}", browser.title());
    assert!(!browser.text().contains("has been changed"), "shown twice");

    elsewhere.reload();
    assert!(elsewhere.title().starts_with("Sign in"), "the other browser is still in");
    sign_in(&elsewhere, "alice", &password("alice"));
    assert!(elsewhere.text().contains("Wrong user name or password."));
    sign_in(&elsewhere, "alice", NEW);
    assert!(elsewhere.title().starts_with("Your account"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
    assert_eq!(elsewhere.complaints(), Vec::<String>::new());
}

#[test]
fn the_first_superuser_is_made_in_a_browser() {
    let gateway = TestGateway::start_with(GROUPS, APPS);
    let link = block_on(gateway.shared.portal.setup_link()).unwrap().expect("there is no user yet");
    let browser = Browser::start();
    browser.open(&format!("{}{}", gateway.origin, link.as_str()));
    assert!(browser.text().contains("first superuser"), "{}", browser.text());
    browser.picture("setup");
    let fill_in = |new: &str| {
        browser.fill_in("#username", "root");
        browser.fill_in("#password", new);
        browser.fill_in("#again", new);
        browser.click("button[type=submit]");
    };
    fill_in("12345678");
    assert!(browser.text().contains("too easy to guess"), "{}", browser.text());
    browser.picture("setup-refused");
    fill_in(NEW);
    assert!(browser.text().contains("You are the first superuser."), "{}", browser.text());
    browser.picture("account-superuser");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn every_refusal_page_says_what_to_do() {
    let gateway = gateway();
    let browser = Browser::start();
    browser.open(&format!("{}/", gateway.origin));
    sign_in(&browser, "alice", &password("alice"));
    let elsewhere = gateway.origin.replace("localhost", "elsewhere.localhost");
    for (name, url, status, words) in [
        ("refused-404", format!("{}/.gateway/nothing", gateway.origin), "404", "Page not found"),
        ("refused-502", format!("{}/gone/", gateway.origin), "502", "can’t be reached"),
        ("refused-421", format!("{elsewhere}/"), "421", "There is no site here"),
    ] {
        browser.open(&url);
        let text = browser.text();
        assert!(text.contains(status) && text.contains(words), "{name}: {text}");
        assert!(text.contains("Request"), "no number to tell an administrator: {text}");
        browser.picture(name);
    }
    // The directory cannot be read: nobody knows who this is, so this is no sign-in page.
    let directory = rusqlite::Connection::open(gateway.folder().join("state/users.db")).unwrap();
    directory
        .execute_batch("ALTER TABLE user RENAME TO hidden_user; ALTER TABLE change RENAME TO hidden_change")
        .unwrap();
    until("the page says that it cannot be done", || {
        browser.open(&format!("{}/", gateway.origin));
        browser.text().contains("503")
    });
    browser.picture("refused-503");
    assert!(browser.text().contains("again in a little while"), "{}", browser.text());
    directory
        .execute_batch("ALTER TABLE hidden_user RENAME TO user; ALTER TABLE hidden_change RENAME TO change")
        .unwrap();
    until("all is well again, and alice is still in", || {
        browser.reload();
        browser.text().contains("alice")
    });
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

const NEW: &str = "seven violet lanterns hum";
