//! Path patterns: literals, `*` for one segment, `**` at the end for everything below.

use std::fmt;

use crate::request::{Folding, Segments, fold, may_stand_for};

/// A pattern over paths.
///
/// Specificity goes segment by segment: a literal beats `*` beats `**`. `/admin/**` covers
/// `/admin`, `/admin/` and everything below, never `/administrator`; `*` is exactly one segment
/// that is not empty; a pattern without wildcard is exactly that path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    segments: Box<[Segment]>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Segment {
    Literal(Box<str>),
    One,
    Below,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct PatternError {
    /// Where in the text, in bytes from its start.
    pub span: std::ops::Range<usize>,
    /// The mistake.
    pub problem: &'static str,
    /// The correction.
    pub help: &'static str,
}

impl Pattern {
    /// Reads a pattern. Paths are written decoded, as people read them.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let wrong = |span, problem, help| Err(PatternError { span, problem, help });
        if !text.starts_with('/') {
            return wrong(
                0..text.len(),
                "a path starts with `/`",
                "write the path as in the URL, from the host on",
            );
        }
        let mut segments = Vec::new();
        let mut start = 1;
        let parts: Vec<&str> = text.split('/').skip(1).collect();
        let last = parts.len() - 1;
        for (index, part) in parts.into_iter().enumerate() {
            let span = start..start + part.len();
            start = span.end + 1;
            segments.push(match part {
                "**" if index == last => Segment::Below,
                "**" => {
                    return wrong(
                        span,
                        "`**` can only stand at the end",
                        "use `*` for each single segment before the end",
                    );
                }
                "*" => Segment::One,
                "." | ".." => {
                    return wrong(span, "a path has no dot segments", "write the path that they lead to");
                }
                "" if index != last => {
                    return wrong(
                        span.start - 1..span.end + 1,
                        "a pattern has no empty segments",
                        "write a single `/`",
                    );
                }
                _ if part.contains('*') => {
                    return wrong(
                        span,
                        "a wildcard stands for a whole segment",
                        "`*` matches one segment, `**` at the end everything below",
                    );
                }
                _ if part.contains('%') => {
                    return wrong(
                        span,
                        "patterns are written decoded",
                        "write the character itself; requests are decoded before they are matched",
                    );
                }
                _ if part.contains(['?', '#']) => {
                    return wrong(
                        span,
                        "a pattern covers the path only",
                        "leave out the query; it plays no part in a decision",
                    );
                }
                _ if part.contains(char::is_control) || part.contains('\\') => {
                    return wrong(
                        span,
                        "a path has no backslashes or control characters",
                        "write the path as in the URL",
                    );
                }
                _ => Segment::Literal(part.into()),
            });
        }
        Ok(Self { segments: segments.into() })
    }

    /// A pattern of these segments.
    pub(super) fn of(segments: impl IntoIterator<Item = Segment>) -> Self {
        Self { segments: segments.into_iter().collect() }
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The pattern as an upstream reads it that ignores this.
    pub(super) fn folded(&self, folding: Folding) -> Self {
        let case = Folding { slash: false, ..folding };
        let mut segments: Vec<Segment> = self
            .segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(text) => Segment::Literal(case.of(text).into()),
                other => other.clone(),
            })
            .collect();
        if folding.slash && segments.len() > 1 && segments.last() == Some(&Segment::Literal("".into())) {
            segments.pop();
        }
        Self { segments: segments.into() }
    }

    /// A path in which this pattern's names stand in place of short ones that could be theirs; `None`: there are none.
    pub(super) fn spell_out(&self, path: &str) -> Option<String> {
        let (mut segments, mut is_changed) = (self.segments.iter(), false);
        let spelt: Vec<&str> = Segments::of(path)
            .map(|short| match segments.next() {
                Some(Segment::Literal(long)) if may_stand_for(short, long) => {
                    is_changed = true;
                    long
                }
                _ => short,
            })
            .collect();
        is_changed.then(|| format!("/{}", spelt.join("/")))
    }

    /// True if the pattern covers a path within a folder with this path, in any case of its letters.
    pub(super) fn is_within(&self, folder: &str) -> bool {
        let folder = folder.trim_end_matches('/');
        let mut segments = self.segments.iter();
        let leads_there = folder.split('/').skip(1).all(|name| match segments.next() {
            Some(Segment::Literal(text)) => fold(text) == fold(name),
            Some(Segment::One) => true,
            Some(Segment::Below) | None => false,
        });
        leads_there && segments.next().is_some()
    }

    /// True if the pattern names the segment at this place, from 0, without a wildcard, and goes on
    /// behind it.
    pub(super) fn goes_on_behind(&self, place: usize) -> bool {
        matches!(self.segments.get(place), Some(Segment::Literal(_))) && self.segments.len() > place + 1
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => write!(f, "/{text}")?,
                Segment::One => f.write_str("/*")?,
                Segment::Below => f.write_str("/**")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_print_as_they_are_written() {
        for text in ["/", "/a", "/a/", "/a/*/b", "/**", "/*", "/a/**", "/café/x y"] {
            assert_eq!(Pattern::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_invalid_pattern_is_refused_with_the_place_and_the_reason() {
        for (text, span) in [
            ("admin", 0..5),
            ("/a/**/b", 3..5),
            ("/a/*.js", 3..7),
            ("/a/../b", 3..5),
            ("/a//b", 2..4),
            ("/a%2fb", 1..6),
            ("/a?x=1", 1..6),
            ("/a\\b", 1..4),
        ] {
            assert_eq!(Pattern::parse(text).unwrap_err().span, span, "{text}");
        }
    }
}
