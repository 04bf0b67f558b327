//! The secret of an API token, and its text.
//!
//! `ptc_12t34_` + 43 random digits of base 62 (256 bits) + 6 digits of checksum over all before: token 34 of user 12. The
//! numbers are no secrets; the owner's leads to the account without a search.

use std::fmt;

use aws_lc_rs::{digest, rand};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, de::Error as _};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::checksum::{self, DIGITS, checksum};
use crate::identity::UserId;

/// The number of a token; never given to a second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct TokenId(pub i64);

/// A new token with its secret; prints as `…`.
pub struct ApiToken(Zeroizing<String>);

/// A token that came with a request: well-formed, and not yet compared with anything.
#[derive(Clone, Debug)]
pub struct PresentedToken {
    /// The user that it names as its owner.
    pub owner: UserId,
    /// The number that it names as its own.
    pub id: TokenId,
    hash: TokenHash,
}

/// SHA-256 of the random part. It has 256 bits of entropy, so that no slow hash is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl ApiToken {
    /// The random part of a new token. `None`: the operating system has no randomness to give.
    pub(crate) fn random_part() -> Option<Zeroizing<String>> {
        let mut text = Zeroizing::new(String::with_capacity(RANDOM_DIGITS));
        let mut bytes = Zeroizing::new([0; 64]);
        while text.len() < RANDOM_DIGITS {
            rand::fill(bytes.as_mut()).ok()?;
            // Larger bytes would make the first digits likelier than the others.
            let fair = bytes.iter().filter(|byte| **byte < 4 * 62);
            for byte in fair.take(RANDOM_DIGITS - text.len()) {
                text.push(char::from(DIGITS.get(usize::from(*byte % 62)).copied().unwrap_or(b'0')));
            }
        }
        Some(text)
    }

    /// The token with these numbers and this random part.
    pub(crate) fn new(owner: UserId, id: TokenId, random: &str) -> Self {
        let mut text = Zeroizing::new(format!("{PREFIX}{owner}t{}_{random}", id.0));
        for digit in checksum(text.as_bytes()) {
            text.push(char::from(digit));
        }
        Self(text)
    }

    /// The text, for the one person who may see it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PresentedToken {
    /// Reads a token: its form and its checksum are right.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let (checked, sum) = text.split_at_checked(text.len().checked_sub(checksum::LENGTH)?)?;
        if checksum(checked) != *sum {
            return None;
        }
        let text = std::str::from_utf8(checked).ok()?;
        let (numbers, random) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let (owner, id) = numbers.split_once('t')?;
        let (owner, id) = (UserId(number(owner)?), TokenId(number(id)?));
        let is_random =
            random.len() == RANDOM_DIGITS && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_random.then(|| Self { owner, id, hash: TokenHash::of(random) })
    }

    /// True if a text is a token of a gateway or was meant as one: no application may see it.
    pub fn is_meant(text: &[u8]) -> bool {
        text.starts_with(PREFIX.as_bytes())
    }

    /// Whether the secret is the one with this hash; takes the same time for every wrong one.
    pub fn has(&self, hash: &TokenHash) -> bool {
        self.hash.0.ct_eq(&hash.0).into()
    }
}

impl TokenHash {
    /// The hash of the random part of a token.
    pub(in crate::users) fn of(random: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, random.as_bytes()).as_ref());
        Self(hash)
    }

    /// As 64 hexadecimal digits, for the database.
    pub(in crate::users) fn to_hex(self) -> String {
        HEXLOWER.encode(&self.0)
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut hash = [0; 32];
        match HEXLOWER.decode_mut(text.as_bytes(), &mut hash) {
            Ok(32) if text.len() == 64 => Ok(Self(hash)),
            _ => Err(D::Error::custom("the hash of a token has 64 hexadecimal digits")),
        }
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One spelling each: digits, not zero, no zero in front.
fn number(text: &str) -> Option<i64> {
    let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_canonical)
}

const PREFIX: &str = "ptc_";
/// 62 to the power of 43 is a little more than 2 to the power of 256.
const RANDOM_DIGITS: usize = 43;
/// The prefix, two numbers of 19 digits, two separators, the random part and the checksum.
const MAX_BYTES: usize = 4 + 19 + 1 + 19 + 1 + RANDOM_DIGITS + checksum::LENGTH;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token() -> ApiToken {
        ApiToken::new(UserId(12), TokenId(34), &ApiToken::random_part().unwrap())
    }

    #[test]
    fn a_token_is_recognised_by_its_form_and_its_checksum() {
        let token = token();
        let text = token.expose();
        assert!(text.starts_with("ptc_12t34_") && text.len() == 10 + 43 + 6, "{text}");
        let presented = PresentedToken::parse(text.as_bytes()).unwrap();
        assert_eq!((presented.owner, presented.id), (UserId(12), TokenId(34)));
        let random = text.get("ptc_12t34_".len()..text.len() - 6).unwrap();
        assert!(presented.has(&TokenHash::of(random)));
        assert!(!presented.has(&TokenHash::of(&ApiToken::random_part().unwrap())));
        assert!(PresentedToken::is_meant(text.as_bytes()));
        assert_eq!(format!("{token:?} {:?}", TokenHash::of(random)), "… …");
    }

    #[test]
    fn the_hash_of_a_token_is_compared_whole() {
        let presented = PresentedToken::parse(token().expose().as_bytes()).unwrap();
        assert!(presented.has(&presented.hash));
        for at in 0..32 {
            let mut other = presented.hash;
            other.0[at] ^= 1;
            assert!(!presented.has(&other), "byte {at}");
        }
    }

    #[test]
    fn every_changed_character_breaks_the_token() {
        let token = token();
        for at in 0..token.expose().len() {
            let mut text = token.expose().as_bytes().to_vec();
            text[at] = if text[at] == b'1' { b'2' } else { b'1' };
            assert!(PresentedToken::parse(&text).is_none(), "{at}");
        }
        for other in ["", "ptc_", " ptc_", token.expose().get(1..).unwrap(), &format!("{} ", token.expose())]
        {
            assert!(PresentedToken::parse(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn a_number_has_one_spelling() {
        let random = ApiToken::random_part().unwrap();
        for numbers in ["012t34", "12t034", "0t1", "-1t1", "+1t1", "1t", "t1", "1", "99999999999999999999t1"]
        {
            let mut text = format!("ptc_{numbers}_{}", *random);
            text.push_str(std::str::from_utf8(&checksum(text.as_bytes())).unwrap());
            assert!(PresentedToken::parse(text.as_bytes()).is_none(), "{numbers}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            prop_assert!(PresentedToken::parse(&bytes).is_none());
        }
    }
}
