//! All apps and their rules, compiled.

use std::{borrow::Cow, collections::HashMap};

use foldhash::fast::RandomState;
use http::Method;

use super::{Mount, Pattern, Requirement, Rule, SourceLocation, folded_trie::FoldedTrie, rule::Naming};
use crate::request::{Folding, NormalPath, Segments, Target};

/// The number of an app: its place in the configuration, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppId(pub usize);

/// An app as the rules see it.
#[derive(Clone, Debug)]
pub struct App {
    /// Its number.
    pub id: AppId,
    /// Its name, for people and logs.
    pub name: Box<str>,
    /// The hosts it serves, canonical; none: every host.
    pub hosts: Vec<Box<str>>,
    /// The path below which its requests lie.
    pub mount: Mount,
    /// Its place in the configuration.
    pub place: SourceLocation,
    rules: Vec<Rule>,
    trie: FoldedTrie<usize>,
}

/// The rules of an app among which the deciding one is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RuleSelection {
    /// All of them.
    All,
    /// Rules whose refusals happen; rules that are only reported are left out.
    Enforced,
}

/// The compiled rules of all apps; immutable.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    apps: Vec<App>,
    /// Looked up with every request; its keys are the operator's, so that no client can choose them to collide.
    hosts: HashMap<Box<str>, Site, RandomState>,
    any_host: Option<Site>,
    /// True if folding of case or a trailing slash makes a difference to any rule or mount.
    folds: bool,
}

/// The apps of one host, by where they begin.
#[derive(Clone, Debug, Default)]
struct Site {
    trie: FoldedTrie<AppId>,
}

/// Collects apps, and finds rules and apps that contradict each other.
#[derive(Debug, Default)]
pub struct PolicyBuilder {
    apps: Vec<App>,
    served: Vec<Box<str>>,
}

/// Two rules of an app of which neither is more specific.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// Where the first stands.
    pub first: SourceLocation,
    /// Where the second stands.
    pub second: SourceLocation,
    /// A path that both cover.
    pub covers: String,
}

/// Two apps at one place.
#[derive(Clone, Debug)]
pub struct Duplicate {
    /// Where the first stands.
    pub first: SourceLocation,
    /// Where the second stands.
    pub second: SourceLocation,
    /// The host, if it is not every host.
    pub host: Option<Box<str>>,
    /// Where both begin.
    pub mount: Mount,
}

/// Why a request belongs to no app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrouted {
    /// No app serves this host.
    UnknownHost,
    /// The host is served, this path is not.
    NoApp,
}

impl App {
    /// An app and its rules; tells which of them tie.
    pub fn compile(
        id: AppId,
        name: &str,
        hosts: Vec<Box<str>>,
        mount: Mount,
        place: SourceLocation,
        rules: Vec<Rule>,
    ) -> (Self, Vec<Conflict>) {
        let conflicts = conflicts(&rules);
        let mut trie = FoldedTrie::default();
        for (index, rule) in rules.iter().enumerate() {
            trie.insert(&rule.pattern, index);
        }
        (Self { id, name: name.into(), hosts, mount, place, rules, trie }, conflicts)
    }

