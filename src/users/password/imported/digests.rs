//! One round of a digest, with a salt or without: LDAP's `{SSHA}` and its relatives, and Django's oldest formats.

use aws_lc_rs::digest::{self, Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER_PERMISSIVE};
use md5::{Digest as _, Md5};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::UnusableHash;

/// A digest of a password and its salt.
pub(in super::super) struct Digest {
    function: Function,
    salt: Vec<u8>,
    /// Where the salt stands.
    order: Order,
    expected: Zeroizing<Vec<u8>>,
    is_weak: bool,
}

/// A hash function.
#[derive(Clone, Copy)]
pub(super) enum Function {
    Md5,
    Sha(&'static Algorithm),
}

#[derive(Clone, Copy)]
enum Order {
    SaltFirst,
    SaltLast,
}

impl Function {
    fn output_len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha(algorithm) => algorithm.output_len(),
        }
    }

    fn of(self, parts: [&[u8]; 2]) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Md5 => {
                let mut context = Md5::new();
                for part in parts {
                    context.update(part);
                }
                Zeroizing::new(context.finalize().to_vec())
            }
            Self::Sha(algorithm) => {
                let mut context = digest::Context::new(algorithm);
                for part in parts {
                    context.update(part);
                }
                Zeroizing::new(context.finish().as_ref().to_vec())
            }
        }
    }
}

impl Digest {
    /// Django's `md5$salt$hex` and `sha1$salt$hex`, without the name; the salt may be empty.
    pub(super) fn of_django(function: DjangoDigest, rest: &str) -> Result<Self, UnusableHash> {
        let (salt, hex) = rest.split_once('$').ok_or(MALFORMED)?;
        let function = match function {
            DjangoDigest::Md5 => Function::Md5,
            DjangoDigest::Sha1 => Function::Sha(&SHA1_FOR_LEGACY_USE_ONLY),
        };
        let expected = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).map_err(|_| MALFORMED)?;
        if expected.len() != function.output_len() {
            return Err(MALFORMED);
        }
        Ok(Self {
            function,
            salt: salt.as_bytes().to_vec(),
            order: Order::SaltFirst,
            expected: Zeroizing::new(expected),
            is_weak: true,
        })
    }

    /// Whether the password is found quickly by whoever has the digest: without a salt for all users at once.
    pub(super) fn is_weak(&self) -> bool {
        self.is_weak
    }

    pub(super) fn fits(&self, password: &[u8]) -> bool {
        let found = match self.order {
            Order::SaltFirst => self.function.of([&self.salt, password]),
            Order::SaltLast => self.function.of([password, &self.salt]),
        };
        found.ct_eq(&self.expected).into()
    }
}

/// The digests of Django's oldest formats.
#[derive(Clone, Copy)]
pub(super) enum DjangoDigest {
    Md5,
    Sha1,
}

/// A scheme of RFC 2307 with its name in upper case; `None` if it is no digest.
pub(super) fn in_braces(scheme: &str, rest: &str) -> Option<Result<Digest, UnusableHash>> {
    let (function, is_salted) = match scheme {
        "SSHA" => (Function::Sha(&SHA1_FOR_LEGACY_USE_ONLY), true),
        "SHA" => (Function::Sha(&SHA1_FOR_LEGACY_USE_ONLY), false),
        "SSHA256" => (Function::Sha(&SHA256), true),
        "SHA256" => (Function::Sha(&SHA256), false),
        "SSHA384" => (Function::Sha(&SHA384), true),
        "SHA384" => (Function::Sha(&SHA384), false),
        "SSHA512" => (Function::Sha(&SHA512), true),
        "SHA512" => (Function::Sha(&SHA512), false),
        "SMD5" => (Function::Md5, true),
        "MD5" => (Function::Md5, false),
        _ => return None,
    };
    Some(decoded(function, is_salted, rest))
}

fn decoded(function: Function, is_salted: bool, rest: &str) -> Result<Digest, UnusableHash> {
    let decoded = BASE64.decode(rest.as_bytes());
    let mut expected = match decoded {
        Ok(bytes) => bytes,
        Err(_) => BASE64_NOPAD.decode(rest.as_bytes()).map_err(|_| MALFORMED)?,
    };
    let length = function.output_len();
    let fits = if is_salted { expected.len() > length } else { expected.len() == length };
    if !fits {
        return Err(MALFORMED);
    }
    let salt = expected.split_off(length);
    let is_weak = !is_salted || matches!(function, Function::Md5);
    Ok(Digest { function, salt, order: Order::SaltLast, expected: Zeroizing::new(expected), is_weak })
}

const MALFORMED: UnusableHash = UnusableHash::Malformed("digest");
