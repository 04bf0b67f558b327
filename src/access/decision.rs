//! The decision, and how it came about.

use std::{rc::Rc, sync::Arc, time::Duration};

use http::Method;

use super::{
    App, AppId, Place, Policy, Requirement, Rule,
    policy::{Asked, DEFAULT},
    rule::Met,
};
use crate::{
    identity::{Identity, User},
    request::{Folding, NormalPath, Preflight, Target, scripts_of},
};

/// What the rules say of an identity and a request.
#[derive(Debug)]
pub enum Decision {
    /// It may be forwarded.
    Allow(Permit),
    /// Would be allowed, but has to confirm the password first.
    Confirm,
    /// Whoever it is has to sign in first.
    Challenge,
    /// Signed in, and not allowed.
    Deny,
}

/// Proof that the rules allow this identity this request, under every reading of its path.
///
/// Only [`decide`] and [`permit_preflight`] make one, and forwarding takes one: nothing goes upstream undecided, and what
/// goes is the [`Target`] that was judged.
#[derive(Debug)]
pub struct Permit {
    app: AppId,
    identity: Identity,
    target: Rc<Target>,
    public: bool,
    unenforced: Option<Box<Unenforced>>,
}

/// A decision before it becomes one, with what led to it.
#[derive(Clone, Debug)]
pub struct Ruling<'p> {
    /// The app.
    pub app: &'p App,
    /// The rule that decided; `None`: no rule matches, and being signed in is required.
    pub rule: Option<&'p Rule>,
    /// What it came to.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// Every reading that was judged beside the plain one.
    pub readings: Vec<Reading<'p>>,
    /// What a rule that is not enforced would have made of a request that passes.
    pub unenforced: Option<Unenforced>,
}

/// What a rule that is not enforced would have made of a request; the strictest, if there are several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unenforced {
    /// Anything but [`Outcome::Allow`].
    pub outcome: Outcome,
    /// Where the rule stands.
    pub place: Place,
    /// Why, in words.
    pub text: &'static str,
}

/// One way to read the path, and which rule decides it.
#[derive(Clone, Debug)]
pub struct Reading<'p> {
    /// The path as an upstream could take it.
    pub path: String,
    /// The app it would belong to.
    pub app: &'p App,
    /// The rule that decides it.
    pub rule: Option<&'p Rule>,
}

/// What a decision comes to; a later one is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// May pass.
    Allow,
    /// Has to confirm the password, which was too long ago.
    Confirm,
    /// Has to sign in.
    Challenge,
    /// May not.
    Deny,
}

/// Why a decision is what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// In words.
    pub text: &'static str,
    /// The reading that decided, if it was not the plain one.
    pub reading: Option<String>,
}

impl Permit {
    /// The app whose upstream the request goes to.
    pub fn app(&self) -> AppId {
        self.app
    }

    /// On whose behalf, if anybody's.
    pub fn user(&self) -> Option<&Arc<User>> {
        self.identity.user()
    }

    /// The request as it was judged.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Whether anyone may: the answer depends on nobody's being signed in.
    pub fn is_public(&self) -> bool {
        self.public
    }

    /// What a rule that is not enforced would have made of it.
    pub fn unenforced(&self) -> Option<&Unenforced> {
        self.unenforced.as_deref()
    }
}

/// Decides.
///
/// `confirmed` is how long ago the user last proved with a password to be who they are; `None`: not that
/// we know, which is too long ago for every rule that asks.
pub fn decide(
    policy: &Policy,
    app: &App,
    identity: Identity,
    confirmed: Option<Duration>,
    target: impl Into<Rc<Target>>,
) -> Decision {
    let target = target.into();
    let asker = Asker { identity: &identity, confirmed, is_preflight: false };
    let judged = judge_all(policy, app, &asker, &target, None);
    match judged.outcome {
        Outcome::Allow => Decision::Allow(Permit {
            app: app.id,
            identity,
            target,
            public: judged.public,
            unenforced: judged.unenforced.map(Box::new),
        }),
        Outcome::Confirm => Decision::Confirm,
        Outcome::Challenge => Decision::Challenge,
        Outcome::Deny => Decision::Deny,
    }
}

/// Lets a CORS preflight through, on nobody's behalf, where all that is missing is a sign-in: a browser sends none of
/// its cookies with one. `None`: the rules let nobody in, or nobody from this address.
///
/// Any client can send a preflight and name any origin in it. Whoever asks here has found the origin among those that
/// the app trusts, and keeps what the app says beside its permission.
pub fn permit_preflight(
    policy: &Policy,
    app: &App,
    _: &Preflight<'_>,
    target: impl Into<Rc<Target>>,
) -> Option<Permit> {
    let target = target.into();
    let asker = Asker { identity: &Identity::Anonymous, confirmed: None, is_preflight: true };
    let judged = judge_all(policy, app, &asker, &target, None);
    (judged.outcome == Outcome::Allow).then(|| Permit {
        app: app.id,
        identity: Identity::Anonymous,
        target,
        public: false,
        unenforced: None,
    })
}

