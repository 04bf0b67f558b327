//! Paths whose every reading is known.
//!
//! An upstream may decode a path, decode it twice, merge slashes, take `\` for
//! `/`, cut `;parameters`, stop at an encoded `?` or `#`, drop trailing dots
//! and blanks, ignore case. The gateway cannot know which. So the path is
//! forwarded byte for byte, and rules are asked about **every** text that one
//! of these could make of it; dot segments and control characters have no
//! place in any of them. Nearly all paths have one reading and cost one scan.

use std::borrow::Cow;

use http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;

use super::Malformed;

/// A path whose readings are settled.
///
/// Holding one proves: it starts with `/`, its percent-encoding is valid, it decodes to UTF-8,
/// and in no reading is there a dot segment, a NUL or another control character.
#[derive(Clone, Debug)]
pub struct NormalPath {
    received: PathAndQuery,
    /// Segments as received, each decoded once; only where decoding changes something.
    decoded: Option<Box<[String]>>,
    /// Whole paths that an upstream could take this one for.
    others: Box<[String]>,
    /// Whether ignoring case or a trailing slash makes a difference.
    folds: bool,
}

impl NormalPath {
    /// Settles the path of a request.
    pub fn parse(received: PathAndQuery) -> Result<Self, Malformed> {
        let path = received.path();
        let class = classify(path)?;
        if !class.ambiguous {
            return Ok(Self { received, decoded: None, others: Box::default(), folds: class.folds });
        }
        let decoded: Box<[String]> =
            segments(path).map(|segment| decode(segment).map(Cow::into_owned)).collect::<Result<_, _>>()?;
        let others = readings(path)?;
        Ok(Self { received, decoded: Some(decoded), others: others.into(), folds: true })
    }

    /// The path as received, without the query.
    pub fn as_str(&self) -> &str {
        self.received.path()
    }

    /// The path and query as received: what is forwarded.
    pub fn path_and_query(&self) -> &PathAndQuery {
        &self.received
    }

    /// The plain reading: split at the slashes that were received, each segment decoded once.
    pub fn segments(&self) -> Segments<'_> {
        match &self.decoded {
            Some(decoded) => Segments::Decoded(decoded.iter()),
            None => Segments::Text(segments(self.received.path())),
        }
    }

    /// Every other text that an upstream could take this path for, before case and trailing slashes
    /// are ignored; empty for nearly all paths.
    pub fn other_readings(&self) -> impl Iterator<Item = &str> {
        self.others.iter().map(String::as_str)
    }

    /// Whether an upstream that ignores case, or a slash at the end, could read it as another path.
    pub fn folds(&self) -> bool {
        self.folds
    }

    /// The plain reading with case and a trailing slash ignored.
    pub fn folded(&self) -> String {
        match &self.decoded {
            Some(decoded) => fold(&format!("/{}", decoded.join("/"))),
            None => fold(self.received.path()),
        }
    }
}

/// What an upstream that ignores case and a trailing slash makes of a path.
pub fn fold(path: &str) -> String {
    let mut folded = path.to_lowercase();
    while folded.len() > 1 && folded.ends_with('/') {
        folded.pop();
    }
    folded
}

/// The segments of a path: what stands between its slashes, the first slash left out.
fn segments(path: &str) -> std::str::Split<'_, char> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// The segments of one reading of a path.
#[derive(Clone, Debug)]
pub enum Segments<'p> {
    /// Of a text, split at its slashes.
    Text(std::str::Split<'p, char>),
    /// Decoded one by one: a slash may stand inside.
    Decoded(std::slice::Iter<'p, String>),
}

impl<'p> Segments<'p> {
    /// The segments of a text.
    pub fn of(path: &'p str) -> Self {
        Self::Text(segments(path))
    }
}

impl<'p> Iterator for Segments<'p> {
    type Item = &'p str;

    fn next(&mut self) -> Option<&'p str> {
        match self {
            Self::Text(split) => split.next(),
            Self::Decoded(decoded) => decoded.next().map(String::as_str),
        }
    }
}

struct Class {
    ambiguous: bool,
    folds: bool,
}

