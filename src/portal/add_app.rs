//! The page that adds an authenticator app. Its form is a part of the page that adds a required factor during a sign-in,
//! too; see `enrol_step`.
//!
//! The secret is shown as a QR code and as text. It becomes a factor by a right code of it, and until then it lies nowhere
//! but in the form, sealed.

use std::sync::Arc;

use http::{StatusCode, header::SET_COOKIE};
use zeroize::Zeroizing;

use super::{
    Notice, PageRequest, PageResponse, Portal, ReturnTo, SecondFactorPolicy, SignedIn,
    csrf::Genuine,
    factors::{WRONG_NAME, recovery_codes_page, refusal_for_change, to_factors},
    flash::FlashMessage,
    form::Form,
    host_role::host_of,
    problem::FORM_EXPIRED,
    qr_code::QrCode,
    session_opening::SessionOpening,
};
use crate::{
    auth::Proved,
    language::Text,
    pages::{AddApp, Page, PasskeyForm, paths},
    refusal::Refusal,
    users::{Account, Enrolled, FactorName, FactorsBefore, NotEnrolled, ShownTo, TotpCode},
};

/// The form that came, or none.
pub(super) struct TypedApp {
    sealed: String,
    name: String,
    code: Zeroizing<String>,
}

/// The form to show.
pub(super) struct AppForm<'a> {
    pub(super) account: &'a Account,
    pub(super) csrf: &'a str,
    /// The session or the pending sign-in that the secret is for.
    pub(super) session: &'a str,
    /// Whether this is a step of a sign-in.
    pub(super) is_step: bool,
    /// The form that adds a passkey instead, and the name that it would be for.
    pub(super) passkey: Option<(PasskeyForm<'a>, &'a str)>,
}

/// The state of the form when it is shown again.
#[derive(Default)]
pub(super) struct ShownAgain {
    typed: Option<TypedApp>,
    problem: Option<Text>,
    passkey_problem: Option<Text>,
}

impl Portal {
    /// The form, for somebody who is signed in and has just proved it.
    pub(super) async fn show_add_app(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        may_add(request)?;
        if let Err(response) = signed_in.recently_proved(request, self.clock.now()) {
            return Ok(*response);
        }
        self.add_app_of(request, &signed_in, (StatusCode::OK, ShownAgain::default())).await
    }

    /// Adds the app, by a right code.
    pub(super) async fn add_app(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        may_add(request)?;
        if let Err(response) = signed_in.recently_proved(request, self.clock.now()) {
            return Ok(*response);
        }
        let Ok(genuine) = Genuine::check(request, Some(&signed_in.token), form) else {
            let again = ShownAgain::with(FORM_EXPIRED);
            return self.add_app_of(request, &signed_in, (StatusCode::FORBIDDEN, again)).await;
        };
        let mut form = genuine.into_form();
        let ends_others = !form.text("others").is_empty();
        let typed = TypedApp::of(&mut form);
        let session = signed_in.session.sign_in().to_hex();
        let to = (signed_in.account, FactorsBefore::Any);
        let (proved, enrolled) = match self.enrol_app(request, to, &session, &typed).await? {
            Ok(enrolled) => enrolled,
            Err(NotEnrolled::AlreadyAdded) => return Ok(to_factors(request, FlashMessage::FactorAdded)),
            Err(why) => {
                let again = ShownAgain::because(why, typed);
                return self.add_app_of(request, &signed_in, (StatusCode::UNPROCESSABLE_ENTITY, again)).await;
            }
        };
        if ends_others {
            self.end_other_sessions(request, &signed_in).await;
        }
        // The code is a proof as well: a page that asks for a second factor may have led here.
        let next = ReturnTo::parse(paths::FACTORS);
        let mut response = self.finish_sign_in(request, &proved, SessionOpening::Confirmed, &next).await?;
        if let Some(codes) = &enrolled.codes {
            let page = recovery_codes_page(request, &enrolled.account, codes, paths::FACTORS);
            return Ok(with_cookies_of(page, &response));
        }
        FlashMessage::FactorAdded.leave(&request.settings.cookies, response.headers_mut());
        Ok(response)
    }

    /// Makes the app of a form a factor, and tells its owner.
    pub(super) async fn enrol_app(
        &self,
        request: &PageRequest<'_>,
        (account, factors_before): (&Arc<Account>, FactorsBefore),
        session: &str,
        typed: &TypedApp,
    ) -> Result<Result<(Proved, Enrolled<Arc<Account>>), NotEnrolled>, Refusal> {
        let Ok(name) = FactorName::parse(&typed.name) else { return Ok(Err(NotEnrolled::WrongName)) };
        let shown_to = ShownTo { id: account.user.id, credential: account.credential, session };
        let code = TotpCode::parse(&typed.code);
        let enrolled = self.sign_in.enrol_totp(factors_before, shown_to, &typed.sealed, (name, code)).await;
        let enrolled = enrolled.map_err(|error| refusal_for_change(request, &error))?;
        if let Ok((_, enrolled)) = &enrolled {
            let name = enrolled.name().to_owned();
            self.notify(request, &enrolled.account, &Notice::FactorAdded { name }).await;
        }
        Ok(enrolled)
    }

