//! Passwords as users type them, and their hashes.
//!
//! [`Password`] is the typed text; [`PasswordHash`] is stored in the directory; [`Passwords`] turns one into the other, or
//! compares the two, away from the threads that serve requests. A typed text is never stored or logged. Whether a *new*
//! password is good enough is decided by [`PasswordRules`].

mod argon;
mod argon2_hash;
mod hash;
mod imported;
mod rules;
mod settings;
mod threads;

use std::fmt;

use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroizing;

pub use hash::{ForeignHash, InvalidPasswordHash, PasswordHash};
pub use imported::UnusableHash;
pub use rules::{
    Breached, BreachedList, BreachedListError, BreachedListSorter, BreachedListWriter, GuessReason,
    HashRecord, MIN_CHARS, OwnValue, PasswordOwner, PasswordRules, WeakPassword, Weakness,
};
pub use settings::{HashSettings, InvalidHashSettings};
#[cfg(test)]
pub(crate) use threads::ByHand;
pub use threads::{Busy, Charged, Passwords, Verdict};

/// A password exactly as it was typed: nothing trimmed, folded or cut off (OWASP ASVS 5.0 6.2.8).
///
/// One text can be typed as different code points: `ü` is one character on one keyboard, and `u` with a combining mark on
/// another. So hashes are made of the normal form NFC (NIST SP 800-63B-4 §3.1.1.2), and a typed password is compared in
/// that form first. A hash that was made of another form, before there was a normal one or by another program, is compared
/// with the text as it was typed, too.
///
/// Wiped from memory when dropped, and never shown by `Debug`.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a text can be no password, whatever the policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusablePassword {
    /// No character at all.
    #[error("the password is empty")]
    Empty,
    /// More than [`Password::MAX_CHARS`]: no user types that, and Mallory could make the gateway hash a megabyte.
    #[error("the password has more than {} characters", Password::MAX_CHARS)]
    TooLong,
    /// A NUL, which other programs take for the end: `secret` and `secret\0x` must not both fit.
    #[error("the password contains a NUL character")]
    Nul,
}

impl Password {
    /// The longest password that is checked at a sign-in, in characters.
    pub const MAX_CHARS: usize = 1024;

    /// The longest new password, in characters of the normal form. Passwords that were set before there was this limit go on
    /// working.
    pub const MAX_NEW_CHARS: usize = 128;

    /// Takes a typed text, which is wiped with the password.
    pub fn new(typed: String) -> Self {
        Self(Zeroizing::new(typed))
    }

    /// Whether this can be a password at all.
    pub fn usable(&self) -> Result<(), UnusablePassword> {
        if self.0.is_empty() {
            return Err(UnusablePassword::Empty);
        }
        if self.0.chars().nth(Self::MAX_CHARS).is_some() {
            return Err(UnusablePassword::TooLong);
        }
        if self.0.contains('\0') {
            return Err(UnusablePassword::Nul);
        }
        Ok(())
    }

    /// The password in the normal form NFC.
    pub(crate) fn normal_form(&self) -> Self {
        if is_nfc(&self.0) {
            return self.clone();
        }
        // The full capacity at once: a text that grows leaves parts of a password in freed memory. NFC is at most three
        // times as long in UTF-8 (Unicode Standard Annex #15, §12).
        let mut text = String::with_capacity(self.0.len() * 3);
        text.extend(self.0.nfc());
        Self::new(text)
    }

    /// The forms that a hash is compared with: the normal one, then the typed one if it is another.
    pub(super) fn forms(&self) -> Vec<Self> {
        let normal = self.normal_form();
        if normal == *self { vec![normal] } else { vec![normal, self.clone()] }
    }

    /// The text itself, for hashing, for the policy, and for the bind of a directory.
    pub(crate) fn exposed(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(typed: String) -> Self {
        Self::new(typed)
    }
}

/// Shows nothing of the password, not even its length.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Two typings of a password agree; for prompts that ask twice. Not for checking a sign-in.
impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable(text: &str) -> Result<(), UnusablePassword> {
        Password::new(text.to_owned()).usable()
    }

    #[test]
    fn empty_overlong_and_nul_carrying_passwords_are_unusable() {
        assert_eq!(usable(""), Err(UnusablePassword::Empty));
        assert_eq!(usable("secret\0x"), Err(UnusablePassword::Nul));
        assert_eq!(usable(&"é".repeat(1024)), Ok(()));
        assert_eq!(usable(&"é".repeat(1025)), Err(UnusablePassword::TooLong));
        assert_eq!(usable(" "), Ok(()), "blanks count");
    }

    #[test]
    fn debug_shows_nothing_of_the_password() {
        assert_eq!(format!("{:?}", Password::new("hunter2".to_owned())), "Password(…)");
    }
}
