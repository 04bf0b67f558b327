//! The outcome of a check of a password.

use super::{ResultCode, ServerText};

/// The directory's verdict on a name and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindOutcome {
    /// The password is right.
    Right,
    /// The user may not sign in: the password is wrong, or the account is locked, disabled or gone.
    Wrong {
        /// The result code.
        code: ResultCode,
        /// The text that came with it. Active Directory gives the reason as `data 52e`. Never for a stranger.
        diagnostic: ServerText,
    },
}
