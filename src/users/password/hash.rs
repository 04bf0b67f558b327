//! The hash of a password, as the directory stores it.

use std::fmt;

use zeroize::Zeroizing;

use super::{
    argon2_hash::Argon2Hash,
    imported::{self, ImportedHash, Readable, UnusableHash},
};

/// The hash of a password, as text: argon2id in the PHC string format, or an imported one in the format of the program
/// that made it.
///
/// A text in the database that is no hash fits no password. Shown only by [`PasswordHash::as_phc`], and wiped from
/// memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Zeroizing<String>);

/// The text is no hash against which a password can be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an argon2 password hash in PHC format ($argon2id$v=19$m=…,t=…,p=…$salt$hash)")]
pub struct InvalidPasswordHash;

/// A hash that another program made, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignHash {
    /// The hash, to be stored.
    pub hash: PasswordHash,
    /// Its format, for reports.
    pub scheme: &'static str,
    /// Whether somebody who has the hash finds the password quickly: it has no salt, or is a single round of MD5 or SHA-1
    /// of an old format.
    pub is_weak: bool,
}

impl PasswordHash {
    /// Checks that `phc` is an argon2 hash that can be verified here.
    pub fn parse(phc: &str) -> Result<Self, InvalidPasswordHash> {
        Argon2Hash::parse(phc).map(|_| Self(Zeroizing::new(phc.to_owned()))).ok_or(InvalidPasswordHash)
    }

    /// Reads a hash of another program: of Django, `crypt(3)`, `htpasswd`, LDAP servers, passlib or Authelia. One whose check
    /// would cost too much is refused, and nothing is computed.
    pub fn of_another_program(text: &str) -> Result<ForeignHash, UnusableHash> {
        Ok(match imported::read(text)? {
            Readable::Argon2(phc) => {
                ForeignHash { hash: Self::stored(phc), scheme: "argon2", is_weak: false }
            }
            Readable::Other(hash) => ForeignHash {
                hash: Self::stored(text.to_owned()),
                scheme: hash.scheme(),
                is_weak: hash.is_weak(),
            },
        })
    }

    /// The text, to be stored or printed by `portcullis hash`.
    pub fn as_phc(&self) -> &str {
        &self.0
    }

    /// A text that is known to be a hash, or that came from our own database.
    pub(in crate::users) fn stored(phc: String) -> Self {
        Self(Zeroizing::new(phc))
    }

    /// The computation that checks a password against this hash, if it can be done.
    pub(super) fn recipe(&self) -> Option<Recipe> {
        match Argon2Hash::parse(&self.0) {
            Some(hash) => Some(Recipe::Argon2(hash)),
            None => ImportedHash::parse(&self.0).map(Recipe::Imported),
        }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A parsed hash.
pub(super) enum Recipe {
    Argon2(Argon2Hash),
    Imported(ImportedHash),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_argon2_hash_is_refused() {
        for text in [
            "",
            "!",
            "secret",
            "$2y$10$abcdefghijklmnopqrstuv",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
            // Four bytes of output.
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAA",
            // 16 GiB for one check.
            "$argon2id$v=19$m=16777216,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            // Made with a key that we do not have.
            "$argon2id$v=19$m=64,t=1,p=1,keyid=Zm9v$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(PasswordHash::parse(text), Err(InvalidPasswordHash), "{text}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_hash() {
        assert_eq!(format!("{:?}", PasswordHash::stored("$argon2id$".to_owned())), "PasswordHash(…)");
    }
}
