//! A sample of each page in its main states, for checking the templates of an operator.

use std::time::Duration;

use super::{
    Account, ActivityPage, AddApp, AddPasskey, AppTile, Apps, Confirm, ConfirmEmail, Connectable,
    ConnectedSignIn, DisplayTime, Email, Factors, FieldsStep, ListedActivity, ListedFactor, ListedSession,
    ListedToken, Login, Logout, NewPassword, NewPasswordStep, NotSignedIn, Notice, Onward, Page, PageLink,
    ParkedField, ParkedFormPage, PasskeyAdded, PasskeyForm, Password, Profile, ProfileChoice, ProfileField,
    ProviderLink, RecoveryCodesPage, Refused, Register, RegisterFinish, Remember, Reset, SecondStep, Setup,
    Tokens,
};
use crate::clock::Timestamp;

/// The pages, with and without what is optional in them.
pub(super) fn samples() -> Vec<Page<'static>> {
    let mut samples = Vec::new();
    for full in [true, false] {
        samples.extend(signing_in(full));
        samples.extend(of_account(full));
        samples.extend(by_link(full));
        samples.extend(messages(full));
        samples.push(Page::Tokens(tokens(full)));
        samples.push(Page::ParkedForm(parked_form(full)));
    }
    samples
}

#[expect(clippy::too_many_lines, reason = "a list of pages")]
fn signing_in(full: bool) -> [Page<'static>; 11] {
    [
        Page::Login(Login {
            host: HOST,
            continues_to: HOST,
            csrf: "token",
            next: "/",
            username: if full { "ada" } else { "" },
            remember: full.then(|| Remember { time: "30 days".into(), checked: true }),
            problem: full.then_some(TEXT),
            flash: (!full).then_some(TEXT),
            no_users: false,
            has_form: true,
            can_reset: full,
            can_register: full,
            providers: providers(full),
            passkey: full.then(passkey),
            unknown_passkey: full.then_some("{}"),
        }),
        Page::Confirm(Confirm {
            host: HOST,
            csrf: "token",
            next: "/",
            username: "ada",
            name: "Ada Lovelace",
            problem: full.then_some(TEXT),
            flash: (!full).then_some(TEXT),
            has_form: full,
            has_totp: full,
            recovery_codes_left: if full { 3 } else { 0 },
            has_factors: full,
            may_add_factors: !full,
            providers: providers(true),
            passkey: full.then(passkey),
            passkey_signals: full.then_some("{}"),
        }),
        Page::SecondStep(SecondStep {
            host: HOST,
            continues_to: HOST,
            csrf: "token",
            username: "ada",
            name: "Ada Lovelace",
            has_totp: true,
            recovery_codes_left: if full { 3 } else { 0 },
            problem: full.then_some(TEXT),
            passkey: full.then(passkey),
        }),
        Page::AddPasskey(AddPasskey {
            host: HOST,
            rp_id: HOST,
            passkey: PasskeyForm { creates: true, ..passkey() },
            passkey_signals: "{}",
            problem: full.then_some(TEXT),
        }),
        Page::PasskeyAdded(PasskeyAdded {
            host: HOST,
            name: "Laptop",
            codes: if full { vec!["ABCDE-FGH23"] } else { Vec::new() },
            passkey_signals: full.then_some("{}"),
        }),
        Page::AddApp(AddApp {
            host: HOST,
            csrf: "token",
            username: "ada",
            is_step: !full,
            qr_size: if full { 29 } else { 0 },
            qr_path: "M4 4h1v1h-1z",
            secret: "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ",
            address: "otpauth://totp/wiki.example.com:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
            sealed: "sealed",
            name: TEXT,
            problem: full.then_some(TEXT),
            passkey: (!full).then(|| PasskeyForm { creates: true, ..passkey() }),
            rp_id: HOST,
            passkey_problem: (!full).then_some(TEXT),
        }),
        Page::RecoveryCodes(RecoveryCodesPage {
            host: HOST,
            username: "ada",
            codes: vec!["ABCDE-FGH23"; 10],
            next: "/",
        }),
        Page::Factors(Factors {
            host: HOST,
            csrf: "token",
            username: "ada",
            factors: if full { [true, false].map(listed_factor).into() } else { Vec::new() },
            recovery_codes_left: 9,
            may_add: full,
            may_add_passkeys: full,
            is_required: !full,
            problem: full.then_some(TEXT),
            flash: None,
            passkey_signals: full.then_some("{}"),
        }),
        Page::Logout(Logout {
            host: HOST,
            csrf: "token",
            name: if full { "Ada Lovelace" } else { "" },
            is_portal: full,
            problem: full.then_some(TEXT),
        }),
        Page::Setup(Setup {
            host: HOST,
            csrf: "token",
            token: "secret",
            username: if full { "ada" } else { "" },
            problem: full.then_some(TEXT),
            about: if full { "username" } else { "" },
        }),
        Page::Onward(Onward { host: HOST, title: "Example Ltd", address: "https://idp.example.com/" }),
    ]
}

