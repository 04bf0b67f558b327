//! PBKDF2, as Django, passlib, Authelia and OpenLDAP write it.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, Algorithm, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512};
use data_encoding::{BASE64, BASE64_NOPAD};
use zeroize::Zeroizing;

use super::{UnusableHash, cost};

/// A PBKDF2 hash.
pub(in super::super) struct Pbkdf2 {
    algorithm: Algorithm,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    expected: Zeroizing<Vec<u8>>,
}

/// The hash function within PBKDF2.
#[derive(Clone, Copy)]
pub(super) enum Inner {
    Sha1,
    Sha256,
    Sha512,
}

impl Pbkdf2 {
    /// Django's format after the name of the algorithm: `iterations$salt$hash`.
    pub(super) fn of_django(inner: Inner, rest: &str) -> Result<Self, UnusableHash> {
        let mut parts = rest.split('$');
        let (Some(iterations), Some(salt), Some(hash), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(MALFORMED);
        };
        let hash = BASE64.decode(hash.as_bytes()).map_err(|_| MALFORMED)?;
        Self::new(inner, iterations, salt.as_bytes().to_vec(), hash)
    }

    /// The format of passlib after the name of the algorithm, with its own base64: `rounds$salt$hash`.
    pub(super) fn of_passlib(inner: Inner, rest: &str) -> Result<Self, UnusableHash> {
        let mut parts = rest.split('$');
        let (Some(rounds), Some(salt), Some(hash), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(MALFORMED);
        };
        Self::new(inner, rounds, adapted_base64(salt)?, adapted_base64(hash)?)
    }

    fn new(inner: Inner, iterations: &str, salt: Vec<u8>, expected: Vec<u8>) -> Result<Self, UnusableHash> {
        let iterations: NonZeroU32 = iterations.parse().map_err(|_| MALFORMED)?;
        let (algorithm, block, most) = match inner {
            Inner::Sha1 => (PBKDF2_HMAC_SHA1, 20, cost::MOST_PBKDF2),
            Inner::Sha256 => (PBKDF2_HMAC_SHA256, 32, cost::MOST_PBKDF2),
            Inner::Sha512 => (PBKDF2_HMAC_SHA512, 64, cost::MOST_PBKDF2_SHA512),
        };
        if !(MIN_OUTPUT..=MAX_OUTPUT).contains(&expected.len()) {
            return Err(MALFORMED);
        }
        let blocks = u64::try_from(expected.len().div_ceil(block)).unwrap_or(u64::MAX);
        cost::pbkdf2("PBKDF2", u64::from(iterations.get()).saturating_mul(blocks), most)?;
        Ok(Self { algorithm, iterations, salt, expected: Zeroizing::new(expected) })
    }

    pub(super) fn fits(&self, password: &[u8]) -> bool {
        pbkdf2::verify(self.algorithm, self.iterations, &self.salt, password, &self.expected).is_ok()
    }
}

/// OpenLDAP's `pw-pbkdf2`: `{PBKDF2-SHA256}iterations$salt$hash`. The name is in upper case.
pub(super) fn in_braces(scheme: &str, rest: &str) -> Result<Pbkdf2, UnusableHash> {
    let inner = match scheme {
        "PBKDF2" | "PBKDF2-SHA1" => Inner::Sha1,
        "PBKDF2-SHA256" => Inner::Sha256,
        "PBKDF2-SHA512" => Inner::Sha512,
        _ => return Err(UnusableHash::Unsupported("PBKDF2 with another hash function")),
    };
    Pbkdf2::of_passlib(inner, rest)
}

/// passlib's `ab64`: base64 without padding, and `.` in place of `+`.
fn adapted_base64(text: &str) -> Result<Vec<u8>, UnusableHash> {
    let standard = text.trim_end_matches('=').replace('.', "+");
    BASE64_NOPAD.decode(standard.as_bytes()).map_err(|_| MALFORMED)
}

const MALFORMED: UnusableHash = UnusableHash::Malformed("PBKDF2");
const MIN_OUTPUT: usize = 16;
const MAX_OUTPUT: usize = 64;
