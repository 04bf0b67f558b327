//! One sign-in for all hosts in Chromium: three hosts in two domains, tabs, the back button, forms.
//!
//! Pictures go to `tests/output/screenshots/`, to be looked at.

use std::time::Duration;

use crate::support::{
    browser::Browser,
    gateway::{TestGateway, password},
    process::until,
    upstream::Upstream,
};

const HOSTS: [&str; 3] = ["login.example.com", "wiki.example.com", "shop.example.org"];

/// An application with a form, whose own policy lets forms lead to its own host alone.
fn application() -> Upstream {
    Upstream::scripted(|conn| {
        while let Some(request) = conn.request()? {
            let (kind, body) = match request.asked() {
                "GET /static/icon.svg" => ("image/svg+xml", ICON.to_owned()),
                "POST /save" => ("text/html", "<!doctype html><title>saved</title><p>saved".to_owned()),
                asked => ("text/html", format!("<!doctype html><title>page</title><h1>{asked}</h1>{FORM}")),
            };
            let length = body.len();
            conn.send(
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
                     Content-Security-Policy: form-action 'self'\r\n\r\n{body}"
                )
                .as_bytes(),
            )?;
        }
        Ok(())
    })
}

fn gateway(upstream: &Upstream) -> TestGateway {
    let apps = format!(
        "[portal]\nhost = \"login.example.com\"\n\
         [[app]]\nname = \"wiki\"\ntitle = \"Wiki\"\ndescription = \"What we know, and where it stands\"\n\
         icon = \"/static/icon.svg\"\nhost = \"wiki.example.com\"\nupstream = {url:?}\n\
         [[app.rule]]\npath = \"/static/**\"\nallow = \"anyone\"\n\
         [[app.rule]]\npath = \"/admin/**\"\nallow = \"authenticated\"\nmax_age = \"10m\"\n\
         [[app]]\nname = \"shop\"\ntitle = \"Shop\"\nhost = \"shop.example.org\"\nupstream = {url:?}\n",
        url = upstream.url
    );
    let gateway = TestGateway::start(&apps);
    gateway.add_user("alice", &[]);
    gateway
}

fn sign_in(browser: &Browser) {
    browser.fill_in("#username", "alice");
    browser.fill_in("#password", &password("alice"));
    browser.click("button[type=submit]");
}

/// The address of a page on another of the hosts.
fn on(gateway: &TestGateway, host: &str, path: &str) -> String {
    format!("https://{host}:{}{path}", gateway.https().port())
}

