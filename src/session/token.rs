//! The secret that a browser carries, and the hash of it that stores hold.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use aws_lc_rs::{digest, hmac, rand};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// 256 random bits that open a session; prints as `…`.
///
/// ASVS 5.0 7.2.3 asks for 128 bits from a cryptographic generator.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionToken([u8; TOKEN_BYTES]);

/// SHA-256 of a [`SessionToken`], safe to store and to log: Mallory, who reads a store full of keys, can present none of
/// the tokens behind them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionKey([u8; 32]);

/// A part is as good as the whole, which is a hash itself. Mallory still cannot choose its place in a table, which
/// depends on the table's own secret, too.
impl Hash for SessionKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (part, _) = self.0.split_first_chunk().expect("32 bytes are more than 8");
        state.write_u64(u64::from_ne_bytes(*part));
    }
}

impl Serialize for SessionKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for SessionKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| D::Error::custom("a session key has 64 hexadecimal digits"))
    }
}

/// The operating system had no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("asking the operating system for random bytes")]
pub struct NoRandomness;

impl SessionToken {
    /// A new token.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = [0; TOKEN_BYTES];
        rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(bytes))
    }

    /// Reads a token from a cookie's value: exactly 43 characters of base64url, one spelling each.
    pub fn from_cookie(value: &[u8]) -> Option<Self> {
        let mut bytes = [0; TOKEN_BYTES];
        if value.len() != COOKIE_CHARS {
            return None;
        }
        match BASE64URL_NOPAD.decode_mut(value, &mut bytes) {
            Ok(TOKEN_BYTES) => Some(Self(bytes)),
            _ => None,
        }
    }

    /// The form that goes into the cookie.
    pub fn to_cookie(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64URL_NOPAD.encode(&self.0))
    }

    /// The key under which the session is stored.
    pub fn key(&self) -> SessionKey {
        SessionKey::of(&self.0)
    }

    /// The value that a form of this browser must carry.
    ///
    /// The value is derived from the token (HMAC-SHA256): it is bound to the cookie, needs no storage, changes with the token, and
    /// reveals nothing about it.
    pub fn form_token(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        BASE64URL_NOPAD.encode(hmac::sign(&key, b"portcullis form token").as_ref())
    }

    /// A key for this purpose, derived from the token by HMAC-SHA256 (RFC 5869 §2.3 with one block); it reveals nothing about the
    /// token and about keys for other purposes.
    pub fn derive(&self, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut derived = Zeroizing::new([0; 32]);
        derived.copy_from_slice(hmac::sign(&key, purpose).as_ref());
        derived
    }

    /// Whether a form carried the right value; takes the same time for every wrong one.
    pub fn owns_form_token(&self, presented: &str) -> bool {
        self.form_token().as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl SessionKey {
    /// The hash of these bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let hash = digest::digest(&digest::SHA256, bytes);
        let mut key = [0; 32];
        key.copy_from_slice(hash.as_ref());
        Self(key)
    }

    /// From the 32 bytes in a store.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// All 64 hexadecimal digits.
    pub fn to_hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }

    /// From 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let fits = text.len() == 64 && HEXLOWER_PERMISSIVE.decode_mut(text.as_bytes(), &mut bytes).is_ok();
        fits.then_some(Self(bytes))
    }

    /// The 32 bytes to store.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The first 16 hexadecimal digits: enough to tell sessions apart in a log.
impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (head, _) = self.0.split_at(8);
        f.write_str(&HEXLOWER.encode(head))
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const TOKEN_BYTES: usize = 32;
/// The length of a token in a cookie.
const COOKIE_CHARS: usize = 43;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_cookie_and_nothing_else_is_a_token() {
        let token = SessionToken::generate().unwrap();
        let cookie = token.to_cookie();
        assert_eq!(cookie.len(), 43);
        assert_eq!(SessionToken::from_cookie(cookie.as_bytes()).unwrap().key(), token.key());
        let mut flipped = cookie.as_bytes().to_vec();
        flipped[0] = if flipped[0] == b'A' { b'B' } else { b'A' };
        assert_ne!(SessionToken::from_cookie(&flipped).unwrap().key(), token.key());
        let (quoted, padded) = (format!("\"{}\"", cookie.as_str()), format!("{}=", cookie.as_str()));
        for wrong in ["", "x", &quoted, &padded, &"!".repeat(43), &"A".repeat(42)] {
            assert!(SessionToken::from_cookie(wrong.as_bytes()).is_none(), "{wrong:?}");
        }
        // The last character holds four bits: sixteen spellings must not all be the same token.
        let mut spellings = 0;
        for last in b'A'..=b'Z' {
            let mut spelt = cookie.as_bytes().to_vec();
            spelt[42] = last;
            spellings +=
                usize::from(SessionToken::from_cookie(&spelt).is_some_and(|t| t.key() == token.key()));
        }
        assert!(spellings <= 1);
    }

    #[test]
    fn neither_token_nor_its_secret_is_printed() {
        let token = SessionToken::generate().unwrap();
        let printed = format!("{token:?} {:?} {}", token.key(), token.key());
        assert!(!printed.contains(token.to_cookie().as_str()));
        assert!(token.owns_form_token(&token.form_token()));
        assert!(!token.owns_form_token(&SessionToken::generate().unwrap().form_token()));
        assert!(!token.owns_form_token(""));
        assert!(!token.form_token().contains(token.to_cookie().as_str()));
    }
}
