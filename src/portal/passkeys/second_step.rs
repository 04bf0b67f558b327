//! A passkey as the second step of a sign-in.

use http::StatusCode;

use super::{
    super::{
        PageRequest, PageResponse, Portal, ReturnTo,
        csrf::{self, Genuine},
        flash::FlashMessage,
        form::Form,
        pending_sign_in::{PendingSignIn, PendingStep, start_again},
        problem::{FORM_EXPIRED, refusal_for},
    },
    ceremony::{Ceremony, Participant},
    sign_in::WRONG,
};
use crate::{
    auth::{Entrance, NotProved, PasskeyClaim},
    refusal::Refusal,
};

impl Portal {
    /// Checks a passkey of the user whose sign-in is pending, and goes on with the sign-in. A try counts as one with a code
    /// does.
    pub(in crate::portal) async fn take_passkey_as_second_step(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        if request.passkeys().is_none() {
            return Err(Refusal::NotFound);
        }
        let form_token = csrf::presented_form_token(request);
        let Ok(genuine) = Genuine::check(request, form_token.as_ref(), form) else {
            return self.second_step_page(request, StatusCode::FORBIDDEN, Some(&FORM_EXPIRED)).await;
        };
        let form = genuine.into_form();
        let Some(browser) = pending_key(request) else {
            return Ok(start_again(request, &ReturnTo::start(), FlashMessage::SignInExpired));
        };
        let Some(taken) = self.take_pending_sign_in(request, PendingStep::SecondFactor).await? else {
            return Ok(start_again(request, &ReturnTo::start(), FlashMessage::SignInExpired));
        };
        let pending = &taken.pending;
        let first = match self.sign_in.resume(&pending.proof, request.request_id).await {
            Ok(proved) => proved,
            Err(NotProved::Wrong) => {
                return Ok(start_again(request, &pending.next(), FlashMessage::SignInExpired));
            }
            Err(not_proved) => {
                self.put_back(request, &taken).await?;
                return Err(refusal_for(not_proved, Refusal::SignIn));
            }
        };
        let participant = Participant::of(browser, first.account());
        let checked = self
            .check_submitted_passkey(
                request,
                &form,
                (Ceremony::SecondStep, &participant),
                (PasskeyClaim::User(first.account()), Entrance::SignIn),
            )
            .await;
        match checked {
            Ok(Ok(second)) => self.finish_second_step(request, pending, first, second).await,
            Ok(Err(not_proved)) => {
                self.second_step_failed(request, &taken, first.account(), (not_proved, WRONG)).await
            }
            Err(refusal) => {
                self.put_back(request, &taken).await?;
                Err(refusal)
            }
        }
    }
}

/// The key of the pending sign-in that came with the request, to which its challenges are bound.
pub(in crate::portal) fn pending_key(request: &PageRequest<'_>) -> Option<String> {
    PendingSignIn::presented(request).map(|code| code.key().to_hex())
}
