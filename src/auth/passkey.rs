//! The check of a passkey: as the only proof of a sign-in, or of somebody who has proved something else.
//!
//! A failure counts on the same counters as a wrong password. Alone, a passkey signs in the accounts of the gateway's own
//! directory: of a user whom a provider or a directory vouches for, only they know whether the user is still welcome.

use std::{sync::Arc, time::Duration};

use data_encoding::BASE64URL_NOPAD;

use super::{
    Backends, NotProved, Origin, Proved, SignIn,
    claim::Subject,
    webauthn::{
        AuthenticationResponse, Challenge, Credential, Expectation, NotVerified, PublicKey, RelyingParty,
        UserHandleRule, UserVerification, authenticate,
    },
};
use crate::{
    identity::{BackendName, Proof, ProofMethod, UserId},
    session::SessionSource,
    throttle::Wait,
    users::{
        Account, Charged, DirectoryError, Enrolled, FactorsBefore, NewPasskey, NotEnrolled, Passkey,
        PasskeyUse, UserHandle,
    },
};

/// A claim to be a user, for which a passkey is shown.
#[derive(Clone, Copy, Debug)]
pub enum PasskeyClaim<'c> {
    /// The user whom the passkey names. The authenticator has to verify the person.
    Anyone,
    /// A user who has proved something else before.
    User(&'c Arc<Account>),
}

/// A passkey has proved its owner.
#[derive(Debug)]
pub struct PasskeyProved {
    /// The proof.
    pub proved: Proved,
    /// Its name, if its count of signatures did not go up: it may have been copied.
    pub may_be_copied: Option<String>,
}

/// The response of a browser, and the challenge that it has to answer.
#[derive(Clone, Copy, Debug)]
pub struct PasskeyResponse<'r> {
    /// The response.
    pub response: AuthenticationResponse<'r>,
    /// The relying party.
    pub party: &'r RelyingParty,
    /// The challenge.
    pub challenge: &'r Challenge,
}

impl SignIn {
    /// Whether a passkey proves `claim`. A failure has been counted and recorded when this returns.
    ///
    /// `first_answer` notes that the challenge is answered, and tells whether it was not before. It runs after the throttle has
    /// admitted the attempt, and before the response is verified.
    pub async fn check_passkey(
        &self,
        claim: PasskeyClaim<'_>,
        shown: PasskeyResponse<'_>,
        first_answer: impl Future<Output = Result<bool, NotProved>>,
        origin: &Origin<'_>,
    ) -> Result<PasskeyProved, NotProved> {
        let only = match claim {
            PasskeyClaim::Anyone => self.admitted(origin).await?,
            PasskeyClaim::User(_) => None,
        };
        let found = match self.directory.passkey_with(shown.party.id(), shown.response.id).await {
            Ok(found) => found,
            Err(error) => {
                self.audit.record(&origin.failure("unavailable", None));
                return Err(origin.directory_failed("looking up a passkey", &error));
            }
        };
        let account = match claim {
            PasskeyClaim::Anyone => found.as_ref().map(|(_, owner)| Arc::clone(owner)),
            PasskeyClaim::User(account) => Some(Arc::clone(account)),
        };
        if let Some((owner, retry_after)) = only
            && account.as_ref().is_none_or(|account| account.user.id != owner)
        {
            self.audit.record(&origin.failure("throttled", None));
            return Err(NotProved::Throttled { retry_after });
        }
        // A credential that nobody has is counted by its id.
        let id = BASE64URL_NOPAD.encode(shown.response.id);
        let name = account.as_ref().map(|account| account.user.name.clone());
        let subject = Subject { typed_name: &id, name, account, pair: None };
        let mut attempt = self.reserve_attempt(&subject, origin).await?;
        if let Err((not_proved, reason)) = only_answer(first_answer.await) {
            self.audit.record(&origin.failure_of(reason, &subject));
            match not_proved {
                // Mallory sends one challenge for ever: each answer to it is looked up and noted, as a first one is.
                NotProved::Wrong => attempt.failed().await,
                _ => attempt.withdrawn(),
            }
            return Err(not_proved);
        }
        attempt.start();
        let verified = match (&found, &subject.account) {
            (Some((passkey, _)), Some(account)) => verify((claim, origin.backends), passkey, account, &shown),
            _ => Err(NotVerified::WrongCredential.as_str()),
        };
        let checked = match (verified, found) {
            (Ok((used, method)), Some((passkey, _))) => {
                self.note_use(claim, &subject, (passkey, used, method), origin).await
            }
            (Ok(_), None) => Ok(Err(NotVerified::WrongCredential.as_str())),
            (Err(reason), _) => Ok(Err(reason)),
        };
        match checked {
            Ok(Ok(proved)) => {
                attempt.succeeded().await;
                Ok(proved)
            }
            Ok(Err(reason)) => {
                self.audit.record(&origin.failure_of(reason, &subject));
                attempt.failed().await;
                Err(NotProved::Wrong)
            }
            Err(not_proved) => {
                attempt.withdrawn();
                Err(not_proved)
            }
        }
    }

    /// Whether a passkey of anybody may be looked up now. While the address has to wait, that of the user whose device
    /// cookie came with the request may: the user, and the time that the others have to wait.
    async fn admitted(&self, origin: &Origin<'_>) -> Result<Option<(UserId, Duration)>, NotProved> {
        let Err(Wait(retry_after)) = self.throttle.admits(origin.client_addr.or_proxy(), origin.limits).await
        else {
            return Ok(None);
        };
        if let Some(owner) = origin.device.and_then(|device| self.throttle.owner_of(device)) {
            return Ok(Some((owner, retry_after)));
        }
        self.audit.record(&origin.failure("throttled", None));
        Err(NotProved::Throttled { retry_after })
    }

