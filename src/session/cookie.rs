//! The cookies that belong to the gateway: read, written, recognised.

use std::time::Duration;

use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, header::COOKIE};
use memchr::memchr;

use super::SessionToken;

/// The session cookie. `__Host-` makes browsers insist on Secure, on Path=/ and on no Domain
/// (RFC 6265bis §4.1.3.2), so that no neighbouring host can set it.
pub const SESSION_COOKIE: &str = "__Host-portcullis";

/// Binds the sign-in form to the browser that asked for it, before there is a session.
pub const FORM_COOKIE: &str = "__Host-portcullis-form";

/// Carries the code of a message that is shown once.
pub const NOTICE_COOKIE: &str = "__Host-portcullis-notice";

/// Says in which browsers somebody has signed in before; see [`crate::throttle`]. Gives no rights.
pub const DEVICE_COOKIE: &str = "__Host-portcullis-device";

/// How long a cookie is kept by the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Until the browser is closed.
    UntilClosed,
    /// For this long.
    For(Duration),
    /// Not at all: the browser is told to forget it.
    Forget,
}

/// Whether a cookie of this name is the gateway's: it never reaches an upstream and no upstream may set it.
pub fn is_ours(name: &[u8]) -> bool {
    let ours = SESSION_COOKIE.as_bytes();
    name.starts_with(ours) || name.get(..ours.len()).is_some_and(|head| head.eq_ignore_ascii_case(ours))
}

/// What a request brings under a cookie's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brought<'h> {
    /// Nothing.
    Nothing,
    /// This value.
    Value(&'h [u8]),
    /// The name, but no value: none stands there, or more than one.
    NoValue,
}

/// What is brought under this name, over all `Cookie` lines (HTTP/2 may split them, RFC 9113 §8.2.3).
///
/// A name that comes twice has no value: somebody is trying to pass a second one off.
pub fn read<'h>(headers: &'h HeaderMap, name: &str) -> Brought<'h> {
    let (mut is_named, mut found) = (false, None);
    for line in headers.get_all(COOKIE) {
        for pair in pairs(line.as_bytes()) {
            let Some(after) = pair.trim_ascii_start().strip_prefix(name.as_bytes()) else { continue };
            match after.trim_ascii_start().split_first() {
                Some((b'=', value)) => {
                    if found.replace(value.trim_ascii()).is_some() {
                        return Brought::NoValue;
                    }
                }
                None => is_named = true,
                // Another name, which begins with this one.
                Some(_) => {}
            }
        }
    }
    match found {
        Some(value) => Brought::Value(value),
        None if is_named => Brought::NoValue,
        None => Brought::Nothing,
    }
}

/// What stands between the semicolons of a line.
pub fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let end = memchr(b';', line).unwrap_or(line.len());
        rest = line.get(end + 1..);
        line.get(..end)
    })
}

/// The value of the cookie with this name, if it has one; see [`read`].
pub fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    match read(headers, name) {
        Brought::Value(value) => Some(value),
        Brought::Nothing | Brought::NoValue => None,
    }
}

/// A `Set-Cookie` value for the session cookie.
pub fn session(token: &SessionToken, keep: Keep) -> HeaderValue {
    write(SESSION_COOKIE, &token.to_cookie(), keep)
}

