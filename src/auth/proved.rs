//! The result of a check: a proof, or one of five reasons that a page may know.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::Timestamp,
    error_chain::ErrorChain,
    identity::{BackendName, Proof, Proofs},
    session::SessionSource,
    users::{Account, DirectoryError, NotProvisioned},
};

/// Proof that the user of this account has just shown one or more credentials. Only this module makes one.
#[derive(Debug)]
pub struct Proved {
    account: Arc<Account>,
    proofs: Proofs,
    source: SessionSource,
    /// The backend's id of the user.
    subject: Option<Arc<str>>,
}

/// No proof. A page may show all of it to a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotProved {
    /// The claim and the credential do not belong together, whatever the cause.
    Wrong,
    /// Too many attempts failed before; this one was not checked.
    Throttled {
        /// The time until the next attempt is checked.
        retry_after: Duration,
    },
    /// Too much is waiting to be checked.
    Busy {
        /// The time after which another try is worth it.
        retry_after: Duration,
    },
    /// The users can't be read or written at the moment, or a directory that had to be asked does not respond.
    Unavailable,
    /// A directory has proved the user, who has to change the password there first. Strangers never get this.
    MustChangePassword,
    /// A backend has proved the user, who gets no account here; see [`NotProvisioned`]. Strangers never get this.
    NotProvisioned(NotProvisioned),
}

impl Proved {
    pub(super) fn new(account: Arc<Account>, proof: Proof, source: SessionSource) -> Self {
        Self { account, proofs: proof.into(), source, subject: None }
    }

    /// With another proof that came with it.
    pub(super) fn with_proof(self, proof: Proof) -> Self {
        Self { proofs: self.proofs.with(proof), ..self }
    }

    /// The proofs of an earlier step of the same sign-in.
    pub(super) fn resumed(account: Arc<Account>, proofs: Proofs, source: SessionSource) -> Self {
        Self { account, proofs, source, subject: None }
    }

    /// A proof by a password of the gateway's own directory.
    pub(super) fn local(account: Arc<Account>, at: Timestamp) -> Self {
        let source = SessionSource { backend: BackendName::local().as_str().into(), provider_session: None };
        Self::new(account, Proof::password(at), source)
    }

    /// The same proof, by a backend that knows the user by this id.
    pub(super) fn of_subject(self, subject: Arc<str>) -> Self {
        Self { subject: Some(subject), ..self }
    }

    /// The same proof, for the account as it is after a change that the user has made with it.
    pub(super) fn with_account(&self, account: Arc<Account>) -> Self {
        Self { account, proofs: self.proofs, source: self.source.clone(), subject: self.subject.clone() }
    }

    /// With a second proof of the same account, which is as of after this one. `None` if it is of another account, or if
    /// the credential has changed in between: two halves of two people prove neither of them.
    #[must_use]
    pub fn and(self, other: Self) -> Option<Self> {
        let key = |proved: &Self| (proved.account.user.id, proved.account.credential);
        (key(&self) == key(&other)).then(|| Self {
            account: other.account,
            proofs: self.proofs.and(&other.proofs),
            source: self.source,
            subject: self.subject,
        })
    }

    /// The account, as it is after this proof was recorded.
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// How and when the user has proved it.
    pub fn proofs(&self) -> &Proofs {
        &self.proofs
    }

    /// The backend's id of the user; `None` for the gateway's own directory.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The backend that the credential belongs to.
    pub fn source(&self) -> &SessionSource {
        &self.source
    }
}

impl NotProved {
    /// The directory did not do its work: logs the error, which may name files, and keeps it from the page.
    pub(super) fn from_directory(request_id: &str, doing: &'static str, error: &DirectoryError) -> Self {
        if matches!(error, DirectoryError::Busy) {
            return Self::Busy { retry_after: DIRECTORY_RETRY };
        }
        tracing::error!(request_id, error = %ErrorChain(error), "{doing} failed");
        Self::Unavailable
    }
}

/// The queue of the directory is worked off long before.
const DIRECTORY_RETRY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::identity::{CredentialVersion, ProofMethod, User, UserId, UserName};

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn proved(id: i64, credential: i64, method: ProofMethod) -> Proved {
        let user = User {
            id: UserId(id),
            name: UserName::parse("alice").unwrap(),
            email: String::new(),
            full_name: String::new(),
            superuser: false,
            groups: Vec::new(),
            permissions: Vec::new(),
            attributes: BTreeMap::new(),
        };
        let account = Account::of_user(Arc::new(user), CredentialVersion(credential));
        let source = SessionSource { backend: BackendName::local().as_str().into(), provider_session: None };
        Proved::new(Arc::new(account), Proof { method, at: NOW }, source)
    }

    #[test]
    fn two_proofs_of_one_account_are_one_and_those_of_two_accounts_are_none() {
        let first = || proved(1, 7, ProofMethod::Password);
        let both = first().and(proved(1, 7, ProofMethod::Totp)).unwrap();
        assert_eq!((both.account().user.id, both.proofs().factors(NOW, None)), (UserId(1), 2));
        assert!(first().and(proved(2, 7, ProofMethod::Totp)).is_none(), "of another user");
        assert!(first().and(proved(1, 8, ProofMethod::Totp)).is_none(), "after another password was set");
    }
}
