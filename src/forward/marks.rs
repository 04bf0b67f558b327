//! What the names of an answer's headers call for.
//!
//! Found once for each line, while the head is read. What no line calls for need then not be looked for: most answers
//! have nothing that has to be taken out of them.

use http::{
    HeaderName,
    header::{
        ALT_SVC, CONNECTION, CONTENT_LENGTH, PROXY_AUTHENTICATE, SERVER, SET_COOKIE, TRANSFER_ENCODING,
        WWW_AUTHENTICATE,
    },
};

use super::{addresses::OF_RESPONSES, headers::is_hop_by_hop};

/// A set of marks: those of one name, or of all names of a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks(u8);

impl Marks {
    /// For one hop (RFC 9110 §7.6.1).
    pub(super) const ONE_HOP: Self = Self(1);
    /// `Connection`.
    pub(super) const CONNECTION: Self = Self(1 << 1);
    /// `Content-Length`.
    pub(super) const LENGTH: Self = Self(1 << 2);
    /// `Transfer-Encoding`.
    pub(super) const CODING: Self = Self(1 << 3);
    /// `Set-Cookie`.
    pub(super) const COOKIE: Self = Self(1 << 4);
    /// Between the app and the gateway, or nothing that an upstream may tell a browser: where else and by which
    /// protocol this host is served (`Alt-Svc`, RFC 7838), it does not know.
    pub(super) const OURS: Self = Self(1 << 5);
    /// Tells the app's software (OWASP ASVS 5.0 13.4.6).
    pub(super) const SOFTWARE: Self = Self(1 << 6);
    /// May tell that the connection is authenticated, see [`super::bound`].
    pub(super) const AUTHENTICATION: Self = Self(1 << 7);

    /// Names an address, which may be the application's own.
    pub(super) const ADDRESS: Self = Self(1 << 7);

    /// Those of one name.
    pub(super) fn of(name: &HeaderName) -> Self {
        let mut marks = Self::default();
        if is_hop_by_hop(name) {
            marks.add(Self::ONE_HOP);
        }
        if *name == CONNECTION {
            marks.add(Self::CONNECTION);
        } else if *name == CONTENT_LENGTH {
            marks.add(Self::LENGTH);
        } else if *name == TRANSFER_ENCODING {
            marks.add(Self::CODING);
        } else if *name == SET_COOKIE {
            marks.add(Self::COOKIE);
        } else if *name == ALT_SVC || name.as_str().starts_with("portcullis-") {
            marks.add(Self::OURS);
        } else if OF_RESPONSES.contains(name) {
            marks.add(Self::ADDRESS);
        } else if *name == SERVER || TELLTALES.contains(name) {
            marks.add(Self::SOFTWARE);
        } else if *name == WWW_AUTHENTICATE || *name == PROXY_AUTHENTICATE || *name == PERSISTENT_AUTH {
            marks.add(Self::AUTHENTICATION);
        }
        marks
    }

    /// Adds others to these.
    pub(super) fn add(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// Whether any of these is among them.
    pub(super) fn have(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    /// These and others.
    pub(super) const fn or(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

/// IIS says in it that the connection stays authenticated.
pub(super) static PERSISTENT_AUTH: HeaderName = HeaderName::from_static("persistent-auth");

/// What tells the application's software beside `Server`, which most have.
static TELLTALES: [HeaderName; 3] = [
    HeaderName::from_static("x-powered-by"),
    HeaderName::from_static("x-aspnet-version"),
    HeaderName::from_static("x-aspnetmvc-version"),
];
