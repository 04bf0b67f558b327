//! The check of the site that made a browser send a request.
//!
//! A browser names the site in header fields that no page can forge: `Sec-Fetch-Site` (Fetch Metadata), or else
//! `Origin` (RFC 6454 §7), or else `Referer`. A client that sends none of them is no browser of the last years: it has
//! the cookie because its user gave it the cookie, not because another site made it send it. Such requests pass, unless
//! [`Senders::require_origin`] is set.
//!
//! OWASP ASVS 5.0 3.5.1 to 3.5.3, and 4.4.2 for upgrades.

use http::{
    HeaderMap, HeaderName, Method,
    header::{ORIGIN, REFERER, UPGRADE},
};

use super::Origin;
use crate::request::{Authority, Preflight, SingleHeader};

/// The sites that may send requests that change something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Senders {
    /// Other origins that may. Default none.
    pub trusted: Vec<Origin>,
    /// True if a request that names no site is refused, too. Default false.
    pub require_origin: bool,
}

/// A request as [`Senders`] sees it.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'r> {
    /// Its method.
    pub method: &'r Method,
    /// Its headers.
    pub headers: &'r HeaderMap,
    /// The host that the request names.
    pub authority: &'r Authority,
    /// True if a trusted proxy sent it, whose `X-Forwarded-*` names the address that the client used.
    pub by_trusted_proxy: bool,
}

/// The evidence that another site sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// `Sec-Fetch-Site`.
    Site,
    /// `Origin`.
    Origin,
    /// `Referer`.
    Referer,
    /// The request names no site, and `require_origin` is set.
    Unsaid,
}

impl Senders {
    /// Judges a request; one that only reads may come from every site.
    pub fn judge(&self, sent: &Sent<'_>) -> Result<(), Foreign> {
        // RFC 9110 §7.8; HTTP/2 has no such header.
        let switches = sent.headers.contains_key(UPGRADE);
        if is_safe(sent.method) && !switches {
            return Ok(());
        }
        let origin = SingleHeader::of(sent.headers, ORIGIN).text();
        let is_trusted = origin.ok().flatten().is_some_and(|origin| self.trusts(origin));
        match SingleHeader::of(sent.headers, &SEC_FETCH_SITE).text() {
            Ok(None) => {}
            // `none`: the person did it, by reloading for instance. Of an upgrade, ASVS 5.0 4.4.2 wants
            // `Origin` looked at besides.
            Ok(Some("same-origin" | "none")) => {
                if !switches || origin == Ok(None) {
                    return Ok(());
                }
            }
            _ => return if is_trusted { Ok(()) } else { Err(Foreign::Site) },
        }
        match origin {
            Ok(None) => {}
            Ok(Some(text)) if Origin::parse(text).is_some_and(|origin| is_own(&origin, sent)) => {
                return Ok(());
            }
            _ => return if is_trusted { Ok(()) } else { Err(Foreign::Origin) },
        }
        match SingleHeader::of(sent.headers, REFERER).text() {
            Ok(None) if self.require_origin => Err(Foreign::Unsaid),
            Ok(None) => Ok(()),
            Ok(Some(url)) => match Origin::of_url(url) {
                Some(origin) if is_own(&origin, sent) || self.trusted.contains(&origin) => Ok(()),
                _ => Err(Foreign::Referer),
            },
            Err(_) => Err(Foreign::Referer),
        }
    }

    /// True if the preflight names a trusted origin.
    pub fn let_ask(&self, preflight: &Preflight<'_>) -> bool {
        self.trusts(preflight.origin())
    }

    fn trusts(&self, origin: &str) -> bool {
        !self.trusted.is_empty() && Origin::parse(origin).is_some_and(|origin| self.trusted.contains(&origin))
    }
}

impl Foreign {
    /// In a word, for a log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Site => "sec-fetch-site",
            Self::Origin => "origin",
            Self::Referer => "referer",
            Self::Unsaid => "no origin",
        }
    }
}

