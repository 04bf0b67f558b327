//! Notices: what a person must know of their own account, whoever has done it.
//!
//! A page that changes how somebody signs in calls [`Portal::notify`] after the change. The notice goes to the audit
//! stream, and by mail to the account's address where mail is configured. It never fails the request, which waits until the
//! mail is in the queue on the disk: a crash after the response loses no notice of a change that the response confirms.
//!
//! An account gets five mails of one kind in an hour: Mallory, who signs in to her own account a thousand times, must not
//! fill the queue in which Alice's mail waits. A kind has a limit of its own, so that no other event hides behind it.

use std::sync::Arc;

use http::header::USER_AGENT;

use super::{Cause, Letters, Notice, PageRequest, Portal, device};
use crate::{
    telemetry::{AuditEvent, AuditKind},
    users::Account,
};

impl Portal {
    /// Tells the owner of the account. Called after the change, which holds whether or not the notice arrives.
    pub(crate) async fn notify(&self, request: &PageRequest<'_>, account: &Account, notice: &Notice) {
        self.note_activity(request, account.user.id, notice.as_str());
        self.audit.record(&AuditEvent {
            event: AuditKind::Notice,
            reason: notice.as_str(),
            user: Some(account.user.name.as_str()),
            actor: None,
            backend: None,
            subject: None,
            client: request.client_addr.known(),
            request_id: Some(request.request_id),
            session: None,
        });
        if account.user.email.is_empty() {
            return;
        }
        if let Some(outbox) = self.outbox(request)
            && self.notice_limit.admit((account.user.id, notice.as_str()), self.clock.now()).is_ok()
            && let Some(message) = request.letters().notice(account, notice, &self.cause(request))
        {
            outbox.queued(message).await;
        }
    }

    /// The request as the cause of a notice.
    pub(super) fn cause(&self, request: &PageRequest<'_>) -> Cause {
        let user_agent = request.headers.get(USER_AGENT);
        let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let address = request.client_addr.known().map(|address| address.to_string()).unwrap_or_default();
        Cause {
            at: self.clock.now(),
            address,
            device: device::text_at_line_start(&user_agent.unwrap_or_default()),
        }
    }
}

impl PageRequest<'_> {
    /// The writer of mails, with the configured address of the gateway.
    pub(super) fn letters(&self) -> Letters {
        Letters {
            pages: self.settings.pages.clone(),
            language: self.language.clone(),
            origin: Arc::clone(&self.settings.origin),
        }
    }
}
