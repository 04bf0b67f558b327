//! A program that acts for a user, and the scope that its credential is limited to.
//!
//! A program may do what its scope covers **and** the rules allow its user, both as of now. The scope travels inside
//! [`Identity::Program`](super::Identity::Program), so that no decision can be made without it. Whether a request is
//! covered is decided by `access`.

use std::{fmt, sync::Arc};

use http::Method;
use serde::{Deserialize, Serialize};

use super::User;

/// A program with a credential of a user.
#[derive(Clone, Debug)]
pub struct Program {
    /// The user whose credential it is.
    pub user: Arc<User>,
    /// The limits of the credential.
    pub scope: Scope,
    /// The credential stands for several factors: it was made by somebody who had just shown two. Only such a program
    /// passes a rule that asks for factors.
    pub multi_factor: bool,
}

/// The apps, paths and methods that a credential is limited to. An empty list limits nothing, and the default is without
/// limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Names of apps.
    #[serde(default)]
    pub apps: Vec<Box<str>>,
    /// Paths, from the host's root.
    #[serde(default)]
    pub paths: Vec<ScopePath>,
    /// Methods; `GET` includes `HEAD`.
    #[serde(default)]
    pub methods: Vec<Box<str>>,
}

/// A path of a scope: exactly one, or with `/**` at its end, that and all below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScopePath {
    /// Without `/**`; empty for the root with everything below.
    path: Box<str>,
    covers_below: bool,
}

/// Why a text is no path or method of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScope {
    /// A path that a scope cannot have.
    #[error(
        "a path of a scope starts with `/`, is written decoded, has no `.`, `..` or empty segments, and may end in `/**`"
    )]
    Path,
    /// No method.
    #[error("a method is written in capital letters, such as GET or PROPFIND")]
    Method,
    /// Too many entries.
    #[error("a scope has at most {MAX_ENTRIES} apps, paths and methods each")]
    TooMany,
}

impl Scope {
    /// True if it limits nothing.
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }

    /// True if the app is covered.
    pub fn covers_app(&self, name: &str) -> bool {
        self.apps.is_empty() || self.apps.iter().any(|app| **app == *name)
    }

    /// True if the method is covered.
    pub fn covers_method(&self, method: &Method) -> bool {
        let is = |known: &str| known == method.as_str() || (known == "GET" && *method == Method::HEAD);
        self.methods.is_empty() || self.methods.iter().any(|known| is(known))
    }

    /// Checks the sizes and the methods of a scope that somebody typed.
    pub fn check(&self) -> Result<(), InvalidScope> {
        let longest = self.apps.len().max(self.paths.len()).max(self.methods.len());
        if longest > MAX_ENTRIES {
            return Err(InvalidScope::TooMany);
        }
        let is_method = |method: &str| {
            (1..=32).contains(&method.len())
                && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
        };
        if self.methods.iter().all(|method| is_method(method)) { Ok(()) } else { Err(InvalidScope::Method) }
    }
}

impl ScopePath {
    /// Reads a path: `/api/v1` or `/api/**`.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        let (path, covers_below) = match text.strip_suffix("/**") {
            Some(path) => (path, true),
            None => (text, false),
        };
        let is_root = path.is_empty() && covers_below;
        if text.len() > 1024 || !(is_root || path.starts_with('/')) {
            return Err(InvalidScope::Path);
        }
        let inner = path.strip_prefix('/').unwrap_or(path);
        let inner = if covers_below { inner } else { inner.strip_suffix('/').unwrap_or(inner) };
        let is_segment = |segment: &str| {
            !segment.is_empty()
                && !matches!(segment, "." | "..")
                && !segment.contains(|c: char| c.is_control() || "*%?#\\".contains(c))
        };
        let is_path = is_root || (path == "/" && !covers_below) || inner.split('/').all(is_segment);
        if is_path { Ok(Self { path: path.into(), covers_below }) } else { Err(InvalidScope::Path) }
    }

    /// True if it covers a path, spelt as it is; with everything below it, if `whole_folder`.
    pub fn covers(&self, path: &str, whole_folder: bool) -> bool {
        self.covers_in(&self.path, path, whole_folder)
    }

    /// The same for texts that both went through `fold`.
    pub fn covers_folded(&self, fold: impl Fn(&str) -> String, path: &str, whole_folder: bool) -> bool {
        self.covers_in(&fold(&self.path), path, whole_folder)
    }

    fn covers_in(&self, own: &str, path: &str, whole_folder: bool) -> bool {
        match path.strip_prefix(own) {
            Some("") => self.covers_below || !whole_folder,
            Some(rest) => self.covers_below && (rest.starts_with('/') || own.is_empty()),
            None => false,
        }
    }
}

