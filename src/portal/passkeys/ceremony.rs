//! Challenges of ceremonies of people who have proved something else before: kept in the session store, each for one use.
//! Those of the sign-in page are in `sign_in_challenge`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::{PageRequest, Portal};
use crate::{
    auth::webauthn::Challenge,
    identity::{CredentialVersion, UserId},
    refusal::Refusal,
    session::{OneTimeEntry, OneTimeKey, OneTimePurpose},
    users::Account,
};

/// The purpose of a ceremony. A challenge for one is none for another: Mallory can't make Alice's touch for a sign-in
/// enrol anything, or confirm anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::portal) enum Ceremony {
    /// The second step of a sign-in.
    SecondStep,
    /// A confirmation, in a session.
    Confirmation,
    /// A new passkey.
    Enrolment,
}

/// The browser and the user that a challenge is given to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::portal) struct Participant {
    /// The hash of the secret in a cookie of the browser: of the session, or of the pending sign-in.
    browser: String,
    user: (UserId, CredentialVersion),
}

/// A challenge as the session store keeps it, under its own hash.
#[derive(Serialize, Deserialize)]
struct StoredChallenge {
    ceremony: Ceremony,
    #[serde(flatten)]
    participant: Participant,
    rp_id: Box<str>,
    host: Box<str>,
}

impl Participant {
    /// A browser with this key, for this user.
    pub(in crate::portal) fn of(browser: String, account: &Account) -> Self {
        Self { browser, user: (account.user.id, account.credential) }
    }
}

impl Portal {
    /// A new challenge for a ceremony of this participant, stored.
    pub(super) async fn begin_ceremony(
        &self,
        request: &PageRequest<'_>,
        ceremony: Ceremony,
        participant: Participant,
        rp_id: &str,
    ) -> Result<Challenge, Refusal> {
        let challenge = Challenge::generate().map_err(|error| {
            tracing::error!(%error, request_id = request.request_id, "challenge of a passkey not made");
            Refusal::Internal
        })?;
        let stored =
            StoredChallenge { ceremony, participant, rp_id: rp_id.into(), host: request.host.into() };
        let value = serde_json::to_string(&stored).map_err(|_| Refusal::Internal)?;
        let expires = self.clock.now() + CHALLENGE_LIFETIME;
        let entry =
            OneTimeEntry::new(challenge_key(&challenge), OneTimePurpose::PasskeyChallenge, value, expires);
        let stored = self.sessions.put_one_time(entry.map_err(|_| Refusal::Internal)?).await;
        match stored {
            Ok(true) => Ok(challenge),
            Ok(false) => Err(Refusal::Internal),
            Err(error) => Err(request.unavailable("storing the challenge of a passkey", &error)),
        }
    }

    /// Takes a challenge out of the store, before its response is looked at. `None`: it was never given out, or to
    /// somebody else, or for another ceremony, or has expired, or was taken before. Of two that come at once, one is taken.
    pub(super) async fn take_challenge(
        &self,
        request: &PageRequest<'_>,
        text: &str,
        ceremony: Ceremony,
        participant: &Participant,
        rp_id: &str,
    ) -> Result<Option<Challenge>, Refusal> {
        let Some(challenge) = Challenge::parse(text) else { return Ok(None) };
        let (key, purpose) = (challenge_key(&challenge), OneTimePurpose::PasskeyChallenge);
        let taken = self.sessions.take_one_time_at(key, purpose, self.clock.now()).await;
        let taken =
            taken.map_err(|error| request.unavailable("taking the challenge of a passkey", &error))?;
        let stored = taken.and_then(|value| serde_json::from_str::<StoredChallenge>(&value).ok());
        let fits = stored.is_some_and(|stored| {
            stored.ceremony == ceremony
                && stored.participant == *participant
                && *stored.rp_id == *rp_id
                && *stored.host == *request.host
        });
        Ok(fits.then_some(challenge))
    }
}

/// The key of the entry of a challenge.
pub(super) fn challenge_key(challenge: &Challenge) -> OneTimeKey {
    OneTimeKey::of_text(&challenge.to_text())
}

/// Time to find the phone, and to scan a code with it.
pub(super) const CHALLENGE_LIFETIME: Duration = Duration::from_mins(5);
