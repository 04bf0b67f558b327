//! Recovery codes: what a person has left after losing the phone.
//!
//! Ten codes of ten base32 characters, each used once. The store keeps an HMAC of each under a random key of the user,
//! and that key sealed: a copy of the database gives no code away, however many are tried.

use std::fmt;

use aws_lc_rs::{hmac, rand};
use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

/// The codes of a person, to be shown once.
#[derive(Clone)]
pub struct RecoveryCodes(Vec<RecoveryCode>);

/// One code: 50 random bits.
#[derive(Clone)]
pub struct RecoveryCode(Zeroizing<String>);

/// The key under which a person's codes are hashed.
pub(super) struct RecoveryKey(Zeroizing<[u8; Self::BYTES]>);

/// The operating system had no randomness to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("asking the operating system for random bytes")]
pub struct NoRecoveryCodes;

impl RecoveryCodes {
    /// Number of codes of a set.
    pub const COUNT: usize = 10;

    /// New codes.
    pub(super) fn generate() -> Result<Self, NoRecoveryCodes> {
        let codes: Result<Vec<RecoveryCode>, NoRecoveryCodes> =
            (0..Self::COUNT).map(|_| RecoveryCode::generate()).collect();
        codes.map(Self)
    }

    /// The codes.
    pub fn iter(&self) -> impl Iterator<Item = &RecoveryCode> {
        self.0.iter()
    }
}

impl RecoveryCode {
    fn generate() -> Result<Self, NoRecoveryCodes> {
        let mut bytes = Zeroizing::new([0; 7]);
        rand::fill(&mut *bytes).map_err(|_| NoRecoveryCodes)?;
        let text = Zeroizing::new(BASE32_NOPAD.encode(&*bytes));
        Ok(Self(Zeroizing::new(text.chars().take(CHARS).collect())))
    }

    /// Reads a typed code: letters of either case, with blanks and dashes anywhere, and digits that are mistaken for
    /// letters. `None`: this is no code.
    pub fn parse(typed: &str) -> Option<Self> {
        let mut code = Zeroizing::new(String::with_capacity(CHARS));
        for c in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            let c = match c.to_ascii_uppercase() {
                '0' => 'O',
                '1' => 'I',
                '8' => 'B',
                c @ ('A'..='Z' | '2'..='7') => c,
                _ => return None,
            };
            if code.len() == CHARS {
                return None;
            }
            code.push(c);
        }
        (code.len() == CHARS).then_some(Self(code))
    }

    /// The text to show: two groups of five characters.
    pub fn to_groups(&self) -> Zeroizing<String> {
        let (first, second) = self.0.split_at_checked(CHARS / 2).unwrap_or_default();
        Zeroizing::new(format!("{first}-{second}"))
    }
}

impl RecoveryKey {
    /// Size of a key.
    pub(super) const BYTES: usize = 32;

    pub(super) fn generate() -> Result<Self, NoRecoveryCodes> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        rand::fill(&mut *bytes).map_err(|_| NoRecoveryCodes)?;
        Ok(Self(bytes))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; Self::BYTES]);
        if bytes.len() != Self::BYTES {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    pub(super) fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The hash of a code, as the store keeps it.
    pub(super) fn hash(&self, code: &RecoveryCode) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.0);
        let tag = hmac::sign(&key, code.0.as_bytes());
        let mut hash = [0; 32];
        hash.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        hash
    }
}

impl fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCodes(…)")
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

const CHARS: usize = 10;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ten_different_codes_of_two_groups_are_made() {
        let codes = RecoveryCodes::generate().unwrap();
        let texts: BTreeSet<String> = codes.iter().map(|code| code.to_groups().to_string()).collect();
        assert_eq!(texts.len(), RecoveryCodes::COUNT);
        for text in &texts {
            assert_eq!((text.len(), text.find('-')), (11, Some(5)), "{text}");
            assert_eq!(RecoveryCode::parse(text).unwrap().to_groups().as_str(), text);
        }
        assert_eq!(format!("{codes:?}"), "RecoveryCodes(…)");
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for typed in ["ABCOI-B2345", "abcoi-b2345", " abc01 82345 ", "A-B-C-O-I-B-2-3-4-5"] {
            assert_eq!(RecoveryCode::parse(typed).unwrap().to_groups().as_str(), "ABCOI-B2345", "{typed}");
        }
        for typed in ["", "ABCDE-FGHI", "ABCDE-FGHIJK", "ABCDE-FGH9J", "ABCDE_FGHIJ", "ÄBCDE-FGHIJ", "287082"]
        {
            assert!(RecoveryCode::parse(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn the_hash_of_a_code_depends_on_the_key_of_the_user() {
        let code = RecoveryCode::parse("ABCDE-FGHIJ").unwrap();
        let [one, other] = [[1; 32], [2; 32]].map(|bytes| RecoveryKey::from_bytes(&bytes).unwrap());
        assert_ne!(one.hash(&code), other.hash(&code));
        assert_eq!(one.hash(&code), one.hash(&RecoveryCode::parse("abcdefghij").unwrap()));
    }
}