    async fn add_app_of(
        &self,
        request: &PageRequest<'_>,
        signed_in: &SignedIn<'_>,
        shown: (StatusCode, ShownAgain),
    ) -> Result<PageResponse, Refusal> {
        let session = signed_in.session.sign_in().to_hex();
        let csrf = signed_in.token.form_token();
        let account = signed_in.account;
        let form = AppForm { account, csrf: &csrf, session: &session, is_step: false, passkey: None };
        self.add_app_page(request, &form, shown).await
    }

    /// The page with a new secret, or with that of a form that is shown again.
    pub(super) async fn add_app_page(
        &self,
        request: &PageRequest<'_>,
        form: &AppForm<'_>,
        (status, again): (StatusCode, ShownAgain),
    ) -> Result<PageResponse, Refusal> {
        let ShownAgain { typed, problem, passkey_problem } = again;
        let account = form.account;
        let shown_to = ShownTo { id: account.user.id, credential: account.credential, session: form.session };
        let failed = |error| refusal_for_change(request, &error);
        // After a wrong code the same secret is shown, which the app has already.
        let kept = match &typed {
            Some(typed) => {
                let kept = self.sign_in.directory().shown_totp(shown_to, &typed.sealed).await;
                kept.map_err(failed)?.map(|secret| (secret, typed.sealed.clone()))
            }
            None => None,
        };
        let (secret, sealed) = if let Some(kept) = kept {
            kept
        } else {
            let new = self.sign_in.directory().start_totp(shown_to).await.map_err(failed)?;
            (new.secret, new.sealed)
        };
        let name = typed.as_ref().map_or_else(|| request.say(&DEFAULT_NAME), |typed| typed.name.clone());
        let [problem, passkey_problem] =
            [problem, passkey_problem].map(|problem| problem.map(|problem| request.say(&problem)));
        let user = account.user.name.as_str();
        let address = secret.to_address(&issuer(request), user);
        let qr = QrCode::of(&address);
        let page = Page::AddApp(AddApp {
            host: request.host,
            csrf: form.csrf,
            username: user,
            is_step: form.is_step,
            qr_size: qr.as_ref().map_or(0, QrCode::size),
            qr_path: qr.as_ref().map_or("", QrCode::path),
            secret: &secret.to_groups(),
            address: &address,
            sealed: &sealed,
            name: &name,
            problem: problem.as_deref(),
            passkey: form.passkey.map(|(passkey, _)| passkey),
            rp_id: form.passkey.map_or("", |(_, rp_id)| rp_id),
            passkey_problem: passkey_problem.as_deref(),
        });
        Ok(request.render(status, &page))
    }
}

/// The name under which the app lists the account: the title of the portal, or the host on which people sign in.
fn issuer(request: &PageRequest<'_>) -> String {
    request.settings.pages.own_title().unwrap_or(host_of(request.host)).to_owned()
}

/// Without new factors there is no such page.
fn may_add(request: &PageRequest<'_>) -> Result<(), Refusal> {
    match request.settings.accounts.second_factor {
        SecondFactorPolicy::Off => Err(Refusal::NotFound),
        SecondFactorPolicy::Optional | SecondFactorPolicy::Required => Ok(()),
    }
}

/// The page, with the cookies of another response.
pub(super) fn with_cookies_of(mut page: PageResponse, other: &PageResponse) -> PageResponse {
    for cookie in other.headers().get_all(SET_COOKIE) {
        page.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    page
}

impl TypedApp {
    pub(super) fn of(form: &mut Form) -> Self {
        Self { sealed: form.take("sealed"), name: form.take("name"), code: Zeroizing::new(form.take("code")) }
    }
}

impl ShownAgain {
    /// An empty form, for this reason.
    pub(super) fn with(problem: Text) -> Self {
        Self { problem: Some(problem), ..Self::default() }
    }

    /// An empty form, after a passkey that was not added.
    pub(super) fn after_passkey(problem: Text) -> Self {
        Self { passkey_problem: Some(problem), ..Self::default() }
    }

    /// The form that did not add its app.
    pub(super) fn because(why: NotEnrolled, typed: TypedApp) -> Self {
        let (typed, problem) = match why {
            NotEnrolled::Expired | NotEnrolled::AlreadyAdded | NotEnrolled::NotFirst => {
                (None, Text::of("factor-secret-expired"))
            }
            NotEnrolled::WrongCode => (Some(typed), Text::of("factor-wrong-first-code")),
            NotEnrolled::WrongName => (Some(typed), WRONG_NAME),
            NotEnrolled::TooMany => (Some(typed), Text::of("factor-too-many")),
        };
        Self { typed, ..Self::with(problem) }
    }
}

const DEFAULT_NAME: Text = Text::of("factor-app-name");
