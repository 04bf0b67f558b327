//! The `Authorization` of a request: for the gateway or for the app, and what it offers.
//!
//! An API token is recognised by its prefix wherever it stands, and is always the gateway's: Mallory, who runs one of the
//! apps, must not collect the tokens that people send to it by mistake. Everything else is the gateway's only where the
//! app's settings say so.

use data_encoding::{BASE64, BASE64_NOPAD};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use zeroize::Zeroizing;

use super::{AuthorizationFor, ProgramSettings};
use crate::users::{Password, PresentedToken};

/// The `Authorization` of a request.
#[derive(Debug)]
pub enum Authorization {
    /// The request has no credential, or one that is for the app.
    NotOurs,
    /// The request has one credential, which is for the gateway.
    Ours(Offered),
    /// The request has several credentials, one of them for the gateway: which one counts is anybody's guess.
    Several,
}

/// A credential of the gateway, not yet checked.
#[derive(Debug)]
pub enum Offered {
    /// An API token.
    Token(PresentedToken),
    /// A name and a password.
    Password {
        /// The name, as it was sent.
        name: Zeroizing<String>,
        /// The password.
        password: Password,
    },
    /// Something in `Bearer` that is no API token: an access token of a provider.
    AccessToken(Zeroizing<String>),
    /// A credential that cannot be right: another scheme, a credential of a kind that the app does not take, or one that cannot be
    /// read.
    Nothing,
}

impl ProgramSettings {
    /// Reads the `Authorization` of a request to an app with these settings.
    pub fn read(&self, headers: &HeaderMap) -> Authorization {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Authorization::NotOurs };
        if self.authorization == AuthorizationFor::App && !carries_token(headers) {
            return Authorization::NotOurs;
        }
        if values.next().is_some() {
            return Authorization::Several;
        }
        Authorization::Ours(self.offered(value).unwrap_or(Offered::Nothing))
    }

    fn offered(self, value: &HeaderValue) -> Option<Offered> {
        let (scheme, rest) = split(value)?;
        if scheme.eq_ignore_ascii_case("bearer") {
            if PresentedToken::is_meant(rest.as_bytes()) {
                return self.token(rest);
            }
            return self.bearer.then(|| Offered::AccessToken(Zeroizing::new(rest.to_owned())));
        }
        let (name, password) = basic(scheme, rest)?;
        if PresentedToken::is_meant(password.as_bytes()) {
            return self.token(&password);
        }
        let is_misplaced = PresentedToken::is_meant(name.as_bytes());
        let password = Password::new(String::clone(&password));
        (self.basic && !is_misplaced).then_some(Offered::Password { name, password })
    }

    fn token(self, text: &str) -> Option<Offered> {
        let presented = PresentedToken::parse(text.as_bytes())?;
        self.tokens.then_some(Offered::Token(presented))
    }
}

/// Whether any `Authorization` carries an API token, or a text that was meant as one.
pub fn carries_token(headers: &HeaderMap) -> bool {
    headers.get_all(AUTHORIZATION).iter().any(|value| {
        names_token(value.as_bytes())
            || credentials_as_careless(value.as_bytes()).is_some_and(|text| names_token(&text))
    })
}

/// Whether a word of a text begins as an API token does.
fn names_token(value: &[u8]) -> bool {
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.+/".contains(byte);
    let mut rest = value;
    loop {
        if PresentedToken::is_meant(rest) {
            return true;
        }
        let Some(end) = rest.iter().position(|byte| !is_of_word(byte)) else { return false };
        let (_, after) = rest.split_at(end);
        let Some((_, after)) = after.split_first() else { return false };
        rest = after;
    }
}

/// The credentials of `Basic` as the most careless application reads them: in both alphabets of base64, whatever stands
/// between, and in any character set.
fn credentials_as_careless(value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (scheme, rest) = value.split_at_checked(BASIC.len())?;
    if !scheme.eq_ignore_ascii_case(BASIC) {
        return None;
    }
    let digits = rest.iter().filter_map(|byte| match byte {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        b'+' | b'/' => Some(*byte),
        byte => byte.is_ascii_alphanumeric().then_some(*byte),
    });
    let mut digits: Zeroizing<Vec<u8>> = Zeroizing::new(digits.collect());
    // Zeros complete the last group.
    while !digits.len().is_multiple_of(4) {
        digits.push(b'A');
    }
    BASE64.decode(&digits).ok().map(Zeroizing::new)
}

const BASIC: &[u8] = b"basic";

/// RFC 9110 §11.4: the scheme and what follows it.
fn split(value: &HeaderValue) -> Option<(&str, &str)> {
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    Some((scheme, rest.trim_matches(' ')))
}

