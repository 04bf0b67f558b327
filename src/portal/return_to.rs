//! The page that a browser goes on to after sign-in: a path on the same host, whatever was asked for.
//!
//! Anybody can make a link to the sign-in page, `next` included. If `next` could name another host, Mallory could send
//! Alice through the real sign-in page to a copy of it that says "wrong password". Browsers read a location more
//! generously than servers do (a backslash is a slash, tabs and line feeds vanish, dots are resolved), and applications
//! decode once more than they should. [`ReturnTo::parse`] accepts a path only if no such reading turns it into a host.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{identity::ProofMethods, pages::paths};

/// A path and query of this host, never of another, and never a page that would redirect the browser in a loop or sign
/// it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// The place that was asked for if it is safe, otherwise the start page.
    pub fn parse(asked: &str) -> Self {
        if is_safe(asked) { Self(asked.to_owned()) } else { Self::start() }
    }

    /// The same for the target of a request: its query may hold bytes that are not allowed in a `Location`.
    pub(super) fn sent(path_and_query: &str) -> Self {
        if path_and_query.is_ascii() {
            return Self::parse(path_and_query);
        }
        Self::parse(&utf8_percent_encode(path_and_query, CONTROLS).to_string())
    }

    /// The start page, `/`.
    pub fn start() -> Self {
        Self("/".to_owned())
    }

    /// The path and query, as a value for `Location`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of the sign-in page that goes on to here.
    pub fn login_location(&self) -> String {
        self.after(paths::LOGIN)
    }

    /// The address of the page that asks for the password again and goes on to here.
    pub fn confirm_location(&self) -> String {
        self.after(paths::CONFIRM)
    }

    /// The same for a proof by one of these methods.
    pub(super) fn confirm_location_by(&self, methods: ProofMethods) -> String {
        let location = self.confirm_location();
        if methods == ProofMethods::ALL {
            return location;
        }
        let separator = if location.contains('?') { '&' } else { '?' };
        format!("{location}{separator}need={methods}")
    }

    fn after(&self, page: &str) -> String {
        if self.0 == "/" {
            return page.to_owned();
        }
        format!("{page}?next={}", in_query_value(&self.0))
    }
}

impl fmt::Display for ReturnTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A path and query as the value of a field of a query.
pub(super) fn in_query_value(path_and_query: &str) -> impl fmt::Display {
    utf8_percent_encode(path_and_query, NOT_IN_A_QUERY_VALUE)
}

/// Maximum length of an address with this path, where `uri_length` is the limit for others. The pages that lead back
/// somewhere have a whole address in their query, in which a byte may take three.
///
/// `hands_over` says that there is a portal host. A hand-over has the address in its query, and the pages for people have
/// the address of a hand-over in theirs: `?` is `%3F`, and then `%253F`.
pub(super) fn longest_address(path: &str, uri_length: usize, hands_over: bool) -> usize {
    match path {
        paths::LOGIN | paths::CONFIRM if hands_over => {
            uri_length.saturating_mul(5).saturating_add(paths::CONFIRM.len() + MAX_HAND_OVER_BYTES)
        }
        paths::LOGIN | paths::CONFIRM => {
            uri_length.saturating_mul(3).saturating_add(paths::CONFIRM.len() + "?next=".len())
        }
        paths::HAND_OVER if hands_over => uri_length.saturating_mul(3).saturating_add(MAX_HAND_OVER_BYTES),
        _ => uri_length,
    }
}

fn is_safe(asked: &str) -> bool {
    // Printable ASCII only: no space, no control character, no character that a browser drops or folds. Browsers
    // percent-encode everything else, so no bookmark is lost.
    if asked.len() > MAX_BYTES || !asked.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let path = asked.split(['?', '#']).next().unwrap_or_default();
    // A browser reads a backslash in the path as a slash. In the query it leaves it as it is (WHATWG URL, query state).
    if path.contains('\\') {
        return false;
    }
    // The readings after no decoding, after one, after two, …
    let mut reading = path.to_owned();
    for _ in 0..=MAX_DECODINGS {
        if !is_plain_path(&reading) || !is_plain_path(&reading.replace('\\', "/")) {
            return false;
        }
        let Ok(decoded) = percent_decode_str(&reading).decode_utf8() else { return false };
        if decoded == reading {
            return true;
        }
        reading = decoded.into_owned();
    }
    // Encoded over and over: no application has such a path.
    false
}

/// Whether this reading of the path stays on the host, and is no page of the gateway that can't be returned to.
fn is_plain_path(path: &str) -> bool {
    if !path.starts_with('/') || path.chars().any(char::is_control) {
        return false;
    }
    if keeps_a_drive(path) {
        return false;
    }
    let resolved = resolve_dots(path);
    // `//host` is another host (RFC 3986 §4.2).
    if path.starts_with("//") || resolved.starts_with("//") {
        return false;
    }
    let lower = resolved.to_lowercase();
    let plain: Vec<&str> =
        lower.split('/').map(|segment| segment.split(';').next().unwrap_or_default()).collect();
    match plain.as_slice() {
        ["", ".gateway", rest @ ..] => {
            matches!(
                rest,
                ["account" | "apps" | "hand-over" | "parked"]
                    | ["account", "activity" | "password" | "profile" | "email" | "factors" | "tokens"]
                    | ["account", "factors", "app" | "passkey"]
            )
        }
        _ => true,
    }
}

