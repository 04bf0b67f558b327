//! The cookies of the gateway: their names, reading them from a request, writing them into a response.
//!
//! The portal and the gateway read and write them; `forward` removes them from what upstreams get and set. A cookie that
//! is sent twice, or in another spelling than that of browsers, has no value. What a value means is decided elsewhere.

use std::time::Duration;

use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, header::COOKIE};
use memchr::memchr;

/// The names of the gateway's cookies, made of one base name.
///
/// All begin with `__Host-Http-` (RFC 6265bis, layered cookies): a browser takes such a cookie only from a response,
/// with `Secure`, `HttpOnly` and `Path=/` and without `Domain`. Without the prefix, Mallory's script in an application sets 400
/// cookies, so that the browser drops Alice's session cookie, and then puts one with Mallory's session in its place. A
/// browser that does not know the prefix reads `__Host-`: no neighbouring host can set the cookie then, but a script
/// of this one can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieNames {
    session: Box<str>,
    form: Box<str>,
    flash: Box<str>,
    device: Box<str>,
    attempt: Box<str>,
    hand_over: Box<str>,
    pending: Box<str>,
    link: Box<str>,
    parked_form: Box<str>,
}

/// Why a base name can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCookieName {
    /// Other gateways on this host could not tell the cookie from one of an application.
    #[error("it has to begin with `portcullis`")]
    Prefix,
    /// Not made of letters, digits, `-` and `_`, or too long.
    #[error("it may have 64 characters: letters, digits, `-` and `_`")]
    Characters,
    /// The session cookie would have the name of another cookie of a gateway with a shorter base name.
    #[error(
        "it must not end in `-form`, `-notice`, `-device`, `-hand-over`, `-pending`, `-link` or `-parked`, and not contain `-oidc-`"
    )]
    Suffix,
}

impl CookieNames {
    /// The names for a base name such as `portcullis-test`.
    ///
    /// Every base name begins with `portcullis`, so that [`is_ours`] knows the cookies of each gateway: cookies know
    /// no ports, and the session cookie of the gateway at `:8443` reaches the one at `:9443`, too.
    pub fn parse(base: &str) -> Result<Self, BadCookieName> {
        if !base.starts_with(BASE) {
            return Err(BadCookieName::Prefix);
        }
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if base.len() > MAX_BASE_BYTES || !base.bytes().all(is_allowed) {
            return Err(BadCookieName::Characters);
        }
        if SUFFIXES.iter().any(|suffix| base.ends_with(suffix)) || base.contains(ATTEMPT) {
            return Err(BadCookieName::Suffix);
        }
        Ok(Self::of(base))
    }

    fn of(base: &str) -> Self {
        let [form, flash, device, hand_over, pending, link, parked_form] =
            SUFFIXES.map(|suffix| format!("{PREFIX}{base}{suffix}").into());
        let attempt = format!("{PREFIX}{base}{ATTEMPT}").into();
        let session = format!("{PREFIX}{base}").into();
        Self { session, form, flash, device, attempt, hand_over, pending, link, parked_form }
    }

    /// The session cookie.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Binds the sign-in form to the browser that asked for it, before there is a session.
    pub fn form(&self) -> &str {
        &self.form
    }

    /// Carries the code of a flash message, which one page shows once.
    pub fn flash(&self) -> &str {
        &self.flash
    }

    /// Marks a browser in which the user has signed in before; see [`crate::throttle`]. Gives no rights.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// Binds an attempt to sign in at a provider to the browser that started it; `mark` tells attempts apart.
    pub fn attempt(&self, mark: &str) -> String {
        format!("{}{mark}", self.attempt)
    }

    /// Carries the secret of a one-time link from its address to the page that uses it.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// Binds the hand-over of a sign-in from the portal host to the browser that asked for it.
    pub fn hand_over(&self) -> &str {
        &self.hand_over
    }

    /// Holds the code of a sign-in whose second step is missing. It opens nothing but the pages of that step.
    pub fn pending(&self) -> &str {
        &self.pending
    }

