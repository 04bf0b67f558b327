//! Tables, keys and strings of the document, each with its span.
//!
//! [`Reader`](super::Reader) makes them; sections of the configuration take their values from them.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::config::source::Span;

/// A table whose keys are known.
#[derive(Clone, Debug)]
pub(in crate::config) struct Section<'d> {
    pub(super) table: &'d DeTable<'d>,
    /// Its header, or its braces.
    pub(in crate::config) span: Span,
    /// Known keys that occur in another spelling.
    pub(super) misspelt: Vec<&'static str>,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(in crate::config) struct Field<'d> {
    pub(in crate::config) name: &'d str,
    pub(in crate::config) key: Span,
    pub(in crate::config) value: &'d Spanned<DeValue<'d>>,
}

/// A string and its span.
#[derive(Clone, Debug)]
pub(in crate::config) struct Text<'d> {
    pub(in crate::config) content: &'d str,
    /// Quotes included.
    pub(in crate::config) span: Span,
    /// Whether the file has the content byte for byte, without escapes.
    pub(super) literal: bool,
}

impl<'d> Section<'d> {
    /// A key and its value; `None` without the key.
    pub(in crate::config) fn field(&self, name: &str) -> Option<Field<'d>> {
        let (key, value) = self.table.get_key_value(name)?;
        Some(Field { name: key.get_ref(), key: key.span(), value })
    }

    /// Whether a key is missing, in this spelling and in others.
    pub(in crate::config) fn lacks(&self, name: &str) -> bool {
        !self.table.contains_key(name) && !self.misspelt.contains(&name)
    }

    /// All keys and values, in their order.
    pub(in crate::config) fn fields(&self) -> impl Iterator<Item = Field<'d>> + use<'d> {
        fields(self.table)
    }
}

/// All keys and values of a table, in their order.
pub(in crate::config) fn fields<'d>(table: &'d DeTable<'d>) -> impl Iterator<Item = Field<'d>> {
    table.iter().map(|(key, value)| Field { name: key.get_ref(), key: key.span(), value })
}

impl Text<'_> {
    /// The span of a part of the text, given in bytes from its start.
    pub(in crate::config) fn part(&self, part: &Span) -> Span {
        if self.literal && part.end <= self.content.len() {
            self.span.start + 1 + part.start..self.span.start + 1 + part.end
        } else {
            self.span.clone()
        }
    }
}
