//! Acts that change how somebody gets in, or that carry something away, need a proof that is at most ten minutes old
//! (OWASP ASVS 5.0 7.5.1, 7.5.3). Each form of the portal is judged in a table, so that a new one cannot be forgotten.

use std::{sync::Arc, time::Duration};

use super::{
    second_step::{code, enrol},
    support::{Browser, Fixture, RIGHT, Reply, name, passkeys},
};
use crate::{
    auth::{BackendSettings, BackendSurroundings, Backends, oidc},
    mail::Outbox,
    pages::paths,
    portal::page_table::PAGES,
    users::Account,
};

/// The proof that a form needs.
#[derive(Clone, Copy, Debug)]
enum Guard {
    /// A recent one, by a factor if the account has one: for the acts with these fields.
    Recent(&'static [&'static [(&'static str, &'static str)]]),
    /// The present password, in the form; with a factor a recent proof by one as well.
    Password(&'static [(&'static str, &'static str)]),
    /// None, for this reason.
    Free(&'static str),
}

const FORMS: &[(&str, Guard)] = &[
    (paths::LOGIN, Guard::Free("it is a proof")),
    (paths::SECOND_STEP, Guard::Free("it is a proof")),
    (paths::ENROL_STEP, Guard::Free("the sign-in is five minutes old at most")),
    (paths::PASSKEY_ENROL_STEP, Guard::Free("the sign-in is five minutes old at most")),
    (paths::NEW_PASSWORD_STEP, Guard::Free("the sign-in is five minutes old at most")),
    (paths::FIELDS_STEP, Guard::Free("neither a right nor a way in depends on it")),
    (paths::PASSKEY_SECOND_STEP, Guard::Free("it is a proof")),
    (paths::PASSKEY_SIGN_IN, Guard::Free("it is a proof")),
    (paths::PASSKEY_CONFIRM, Guard::Free("it is a proof")),
    (paths::CONFIRM, Guard::Free("it is a proof")),
    (
        paths::FACTORS,
        Guard::Recent(&[&[("rename", "1"), ("name", "Mine")], &[("remove", "1")], &[("codes", "new")]]),
    ),
    (paths::ADD_APP, Guard::Recent(&[&[("sealed", "x"), ("name", "Mine"), ("code", "000000")]])),
    (paths::ADD_PASSKEY, Guard::Recent(&[&[("challenge", "x"), ("name", "Mine")]])),
    (paths::LOGOUT, Guard::Free("it takes access away")),
    (paths::SESSIONS, Guard::Free("it takes access away from the user's own sessions")),
    (paths::CONNECTIONS, Guard::Recent(&[&[("disconnect", "idp 1")]])),
    (paths::OIDC_LINK, Guard::Recent(&[&[]])),
    (paths::PROFILE, Guard::Free("neither a right nor a way in depends on it")),
    (paths::DATA, Guard::Recent(&[&[]])),
    (
        paths::PASSWORD,
        Guard::Password(&[
            ("current", "wrong"),
            ("new", "copper lantern meadow"),
            ("again", "copper lantern meadow"),
        ]),
    ),
    (paths::RESET, Guard::Free("a mail goes to the stored address")),
    (paths::NEW_PASSWORD, Guard::Free("the link is a proof")),
    (paths::INVITE, Guard::Free("the link is a proof")),
    (paths::REGISTER, Guard::Free("there is no account yet")),
    (paths::REGISTER_FINISH, Guard::Free("there is no account yet")),
    (paths::EMAIL, Guard::Recent(&[&[("email", "mallory@example.com")]])),
    (paths::CONFIRM_EMAIL, Guard::Free("the link was asked for after a recent proof")),
    (paths::UNDO_EMAIL, Guard::Free("the link is a proof")),
    (paths::TOKENS, Guard::Recent(&[&[("name", "Mine"), ("days", "90")]])),
    (paths::OIDC_LOGOUT, Guard::Free("it takes access away, and the provider has signed it")),
    (paths::SETUP, Guard::Free("there is no account yet")),
];

#[test]
fn each_form_of_the_portal_is_judged() {
    let forms: Vec<&str> = PAGES.iter().filter(|page| page.post.is_some()).map(|page| page.path).collect();
    for path in &forms {
        let judged = FORMS.iter().filter(|(judged, _)| judged == path).count();
        assert_eq!(judged, 1, "{path}: does it need a recent proof? The table has to say so");
    }
    assert_eq!(FORMS.len(), forms.len(), "a form of the table is not there any more");
    let free = FORMS.iter().filter_map(|(path, guard)| match guard {
        Guard::Free(reason) => Some((path, reason)),
        _ => None,
    });
    for (path, reason) in free {
        assert!(!reason.is_empty(), "{path}");
    }
}

/// A fixture in which each form is served.
fn fixture() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.settings.accounts.passkeys = Some(passkeys());
    let surroundings = BackendSurroundings {
        clock: &fixture.clock,
        directory: &fixture.directory,
        sessions_last: Duration::from_hours(12),
        takes_certificates: false,
    };
    let provider = oidc::samples::settings_of("idp", "https://127.0.0.1:9");
    let backends = [BackendSettings::Local, BackendSettings::Oidc(Box::new(provider))];
    fixture.settings.backends = Backends::open(&backends, surroundings, &Backends::local()).unwrap();
    // Mails are not delivered without settings of a server.
    let outbox = Arc::new(Outbox::new(fixture.temp.path().join("mail.db"), fixture.clock.clone()));
    fixture.settings.sends_mail = true;
    let Fixture { portal, sessions, directory, settings, clock, log, logged, temp } = fixture;
    Fixture { portal: portal.with_outbox(outbox), sessions, directory, settings, clock, log, logged, temp }
}

