//! Confirming the password, where a rule asks for a recent sign-in.
//!
//! What it gives is a session under a new token whose password was checked just now, and nothing more:
//! its time limits go on as they were. Failures are those of a sign-in, at the same cost, and count as such.

use http::StatusCode;

use super::{
    Answer, Entered, Entry, FORM_EXPIRED, Portal, ReturnTo, SignedIn, Visit, csrf::Genuine, directory_failed,
    form::Form, guess, readable_name,
};
use crate::{
    backends::Denied,
    pages::{self, Confirm, Page},
    refusal::Refusal,
    telemetry::AuditKind,
    throttle::Whose,
    users::Password,
};

impl Portal {
    /// The form. Whoever is not signed in any more signs in instead, which is more.
    pub(super) fn ask_to_confirm(visit: &Visit<'_>) -> Answer {
        let next = ReturnTo::parse(&visit.parameter("next"));
        match visit.signed_in() {
            Ok(signed_in) => confirm_form(visit, &signed_in, StatusCode::OK, &next, None),
            Err(_) => pages::redirect(&next.login_location()),
        }
    }

    /// Checks the password of whoever is signed in, and goes on.
    pub(super) async fn confirm(&self, visit: &Visit<'_>, form: Form) -> Result<Answer, Refusal> {
        let next = ReturnTo::parse(form.text("next"));
        let Ok(signed_in) = visit.signed_in() else {
            return Ok(pages::redirect(&next.login_location()));
        };
        let again = |status, problem: &str| confirm_form(visit, &signed_in, status, &next, Some(problem));
        let mut form = match Genuine::check(visit, Some(&signed_in.token), form) {
            Ok(genuine) => genuine.into_form(),
            Err(_) => return Ok(again(StatusCode::FORBIDDEN, FORM_EXPIRED)),
        };
        let user = &signed_in.account.user;
        let name = user.name.as_str();
        let password = Password::new(form.take("password"));
        let audit = |reason, session| self.record(visit, AuditKind::Confirm, reason, Some(name), session);
        let claim = match self.local.claim(name).await {
            // The name may have become another person's while this page was open.
            Ok(claim) if claim.account().is_none_or(|account| account.user.id == user.id) => claim,
            Ok(_) => return Err(Refusal::SignIn),
            Err(error) => {
                audit("unavailable", None);
                return Err(directory_failed(visit, "looking up who confirms a password", &error));
            }
        };
        let attempt = match self.attempt(visit, Whose::User(user.id), AuditKind::Confirm, Some(name)).await {
            Ok(attempt) => attempt,
            Err(refusal) => {
                return guess::refused(visit, refusal, |status, detail| Ok(again(status, detail)));
            }
        };
        let account = match self.local.authenticate(claim, password, self.clock.now()).await {
            Ok(account) => account,
            Err(Denied::WrongCredentials { reason, .. }) => {
                audit(reason.as_str(), None);
                self.count_failure(visit, attempt, Some(name)).await;
                let mut response = again(StatusCode::UNAUTHORIZED, WRONG);
                Refusal::Confirm.add_headers(response.headers_mut());
                return Ok(response);
            }
            Err(Denied::Busy(busy)) => {
                audit("busy", None);
                let refusal = Refusal::TooBusy { retry_after: busy.retry_after };
                let mut response = again(refusal.status(), &refusal.detail());
                refusal.add_headers(response.headers_mut());
                return Ok(response);
            }
            Err(Denied::Unavailable(error)) => {
                audit("unavailable", None);
                return Err(directory_failed(visit, "looking up who confirms a password", &error));
            }
        };
        attempt.succeeded().await;
        let Entered { response, session } =
            self.enter(visit, &account, Entry::Confirmed, next.as_str()).await?;
        audit("ok", Some(session.key.to_string()));
        Ok(response)
    }
}

fn confirm_form(
    visit: &Visit<'_>,
    signed_in: &SignedIn<'_>,
    status: StatusCode,
    next: &ReturnTo,
    problem: Option<&str>,
) -> Answer {
    let user = &signed_in.account.user;
    let page = Page::Confirm(Confirm {
        host: visit.host,
        csrf: &signed_in.token.form_token(),
        next: next.as_str(),
        username: user.name.as_str(),
        name: readable_name(user),
        problem,
    });
    visit.settings.pages.render(status, &page)
}

const WRONG: &str = "Wrong password.";
