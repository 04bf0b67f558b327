//! `$1$` of `crypt(3)` and `$apr1$` of `htpasswd`: a thousand rounds of MD5 in an order of their own.

use md5::{Digest as _, Md5};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{UnusableHash, crypt_base64::spelled};

/// An MD5-crypt hash.
pub(in super::super) struct Md5Crypt {
    magic: &'static str,
    salt: String,
    expected: Zeroizing<String>,
}

impl Md5Crypt {
    /// Reads `salt$hash`, the rest after `magic`.
    pub(super) fn read(magic: &'static str, rest: &str) -> Result<Self, UnusableHash> {
        let (salt, expected) = rest.split_once('$').ok_or(MALFORMED)?;
        let is_crypt = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
        if salt.len() > 8 || expected.len() != 22 || !expected.bytes().all(is_crypt) {
            return Err(MALFORMED);
        }
        Ok(Self { magic, salt: salt.to_owned(), expected: Zeroizing::new(expected.to_owned()) })
    }

    pub(super) fn fits(&self, password: &[u8]) -> bool {
        if password.len() > MAX_PASSWORD {
            return false;
        }
        let found = Zeroizing::new(spelled_digest(&self.digest(password)));
        found.as_bytes().ct_eq(self.expected.as_bytes()).into()
    }

    /// The algorithm of Poul-Henning Kamp's `crypt`.
    fn digest(&self, password: &[u8]) -> [u8; 16] {
        let salt = self.salt.as_bytes();
        let inner: [u8; 16] = md5(&[password, salt, password]);
        let mut start = Md5::new();
        start.update(password);
        start.update(self.magic.as_bytes());
        start.update(salt);
        for (index, _) in password.iter().enumerate().step_by(16) {
            let left = (password.len() - index).min(16);
            start.update(inner.get(..left).unwrap_or_default());
        }
        let mut length = password.len();
        while length > 0 {
            let one: &[u8] = if length & 1 == 1 { &[0] } else { password.get(..1).unwrap_or_default() };
            start.update(one);
            length >>= 1;
        }
        let mut digest: [u8; 16] = start.finalize().into();
        for round in 0..1000 {
            let (odd, salted, again) = (round & 1 == 1, round % 3 != 0, round % 7 != 0);
            let none: &[u8] = &[];
            digest = md5(&[
                if odd { password } else { &digest },
                if salted { salt } else { none },
                if again { password } else { none },
                if odd { &digest } else { password },
            ]);
        }
        digest
    }
}

fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut context = Md5::new();
    for part in parts {
        context.update(part);
    }
    context.finalize().into()
}

/// The digest in the alphabet and the order of `crypt(3)`.
fn spelled_digest(digest: &[u8; 16]) -> String {
    let [d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, d10, d11, d12, d13, d14, d15] = digest.map(u32::from);
    let groups = [(d0, d6, d12), (d1, d7, d13), (d2, d8, d14), (d3, d9, d15), (d4, d10, d5)];
    let mut text: String = groups.into_iter().map(|(a, b, c)| spelled(a << 16 | b << 8 | c, 4)).collect();
    text.push_str(&spelled(d11, 2));
    text
}

/// `crypt(3)` takes no longer ones.
const MAX_PASSWORD: usize = 512;
const MALFORMED: UnusableHash = UnusableHash::Malformed("MD5-crypt");
