//! The address of an account: asking for another one, confirming it, and undoing the change.
//!
//! The new address counts once its link is opened by the user, who is signed in: Mallory, who sends Alice a link for
//! Mallory's account, does not get Alice's address. The former address is told, and its link undoes the change for a week,
//! whatever else was changed since.

use http::StatusCode;

use super::{
    Notice, PageRequest, PageResponse, Portal, SignedIn,
    csrf::{self, Genuine},
    flash::FlashMessage,
    form::Form,
    problem::{FORM_EXPIRED, Problem},
};
use crate::{
    identity::EmailKey,
    language::Text,
    pages::{self, ConfirmEmail, Email, Page, paths},
    refusal::Refusal,
    telemetry::AuditKind,
    users::{Account, ChangedEmail, LinkPurpose, LinkRefused},
};

impl Portal {
    /// The form. Without mail there is no such page.
    pub(super) fn show_email(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        self.outbox(request).ok_or(Refusal::NotFound)?;
        if let Err(confirmation) = signed_in.recently_proved(request, self.clock.now()) {
            return Ok(*confirmation);
        }
        Ok(email_form(request, &signed_in, (StatusCode::OK, ""), None))
    }

    /// Sends a link to the new address.
    pub(super) async fn ask_for_email(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        let outbox = self.outbox(request).ok_or(Refusal::NotFound)?;
        let now = self.clock.now();
        if let Err(confirmation) = signed_in.recently_proved(request, now) {
            return Ok(*confirmation);
        }
        let account = signed_in.account;
        let typed = form.text("email").trim().to_owned();
        if Genuine::check(request, Some(&signed_in.token), form).is_err() {
            let problem = Problem::new("", FORM_EXPIRED);
            return Ok(email_form(request, &signed_in, (StatusCode::FORBIDDEN, &typed), Some(&problem)));
        }
        let wrong = |about, text| {
            let problem = Problem::new(about, text);
            Ok(email_form(request, &signed_in, (StatusCode::UNPROCESSABLE_ENTITY, &typed), Some(&problem)))
        };
        if source_of_email(request, account).is_some() {
            return Err(Refusal::NotFound);
        }
        let Some(key) = EmailKey::of(&typed) else {
            return wrong("email", Text::of("register-address-wrong"));
        };
        if account.email_verified && EmailKey::of(&account.user.email).as_ref() == Some(&key) {
            return wrong("email", Text::of("email-same"));
        }
        let asked =
            self.sign_in.directory().request_email_change(account.user.id, account.credential, typed.clone());
        let asked = asked.await.map_err(|error| request.directory_failed("asking for a link", &error))?;
        let Some(token) = asked else { return wrong("", Text::of("email-too-often")) };
        if let Some(message) = request.letters().email_change((account, &typed), &token, now) {
            outbox.queued(message).await;
        }
        self.record(request, AuditKind::EmailChange, "requested", Some(account.user.name.as_str()), None);
        let texts = (&Text::of("mail-sent-title"), &Text::of("email-sent").with("address", typed.as_str()));
        Ok(request.notice(StatusCode::OK, texts, (paths::ACCOUNT, &Text::of("back-to-account"))))
    }

    /// The button that makes the address that of the account, for a browser that has opened the link.
    pub(super) async fn show_confirm_email(
        &self,
        request: &PageRequest<'_>,
    ) -> Result<PageResponse, Refusal> {
        if let Some(arrival) = request.arrival_by_link() {
            return Ok(arrival);
        }
        let account = request.account.ok_or(Refusal::SignIn)?;
        let link = self.valid_link(request, LinkPurpose::EmailChange).await?;
        let is_own = |of: &Account| of.user.id == account.user.id;
        match link {
            Some((_, link)) if link.account.as_ref().is_some_and(is_own) => {
                confirm_page(request, (StatusCode::OK, false), (&link.other, account), None)
            }
            Some(_) => Ok(request.notice(
                StatusCode::FORBIDDEN,
                (&Text::of("link-void-title"), &Text::of("confirm-email-other")),
                (paths::LOGOUT, &Text::of("sign-out")),
            )),
            None => Ok(request.void_link(LinkPurpose::EmailChange)),
        }
    }

    /// Makes the address that of the account, and tells the former one.
    pub(super) async fn confirm_email(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let account = request.account.ok_or(Refusal::SignIn)?;
        let purpose = LinkPurpose::EmailChange;
        let Some((link_token, link)) = self.valid_link(request, purpose).await? else {
            return Ok(request.void_link(purpose));
        };
        let token = csrf::presented_form_token(request);
        if Genuine::check(request, token.as_ref(), form).is_err() {
            let page = (StatusCode::FORBIDDEN, false);
            return confirm_page(request, page, (&link.other, account), Some(&FORM_EXPIRED));
        }
        let user = (account.user.id, account.credential);
        let changed = self.sign_in.directory().change_email_by_link(link_token.key(), user).await;
        let changed = changed.map_err(|error| request.directory_failed("changing an address", &error))?;
        let name = Some(account.user.name.as_str());
        let ChangedEmail { account: changed, former, undo } = match changed {
            Ok(changed) => changed,
            Err(refused) => {
                self.record(request, AuditKind::EmailChange, refused.as_str(), name, None);
                return Ok(email_refused(request, refused, purpose));
            }
        };
        self.record(request, AuditKind::EmailChange, "ok", name, None);
        self.record(request, AuditKind::Notice, EMAIL_CHANGED, name, None);
        if let (Some(outbox), false) = (self.outbox(request), former.is_empty()) {
            let cause = self.cause(request);
            let message = request.letters().email_changed((&changed, &former), undo.as_ref(), &cause);
            if let Some(message) = message {
                outbox.queued(message).await;
            }
        }
        let mut response = pages::redirect(paths::ACCOUNT);
        request.forget_link(response.headers_mut());
        FlashMessage::EmailChanged.leave(&request.settings.cookies, response.headers_mut());
        Ok(response)
    }

