//! Challenges of the sign-in page: dated and marked by the gateway, and stored nowhere before they are answered.
//!
//! Anybody may open the sign-in page. If each view stored a challenge, Mallory could open the page so often that the
//! challenge of Alice, who looks for her finger, makes way. A challenge therefore carries its own date, and a mark over
//! everything that it is good for: the browser, the host and the relying party. Every gateway that shares the key of the
//! throttle knows the mark. The first answer to a challenge is noted in the session store, and further ones are refused.

use std::time::Duration;

use aws_lc_rs::rand;
use subtle::ConstantTimeEq;

use super::{
    super::{PageRequest, Portal},
    ceremony::{CHALLENGE_LIFETIME, challenge_key},
};
use crate::{
    auth::{NotProved, webauthn::Challenge},
    clock::Timestamp,
    refusal::Refusal,
    session::{OneTimeEntry, OneTimePurpose, SessionToken},
    throttle::MARK_BYTES,
};

/// A challenge of the sign-in page that is good for this request, and when it was made.
pub(super) struct SignInChallenge {
    pub(super) challenge: Challenge,
    made: Timestamp,
}

impl Portal {
    /// A new challenge for the sign-in page, in the browser whose forms are bound to `form_token`.
    pub(super) fn new_sign_in_challenge(
        &self,
        request: &PageRequest<'_>,
        form_token: &SessionToken,
        rp_id: &str,
    ) -> Result<Challenge, Refusal> {
        let mut random = [0; RANDOM_BYTES];
        rand::fill(&mut random).map_err(|error| {
            tracing::error!(%error, request_id = request.request_id, "challenge of a passkey not made");
            Refusal::Internal
        })?;
        Ok(self.marked(request, form_token, rp_id, (self.clock.now(), random)))
    }

    /// The challenge that a form brings back. `None`: this gateway and those beside it have not made it, or have made it for
    /// another browser, host or relying party, or too long ago.
    pub(super) fn sign_in_challenge(
        &self,
        request: &PageRequest<'_>,
        text: &str,
        form_token: &SessionToken,
        rp_id: &str,
    ) -> Option<SignInChallenge> {
        let challenge = Challenge::parse(text)?;
        let (made, rest) = challenge.as_bytes().split_first_chunk::<DATE_BYTES>()?;
        let (random, _) = rest.split_first_chunk::<RANDOM_BYTES>()?;
        let made = date_of(*made);
        let expected = self.marked(request, form_token, rp_id, (made, *random));
        let is_ours: bool = challenge.as_bytes().ct_eq(expected.as_bytes()).into();
        let is_young = self.clock.now().since(made) < CHALLENGE_LIFETIME;
        (is_ours && is_young).then_some(SignInChallenge { challenge, made })
    }

    /// Notes that a challenge is answered. `false`: it was answered before. Of two answers at once, on whichever gateways, one
    /// gets `true`.
    pub(super) async fn note_answer(
        &self,
        request: &PageRequest<'_>,
        answered: &SignInChallenge,
    ) -> Result<bool, NotProved> {
        // Longer than the challenge is good for, even if the clock of another gateway is behind.
        let expires = self.clock.now().max(answered.made) + CHALLENGE_LIFETIME + CLOCK_SKEW;
        let key = challenge_key(&answered.challenge);
        let entry = OneTimeEntry::new(key, OneTimePurpose::AnsweredChallenge, "", expires);
        let entry = entry.map_err(|_| NotProved::Unavailable)?;
        self.sessions.put_one_time(entry).await.map_err(|error| {
            let _refusal = request.unavailable("noting the answer to a challenge", &error);
            NotProved::Unavailable
        })
    }

    fn marked(
        &self,
        request: &PageRequest<'_>,
        form_token: &SessionToken,
        rp_id: &str,
        (made, random): (Timestamp, [u8; RANDOM_BYTES]),
    ) -> Challenge {
        let begin = [&bytes_of(made)[..], &random].concat();
        // Neither a key nor a host has a blank.
        let good_for = format!("{} {} {rp_id}", form_token.key().to_hex(), request.host);
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

const PURPOSE: &str = "challenge of the sign-in page";
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
