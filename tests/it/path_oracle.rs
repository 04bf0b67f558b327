//! A second, slow reading of the rules, to hold the gateway's decisions against.
//!
//! The rules are read as an upstream compares paths: if it ignores case, so do they. Used by the tests of
//! `paths` and by the fuzz target `decision`.

use std::{collections::BTreeMap, net::Ipv4Addr, path::Path, sync::Arc};

use http::{HeaderMap, Method, Uri};
use portcullis::{
    access::{Decision, Policy, decide},
    clock::Timestamp,
    config,
    identity::{GroupName, Identity, Proofs, User, UserId, UserName},
    request::{Target, TrustedProxies},
};

use crate::upstream_models::{MODELS, Served};

/// The requirement of a rule, as in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allow {
    Anyone,
    SignedIn,
    Staff,
}

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Nobody,
    Bob,
    AliceOfStaff,
}

impl Allow {
    fn admits(self, who: Who) -> bool {
        match self {
            Self::Anyone => true,
            Self::SignedIn => who != Who::Nobody,
            Self::Staff => who == Who::AliceOfStaff,
        }
    }
}

/// Patterns as in the file.
pub type Rules = Vec<(String, Allow)>;

/// The rules, through the configuration, as the gateway has them.
pub fn policy(rules: &Rules) -> Policy {
    let mut text = "[groups]\nstaff = []\n[[app]]\nupstream = \"http://127.0.0.1:1\"\n".to_owned();
    for (pattern, allow) in rules {
        let allow = match allow {
            Allow::Anyone => "\"anyone\"",
            Allow::SignedIn => "\"authenticated\"",
            Allow::Staff => "{ group = \"staff\" }",
        };
        text += &format!("[[app.rule]]\npath = {pattern:?}\nallow = {allow}\n");
    }
    let loaded = config::parse(&text, Path::new("gateway.toml"));
    loaded
        .unwrap_or_else(|mistakes| panic!("{}", config::ConfigError::Invalid(mistakes)))
        .configuration
        .policy
}

fn identity(who: Who) -> Identity {
    let (name, groups): (_, &[&str]) = match who {
        Who::Nobody => return Identity::Anonymous,
        Who::Bob => ("bob", &[]),
        Who::AliceOfStaff => ("alice", &["staff"]),
    };
    Identity::User(Arc::new(User {
        id: UserId(1),
        name: UserName::parse(name).unwrap(),
        email: String::new(),
        full_name: String::new(),
        superuser: false,
        groups: groups.iter().map(|group| GroupName::parse(group).unwrap()).collect(),
        permissions: Vec::new(),
        attributes: BTreeMap::new(),
    }))
}

/// Whether the gateway lets it through, and which path it sends.
pub fn let_through(policy: &Policy, who: Who, path: &str) -> Option<String> {
    let uri = Uri::try_from(path).ok()?;
    let headers = HeaderMap::from_iter([(http::header::HOST, "localhost".parse().unwrap())]);
    let peer = Ipv4Addr::LOCALHOST.into();
    let target = Target::read(&Method::GET, &uri, &headers, peer, &TrustedProxies::default()).ok()?;
    let app = policy.route(&target).ok()?;
    match decide(policy, app, identity(who), &Proofs::default(), Timestamp::from_millis(0), target) {
        Decision::Allow(permit) => Some(permit.target().path_and_query().as_str().to_owned()),
        _ => None,
    }
}

/// Whether the rules, read as this upstream compares paths, admit somebody to what it serves.
fn admitted(rules: &Rules, who: Who, served: &Served, (case, slash): (bool, bool)) -> bool {
    let fold = |text: &str| {
        let text = if case { text.to_uppercase().to_lowercase() } else { text.to_owned() };
        let trimmed = text.trim_end_matches('/');
        if slash && text.len() > 1 { if trimmed.is_empty() { "/" } else { trimmed }.to_owned() } else { text }
    };
    let deciding = |path: &str| -> Vec<(String, Allow)> {
        let path = fold(path);
        let matching = rules.iter().filter(|(pattern, _)| covers(&fold(pattern), &path));
        let ranked: Vec<_> = matching.map(|rule| (rank(&fold(&rule.0)), rule.clone())).collect();
        let best = ranked.iter().map(|(rank, _)| rank.clone()).max();
        ranked.into_iter().filter(|(rank, _)| Some(rank) == best.as_ref()).map(|(_, rule)| rule).collect()
    };
    let admits = |deciding: &[(String, Allow)]| match deciding {
        [] => Allow::SignedIn.admits(who),
        deciding => deciding.iter().all(|(_, allow)| allow.admits(who)),
    };
    match served {
        Served::Path(path) => admits(&deciding(path)),
        // A rule for a path behind a script is taken to mean it.
        Served::Script { script, whole } => {
            let of_whole = deciding(whole);
            let knows = of_whole.iter().any(|(pattern, _)| {
                let place = script.matches('/').count();
                let segment = pattern.split('/').nth(place).unwrap_or_default();
                !segment.contains('*') && pattern.split('/').count() > place + 1
            });
            if knows { admits(&of_whole) } else { admits(&deciding(script)) }
        }
    }
}

/// By the words of the documentation, segment by segment.
fn covers(pattern: &str, path: &str) -> bool {
    let mut path = path.split('/').skip(1);
    for segment in pattern.split('/').skip(1) {
        match (segment, path.next()) {
            ("**", _) => return true,
            ("*", Some(name)) if !name.is_empty() => {}
            (literal, Some(name)) if literal == name => {}
            _ => return false,
        }
    }
    path.next().is_none()
}

/// A literal beats `*` beats `**`.
fn rank(pattern: &str) -> Vec<u8> {
    let ranks = pattern.split('/').skip(1).map(|segment| match segment {
        "**" => 0,
        "*" => 1,
        _ => 2,
    });
    ranks.chain([3]).collect()
}

/// Panics if somebody is let through to what one of the models would serve, and the rules protect. Whether somebody
/// was let through.
#[track_caller]
pub fn holds(policy: &Policy, rules: &Rules, who: Who, path: &str) -> bool {
    let Some(sent) = let_through(policy, who, path) else { return false };
    assert_eq!(sent, path, "what is forwarded is what was judged");
    let sent = sent.split('?').next().unwrap();
    for model in MODELS {
        for served in model.serves(sent) {
            let way = (model.ignores_case, model.ignores_slash);
            assert!(
                admitted(rules, who, &served, way),
                "{who:?} was let through to {path}, which is {served:?} to {}; {rules:?}",
                model.name
            );
        }
    }
    true
}