/// Name and password of RFC 7617.
fn basic(scheme: &str, rest: &str) -> Option<(Zeroizing<String>, Zeroizing<String>)> {
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let encoded = rest.as_bytes();
    let bytes = BASE64.decode(encoded).or_else(|_| BASE64_NOPAD.decode(encoded)).ok().map(Zeroizing::new)?;
    let (name, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    Some((Zeroizing::new(name.to_owned()), Zeroizing::new(password.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: ProgramSettings =
        ProgramSettings { tokens: true, basic: false, bearer: false, authorization: AuthorizationFor::App };
    const ALL: ProgramSettings =
        ProgramSettings { tokens: true, basic: true, bearer: true, authorization: AuthorizationFor::Gateway };
    /// Token 34 of user 12, with a right checksum.
    fn token() -> String {
        use crate::{
            identity::UserId,
            users::{ApiToken, TokenId},
        };
        let random = ApiToken::random_part().unwrap();
        ApiToken::new(UserId(12), TokenId(34), &random).expose().to_owned()
    }

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn basic_of(text: impl AsRef<[u8]>) -> String {
        format!("Basic {}", BASE64.encode(text.as_ref()))
    }

    #[test]
    fn a_token_is_the_gateways_wherever_it_stands() {
        let token = token();
        for value in [
            format!("Bearer {token}"),
            format!("bearer  {token} "),
            basic_of(format!("alice:{token}")),
            basic_of(format!(":{token}")),
            basic_of(format!("{token}:")),
            format!("token {token}"),
            format!("Bearer {}", token.get(..20).unwrap()),
            format!("Token token=\"{token}\""),
            token.clone(),
        ] {
            for settings in [ProgramSettings::default(), TOKENS, ALL] {
                let read = settings.read(&headers(&[&value]));
                assert!(matches!(read, Authorization::Ours(_)), "{value} {read:?}");
                let read = settings.read(&headers(&["Basic eA==", &value]));
                assert!(matches!(read, Authorization::Several), "{value} {read:?}");
            }
        }
    }

    #[test]
    fn a_token_is_taken_in_bearer_and_as_a_password() {
        let token = token();
        for value in [format!("Bearer {token}"), basic_of(format!("anybody:{token}"))] {
            let read = TOKENS.read(&headers(&[&value]));
            assert!(matches!(read, Authorization::Ours(Offered::Token(_))), "{value} {read:?}");
            let read = ProgramSettings::default().read(&headers(&[&value]));
            assert!(matches!(read, Authorization::Ours(Offered::Nothing)), "{value} {read:?}");
        }
    }

    #[test]
    fn an_authorization_of_the_app_is_not_the_gateways() {
        for value in [
            "Basic eDp5",
            "Bearer eyJhbGciOiJub25lIn0.e30.abptc_12t34_x",
            "Negotiate abc",
            "",
            "Digest username=\"x\"",
        ] {
            for settings in [ProgramSettings::default(), TOKENS] {
                let read = settings.read(&headers(&[value, value]));
                assert!(matches!(read, Authorization::NotOurs), "{value} {read:?}");
            }
        }
        assert!(matches!(ALL.read(&HeaderMap::new()), Authorization::NotOurs));
    }

    #[test]
    fn a_malformed_authorization_offers_nothing() {
        let long = basic_of(vec![b'x'; 48 * 1024]);
        let binary = basic_of([b'a', b':', 0xff]);
        for value in [
            "",
            "Basic",
            "Basic ",
            "Basic !!!",
            &basic_of("no colon"),
            &binary,
            &long,
            "Digest x",
            "Bearer",
            "Basic\u{a0}eDp5",
        ] {
            let read = ALL.read(&headers(&[value]));
            assert!(matches!(read, Authorization::Ours(Offered::Nothing)), "{value:.40} {read:?}");
        }
        assert!(matches!(ALL.read(&headers(&["Basic eDp5", "Basic eDp5"])), Authorization::Several));
    }

    #[test]
    fn a_credential_of_a_kind_that_the_app_does_not_take_offers_nothing() {
        let token = token();
        for (settings, value) in [
            (ProgramSettings { tokens: false, ..ALL }, format!("Bearer {token}")),
            (ProgramSettings { tokens: false, ..ALL }, basic_of(format!("alice:{token}"))),
            (ProgramSettings { basic: false, ..ALL }, basic_of("alice:secret")),
            (ProgramSettings { bearer: false, ..ALL }, "Bearer eyJhbGciOiJFUzI1NiJ9.e30.x".to_owned()),
        ] {
            let read = settings.read(&headers(&[&value]));
            assert!(matches!(read, Authorization::Ours(Offered::Nothing)), "{settings:?} {read:?}");
            let read = ALL.read(&headers(&[&value]));
            assert!(!matches!(read, Authorization::Ours(Offered::Nothing)), "{value}");
        }
    }

    #[test]
    fn a_token_in_place_of_the_name_is_neither_taken_nor_tried_as_a_name() {
        for value in [basic_of(format!("{}:secret", token())), basic_of("ptc_x:secret")] {
            let read = ALL.read(&headers(&[&value]));
            assert!(matches!(read, Authorization::Ours(Offered::Nothing)), "{read:?}");
        }
    }

    #[test]
    fn a_password_may_hold_a_colon_and_any_letter() {
        let read = ALL.read(&headers(&[&basic_of("zoë:a:ß ")]));
        let Authorization::Ours(Offered::Password { name, password }) = read else { panic!("{read:?}") };
        assert_eq!((name.as_str(), password.exposed()), ("zoë", "a:ß "));
    }
}
