//! The second step of a sign-in: a code of an authenticator app, or a recovery code.
//!
//! The page opens for a pending sign-in alone, see `pending_sign_in`.

use http::{StatusCode, header::SET_COOKIE};
use zeroize::Zeroizing;

use super::{
    Notice, PageRequest, PageResponse, Portal, csrf,
    flash::FlashMessage,
    form::Form,
    hand_over::HandOver,
    passkeys::{self, Ceremony, PreparedPasskey},
    pending_sign_in::{BegunStep, NotBegun, PendingSignIn, PendingStep, TakenSignIn, start_again},
    person::readable_name,
    problem::{FORM_EXPIRED, form_again, refusal_for},
};
use crate::{
    auth::{Entrance, NotProved, Proved, TypedCode, webauthn::UserVerification},
    identity::ProofMethod,
    language::Text,
    pages::{self, Page, PasskeyForm, SecondStep, paths},
    refusal::Refusal,
    users::{Account, FactorKind},
};

impl Portal {
    /// The form. Without a pending sign-in the browser starts again.
    pub(super) async fn show_second_step(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        self.second_step_page(request, StatusCode::OK, None).await
    }

    /// Checks a code, and goes on with the sign-in.
    pub(super) async fn take_second_step(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let BegunStep { mut form, taken, first } =
            match self.begin_step(request, form, PendingStep::SecondFactor).await? {
                Ok(begun) => begun,
                Err(not_begun) => return self.second_step_not_begun(request, not_begun).await,
            };
        let (typed, recovery) = (Zeroizing::new(form.take("code")), Zeroizing::new(form.take("recovery")));
        let code = TypedCode::of_fields(&typed, &recovery);
        let checked = self.sign_in.check_code(first.account(), code, &request.origin(Entrance::SignIn)).await;
        match checked {
            Ok(second) => self.finish_second_step(request, &taken.pending, first, second).await,
            Err(not_proved) => {
                self.second_step_failed(request, &taken, first.account(), (not_proved, WRONG)).await
            }
        }
    }

    async fn second_step_page(
        &self,
        request: &PageRequest<'_>,
        status: StatusCode,
        problem: Option<&Text>,
    ) -> Result<PageResponse, Refusal> {
        let (pending, first) = match self.shown_step(request, PendingStep::SecondFactor).await? {
            Ok(shown) => shown,
            Err(response) => return Ok(response),
        };
        let passkey = self.passkey_for_second_step(request, first.account()).await;
        second_step_form(request, &pending, (first.account(), passkey), status, problem)
    }

    /// The response to a form with which no try was begun. Passkeys end here as well.
    pub(super) async fn second_step_not_begun(
        &self,
        request: &PageRequest<'_>,
        not_begun: NotBegun,
    ) -> Result<PageResponse, Refusal> {
        match not_begun {
            NotBegun::FormExpired => {
                self.second_step_page(request, StatusCode::FORBIDDEN, Some(&FORM_EXPIRED)).await
            }
            NotBegun::StartAgain(response) => Ok(response),
        }
    }

    /// Goes on with a sign-in after a second factor of the same account. Passkeys end here as well.
    pub(super) async fn finish_second_step(
        &self,
        request: &PageRequest<'_>,
        pending: &PendingSignIn,
        first: Proved,
        second: Proved,
    ) -> Result<PageResponse, Refusal> {
        self.notify_of_recovery_code(request, &second).await;
        // Another password was set between the two checks.
        let Some(proved) = first.and(second) else {
            return Ok(start_again(request, &pending.next(), FlashMessage::SignInExpired));
        };
        self.finish_sign_in(request, &proved, pending.how(), &pending.next()).await
    }

    /// Tells the owner of an account that a recovery code was used, if it was.
    pub(super) async fn notify_of_recovery_code(&self, request: &PageRequest<'_>, proved: &Proved) {
        if proved.proofs().at(ProofMethod::RecoveryCode).is_some() {
            let left = proved.account().recovery_codes_left;
            self.notify(request, proved.account(), &Notice::RecoveryCodeUsed { left }).await;
        }
    }

    /// The page again after a factor that did not prove the user; the sign-in page after the last try.
    pub(super) async fn second_step_failed(
        &self,
        request: &PageRequest<'_>,
        taken: &TakenSignIn,
        account: &Account,
        (not_proved, wrong): (NotProved, Text),
    ) -> Result<PageResponse, Refusal> {
        if not_proved == NotProved::Wrong {
            if !self.put_back_failed(request, taken).await? {
                return Ok(start_again(request, &taken.pending.next(), FlashMessage::TooManyCodes));
            }
        } else {
            self.put_back(request, taken).await?;
        }
        let passkey = self.passkey_for_second_step(request, account).await;
        form_again(request, refusal_for(not_proved, Refusal::SignIn), |status, detail| {
            let problem = if not_proved == NotProved::Wrong { wrong } else { detail };
            second_step_form(request, &taken.pending, (account, passkey), status, Some(&problem))
        })
    }

    async fn passkey_for_second_step(
        &self,
        request: &PageRequest<'_>,
        account: &Account,
    ) -> Option<PreparedPasskey> {
        let browser = passkeys::pending_key(request)?;
        let verification = UserVerification::Preferred;
        self.passkey_of_user(request, (Ceremony::SecondStep, verification), browser, account).await
    }
}

fn second_step_form(
    request: &PageRequest<'_>,
    pending: &PendingSignIn,
    (account, passkey): (&Account, Option<PreparedPasskey>),
    status: StatusCode,
    problem: Option<&Text>,
) -> Result<PageResponse, Refusal> {
    let (token, cookie) = csrf::form_token(request)?;
    let csrf = token.form_token();
    let next = pending.next();
    let hand_over = HandOver::at(&next, request);
    let problem = problem.map(|problem| request.say(problem));
    let page = Page::SecondStep(SecondStep {
        host: request.host,
        continues_to: hand_over.as_ref().map_or(request.host, |hand_over| &hand_over.host),
        csrf: &csrf,
        username: account.user.name.as_str(),
        name: readable_name(&account.user),
        has_totp: account.factors.iter().any(|factor| factor.kind == FactorKind::Totp),
        recovery_codes_left: account.recovery_codes_left,
        problem: problem.as_deref(),
        passkey: passkey.as_ref().map(|passkey| PasskeyForm {
            primary: true,
            ..passkey.form(paths::PASSKEY_SECOND_STEP, &csrf, "")
        }),
    });
    let mut response = request.render(status, &page);
    if passkey.is_some() {
        request.settings.pages.allow_passkey_script(&mut response, request.host);
    }
    if let Some(hand_over) = hand_over {
        pages::allow_form_to_lead_to(&mut response, &request.origin_of(&hand_over.host));
    }
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

pub(super) const WRONG: Text = Text::of("factor-wrong-code");
