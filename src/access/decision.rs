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
mod tests {
    use std::collections::BTreeMap;

    use http::{HeaderMap, Method};
    use proptest::prelude::*;

    use super::{
        super::{Criteria, Enforcement, GrantedPermission, Mount, Pattern, Place, PolicyBuilder},
        *,
    };
    use crate::{
        identity::{GroupName, Permission, UserId, UserName},
        request::{ClientAddr, TrustedProxies},
    };

    fn group(name: &str) -> GroupName {
        GroupName::parse(name).unwrap()
    }

    fn user(name: &str, groups: &[&str]) -> Identity {
        let mut groups: Vec<_> = groups.iter().map(|name| group(name)).collect();
        groups.sort();
        Identity::User(Arc::new(User {
            id: UserId(1),
            name: UserName::parse(name).unwrap(),
            email: String::new(),
            full_name: String::new(),
            superuser: name == "root",
            groups,
            permissions: Vec::new(),
            attributes: BTreeMap::new(),
        }))
    }

    fn members_of(name: &str) -> Requirement {
        Requirement::Matching(Criteria { groups: vec![group(name)], ..Criteria::default() })
    }

    fn rule(text: &str, requirement: Requirement) -> Rule {
        let (methods, path) = text.split_once(' ').map_or((None, text), |(methods, path)| {
            (Some(methods.split(',').map(|method| method.parse().unwrap()).collect()), path)
        });
        let place = Place { file: "test".into(), line: 1, column: 1 };
        Rule {
            pattern: Pattern::parse(path).unwrap(),
            methods,
            requirement,
            max_age: None,
            enforcement: Enforcement::Enforced,
            place,
        }
    }

    fn policy(apps: Vec<(&str, Vec<Rule>)>) -> Policy {
        let mut builder = PolicyBuilder::default();
        for (index, (mount, rules)) in apps.into_iter().enumerate() {
            let place = Place { file: "test".into(), line: index + 1, column: 1 };
            let mount = Mount::parse(mount).unwrap();
            let (app, conflicts) =
                App::compile(AppId(index), mount.as_str(), vec![], mount.clone(), place, rules);
            assert!(conflicts.is_empty());
            builder.add(app);
        }
        builder.build().0
    }

    fn outcome_from(policy: &Policy, request: &str, identity: &Identity, from: &str) -> Option<Outcome> {
        outcome_after(policy, request, identity, from, None)
    }

    fn outcome_after(
        policy: &Policy,
        request: &str,
        identity: &Identity,
        from: &str,
        confirmed: Option<Duration>,
    ) -> Option<Outcome> {
        let (method, path) = request.split_once(' ').unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("host", "localhost".parse().unwrap());
        let uri = path.parse().ok()?;
        let proxies = TrustedProxies::default();
        let target = Target::read(&method, &uri, &headers, from.parse().unwrap(), &proxies).ok()?;
        let app = policy.route(&target).ok()?;
        let told = rule_on(policy, app, identity, confirmed, &target).outcome;
        let decided = match decide(policy, app, identity.clone(), confirmed, target) {
            Decision::Allow(_) => Outcome::Allow,
            Decision::Confirm => Outcome::Confirm,
            Decision::Challenge => Outcome::Challenge,
            Decision::Deny => Outcome::Deny,
        };
        assert_eq!(told, decided, "what is explained is what happens");
        Some(decided)
    }

    fn outcome(policy: &Policy, request: &str, identity: &Identity) -> Option<Outcome> {
        outcome_from(policy, request, identity, "127.0.0.1")
    }