fn passkey() -> PasskeyForm<'static> {
    PasskeyForm {
        action: "/.gateway/login/passkey",
        csrf: "token",
        next: "/",
        challenge: "challenge",
        options: "{}",
        expires: 285,
        creates: false,
        conditional: true,
        primary: false,
    }
}

fn of_account(full: bool) -> [Page<'static>; 7] {
    let account = Account {
        host: HOST,
        csrf: "token",
        username: "ada",
        full_name: if full { "Ada Lovelace" } else { "" },
        email: if full { "ada@example.com" } else { "" },
        can_change_email: full,
        superuser: !full,
        groups: if full { vec!["staff"] } else { Vec::new() },
        permissions: if full { vec!["reports.view"] } else { Vec::new() },
        has_password: full,
        last_sign_in: full.then(when),
        expires: when(),
        sessions: vec![session(true), session(false)],
        connected: vec![ConnectedSignIn {
            key: "idp 1".into(),
            title: "Example Ltd".into(),
            name: "ada@example.com".into(),
            linked: when(),
            last_seen: full.then(when),
            has_ended: full,
            can_disconnect: full,
        }],
        connectable: vec![Connectable {
            action: "/.gateway/oidc/idp/link".into(),
            title: "Example Ltd".into(),
        }],
        incomplete: full,
        is_portal: full,
        back: "/",
        problem: full.then_some(TEXT),
        flash: (!full).then_some(TEXT),
        passkey_signals: Some("{}"),
    };
    let tile = AppTile {
        title: "Wiki",
        initial: "W".into(),
        description: if full { "What we know" } else { "" },
        href: "https://wiki.example.com/".into(),
        icon: full.then(|| "https://wiki.example.com/icon.png".into()),
    };
    [
        Page::Account(account),
        Page::Profile(profile(full)),
        Page::Activity(ActivityPage {
            host: HOST,
            activities: if full { vec![activity(true), activity(false)] } else { Vec::new() },
        }),
        Page::NewPasswordStep(NewPasswordStep {
            host: HOST,
            csrf: "token",
            username: "ada",
            problem: full.then_some(TEXT),
            about: if full { "new" } else { "" },
        }),
        Page::FieldsStep(FieldsStep {
            host: HOST,
            csrf: "token",
            username: "ada",
            fields: own_fields(full),
            problem: full.then_some(TEXT),
        }),
        Page::Password(Password {
            host: HOST,
            csrf: "token",
            username: "ada",
            problem: full.then_some(TEXT),
            about: if full { "new" } else { "" },
        }),
        Page::Apps(Apps {
            host: HOST,
            name: "Ada Lovelace",
            apps: if full { vec![tile] } else { Vec::new() },
        }),
    ]
}

fn by_link(full: bool) -> [Page<'static>; 6] {
    let (csrf, problem) = ("token", full.then_some(TEXT));
    [
        Page::Reset(Reset { host: HOST, csrf, sends_mail: full, problem }),
        Page::NewPassword(NewPassword {
            host: HOST,
            csrf,
            is_invited: full,
            username: "ada",
            full_name: "",
            fields: if full { own_fields(full) } else { Vec::new() },
            problem,
            about: if full { "new" } else { "" },
        }),
        Page::Register(Register {
            host: HOST,
            csrf,
            by_invitation: full,
            email: if full { "ada@example.com" } else { "" },
            problem,
            about: if full { "email" } else { "" },
        }),
        Page::RegisterFinish(RegisterFinish {
            host: HOST,
            csrf,
            email: "ada@example.com",
            username: if full { "ada" } else { "" },
            full_name: if full { "Ada Lovelace" } else { "" },
            fields: own_fields(full),
            problem,
            about: if full { "username" } else { "" },
        }),
        Page::Email(Email {
            host: HOST,
            csrf,
            current: if full { "ada@example.com" } else { "" },
            verified: full,
            provider: None,
            typed: "",
            problem,
            about: if full { "email" } else { "" },
        }),
        Page::ConfirmEmail(ConfirmEmail {
            host: HOST,
            csrf,
            is_undo: full,
            email: "ada@example.com",
            username: "ada",
            problem,
        }),
    ]
}

fn messages(full: bool) -> [Page<'static>; 3] {
    let link = || PageLink { href: "/.gateway/login", text: "Sign in" };
    [
        Page::NotSignedIn(NotSignedIn {
            host: HOST,
            title: TEXT,
            detail: TEXT,
            again: full.then(link),
            another: full.then(link),
            login: link(),
            request_id: "01k6x0c4rvj8e3m2d9q7",
        }),
        Page::Notice(Notice { title: TEXT, text: TEXT, page_link: link() }),
        Page::Refused(Refused {
            status: 403,
            title: TEXT,
            detail: TEXT,
            request_id: "01k6x0c4rvj8e3m2d9q7",
            page_link: full.then(link),
            offers_account: full,
            link: full.then_some("https://wiki.example.com/"),
            is_framed: full,
        }),
    ]
}