/// Whether dots could remove a Windows drive (`/a:/..`). In browsers they do (WHATWG URL keeps a drive for `file:`
/// only), in some libraries they do not, which then arrive at another path.
fn keeps_a_drive(path: &str) -> bool {
    let is_drive =
        |segment: &str| matches!(segment.as_bytes(), [letter, b':' | b'|'] if letter.is_ascii_alphabetic());
    let goes_up = |segment: &str| segment.replace("%2e", ".").replace("%2E", ".") == "..";
    path.split('/').any(is_drive) && path.split('/').any(goes_up)
}

/// RFC 3986 §5.2.4, as browsers do it: empty segments count as segments, and `%2e` is a dot before anything
/// else is decoded (WHATWG URL), so that `/a%2Fb/%2e%2e/c` is `/c` to them and `/a/c` to who decodes first.
fn resolve_dots(path: &str) -> String {
    let mut resolved: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment.replace("%2e", ".").replace("%2E", ".").as_str() {
            "." if is_last => resolved.push(""),
            "." => {}
            ".." => {
                resolved.pop();
                if is_last {
                    resolved.push("");
                }
            }
            _ => resolved.push(segment),
        }
    }
    format!("/{}", resolved.join("/"))
}

/// As long as an address may be at all: `uri_length` of `[limits]` is smaller.
const MAX_BYTES: usize = 64 << 10;
/// The fields of a hand-over but the address.
const MAX_HAND_OVER_BYTES: usize = 512;
const MAX_DECODINGS: usize = 3;

