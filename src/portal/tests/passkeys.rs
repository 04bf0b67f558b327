//! Ceremonies of passkeys on the pages, with an authenticator in software.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http::Method;

use super::support::*;
use crate::{
    auth::{
        Backends,
        webauthn::samples::{
            AuthenticatorFields, BE, BS, SoftPasskey, UP, UV, base64url, client_data, no_attestation,
        },
    },
    identity::{BackendName, GroupName, IdentityPair},
    pages::paths,
    portal::{AccountSettings, AuthenticatorNames, PasskeySettings, SecondFactorPolicy, page_table::PAGES},
    users::{Account, FactorKind, SourceProfile},
};

const ORIGIN: &str = "https://wiki.example.com";

fn fixture() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.settings.accounts.passkeys = Some(PasskeySettings {
        rp_id: HOST.into(),
        hosts: vec![HOST.into()],
        related_hosts: Vec::new(),
        first_factor: true,
        authenticators: AuthenticatorNames::default(),
    });
    fixture
}

fn page(path: &str) -> &str {
    path.strip_prefix("/.gateway/").unwrap()
}

impl Reply {
    /// The options of the ceremony on the page.
    fn options(&self) -> serde_json::Value {
        self.data("options").expect("a ceremony")
    }

    /// The JSON in an attribute for the script.
    fn data(&self, attribute: &str) -> Option<serde_json::Value> {
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

    fn has_ceremony(&self) -> bool {
        self.text.contains("data-passkey=")
    }
}

/// A browser with an authenticator.
struct Person {
    browser: Browser,
    passkey: SoftPasskey,
    handle: String,
    sign_count: u32,
}

/// A response to a sign-in that a test changes.
struct PasskeyResponse {
    challenge: String,
    origin: &'static str,
    flags: u8,
    handle: String,
    credential: String,
}

impl Person {
    /// Ada, who has added a passkey and signed out.
    async fn enrolled(fixture: &Fixture) -> Self {
        let mut person = Self::signed_in(fixture).await;
        let added = person.enrol(fixture, UP | UV).await;
        assert_eq!(added.status, 200, "{}", added.text);
        person.browser = Browser::default();
        person
    }

    async fn signed_in(fixture: &Fixture) -> Self {
        let browser = Browser::signed_in(fixture).await;
        Self { browser, passkey: SoftPasskey::es256(b"ada's laptop"), handle: String::new(), sign_count: 0 }
    }

    async fn enrol(&mut self, fixture: &Fixture, flags: u8) -> Reply {
        let form = self.browser.get(fixture, page(paths::ADD_PASSKEY)).await;
        let options = form.options();
        self.handle = options["user"]["id"].as_str().unwrap().to_owned();
        let fields = self.registration(&form, &form.hidden("challenge"), flags);
        self.browser.post(fixture, page(paths::ADD_PASSKEY), &borrowed(&fields)).await
    }

