//! A portal host together with a provider of OpenID Connect: people sign in at the provider, by way of the portal host, and
//! use every application; the provider's own word ends all of it.

use http::Method;
use serde_json::{Value, json};

use crate::{
    portal_host::{Browser, ShownPage, location},
    support::{cookies::SESSION, in_process::InProcess, oidc_provider::OidcProvider},
};

const LOGIN: &str = "https://login.example.com";
const WIKI: &str = "https://wiki.example.com";
const SHOP: &str = "https://shop.example.org";
const APPS: &str = r#"
[[app]]
name = "wiki"
host = "wiki.example.com"
upstream = "builtin:whoami"
[[app.rule]]
path = "/admin/**"
allow = "authenticated"
max_age = "10m"

[[app]]
name = "shop"
host = "shop.example.org"
upstream = "builtin:whoami"
"#;

fn start(provider: &OidcProvider) -> InProcess {
    let sections = format!(
        "[portal]\nhost = \"login.example.com\"\n[[backend]]\ntype = \"local\"\n{}",
        provider.section("corp", "")
    );
    let gateway = InProcess::start_with(&sections, APPS);
    provider.use_clock(&gateway.clock);
    gateway.add_user("root", &[]);
    gateway
}

/// Opens a page of an application, takes the provider's button on the sign-in page, and signs in there as a user with these
/// claims.
fn sign_in(
    browser: &mut Browser,
    gateway: &mut InProcess,
    provider: &OidcProvider,
    (url, claims): (&str, &Value),
) -> ShownPage {
    let page = browser.open(gateway, url);
    assert!(page.url.starts_with("https://login.example.com/.gateway/login?next="), "{}", page.url);
    through_provider(browser, gateway, provider, (&page, claims))
}

/// Takes the provider's button on this page.
fn through_provider(
    browser: &mut Browser,
    gateway: &mut InProcess,
    provider: &OidcProvider,
    (page, claims): (&ShownPage, &Value),
) -> ShownPage {
    let (_, rest) =
        page.response.body.split_once("<a class=\"button wide\" href=\"").expect("the provider's button");
    let href = rest.split('"').next().expect("its address").replace("&#x2f;", "/").replace("&amp;", "&");
    let response = browser.step(gateway, &format!("{LOGIN}{href}"));
    let address = location(&page.url, &response).expect("the provider's address");
    // One address is registered at the provider, whatever host the person comes from.
    assert!(
        address.contains("redirect_uri=https%3A%2F%2Flogin.example.com%2F.gateway%2Foidc%2Fcorp%2Fcallback"),
        "{address}"
    );
    browser.open(gateway, &format!("{LOGIN}{}", provider.authorize_as(&address, claims)))
}

fn send_logout(gateway: &mut InProcess, provider: &OidcProvider, claims: &Value) -> u16 {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("logout_token", &provider.logout_token(claims))
        .finish();
    let headers = [("host", "login.example.com"), ("content-type", "application/x-www-form-urlencoded")];
    gateway.send(&Method::POST, "/.gateway/oidc/corp/logout", &headers, &body).status.as_u16()
}

#[test]
fn person_signs_in_from_an_app_host_through_portal_host_and_provider_and_comes_back() {
    let provider = OidcProvider::start();
    let (mut gateway, mut alice) = (start(&provider), Browser::default());
    let wanted = "https://wiki.example.com/page?a=b&c=%2F";
    let page = sign_in(&mut alice, &mut gateway, &provider, (wanted, &json!({})));
    assert_eq!((page.url.as_str(), page.user()), (wanted, "alice"));
    // The other host asks neither the person nor the provider.
    let asked = provider.asked("/token");
    let page = alice.open(&mut gateway, "https://shop.example.org/cart");
    assert_eq!((page.url.as_str(), page.user()), ("https://shop.example.org/cart", "alice"));
    assert_eq!((asked, provider.asked("/token")), (1, 1));
    for host in ["login.example.com", "wiki.example.com", "shop.example.org"] {
        assert!(alice.cookie(host, SESSION).is_some(), "{host}");
    }
}

