//! A passkey as the first and only factor of a sign-in.

use std::{collections::BTreeMap, time::Duration};

use super::super::support::*;
use super::person::*;
use crate::{
    auth::{
        Backends,
        webauthn::samples::{BE, BS, SoftPasskey, UP, UV, base64url},
    },
    identity::{BackendName, IdentityPair},
    pages::paths,
    users::{FactorKind, SourceProfile},
};

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

    // In another browser. It stays good in its own.
    let mut other = Browser::default();
    let other_csrf = other.csrf(&fixture, "login").await;
    let fields = person.assertion(&other_csrf, |shown| shown.challenge.clone_from(&challenge));
    assert_eq!(other.post(&fixture, target, &borrowed(&fields)).await.status, 401);
    let mut own = person.browser.clone();
    let fields = person.assertion(&csrf, |shown| shown.challenge.clone_from(&challenge));
    assert_eq!(own.post(&fixture, target, &borrowed(&fields)).await.status, 303);

    // With a byte changed: a later date, another number, another mark.
    for at in [0, 12, 42] {
        let challenge = person.browser.get(&fixture, "login").await.hidden("challenge");
        let mut forged = challenge.into_bytes();
        forged[at] = if forged[at] == b'A' { b'Q' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        let fields = person.assertion(&csrf, |shown| shown.challenge = forged);
        assert_eq!(person.browser.post(&fixture, target, &borrowed(&fields)).await.status, 401, "{at}");
    }

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
    let mut visitor = signed_in.browser.clone();
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
async fn a_challenge_is_good_on_the_host_alone_that_gave_it_out() {
    const OTHER: &str = "shop.example.net";
    let mut fixture = fixture();
    let settings = fixture.settings.accounts.passkeys.as_mut().unwrap();
    settings.hosts.push(OTHER.into());
    settings.related_hosts.push(OTHER.into());
    let mut person = Person::enrolled(&fixture).await;
    let form = person.browser.get(&fixture, "login").await;
    let (csrf, challenge) = (form.hidden("csrf"), form.hidden("challenge"));
    person.browser.host = Some(OTHER);
    let fields = person.assertion(&csrf, |shown| shown.challenge = challenge);
    let carried_over = person.browser.post(&fixture, page(paths::PASSKEY_SIGN_IN), &borrowed(&fields)).await;
    assert_eq!(carried_over.status, 401);
    assert!(person.browser.session().is_none());
    assert_eq!(person.sign_in(&fixture, |_| ()).await.location(), "/wiki", "one of its own");
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

/// A stranger opens the page once, and sends its challenge again and again.
#[tokio::test]
async fn further_answers_to_one_challenge_count_as_failures() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    person.browser = Browser::default();
    let form = person.browser.get(&fixture, "login").await;
    let mut statuses = Vec::new();
    for number in 0..60_u8 {
        let fields = person.assertion(&form.hidden("csrf"), |shown| {
            shown.challenge = form.hidden("challenge");
            shown.credential = base64url(&[b'x', number]);
        });
        let reply = person.browser.post(&fixture, page(paths::PASSKEY_SIGN_IN), &borrowed(&fields)).await;
        statuses.push(reply.status);
    }
    assert_eq!((statuses[..50].to_vec(), statuses[50..].to_vec()), (vec![401; 50], vec![429; 10]));
}

/// Otherwise whoever is throttled fills the session store.
#[tokio::test]
async fn an_answer_that_is_throttled_does_not_use_its_challenge_up() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    for _ in 0..5 {
        assert_eq!(person.sign_in(&fixture, |shown| shown.flags = UP).await.status, 401);
    }
    let form = person.browser.get(&fixture, "login?next=/wiki").await;
    let fields = person.assertion(&form.hidden("csrf"), |shown| shown.challenge = form.hidden("challenge"));
    for status in [429, 303] {
        let mut browser = person.browser.clone();
        let reply = browser.post(&fixture, page(paths::PASSKEY_SIGN_IN), &borrowed(&fields)).await;
        assert_eq!(reply.status, status, "{}", reply.text);
        fixture.clock.advance(Duration::from_mins(1));
    }
}

/// A gateway whose clock is ahead removes what has expired from the store that it shares.
#[tokio::test]
async fn an_answer_stays_noted_until_its_challenge_is_too_old_on_every_gateway() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let form = person.browser.get(&fixture, "login").await;
    let fields = person.assertion(&form.hidden("csrf"), |shown| shown.challenge = form.hidden("challenge"));
    let clock_ahead = Duration::from_mins(4);
    for (waited, status) in [(0, 303), (1, 401), (238, 401), (60, 401)] {
        fixture.clock.advance(Duration::from_secs(waited));
        fixture.sessions.prune(fixture.clock.now() + clock_ahead, &fixture.settings.sessions).await.unwrap();
        let mut browser = person.browser.clone();
        let reply = browser.post(&fixture, page(paths::PASSKEY_SIGN_IN), &borrowed(&fields)).await;
        assert_eq!(reply.status, status, "{waited}");
    }
}

#[tokio::test]
async fn a_challenge_is_good_for_the_relying_party_alone_for_which_it_was_made() {
    let mut fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let form = person.browser.get(&fixture, "login").await;
    let fields = person.assertion(&form.hidden("csrf"), |shown| shown.challenge = form.hidden("challenge"));
    fixture.settings.accounts.passkeys.as_mut().unwrap().rp_id = "example.com".into();
    let reply = person.browser.post(&fixture, page(paths::PASSKEY_SIGN_IN), &borrowed(&fields)).await;
    assert_eq!(reply.status, 401);
    assert_eq!(fixture.audited().last().unwrap(), "sign-in-failed/passkey-challenge/-");
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
