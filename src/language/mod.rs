//! Languages: the texts of pages, refusals and mails, in the language of their reader.
//!
//! `portal`, `refusal` and `mail` name a text by its key, with arguments: a [`Text`]. [`Languages`] chooses the
//! [`Language`] of a request, and [`Language::say`] makes the words. Templates ask for texts with the function `t`
//! ([`pages`](crate::pages)). The catalogues are Fluent files: those of the program are in `catalogues/`, and an operator
//! adds languages or replaces single texts ([`AddedFile`]). Command line, log and problem documents for programs are
//! English and come from no catalogue of an operator.
//!
//! A catalogue holds plain text and no HTML. A text that is missing in a language is taken from the English catalogue,
//! which is complete: a test holds the keys and arguments that the code uses against it.

mod added;
mod embedded;
#[expect(clippy::module_inception, reason = "the module is named after its main type")]
mod language;
mod languages;
mod negotiation;
mod text;
mod times;

pub use added::{AddedFile, CatalogueProblem, MissingTexts};
pub use language::Language;
pub use languages::{LanguageChoice, Languages};
pub use text::{Argument, Text};
pub use times::{ago, exactly, waiting};

#[cfg(test)]
mod tests;