    #[test]
    fn the_most_specific_rule_decides_alone() {
        let policy = policy(vec![(
            "/",
            vec![
                rule("/**", Requirement::Anyone),
                rule("/admin/**", members_of("staff")),
                rule("/admin/health", Requirement::Anyone),
                rule("POST,PUT /docs/**", members_of("staff")),
                rule("GET /get", Requirement::Nobody),
            ],
        )]);
        let nobody = Identity::Anonymous;
        let (alice, bob, root) = (user("alice", &["staff"]), user("bob", &["guests"]), user("root", &[]));
        for (request, identity, expected) in [
            ("GET /", &nobody, Outcome::Allow),
            ("GET /admin", &nobody, Outcome::Challenge),
            ("GET /admin/", &bob, Outcome::Deny),
            ("GET /admin/x", &alice, Outcome::Allow),
            ("GET /admin/x", &root, Outcome::Allow),
            ("GET /administrator", &nobody, Outcome::Allow),
            ("GET /admin/health", &nobody, Outcome::Allow),
            ("GET /docs/x", &nobody, Outcome::Allow),
            ("POST /docs/x", &nobody, Outcome::Challenge),
            ("PUT /docs/x", &bob, Outcome::Deny),
            ("POST /docs/x", &alice, Outcome::Allow),
            ("GET /get", &root, Outcome::Deny),
            ("HEAD /get", &root, Outcome::Deny),
            ("POST /get", &nobody, Outcome::Allow),
        ] {
            assert_eq!(outcome(&policy, request, identity), Some(expected), "{request} {identity:?}");
        }
    }

    #[test]
    fn without_a_rule_being_signed_in_is_required() {
        let policy = policy(vec![("/", vec![])]);
        assert_eq!(outcome(&policy, "GET /", &Identity::Anonymous), Some(Outcome::Challenge));
        assert_eq!(outcome(&policy, "GET /", &user("bob", &[])), Some(Outcome::Allow));
    }

    #[test]
    fn every_key_must_hold_and_any_value_of_it_suffices() {
        let everything = Criteria {
            users: vec![UserName::parse("alice").unwrap(), UserName::parse("bob").unwrap()],
            groups: vec![group("ops"), group("staff")],
            permissions: vec![GrantedPermission {
                permission: Permission::parse("edit").unwrap(),
                granted_by: vec![group("editors")],
            }],
            networks: vec!["10.0.0.0/8".parse().unwrap()],
        };
        let policy = policy(vec![("/", vec![rule("/**", Requirement::Matching(everything))])]);
        let inside = |identity: &Identity| outcome_from(&policy, "GET /", identity, "10.1.2.3").unwrap();
        assert_eq!(inside(&user("alice", &["staff", "editors"])), Outcome::Allow);
        assert_eq!(inside(&user("bob", &["editors", "ops"])), Outcome::Allow);
        assert_eq!(inside(&user("carol", &["staff", "editors"])), Outcome::Deny);
        assert_eq!(inside(&user("alice", &["editors"])), Outcome::Deny);
        assert_eq!(inside(&user("alice", &["staff"])), Outcome::Deny);
        assert_eq!(inside(&Identity::Anonymous), Outcome::Challenge);
        let alice = user("alice", &["staff", "editors"]);
        assert_eq!(outcome_from(&policy, "GET /", &alice, "192.0.2.1"), Some(Outcome::Deny));
    }

    #[test]
    fn a_rule_that_asks_for_a_recent_sign_in_is_met_for_so_long_and_by_superusers_no_longer() {
        let recent =
            |text, requirement| Rule { max_age: Some(Duration::from_mins(10)), ..rule(text, requirement) };
        let policy = policy(vec![(
            "/",
            vec![
                recent("/admin/**", members_of("staff")),
                recent("/pay", Requirement::Authenticated),
                rule("/admin/help", Requirement::Anyone),
            ],
        )]);
        let (alice, bob, root) = (user("alice", &["staff"]), user("bob", &[]), user("root", &[]));
        let mins = |mins| Some(Duration::from_mins(mins));
        for (request, identity, confirmed, expected) in [
            ("GET /admin", &alice, mins(10), Outcome::Allow),
            ("GET /admin", &alice, mins(11), Outcome::Confirm),
            ("GET /admin", &alice, None, Outcome::Confirm),
            ("GET /admin", &root, mins(11), Outcome::Confirm),
            ("GET /admin", &bob, mins(11), Outcome::Deny),
            ("GET /admin", &Identity::Anonymous, None, Outcome::Challenge),
            // Under the strictest reading, as every other requirement.
            ("GET /ADMIN//x", &alice, mins(11), Outcome::Confirm),
            ("GET /pay;x", &bob, mins(11), Outcome::Confirm),
            ("GET /admin/help", &alice, mins(11), Outcome::Allow),
            ("GET /", &alice, None, Outcome::Allow),
        ] {
            let found = outcome_after(&policy, request, identity, "127.0.0.1", confirmed);
            assert_eq!(found, Some(expected), "{request} {identity:?} {confirmed:?}");
        }
    }