/// RFC 9110 §9.2.1: methods that only read.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// True if this is the origin that the request is addressed to, as the client sees it.
fn is_own(origin: &Origin, sent: &Sent<'_>) -> bool {
    Origin::asked(sent.authority, sent.headers, sent.by_trusted_proxy).is_some_and(|own| own == *origin)
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const WIKI: &str = "wiki.example.com:8443";

    fn judge(
        senders: &Senders,
        method: &Method,
        lines: &[(&'static str, &str)],
        by_proxy: bool,
    ) -> Option<Foreign> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let authority = Authority::parse(WIKI.as_bytes()).unwrap();
        let sent = Sent { method, headers: &headers, authority: &authority, by_trusted_proxy: by_proxy };
        senders.judge(&sent).err()
    }

    #[test]
    fn asvs_3_5_1_the_browsers_word_on_the_sender_decides() {
        use Foreign::{Origin, Referer, Site};
        type Lines = [(&'static str, &'static str)];
        let table: &[(&Lines, Option<Foreign>)] = &[
            (&[], None),
            (&[("sec-fetch-site", "same-origin")], None),
            (&[("sec-fetch-site", "none")], None),
            (&[("sec-fetch-site", "same-site")], Some(Site)),
            (&[("sec-fetch-site", "cross-site")], Some(Site)),
            (&[("sec-fetch-site", "")], Some(Site)),
            (&[("sec-fetch-site", "SAME-ORIGIN")], Some(Site)),
            (&[("sec-fetch-site", "same-origin, cross-site")], Some(Site)),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], Some(Site)),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")], Some(Site)),
            (&[("sec-fetch-site", "sa\u{e4}me")], Some(Site)),
            // `Sec-Fetch-Site` decides alone, whatever `Origin` says.
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://wiki.example.com:8443")], Some(Site)),
            (&[("sec-fetch-site", "same-origin"), ("origin", "null")], None),
            (&[("origin", "https://wiki.example.com:8443")], None),
            (&[("origin", "https://WIKI.example.com:8443")], None),
            (&[("origin", "https://wiki.example.com")], Some(Origin)),
            (&[("origin", "http://wiki.example.com:8443")], Some(Origin)),
            (&[("origin", "https://evil.example")], Some(Origin)),
            (&[("origin", "https://wiki.example.com:8443.evil.example")], Some(Origin)),
            (&[("origin", "https://a.wiki.example.com:8443")], Some(Origin)),
            (&[("origin", "null")], Some(Origin)),
            (&[("origin", "")], Some(Origin)),
            (&[("origin", "null"), ("referer", "https://wiki.example.com:8443/")], Some(Origin)),
            (
                &[("origin", "https://wiki.example.com:8443"), ("origin", "https://evil.example")],
                Some(Origin),
            ),
            (&[("referer", "https://wiki.example.com:8443/a?b")], None),
            (&[("referer", "https://wiki.example.com:8443")], None),
            (&[("referer", "https://evil.example/https://wiki.example.com:8443/")], Some(Referer)),
            (&[("referer", "https://wiki.example.com:8443@evil.example/")], Some(Referer)),
            (&[("referer", "https://wiki.example.com:8443.evil.example/")], Some(Referer)),
            (&[("referer", "http://wiki.example.com:8443/")], Some(Referer)),
            (&[("referer", "")], Some(Referer)),
            (&[("referer", "/a")], Some(Referer)),
            // No trusted proxy is in front.
            (&[("x-forwarded-host", "evil.example"), ("origin", "https://evil.example")], Some(Origin)),
        ];
        let senders = Senders::default();
        for (lines, expected) in table {
            for method in ["POST", "PUT", "PATCH", "DELETE", "PROPPATCH", "get"] {
                let method = method.parse().unwrap();
                assert_eq!(judge(&senders, &method, lines, false), *expected, "{method} {lines:?}");
            }
            for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
                assert_eq!(judge(&senders, &method, lines, false), None, "{method} {lines:?}");
            }
        }
    }

    #[test]
    fn asvs_4_4_2_a_websocket_is_opened_by_a_page_of_this_origin() {
        use Foreign::{Origin, Referer, Site};
        let own = ("origin", "https://wiki.example.com:8443");
        for (lines, expected) in [
            (vec![], None),
            (vec![own], None),
            (vec![own, ("sec-fetch-site", "same-origin")], None),
            (vec![own, ("sec-fetch-site", "cross-site")], Some(Site)),
            (vec![("sec-fetch-site", "same-origin")], None),
            (vec![("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")], Some(Origin)),
            (vec![("origin", "https://evil.example")], Some(Origin)),
            (vec![("origin", "null")], Some(Origin)),
            (vec![("referer", "https://evil.example/")], Some(Referer)),
        ] {
            let lines: Vec<_> = lines.into_iter().chain([("upgrade", "websocket")]).collect();
            assert_eq!(judge(&Senders::default(), &Method::GET, &lines, false), expected, "{lines:?}");
        }
    }

    #[test]
    fn listed_origins_may_and_silence_may_not_if_it_is_forbidden() {
        let senders = Senders {
            trusted: vec![Origin::parse("https://portal.example.com").unwrap()],
            require_origin: true,
        };
        for (lines, expected) in [
            (vec![], Some(Foreign::Unsaid)),
            (vec![("origin", "https://portal.example.com")], None),
            (vec![("sec-fetch-site", "same-site"), ("origin", "https://portal.example.com:443")], None),
            (vec![("referer", "https://portal.example.com/x")], None),
            (vec![("sec-fetch-site", "same-site")], Some(Foreign::Site)),
            (
                vec![("sec-fetch-site", "same-site"), ("origin", "https://other.example.com")],
                Some(Foreign::Site),
            ),
            (vec![("origin", "http://portal.example.com")], Some(Foreign::Origin)),
        ] {
            assert_eq!(judge(&senders, &Method::POST, &lines, false), expected, "{lines:?}");
        }
        assert_eq!(judge(&senders, &Method::GET, &[], false), None);
    }

    #[test]
    fn a_trusted_proxy_says_how_the_client_reached_it() {
        let public = ("x-forwarded-host", "wiki.example.org");
        for (origin, lines, passes) in [
            ("https://wiki.example.org", vec![public], true),
            ("https://wiki.example.org:8443", vec![public], false),
            ("https://wiki.example.org:444", vec![public, ("x-forwarded-port", "444")], true),
            ("http://wiki.example.org", vec![public, ("x-forwarded-proto", "http")], true),
            ("https://wiki.example.org", vec![public, ("x-forwarded-proto", "http")], false),
            ("https://wiki.example.com:8443", vec![public], false),
            ("https://wiki.example.com:8443", vec![], true),
            ("https://evil.example", vec![("x-forwarded-host", "wiki.example.org, evil.example")], false),
            (
                "https://wiki.example.org",
                vec![("x-forwarded-host", "wiki.example.org, inner"), ("x-forwarded-proto", "https,http")],
                true,
            ),
            ("https://wiki.example.org", vec![("x-forwarded-host", ", wiki.example.org")], false),
            ("https://evil.example", vec![public, ("x-forwarded-host", "evil.example")], false),
            ("https://wiki.example.org", vec![public, ("x-forwarded-port", "443@evil")], false),
        ] {
            let lines: Vec<_> = lines.into_iter().chain([("origin", origin)]).collect();
            let found = judge(&Senders::default(), &Method::POST, &lines, true);
            assert_eq!(found.is_none(), passes, "{lines:?}");
        }
    }
}
