//! The host and port that a request is addressed to.

use std::{cell::RefCell, fmt, sync::Arc};

use super::Malformed;

/// A host in its one canonical form, and a port.
///
/// Lower case, without the dot of a fully qualified name, so that `A.Example.com.` and
/// `a.example.com` are one host for routing and for rules alike. Made of letters, digits, `-`, `_`
/// and `.`, or an IP address; user information never occurs.
#[derive(Clone, Debug)]
pub struct Authority {
    text: Arc<str>,
    host_len: usize,
    port: Option<u16>,
}

impl Authority {
    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port` (RFC 3986 §3.2 without user information).
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(bytes).map_err(|_| WRONG)?;
        if text.is_empty() || text.len() > MAX_BYTES {
            return Err(WRONG);
        }
        let (host, port) = split_port(text)?;
        let host = host.strip_suffix('.').unwrap_or(host);
        let valid = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => is_name(host),
        };
        if !valid {
            return Err(WRONG);
        }
        let mut text = String::with_capacity(host.len() + 6);
        text.extend(host.chars().map(|c| c.to_ascii_lowercase()));
        let host_len = text.len();
        if let Some(port) = port {
            text.push(':');
            text.push_str(&port.to_string());
        }
        Ok(Self { text: text.into(), host_len, port })
    }

    /// The host, without the port; IPv6 addresses in brackets.
    pub fn host(&self) -> &str {
        self.text.get(..self.host_len).unwrap_or_default()
    }

    /// The port, if one was named.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The same as text.
    pub fn port_text(&self) -> Option<&str> {
        self.port.and_then(|_| self.text.get(self.host_len + 1..))
    }

    /// The same host with another port.
    #[must_use]
    pub fn with_port(&self, port: u16) -> Self {
        let text = format!("{}:{port}", self.host());
        Self { text: text.into(), host_len: self.host_len, port: Some(port) }
    }

    /// Host and port as they stand in an origin: `https://` before it and nothing after.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The authority of a connection's last request: its next one names the same, nearly always, and is then compared and
/// not parsed.
#[derive(Debug, Default)]
pub struct LastAuthority(RefCell<Option<Authority>>);

impl LastAuthority {
    /// The same as [`Authority::parse`].
    pub fn parse(&self, bytes: &[u8]) -> Result<Authority, Malformed> {
        // An authority has one spelling, so that equal bytes are the same authority.
        let mut last = self.0.borrow_mut();
        match &*last {
            Some(last) if last.text.as_bytes() == bytes => Ok(last.clone()),
            _ => Ok(last.insert(Authority::parse(bytes)?).clone()),
        }
    }
}

impl PartialEq for Authority {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Authority {}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn split_port(text: &str) -> Result<(&str, Option<u16>), Malformed> {
    let after_host = match text.rfind(']') {
        Some(end) => end + 1,
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, rest) = text.split_at(after_host);
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok((host, None)),
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().map(|port| (host, Some(port))).map_err(|_| WRONG)
        }
        _ => Err(WRONG),
    }
}

fn is_name(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 253
        && host.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

const MAX_BYTES: usize = 260;
const WRONG: Malformed = Malformed("the request's host is not a host name or an address");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_a_host_are_one_host() {
        for spelling in ["wiki.example.com", "WIKI.Example.COM", "wiki.example.com."] {
            assert_eq!(Authority::parse(spelling.as_bytes()).unwrap().host(), "wiki.example.com");
        }
        let with_port = Authority::parse(b"[::1]:8443").unwrap();
        assert_eq!((with_port.host(), with_port.port()), ("[::1]", Some(8443)));
        assert_eq!(Authority::parse(b"LocalHost:8443").unwrap().as_str(), "localhost:8443");
        assert_eq!(Authority::parse(b"127.0.0.1").unwrap().host(), "127.0.0.1");
    }

    #[test]
    fn an_invalid_host_is_refused() {
        for wrong in [
            "",
            ".",
            "a..b",
            "user@host",
            "a:b",
            "a:",
            "a:99999",
            "a:+1",
            "a b",
            "a/b",
            "a\\b",
            "a#b",
            "a?b",
            "[::1",
            "::1",
            "[a]",
            "[::1]x",
            "a%2eb",
            "ä",
            "a,b",
            "a\0",
            "[fe80::1%25eth0]",
            "a\u{2024}b",
        ] {
            assert!(Authority::parse(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
        assert!(Authority::parse(&[0xff]).is_err());
    }

    proptest! {
        #[test]
        fn the_last_authority_does_not_change_the_next_one(
            named in prop::collection::vec(r"[aAb.]{0,3}\.?(:(0?80|443|x)?)?|\[::1?\](:0443)?|\PC{0,3}", 1..12),
        ) {
            let last = LastAuthority::default();
            for named in named {
                let (one, alone) = (last.parse(named.as_bytes()), Authority::parse(named.as_bytes()));
                let seen = |read: &Result<Authority, Malformed>| {
                    read.clone().map(|it| (it.as_str().to_owned(), it.host().to_owned(), it.port()))
                };
                prop_assert_eq!(seen(&one), seen(&alone), "{}", named);
            }
        }
    }
}
