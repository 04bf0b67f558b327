//! A sign-in by a passkey alone.

use super::{
    super::{
        PageRequest, PageResponse, Portal,
        csrf::{self, Genuine},
        form::Form,
        notice::Notice,
        session_opening::SessionOpening,
    },
    ceremony::{Ceremony, Participant},
    submitted::SubmittedUse,
};
use crate::{
    auth::{Entrance, NotProved, PasskeyClaim, PasskeyResponse, Proved},
    language::Text,
    refusal::Refusal,
    telemetry::AuditKind,
};

impl Portal {
    /// Checks a passkey that signs in alone. The response is the same whatever is wrong with it.
    pub(in crate::portal) async fn sign_in_with_passkey(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        request.passkeys_alone().ok_or(Refusal::NotFound)?;
        let next = request.return_to(form.text("next"));
        let token = csrf::presented_form_token(request);
        let form = match (token.as_ref(), Genuine::check(request, token.as_ref(), form)) {
            (Some(token), Ok(genuine)) => (genuine.into_form(), Participant::unknown(token.key().to_hex())),
            _ => return self.login_after_passkey(request, &next, (None, None)).await,
        };
        let (form, participant) = form;
        let how = match form.text("remember") {
            "" => SessionOpening::SignedIn,
            _ => SessionOpening::Remembered,
        };
        let checked = self
            .check_submitted_passkey(
                request,
                &form,
                (Ceremony::SignIn, &participant),
                (PasskeyClaim::Anyone, Entrance::SignIn),
            )
            .await?;
        match checked {
            Ok(proved) => self.finish_sign_in(request, &proved, how, &next).await,
            Err(not_proved) => {
                let unknown = match not_proved {
                    NotProved::Wrong => self.unknown_passkey(request, &form).await,
                    _ => None,
                };
                self.login_after_passkey(request, &next, (Some(not_proved), unknown)).await
            }
        }
    }

    /// Takes the challenge of a form, and checks the response to it. A failure has been recorded when this returns.
    pub(super) async fn check_submitted_passkey(
        &self,
        request: &PageRequest<'_>,
        form: &Form,
        (ceremony, participant): (Ceremony, &Participant),
        (claim, entrance): (PasskeyClaim<'_>, Entrance),
    ) -> Result<Result<Proved, NotProved>, Refusal> {
        let settings = request.passkeys().ok_or(Refusal::NotFound)?;
        let text = form.text("challenge");
        let taken = self.take_challenge(request, text, ceremony, participant, &settings.rp_id).await?;
        let (Some(challenge), Some(submitted)) = (taken, SubmittedUse::read(form)) else {
            let user = match claim {
                PasskeyClaim::Anyone => None,
                PasskeyClaim::User(account) => Some(account.user.name.as_str()),
            };
            let event = match entrance {
                Entrance::Confirmation => AuditKind::Confirm,
                _ => AuditKind::SignInFailed,
            };
            self.record(request, event, "passkey-challenge", user, None);
            return Ok(Err(NotProved::Wrong));
        };
        let party = settings.party(request.ports);
        let shown = PasskeyResponse { response: submitted.response(), party: &party, challenge: &challenge };
        let checked = self.sign_in.check_passkey(claim, shown, &request.origin(entrance)).await;
        Ok(checked.map(|proved| {
            if let Some(name) = proved.may_be_copied {
                self.notify(request, proved.proved.account(), &Notice::PasskeyMayBeCopied { name });
            }
            proved.proved
        }))
    }
}

/// The problem on the page after a passkey that did not prove its owner.
pub(in crate::portal) const WRONG: Text = Text::of("passkey-wrong");