fn own_fields(full: bool) -> Vec<ProfileField> {
    vec![
        own_field("text", full),
        own_field("choice", full),
        own_field("number", full),
        own_field("date", full),
    ]
}

fn own_field(kind: &'static str, full: bool) -> ProfileField {
    ProfileField {
        input: format!("field.{kind}"),
        title: "Team".into(),
        kind,
        value: if full { "blue".into() } else { String::new() },
        choices: ["blue", "green"]
            .map(|value| ProfileChoice { value: value.into(), is_chosen: full && value == "blue" })
            .into(),
        is_required: full,
        is_editable: true,
        is_unfit: !full,
        is_wrong: full,
    }
}

fn profile(full: bool) -> Profile<'static> {
    let mut fields = own_fields(full);
    fields.push(ProfileField { is_editable: false, input: "field.rank".into(), ..own_field("text", full) });
    Profile {
        host: HOST,
        csrf: "token",
        username: "ada",
        email: if full { "ada@example.com" } else { "" },
        full_name: "Ada Lovelace",
        is_name_own: full,
        is_name_wrong: full,
        fields,
        problems: if full { vec![TEXT.into()] } else { Vec::new() },
        flash: (!full).then_some(TEXT),
        passkey_signals: Some("{}"),
    }
}

fn activity(full: bool) -> ListedActivity {
    ListedActivity {
        text: TEXT.into(),
        at: when().ago(Duration::from_hours(3)),
        device: full.then(|| "Firefox on Linux".into()),
        address: if full { "192.0.2.17".into() } else { String::new() },
        host: if full { HOST.into() } else { String::new() },
    }
}

fn parked_form(full: bool) -> ParkedFormPage<'static> {
    let field = |value, is_hidden| ParkedField { name: "note", value, is_hidden };
    ParkedFormPage {
        host: HOST,
        path: "/notes",
        action: "/notes",
        enctype: "application/x-www-form-urlencoded",
        fields: if full {
            vec![field(Some("words"), false), field(Some("secret"), true), field(None, false)]
        } else {
            Vec::new()
        },
        back: "/",
    }
}

fn tokens(full: bool) -> Tokens<'static> {
    let token = |has_ended: bool| ListedToken {
        id: "34".into(),
        name: "nightly backup".into(),
        scope: if has_ended { String::new() } else { "GET /api/** of wiki".into() },
        networks: if has_ended { Vec::new() } else { vec!["192.0.2.0/24".into()] },
        created: when(),
        expires: when(),
        has_ended,
        last_used: (!has_ended).then(|| when().ago(Duration::from_hours(3))),
        multi_factor: !has_ended,
    };
    Tokens {
        host: HOST,
        csrf: "token",
        made: full.then_some("ptc_12t34_x"),
        tokens: if full { vec![token(false), token(true)] } else { Vec::new() },
        days: 90,
        max_days: 365,
        offers_multi_factor: full,
        problem: full.then_some(TEXT),
        flash: (!full).then_some(TEXT),
    }
}

fn session(current: bool) -> ListedSession {
    ListedSession {
        key: "4f".repeat(32),
        current,
        device: "Firefox on Linux".into(),
        host: if current { HOST.into() } else { String::new() },
        reached: if current { Vec::new() } else { vec!["reports.example.com".into()] },
        address: "192.0.2.17".into(),
        signed_in: when(),
        last_seen: when().ago(Duration::from_hours(3)),
        remembered: !current,
    }
}

fn providers(full: bool) -> Vec<ProviderLink<'static>> {
    let provider = || ProviderLink { href: "/.gateway/oidc/idp/start".into(), title: "Example Ltd" };
    if full { vec![provider()] } else { Vec::new() }
}

fn when() -> DisplayTime {
    Timestamp::from_millis(1_791_273_600_000).into()
}

const HOST: &str = "wiki.example.com";
const TEXT: &str = "A text.";

fn listed_factor(is_passkey: bool) -> ListedFactor<'static> {
    let at = Timestamp::from_millis(1_700_000_000_000);
    ListedFactor {
        id: "7".to_owned(),
        stays: is_passkey.then(|| TEXT.to_owned()),
        is_passkey,
        synced: is_passkey,
        name: TEXT,
        created: at.into(),
        last_used: is_passkey.then(|| at.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::pages::template_names;

    #[test]
    fn every_template_has_a_sample() {
        let parts = ["layout.html", "own_fields.html", "passkey_form.html", "passkey_signals.html"];
        let shown: BTreeSet<&str> = samples().iter().map(Page::template).chain(parts).collect();
        assert_eq!(shown, template_names().collect());
    }
}
