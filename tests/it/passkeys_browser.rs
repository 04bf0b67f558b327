//! Passkeys in Chromium, with its virtual authenticator.
//!
//! Pictures go to `tests/output/screenshots/`, to be looked at.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    browser::Browser,
    gateway::{TestGateway, password},
    process::until,
};

const LOGIN: &str = "login.example.com";
const WIKI: &str = "wiki.example.com";

struct Visit {
    gateway: TestGateway,
    browser: Browser,
    authenticator: Value,
}

impl Visit {
    fn start() -> Self {
        Self::start_with("")
    }

    /// With further keys of `[accounts]`.
    fn start_with(accounts: &str) -> Self {
        Self::start_as(accounts, &json!({}))
    }

    /// With further options of the authenticator.
    fn start_as(accounts: &str, further: &Value) -> Self {
        let gateway = TestGateway::start_with(
            &format!(
                "[portal]\nhost = \"login.example.com\"\n[accounts]\n{accounts}[accounts.passkeys]\nfirst_factor = true\n"
            ),
            "[[app]]\nname = \"wiki\"\nhost = \"wiki.example.com\"\nupstream = \"builtin:whoami\"\n\
             [[app.rule]]\npath = \"/admin/**\"\nallow = \"authenticated\"\nmax_age = \"10m\"\n",
        );
        gateway.add_user("alice", &[]);
        let browser = Browser::start_knowing(&[LOGIN, WIKI]);
        browser.devtools("WebAuthn.enable", &json!({ "enableUI": false }));
        let mut options = json!({
            "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasResidentKey": true,
            "hasUserVerification": true, "isUserVerified": true, "automaticPresenceSimulation": true,
        });
        let further = further.as_object().expect("options").clone();
        options.as_object_mut().expect("options").extend(further);
        let options = json!({ "options": options });
        let authenticator = browser.devtools("WebAuthn.addVirtualAuthenticator", &options);
        Self { gateway, browser, authenticator: authenticator["authenticatorId"].clone() }
    }

    fn on(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.gateway.https().port())
    }

    fn open(&self, path: &str) {
        self.browser.open(&self.on(LOGIN, path));
    }

    fn type_password(&self) {
        self.browser.fill_in("#username", "alice");
        self.browser.fill_in("#password", &password("alice"));
        self.browser.click("form:not(.passkey) button[type=submit]");
    }

    fn set(&self, command: &str, name: &str, value: bool) {
        self.browser.devtools(command, &json!({ "authenticatorId": self.authenticator, name: value }));
    }

    /// Whether the authenticator can verify the person.
    fn verify_person(&self, verifies: bool) {
        self.set("WebAuthn.setUserVerified", "isUserVerified", verifies);
    }

    /// Whether the person touches the authenticator when they are asked to.
    fn touch(&self, touches: bool) {
        self.set("WebAuthn.setAutomaticPresenceSimulation", "enabled", touches);
    }

    /// The passkeys in the authenticator.
    fn stored(&self) -> Vec<Value> {
        let only = json!({ "authenticatorId": self.authenticator });
        let stored = self.browser.devtools("WebAuthn.getCredentials", &only);
        stored["credentials"].as_array().expect("a list").clone()
    }

    /// Alice adds a passkey and signs out.
    fn enrol(&self) {
        self.open("/.gateway/login");
        self.type_password();
        self.open("/.gateway/account/factors/passkey");
        self.browser.picture("passkey-add");
        self.browser.fill_in("#passkey-name", "My laptop");
        self.browser.click("form.passkey button");
        assert_eq!(self.browser.text_of("h1"), "Passkey added", "{}", self.browser.text());
        assert!(self.browser.text().contains("My laptop"));
        self.browser.picture("passkey-added");
        self.browser.forget_cookies();
    }

    fn user(&self) -> String {
        self.open("/.gateway/whoami");
        let whoami: Value = serde_json::from_str(&self.browser.text_of("body")).expect("JSON");
        whoami["user"]["name"].as_str().or(whoami["username"].as_str()).unwrap_or("").to_owned()
    }
}