    /// The button that undoes a change, for a browser that has opened the link.
    pub(super) async fn show_undo_email(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        if let Some(arrival) = request.arrival_by_link() {
            return Ok(arrival);
        }
        match self.valid_link(request, LinkPurpose::EmailUndo).await? {
            Some((_, link)) => match &link.account {
                Some(account) => confirm_page(request, (StatusCode::OK, true), (&link.other, account), None),
                None => Ok(request.void_link(LinkPurpose::EmailUndo)),
            },
            None => Ok(request.void_link(LinkPurpose::EmailUndo)),
        }
    }

    /// Brings the former address back, ends all sessions, and leads to the page that sets a new password.
    pub(super) async fn undo_email(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let purpose = LinkPurpose::EmailUndo;
        let found = self.valid_link(request, purpose).await?;
        let Some((link_token, link)) = found else { return Ok(request.void_link(purpose)) };
        let Some(account) = &link.account else { return Ok(request.void_link(purpose)) };
        let token = csrf::presented_form_token(request);
        if Genuine::check(request, token.as_ref(), form).is_err() {
            let page = (StatusCode::FORBIDDEN, true);
            return confirm_page(request, page, (&link.other, account), Some(&FORM_EXPIRED));
        }
        let undone = self.sign_in.directory().undo_email_by_link(link_token.key()).await;
        let undone =
            undone.map_err(|error| request.directory_failed("undoing a change of address", &error))?;
        let name = Some(account.user.name.as_str());
        let (account, reset) = match undone {
            Ok(undone) => undone,
            Err(refused) => {
                self.record(request, AuditKind::EmailChange, refused.as_str(), name, None);
                return Ok(email_refused(request, refused, purpose));
            }
        };
        self.record(request, AuditKind::EmailChange, "undone", name, None);
        // The sessions are dead already, by their credential version; this takes them out of the store.
        if let Err(error) = self.sessions.end_all_of(account.user.id, None).await {
            tracing::warn!(%error, request_id = request.request_id, "sessions not ended after an undone change");
        }
        self.notify(request, &account, &Notice::EmailChanged { new: account.user.email.clone() }).await;
        let mut response = match &reset {
            Some(_) => pages::redirect(paths::NEW_PASSWORD),
            None => pages::redirect(paths::LOGIN),
        };
        if let Some(token) = &reset {
            request.keep_link(token, response.headers_mut());
        } else {
            request.forget_link(response.headers_mut());
            FlashMessage::EmailUndone.leave(&request.settings.cookies, response.headers_mut());
        }
        Ok(response)
    }
}

fn email_refused(request: &PageRequest<'_>, refused: LinkRefused, purpose: LinkPurpose) -> PageResponse {
    if refused != LinkRefused::AddressTaken {
        return request.void_link(purpose);
    }
    let texts = (&Text::of("link-void-title"), &Text::of("link-address-taken"));
    let href = if request.account.is_some() { paths::ACCOUNT } else { paths::LOGIN };
    request.notice(StatusCode::CONFLICT, texts, (href, &Text::of("continue")))
}

/// The backend that the user's address comes from, which brings it again with each sign-in.
pub(super) fn source_of_email<'a>(request: &'a PageRequest<'_>, account: &'a Account) -> Option<&'a str> {
    let home = account.identities.iter().find(|identity| identity.home && identity.ended.is_none())?;
    let name = home.pair.backend.as_str();
    let provider = request.settings.backends.provider(name);
    Some(provider.map_or(name, |provider| &provider.settings().title))
}

fn email_form(
    request: &PageRequest<'_>,
    signed_in: &SignedIn<'_>,
    (status, typed): (StatusCode, &str),
    problem: Option<&Problem>,
) -> PageResponse {
    let account = signed_in.account;
    let text = problem.map(|problem| request.say(&problem.text));
    let page = Page::Email(Email {
        host: request.host,
        csrf: &signed_in.token.form_token(),
        current: &account.user.email,
        verified: account.email_verified,
        provider: source_of_email(request, account),
        typed: if typed.len() > MAX_SHOWN { "" } else { typed },
        problem: text.as_deref(),
        about: problem.map_or("", |problem| problem.about),
    });
    request.render(status, &page)
}

fn confirm_page(
    request: &PageRequest<'_>,
    (status, is_undo): (StatusCode, bool),
    (email, account): (&str, &Account),
    problem: Option<&Text>,
) -> Result<PageResponse, Refusal> {
    let (token, cookie) = csrf::form_token(request)?;
    let text = problem.map(|problem| request.say(problem));
    let page = Page::ConfirmEmail(ConfirmEmail {
        host: request.host,
        csrf: &token.form_token(),
        is_undo,
        email,
        username: account.user.name.as_str(),
        problem: text.as_deref(),
    });
    Ok(request.render_form(status, &page, cookie))
}

/// The word for the notice that goes to the former address.
const EMAIL_CHANGED: &str = "email-changed";
const MAX_SHOWN: usize = 256;
