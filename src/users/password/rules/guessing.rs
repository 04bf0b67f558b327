//! How guessable a new password is, by zxcvbn.
//!
//! The user's own names, the address and the product's name count as known to the attacker.

use zxcvbn::{Score, feedback::Warning, zxcvbn};

use super::{GuessReason, PasswordOwner, Weakness};

/// The reason why the password is guessable, if there is one. Of a short one, the user's own words alone are looked for: every
/// short one is guessable.
pub(super) fn guessable(text: &str, owner: &PasswordOwner, is_short: bool) -> Option<Weakness> {
    let own = own_words(&[owner.name.as_str(), &owner.full_name, &owner.email]);
    if rest_without(&own, text).is_some_and(|rest| rest < MIN_REST) {
        return Some(Weakness::OwnWords);
    }
    if is_short {
        return None;
    }
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let estimate = zxcvbn(text, &own);
    if estimate.score() >= ENOUGH {
        return None;
    }
    if zxcvbn(text, &[]).score() >= ENOUGH {
        return Some(Weakness::OwnWords);
    }
    let warning = estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning);
    Some(Weakness::Guessable(reason(warning)))
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

fn reason(warning: Option<Warning>) -> GuessReason {
    match warning {
        Some(Warning::StraightRowsOfKeysAreEasyToGuess | Warning::ShortKeyboardPatternsAreEasyToGuess) => {
            GuessReason::Keys
        }
        Some(
            Warning::RepeatsLikeAaaAreEasyToGuess | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess,
        ) => GuessReason::Repeats,
        Some(
            Warning::ThisIsATop10Password
            | Warning::ThisIsATop100Password
            | Warning::ThisIsACommonPassword
            | Warning::ThisIsSimilarToACommonlyUsedPassword,
        ) => GuessReason::Popular,
        Some(Warning::SequencesLikeAbcAreEasyToGuess) => GuessReason::Counts,
        Some(Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess) => GuessReason::Date,
        Some(
            Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
            | Warning::CommonNamesAndSurnamesAreEasyToGuess,
        ) => GuessReason::Name,
        Some(Warning::AWordByItselfIsEasyToGuess) => GuessReason::Word,
        None => GuessReason::Regular,
    }
}

/// About ten million guesses: more than anybody gets through a throttled form.
const ENOUGH: Score = Score::Two;

/// Minimum number of characters beside the user's own words; `alice2026` has fewer.
const MIN_REST: usize = 5;
