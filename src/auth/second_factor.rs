//! The check of a second factor that is typed: a code of an authenticator app, or a recovery code.
//!
//! A failure counts on the same counters as a wrong password. The right password of an account with a second factor
//! forgives none of them: otherwise Mallory, who knows Alice's password, could type it after every few codes and guess for
//! ever. The right code forgives them.

use std::sync::Arc;

use super::{NotProved, Origin, Proved, SignIn, claim::Subject};
use crate::{
    identity::{BackendName, Proof, ProofMethod},
    session::SessionSource,
    users::{
        Account, Charged, DirectoryError, Enrolled, FactorName, FactorsBefore, NotEnrolled, RecoveryCode,
        ShownTo, TotpCode, UserStoreError,
    },
};

/// A code that was typed.
#[derive(Clone, Debug)]
pub enum TypedCode {
    /// Six digits.
    Totp(TotpCode),
    /// The form of a recovery code.
    Recovery(RecoveryCode),
    /// Neither; it is counted and refused as a wrong code.
    Other,
}

impl TypedCode {
    /// Reads the two fields of a form, of which a person fills in one: a code of an authenticator app, or a recovery code.
    pub fn of_fields(code: &str, recovery: &str) -> Self {
        if recovery.trim().is_empty() {
            TotpCode::parse(code).map_or(Self::Other, Self::Totp)
        } else {
            RecoveryCode::parse(recovery).map_or(Self::Other, Self::Recovery)
        }
    }
}

impl SignIn {
    /// Whether the code proves the user of this account, who has proved something else before. A failure has been counted
    /// and recorded when this returns.
    pub async fn check_code(
        &self,
        account: &Arc<Account>,
        code: TypedCode,
        origin: &Origin<'_>,
    ) -> Result<Proved, NotProved> {
        let subject = Subject {
            typed_name: account.user.name.as_str(),
            name: Some(account.user.name.clone()),
            account: Some(Arc::clone(account)),
            pair: None,
        };
        let mut attempt = self.reserve_attempt(&subject, origin).await?;
        attempt.start();
        let (id, credential) = (account.user.id, account.credential);
        let (checked, method, wrong) = match code {
            TypedCode::Totp(code) => {
                (self.directory.use_totp(id, credential, code).await, ProofMethod::Totp, "wrong-code")
            }
            TypedCode::Recovery(code) => (
                self.directory.use_recovery_code(id, credential, code).await,
                ProofMethod::RecoveryCode,
                "wrong-recovery-code",
            ),
            TypedCode::Other => (Ok(None), ProofMethod::Totp, "wrong-code"),
        };
        let reason = match checked {
            Ok(Some(account)) => {
                attempt.succeeded().await;
                let proof = Proof { method, at: self.clock.now() };
                let backend = BackendName::local().as_str().into();
                return Ok(Proved::new(account, proof, SessionSource { backend, provider_session: None }));
            }
            Ok(None) => wrong,
            // Disabled, removed, or another password since the first step.
            Err(DirectoryError::Store(UserStoreError::CredentialChanged(_) | UserStoreError::Gone(_))) => {
                "credential-changed"
            }
            Err(error) => {
                attempt.withdrawn();
                self.audit.record(&origin.failure_of("unavailable", &subject));
                return Err(origin.directory_failed("checking a second factor", &error));
            }
        };
        self.audit.record(&origin.failure_of(reason, &subject));
        attempt.failed().await;
        Err(NotProved::Wrong)
    }

    /// Makes a secret that was shown a factor, by a right code, which is a proof as well. The caller records it.
    pub async fn enrol_totp(
        &self,
        factors_before: FactorsBefore,
        shown_to: ShownTo<'_>,
        sealed: &str,
        typed: (FactorName, Option<TotpCode>),
    ) -> Result<Result<(Proved, Enrolled<Arc<Account>>), NotEnrolled>, DirectoryError> {
        let enrolled = self.directory.enrol_totp(factors_before, shown_to, sealed, typed).await?;
        Ok(enrolled.map(|enrolled| {
            let proof = Proof { method: ProofMethod::Totp, at: self.clock.now() };
            let backend = BackendName::local().as_str().into();
            let source = SessionSource { backend, provider_session: None };
            (Proved::new(Arc::clone(&enrolled.account), proof, source), enrolled)
        }))
    }
}
