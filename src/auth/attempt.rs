//! An attempt at a password: counted by the throttle, recorded in the audit stream.
//!
//! [`SignIn`](super::SignIn) reserves an attempt before it checks a password. The attempt then belongs to
//! whatever checks the password, and counts from the moment the check starts: Mallory, who breaks each of her
//! sign-ins off, has no more checks than the budget. An attempt whose client has left leaves an `abandoned`
//! record in the audit stream.

use std::net::IpAddr;

use super::{Origin, claim::Subject};
use crate::{
    telemetry::{Audit, AuditEvent, AuditKind},
    throttle::{Attempt, Blocked},
    users::{Charged, Verdict},
};

/// An attempt at a password. Dropped after the check has started, it counts and is recorded as `abandoned`.
#[derive(Debug)]
pub(super) struct CountedAttempt {
    /// `None` once it is settled.
    attempt: Option<Attempt>,
    trail: AuditTrail,
}

/// The contents of an attempt's records; the attempt may outlive its request.
#[derive(Clone, Debug)]
struct AuditTrail {
    audit: Audit,
    failure: AuditKind,
    user: Option<String>,
    backend: Option<String>,
    subject: Option<String>,
    client: Option<IpAddr>,
    request_id: String,
}

impl CountedAttempt {
    /// An attempt that the throttle has reserved, at the credential of `subject`.
    pub(super) fn new(attempt: Attempt, audit: Audit, origin: &Origin<'_>, subject: &Subject<'_>) -> Self {
        let trail = AuditTrail {
            audit,
            failure: origin.entrance.failure(),
            user: subject.known_name().map(str::to_owned),
            backend: subject.backend().map(str::to_owned),
            subject: subject.subject().map(str::to_owned),
            client: origin.client_addr.known(),
            request_id: origin.request_id.to_owned(),
        };
        Self { attempt: Some(attempt), trail }
    }

    /// Counts a wrong password.
    pub(super) async fn failed(mut self) {
        if let Some(attempt) = self.attempt.take() {
            self.trail.record_blocks(&attempt.failed().await);
        }
    }

    /// Counts nothing: the check came to no verdict.
    pub(super) fn withdrawn(mut self) {
        if let Some(attempt) = self.attempt.take() {
            attempt.withdraw();
        }
    }

    /// Counts nothing for a right password; the failures before it are forgiven if `forgives` is true.
    pub(super) async fn right(self, forgives: bool) {
        if forgives { self.succeeded().await } else { self.withdrawn() }
    }

    /// Counts a right password: the failures before it are forgiven.
    pub(super) async fn succeeded(mut self) {
        if let Some(attempt) = self.attempt.take() {
            attempt.succeeded().await;
        }
    }
}

impl Charged for CountedAttempt {
    fn start(&mut self) {
        if let Some(attempt) = &mut self.attempt {
            attempt.start();
        }
    }

    fn end(&mut self, verdict: &Verdict) {
        if let (Some(attempt), Verdict::Right { .. }) = (&mut self.attempt, verdict) {
            attempt.fits();
        }
    }
}

impl Drop for CountedAttempt {
    fn drop(&mut self) {
        let Some(attempt) = self.attempt.take().filter(Attempt::has_started) else { return };
        self.trail.record(self.trail.failure, "abandoned");
        let trail = self.trail.clone();
        attempt.abandon(move |blocked| trail.record_blocks(&blocked));
    }
}

impl AuditTrail {
    fn record_blocks(&self, blocked: &[Blocked]) {
        for blocked in blocked {
            self.record(AuditKind::Blocked, blocked.kind());
        }
    }

    fn record(&self, event: AuditKind, reason: &str) {
        self.audit.record(&AuditEvent {
            event,
            reason,
            user: self.user.as_deref(),
            actor: None,
            backend: self.backend.as_deref(),
            subject: self.subject.as_deref(),
            client: self.client,
            request_id: Some(&self.request_id),
            session: None,
        });
    }
}
