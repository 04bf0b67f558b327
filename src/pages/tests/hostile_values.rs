//! A value from a stranger is text on every page.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};

use super::gallery::*;
use crate::pages::*;

const HOSTILE: &str = "\"'><script>alert(1)</script>&{{ 7*7 }}";

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
        Page::Logout(Logout { host, csrf: HOSTILE, name: HOSTILE, is_portal: false, problem: Some(HOSTILE) }),
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
        Page::FieldsStep(FieldsStep {
            host,
            csrf: HOSTILE,
            username: HOSTILE,
            fields: vec![profile_field("choice", HOSTILE), profile_field("text", HOSTILE)],
            problem: Some(HOSTILE),
        }),
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

async fn text(response: Response<Full<Bytes>>) -> String {
    #[expect(clippy::disallowed_methods, reason = "a body of our own")]
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}
