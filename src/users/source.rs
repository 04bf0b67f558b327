//! The profile of a user at a backend, and how such a user comes to an account here.
//!
//! A backend (a directory, a provider) proves an [`IdentityPair`] and says more about the user: a name, an address, groups.
//! [`Directory::sign_in_from`](super::Directory::sign_in_from) finds the account of the pair, or makes one if
//! [`Provisioning`] lets it. Two pairs are one user only if the user, or an operator, has linked them, never because they
//! have the same name or address.
//!
//! The name is used for a new account alone: a user who is renamed at the backend keeps the account and its name, since
//! applications and rules know the user by it.

use std::{collections::BTreeMap, fmt};

use super::profile::{is_key, is_value, readable_name};
use crate::{
    clock::Timestamp,
    identity::{EmailKey, GroupName, IdentityPair, UserName},
};

/// A user as a backend describes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceProfile {
    /// How the backend knows the user.
    pub pair: IdentityPair,
    /// The user's name there; the name of a new account.
    pub name: UserName,
    /// The user's address; `None` if the backend has none.
    pub email: Option<SourceEmail>,
    /// Name for people to read; empty if there is none.
    pub full_name: String,
    /// Groups of the gateway that the user's groups at the backend are mapped to, in any order.
    pub groups: Vec<GroupName>,
    /// Attributes for applications. One that an operator gave the user here wins.
    pub attributes: BTreeMap<String, String>,
}

/// An address as a backend knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceEmail {
    /// The address.
    pub address: String,
    /// Whether the backend vouches that the user receives mail there.
    pub verified: bool,
}

/// An identity that is looked up at its backend again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshedPair {
    /// The identity.
    pub pair: IdentityPair,
    /// Whether the backend no longer let the user in when it was last asked.
    pub has_ended: bool,
}

/// The users of a backend whom a refresh looks up, beside the owners of API tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// Those who have signed in since this time, through the backend or otherwise, and whom it still lets in: they may have
    /// a session, in which the groups count that the backend brings.
    SignedInSince(Timestamp),
    /// Everybody: users may come in by a client certificate, and never sign in.
    Everybody,
}

/// How a user whom only a backend knows comes to an account. An operator's invitation counts in each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provisioning {
    /// The first sign-in makes the account.
    Automatic,
    /// Only a user whom an operator has invited signs in.
    Invited,
    /// The first sign-in makes an account that waits until an operator enables it.
    Approval,
    /// Only a pair that is linked to an account signs in.
    Existing,
}

/// Whether a verified address may stand for the account with that address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Adoption {
    /// Never.
    #[default]
    Never,
    /// A user whose address the backend vouches for takes over the one active account with that address, unless that is a
    /// superuser's or already has a user of the same backend. If the account's address was not verified here, its
    /// password, its other linked identities and its sessions end: Mallory may have made the account with Alice's address.
    VerifiedEmail,
}

/// Why a user whom a backend has proved does not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotProvisioned {
    /// Another account has the name, or a removed one had it.
    NameTaken,
    /// No account belongs to the user, and none is made.
    NoAccount,
    /// The account waits for an operator's approval.
    WaitingForApproval,
    /// Too many accounts wait for approval, so no further one is made.
    TooManyWaiting,
    /// The account is disabled here.
    Disabled,
    /// The backend's id of the user cannot be stored: empty, far too long, or with control characters.
    UnusableIdentity,
}

impl NotProvisioned {
    /// The reason in the audit stream.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NameTaken => "name-taken",
            Self::NoAccount => "no-account",
            Self::WaitingForApproval => "waiting-for-approval",
            Self::TooManyWaiting => "too-many-waiting",
            Self::Disabled => "disabled",
            Self::UnusableIdentity => "unusable-identity",
        }
    }
}

impl fmt::Display for NotProvisioned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NameTaken => "another account has the same name, or a removed one had it",
            Self::NoAccount => "no account belongs to this user",
            Self::WaitingForApproval => "the account waits for approval",
            Self::TooManyWaiting => "too many accounts wait for approval",
            Self::Disabled => "the account is disabled",
            Self::UnusableIdentity => "the backend's id of the user cannot be stored",
        })
    }
}

impl SourceProfile {
    /// The values that can be stored and sent to applications. An address without a normal form, and attributes that could
    /// not stand in a header, are left out; the name for people is cut and loses its control characters.
    pub(super) fn cleaned(mut self) -> Self {
        self.email = self.email.filter(|email| EmailKey::of(&email.address).is_some());
        self.full_name = readable_name(&self.full_name);
        self.groups = super::profile::sorted(self.groups);
        self.attributes.retain(|key, value| is_key(key) && is_value(value));
        self
    }

    /// The address, empty if there is none.
    pub(super) fn address(&self) -> &str {
        self.email.as_ref().map_or("", |email| &email.address)
    }

    /// Whether the backend vouches for the address.
    pub(super) fn is_verified(&self) -> bool {
        self.email.as_ref().is_some_and(|email| email.verified)
    }

    /// The normal form of the address, if the backend vouches for it.
    pub(super) fn verified_key(&self) -> Option<EmailKey> {
        self.email.as_ref().filter(|email| email.verified).and_then(|email| EmailKey::of(&email.address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::BackendName;

    #[test]
    fn a_value_of_a_backend_that_could_not_stand_in_a_header_is_left_out_or_cut() {
        let pair = IdentityPair {
            backend: BackendName::parse("idp").unwrap(),
            authority: "https://idp.example.com".into(),
            subject: "1".into(),
        };
        let staff = GroupName::parse("staff").unwrap();
        let profile = SourceProfile {
            pair,
            name: UserName::parse("alice").unwrap(),
            email: Some(SourceEmail { address: "alice＠example.com".to_owned(), verified: true }),
            full_name: format!(" Alice\r\nX-Admin: yes{}", "x".repeat(500)),
            groups: vec![staff.clone(), staff.clone()],
            attributes: BTreeMap::from(
                [("team", "blue"), ("bad key", "x"), ("line", "a\r\nb")]
                    .map(|(key, value)| (key.to_owned(), value.to_owned())),
            ),
        };
        let cleaned = profile.cleaned();
        assert_eq!((cleaned.email.clone(), cleaned.verified_key()), (None, None));
        assert!(cleaned.full_name.starts_with("AliceX-Admin: yesx"), "{}", cleaned.full_name);
        assert_eq!(cleaned.full_name.chars().count(), 200);
        assert_eq!(cleaned.groups, [staff]);
        assert_eq!(cleaned.attributes.keys().collect::<Vec<_>>(), ["team"]);
    }
}
