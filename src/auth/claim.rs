//! The input of a check: a claim to be somebody, and the credential that is to prove it.

use std::sync::Arc;

use crate::{
    identity::{BackendName, IdentityPair, UserName},
    throttle::AttemptedAccount,
    users::{Account, Password},
};

/// A claim to be a user.
#[derive(Clone, Copy, Debug)]
pub enum Claim<'c> {
    /// The user with this name, in whatever spelling it was typed.
    Name(&'c str),
    /// The user of the session that came with the request.
    User(&'c Arc<Account>),
}

/// The proof that is offered for a claim.
#[derive(Debug)]
pub enum Credential {
    /// The user's password.
    Password(Password),
}

/// A claim, and what the directory knows of it. A stranger must not learn which of its fields are empty.
#[derive(Debug)]
pub(super) struct Subject<'c> {
    /// The name as it was typed.
    pub(super) typed_name: &'c str,
    /// The canonical form of the name; `None` if the typed text is not a user name.
    pub(super) name: Option<UserName>,
    /// The user's account, if there is such a user.
    pub(super) account: Option<Arc<Account>>,
    /// The identity in the directory that has an entry for the typed name, or for the user who is signed in.
    pub(super) pair: Option<IdentityPair>,
}

impl Subject<'_> {
    /// The counter that a failure belongs to: the user's, or that of a name that no user has.
    pub(super) fn counted_as(&self) -> AttemptedAccount<'_> {
        match &self.account {
            Some(account) => AttemptedAccount::User(account.user.id),
            None => AttemptedAccount::Unknown(self.name.as_ref().map_or(self.typed_name, UserName::as_str)),
        }
    }

    /// The user's name for the audit stream. A name that no user has is left out: people type passwords into the
    /// wrong field.
    pub(super) fn known_name(&self) -> Option<&str> {
        let account = self.account.as_ref().map(|account| account.user.name.as_str());
        account.or_else(|| self.name.as_ref().filter(|_| self.pair.is_some()).map(UserName::as_str))
    }

    /// The backend whose password is checked, as far as it is known.
    pub(super) fn backend(&self) -> Option<&str> {
        let has_password = self.account.as_ref().is_some_and(|account| account.password.is_some());
        let local = has_password.then_some(BackendName::LOCAL);
        self.pair.as_ref().map(|pair| pair.backend.as_str()).or(local)
    }

    /// The directory's id of the user.
    pub(super) fn subject(&self) -> Option<&str> {
        self.pair.as_ref().map(|pair| &*pair.subject)
    }
}
