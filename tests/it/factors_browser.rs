//! Second factors in Chromium: a person adds an authenticator app, signs in with it, loses the phone, and comes in by a
//! recovery code. Everything works without script.

use std::time::Duration;

use portcullis::users::TotpSecret;

use crate::support::{
    browser::Browser,
    gateway::{TestGateway, password},
    process::until,
};

const APPS: &str = "[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"\n\
    [[app.rule]]\npath = \"/admin/**\"\nallow = \"authenticated\"\nfactors = 2\nmax_age = \"10m\"\n";

fn first_step(browser: &Browser) {
    browser.fill_in("#username", "alice");
    browser.fill_in("#password", &password("alice"));
    browser.click("button[type=submit]");
}

#[test]
fn a_person_adds_an_app_signs_in_with_it_and_recovers_without_it() {
    let gateway = TestGateway::start(APPS);
    gateway.add_user("alice", &[]);
    let browser = Browser::start();
    let at = |path: &str| format!("{}{path}", gateway.origin);
    let title = |start: &str| until(start, || browser.title().starts_with(start));

    // A page that asks for two factors explains, and leads to the page that adds one.
    browser.open(&at("/admin/"));
    first_step(&browser);
    title("Confirm it’s you");
    assert!(browser.text().contains("you have none yet"), "{}", browser.text());
    browser.picture("confirm-no-factor");
    browser.click("main a.primary");
    title("Second factors");
    browser.picture("factors-none");
    browser.click("a[href='/.gateway/account/factors/app']");
    title("Add an authenticator app");
    browser.picture("add-app-form");
    let secret = browser.text_of(".secret code").replace(' ', "");
    let secret = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let secret = TotpSecret::from_bytes(&secret).unwrap();
    let code = || secret.code_at(gateway.clock.now()).unwrap().to_string();
    browser.fill_in("#code", "000000");
    browser.click("button[type=submit]");
    title("Error: Add an authenticator app");
    browser.picture("add-app-wrong-code");
    browser.fill_in("#code", &code());
    browser.click("button[type=submit]");
    title("Recovery codes");
    browser.picture("recovery-codes");
    let recovery = browser.text_of(".codes li:nth-child(2) code");
    browser.click("main a.primary");
    title("Second factors");
    assert!(browser.text().contains("10 codes are left"), "{}", browser.text());
    browser.picture("factors");
    // The code of the enrolment was a proof, and the password is new enough.
    browser.open(&at("/admin/"));
    until("the application", || browser.text().contains("/admin/"));

    // Another day, another browser.
    browser.forget_cookies();
    gateway.clock.advance(Duration::from_hours(24));
    browser.open(&at("/page"));
    first_step(&browser);
    title("Second step");
    assert_eq!(browser.evaluate("document.activeElement.id"), "code");
    browser.picture("second-step");
    browser.fill_in("#code", &code());
    browser.click("button[type=submit]");
    until("the application", || browser.url() == at("/page"));

    // The phone is lost.
    browser.forget_cookies();
    gateway.clock.advance(Duration::from_hours(24));
    browser.open(&at("/page"));
    first_step(&browser);
    title("Second step");
    browser.evaluate("document.querySelector('summary').click()");
    browser.fill_in("#recovery", &recovery.to_lowercase());
    browser.picture("second-step-recovery");
    browser.click("button[type=submit]");
    until("the application", || browser.url() == at("/page"));
    browser.open(&at("/.gateway/account/factors"));
    assert!(browser.text().contains("9 codes are left"), "{}", browser.text());
    browser.picture("lost-phone-codes-left");
    // The lost one goes, with the other sessions; a new one comes, with new codes.
    browser.evaluate("document.querySelector('summary').click()");
    browser.picture("lost-phone-remove");
    browser.evaluate("document.querySelector('#others-1').checked = true");
    browser.click("#remove-1");
    assert!(browser.text().contains("The second factor is removed."), "{}", browser.text());
    assert!(browser.text().contains("None yet."), "{}", browser.text());
    browser.picture("lost-phone-removed");
    browser.click("a[href='/.gateway/account/factors/app']");
    title("Add an authenticator app");
    let new = browser.text_of(".secret code").replace(' ', "");
    let new = TotpSecret::from_bytes(&data_encoding::BASE32_NOPAD.decode(new.as_bytes()).unwrap()).unwrap();
    browser.fill_in("#name", "New phone");
    browser.fill_in("#code", &new.code_at(gateway.clock.now()).unwrap());
    browser.click("button[type=submit]");
    title("Recovery codes");
    let again = browser.text_of(".codes li:nth-child(3) code");
    assert_ne!(again, recovery);
    browser.click("main a.primary");
    assert!(
        browser.text().contains("New phone") && browser.text().contains("10 codes are left"),
        "{}",
        browser.text()
    );
    browser.picture("lost-phone-new");
    // An old code is void, a code of the lost app as well.
    browser.forget_cookies();
    gateway.clock.advance(Duration::from_hours(1));
    browser.open(&at("/page"));
    first_step(&browser);
    title("Second step");
    browser.fill_in("#code", &code());
    browser.click("button[type=submit]");
    title("Error: Second step");
    browser.fill_in("#code", &new.code_at(gateway.clock.now()).unwrap());
    browser.click("button[type=submit]");
    until("the application", || browser.url() == at("/page"));
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn a_required_factor_is_added_during_the_sign_in() {
    let gateway = TestGateway::start_with("[accounts]\nsecond_factor = \"required\"\n", APPS);
    gateway.add_user("alice", &[]);
    let browser = Browser::start();
    browser.open(&format!("{}/page", gateway.origin));
    first_step(&browser);
    until("the page that adds an app", || browser.title().starts_with("Add an authenticator app"));
    browser.picture("required-factor");
    let secret = browser.text_of(".secret code").replace(' ', "");
    let secret =
        TotpSecret::from_bytes(&data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap()).unwrap();
    browser.fill_in("#code", &secret.code_at(gateway.clock.now()).unwrap());
    browser.click("button[type=submit]");
    until("the recovery codes", || browser.title().starts_with("Recovery codes"));
    browser.click("main a.primary");
    until("the application", || browser.url().ends_with("/page"));
}
