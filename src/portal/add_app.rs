//! The pages that add an authenticator app: of the account, and during a sign-in for which a second factor is required.
//!
//! The secret is shown as a QR code and as text. It becomes a factor by a right code of it, and until then it lies nowhere
//! but in the form, sealed.

use std::sync::Arc;

use http::{StatusCode, header::SET_COOKIE};
use zeroize::Zeroizing;

use super::{
    Notice, PageRequest, PageResponse, Portal, ReturnTo, SecondFactorPolicy, SignedIn,
    csrf::{self, Genuine},
    factors::{WRONG_NAME, recovery_codes_page, refusal_for_change, to_factors},
    flash::FlashMessage,
    form::Form,
    hand_over::HandOver,
    host_role::host_of,
    pending_sign_in::{BegunStep, NotBegun, PendingSignIn, PendingStep, TakenSignIn, start_again},
    problem::FORM_EXPIRED,
    qr_code::QrCode,
    session_opening::SessionOpening,
};
use crate::{
    auth::Proved,
    language::Text,
    pages::{self, AddApp, Page, paths},
    refusal::Refusal,
    users::{Account, Enrolled, FactorName, FactorsBefore, NotEnrolled, ShownTo, TotpCode, TotpSecret},
};

/// The form that came, or none.
struct Typed {
    sealed: String,
    name: String,
    code: Zeroizing<String>,
}

/// The form to show.
struct Shown<'a> {
    account: &'a Account,
    csrf: &'a str,
    /// The session or the pending sign-in that the secret is for.
    session: &'a str,
    /// Whether this is a step of a sign-in.
    is_step: bool,
}

/// The state of the form when it is shown again.
#[derive(Default)]
struct Again {
    typed: Option<Typed>,
    problem: Option<Text>,
}

