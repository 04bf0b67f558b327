//! One-time entries: values that are kept for a short time under a secret, and handed out once.
//!
//! The portal host hands a sign-in over to an app host by one, a sign-in through a provider remembers its attempt in
//! one. They lie in the session store, so that the code that one gateway has given out is taken on another. Of all who
//! present a code at the same time, exactly one gets the value.

use std::fmt;

use super::{NoRandomness, SessionKey, SessionToken};
use crate::clock::Timestamp;

/// 256 random bits that are redeemed once; prints as `…`.
#[derive(Clone, Debug)]
pub struct OneTimeCode(SessionToken);

/// SHA-256 of a [`OneTimeCode`], under which the entry is stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OneTimeKey(SessionKey);

/// The use of an entry. A code for one use is none for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OneTimePurpose {
    /// The sign-in at the portal host is handed over to an app host.
    HandOver,
    /// The attempt of a sign-in through a provider.
    ProviderAttempt,
    /// A logout token of a provider that was used.
    LogoutToken,
    /// The ID token of a session, for the sign-out at its provider.
    SignOutHint,
    /// A form that came without a live session, encrypted.
    ParkedForm,
    /// A sign-in whose first step is done, and whose next one is not.
    PendingSignIn,
    /// A challenge of a passkey that was answered.
    AnsweredChallenge,
    /// The time at which a provider has ended a sign-in that may be pending.
    EndedAtProvider,
}

/// An entry to be stored.
#[derive(Clone, PartialEq, Eq)]
pub struct OneTimeEntry {
    pub(super) key: OneTimeKey,
    pub(super) purpose: OneTimePurpose,
    pub(super) value: Box<str>,
    pub(super) expires: Timestamp,
}

/// The value of an entry has more than [`OneTimePurpose::max_value_bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value of a one-time entry is too large")]
pub struct OneTimeTooLarge;

impl OneTimeCode {
    /// A new code.
    pub fn generate() -> Result<Self, NoRandomness> {
        SessionToken::generate().map(Self)
    }

    /// Reads a code from a query or a cookie: exactly 43 characters of base64url, one spelling each.
    pub fn parse(text: &[u8]) -> Option<Self> {
        SessionToken::from_cookie(text).map(Self)
    }

    /// The form that goes into a query or a cookie.
    pub fn to_text(&self) -> zeroize::Zeroizing<String> {
        self.0.to_cookie()
    }

    /// The key of its entry.
    pub fn key(&self) -> OneTimeKey {
        OneTimeKey(self.0.key())
    }
}

impl OneTimeKey {
    /// The key of an entry that is known by a text and not by a code: the entry itself has no secret to protect, or the
    /// text is one.
    pub fn of_text(text: &str) -> Self {
        Self(SessionKey::of(text.as_bytes()))
    }

    /// The 32 bytes to store.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// All 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        self.0.to_hex()
    }
}

impl fmt::Debug for OneTimeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl OneTimePurpose {
    /// As stores write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HandOver => "hand-over",
            Self::ProviderAttempt => "provider",
            Self::LogoutToken => "logout-token",
            Self::SignOutHint => "sign-out-hint",
            Self::ParkedForm => "parked-form",
            Self::PendingSignIn => "pending-sign-in",
            Self::AnsweredChallenge => "answered-passkey",
            Self::EndedAtProvider => "ended-at-provider",
        }
    }

    /// Maximum number of entries; past it, those that expire first are removed.
    ///
    /// Anybody may start an attempt at a provider: to take Alice's away, Mallory would have to start this many while Alice is
    /// at the provider. An answered challenge is noted for each try at a passkey that the throttle admits; with one that is
    /// forgotten too early, only the same browser could send the same answer again. The other entries follow a proof; a hint
    /// is kept for each session of a provider, and a pending sign-in for each first step of the last minutes.
    pub fn max_entries(self) -> usize {
        match self {
            Self::ProviderAttempt
            | Self::SignOutHint
            | Self::PendingSignIn
            | Self::AnsweredChallenge
            | Self::EndedAtProvider => 50_000,
            Self::HandOver | Self::LogoutToken => 4096,
            // 64 MiB at most. Only browsers in which somebody has signed in can make one, and few for each user.
            Self::ParkedForm => 1024,
        }
    }

    /// Maximum size of a value. With [`OneTimePurpose::max_entries`] it bounds the room that strangers can fill.
    pub fn max_value_bytes(self) -> usize {
        match self {
            Self::ParkedForm => 64 << 10,
            _ => OneTimeEntry::MAX_VALUE_BYTES,
        }
    }
}

impl OneTimeEntry {
    /// Maximum size of most values; see [`OneTimePurpose::max_value_bytes`].
    pub const MAX_VALUE_BYTES: usize = 4096;

    /// An entry that is handed out to the first who presents the code of `key` before `expires`.
    pub fn new(
        key: OneTimeKey,
        purpose: OneTimePurpose,
        value: impl Into<Box<str>>,
        expires: Timestamp,
    ) -> Result<Self, OneTimeTooLarge> {
        let value = value.into();
        if value.len() > purpose.max_value_bytes() {
            return Err(OneTimeTooLarge);
        }
        Ok(Self { key, purpose, value, expires })
    }
}

/// Without the value, which may hold secrets.
impl fmt::Debug for OneTimeEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, purpose, expires, value: _ } = self;
        f.debug_struct("OneTimeEntry")
            .field("key", key)
            .field("purpose", purpose)
            .field("expires", expires)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_one_time_entry_is_bounded_and_prints_no_secret() {
        let code = OneTimeCode::generate().unwrap();
        let at = Timestamp::from_millis(1);
        let entry = |value: &str| OneTimeEntry::new(code.key(), OneTimePurpose::HandOver, value, at);
        let longest = "x".repeat(OneTimeEntry::MAX_VALUE_BYTES);
        assert!(entry(&longest).is_ok());
        assert_eq!(entry(&format!("{longest}x")), Err(OneTimeTooLarge));
        let printed = format!("{:?} {code:?}", entry("secret value").unwrap());
        assert!(!printed.contains("secret value") && !printed.contains(code.to_text().as_str()), "{printed}");
        assert_eq!(OneTimeCode::parse(code.to_text().as_bytes()).unwrap().key(), code.key());
        assert!(OneTimeCode::parse(b"short").is_none());
    }
}