#[test]
fn a_passkey_is_added_and_signs_in_alone_and_as_a_second_step() {
    let visit = Visit::start();
    let browser = &visit.browser;
    visit.enrol();
    let stored = visit.stored();
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0]["rpId"], LOGIN);

    // By the button: the authenticator is not touched before, or the list in the name field would sign in at once.
    visit.touch(false);
    visit.open("/.gateway/login?next=/.gateway/account");
    assert_eq!(browser.evaluate("document.querySelector('#username').autocomplete"), "username webauthn");
    browser.picture("passkey-login");
    visit.touch(true);
    browser.click("form.passkey button");
    assert_eq!(browser.url(), visit.on(LOGIN, "/.gateway/account"), "{}", browser.text());

    // As the second step.
    browser.forget_cookies();
    visit.touch(false);
    visit.open("/.gateway/login?next=/.gateway/account");
    visit.type_password();
    assert_eq!(browser.url(), visit.on(LOGIN, "/.gateway/login/second-step"), "{}", browser.text());
    browser.picture("passkey-second-step");
    visit.touch(true);
    browser.click("form.passkey button");
    assert_eq!(browser.url(), visit.on(LOGIN, "/.gateway/account"), "{}", browser.text());

    // To confirm, on the way to a page of an application.
    visit.gateway.clock.advance(Duration::from_mins(11));
    browser.open(&visit.on(WIKI, "/admin/x"));
    assert!(browser.url().starts_with(&visit.on(LOGIN, "/.gateway/confirm")), "{}", browser.url());
    browser.picture("passkey-confirm");
    browser.click("form.passkey button");
    assert_eq!(browser.url(), visit.on(WIKI, "/admin/x"), "{}", browser.text());
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_browsers_list_in_the_name_field_signs_in_without_a_name() {
    let visit = Visit::start();
    visit.enrol();
    visit.open("/.gateway/login?next=/.gateway/account");
    // The virtual authenticator chooses the only entry of the list.
    let account = visit.on(LOGIN, "/.gateway/account");
    until("the account page", || visit.browser.url() == account);
    assert!(visit.browser.text().contains("alice"));
}

#[test]
fn without_a_verified_person_a_passkey_does_not_sign_in_alone() {
    let visit = Visit::start();
    let browser = &visit.browser;
    visit.enrol();
    visit.verify_person(false);
    visit.open("/.gateway/login");
    browser.evaluate("document.querySelector('form.passkey button').click()");
    let message = "document.querySelector('[data-message=cancelled]').hidden";
    until("the message", || browser.evaluate(message) == false);
    assert!(browser.text().contains("No passkey was used"), "{}", browser.text());
    browser.picture("passkey-cancelled");
    // The browser is made to ask for less, as Mallory's own would: the gateway refuses the response.
    let target = "document.querySelector('form.passkey')";
    visit.open("/.gateway/login");
    let forged = format!(
        "(async () => {{\
           const form = {target}; const options = JSON.parse(form.dataset.options);\
           const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));\
           const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\\+/g, '-').replace(/\\//g, '_').replace(/=/g, '');\
           options.challenge = bytes(options.challenge); options.userVerification = 'discouraged';\
           const credential = await navigator.credentials.get({{ publicKey: options }});\
           form.elements.credential.value = text(credential.rawId);\
           form.elements.client_data.value = text(credential.response.clientDataJSON);\
           form.elements.authenticator_data.value = text(credential.response.authenticatorData);\
           form.elements.signature.value = text(credential.response.signature);\
           form.elements.user_handle.value = text(credential.response.userHandle);\
           setTimeout(() => form.submit()); return 'sent';\
         }})()"
    );
    assert_eq!(browser.resolve(&forged), "sent");
    until("the refusal", || browser.text().contains("That passkey didn’t sign you in"));
    let refused = visit.gateway.log().into_iter().any(|entry| entry["reason"] == "passkey-user-not-verified");
    assert!(refused);
    assert_eq!(visit.user(), "");
}

