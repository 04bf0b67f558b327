//! The changes that upstreams are known to make to a path, each with the servers that make it.
//!
//! A change returns the changed path, or `None` if it leaves this path as it is. `readings` applies them in every order.

use percent_encoding::percent_decode_str;
use unicode_normalization::{UnicodeNormalization, is_nfkc};

use crate::request::scripts::scripts_of;

pub(super) type Change = fn(&str) -> Option<String>;

pub(super) const CHANGES: [Change; 16] = [
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
pub(super) fn decoded_where_needed(path: &str) -> String {
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

/// `.` and `..`; on Windows, with blanks behind or between, too.
pub(super) fn is_dots(segment: &str) -> bool {
    let dots = segment.trim_end_matches(' ');
    matches!(dots, "." | "..") || (dots.contains(' ') && dots.trim_matches(['.', ' ']).is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn dots_of_windows_are_read_as_dots() {
        for dots in [".", "..", ".. ", ". .", " .", ".. ..", ". "] {
            assert!(is_dots(dots), "{dots:?}");
        }
        for name in ["", "...", " ", "a.", ".a", ". a"] {
            assert!(!is_dots(name), "{name:?}");
        }
    }
}
