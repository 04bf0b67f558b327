//! Identity headers, which tell an application who the user is.
//!
//! `headers` writes them into each request that a user makes, after all headers of those names were removed from it.
//! Presets and the operator's own choice come from `config`.

use std::{borrow::Cow, fmt, sync::Arc};

use http::HeaderName;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::identity::{GroupName, User};

/// The identity headers of one app; they never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeaders(Arc<[(HeaderName, IdentityValue)]>);

/// The value of an identity header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityValue {
    /// The canonical user name.
    Username,
    /// The email address.
    Email,
    /// The full name; the user name where there is none.
    Name,
    /// The groups, separated by this text.
    Groups(String),
    /// One of the user's free attributes.
    Attribute(String),
}

impl IdentityHeaders {
    /// Headers that the operator chose.
    pub fn new(headers: Vec<(HeaderName, IdentityValue)>) -> Self {
        Self(headers.into())
    }

    /// The names of the headers.
    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter().map(|(name, _)| name)
    }

    /// The headers with their values, to change some of them.
    pub fn into_headers(self) -> Vec<(HeaderName, IdentityValue)> {
        self.0.to_vec()
    }

    /// Gives each header for `user` to `field`; a header without a value is left out.
    pub fn write(&self, user: &User, mut field: impl FnMut(&HeaderName, &[u8])) {
        for (name, value) in self.0.iter() {
            if let Some(text) = value.of(user).filter(|text| !text.is_empty()) {
                field(name, encode(text.trim_ascii()).as_bytes());
            }
        }
    }
}

impl IdentityValue {
    fn of<'a>(&self, user: &'a User) -> Option<Cow<'a, str>> {
        Some(match self {
            Self::Username => Cow::Borrowed(user.name.as_str()),
            Self::Email => Cow::Borrowed(&user.email),
            Self::Name if user.full_name.is_empty() => Cow::Borrowed(user.name.as_str()),
            Self::Name => Cow::Borrowed(&user.full_name),
            Self::Groups(separator) => match user.groups.as_slice() {
                [only] => Cow::Borrowed(only.as_str()),
                groups => {
                    let names: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
                    Cow::Owned(names.join(separator))
                }
            },
            Self::Attribute(key) => Cow::Borrowed(user.attributes.get(key)?),
        })
    }
}

/// For people.
impl fmt::Display for IdentityValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Username => f.write_str("user name"),
            Self::Email => f.write_str("e-mail address"),
            Self::Name => f.write_str("full name, or else the user name"),
            Self::Groups(separator) => write!(f, "groups, separated by `{separator}`"),
            Self::Attribute(key) => write!(f, "attribute {key}"),
        }
    }
}

/// Printable ASCII as it is, all other characters as percent-encoded UTF-8; `%` too, so that it can be decoded.
fn encode(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'%') {
        return Cow::Borrowed(text);
    }
    utf8_percent_encode(text, ENCODED).into()
}

const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        forward::Preset,
        identity::{UserId, UserName},
    };

    fn user(full_name: &str, email: &str) -> User {
        User {
            id: UserId(1),
            name: UserName::parse("renée").unwrap(),
            email: email.into(),
            full_name: full_name.into(),
            superuser: false,
            groups: ["ops", "staff"].iter().map(|name| GroupName::parse(name).unwrap()).collect(),
            permissions: vec![],
            attributes: BTreeMap::from([("team".into(), "blue".into())]),
        }
    }

    fn sent(headers: &IdentityHeaders, user: &User) -> Vec<String> {
        let mut sent = Vec::new();
        headers.write(user, |name, value| sent.push(format!("{name}: {}", str::from_utf8(value).unwrap())));
        sent
    }

    #[test]
    fn presets_name_the_user() {
        let remote = Preset::named("remote-user").unwrap().headers();
        assert_eq!(
            sent(&remote, &user("Renée R.", "r@example.com")),
            [
                "remote-user: ren%C3%A9e",
                "remote-groups: ops,staff",
                "remote-email: r@example.com",
                "remote-name: Ren%C3%A9e R."
            ]
        );
        assert!(sent(&Preset::named("none").unwrap().headers(), &user("", "")).is_empty());
    }

    #[test]
    fn missing_values_are_left_out_and_no_value_breaks_a_header_field() {
        let headers = IdentityHeaders::new(vec![
            (HeaderName::from_static("x-mail"), IdentityValue::Email),
            (HeaderName::from_static("x-name"), IdentityValue::Name),
            (HeaderName::from_static("x-team"), IdentityValue::Attribute("team".into())),
            (HeaderName::from_static("x-none"), IdentityValue::Attribute("none".into())),
            (HeaderName::from_static("x-groups"), IdentityValue::Groups("|".into())),
        ]);
        assert_eq!(
            sent(&headers, &user("a\r\nX-Admin: 1%", "")),
            ["x-name: a%0D%0AX-Admin: 1%25", "x-team: blue", "x-groups: ops|staff"]
        );
    }
}
