//! The catalogues that are part of the program: `catalogues/LANGUAGE/TOPIC.ftl`, beside this file.

use unic_langid::LanguageIdentifier;

/// English, the language that has every text.
pub(super) fn english() -> LanguageIdentifier {
    ENGLISH.parse().expect("`en` is a language tag")
}

/// The languages of the program; English is the first.
pub(super) fn languages() -> impl Iterator<Item = LanguageIdentifier> {
    CATALOGUES.iter().filter_map(|(tag, _)| tag.parse().ok())
}

/// The texts of a language's files.
pub(super) fn sources(language: &LanguageIdentifier) -> impl Iterator<Item = &'static str> {
    topics(language).iter().map(|(_, text)| *text)
}

/// A language's files, each with its topic.
pub(super) fn topics(language: &LanguageIdentifier) -> &'static [(&'static str, &'static str)] {
    let tag = language.to_string();
    CATALOGUES.iter().find(|(own, _)| *own == tag).map_or(&[], |(_, topics)| topics)
}

const ENGLISH: &str = "en";

/// The files of one language.
macro_rules! catalogue {
    ($tag:literal: $($topic:literal),+ $(,)?) => {
        ($tag, &[$(($topic, include_str!(concat!("catalogues/", $tag, "/", $topic, ".ftl")))),+])
    };
}

type Catalogue = (&'static str, &'static [(&'static str, &'static str)]);

/// The same files for several languages.
macro_rules! catalogues {
    ($english:expr, $($tag:literal),+: $topics:tt) => { &[$english, $(catalogue_of!($tag, $topics)),+] };
}
macro_rules! catalogue_of {
    ($tag:literal, ($($topic:literal),+ $(,)?)) => { catalogue!($tag: $($topic),+) };
}

/// English comes first; a topic that the other languages lack appears in English.
const CATALOGUES: &[Catalogue] = catalogues!(
    catalogue!("en": "common", "times", "sign-in", "account", "password", "factors", "passkeys", "profile", "registration", "mail", "refusals", "tokens", "parked-form"),
    "de", "es", "fr", "it", "nl", "pl", "pt":
    ("common", "times", "sign-in", "account", "password", "factors", "passkeys", "profile", "registration", "mail", "refusals", "tokens", "parked-form")
);