    fn registration(&self, form: &Reply, challenge: &str, flags: u8) -> Fields {
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
    fn assertion(&mut self, csrf: &str, change: impl FnOnce(&mut PasskeyResponse)) -> Fields {
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

    async fn sign_in(&mut self, fixture: &Fixture, change: impl FnOnce(&mut PasskeyResponse)) -> Reply {
        let form = self.browser.get(fixture, "login?next=/wiki").await;
        let challenge = form.hidden("challenge");
        let fields = self.assertion(&form.hidden("csrf"), |shown| {
            shown.challenge = challenge;
            change(shown);
        });
        self.browser.post(fixture, page(paths::PASSKEY_SIGN_IN), &borrowed(&fields)).await
    }
}

type Fields = Vec<(&'static str, String)>;

fn borrowed(fields: &Fields) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

async fn ada(fixture: &Fixture) -> Arc<Account> {
    fixture.directory.account_by_name(&name("ada")).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_passkey_is_added_and_signs_in_alone() {
    let fixture = fixture();
    let mut person = Person::signed_in(&fixture).await;
    let form = person.browser.get(&fixture, page(paths::ADD_PASSKEY)).await;
    let options = form.options();
    assert_eq!(options["rp"]["id"], HOST);
    assert_eq!(options["attestation"], "none");
    assert_eq!(options["user"]["name"], "ada");
    assert_ne!(options["user"]["id"], ada(&fixture).await.user.id.to_string());
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["pubKeyCredParams"].as_array().unwrap().len(), 3);

    let added = person.enrol(&fixture, UP | UV | BE | BS).await;
    assert_eq!((added.status, added.text.matches("<code>").count()), (200, 10), "with recovery codes");
    let account = ada(&fixture).await;
    assert_eq!(
        account.factors.iter().map(|factor| (factor.kind, &*factor.name)).collect::<Vec<_>>(),
        [(FactorKind::Passkey, "Laptop")]
    );
    // The backup flags of an assertion are those of the enrolment.
    person.browser = Browser::default();
    let signed_in = person.sign_in(&fixture, |shown| shown.flags |= BE | BS).await;
    assert_eq!(signed_in.location(), "/wiki");
    assert!(person.browser.is_signed_in(&fixture).await);
    let again = person.browser.get(&fixture, page(paths::ADD_PASSKEY)).await.options();
    assert_eq!(again["excludeCredentials"][0]["id"], base64url(&person.passkey.id));
    assert_eq!(again["user"]["id"], person.handle);
    assert!(ada(&fixture).await.factors[0].last_used.is_some());
    assert!(fixture.audited().contains(&"sign-in/ok/ada".to_owned()));
}

#[tokio::test]
async fn the_sign_in_page_asks_for_no_passkey_in_particular() {
    let fixture = fixture();
    Person::enrolled(&fixture).await;
    let form = Browser::default().get(&fixture, "login").await;
    let options = form.options();
    assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 0);
    assert_eq!(options["userVerification"], "required");
    assert_eq!(options["challenge"], form.hidden("challenge"));
    assert!(form.text.contains("autocomplete=\"username webauthn\""));
    assert!(form.text.contains("type=\"password\""), "the page works without script");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_passkey_the_page_says_the_same() {
    type Change = fn(&mut PasskeyResponse);
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let mut texts = Vec::new();
    let changes: [(&str, Change); 8] = [
        ("a credential that nobody has", |shown| shown.credential = base64url(b"unknown")),
        ("another user", |shown| shown.handle = base64url(&[7; 32])),
        ("no user", |shown| shown.handle = String::new()),
        ("another origin", |shown| shown.origin = "https://evil-wiki.example.com"),
        ("not verified", |shown| shown.flags = UP),
        ("nobody there", |shown| shown.flags = UV),
        ("another challenge", |shown| shown.challenge = "A".repeat(43)),
        ("no base64url", |shown| shown.handle = "=".to_owned()),
    ];
    for (what, change) in changes {
        fixture.clock.advance(Duration::from_hours(2));
        person.browser = Browser::default();
        let reply = person.sign_in(&fixture, change).await;
        assert_eq!(reply.status, 401, "{what}");
        assert!(person.browser.session().is_none(), "{what}");
        let [csrf, challenge] = ["csrf", "challenge"].map(|field| reply.hidden(field));
        // The browser alone is told of a passkey that nobody has, whose id it has sent.
        let unknown = reply.data("passkey-unknown");
        assert_eq!(unknown.is_some(), what == "a credential that nobody has", "{what}");
        let without = match &unknown {
            Some(told) => {
                let expected = serde_json::json!({"rpId": HOST, "credentialId": base64url(b"unknown")});
                assert_eq!(*told, expected);
                let (before, rest) = reply.text.split_once("<div data-passkey-unknown=").unwrap();
                format!("{before}{}", rest.split_once("</div>").unwrap().1)
            }
            None => reply.text.clone(),
        };
        texts.push(without.replace(&csrf, "").replace(&challenge, ""));
    }
    assert!(texts.iter().all(|text| *text == texts[0] && text.contains("That passkey didn’t sign you in")));
    let reasons: Vec<String> =
        fixture.audited().into_iter().filter(|line| line.starts_with("sign-in-failed")).collect();
    assert_eq!(
        reasons,
        [
            "sign-in-failed/passkey-credential/-",
            "sign-in-failed/passkey-user-handle/ada",
            "sign-in-failed/passkey-user-handle/ada",
            "sign-in-failed/passkey-origin/ada",
            "sign-in-failed/passkey-user-not-verified/ada",
            "sign-in-failed/passkey-user-not-present/ada",
            "sign-in-failed/passkey-challenge/-",
            "sign-in-failed/passkey-challenge/-",
        ]
    );
}

#[tokio::test]
async fn a_challenge_is_good_once_in_its_browser_for_its_ceremony_and_five_minutes() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let form = person.browser.get(&fixture, "login").await;
    let (csrf, challenge) = (form.hidden("csrf"), form.hidden("challenge"));
    let target = page(paths::PASSKEY_SIGN_IN);

    // In another browser: it is gone after that, too.
    let mut other = Browser::default();
    let other_csrf = other.csrf(&fixture, "login").await;
    let fields = person.assertion(&other_csrf, |shown| shown.challenge.clone_from(&challenge));
    assert_eq!(other.post(&fixture, target, &borrowed(&fields)).await.status, 401);
    let fields = person.assertion(&csrf, |shown| shown.challenge.clone_from(&challenge));
    assert_eq!(person.browser.post(&fixture, target, &borrowed(&fields)).await.status, 401);

    // Twice: a failure takes it as a success does.
    let form = person.browser.get(&fixture, "login").await;
    let (csrf, challenge) = (form.hidden("csrf"), form.hidden("challenge"));
    let wrong = person.assertion(&csrf, |shown| {
        shown.challenge.clone_from(&challenge);
        shown.flags = UP;
    });
    assert_eq!(person.browser.post(&fixture, target, &borrowed(&wrong)).await.status, 401);
    let right = person.assertion(&csrf, |shown| shown.challenge.clone_from(&challenge));
    assert_eq!(person.browser.post(&fixture, target, &borrowed(&right)).await.status, 401);

    // Six minutes old.
    let form = person.browser.get(&fixture, "login").await;
    fixture.clock.advance(Duration::from_mins(6));
    let fields = person.assertion(&form.hidden("csrf"), |shown| shown.challenge = form.hidden("challenge"));
    assert_eq!(person.browser.post(&fixture, target, &borrowed(&fields)).await.status, 401);

    // A challenge of another ceremony, of the same user in the same browser.
    let mut signed_in = Person { browser: Browser::default(), ..person };
    assert_eq!(signed_in.sign_in(&fixture, |_| ()).await.status, 303);
    let form = signed_in.browser.get(&fixture, page(paths::ADD_PASSKEY)).await;
    let mut visitor = Browser { cookies: signed_in.browser.cookies.clone() };
    visitor.cookies.remove(SESSION_COOKIE);
    let login = visitor.get(&fixture, "login").await;
    let fields =
        signed_in.assertion(&login.hidden("csrf"), |shown| shown.challenge = form.hidden("challenge"));
    assert_eq!(visitor.post(&fixture, target, &borrowed(&fields)).await.status, 401);
    let challenge = visitor.get(&fixture, "login").await.hidden("challenge");
    let passkey = SoftPasskey::es256(b"another");
    let other = Person { passkey, ..signed_in };
    let fields = other.registration(&form, &challenge, UP | UV);
    let mut browser = other.browser;
    assert_eq!(browser.post(&fixture, page(paths::ADD_PASSKEY), &borrowed(&fields)).await.status, 400);
    assert_eq!(ada(&fixture).await.factors.len(), 1);
}

#[tokio::test]
async fn one_of_two_simultaneous_finishes_signs_in() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let form = person.browser.get(&fixture, "login").await;
    let challenge = form.hidden("challenge");
    let fields = person.assertion(&form.hidden("csrf"), |shown| shown.challenge.clone_from(&challenge));
    let (mut one, mut other) = (person.browser.clone(), person.browser.clone());
    let fields = borrowed(&fields);
    let target = page(paths::PASSKEY_SIGN_IN);
    let (first, second) =
        tokio::join!(one.post(&fixture, target, &fields), other.post(&fixture, target, &fields));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 401]);
}

