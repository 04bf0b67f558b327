//! The sign-in of a user whom a provider has proved.

use std::sync::Arc;

use super::{
    NotProved, Proved, SignIn,
    oidc::{Provider, ProviderSignIn},
};
use crate::{
    identity::{IdentityPair, Proof, ProofMethod},
    session::SessionSource,
    users::{Account, DirectoryError, SourceProfile},
};

impl SignIn {
    /// Finds or makes the account of a user whom a provider has just proved, and takes over what the provider says of
    /// them. [`NotProved::NotProvisioned`] if the user gets no account here. No password is involved, so nothing is
    /// throttled; the caller records the result.
    pub async fn sign_in_from_provider(
        &self,
        provider: &Provider,
        signed_in: ProviderSignIn,
        request_id: &str,
    ) -> Result<Proved, NotProved> {
        let settings = provider.settings();
        let now = self.clock.now();
        let subject = Arc::clone(&signed_in.profile.pair.subject);
        let source = SessionSource {
            backend: settings.name.as_str().into(),
            provider_session: signed_in.provider_session.map(Into::into),
        };
        let second_factor = signed_in.second_factor && settings.trusts_second_factor;
        let found = self
            .directory
            .sign_in_from(signed_in.profile, settings.provisioning, settings.adoption, now)
            .await
            .map_err(|error| NotProved::from_directory(request_id, "signing a provider's user in", &error))?;
        let account = found.map_err(NotProved::NotProvisioned)?;
        // A rule that asks for a recent proof means the user's own, not the provider's word on one from this morning.
        let at = signed_in.authenticated.map_or(now, |at| at.min(now));
        let proof = Proof { method: ProofMethod::Provider, at };
        let proved = Proved::new(account, proof, source).of_subject(subject);
        let second = Proof { method: ProofMethod::ProviderSecondFactor, at };
        Ok(if second_factor { proved.with_proof(second) } else { proved })
    }

    /// Connects a user whom a provider has just proved to the account of a user who is signed in.
    pub async fn link(
        &self,
        account: &Account,
        profile: SourceProfile,
    ) -> Result<Arc<Account>, DirectoryError> {
        self.directory.link(account.user.id, account.credential, profile).await
    }

    /// The account that a provider's user belongs to.
    pub async fn account_of(&self, pair: &IdentityPair) -> Result<Option<Arc<Account>>, DirectoryError> {
        self.directory.account_of(pair).await
    }
}