#[test]
fn a_person_signs_in_once_for_three_hosts_in_two_domains() {
    let upstream = application();
    let gateway = gateway(&upstream);
    let browser = Browser::start_knowing(&HOSTS);
    let [login, wiki, shop] = HOSTS;
    browser.open(&on(&gateway, wiki, "/page?a=b#part"));
    assert!(browser.url().starts_with(&on(&gateway, login, "/.gateway/login")), "{}", browser.url());
    assert!(browser.text().contains("to continue to wiki.example.com"), "{}", browser.text());
    browser.picture("portal-login");
    sign_in(&browser);
    assert_eq!(browser.url(), on(&gateway, wiki, "/page?a=b#part"));
    browser.open(&on(&gateway, shop, "/cart"));
    assert_eq!((browser.url(), browser.text_of("h1")), (on(&gateway, shop, "/cart"), "GET /cart".to_owned()));

    browser.open(&on(&gateway, login, "/"));
    assert_eq!(browser.url(), on(&gateway, login, "/.gateway/apps"));
    assert!(browser.text().contains("What we know, and where it stands"), "{}", browser.text());
    let is_loaded =
        "document.querySelector('img.icon').complete && document.querySelector('img.icon').naturalWidth > 0";
    until("the icon of the wiki", || browser.evaluate(is_loaded) == true);
    browser.picture("portal-apps");
    browser.click(".apps a");
    assert_eq!(browser.url(), on(&gateway, wiki, "/"));
    // The back button never meets an address that has been used up.
    browser.back();
    assert_eq!(browser.url(), on(&gateway, login, "/.gateway/apps"));
    browser.back();
    assert_eq!(browser.text_of("h1"), "GET /cart");
    browser.back();
    assert_eq!(browser.url(), on(&gateway, wiki, "/page?a=b#part"));

    browser.open(&on(&gateway, wiki, "/.gateway/account"));
    assert_eq!(browser.url(), on(&gateway, login, "/.gateway/account"));
    let text = browser.text();
    assert!(
        text.contains("Applications used: shop.example.org") && text.contains("wiki.example.com"),
        "{text}"
    );
    browser.picture("portal-account");

    gateway.clock.advance(Duration::from_mins(11));
    browser.open(&on(&gateway, wiki, "/admin/x"));
    assert!(browser.url().starts_with(&on(&gateway, login, "/.gateway/confirm")), "{}", browser.url());
    browser.picture("portal-confirm");
    browser.fill_in("#password", &password("alice"));
    browser.click("button[type=submit]");
    assert_eq!(browser.url(), on(&gateway, wiki, "/admin/x"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn five_tabs_share_a_sign_in_and_a_sign_out() {
    let upstream = application();
    let gateway = gateway(&upstream);
    let browser = Browser::start_knowing(&HOSTS);
    let [login, wiki, shop] = HOSTS;
    let pages: Vec<String> = (0..5)
        .map(|tab| on(&gateway, if tab % 2 == 0 { wiki } else { shop }, &format!("/tab/{tab}")))
        .collect();
    let mut tabs = browser.tabs();
    for (index, page) in pages.iter().enumerate() {
        if index > 0 {
            tabs.push(browser.new_tab());
        }
        browser.open(page);
        assert!(browser.title().starts_with("Sign in"), "{}", browser.title());
    }
    browser.switch_to(&tabs[0]);
    sign_in(&browser);
    assert_eq!(browser.url(), pages[0]);
    // The other tabs still have the form: one is sent, the others are loaded again.
    browser.switch_to(&tabs[1]);
    sign_in(&browser);
    assert_eq!(browser.url(), pages[1]);
    for index in 2..5 {
        browser.switch_to(&tabs[index]);
        browser.reload();
        assert_eq!(browser.url(), pages[index]);
    }
    // Five tabs at once, on a host that has lost its cookie.
    for host in [wiki, shop] {
        browser.open(&on(&gateway, host, "/before"));
        browser.forget_cookies_of(host);
    }
    browser.open(&on(&gateway, login, "/.gateway/account"));
    let open_all: Vec<String> = pages.iter().map(|page| format!("window.open('{page}#again')")).collect();
    browser.evaluate(&format!("[{}].length", open_all.join(",")));
    for tab in browser.tabs().iter().filter(|tab| !tabs.contains(tab)) {
        browser.switch_to(tab);
        until("the tab has arrived", || browser.url().contains("/tab/"));
        assert!(browser.text_of("h1").starts_with("GET /tab/"), "{}", browser.text());
    }
    browser.switch_to(&tabs[0]);
    browser.open(&on(&gateway, wiki, "/.gateway/logout"));
    browser.click("button[type=submit]");
    assert!(browser.text().contains("You have signed out."), "{}", browser.text());
    for tab in tabs.iter().skip(1) {
        browser.switch_to(tab);
        browser.reload();
        until("the sign-in page", || browser.title().starts_with("Sign in"));
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_form_sent_after_the_end_of_the_session_is_offered_after_the_sign_in() {
    let upstream = application();
    let gateway = gateway(&upstream);
    let browser = Browser::start_knowing(&HOSTS);
    let wiki = HOSTS[1];
    browser.open(&on(&gateway, wiki, "/edit"));
    sign_in(&browser);
    gateway.clock.advance(Duration::from_hours(13));
    browser.fill_in("input[name=text]", "a long text");
    browser.click("button");
    assert!(browser.text().contains("What you sent is not lost"), "{}", browser.text());
    assert!(browser.url().starts_with(&on(&gateway, wiki, "/.gateway/login")), "{}", browser.url());
    browser.picture("portal-kept-form");
    browser.click("a.primary");
    sign_in(&browser);
    assert!(browser.url().starts_with(&on(&gateway, wiki, "/.gateway/parked")), "{}", browser.url());
    assert!(browser.text().contains("a long text"), "{}", browser.text());
    browser.picture("portal-offered-form");
    browser.click("button");
    assert_eq!(browser.text(), "saved");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_script_without_a_session_gets_a_401_and_no_page_of_another_host() {
    let upstream = application();
    let gateway = gateway(&upstream);
    let browser = Browser::start_knowing(&HOSTS);
    browser.open(&on(&gateway, HOSTS[1], "/static/page"));
    let status = browser.resolve("fetch('/data').then((response) => [response.status, response.redirected])");
    assert_eq!(status, serde_json::json!([401, false]));
}

const FORM: &str = "<form method=post action=/save><input name=text><button>Save</button></form>";
const ICON: &str = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><rect width='8' height='8' rx='2' fill='#3557a8'/></svg>";
