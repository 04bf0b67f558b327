//! Every page, in every state worth looking at.

use std::time::Duration;

use crate::pages::*;
use crate::{clock::Timestamp, language::Language, refusal::Refusal};

/// Every page, in every state worth looking at.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn gallery() -> Vec<(&'static str, Page<'static>)> {
    let host = "wiki.example.com";
    let csrf = "token";
    let confirm = || Confirm {
        host,
        csrf,
        next: "/",
        username: "ada",
        name: "Ada Lovelace",
        problem: None,
        flash: None,
        has_form: true,
        has_totp: false,
        recovery_codes_left: 0,
        has_factors: false,
        may_add_factors: true,
        providers: vec![],
        passkey: None,
        passkey_signals: None,
    };
    let password = || Password { host, csrf, username: "ada", problem: None, about: "" };
    let setup = || Setup { host, csrf, token: "secret", username: "", problem: None, about: "" };
    let refused = |refusal: Refusal| {
        Page::Refused(Refused {
            status: refusal.status().as_u16(),
            title: Language::english().say(&refusal.title()).leak(),
            detail: Language::english().say(&refusal.detail()).leak(),
            request_id: "01k6x0c4rvj8e3m2d9q7",
            page_link: (refusal == Refusal::SignIn)
                .then_some(PageLink { href: "/.gateway/login", text: "Sign in" }),
            offers_account: refusal == Refusal::Forbidden,
            link: None,
            is_framed: false,
        })
    };
    vec![
        ("login", Page::Login(login(host, ""))),
        (
            "login-failed",
            Page::Login(Login { problem: Some("Wrong user name or password."), ..login(host, "ada") }),
        ),
        (
            "login-remember",
            Page::Login(Login {
                remember: Some(Remember { time: "30 days".into(), checked: true }),
                ..login(host, "")
            }),
        ),
        (
            "login-providers",
            Page::Login(Login {
                providers: vec![provider("Example Ltd"), provider("Google")],
                ..login(host, "")
            }),
        ),
        (
            "login-providers-alone",
            Page::Login(Login {
                providers: vec![provider("Example Ltd"), provider("Google")],
                has_form: false,
                flash: Some("You have signed out."),
                ..login(host, "")
            }),
        ),
        (
            "confirm-provider",
            Page::Confirm(Confirm { has_form: false, providers: vec![provider("Example Ltd")], ..confirm() }),
        ),
        (
            "onward",
            Page::Onward(Onward { host, title: "Example Ltd", address: "/the-address-of-the-provider" }),
        ),
        ("not-signed-in", Page::NotSignedIn(not_signed_in())),
        ("confirm", Page::Confirm(confirm())),
        ("confirm-wrong", Page::Confirm(Confirm { problem: Some("Wrong password."), ..confirm() })),
        (
            "account-connections",
            Page::Account(Account {
                connected: vec![
                    connected("Example Ltd"),
                    ConnectedSignIn {
                        has_ended: true,
                        last_seen: None,
                        can_disconnect: false,
                        ..connected("company")
                    },
                ],
                connectable: vec![Connectable { action: "/connect".into(), title: "Google".into() }],
                ..account()
            }),
        ),
        (
            "account-sessions",
            Page::Account(Account {
                sessions: vec![
                    listed_session("Firefox on Linux", true),
                    ListedSession { remembered: true, ..listed_session("Safari on an iPhone", false) },
                    ListedSession {
                        address: "2001:db8:85a3:8d3:1319:8a2e:370:7348".into(),
                        ..listed_session("An unknown program", false)
                    },
                ],
                flash: Some("That session has ended."),
                ..account()
            }),
        ),
        ("account-incomplete", Page::Account(Account { incomplete: true, ..account() })),
        ("login-signed-out", Page::Login(Login { flash: Some("You have signed out."), ..login(host, "") })),
        (
            "logout",
            Page::Logout(Logout { host, csrf, name: "Ada Lovelace", is_portal: false, problem: None }),
        ),
        ("account", Page::Account(account())),
        (
            "account-superuser",
            Page::Account(Account {
                username: "root",
                full_name: "",
                email: "",
                can_change_email: false,
                superuser: true,
                groups: vec![],
                permissions: vec![],
                flash: Some("Your password has been changed. Every other session of yours has ended."),
                ..account()
            }),
        ),
        ("profile", Page::Profile(profile())),
        (
            "profile-refused",
            Page::Profile(Profile {
                problems: vec!["Desk: please enter a number.".into(), "Team: please choose.".into()],
                is_name_wrong: true,
                ..profile()
            }),
        ),
        (
            "activity",
            Page::Activity(ActivityPage {
                host: "wiki.example.com",
                activities: vec![listed_activity("Signed in"), listed_activity("Password changed")],
            }),
        ),
        ("fields-step", Page::FieldsStep(fields_step(None))),
        ("fields-step-refused", Page::FieldsStep(fields_step(Some("Team: please enter a value.")))),
        ("new-password-step", Page::NewPasswordStep(new_password_step())),
        (
            "new-password-step-refused",
            Page::NewPasswordStep(NewPasswordStep {
                problem: Some("The two new passwords are not the same."),
                about: "again",
                ..new_password_step()
            }),
        ),
        ("password", Page::Password(password())),
        (
            "password-refused",
            Page::Password(Password {
                problem: Some("The two new passwords are not the same."),
                about: "again",
                ..password()
            }),
        ),
        (
            "tokens",
            Page::Tokens(Tokens {
                host,
                csrf,
                made: Some("ptc_12t34_x"),
                tokens: vec![ListedToken {
                    id: "34".into(),
                    name: "nightly backup".into(),
                    scope: "GET /api/** of wiki".into(),
                    networks: vec!["192.0.2.0/24".into()],
                    created: when(0),
                    expires: when(12),
                    has_ended: false,
                    last_used: Some(when(0).ago(Duration::from_hours(3))),
                    multi_factor: true,
                }],
                days: 90,
                max_days: 365,
                offers_multi_factor: true,
                problem: None,
                flash: None,
            }),
        ),
        ("setup", Page::Setup(setup())),
        (
            "setup-refused",
            Page::Setup(Setup {
                problem: Some("This password is easy to guess."),
                about: "new",
                username: "ada",
                ..setup()
            }),
        ),
        ("sign-in-first", refused(Refusal::SignIn)),
        ("forbidden", refused(Refusal::Forbidden)),
        ("not-found", refused(Refusal::NotFound)),
        ("bad-gateway", refused(Refusal::BadGateway)),
    ]
}

