use std::{fs, path::Path, time::Duration};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full};

use super::{samples::samples, template_files::STYLESHEET, *};
use crate::{clock::Timestamp, language::Language, refusal::Refusal};

const HOSTILE: &str = "\"'><script>alert(1)</script>&{{ 7*7 }}";

async fn text(response: Response<Full<Bytes>>) -> String {
    #[expect(clippy::disallowed_methods, reason = "a body of our own")]
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

fn when(hours: i64) -> DisplayTime {
    Timestamp::from_millis(1_791_273_600_000 + hours * 3_600_000).into()
}

fn login<'a>(host: &'a str, username: &'a str) -> Login<'a> {
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

fn hostile_passkey() -> PasskeyForm<'static> {
    PasskeyForm {
        action: HOSTILE,
        csrf: HOSTILE,
        next: HOSTILE,
        challenge: HOSTILE,
        options: HOSTILE,
        expires: 285,
        creates: false,
        conditional: true,
        primary: true,
    }
}

fn profile() -> Profile<'static> {
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

fn profile_field(kind: &'static str, value: &str) -> ProfileField {
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

fn listed_activity(text: &str) -> ListedActivity {
    ListedActivity {
        text: text.into(),
        at: Timestamp::from_millis(1_791_273_600_000).into(),
        device: Some(text.into()),
        address: text.into(),
        host: text.into(),
    }
}

fn new_password_step() -> NewPasswordStep<'static> {
    NewPasswordStep { host: "wiki.example.com", csrf: "token", username: "ada", problem: None, about: "" }
}

fn provider(title: &str) -> ProviderLink<'_> {
    ProviderLink { href: "/.gateway/oidc/corp/start?next=%2Fwiki".into(), title }
}

fn not_signed_in() -> NotSignedIn<'static> {
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

