//! The assurance that a rule asks for: which factors the user has shown, and how recently.
//!
//! [`decide`](super::decide) asks each rule what the proofs of a session lack. The assurance holds for superusers, too: a
//! stolen session of a superuser is worth the most. Which page makes up for what is missing is left to `portal`.

use std::{cmp::Ordering, time::Duration};

use crate::{
    clock::Timestamp,
    identity::{ProofMethod, ProofMethods, Proofs},
};

/// The assurance that a rule asks for beyond a sign-in; by default none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assurance {
    /// The factors that have to be shown; `None`: whatever a sign-in needs.
    pub factors: Option<RequiredFactors>,
    /// Maximum age of each proof that counts: of the required factors, or of the newest proof where none are required.
    /// `None`: any.
    pub max_age: Option<Duration>,
}

/// The factors that a rule requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredFactors {
    /// Two independent ones: something that the user knows, and something that the user has.
    Two,
    /// One of these methods.
    AnyOf(ProofMethods),
}

/// The step that a user has to take before a request that is allowed apart from that: a proof by one of these methods. A
/// later one is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The methods of which one is missing.
    pub methods: ProofMethods,
    /// Maximum time since it was made.
    pub max_age: Option<Duration>,
}

impl Assurance {
    /// The proof that is missing at this time; `None`: nothing is. Without any proof, every rule that asks for assurance
    /// lacks one. Of two missing factors it is the first one, something known.
    pub fn missing(&self, proofs: &Proofs, now: Timestamp) -> Option<Missing> {
        let max_age = self.max_age;
        let has = |methods: ProofMethods| {
            let is_shown =
                |method: ProofMethod| proofs.at(method).is_some_and(|at| is_recent(at, now, max_age));
            methods.iter().any(is_shown)
        };
        let lacks = |methods: ProofMethods| (!has(methods)).then_some(Missing { methods, max_age });
        match self.factors {
            // A browser shows a certificate with every request by itself: that says nothing of who sits in front of it now.
            None => max_age.and_then(|_| {
                let mut by_a_person =
                    ProofMethod::ALL.into_iter().filter(|method| *method != ProofMethod::Certificate);
                let is_shown = |method| proofs.at(method).is_some_and(|at| is_recent(at, now, max_age));
                (!by_a_person.any(is_shown)).then_some(Missing { methods: ProofMethods::ALL, max_age })
            }),
            Some(RequiredFactors::Two) => {
                lacks(ProofMethods::knowledge()).or_else(|| lacks(ProofMethods::possession()))
            }
            Some(RequiredFactors::AnyOf(methods)) => lacks(methods),
        }
    }
}

fn is_recent(at: Timestamp, now: Timestamp, max_age: Option<Duration>) -> bool {
    max_age.is_none_or(|max_age| now.since(at) <= max_age)
}

