//! Names and passwords that people cannot have, in words for the page where they typed them.

use crate::{
    identity::{InvalidName, UserName},
    language::Text,
    users::{GuessReason, OwnValue, Password, UnusablePassword, WeakPassword, Weakness},
};

/// All weaknesses of a new password, a sentence each.
pub(super) fn weak_password(weak: &WeakPassword) -> Text {
    let mut sentences = weak.weaknesses().iter().map(weakness);
    let first = sentences.next().unwrap_or_else(|| Text::of("weak-unchecked"));
    sentences.fold(first, |text, next| Text::of("two-sentences").with("first", text).with("second", next))
}

/// Why a text is no user name.
pub(super) fn invalid_name(invalid: &InvalidName) -> Text {
    match invalid {
        InvalidName::Empty => Text::of("name-empty"),
        InvalidName::TooLong => Text::of("name-too-long").with("most", UserName::MAX_CHARS),
        InvalidName::Character(character, others) => {
            Text::of("name-character").with("character", format!("{character:?}")).with("others", *others)
        }
    }
}

fn weakness(weakness: &Weakness) -> Text {
    match weakness {
        Weakness::Unusable(UnusablePassword::Empty) => Text::of("weak-empty"),
        Weakness::Unusable(UnusablePassword::TooLong) => {
            Text::of("weak-too-long").with("most", Password::MAX_CHARS)
        }
        Weakness::TooLong { most } => Text::of("weak-too-long").with("most", *most),
        Weakness::Unusable(UnusablePassword::Nul) => Text::of("weak-nul"),
        Weakness::TooShort { least } if *least < 15 => {
            Text::of("weak-too-short-better").with("least", *least)
        }
        Weakness::TooShort { least } => Text::of("weak-too-short").with("least", *least),
        Weakness::TooShortAlone { least } => Text::of("weak-too-short-alone").with("least", *least),
        Weakness::Numeric => Text::of("weak-numeric"),
        Weakness::Similar(OwnValue::UserName) => Text::of("weak-similar-user-name"),
        Weakness::Similar(OwnValue::FullName) => Text::of("weak-similar-full-name"),
        Weakness::Similar(OwnValue::Email) => Text::of("weak-similar-email"),
        Weakness::Common => Text::of("weak-common"),
        Weakness::Breached => Text::of("weak-breached"),
        Weakness::Unchecked => Text::of("weak-unchecked"),
        Weakness::OwnWords => Text::of("weak-own-words"),
        Weakness::Guessable(GuessReason::Keys) => Text::of("weak-keys"),
        Weakness::Guessable(GuessReason::Repeats) => Text::of("weak-repeats"),
        Weakness::Guessable(GuessReason::Popular) => Text::of("weak-popular"),
        Weakness::Guessable(GuessReason::Counts) => Text::of("weak-counts"),
        Weakness::Guessable(GuessReason::Date) => Text::of("weak-date"),
        Weakness::Guessable(GuessReason::Name) => Text::of("weak-name"),
        Weakness::Guessable(GuessReason::Word) => Text::of("weak-word"),
        Weakness::Guessable(GuessReason::Regular) => Text::of("weak-regular"),
    }
}
