//! The pages that set a password by a link: a new one in place of a forgotten one, and the first one of an invited user.
//!
//! All sessions of the user end. Second factors stay, and nobody is signed in: the sign-in page asks for the new password,
//! and for what else the account needs.

use http::{StatusCode, header::SET_COOKIE};

use super::{
    Notice, PageRequest, PageResponse, Portal,
    csrf::{self, Genuine},
    flash::FlashMessage,
    form::Form,
    problem::{FORM_EXPIRED, Problem, form_again},
};
use crate::{
    language::Text,
    pages::{self, NewPassword, Page, paths},
    refusal::{Refusal, sentence},
    telemetry::AuditKind,
    users::{Account, Busy, DirectoryError, LinkPurpose, Password, UserStoreError},
};

impl Portal {
    /// The form, for a browser that has opened a link of this purpose.
    pub(super) async fn show_password_by_link(
        &self,
        request: &PageRequest<'_>,
        purpose: LinkPurpose,
    ) -> Result<PageResponse, Refusal> {
        if let Some(arrival) = request.arrival_by_link() {
            return Ok(arrival);
        }
        match self.valid_link(request, purpose).await?.and_then(|(_, link)| link.account) {
            Some(account) => {
                let full_name = &account.user.full_name;
                password_form(request, (StatusCode::OK, purpose), (&account, full_name), None)
            }
            None => Ok(request.void_link(purpose)),
        }
    }

    /// Sets the password, and leads to the sign-in page.
    pub(super) async fn set_password_by_link(
        &self,
        request: &PageRequest<'_>,
        form: Form,
        purpose: LinkPurpose,
    ) -> Result<PageResponse, Refusal> {
        let Some((link_token, link)) = self.valid_link(request, purpose).await? else {
            self.record(request, audit_kind(purpose), "void-link", None, None);
            return Ok(request.void_link(purpose));
        };
        let Some(account) = link.account else { return Ok(request.void_link(purpose)) };
        let full_name = form.text("full_name").trim().to_owned();
        let again = |status, problem: &Problem| {
            password_form(request, (status, purpose), (&account, &full_name), Some(problem))
        };
        let token = csrf::presented_form_token(request);
        let mut form = match Genuine::check(request, token.as_ref(), form) {
            Ok(genuine) => genuine.into_form(),
            Err(_) => return again(StatusCode::FORBIDDEN, &Problem::new("", FORM_EXPIRED)),
        };
        let new = Password::new(form.take("new"));
        if new != Password::new(form.take("again")) {
            let problem = Problem::new("again", Text::of("password-not-the-same"));
            return again(StatusCode::UNPROCESSABLE_ENTITY, &problem);
        }
        let name = &account.user.name;
        let mut owner = account.password_owner();
        if !full_name.is_empty() {
            owner.full_name.clone_from(&full_name);
        }
        let hash = match self.passwords.hash_new(new, owner).await {
            Ok(Ok(hash)) => hash,
            Ok(Err(weak)) => {
                let problem = Problem::new("new", Text::verbatim(sentence(&weak.to_string())));
                return again(StatusCode::UNPROCESSABLE_ENTITY, &problem);
            }
            Err(Busy { retry_after }) => {
                return form_again(request, Refusal::TooBusy { retry_after }, |status, detail| {
                    again(status, &Problem::new("", detail))
                });
            }
        };
        let given = if purpose == LinkPurpose::Invitation { full_name.clone() } else { String::new() };
        let set = self.sign_in.directory().set_password_by_link(link_token.key(), purpose, hash, given).await;
        let account = match set {
            Ok(Ok(account)) => account,
            Ok(Err(refused)) => {
                self.record(request, audit_kind(purpose), refused.as_str(), Some(name.as_str()), None);
                return Ok(request.void_link(purpose));
            }
            Err(DirectoryError::Store(UserStoreError::Invalid(invalid))) => {
                let problem = Problem::new("full_name", Text::verbatim(sentence(&invalid.to_string())));
                return again(StatusCode::UNPROCESSABLE_ENTITY, &problem);
            }
            Err(error) => return Err(request.directory_failed("setting a password by a link", &error)),
        };
        self.record(request, audit_kind(purpose), "ok", Some(name.as_str()), None);
        // The sessions are dead already, by their credential version; this takes them out of the store.
        if let Err(error) = self.sessions.end_all_of(account.user.id, None).await {
            tracing::warn!(%error, request_id = request.request_id, "sessions not ended after a password change");
        }
        let flash = if purpose == LinkPurpose::Invitation {
            FlashMessage::Invited
        } else {
            self.notify(request, &account, &Notice::PasswordChanged);
            FlashMessage::PasswordReset
        };
        let mut response = pages::redirect(paths::LOGIN);
        request.forget_link(response.headers_mut());
        flash.leave(&request.settings.cookies, response.headers_mut());
        Ok(response)
    }
}

fn audit_kind(purpose: LinkPurpose) -> AuditKind {
    if purpose == LinkPurpose::Invitation { AuditKind::Invitation } else { AuditKind::PasswordReset }
}

fn password_form(
    request: &PageRequest<'_>,
    (status, purpose): (StatusCode, LinkPurpose),
    (account, full_name): (&Account, &str),
    problem: Option<&Problem>,
) -> Result<PageResponse, Refusal> {
    let (token, cookie) = csrf::form_token(request)?;
    let text = problem.map(|problem| request.say(&problem.text));
    let page = Page::NewPassword(NewPassword {
        host: request.host,
        csrf: &token.form_token(),
        is_invited: purpose == LinkPurpose::Invitation,
        username: account.user.name.as_str(),
        full_name,
        problem: text.as_deref(),
        about: problem.map_or("", |problem| problem.about),
    });
    let mut response = request.render(status, &page);
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}
