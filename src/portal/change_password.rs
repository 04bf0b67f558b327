//! The page that changes the user's own password.
//!
//! A new password ends every session of the user; this browser gets a new one. Of a user who still has to add a required
//! second factor it lasts no longer than the session before: only a sign-in asks for the factor.

use http::StatusCode;

use super::{
    Notice, PageRequest, PageResponse, Portal, SignedIn,
    csrf::Genuine,
    finish_sign_in::lacks_required_factor,
    flash::FlashMessage,
    form::Form,
    problem::{FORM_EXPIRED, Problem, form_again, refusal_for},
    session_opening::{OpenedSession, SessionOpening},
    unfit_texts::weak_password,
};
use crate::{
    auth::{Claim, Credential, Entrance, NotProved},
    language::Text,
    pages::{self, Page, paths},
    refusal::Refusal,
    telemetry::AuditKind,
    users::{Busy, Password},
};

impl Portal {
    /// The form. For an account without a password here there is no such page.
    pub(super) fn show_password_form(request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        signed_in.account.password.as_ref().ok_or(Refusal::NotFound)?;
        Ok(password_form(request, &signed_in, StatusCode::OK, None))
    }

    /// Checks the current password, sets the new one, and gives this browser a new session.
    pub(super) async fn change_password(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        let account = signed_in.account;
        account.password.as_ref().ok_or(Refusal::NotFound)?;
        // The present password alone is one factor.
        if !account.factors.is_empty()
            && let Err(response) = signed_in.recently_proved(request, self.clock.now())
        {
            return Ok(*response);
        }
        let again = |status, problem: &Problem| Ok(password_form(request, &signed_in, status, Some(problem)));
        let mut form = match Genuine::check(request, Some(&signed_in.token), form) {
            Ok(genuine) => genuine.into_form(),
            Err(_) => return again(StatusCode::FORBIDDEN, &Problem::new("", FORM_EXPIRED)),
        };
        let (current, new) = (Password::new(form.take("current")), Password::new(form.take("new")));
        // First the checks that cost nothing: their result does not depend on the current password.
        if let Err(problem) = well_typed(&current, &new, &Password::new(form.take("again"))) {
            return again(StatusCode::UNPROCESSABLE_ENTITY, &problem);
        }
        let origin = request.origin(Entrance::PasswordChange);
        let checked = self.sign_in.check(Claim::User(account), Credential::Password(current), &origin).await;
        let proved = match checked {
            Ok(proved) => proved,
            Err(NotProved::Wrong) => {
                return again(StatusCode::UNPROCESSABLE_ENTITY, &Problem::new("current", WRONG));
            }
            Err(not_proved) => {
                let about = if matches!(not_proved, NotProved::Throttled { .. }) { "current" } else { "" };
                return form_again(request, refusal_for(not_proved, Refusal::SignIn), |status, detail| {
                    again(status, &Problem::new(about, detail))
                });
            }
        };
        let hash = match self.passwords.hash_new(new, account.password_owner()).await {
            Ok(Ok(hash)) => hash,
            Ok(Err(weak)) => {
                return again(StatusCode::UNPROCESSABLE_ENTITY, &Problem::new("new", weak_password(&weak)));
            }
            Err(Busy { retry_after }) => {
                return form_again(request, Refusal::TooBusy { retry_after }, |status, detail| {
                    again(status, &Problem::new("", detail))
                });
            }
        };
        // If another change of the account came first, this session is over.
        let proved = self
            .sign_in
            .set_password(&proved, hash, &origin)
            .await
            .map_err(|not_proved| refusal_for(not_proved, Refusal::SignIn))?;
        // Recorded before the new session is opened: if that fails, the password has been changed all the same.
        self.record(request, AuditKind::PasswordChange, "ok", Some(account.user.name.as_str()), None);
        self.notify(request, account, &Notice::PasswordChanged).await;
        let how = if lacks_required_factor(request, &proved, signed_in.session) {
            SessionOpening::Confirmed
        } else if signed_in.session.remembered {
            SessionOpening::Remembered
        } else {
            SessionOpening::SignedIn
        };
        let OpenedSession { mut response, session } =
            self.open_session(request, &proved, how, paths::ACCOUNT).await?;
        // The other sessions are dead already, by their credential version; this takes them out of the store.
        if let Err(error) = self.sessions.end_all_of(account.user.id, Some(session.key)).await {
            tracing::warn!(%error, request_id = request.request_id, "sessions not ended after a password change");
        }
        FlashMessage::PasswordChanged.leave(&request.settings.cookies, response.headers_mut());
        Ok(response)
    }
}

fn well_typed(current: &Password, new: &Password, again: &Password) -> Result<(), Problem> {
    if new != again {
        return Err(Problem::new("again", Text::of("password-not-the-same")));
    }
    if new == current {
        return Err(Problem::new("new", Text::of("password-unchanged")));
    }
    Ok(())
}

fn password_form(
    request: &PageRequest<'_>,
    signed_in: &SignedIn<'_>,
    status: StatusCode,
    problem: Option<&Problem>,
) -> PageResponse {
    let text = problem.map(|problem| request.say(&problem.text));
    let page = Page::Password(pages::Password {
        host: request.host,
        csrf: &signed_in.token.form_token(),
        username: signed_in.account.user.name.as_str(),
        problem: text.as_deref(),
        about: problem.map_or("", |problem| problem.about),
    });
    request.render(status, &page)
}

const WRONG: Text = Text::of("password-wrong");
