//! The readings of a path by upstreams: the closure over every change that one of them is known to make.
//!
//! Each change is a small function with the servers that make it. Their order differs from upstream
//! to upstream and some make one twice, so every order of them is gone through, until nothing new comes
//! out. A path with a dot segment or a control character in any of the texts is refused: no rule could tell where it
//! leads.

use encoding_rs::{
    BIG5, EUC_KR, Encoding, GBK, SHIFT_JIS, WINDOWS_874, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252,
    WINDOWS_1253, WINDOWS_1254, WINDOWS_1255, WINDOWS_1256, WINDOWS_1257, WINDOWS_1258,
};
use percent_encoding::percent_decode_str;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark, is_nfkc};

use super::Malformed;

/// Every text that the path could be taken for; the percent-encoding is known to be valid.
///
/// Characters that a client has to encode (a blank, a letter that is not ASCII) are decoded in all of them. A character
/// that it need not have encoded stays encoded in one of them, as for a router
/// that compares what came with what it knows: `/%61dmin` is no `/admin` to it, but may be a `/:page`.
pub(super) fn readings(path: &str) -> Result<Vec<String>, Malformed> {
    let mut found = vec![decoded_where_needed(path)];
    let mut next = 0;
    while let Some(reading) = found.get(next).cloned() {
        let changed = CHANGES.iter().filter_map(|change| change(&reading));
        for changed in changed.chain(best_fits(&reading)) {
            if !found.contains(&changed) {
                found.push(changed);
            }
        }
        if found.len() > MAX_READINGS || found.len() * path.len() > MAX_BYTES {
            return Err(Malformed("the path can be read in too many ways"));
        }
        next += 1;
    }
    for reading in &found {
        if reading.chars().any(char::is_control) {
            return Err(Malformed("the path contains control characters"));
        }
        if reading.split('/').any(is_dots) {
            return Err(Malformed("the path contains dot segments"));
        }
        if scripts_of(reading).nth(MAX_SCRIPTS).is_some() {
            return Err(Malformed("the path can be read in too many ways"));
        }
    }
    Ok(found)
}

/// The path up to each of its scripts after which it goes on, and which segment, from 0, that is.
///
/// Apache, PHP's own server and IIS run `/report.php` for `/report.php/anything`, and tell it the rest. Of two,
/// some take the first that exists, others (nginx, with the pattern that everybody copies) the last.
pub fn scripts_of(reading: &str) -> impl Iterator<Item = (usize, &str)> {
    let ends = reading.match_indices('/').skip(1).enumerate();
    ends.filter_map(move |(place, (end, _))| {
        let script = reading.get(..end)?;
        is_script(script.rsplit('/').next()?.as_bytes()).then_some((place, script))
    })
}

/// True if a segment is the name of a program that a web server may run.
pub(super) fn is_script(segment: &[u8]) -> bool {
    let Some(dot) = segment.iter().rposition(|byte| *byte == b'.') else { return false };
    let extension = segment.get(dot + 1..).unwrap_or_default();
    dot > 0 && SCRIPTS.iter().any(|script| extension.eq_ignore_ascii_case(script.as_bytes()))
}

/// `.` and `..`; on Windows, with blanks behind or between, too.
fn is_dots(segment: &str) -> bool {
    let dots = segment.trim_end_matches(' ');
    matches!(dots, "." | "..") || (dots.contains(' ') && dots.trim_matches(['.', ' ']).is_empty())
}

type Change = fn(&str) -> Option<String>;

const CHANGES: [Change; 16] = [
    decoded,
    decoded_but_slashes,
    unicode_escapes_decoded,
    normalised,
    ignorable_dropped,
    backslashes_turned,
    slashes_merged,
    parameters_cut,
    stopped_at_query,
    dots_and_blanks_trimmed,
    blanks_around_trimmed,
    streams_cut,
    cookieless_left_out,
    script_left_out::<0>,
    script_left_out::<1>,
    script_left_out::<2>,
];

/// Nearly all servers; done as many times as it changes anything. What does not decode stays as it is.
fn decoded(path: &str) -> Option<String> {
    path.contains('%').then(|| percent_decode_str(path).decode_utf8_lossy().into_owned())
}

