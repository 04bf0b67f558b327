//! Taking an identity of a backend off an account, for the user.

use std::sync::Arc;

use super::{NotProved, Proved, SignIn};
use crate::{
    identity::{BackendName, IdentityPair},
    session::{Session, SessionSource},
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
    /// Takes an identity off the account of a user who has proved in `session` who they are. Every sign-in from before
    /// ends, because it may have come from that identity; the proof that this returns is for a new session of this
    /// browser, and is no newer than the last one in `session`.
    pub async fn unlink(
        &self,
        owner: &Arc<Account>,
        pair: &IdentityPair,
        session: &Session,
        request_id: &str,
    ) -> Result<Proved, NotUnlinked> {
        // A session without a proof has changed nothing before either.
        let newest = session.proofs.iter().max_by_key(|proof| proof.at);
        let Some(proof) = newest else { return Err(NotUnlinked::CredentialChanged) };
        let local =
            || SessionSource { backend: BackendName::local().as_str().into(), provider_session: None };
        let source = session.source.clone().unwrap_or_else(local);
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
