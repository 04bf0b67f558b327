//! The header fields that an application's responses lack, and those that disclose too much.
//!
//! A header field is added only where the application did not set it: the application knows its own pages better.
//! OWASP ASVS 5.0 3.4.4 to 3.4.6, 3.4.8, 13.4.6 and 14.3.2.

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

use super::Cookies;

/// The changes to the responses of one app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseChanges {
    /// Header fields that are added where they are missing; none of those that `sniffing`, `frames` and `caching` look at.
    pub missing: Vec<(HeaderName, HeaderValue)>,
    /// `X-Content-Type-Options`, where the application says of what type the body is. Without a type a browser shows a
    /// page with `nosniff` as source text, or saves it.
    pub sniffing: Option<HeaderValue>,
    /// `X-Frame-Options`, where the application sets no rule for frames.
    pub frames: Option<HeaderValue>,
    /// `Cache-Control` of responses that need a sign-in, where the application sets none.
    pub caching: Option<HeaderValue>,
    /// True if header fields that name the application's software are left out. `forward` does it.
    pub hides_software: bool,
    /// The attributes for its cookies.
    pub cookies: Cookies,
}

/// The people who may have a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone.
    Everyone,
    /// Users who are signed in.
    SignedIn,
}

impl ResponseChanges {
    /// The changes for an app without `[app.shield]`.
    pub fn standard() -> Self {
        Self {
            missing: vec![
                (REFERRER_POLICY, HeaderValue::from_static(USUAL_REFERRER_POLICY)),
                (CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin")),
            ],
            sniffing: Some(HeaderValue::from_static("nosniff")),
            frames: Some(HeaderValue::from_static("SAMEORIGIN")),
            caching: Some(HeaderValue::from_static("private")),
            hides_software: true,
            cookies: Cookies { secure: true, http_only: false, same_site: None },
        }
    }

    /// Adds the header fields that the response lacks.
    pub(super) fn complete(
        &self,
        found: Found,
        status: StatusCode,
        headers: &mut HeaderMap,
        audience: Audience,
    ) {
        if found.cookies {
            self.cookies.tighten(headers);
        }
        // No browser shows or caches the bytes after a change of protocol.
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return;
        }
        // The table grows once, if at all.
        headers.reserve(self.missing.len() + 3);
        for (name, value) in &self.missing {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        if let Some(value) = &self.sniffing
            && found.content_type
        {
            headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert_with(|| value.clone());
        }
        if let Some(value) = &self.frames
            && !found.frames
            && !(found.policy && names_frame_ancestors(headers))
        {
            headers.insert(X_FRAME_OPTIONS, value.clone());
        }
        if let Some(value) = &self.caching
            && audience == Audience::SignedIn
            && !found.caching
        {
            headers.insert(CACHE_CONTROL, value.clone());
        }
    }
}

/// Which header fields an application's answer has, found in one pass: a look-up for each name would cost three times
/// as much.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(super) struct Found {
    cookies: bool,
    content_type: bool,
    frames: bool,
    policy: bool,
    caching: bool,
    /// A script, or what a browser could take for one.
    pub(super) is_script: bool,
    pub(super) clears_site_data: bool,
    pub(super) allows_workers: bool,
}

impl Found {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for (name, value) in headers {
            match name.as_str() {
                "set-cookie" => found.cookies = true,
                "content-type" => {
                    found.content_type |= !value.as_bytes().trim_ascii().is_empty();
                    found.is_script |= names_script(value.as_bytes());
                }
                "x-frame-options" => found.frames = true,
                "content-security-policy" => found.policy = true,
                "cache-control" | "expires" | "pragma" => found.caching = true,
                "clear-site-data" => found.clears_site_data = true,
                "service-worker-allowed" => found.allows_workers = true,
                _ => {}
            }
        }
        found
    }
}

/// WHATWG MIME Sniffing §4.6: every type of JavaScript has this in its name.
fn names_script(content_type: &[u8]) -> bool {
    content_type.windows(SCRIPT.len()).any(|part| part.eq_ignore_ascii_case(SCRIPT))
}

const SCRIPT: &[u8] = b"script";

