//! The pages that set a password by a link: a new one in place of a forgotten one, and the first one of an invited user.
//!
//! All sessions of the user end. Second factors stay, and nobody is signed in: the sign-in page asks for the new password,
//! and for what else the account needs.

use http::StatusCode;

use super::{
    Notice, PageRequest, PageResponse, Portal,
    csrf::{self, Genuine},
    flash::FlashMessage,
    form::Form,
    own_fields::{OwnFields, WrongInput, all_problems},
    problem::{FORM_EXPIRED, Problem, form_again},
    unfit_texts::weak_password,
};
use crate::{
    language::Text,
    pages::{self, NewPassword, Page, paths},
    refusal::Refusal,
    telemetry::AuditKind,
    users::{Account, Busy, DirectoryError, LinkPurpose, OwnProfileChange, Password, UserStoreError},
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
                let fields = OwnFields::stored(request, &account.user.attributes);
                let shown = (account.user.full_name.as_str(), &fields, [].as_slice());
                password_form(request, (StatusCode::OK, purpose), &account, shown, None)
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
        let fields = OwnFields::sent(request, &account.user.attributes, &form);
        let again = |status, problem: &Problem| {
            let shown = (full_name.as_str(), &fields, [].as_slice());
            password_form(request, (status, purpose), &account, shown, Some(problem))
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
        let mut change = OwnProfileChange::default();
        if purpose == LinkPurpose::Invitation {
            change.full_name = (!full_name.is_empty()).then(|| full_name.clone());
            if let Err(unfit) = fields.add_to(&mut change) {
                let shown = (full_name.as_str(), &fields, unfit.as_slice());
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                return password_form(request, (status, purpose), &account, shown, None);
            }
        }
        let name = &account.user.name;
        let mut owner = account.password_owner();
        if !full_name.is_empty() {
            owner.full_name.clone_from(&full_name);
        }
        let hash = match self.passwords.hash_new(new, owner).await {
            Ok(Ok(hash)) => hash,
            Ok(Err(weak)) => {
                let problem = Problem::new("new", weak_password(&weak));
                return again(StatusCode::UNPROCESSABLE_ENTITY, &problem);
            }
            Err(Busy { retry_after }) => {
                return form_again(request, Refusal::TooBusy { retry_after }, |status, detail| {
                    again(status, &Problem::new("", detail))
                });
            }
        };
        let directory = self.sign_in.directory();
        let set = directory.set_password_by_link(link_token.key(), purpose, hash, change).await;
        let account = match set {
            Ok(Ok(account)) => account,
            Ok(Err(refused)) => {
                self.record(request, audit_kind(purpose), refused.as_str(), Some(name.as_str()), None);
                return Ok(request.void_link(purpose));
            }
            Err(DirectoryError::Store(UserStoreError::Invalid(_))) => {
                let problem = Problem::new("full_name", Text::of("profile-not-a-line"));
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
            self.notify(request, &account, &Notice::PasswordChanged).await;
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
    account: &Account,
    (full_name, fields, unfit): (&str, &OwnFields<'_>, &[WrongInput]),
    problem: Option<&Problem>,
) -> Result<PageResponse, Refusal> {
    let (token, cookie) = csrf::form_token(request)?;
    let is_invited = purpose == LinkPurpose::Invitation;
    let text = match problem {
        Some(problem) => Some(request.say(&problem.text)),
        None => (!unfit.is_empty()).then(|| all_problems(request, unfit)),
    };
    let page = Page::NewPassword(NewPassword {
        host: request.host,
        csrf: &token.form_token(),
        is_invited,
        username: account.user.name.as_str(),
        full_name,
        fields: if is_invited { fields.shown_editable(unfit) } else { Vec::new() },
        problem: text.as_deref(),
        about: problem.map_or("", |problem| problem.about),
    });
    Ok(request.render_form(status, &page, cookie))
}