    fn reported(rule: Rule) -> Rule {
        Rule { enforcement: Enforcement::Reported, ..rule }
    }

    /// What passes, and what a rule that is not enforced says of it.
    fn unenforced(policy: &Policy, request: &str, identity: &Identity) -> Option<Outcome> {
        let (method, path) = request.split_once(' ').unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("host", "localhost".parse().unwrap());
        let (method, uri) = (method.parse().unwrap(), path.parse().unwrap());
        let from = "127.0.0.1".parse().unwrap();
        let target = Target::read(&method, &uri, &headers, from, &TrustedProxies::default()).unwrap();
        let app = policy.route(&target).unwrap();
        let told = rule_on(policy, app, identity, None, &target).unenforced;
        match decide(policy, app, identity.clone(), None, target) {
            Decision::Allow(permit) => {
                assert_eq!(permit.unenforced(), told.as_ref());
                assert!(!permit.is_public(), "it may be told apart from what anyone may have");
                told.map(|told| told.outcome)
            }
            other => panic!("{request}: {other:?}"),
        }
    }

    #[test]
    fn a_rule_that_is_not_enforced_tells_and_refuses_nobody() {
        let policy = policy(vec![("/", vec![reported(rule("/**", members_of("staff")))])]);
        let (alice, bob) = (user("alice", &["staff"]), user("bob", &[]));
        for path in ["/", "/x", "/X//y", "/x%2fy"] {
            let request = format!("GET {path}");
            assert_eq!(outcome(&policy, &request, &alice), Some(Outcome::Allow), "{path}");
            assert_eq!(
                unenforced(&policy, &request, &Identity::Anonymous),
                Some(Outcome::Challenge),
                "{path}"
            );
            assert_eq!(unenforced(&policy, &request, &bob), Some(Outcome::Deny), "{path}");
            assert_eq!(unenforced(&policy, &request, &alice), None, "{path}");
        }
    }

    #[test]
    fn a_rule_that_is_not_enforced_takes_no_other_rules_word_away() {
        let policy = policy(vec![
            (
                "/",
                vec![
                    rule("/**", Requirement::Authenticated),
                    rule("/admin/**", members_of("staff")),
                    // Stricter, tried out: neither opens what the rule around it closes.
                    reported(rule("/admin/keys", Requirement::Nobody)),
                    reported(rule("/**", members_of("staff"))),
                    // Another case of a path that an enforced rule covers.
                    reported(rule("/ADMIN/logs", Requirement::Anyone)),
                    reported(rule("POST /open/**", Requirement::Anyone)),
                ],
            ),
            ("/Wiki", vec![reported(rule("/Wiki/**", Requirement::Anyone))]),
            ("/wiki", vec![rule("/wiki/**", members_of("staff"))]),
        ]);
        let (alice, bob) = (user("alice", &["staff"]), user("bob", &[]));
        for (request, identity, expected) in [
            ("GET /admin/keys", &Identity::Anonymous, Outcome::Challenge),
            ("GET /admin/keys", &bob, Outcome::Deny),
            ("GET /admin/keys", &alice, Outcome::Allow),
            ("GET /", &Identity::Anonymous, Outcome::Challenge),
            ("GET /", &bob, Outcome::Allow),
            ("GET /ADMIN/logs", &Identity::Anonymous, Outcome::Challenge),
            ("GET /ADMIN/logs", &bob, Outcome::Deny),
            ("POST /open/x", &Identity::Anonymous, Outcome::Challenge),
            ("GET /Wiki/x", &Identity::Anonymous, Outcome::Challenge),
            ("GET /Wiki/x", &bob, Outcome::Deny),
        ] {
            assert_eq!(outcome(&policy, request, identity), Some(expected), "{request} {identity:?}");
        }
        assert_eq!(unenforced(&policy, "GET /admin/keys", &alice), Some(Outcome::Deny));
        assert_eq!(unenforced(&policy, "GET /x", &bob), Some(Outcome::Deny));
        assert_eq!(unenforced(&policy, "GET /x", &alice), None);
    }