#[tokio::test]
async fn failures_with_passkeys_are_throttled_as_those_with_passwords_are() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    for _ in 0..5 {
        person.browser = Browser::default();
        assert_eq!(person.sign_in(&fixture, |shown| shown.flags = UP).await.status, 401);
    }
    person.browser = Browser::default();
    assert_eq!(person.sign_in(&fixture, |_| ()).await.status, 429);
    assert_eq!(Browser::default().login(&fixture, "ada", RIGHT).await.status, 429);
}

#[tokio::test]
async fn a_disabled_user_does_not_come_in() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let mut store =
        crate::users::UserStore::open(&fixture.temp.path().join("users.db"), fixture.clock.clone()).unwrap();
    store.set_active(&name("ada"), false).unwrap();
    assert_eq!(person.sign_in(&fixture, |_| ()).await.status, 401);
    assert_eq!(fixture.audited().last().unwrap(), "sign-in-failed/disabled/ada");
}

#[tokio::test]
async fn a_passkey_alone_does_not_replace_the_word_of_a_provider() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let account = ada(&fixture).await;
    let profile = SourceProfile {
        pair: IdentityPair {
            backend: BackendName::parse("corp").unwrap(),
            authority: "https://id.example.com".into(),
            subject: "1".into(),
        },
        name: name("ada"),
        email: None,
        full_name: String::new(),
        groups: Vec::new(),
        attributes: BTreeMap::new(),
    };
    fixture.directory.link(account.user.id, account.credential, profile).await.unwrap();
    // Ada has a password here, too.
    assert_eq!(person.sign_in(&fixture, |_| ()).await.location(), "/wiki");
    let database = rusqlite::Connection::open(fixture.temp.path().join("users.db")).unwrap();
    database.execute("UPDATE user SET password = NULL WHERE name = 'ada'", ()).unwrap();
    person.browser = Browser::default();
    assert_eq!(person.sign_in(&fixture, |_| ()).await.status, 401);
    assert_eq!(fixture.audited().last().unwrap(), "sign-in-failed/passkey-not-alone/ada");
}

#[tokio::test]
async fn a_passkey_alone_signs_nobody_in_where_the_own_directory_is_no_backend() {
    let mut fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let form = person.browser.get(&fixture, "login?next=/wiki").await;
    fixture.settings.backends = Backends::default();
    let fields = person.assertion(&form.hidden("csrf"), |shown| shown.challenge = form.hidden("challenge"));
    let refused = person.browser.post(&fixture, page(paths::PASSKEY_SIGN_IN), &borrowed(&fields)).await;
    assert_eq!(refused.status, 404);
    assert!(!person.browser.get(&fixture, "login").await.has_ceremony());
    assert!(!person.browser.is_signed_in(&fixture).await);
}

#[tokio::test]
async fn a_count_that_goes_back_is_told_and_no_refusal() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    person.sign_count = 9;
    assert_eq!(person.sign_in(&fixture, |_| ()).await.status, 303);
    assert!(!fixture.audited().iter().any(|line| line.contains("passkey-may-be-copied")));
    person.browser = Browser::default();
    person.sign_count = 3;
    assert_eq!(person.sign_in(&fixture, |_| ()).await.status, 303);
    assert!(fixture.audited().contains(&"notice/passkey-may-be-copied/ada".to_owned()));
}

#[tokio::test]
async fn adding_a_passkey_needs_a_recent_proof_and_the_form_of_this_session() {
    let fixture = fixture();
    let mut person = Person::signed_in(&fixture).await;
    let form = person.browser.get(&fixture, page(paths::ADD_PASSKEY)).await;
    let fields = person.registration(&form, &form.hidden("challenge"), UP | UV);

    let mut forged = fields.clone();
    forged[0].1 = "A".repeat(43);
    let reply = person.browser.post(&fixture, page(paths::ADD_PASSKEY), &borrowed(&forged)).await;
    assert_eq!(reply.status, 403);

    fixture.clock.advance(Duration::from_mins(11));
    let shown = person.browser.get(&fixture, page(paths::ADD_PASSKEY)).await;
    assert!(shown.location().starts_with(paths::CONFIRM), "{}", shown.location());
    let sent = person.browser.post(&fixture, page(paths::ADD_PASSKEY), &borrowed(&fields)).await;
    assert!(sent.location().starts_with(paths::CONFIRM), "{}", sent.location());
    assert!(ada(&fixture).await.factors.is_empty());
    assert_eq!(Browser::default().get(&fixture, page(paths::ADD_PASSKEY)).await.status, 303);
}

