//! Decisions in tables; each is the one that is explained, too.

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use proptest::prelude::*;

use super::{
    super::{
        Assurance, Criteria, Enforcement, GrantedPermission, Mount, Pattern, PolicyBuilder, Requirement,
        SourceLocation, rule::Met,
    },
    *,
};
use crate::{
    identity::{GroupName, Permission, ProofMethods, UserId, UserName},
    request::ClientAddr,
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
    let place = SourceLocation { file: "test".into(), line: 1, column: 1 };
    Rule {
        pattern: Pattern::parse(path).unwrap(),
        methods,
        requirement,
        assurance: Assurance::default(),
        enforcement: Enforcement::Enforced,
        place,
    }
}

fn policy(apps: Vec<(&str, Vec<Rule>)>) -> Policy {
    let mut builder = PolicyBuilder::default();
    for (index, (mount, rules)) in apps.into_iter().enumerate() {
        let place = SourceLocation { file: "test".into(), line: index + 1, column: 1 };
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
    let from = ClientAddr::Known(from.parse().unwrap());
    let target = Target::described(&method, &format!("https://localhost{path}"), from).ok()?;
    let app = policy.route(&target).ok()?;
    let now = Timestamp::from_millis(1_700_000_000_000);
    let proofs = confirmed.map_or_else(Proofs::default, |ago| Proofs::password(now - ago));
    let explained = rule_on(policy, app, identity, &proofs, now, &target).outcome;
    let decided = match decide(policy, app, identity.clone(), &proofs, now, target) {
        Decision::Allow(_) => Outcome::Allow,
        Decision::StepUp(missing) => Outcome::StepUp(missing),
        Decision::Challenge => Outcome::Challenge,
        Decision::Deny => Outcome::Deny,
    };
    assert_eq!(explained, decided, "what is explained is what happens");
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
    let recent = |text, requirement| Rule {
        assurance: Assurance { max_age: Some(TEN_MINUTES), factors: None },
        ..rule(text, requirement)
    };
    let policy = policy(vec![(
        "/",
        vec![
            recent("/admin/**", members_of("staff")),
            recent("/pay", Requirement::Authenticated),
            rule("/admin/help", Requirement::Anyone),
            Rule {
                assurance: Assurance { max_age: Some(AN_HOUR), factors: None },
                ..rule("/slow/**", Requirement::Authenticated)
            },
            recent("/slow/fast", Requirement::Authenticated),
        ],
    )]);
    let (alice, bob, root) = (user("alice", &["staff"]), user("bob", &[]), user("root", &[]));
    let mins = |mins| Some(Duration::from_mins(mins));
    for (request, identity, confirmed, expected) in [
        ("GET /admin", &alice, mins(10), Outcome::Allow),
        ("GET /admin", &alice, mins(11), STEP_UP),
        ("GET /admin", &alice, None, STEP_UP),
        ("GET /admin", &root, mins(11), STEP_UP),
        ("GET /admin", &bob, mins(11), Outcome::Deny),
        ("GET /admin", &Identity::Anonymous, None, Outcome::Challenge),
        // Under the strictest reading, as every other requirement.
        ("GET /ADMIN//x", &alice, mins(11), STEP_UP),
        ("GET /pay;x", &bob, mins(11), STEP_UP),
        // The one of two that asks for more.
        ("GET /slow/FAST", &bob, mins(61), STEP_UP),
        ("GET /admin/help", &alice, mins(11), Outcome::Allow),
        ("GET /", &alice, None, Outcome::Allow),
    ] {
        let found = outcome_after(&policy, request, identity, "127.0.0.1", confirmed);
        assert_eq!(found, Some(expected), "{request} {identity:?} {confirmed:?}");
    }
}

const TEN_MINUTES: Duration = Duration::from_mins(10);
const AN_HOUR: Duration = Duration::from_hours(1);
const STEP_UP: Outcome = Outcome::StepUp(Missing { methods: ProofMethods::ALL, max_age: Some(TEN_MINUTES) });

fn reported(rule: Rule) -> Rule {
    Rule { enforcement: Enforcement::Reported, ..rule }
}

/// The decision of an unenforced rule on a request that passes.
fn unenforced(policy: &Policy, request: &str, identity: &Identity) -> Option<Outcome> {
    let (method, path) = request.split_once(' ').unwrap();
    let from = ClientAddr::Known("127.0.0.1".parse().unwrap());
    let url = format!("https://localhost{path}");
    let target = Target::described(&method.parse().unwrap(), &url, from).unwrap();
    let app = policy.route(&target).unwrap();
    let (proofs, now) = (Proofs::default(), Timestamp::from_millis(0));
    let explained = rule_on(policy, app, identity, &proofs, now, &target).unenforced;
    match decide(policy, app, identity.clone(), &proofs, now, target) {
        Decision::Allow(permit) => {
            assert_eq!(permit.unenforced(), explained.as_ref());
            assert!(!permit.is_public(), "its response may differ from the one that anyone may have");
            explained.map(|unenforced| unenforced.outcome)
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
        assert_eq!(unenforced(&policy, &request, &Identity::Anonymous), Some(Outcome::Challenge), "{path}");
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
    let place = || SourceLocation { file: "test".into(), line: 1, column: 1 };
    let compile =
        |rules| App::compile(AppId(0), "a", vec![], Mount::parse("/").unwrap(), place(), rules).1.len();
    assert_eq!(compile(vec![rule("/a", Requirement::Anyone), rule("/a", Requirement::Nobody)]), 1);
    assert_eq!(
        compile(vec![rule("GET,PUT /a", Requirement::Anyone), rule("PUT /a", Requirement::Nobody)]),
        1
    );
    assert_eq!(compile(vec![rule("GET /a", Requirement::Anyone), rule("PUT /a", Requirement::Nobody)]), 0);
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
