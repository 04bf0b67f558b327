//! The judgement of all rules on a request, under every reading of its path.
//!
//! [`decide`](super::decide) makes a permit of it, and [`rule_on`](super::rule_on) explains it. The strictest reading
//! decides, and so does the strictest operation that a request implies.

use http::Method;

use super::{
    App, Missing, Policy, Requirement, Rule, SourceLocation,
    assurance::RequiredFactors,
    policy::{DEFAULT, RuleSelection},
    rule::Met,
    scope,
};
use crate::{
    clock::Timestamp,
    identity::{Identity, ProofMethods, Proofs},
    request::{Folding, NormalPath, Target, scripts_of},
};

/// The sender of the request.
#[derive(Clone, Copy)]
pub(super) struct Requester<'a> {
    pub(super) identity: &'a Identity,
    pub(super) proofs: &'a Proofs,
    pub(super) now: Timestamp,
    /// A preflight is anonymous, because a browser sends no cookie with it.
    pub(super) is_preflight: bool,
}

/// The judgement so far; another reading or operation can only make it stricter.
pub(super) struct Judged<'p> {
    pub(super) outcome: Outcome,
    pub(super) rule: Option<&'p Rule>,
    pub(super) reason: Reason,
    pub(super) public: bool,
    pub(super) unenforced: Option<Unenforced>,
}

/// The rule that decides one reading.
#[derive(Clone, Copy)]
enum Deciding<'p> {
    /// A rule that covers the request.
    Rule(&'p Rule),
    /// No rule covers it.
    Default,
    /// None: this rule is the only one that covers it, and it is not enforced.
    Unenforced(&'p Rule),
}

/// Judges the request itself and the operations that it implies ([`Target::implied`]): each has to be allowed.
pub(super) fn judge_all<'p>(
    policy: &'p Policy,
    app: &'p App,
    requester: &Requester<'_>,
    target: &Target,
    readings: Option<&mut Vec<Reading<'p>>>,
) -> Judged<'p> {
    let mut judged = judge(policy, app, requester, target, (&target.method, &target.path), readings);
    for (method, path) in target.implied() {
        judged.and(judge(policy, app, requester, target, (&method, path), None));
        // A folder is copied or moved with all of its contents.
        for rule in app.rules_within(path, &method) {
            judged.and_also(rule, requester, target);
        }
        // The rules of another app are for another upstream.
        if policy.route_path(target.authority.host(), path).map(|routed| routed.id) != Ok(app.id) {
            judged.outcome = Outcome::Deny;
            judged.reason = Reason { text: "the destination belongs to another app", reading: None };
        }
    }
    if let Some(program) = requester.identity.program()
        && !scope::covers(&program.scope, policy, app, target)
    {
        judged.outcome = Outcome::Deny;
        judged.reason = Reason { text: "outside the scope of the credential", reading: None };
    }
    judged
}

/// The strictest of all readings decides. A rule that is not enforced is skipped, reading by reading, for the next one
/// that covers it: it cannot override another rule.
fn judge<'p>(
    policy: &'p Policy,
    app: &'p App,
    requester: &Requester<'_>,
    target: &Target,
    (method, path): (&Method, &NormalPath),
    mut readings: Option<&mut Vec<Reading<'p>>>,
) -> Judged<'p> {
    let segments = path.segments();
    let plain = app.deciding(segments.clone(), method, RuleSelection::All);
    let reported = plain.filter(|rule| !rule.is_enforced());
    let plain = match (plain, reported) {
        (_, Some(reported)) => app
            .deciding(segments, method, RuleSelection::Enforced)
            .map_or(Deciding::Unenforced(reported), Deciding::Rule),
        (plain, None) => plain.map_or(Deciding::Default, Deciding::Rule),
    };
    let (outcome, text) = weigh(plain, requester, target);
    let mut judged = Judged {
        outcome,
        rule: plain.rule(),
        reason: Reason { text, reading: None },
        public: plain.is_public(),
        unenforced: None,
    };
    if let Some(rule) = reported {
        judged.note(rule, requester, target);
    }
    let host = target.authority.host();
    if !app.folds(path) && !policy.mounts_fold(host) {
        return judged;
    }
    for (folding, reading) in policy.readings(path) {
        // The same upstream may stand behind two apps: the rules of the app that the reading leads to count, too.
        for routed in policy.routes_folded(host, folding, &reading).chain([app]) {
            for reading in read_by(routed, folding, &reading, method) {
                let (deciding, reported) = deciding_in(routed, folding, reading, method);
                for rule in reported {
                    judged.note(rule, requester, target);
                }
                for one in deciding {
                    let (outcome, text) = weigh(one, requester, target);
                    let rule = one.rule();
                    judged.public &= one.is_public();
                    if outcome > judged.outcome {
                        judged.outcome = outcome;
                        judged.rule = rule;
                        judged.reason = Reason { text, reading: Some(reading.to_owned()) };
                    }
                    if let Some(readings) = readings.as_deref_mut() {
                        readings.push(Reading { path: reading.to_owned(), app: routed, rule });
                    }
                }
            }
        }
    }
    judged
}

/// One reading; if it goes on behind a script, the script, too: an upstream may run the script with the rest as an argument.
///
/// The script is left out if a rule goes on behind it: an operator who writes one for `/index.php/share/**` has decided on
/// the paths behind that script.
fn read_by<'r>(app: &App, folding: Folding, reading: &'r str, method: &Method) -> Vec<&'r str> {
    let knows = |place: usize| {
        let mut deciding = app.deciding_folded(folding, reading, method, RuleSelection::Enforced);
        deciding.any(|rule| rule.pattern.goes_on_behind(place))
    };
    let scripts = scripts_of(reading).filter(|(place, _)| !knows(*place)).map(|(_, script)| script);
    std::iter::once(reading).chain(scripts).collect()
}

