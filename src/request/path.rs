//! Paths whose every reading is known.
//!
//! An upstream may decode a path, decode it twice, merge slashes, take `\` for
//! `/`, cut `;parameters`, stop at an encoded `?` or `#`, drop trailing dots
//! and blanks, take what follows `index.php` for the path, know a file by a
//! short name, take letters for others, ignore case. The
//! gateway cannot know which. So the path is forwarded byte for byte, and
//! rules are asked about **every** text that one of these could make of it;
//! dot segments and control characters have no place in any of them. Nearly
//! all paths have one reading and cost one scan.

use std::borrow::Cow;

use http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;

use super::{
    Folding, Malformed,
    readings::readings,
    scripts::{LONGEST_SCRIPT, is_script},
    short_names::is_short_name,
};

/// A path whose readings are settled.
///
/// Holding one proves: it starts with `/`, its percent-encoding is valid, it decodes to UTF-8,
/// and in no reading is there a dot segment, a NUL or another control character.
#[derive(Clone, Debug)]
pub struct NormalPath {
    received: PathAndQuery,
    /// Segments as received, each decoded once; only where decoding changes something.
    decoded: Option<Box<[String]>>,
    /// Whole paths that an upstream could take this one for; none: what was received, and nothing else.
    readings: Box<[String]>,
    /// True if folding of case or a trailing slash makes a difference, or a short name.
    folds: bool,
}

impl NormalPath {
    /// Settles the path of a request.
    pub fn parse(received: PathAndQuery) -> Result<Self, Malformed> {
        let path = received.path();
        let class = classify(path)?;
        if !class.ambiguous {
            return Ok(Self { received, decoded: None, readings: Box::default(), folds: class.folds });
        }
        let decoded: Box<[String]> = Segments::of(path)
            .map(|segment| decode(segment).map(Cow::into_owned))
            .collect::<Result<_, _>>()?;
        let readings = readings(path)?.into();
        Ok(Self { received, decoded: Some(decoded), readings, folds: true })
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
            None => Segments::of(self.received.path()),
        }
    }

    /// The plain reading as text; a slash inside a segment stays `%2F`.
    pub fn decoded(&self) -> String {
        let mut text = String::new();
        for segment in self.segments() {
            text.push('/');
            text.push_str(&segment.replace('/', "%2F"));
        }
        text
    }

    /// Every text that an upstream could take this path for, before case and trailing slashes are ignored;
    /// one alone for nearly all paths. A slash inside a segment is `%2F` in those that keep it apart.
    pub fn readings(&self) -> impl Iterator<Item = &str> {
        let received = self.readings.is_empty().then(|| self.as_str());
        received.into_iter().chain(self.readings.iter().map(String::as_str))
    }

    /// Every reading in every way to compare it, each text with what was ignored for it. Where ignoring
    /// something changes nothing, it is left out, unless `rules_fold`: the rules may change by it.
    pub fn folded_readings(&self, rules_fold: bool) -> impl Iterator<Item = (Folding, Cow<'_, str>)> {
        // The path as received is judged first.
        let is_judged = self.readings.is_empty();
        self.readings().flat_map(move |reading| {
            Folding::ALL.into_iter().filter_map(move |folding| {
                let matters = rules_fold || folding.changes(reading);
                let is_new = !is_judged || folding != Folding::default();
                (matters && is_new).then(|| (folding, folding.of(reading)))
            })
        })
    }

    /// True if a segment could be the short name of a file on Windows, in any reading.
    pub fn has_short_names(&self) -> bool {
        self.folds
            && self.readings().any(|reading| reading.contains('~') && reading.split('/').any(is_short_name))
    }

    /// True if an upstream could read it as another path; folding of case, or of a slash at the end, counts.
    pub fn folds(&self) -> bool {
        self.folds
    }
}

