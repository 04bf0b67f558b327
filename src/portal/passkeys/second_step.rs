//! A passkey as the second step of a sign-in.

use super::{
    super::{
        PageRequest, PageResponse, Portal, ReturnTo,
        flash::FlashMessage,
        form::Form,
        pending_sign_in::{BegunStep, PendingSignIn, PendingStep, start_again},
    },
    ceremony::{Ceremony, Participant},
    sign_in::WRONG,
};
use crate::{
    auth::{Entrance, PasskeyClaim},
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
        request.require_passkeys()?;
        let Some(browser) = pending_key(request) else {
            return Ok(start_again(request, &ReturnTo::start(), FlashMessage::SignInExpired));
        };
        let BegunStep { form, taken, first } =
            match self.begin_step(request, form, PendingStep::SecondFactor).await? {
                Ok(begun) => begun,
                Err(not_begun) => return self.second_step_not_begun(request, not_begun).await,
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
            Ok(Ok(second)) => self.finish_second_step(request, &taken.pending, first, second).await,
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