/// The default of browsers (Referrer Policy §3): another site learns the origin. With a stricter one, the form of
/// an app that another one trusts would be sent with `Origin: null`.
pub const USUAL_REFERRER_POLICY: &str = "strict-origin-when-cross-origin";

/// Content Security Policy 3 §6.4.2: browsers that know the directive do not look at `X-Frame-Options`.
fn names_frame_ancestors(headers: &HeaderMap) -> bool {
    let policies = headers.get_all(CONTENT_SECURITY_POLICY).iter();
    let mut directives = policies.flat_map(|line| line.as_bytes().split(|byte| matches!(byte, b';' | b',')));
    directives.any(|directive| {
        let directive = directive.trim_ascii_start();
        let name = directive.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        name.eq_ignore_ascii_case(b"frame-ancestors")
    })
}

/// `Cross-Origin-Opener-Policy`, for which `http` has no constant.
pub const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(lines: &[(&'static str, &'static str)], audience: Audience) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let found = Found::of(&headers);
        ResponseChanges::standard().complete(found, StatusCode::OK, &mut headers, audience);
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn missing_header_fields_are_added_and_present_ones_stay() {
        assert_eq!(
            completed(&[("content-type", "x")], Audience::SignedIn),
            [
                "content-type: x",
                "referrer-policy: strict-origin-when-cross-origin",
                "cross-origin-opener-policy: same-origin",
                "x-content-type-options: nosniff",
                "x-frame-options: SAMEORIGIN",
                "cache-control: private",
            ]
        );
        let own = [
            ("content-type", "text/html"),
            ("x-content-type-options", "x"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "unsafe-none"),
            ("x-frame-options", "ALLOWALL"),
            ("cache-control", "public, max-age=5"),
        ];
        let as_sent: Vec<String> = own.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(completed(&own, Audience::SignedIn), as_sent);
    }

    #[test]
    fn answer_without_a_content_type_gets_no_nosniff() {
        for (lines, adds) in [
            (&[][..], false),
            (&[("content-type", "")], false),
            (&[("content-type", " ")], false),
            (&[("content-type", "text/html")], true),
            (&[("content-encoding", "gzip")], false),
        ] {
            let lines = completed(lines, Audience::Everyone);
            assert_eq!(
                lines.iter().any(|line| line.starts_with("x-content-type-options")),
                adds,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn every_type_of_javascript_is_a_script() {
        for name in [
            "text/javascript",
            "Application/JavaScript; charset=utf-8",
            "application/x-ecmascript",
            "text/jscript",
        ] {
            assert!(names_script(name.as_bytes()), "{name}");
        }
        for name in ["", "text/html", "text/css", "application/json", "scrip", "application/wasm"] {
            assert!(!names_script(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn asvs_14_3_2_what_is_public_and_what_says_something_of_caching_is_left_alone() {
        let says = |lines: &[(&'static str, &'static str)], audience| {
            completed(lines, audience).iter().any(|line| line == "cache-control: private")
        };
        assert!(says(&[("etag", "\"1\""), ("last-modified", "x")], Audience::SignedIn));
        for line in [("cache-control", "no-store"), ("expires", "0"), ("pragma", "no-cache")] {
            assert!(!says(&[line], Audience::SignedIn), "{line:?}");
        }
        assert!(!says(&[], Audience::Everyone));
    }

    #[test]
    fn asvs_3_4_6_frames_are_left_to_a_policy_that_names_them() {
        for (policy, adds) in [
            ("default-src 'self'", true),
            ("default-src 'self'; frame-ancestors https://portal.example.com", false),
            ("Frame-Ancestors *", false),
            ("default-src 'self', frame-ancestors 'none'", false),
            ("frame-ancestorsx 'none'", true),
            ("frame-src 'none'; report-uri /frame-ancestors", true),
        ] {
            let lines = completed(&[("content-security-policy", policy)], Audience::Everyone);
            assert_eq!(lines.iter().any(|line| line.starts_with("x-frame-options")), adds, "{policy}");
        }
        let reported =
            completed(&[("content-security-policy-report-only", "frame-ancestors *")], Audience::Everyone);
        assert!(reported.iter().any(|line| line.starts_with("x-frame-options")));
    }
}
