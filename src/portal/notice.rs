//! The events that the owner of an account must know of.

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
    /// A passkey was used whose count of signatures did not go up: it may have been copied.
    PasskeyMayBeCopied {
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
            Self::PasskeyMayBeCopied { .. } => "passkey-may-be-copied",
            Self::RecoveryCodeUsed { .. } => "recovery-code-used",
            Self::RecoveryCodesMade => "recovery-codes-made",
            Self::NewDevice { .. } => "new-device",
            Self::EmailChanged { .. } => "email-changed",
            Self::TokenMade { .. } => "token-made",
            Self::TokenRemoved { .. } => "token-removed",
        }
    }
}
