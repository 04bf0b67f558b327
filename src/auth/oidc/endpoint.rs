//! Addresses of a provider: its issuer and its endpoints.

use std::{fmt, net::IpAddr};

use http::Uri;

/// The address of an endpoint: `https://` with a host, or `http://` to this machine where the settings allow it.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    text: String,
    uri: Uri,
}

/// Why a text is no address of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEndpoint {
    /// No absolute address, or one with a user name, a fragment, a blank or a control character.
    #[error("this is no address of the form https://host/path")]
    Malformed,
    /// Plain HTTP.
    #[error("it has to begin with https://")]
    Insecure,
    /// Plain HTTP to another machine, although plain HTTP is allowed.
    #[error("plain HTTP is for a provider on this machine alone, at 127.0.0.1, [::1] or localhost")]
    InsecureElsewhere,
}

/// Whether plain HTTP to this machine is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainHttp {
    /// Never: the default.
    Refused,
    /// To a loopback address, for trying things out.
    OnLoopback,
}

impl Endpoint {
    /// Reads an address.
    pub fn parse(text: &str, plain: PlainHttp) -> Result<Self, BadEndpoint> {
        let is_plain_text = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.len() > MAX_BYTES || !is_plain_text || text.contains(['#', '\\', '"', '<', '>']) {
            return Err(BadEndpoint::Malformed);
        }
        let uri: Uri = text.parse().map_err(|_| BadEndpoint::Malformed)?;
        let authority = uri.authority().ok_or(BadEndpoint::Malformed)?;
        if authority.host().is_empty() || authority.as_str().contains('@') {
            return Err(BadEndpoint::Malformed);
        }
        match (uri.scheme_str(), plain) {
            (Some("https"), _) => {}
            (Some("http"), PlainHttp::Refused) => return Err(BadEndpoint::Insecure),
            (Some("http"), PlainHttp::OnLoopback) if is_loopback(authority.host()) => {}
            (Some("http"), PlainHttp::OnLoopback) => return Err(BadEndpoint::InsecureElsewhere),
            _ => return Err(BadEndpoint::Malformed),
        }
        Ok(Self { text: text.to_owned(), uri })
    }

    /// The address, byte for byte as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the connection is protected by TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// The host, without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// The port.
    pub(super) fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.is_tls() { 443 } else { 80 })
    }

    /// The value of the `Host` header.
    pub(super) fn authority(&self) -> &str {
        self.uri.authority().map_or("", http::uri::Authority::as_str)
    }

    /// The target of a request.
    pub(super) fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
    }

    /// The same address with another path behind its own one, as discovery asks for (OpenID Connect Discovery 1.0 §4):
    /// one slash at the end of the issuer is left out.
    pub(super) fn below(&self, path: &str) -> Result<Self, BadEndpoint> {
        if self.uri.query().is_some() {
            return Err(BadEndpoint::Malformed);
        }
        let base = self.text.strip_suffix('/').unwrap_or(&self.text);
        let text = format!("{base}{path}");
        let uri = text.parse().map_err(|_| BadEndpoint::Malformed)?;
        Ok(Self { text, uri })
    }

    /// The address with more parameters in its query.
    pub(super) fn with_parameters(&self, parameters: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        let separator = match self.uri.query() {
            None => "?",
            Some("") => "",
            Some(_) => "&",
        };
        format!("{}{separator}{}", self.text, query.finish())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|addr| addr.is_loopback())
}

const MAX_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_is_an_address_of_a_provider_unless_plain_http_to_this_machine_is_allowed() {
        for (text, refused, on_loopback) in [
            ("https://id.example.com", Ok(()), Ok(())),
            ("https://id.example.com:8443/realms/a?b=c", Ok(()), Ok(())),
            ("http://127.0.0.1:9000/", Err(BadEndpoint::Insecure), Ok(())),
            ("http://[::1]:9000/", Err(BadEndpoint::Insecure), Ok(())),
            ("http://localhost:9000", Err(BadEndpoint::Insecure), Ok(())),
            ("http://id.example.com", Err(BadEndpoint::Insecure), Err(BadEndpoint::InsecureElsewhere)),
            ("http://127.0.0.1.example.com", Err(BadEndpoint::Insecure), Err(BadEndpoint::InsecureElsewhere)),
        ] {
            assert_eq!(Endpoint::parse(text, PlainHttp::Refused).map(drop), refused, "{text}");
            assert_eq!(Endpoint::parse(text, PlainHttp::OnLoopback).map(drop), on_loopback, "{text}");
        }
        for text in [
            "",
            "id.example.com",
            "/path",
            "https://",
            "https:///path",
            "ftp://id.example.com",
            "javascript:alert(1)",
            "https://user@id.example.com/",
            "https://user:secret@id.example.com/",
            "https://id.example.com/#fragment",
            "https://id.example.com/a b",
            "https://id.example.com/\r\nX: y",
            "https://id.example.com\\@evil.example/",
            "https://id.ex\u{e4}mple.com/",
        ] {
            let parsed = Endpoint::parse(text, PlainHttp::OnLoopback).map(drop);
            assert_eq!(parsed, Err(BadEndpoint::Malformed), "{text}");
        }
    }

    #[test]
    fn parameters_are_added_to_a_query_that_is_there() {
        let added = |text| {
            let endpoint = Endpoint::parse(text, PlainHttp::Refused).unwrap();
            endpoint.with_parameters(&[("state", "a&b"), ("scope", "openid email")])
        };
        let query = "state=a%26b&scope=openid+email";
        assert_eq!(added("https://id.example.com/auth"), format!("https://id.example.com/auth?{query}"));
        assert_eq!(
            added("https://id.example.com/auth?p=1"),
            format!("https://id.example.com/auth?p=1&{query}")
        );
        assert_eq!(added("https://id.example.com/auth?"), format!("https://id.example.com/auth?{query}"));
    }

    #[test]
    fn the_discovery_document_lies_below_the_issuer_with_one_slash_between() {
        for (issuer, document) in [
            ("https://id.example.com", "https://id.example.com/.well-known/x"),
            ("https://id.example.com/", "https://id.example.com/.well-known/x"),
            ("https://id.example.com/realms/a", "https://id.example.com/realms/a/.well-known/x"),
            ("https://id.example.com/realms/a/", "https://id.example.com/realms/a/.well-known/x"),
        ] {
            let issuer = Endpoint::parse(issuer, PlainHttp::Refused).unwrap();
            assert_eq!(issuer.below("/.well-known/x").unwrap().as_str(), document);
        }
        let with_query = Endpoint::parse("https://id.example.com/?a=b", PlainHttp::Refused).unwrap();
        assert!(with_query.below("/x").is_err());
    }
}
