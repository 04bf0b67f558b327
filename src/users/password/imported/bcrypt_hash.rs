//! bcrypt, by itself and over a digest of the password, as Django and passlib make it.

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
};
use data_encoding::{BASE64, HEXLOWER};
use zeroize::Zeroizing;

use super::{UnusableHash, cost};

/// A bcrypt hash, and the form of the password that it is made of.
pub(in super::super) struct Bcrypt {
    /// `$2b$12$…`, 60 characters.
    hash: Zeroizing<String>,
    input: Input,
}

/// The form of the password that goes into bcrypt, which ends it after 72 bytes.
enum Input {
    Password,
    /// Django's `bcrypt_sha256`: SHA-256 in hexadecimal digits.
    HexDigest,
    /// passlib's `bcrypt-sha256`, version 2: HMAC-SHA-256 under the salt's text, in base64.
    KeyedDigest,
}

impl Bcrypt {
    /// `$2a$`, `$2b$` or `$2y$`.
    pub(super) fn of_password(text: &str) -> Result<Self, UnusableHash> {
        Self::new(text.to_owned(), Input::Password)
    }

    /// Django's `bcrypt_sha256$` before a bcrypt hash.
    pub(super) fn of_hex_digest(text: &str) -> Result<Self, UnusableHash> {
        Self::new(text.to_owned(), Input::HexDigest)
    }

    /// passlib's `$bcrypt-sha256$v=2,t=2b,r=12$salt$digest`, without the name.
    pub(super) fn of_keyed_digest(rest: &str) -> Result<Self, UnusableHash> {
        let mut parts = rest.split('$');
        let (Some(parameters), Some(salt), Some(digest), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(MALFORMED);
        };
        let rounds = parameters.strip_prefix("v=2,t=2b,r=").ok_or(MALFORMED)?;
        let rounds: u8 = rounds.parse().map_err(|_| MALFORMED)?;
        Self::new(format!("$2b${rounds:02}${salt}{digest}"), Input::KeyedDigest)
    }

    fn new(hash: String, input: Input) -> Result<Self, UnusableHash> {
        let hash = Zeroizing::new(hash);
        // `$2x$` is of a broken implementation.
        if !["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix)) {
            return Err(MALFORMED);
        }
        let parts: bcrypt::HashParts = hash.parse().map_err(|_| MALFORMED)?;
        if !(4..=31).contains(&parts.get_cost()) {
            return Err(MALFORMED);
        }
        cost::bcrypt(u64::from(parts.get_cost()))?;
        Ok(Self { hash, input })
    }

    pub(super) fn fits(&self, password: &[u8]) -> bool {
        let input = match self.input {
            Input::Password => Zeroizing::new(password.to_vec()),
            Input::HexDigest => {
                Zeroizing::new(HEXLOWER.encode(digest(&SHA256, password).as_ref()).into_bytes())
            }
            Input::KeyedDigest => {
                let salt = self.hash.get(7..29).unwrap_or_default();
                let key = hmac::Key::new(hmac::HMAC_SHA256, salt.as_bytes());
                Zeroizing::new(BASE64.encode(hmac::sign(&key, password).as_ref()).into_bytes())
            }
        };
        bcrypt::verify(&*input, &self.hash).unwrap_or(false)
    }
}

const MALFORMED: UnusableHash = UnusableHash::Malformed("bcrypt");