#[test]
fn logout_token_of_the_provider_ends_the_sign_in_with_all_its_branches_and_no_other() {
    let provider = OidcProvider::start();
    let (mut gateway, mut alice, mut carol) = (start(&provider), Browser::default(), Browser::default());
    let page = format!("{WIKI}/page");
    sign_in(&mut alice, &mut gateway, &provider, (&page, &json!({"sid": "alice's"})));
    alice.open(&mut gateway, &format!("{SHOP}/cart"));
    let claims =
        json!({"sub": "3", "preferred_username": "carol", "email": "carol@example.com", "sid": "carol's"});
    sign_in(&mut carol, &mut gateway, &provider, (&page, &claims));
    assert!(alice.is_in(&mut gateway, WIKI) && alice.is_in(&mut gateway, SHOP));
    assert!(carol.is_in(&mut gateway, WIKI));

    assert_eq!(send_logout(&mut gateway, &provider, &json!({"sid": "alice's"})), 200);
    assert!(!alice.is_in(&mut gateway, WIKI) && !alice.is_in(&mut gateway, SHOP));
    assert!(carol.is_in(&mut gateway, WIKI));
    // The sign-in at the portal host is over, too: it hands nothing over any more.
    let page = alice.open(&mut gateway, &format!("{SHOP}/cart"));
    assert!(page.url.starts_with("https://login.example.com/.gateway/login"), "{}", page.url);
}

#[test]
fn logout_token_without_a_session_ends_all_sign_ins_of_the_user() {
    let provider = OidcProvider::start();
    let mut gateway = start(&provider);
    let mut browsers = [Browser::default(), Browser::default()];
    for browser in &mut browsers {
        sign_in(browser, &mut gateway, &provider, (&format!("{WIKI}/page"), &json!({})));
        assert!(browser.is_in(&mut gateway, WIKI));
    }
    assert_eq!(send_logout(&mut gateway, &provider, &json!({})), 200);
    for browser in &mut browsers {
        assert!(!browser.is_in(&mut gateway, WIKI));
    }
}

#[test]
fn confirmation_at_the_provider_counts_on_the_app_host_that_asked_for_it() {
    let provider = OidcProvider::start();
    let (mut gateway, mut alice) = (start(&provider), Browser::default());
    sign_in(&mut alice, &mut gateway, &provider, (&format!("{WIKI}/page"), &json!({})));
    gateway.clock.advance(std::time::Duration::from_mins(20));
    let page = alice.open(&mut gateway, &format!("{WIKI}/admin/users"));
    assert!(page.url.starts_with("https://login.example.com/.gateway/confirm?next="), "{}", page.url);
    let auth_time = gateway.clock.now().as_millis() / 1000;
    let page =
        through_provider(&mut alice, &mut gateway, &provider, (&page, &json!({"auth_time": auth_time})));
    assert_eq!((page.url.as_str(), page.user()), ("https://wiki.example.com/admin/users", "alice"));
}

#[test]
fn callback_of_another_browser_opens_no_session_on_any_host() {
    let provider = OidcProvider::start();
    let (mut gateway, mut mallory, mut alice) = (start(&provider), Browser::default(), Browser::default());
    let page = mallory.open(&mut gateway, &format!("{WIKI}/page"));
    let (_, rest) = page.response.body.split_once("<a class=\"button wide\" href=\"").expect("the button");
    let href = rest.split('"').next().expect("its address").replace("&#x2f;", "/").replace("&amp;", "&");
    let response = mallory.step(&mut gateway, &format!("{LOGIN}{href}"));
    let address = location(&page.url, &response).expect("the provider's address");
    let callback = provider.authorize_as(&address, &json!({"sub": "6", "preferred_username": "mallory"}));
    // Mallory makes Alice open the address that her own sign-in ends at, on the portal host and on an app host.
    for host in [LOGIN, WIKI] {
        let page = alice.open(&mut gateway, &format!("{host}{callback}"));
        assert_eq!(page.response.status, 403, "{}", page.url);
        assert!(!alice.is_in(&mut gateway, WIKI));
        assert!(alice.cookie("login.example.com", SESSION).is_none());
    }
}

/// A browser checks `form-action` against the hand-over to the app, too, which follows the form.
#[test]
fn step_of_required_fields_leads_back_to_the_app_host() {
    let provider = OidcProvider::start();
    let sections = format!(
        "[portal]\nhost = \"login.example.com\"\n[[backend]]\ntype = \"local\"\n{}\
         [[user_field]]\nname = \"desk\"\nrequired = true\neditable_by = \"user\"\n",
        provider.section("corp", "")
    );
    let (mut gateway, mut alice) = (InProcess::start_with(&sections, APPS), Browser::default());
    provider.use_clock(&gateway.clock);
    let page = sign_in(&mut alice, &mut gateway, &provider, ("https://wiki.example.com/page", &json!({})));
    assert_eq!(page.url, format!("{LOGIN}/.gateway/login/profile"));
    let policy = page.response.header("content-security-policy");
    assert!(policy.contains("form-action 'self' https://wiki.example.com;"), "{policy}");
    let page = alice.submit(&mut gateway, &page, &[("field.desk", "12")]);
    assert_eq!((page.url.as_str(), page.user()), ("https://wiki.example.com/page", "alice"));
}