/// The segments of one reading of a path.
#[derive(Clone, Debug)]
pub enum Segments<'p> {
    /// The rest of a text, which is split at its slashes; `None`: the end is reached.
    Text(Option<&'p str>),
    /// Decoded one by one: a slash may stand inside.
    Decoded(std::slice::Iter<'p, String>),
}

impl<'p> Segments<'p> {
    /// The segments of a text: what stands between its slashes, the first slash left out.
    pub fn of(path: &'p str) -> Self {
        Self::Text(Some(path.strip_prefix('/').unwrap_or(path)))
    }
}

impl<'p> Iterator for Segments<'p> {
    type Item = &'p str;

    fn next(&mut self) -> Option<&'p str> {
        match self {
            // By hand: segments are short, and `str::split` takes four times as long to begin with one.
            Self::Text(left) => {
                let text = left.take()?;
                let Some(slash) = text.bytes().position(|byte| byte == b'/') else { return Some(text) };
                *left = text.get(slash + 1..);
                text.get(..slash)
            }
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
    let (mut before, mut dot) = (0, 0);
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'%' | b';' | b'\\' => class.ambiguous = true,
            b'/' if before == b'/' || before == b'.' => class.ambiguous = true,
            // Behind what may be the name of a script, a closer look is worth it.
            b'/' => {
                let may_be_script = dot > 0 && at - dot <= LONGEST_SCRIPT + 1;
                class.ambiguous |= may_be_script && ends_in_script(bytes.get(..at).unwrap_or_default());
                dot = 0;
            }
            b'.' => dot = at,
            // `file::$DATA`: a stream of a file on Windows.
            b'$' if before == b':' => class.ambiguous = true,
            // `(S(…))`: a session of ASP.NET.
            b'(' if before.is_ascii_alphabetic() && bytes.get(at.wrapping_sub(2)) == Some(&b'(') => {
                class.ambiguous = true;
            }
            // `ADMINI~1`: a short name on Windows.
            b'0'..=b'9' if before == b'~' => class.folds = true,
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

/// True if these bytes end in the name of a script, after which a path may go on.
fn ends_in_script(before: &[u8]) -> bool {
    is_script(before.rsplit(|byte| *byte == b'/').next().unwrap_or_default())
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

const BAD_ENCODING: Malformed = Malformed("the path contains an invalid percent-encoding");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(path: &str) -> Result<NormalPath, Malformed> {
        NormalPath::parse(PathAndQuery::try_from(path).map_err(|_| BAD_ENCODING)?)
    }

    fn readings_of(path: &str) -> Vec<String> {
        parse(path).unwrap().readings().map(str::to_owned).collect()
    }

    #[test]
    fn an_ordinary_path_has_one_reading() {
        for path in
            ["/", "/a", "/a/b.html", "/.well-known/x", "/a..b/c", "/~u/x-y_z", "/a/@b:c,d=e+f!", "/a/...b"]
        {
            let parsed = parse(path).unwrap();
            assert!(parsed.decoded.is_none() && parsed.readings.is_empty() && !parsed.folds(), "{path}");
        }
        assert!(parse("/Main.js").unwrap().folds() && parse("/a/").unwrap().folds());
    }

    #[test]
    fn a_path_without_a_single_safe_meaning_is_refused() {
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
        assert!(readings_of("/a//b").contains(&"/a/b".to_owned()));
        assert!(readings_of("/a%2fb").contains(&"/a/b".to_owned()));
        assert!(readings_of("/a%252fb").contains(&"/a/b".to_owned()));
        assert!(readings_of("/a\\b").contains(&"/a/b".to_owned()));
        assert!(readings_of("/a%5cb").contains(&"/a/b".to_owned()));
        assert!(readings_of("/a;v=1/b;w").contains(&"/a/b".to_owned()));
        assert!(readings_of("/a%3bv=1/b").contains(&"/a/b".to_owned()));
        assert!(readings_of("/a%3f/b").contains(&"/a".to_owned()));
        assert!(readings_of("/a%23/b").contains(&"/a".to_owned()));
        assert!(readings_of("/a./b").contains(&"/a/b".to_owned()));
        assert!(readings_of("/a%20/b").contains(&"/a/b".to_owned()));
        assert!(readings_of("//a").contains(&"/a".to_owned()));
        assert!(readings_of("/%61dmin").contains(&"/admin".to_owned()));
        assert!(readings_of("/%2561dmin;x//y").contains(&"/admin/y".to_owned()));
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
        #![proptest_config(ProptestConfig { max_global_rejects: 65_536, ..ProptestConfig::default() })]

        #[test]
        fn no_reading_has_a_dot_segment_or_a_control_character(path in "/[aB%2efF5c3b;./\\\\ 0:$]{0,24}") {
            let Ok(parsed) = parse(&path) else { return Err(TestCaseError::reject("refused")) };
            for reading in parsed.readings() {
                prop_assert!(!reading.split('/').any(|segment| segment == ".." || segment == "."));
                prop_assert!(!reading.contains(char::is_control));
            }
            prop_assert_eq!(parsed.path_and_query().as_str(), path);
        }
    }
}