    /// Stores a verified use. A reason if the passkey or the account has changed while the response was verified.
    async fn note_use(
        &self,
        claim: PasskeyClaim<'_>,
        subject: &Subject<'_>,
        (passkey, used, method): (Passkey, Used, ProofMethod),
        origin: &Origin<'_>,
    ) -> Result<Result<PasskeyProved, &'static str>, NotProved> {
        let Some(account) = &subject.account else { return Ok(Err(NotVerified::WrongCredential.as_str())) };
        let whose = (account.user.id, account.credential);
        let noted = match self.directory.use_passkey(whose, passkey.factor, used.stored).await {
            Ok(noted) => noted,
            Err(error) => {
                self.audit.record(&origin.failure_of("unavailable", subject));
                return Err(origin.directory_failed("noting the use of a passkey", &error));
            }
        };
        let Some(mut account) = noted else { return Ok(Err("credential-changed")) };
        if let PasskeyClaim::Anyone = claim {
            match self.record_sign_in(account, origin).await {
                Ok(recorded) => account = recorded,
                Err(reason) => return Ok(Err(reason.as_str())),
            }
        }
        let name = || account.factors.iter().find(|factor| factor.id == passkey.factor);
        let may_be_copied = used.count_went_back.then(name).flatten().map(|factor| factor.name.clone());
        let proof = Proof { method, at: self.clock.now() };
        Ok(Ok(PasskeyProved { proved: Proved::new(account, proof, of_local()), may_be_copied }))
    }
}

/// Whether a response is the first one to its challenge; otherwise the reason for the audit stream.
fn only_answer(is_first: Result<bool, NotProved>) -> Result<(), (NotProved, &'static str)> {
    match is_first {
        Ok(true) => Ok(()),
        Ok(false) => Err((NotProved::Wrong, NotVerified::WrongChallenge.as_str())),
        Err(not_proved) => Err((not_proved, "unavailable")),
    }
}

/// Passkeys are of the gateway's own directory.
fn of_local() -> SessionSource {
    SessionSource { backend: BackendName::local().as_str().into(), provider_session: None }
}

/// A verified use.
struct Used {
    stored: PasskeyUse,
    count_went_back: bool,
}

/// Verifies a response; a reason for the audit stream if it is refused.
fn verify(
    (claim, backends): (PasskeyClaim<'_>, &Backends),
    passkey: &Passkey,
    account: &Account,
    shown: &PasskeyResponse<'_>,
) -> Result<(Used, ProofMethod), &'static str> {
    if passkey.user != account.user.id {
        return Err(NotVerified::WrongCredential.as_str());
    }
    let (handle, user_verification) = match claim {
        PasskeyClaim::Anyone => (UserHandleRule::Required, UserVerification::Required),
        PasskeyClaim::User(_) => (UserHandleRule::Optional, UserVerification::Preferred),
    };
    let public_key = PublicKey::from_cose(&passkey.public_key).map_err(NotVerified::as_str)?;
    let stored = Credential {
        id: passkey.credential.clone(),
        user_handle: passkey.handle.as_bytes().as_slice().into(),
        public_key,
        sign_count: passkey.sign_count,
        backup_eligible: passkey.backup_eligible,
    };
    let expected = Expectation { party: shown.party, challenge: shown.challenge, user_verification };
    let authenticated =
        authenticate(&shown.response, &stored, handle, &expected).map_err(NotVerified::as_str)?;
    // Behind the signature: the reason is that of the owner of the passkey.
    if let PasskeyClaim::Anyone = claim {
        if !account.active {
            return Err("disabled");
        }
        if !is_alone_enough(account, backends) {
            return Err("passkey-not-alone");
        }
    }
    let method = if authenticated.user_verified { ProofMethod::Passkey } else { ProofMethod::SecurityKey };
    let stored = PasskeyUse { sign_count: authenticated.sign_count, backed_up: authenticated.backed_up };
    Ok((Used { stored, count_went_back: authenticated.count_went_back }, method))
}

/// Whether a passkey may be the only proof of this user. Where the gateway's own directory is no backend, its accounts sign
/// in by none of their own credentials.
fn is_alone_enough(account: &Account, backends: &Backends) -> bool {
    backends.has_local() && (account.password.is_some() || account.identities.is_empty())
}

impl SignIn {
    /// The passkeys of a user at a relying party.
    pub async fn passkeys_of(&self, account: &Account, rp_id: &str) -> Result<Vec<Passkey>, DirectoryError> {
        self.directory.passkeys_of(account.user.id, rp_id).await
    }

    /// The handle of a user, by which authenticators know them.
    pub async fn user_handle(&self, account: &Account) -> Result<UserHandle, DirectoryError> {
        self.directory.user_handle(account.user.id, account.credential).await
    }

    /// Makes a new passkey a factor of a user who has proved something else before. It is a proof by `method` as well, for
    /// the user who has just touched the authenticator. The caller records it.
    ///
    /// The new key has signed nothing yet, because no attestation is asked for. A user could name a key of somebody
    /// else, and would only lock themselves out.
    pub async fn enrol_passkey(
        &self,
        account: &Account,
        new: (NewPasskey, FactorsBefore),
        method: ProofMethod,
    ) -> Result<Result<(Proved, Enrolled<Arc<Account>>), NotEnrolled>, DirectoryError> {
        let enrolled = self.directory.enrol_passkey(account.user.id, account.credential, new).await?;
        Ok(enrolled.map(|enrolled| {
            let proof = Proof { method, at: self.clock.now() };
            (Proved::new(Arc::clone(&enrolled.account), proof, of_local()), enrolled)
        }))
    }
}
