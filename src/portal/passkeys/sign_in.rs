//! A sign-in by a passkey alone.

use std::future::ready;

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
    auth::{Entrance, NotProved, PasskeyClaim, PasskeyResponse, Proved, webauthn::Challenge},
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
        let (token, form) = match (&token, Genuine::check(request, token.as_ref(), form)) {
            (Some(token), Ok(genuine)) => (token, genuine.into_form()),
            _ => return self.login_after_passkey(request, &next, (None, None)),
        };
        let how = match form.text("remember") {
            "" => SessionOpening::SignedIn,
            _ => SessionOpening::Remembered,
        };
        let settings = request.passkeys().ok_or(Refusal::NotFound)?;
        let participant = Participant::unknown(token.key().to_hex());
        let of = (Ceremony::SignIn, &participant);
        let challenge = self.given_challenge(request, form.text("challenge"), of, &settings.rp_id);
        let checked = match challenge {
            Some(challenge) => {
                let first_answer = self.note_answer(request, &challenge);
                let shown = (&challenge.challenge, first_answer);
                self.check_answer(request, &form, shown, (PasskeyClaim::Anyone, Entrance::SignIn)).await
            }
            None => Err(self.wrong_challenge(request, (PasskeyClaim::Anyone, Entrance::SignIn))),
        };
        match checked {
            Ok(proved) => self.finish_sign_in(request, &proved, how, &next).await,
            Err(not_proved) => {
                let unknown = match not_proved {
                    NotProved::Wrong => self.unknown_passkey(request, &form).await,
                    _ => None,
                };
                self.login_after_passkey(request, &next, (Some(not_proved), unknown))
            }
        }
    }

    /// Notes that the challenge of a form is answered, and checks the response to it. A failure has been recorded when this
    /// returns.
    pub(super) async fn check_submitted_passkey(
        &self,
        request: &PageRequest<'_>,
        form: &Form,
        of: (Ceremony, &Participant),
        claim: (PasskeyClaim<'_>, Entrance),
    ) -> Result<Result<Proved, NotProved>, Refusal> {
        let settings = request.passkeys().ok_or(Refusal::NotFound)?;
        let taken = self.take_challenge(request, form.text("challenge"), of, &settings.rp_id).await?;
        let Some(challenge) = taken else { return Ok(Err(self.wrong_challenge(request, claim))) };
        // It was noted, so this is the first answer.
        Ok(self.check_answer(request, form, (&challenge, ready(Ok(true))), claim).await)
    }

    /// Checks the response to a challenge that is good for this request, if it is the first one.
    async fn check_answer(
        &self,
        request: &PageRequest<'_>,
        form: &Form,
        (challenge, first_answer): (&Challenge, impl Future<Output = Result<bool, NotProved>>),
        (claim, entrance): (PasskeyClaim<'_>, Entrance),
    ) -> Result<Proved, NotProved> {
        let Some((settings, submitted)) = request.passkeys().zip(SubmittedUse::read(form)) else {
            return Err(self.wrong_challenge(request, (claim, entrance)));
        };
        let party = settings.party(request.ports);
        let shown = PasskeyResponse { response: submitted.response(), party: &party, challenge };
        let origin = request.origin(entrance);
        let proved = self.sign_in.check_passkey(claim, shown, first_answer, &origin).await?;
        if let Some(name) = proved.may_be_copied {
            self.notify(request, proved.proved.account(), &Notice::PasskeyMayBeCopied { name }).await;
        }
        Ok(proved.proved)
    }

    /// Records a response to no challenge.
    fn wrong_challenge(
        &self,
        request: &PageRequest<'_>,
        (claim, entrance): (PasskeyClaim<'_>, Entrance),
    ) -> NotProved {
        let user = match claim {
            PasskeyClaim::Anyone => None,
            PasskeyClaim::User(account) => Some(account.user.name.as_str()),
        };
        let event = match entrance {
            Entrance::Confirmation => AuditKind::Confirm,
            _ => AuditKind::SignInFailed,
        };
        self.record(request, event, "passkey-challenge", user, None);
        NotProved::Wrong
    }
}

/// The problem on the page after a passkey that did not prove its owner.
pub(in crate::portal) const WRONG: Text = Text::of("passkey-wrong");