impl Portal {
    /// The form, for somebody who is signed in and has just proved it.
    pub(super) async fn show_add_app(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        may_add(request)?;
        if let Err(response) = signed_in.recently_proved(request, self.clock.now()) {
            return Ok(*response);
        }
        self.add_app_of(request, &signed_in, (StatusCode::OK, Again::default())).await
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
            let again = Again { typed: None, problem: Some(FORM_EXPIRED) };
            return self.add_app_of(request, &signed_in, (StatusCode::FORBIDDEN, again)).await;
        };
        let mut form = genuine.into_form();
        let ends_others = !form.text("others").is_empty();
        let typed = Typed::of(&mut form);
        let session = signed_in.session.sign_in().to_hex();
        let to = (signed_in.account, FactorsBefore::Any);
        let (proved, enrolled) = match self.enrol(request, to, &session, &typed).await? {
            Ok(enrolled) => enrolled,
            Err(NotEnrolled::AlreadyAdded) => return Ok(to_factors(request, FlashMessage::FactorAdded)),
            Err(why) => {
                let again = Again::because(why, typed);
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

    /// The form, as a step of a sign-in.
    pub(super) async fn show_enrol_step(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        self.enrol_step_page(request, (StatusCode::OK, Again::default())).await
    }

    /// Adds the app, and goes on with the sign-in.
    pub(super) async fn take_enrol_step(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let BegunStep { mut form, taken, first } =
            match self.begin_step(request, form, PendingStep::Enrol).await? {
                Ok(begun) => begun,
                Err(NotBegun::StartAgain(response)) => return Ok(response),
                Err(NotBegun::FormExpired) => {
                    let again = Again { typed: None, problem: Some(FORM_EXPIRED) };
                    return self.enrol_step_page(request, (StatusCode::FORBIDDEN, again)).await;
                }
            };
        let (typed, next) = (Typed::of(&mut form), taken.pending.next());
        // Another browser has added a factor in the meantime: that one is asked for.
        if !first.account().factors.is_empty() {
            return self.finish_sign_in(request, &first, taken.pending.how(), &next).await;
        }
        let (none, session) = (FactorsBefore::None, taken.session());
        let enrolled = self.enrol(request, (first.account(), none), &session, &typed).await;
        let (second, enrolled) = match enrolled {
            Ok(Ok(enrolled)) => enrolled,
            // It was added after the look a moment ago.
            Ok(Err(NotEnrolled::NotFirst)) => {
                return Ok(start_again(request, &next, FlashMessage::SignInExpired));
            }
            Ok(Err(why)) => {
                self.put_back(request, &taken).await?;
                let again = Again::because(why, typed);
                return self.enrol_step_page(request, (StatusCode::UNPROCESSABLE_ENTITY, again)).await;
            }
            Err(refusal) => {
                self.put_back(request, &taken).await?;
                return Err(refusal);
            }
        };
        self.after_enrolment(request, &taken, (first, second), &enrolled).await
    }

    /// Goes on with a sign-in in which a factor was added, and shows the recovery codes that came with it.
    async fn after_enrolment(
        &self,
        request: &PageRequest<'_>,
        taken: &TakenSignIn,
        (first, second): (Proved, Proved),
        enrolled: &Enrolled<Arc<Account>>,
    ) -> Result<PageResponse, Refusal> {
        let next = taken.pending.next();
        let Some(proved) = first.and(second) else {
            return Ok(start_again(request, &next, FlashMessage::SignInExpired));
        };
        let response = self.finish_sign_in(request, &proved, taken.pending.how(), &next).await?;
        let Some(codes) = &enrolled.codes else { return Ok(response) };
        let page = recovery_codes_page(request, &enrolled.account, codes, next.as_str());
        Ok(with_cookies_of(page, &response))
    }

    async fn enrol(
        &self,
        request: &PageRequest<'_>,
        (account, factors_before): (&Arc<Account>, FactorsBefore),
        session: &str,
        typed: &Typed,
    ) -> Result<Result<(Proved, Enrolled<Arc<Account>>), NotEnrolled>, Refusal> {
        let Ok(name) = FactorName::parse(&typed.name) else { return Ok(Err(NotEnrolled::WrongName)) };
        let shown_to = ShownTo { id: account.user.id, credential: account.credential, session };
        let code = TotpCode::parse(&typed.code);
        let enrolled = self.sign_in.enrol_totp(factors_before, shown_to, &typed.sealed, (name, code)).await;
        let enrolled = enrolled.map_err(|error| refusal_for_change(request, &error))?;
        if let Ok((_, enrolled)) = &enrolled {
            let name = enrolled.account.factors.iter().find(|factor| factor.id == enrolled.factor);
            let name = name.map(|factor| factor.name.clone()).unwrap_or_default();
            self.notify(request, &enrolled.account, &Notice::FactorAdded { name });
        }
        Ok(enrolled)
    }

    async fn add_app_of(
        &self,
        request: &PageRequest<'_>,
        signed_in: &SignedIn<'_>,
        shown: (StatusCode, Again),
    ) -> Result<PageResponse, Refusal> {
        let session = signed_in.session.sign_in().to_hex();
        let csrf = signed_in.token.form_token();
        let to = Shown { account: signed_in.account, csrf: &csrf, session: &session, is_step: false };
        self.add_app_page(request, to, shown).await
    }

    async fn enrol_step_page(
        &self,
        request: &PageRequest<'_>,
        shown: (StatusCode, Again),
    ) -> Result<PageResponse, Refusal> {
        let (pending, proved) = match self.shown_step(request, PendingStep::Enrol).await? {
            Ok(shown) => shown,
            Err(response) => return Ok(response),
        };
        let Some(code) = PendingSignIn::presented(request) else {
            return Ok(start_again(request, &pending.next(), FlashMessage::SignInExpired));
        };
        let (token, cookie) = csrf::form_token(request)?;
        let (csrf, session) = (token.form_token(), code.key().to_hex());
        let to = Shown { account: proved.account(), csrf: &csrf, session: &session, is_step: true };
        let mut response = self.add_app_page(request, to, shown).await?;
        if let Some(hand_over) = HandOver::at(&pending.next(), request) {
            pages::allow_form_to_lead_to(&mut response, &request.origin_of(&hand_over.host));
        }
        if let Some(cookie) = cookie {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    async fn add_app_page(
        &self,
        request: &PageRequest<'_>,
        to: Shown<'_>,
        (status, Again { typed, problem }): (StatusCode, Again),
    ) -> Result<PageResponse, Refusal> {
        let account = to.account;
        let shown_to = ShownTo { id: account.user.id, credential: account.credential, session: to.session };
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
        let problem = problem.map(|problem| request.say(&problem));
        Ok(add_app_form(request, &to, status, (&secret, &sealed, &name, problem.as_deref())))
    }
}

fn add_app_form(
    request: &PageRequest<'_>,
    to: &Shown<'_>,
    status: StatusCode,
    (secret, sealed, name, problem): (&TotpSecret, &str, &str, Option<&str>),
) -> PageResponse {
    let user = to.account.user.name.as_str();
    let address = secret.to_address(&issuer(request), user);
    let qr = QrCode::of(&address);
    let page = Page::AddApp(AddApp {
        host: request.host,
        csrf: to.csrf,
        username: user,
        is_step: to.is_step,
        qr_size: qr.as_ref().map_or(0, QrCode::size),
        qr_path: qr.as_ref().map_or("", QrCode::path),
        secret: &secret.to_groups(),
        address: &address,
        sealed,
        name,
        problem,
    });
    request.render(status, &page)
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
fn with_cookies_of(mut page: PageResponse, other: &PageResponse) -> PageResponse {
    for cookie in other.headers().get_all(SET_COOKIE) {
        page.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    page
}

impl Typed {
    fn of(form: &mut Form) -> Self {
        Self { sealed: form.take("sealed"), name: form.take("name"), code: Zeroizing::new(form.take("code")) }
    }
}

impl Again {
    fn because(why: NotEnrolled, typed: Typed) -> Self {
        let (typed, problem) = match why {
            NotEnrolled::Expired | NotEnrolled::AlreadyAdded | NotEnrolled::NotFirst => {
                (None, Text::of("factor-secret-expired"))
            }
            NotEnrolled::WrongCode => (Some(typed), Text::of("factor-wrong-first-code")),
            NotEnrolled::WrongName => (Some(typed), WRONG_NAME),
            NotEnrolled::TooMany => (Some(typed), Text::of("factor-too-many")),
        };
        Self { typed, problem: Some(problem) }
    }
}

const DEFAULT_NAME: Text = Text::of("factor-app-name");
