//! A walk over a parsed document that reports every mistake and goes on.
//!
//! Each section reads its values through [`Reader`], which reports a value of
//! the wrong type or out of range and returns the default. It knows types of
//! values, and no section.

mod quantities;
mod section;

use std::{
    cell::{Cell, RefCell},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::Arc,
};

pub(super) use section::{Field, Section, Text, fields};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    diagnostic::{Diagnostic, Severity},
    excerpt::excerpt,
    keys::Keys,
    source::{Placed, Source, Span},
    suggest,
};
use crate::access::SourceLocation;

/// Reads values and collects diagnostics. A value that cannot be read is reported once, and then absent.
#[derive(Debug)]
pub(super) struct Reader {
    source: Arc<Source>,
    diagnostics: RefCell<Vec<Diagnostic>>,
    placed: RefCell<Placed>,
    /// Lines with a syntax error. A key that seems to be missing may be in one of them.
    unreadable: RefCell<Vec<RangeInclusive<usize>>>,
    failed: Cell<bool>,
}

impl Reader {
    pub(super) fn new(source: Arc<Source>) -> Self {
        Self {
            source,
            diagnostics: RefCell::default(),
            placed: RefCell::default(),
            unreadable: RefCell::default(),
            failed: Cell::new(false),
        }
    }

    /// All diagnostics in the order of the file, and whether one is an error.
    pub(super) fn finish(self) -> (Vec<Diagnostic>, bool) {
        let mut diagnostics = self.diagnostics.into_inner();
        diagnostics.sort_by_key(|diagnostic| (diagnostic.span().start, diagnostic.severity));
        (diagnostics, self.failed.get())
    }

    /// Makes an error, for [`Reader::report`].
    pub(super) fn error(&self, span: &Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(&self.source, Severity::Error, span.clone(), message)
    }

    /// Makes a warning, for [`Reader::report`].
    pub(super) fn warning(&self, span: &Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(&self.source, Severity::Warning, span.clone(), message)
    }

    /// Adds a diagnostic, unless it follows from a syntax error.
    pub(super) fn report(&self, diagnostic: Diagnostic) {
        let unreadable = self.unreadable.borrow();
        let (first, last) = self.lines(diagnostic.span());
        let follows = unreadable.iter().any(|lines| *lines.start() <= last && first <= *lines.end());
        let doubtful = diagnostic.severity == Severity::Warning && !unreadable.is_empty();
        if !follows && !doubtful {
            self.failed.set(self.failed.get() || diagnostic.severity == Severity::Error);
            self.diagnostics.borrow_mut().push(diagnostic);
        }
    }

    /// Adds a diagnostic about a missing key, unless the key may be in a line with a syntax error.
    pub(super) fn report_absence(&self, diagnostic: Diagnostic) {
        if self.unreadable.borrow().is_empty() {
            self.report(diagnostic);
        }
    }

    /// Adds a syntax error.
    pub(super) fn report_syntax(&self, diagnostic: Diagnostic) {
        let (first, last) = self.lines(diagnostic.span());
        self.unreadable.borrow_mut().push(first..=last);
        self.failed.set(true);
        self.diagnostics.borrow_mut().push(diagnostic);
    }

    /// The location of a span; [`Reader::placed`] is its inverse.
    pub(super) fn place(&self, span: &Span) -> SourceLocation {
        self.placed.borrow_mut().place(&self.source, span)
    }

    /// The span of a location that [`Reader::place`] made.
    pub(super) fn placed(&self, place: &SourceLocation) -> Span {
        self.placed.borrow().span(place).unwrap_or_default()
    }

    /// A table with these keys; every other key is an error.
    pub(super) fn section<'d>(&self, table: &'d DeTable<'d>, span: Span, keys: &Keys) -> Section<'d> {
        let mut misspelt = Vec::new();
        for key in table.keys() {
            let found = key.get_ref().as_ref();
            if keys.keys.contains(&found) {
                continue;
            }
            let help = suggest::for_key(found, keys, |key| table.contains_key(key));
            let message = format!("unknown key `{}` {}", excerpt(found), keys.within());
            let error = self.error(&key.span(), message).help(help);
            match suggest::meant(found, keys) {
                // The header above the key may have the syntax error.
                None if suggest::belongs_elsewhere(found, keys) => self.report_absence(error),
                meant => {
                    misspelt.extend(meant);
                    self.report(error);
                }
            }
        }
        Section { table, span, misspelt }
    }

