//! A trie of patterns by segment, searched from the most specific one on.

use super::pattern::{Pattern, Segment};
use crate::request::Segments;

/// Values under patterns; one node of the trie. The root is the whole.
///
/// A look-up visits each node at most once, so its cost is bounded by the patterns, not by what a
/// client sends; a path without wildcards beside it costs one binary search a segment.
#[derive(Clone, Debug)]
pub(super) struct Trie<T> {
    literals: Vec<(Box<str>, Trie<T>)>,
    one: Option<Box<Trie<T>>>,
    here: Vec<T>,
    below: Vec<T>,
}

impl<T> Trie<T> {
    pub(super) fn insert(&mut self, pattern: &Pattern, value: T) {
        self.insert_at(pattern.segments(), value);
    }

    /// The values under the most specific pattern that matches and of whose values `accepts` takes any.
    ///
    /// Depth first, the most specific branch first: so the first that is found is the most specific.
    pub(super) fn find(&self, mut rest: Segments<'_>, accepts: &impl Fn(&T) -> bool) -> Option<&[T]> {
        let found = match rest.next() {
            None => accepted(&self.here, accepts),
            Some(segment) => self
                .literals
                .binary_search_by(|(literal, _)| (**literal).cmp(segment))
                .ok()
                .and_then(|index| self.literals.get(index))
                .and_then(|(_, child)| child.find(rest.clone(), accepts))
                .or_else(|| match &self.one {
                    Some(child) if !segment.is_empty() => child.find(rest, accepts),
                    _ => None,
                }),
        };
        found.or_else(|| accepted(&self.below, accepts))
    }

    fn insert_at(&mut self, segments: &[Segment], value: T) {
        match segments {
            [] => self.here.push(value),
            [Segment::Below, ..] => self.below.push(value),
            [Segment::One, rest @ ..] => self.one.get_or_insert_default().insert_at(rest, value),
            [Segment::Literal(literal), rest @ ..] => self.child(literal).insert_at(rest, value),
        }
    }

    fn child(&mut self, literal: &str) -> &mut Self {
        let index = self.literals.partition_point(|(known, _)| **known < *literal);
        if self.literals.get(index).is_none_or(|(known, _)| **known != *literal) {
            self.literals.insert(index, (literal.into(), Self::default()));
        }
        let (_, child) = self.literals.get_mut(index).expect("it has just been found or inserted");
        child
    }
}

fn accepted<'t, T>(values: &'t [T], accepts: &impl Fn(&T) -> bool) -> Option<&'t [T]> {
    values.iter().any(accepts).then_some(values)
}

impl<T> Default for Trie<T> {
    fn default() -> Self {
        Self { literals: Vec::new(), one: None, here: Vec::new(), below: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trie(patterns: &[&'static str]) -> Trie<&'static str> {
        let mut trie = Trie::default();
        for text in patterns {
            trie.insert(&Pattern::parse(text).unwrap(), *text);
        }
        trie
    }

    fn find(trie: &Trie<&'static str>, path: &str) -> Option<&'static str> {
        trie.find(Segments::of(path), &|_| true).and_then(|found| found.first().copied())
    }

    #[test]
    fn the_most_specific_pattern_is_found() {
        let trie = trie(&["/**", "/a/**", "/a/*", "/a/b", "/a/b/", "/*/b", "/*/c/d", "/a/*/d", "/"]);
        for (path, expected) in [
            ("/", "/"),
            ("/x", "/**"),
            ("/a", "/a/**"),
            ("/a/", "/a/**"),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b/"),
            ("/a/x", "/a/*"),
            ("/a/x/y", "/a/**"),
            ("/a/x/d", "/a/*/d"),
            ("/x/b", "/*/b"),
            ("/x/c/d", "/*/c/d"),
            ("/a/c/d", "/a/*/d"),
            ("/ab", "/**"),
        ] {
            assert_eq!(find(&trie, path), Some(expected), "{path}");
        }
    }

    #[test]
    fn a_prefix_ends_at_a_segment() {
        let trie = trie(&["/admin/**"]);
        for (path, covered) in [
            ("/admin", true),
            ("/admin/", true),
            ("/admin/x/y", true),
            ("/administrator", false),
            ("/admi", false),
            ("/", false),
            ("/x/admin", false),
        ] {
            assert_eq!(find(&trie, path).is_some(), covered, "{path}");
        }
    }

    /// The definition, slowly: of the patterns that match, the one whose segments compare highest.
    fn reference(patterns: &[&'static str], path: &str) -> Option<&'static str> {
        let path: Vec<&str> = Segments::of(path).collect();
        let matches = |text: &str| {
            let pattern = Pattern::parse(text).unwrap();
            let mut rest = path.as_slice();
            for segment in pattern.segments() {
                match (segment, rest) {
                    (Segment::Below, _) => return true,
                    (Segment::One, [first, tail @ ..]) if !first.is_empty() => rest = tail,
                    (Segment::Literal(literal), [first, tail @ ..]) if **literal == **first => rest = tail,
                    _ => return false,
                }
            }
            rest.is_empty()
        };
        let rank = |text: &str| -> Vec<u8> {
            let pattern = Pattern::parse(text).unwrap();
            let ranks = pattern.segments().iter().map(|segment| match segment {
                Segment::Literal(_) => 2,
                Segment::One => 1,
                Segment::Below => 0,
            });
            // The end of a pattern beats `**` at the same place.
            ranks.chain([3]).collect()
        };
        patterns.iter().copied().filter(|text| matches(text)).max_by_key(|text| rank(text))
    }

    proptest! {
        #[test]
        fn the_trie_agrees_with_the_definition(
            chosen in proptest::sample::subsequence(
                vec!["/**", "/*", "/", "/a", "/a/", "/b", "/a/**", "/*/a", "/*/**", "/a/*", "/a/b", "/*/*", "/*/b/**", "/a/*/a", "/a/b/**", "/*/*/b", "/b/*/**", "/*/a/"],
                0..18,
            ),
            path in "(/[ab]?){1,4}",
        ) {
            prop_assert_eq!(find(&trie(&chosen), &path), reference(&chosen, &path));
        }
    }
}
