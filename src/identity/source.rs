//! The sources of identities: configured backends, and the pair by which a backend knows a user.
//!
//! `auth` makes pairs of what a directory or a provider has proved; `users` keeps which account a pair belongs to. A pair
//! never contains an e-mail address or a name: Mallory can have Alice's address at another provider, and gets another
//! pair.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// The configured name of a backend: 1 to 32 lower-case letters, digits and `_` `-`. `local` is the gateway's own
/// directory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BackendName(Arc<str>);

/// A text that is no name of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a backend has 1 to {MAX_NAME} lower-case letters, digits and _ -")]
pub struct InvalidBackendName;

/// How a backend knows a user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IdentityPair {
    /// The configured name of the backend.
    pub backend: BackendName,
    /// The issuer of a provider, or the root of a directory: a name that is pointed at another server inherits no user.
    pub authority: Arc<str>,
    /// The user there: a number or an id that is never given to a second person. Compared byte for byte.
    pub subject: Arc<str>,
}

impl BackendName {
    /// Checks a name; it is kept as it is written.
    pub fn parse(text: &str) -> Result<Self, InvalidBackendName> {
        let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'_' | b'-');
        if (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidBackendName)
        }
    }

    /// The name of the gateway's own directory.
    pub const LOCAL: &'static str = "local";

    /// The gateway's own directory.
    pub fn local() -> Self {
        Self(Self::LOCAL.into())
    }

    /// Whether this is the gateway's own directory.
    pub fn is_local(&self) -> bool {
        &*self.0 == Self::LOCAL
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl IdentityPair {
    /// Whether the pair can be stored and shown: neither part is empty, far too long, or contains control characters.
    pub fn is_storable(&self) -> bool {
        let fits =
            |text: &str, most: usize| (1..=most).contains(&text.len()) && !text.contains(char::is_control);
        !self.backend.is_local() && fits(&self.authority, MAX_AUTHORITY) && fits(&self.subject, MAX_SUBJECT)
    }
}

impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// As operators write it: `entra 8a7f…`.
impl fmt::Display for IdentityPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.backend, self.subject)
    }
}

impl TryFrom<String> for BackendName {
    type Error = InvalidBackendName;

    fn try_from(text: String) -> Result<Self, InvalidBackendName> {
        Self::parse(&text)
    }
}

impl From<BackendName> for String {
    fn from(name: BackendName) -> String {
        name.0.as_ref().to_owned()
    }
}

const MAX_NAME: usize = 32;
const MAX_AUTHORITY: usize = 2048;
/// `sub` of OpenID Connect has at most 255 bytes; a tenant's id may stand in front of it.
const MAX_SUBJECT: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_name_has_lower_case_letters_digits_and_two_marks() {
        for good in ["local", "a", "company-2", "my_idp", &"x".repeat(32)] {
            assert_eq!(BackendName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "Local", "a b", "a.b", "ä", "a/b", "a\n", &"x".repeat(33)] {
            assert_eq!(BackendName::parse(bad), Err(InvalidBackendName), "{bad:?}");
        }
        assert!(BackendName::local().is_local() && !BackendName::parse("ldap").unwrap().is_local());
    }

    #[test]
    fn a_pair_with_an_empty_overlong_or_unprintable_part_is_not_storable() {
        let storable = |backend: &str, authority: &str, subject: &str| {
            let backend = BackendName::parse(backend).unwrap();
            IdentityPair { backend, authority: authority.into(), subject: subject.into() }.is_storable()
        };
        assert!(storable("idp", "https://idp.example.com/", "8a7f|ü"));
        assert!(!storable("local", "https://idp.example.com/", "1"), "local users have no pair");
        for bad in ["", "a\0", "a\nb", &"x".repeat(513)] {
            assert!(!storable("idp", "https://idp.example.com/", bad), "{bad:.10?}");
        }
        for bad in ["", "a\u{7f}", &"x".repeat(2049)] {
            assert!(!storable("idp", bad, "1"), "{bad:.10?}");
        }
    }
}