/// The same decision, told rather than carried out.
pub fn rule_on<'p>(
    policy: &'p Policy,
    app: &'p App,
    identity: &Identity,
    confirmed: Option<Duration>,
    target: &Target,
) -> Ruling<'p> {
    let mut readings = Vec::new();
    let asker = Asker { identity, confirmed, is_preflight: false };
    let judged = judge_all(policy, app, &asker, target, Some(&mut readings));
    let Judged { outcome, rule, reason, unenforced, public: _ } = judged;
    let unenforced = unenforced.filter(|_| outcome == Outcome::Allow);
    Ruling { app, rule, outcome, reason, readings, unenforced }
}

/// Who asks.
#[derive(Clone, Copy)]
struct Asker<'a> {
    identity: &'a Identity,
    confirmed: Option<Duration>,
    /// Nobody is signed in, for a browser sends no cookie with a preflight.
    is_preflight: bool,
}

struct Judged<'p> {
    outcome: Outcome,
    rule: Option<&'p Rule>,
    reason: Reason,
    public: bool,
    unenforced: Option<Unenforced>,
}

/// What decides one reading.
#[derive(Clone, Copy)]
enum Deciding<'p> {
    /// This rule.
    Rule(&'p Rule),
    /// No rule covers it.
    Default,
    /// Nothing: this rule is the only one that covers it, and it is not enforced.
    Nothing(&'p Rule),
}

/// The request itself, and what it does besides ([`Target::implied`]): all of it has to be allowed.
fn judge_all<'p>(
    policy: &'p Policy,
    app: &'p App,
    asker: &Asker<'_>,
    target: &Target,
    told: Option<&mut Vec<Reading<'p>>>,
) -> Judged<'p> {
    let mut judged = judge(policy, app, asker, target, (&target.method, &target.path), told);
    for (method, path) in target.implied() {
        judged.and(judge(policy, app, asker, target, (&method, path), None));
        // A folder is copied or moved with all that is in it.
        for rule in app.rules_within(path, &method) {
            judged.and_also(rule, asker, target);
        }
        // The rules of another app are for another upstream.
        if policy.route_path(target.authority.host(), path).map(|routed| routed.id) != Ok(app.id) {
            judged.outcome = Outcome::Deny;
            judged.reason = Reason { text: "the destination belongs to another app", reading: None };
        }
    }
    judged
}

/// The strictest of all readings decides. A rule that is not enforced is passed over, reading by reading, for
/// the next one that covers it: it can take no other rule's word away.
fn judge<'p>(
    policy: &'p Policy,
    app: &'p App,
    asker: &Asker<'_>,
    target: &Target,
    (method, path): (&Method, &NormalPath),
    mut told: Option<&mut Vec<Reading<'p>>>,
) -> Judged<'p> {
    let segments = path.segments();
    let plain = app.deciding(segments.clone(), method, Asked::All);
    let reported = plain.filter(|rule| !rule.is_enforced());
    let plain = match (plain, reported) {
        (_, Some(reported)) => app
            .deciding(segments, method, Asked::Enforced)
            .map_or(Deciding::Nothing(reported), Deciding::Rule),
        (plain, None) => plain.map_or(Deciding::Default, Deciding::Rule),
    };
    let (outcome, text) = weigh(plain, asker, target);
    let mut judged = Judged {
        outcome,
        rule: plain.rule(),
        reason: Reason { text, reading: None },
        public: plain.is_public(),
        unenforced: None,
    };
    if let Some(rule) = reported {
        judged.note(rule, asker, target);
    }
    let host = target.authority.host();
    if !app.folds(path) && !policy.mounts_fold(host) {
        return judged;
    }
    for (folding, reading) in policy.readings(path) {
        // The same upstream may stand behind two apps: whoever the reading would belong to is asked too.
        for routed in policy.routes_folded(host, folding, &reading).chain([app]) {
            for reading in read_by(routed, folding, &reading, method) {
                let (deciding, reported) = deciding_in(routed, folding, reading, method);
                for rule in reported {
                    judged.note(rule, asker, target);
                }
                for one in deciding {
                    let (outcome, text) = weigh(one, asker, target);
                    let rule = one.rule();
                    judged.public &= one.is_public();
                    if outcome > judged.outcome {
                        judged.outcome = outcome;
                        judged.rule = rule;
                        judged.reason = Reason { text, reading: Some(reading.to_owned()) };
                    }
                    if let Some(told) = told.as_deref_mut() {
                        told.push(Reading { path: reading.to_owned(), app: routed, rule });
                    }
                }
            }
        }
    }
    judged
}

