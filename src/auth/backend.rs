//! The backends that check a name and a password.
//!
//! [`SignIn`](super::SignIn) asks the backends in the configured order. Each keeps the same promise: whatever is
//! wrong, the same work is done, so that neither the result nor its time tells a stranger whether a user exists.

use std::sync::Arc;

use super::{Local, claim::Subject};
use crate::users::{Account, Busy, Charged, Password};

/// A source of credentials.
#[derive(Clone, Debug)]
pub enum Backend {
    /// The gateway's own directory.
    Local(Local),
}

/// A backend did not confirm the password.
#[derive(Debug)]
pub(super) enum Denied<C> {
    /// Name and password are not those of a user who may sign in.
    Wrong {
        /// The cause, for the audit stream only.
        reason: Reason,
        /// The attempt that the check is charged to.
        charge: C,
    },
    /// Too many passwords are being checked.
    Busy(Busy),
}

/// Why a check failed, for the audit stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// No user has this name.
    UnknownUser,
    /// The password is another one.
    WrongPassword,
    /// The account is disabled; the password was not compared.
    Disabled,
    /// The account has no password.
    NoPassword,
    /// The typed text is not a user name.
    InvalidName,
    /// The password is empty, too long, or contains a NUL.
    UnusablePassword,
}

impl Backend {
    /// Checks the password of `subject`. The account is the one that the password was compared with.
    pub(super) async fn check<C: Charged>(
        &self,
        subject: &Subject<'_>,
        password: Password,
        charge: C,
    ) -> Result<(Arc<Account>, C), Denied<C>> {
        match self {
            Self::Local(local) => local.check(subject, password, charge).await,
        }
    }
}

impl Reason {
    /// The code in the audit stream.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown-user",
            Self::WrongPassword => "wrong-password",
            Self::Disabled => "disabled",
            Self::NoPassword => "no-password",
            Self::InvalidName => "invalid-name",
            Self::UnusablePassword => "unusable-password",
        }
    }
}

impl<C> From<Busy> for Denied<C> {
    fn from(busy: Busy) -> Self {
        Self::Busy(busy)
    }
}