    /// A table under a key: `[name]`.
    pub(super) fn table<'d>(&self, field: Option<Field<'d>>, keys: &Keys) -> Option<Section<'d>> {
        let field = field?;
        match field.value.get_ref() {
            DeValue::Table(table) => Some(self.section(table, field.value.span(), keys)),
            DeValue::Array(array) if array.iter().any(|value| value.get_ref().is_table()) => {
                self.report(
                    self.error(&field.key, format!("there is only one {}", keys.section))
                        .help(format!("write the header with single brackets: {}", keys.section)),
                );
                None
            }
            _ => {
                self.wrong_type(&field, &format!("a table, {},", keys.section), None);
                None
            }
        }
    }

    /// Tables under a key: `[[name]]`.
    pub(super) fn tables<'d>(&self, field: Option<Field<'d>>, keys: &Keys) -> Vec<Section<'d>> {
        let section = |(table, span): (_, &Span)| Some(self.section(table, span.clone(), keys));
        self.tables_by(field, keys.section, section)
    }

    /// Tables under a key, each read by `read`, because their keys depend on one of them. `name` is the header in
    /// messages.
    pub(super) fn tables_by<'d, T>(
        &self,
        field: Option<Field<'d>>,
        name: &str,
        read: impl Fn((&'d DeTable<'d>, &Span)) -> Option<T>,
    ) -> Vec<T> {
        let Some(field) = field else { return Vec::new() };
        match field.value.get_ref() {
            DeValue::Array(array) => array
                .iter()
                .filter_map(|value| match value.get_ref() {
                    DeValue::Table(table) => read((table, &value.span())),
                    other => {
                        let message =
                            format!("expected a table in `{}`, found {}", field.name, kind_of(other));
                        self.report(self.error(&value.span(), message).help(format!("write {name}")));
                        None
                    }
                })
                .collect(),
            DeValue::Table(_) if !self.source.slice(&field.value.span()).starts_with(['[', '{']) => {
                // TOML makes the table for a table below it: `[[app.rule]]` before `[[app]]`.
                let message = format!("there is no {name} above this");
                let help = format!("write {name} first, and below it what belongs to it");
                self.report(self.error(&field.key, message).help(help));
                Vec::new()
            }
            DeValue::Table(table) => {
                self.report(
                    self.error(&field.value.span(), format!("there can be several {name}"))
                        .help(format!("write the header with double brackets: {name}")),
                );
                // Its keys are checked too.
                read((table, &field.value.span())).into_iter().collect()
            }
            _ => {
                self.wrong_type(&field, &format!("tables, {name},"), None);
                Vec::new()
            }
        }
    }

    /// A string.
    pub(super) fn text<'d>(&self, field: &Field<'d>) -> Option<Text<'d>> {
        let text = self.as_text(field.value);
        if text.is_none() {
            self.wrong_type(field, "a string", self.quoted(field));
        }
        text
    }

    /// A string or a list of strings; other elements are reported and left out.
    pub(super) fn texts<'d>(&self, field: &Field<'d>) -> Vec<Text<'d>> {
        let DeValue::Array(array) = field.value.get_ref() else {
            let text = self.as_text(field.value);
            if text.is_none() {
                self.wrong_type(field, "a string or a list of strings", self.quoted(field));
            }
            return text.into_iter().collect();
        };
        let texts = array.iter().filter_map(|value| {
            let text = self.as_text(value);
            if text.is_none() {
                let found = kind_of(value.get_ref());
                let message = format!("expected strings in the list of `{}`, found {found}", field.name);
                self.report(self.error(&value.span(), message));
            }
            text
        });
        texts.collect()
    }

    /// A path to a file or folder; a relative one starts in `folder`, where the configuration is.
    pub(super) fn path(&self, field: &Field<'_>, folder: &Path) -> Option<PathBuf> {
        let text = self.text(field)?;
        if text.content.is_empty() || text.content.contains('\0') {
            let message = format!("`{}` is no path", field.name);
            self.report(self.error(&text.span, message).help("write a path; it is relative to this file"));
            return None;
        }
        Some(folder.join(text.content))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, field: Option<Field<'_>>, default: bool) -> bool {
        let Some(field) = field else { return default };
        match field.value.get_ref() {
            DeValue::Boolean(value) => return *value,
            DeValue::String(text) if matches!(text.as_ref(), "true" | "false") => {
                self.wrong_type(&field, "`true` or `false`", Some("leave out the quotes".to_owned()));
            }
            _ => self.wrong_type(&field, "`true` or `false`", None),
        }
        default
    }

    /// One of several words.
    pub(super) fn choice<'d>(&self, field: &Field<'d>, choices: &[&str]) -> Option<&'d str> {
        let text = self.text(field)?;
        if choices.contains(&text.content) {
            return Some(text.content);
        }
        let message = format!("`{}` cannot be \"{}\"", field.name, excerpt(text.content));
        let help = match suggest::similar(text.content, choices.iter().copied()) {
            // A number is no misspelling of the nearest number.
            Some(meant) if meant.parse::<f64>().is_err() => format!("did you mean \"{meant}\"?"),
            _ => format!("it is {}", suggest::listed_or(choices)),
        };
        self.report(self.error(&text.span, message).help(help));
        None
    }

    /// Reports a value of the wrong type.
    pub(super) fn wrong_type(&self, field: &Field<'_>, expected: &str, help: Option<String>) {
        let found = kind_of(field.value.get_ref());
        let message = format!("expected {expected} for `{}`, found {found}", excerpt(field.name));
        let mut error = self.error(&field.value.span(), message);
        if let Some(help) = help {
            error = error.help(help);
        }
        self.report(error);
    }

    /// The value as a string, if it is one.
    pub(super) fn as_text<'d>(&self, value: &'d Spanned<DeValue<'d>>) -> Option<Text<'d>> {
        let DeValue::String(text) = value.get_ref() else { return None };
        let span = value.span();
        let literal = span.len() == text.len() + 2
            && self.source.slice(&(span.start + 1..span.end - 1)) == text.as_ref();
        Some(Text { content: text, span, literal })
    }

    /// The hint for a number or a date in place of a string.
    fn quoted(&self, field: &Field<'_>) -> Option<String> {
        match field.value.get_ref() {
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) => {
                let value = self.source.slice(&field.value.span());
                Some(format!("write it in quotes: `{} = \"{}\"`", field.name, excerpt(value)))
            }
            _ => None,
        }
    }

    fn lines(&self, span: &Span) -> (usize, usize) {
        (self.source.line(span.start), self.source.line(span.end.saturating_sub(1).max(span.start)))
    }
}

/// A type of value, with its article.
fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