/// Apache with `AllowEncodedSlashes NoDecode`, Tomcat with `passthrough`, routers that split first.
fn decoded_but_slashes(path: &str) -> Option<String> {
    if !path.contains('%') {
        return None;
    }
    let parts: Vec<String> =
        split_at_encoded_slashes(path).map(|part| decoded(part).unwrap_or_else(|| part.to_owned())).collect();
    Some(parts.join("%2F"))
}

fn split_at_encoded_slashes(path: &str) -> impl Iterator<Item = &str> {
    path.split("%2F").flat_map(|part| part.split("%2f"))
}

/// Where the path is encoded because it has to be (RFC 3986 §3.3: what is no `pchar`), but for `%` itself,
/// behind which another encoding may hide.
fn decoded_where_needed(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let value = if *first == b'%' { encoded_byte(after) } else { None };
        match value {
            Some(value) if !may_stand_in_a_path(value) => {
                bytes.push(value);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn may_stand_in_a_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?#\\%".contains(&byte)
}

fn encoded_byte(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits.get(..2)?).ok()?;
    u8::from_str_radix(digits, 16).ok()
}

/// IIS: `%u0061` is `a`.
fn unicode_escapes_decoded(path: &str) -> Option<String> {
    let mut parts = path.split("%u");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let decoded = part.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let decoded =
            decoded.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match (decoded, part.get(4..)) {
            (Some(character), Some(rest)) => {
                text.push(character);
                text.push_str(rest);
            }
            _ => text.extend(["%u", part]),
        }
    }
    (text != path).then_some(text)
}

/// File systems and frameworks that take compatible characters for one: `／` is `/`.
fn normalised(path: &str) -> Option<String> {
    (!path.is_ascii() && !is_nfkc(path)).then(|| path.nfkc().collect())
}

/// Windows, where a path becomes text of an old code page: `ł` is `l`, `∕` is `/`, and `¥` is `\\`. Each page keeps the
/// letters that it has: `/é/ł` is `/é/l` in Western Europe and `/é/ł` in Poland, and `/e/l` where neither is known.
fn best_fits(path: &str) -> impl Iterator<Item = String> {
    let pages = CODE_PAGES.iter().map(|page| Some(*page)).chain([None]);
    let pages = pages.take(if path.is_ascii() { 0 } else { usize::MAX });
    pages.filter_map(|page| best_fitted(path, page))
}

/// The path in one code page; `None`: in none that has more than ASCII.
fn best_fitted(path: &str, page: Option<&'static Encoding>) -> Option<String> {
    let mut fitted = String::with_capacity(path.len());
    for character in path.chars() {
        if character.is_ascii() || page.is_some_and(|page| is_in(page, character)) {
            fitted.push(character);
        } else {
            let base = std::iter::once(character).nfkd().filter(|c| !is_combining_mark(*c));
            fitted.extend(base.map(best_fit));
        }
    }
    (fitted != path).then_some(fitted)
}

fn is_in(page: &'static Encoding, character: char) -> bool {
    let (_, _, is_missing) = page.encode(character.encode_utf8(&mut [0; 4]));
    // A yen sign that Japan's page writes as a backslash.
    !is_missing && best_fit(character) != '\\'
}

/// As `bestfit1252.txt` and its kind have it, where Unicode knows no decomposition.
fn best_fit(character: char) -> char {
    let fits = || BEST_FIT.iter().find(|(from, _)| from.contains(character));
    if character.is_ascii() { character } else { fits().map_or(character, |(_, to)| *to) }
}

/// File systems that ignore what can't be seen, as HFS+ does (CVE-2014-9390).
fn ignorable_dropped(path: &str) -> Option<String> {
    if path.is_ascii() {
        return None;
    }
    let seen: String = path.chars().filter(|character| !is_ignorable(*character)).collect();
    (seen != path).then_some(seen)
}

fn is_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
    )
}

/// IIS and everything on Windows.
fn backslashes_turned(path: &str) -> Option<String> {
    path.contains('\\').then(|| path.replace('\\', "/"))
}

/// nginx, Apache, Express and most file servers.
fn slashes_merged(path: &str) -> Option<String> {
    if !path.contains("//") {
        return None;
    }
    let mut merged = String::with_capacity(path.len());
    for character in path.chars() {
        if character != '/' || !merged.ends_with('/') {
            merged.push(character);
        }
    }
    Some(merged)
}

