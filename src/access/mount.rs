//! The mount of an app: the path below which its requests lie.
//!
//! `policy` routes by it, and `config` reads it. It is compared with patterns here, so that a pattern knows no app.

use std::fmt;

use super::{Pattern, PatternError, pattern::Segment};

/// Where an app begins: `/`, or a path without wildcards and without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mount(Box<str>);

impl Mount {
    /// Reads where an app begins.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let pattern = Pattern::parse(text)?;
        if text.contains('*') {
            return Err(PatternError {
                span: 0..text.len(),
                problem: "an app begins at one path, without wildcards",
                help: "write the path alone; everything below it belongs to the app",
            });
        }
        let text = pattern.to_string();
        Ok(Self(text.strip_suffix('/').unwrap_or(&text).into()))
    }

    /// The mount of an app for a whole host.
    pub(super) fn root() -> Self {
        Self("".into())
    }

    /// The path, `/` for the root.
    pub fn as_str(&self) -> &str {
        if self.0.is_empty() { "/" } else { &self.0 }
    }

    /// The pattern of everything below it: the pattern of the app's default.
    pub(super) fn below(&self) -> Pattern {
        let literals = self.segments().map(|segment| Segment::Literal(segment.into()));
        Pattern::of(literals.chain([Segment::Below]))
    }

    /// Whether the other mount lies below it.
    pub(super) fn holds(&self, other: &Self) -> bool {
        let mut others = other.segments();
        self.segments().all(|segment| others.next() == Some(segment))
    }

    /// Whether the pattern matches some path below it.
    pub fn is_reached_by(&self, pattern: &Pattern) -> bool {
        let mut pattern = pattern.segments().iter();
        for segment in self.segments() {
            match pattern.next() {
                Some(Segment::Below) => return true,
                Some(Segment::One) => {}
                Some(Segment::Literal(literal)) if **literal == *segment => {}
                _ => return false,
            }
        }
        true
    }

    /// Whether every path that the pattern matches lies below it.
    pub(super) fn contains(&self, pattern: &Pattern) -> bool {
        let mut pattern = pattern.segments().iter();
        self.segments().all(|segment| match pattern.next() {
            Some(Segment::Literal(literal)) => **literal == *segment,
            _ => false,
        })
    }

    fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').skip(1)
    }
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