const NOT_IN_A_QUERY_VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use http::uri::PathAndQuery;
    use proptest::prelude::*;

    use super::*;
    use crate::{pages, request::NormalPath};

    /// The place that a browser arrives at (WHATWG URL, for a special scheme): `None` is another origin.
    fn in_a_browser(location: &str) -> Option<String> {
        let trimmed = location.trim_matches(|c: char| c <= ' ');
        let text: String = trimmed
            .chars()
            .filter(|c| !"\t\r\n".contains(*c))
            .map(|c| if c == '\\' { '/' } else { c })
            .collect();
        let has_scheme = text.split_once(':').is_some_and(|(scheme, _)| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        });
        if has_scheme || text.starts_with("//") {
            return None;
        }
        Some(text)
    }

    #[test]
    fn ordinary_places_are_returned_to() {
        for place in [
            "/",
            "/wiki/Main_Page",
            "/a/b/?x=1&y=%0a%5c#part",
            "/search?q=http://example.com/&r=//x",
            "/proxy/http://example.com",
            "/%C3%A4/%20x",
            "/a//b",
            "/a/../b",
            "/c:/b",
            "/100%25",
            "/.gateway/account",
            "/.gateway/account/password",
            "/.gatewayx/login",
            "/login",
            "/x?next=/.gateway/login",
            "/user@host",
            "/:8080",
            "/search?q=a\\b&r={x}|[y]^`z",
            "/files/a%5Cb.txt",
            "/files/a%5c%5cb",
        ] {
            assert_eq!(ReturnTo::parse(place).as_str(), place);
        }
        assert_eq!(ReturnTo::sent("/a?q=\u{e4} x").as_str(), "/");
        assert_eq!(ReturnTo::sent("/a?q=\u{e4}%20x").as_str(), "/a?q=%C3%A4%20x");
    }

    proptest! {
        #![proptest_config(ProptestConfig { max_global_rejects: 65_536, ..ProptestConfig::with_cases(4096) })]

        /// Every path that the gateway serves, except those that read as another host or as its own pages, and those
        /// with a raw backslash, which no browser sends in a path.
        #[test]
        fn every_served_path_can_be_returned_to(
            path in "/([a-zA-Z0-9.;:@!$&'()*+,=~_-]|%[0-9a-fA-F]{2}|%5c|%C3%A4|/|\\{|\\|){0,24}",
            query in "(\\?[!-~&&[^#]]{0,24})?",
        ) {
            let sent = format!("{path}{query}");
            let normal = sent.parse::<PathAndQuery>().ok().and_then(|received| NormalPath::parse(received).ok());
            let Some(normal) = normal else { return Err(TestCaseError::reject("not served")) };
            let is_ours = |reading: &str| {
                let reading = reading.to_lowercase();
                reading.starts_with("//") || reading.starts_with("/\\") || reading.starts_with("/.gateway")
            };
            prop_assume!(!normal.readings().any(is_ours) && !is_ours(&path.replace("%5C", "\\").replace("%5c", "\\")));
            let chosen = ReturnTo::sent(&sent);
            prop_assert_eq!(chosen.as_str(), sent);
        }
    }

    #[test]
    fn an_address_that_is_no_path_of_the_host_becomes_the_start_page() {
        let table = [
            "",
            "wiki",
            "?x",
            "//evil.example",
            "///evil.example",
            "////evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "/\\/evil.example",
            "http://evil.example",
            "https:evil.example",
            "http:\\\\evil.example",
            "http:///evil.example",
            "HTTP://evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\r/evil.example",
            "\t//evil.example",
            " //evil.example",
            "/ /evil.example",
            "\u{8}//evil.example",
            "/\u{0}/evil.example",
            "/%09/evil.example",
            "/%0a/evil.example",
            "/%0D/evil.example",
            "/%00/evil.example",
            "/%5cevil.example",
            "/%5Cevil.example",
            "/%255cevil.example",
            "/%25255cevil.example",
            "/%2fevil.example",
            "/%2F/evil.example",
            "/%252fevil.example",
            "%2f%2fevil.example",
            "/.//evil.example",
            "/./%2fevil.example",
            "/..//evil.example",
            "/a/..//evil.example",
            "/a/b/../..//evil.example",
            "/%2e//evil.example",
            "/%2e%2e//evil.example",
            "/x/%2e%2e/%2fevil.example",
            "//user@evil.example",
            "//evil.example:443/%2f..",
            "//3627734734",
            "/\u{3000}/evil.example",
            "/\u{ff0f}evil.example",
            "/\u{85}/evil",
            "/a\r\nSet-Cookie: x=y",
            "/a%0d%0aSet-Cookie:%20x=y",
            "/%ff",
            "/%25252525252541",
            "/.gateway/login",
            "/.gateway/login?next=/",
            "/.gateway/confirm",
            "/.gateway/account/sessions",
            "/.gateway/logout",
            "/x%2Fy/%2e%2e/.gateway/logout",
            "/x%2Fy/.%2E/.gateway/logout",
            "/x%2Fy/%2e.//evil.example",
            "/x%2F:443%23/%2e./y/%2e./.gateway//login",
            "/.gateway/a:/../../x",
            "/x%2F.gateway/c|/%2E./y",
            "/.gateway/login/",
            "/.gateway/./logout",
            "/x/../.gateway/logout",
            "/.GATEWAY/Logout",
            "/%2egateway/logout",
            "/.gateway%2flogout",
            "/.gateway;x/logout;y",
            "/.gateway/setup?token=x",
            "/.gateway/whoami",
            "/.gateway/",
            "/.gateway",
        ];
        for asked in table {
            assert_eq!(ReturnTo::parse(asked).as_str(), "/", "{asked:?}");
        }
        let long = format!("/{}", "a".repeat(MAX_BYTES));
        assert_eq!(ReturnTo::parse(&long).as_str(), "/");
        let longest = long.get(..MAX_BYTES).unwrap();
        assert_eq!(ReturnTo::parse(longest).as_str(), longest);
    }

    #[test]
    fn the_sign_in_page_carries_the_place_through_its_query() {
        assert_eq!(ReturnTo::start().login_location(), "/.gateway/login");
        let place = "/a%20b/c?x=1&next=2#%23";
        let location = ReturnTo::parse(place).login_location();
        assert_eq!(location, "/.gateway/login?next=/a%2520b/c%3Fx%3D1%26next%3D2%23%2523");
        let (_, query) = location.split_once('?').unwrap();
        let (name, value) = form_urlencoded::parse(query.as_bytes()).next().unwrap();
        assert_eq!((name.as_ref(), value.as_ref()), ("next", place));
        assert_eq!(ReturnTo::parse("//evil.example").login_location(), "/.gateway/login");
        assert_eq!(ReturnTo::parse("/a?b").confirm_location(), "/.gateway/confirm?next=/a%3Fb");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn no_browser_leaves_the_host(
            asked in prop_oneof![
                any::<String>(),
                "[/\\\\.%a25fF05cC09dDeE:@?#;\t\n\r ]{0,24}",
                "/(\\.\\./|\\./|/|%2f|%5c|%2e|a/){0,6}evil\\.example",
            ]
        ) {
            let location = ReturnTo::parse(&asked);
            // Also after an application has decoded the address and redirected again.
            let mut reading = location.as_str().to_owned();
            for _ in 0..3 {
                let landed = in_a_browser(&reading);
                prop_assert!(landed.is_some(), "{asked:?} → {reading:?}");
                prop_assert!(!resolve_dots(landed.unwrap().split(['?', '#']).next().unwrap()).starts_with("//"));
                let path = reading.split(['?', '#']).next().unwrap();
                reading = percent_decode_str(path).decode_utf8_lossy().into_owned();
            }
            prop_assert_eq!(ReturnTo::parse(location.as_str()), location.clone());
            let redirect = pages::redirect(location.as_str());
            prop_assert_eq!(redirect.headers()["location"].as_bytes(), location.as_str().as_bytes());
        }
    }
}
