//! The account of a user, as of one point in time.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;

use super::{Factor, FactorId, FactorKind, PasswordHash, PasswordOwner, StoredToken};
use crate::{
    clock::Timestamp,
    identity::{BackendName, CredentialVersion, GroupName, Identity, IdentityPair, User},
};

/// A user with the state that a sign-in depends on; a snapshot that does not change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each of which has a use of its own")]
pub struct Account {
    /// The user as rules and applications see them: groups and attributes are the effective ones.
    pub user: Arc<User>,
    /// Whether the user may sign in and be signed in.
    pub active: bool,
    /// Raised by every new password and every deactivation, which ends earlier sessions.
    pub credential: CredentialVersion,
    /// `None`: cannot sign in with a password of the gateway's own directory.
    pub password: Option<PasswordHash>,
    /// When the last sign-in succeeded.
    pub last_sign_in: Option<Timestamp>,
    /// When the account was made.
    pub created: Timestamp,
    /// Whether the user is known to receive mail at the address.
    pub email_verified: bool,
    /// Since when the account waits for an operator's approval. It is not active then.
    pub waiting_since: Option<Timestamp>,
    /// Groups that operators gave the user here; sorted, without duplicates.
    pub local_groups: Vec<GroupName>,
    /// Attributes that operators gave the user here.
    pub local_attributes: BTreeMap<String, String>,
    /// The identities that belong to the account, the first linked one first.
    pub identities: Vec<LinkedIdentity>,
    /// The backends at which the user was invited to sign in for the first time.
    pub invited: Vec<BackendName>,
    /// Whether the password has to be changed at the next sign-in with it.
    pub must_change_password: bool,
    /// The second factors, the first added one first.
    pub factors: Vec<Factor>,
    /// How many recovery codes have not been used yet.
    pub recovery_codes_left: u32,
    /// An account of a machine: its programs use tokens, certificates and the like, and nobody can sign in to it.
    pub machine: bool,
    /// The API tokens, the first one made first.
    pub tokens: Vec<StoredToken>,
}

/// An identity of a backend that belongs to an account, with what the backend said of it last.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LinkedIdentity {
    /// How the backend knows the user.
    #[serde(flatten)]
    pub pair: IdentityPair,
    /// The user's name there; empty if the backend has not said one yet.
    pub name: String,
    /// The user's address there when the identity was linked.
    pub email: String,
    /// When it was linked.
    pub linked: Timestamp,
    /// When the user last signed in through it.
    pub last_seen: Option<Timestamp>,
    /// Why the backend no longer lets the user in; `None` while it does.
    pub ended: Option<String>,
    /// Whether the account's name for people and address are those of this identity.
    pub home: bool,
    /// Groups of the gateway that the backend brings.
    pub groups: Vec<GroupName>,
    /// Attributes that the backend brings.
    pub attributes: BTreeMap<String, String>,
}

#[cfg(test)]
impl Account {
    /// An active account of this user, without anything else.
    pub(crate) fn of_user(user: Arc<User>, credential: CredentialVersion) -> Self {
        Self {
            user,
            active: true,
            credential,
            password: None,
            last_sign_in: None,
            created: Timestamp::from_millis(0),
            email_verified: false,
            waiting_since: None,
            local_groups: Vec::new(),
            local_attributes: BTreeMap::new(),
            identities: Vec::new(),
            invited: Vec::new(),
            must_change_password: false,
            factors: Vec::new(),
            recovery_codes_left: 0,
            machine: false,
            tokens: Vec::new(),
        }
    }
}

impl Account {
    /// The identity of a sign-in under the credential version `seen`: only if the user is active and nothing has ended that
    /// sign-in since. An account of a machine has no sign-ins; see [`Account::program`].
    pub fn identity(&self, seen: CredentialVersion) -> Option<Identity> {
        (self.active && !self.machine && self.credential == seen)
            .then(|| Identity::User(Arc::clone(&self.user)))
    }

    /// The identity of a request with a client certificate of the user.
    pub fn identity_by_certificate(&self) -> Option<Identity> {
        if self.is_ended_at_backends() { None } else { self.identity(self.credential) }
    }

    /// Whether only backends vouch for the user, and none of them does any more: the user has left the directory, or is
    /// disabled there. Tokens and client certificates then open nothing either. A password of the gateway's own is another
    /// way in, and an account of a machine is vouched for by the operator who made it.
    pub fn is_ended_at_backends(&self) -> bool {
        !self.machine
            && self.password.is_none()
            && !self.identities.is_empty()
            && self.identities.iter().all(|identity| identity.ended.is_some())
    }

    /// The user as the owner of a new password.
    pub fn password_owner(&self) -> PasswordOwner {
        let user = &self.user;
        let owner = PasswordOwner::new(user.name.clone(), user.full_name.as_str(), user.email.as_str());
        PasswordOwner { has_factor: !self.factors.is_empty(), ..owner }
    }

    /// The linked identity with this pair.
    pub fn linked(&self, pair: &IdentityPair) -> Option<&LinkedIdentity> {
        self.identities.iter().find(|identity| identity.pair == *pair)
    }

    /// Whether the user can still sign in without this factor. A passkey may be the only way in of an account without a
    /// password; no other factor is one by itself.
    pub fn can_sign_in_without(&self, factor: FactorId) -> bool {
        let is_passkey = |other: &&Factor| other.kind == FactorKind::Passkey;
        let passkeys = || self.factors.iter().filter(is_passkey);
        passkeys().all(|passkey| passkey.id != factor)
            || self.password.is_some()
            || self.identities.iter().any(|identity| identity.ended.is_none())
            || passkeys().any(|passkey| passkey.id != factor)
    }

    /// Whether one of the factors is a passkey.
    pub fn has_passkey(&self) -> bool {
        self.factors.iter().any(|factor| factor.kind == FactorKind::Passkey)
    }

    /// Whether the user has no other factor than this one.
    pub fn is_last_factor(&self, factor: FactorId) -> bool {
        self.factors.iter().all(|other| other.id == factor)
    }

    /// The user as operators made one here: without groups and attributes of backends.
    pub(super) fn local_user(&self) -> User {
        User {
            groups: self.local_groups.clone(),
            attributes: self.local_attributes.clone(),
            ..User::clone(&self.user)
        }
    }

    /// Whether the user can still sign in without this identity: with a password, or through another one. To an account of a
    /// machine nobody signs in anyway.
    pub fn can_do_without(&self, pair: &IdentityPair) -> bool {
        let others = self.identities.iter().filter(|identity| identity.pair != *pair);
        self.machine || self.password.is_some() || others.into_iter().any(|identity| identity.ended.is_none())
    }
}
