//! The second factors of an account.
//!
//! A [`Factor`] is what everybody may know of one; the secrets of authenticator apps and the public keys of passkeys stay
//! in the store.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// The number of a factor, never given to a second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FactorId(pub i64);

/// The kind of a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FactorKind {
    /// An authenticator app.
    Totp,
    /// A passkey or a security key.
    Passkey,
}

/// A factor of an account, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factor {
    /// Its number.
    pub id: FactorId,
    /// Its kind.
    pub kind: FactorKind,
    /// The name that its owner gave it.
    pub name: String,
    /// When it was added.
    pub created: Timestamp,
    /// When it last proved its owner; may be a minute old.
    pub last_used: Option<Timestamp>,
    /// Whether it is a passkey that was on several devices, or in a backup, when it was last used.
    #[serde(default)]
    pub synced: bool,
}

/// The fate of the last factor of an account when its owner wants to remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastFactor {
    /// It may go.
    Optional,
    /// It stays: the account needs a second factor. Mallory, who knows Alice's password, would be asked to add one of her own
    /// at the next sign-in.
    Required,
}

/// The name of a factor, for its owner to tell it from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorName(String);

/// A text that is no name of a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has 1 to {} characters, and no line breaks or other control characters",
    FactorName::MAX_CHARS
)]
pub struct InvalidFactorName;

impl FactorKind {
    /// The word for it, in the database and in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Passkey => "passkey",
        }
    }
}

impl FactorName {
    /// Maximum length.
    pub const MAX_CHARS: usize = 64;

    /// Reads a typed name, without the blanks around it.
    pub fn parse(typed: &str) -> Result<Self, InvalidFactorName> {
        let name = typed.trim();
        let fits = !name.is_empty() && name.chars().nth(Self::MAX_CHARS).is_none();
        // A bidirectional override would let a name show itself as another one.
        let is_plain =
            |c: char| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if fits && name.chars().all(is_plain) { Ok(Self(name.to_owned())) } else { Err(InvalidFactorName) }
    }

    /// The name of a passkey of which nothing else is known.
    pub fn passkey() -> Self {
        Self("Passkey".to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FactorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for FactorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_factor_is_one_short_line() {
        for (typed, name) in
            [(" Phone ", "Phone"), ("Ärger's 📱", "Ärger's 📱"), (&"x".repeat(64), &*"x".repeat(64))]
        {
            assert_eq!(FactorName::parse(typed).unwrap().as_str(), name);
        }
        for typed in ["", "  ", "a\nb", "a\u{0}", "a\u{202e}b", &"x".repeat(65)] {
            assert_eq!(FactorName::parse(typed), Err(InvalidFactorName), "{typed:?}");
        }
    }
}
