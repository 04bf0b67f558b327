//! Trying a password: the throttle is asked before, and told after.
//!
//! Every page at which a password is checked goes through here. While somebody has to wait, nothing that depends
//! on the password or on whether there is such a user is done, so that the answer is the same for everybody, and
//! takes the same time: while an address waits, no name that it types is looked up.
//!
//! A [`PasswordAttempt`] belongs to whatever checks the password. If nobody waits for the verdict any more, it counts
//! all the same, and leaves a line in the audit stream.

use std::net::IpAddr;

use http::StatusCode;

use super::{Answer, Portal, Visit};
use crate::{
    auth::Claim,
    refusal::{Refusal, Representation},
    session::cookie,
    telemetry::{Audit, AuditEvent, AuditKind},
    throttle::{Attempt, Blocked, Guess, Wait, Whose},
    users::{Charged, DirectoryError, Verdict},
};

impl Portal {
    /// Whom a typed name means. While the address waits, nobody is looked up but the one user whose device cookie
    /// the browser brings.
    pub(super) async fn claim(
        &self,
        visit: &Visit<'_>,
        typed_name: &str,
    ) -> Result<Result<Claim, Refusal>, DirectoryError> {
        let Err(Wait(retry_after)) =
            self.throttle.admits(visit.client_addr.or_proxy(), &visit.settings.throttle).await
        else {
            return self.local.claim(typed_name).await.map(Ok);
        };
        let device = cookie::find(visit.headers, visit.settings.cookies.device());
        let claim = match device.and_then(|device| self.throttle.owner_of(device)) {
            Some(user) => self.local.claim_of(user, typed_name).await?,
            None => None,
        };
        Ok(claim.ok_or_else(|| {
            self.record(visit, AuditKind::SignInFailed, "throttled", None, None);
            Refusal::TooManyAttempts { retry_after }
        }))
    }

    /// Whether the password of whomever `claim` means may be looked at now.
    pub(super) async fn attempt_as(
        &self,
        visit: &Visit<'_>,
        claim: &Claim,
        typed_name: &str,
        entrance: AuditKind,
    ) -> Result<PasswordAttempt, Refusal> {
        let known = claim.account().map(|account| &account.user);
        let whose = match known {
            Some(user) => Whose::User(user.id),
            None => Whose::Nobody(claim.name().map_or(typed_name, |name| name.as_str())),
        };
        self.attempt(visit, whose, entrance, known.map(|user| user.name.as_str())).await
    }

    /// Whether this password may be looked at now; `user` is the account's name, if there is one, for the audit
    /// stream.
    pub(super) async fn attempt(
        &self,
        visit: &Visit<'_>,
        whose: Whose<'_>,
        entrance: AuditKind,
        user: Option<&str>,
    ) -> Result<PasswordAttempt, Refusal> {
        let device = cookie::find(visit.headers, visit.settings.cookies.device());
        let guess = Guess { whose, client_addr: visit.client_addr.or_proxy(), device };
        match self.throttle.attempt(guess, &visit.settings.throttle).await {
            Ok(attempt) => Ok(PasswordAttempt {
                attempt: Some(attempt),
                line: AuditLine {
                    audit: self.audit.clone(),
                    entrance,
                    user: user.map(str::to_owned),
                    client: visit.client_addr.known(),
                    request_id: visit.request_id.to_owned(),
                },
            }),
            Err(Wait(retry_after)) => {
                self.record(visit, entrance, "throttled", user, None);
                Err(Refusal::TooManyAttempts { retry_after })
            }
        }
    }
}

/// An attempt at a password, and what its line in the audit stream says.
///
/// Dropped after the check has begun, it counts, and is audited as `abandoned`.
#[derive(Debug)]
pub(super) struct PasswordAttempt {
    /// `None`: settled.
    attempt: Option<Attempt>,
    line: AuditLine,
}

#[derive(Clone, Debug)]
struct AuditLine {
    audit: Audit,
    entrance: AuditKind,
    user: Option<String>,
    client: Option<IpAddr>,
    request_id: String,
}

impl PasswordAttempt {
    /// Counts a wrong password.
    pub(super) async fn failed(mut self) {
        if let Some(attempt) = self.attempt.take() {
            self.line.blocked(&attempt.failed().await);
        }
    }

    /// Notes a right password: what was before is forgiven.
    pub(super) async fn succeeded(mut self) {
        if let Some(attempt) = self.attempt.take() {
            attempt.succeeded().await;
        }
    }
}

impl Charged for PasswordAttempt {
    fn begin(&mut self) {
        if let Some(attempt) = &mut self.attempt {
            attempt.begin();
        }
    }

    fn end(&mut self, verdict: &Verdict) {
        if let (Some(attempt), Verdict::Right { .. }) = (&mut self.attempt, verdict) {
            attempt.fits();
        }
    }
}

impl Drop for PasswordAttempt {
    fn drop(&mut self) {
        let Some(attempt) = self.attempt.take().filter(Attempt::has_begun) else { return };
        self.line.record(self.line.entrance, "abandoned");
        let line = self.line.clone();
        attempt.abandon(move |blocked| line.blocked(&blocked));
    }
}

impl AuditLine {
    fn blocked(&self, all: &[Blocked]) {
        for blocked in all {
            self.record(AuditKind::Blocked, blocked.kind());
        }
    }

    fn record(&self, event: AuditKind, reason: &str) {
        self.audit.record(&AuditEvent {
            event,
            reason,
            user: self.user.as_deref(),
            actor: None,
            client: self.client,
            request_id: Some(&self.request_id),
            session: None,
        });
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