pub(super) fn login<'a>(host: &'a str, username: &'a str) -> Login<'a> {
    Login {
        host,
        continues_to: host,
        csrf: "token",
        next: "/",
        username,
        remember: None,
        problem: None,
        flash: None,
        no_users: false,
        has_form: true,
        can_reset: false,
        can_register: false,
        providers: vec![],
        passkey: None,
        unknown_passkey: None,
    }
}

pub(super) fn profile() -> Profile<'static> {
    Profile {
        host: "wiki.example.com",
        csrf: "token",
        username: "ada",
        email: "ada@example.com",
        full_name: "Ada Lovelace",
        is_name_own: true,
        is_name_wrong: false,
        fields: vec![
            profile_field("choice", "red"),
            ProfileField { input: "field.desk".into(), ..profile_field("number", "12") },
            ProfileField {
                input: "field.rank".into(),
                is_editable: false,
                ..profile_field("text", "general")
            },
        ],
        problems: vec![],
        flash: None,
        passkey_signals: None,
    }
}

pub(super) fn profile_field(kind: &'static str, value: &str) -> ProfileField {
    ProfileField {
        input: "field.team".into(),
        title: value.into(),
        kind,
        value: value.into(),
        choices: vec![ProfileChoice { value: value.into(), is_chosen: true }],
        is_required: false,
        is_editable: true,
        is_unfit: true,
        is_wrong: false,
    }
}

pub(super) fn listed_activity(text: &str) -> ListedActivity {
    ListedActivity {
        text: text.into(),
        at: Timestamp::from_millis(1_791_273_600_000).into(),
        device: Some(text.into()),
        address: text.into(),
        host: text.into(),
    }
}

fn fields_step(problem: Option<&'static str>) -> FieldsStep<'static> {
    let desk = ProfileField { input: "field.desk".into(), ..profile_field("number", "12") };
    let fields = vec![ProfileField { is_required: true, ..profile_field("choice", "red") }, desk];
    FieldsStep { host: "wiki.example.com", csrf: "token", username: "ada", fields, problem }
}

pub(super) fn new_password_step() -> NewPasswordStep<'static> {
    NewPasswordStep { host: "wiki.example.com", csrf: "token", username: "ada", problem: None, about: "" }
}

pub(super) fn not_signed_in() -> NotSignedIn<'static> {
    NotSignedIn {
        host: "wiki.example.com",
        title: "You aren’t signed in",
        detail: "The sign-in with Example Ltd was refused. If you need access, ask an administrator.",
        again: Some(PageLink { href: "/.gateway/oidc/corp/start", text: "Try again" }),
        another: Some(PageLink {
            href: "/.gateway/oidc/corp/start?for=another",
            text: "Use another account",
        }),
        login: PageLink { href: "/.gateway/login", text: "Back to sign-in" },
        request_id: "01k6x0c4rvj8e3m2d9q7",
    }
}

pub(super) fn connected(title: &str) -> ConnectedSignIn {
    ConnectedSignIn {
        key: format!("{title} 1"),
        title: title.into(),
        name: "ada@example.com".into(),
        linked: when(0),
        last_seen: Some(when(1)),
        has_ended: false,
        can_disconnect: true,
    }
}

pub(super) fn listed_session(device: &str, current: bool) -> ListedSession {
    ListedSession {
        key: "4f".repeat(32),
        current,
        device: device.into(),
        reached: Vec::new(),
        host: "wiki.example.com".into(),
        address: "192.0.2.17".into(),
        signed_in: when(0),
        last_seen: when(0).ago(Duration::from_hours(3)),
        remembered: false,
    }
}

pub(super) fn account() -> Account<'static> {
    Account {
        host: "wiki.example.com",
        csrf: "token",
        username: "ada",
        full_name: "Ada Lovelace",
        email: "ada@example.com",
        can_change_email: false,
        superuser: false,
        groups: vec!["operators", "staff"],
        permissions: vec!["reports.edit", "reports.view", "wiki.edit"],
        has_password: true,
        last_sign_in: Some(when(0)),
        expires: when(12),
        connected: Vec::new(),
        connectable: Vec::new(),
        sessions: vec![listed_session("Firefox on Linux", true)],
        incomplete: false,
        is_portal: false,
        back: "/",
        problem: None,
        flash: None,
        passkey_signals: None,
    }
}

pub(super) fn when(hours: i64) -> DisplayTime {
    Timestamp::from_millis(1_791_273_600_000 + hours * 3_600_000).into()
}

pub(super) fn provider(title: &str) -> ProviderLink<'_> {
    ProviderLink { href: "/.gateway/oidc/corp/start?next=%2Fwiki".into(), title }
}
