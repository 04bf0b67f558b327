//! A text that is not in any language yet: the key of a message, and its arguments.

use std::borrow::Cow;

use crate::clock::Timestamp;

/// A text for people, which [`Language::say`](super::Language::say) puts into words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(pub(super) TextContent);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TextContent {
    Message { key: &'static str, arguments: Vec<(&'static str, Argument)> },
    Verbatim(Cow<'static, str>),
}

/// A value in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A name or another text that is the same in every language.
    Text(String),
    /// A number, which chooses the plural form.
    Number(u64),
    /// A text of the catalogue within the text.
    Message(Text),
    /// A point in time.
    Date(Timestamp),
}

impl Text {
    /// The message with this key.
    pub const fn of(key: &'static str) -> Self {
        Self(TextContent::Message { key, arguments: Vec::new() })
    }

    /// A text that is the same in every language, such as one that a person has written.
    pub fn verbatim(text: impl Into<Cow<'static, str>>) -> Self {
        Self(TextContent::Verbatim(text.into()))
    }

    /// The same with an argument.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Argument>) -> Self {
        if let TextContent::Message { arguments, .. } = &mut self.0 {
            arguments.push((name, value.into()));
        }
        self
    }
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Argument {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Argument {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<usize> for Argument {
    fn from(number: usize) -> Self {
        Self::Number(u64::try_from(number).unwrap_or(u64::MAX))
    }
}

impl From<Text> for Argument {
    fn from(text: Text) -> Self {
        Self::Message(text)
    }
}

impl From<Timestamp> for Argument {
    fn from(time: Timestamp) -> Self {
        Self::Date(time)
    }
}
