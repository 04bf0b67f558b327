//! The origin of a page: scheme, host and port (RFC 6454).

use std::fmt;

use crate::request::Authority;

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

    fn port(&self) -> u16 {
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
    fn what_is_no_origin_is_none() {
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