/// Tomcat, Jetty and other servlet containers.
fn parameters_cut(path: &str) -> Option<String> {
    path.contains(';').then(|| each_segment(path, |segment| segment.split(';').next().unwrap_or_default()))
}

/// Servers that decode first and parse the URL afterwards.
fn stopped_at_query(path: &str) -> Option<String> {
    path.find(['?', '#']).and_then(|end| path.get(..end)).map(str::to_owned)
}

/// File names on Windows: dots and blanks at the end do not count.
fn dots_and_blanks_trimmed(path: &str) -> Option<String> {
    if !path.contains(['.', ' ']) {
        return None;
    }
    let trimmed =
        each_segment(
            path,
            |segment| {
                if is_dots(segment) { segment } else { segment.trim_end_matches(['.', ' ']) }
            },
        );
    (trimmed != path).then_some(trimmed)
}

/// Frameworks that trim what they split: Java's `trim`, Python's `strip`.
fn blanks_around_trimmed(path: &str) -> Option<String> {
    if !path.contains(char::is_whitespace) {
        return None;
    }
    let trimmed = each_segment(path, str::trim);
    (trimmed != path).then_some(trimmed)
}

/// ASP.NET without cookies: `/(S(session))/admin` and `/adm(S(session))in` are `/admin` (CVE-2023-36899).
fn cookieless_left_out(path: &str) -> Option<String> {
    let (mut left, mut rest) = (String::new(), path);
    while let Some((before, from)) = rest.find('(').and_then(|at| rest.split_at_checked(at)) {
        let length = cookieless_token(from).unwrap_or(0);
        left.push_str(before);
        if length == 0 {
            left.push('(');
        }
        rest = from.get(length.max(1)..).unwrap_or_default();
    }
    left.push_str(rest);
    (left != path).then_some(left)
}

/// The length of the token at the start of a text: `(S(x))`, `(A(x)F(y))`.
fn cookieless_token(text: &str) -> Option<usize> {
    let mut rest = text.strip_prefix('(')?;
    let mut values = 0;
    while let Some(value) = rest.strip_prefix(|letter: char| letter.is_ascii_alphabetic()) {
        let Some(value) = value.strip_prefix('(') else { break };
        let (end, _) = value.char_indices().find(|(_, c)| matches!(c, '(' | ')' | '/'))?;
        rest = value.get(end..)?.strip_prefix(')')?;
        values += 1;
    }
    let rest = rest.strip_prefix(')').filter(|_| values > 0)?;
    Some(text.len() - rest.len())
}

/// Windows, too: nor does the stream of a file (`web.config::$DATA`) or of a folder
/// (`admin:$I30:$INDEX_ALLOCATION`).
fn streams_cut(path: &str) -> Option<String> {
    if !path.contains(":$") {
        return None;
    }
    let cut = each_segment(path, |segment| {
        if segment.contains(":$") { segment.split(':').next().unwrap_or_default() } else { segment }
    });
    (cut != path).then_some(cut)
}

/// An application behind one script: `/shop/index.php/cart` is `/shop/cart` to it.
fn script_left_out<const WHICH: usize>(path: &str) -> Option<String> {
    let (_, script) = scripts_of(path).nth(WHICH)?;
    let (folder, _) = script.rsplit_once('/')?;
    let rest = path.get(script.len()..)?;
    Some(format!("{folder}{rest}"))
}

fn each_segment(path: &str, change: impl Fn(&str) -> &str) -> String {
    let changed: Vec<&str> = path.split('/').map(change).collect();
    changed.join("/")
}

/// The extensions of programs that a web server may run where the path goes on behind them.
const SCRIPTS: [&str; 46] = [
    "php", "php3", "php4", "php5", "php7", "php8", "phtml", "phar", "pht", "cgi", "fcgi", "fcg", "pl", "py",
    "pyc", "psp", "rb", "lua", "tcl", "sh", "bash", "ksh", "csh", "exe", "dll", "com", "bat", "cmd", "ps1",
    "vbs", "asp", "aspx", "ashx", "asmx", "asax", "ascx", "axd", "svc", "cfm", "cfc", "cfml", "do", "action",
    "jsp", "jspx", "nsf",
];

/// The longest of their names.
pub(super) const LONGEST_SCRIPT: usize = 6;

