//! The portal itself: the services and stores that the pages share.

use std::{net::IpAddr, sync::Arc};

use super::{PageRequest, request_limit::RequestLimit};
use crate::{
    auth::{Proved, SetupLink, SignIn},
    clock::Clock,
    identity::UserId,
    mail::Outbox,
    refusal::Refusal,
    session::{Presented, Session, Sessions},
    telemetry::{Audit, AuditEvent, AuditKind},
    throttle::Network,
    users::{Activity, Passwords},
};

/// The pages of the gateway, with the services and stores that they share; one for the process.
#[derive(Debug)]
pub struct Portal {
    pub(super) sign_in: Arc<SignIn>,
    pub(super) setup: SetupLink,
    pub(super) passwords: Arc<Passwords>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) audit: Audit,
    /// `None`: the portal cannot send mail at all; see [`Portal::outbox`].
    outbox: Option<Arc<Outbox>>,
    /// Requests that send mail, of each network of clients.
    pub(super) request_limit: RequestLimit<Network>,
    /// Notices by mail of one kind, to each account.
    pub(super) notice_limit: RequestLimit<(UserId, &'static str)>,
    pub(super) clock: Clock,
}

impl Portal {
    /// The portal over the services and stores that it needs. `passwords` hashes new passwords.
    pub fn new(
        sign_in: Arc<SignIn>,
        setup: SetupLink,
        passwords: Arc<Passwords>,
        sessions: Arc<Sessions>,
        audit: Audit,
        clock: Clock,
    ) -> Self {
        Self {
            sign_in,
            setup,
            passwords,
            sessions,
            audit,
            outbox: None,
            request_limit: RequestLimit::new(MAX_REQUESTS),
            notice_limit: RequestLimit::new(MAX_NOTICES),
            clock,
        }
    }

    /// The same portal, which sends mail.
    #[must_use]
    pub fn with_outbox(self, outbox: Arc<Outbox>) -> Self {
        Self { outbox: Some(outbox), ..self }
    }

    /// The outbox, if mail is sent under the configuration of this request.
    pub(super) fn outbox(&self, request: &PageRequest<'_>) -> Option<&Arc<Outbox>> {
        self.outbox.as_ref().filter(|_| request.settings.sends_mail)
    }

    /// Waits until the counts of failed attempts are on the disk; for the end of the process.
    pub fn flush(&self) {
        self.sign_in.flush();
    }

    /// Ends the session that came with the request, if it is alive. The end is durable when this returns.
    pub(super) async fn end_presented(&self, request: &PageRequest<'_>) -> Result<(), Refusal> {
        match request.presented {
            Presented::Alive(session) => {
                let ended = self.sessions.end(session).await;
                ended.map_err(|error| request.unavailable("ending a session", &error))
            }
            Presented::Absent | Presented::Invalid => Ok(()),
        }
    }

    /// Checks that the session store works.
    pub(super) async fn check_sessions(&self, request: &PageRequest<'_>) -> Result<(), Refusal> {
        self.sessions.check().await.map_err(|error| request.unavailable("checking the session store", &error))
    }

    /// Records a proof that has opened `session`.
    pub(super) fn record_proof(
        &self,
        request: &PageRequest<'_>,
        event: AuditKind,
        proved: &Proved,
        session: &Session,
    ) {
        if event == AuditKind::SignIn {
            self.note_activity(request, proved.account().user.id, Activity::SIGNED_IN);
        }
        self.audit.record(&AuditEvent {
            event,
            reason: "ok",
            user: Some(proved.account().user.name.as_str()),
            actor: None,
            backend: Some(&proved.source().backend),
            subject: proved.subject(),
            client: request.client_addr.known(),
            request_id: Some(request.request_id),
            session: Some(session.key.to_string()),
        });
    }

    /// Records a sign-out that an app has carried out.
    pub fn record_app_sign_out(
        &self,
        request_id: &str,
        client: Option<IpAddr>,
        user: Option<&str>,
        session: &Session,
    ) {
        self.audit.record(&AuditEvent {
            event: AuditKind::SignOut,
            reason: "ok",
            user,
            actor: None,
            backend: None,
            subject: None,
            client,
            request_id: Some(request_id),
            session: Some(session.key.to_string()),
        });
    }

    /// Writes a record to the audit stream.
    pub(super) fn record(
        &self,
        request: &PageRequest<'_>,
        event: AuditKind,
        reason: &str,
        user: Option<&str>,
        session: Option<String>,
    ) {
        self.audit.record(&AuditEvent {
            event,
            reason,
            user,
            actor: None,
            backend: None,
            subject: None,
            client: request.client_addr.known(),
            request_id: Some(request.request_id),
            session,
        });
    }
}

const MAX_REQUESTS: u32 = 10;
/// After as many the account's owner knows.
const MAX_NOTICES: u32 = 5;
