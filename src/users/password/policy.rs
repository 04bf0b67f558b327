//! The policy for new passwords.
//!
//! A new password is long enough, and not among those that an attacker tries first: OWASP ASVS 5.0 6.2.1, 6.2.4, 6.2.5 and
//! 6.2.11. There are no rules about digits or symbols. zxcvbn estimates how guessable a text is; the user's own names, the
//! address and the product's name count as known to the attacker. The policy is never applied at sign-in.

use zxcvbn::{Score, feedback::Warning, zxcvbn};

use super::{Password, UnusablePassword};
use crate::identity::UserName;

/// Why a new password is refused, in words for the user who chose it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// The text can be no password at all.
    #[error(transparent)]
    Unusable(#[from] UnusablePassword),
    /// Fewer than [`MIN_CHARS`] characters.
    #[error("the password is too short: it needs at least {MIN_CHARS} characters, better 15")]
    TooShort,
    /// The password is made of the user's own names or address.
    #[error("the password is too easy to guess: it is made of your own name or address")]
    OwnWords,
    /// Among the first million or so that an attacker tries.
    #[error("the password is too easy to guess: {0}; several unrelated words make a good one")]
    Guessable(&'static str),
}

/// The least number of characters of a new password.
pub const MIN_CHARS: usize = 8;

/// Checks a new password of the person with these names; empty ones are ignored.
///
/// Takes up to some milliseconds of a core.
pub fn check(password: &Password, name: &UserName, full_name: &str, email: &str) -> Result<(), WeakPassword> {
    password.usable()?;
    let text = password.exposed();
    if text.chars().nth(MIN_CHARS - 1).is_none() {
        return Err(WeakPassword::TooShort);
    }
    let own = own_words(&[name.as_str(), full_name, email]);
    if rest_without(&own, text).is_some_and(|rest| rest < MIN_REST) {
        return Err(WeakPassword::OwnWords);
    }
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let estimate = zxcvbn(text, &own);
    if estimate.score() >= ENOUGH {
        return Ok(());
    }
    if zxcvbn(text, &[]).score() >= ENOUGH {
        return Err(WeakPassword::OwnWords);
    }
    let warning = estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning);
    Err(WeakPassword::Guessable(reason(warning)))
}

/// The names as a whole, and the words in them that are long enough to mean something.
fn own_words(names: &[&str]) -> Vec<String> {
    let mut words = vec!["portcullis".to_owned()];
    for name in names {
        let name = name.to_lowercase();
        let parts = name.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() > 2);
        words.extend(parts.map(str::to_owned));
        if !name.is_empty() {
            words.push(name);
        }
    }
    words
}

/// How many characters, marks aside, are left of a password once the words are taken out; `None` if there are
/// none of the words in it. zxcvbn alone lets `First.Last` pass, as a mark between two words is a choice to it.
fn rest_without(words: &[String], text: &str) -> Option<usize> {
    let mut words: Vec<&str> = words.iter().map(String::as_str).filter(|word| word.len() > 2).collect();
    words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
    let text = text.to_lowercase();
    let rest = words.iter().fold(text.clone(), |rest, word| rest.replace(word, " "));
    let is_mark = |c: &char| c.is_ascii_punctuation() || c.is_whitespace();
    (rest != text).then(|| rest.chars().filter(|c| !is_mark(c)).count())
}

fn reason(warning: Option<Warning>) -> &'static str {
    match warning {
        Some(Warning::StraightRowsOfKeysAreEasyToGuess | Warning::ShortKeyboardPatternsAreEasyToGuess) => {
            "it follows the keys of the keyboard"
        }
        Some(
            Warning::RepeatsLikeAaaAreEasyToGuess | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess,
        ) => "it repeats itself",
        Some(
            Warning::ThisIsATop10Password
            | Warning::ThisIsATop100Password
            | Warning::ThisIsACommonPassword
            | Warning::ThisIsSimilarToACommonlyUsedPassword,
        ) => "many people use this one or one much like it",
        Some(Warning::SequencesLikeAbcAreEasyToGuess) => "it counts up or down",
        Some(Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess) => {
            "it is little more than a date"
        }
        Some(
            Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
            | Warning::CommonNamesAndSurnamesAreEasyToGuess,
        ) => "it is little more than a name",
        Some(Warning::AWordByItselfIsEasyToGuess) => "it is little more than a word",
        None => "it is too regular",
    }
}

/// About ten million guesses: more than anybody gets through a throttled form.
const ENOUGH: Score = Score::Two;

/// Minimum number of characters beside the user's own words; `alice2026` has fewer.
const MIN_REST: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn check_for_alice(text: &str) -> Result<(), WeakPassword> {
        let name = UserName::parse("alice").unwrap();
        check(&Password::new(text.to_owned()), &name, "Alice Wonderland", "a.liddell@zubrowkiewicz.example")
    }

    #[test]
    fn common_and_regular_passwords_are_refused_with_the_reason() {
        for (text, said) in [
            ("password1", "many people"),
            ("P@ssw0rd", "many people"),
            ("qwertyuiop", "many people"),
            ("dfghjkl;'", "keyboard"),
            ("aaaaaaaaaaaa", "repeats"),
            ("abcdefghijk", "counts"),
            ("12.03.1984", "date"),
            ("portcullis1", "own name"),
        ] {
            let message = check_for_alice(text).unwrap_err().to_string();
            assert!(message.contains(said), "{text}: {message}");
        }
    }

    #[test]
    fn passwords_made_of_the_users_own_words_are_refused() {
        for text in ["wonderland9", "Alice.Wonderland", "zubrowkiewicz1", "aLiddell12"] {
            assert!(check_for_alice(text).is_err(), "{text}");
        }
        assert_eq!(check_for_alice("zubrowkiewicz1"), Err(WeakPassword::OwnWords));
        let bob = UserName::parse("bob").unwrap();
        assert_eq!(check(&Password::new("zubrowkiewicz1".to_owned()), &bob, "", ""), Ok(()));
    }

    #[test]
    fn length_counts_in_characters() {
        assert_eq!(check_for_alice("ab3$xyz"), Err(WeakPassword::TooShort));
        assert_eq!(check_for_alice("ééééééé"), Err(WeakPassword::TooShort));
        assert_eq!(
            check_for_alice(&"x1".repeat(513)),
            Err(WeakPassword::Unusable(UnusablePassword::TooLong))
        );
        assert_eq!(check_for_alice("velvet\0turbine"), Err(WeakPassword::Unusable(UnusablePassword::Nul)));
        assert_eq!(check_for_alice(""), Err(WeakPassword::Unusable(UnusablePassword::Empty)));
    }

    #[test]
    fn any_composition_will_do_if_it_is_not_guessable() {
        for text in
            ["velvet turbine oyster", "gänseblümchenwiese im nebel", "tr0ub4dor&3x", "🦆🦆🐙🎻🪁🧊🪵🧲"]
        {
            assert_eq!(check_for_alice(text), Ok(()), "{text}");
        }
    }
}
