//! A failed check, with its cause, which only the audit stream gets.

use super::NotProved;
use crate::users::Busy;

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
    /// A directory that had to be asked does not respond. Nothing was counted.
    Unavailable,
    /// The password is right, and the user does not come in; the page may say why.
    Kept {
        /// The cause, for the audit stream.
        reason: Reason,
        /// The result for the page.
        not_proved: NotProved,
        /// The attempt that the check is charged to.
        charge: C,
    },
}

/// The cause of a failed check, for the audit stream.
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
    /// A reason of a directory, or of the accounts that its users come to.
    Source(&'static str),
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
            Self::Source(reason) => reason,
        }
    }
}

impl<C> From<Busy> for Denied<C> {
    fn from(busy: Busy) -> Self {
        Self::Busy(busy)
    }
}