fn connected(title: &str) -> ConnectedSignIn {
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

fn listed_session(device: &str, current: bool) -> ListedSession {
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

fn account() -> Account<'static> {
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

/// Every page, in every state worth looking at.
#[expect(clippy::too_many_lines, reason = "a table")]
fn gallery() -> Vec<(&'static str, Page<'static>)> {
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
        ("logout", Page::Logout(Logout { host, csrf, name: "Ada Lovelace", problem: None })),
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

/// Writes the rendered pages to `tests/output/pages/`, to be looked at.
#[tokio::test]
async fn every_page_is_one_accessible_document_without_script_or_foreign_resources() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/output/pages");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("style.css"), STYLESHEET).unwrap();
    let pages = Pages::new();
    let (mut fields, mut descriptions) = (0, 0);
    for (name, page) in gallery() {
        let html = pages.html(&page, pages.english()).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        fs::write(folder.join(format!("{name}.html")), html.replace(&pages.0.stylesheet_path, "style.css"))
            .unwrap();
        let count = |needle: &str| html.matches(needle).count();
        assert_eq!((count("<h1>"), count("<main "), count("<title>")), (1, 1, 1), "{name}");
        assert!(count("autofocus") <= 1, "{name}");
        assert_eq!(count("<script") + count(" style=") + count("<style") + count("javascript:"), 0, "{name}");
        assert_eq!(
            count("//") - count("http://www.w3.org/2000/svg"),
            0,
            "{name} loads something from elsewhere"
        );
        let (labelled, described) = labels_and_descriptions(name, &html);
        fields += labelled;
        descriptions += described;
    }
    assert!(fields > 10 && descriptions > 5, "{fields} fields, {descriptions} descriptions");
}

/// The samples are all pages, in two states each.
#[test]
fn every_sample_is_one_accessible_document_with_no_script_but_that_of_passkeys() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/output/pages");
    fs::create_dir_all(&folder).unwrap();
    let pages = Pages::new();
    let (mut fields, mut descriptions, mut scripts) = (0, 0, 0);
    for (number, page) in samples().iter().enumerate() {
        let name = format!("sample-{number:02}-{}", page.template());
        let html = pages.html(page, pages.english()).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        fs::write(folder.join(&name), html.replace(&pages.0.stylesheet_path, "style.css")).unwrap();
        let count = |needle: &str| html.matches(needle).count();
        assert_eq!((count("<h1>"), count("<main "), count("<title>")), (1, 1, 1), "{name}");
        assert!(count("autofocus") <= 1, "{name}");
        assert_eq!(count(" style=") + count("<style") + count("javascript:"), 0, "{name}");
        let own_scripts = count("<script src=\"/.gateway/");
        assert!(count("<script") == own_scripts && own_scripts <= 1, "{name}");
        let (labelled, described) = labels_and_descriptions(&name, &html);
        scripts += own_scripts;
        fields += labelled;
        descriptions += described;
    }
    assert!(scripts > 3 && fields > 40 && descriptions > 40, "{scripts} {fields} {descriptions}");
}

/// Every visible field has a label, and what describes it exists. Returns how many there are.
fn labels_and_descriptions(name: &str, html: &str) -> (usize, usize) {
    let count = |needle: &str| html.matches(needle).count();
    let (mut fields, mut descriptions) = (0, 0);
    for id in attributes(html, "<input id=\"").into_iter().chain(attributes(html, "<select id=\"")) {
        assert_eq!(count(&format!("<label for=\"{id}\">")), 1, "{name}: {id}");
        fields += 1;
    }
    for ids in attributes(html, "aria-describedby=\"") {
        for id in ids.split(' ') {
            assert_eq!(count(&format!(" id=\"{id}\"")), 1, "{name}: {id}");
            descriptions += 1;
        }
    }
    (fields, descriptions)
}

fn attributes<'h>(html: &'h str, start: &str) -> Vec<&'h str> {
    html.split(start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[expect(clippy::too_many_lines, reason = "a list of pages")]
#[tokio::test]
async fn hostile_values_are_text_on_every_page() {
    let pages = Pages::new();
    let host = HOSTILE;
    let hostile = [
        Page::Login(Login {
            csrf: HOSTILE,
            next: HOSTILE,
            problem: Some(HOSTILE),
            passkey: Some(hostile_passkey()),
            unknown_passkey: Some(HOSTILE),
            providers: vec![ProviderLink { href: HOSTILE.into(), title: HOSTILE }],
            ..login(HOSTILE, HOSTILE)
        }),
        Page::Login(Login { flash: Some(HOSTILE), ..login(HOSTILE, HOSTILE) }),
        Page::Logout(Logout { host, csrf: HOSTILE, name: HOSTILE, problem: Some(HOSTILE) }),
        Page::Account(Account {
            is_portal: false,
            host,
            csrf: HOSTILE,
            username: HOSTILE,
            full_name: HOSTILE,
            email: HOSTILE,
            can_change_email: true,
            superuser: false,
            groups: vec![HOSTILE],
            permissions: vec![HOSTILE],
            has_password: true,
            last_sign_in: None,
            expires: when(1),
            sessions: vec![ListedSession {
                key: HOSTILE.into(),
                address: HOSTILE.into(),
                ..listed_session(HOSTILE, false)
            }],
            connected: vec![ConnectedSignIn {
                key: HOSTILE.into(),
                title: HOSTILE.into(),
                name: HOSTILE.into(),
                ..connected("idp")
            }],
            connectable: vec![Connectable { action: HOSTILE.into(), title: HOSTILE.into() }],
            incomplete: true,
            back: HOSTILE,
            problem: None,
            flash: Some(HOSTILE),
            passkey_signals: Some(HOSTILE),
        }),
        Page::Confirm(Confirm {
            host,
            csrf: HOSTILE,
            next: HOSTILE,
            username: HOSTILE,
            name: HOSTILE,
            problem: Some(HOSTILE),
            flash: Some(HOSTILE),
            has_form: true,
            has_totp: true,
            recovery_codes_left: 3,
            has_factors: true,
            may_add_factors: true,
            providers: vec![ProviderLink { href: HOSTILE.into(), title: HOSTILE }],
            passkey: Some(hostile_passkey()),
            passkey_signals: Some(HOSTILE),
        }),
        Page::SecondStep(SecondStep {
            host,
            continues_to: HOSTILE,
            csrf: HOSTILE,
            username: HOSTILE,
            name: HOSTILE,
            has_totp: true,
            recovery_codes_left: 3,
            problem: Some(HOSTILE),
            passkey: Some(hostile_passkey()),
        }),
        Page::AddPasskey(AddPasskey {
            host,
            rp_id: HOSTILE,
            passkey: PasskeyForm { creates: true, ..hostile_passkey() },
            passkey_signals: HOSTILE,
            problem: Some(HOSTILE),
        }),
        Page::PasskeyAdded(PasskeyAdded {
            host,
            name: HOSTILE,
            codes: vec![HOSTILE],
            passkey_signals: Some(HOSTILE),
        }),
        Page::AddApp(AddApp {
            host,
            csrf: HOSTILE,
            username: HOSTILE,
            is_step: true,
            qr_size: 29,
            qr_path: "M4 4h1v1h-1z",
            secret: HOSTILE,
            address: HOSTILE,
            sealed: HOSTILE,
            name: HOSTILE,
            problem: Some(HOSTILE),
            passkey: Some(PasskeyForm { creates: true, ..hostile_passkey() }),
            rp_id: HOSTILE,
            passkey_problem: Some(HOSTILE),
        }),
        Page::RecoveryCodes(RecoveryCodesPage {
            host,
            username: HOSTILE,
            codes: vec![HOSTILE],
            next: HOSTILE,
        }),
        Page::Factors(Factors {
            host,
            csrf: HOSTILE,
            username: HOSTILE,
            factors: vec![ListedFactor {
                id: HOSTILE.into(),
                stays: Some(HOSTILE.into()),
                is_passkey: true,
                synced: true,
                name: HOSTILE,
                created: when(0),
                last_used: Some(when(1)),
            }],
            recovery_codes_left: 9,
            may_add: true,
            may_add_passkeys: true,
            is_required: true,
            problem: Some(HOSTILE),
            flash: None,
            passkey_signals: Some(HOSTILE),
        }),
        Page::Onward(Onward { host, title: HOSTILE, address: HOSTILE }),
        Page::NotSignedIn(NotSignedIn {
            host,
            title: HOSTILE,
            detail: HOSTILE,
            again: Some(PageLink { href: HOSTILE, text: HOSTILE }),
            another: Some(PageLink { href: HOSTILE, text: HOSTILE }),
            login: PageLink { href: HOSTILE, text: HOSTILE },
            request_id: HOSTILE,
        }),
        Page::Profile(Profile {
            host,
            csrf: HOSTILE,
            username: HOSTILE,
            email: HOSTILE,
            full_name: HOSTILE,
            is_name_own: true,
            is_name_wrong: true,
            fields: vec![
                profile_field("choice", HOSTILE),
                profile_field("text", HOSTILE),
                ProfileField { is_editable: false, ..profile_field("text", HOSTILE) },
            ],
            problems: vec![HOSTILE.into()],
            flash: Some(HOSTILE),
            passkey_signals: Some(HOSTILE),
        }),
        Page::Activity(ActivityPage { host, activities: vec![listed_activity(HOSTILE)] }),
        Page::NewPasswordStep(NewPasswordStep {
            host,
            csrf: HOSTILE,
            username: HOSTILE,
            problem: Some(HOSTILE),
            about: HOSTILE,
        }),
        Page::NewPassword(NewPassword {
            host,
            csrf: HOSTILE,
            is_invited: true,
            username: HOSTILE,
            full_name: HOSTILE,
            fields: vec![profile_field("choice", HOSTILE), profile_field("text", HOSTILE)],
            problem: Some(HOSTILE),
            about: HOSTILE,
        }),
        Page::RegisterFinish(RegisterFinish {
            host,
            csrf: HOSTILE,
            email: HOSTILE,
            username: HOSTILE,
            full_name: HOSTILE,
            fields: vec![profile_field("choice", HOSTILE), profile_field("date", HOSTILE)],
            problem: Some(HOSTILE),
            about: HOSTILE,
        }),
        Page::Password(Password {
            host,
            csrf: HOSTILE,
            username: HOSTILE,
            problem: Some(HOSTILE),
            about: HOSTILE,
        }),
        Page::Tokens(Tokens {
            host,
            csrf: HOSTILE,
            made: Some(HOSTILE),
            tokens: vec![ListedToken {
                id: HOSTILE.into(),
                name: HOSTILE.into(),
                scope: HOSTILE.into(),
                networks: vec![HOSTILE.into()],
                created: when(0),
                expires: when(12),
                has_ended: true,
                last_used: None,
                multi_factor: true,
            }],
            days: 90,
            max_days: 365,
            offers_multi_factor: true,
            problem: Some(HOSTILE),
            flash: Some(HOSTILE),
        }),
        Page::Setup(Setup {
            host,
            csrf: HOSTILE,
            token: HOSTILE,
            username: HOSTILE,
            problem: Some(HOSTILE),
            about: HOSTILE,
        }),
        Page::Refused(Refused {
            status: 400,
            title: HOSTILE,
            detail: HOSTILE,
            request_id: HOSTILE,
            page_link: Some(PageLink { href: HOSTILE, text: HOSTILE }),
            offers_account: true,
            link: None,
            is_framed: true,
        }),
    ];
    for page in &hostile {
        let html = text(pages.render(StatusCode::OK, page, pages.english())).await;
        assert!(html.contains("&lt;script&gt;"), "{html}");
        // The script of passkeys is a file of its own.
        let scripts =
            html.matches("<script").count() - html.matches("<script src=\"/.gateway/passkey-").count();
        assert!(scripts == 0 && !html.contains("\"'>"), "{html}");
        assert!(html.contains("{{ 7*7 }}"), "a value is never a template: {html}");
    }
}

#[test]
fn every_own_response_has_the_same_headers() {
    let pages = Pages::new();
    let responses = gallery()
        .iter()
        .map(|(_, page)| pages.render(StatusCode::OK, page, pages.english()))
        .chain([
            stylesheet(&pages),
            redirect("/"),
            own_response(StatusCode::OK, Some("application/json"), "{}"),
        ])
        .collect::<Vec<_>>();
    for response in responses {
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        for directive in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "object-src 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(directive), "{policy}");
        }
        assert!(
            !policy.contains("unsafe") && !policy.contains('*') && !policy.contains("script-src"),
            "{policy}"
        );
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "same-origin");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
        assert!(headers.contains_key("permissions-policy"));
        assert_eq!(headers.get_all("cache-control").iter().count(), 1);
    }
}

