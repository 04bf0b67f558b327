//! The decision on a request, and its explanation.

use std::{rc::Rc, sync::Arc};

use super::{
    App, AppId, Missing, Policy, Rule,
    judgement::{Judged, Outcome, Reading, Reason, Requester, Unenforced, judge_all},
};
use crate::{
    clock::Timestamp,
    identity::{Identity, Proofs, User},
    request::{Preflight, Target},
};

/// The decision of the rules on a request of an identity.
#[derive(Debug)]
pub enum Decision {
    /// The request may be forwarded.
    Allow(Permit),
    /// The user would be allowed, but has to make up for this first.
    StepUp(Missing),
    /// The sender has to sign in first.
    Challenge,
    /// The user is signed in, and not allowed.
    Deny,
}

/// Proof that the rules allow this identity this request, under every reading of its path.
///
/// Only [`decide`] and [`permit_preflight`] make one, and `forward` takes one: no request goes upstream undecided, and the
/// [`Target`] that goes is the one that was judged.
#[derive(Debug)]
pub struct Permit {
    app: AppId,
    identity: Identity,
    target: Rc<Target>,
    public: bool,
    unenforced: Option<Box<Unenforced>>,
}

/// A decision with the rule and the readings that led to it.
#[derive(Clone, Debug)]
pub struct Ruling<'p> {
    /// The app.
    pub app: &'p App,
    /// The rule that decided; `None`: no rule matches, and being signed in is required.
    pub rule: Option<&'p Rule>,
    /// The decision.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// Every reading that was judged beside the plain one.
    pub readings: Vec<Reading<'p>>,
    /// The decision that a rule that is not enforced would have made on a request that passes.
    pub unenforced: Option<Unenforced>,
}

impl Permit {
    /// The app whose upstream the request goes to.
    pub fn app(&self) -> AppId {
        self.app
    }

    /// The user on whose behalf the request is made, if any.
    pub fn user(&self) -> Option<&Arc<User>> {
        self.identity.user()
    }

    /// The request as it was judged.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// True if anyone may make the request: the response does not depend on a sign-in.
    pub fn is_public(&self) -> bool {
        self.public
    }

    /// The decision that a rule that is not enforced would have made.
    pub fn unenforced(&self) -> Option<&Unenforced> {
        self.unenforced.as_deref()
    }
}

/// Decides on a request.
///
/// `proofs` are those of the user's session; `now` is the time for which their age is taken.
pub fn decide(
    policy: &Policy,
    app: &App,
    identity: Identity,
    proofs: &Proofs,
    now: Timestamp,
    target: impl Into<Rc<Target>>,
) -> Decision {
    let target = target.into();
    let requester = Requester { identity: &identity, proofs, now, is_preflight: false };
    let judged = judge_all(policy, app, &requester, &target, None);
    match judged.outcome {
        Outcome::Allow => Decision::Allow(Permit {
            app: app.id,
            identity,
            target,
            public: judged.public,
            unenforced: judged.unenforced.map(Box::new),
        }),
        Outcome::StepUp(missing) => Decision::StepUp(missing),
        Outcome::Challenge => Decision::Challenge,
        Outcome::Deny => Decision::Deny,
    }
}

/// Permits a CORS preflight, on behalf of no user, where only a sign-in is missing: a browser sends no cookie with a
/// preflight. `None`: the rules admit no user, or none from this address.
///
/// Any client can send a preflight and name any origin in it. The caller has found the origin among those that the app
/// trusts, and drops everything but the permission from the app's response.
pub fn permit_preflight(
    policy: &Policy,
    app: &App,
    _: &Preflight<'_>,
    target: impl Into<Rc<Target>>,
) -> Option<Permit> {
    let target = target.into();
    // A visitor without a session has proved nothing, so that the time does not matter.
    let (identity, proofs, now) = (&Identity::Anonymous, &Proofs::default(), Timestamp::from_millis(0));
    let requester = Requester { identity, proofs, now, is_preflight: true };
    let judged = judge_all(policy, app, &requester, &target, None);
    (judged.outcome == Outcome::Allow).then(|| Permit {
        app: app.id,
        identity: Identity::Anonymous,
        target,
        public: false,
        unenforced: None,
    })
}

/// The same decision as [`decide`], explained.
pub fn rule_on<'p>(
    policy: &'p Policy,
    app: &'p App,
    identity: &Identity,
    proofs: &Proofs,
    now: Timestamp,
    target: &Target,
) -> Ruling<'p> {
    let mut readings = Vec::new();
    let requester = Requester { identity, proofs, now, is_preflight: false };
    let judged = judge_all(policy, app, &requester, target, Some(&mut readings));
    let Judged { outcome, rule, reason, unenforced, public: _ } = judged;
    let unenforced = unenforced.filter(|_| outcome == Outcome::Allow);
    Ruling { app, rule, outcome, reason, readings, unenforced }
}

#[cfg(test)]
mod tests;
