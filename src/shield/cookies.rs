//! The attributes that an application's own cookies lack.
//!
//! `Set-Cookie` fields are read as browsers read them (RFC 6265bis §5.6): split at every `;`, with no regard to quotes,
//! so that what is added is an attribute to them and nothing else. An attribute that is there in any
//! spelling, even with a value that means nothing, is the application's own and is left alone: there are
//! never two.

use http::{
    HeaderMap, HeaderValue,
    header::{Entry, SET_COOKIE},
};

/// The attributes that are added to cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cookies {
    /// `Secure`: never sent over plain HTTP.
    pub secure: bool,
    /// `HttpOnly`: not for scripts; some applications read theirs.
    pub http_only: bool,
    /// `SameSite`; without it, browsers have a default of their own.
    pub same_site: Option<SameSite>,
}

/// A value of `SameSite`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Sent along when somebody follows a link from elsewhere.
    Lax,
    /// Never sent along from elsewhere.
    Strict,
}

impl Cookies {
    /// Adds to each `Set-Cookie` field the attributes that it lacks.
    pub fn tighten(self, headers: &mut HeaderMap) {
        if self == Self::default() || !headers.contains_key(SET_COOKIE) {
            return;
        }
        if let Entry::Occupied(mut lines) = headers.entry(SET_COOKIE) {
            for line in lines.iter_mut() {
                if let Some(tightened) = self.tightened(line) {
                    *line = tightened;
                }
            }
        }
    }

    /// `None`: it lacks nothing, or is no cookie.
    fn tightened(self, line: &HeaderValue) -> Option<HeaderValue> {
        let bytes = line.as_bytes();
        let mut parts = bytes.split(|byte| *byte == b';');
        let pair = parts.next().unwrap_or_default();
        // A browser drops what has neither name nor value; with an attribute after it, it would be nothing else.
        if pair.trim_ascii().is_empty() {
            return None;
        }
        let (mut secure, mut http_only, mut same_site) = (false, false, false);
        for part in parts {
            let name = part.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
            secure |= name.eq_ignore_ascii_case(b"secure");
            http_only |= name.eq_ignore_ascii_case(b"httponly");
            same_site |= name.eq_ignore_ascii_case(b"samesite");
        }
        let same_site_text = match self.same_site {
            None => None,
            Some(SameSite::Lax) => Some(&b"; SameSite=Lax"[..]),
            Some(SameSite::Strict) => Some(&b"; SameSite=Strict"[..]),
        };
        let added = [
            Some(&b"; Secure"[..]).filter(|_| self.secure && !secure),
            Some(&b"; HttpOnly"[..]).filter(|_| self.http_only && !http_only),
            same_site_text.filter(|_| !same_site),
        ];
        if added.iter().all(Option::is_none) {
            return None;
        }
        let mut tightened = bytes.to_vec();
        for attribute in added.into_iter().flatten() {
            tightened.extend_from_slice(attribute);
        }
        // A legal value, and legal bytes after it, are a legal value.
        let mut tightened = HeaderValue::from_maybe_shared(bytes::Bytes::from(tightened)).ok()?;
        tightened.set_sensitive(line.is_sensitive());
        Some(tightened)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: Cookies = Cookies { secure: true, http_only: true, same_site: Some(SameSite::Lax) };

    fn tightened(cookies: Cookies, line: &[u8]) -> Vec<u8> {
        let mut headers = HeaderMap::new();
        headers.insert(SET_COOKIE, HeaderValue::from_bytes(line).unwrap());
        cookies.tighten(&mut headers);
        headers.get(SET_COOKIE).unwrap().as_bytes().to_vec()
    }

    #[test]
    fn every_line_gets_what_it_lacks_and_nothing_twice() {
        for (line, expected) in [
            ("a=b", "a=b; Secure; HttpOnly; SameSite=Lax"),
            ("a=b; Path=/; Secure", "a=b; Path=/; Secure; HttpOnly; SameSite=Lax"),
            ("a=b;secure;HTTPONLY;samesite=none", "a=b;secure;HTTPONLY;samesite=none"),
            ("a=b; SECURE = false ; httponly=x", "a=b; SECURE = false ; httponly=x; SameSite=Lax"),
            ("a=b; SameSite", "a=b; SameSite; Secure; HttpOnly"),
            // Part of a value, of another attribute, of a longer name: no attribute of that name.
            ("secure=httponly", "secure=httponly; Secure; HttpOnly; SameSite=Lax"),
            ("a=\"b; secure\"", "a=\"b; secure\"; Secure; HttpOnly; SameSite=Lax"),
            ("a=b; path=/secure; insecure", "a=b; path=/secure; insecure; Secure; HttpOnly; SameSite=Lax"),
            ("a=b; domain=;; max-age=0;", "a=b; domain=;; max-age=0;; Secure; HttpOnly; SameSite=Lax"),
            ("a", "a; Secure; HttpOnly; SameSite=Lax"),
            ("=a", "=a; Secure; HttpOnly; SameSite=Lax"),
            ("", ""),
            (" ; Path=/", " ; Path=/"),
        ] {
            let found = tightened(ALL, line.as_bytes());
            assert_eq!(String::from_utf8_lossy(&found), expected, "{line}");
        }
        assert_eq!(tightened(ALL, b"a=\xff\x80"), b"a=\xff\x80; Secure; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn all_lines_are_looked_at_and_stay_in_order() {
        let mut headers = HeaderMap::new();
        for line in ["a=1; Secure", "b=2", "a=1", ""] {
            headers.append(SET_COOKIE, HeaderValue::from_static(line));
        }
        Cookies { secure: true, ..Cookies::default() }.tighten(&mut headers);
        let lines: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
        assert_eq!(lines, ["a=1; Secure", "b=2; Secure", "a=1; Secure", ""]);
    }

    /// A line as a browser reads it: the pair, and the names of the attributes (RFC 6265bis §5.6).
    fn read(line: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
        let mut parts = line.split(|byte| *byte == b';');
        let pair = parts.next().unwrap().trim_ascii().to_vec();
        let name =
            |part: &[u8]| part.split(|byte| *byte == b'=').next().unwrap().trim_ascii().to_ascii_lowercase();
        (pair, parts.map(name).collect())
    }

    proptest! {
        #[test]
        fn whatever_a_cookie_looks_like_it_stays_that_cookie(
            parts in proptest::collection::vec("[ -~\t]{0,12}|[Ss]ecure|HttpOnly *|samesite=.?", 0..6),
            high in any::<bool>(),
        ) {
            let mut line = parts.join(";").into_bytes();
            if high {
                line.push(0xe9);
            }
            let Ok(value) = HeaderValue::from_bytes(&line) else { return Err(TestCaseError::reject("no value")) };
            let line = value.as_bytes();
            let found = tightened(ALL, line);
            let ((pair, before), (same, after)) = (read(line), read(&found));
            prop_assert_eq!(&pair, &same);
            prop_assert!(after.starts_with(&before), "attributes stay");
            if !pair.is_empty() {
                for name in [&b"secure"[..], b"httponly", b"samesite"] {
                    let had = before.iter().filter(|attribute| *attribute == name).count();
                    let has = after.iter().filter(|attribute| *attribute == name).count();
                    prop_assert_eq!(has, had.max(1), "{}", String::from_utf8_lossy(&found));
                }
            }
            prop_assert_eq!(&tightened(ALL, &found), &found);
        }
    }
}
