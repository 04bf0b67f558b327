//! Ada, a person with an authenticator in software, and a gateway with passkeys.

use std::sync::Arc;

use super::super::support::*;
use crate::{
    auth::webauthn::samples::{
        AuthenticatorFields, SoftPasskey, UP, UV, base64url, client_data, no_attestation,
    },
    pages::paths,
    portal::SecondFactorPolicy,
    users::Account,
};

pub(super) fn fixture() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.settings.accounts.passkeys = Some(passkeys());
    fixture
}

/// A fixture in which each person needs a second factor, and can have passkeys.
pub(super) fn requiring() -> Fixture {
    let mut fixture = fixture();
    fixture.settings.accounts.second_factor = SecondFactorPolicy::Required;
    fixture
}

pub(super) fn page(path: &str) -> &str {
    path.strip_prefix("/.gateway/").unwrap()
}

impl Reply {
    /// The options of the ceremony on the page.
    pub(super) fn options(&self) -> serde_json::Value {
        self.data("options").expect("a ceremony")
    }

    /// The JSON in an attribute for the script.
    pub(super) fn data(&self, attribute: &str) -> Option<serde_json::Value> {
        let (_, rest) = self.text.split_once(&format!("data-{attribute}=\""))?;
        let json = rest.split('"').next().unwrap();
        let json = json
            .replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&#x2f;", "/")
            .replace("&#x27;", "'")
            .replace("&amp;", "&");
        Some(serde_json::from_str(&json).unwrap())
    }

    pub(super) fn has_ceremony(&self) -> bool {
        self.text.contains("data-passkey=")
    }
}

/// A browser with an authenticator.
pub(super) struct Person {
    pub(super) browser: Browser,
    pub(super) passkey: SoftPasskey,
    pub(super) handle: String,
    pub(super) sign_count: u32,
}

/// A response to a sign-in that a test changes.
pub(super) struct PasskeyResponse {
    pub(super) challenge: String,
    pub(super) origin: &'static str,
    pub(super) flags: u8,
    pub(super) handle: String,
    pub(super) credential: String,
}

impl Person {
    /// Ada, who has added a passkey and signed out.
    pub(super) async fn enrolled(fixture: &Fixture) -> Self {
        let mut person = Self::signed_in(fixture).await;
        let added = person.enrol(fixture, UP | UV).await;
        assert_eq!(added.status, 200, "{}", added.text);
        person.browser = Browser::default();
        person
    }

    pub(super) async fn signed_in(fixture: &Fixture) -> Self {
        let browser = Browser::signed_in(fixture).await;
        Self { browser, passkey: SoftPasskey::es256(b"ada's laptop"), handle: String::new(), sign_count: 0 }
    }

    pub(super) async fn enrol(&mut self, fixture: &Fixture, flags: u8) -> Reply {
        let form = self.browser.get(fixture, page(paths::ADD_PASSKEY)).await;
        let options = form.options();
        self.handle = options["user"]["id"].as_str().unwrap().to_owned();
        let fields = self.registration(&form, &form.hidden("challenge"), flags);
        self.browser.post(fixture, page(paths::ADD_PASSKEY), &borrowed(&fields)).await
    }

    pub(super) fn registration(&self, form: &Reply, challenge: &str, flags: u8) -> Fields {
        let data = client_data("webauthn.create", challenge, ORIGIN);
        let object = no_attestation(&self.passkey.registration(HOST, flags).encode());
        vec![
            ("csrf", form.hidden("csrf")),
            ("challenge", challenge.to_owned()),
            ("credential", base64url(&self.passkey.id)),
            ("client_data", base64url(data.as_bytes())),
            ("attestation_object", base64url(&object)),
            ("transports", "internal,hybrid".to_owned()),
            ("name", "Laptop".to_owned()),
        ]
    }

    /// The fields of a sign-in.
    pub(super) fn assertion(&mut self, csrf: &str, change: impl FnOnce(&mut PasskeyResponse)) -> Fields {
        self.sign_count += 1;
        let mut shown = PasskeyResponse {
            challenge: String::new(),
            origin: ORIGIN,
            flags: UP | UV,
            handle: self.handle.clone(),
            credential: base64url(&self.passkey.id),
        };
        change(&mut shown);
        let data = client_data("webauthn.get", &shown.challenge, shown.origin);
        let authenticator = AuthenticatorFields::assertion(HOST, shown.flags, self.sign_count).encode();
        let signature = self.passkey.sign(&authenticator, data.as_bytes());
        vec![
            ("csrf", csrf.to_owned()),
            ("next", "/wiki".to_owned()),
            ("challenge", shown.challenge),
            ("credential", shown.credential),
            ("client_data", base64url(data.as_bytes())),
            ("authenticator_data", base64url(&authenticator)),
            ("signature", base64url(&signature)),
            ("user_handle", shown.handle),
        ]
    }

    pub(super) async fn sign_in(
        &mut self,
        fixture: &Fixture,
        change: impl FnOnce(&mut PasskeyResponse),
    ) -> Reply {
        let form = self.browser.get(fixture, "login?next=/wiki").await;
        let challenge = form.hidden("challenge");
        let fields = self.assertion(&form.hidden("csrf"), |shown| {
            shown.challenge = challenge;
            change(shown);
        });
        self.browser.post(fixture, page(paths::PASSKEY_SIGN_IN), &borrowed(&fields)).await
    }
}

pub(super) fn new_person() -> Person {
    Person {
        browser: Browser::default(),
        passkey: SoftPasskey::es256(b"ada's laptop"),
        handle: String::new(),
        sign_count: 0,
    }
}

pub(super) type Fields = Vec<(&'static str, String)>;

pub(super) fn borrowed(fields: &Fields) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

pub(super) async fn ada(fixture: &Fixture) -> Arc<Account> {
    fixture.directory.account_by_name(&name("ada")).await.unwrap().unwrap()
}

/// Ada's browser after the right password, while she has no factor.
pub(super) async fn at_enrol_step(fixture: &Fixture, person: &mut Person) -> Reply {
    person.browser = Browser::default();
    let first = person.browser.login(fixture, "ada", RIGHT).await;
    assert_eq!(first.location(), paths::ENROL_STEP);
    person.browser.get(fixture, page(paths::ENROL_STEP)).await
}

/// Sends the form that removes the first factor of the page.
pub(super) async fn remove_first(fixture: &Fixture, browser: &mut Browser) -> Reply {
    let list = browser.get(fixture, page(paths::FACTORS)).await;
    let (csrf, id) = (list.hidden("csrf"), ada(fixture).await.factors[0].id.to_string());
    browser.post(fixture, page(paths::FACTORS), &[("csrf", &csrf), ("remove", &id)]).await
}

pub(super) const ORIGIN: &str = "https://wiki.example.com";
