//! The cookies that belong to the gateway: read, written, recognised.

use std::time::Duration;

use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, header::COOKIE};

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
    name.get(..SESSION_COOKIE.len()).is_some_and(|head| head.eq_ignore_ascii_case(SESSION_COOKIE.as_bytes()))
}

/// The value of the cookie with this name, over all `Cookie` lines (HTTP/2 may split them, RFC 9113 §8.2.3).
///
/// A name that comes twice has no value: somebody is trying to pass a second one off.
pub fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    let mut found = None;
    for line in headers.get_all(COOKIE) {
        for pair in line.as_bytes().split(|byte| *byte == b';') {
            let Some(at) = pair.iter().position(|byte| *byte == b'=') else { continue };
            let (key, value) = pair.split_at(at);
            if key.trim_ascii() == name.as_bytes() {
                if found.is_some() {
                    return None;
                }
                found = value.get(1..).map(<[u8]>::trim_ascii);
            }
        }
    }
    found
}

/// Whether any `Cookie` line carries this name, however often and with whatever value.
pub fn is_presented(headers: &HeaderMap, name: &str) -> bool {
    headers.get_all(COOKIE).iter().any(|line| {
        line.as_bytes().split(|byte| *byte == b';').any(|pair| {
            let key = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
            key.trim_ascii() == name.as_bytes()
        })
    })
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