    #[test]
    fn the_strictest_reading_decides() {
        let policy = policy(vec![
            (
                "/",
                vec![
                    rule("/**", Requirement::Anyone),
                    rule("/admin/**", members_of("staff")),
                    rule("/exact", Requirement::Nobody),
                    rule("/api/queues/*/get", Requirement::Authenticated),
                ],
            ),
            ("/wiki", vec![rule("/wiki/**", Requirement::Nobody)]),
        ]);
        let nobody = Identity::Anonymous;
        for path in [
            "/ADMIN/x",
            "//admin/x",
            "/%61dmin/x",
            "/x%2f..",
            "/;/admin",
            "/admin;x/y",
            "/x%5c../admin",
            "/admin%2fx",
            "/admin%3fx",
            "/admin%23",
            "/%2561dmin",
            "/admin./x",
            "/admin%20/x",
            "/./admin",
            "/%41DMIN",
            "/admin%252fx",
            "\\admin",
            "/Admin%2Fx",
            "/exact/",
            "/EXACT",
            "/exact;",
            "/exact%20",
            "/Wiki/x",
            "//wiki",
            "/wiki%2fx",
            "/wiki;a/b",
        ] {
            let found = outcome(&policy, &format!("GET {path}"), &nobody);
            assert_ne!(found, Some(Outcome::Allow), "{path}");
        }
        let bob = user("bob", &[]);
        for path in ["/x//y", "/x;y=1/z", "/x%2fy", "/X/", "/api/queues/%2F/get", "/a%20b", "/caf%C3%A9"] {
            assert_eq!(outcome(&policy, &format!("GET {path}"), &bob), Some(Outcome::Allow), "{path}");
        }
    }

    #[test]
    fn the_order_of_rules_means_nothing_and_ties_are_found() {
        let place = || Place { file: "test".into(), line: 1, column: 1 };
        let compile =
            |rules| App::compile(AppId(0), "a", vec![], Mount::parse("/").unwrap(), place(), rules).1.len();
        assert_eq!(compile(vec![rule("/a", Requirement::Anyone), rule("/a", Requirement::Nobody)]), 1);
        assert_eq!(
            compile(vec![rule("GET,PUT /a", Requirement::Anyone), rule("PUT /a", Requirement::Nobody)]),
            1
        );
        assert_eq!(
            compile(vec![rule("GET /a", Requirement::Anyone), rule("PUT /a", Requirement::Nobody)]),
            0
        );
        assert_eq!(compile(vec![rule("GET /a", Requirement::Anyone), rule("/a", Requirement::Nobody)]), 0);
        assert_eq!(compile(vec![rule("/a/*", Requirement::Anyone), rule("/*/a", Requirement::Nobody)]), 0);
    }

    #[test]
    fn the_longest_mount_wins_and_an_unserved_path_has_no_app() {
        let policy = policy(vec![("/wiki", vec![]), ("/wiki/api", vec![rule("/**", Requirement::Anyone)])]);
        assert_eq!(outcome(&policy, "GET /wiki/apis", &Identity::Anonymous), Some(Outcome::Challenge));
        assert_eq!(outcome(&policy, "GET /wiki/api", &Identity::Anonymous), Some(Outcome::Allow));
        assert_eq!(outcome(&policy, "GET /wiki/api/x", &Identity::Anonymous), Some(Outcome::Allow));
        assert_eq!(outcome(&policy, "GET /", &Identity::Anonymous), None);
        assert_eq!(outcome(&policy, "GET /wikis", &Identity::Anonymous), None);
    }

