//! The assurance that a rule asks for: how recently the user has proved who they are.
//!
//! [`decide`](super::decide) asks each rule what the proofs of a session lack. The assurance holds for superusers, too: a
//! stolen session of a superuser is worth the most. Which page makes up for what is missing is left to `portal`.

use std::{cmp::Ordering, time::Duration};

use crate::{clock::Timestamp, identity::Proofs};

/// The assurance that a rule asks for beyond a sign-in; by default none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assurance {
    /// Maximum time since the newest proof; `None`: any.
    pub max_age: Option<Duration>,
}

/// The step that a user has to take before a request that is allowed apart from that. A later one is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A proof that is not older than this.
    RecentProof {
        /// Maximum time since it was made.
        max_age: Duration,
    },
}

impl Assurance {
    /// The proof that is missing at this time; `None`: nothing is. Without any proof, every rule with a `max_age` lacks one.
    pub fn missing(&self, proofs: &Proofs, now: Timestamp) -> Option<Missing> {
        let max_age = self.max_age?;
        let is_recent = proofs.newest().is_some_and(|at| now.since(at) <= max_age);
        (!is_recent).then_some(Missing::RecentProof { max_age })
    }
}

impl Ord for Missing {
    /// A proof made for the shorter time is recent enough for the longer one.
    fn cmp(&self, other: &Self) -> Ordering {
        let (Self::RecentProof { max_age: one }, Self::RecentProof { max_age: another }) = (self, other);
        another.cmp(one)
    }
}

impl PartialOrd for Missing {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_recent_up_to_the_maximum_age() {
        let max_age = Duration::from_millis(100);
        let (asks, lacks) = (Assurance { max_age: Some(max_age) }, Some(Missing::RecentProof { max_age }));
        let proofs = Proofs::password(Timestamp::from_millis(1000));
        for (now, missing) in [(999, None), (1000, None), (1100, None), (1101, lacks)] {
            assert_eq!(asks.missing(&proofs, Timestamp::from_millis(now)), missing, "at {now}");
        }
        assert_eq!(asks.missing(&Proofs::default(), Timestamp::from_millis(0)), lacks);
        assert_eq!(Assurance::default().missing(&Proofs::default(), Timestamp::from_millis(0)), None);
    }

    #[test]
    fn the_shorter_age_is_stricter() {
        let [short, long] = [1, 2].map(|secs| Missing::RecentProof { max_age: Duration::from_secs(secs) });
        assert!(short > long);
    }
}
