//! Why a new password is refused.

use std::fmt;

use super::super::UnusablePassword;

/// All weaknesses of a new password, in words for the user who chose it. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct WeakPassword(Vec<Weakness>);

/// One thing that is wrong with a new password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// The text can be no password at all.
    #[error(transparent)]
    Unusable(UnusablePassword),
    /// Too many characters.
    #[error("the password has more than {most} characters")]
    TooLong {
        /// The greatest number of characters.
        most: usize,
    },
    /// Too few characters.
    #[error("the password is too short: it needs at least {least} characters{}", better(*.least))]
    TooShort {
        /// The least number of characters.
        least: usize,
    },
    /// Too few characters for a user without a second factor.
    #[error("the password is too short: without a second factor it needs at least {least} characters")]
    TooShortAlone {
        /// The least number of characters.
        least: usize,
    },
    /// Digits alone.
    #[error("the password consists of digits alone")]
    Numeric,
    /// Much like something that belongs to the user.
    #[error("the password is too similar to {0}")]
    Similar(OwnValue),
    /// Among 20,000 common ones.
    #[error("the password is too common")]
    Common,
    /// Among those that have become known.
    #[error("the password is known to attackers: it is on a list of passwords that were stolen elsewhere")]
    Breached,
    /// The list of those cannot be read at the moment.
    #[error(
        "the password cannot be compared with the list of stolen passwords at the moment; try again later"
    )]
    Unchecked,
    /// The password is made of the user's own names or address.
    #[error("the password is too easy to guess: it is made of your own name or address")]
    OwnWords,
    /// Among the first million or so that an attacker tries.
    #[error("the password is too easy to guess: {0}; several unrelated words make a good one")]
    Guessable(GuessReason),
}

/// A reason why a password is easy to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuessReason {
    /// The password follows the keys of the keyboard.
    Keys,
    /// The password repeats itself.
    Repeats,
    /// Many people use this password or one much like it.
    Popular,
    /// The password counts up or down.
    Counts,
    /// The password is little more than a date.
    Date,
    /// The password is little more than a name.
    Name,
    /// The password is little more than a word.
    Word,
    /// The password is too regular.
    Regular,
}

/// A value of the user that a password can be similar to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnValue {
    /// The user name.
    UserName,
    /// The full name.
    FullName,
    /// The e-mail address.
    Email,
}

impl WeakPassword {
    pub(super) fn new(weaknesses: Vec<Weakness>) -> Self {
        Self(weaknesses)
    }

    /// Each thing that is wrong.
    pub fn weaknesses(&self) -> &[Weakness] {
        &self.0
    }
}

/// One sentence, without a capital and a full stop.
impl fmt::Display for WeakPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, weakness) in self.0.iter().enumerate() {
            let text = weakness.to_string();
            match (index, text.strip_prefix("the password ")) {
                (0, _) => f.write_str(&text)?,
                (_, Some(rest)) => write!(f, "; it {rest}")?,
                (_, None) => write!(f, "; {text}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for GuessReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keys => "it follows the keys of the keyboard",
            Self::Repeats => "it repeats itself",
            Self::Popular => "many people use this one or one much like it",
            Self::Counts => "it counts up or down",
            Self::Date => "it is little more than a date",
            Self::Name => "it is little more than a name",
            Self::Word => "it is little more than a word",
            Self::Regular => "it is too regular",
        })
    }
}

impl fmt::Display for OwnValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UserName => "your user name",
            Self::FullName => "your name",
            Self::Email => "your e-mail address",
        })
    }
}

fn better(least: usize) -> &'static str {
    if least < 15 { ", better 15" } else { "" }
}
