//! Taking an identity of a backend off an account, for the user.

use std::sync::Arc;

use super::{NotProved, Proved, SignIn};
use crate::{
    identity::{BackendName, IdentityPair, Proof},
    session::SessionSource,
    users::{Account, DirectoryError, UserStoreError},
};

/// Why an identity was not taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotUnlinked {
    /// The user could not sign in any more.
    LastWayIn,
    /// The account has changed in the meantime, and the session has ended with that.
    CredentialChanged,
    /// The users can't be written at the moment.
    Unavailable,
}

impl SignIn {
    /// Takes an identity off the account of a user who is signed in with this proof, made by the backend `source`. Every
    /// sign-in from before ends, because it may have come from that identity; what this returns is the same proof, for a
    /// new session of this browser.
    pub async fn unlink(
        &self,
        owner: &Arc<Account>,
        pair: &IdentityPair,
        (proof, source): (Proof, Option<SessionSource>),
        request_id: &str,
    ) -> Result<Proved, NotUnlinked> {
        // A session of the release before does not know its backend: there was only one.
        let local =
            || SessionSource { backend: BackendName::local().as_str().into(), provider_session: None };
        let source = source.unwrap_or_else(local);
        match self.directory.unlink(owner.user.id, owner.credential, pair).await {
            Ok(account) => Ok(Proved::new(account, proof, source)),
            Err(DirectoryError::Store(UserStoreError::LastWayIn(_))) => Err(NotUnlinked::LastWayIn),
            Err(DirectoryError::Store(
                UserStoreError::CredentialChanged(_)
                | UserStoreError::Gone(_)
                | UserStoreError::NotLinked { .. },
            )) => Err(NotUnlinked::CredentialChanged),
            Err(error) => {
                NotProved::from_directory(request_id, "disconnecting a sign-in", &error);
                Err(NotUnlinked::Unavailable)
            }
        }
    }
}
