//! Users of backends, in the running gateway.

use std::sync::{Arc, mpsc};

use super::{Directory, DirectoryError};
use crate::{
    clock::Timestamp,
    identity::{BackendName, CredentialVersion, IdentityPair, UserId},
    users::{Account, Adoption, NotProvisioned, Provisioning, Refreshed, RefreshedPair, SourceProfile},
};

impl Directory {
    /// The account that a pair belongs to, from the database.
    pub async fn account_of(&self, pair: &IdentityPair) -> Result<Option<Arc<Account>>, DirectoryError> {
        let pair = pair.clone();
        self.ask(move |worker| Ok(worker.store.account_of(&pair)?.map(|account| worker.remember(account))))
            .await
    }

    /// The account of a pair that a program's credential names, like [`Self::account_of`].
    ///
    /// Mallory has a right access token of an identity that belongs to nobody here, as each client of the provider may have.
    /// Her requests share the 64 look-ups of [`Self::claimed_account`].
    pub async fn claimed_account_of(
        &self,
        pair: &IdentityPair,
    ) -> Result<Option<Arc<Account>>, DirectoryError> {
        let _claim = self.claim()?;
        self.account_of(pair).await
    }

    /// Signs in a user whom a backend has proved at `at`: finds the account of the pair, or makes or links one as
    /// `provisioning` and `adoption` let it, and takes over what the backend says. The sign-in is recorded. Whether the
    /// user is active here decides, whatever the backend says.
    pub async fn sign_in_from(
        &self,
        profile: SourceProfile,
        provisioning: Provisioning,
        adoption: Adoption,
        at: Timestamp,
    ) -> Result<Result<Arc<Account>, NotProvisioned>, DirectoryError> {
        self.ask(move |worker| {
            let signed_in = worker.store.sign_in_from(profile, provisioning, adoption, at)?;
            // A refused user may have become an account that waits, which is a change as well.
            worker.report_own_changes();
            Ok(signed_in.map(Arc::new))
        })
        .await
    }

    /// Takes over what a backend says of a user now, without a sign-in; `None` if the pair belongs to no account.
    pub async fn refresh_from(&self, profile: SourceProfile) -> Result<Option<Arc<Account>>, DirectoryError> {
        self.ask(move |worker| {
            let refreshed = worker.store.refresh_from(profile)?;
            Ok(refreshed.map(|account| worker.after_own_change(account)))
        })
        .await
    }

    /// A backend no longer lets the user in (gone, disabled, outside the filter, unreachable for too long): all sessions of
    /// the user have ended when this returns, and the backend's groups are gone. `reason` is a word for operators, such as
    /// `gone`. `None` if the pair belongs to no account.
    pub async fn source_ended(
        &self,
        pair: &IdentityPair,
        reason: &'static str,
    ) -> Result<Option<Arc<Account>>, DirectoryError> {
        let pair = pair.clone();
        self.ask(move |worker| {
            let ended = worker.store.source_ended(&pair, reason)?;
            Ok(ended.map(|account| worker.after_own_change(account)))
        })
        .await
    }

    /// Ends the pairs of all backends but these, each with its authority: a backend that is not configured any more lets
    /// nobody in, and its groups count for nothing. Returns the number of ended pairs. Waits for the database, so it is
    /// not for a thread that serves requests.
    pub fn end_sources_except(&self, kept: Vec<(BackendName, String)>) -> Result<usize, DirectoryError> {
        let (reply, replied) = mpsc::sync_channel(1);
        self.thread.send(Box::new(move |worker| {
            let ended =
                worker.follow_path().and_then(|()| worker.store.end_sources_except(&kept, NOT_CONFIGURED));
            worker.report_own_changes();
            reply.send(ended).ok();
        }))?;
        Ok(replied.recv().map_err(|_| DirectoryError::Closed)??)
    }

    /// Links the pair of `profile` to a user who was checked under the credential version `expected`.
    /// [`UserStoreError::PairTaken`](super::UserStoreError::PairTaken) if it belongs to somebody else,
    /// [`UserStoreError::CredentialChanged`](super::UserStoreError::CredentialChanged) if the credential has changed since.
    pub async fn link(
        &self,
        id: UserId,
        expected: CredentialVersion,
        profile: SourceProfile,
    ) -> Result<Arc<Account>, DirectoryError> {
        self.ask(move |worker| {
            let linked = worker.store.link(id, expected, profile)?;
            Ok(worker.after_own_change(linked))
        })
        .await
    }

    /// Takes a pair off a user who was checked under the credential version `expected`. All sign-ins of the user have ended
    /// when this returns; the returned account has the new credential version.
    /// [`UserStoreError::LastWayIn`](super::UserStoreError::LastWayIn) if the user could not sign in any more.
    pub async fn unlink(
        &self,
        id: UserId,
        expected: CredentialVersion,
        pair: &IdentityPair,
    ) -> Result<Arc<Account>, DirectoryError> {
        let pair = pair.clone();
        self.ask(move |worker| {
            let unlinked = worker.store.unlink(id, expected, &pair)?;
            Ok(worker.after_own_change(unlinked))
        })
        .await
    }

    /// The pairs of a backend that are to be looked up there; see
    /// [`UserStore::pairs_of_backend`](crate::users::UserStore::pairs_of_backend).
    pub async fn pairs_of_backend(
        &self,
        backend: &BackendName,
        authority: &str,
        refreshed: Refreshed,
    ) -> Result<Vec<RefreshedPair>, DirectoryError> {
        let (backend, authority) = (backend.clone(), authority.to_owned());
        self.ask(move |worker| worker.store.pairs_of_backend(&backend, &authority, refreshed)).await
    }
}

/// The reason of pairs whose backend was taken out of the configuration.
const NOT_CONFIGURED: &str = "not-configured";