/// A `Set-Cookie` value for one of the gateway's cookies: `Secure`, `HttpOnly`, `SameSite=Lax`, `Path=/`.
///
/// # Panics
/// If the value is not made of cookie octets; callers pass tokens and codes of their own making.
pub fn write(name: &'static str, value: &str, keep: Keep) -> HeaderValue {
    let mut cookie =
        Cookie::build((name, value)).path("/").secure(true).http_only(true).same_site(SameSite::Lax);
    match keep {
        Keep::UntilClosed => {}
        Keep::For(time) => {
            let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
            cookie = cookie.max_age(time::Duration::seconds(seconds));
        }
        Keep::Forget => cookie = cookie.max_age(time::Duration::ZERO),
    }
    let mut header = HeaderValue::from_str(&cookie.build().to_string())
        .expect("names, tokens and codes of the gateway are cookie octets");
    header.set_sensitive(true);
    header
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_is_found_among_others_and_over_several_lines() {
        let name = SESSION_COOKIE;
        for lines in [
            &["__Host-portcullis=abc"][..],
            &["a=b; __Host-portcullis=abc; c=d"],
            &["a=b", "__Host-portcullis=abc"],
            &["x;;=; __Host-portcullis=abc"],
        ] {
            assert_eq!(find(&headers(lines), name), Some(&b"abc"[..]), "{lines:?}");
        }
    }

    #[test]
    fn a_doubled_or_disguised_cookie_has_no_value() {
        let name = SESSION_COOKIE;
        for lines in [
            &["__Host-portcullis=abc; __Host-portcullis=def"][..],
            &["__Host-portcullis=abc", "__Host-portcullis=abc"],
            &["__host-portcullis=abc"],
            &["__Host-portcullis2=abc"],
            &["x__Host-portcullis=abc"],
            &["__Host-portcullis"],
        ] {
            assert_eq!(find(&headers(lines), name), None, "{lines:?}");
        }
        assert_eq!(find(&HeaderMap::new(), name), None);
    }

    #[test]
    fn a_name_without_a_value_is_still_brought() {
        for (lines, brought) in [
            (&["n=1; n=2"][..], Brought::NoValue),
            (&["n"], Brought::NoValue),
            (&["n; m"], Brought::NoValue),
            (&["n; n=1"], Brought::Value(b"1")),
            (&["n=", "m"], Brought::Value(b"")),
            (&["nn=1; N=2; m=n; m n=3; n m=4; =n"], Brought::Nothing),
            (&[], Brought::Nothing),
        ] {
            assert_eq!(read(&headers(lines), "n"), brought, "{lines:?}");
        }
    }

    /// What [`read`] is to find, word by word: a line is split at its semicolons, a pair at its first `=`.
    fn defined<'h>(lines: &'h [String], name: &str) -> Brought<'h> {
        let pairs = lines.iter().flat_map(|line| line.split(';'));
        let pairs =
            pairs.map(|pair| pair.split_once('=').map_or((pair, None), |(key, value)| (key, Some(value))));
        let named: Vec<_> =
            pairs.filter(|(key, _)| key.trim_ascii() == name).map(|(_, value)| value).collect();
        match named.iter().flatten().collect::<Vec<_>>().as_slice() {
            [] if named.is_empty() => Brought::Nothing,
            [value] => Brought::Value(value.trim_ascii().as_bytes()),
            _ => Brought::NoValue,
        }
    }

    proptest! {
        #[test]
        fn cookies_are_read_as_defined(
            lines in prop::collection::vec("(n|nn|N|m|=|;|; | |\t|1){0,8}", 0..4),
        ) {
            let headers = headers(&lines.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(read(&headers, "n"), defined(&lines, "n"));
        }
    }

    #[test]
    fn written_cookies_carry_every_protection() {
        let token = SessionToken::generate().unwrap();
        let kept = session(&token, Keep::For(Duration::from_hours(1)));
        let kept = kept.to_str().unwrap();
        for part in ["__Host-portcullis=", "HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=3600"] {
            assert!(kept.contains(part), "{kept}");
        }
        assert!(!kept.contains("Domain"));
        assert!(!session(&token, Keep::UntilClosed).to_str().unwrap().contains("Max-Age"));
        assert!(write(NOTICE_COOKIE, "", Keep::Forget).to_str().unwrap().contains("Max-Age=0"));
        assert!(is_ours(b"__Host-portcullis-notice") && is_ours(b"__HOST-Portcullis") && !is_ours(b"sid"));
    }
}
