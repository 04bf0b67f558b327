//! A failed check, with its cause, which only the audit stream gets.

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