#[tokio::test]
async fn a_bad_registration_adds_nothing() {
    let fixture = fixture();
    let mut person = Person::signed_in(&fixture).await;
    assert_eq!(person.enrol(&fixture, UP).await.status, 400, "not verified");
    for (field, value) in
        [("name", "a\nb"), ("attestation_object", "oA"), ("client_data", "e30"), ("credential", "AQ")]
    {
        let form = person.browser.get(&fixture, page(paths::ADD_PASSKEY)).await;
        let mut fields = person.registration(&form, &form.hidden("challenge"), UP | UV);
        fields.iter_mut().filter(|(name, _)| *name == field).for_each(|(_, old)| value.clone_into(old));
        let reply = person.browser.post(&fixture, page(paths::ADD_PASSKEY), &borrowed(&fields)).await;
        assert_eq!(reply.status, 400, "{field}={value}");
    }
    assert!(ada(&fixture).await.factors.is_empty());
    assert!(fixture.audited().contains(&"factor-refused/passkey-user-not-verified/ada".to_owned()));
}

#[tokio::test]
async fn without_passkeys_no_page_speaks_of_them() {
    let mut fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture).await;
    assert_eq!(browser.get(&fixture, page(paths::ADD_PASSKEY)).await.status, 404);
    let mut visitor = Browser::default();
    let login = visitor.get(&fixture, "login").await;
    assert!(!login.has_ceremony() && !login.text.contains("<script"));
    let csrf = login.hidden("csrf");
    let sent = visitor.post(&fixture, page(paths::PASSKEY_SIGN_IN), &[("csrf", &csrf)]).await;
    assert_eq!(sent.status, 404);

    // For the second factor alone.
    let settings = self::fixture().settings.accounts.passkeys;
    fixture.settings.accounts.passkeys =
        settings.map(|passkeys| PasskeySettings { first_factor: false, ..passkeys });
    let login = visitor.get(&fixture, "login").await;
    assert!(!login.has_ceremony() && !login.text.contains("<script"));
    let sent = visitor.post(&fixture, page(paths::PASSKEY_SIGN_IN), &[("csrf", &csrf)]).await;
    assert_eq!(sent.status, 404);
    assert_eq!(
        browser.get(&fixture, page(paths::ADD_PASSKEY)).await.options()["authenticatorSelection"]["userVerification"],
        "preferred"
    );
}

#[tokio::test]
async fn one_script_runs_on_pages_with_a_ceremony_and_none_on_others() {
    let fixture = fixture();
    let mut browser = Browser::signed_in(&fixture).await;
    let policy = |reply: &Reply| reply.header("content-security-policy").to_owned();
    let plain = policy(&Browser::default().get(&fixture, "nothing").await);
    assert!(!plain.contains("script-src") && plain.starts_with("default-src 'none'"));
    for target in ["account", "account/password", "confirm", "logout"] {
        let reply = browser.get(&fixture, target).await;
        assert_eq!((reply.status, policy(&reply)), (200, plain.clone()), "{target}");
        assert!(!reply.text.contains("<script"), "{target}");
    }
    for (browser, target) in [(&mut Browser::default(), "login"), (&mut browser, page(paths::ADD_PASSKEY))] {
        let reply = browser.get(&fixture, target).await;
        let (_, rest) = reply.text.split_once("<script src=\"").expect("a script");
        let script = rest.split('"').next().unwrap();
        assert_eq!(policy(&reply), format!("{plain}; script-src https://{HOST}{script}"), "{target}");
        let file = fixture.settings.pages.file_at(&Method::GET, script).expect("the script");
        assert_eq!(file.headers()["content-type"], "text/javascript; charset=utf-8");
        assert_eq!(reply.text.matches("<script").count(), 1);
    }
}

/// Ada's browser after the right password.
async fn at_second_step(fixture: &Fixture, person: &mut Person) -> Reply {
    person.browser = Browser::default();
    let first = person.browser.login(fixture, "ada", RIGHT).await;
    assert_eq!(first.location(), paths::SECOND_STEP);
    person.browser.get(fixture, page(paths::SECOND_STEP)).await
}

async fn second_step(
    fixture: &Fixture,
    person: &mut Person,
    form: &Reply,
    change: impl FnOnce(&mut PasskeyResponse),
) -> Reply {
    let fields = person.assertion(&form.hidden("csrf"), |shown| {
        shown.challenge = form.hidden("challenge");
        change(shown);
    });
    person.browser.post(fixture, page(paths::PASSKEY_SECOND_STEP), &borrowed(&fields)).await
}

#[tokio::test]
async fn a_passkey_is_a_second_step_after_the_password() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let form = at_second_step(&fixture, &mut person).await;
    let options = form.options();
    assert_eq!(options["allowCredentials"][0]["id"], base64url(&person.passkey.id));
    assert_eq!(options["userVerification"], "preferred");
    assert!(form.header("content-security-policy").contains("script-src"));

    let wrong = second_step(&fixture, &mut person, &form, |shown| shown.flags = UV).await;
    assert_eq!(wrong.status, 401);
    assert!(!person.browser.is_signed_in(&fixture).await);
    // Neither the handle nor a verified person is needed here.
    let right = second_step(&fixture, &mut person, &wrong, |shown| {
        shown.flags = UP;
        shown.handle = String::new();
    })
    .await;
    assert_eq!(right.location(), "/wiki");
    assert!(person.browser.is_signed_in(&fixture).await);
}