#[test]
fn pages_are_never_stored_and_the_stylesheet_is_kept_for_a_year() {
    let pages = Pages::new();
    for (_, page) in gallery() {
        assert_eq!(
            pages.render(StatusCode::OK, &page, pages.english()).headers()["cache-control"],
            "no-store"
        );
    }
    assert_eq!(redirect("/").headers()["cache-control"], "no-store");
    assert!(stylesheet(&pages).headers()["cache-control"].to_str().unwrap().contains("immutable"));
    assert!(pages.0.stylesheet_path.starts_with("/.gateway/style-"));
}

#[test]
fn only_the_stylesheet_of_this_version_is_there_and_only_to_be_looked_at() {
    let pages = Pages::new();
    let path = &pages.0.stylesheet_path;
    assert_eq!(stylesheet(&pages).headers()["content-type"], "text/css; charset=utf-8");
    assert!(pages.file_at(&Method::HEAD, path).is_some());
    assert!(pages.file_at(&Method::POST, path).is_none());
    for other in ["/.gateway/style-0.css", "/.gateway/", "/", &path.to_uppercase(), &format!("{path}/")] {
        assert!(pages.file_at(&Method::GET, other).is_none(), "{other}");
    }
}

fn stylesheet(pages: &Pages) -> Response<Full<Bytes>> {
    pages.file_at(&Method::GET, &pages.0.stylesheet_path).unwrap()
}

#[test]
fn a_location_that_no_header_can_carry_becomes_the_start_page() {
    assert_eq!(redirect("/a?b=c").headers()["location"], "/a?b=c");
    assert_eq!(redirect("/a\r\nSet-Cookie: x=y").headers()["location"], "/");
}
