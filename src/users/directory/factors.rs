//! Second factors, in the running gateway.

use std::sync::Arc;

use super::{Directory, DirectoryError};
use crate::{
    identity::{CredentialVersion, UserId},
    users::{
        Account, Enrolled, FactorId, FactorName, FactorsBefore, LastFactor, NotEnrolled, RecoveryCode,
        RecoveryCodes, ShownTo, TotpCode, TotpEnrolment, TotpSecret,
    },
};

/// The account and the session that a secret is shown to, for the database thread.
struct OwnedShownTo {
    id: UserId,
    credential: CredentialVersion,
    session: String,
}

impl Directory {
    /// A new secret of an authenticator app, to be shown.
    pub async fn start_totp(&self, shown_to: ShownTo<'_>) -> Result<TotpEnrolment, DirectoryError> {
        let shown_to = OwnedShownTo::of(shown_to);
        self.ask(move |worker| worker.store.start_totp(shown_to.borrowed())).await
    }

    /// The secret of a form, to be shown again; `None` if it has expired.
    pub async fn shown_totp(
        &self,
        shown_to: ShownTo<'_>,
        sealed: &str,
    ) -> Result<Option<TotpSecret>, DirectoryError> {
        let (shown_to, sealed) = (OwnedShownTo::of(shown_to), sealed.to_owned());
        self.ask(move |worker| worker.store.shown_totp(shown_to.borrowed(), &sealed)).await
    }

    /// Makes the secret of a form a factor, by a right code.
    pub async fn enrol_totp(
        &self,
        factors_before: FactorsBefore,
        shown_to: ShownTo<'_>,
        sealed: &str,
        (name, code): (FactorName, Option<TotpCode>),
    ) -> Result<Result<Enrolled<Arc<Account>>, NotEnrolled>, DirectoryError> {
        let (shown_to, sealed) = (OwnedShownTo::of(shown_to), sealed.to_owned());
        self.ask(move |worker| {
            let typed = (&name, code.as_ref());
            let enrolled =
                worker.store.enrol_totp_after(factors_before, shown_to.borrowed(), &sealed, typed)?;
            Ok(enrolled.map(|Enrolled { account, factor, codes }| {
                let account = worker.after_own_change(account);
                Enrolled { account, factor, codes }
            }))
        })
        .await
    }

    /// Accepts a code of an authenticator app of a user who was checked under the credential version `expected`, once.
    /// `None`: it is no new code of any app of theirs.
    pub async fn use_totp(
        &self,
        id: UserId,
        expected: CredentialVersion,
        code: TotpCode,
    ) -> Result<Option<Arc<Account>>, DirectoryError> {
        self.ask(move |worker| match worker.store.use_totp(id, expected, &code)? {
            // No change that others are notified of, but this gateway's list of factors shows the last use.
            Some(account) => Ok(Some(worker.reread(id)?.unwrap_or_else(|| Arc::new(account)))),
            None => Ok(None),
        })
        .await
    }

    /// Uses up a recovery code; `None`: it is none of the user's, or was used before.
    pub async fn use_recovery_code(
        &self,
        id: UserId,
        expected: CredentialVersion,
        code: RecoveryCode,
    ) -> Result<Option<Arc<Account>>, DirectoryError> {
        self.ask(move |worker| {
            let used = worker.store.use_recovery_code(id, expected, &code)?;
            Ok(used.map(|account| worker.after_own_change(account)))
        })
        .await
    }

    /// Makes new recovery codes in place of the old ones.
    pub async fn make_recovery_codes(
        &self,
        id: UserId,
        expected: CredentialVersion,
    ) -> Result<(Arc<Account>, RecoveryCodes), DirectoryError> {
        self.ask(move |worker| {
            let (account, codes) = worker.store.make_recovery_codes(id, expected)?;
            Ok((worker.after_own_change(account), codes))
        })
        .await
    }

    /// Gives a factor another name.
    pub async fn rename_factor(
        &self,
        id: UserId,
        expected: CredentialVersion,
        factor: FactorId,
        name: FactorName,
    ) -> Result<Arc<Account>, DirectoryError> {
        self.ask(move |worker| {
            let renamed = worker.store.rename_factor(id, expected, factor, &name)?;
            Ok(worker.after_own_change(renamed))
        })
        .await
    }

    /// Takes a factor off the account.
    pub async fn remove_factor(
        &self,
        id: UserId,
        expected: CredentialVersion,
        removed: (FactorId, LastFactor),
    ) -> Result<Arc<Account>, DirectoryError> {
        self.ask(move |worker| {
            let removed = worker.store.remove_factor(id, expected, removed)?;
            Ok(worker.after_own_change(removed))
        })
        .await
    }
}

impl OwnedShownTo {
    fn of(ShownTo { id, credential, session }: ShownTo<'_>) -> Self {
        Self { id, credential, session: session.to_owned() }
    }

    fn borrowed(&self) -> ShownTo<'_> {
        ShownTo { id: self.id, credential: self.credential, session: &self.session }
    }
}