    proptest! {
        /// Whatever the rules that are not enforced say: where an enforced one covers everything, a request
        /// is decided as if they were not there.
        #[test]
        fn rules_that_are_not_enforced_change_no_decision(
            enforced in proptest::sample::subsequence(
                vec![("/x/**", "a"), ("/X/y", "b"), ("/x/*", ""), ("GET /x/y", "c"), ("POST /**", "b"), ("/*/y", "c")],
                0..6,
            ),
            tried in proptest::sample::subsequence(
                vec![("/**", ""), ("/x/**", ""), ("/x/y", "c"), ("GET /x/y", ""), ("/X/**", ""), ("HEAD /*/y", ""), ("/y", "!")],
                0..7,
            ),
            groups in proptest::sample::subsequence(vec!["a", "b", "c"], 0..3),
            method in "GET|POST|HEAD",
            path in "(/[xyX]?){1,3}",
        ) {
            let rules = |rules: &[(&str, &str)]| -> Vec<Rule> {
                let made = rules.iter().map(|(text, name)| match *name {
                    "" => rule(text, Requirement::Anyone),
                    "!" => rule(text, Requirement::Nobody),
                    name => rule(text, members_of(name)),
                });
                made.collect()
            };
            let mut alone = rules(&enforced);
            alone.push(rule("/**", Requirement::Authenticated));
            let mut both = alone.clone();
            both.extend(rules(&tried).into_iter().map(reported));
            let request = format!("{method} {path}");
            for identity in [Identity::Anonymous, user("u", &groups)] {
                let (alone, both) = (policy(vec![("/", alone.clone())]), policy(vec![("/", both.clone())]));
                prop_assert_eq!(outcome(&alone, &request, &identity), outcome(&both, &request, &identity));
            }
        }

        #[test]
        fn more_groups_never_turn_allow_into_deny_and_order_means_nothing(
            mut rules in proptest::sample::subsequence(
                vec![("/**", "a"), ("/x/**", "b"), ("/x/*", ""), ("GET /x/y", "c"), ("/x/y", "a"), ("POST /**", "b"), ("/*/y", "c")],
                0..7,
            ),
            groups in proptest::sample::subsequence(vec!["a", "b", "c"], 0..3),
            method in "GET|POST|HEAD",
            path in "(/[xyX]?){1,3}",
        ) {
            let build = |rules: &[(&str, &str)]| {
                let rules = rules.iter().map(|(text, name)| match *name {
                    "" => rule(text, Requirement::Anyone),
                    name => rule(text, members_of(name)),
                });
                policy(vec![("/", rules.collect())])
            };
            let request = format!("{method} {path}");
            let forward = build(&rules);
            let (few, all) = (user("u", &groups), user("u", &["a", "b", "c"]));
            let with_few = outcome(&forward, &request, &few);
            prop_assert!(outcome(&forward, &request, &all) <= with_few);
            rules.reverse();
            prop_assert_eq!(outcome(&build(&rules), &request, &few), with_few);
        }

        /// The proxy may lie in the network of the rule, and the network may be all there is.
        #[test]
        fn no_rule_that_names_a_network_lets_an_unknown_client_in(
            proxy: std::net::IpAddr,
            others in prop::collection::vec((any::<std::net::IpAddr>(), 0..=32_u8), 0..3),
        ) {
            let network = |(addr, length)| ipnet::IpNet::new(addr, length).unwrap().trunc();
            let mut networks: Vec<_> = others.into_iter().map(network).collect();
            networks.push(proxy.into());
            let criteria = Criteria { networks, groups: vec![group("staff")], ..Criteria::default() };
            let (requirement, alice) = (Requirement::Matching(criteria), user("alice", &["staff"]));
            let known = requirement.met_by(&alice, ClientAddr::Known(proxy));
            prop_assert!(matches!(known, Met::Yes(_)));
            let unknown = requirement.met_by(&alice, ClientAddr::Unknown { proxy });
            prop_assert!(matches!(unknown, Met::No(_)));
        }
    }
}
