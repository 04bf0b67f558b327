//! The page for people who have forgotten their password.
//!
//! A name or an address is typed, and the response is the same whatever is behind it: it is sent before anything is looked
//! up. A link goes to the stored address of the account, never to the one that was typed.

use http::{Method, StatusCode};

use super::{
    PageRequest, PageResponse, Portal,
    csrf::{self, Genuine},
    form::Form,
    problem::{FORM_EXPIRED, form_again},
};
use crate::{
    language::Text,
    pages::{Page, Reset, paths},
    refusal::Refusal,
    telemetry::AuditKind,
    throttle::Network,
};

impl Portal {
    /// The form; without mail, a page that says whom to ask.
    pub(super) fn show_reset(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        if *request.method == Method::POST {
            return self.reset_form(request, StatusCode::FORBIDDEN, Some(&FORM_EXPIRED));
        }
        self.reset_form(request, StatusCode::OK, None)
    }

    /// Sends a link, if there is an account that can get one.
    pub(super) fn ask_for_reset(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let Some(outbox) = self.outbox(request).cloned() else { return self.show_reset(request) };
        let token = csrf::presented_form_token(request);
        let mut form = match Genuine::check(request, token.as_ref(), form) {
            Ok(genuine) => genuine.into_form(),
            Err(_) => return self.reset_form(request, StatusCode::FORBIDDEN, Some(&FORM_EXPIRED)),
        };
        let typed = form.take("account").trim().to_owned();
        if typed.is_empty() || typed.len() > MAX_TYPED {
            let problem = Text::of("reset-missing");
            return self.reset_form(request, StatusCode::UNPROCESSABLE_ENTITY, Some(&problem));
        }
        let now = self.clock.now();
        let network = Network::of(request.client_addr.or_proxy());
        if let Err(retry_after) = self.request_limit.admit(network, now) {
            return form_again(request, Refusal::TooManyAttempts { retry_after }, |status, detail| {
                self.reset_form(request, status, Some(&detail))
            });
        }
        let letters = request.letters();
        let sent = self.sign_in.directory().request_reset(typed, move |mails| {
            for mail in &mails {
                if let Some(message) = letters.for_request(mail, now) {
                    outbox.queue(message);
                }
            }
        });
        sent.map_err(|error| request.directory_failed("asking for a link", &error))?;
        self.record(request, AuditKind::PasswordReset, "requested", None, None);
        let texts = (&Text::of("mail-sent-title"), &Text::of("reset-sent"));
        Ok(request.notice(StatusCode::OK, texts, (paths::LOGIN, &Text::of("back-to-sign-in"))))
    }

    fn reset_form(
        &self,
        request: &PageRequest<'_>,
        status: StatusCode,
        problem: Option<&Text>,
    ) -> Result<PageResponse, Refusal> {
        let (token, cookie) = csrf::form_token(request)?;
        let problem = problem.map(|problem| request.say(problem));
        let page = Page::Reset(Reset {
            host: request.host,
            csrf: &token.form_token(),
            sends_mail: self.outbox(request).is_some(),
            problem: problem.as_deref(),
        });
        Ok(request.render_form(status, &page, cookie))
    }
}

/// No name and no address is that long.
const MAX_TYPED: usize = 256;
