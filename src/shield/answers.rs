//! What an application's answers lack, and what they tell too much of.
//!
//! A header is added only where the application did not set it: what it says of itself it knows better.
//! OWASP ASVS 5.0 3.4.4 to 3.4.6, 3.4.8, 13.4.6 and 14.3.2.

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

use super::Cookies;

/// What is changed about the answers of one app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// Headers that are added where they are missing; none of those that `frames` and `caching` look at.
    pub missing: Vec<(HeaderName, HeaderValue)>,
    /// `X-Frame-Options`, where the application says nothing of frames.
    pub frames: Option<HeaderValue>,
    /// `Cache-Control` of what needs a sign-in, where the application says nothing of caching.
    pub caching: Option<HeaderValue>,
    /// Whether what tells the application's software is left out; done where the answer is read.
    pub hides_software: bool,
    /// What its cookies lack.
    pub cookies: Cookies,
}

/// Who may have an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Anybody.
    Everyone,
    /// Whoever was let in.
    SignedIn,
}

impl Answers {
    /// What an app has that says nothing of it.
    pub fn standard() -> Self {
        Self {
            missing: vec![
                (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
                (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
                (CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin")),
            ],
            frames: Some(HeaderValue::from_static("SAMEORIGIN")),
            caching: Some(HeaderValue::from_static("private")),
            hides_software: true,
            cookies: Cookies { secure: true, http_only: false, same_site: None },
        }
    }

    /// Changes what has to be changed of the application's own headers, before the gateway adds its.
    pub fn complete(&self, status: StatusCode, headers: &mut HeaderMap, audience: Audience) {
        let said = Said::of(headers);
        if said.cookies {
            self.cookies.tighten(headers);
        }
        // Nobody shows or keeps what comes after a change of protocol.
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return;
        }
        // The table grows once, if at all.
        headers.reserve(self.missing.len() + 2);
        for (name, value) in &self.missing {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        if let Some(value) = &self.frames
            && !said.frames
            && !(said.policy && names_frame_ancestors(headers))
        {
            headers.insert(X_FRAME_OPTIONS, value.clone());
        }
        if let Some(value) = &self.caching
            && audience == Audience::SignedIn
            && !said.caching
        {
            headers.insert(CACHE_CONTROL, value.clone());
        }
    }
}

/// What an application's answer speaks of, found in one pass: a look-up for each name would cost three times as much.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
struct Said {
    cookies: bool,
    frames: bool,
    policy: bool,
    caching: bool,
}

impl Said {
    fn of(headers: &HeaderMap) -> Self {
        let mut said = Self::default();
        for name in headers.keys() {
            match name.as_str() {
                "set-cookie" => said.cookies = true,
                "x-frame-options" => said.frames = true,
                "content-security-policy" => said.policy = true,
                "cache-control" | "expires" | "pragma" => said.caching = true,
                _ => {}
            }
        }
        said
    }
}

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
        Answers::standard().complete(StatusCode::OK, &mut headers, audience);
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn what_is_missing_is_added_and_what_is_there_stays() {
        assert_eq!(
            completed(&[("etag", "x")], Audience::SignedIn),
            [
                "etag: x",
                "x-content-type-options: nosniff",
                "referrer-policy: same-origin",
                "cross-origin-opener-policy: same-origin",
                "x-frame-options: SAMEORIGIN",
                "cache-control: private",
            ]
        );
        let own = [
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
