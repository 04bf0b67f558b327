//! Names in one canonical form each, so that two spellings are never two people.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// A user's name in its one canonical form.
///
/// Compatibility forms are folded (NFKC), letters are lower case, white space
/// around it is gone: `Alice`, `alice ` and `ＡＬＩＣＥ` are one account. Made of
/// letters, digits and `.` `_` `-` `@` `+`, 1 to 64 characters. Commas, colons
/// and control characters never occur, so the name is safe in lists, headers
/// and logs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(Arc<str>);

/// The name of a group, exactly as configured: letters, digits and `.` `_` `-` `:` `/` `@` `+`, 1 to 64 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(Arc<str>);

/// The codename of a permission, such as `reports.view`; spelt like a group.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Permission(Arc<str>);

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// White space alone.
    #[error("a name needs at least one character")]
    Empty,
    /// More than 64 characters.
    #[error("a name has at most {MAX_CHARS} characters")]
    TooLong,
    /// A character that has no place in a name.
    #[error("{0:?} cannot stand in a name; letters, digits and {1} can")]
    Character(char, &'static str),
}

impl UserName {
    /// Maximum number of characters.
    pub const MAX_CHARS: usize = MAX_CHARS;

    /// Brings a typed name into its canonical form.
    pub fn parse(typed: &str) -> Result<Self, InvalidName> {
        let typed = typed.trim();
        // Longer input cannot become a valid name; do not normalise a megabyte of it.
        if typed.chars().nth(MAX_CHARS * 4).is_some() {
            return Err(InvalidName::TooLong);
        }
        // Folding can make characters that fold again (and NFKC can make white
        // space), so the steps run until nothing changes; two rounds do for all
        // of Unicode, the bound is for certainty.
        let mut name = fold(typed);
        for _ in 0..4 {
            let again = fold(&name);
            if again == name {
                break;
            }
            name = again;
        }
        check(&name, "._-@+", ". _ - @ +")?;
        Ok(Self(name.into()))
    }
}

fn fold(text: &str) -> String {
    text.trim().nfkc().flat_map(char::to_lowercase).nfkc().collect::<String>().trim().to_owned()
}

fn check(name: &str, marks: &'static str, shown: &'static str) -> Result<(), InvalidName> {
    if name.is_empty() {
        return Err(InvalidName::Empty);
    }
    if name.chars().count() > MAX_CHARS {
        return Err(InvalidName::TooLong);
    }
    match name.chars().find(|c| !(c.is_alphanumeric() || marks.contains(*c))) {
        Some(character) => Err(InvalidName::Character(character, shown)),
        None => Ok(()),
    }
}

const MAX_CHARS: usize = 64;
const GROUP_MARKS: &str = "._-:/@+";
const GROUP_MARKS_SHOWN: &str = ". _ - : / @ +";

macro_rules! verbatim_name {
    ($name:ident) => {
        impl $name {
            /// Checks a name; it is kept as it is written.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                check(text, GROUP_MARKS, GROUP_MARKS_SHOWN)?;
                Ok(Self(text.into()))
            }
        }
    };
}

macro_rules! name_traits {
    ($name:ident) => {
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }
    };
}

verbatim_name!(GroupName);
verbatim_name!(Permission);
name_traits!(UserName);
name_traits!(GroupName);
name_traits!(Permission);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_name_are_one_account() {
        for spelling in ["alice", "Alice", " alice ", "ALICE\t", "ＡＬＩＣＥ", "\u{3000}alice", "ａlice"]
        {
            assert_eq!(UserName::parse(spelling).unwrap().as_str(), "alice", "{spelling:?}");
        }
        // Composed and decomposed forms.
        assert_eq!(UserName::parse("ren\u{e9}").unwrap(), UserName::parse("rene\u{301}").unwrap());
    }

    #[test]
    fn an_invalid_name_is_refused() {
        assert_eq!(UserName::parse("  "), Err(InvalidName::Empty));
        assert_eq!(UserName::parse(&"a".repeat(65)), Err(InvalidName::TooLong));
        assert_eq!(UserName::parse(&"a".repeat(1_000_000)), Err(InvalidName::TooLong));
        for bad in ["a b", "a,b", "a:b", "a\0", "a\r\nb", "a\u{200b}b", "<a>", "a\u{202e}b"] {
            assert!(UserName::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { max_global_rejects: 65_536, ..ProptestConfig::default() })]

        #[test]
        fn canonical_names_are_canonical(text in prop_oneof![
            "\\PC{0,80}",
            // Letters of the same look, in every case and width.
            "[ a-zA-Z0-9._@\u{c0}-\u{17f}\u{370}-\u{3ff}\u{ff01}-\u{ff5e}-]{1,20}",
        ]) {
            let Ok(name) = UserName::parse(&text) else { return Err(TestCaseError::reject("no name")) };
            prop_assert_eq!(UserName::parse(name.as_str()).unwrap(), name);
        }
    }
}
