//! The account of a user, as of one point in time.

use std::sync::Arc;

use super::PasswordHash;
use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, Identity, User},
};

/// A user with the state that a sign-in depends on; a snapshot that does not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user as rules and applications see them.
    pub user: Arc<User>,
    /// Whether the user may sign in and be signed in.
    pub active: bool,
    /// Raised by every new password and every deactivation, which ends earlier sessions.
    pub credential: CredentialVersion,
    /// `None`: cannot sign in with a password.
    pub password: Option<PasswordHash>,
    /// When the last sign-in succeeded.
    pub last_sign_in: Option<Timestamp>,
    /// When the account was made.
    pub created: Timestamp,
}

impl Account {
    /// The identity of a sign-in under the credential version `seen`: only if the user is active and nothing has ended that
    /// sign-in since.
    pub fn identity(&self, seen: CredentialVersion) -> Option<Identity> {
        (self.active && self.credential == seen).then(|| Identity::User(Arc::clone(&self.user)))
    }
}