    /// Holds the secret by which this browser's parked forms are found and read.
    pub fn parked_form(&self) -> &str {
        &self.parked_form
    }
}

impl Default for CookieNames {
    fn default() -> Self {
        Self::of(BASE)
    }
}

/// How long the browser keeps a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Until the browser is closed.
    UntilClosed,
    /// For this long.
    For(Duration),
    /// The browser removes the cookie.
    Forget,
}

/// Whether a cookie of this name is a gateway's: it never reaches an upstream and no upstream may set it.
///
/// Cookies of other gateways on this host count, and so do the names of older releases without `Http-`, which browsers
/// keep for a while.
pub fn is_ours(name: &[u8]) -> bool {
    name.first() == Some(&b'_')
        && OURS.iter().any(|ours| name.get(..ours.len()).is_some_and(|head| head.eq_ignore_ascii_case(ours)))
}

/// The value of a cookie in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieValue<'h> {
    /// The name does not occur.
    Absent,
    /// The value.
    Value(&'h [u8]),
    /// The name occurs without a value, or more than once.
    Invalid,
}

/// Reads the cookie with this name from all `Cookie` fields (HTTP/2 may split them, RFC 9113 §8.2.3).
///
/// A name that occurs twice has no value: Mallory may be trying to pass a second one off. A name has one spelling, that
/// of browsers (RFC 6265 §4.2.1): behind blanks alone, and with `=` right after it. With another blank there, or in the
/// syntax of RFC 2109, which begins with `$Version`, servers differ in what they read, and the cookie has no value
/// either.
pub fn read<'h>(headers: &'h HeaderMap, name: &str) -> CookieValue<'h> {
    let (mut is_named, mut is_misspelt, mut found) = (false, false, None);
    for line in headers.get_all(COOKIE) {
        for pair in pairs(line.as_bytes()) {
            let start = pair.iter().position(|byte| *byte != b' ').unwrap_or(pair.len());
            let plain = pair.get(start..).unwrap_or_default();
            let trimmed = plain.trim_ascii_start();
            is_misspelt |= is_version(trimmed);
            let Some(after) = trimmed.strip_prefix(name.as_bytes()) else { continue };
            match after.split_first() {
                Some((b'=', value)) if trimmed.len() == plain.len() => {
                    is_misspelt |= found.replace(value).is_some();
                }
                _ => match after.trim_ascii_start().split_first() {
                    Some((b'=', _)) => (is_named, is_misspelt) = (true, true),
                    None => is_named = true,
                    // Another name, which begins with this one.
                    Some(_) => {}
                },
            }
        }
    }
    match found {
        Some(value) if !is_misspelt => CookieValue::Value(value),
        None if !is_named => CookieValue::Absent,
        _ => CookieValue::Invalid,
    }
}

/// Whether this is `$Version`, with which a `Cookie` field of RFC 2109 begins.
fn is_version(pair: &[u8]) -> bool {
    pair.first() == Some(&b'$') && pair.get(..8).is_some_and(|head| head.eq_ignore_ascii_case(b"$version"))
}

/// The parts of a `Cookie` value between its semicolons.
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
        CookieValue::Value(value) => Some(value),
        CookieValue::Absent | CookieValue::Invalid => None,
    }
}

/// The cookies whose names begin with `prefix`: the rest of each name, and its value.
pub fn with_prefix<'h>(headers: &'h HeaderMap, prefix: &str) -> impl Iterator<Item = (&'h str, &'h [u8])> {
    let lines = headers.get_all(COOKIE).into_iter();
    lines.flat_map(|line| pairs(line.as_bytes())).filter_map(move |pair| {
        let equals = memchr(b'=', pair)?;
        let (name, value) = pair.split_at(equals);
        let rest = name.trim_ascii_start().strip_prefix(prefix.as_bytes())?;
        Some((std::str::from_utf8(rest).ok()?, value.get(1..)?))
    })
}

