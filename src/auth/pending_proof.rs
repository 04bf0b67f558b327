//! A proof that waits for the next step of a sign-in, in the session store.
//!
//! Only a [`Proved`] becomes one, and only [`SignIn::resume`] makes a [`Proved`] of it again, for the account as it is then.

use serde::{Deserialize, Serialize};

use super::{NotProved, Proved, SignIn};
use crate::{
    identity::{CredentialVersion, Proofs, UserId},
    session::SessionSource,
};

/// A proof as the session store keeps it between two steps of a sign-in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PendingProof {
    user: UserId,
    credential: CredentialVersion,
    proofs: String,
    source: SessionSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
}

impl PendingProof {
    /// The user who has proved something.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The backend of the first proof.
    pub fn source(&self) -> &SessionSource {
        &self.source
    }
}

impl Proved {
    /// The form in which it waits for the next step.
    pub fn to_pending(&self) -> PendingProof {
        PendingProof {
            user: self.account().user.id,
            credential: self.account().credential,
            proofs: self.proofs().to_words(),
            source: self.source().clone(),
            subject: self.subject().map(str::to_owned),
        }
    }
}

impl SignIn {
    /// The proof that waited. [`NotProved::Wrong`] if the account was disabled or removed, or got another password, in the
    /// meantime.
    pub async fn resume(&self, pending: &PendingProof, request_id: &str) -> Result<Proved, NotProved> {
        let found = self
            .directory
            .account(pending.user)
            .await
            .map_err(|error| NotProved::from_directory(request_id, "looking up who signs in", &error))?;
        let account = found.filter(|account| account.identity(pending.credential).is_some());
        let account = account.ok_or(NotProved::Wrong)?;
        let proved = Proved::resumed(account, Proofs::from_words(&pending.proofs), pending.source.clone());
        Ok(match &pending.subject {
            Some(subject) => proved.of_subject(subject.as_str().into()),
            None => proved,
        })
    }
}
