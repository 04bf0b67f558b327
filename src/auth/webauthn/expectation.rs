//! The expectation that a response has to meet, whichever ceremony it is of.

use super::{Challenge, RelyingParty};

/// The challenge that was given out, for which relying party, and whether the authenticator must verify the person.
#[derive(Clone, Copy, Debug)]
pub struct Expectation<'e> {
    /// The relying party.
    pub party: &'e RelyingParty,
    /// The challenge, as it was taken out of its one-time entry.
    pub challenge: &'e Challenge,
    /// Whether a PIN or a fingerprint was asked for.
    pub user_verification: UserVerification,
}

/// Whether the authenticator has to verify the person by a PIN or a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserVerification {
    /// A response without it is refused.
    Required,
    /// A response without it is taken.
    Preferred,
}

impl UserVerification {
    /// The value in the options for the browser.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Preferred => "preferred",
        }
    }
}