/// A `Set-Cookie` value for one of the gateway's cookies: `Secure`, `HttpOnly`, `SameSite=Lax`, `Path=/`.
///
/// # Panics
/// If the value is not made of cookie octets; callers pass tokens and codes of their own making.
pub fn write(name: &str, value: &str, keep: Keep) -> HeaderValue {
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

const PREFIX: &str = "__Host-Http-";
const BASE: &str = "portcullis";
const SUFFIXES: [&str; 7] = ["-form", "-notice", "-device", "-hand-over", "-pending", "-link", "-parked"];
const ATTEMPT: &str = "-oidc-";
/// The prefixes of all cookies of gateways.
const OURS: [&[u8]; 2] = [b"__Host-Http-portcullis", b"__Host-portcullis"];
/// A cookie's name and attributes are sent with each request; nobody needs a longer one.
const MAX_BASE_BYTES: usize = 64;

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
        let names = CookieNames::default();
        let name = names.session();
        for lines in [
            &["__Host-Http-portcullis=abc"][..],
            &["a=b; __Host-Http-portcullis=abc; c=d"],
            &["a=b", "__Host-Http-portcullis=abc"],
            &["x;;=; __Host-Http-portcullis=abc"],
        ] {
            assert_eq!(find(&headers(lines), name), Some(&b"abc"[..]), "{lines:?}");
        }
    }

    #[test]
    fn a_doubled_or_disguised_cookie_has_no_value() {
        let names = CookieNames::default();
        let name = names.session();
        for lines in [
            &["__Host-Http-portcullis=abc; __Host-Http-portcullis=def"][..],
            &["__Host-Http-portcullis=abc", "__Host-Http-portcullis=abc"],
            &["__host-http-portcullis=abc"],
            &["__Host-Http-portcullis2=abc"],
            &["x__Host-Http-portcullis=abc"],
            &["__Host-Http-portcullis"],
            // From before the prefix: a script could have set it.
            &["__Host-portcullis=abc"],
        ] {
            assert_eq!(find(&headers(lines), name), None, "{lines:?}");
        }
        assert_eq!(find(&HeaderMap::new(), name), None);
    }

    #[test]
    fn cookies_are_found_by_the_start_of_their_names() {
        let headers = headers(&["a=1; n-x=2;  n-y=", "N-z=3; n=4; n-w; xn-v=5"]);
        let found: Vec<_> = with_prefix(&headers, "n-").collect();
        assert_eq!(found, [("x", &b"2"[..]), ("y", b"")]);
    }

    #[test]
    fn a_cookie_name_without_a_value_is_invalid_and_not_absent() {
        for (lines, brought) in [
            (&["n=1; n=2"][..], CookieValue::Invalid),
            (&["n"], CookieValue::Invalid),
            (&["n; m"], CookieValue::Invalid),
            (&["n; n=1"], CookieValue::Value(b"1")),
            (&["n=", "m"], CookieValue::Value(b"")),
            (&["nn=1; N=2; m=n; m n=3; n m=4; =n"], CookieValue::Absent),
            (&["n =1"], CookieValue::Invalid),
            (&["n\t=1"], CookieValue::Invalid),
            (&["m;\tn=1"], CookieValue::Invalid),
            (&["n=1; n =2"], CookieValue::Invalid),
            (&["m;  n=1"], CookieValue::Value(b"1")),
            (&["n= 1"], CookieValue::Value(b" 1")),
            (&["$Version=1; n=1"], CookieValue::Invalid),
            (&["n=1", "$version=\"1\"; m=2"], CookieValue::Invalid),
            (&["$Version=1; m=2"], CookieValue::Absent),
            (&["$v=1; n=1"], CookieValue::Value(b"1")),
            (&[], CookieValue::Absent),
        ] {
            assert_eq!(read(&headers(lines), "n"), brought, "{lines:?}");
        }
    }

    /// The expected result of [`read`], by its definition: a header value is split at semicolons, a pair at its first `=`.
    fn defined<'h>(lines: &'h [String], name: &str) -> CookieValue<'h> {
        let pairs = || lines.iter().flat_map(|line| line.split(';'));
        let split =
            |pair: &'h str| pair.split_once('=').map_or((pair, None), |(key, value)| (key, Some(value)));
        let named: Vec<_> = pairs().map(split).filter(|(key, _)| key.trim_ascii() == name).collect();
        let with_value: Vec<_> = named.iter().filter_map(|(key, value)| Some((key, (*value)?))).collect();
        let is_of_old = pairs().any(|pair| pair.trim_ascii().starts_with("$Version"));
        match with_value.as_slice() {
            [] if named.is_empty() => CookieValue::Absent,
            [(key, value)] if key.trim_start_matches(' ') == name && !is_of_old => {
                CookieValue::Value(value.as_bytes())
            }
            _ => CookieValue::Invalid,
        }
    }

    proptest! {
        #[test]
        fn cookies_are_read_as_defined(
            lines in prop::collection::vec("(n|nn|N|m|=|;|; | |\t|1|\\$Version=1;){0,8}", 0..4),
        ) {
            let headers = headers(&lines.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(read(&headers, "n"), defined(&lines, "n"));
        }
    }

    #[test]
    fn written_cookies_carry_every_protection() {
        let names = CookieNames::default();
        let cookie = write(names.session(), "abc", Keep::For(Duration::from_hours(1)));
        let cookie = cookie.to_str().unwrap();
        for part in
            ["__Host-Http-portcullis=abc", "HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=3600"]
        {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Domain"));
        assert!(!write(names.session(), "abc", Keep::UntilClosed).to_str().unwrap().contains("Max-Age"));
        assert!(write(names.flash(), "", Keep::Forget).to_str().unwrap().contains("Max-Age=0"));
    }

    #[test]
    fn cookies_of_every_gateway_are_kept_from_applications() {
        let (standard, other) = (CookieNames::default(), CookieNames::parse("portcullis-test").unwrap());
        for names in [&standard, &other] {
            for name in [names.session(), names.form(), names.flash(), names.device()] {
                assert!(name.starts_with("__Host-Http-portcullis"), "{name}");
                assert!(is_ours(name.as_bytes()) && is_ours(name.to_uppercase().as_bytes()), "{name}");
            }
        }
        assert!(is_ours(b"__Host-portcullis-form") && is_ours(b"__HOST-Portcullis"));
        for theirs in ["sid", "portcullis", "__Host-sid", "__Host-Http-sid", "__Http-portcullis", "_", ""] {
            assert!(!is_ours(theirs.as_bytes()), "{theirs}");
        }
    }

    #[test]
    fn two_gateways_with_different_base_names_share_no_cookie() {
        use BadCookieName::{Characters, Prefix, Suffix};
        assert_eq!(CookieNames::parse("portcullis"), Ok(CookieNames::default()));
        let longest = format!("portcullis{}", "x".repeat(54));
        for base in ["portcullis2", "portcullis-test", "portcullis_A-1", &longest] {
            assert_eq!(CookieNames::parse(base).unwrap().session(), format!("__Host-Http-{base}"));
        }
        for (base, wrong) in [
            ("", Prefix),
            ("wiki", Prefix),
            ("Portcullis", Prefix),
            ("__Host-Http-portcullis", Prefix),
            (" portcullis", Prefix),
            ("portcullis=x", Characters),
            ("portcullis;x", Characters),
            ("portcullis x", Characters),
            ("portcullis\r\nx", Characters),
            ("portcullis\u{e9}", Characters),
            (&format!("{longest}x"), Characters),
            // The form cookie of the gateway that says nothing of names.
            ("portcullis-form", Suffix),
            ("portcullis-test-device", Suffix),
            ("portcullis-notice", Suffix),
        ] {
            assert_eq!(CookieNames::parse(base), Err(wrong), "{base}");
        }
    }
}