/// One reading; if it goes on behind a script, the script, too: an upstream may run it and be told the rest.
///
/// Unless the rules know: who writes one for `/index.php/share/**` has said what is behind that script.
fn read_by<'r>(app: &App, folding: Folding, reading: &'r str, method: &Method) -> Vec<&'r str> {
    let knows = |place: usize| {
        let mut deciding = app.deciding_folded(folding, reading, method, Asked::Enforced);
        deciding.any(|rule| rule.pattern.goes_on_behind(place))
    };
    let scripts = scripts_of(reading).filter(|(place, _)| !knows(*place)).map(|(_, script)| script);
    std::iter::once(reading).chain(scripts).collect()
}

/// What decides one reading (all of it has to allow), and the rules that would if they were enforced.
fn deciding_in<'p>(
    app: &'p App,
    folding: Folding,
    reading: &str,
    method: &Method,
) -> (Vec<Deciding<'p>>, Vec<&'p Rule>) {
    let all: Vec<&Rule> = app.deciding_folded(folding, reading, method, Asked::All).collect();
    let reported: Vec<&Rule> = all.iter().copied().filter(|rule| !rule.is_enforced()).collect();
    let deciding = match (all.is_empty(), reported.first()) {
        (true, _) => vec![Deciding::Default],
        (false, None) => all.into_iter().map(Deciding::Rule).collect(),
        (false, Some(first)) => {
            let enforced: Vec<_> =
                app.deciding_folded(folding, reading, method, Asked::Enforced).map(Deciding::Rule).collect();
            if enforced.is_empty() { vec![Deciding::Nothing(first)] } else { enforced }
        }
    };
    (deciding, reported)
}

impl<'p> Judged<'p> {
    /// What this rule covers has to be allowed, too.
    fn and_also(&mut self, rule: &'p Rule, asker: &Asker<'_>, target: &Target) {
        if !rule.is_enforced() {
            return self.note(rule, asker, target);
        }
        let (outcome, text) = weigh(Deciding::Rule(rule), asker, target);
        self.public &= Deciding::Rule(rule).is_public();
        if outcome > self.outcome {
            (self.outcome, self.rule, self.reason) = (outcome, Some(rule), Reason { text, reading: None });
        }
    }

    /// Both have to be allowed.
    fn and(&mut self, other: Judged<'p>) {
        self.public &= other.public;
        if other.outcome > self.outcome {
            (self.outcome, self.rule, self.reason) = (other.outcome, other.rule, other.reason);
        }
        let strictness =
            |unenforced: &Option<Unenforced>| unenforced.as_ref().map(|unenforced| unenforced.outcome);
        if strictness(&other.unenforced) > strictness(&self.unenforced) {
            self.unenforced = other.unenforced;
        }
    }

    /// Notes what a rule that is not enforced would have come to. Whoever may because it is not enforced
    /// may no longer once it is: the answer is for nobody else until then.
    fn note(&mut self, reported: &Rule, asker: &Asker<'_>, target: &Target) {
        self.public &= reported.requirement == Requirement::Anyone;
        let (outcome, text) = weigh(Deciding::Rule(reported), asker, target);
        if outcome > self.unenforced.as_ref().map_or(Outcome::Allow, |strictest| strictest.outcome) {
            self.unenforced = Some(Unenforced { outcome, place: reported.place.clone(), text });
        }
    }
}

impl<'p> Deciding<'p> {
    /// The rule, or the one that would be if it were enforced.
    fn rule(&self) -> Option<&'p Rule> {
        match self {
            Self::Rule(rule) | Self::Nothing(rule) => Some(rule),
            Self::Default => None,
        }
    }

    fn requirement(&self) -> &'p Requirement {
        self.rule().map_or(&DEFAULT, |rule| &rule.requirement)
    }

    fn is_public(&self) -> bool {
        *self.requirement() == Requirement::Anyone
    }
}

fn weigh(deciding: Deciding<'_>, asker: &Asker<'_>, target: &Target) -> (Outcome, &'static str) {
    if let Deciding::Nothing(_) = deciding {
        return (Outcome::Allow, "the rule is not enforced, and no other covers this");
    }
    match deciding.requirement().met_by(asker.identity, target.client_addr) {
        Met::Yes(_) if is_too_long_ago(deciding.rule(), asker.confirmed) => {
            (Outcome::Confirm, "the password was confirmed too long ago")
        }
        Met::Yes(why) => (Outcome::Allow, why),
        Met::NotSignedIn
            if asker.is_preflight && deciding.requirement().lets_ask_from(target.client_addr) =>
        {
            (Outcome::Allow, "a page of a trusted origin may ask")
        }
        Met::NotSignedIn => (Outcome::Challenge, "nobody is signed in"),
        Met::No(why) => (Outcome::Deny, why),
    }
}

fn is_too_long_ago(rule: Option<&Rule>, confirmed: Option<Duration>) -> bool {
    let max_age = rule.and_then(|rule| rule.max_age);
    max_age.is_some_and(|max_age| confirmed.is_none_or(|confirmed| confirmed > max_age))
}

#[cfg(test)]
mod tests;