impl fmt::Display for ScopePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if self.covers_below { f.write_str("/**") } else { Ok(()) }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_unlimited() {
            return f.pad("everything");
        }
        let paths: Vec<String> = self.paths.iter().map(ToString::to_string).collect();
        let mut parts = Vec::new();
        if !self.methods.is_empty() {
            parts.push(self.methods.join(","));
        }
        if !self.paths.is_empty() {
            parts.push(paths.join(" "));
        }
        if !self.apps.is_empty() {
            parts.push(format!("of {}", self.apps.join(", ")));
        }
        f.pad(&parts.join(" "))
    }
}

impl TryFrom<String> for ScopePath {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, InvalidScope> {
        Self::parse(&text)
    }
}

impl From<ScopePath> for String {
    fn from(path: ScopePath) -> String {
        path.to_string()
    }
}

const MAX_ENTRIES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ScopePath {
        ScopePath::parse(text).unwrap()
    }

    #[test]
    fn a_path_covers_itself_and_with_a_wildcard_all_below() {
        let api = path("/api/**");
        for covered in ["/api", "/api/", "/api/v1", "/api/v1/x"] {
            assert!(api.covers(covered, false), "{covered}");
        }
        for outside in ["/", "/ap", "/apis", "/API", "/x/api", "/apis/v1"] {
            assert!(!api.covers(outside, false), "{outside}");
        }
        assert!(path("/api").covers("/api", false));
        assert!(!path("/api").covers("/api/", false) && !path("/api").covers("/api/v1", false));
        assert!(path("/**").covers("/", true) && path("/**").covers("/x/y", true));
    }

    #[test]
    fn a_path_without_wildcard_covers_no_folder() {
        assert!(!path("/files").covers("/files", true));
        assert!(path("/files/**").covers("/files", true));
    }

    #[test]
    fn a_path_that_could_be_read_in_two_ways_is_refused() {
        for bad in [
            "",
            "api",
            "/api//x",
            "//",
            "//**",
            "/api/../x",
            "/./x",
            "/a*",
            "/*/x",
            "/**/x",
            "/a%2fb",
            "/a?b",
            "/a#b",
            "/a\\b",
            "/a\n",
            "**",
        ] {
            assert_eq!(ScopePath::parse(bad), Err(InvalidScope::Path), "{bad:?}");
        }
        for good in ["/", "/**", "/a", "/a/", "/a/b/**", "/ä"] {
            assert_eq!(path(good).to_string(), good);
        }
    }

    #[test]
    fn an_app_of_a_scope_is_named_whole() {
        let scope = Scope { apps: vec!["wiki".into(), "shop".into()], ..Scope::default() };
        assert!(scope.covers_app("wiki") && scope.covers_app("shop"));
        for other in ["", "wik", "wiki2", "wiki-admin", "Wiki", "2wiki"] {
            assert!(!scope.covers_app(other), "{other}");
        }
        assert!(Scope::default().covers_app("wiki"));
    }

    #[test]
    fn get_covers_head_and_nothing_else() {
        let scope = Scope { methods: vec!["GET".into()], ..Scope::default() };
        assert!(scope.covers_method(&Method::GET) && scope.covers_method(&Method::HEAD));
        assert!(!scope.covers_method(&Method::POST) && !scope.covers_method(&Method::OPTIONS));
        assert!(Scope::default().covers_method(&Method::POST));
        assert_eq!(
            Scope { methods: vec!["get".into()], ..Scope::default() }.check(),
            Err(InvalidScope::Method)
        );
    }
}