/// The ANSI code pages of Windows.
static CODE_PAGES: [&Encoding; 14] = [
    WINDOWS_1250,
    WINDOWS_1251,
    WINDOWS_1252,
    WINDOWS_1253,
    WINDOWS_1254,
    WINDOWS_1255,
    WINDOWS_1256,
    WINDOWS_1257,
    WINDOWS_1258,
    WINDOWS_874,
    SHIFT_JIS,
    GBK,
    EUC_KR,
    BIG5,
];

/// Characters, and the one that they become.
const BEST_FIT: [(&str, char); 34] = [
    ("α", 'a'),
    ("ƀ", 'b'),
    ("đðδ", 'd'),
    ("Đ\u{d0}", 'D'),
    ("ε", 'e'),
    ("ƒφ", 'f'),
    ("Φ", 'F'),
    ("ɡ", 'g'),
    ("Γ", 'G'),
    ("ħ", 'h'),
    ("Ħ", 'H'),
    ("ı", 'i'),
    ("ł", 'l'),
    ("Ł", 'L'),
    ("ø", 'o'),
    ("ØΩ", 'O'),
    ("π", 'p'),
    ("σ", 's'),
    ("Σ", 'S'),
    ("ŧτ", 't'),
    ("ŦΘ", 'T'),
    ("\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2015}\u{2212}\u{ad}", '-'),
    ("\u{2018}\u{2019}\u{201a}\u{201b}\u{2032}\u{2b9}\u{2bc}\u{2c8}", '\''),
    ("\u{2035}\u{2cb}", '`'),
    ("\u{201c}\u{201d}\u{201e}\u{201f}\u{2ba}", '"'),
    ("\u{2044}\u{2215}\u{29f8}", '/'),
    ("\u{2216}\u{29f5}¥₩", '\\'),
    ("\u{2217}", '*'),
    ("\u{2236}\u{2d0}", ':'),
    ("\u{223c}\u{2dc}", '~'),
    ("\u{2039}\u{2329}\u{3008}", '<'),
    ("\u{203a}\u{232a}\u{3009}", '>'),
    ("·\u{2219}\u{22c5}\u{3002}", '.'),
    ("¦\u{1c0}\u{2223}", '|'),
];

/// Real paths have one; there is a change for each.
const MAX_SCRIPTS: usize = 3;

/// Real paths have a handful; each costs a few look-ups.
const MAX_READINGS: usize = 48;

