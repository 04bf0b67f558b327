//! The rules for new passwords.
//!
//! A new password is long enough, and not among those that an attacker tries first: OWASP ASVS 5.0 6.2.1, 6.2.4, 6.2.5,
//! 6.2.11 and 6.2.12. There are no rules about digits or symbols. zxcvbn estimates how guessable a text is; an operator
//! adds the rules of Django's validators, a list of passwords that have become known, and a greater length for users
//! without a second factor (NIST SP 800-63B-4 §3.1.1.2).
//!
//! [`PasswordRules::check`] names everything that is wrong at once. The rules are never applied at sign-in. They look at
//! the normal form of the password, which is what is hashed.

mod breached;
mod breached_sorter;
mod common;
mod guessing;
mod similarity;
mod weakness;

use std::sync::Arc;

pub use breached::{BreachedList, BreachedListError, BreachedListWriter, HashRecord};
pub use breached_sorter::BreachedListSorter;
pub use weakness::{GuessReason, OwnValue, WeakPassword, Weakness};

use super::Password;
use crate::identity::UserName;

/// The rules for new passwords.
#[derive(Clone, Debug)]
pub struct PasswordRules {
    /// The least number of characters.
    pub min_chars: usize,
    /// The least number of characters for a user without a second factor.
    pub min_chars_without_factor: usize,
    /// Whether the password may not be similar to the user's name, full name or address (Django's
    /// `UserAttributeSimilarityValidator`).
    pub similarity: bool,
    /// Whether the password may not be among 20,000 common ones (Django's `CommonPasswordValidator`).
    pub common: bool,
    /// Whether the password may not consist of digits alone (Django's `NumericPasswordValidator`).
    pub numeric: bool,
    /// The passwords that have become known.
    pub breached: Option<Breached>,
}

/// The list of passwords that have become known.
#[derive(Clone, Debug)]
pub struct Breached {
    /// The list.
    pub list: Arc<BreachedList>,
    /// Whether a password is refused while the list cannot be read.
    pub required: bool,
}

/// The owner of a new password, as far as the rules are concerned.
#[derive(Clone, Debug)]
pub struct PasswordOwner {
    /// The user name.
    pub name: UserName,
    /// The full name; empty if there is none.
    pub full_name: String,
    /// The address; empty if there is none.
    pub email: String,
    /// Whether the user signs in with a second factor.
    pub has_factor: bool,
}

impl PasswordOwner {
    /// An owner without a second factor.
    pub fn new(name: UserName, full_name: impl Into<String>, email: impl Into<String>) -> Self {
        Self { name, full_name: full_name.into(), email: email.into(), has_factor: false }
    }
}

impl Default for PasswordRules {
    /// Eight characters, and not easy to guess.
    fn default() -> Self {
        Self {
            min_chars: MIN_CHARS,
            min_chars_without_factor: MIN_CHARS,
            similarity: false,
            common: false,
            numeric: false,
            breached: None,
        }
    }
}

impl PasswordRules {
    /// The least number of characters of a new password of this owner.
    pub fn min_chars_for(&self, has_factor: bool) -> usize {
        if has_factor { self.min_chars } else { self.min_chars.max(self.min_chars_without_factor) }
    }

    /// Checks a new password of this owner, against all rules.
    ///
    /// Takes up to some milliseconds of a core, and reads the list of known passwords.
    pub fn check(&self, password: &Password, owner: &PasswordOwner) -> Result<(), WeakPassword> {
        password.usable().map_err(|unusable| WeakPassword::new(vec![Weakness::Unusable(unusable)]))?;
        let password = password.normal_form();
        let text = password.exposed();
        if text.chars().nth(Password::MAX_NEW_CHARS).is_some() {
            return Err(WeakPassword::new(vec![Weakness::TooLong { most: Password::MAX_NEW_CHARS }]));
        }
        let mut found = Vec::new();
        found.extend(self.too_short(text.chars().count(), owner.has_factor));
        let is_short = !found.is_empty();
        if self.numeric && text.chars().all(char::is_numeric) {
            found.push(Weakness::Numeric);
        }
        if self.similarity {
            found.extend(similarity::similar_value(text, owner).map(Weakness::Similar));
        }
        if self.common && common::contains(text) {
            found.push(Weakness::Common);
        }
        found.extend(self.breached(&password));
        let is_similar = found.iter().any(|weakness| matches!(weakness, Weakness::Similar(_)));
        let is_known = found.iter().any(|weakness| matches!(weakness, Weakness::Common | Weakness::Breached));
        match guessing::guessable(text, owner, is_short) {
            Some(Weakness::OwnWords) if is_similar => {}
            Some(Weakness::Guessable(_)) if is_known => {}
            guessable => found.extend(guessable),
        }
        if found.is_empty() { Ok(()) } else { Err(WeakPassword::new(found)) }
    }

    fn too_short(&self, chars: usize, has_factor: bool) -> Option<Weakness> {
        if chars < self.min_chars {
            return Some(Weakness::TooShort { least: self.min_chars });
        }
        let least = self.min_chars_for(has_factor);
        (chars < least).then_some(Weakness::TooShortAlone { least })
    }

    fn breached(&self, password: &Password) -> Option<Weakness> {
        let Breached { list, required } = self.breached.as_ref()?;
        match list.contains(password) {
            Ok(is_known) => is_known.then_some(Weakness::Breached),
            Err(error) => {
                tracing::error!(%error, path = %list.path().display(), "list of breached passwords cannot be read");
                required.then_some(Weakness::Unchecked)
            }
        }
    }
}

/// The least number of characters of a new password, unless the operator asks for more.
pub const MIN_CHARS: usize = 8;

#[cfg(test)]
mod tests;
