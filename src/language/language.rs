//! One language: its catalogue, which is read when it is first needed.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, OnceLock},
};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use time::OffsetDateTime;
use unic_langid::{CharacterDirection, LanguageIdentifier};

use super::{
    embedded,
    text::{Argument, Text, TextContent},
};
use crate::clock::Timestamp;

/// A language of the pages; cheap to clone.
#[derive(Clone)]
pub struct Language(Arc<Catalogue>);

struct Catalogue {
    id: LanguageIdentifier,
    tag: String,
    /// Texts of Fluent files; later ones replace messages of earlier ones.
    sources: Vec<Cow<'static, str>>,
    messages: OnceLock<FluentBundle<FluentResource>>,
    /// The language of texts that this one lacks; English has none.
    fallback: Option<Language>,
}

impl Language {
    /// English, as it is part of the program.
    pub fn english() -> Self {
        Self::new(embedded::english(), Vec::new(), None)
    }

    /// A language with the texts that are part of the program and those of an operator.
    pub(super) fn new(
        id: LanguageIdentifier,
        added: impl IntoIterator<Item = String>,
        fallback: Option<Self>,
    ) -> Self {
        let sources = embedded::sources(&id).map(Cow::Borrowed).chain(added.into_iter().map(Cow::Owned));
        let sources = sources.collect();
        Self(Arc::new(Catalogue { tag: id.to_string(), id, sources, messages: OnceLock::new(), fallback }))
    }

    /// The language tag (RFC 5646): `de`.
    pub fn tag(&self) -> &str {
        &self.0.tag
    }

    pub(super) fn id(&self) -> &LanguageIdentifier {
        &self.0.id
    }

    /// The value of HTML's `dir`.
    pub fn direction(&self) -> &'static str {
        match self.0.id.character_direction() {
            CharacterDirection::RTL => "rtl",
            CharacterDirection::LTR | CharacterDirection::TTB => "ltr",
        }
    }

    /// A text in this language.
    pub fn say(&self, text: &Text) -> String {
        match &text.0 {
            TextContent::Verbatim(text) => text.clone().into_owned(),
            TextContent::Message { key, arguments } => {
                let mut values = FluentArgs::with_capacity(arguments.len());
                for (name, argument) in arguments {
                    values.set(*name, self.value(argument));
                }
                self.message(key, &values)
            }
        }
    }

    fn value<'a>(&self, argument: &'a Argument) -> FluentValue<'a> {
        match argument {
            Argument::Text(text) => FluentValue::from(text.as_str()),
            Argument::Number(number) => FluentValue::from(*number),
            Argument::Message(text) => FluentValue::from(self.say(text)),
            Argument::Date(time) => FluentValue::from(self.date(*time)),
        }
    }

    /// A date with its time, in UTC and labelled as such: a page without script does not know the reader's time zone.
    pub fn date(&self, time: Timestamp) -> String {
        let time = OffsetDateTime::from_unix_timestamp(time.as_millis().div_euclid(1000))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let mut values = FluentArgs::new();
        values.set("day", time.day());
        values.set("month", u8::from(time.month()));
        values.set("year", time.year().to_string());
        values.set("hour", format!("{:02}", time.hour()));
        values.set("minute", format!("{:02}", time.minute()));
        self.message("date-and-time", &values)
    }

    /// The message with this key. A mistake is logged and shown as the key or the name of the argument.
    fn message(&self, key: &str, values: &FluentArgs<'_>) -> String {
        self.try_message(key, values).unwrap_or_else(|error| {
            tracing::error!(key, language = self.tag(), %error, "text of a catalogue not rendered");
            error.text
        })
    }

    /// The message with this key; the one of the fallback if this language has none.
    pub(crate) fn try_message(&self, key: &str, values: &FluentArgs<'_>) -> Result<String, MessageError> {
        let messages = self.messages();
        let Some(pattern) = messages.get_message(key).and_then(|message| message.value()) else {
            return match &self.0.fallback {
                Some(fallback) => fallback.try_message(key, values),
                None => {
                    Err(MessageError { problem: format!("there is no text `{key}`"), text: key.to_owned() })
                }
            };
        };
        let mut errors = Vec::new();
        let text = messages.format_pattern(pattern, Some(values), &mut errors).into_owned();
        match errors.first() {
            None => Ok(text),
            Some(error) => Err(MessageError { problem: format!("the text `{key}`: {error}"), text }),
        }
    }

    /// Whether the language itself has this text.
    pub fn has(&self, key: &str) -> bool {
        self.messages().has_message(key)
    }

    fn messages(&self) -> &FluentBundle<FluentResource> {
        self.0.messages.get_or_init(|| {
            let mut messages = FluentBundle::new_concurrent(vec![self.0.id.clone()]);
            // The marks around an argument would show up in names that people copy.
            messages.set_use_isolating(false);
            for source in &self.0.sources {
                // Files of an operator were checked; a mistake in one of the program's own fails a test.
                let (Ok(resource) | Err((resource, _))) =
                    FluentResource::try_new(source.clone().into_owned());
                messages.add_resource_overriding(resource);
            }
            messages
        })
    }
}

/// Why a text was not made: it does not exist, or lacks an argument.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub(crate) struct MessageError {
    problem: String,
    /// The text as far as it goes.
    text: String,
}

impl PartialEq for Language {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id && self.0.sources == other.0.sources
    }
}

impl Eq for Language {}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Language").field(&self.0.tag).finish()
    }
}