#[tokio::test]
async fn a_second_step_is_of_the_user_who_typed_the_password() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let mut store =
        crate::users::UserStore::open(&fixture.temp.path().join("users.db"), fixture.clock.clone()).unwrap();
    let hash = crate::users::Passwords::hash_now(QUICK, &crate::users::Password::new(RIGHT.into()));
    store
        .add(crate::users::NewUser { password: Some(hash), ..crate::users::NewUser::named(name("bob")) })
        .unwrap();
    let mut bob = Person {
        browser: Browser::default(),
        passkey: SoftPasskey::eddsa(b"bob's key"),
        handle: String::new(),
        sign_count: 0,
    };
    bob.browser.login(&fixture, "bob", RIGHT).await;
    assert_eq!(bob.enrol(&fixture, UP | UV).await.status, 200);

    // Bob's passkey, in a sign-in with Ada's password.
    let form = at_second_step(&fixture, &mut person).await;
    let fields = bob.assertion(&form.hidden("csrf"), |shown| shown.challenge = form.hidden("challenge"));
    let reply = person.browser.post(&fixture, page(paths::PASSKEY_SECOND_STEP), &borrowed(&fields)).await;
    assert_eq!(reply.status, 401);
    assert_eq!(fixture.audited().last().unwrap(), "sign-in-failed/passkey-credential/ada");
    // A challenge of the sign-in page is none of the second step.
    let login =
        Browser { cookies: person.browser.cookies.clone() }.get(&fixture, "login").await.hidden("challenge");
    let reply = second_step(&fixture, &mut person, &reply, |shown| shown.challenge = login).await;
    assert_eq!(reply.status, 401);
    assert!(!person.browser.is_signed_in(&fixture).await);
}

#[tokio::test]
async fn the_fifth_wrong_passkey_asks_for_the_password_again() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let mut form = at_second_step(&fixture, &mut person).await;
    for _ in 0..4 {
        form = second_step(&fixture, &mut person, &form, |shown| shown.flags = UV).await;
        assert_eq!(form.status, 401);
    }
    let last = second_step(&fixture, &mut person, &form, |shown| shown.flags = UV).await;
    assert!(last.location().starts_with(paths::LOGIN), "{}", last.location());
}

#[tokio::test]
async fn a_passkey_confirms_the_session_and_no_other_users_does() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    assert_eq!(person.sign_in(&fixture, |_| ()).await.status, 303);
    let before = person.browser.session().cloned();
    fixture.clock.advance(Duration::from_mins(11));
    let led = person.browser.get(&fixture, page(paths::ADD_PASSKEY)).await;
    assert!(led.location().starts_with(paths::CONFIRM));
    let target = led.location().strip_prefix("/.gateway/").unwrap().to_owned();
    let form = person.browser.get(&fixture, &target).await;
    let confirm = |person: &mut Person, form: &Reply, flags: u8| {
        person.assertion(&form.hidden("csrf"), |shown| {
            shown.challenge = form.hidden("challenge");
            shown.flags = flags;
        })
    };
    let fields = confirm(&mut person, &form, UV);
    let wrong = person.browser.post(&fixture, page(paths::PASSKEY_CONFIRM), &borrowed(&fields)).await;
    assert_eq!(wrong.status, 401);
    let mut fields = confirm(&mut person, &wrong, UP | UV);
    fields[1].1 = paths::ADD_PASSKEY.to_owned();
    let right = person.browser.post(&fixture, page(paths::PASSKEY_CONFIRM), &borrowed(&fields)).await;
    assert_eq!(right.location(), paths::ADD_PASSKEY);
    assert_ne!(person.browser.session(), before.as_ref(), "a new token");
    assert_eq!(person.browser.get(&fixture, page(paths::ADD_PASSKEY)).await.status, 200);
    assert!(fixture.audited().contains(&"confirm/ok/ada".to_owned()));
}

/// A fixture in which each person needs a second factor, and can have passkeys.
fn requiring() -> Fixture {
    let mut fixture = fixture();
    fixture.settings.accounts.second_factor = SecondFactorPolicy::Required;
    fixture
}

/// Ada's browser after the right password, while she has no factor.
async fn at_enrol_step(fixture: &Fixture, person: &mut Person) -> Reply {
    person.browser = Browser::default();
    let first = person.browser.login(fixture, "ada", RIGHT).await;
    assert_eq!(first.location(), paths::ENROL_STEP);
    person.browser.get(fixture, page(paths::ENROL_STEP)).await
}

/// The address of the button below the recovery codes.
fn leads_to(reply: &Reply) -> String {
    let (_, rest) = reply.text.split_once("<a class=\"button primary wide\" href=\"").expect("a button");
    rest.split('"').next().unwrap().replace("&#x2f;", "/")
}

fn new_person() -> Person {
    Person {
        browser: Browser::default(),
        passkey: SoftPasskey::es256(b"ada's laptop"),
        handle: String::new(),
        sign_count: 0,
    }
}

