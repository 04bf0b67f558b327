//! The text of a configuration, and the locations in it.

use std::{collections::HashMap, ops::Range, path::Path, sync::Arc};

use crate::{
    access::SourceLocation,
    escape::{escaped, misleads},
};

/// A range of the text, in bytes.
pub(super) type Span = Range<usize>;

/// The text, with its lines.
#[derive(Debug)]
pub(super) struct Source {
    text: String,
    /// The text for diagnostics: passwords in URLs and values of keys such as `client_secret` are stars, misleading
    /// characters are visible, and every byte keeps its offset.
    shown: String,
    file: Arc<str>,
    line_starts: Vec<usize>,
}

/// The span of each location that was made, so that a location can be underlined.
#[derive(Debug, Default)]
pub(super) struct Placed(HashMap<(usize, usize), Span>);

impl Source {
    /// Takes a text, without a byte order mark at its start.
    pub(super) fn new(text: &str, file: &Path) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let shown = visible(&without_secrets(&without_passwords(&text)));
        let file = escaped(&file.display().to_string()).into();
        Self { text, shown, file, line_starts }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The text without passwords, secrets, and without control and invisible characters; the other bytes keep their
    /// offsets.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// The text of a span.
    pub(super) fn slice(&self, span: &Span) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// The line of an offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// Line, and column in characters, both from 1.
    pub(super) fn place(&self, offset: usize) -> SourceLocation {
        let offset = self.clamp(offset..offset).start;
        let line = self.line(offset);
        let start = line.checked_sub(1).and_then(|index| self.line_starts.get(index)).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
        SourceLocation { file: self.file.clone(), line, column }
    }

    /// The nearest span that lies within the text and between characters.
    pub(super) fn clamp(&self, span: Span) -> Span {
        let mut start = span.start.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = span.end.clamp(start, self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        start..end
    }
}

impl Placed {
    /// The location of a span; [`Placed::span`] is its inverse.
    pub(super) fn place(&mut self, source: &Source, span: &Span) -> SourceLocation {
        let place = source.place(span.start);
        self.0.insert((place.line, place.column), span.clone());
        place
    }

    /// The span of a location that [`Placed::place`] made.
    pub(super) fn span(&self, place: &SourceLocation) -> Option<Span> {
        self.0.get(&(place.line, place.column)).cloned()
    }
}

fn without_passwords(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://").map(|at| at + 3) {
        let (before, after) = rest.split_at(start);
        shown.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "\"'".contains(c)).unwrap_or(after.len());
        let (authority, after) = after.split_at(end);
        let secret = authority.rfind('@').unwrap_or(0);
        shown.extend(std::iter::repeat_n('*', secret));
        shown.push_str(authority.split_at(secret).1);
        rest = after;
    }
    shown + rest
}

/// The text with stars for the value of every key that names a secret itself and not its file: `client_secret = "…"` is a
/// mistake, and the diagnostic about it ends up in a journal.
fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('=').map(|at| at + 1) {
        let (before, after) = rest.split_at(start);
        shown.push_str(before);
        rest = after;
        let value = after.trim_start_matches([' ', '\t']);
        if !names_secret(before) || !value.starts_with(['"', '\'']) {
            continue;
        }
        let (until, value) = after.split_at(after.len() - value.len());
        let (quote, value) = value.split_at(1);
        let end = value.find(|c: char| quote.starts_with(c) || c == '\n').unwrap_or(value.len());
        let (secret, after) = value.split_at(end);
        shown.push_str(until);
        shown.push_str(quote);
        shown.extend(std::iter::repeat_n('*', secret.len()));
        rest = after;
    }
    shown + rest
}

/// Whether the key before this `=` has a secret for its value.
fn names_secret(before: &str) -> bool {
    let key = before.trim_end_matches(['=', ' ', '\t', '"', '\'']);
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let key = key.rsplit(|c| !is_of_key(c)).next().unwrap_or_default().to_ascii_lowercase();
    ["secret", "password", "passwd"].iter().any(|word| key.contains(word)) && !key.ends_with("_file")
}

/// Replaces misleading characters by visible ones of the same length. ASCII stays: the ends of lines are among its
/// control characters, and the renderer escapes the others.
fn visible(text: &str) -> String {
    let visible = |c: char| match c.len_utf8() {
        2 if misleads(c) => "\u{a4}".to_owned(),
        3 if misleads(c) => "\u{fffd}".to_owned(),
        4 if misleads(c) => "\u{a4}\u{a4}".to_owned(),
        _ => c.to_string(),
    };
    if text.is_ascii() { text.to_owned() } else { text.chars().map(visible).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, offset: usize) -> (usize, usize) {
        let place = Source::new(text, Path::new("gateway.toml")).place(offset);
        (place.line, place.column)
    }

    #[test]
    fn columns_count_characters_from_one() {
        assert_eq!(at("", 0), (1, 1));
        assert_eq!(at("a\nb", 2), (2, 1));
        assert_eq!(at("a\r\nbc", 4), (2, 2));
        assert_eq!(at("é = ü", 5), (1, 5));
        assert_eq!(at("\t\tx", 2), (1, 3));
        assert_eq!(at("a\n", 2), (2, 1));
        assert_eq!(at("a", 99), (1, 2));
    }

    #[test]
    fn passwords_in_urls_are_not_shown() {
        let source = Source::new("a = \"redis://:s\u{e9}cret@h\" # http://x", Path::new("gateway.toml"));
        assert_eq!(source.shown(), "a = \"redis://********@h\" # http://x");
        assert_eq!(source.shown().len(), source.text().len());
    }

    #[test]
    fn the_value_of_a_key_that_names_a_secret_is_not_shown() {
        for (text, shown) in [
            ("client_secret = \"s\u{e9}cret\" # x", "client_secret = \"*******\" # x"),
            ("\"bind_password\"='a=b'\nb = \"c\"", "\"bind_password\"='***'\nb = \"c\""),
            ("x = { Password = \"open", "x = { Password = \"****"),
            ("client_secret_file = \"secrets/a\"", "client_secret_file = \"secrets/a\""),
            ("[password]\nmemory = \"64MiB\"", "[password]\nmemory = \"64MiB\""),
            ("secret = 5", "secret = 5"),
        ] {
            let source = Source::new(text, Path::new("gateway.toml"));
            assert_eq!(source.shown(), shown);
            assert_eq!(source.shown().len(), source.text().len());
        }
    }

    #[test]
    fn misleading_characters_are_visible_and_move_nothing() {
        let text = "h = \"\u{9b}2J\u{202e}moc\u{e0041}\u{ad}\u{200b}é\"\r\n";
        let source = Source::new(text, Path::new("gateway.toml"));
        assert_eq!(source.shown(), "h = \"¤2J\u{fffd}moc¤¤¤\u{fffd}é\"\r\n");
        assert_eq!(source.shown().len(), text.len());
    }

    #[test]
    fn a_byte_order_mark_moves_nothing() {
        let source = Source::new("\u{feff}a", Path::new("gateway.toml"));
        assert_eq!((source.text(), source.place(0).column), ("a", 1));
    }

    #[test]
    fn spans_are_moved_between_characters() {
        let source = Source::new("é", Path::new("gateway.toml"));
        assert_eq!(source.clamp(1..1), 0..2);
        assert_eq!(source.clamp(0..1), 0..2);
        assert_eq!(source.clamp(7..9), 2..2);
    }
}
