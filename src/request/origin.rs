//! The origin of a page: scheme, host and port (RFC 6454).

use std::fmt;

use http::{HeaderMap, HeaderName};

use super::{Authority, SingleHeader};

/// Where a page came from. Two are equal if a browser would take them for one.
#[derive(Clone, Debug)]
pub struct Origin {
    scheme: Scheme,
    authority: Authority,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Origin {
    /// Reads `https://host` or `https://host:port`, with nothing after it; `null` is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        Self::of(scheme, Authority::parse(authority.as_bytes()).ok()?)
    }

    /// The origin of a whole URL.
    pub fn of_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        Self::of(scheme, Authority::parse(authority.as_bytes()).ok()?)
    }

    /// The origin of what is asked for at this host and port by this scheme.
    pub fn of(scheme: &str, authority: Authority) -> Option<Self> {
        let scheme = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
            _ if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
            _ => return None,
        };
        Some(Self { scheme, authority })
    }

    /// The origin that a request is addressed to, as the client sees it; `None` if a proxy says it illegibly.
    ///
    /// Behind a trusted proxy, the proxy says by `X-Forwarded-Proto`, `-Host` and `-Port` how the client reached it.
    /// The first entry of a list is of the proxy that the client spoke to, if it was not the client's own: no page
    /// can make a browser send these headers. What a proxy that is not trusted says is not looked at.
    pub fn asked(authority: &Authority, headers: &HeaderMap, by_trusted_proxy: bool) -> Option<Self> {
        if !by_trusted_proxy {
            return Self::of("https", authority.clone());
        }
        let scheme = SingleHeader::of(headers, &FORWARDED_PROTO).text().ok()?.map_or("https", first_of);
        let named = match SingleHeader::of(headers, &FORWARDED_HOST).text().ok()? {
            None => authority.clone(),
            Some(hosts) => Authority::parse(first_of(hosts).as_bytes()).ok()?,
        };
        let authority = match (named.port(), SingleHeader::of(headers, &FORWARDED_PORT).text().ok()?) {
            (Some(_), _) | (None, None) => named,
            (None, Some(ports)) => {
                Authority::parse(format!("{}:{}", named.host(), first_of(ports)).as_bytes()).ok()?
            }
        };
        Self::of(scheme, authority)
    }

    /// Host and port, without the scheme.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The port that is named, or that of the scheme.
    pub fn port(&self) -> u16 {
        self.authority.port().unwrap_or(match self.scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        })
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && self.authority.host() == other.authority.host()
            && self.port() == other.port()
    }
}

impl Eq for Origin {}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority)
    }
}

fn first_of(list: &str) -> &str {
    list.split(',').next().unwrap_or_default().trim()
}

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_an_origin_are_one_origin() {
        let here = Origin::parse("https://wiki.example.com").unwrap();
        for same in
            ["https://wiki.example.com:443", "HTTPS://Wiki.Example.com", "https://wiki.example.com.:443"]
        {
            assert_eq!(Origin::parse(same), Some(here.clone()), "{same}");
        }
        for other in [
            "http://wiki.example.com",
            "http://wiki.example.com:443",
            "https://wiki.example.com:8443",
            "https://example.com",
            "https://a.wiki.example.com",
            "https://wiki.example.com.evil.example",
        ] {
            assert_ne!(Origin::parse(other), Some(here.clone()), "{other}");
        }
        assert_eq!(Origin::of_url("https://wiki.example.com/a?b=https://evil.example#c"), Some(here));
    }

    #[test]
    fn an_invalid_origin_is_refused() {
        for wrong in [
            "",
            "null",
            "wiki.example.com",
            "https:wiki.example.com",
            "https://",
            "https:///x",
            "https://wiki.example.com/",
            "https://user@wiki.example.com",
            "https://wiki.example.com https://evil.example",
            "file:///x",
            "chrome-extension://abc",
        ] {
            assert_eq!(Origin::parse(wrong), None, "{wrong}");
        }
        for wrong in ["", "about:blank", "https://user@wiki.example.com/", "https:///wiki.example.com"] {
            assert_eq!(Origin::of_url(wrong), None, "{wrong}");
        }
    }
}