/// One scan over the bytes as received.
fn classify(path: &str) -> Result<Class, Malformed> {
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return Err(Malformed("the path does not start with a slash"));
    }
    let mut class = Class { ambiguous: false, folds: bytes.len() > 1 && bytes.last() == Some(&b'/') };
    let mut before = 0;
    for &byte in bytes {
        match byte {
            b'%' | b';' | b'\\' => class.ambiguous = true,
            b'/' if before == b'/' || before == b'.' => class.ambiguous = true,
            b'#' => return Err(Malformed("the path contains a fragment")),
            b'A'..=b'Z' => class.folds = true,
            0x21..=0x7e => {}
            _ => return Err(Malformed("the path contains bytes that must be percent-encoded")),
        }
        before = byte;
    }
    // A segment that ends in a dot is a dot segment, or one that Windows would shorten.
    class.ambiguous |= before == b'.';
    Ok(class)
}

/// Decodes once, strictly.
fn decode(text: &str) -> Result<Cow<'_, str>, Malformed> {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let digits = rest.get(at + 1..at + 3).ok_or(BAD_ENCODING)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(BAD_ENCODING);
        }
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    let decoded =
        percent_decode_str(text).decode_utf8().map_err(|_| Malformed("the path does not decode to UTF-8"))?;
    Ok(decoded)
}

/// Everything that the path could be taken for: the closure over what upstreams do to paths.
fn readings(path: &str) -> Result<Vec<String>, Malformed> {
    let mut found = vec![path.to_owned()];
    let mut next = 0;
    while let Some(reading) = found.get(next).cloned() {
        for change in CHANGES {
            let changed = change(&reading);
            if changed != reading && !found.contains(&changed) {
                found.push(changed);
            }
        }
        if found.len() > MAX_READINGS {
            return Err(Malformed("the path can be read in too many ways"));
        }
        next += 1;
    }
    for reading in &found {
        if reading.chars().any(char::is_control) {
            return Err(Malformed("the path contains control characters"));
        }
        if segments(reading).any(|segment| matches!(segment.trim_end_matches(' '), "." | "..")) {
            return Err(Malformed("the path contains dot segments"));
        }
    }
    // The plain reading is asked for by itself.
    found.remove(0);
    Ok(found)
}

/// Decoding, as many times as it changes anything; what does not decode stays as it is.
fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// IIS and everything on Windows.
fn backslashes_turned(path: &str) -> String {
    path.replace('\\', "/")
}

/// nginx, Apache, Express and most file servers.
fn slashes_merged(path: &str) -> String {
    let mut merged = String::with_capacity(path.len());
    for character in path.chars() {
        if character != '/' || !merged.ends_with('/') {
            merged.push(character);
        }
    }
    merged
}

/// Tomcat, Jetty and other servlet containers.
fn parameters_cut(path: &str) -> String {
    each_segment(path, |segment| segment.split(';').next().unwrap_or_default())
}