#[tokio::test]
async fn a_required_factor_can_be_a_passkey_and_brings_recovery_codes() {
    let fixture = requiring();
    let mut person = new_person();
    let form = at_enrol_step(&fixture, &mut person).await;
    assert!(person.browser.session().is_none());
    // Both ways are on the page; that of the app works without script.
    assert!(form.text.contains("data-passkey=\"create\"") && form.text.contains("class=\"secret\""));
    assert!(form.header("content-security-policy").contains("script-src"));
    let options = form.options();
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    options["user"]["id"].as_str().unwrap().clone_into(&mut person.handle);

    let fields = person.registration(&form, &form.hidden("challenge"), UP | UV);
    let added = person.browser.post(&fixture, page(paths::PASSKEY_ENROL_STEP), &borrowed(&fields)).await;
    assert_eq!((added.status, added.text.matches("<code>").count()), (200, 10), "{}", added.text);
    assert_eq!(leads_to(&added), "/wiki", "the codes lead on");
    assert!(person.browser.is_signed_in(&fixture).await);
    assert_eq!(ada(&fixture).await.factors.len(), 1);
    assert_eq!(fixture.audited(), ["notice/factor-added/ada", "sign-in/ok/ada"]);

    // The next sign-in asks for it.
    let form = at_second_step(&fixture, &mut person).await;
    assert_eq!(second_step(&fixture, &mut person, &form, |_| ()).await.location(), "/wiki");
}

#[tokio::test]
async fn a_passkey_that_cannot_be_added_leaves_the_sign_in_pending() {
    let fixture = requiring();
    let mut person = new_person();
    let mut form = at_enrol_step(&fixture, &mut person).await;
    let target = page(paths::PASSKEY_ENROL_STEP);
    let mut session = Browser::default();
    session.get(&fixture, "login").await;
    let of_login = session.get(&fixture, "login").await.hidden("challenge");
    for (what, flags, challenge) in [
        ("not verified", UP, None),
        ("nobody there", UV, None),
        ("a challenge of the sign-in page", UP | UV, Some(of_login.as_str())),
        (
            "a challenge that was never given out",
            UP | UV,
            Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ),
    ] {
        let fields = person.registration(&form, challenge.unwrap_or(&form.hidden("challenge")), flags);
        form = person.browser.post(&fixture, target, &borrowed(&fields)).await;
        assert_eq!(form.status, 400, "{what}");
        assert!(form.text.contains("could not be added"), "{what}: {}", form.text);
        assert!(form.text.contains("<title>Error:"), "{what}");
        assert!(person.browser.session().is_none(), "{what}");
    }
    assert!(ada(&fixture).await.factors.is_empty());
    // A form of another site adds nothing, and takes nothing.
    let mut forged = person.registration(&form, &form.hidden("challenge"), UP | UV);
    forged[0].1 = "A".repeat(43);
    assert_eq!(person.browser.post(&fixture, target, &borrowed(&forged)).await.status, 403);
    // The challenge of another person's sign-in, in which the same page was open.
    let mut other = new_person();
    let shown = at_enrol_step(&fixture, &mut other).await;
    let fields = person.registration(&form, &shown.hidden("challenge"), UP | UV);
    form = person.browser.post(&fixture, target, &borrowed(&fields)).await;
    assert_eq!(form.status, 400);

    let fields = person.registration(&form, &form.hidden("challenge"), UP | UV);
    assert_eq!(person.browser.post(&fixture, target, &borrowed(&fields)).await.status, 200);
    // The sign-in in the other browser goes on with the factor that was added here.
    let fields = other.registration(&shown, &shown.hidden("challenge"), UP | UV);
    let later = other.browser.post(&fixture, target, &borrowed(&fields)).await;
    assert_eq!(later.location(), paths::SECOND_STEP);
    assert_eq!(ada(&fixture).await.factors.len(), 1);
    assert!(other.browser.session().is_none());
}

#[tokio::test]
async fn a_sign_in_that_has_to_add_a_factor_opens_nothing_else() {
    let fixture = requiring();
    for entry in PAGES {
        let path = page(entry.path).replace('*', "idp");
        let mut pending = new_person();
        at_enrol_step(&fixture, &mut pending).await;
        let mut visitor = Browser::default();
        visitor.get(&fixture, "login").await;
        if entry.path != paths::ENROL_STEP {
            let (with, seen) =
                (pending.browser.get(&fixture, &path).await, visitor.get(&fixture, &path).await);
            let shown = |reply: &Reply| (reply.status, reply.header("location").to_owned());
            assert_eq!(shown(&with), shown(&seen), "{path}");
        }
        let is_step = [paths::LOGIN, paths::ENROL_STEP, paths::PASSKEY_ENROL_STEP].contains(&entry.path);
        if entry.post.is_some() && !is_step {
            let csrf = pending.browser.csrf(&fixture, "login").await;
            let fields = [("csrf", csrf.as_str()), ("current", RIGHT), ("password", RIGHT), ("name", "x")];
            pending.browser.post(&fixture, &path, &fields).await;
        }
        assert!(pending.browser.session().is_none(), "{path} opens a session");
        assert!(!pending.browser.is_signed_in(&fixture).await, "{path}");
    }
    assert!(ada(&fixture).await.factors.is_empty());
}

