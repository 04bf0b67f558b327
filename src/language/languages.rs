//! The languages of a gateway, and which of them a request gets.

use http::HeaderMap;
use unic_langid::LanguageIdentifier;

use super::{
    AddedFile, Language, embedded,
    negotiation::{best, preferred},
};

/// The languages of the pages: those of the program, and those that an operator has added. English comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Languages {
    all: Vec<Language>,
    english: Language,
    choice: LanguageChoice,
}

/// `[portal] language`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LanguageChoice {
    /// The reader's browser says it; English if the gateway has none of its languages.
    #[default]
    Auto,
    /// One language for everybody.
    Always(LanguageIdentifier),
}

impl Languages {
    /// The languages of the program with the files of an operator.
    pub fn new(added: &[AddedFile], choice: LanguageChoice) -> Self {
        let texts = |id: &LanguageIdentifier| -> Vec<String> {
            added.iter().filter(|file| file.language == *id).map(|file| file.text.clone()).collect()
        };
        let id = embedded::english();
        let english = Language::new(id.clone(), texts(&id), None);
        let mut all = vec![english.clone()];
        let ids = embedded::languages().chain(added.iter().map(|file| file.language.clone()));
        for id in ids {
            if all.iter().all(|language| *language.id() != id) {
                let texts = texts(&id);
                all.push(Language::new(id, texts, Some(english.clone())));
            }
        }
        Self { all, english, choice }
    }

    /// Whether the program's own catalogue of this language has this file.
    pub fn includes(id: &LanguageIdentifier, text: &str) -> bool {
        embedded::sources(id).any(|own| own == text)
    }

    /// All languages; English is the first.
    pub fn iter(&self) -> impl Iterator<Item = &Language> {
        self.all.iter()
    }

    /// The language with this tag.
    pub fn find(&self, id: &LanguageIdentifier) -> Option<&Language> {
        self.all.iter().find(|language| language.id() == id)
    }

    /// The language of a request with these header fields.
    pub fn for_request(&self, headers: &HeaderMap) -> &Language {
        let found = match &self.choice {
            LanguageChoice::Always(id) => self.find(id),
            LanguageChoice::Auto => best(&preferred(headers), &self.all),
        };
        found.unwrap_or(&self.english)
    }

    /// The language for a reader who sends no request: `[portal] language`, and English if it is `auto`.
    pub fn without_request(&self) -> &Language {
        match &self.choice {
            LanguageChoice::Always(id) => self.find(id).unwrap_or(&self.english),
            LanguageChoice::Auto => &self.english,
        }
    }

    /// English.
    pub fn english(&self) -> &Language {
        &self.english
    }
}

impl Default for Languages {
    fn default() -> Self {
        Self::new(&[], LanguageChoice::Auto)
    }
}
