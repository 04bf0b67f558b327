//! The origin of a credential: the entrance, the client, and the browser.

use super::{Backends, NotProved, claim::Subject};
use crate::{
    request::ClientAddr,
    telemetry::{AuditEvent, AuditKind},
    throttle,
    users::DirectoryError,
};

/// The request that brought a credential, as far as throttle and audit stream need it.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'r> {
    /// The page that asked for the credential.
    pub entrance: Entrance,
    /// The address of the client.
    pub client_addr: ClientAddr,
    /// The value of the device cookie, if there is one.
    pub device: Option<&'r [u8]>,
    /// The request, as in the access log.
    pub request_id: &'r str,
    /// The backends as of this request.
    pub backends: &'r Backends,
    /// `[throttle]` as of this request.
    pub limits: &'r throttle::ThrottleLimits,
}

/// A page that asks for a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// The sign-in page.
    SignIn,
    /// The page that asks for the password again.
    Confirmation,
    /// The page that sets a new password.
    PasswordChange,
    /// The page that makes the first user.
    Setup,
    /// No page: a program sends it with a request to an app.
    Program,
}

impl Entrance {
    /// The event of a failure in the audit stream.
    pub(super) fn failure(self) -> AuditKind {
        match self {
            Self::SignIn | Self::Program => AuditKind::SignInFailed,
            Self::Confirmation => AuditKind::Confirm,
            Self::PasswordChange => AuditKind::PasswordChange,
            Self::Setup => AuditKind::Setup,
        }
    }

    /// Whether a right password forgives the wrong ones before it. A program sends its password all day long: Mallory could
    /// guess as long if each time forgave her guesses.
    pub(super) fn forgives(self) -> bool {
        self != Self::Program
    }

    /// Whether a success counts as the user's last sign-in.
    pub(super) fn is_sign_in(self) -> bool {
        matches!(self, Self::SignIn | Self::Confirmation | Self::Setup | Self::Program)
    }
}

impl<'r> Origin<'r> {
    /// A failure of this request, for the audit stream.
    pub(super) fn failure<'a>(&self, reason: &'a str, user: Option<&'a str>) -> AuditEvent<'a>
    where
        'r: 'a,
    {
        AuditEvent {
            event: self.entrance.failure(),
            reason,
            user,
            actor: None,
            backend: None,
            subject: None,
            client: self.client_addr.known(),
            request_id: Some(self.request_id),
            session: None,
        }
    }

    /// A failure of this request at a credential of `subject`, for the audit stream.
    pub(super) fn failure_of<'a>(&self, reason: &'a str, subject: &'a Subject<'_>) -> AuditEvent<'a>
    where
        'r: 'a,
    {
        AuditEvent {
            backend: subject.backend(),
            subject: subject.subject(),
            ..self.failure(reason, subject.known_name())
        }
    }

    /// The directory did not do its work: logs the error, which may name files, and keeps it from the page.
    pub(super) fn directory_failed(&self, doing: &'static str, error: &DirectoryError) -> NotProved {
        NotProved::from_directory(self.request_id, doing, error)
    }
}
