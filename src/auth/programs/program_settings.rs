//! `programs` and `authorization` of an app: the credentials that it takes from programs, and whose `Authorization` is.

use http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT, ORIGIN},
};

use crate::users::ProgramCredential;

/// The credentials that an app takes from programs. By default none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgramSettings {
    /// API tokens.
    pub tokens: bool,
    /// Names with passwords, by `Authorization: Basic`.
    pub basic: bool,
    /// Access tokens of providers, by `Authorization: Bearer`.
    pub bearer: bool,
    /// Whose `Authorization` is.
    pub authorization: AuthorizationFor,
}

/// The reader of an app's `Authorization`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthorizationFor {
    /// The app: it goes on untouched, unless it carries an API token, which is always the gateway's.
    #[default]
    App,
    /// The gateway: it is checked, and cut in any case.
    Gateway,
}

impl ProgramSettings {
    /// The credentials that both apps take, if a path could belong to either.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let is_gateways = [self.authorization, other.authorization].contains(&AuthorizationFor::Gateway);
        Self {
            tokens: self.tokens && other.tokens,
            basic: self.basic && other.basic,
            bearer: self.bearer && other.bearer,
            authorization: if is_gateways { AuthorizationFor::Gateway } else { AuthorizationFor::App },
        }
    }

    /// Whether a credential of this kind is taken.
    pub fn take(self, credential: &ProgramCredential) -> bool {
        match credential {
            ProgramCredential::Password(_) => self.basic,
            ProgramCredential::Token(_) => self.tokens,
            ProgramCredential::Bearer(..) => self.bearer,
        }
    }

    /// `WWW-Authenticate` of a 401, for a program that waits for it before it sends a credential: git and docker do. A
    /// browser would ask for a password in a dialog of its own, so that it gets none.
    pub fn challenge(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let names_html =
            |value: &HeaderValue| value.to_str().is_ok_and(|accept| accept.contains("text/html"));
        let is_browser = headers.contains_key(ORIGIN)
            || headers.keys().any(|name| name.as_str().starts_with("sec-fetch-"))
            || headers.get_all(ACCEPT).iter().any(names_html);
        let value = match self {
            _ if is_browser => return None,
            // A token comes as the password, too.
            Self { basic: true, .. } | Self { tokens: true, .. } => BASIC,
            Self { bearer: true, .. } => BEARER,
            _ => return None,
        };
        Some(HeaderValue::from_static(value))
    }
}

/// RFC 7617 §2.1: names and passwords are UTF-8.
const BASIC: &str = "Basic realm=\"Portcullis\", charset=\"UTF-8\"";
const BEARER: &str = "Bearer realm=\"Portcullis\"";

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_browser_gets_no_challenge() {
        let settings = ProgramSettings { basic: true, ..ProgramSettings::default() };
        for browser in [
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-site", "same-origin"),
            ("accept", "text/html,*/*;q=0.8"),
            ("origin", "https://a"),
        ] {
            assert_eq!(settings.challenge(&headers(&[browser])), None, "{browser:?}");
        }
        assert_eq!(settings.challenge(&headers(&[("accept", "*/*")])).unwrap(), BASIC);
    }

    #[test]
    fn a_challenge_names_a_scheme_that_the_app_takes() {
        let none = ProgramSettings::default();
        assert_eq!(none.challenge(&HeaderMap::new()), None);
        let tokens = ProgramSettings { tokens: true, ..none };
        assert_eq!(tokens.challenge(&HeaderMap::new()).unwrap(), BASIC);
        let bearer = ProgramSettings { bearer: true, ..none };
        assert_eq!(bearer.challenge(&HeaderMap::new()).unwrap(), BEARER);
    }

    #[test]
    fn the_stricter_of_two_apps_decides() {
        let one = ProgramSettings { tokens: true, basic: true, ..ProgramSettings::default() };
        let other = ProgramSettings {
            tokens: true,
            bearer: true,
            authorization: AuthorizationFor::Gateway,
            ..ProgramSettings::default()
        };
        let both = ProgramSettings {
            tokens: true,
            authorization: AuthorizationFor::Gateway,
            ..ProgramSettings::default()
        };
        assert_eq!(one.and(other), both);
        assert_eq!(other.and(one), both);

        let all = ProgramSettings { tokens: true, basic: true, bearer: true, ..one };
        let none = ProgramSettings::default();
        assert_eq!(
            (all.and(none), none.and(all)),
            (none, none),
            "a credential that one of them does not take"
        );
    }
}