/// All texts together: a path as long as a head may be must not cost more than an ordinary one by far.
const MAX_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_script_and_what_it_is_told_are_found() {
        let scripts = |reading| scripts_of(reading).collect::<Vec<_>>();
        assert_eq!(scripts("/a/report.php/x/y"), [(1, "/a/report.php")]);
        assert_eq!(scripts("/index.PHP/"), [(0, "/index.PHP")]);
        assert_eq!(scripts("/a.php/b.cgi/c.pl"), [(0, "/a.php"), (1, "/a.php/b.cgi")]);
        for none in ["/", "/index.php", "/.php/x", "/php/x", "/a.phpx/x", "/jquery.js/x", ""] {
            assert!(scripts(none).is_empty(), "{none}");
        }
        assert!(readings("/a.php/b.php/c.php/d").is_ok());
        assert!(readings("/a.php/b.php/c.php/d.php/e").is_err());
    }

    #[test]
    fn only_characters_that_a_client_must_encode_are_decoded_in_every_reading() {
        for (path, decoded) in [
            ("/caf%C3%A9/x%20y", "/café/x y"),
            ("/%61%2F%3b%25%5B%7c", "/%61%2F%3b%25[|"),
            ("/100%25", "/100%25"),
        ] {
            assert_eq!(decoded_where_needed(path), decoded);
        }
    }

    #[test]
    fn every_change_does_what_its_servers_do() {
        let table: &[(Change, &str, Option<&str>)] = &[
            (decoded, "/%2561%2f", Some("/%61/")),
            (decoded_but_slashes, "/%61%2fb%2Fc%252f", Some("/a%2Fb%2Fc%2f")),
            (unicode_escapes_decoded, "/%u0061%u00zz%u", Some("/a%u00zz%u")),
            (unicode_escapes_decoded, "/%ud800", None),
            (normalised, "/／．．", Some("//..")),
            (normalised, "/é", None),
            (backslashes_turned, "/a\\b", Some("/a/b")),
            (slashes_merged, "//a///b/", Some("/a/b/")),
            (parameters_cut, "/a;x=1/b;c", Some("/a/b")),
            (stopped_at_query, "/a#b?c", Some("/a")),
            (dots_and_blanks_trimmed, "/a. ./b /c", Some("/a/b/c")),
            (streams_cut, "/b::$DATA/c:$I30:$INDEX_ALLOCATION/d:e$/f::g", Some("/b/c/d:e$/f::g")),
            (streams_cut, "/..::$DATA", Some("/..")),
            (ignorable_dropped, "/ad\u{200d}min\u{feff}", Some("/admin")),
            (ignorable_dropped, "/é", None),
            (blanks_around_trimmed, "/ admin/\u{a0}b\u{3000}/c d", Some("/admin/b/c d")),
            (blanks_around_trimmed, "/c d", None),
            (cookieless_left_out, "/(S(x))/admin", Some("//admin")),
            (cookieless_left_out, "/(A(a)S(b)F(c))/adm(S(x))in/x.aspx", Some("//admin/x.aspx")),
            (cookieless_left_out, "/f(x)/(y)/(ab(c))/(S(x)/(S(x/y))/(S(x", None),
            (script_left_out::<0>, "/shop/index.php/cart", Some("/shop/cart")),
            (script_left_out::<0>, "/index.php/", Some("/")),
            (script_left_out::<1>, "/a.php/b/c.cgi/d", Some("/a.php/b/d")),
        ];
        for (change, path, expected) in table {
            assert_eq!(change(path).as_deref(), *expected, "{path}");
        }
    }

    #[test]
    fn each_code_page_keeps_the_letters_that_it_has() {
        for (path, page, fitted) in [
            ("/ādmiń∕Łx", None, Some("/admin/Lx")),
            ("/日本", None, None),
            ("/é∖ādmin", Some(WINDOWS_1252), Some("/é\\admin")),
            ("/é/ł", Some(WINDOWS_1252), Some("/é/l")),
            ("/é/ł", Some(WINDOWS_1250), None),
            ("/é/ł", Some(WINDOWS_1251), Some("/e/l")),
            ("/a¥b", Some(SHIFT_JIS), Some("/a\\b")),
        ] {
            assert_eq!(best_fitted(path, page).as_deref(), fitted, "{path} {page:?}");
        }
        assert_eq!(best_fits("/x").count(), 0);
    }

    #[test]
    fn a_long_path_has_few_readings_or_none() {
        let long = "/a%2Fb".repeat(5000);
        assert_eq!(readings(&long).unwrap().len(), 2);
        assert!(readings(&format!("{long};//x%2561\\%3b%23.")).is_err());
    }

    #[test]
    fn dots_of_windows_are_read_as_dots() {
        for dots in [".", "..", ".. ", ". .", " .", ".. ..", ". "] {
            assert!(is_dots(dots), "{dots:?}");
        }
        for name in ["", "...", " ", "a.", ".a", ". a"] {
            assert!(!is_dots(name), "{name:?}");
        }
    }

    #[test]
    fn no_name_of_a_script_is_longer_than_the_longest() {
        assert_eq!(SCRIPTS.iter().map(|script| script.len()).max(), Some(LONGEST_SCRIPT));
    }

    proptest! {
        #![proptest_config(ProptestConfig { max_global_rejects: 65_536, ..ProptestConfig::default() })]

        #[test]
        fn every_change_of_a_reading_is_a_reading(
            path in "/([aB./\\\\ :$;éł∕／\u{200b}\u{3000}]|\\(S\\(x\\)\\)|%2[5efF0]|%5c|%3[bf]|%23|%u00|::\\$D|index\\.php/){0,12}"
        ) {
            let Ok(all) = readings(&path) else { return Err(TestCaseError::reject("refused")) };
            for reading in &all {
                for change in CHANGES {
                    let changed = change(reading).unwrap_or_else(|| reading.clone());
                    prop_assert!(all.contains(&changed), "{} of {}", changed, path);
                }
                for changed in best_fits(reading) {
                    prop_assert!(all.contains(&changed), "{} of {}", changed, path);
                }
            }
        }
    }
}
