//! Challenges of ceremonies: dated and marked by the gateway, and stored nowhere before they are answered.
//!
//! Anybody may open the sign-in page, and whoever is signed in the pages that ask for a passkey or make one. If each view stored a
//! challenge, Mallory could open a page so often that the challenge of Alice, who looks for her finger, makes way. A
//! challenge therefore carries its own date, and a mark over everything that it is good for: the ceremony, the browser, the
//! user, the host and the relying party. Every gateway that shares the key of the throttle knows the mark. The first answer
//! to a challenge is noted in the session store, and further ones are refused.

use std::time::Duration;

use aws_lc_rs::rand;
use subtle::ConstantTimeEq;

use super::super::{PageRequest, Portal};
use crate::{
    auth::{NotProved, webauthn::Challenge},
    clock::Timestamp,
    identity::{CredentialVersion, UserId},
    refusal::Refusal,
    session::{OneTimeEntry, OneTimeKey, OneTimePurpose},
    throttle::MARK_BYTES,
    users::Account,
};

/// The purpose of a ceremony. A challenge for one is none for another: Mallory can't make Alice's touch for a sign-in
/// enrol anything, or confirm anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::portal) enum Ceremony {
    /// A sign-in by a passkey alone.
    SignIn,
    /// The second step of a sign-in.
    SecondStep,
    /// A confirmation, in a session.
    Confirmation,
    /// A new passkey.
    Enrolment,
}

/// The browser and the user that a challenge is given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::portal) struct Participant {
    /// The hash of the secret in a cookie of the browser: of its forms, of the session, or of the pending sign-in.
    browser: String,
    /// `None` on the sign-in page: whoever the passkey names.
    user: Option<(UserId, CredentialVersion)>,
}

/// A challenge that is good for this request, and when it was made.
pub(super) struct GivenChallenge {
    pub(super) challenge: Challenge,
    made: Timestamp,
}

impl Ceremony {
    fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::SecondStep => "second-step",
            Self::Confirmation => "confirmation",
            Self::Enrolment => "enrolment",
        }
    }
}

impl Participant {
    /// A browser with this key, for this user.
    pub(in crate::portal) fn of(browser: String, account: &Account) -> Self {
        Self { browser, user: Some((account.user.id, account.credential)) }
    }

    /// A browser with this key, in which nobody has proved anything.
    pub(super) fn unknown(browser: String) -> Self {
        Self { browser, user: None }
    }
}

impl Portal {
    /// A new challenge for a ceremony of this participant.
    pub(super) fn new_challenge(
        &self,
        request: &PageRequest<'_>,
        of: (Ceremony, &Participant),
        rp_id: &str,
    ) -> Result<Challenge, Refusal> {
        let mut random = [0; RANDOM_BYTES];
        rand::fill(&mut random).map_err(|error| {
            tracing::error!(%error, request_id = request.request_id, "challenge of a passkey not made");
            Refusal::Internal
        })?;
        Ok(self.marked(request, of, rp_id, (self.clock.now(), random)))
    }

    /// The challenge that a form brings back. `None`: this gateway and those beside it have not made it, or have made it for
    /// another ceremony, participant, host or relying party, or too long ago.
    pub(super) fn given_challenge(
        &self,
        request: &PageRequest<'_>,
        text: &str,
        of: (Ceremony, &Participant),
        rp_id: &str,
    ) -> Option<GivenChallenge> {
        let challenge = Challenge::parse(text)?;
        let (made, rest) = challenge.as_bytes().split_first_chunk::<DATE_BYTES>()?;
        let (random, _) = rest.split_first_chunk::<RANDOM_BYTES>()?;
        let made = date_of(*made);
        let expected = self.marked(request, of, rp_id, (made, *random));
        let is_ours: bool = challenge.as_bytes().ct_eq(expected.as_bytes()).into();
        let is_young = self.clock.now().since(made) < CHALLENGE_LIFETIME;
        (is_ours && is_young).then_some(GivenChallenge { challenge, made })
    }

    /// Notes that a challenge is answered. `false`: it was answered before. Of two answers at once, on whichever gateways, one
    /// gets `true`.
    pub(super) async fn note_answer(
        &self,
        request: &PageRequest<'_>,
        answered: &GivenChallenge,
    ) -> Result<bool, NotProved> {
        // Longer than the challenge is good for, even if the clock of another gateway is behind.
        let expires = self.clock.now().max(answered.made) + CHALLENGE_LIFETIME + CLOCK_SKEW;
        let key = OneTimeKey::of_text(&answered.challenge.to_text());
        let entry = OneTimeEntry::new(key, OneTimePurpose::AnsweredChallenge, "", expires);
        let entry = entry.map_err(|_| NotProved::Unavailable)?;
        self.sessions.put_one_time(entry).await.map_err(|error| {
            let _refusal = request.unavailable("noting the answer to a challenge", &error);
            NotProved::Unavailable
        })
    }

    /// The challenge that a form brings back, noted as answered before its response is looked at. `None` as well if it was
    /// answered before.
    pub(super) async fn take_challenge(
        &self,
        request: &PageRequest<'_>,
        text: &str,
        of: (Ceremony, &Participant),
        rp_id: &str,
    ) -> Result<Option<Challenge>, Refusal> {
        let Some(given) = self.given_challenge(request, text, of, rp_id) else { return Ok(None) };
        let is_first = self.note_answer(request, &given).await.map_err(|_| Refusal::Unavailable)?;
        Ok(is_first.then_some(given.challenge))
    }

    fn marked(
        &self,
        request: &PageRequest<'_>,
        (ceremony, participant): (Ceremony, &Participant),
        rp_id: &str,
        (made, random): (Timestamp, [u8; RANDOM_BYTES]),
    ) -> Challenge {
        let begin = [&bytes_of(made)[..], &random].concat();
        let Participant { browser, user } = participant;
        let user = user.map(|(id, credential)| format!("{id} {}", credential.0)).unwrap_or_default();
        // None of them has a blank, and there is one more with a user.
        let good_for = format!("{} {browser} {} {rp_id} {user}", ceremony.as_str(), request.host);
        let mark = self.sign_in.mark(PURPOSE, &[&begin[..], good_for.as_bytes()].concat());
        let mut bytes = [0; DATE_BYTES + RANDOM_BYTES + MARK_BYTES];
        bytes.iter_mut().zip(begin.iter().chain(&mark)).for_each(|(to, from)| *to = *from);
        Challenge::from_bytes(bytes)
    }
}

/// The milliseconds since 1970, without the bytes that stay zero for 8,900 years.
fn bytes_of(at: Timestamp) -> [u8; DATE_BYTES] {
    let [_, _, bytes @ ..] = at.as_millis().to_be_bytes();
    bytes
}

fn date_of(bytes: [u8; DATE_BYTES]) -> Timestamp {
    Timestamp::from_millis(bytes.iter().fold(0, |millis, byte| millis << 8 | i64::from(*byte)))
}

/// Time to find the phone, and to scan a code with it.
pub(super) const CHALLENGE_LIFETIME: Duration = Duration::from_mins(5);
const PURPOSE: &str = "challenge of a passkey";
const DATE_BYTES: usize = 6;
/// With the mark, which nobody can predict, more than the 16 bytes that a challenge needs.
const RANDOM_BYTES: usize = 10;
const CLOCK_SKEW: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_as_it_was_written() {
        for millis in [0, 1, 255, 256, 1_791_273_600_000, (1 << 48) - 1] {
            let at = Timestamp::from_millis(millis);
            assert_eq!(date_of(bytes_of(at)), at);
        }
    }
}
