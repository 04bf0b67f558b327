//! API tokens, in the running gateway.

use std::sync::Arc;

use super::{Directory, DirectoryError};
use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, UserId},
    users::{Account, ApiToken, NewToken, TokenId},
};

impl Directory {
    /// Makes a token for a user who was checked under the credential version `expected`.
    pub async fn add_token(
        &self,
        owner: UserId,
        expected: CredentialVersion,
        new: NewToken,
    ) -> Result<ApiToken, DirectoryError> {
        self.ask(move |worker| {
            let (account, token) = worker.store.add_own_token(owner, expected, &new)?;
            worker.after_own_change(account);
            Ok(token)
        })
        .await
    }

    /// Ends a token of a user who was checked under the credential version `expected`. It opens nothing any more when this
    /// returns.
    pub async fn revoke_token(
        &self,
        owner: UserId,
        expected: CredentialVersion,
        token: TokenId,
    ) -> Result<Arc<Account>, DirectoryError> {
        self.ask(move |worker| {
            let account = worker.store.revoke_own_token(owner, expected, token)?;
            Ok(worker.after_own_change(account))
        })
        .await
    }

    /// Notes when a token was used, later and without waiting. A full queue drops the note.
    pub fn note_token_use(&self, token: TokenId, at: Timestamp) {
        let note = self.thread.try_send(Box::new(move |worker| {
            let noted = worker.follow_path().and_then(|()| worker.store.record_token_use(token, at));
            if let Err(error) = noted {
                tracing::warn!(%token, %error, "use of a token not recorded");
            }
        }));
        if let Err(error) = note {
            tracing::debug!(%token, ?error, "use of a token not recorded");
        }
    }
}
