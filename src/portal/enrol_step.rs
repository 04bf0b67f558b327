//! The step of a sign-in that adds a second factor, for an account that needs one and has none: an authenticator app, or a
//! passkey where there are passkeys.
//!
//! The page opens for a pending sign-in alone, see `pending_sign_in`: the user has proved everything else, and has no
//! session before there is a factor. The recovery codes that come with it are shown on the way to the session's first page.

use std::sync::Arc;

use http::{
    Method, StatusCode,
    header::{LOCATION, SET_COOKIE},
};

use super::{
    PageRequest, PageResponse, Portal,
    add_app::{AppForm, ShownAgain, TypedApp, with_cookies_of},
    csrf,
    factors::recovery_codes_page,
    flash::FlashMessage,
    form::Form,
    hand_over::HandOver,
    pending_sign_in::{BegunStep, NotBegun, PendingSignIn, PendingStep, TakenSignIn, start_again},
    problem::FORM_EXPIRED,
};
use crate::{
    auth::Proved,
    pages::{self, paths},
    refusal::Refusal,
    users::{Account, Enrolled, FactorsBefore, NotEnrolled},
};

impl Portal {
    /// The forms of an app and of a passkey. Without a pending sign-in the browser starts again.
    pub(super) async fn show_enrol_step(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        self.enrol_step_page(request, (StatusCode::OK, ShownAgain::default())).await
    }

    /// Adds an app, and goes on with the sign-in.
    pub(super) async fn take_enrol_step(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let BegunStep { mut form, taken, first } = match self.begin_enrolment(request, form).await? {
            Ok(begun) => begun,
            Err(response) => return Ok(*response),
        };
        let typed = TypedApp::of(&mut form);
        let (to, session) = ((first.account(), FactorsBefore::None), taken.session());
        let (second, enrolled) = match self.enrol_app(request, to, &session, &typed).await {
            Ok(Ok(enrolled)) => enrolled,
            // It was added after the look a moment ago.
            Ok(Err(NotEnrolled::NotFirst)) => {
                return Ok(start_again(request, &taken.pending.next(), FlashMessage::SignInExpired));
            }
            Ok(Err(why)) => {
                self.put_back(request, &taken).await?;
                let again = ShownAgain::because(why, typed);
                return self.enrol_step_page(request, (StatusCode::UNPROCESSABLE_ENTITY, again)).await;
            }
            Err(refusal) => {
                self.put_back(request, &taken).await?;
                return Err(refusal);
            }
        };
        self.after_enrolment(request, &taken, (first, second), &enrolled).await
    }

    /// Begins a try at the step; otherwise the response that leads elsewhere.
    pub(super) async fn begin_enrolment(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<Result<BegunStep, Box<PageResponse>>, Refusal> {
        let begun = match self.begin_step(request, form, PendingStep::Enrol).await? {
            Ok(begun) => begun,
            Err(NotBegun::StartAgain(response)) => return Ok(Err(Box::new(response))),
            Err(NotBegun::FormExpired) => {
                let shown = (StatusCode::FORBIDDEN, ShownAgain::with(FORM_EXPIRED));
                return Ok(Err(Box::new(self.enrol_step_page(request, shown).await?)));
            }
        };
        // Another browser has added a factor in the meantime: that one is asked for.
        if !begun.first.account().factors.is_empty() {
            let pending = &begun.taken.pending;
            let response = self.finish_sign_in(request, &begun.first, pending.how(), &pending.next()).await?;
            return Ok(Err(Box::new(response)));
        }
        Ok(Ok(begun))
    }

    /// Goes on with a sign-in in which a factor was added, and shows the recovery codes that came with it.
    pub(super) async fn after_enrolment(
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
        // Another step may follow, such as a new password.
        let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or(next.as_str());
        let page = recovery_codes_page(request, &enrolled.account, codes, to);
        Ok(with_cookies_of(page, &response))
    }

    /// The page, for the pending sign-in of this browser.
    pub(super) async fn enrol_step_page(
        &self,
        request: &PageRequest<'_>,
        shown: (StatusCode, ShownAgain),
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
        let account = proved.account();
        // If passkeys cannot be prepared, an app can still be added.
        let passkey = match request.passkeys() {
            Some(settings) if *request.method != Method::HEAD => {
                let prepared = self.prepare_new_passkey(request, account, session.clone()).await;
                prepared.ok().map(|passkey| (passkey, &*settings.rp_id))
            }
            _ => None,
        };
        let form =
            passkey.as_ref().map(|(passkey, rp_id)| (passkey.form(paths::PASSKEY_ENROL_STEP, &csrf), *rp_id));
        let form = AppForm { account, csrf: &csrf, session: &session, is_step: true, passkey: form };
        let mut response = self.add_app_page(request, &form, shown).await?;
        if passkey.is_some() {
            request.settings.pages.allow_passkey_script(&mut response, request.host);
        }
        if let Some(hand_over) = HandOver::at(&pending.next(), request) {
            pages::allow_form_to_lead_to(&mut response, &request.origin_of(&hand_over.host));
        }
        if let Some(cookie) = cookie {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(response)
    }
}
