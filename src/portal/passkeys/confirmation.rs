//! A passkey as the further proof of somebody who is signed in.

use super::{
    super::{
        PageRequest, PageResponse, Portal, SignedIn, csrf::Genuine, form::Form,
        session_opening::SessionOpening,
    },
    ceremony::{Ceremony, Participant},
    sign_in::WRONG,
};
use crate::{
    auth::{Entrance, PasskeyClaim},
    pages,
    refusal::Refusal,
};

impl Portal {
    /// Checks a passkey of the user who is signed in, and sends the browser on.
    pub(in crate::portal) async fn confirm_with_passkey(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        request.require_passkeys()?;
        let next = request.return_to(form.text("next"));
        let Ok(signed_in) = SignedIn::of(request) else {
            return Ok(pages::redirect(&next.login_location()));
        };
        let Ok(genuine) = Genuine::check(request, Some(&signed_in.token), form) else {
            return self.confirmation_failed(request, &signed_in, &next, None).await;
        };
        let form = genuine.into_form();
        let participant = Participant::of(signed_in.token.key().to_hex(), signed_in.account);
        let checked = self
            .check_submitted_passkey(
                request,
                &form,
                (Ceremony::Confirmation, &participant),
                (PasskeyClaim::User(signed_in.account), Entrance::Confirmation),
            )
            .await?;
        match checked {
            Ok(proved) => self.finish_sign_in(request, &proved, SessionOpening::Confirmed, &next).await,
            Err(not_proved) => {
                self.confirmation_failed(request, &signed_in, &next, Some((not_proved, WRONG))).await
            }
        }
    }
}
