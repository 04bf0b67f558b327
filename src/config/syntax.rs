//! Text into a TOML document, with every mistake in the syntax at once.

use toml::{Spanned, de::DeTable};

use super::{
    reader::Reader,
    source::{Source, Span},
};

/// Parses the text; lines that cannot be read are reported and left out.
pub(super) fn document<'s>(source: &'s Source, reader: &Reader) -> Spanned<DeTable<'s>> {
    let (document, errors) = DeTable::parse_recoverable(source.text());
    let mut doubled_headers = Vec::new();
    for error in first_of_each_line(source, errors) {
        let span = error.span().unwrap_or_default();
        if error.message() == DUPLICATE {
            let header = header_above(source, &span);
            if header == source.line(span.start) {
                doubled_headers.push(header);
            } else if doubled_headers.contains(&header) {
                // The keys below a header that is there twice are not the mistake.
                continue;
            }
            report_duplicate(source, reader, document.get_ref(), &span);
            continue;
        }
        let (problem, expected) = match error.message().split_once(", expected ") {
            Some((problem, expected)) => (problem, Some(expected)),
            None => (error.message(), None),
        };
        let mut diagnostic = reader.error(&span, problem);
        if let Some(expected) = expected {
            diagnostic = diagnostic.label(format!("expected {expected}"));
        }
        if let Some(help) = help_for(problem) {
            diagnostic = diagnostic.help(help);
        }
        reader.report_syntax(diagnostic);
    }
    document
}

/// The first error of each line, because the others follow from it; an unclosed bracket comes before it.
fn first_of_each_line(source: &Source, errors: Vec<toml::de::Error>) -> Vec<toml::de::Error> {
    let mut first: Vec<(usize, toml::de::Error)> = Vec::new();
    for error in errors {
        let line = source.line(error.span().unwrap_or_default().start);
        match first.iter_mut().find(|(at, _)| *at == line) {
            Some((_, other)) if error.message().starts_with("unclosed") => *other = error,
            Some(_) => {}
            None => first.push((line, error)),
        }
    }
    first.into_iter().map(|(_, error)| error).collect()
}

/// The line of the header above a span, from 1; 0 without one.
fn header_above(source: &Source, span: &Span) -> usize {
    let lines = source.text().lines().take(source.line(span.start));
    lines
        .enumerate()
        .filter(|(_, line)| line.trim_start().starts_with('['))
        .last()
        .map_or(0, |(at, _)| at + 1)
}

fn report_duplicate(source: &Source, reader: &Reader, document: &DeTable<'_>, span: &Span) {
    let name = source.slice(span);
    let mut error = reader.error(span, format!("`{name}` is defined twice")).label("second definition");
    let header = header_line(source, span);
    let first = match &header {
        Some(header) => first_line_like(source, header, span.start),
        None => latest_key(document, name, span.start),
    };
    if let Some(first) = first {
        error = error.also(first, "first defined here");
    }
    let help = match header {
        Some(header) if header.starts_with("[[") => {
            format!("write `[[{name}]]` for each of them, above what belongs to it")
        }
        Some(_) => "put the keys of both under one header".to_owned(),
        None => "keep one of them".to_owned(),
    };
    reader.report_syntax(error.help(help));
}

/// The line of a span, if it is a header.
fn header_line<'s>(source: &'s Source, span: &Span) -> Option<&'s str> {
    let text = source.text();
    let start = text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(start..)?.lines().next()?.trim();
    line.starts_with('[').then_some(line)
}

/// The first line that begins the same table, or something below it.
fn first_line_like(source: &Source, header: &str, before: usize) -> Option<Span> {
    let wanted = table_of(header);
    let mut start = 0;
    for line in source.text().split_inclusive('\n') {
        let trimmed = line.trim();
        if start + line.len() > before {
            return None;
        }
        let rest = table_of(trimmed).strip_prefix(wanted);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
            let indent = line.len() - line.trim_start().len();
            return Some(start + indent..start + indent + trimmed.len());
        }
        start += line.len();
    }
    None
}

/// The text between the brackets of a header, or the line itself.
fn table_of(line: &str) -> &str {
    line.trim_start_matches('[').split(']').next().unwrap_or_default().trim()
}

/// The last key of that name before an offset: no other table can have stood between the two.
fn latest_key(table: &DeTable<'_>, name: &str, before: usize) -> Option<Span> {
    let mut latest: Option<Span> = None;
    let mut consider = |span: Span| {
        if span.end <= before && latest.as_ref().is_none_or(|latest| latest.start < span.start) {
            latest = Some(span);
        }
    };
    for (key, value) in table {
        if key.get_ref() == name {
            consider(key.span());
        }
        let inner = match value.get_ref() {
            toml::de::DeValue::Table(inner) => latest_key(inner, name, before),
            toml::de::DeValue::Array(array) => array
                .iter()
                .filter_map(|value| value.get_ref().as_table())
                .filter_map(|inner| latest_key(inner, name, before))
                .max_by_key(|span| span.start),
            _ => None,
        };
        inner.into_iter().for_each(&mut consider);
    }
    latest
}

fn help_for(problem: &str) -> Option<&'static str> {
    let known = [
        ("string values must be quoted", "put the text between double quotes"),
        ("invalid basic string", "end the text with a double quote on the same line"),
        ("unclosed array table", "end the header with `]]`"),
        ("unclosed array", "end the list with `]`"),
        ("unclosed inline table", "end the table with `}`"),
        ("unclosed table", "end the header with `]`"),
        ("key with no value", "write `key = value`"),
        ("missing escaped value", "write `\\\\` for a backslash, or put the text between single quotes"),
    ];
    known.iter().find(|(start, _)| problem.starts_with(start)).map(|(_, help)| *help)
}

const DUPLICATE: &str = "duplicate key";
