//! Passkeys, in the running gateway.

use std::sync::Arc;

use super::{Directory, DirectoryError};
use crate::{
    identity::{CredentialVersion, UserId},
    users::{
        Account, Enrolled, FactorId, FactorsBefore, NewPasskey, NotEnrolled, Passkey, PasskeyUse, UserHandle,
    },
};

impl Directory {
    /// The handle of a user, by which authenticators know them.
    pub async fn user_handle(
        &self,
        id: UserId,
        expected: CredentialVersion,
    ) -> Result<UserHandle, DirectoryError> {
        self.ask(move |worker| worker.store.user_handle(id, expected)).await
    }

    /// The passkeys of a user at a relying party.
    pub async fn passkeys_of(&self, id: UserId, rp_id: &str) -> Result<Vec<Passkey>, DirectoryError> {
        let rp_id = rp_id.to_owned();
        self.ask(move |worker| worker.store.passkeys_of(id, &rp_id)).await
    }

    /// The passkey with this id at a relying party, and its owner.
    pub async fn passkey_with(
        &self,
        rp_id: &str,
        credential: &[u8],
    ) -> Result<Option<(Passkey, Arc<Account>)>, DirectoryError> {
        let (rp_id, credential) = (rp_id.to_owned(), credential.to_owned());
        self.ask(move |worker| {
            let found = worker.store.passkey_with(&rp_id, &credential)?;
            Ok(found.map(|(passkey, account)| (passkey, worker.remember(account))))
        })
        .await
    }

    /// Makes a passkey a factor of a user who was checked under the credential version `expected`.
    pub async fn enrol_passkey(
        &self,
        id: UserId,
        expected: CredentialVersion,
        (new, factors_before): (NewPasskey, FactorsBefore),
    ) -> Result<Result<Enrolled<Arc<Account>>, NotEnrolled>, DirectoryError> {
        self.ask(move |worker| {
            let enrolled = worker.store.enrol_passkey(id, expected, (&new, factors_before))?;
            Ok(enrolled.map(|Enrolled { account, factor, codes }| {
                let account = worker.after_own_change(account);
                Enrolled { account, factor, codes }
            }))
        })
        .await
    }

    /// Notes a verified use of a passkey; `None` if it is no passkey of this user any more, or if the credential of the
    /// account has changed.
    pub async fn use_passkey(
        &self,
        whose: (UserId, CredentialVersion),
        factor: FactorId,
        used: PasskeyUse,
    ) -> Result<Option<Arc<Account>>, DirectoryError> {
        self.ask(move |worker| match worker.store.use_passkey(whose, factor, used)? {
            // No change that others are notified of, but this gateway's list of factors shows the last use.
            Some(account) => Ok(Some(worker.reread(whose.0)?.unwrap_or_else(|| Arc::new(account)))),
            None => Ok(None),
        })
        .await
    }
}