async fn ada(fixture: &Fixture) -> Account {
    Account::clone(&*fixture.directory.account_by_name(&name("ada")).await.unwrap().unwrap())
}

async fn send(browser: &mut Browser, fixture: &Fixture, path: &str, fields: &[(&str, &str)]) -> Reply {
    let csrf = browser.csrf(fixture, "account").await;
    let target = path.trim_start_matches(paths::ROOT).replace('*', "idp");
    browser.post(fixture, &target, &[&[("csrf", csrf.as_str())], fields].concat()).await
}

/// Whether the response leads to the page that asks for a proof.
fn asks(reply: &Reply) -> bool {
    reply.status == 303 && reply.location().starts_with(paths::CONFIRM)
}

#[tokio::test]
async fn no_dangerous_form_is_taken_eleven_minutes_after_the_last_proof() {
    let fixture = fixture();
    let mut browser = Browser::signed_in(&fixture).await;
    let before = ada(&fixture).await;
    fixture.clock.advance(Duration::from_secs(601));
    for (path, guard) in FORMS {
        let Guard::Recent(acts) = guard else { continue };
        for fields in *acts {
            let reply = send(&mut browser, &fixture, path, fields).await;
            assert!(asks(&reply), "{path} {fields:?}: {} {}", reply.status, reply.text);
        }
    }
    assert_eq!(ada(&fixture).await, before, "nothing has changed");
}

#[tokio::test]
async fn of_an_account_with_a_factor_no_dangerous_form_is_taken_after_a_password_alone() {
    let fixture = fixture();
    let (secret, _) = enrol(&fixture).await;
    let mut browser = Browser::half_signed_in(&fixture).await;
    let csrf = browser.csrf(&fixture, "login/second-step").await;
    let now = code(&fixture, &secret);
    let signed_in = browser.post(&fixture, "login/second-step", &[("csrf", &csrf), ("code", &now)]).await;
    assert_eq!(signed_in.location(), "/wiki");
    fixture.clock.advance(Duration::from_secs(601));
    // Mallory has read the password over Alice's shoulder.
    let csrf = browser.csrf(&fixture, "confirm?next=/.gateway/account").await;
    let fields = [("csrf", csrf.as_str()), ("next", "/.gateway/account"), ("password", RIGHT)];
    assert_eq!(browser.post(&fixture, "confirm", &fields).await.location(), "/.gateway/account");
    let before = ada(&fixture).await;
    for (path, guard) in FORMS {
        let acts: &[&[(&str, &str)]] = match guard {
            Guard::Recent(acts) => acts,
            Guard::Password(fields) => &[fields],
            Guard::Free(_) => continue,
        };
        for fields in acts {
            let reply = send(&mut browser, &fixture, path, fields).await;
            assert!(asks(&reply), "{path} {fields:?}: {} {}", reply.status, reply.text);
            assert!(reply.location().contains("need=") && reply.location().contains("totp"), "{path}");
            assert!(!reply.location().contains("need=password"), "{path}");
        }
    }
    assert_eq!(ada(&fixture).await, before, "nothing has changed");
}

#[tokio::test]
async fn right_after_a_proof_each_dangerous_form_is_read() {
    let fixture = fixture();
    let mut browser = Browser::signed_in(&fixture).await;
    fixture.clock.advance(Duration::from_secs(599));
    for (path, guard) in FORMS {
        let acts: &[&[(&str, &str)]] = match guard {
            // The provider would be called.
            Guard::Recent(_) if *path == paths::OIDC_LINK => continue,
            Guard::Recent(acts) => acts,
            Guard::Password(fields) => &[fields],
            Guard::Free(_) => continue,
        };
        for fields in acts {
            let reply = send(&mut browser, &fixture, path, fields).await;
            assert!(
                !asks(&reply) && reply.status < 500,
                "{path} {fields:?}: {} {}",
                reply.status,
                reply.text
            );
        }
    }
}