/// The rules that decide one reading (each has to allow it), and those that would if they were enforced.
fn deciding_in<'p>(
    app: &'p App,
    folding: Folding,
    reading: &str,
    method: &Method,
) -> (Vec<Deciding<'p>>, Vec<&'p Rule>) {
    let all: Vec<&Rule> = app.deciding_folded(folding, reading, method, RuleSelection::All).collect();
    let reported: Vec<&Rule> = all.iter().copied().filter(|rule| !rule.is_enforced()).collect();
    let deciding = match (all.is_empty(), reported.first()) {
        (true, _) => vec![Deciding::Default],
        (false, None) => all.into_iter().map(Deciding::Rule).collect(),
        (false, Some(first)) => {
            let enforced: Vec<_> = app
                .deciding_folded(folding, reading, method, RuleSelection::Enforced)
                .map(Deciding::Rule)
                .collect();
            if enforced.is_empty() { vec![Deciding::Unenforced(first)] } else { enforced }
        }
    };
    (deciding, reported)
}

impl<'p> Judged<'p> {
    /// Adds the decision of a rule on an implied operation: it has to be allowed, too.
    fn and_also(&mut self, rule: &'p Rule, requester: &Requester<'_>, target: &Target) {
        if !rule.is_enforced() {
            return self.note(rule, requester, target);
        }
        let (outcome, text) = weigh(Deciding::Rule(rule), requester, target);
        self.public &= Deciding::Rule(rule).is_public();
        if outcome > self.outcome {
            (self.outcome, self.rule, self.reason) = (outcome, Some(rule), Reason { text, reading: None });
        }
    }

    /// Adds another judgement: both have to allow.
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

    /// Adds the decision that a rule that is not enforced would have made. The response to a request that passes only because
    /// the rule is not enforced is not public.
    fn note(&mut self, reported: &Rule, requester: &Requester<'_>, target: &Target) {
        self.public &= reported.requirement == Requirement::Anyone;
        let (outcome, text) = weigh(Deciding::Rule(reported), requester, target);
        if outcome > self.unenforced.as_ref().map_or(Outcome::Allow, |strictest| strictest.outcome) {
            self.unenforced = Some(Unenforced { outcome, place: reported.place.clone(), text });
        }
    }
}

impl<'p> Deciding<'p> {
    /// The rule, or the one that would decide if it were enforced.
    fn rule(&self) -> Option<&'p Rule> {
        match self {
            Self::Rule(rule) | Self::Unenforced(rule) => Some(rule),
            Self::Default => None,
        }
    }

    fn requirement(&self) -> &'p Requirement {
        self.rule().map_or(&DEFAULT, |rule| &rule.requirement)
    }

    fn is_public(&self) -> bool {
        *self.requirement() == Requirement::Anyone
    }

    /// The proof that the requester lacks for the rule; without a rule, none.
    ///
    /// A token that was made with two factors stands for two. It is no proof of just now, and none by a certain method.
    fn missing(&self, requester: &Requester<'_>) -> Option<Missing> {
        let assurance = &self.rule()?.assurance;
        let missing = assurance.missing(requester.proofs, requester.now)?;
        let stands_for_two = requester.identity.program().is_some_and(|program| program.multi_factor);
        let asks_for_two = assurance.factors == Some(RequiredFactors::Two) && assurance.max_age.is_none();
        (!(stands_for_two && asks_for_two)).then_some(missing)
    }
}

fn weigh(deciding: Deciding<'_>, requester: &Requester<'_>, target: &Target) -> (Outcome, &'static str) {
    if let Deciding::Unenforced(_) = deciding {
        return (Outcome::Allow, "the rule is not enforced, and no other covers this");
    }
    match deciding.requirement().met_by(requester.identity, target.client_addr) {
        Met::Yes(why) => match deciding.missing(requester) {
            Some(missing) => (Outcome::StepUp(missing), text_for(missing)),
            None => (Outcome::Allow, why),
        },
        Met::NotSignedIn
            if requester.is_preflight && deciding.requirement().lets_ask_from(target.client_addr) =>
        {
            (Outcome::Allow, "a page of a trusted origin may ask")
        }
        Met::NotSignedIn => (Outcome::Challenge, "nobody is signed in"),
        Met::No(why) => (Outcome::Deny, why),
    }
}

fn text_for(missing: Missing) -> &'static str {
    if missing.methods == ProofMethods::ALL {
        "the password was confirmed too long ago"
    } else if missing.max_age.is_some() {
        "a factor that the rule requires was not shown recently enough"
    } else {
        "a factor that the rule requires was not shown"
    }
}

/// The kind of a decision; a later one is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The request may pass.
    Allow,
    /// The user has to make up for this.
    StepUp(Missing),
    /// The sender has to sign in.
    Challenge,
    /// The request may not pass.
    Deny,
}

/// Why a decision is what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// For people.
    pub text: &'static str,
    /// The reading that decided, if it was not the plain one.
    pub reading: Option<String>,
}

/// The decision that a rule that is not enforced would have made; the strictest one, if there are several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unenforced {
    /// Anything but [`Outcome::Allow`].
    pub outcome: Outcome,
    /// Where the rule is in the configuration.
    pub place: SourceLocation,
    /// Why, for people.
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
