//! Notices: what a person must know of their own account, whoever has done it.
//!
//! A page that changes how somebody signs in calls [`Portal::notify`] after the change. The notice goes to the audit
//! stream, and by mail to the account's address where mail is configured. It never fails the request, and never waits.

use super::{PageRequest, Portal};
use crate::{
    telemetry::{AuditEvent, AuditKind},
    users::Account,
};

/// An event that the owner of an account must know of. Names are as people typed them; they are escaped where they are
/// shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The account has another password.
    PasswordChanged,
    /// The account has one more second factor or passkey.
    FactorAdded {
        /// Its name.
        name: String,
    },
    /// The account has one second factor or passkey less.
    FactorRemoved {
        /// Its name.
        name: String,
    },
    /// A recovery code was used to sign in.
    RecoveryCodeUsed {
        /// How many are left.
        left: u32,
    },
    /// New recovery codes were made; the old ones are void.
    RecoveryCodesMade,
    /// The user signed in on a device on which they had not signed in before.
    NewDevice {
        /// Browser and system, described.
        device: String,
    },
    /// The account has another address.
    EmailChanged {
        /// The new address.
        new: String,
    },
    /// A token for programs was made.
    TokenMade {
        /// Its name.
        name: String,
    },
    /// A token for programs was removed.
    TokenRemoved {
        /// Its name.
        name: String,
    },
}

impl Notice {
    /// The word for it in the audit stream.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::PasswordChanged => "password-changed",
            Self::FactorAdded { .. } => "factor-added",
            Self::FactorRemoved { .. } => "factor-removed",
            Self::RecoveryCodeUsed { .. } => "recovery-code-used",
            Self::RecoveryCodesMade => "recovery-codes-made",
            Self::NewDevice { .. } => "new-device",
            Self::EmailChanged { .. } => "email-changed",
            Self::TokenMade { .. } => "token-made",
            Self::TokenRemoved { .. } => "token-removed",
        }
    }
}

impl Portal {
    /// Tells the owner of the account. Called after the change, which holds whether or not the notice arrives.
    pub(crate) fn notify(&self, request: &PageRequest<'_>, account: &Account, notice: Notice) {
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
    }
}
