//! The assertion of one app: for whom it is, and what is in it.

use http::HeaderName;

/// The settings of an app's assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionSettings {
    /// `iss`: the origin of the portal host, or of the app's first host; never taken from a request.
    pub issuer: Box<str>,
    /// `aud`: no other app's.
    pub audience: Box<str>,
    /// The header field of the assertion.
    pub header: HeaderName,
    /// Whether it is sent as `Authorization: Bearer`, too.
    pub bearer: bool,
    /// Further claims.
    pub claims: Vec<(Box<str>, ClaimValue)>,
}

/// The value of a further claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimValue {
    /// The canonical user name.
    Username,
    /// The email address.
    Email,
    /// The full name; the user name where there is none.
    Name,
    /// The groups, as a list.
    Groups,
    /// One of the user's free attributes.
    Attribute(String),
}

/// The claims that have a meaning, and that no further claim replaces.
pub const RESERVED_CLAIMS: [&str; 18] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "amr",
    "acr",
    "auth_time",
    "azp",
    "nonce",
    "email",
    "email_verified",
    "name",
    "groups",
    "groups_truncated",
];

impl AssertionSettings {
    /// The names of all header fields that carry the assertion.
    pub fn header_names(&self) -> Vec<HeaderName> {
        let mut names = vec![self.header.clone()];
        if self.bearer {
            names.push(http::header::AUTHORIZATION);
        }
        names
    }
}