#[test]
fn a_required_factor_is_a_passkey_that_is_added_during_the_sign_in() {
    let visit = Visit::start_with("second_factor = \"required\"\n");
    let browser = &visit.browser;
    browser.open(&visit.on(WIKI, "/page"));
    visit.type_password();
    let step = visit.on(LOGIN, "/.gateway/login/second-factor");
    assert_eq!(browser.url(), step, "{}", browser.text());
    // The page shows both ways; nothing else opens.
    assert_eq!(browser.text_of("h1"), "Add a second factor");
    assert!(browser.text_of("main").contains("Authenticator app"));
    browser.picture("required-factor-passkey");
    browser.open(&visit.on(WIKI, "/page"));
    assert!(browser.url().starts_with(&visit.on(LOGIN, "/.gateway/login")), "{}", browser.url());

    // A person who cancels is told, and goes on.
    browser.open(&step);
    visit.verify_person(false);
    browser.evaluate("document.querySelector('form.passkey button').click()");
    let message = "document.querySelector('[data-message=cancelled]').hidden";
    until("the message", || browser.evaluate(message) == false);
    visit.verify_person(true);
    browser.click("form.passkey button");
    assert_eq!(browser.text_of("h1"), "Recovery codes", "{}", browser.text());
    assert_eq!(browser.evaluate("document.querySelectorAll('.codes li').length"), 10);
    browser.picture("required-factor-passkey-codes");
    browser.click("main a.primary");
    let page = visit.on(WIKI, "/page");
    until("the application", || browser.url() == page);

    // The next sign-in asks for it.
    browser.forget_cookies();
    visit.touch(false);
    visit.open("/.gateway/login?next=/.gateway/account");
    visit.type_password();
    assert_eq!(browser.url(), visit.on(LOGIN, "/.gateway/login/second-step"), "{}", browser.text());
    visit.touch(true);
    browser.click("form.passkey button");
    assert_eq!(browser.url(), visit.on(LOGIN, "/.gateway/account"), "{}", browser.text());
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_passkey_is_named_renamed_and_removed_and_the_browser_forgets_it() {
    let synced = json!({ "defaultBackupEligibility": true, "defaultBackupState": true });
    let visit = Visit::start_as("", &synced);
    let browser = &visit.browser;
    visit.open("/.gateway/login");
    visit.type_password();
    visit.open("/.gateway/account/factors/passkey");
    browser.click("form.passkey button");
    assert_eq!(browser.text_of("h1"), "Passkey added", "{}", browser.text());
    assert!(browser.text().contains("Passkey, added "), "{}", browser.text());
    assert_eq!(visit.stored().len(), 1);
    browser.click("main a.primary");
    visit.open("/.gateway/account/factors");
    assert!(browser.text_of("ul.sessions").contains("synced"), "{}", browser.text());

    // The password was typed a moment ago, but a change needs the factor now.
    browser.evaluate("document.querySelector('summary').click()");
    browser.fill_in("#name-1", "Laptop");
    browser.picture("passkey-rename");
    browser.click("#rename-1");
    assert!(browser.url().starts_with(&visit.on(LOGIN, "/.gateway/confirm")), "{}", browser.url());
    browser.click("form.passkey button");
    assert_eq!(browser.url(), visit.on(LOGIN, "/.gateway/account/factors"), "{}", browser.text());
    browser.evaluate("document.querySelector('summary').click()");
    browser.fill_in("#name-1", "Laptop");
    browser.click("#rename-1");
    assert!(browser.text_of("ul.sessions").contains("Laptop"), "{}", browser.text());
    browser.picture("passkey-renamed");

    // A changed name of the person reaches the browser's list.
    visit.open("/.gateway/account/profile");
    browser.fill_in("#full_name", "Alice Liddell");
    browser.click("form[action='/.gateway/account/profile'] button[type=submit]");
    until("the new name in the authenticator", || visit.stored()[0]["userDisplayName"] == "Alice Liddell");

    visit.open("/.gateway/account/factors");
    browser.evaluate("document.querySelector('summary').click()");
    browser.click("#remove-1");
    assert!(browser.text().contains("The second factor is removed."), "{}", browser.text());
    until("the browser forgets the passkey", || visit.stored().is_empty());
    browser.picture("passkey-removed");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_passkey_that_no_account_has_is_forgotten_after_it_was_tried() {
    let visit = Visit::start();
    let browser = &visit.browser;
    visit.enrol();
    let alice = portcullis::identity::UserName::parse("alice").expect("a name");
    let removed = visit.gateway.users().remove_factors(&alice, portcullis::users::RemovedFactors::All);
    removed.expect("an account without factors");
    assert_eq!(visit.stored().len(), 1);
    visit.touch(false);
    visit.open("/.gateway/login");
    visit.touch(true);
    browser.click("form.passkey button");
    assert!(browser.text().contains("That passkey didn’t sign you in"), "{}", browser.text());
    until("the browser forgets the passkey", || visit.stored().is_empty());
}
