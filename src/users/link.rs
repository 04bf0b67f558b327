//! One-time links: what proves that somebody receives mail at an address, or was given a link by an operator.
//!
//! A link holds a random secret; the database keeps its hash with the purpose, the account, and the account's credential
//! version and address as of that time. The link is void once any of these is another one, once it was used, and after its
//! lifetime. Mallory, who reads the database, can use none of the links.

use std::{fmt, time::Duration};

use aws_lc_rs::{digest, rand};
use data_encoding::BASE64URL_NOPAD;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Account, UserStoreError};

/// 256 random bits in a link; prints as `…`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct LinkToken([u8; TOKEN_BYTES]);

/// SHA-256 of a [`LinkToken`], under which the link is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LinkKey([u8; 32]);

/// The use of a link. A link for one use is none for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Sets a new password in place of a forgotten one.
    Reset,
    /// Sets the first password of an account that an operator has made.
    Invitation,
    /// Makes an account with the address that the link was sent to.
    Registration,
    /// Makes the address that the link was sent to that of the account.
    EmailChange,
    /// Undoes that.
    EmailUndo,
}

/// How a link reaches the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkDelivery {
    /// By mail to the address of the account, which the person receives mail at if the link is used.
    Mail,
    /// By an operator, who passes it on.
    Operator,
}

/// A link that is not void.
#[derive(Clone, Debug)]
pub struct Link {
    /// The account that it is for; `None` for a registration.
    pub account: Option<Account>,
    /// The address as of the time when the link was made: the account's, or the one to register.
    pub email: String,
    /// The other address of a change.
    pub other: String,
}

/// The result of a request for a link that is sent by mail. Nobody but the recipient of the mail learns it.
#[derive(Clone, Debug)]
pub enum LinkMail {
    /// A link that sets a new password.
    Reset {
        /// Whose.
        account: Account,
        /// The secret.
        token: LinkToken,
    },
    /// A link that sets the first password of an invited user.
    Invitation {
        /// Whose.
        account: Account,
        /// The secret.
        token: LinkToken,
    },
    /// The account has no password here: its user signs in through these backends.
    Elsewhere {
        /// Whose.
        account: Account,
    },
    /// A link that makes an account.
    Registration {
        /// The address, as it was typed.
        address: String,
        /// The secret.
        token: LinkToken,
    },
    /// The address to register belongs to an account already.
    Known {
        /// The account with the address.
        account: Account,
    },
}

/// Why a link does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRefused {
    /// The link was used, has expired, or what it was made for has changed.
    Void,
    /// Another account has the name.
    NameTaken,
    /// Another account has the address.
    AddressTaken,
    /// Too many accounts wait for approval.
    TooManyWaiting,
}

/// An address that was changed by its link.
#[derive(Clone, Debug)]
pub struct ChangedEmail {
    /// The account afterwards.
    pub account: Account,
    /// The address before; empty if there was none.
    pub former: String,
    /// The secret of the link that undoes the change, for the address before.
    pub undo: Option<LinkToken>,
}

impl LinkToken {
    /// A new secret.
    pub fn generate() -> Result<Self, UserStoreError> {
        let mut bytes = [0; TOKEN_BYTES];
        rand::fill(&mut bytes).map_err(|_| UserStoreError::NoRandomness)?;
        Ok(Self(bytes))
    }

    /// Reads a secret from a link or a cookie: exactly 43 characters of base64url, one spelling each.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; TOKEN_BYTES];
        if text.len() != TEXT_CHARS {
            return None;
        }
        match BASE64URL_NOPAD.decode_mut(text, &mut bytes) {
            Ok(TOKEN_BYTES) => Some(Self(bytes)),
            _ => None,
        }
    }

    /// The form that goes into a link.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64URL_NOPAD.encode(&self.0))
    }

    /// The key under which the link is stored.
    pub fn key(&self) -> LinkKey {
        let mut key = [0; 32];
        key.copy_from_slice(digest::digest(&digest::SHA256, &self.0).as_ref());
        LinkKey(key)
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl LinkKey {
    /// The 32 bytes to store.
    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl LinkPurpose {
    /// The word for it in the database.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Invitation => "invitation",
            Self::Registration => "registration",
            Self::EmailChange => "email-change",
            Self::EmailUndo => "email-undo",
        }
    }

    /// How long such a link is good for.
    pub fn lifetime(self) -> Duration {
        match self {
            Self::Reset => Duration::from_mins(30),
            Self::Registration | Self::EmailChange => Duration::from_hours(24),
            Self::Invitation | Self::EmailUndo => Duration::from_hours(7 * 24),
        }
    }
}

impl LinkRefused {
    /// The word for it in the audit stream.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Void => "void-link",
            Self::NameTaken => "name-taken",
            Self::AddressTaken => "address-taken",
            Self::TooManyWaiting => "too-many-waiting",
        }
    }
}

const TOKEN_BYTES: usize = 32;
/// 32 bytes as base64url without padding.
const TEXT_CHARS: usize = 43;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_one_spelling() {
        let token = LinkToken::generate().unwrap();
        let text = token.to_text();
        assert_eq!(LinkToken::parse(text.as_bytes()).as_ref(), Some(&token));
        for wrong in [
            text.get(..42).unwrap().to_owned(),
            format!("{}A", *text),
            format!("{}=", *text),
            format!(" {}", text.get(1..).unwrap()),
            String::new(),
        ] {
            assert_eq!(LinkToken::parse(wrong.as_bytes()), None, "{wrong}");
        }
        let upper = text.to_uppercase();
        assert_ne!(LinkToken::parse(upper.as_bytes()).as_ref(), Some(&token));
        assert_eq!(format!("{token:?} {:?}", token.key()), "… …");
    }
}
