//! Trying a password: the throttle is asked before, and told after.
//!
//! Every page at which a password is checked goes through here. While somebody has to wait, nothing that depends
//! on the password or on whether there is such a user is done, so that the answer is the same for everybody.

use http::StatusCode;

use super::{Answer, Portal, Visit};
use crate::{
    backends::Claim,
    refusal::{Refusal, Representation},
    session::cookie,
    telemetry::AuditKind,
    throttle::{Attempt, Guess, Wait, Whose},
};

impl Portal {
    /// Whether the password of whomever `claim` means may be looked at now.
    pub(super) async fn attempt_as<'p>(
        &'p self,
        visit: &Visit<'p>,
        claim: &Claim,
        typed_name: &str,
        entrance: AuditKind,
    ) -> Result<Attempt<'p>, Refusal> {
        let known = claim.account().map(|account| &account.user);
        let whose = match known {
            Some(user) => Whose::User(user.id),
            None => Whose::Nobody(claim.name().map_or(typed_name, |name| name.as_str())),
        };
        self.attempt(visit, whose, entrance, known.map(|user| user.name.as_str())).await
    }

    /// Whether this password may be looked at now; `user` is the account's name, if there is one, for the audit
    /// stream.
    pub(super) async fn attempt<'p>(
        &'p self,
        visit: &Visit<'p>,
        whose: Whose<'_>,
        entrance: AuditKind,
        user: Option<&str>,
    ) -> Result<Attempt<'p>, Refusal> {
        let device = cookie::find(visit.headers, visit.settings.cookies.device());
        let guess = Guess { whose, client_addr: visit.client_addr, device };
        self.throttle.attempt(guess, &visit.settings.throttle).await.map_err(|Wait(retry_after)| {
            self.record(visit, entrance, "throttled", user, None);
            Refusal::TooManyAttempts { retry_after }
        })
    }

    /// Counts a wrong password.
    pub(super) async fn count_failure(&self, visit: &Visit<'_>, attempt: Attempt<'_>, user: Option<&str>) {
        for blocked in attempt.failed().await {
            self.record(visit, AuditKind::Blocked, blocked.kind(), user, None);
        }
    }
}

/// The form again for a person, who can go on there later; a problem for a program.
pub(super) fn refused(
    visit: &Visit<'_>,
    refusal: Refusal,
    form: impl FnOnce(StatusCode, &str) -> Result<Answer, Refusal>,
) -> Result<Answer, Refusal> {
    if Representation::of(visit.method, visit.headers) == Representation::Problem {
        return Err(refusal);
    }
    let mut response = form(refusal.status(), &refusal.detail())?;
    refusal.add_headers(response.headers_mut());
    Ok(response)
}
