//! The decision on a request, with everything that led to it.
//!
//! [`explain`] calls the functions that decide on a request ([`Policy::route`]
//! and [`rule_on`]); `portcullis explain` shows the result. It makes no
//! [`Permit`](super::Permit). Pages of the gateway itself and the headers that
//! an app receives belong to the portal and to `forward`.

use super::{Policy, Reading, Rule, Ruling, Unrouted, rule_on};
use crate::{
    clock::Timestamp,
    identity::{Identity, Proofs},
    request::Target,
};

/// The decision on a request that belongs to an app.
#[derive(Clone, Debug)]
pub struct Explanation<'p> {
    /// The decision, its rule and its reason.
    pub ruling: Ruling<'p>,
    /// The readings of the path that differ from the plain one in their path, app or rule; each once.
    pub other_readings: Vec<Reading<'p>>,
}

/// Explains the decision on a request; [`Unrouted`] if it belongs to no app.
///
/// `proofs` and `now` are as of [`decide`](super::decide).
pub fn explain<'p>(
    policy: &'p Policy,
    identity: &Identity,
    proofs: &Proofs,
    now: Timestamp,
    target: &Target,
) -> Result<Explanation<'p>, Unrouted> {
    let app = policy.route(target)?;
    let ruling = rule_on(policy, app, identity, proofs, now, target);
    let plain = Reading { path: target.path.decoded(), app, rule: ruling.rule };
    let mut other_readings: Vec<Reading<'p>> = Vec::new();
    for reading in &ruling.readings {
        let is_known = |known: &Reading<'_>| is_same(known, reading);
        if !is_known(&plain) && !other_readings.iter().any(is_known) {
            other_readings.push(reading.clone());
        }
    }
    Ok(Explanation { ruling, other_readings })
}

fn is_same(one: &Reading<'_>, other: &Reading<'_>) -> bool {
    let place = |rule: Option<&Rule>| rule.map(|rule| rule.place.clone());
    one.path == other.path && one.app.id == other.app.id && place(one.rule) == place(other.rule)
}