#[tokio::test]
async fn the_recovery_codes_of_a_required_factor_lead_to_the_next_step() {
    let fixture = requiring();
    let database = rusqlite::Connection::open(fixture.temp.path().join("users.db")).unwrap();
    database.execute("UPDATE user SET must_change_password = 1 WHERE name = 'ada'", ()).unwrap();
    let mut person = new_person();
    let form = at_enrol_step(&fixture, &mut person).await;
    let fields = person.registration(&form, &form.hidden("challenge"), UP | UV);
    let added = person.browser.post(&fixture, page(paths::PASSKEY_ENROL_STEP), &borrowed(&fields)).await;
    assert_eq!(leads_to(&added), paths::NEW_PASSWORD_STEP);
    assert!(!person.browser.is_signed_in(&fixture).await);
    assert_eq!(person.browser.get(&fixture, page(paths::NEW_PASSWORD_STEP)).await.status, 200);
}

#[tokio::test]
async fn without_passkeys_the_step_that_adds_a_factor_offers_an_app_alone() {
    let mut fixture = requiring();
    fixture.settings.accounts.passkeys = None;
    let mut person = new_person();
    let form = at_enrol_step(&fixture, &mut person).await;
    assert!(!form.has_ceremony() && !form.text.contains("<script"), "{}", form.text);
    let csrf = form.hidden("csrf");
    let sent = person.browser.post(&fixture, page(paths::PASSKEY_ENROL_STEP), &[("csrf", &csrf)]).await;
    assert_eq!(sent.status, 404);
    assert_eq!(
        person.browser.get(&fixture, page(paths::ENROL_STEP)).await.status,
        200,
        "it is pending still"
    );
}

/// Sends the form that removes the first factor of the page.
async fn remove_first(fixture: &Fixture, browser: &mut Browser) -> Reply {
    let list = browser.get(fixture, page(paths::FACTORS)).await;
    let (csrf, id) = (list.hidden("csrf"), ada(fixture).await.factors[0].id.to_string());
    browser.post(fixture, page(paths::FACTORS), &[("csrf", &csrf), ("remove", &id)]).await
}

#[tokio::test]
async fn the_last_factor_of_an_account_that_needs_one_is_not_removed() {
    type Change = fn(&mut AccountSettings, GroupName);

    let mut fixture = fixture();
    let mut person = Person::signed_in(&fixture).await;
    assert_eq!(person.enrol(&fixture, UP | UV).await.status, 200);
    person.browser = Browser::default();
    person.sign_in(&fixture, |_| ()).await;
    let staff = GroupName::parse("staff").unwrap();
    let rules: [(&str, Change); 2] = [
        ("for everybody", |accounts, _| accounts.second_factor = SecondFactorPolicy::Required),
        ("for a group", |accounts, group| accounts.required_for = vec![group]),
    ];
    for (what, change) in rules {
        let without = fixture.settings.accounts.clone();
        change(&mut fixture.settings.accounts, staff.clone());
        let list = person.browser.get(&fixture, page(paths::FACTORS)).await.text;
        assert!(
            list.contains("add another one first") && !list.contains("name=\"remove\""),
            "{what}: {list}"
        );
        // A form that the page does not have.
        let refused = remove_first(&fixture, &mut person.browser).await;
        assert_eq!(refused.status, 422, "{what}");
        assert!(
            refused.text.contains("role=\"alert\"><p>Your account needs a second factor"),
            "{}",
            refused.text
        );
        assert_eq!(ada(&fixture).await.factors.len(), 1, "{what}");
        fixture.settings.accounts = without;
    }
    // A group that she is no member of.
    fixture.settings.accounts.required_for = vec![GroupName::parse("operators").unwrap()];
    let removed = remove_first(&fixture, &mut person.browser).await;
    assert_eq!(removed.location(), paths::FACTORS);
    assert!(ada(&fixture).await.factors.is_empty());
}

#[tokio::test]
async fn of_two_factors_that_are_removed_at_once_one_stays_where_one_is_required() {
    let fixture = requiring();
    let mut person = new_person();
    let form = at_enrol_step(&fixture, &mut person).await;
    let fields = person.registration(&form, &form.hidden("challenge"), UP | UV);
    person.browser.post(&fixture, page(paths::PASSKEY_ENROL_STEP), &borrowed(&fields)).await;
    person.passkey = SoftPasskey::es256(b"ada's key");
    assert_eq!(person.enrol(&fixture, UP | UV).await.status, 200);
    let csrf = person.browser.csrf(&fixture, page(paths::FACTORS)).await;
    let ids: Vec<String> = ada(&fixture).await.factors.iter().map(|factor| factor.id.to_string()).collect();
    let (mut one, mut other) = (person.browser.clone(), person.browser.clone());
    let [a, b] = [&ids[0], &ids[1]].map(|id| vec![("csrf", csrf.clone()), ("remove", id.clone())]);
    let (a, b) = (borrowed(&a), borrowed(&b));
    let target = page(paths::FACTORS);
    let (first, second) = tokio::join!(one.post(&fixture, target, &a), other.post(&fixture, target, &b));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
    assert_eq!(ada(&fixture).await.factors.len(), 1);
}

#[tokio::test]
async fn the_only_passkey_of_an_account_without_a_password_is_not_removed() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let database = rusqlite::Connection::open(fixture.temp.path().join("users.db")).unwrap();
    database.execute("UPDATE user SET password = NULL WHERE name = 'ada'", ()).unwrap();
    // The sign-in reads the account anew.
    assert_eq!(person.sign_in(&fixture, |_| ()).await.location(), "/wiki");
    let list = person.browser.get(&fixture, page(paths::FACTORS)).await.text;
    assert!(list.contains("You could not sign in any more without this one"), "{list}");
    let refused = remove_first(&fixture, &mut person.browser).await;
    assert_eq!(refused.status, 422);
    assert_eq!(ada(&fixture).await.factors.len(), 1);
}

