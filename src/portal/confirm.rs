//! Confirming the password, where a rule asks for a recent sign-in.
//!
//! What it gives is a session under a new token whose password was checked just now, and nothing more:
//! its time limits go on as they were. Failures are those of a sign-in, at the same cost, and count as such.

use std::time::Duration;

use http::StatusCode;

use super::{
    Answer, Entered, Entry, FORM_EXPIRED, Portal, ReturnTo, SignedIn, Visit, csrf::Genuine, directory_failed,
    form::Form, guess, notice::Notice, readable_name,
};
use crate::{
    auth::Denied,
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
            Ok(signed_in) => {
                let notice = Notice::waiting(visit);
                let text = notice.map(Notice::text);
                let mut response = confirm_form(visit, &signed_in, StatusCode::OK, &next, (None, text));
                if notice.is_some() {
                    Notice::clear(visit, response.headers_mut());
                }
                response
            }
            Err(_) => pages::redirect(&next.login_location()),
        }
    }

    /// Checks the password of whoever is signed in, and goes on.
    pub(super) async fn confirm(&self, visit: &Visit<'_>, form: Form) -> Result<Answer, Refusal> {
        let next = ReturnTo::parse(form.text("next"));
        let Ok(signed_in) = visit.signed_in() else {
            return Ok(pages::redirect(&next.login_location()));
        };
        let again =
            |status, problem: &str| confirm_form(visit, &signed_in, status, &next, (Some(problem), None));
        let mut form = match Genuine::check(visit, Some(&signed_in.token), form) {
            Ok(genuine) => genuine.into_form(),
            // The form was open in another tab while the password was confirmed. Whether that is recent enough for
            // where it leads, the rules say there.
            Err(_) if self.clock.now().since(signed_in.session.confirmed) < JUST_CONFIRMED => {
                return Ok(pages::redirect(next.as_str()));
            }
            Err(_) => return Ok(again(StatusCode::FORBIDDEN, FORM_EXPIRED)),
        };
        let user = &signed_in.account.user;
        let name = user.name.as_str();
        let password = Password::new(form.take("password"));
        let audit = |reason, session| self.record(visit, AuditKind::Confirm, reason, Some(name), session);
        let attempt = match self.attempt(visit, Whose::User(user.id), AuditKind::Confirm, Some(name)).await {
            Ok(attempt) => attempt,
            Err(refusal) => {
                return guess::refused(visit, refusal, |status, detail| Ok(again(status, detail)));
            }
        };
        let claim = match self.local.claim(name).await {
            // The name may have become another person's while this page was open.
            Ok(claim) if claim.account().is_none_or(|account| account.user.id == user.id) => claim,
            Ok(_) => return Err(Refusal::SignIn),
            Err(error) => {
                audit("unavailable", None);
                return Err(directory_failed(visit, "looking up who confirms a password", &error));
            }
        };
        let (account, attempt) =
            match self.local.authenticate(claim, password, self.clock.now(), attempt).await {
                Ok(proved) => proved,
                Err(Denied::WrongCredentials { reason, charge: attempt, .. }) => {
                    audit(reason.as_str(), None);
                    attempt.failed().await;
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
    (problem, notice): (Option<&str>, Option<&str>),
) -> Answer {
    let user = &signed_in.account.user;
    let page = Page::Confirm(Confirm {
        host: visit.host,
        csrf: &signed_in.token.form_token(),
        next: next.as_str(),
        username: user.name.as_str(),
        name: readable_name(user),
        problem,
        notice,
    });
    visit.settings.pages.render(status, &page)
}

const WRONG: &str = "Wrong password.";
/// As long as somebody takes to go through the tabs that ask for it.
const JUST_CONFIRMED: Duration = Duration::from_mins(5);