    /// Its rules, as configured.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Rules that no request can reach, because they lie outside the app.
    pub fn unreachable_rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| !self.mount.is_reached_by(&rule.pattern))
    }

    /// True if some request reaches the app's default, because no rule for every method covers all paths.
    pub fn has_default(&self) -> bool {
        !self.rules.iter().any(|rule| {
            rule.methods.is_none()
                && (rule.pattern == self.mount.below() || rule.pattern == Mount::root().below())
        })
    }

    /// The rule that decides the plain reading; `None`: no rule matches, so being signed in decides.
    ///
    /// Two rules may differ in nothing but whether they are enforced. The one that is not enforced is found: it decides
    /// what is reported, and the other one decides what happens.
    pub(super) fn deciding(
        &self,
        segments: Segments<'_>,
        method: &Method,
        among: RuleSelection,
    ) -> Option<&Rule> {
        let as_written = self.trie.under(Folding::default());
        let found = as_written.find(segments, &|rule| self.names(*rule, method, among).is_some())?;
        // Two rules that name the method alike would be a conflict, so the best is the only one.
        let best = found
            .iter()
            .filter_map(|rule| Some((self.names(*rule, method, among)?, self.rules.get(*rule)?)))
            .max_by_key(|(naming, rule)| (*naming, !rule.is_enforced()));
        best.map(|(_, rule)| rule)
    }

    /// The rules that decide a reading for which this was ignored. Two that were different as written can
    /// fall together here; then all of them must allow.
    pub(super) fn deciding_folded<'a>(
        &'a self,
        folding: Folding,
        folded: &str,
        method: &Method,
        among: RuleSelection,
    ) -> impl Iterator<Item = &'a Rule> + use<'a> {
        let found = self
            .trie
            .under(folding)
            .find(Segments::of(folded), &|rule| self.names(*rule, method, among).is_some())
            .unwrap_or_default();
        let best = found.iter().filter_map(|rule| self.names(*rule, method, among)).max();
        let method = method.clone();
        found
            .iter()
            .copied()
            .filter(move |rule| self.names(*rule, &method, among).is_some_and(|naming| Some(naming) == best))
            .filter_map(|rule| self.rules.get(rule))
    }

    /// The rules for something within a folder with this path, in any reading.
    pub(super) fn rules_within(&self, path: &NormalPath, method: &Method) -> impl Iterator<Item = &Rule> {
        let is_within = |rule: &&Rule| path.readings().any(|reading| rule.pattern.is_within(reading));
        self.rules.iter().filter(move |rule| rule.names(method).is_some()).filter(is_within)
    }

    /// True if folding of case or a trailing slash can matter for this path.
    pub(super) fn folds(&self, path: &NormalPath) -> bool {
        self.trie.folds() || path.folds()
    }

    fn names(&self, rule: usize, method: &Method, among: RuleSelection) -> Option<Naming> {
        let rule = self.rules.get(rule).filter(|rule| among == RuleSelection::All || rule.is_enforced());
        rule.and_then(|rule| rule.names(method))
    }
}

fn conflicts(rules: &[Rule]) -> Vec<Conflict> {
    let mut by_pattern: HashMap<&Pattern, Vec<&Rule>> = HashMap::new();
    let mut conflicts = Vec::new();
    for rule in rules {
        let others = by_pattern.entry(&rule.pattern).or_default();
        // A rule that is tried out may stand beside the one that it is to replace.
        for other in others.iter().filter(|other| other.enforcement == rule.enforcement) {
            let covers = match (&other.methods, &rule.methods) {
                (None, None) => Some(rule.pattern.to_string()),
                (Some(first), Some(second)) => second
                    .iter()
                    .find(|method| first.contains(method))
                    .map(|method| format!("{method} {}", rule.pattern)),
                _ => None,
            };
            if let Some(covers) = covers {
                conflicts.push(Conflict { first: other.place.clone(), second: rule.place.clone(), covers });
            }
        }
        others.push(rule);
    }
    conflicts
}

impl PolicyBuilder {
    /// Adds an app.
    pub fn add(&mut self, app: App) {
        self.apps.push(app);
    }

    /// Serves a host, with or without an app.
    pub fn serve(&mut self, host: &str) {
        self.served.push(host.into());
    }

    /// The policy, and which apps lie at one place.
    pub fn build(self) -> (Policy, Vec<Duplicate>) {
        let mut duplicates = Vec::new();
        let mut taken: HashMap<(Option<&str>, &Mount), &App> = HashMap::new();
        let mut hosts: HashMap<Box<str>, Site, RandomState> = HashMap::default();
        let mut any_host: Option<Site> = None;
        for app in &self.apps {
            let served: Vec<Option<&str>> = match app.hosts.as_slice() {
                [] => vec![None],
                hosts => hosts.iter().map(|host| Some(&**host)).collect(),
            };
            for host in served {
                if let Some(first) = taken.insert((host, &app.mount), app) {
                    duplicates.push(Duplicate {
                        first: first.place.clone(),
                        second: app.place.clone(),
                        host: host.map(Into::into),
                        mount: app.mount.clone(),
                    });
                }
            }
        }
        for host in &self.served {
            hosts.entry(host.clone()).or_default();
        }
        for ((host, mount), app) in &taken {
            match host {
                Some(host) => hosts.entry((*host).into()).or_default().add(mount, app.id),
                None => any_host.get_or_insert_default().add(mount, app.id),
            }
        }
        // An app for every host serves the named hosts too, where they have none of their own.
        for ((host, mount), app) in &taken {
            if host.is_none() {
                for (name, site) in &mut hosts {
                    if !taken.contains_key(&(Some(&**name), *mount)) {
                        site.add(mount, app.id);
                    }
                }
            }
        }
        let folds = self.apps.iter().any(|app| app.trie.folds())
            || hosts.values().chain(&any_host).any(|site| site.trie.folds());
        (Policy { hosts, any_host, apps: self.apps, folds }, duplicates)
    }