#[tokio::test]
async fn pages_of_somebody_with_passkeys_tell_the_browser_which_are_left() {
    let fixture = fixture();
    let mut person = Person::signed_in(&fixture).await;
    let told = |reply: &Reply| reply.data("passkeys-accepted");
    for target in ["account", page(paths::FACTORS), page(paths::PROFILE), "confirm"] {
        let reply = person.browser.get(&fixture, target).await;
        assert!(told(&reply).is_none() && !reply.text.contains("<script"), "{target}, without a passkey");
    }
    let added = person.enrol(&fixture, UP | UV).await;
    let expected = serde_json::json!({
        "rpId": HOST, "userId": person.handle, "allAcceptedCredentialIds": [base64url(b"ada's laptop")],
        "name": "ada", "displayName": "Ada <b>Lovelace</b>",
    });
    assert_eq!(told(&added), Some(expected.clone()));
    person.browser = Browser::default();
    assert_eq!(person.sign_in(&fixture, |_| ()).await.location(), "/wiki");
    let policy = |reply: &Reply| reply.header("content-security-policy").to_owned();
    for target in [
        "account",
        page(paths::FACTORS),
        page(paths::PROFILE),
        "confirm?need=passkey",
        page(paths::ADD_PASSKEY),
    ] {
        let reply = person.browser.get(&fixture, target).await;
        assert_eq!(told(&reply), Some(expected.clone()), "{target}");
        assert_eq!(reply.text.matches("<script").count(), 1, "{target}");
        assert!(policy(&reply).contains("script-src https://"), "{target}");
    }
    assert!(told(&person.browser.get(&fixture, "whoami").await).is_none());

    // A changed name.
    let csrf = person.browser.csrf(&fixture, page(paths::PROFILE)).await;
    let fields = [("csrf", csrf.as_str()), ("full_name", "Ada King")];
    assert_eq!(person.browser.post(&fixture, page(paths::PROFILE), &fields).await.status, 303);
    let reply = person.browser.get(&fixture, page(paths::PROFILE)).await;
    assert_eq!(told(&reply).unwrap()["displayName"], "Ada King");

    // The last one is removed: the page that says so tells the browser as well, once.
    assert_eq!(remove_first(&fixture, &mut person.browser).await.location(), paths::FACTORS);
    let reply = person.browser.get(&fixture, page(paths::FACTORS)).await;
    assert_eq!(told(&reply).unwrap()["allAcceptedCredentialIds"], serde_json::json!([]));
    let reply = person.browser.get(&fixture, page(paths::FACTORS)).await;
    assert!(told(&reply).is_none() && !reply.text.contains("<script"));
}

/// Adds a passkey with this id and without a name.
async fn add_nameless(fixture: &Fixture, person: &mut Person, id: &[u8]) {
    let form = person.browser.get(fixture, page(paths::ADD_PASSKEY)).await;
    form.options()["user"]["id"].as_str().unwrap().clone_into(&mut person.handle);
    let new = Person { passkey: SoftPasskey::es256(id), ..new_person() };
    let fields = new.registration(&form, &form.hidden("challenge"), UP | UV);
    let nameless = |(field, value)| if field == "name" { (field, " ".to_owned()) } else { (field, value) };
    let fields: Fields = fields.into_iter().map(nameless).collect();
    let reply = person.browser.post(fixture, page(paths::ADD_PASSKEY), &borrowed(&fields)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    if person.sign_count == 0 {
        // A further one needs a proof by the first one.
        person.passkey = new.passkey;
        person.browser = Browser::default();
        person.sign_in(fixture, |_| ()).await;
    }
}

#[tokio::test]
async fn a_passkey_without_a_name_gets_that_of_its_model_or_of_its_day() {
    let mut fixture = fixture();
    let mut person = Person::signed_in(&fixture).await;
    add_nameless(&fixture, &mut person, b"one").await;
    let known = r#"{"aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa": {"name": "Badge"}}"#;
    let passkeys = fixture.settings.accounts.passkeys.as_mut().unwrap();
    passkeys.authenticators = AuthenticatorNames::parse(known).unwrap();
    add_nameless(&fixture, &mut person, b"two").await;
    add_nameless(&fixture, &mut person, b"three").await;
    let account = ada(&fixture).await;
    let names: Vec<&str> = account.factors.iter().map(|factor| factor.name.as_str()).collect();
    assert_eq!(names, ["Passkey, added 6 October 2026, 08:00 UTC", "Badge", "Badge 2"]);
}

#[tokio::test]
async fn a_passkey_that_is_on_several_devices_is_shown_as_synced() {
    let fixture = fixture();
    let mut person = Person::signed_in(&fixture).await;
    person.enrol(&fixture, UP | UV | BE).await;
    person.browser = Browser::default();
    person.sign_in(&fixture, |shown| shown.flags |= BE).await;
    let list = person.browser.get(&fixture, page(paths::FACTORS)).await.text;
    assert!(!list.contains("synced") && !ada(&fixture).await.factors[0].synced, "{list}");
    // It is in a backup from now on.
    person.browser = Browser::default();
    person.sign_in(&fixture, |shown| shown.flags |= BE | BS).await;
    let list = person.browser.get(&fixture, page(paths::FACTORS)).await.text;
    assert!(list.contains("synced") && ada(&fixture).await.factors[0].synced, "{list}");
}
