//! Folding: the differences that an upstream may ignore when it compares paths, case and a slash at the end.
//!
//! A reading of a path is one text; upstreams still differ in whether `/Admin/` and `/admin` are the
//! same to them. Each of the four ways to see it is judged by itself: a rule that is found when both are
//! ignored can be milder than the one that is found when only one is.

use std::borrow::Cow;

/// The differences that are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folding {
    /// Upper and lower case are one. Characters that look alike are readings of their own: one of them is a slash.
    pub case: bool,
    /// Slashes at the end are none.
    pub slash: bool,
}

impl Folding {
    /// Every way to compare, from the strictest on.
    pub const ALL: [Self; 4] = [
        Self { case: false, slash: false },
        Self { case: true, slash: false },
        Self { case: false, slash: true },
        Self { case: true, slash: true },
    ];

    /// True if each difference that is ignored occurs in this path.
    pub(super) fn changes(self, path: &str) -> bool {
        let case = || !path.is_ascii() || path.bytes().any(|byte| byte.is_ascii_uppercase());
        (!self.case || case()) && (!self.slash || (path.len() > 1 && path.ends_with('/')))
    }

    /// A path, or a part of one, in its folded form.
    pub fn of(self, path: &str) -> Cow<'_, str> {
        let folded = if self.case { fold_case(path) } else { Cow::Borrowed(path) };
        if !self.slash || folded.len() < 2 || !folded.ends_with('/') {
            return folded;
        }
        let trimmed = folded.trim_end_matches('/');
        Cow::Owned(if trimmed.is_empty() { "/" } else { trimmed }.to_owned())
    }
}

/// A path as an upstream sees it that ignores case and a trailing slash.
pub fn fold(path: &str) -> String {
    Folding { case: true, slash: true }.of(path).into_owned()
}

/// Capital letters first, as some languages compare: `ı` and `ſ` have the capitals `I` and `S`.
fn fold_case(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        let capital = text.chars().flat_map(char::to_uppercase);
        return Cow::Owned(capital.flat_map(char::to_lowercase).collect());
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Borrowed(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_the_slash_are_ignored_apart_and_together() {
        let folded = Folding::ALL.map(|folding| folding.of("/Admin//").into_owned());
        assert_eq!(folded, ["/Admin//", "/admin//", "/Admin", "/admin"]);
        assert_eq!(fold("//"), "/");
        assert_eq!(fold("/"), "/");
        assert_eq!(fold(""), "");
    }

    #[test]
    fn letters_that_some_language_takes_for_the_same_are_the_same() {
        for spelling in ["/ADMIN", "/admın", "/aDMıN"] {
            assert_eq!(fold(spelling), "/admin", "{spelling}");
        }
        assert_eq!(fold("/uſers"), "/users");
        assert_eq!(fold("/\u{212a}"), "/k");
        assert_eq!(fold("/A／B"), "/a／b", "a slash that is none yet");
        assert_eq!(fold("/STRASSE"), fold("/straße"));
    }
}
