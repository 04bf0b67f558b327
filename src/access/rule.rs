//! One rule: a pattern, methods, and what is required.

use std::fmt;

use http::Method;
use ipnet::IpNet;

use super::{Assurance, Pattern};
use crate::{
    identity::{GroupName, Identity, Permission, User, UserName},
    request::ClientAddr,
};

/// A location in the configuration file: line and column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceLocation {
    /// The file's name, as it was given.
    pub file: std::sync::Arc<str>,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

/// One rule: a requirement for some paths and methods.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The paths it covers, from the host's root.
    pub pattern: Pattern,
    /// The methods it covers; all, if `None`. `GET` covers `HEAD` where no rule names `HEAD`.
    pub methods: Option<Box<[Method]>>,
    /// The requirement.
    pub requirement: Requirement,
    /// The assurance that it asks for from those who meet the requirement.
    pub assurance: Assurance,
    /// Whether its refusals happen or are only reported.
    pub enforcement: Enforcement,
    /// Its place in the configuration.
    pub place: SourceLocation,
}

/// The effect of a rule's refusals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Enforcement {
    /// Requests are refused.
    #[default]
    Enforced,
    /// Refusals are logged, and the request is decided as if the rule did not exist; where no other rule covers it, it
    /// passes.
    Reported,
}

/// The requirement of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// None: anyone may.
    Anyone,
    /// A user who is signed in.
    Authenticated,
    /// No request passes, superusers included.
    Nobody,
    /// A signed-in user who meets all of these.
    Matching(Criteria),
}

/// Every list that is not empty must be met by one of its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Criteria {
    /// One of these users.
    pub users: Vec<UserName>,
    /// A member of one of these groups.
    pub groups: Vec<GroupName>,
    /// One of these permissions, directly or through a group.
    pub permissions: Vec<GrantedPermission>,
    /// From one of these networks.
    pub networks: Vec<IpNet>,
}

/// A permission, and the groups that stand for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedPermission {
    /// Its codename.
    pub permission: Permission,
    /// The groups whose members have it.
    pub granted_by: Vec<GroupName>,
}

/// Whether a request meets a requirement, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    Yes(&'static str),
    NotSignedIn,
    No(&'static str),
}

impl Rule {
    /// True if its refusals happen.
    pub fn is_enforced(&self) -> bool {
        self.enforcement == Enforcement::Enforced
    }

    /// How specifically it names a method; `None`: it does not cover the method.
    pub(super) fn names(&self, method: &Method) -> Option<Naming> {
        match &self.methods {
            None => Some(Naming::Any),
            Some(methods) if methods.contains(method) => Some(Naming::Exact),
            Some(methods) if *method == Method::HEAD && methods.contains(&Method::GET) => {
                Some(Naming::HeadAsGet)
            }
            Some(_) => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Naming {
    Any,
    HeadAsGet,
    Exact,
}

impl Requirement {
    pub(super) fn met_by(&self, identity: &Identity, client_addr: ClientAddr) -> Met {
        match (self, identity.user()) {
            (Self::Anyone, _) => Met::Yes("anyone may"),
            (Self::Nobody, _) => Met::No("nobody may"),
            (_, None) => Met::NotSignedIn,
            (_, Some(user)) if user.superuser => Met::Yes("a superuser may"),
            (Self::Authenticated, Some(_)) => Met::Yes("whoever is signed in may"),
            (Self::Matching(criteria), Some(user)) => criteria.met_by(user, client_addr),
        }
    }
}

impl Requirement {
    /// True if a preflight from this address may pass: the user of its browser could meet the requirement.
    pub(super) fn lets_ask_from(&self, client_addr: ClientAddr) -> bool {
        match self {
            Self::Anyone | Self::Authenticated => true,
            Self::Nobody => false,
            Self::Matching(Criteria { networks, .. }) => {
                let is_in = |addr| networks.iter().any(|network| network.contains(&addr));
                networks.is_empty() || client_addr.known().is_some_and(is_in)
            }
        }
    }
}

impl Criteria {
    fn met_by(&self, user: &User, client_addr: ClientAddr) -> Met {
        if !self.users.is_empty() && !self.users.contains(&user.name) {
            return Met::No("another user is required");
        }
        if !self.groups.is_empty() && !self.groups.iter().any(|group| is_member(user, group)) {
            return Met::No("membership of a group is missing");
        }
        if !self.permissions.is_empty() && !self.permissions.iter().any(|wanted| wanted.is_held_by(user)) {
            return Met::No("a permission is missing");
        }
        if !self.networks.is_empty() {
            let Some(addr) = client_addr.known() else {
                return Met::No("the client's address is not known, and a network is required");
            };
            if !self.networks.iter().any(|network| network.contains(&addr)) {
                return Met::No("the client's address is outside the required network");
            }
        }
        Met::Yes("all that is required holds")
    }
}

impl GrantedPermission {
    fn is_held_by(&self, user: &User) -> bool {
        user.permissions.binary_search(&self.permission).is_ok()
            || self.granted_by.iter().any(|group| is_member(user, group))
    }
}

fn is_member(user: &User, group: &GroupName) -> bool {
    user.groups.binary_search(group).is_ok()
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// In words, for the table of `portcullis check`: a table of requirements asks for a signed-in user, too.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => f.pad("anyone"),
            Self::Authenticated => f.pad("signed in"),
            Self::Nobody => f.pad("nobody"),
            Self::Matching(criteria) => f.pad(&format!("signed in: {criteria}")),
        }
    }
}

impl fmt::Display for Criteria {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        let mut list = |what: &str, values: Vec<String>| {
            if !values.is_empty() {
                parts.push(format!("{what} {}", values.join(" or ")));
            }
        };
        list("user", self.users.iter().map(ToString::to_string).collect());
        list("group", self.groups.iter().map(ToString::to_string).collect());
        list("permission", self.permissions.iter().map(|wanted| wanted.permission.to_string()).collect());
        list("network", self.networks.iter().map(ToString::to_string).collect());
        f.write_str(&parts.join(" and "))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(methods) = &self.methods {
            let methods: Vec<&str> = methods.iter().map(Method::as_str).collect();
            write!(f, "{} ", methods.join(","))?;
        }
        self.pattern.fmt(f)
    }
}