impl Ord for Missing {
    /// A proof by one of fewer methods is stricter, and so is one that is made for the shorter time.
    fn cmp(&self, other: &Self) -> Ordering {
        let strictness = |missing: &Self| {
            let fewer = u32::MAX - missing.methods.count();
            (fewer, std::cmp::Reverse(missing.max_age.unwrap_or(Duration::MAX)), missing.methods)
        };
        strictness(self).cmp(&strictness(other))
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
    use crate::identity::Proof;

    const AGE: Duration = Duration::from_millis(100);

    fn proofs(shown: &[(ProofMethod, i64)]) -> Proofs {
        let shown =
            shown.iter().map(|(method, at)| Proof { method: *method, at: Timestamp::from_millis(*at) });
        shown.fold(Proofs::default(), Proofs::with)
    }

    #[test]
    fn a_proof_is_recent_up_to_the_maximum_age() {
        let asks = Assurance { max_age: Some(AGE), factors: None };
        let lacks = Some(Missing { methods: ProofMethods::ALL, max_age: Some(AGE) });
        let proofs = Proofs::password(Timestamp::from_millis(1000));
        for (now, missing) in [(999, None), (1000, None), (1100, None), (1101, lacks)] {
            assert_eq!(asks.missing(&proofs, Timestamp::from_millis(now)), missing, "at {now}");
        }
        assert_eq!(asks.missing(&Proofs::default(), Timestamp::from_millis(0)), lacks);
        assert_eq!(Assurance::default().missing(&Proofs::default(), Timestamp::from_millis(0)), None);
    }

    #[test]
    fn the_required_factors_and_their_own_ages_decide() {
        use ProofMethod::{Passkey, Password, Provider, RecoveryCode, SecurityKey, Token, Totp};
        const NOW: i64 = 1000;
        let (old, new) = (NOW - 101, NOW);
        let (knowledge, possession) = (ProofMethods::knowledge(), ProofMethods::possession());
        let totp = ProofMethods::of([Totp]);
        let (two, any) = (RequiredFactors::Two, RequiredFactors::AnyOf(totp));
        for (factors, max_age, shown, missing) in [
            (two, None, &[] as &[_], Some(knowledge)),
            (two, None, &[(Password, old)], Some(possession)),
            (two, None, &[(Provider, old), (Password, old), (Token, old)], Some(possession)),
            (two, None, &[(Totp, new)], Some(knowledge)),
            (two, None, &[(Password, old), (Totp, old)], None),
            (two, None, &[(Provider, old), (SecurityKey, old)], None),
            (two, None, &[(Password, old), (RecoveryCode, old)], None),
            (two, None, &[(Passkey, old)], None),
            (two, Some(AGE), &[(Password, new), (Totp, old)], Some(possession)),
            (two, Some(AGE), &[(Password, old), (Totp, new)], Some(knowledge)),
            (two, Some(AGE), &[(Password, new), (Totp, new)], None),
            (two, Some(AGE), &[(Passkey, old), (Password, new)], Some(possession)),
            (any, None, &[(Password, new)], Some(totp)),
            (any, None, &[(Passkey, new)], Some(totp)),
            (any, None, &[(Totp, old)], None),
            (any, Some(AGE), &[(Totp, old), (Password, new)], Some(totp)),
            (any, Some(AGE), &[(Totp, new), (Password, old)], None),
        ] {
            let asks = Assurance { factors: Some(factors), max_age };
            let lacks = missing.map(|methods| Missing { methods, max_age });
            let found = asks.missing(&proofs(shown), Timestamp::from_millis(NOW));
            assert_eq!(found, lacks, "{factors:?} {max_age:?} {shown:?}");
        }
    }

    #[test]
    fn fewer_methods_and_a_shorter_age_are_stricter() {
        let missing =
            |methods, secs: Option<u64>| Missing { methods, max_age: secs.map(Duration::from_secs) };
        let totp = ProofMethods::of([ProofMethod::Totp]);
        let ascending = [
            missing(ProofMethods::ALL, Some(2)),
            missing(ProofMethods::ALL, Some(1)),
            missing(ProofMethods::possession(), None),
            missing(ProofMethods::possession(), Some(1)),
            missing(totp, None),
            missing(totp, Some(2)),
            missing(totp, Some(1)),
        ];
        assert!(ascending.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn a_certificate_is_no_recent_act_of_a_person() {
        let now = Timestamp::from_millis(1000);
        let certificate = Proof { method: ProofMethod::Certificate, at: now };
        let recent = Assurance { factors: None, max_age: Some(AGE) };
        assert!(recent.missing(&certificate.into(), now).is_some());
        let old = Proofs::password(Timestamp::from_millis(0)).with(certificate);
        assert!(recent.missing(&old, now).is_some());
        assert_eq!(recent.missing(&Proofs::password(now).with(certificate), now), None);
        // Beside a password it is the second factor; both have to be recent where a rule says so.
        let two = |max_age| Assurance { factors: Some(RequiredFactors::Two), max_age };
        assert_eq!(two(None).missing(&old, now), None);
        assert!(two(Some(AGE)).missing(&old, now).is_some());
    }
}