/// Whoever decodes first and parses the URL afterwards.
fn stopped_at_query(path: &str) -> String {
    path.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// Windows' file names.
fn dots_and_blanks_trimmed(path: &str) -> String {
    each_segment(path, |segment| match segment.trim_end_matches(' ') {
        "." | ".." => segment,
        _ => segment.trim_end_matches(['.', ' ']),
    })
}

fn each_segment(path: &str, change: impl Fn(&str) -> &str) -> String {
    let changed: Vec<&str> = path.split('/').map(change).collect();
    changed.join("/")
}

const CHANGES: [fn(&str) -> String; 6] =
    [decoded, backslashes_turned, slashes_merged, parameters_cut, stopped_at_query, dots_and_blanks_trimmed];

/// Real paths have a handful; each costs a look-up.
const MAX_READINGS: usize = 32;
const BAD_ENCODING: Malformed = Malformed("the path contains an invalid percent-encoding");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(path: &str) -> Result<NormalPath, Malformed> {
        NormalPath::parse(PathAndQuery::try_from(path).map_err(|_| BAD_ENCODING)?)
    }

    fn others(path: &str) -> Vec<String> {
        parse(path).unwrap().other_readings().map(str::to_owned).collect()
    }

    #[test]
    fn an_ordinary_path_has_one_reading() {
        for path in
            ["/", "/a", "/a/b.html", "/.well-known/x", "/a..b/c", "/~u/x-y_z", "/a/@b:c,d=e+f!", "/a/...b"]
        {
            let parsed = parse(path).unwrap();
            assert!(parsed.decoded.is_none() && others(path).is_empty() && !parsed.folds(), "{path}");
        }
        assert!(parse("/Main.js").unwrap().folds() && parse("/a/").unwrap().folds());
    }

    #[test]
    fn what_has_no_single_safe_meaning_is_refused() {
        for path in [
            "/a/../b",
            "/a/./b",
            "/..",
            "/.",
            "/a/..",
            "/%2e%2e/b",
            "/a/.%2E/b",
            "/a/..%2fb",
            "/a%2f..%2fb",
            "/a/..%5cb",
            "/a/..\\b",
            "/a/..;/b",
            "/a/..;x=1/b",
            "/a/%2e%2e;/b",
            "/a/%252e%252e/b",
            "/a/..%252fb",
            "/a%00",
            "/a%0a",
            "/a%0d",
            "/a%7f",
            "/a%2500",
            "/%zz",
            "/%",
            "/%2",
            "/%u0061",
            "/%ff",
            "/%c0%ae%c0%ae/",
            "/a/..%20/b",
            "/a/%2e%2e%3f",
            "/a/%2e%2e%23",
            "/a//..//b",
        ] {
            assert!(parse(path).is_err(), "{path}");
        }
        assert!(NormalPath::parse(PathAndQuery::from_static("*")).is_err());
    }

    #[test]
    fn ambiguous_paths_keep_all_their_readings() {
        assert!(others("/a//b").contains(&"/a/b".to_owned()));
        assert!(others("/a%2fb").contains(&"/a/b".to_owned()));
        assert!(others("/a%252fb").contains(&"/a/b".to_owned()));
        assert!(others("/a\\b").contains(&"/a/b".to_owned()));
        assert!(others("/a%5cb").contains(&"/a/b".to_owned()));
        assert!(others("/a;v=1/b;w").contains(&"/a/b".to_owned()));
        assert!(others("/a%3bv=1/b").contains(&"/a/b".to_owned()));
        assert!(others("/a%3f/b").contains(&"/a".to_owned()));
        assert!(others("/a%23/b").contains(&"/a".to_owned()));
        assert!(others("/a./b").contains(&"/a/b".to_owned()));
        assert!(others("/a%20/b").contains(&"/a/b".to_owned()));
        assert!(others("//a").contains(&"/a".to_owned()));
        assert!(others("/%61dmin").contains(&"/admin".to_owned()));
        assert!(others("/%2561dmin;x//y").contains(&"/admin/y".to_owned()));
    }

    #[test]
    fn the_plain_reading_keeps_an_encoded_slash_in_its_segment() {
        let path = parse("/api/queues/%2F/name").unwrap();
        assert_eq!(path.segments().collect::<Vec<_>>(), ["api", "queues", "/", "name"]);
        assert_eq!(path.path_and_query().as_str(), "/api/queues/%2F/name");
    }

    #[test]
    fn a_bomb_of_readings_is_refused() {
        let mut bomb = String::new();
        for level in 0..9 {
            let (encoded, other) = ("25".repeat(level), "25".repeat(9 - level));
            bomb.extend(["/a%", &encoded, "3b;x.%20%", &other, "5c"]);
        }
        assert!(parse(&bomb).is_err());
    }

    proptest! {
        #[test]
        fn every_single_change_of_a_reading_is_a_reading(path in "/[aB%2efF5c3b;./\\\\ 0]{0,24}") {
            if let Ok(parsed) = parse(&path) {
                let mut all = others(&path);
                all.push(path.clone());
                for reading in &all {
                    for change in CHANGES {
                        prop_assert!(all.contains(&change(reading)), "{} of {}", change(reading), path);
                    }
                    prop_assert!(!reading.split('/').any(|segment| segment == ".." || segment == "."));
                    prop_assert!(!reading.contains('\0'));
                }
                prop_assert_eq!(parsed.path_and_query().as_str(), path);
            }
        }
    }
}