    /// Rules whose every path belongs to an app that begins further down.
    pub fn shadowed_rules(&self) -> Vec<(&Rule, &App)> {
        let mut shadowed = Vec::new();
        for app in &self.apps {
            for other in &self.apps {
                let everywhere = other.hosts.is_empty()
                    || (!app.hosts.is_empty() && app.hosts.iter().all(|host| other.hosts.contains(host)));
                if app.id != other.id
                    && everywhere
                    && app.mount != other.mount
                    && app.mount.holds(&other.mount)
                {
                    let hidden = app.rules.iter().filter(|rule| other.mount.contains(&rule.pattern));
                    shadowed.extend(hidden.map(|rule| (rule, other)));
                }
            }
        }
        shadowed
    }
}

impl Site {
    fn add(&mut self, mount: &Mount, app: AppId) {
        self.trie.insert(&mount.below(), app);
    }
}

impl Policy {
    /// The apps, in the order of the configuration.
    pub fn apps(&self) -> &[App] {
        &self.apps
    }

    /// True if any app serves this host.
    pub fn serves(&self, host: &str) -> bool {
        self.site(host).is_some()
    }

    /// The app that a request belongs to: by host, then by the longest path.
    pub fn route(&self, target: &Target) -> Result<&App, Unrouted> {
        self.route_path(target.authority.host(), &target.path)
    }

    /// The app that a path of this host belongs to.
    pub(super) fn route_path(&self, host: &str, path: &NormalPath) -> Result<&App, Unrouted> {
        let site = self.site(host).ok_or(Unrouted::UnknownHost)?;
        let as_written = site.trie.under(Folding::default());
        let found = as_written.find(path.segments(), &|_| true).and_then(|apps| apps.first());
        found.and_then(|id| self.app(*id)).ok_or(Unrouted::NoApp)
    }

    /// Every app that the request would belong to under another reading of its path; none, if there is but one
    /// reading. The same upstream may stand behind two apps, so what one of them asks for has to hold, too.
    pub fn routes_read_otherwise(&self, target: &Target) -> Vec<&App> {
        let host = target.authority.host();
        if !target.path.folds() && !self.mounts_fold(host) {
            return Vec::new();
        }
        let readings = self.readings(&target.path);
        readings
            .flat_map(|(folding, reading)| self.routes_folded(host, folding, &reading).collect::<Vec<_>>())
            .collect()
    }

    /// Every reading of a path in every way to compare it, those among them in which the long names of the rules stand
    /// for short ones; see [`NormalPath::folded_readings`].
    pub(super) fn readings<'p>(
        &self,
        path: &'p NormalPath,
    ) -> impl Iterator<Item = (Folding, Cow<'p, str>)> + use<'p> {
        let mut spelt_out = Vec::new();
        if path.has_short_names() {
            spelt_out.extend(path.readings().flat_map(|reading| self.spelt_out(reading)));
            spelt_out.sort_unstable();
            spelt_out.dedup();
        }
        let spelt_out = spelt_out.into_iter().flat_map(|long| {
            Folding::ALL.map(|folding| (folding, Cow::Owned(folding.of(&long).into_owned())))
        });
        path.folded_readings(self.folds).chain(spelt_out)
    }

    /// The paths that a path with short names may stand for, of those that a rule or an app knows by their long names.
    fn spelt_out(&self, reading: &str) -> Vec<String> {
        let patterns = self.apps.iter().flat_map(|app| {
            let mount = app.mount.below();
            std::iter::once(mount).chain(app.rules.iter().map(|rule| rule.pattern.clone()))
        });
        patterns.filter_map(|pattern| pattern.spell_out(reading)).collect()
    }

    /// The apps to which the same request could be taken to belong under another reading.
    pub(super) fn routes_folded(
        &self,
        host: &str,
        folding: Folding,
        folded: &str,
    ) -> impl Iterator<Item = &App> + use<'_> {
        let trie = self.site(host).map(|site| site.trie.under(folding));
        let found = trie.and_then(|trie| trie.find(Segments::of(folded), &|_| true));
        found.unwrap_or_default().iter().filter_map(|id| self.app(*id))
    }

    /// True if folding of case can make a difference to the app that a path of this host belongs to.
    pub(super) fn mounts_fold(&self, host: &str) -> bool {
        self.folds && self.site(host).is_some_and(|site| site.trie.folds())
    }

    fn site(&self, host: &str) -> Option<&Site> {
        self.hosts.get(host).or(self.any_host.as_ref())
    }

    fn app(&self, id: AppId) -> Option<&App> {
        self.apps.get(id.0)
    }
}

/// The requirement where no rule matches: a path is public only if a rule makes it so.
pub(super) const DEFAULT: Requirement = Requirement::Authenticated;
