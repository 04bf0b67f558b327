//! What the directory knows about one user, at one moment.

use std::sync::Arc;

use super::PasswordHash;
use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, Identity, User},
};

/// A user with what sign-in needs to know; a snapshot that does not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// What rules and applications see.
    pub user: Arc<User>,
    /// Whether the user may sign in and be signed in.
    pub active: bool,
    /// Rises with every new password and every deactivation; ends the sessions from before.
    pub credential: CredentialVersion,
    /// `None`: cannot sign in with a password.
    pub password: Option<PasswordHash>,
    /// When the last sign-in succeeded.
    pub last_sign_in: Option<Timestamp>,
    /// When the account was made.
    pub created: Timestamp,
}

impl Account {
    /// The identity of whoever signed in when the credential was at `seen`: only if the user is active and
    /// nothing ended that sign-in since.
    pub fn identity(&self, seen: CredentialVersion) -> Option<Identity> {
        (self.active && self.credential == seen).then(|| Identity::User(Arc::clone(&self.user)))
    }
}
