//! The step of a sign-in that replaces a password: an operator has set it for one sign-in, or it was imported with a weak
//! hash.
//!
//! The page opens for a pending sign-in alone, see `pending_sign_in`: the user has proved everything else, and has no
//! session before there is a password that nobody else knows.

use http::{StatusCode, header::SET_COOKIE};

use super::{
    Notice, PageRequest, PageResponse, Portal, csrf,
    flash::FlashMessage,
    form::Form,
    hand_over::HandOver,
    pending_sign_in::{BegunStep, NotBegun, PendingSignIn, PendingStep, TakenSignIn, start_again},
    problem::{FORM_EXPIRED, Problem, form_again, refusal_for},
    unfit_texts::weak_password,
};
use crate::{
    auth::{Entrance, NotProved, Proved},
    language::Text,
    pages::{self, Page},
    refusal::Refusal,
    telemetry::AuditKind,
    users::{Account, Busy, Password, PasswordHash, Verdict},
};

impl Portal {
    /// The form. Without a pending sign-in the browser starts again.
    pub(super) async fn show_new_password_step(
        &self,
        request: &PageRequest<'_>,
    ) -> Result<PageResponse, Refusal> {
        self.new_password_page(request, StatusCode::OK, None).await
    }

    /// Sets the new password, and goes on with the sign-in.
    pub(super) async fn take_new_password_step(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let BegunStep { mut form, taken, first: proved } =
            match self.begin_step(request, form, PendingStep::NewPassword).await? {
                Ok(begun) => begun,
                Err(NotBegun::StartAgain(response)) => return Ok(response),
                Err(NotBegun::FormExpired) => {
                    let expired = Problem::new("", FORM_EXPIRED);
                    return self.new_password_page(request, StatusCode::FORBIDDEN, Some(&expired)).await;
                }
            };
        let (new, again) = (Password::new(form.take("new")), Password::new(form.take("again")));
        let hash = match self.acceptable(proved.account(), new, &again).await {
            Ok(hash) => hash,
            Err(NotAcceptable::Busy(Busy { retry_after })) => {
                self.put_back(request, &taken).await?;
                return form_again(request, Refusal::TooBusy { retry_after }, |status, detail| {
                    let problem = Problem::new("", detail);
                    new_password_form(request, &taken.pending, proved.account(), status, Some(&problem))
                });
            }
            Err(NotAcceptable::Problem(problem)) => {
                // A password that is not good enough is no guess, so it costs no try.
                self.put_back(request, &taken).await?;
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                return new_password_form(request, &taken.pending, proved.account(), status, Some(&problem));
            }
        };
        self.set_and_go_on(request, &taken, proved, hash).await
    }

    async fn set_and_go_on(
        &self,
        request: &PageRequest<'_>,
        taken: &TakenSignIn,
        proved: Proved,
        hash: PasswordHash,
    ) -> Result<PageResponse, Refusal> {
        let pending = &taken.pending;
        let set = self.sign_in.set_password(&proved, hash, &request.origin(Entrance::PasswordChange)).await;
        let proved = match set {
            Ok(proved) => proved,
            // Another change of the account came first.
            Err(NotProved::Wrong) => {
                return Ok(start_again(request, &pending.next(), FlashMessage::SignInExpired));
            }
            Err(not_proved) => {
                self.put_back(request, taken).await?;
                return Err(refusal_for(not_proved, Refusal::SignIn));
            }
        };
        let account = proved.account();
        self.record(request, AuditKind::PasswordChange, "ok", Some(account.user.name.as_str()), None);
        self.notify(request, account, &Notice::PasswordChanged).await;
        // The sessions from before are dead already, by their credential version; this takes them out of the store.
        if let Err(error) = self.sessions.end_all_of(account.user.id, None).await {
            tracing::warn!(%error, request_id = request.request_id, "sessions not ended after a password change");
        }
        self.finish_sign_in(request, &proved, pending.how(), &pending.next()).await
    }

    /// The hash of a new password that both typings agree on, that the rules accept, and that is not the present one.
    async fn acceptable(
        &self,
        account: &Account,
        new: Password,
        again: &Password,
    ) -> Result<PasswordHash, NotAcceptable> {
        let wrong = |about, text| Err(NotAcceptable::Problem(Problem::new(about, text)));
        if new != *again {
            return wrong("again", Text::of("password-not-the-same"));
        }
        let present = self.passwords.verify(account.password.clone(), new.clone()).await?;
        if matches!(present, Verdict::Right { .. }) {
            return wrong("new", Text::of("password-unchanged"));
        }
        match self.passwords.hash_new(new, account.password_owner()).await? {
            Ok(hash) => Ok(hash),
            Err(weak) => wrong("new", weak_password(&weak)),
        }
    }

    async fn new_password_page(
        &self,
        request: &PageRequest<'_>,
        status: StatusCode,
        problem: Option<&Problem>,
    ) -> Result<PageResponse, Refusal> {
        match self.shown_step(request, PendingStep::NewPassword).await? {
            Ok((pending, proved)) => new_password_form(request, &pending, proved.account(), status, problem),
            Err(response) => Ok(response),
        }
    }
}

/// Why a new password is not set.
enum NotAcceptable {
    Busy(Busy),
    Problem(Problem),
}

impl From<Busy> for NotAcceptable {
    fn from(busy: Busy) -> Self {
        Self::Busy(busy)
    }
}

fn new_password_form(
    request: &PageRequest<'_>,
    pending: &PendingSignIn,
    account: &Account,
    status: StatusCode,
    problem: Option<&Problem>,
) -> Result<PageResponse, Refusal> {
    let (token, cookie) = csrf::form_token(request)?;
    let hand_over = HandOver::at(&pending.next(), request);
    let text = problem.map(|problem| request.say(&problem.text));
    let page = Page::NewPasswordStep(pages::NewPasswordStep {
        host: request.host,
        csrf: &token.form_token(),
        username: account.user.name.as_str(),
        problem: text.as_deref(),
        about: problem.map_or("", |problem| problem.about),
    });
    let mut response = request.render(status, &page);
    if let Some(hand_over) = hand_over {
        pages::allow_form_to_lead_to(&mut response, &request.origin_of(&hand_over.host));
    }
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}
