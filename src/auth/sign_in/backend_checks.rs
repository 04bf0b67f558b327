//! The check of a password by the backend that has it: the gateway's own directory, another directory, or none.
//!
//! All three cost the same work, whatever is wrong.

use std::sync::Arc;

use super::SignIn;
use crate::{
    auth::{
        Claim, NotProved, Origin, Proved,
        attempt::CountedAttempt,
        claim::Subject,
        denied::{Denied, Reason},
        directory_check::{self, Refused, SoughtUser},
    },
    error_chain::ErrorChain,
    identity::Proof,
    session::SessionSource,
    users::{Adoption, NotProvisioned, Password, Provisioning},
};

impl SignIn {
    /// Checks a password of the gateway's own directory.
    pub(super) async fn check_here(
        &self,
        subject: &Subject<'_>,
        password: Password,
        (attempt, after_search): (CountedAttempt, bool),
        origin: &Origin<'_>,
    ) -> Result<(Proved, CountedAttempt), Denied<CountedAttempt>> {
        match self.local.check(subject, password.clone(), attempt).await {
            Ok((account, attempt)) => match self.record_sign_in(account, origin).await {
                Ok(account) => Ok((Proved::local(account, self.clock.now()), attempt)),
                Err(reason) => Err(Denied::Wrong { reason, charge: attempt }),
            },
            Err(denied) => {
                if !after_search {
                    directory_check::decoy_search(origin.backends, subject.typed_name).await;
                }
                directory_check::decoy_bind(origin.backends, &password).await;
                Err(denied)
            }
        }
    }

    /// Checks a password of a user of a directory.
    pub(super) async fn check_there(
        &self,
        claim: Claim<'_>,
        sought: &SoughtUser,
        password: Password,
        attempt: CountedAttempt,
    ) -> Result<(Proved, CountedAttempt), Denied<CountedAttempt>> {
        // The work of a check here, and the start of the attempt: from now on it counts.
        let attempt = self.local.spend(password.clone(), attempt).await?;
        let profile = match sought.check(&password).await {
            Ok(Ok(profile)) => profile,
            Ok(Err(Refused::Wrong(reason))) => {
                return Err(Denied::Wrong { reason: Reason::Source(reason), charge: attempt });
            }
            Ok(Err(Refused::MustChangePassword(reason))) => {
                let not_proved = NotProved::MustChangePassword;
                return Err(Denied::Kept { reason: Reason::Source(reason), not_proved, charge: attempt });
            }
            Err(_) => {
                attempt.withdrawn();
                return Err(Denied::Unavailable);
            }
        };
        let provisioning = match claim {
            Claim::Name(_) => sought.ldap.settings().provisioning,
            // The account is there already.
            Claim::User(_) => Provisioning::Existing,
        };
        let now = self.clock.now();
        let account = match self.directory.sign_in_from(profile, provisioning, Adoption::Never, now).await {
            Ok(Ok(account)) => account,
            Ok(Err(NotProvisioned::Disabled)) => {
                return Err(Denied::Wrong { reason: Reason::Disabled, charge: attempt });
            }
            Ok(Err(refused)) => {
                let not_proved = NotProved::NotProvisioned(refused);
                let reason = Reason::Source(refused.as_str());
                return Err(Denied::Kept { reason, not_proved, charge: attempt });
            }
            Err(error) => {
                tracing::error!(error = %ErrorChain(&error), "recording the sign-in of a directory user failed");
                attempt.withdrawn();
                return Err(Denied::Unavailable);
            }
        };
        if let Claim::User(claimed) = claim
            && claimed.user.id != account.user.id
        {
            return Err(Denied::Wrong { reason: Reason::UnknownUser, charge: attempt });
        }
        let source = SessionSource { backend: sought.ldap.name().as_str().into(), provider_session: None };
        let proved = Proved::new(account, Proof::password(now), source);
        Ok((proved.of_subject(Arc::clone(&sought.user.pair.subject)), attempt))
    }

    /// Does the work of a check for a claim that no backend can prove.
    pub(super) async fn check_nowhere(
        &self,
        reason: &'static str,
        password: Password,
        attempt: CountedAttempt,
        origin: &Origin<'_>,
    ) -> Result<(Proved, CountedAttempt), Denied<CountedAttempt>> {
        let attempt = self.local.spend(password.clone(), attempt).await?;
        directory_check::decoy_bind(origin.backends, &password).await;
        Err(Denied::Wrong { reason: Reason::Source(reason), charge: attempt })
    }
}
