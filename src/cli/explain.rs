//! `portcullis explain`: what would become of a request, and why.
//!
//! Reads the request as the gateway does and asks the same functions
//! ([`Target::read`], [`Policy::route`](crate::access::Policy::route),
//! [`rule_on`]), so what it says is what happens. The path is taken byte for
//! byte as it was typed: what a browser would tidy up first is seen as an
//! attacker would send it.

use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr},
    path::Path,
    time::Duration,
};

use http::{HeaderMap, HeaderValue, Method, Uri, header::HOST};
use serde::Serialize;

use super::requires;
use crate::{
    access::{App, Decision, Outcome, Reading, Requirement, Rule, Ruling, Unrouted, decide, rule_on},
    clock::Clock,
    config::{self, ConfigError, Configuration},
    forward,
    identity::{GroupName, Identity, InvalidName, UserName},
    portal,
    request::{Malformed, NormalPath, Ports, RequestId, Target},
    users::{StoreError, UserStore},
};

/// What is asked.
#[derive(Clone, Debug, clap::Args)]
pub struct ExplainArgs {
    /// Method of the request, such as GET
    pub method: String,
    /// Its whole URL, such as `https://wiki.example.com/admin/`
    pub url: String,
    /// Who is signed in
    #[arg(long, value_name = "NAME", conflicts_with = "anonymous")]
    pub user: Option<String>,
    /// Nobody is signed in (the default)
    #[arg(long)]
    pub anonymous: bool,
    /// Address that the request comes from
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub from: IpAddr,
    /// How long ago the user signed in, or confirmed the password, such as 20m (without it: just now)
    #[arg(long, value_name = "TIME", value_parser = config::parse_duration, requires = "user")]
    pub age: Option<Duration>,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The configuration cannot be used.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The name is none.
    #[error("no user can be called {name:?}: {why}")]
    Name {
        /// What was typed.
        name: String,
        /// What is wrong with it.
        why: InvalidName,
    },
    /// Nobody has that name.
    #[error("there is no user {0}; `portcullis user list` shows who there is")]
    UnknownUser(UserName),
    /// The URL is none that a browser could ask for.
    #[error("cannot read the URL {0:?}: write all of it, such as https://wiki.example.com/admin/")]
    Url(String),
    /// The method is none.
    #[error("cannot read the method {0:?}: write one such as GET")]
    Method(String),
    /// Standard output is closed.
    #[error("writing the answer: {0}")]
    Write(#[from] io::Error),
}

/// Explains what the configuration at `path` makes of a request.
pub fn run(args: &ExplainArgs, path: &Path, clock: Clock, out: &mut dyn Write) -> Result<(), ExplainError> {
    let configuration = config::load(path)?.configuration;
    let asking = asking(args, &configuration, clock)?;
    let explanation = explain(args, &configuration, &asking)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &explanation).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write_text(&explanation, out)?;
    }
    Ok(())
}

/// What becomes of a request; absent is what it did not get to.
#[derive(Debug, Serialize)]
struct Explanation {
    method: String,
    url: String,
    from: IpAddr,
    user: Option<UserName>,
    /// What else there is to say of who asks, and how.
    notes: Vec<String>,
    superuser: bool,
    groups: Vec<GroupName>,
    /// The path, decoded once.
    path: Option<String>,
    segments: Vec<String>,
    readings: Vec<ReadingTold>,
    app: Option<AppTold>,
    rule: Option<RuleTold>,
    decision: DecisionTold,
    reason: String,
    /// What a rule that is not enforced would have made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_enforced: Option<UnenforcedTold>,
    headers: Vec<HeaderTold>,
}

#[derive(Debug, Serialize)]
struct AppTold {
    name: String,
    path: String,
    upstreams: Vec<String>,
    place: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct RuleTold {
    covers: String,
    requires: String,
    /// `None`: no rule matches, the default decides.
    place: Option<String>,
}

/// Another text that an upstream could take the path for, and what decides it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct ReadingTold {
    path: String,
    app: String,
    rule: RuleTold,
}

#[derive(Debug, Serialize)]
struct UnenforcedTold {
    decision: DecisionTold,
    place: String,
    reason: &'static str,
}

#[derive(Debug, Serialize)]
struct HeaderTold {
    name: String,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum DecisionTold {
    Allow,
    ConfirmFirst,
    SignInFirst,
    Forbidden,
    GatewayPage,
    NotFound,
    BadRequest,
    UnknownHost,
}

/// Who asks, and what is to be said about that.
struct Asking {
    name: Option<UserName>,
    identity: Identity,
    notes: Vec<String>,
}

fn asking(args: &ExplainArgs, configuration: &Configuration, clock: Clock) -> Result<Asking, ExplainError> {
    let Some(typed) = &args.user else {
        return Ok(Asking { name: None, identity: Identity::Anonymous, notes: Vec::new() });
    };
    let name = UserName::parse(typed).map_err(|why| ExplainError::Name { name: typed.clone(), why })?;
    let database = configuration.users_database();
    // Opening would make an empty one.
    if matches!(database.try_exists(), Ok(false)) {
        return Err(ExplainError::UnknownUser(name));
    }
    let account = UserStore::open(&database, clock)?.find_by_name(&name)?;
    let Some(account) = account else { return Err(ExplainError::UnknownUser(name)) };
    Ok(match account.identity(account.credential) {
        Some(identity) => Asking { name: Some(name), identity, notes: Vec::new() },
        None => Asking {
            notes: vec![format!(
                "{name} is disabled, so the sign-in is refused; what follows is for nobody signed in"
            )],
            name: None,
            identity: Identity::Anonymous,
        },
    })
}

fn explain(
    args: &ExplainArgs,
    configuration: &Configuration,
    asking: &Asking,
) -> Result<Explanation, ExplainError> {
    let method =
        Method::from_bytes(args.method.as_bytes()).map_err(|_| ExplainError::Method(args.method.clone()))?;
    let (authority, path) = split(&args.url).ok_or_else(|| ExplainError::Url(args.url.clone()))?;
    let mut told = Explanation {
        method: args.method.clone(),
        url: args.url.clone(),
        from: args.from,
        user: asking.name.clone(),
        notes: asking.notes.clone(),
        superuser: asking.identity.user().is_some_and(|user| user.superuser),
        groups: asking.identity.user().map(|user| user.groups.clone()).unwrap_or_default(),
        path: None,
        segments: Vec::new(),
        readings: Vec::new(),
        app: None,
        rule: None,
        decision: DecisionTold::BadRequest,
        reason: String::new(),
        not_enforced: None,
        headers: Vec::new(),
    };
    if args.url.starts_with("http://") {
        told.notes.push(
            "plain HTTP is only redirected to HTTPS; what follows is for the request over HTTPS".to_owned(),
        );
    }
    let target = match read(&method, authority, path, args.from, configuration) {
        Ok(target) => target,
        Err(why) => {
            told.reason = why.to_string();
            return Ok(told);
        }
    };
    told.segments = target.path.segments().map(str::to_owned).collect();
    told.path = Some(canonical(&target.path));
    let policy = &configuration.policy;
    if policy.serves(target.authority.host()) && portal::page_of(&target.path).is_some() {
        told.decision = DecisionTold::GatewayPage;
        "paths under /.gateway/ are the gateway's own, on every host".clone_into(&mut told.reason);
        return Ok(told);
    }
    let app = match policy.route(&target) {
        Ok(app) => app,
        Err(unrouted) => {
            (told.decision, told.reason) = match unrouted {
                Unrouted::UnknownHost => {
                    (DecisionTold::UnknownHost, format!("no app serves the host {}", target.authority.host()))
                }
                Unrouted::NoApp => (
                    DecisionTold::NotFound,
                    "the host is served, but no app begins at this path or above it".to_owned(),
                ),
            };
            return Ok(told);
        }
    };
    let confirmed = Some(args.age.unwrap_or_default());
    let ruling = rule_on(policy, app, &asking.identity, confirmed, &target);
    if args.user.is_some() && args.age.is_none() && ruling.rule.is_some_and(|rule| rule.max_age.is_some()) {
        told.notes.push("taken to have signed in just now; --age tells how long ago it was".to_owned());
    }
    let forwarded = configuration.apps.get(app.id.0);
    told.app = Some(AppTold {
        name: app.name.to_string(),
        path: app.mount.to_string(),
        upstreams: forwarded
            .iter()
            .flat_map(|app| &app.upstreams)
            .map(|upstream| upstream.url.to_string())
            .collect(),
        place: app.place.to_string(),
    });
    told.rule = Some(rule_told(ruling.rule));
    told.reason = match &ruling.reason.reading {
        Some(reading) => format!("{}, if the app reads the path as {reading}", ruling.reason.text),
        None => ruling.reason.text.to_owned(),
    };
    told.readings = readings_told(&ruling, told.path.as_deref());
    told.decision = decision_told(ruling.outcome);
    told.not_enforced = ruling.unenforced.map(|unenforced| UnenforcedTold {
        decision: decision_told(unenforced.outcome),
        place: unenforced.place.to_string(),
        reason: unenforced.text,
    });
    if let (Outcome::Allow, Some(forwarded)) = (ruling.outcome, forwarded) {
        told.headers = headers(configuration, app, forwarded, (&asking.identity, confirmed), target);
    }
    Ok(told)
}

fn decision_told(outcome: Outcome) -> DecisionTold {
    match outcome {
        Outcome::Allow => DecisionTold::Allow,
        Outcome::Confirm => DecisionTold::ConfirmFirst,
        Outcome::Challenge => DecisionTold::SignInFirst,
        Outcome::Deny => DecisionTold::Forbidden,
    }
}

/// Scheme, authority, and everything after it as it is. No parser of URLs may touch the path: it
/// would resolve the very things that are to be explained.
fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let path = if path.starts_with('/') { path } else { "/" };
    (!authority.is_empty()).then_some((authority, path))
}

/// The target of the request, as a connection from `from` would bring it.
fn read(
    method: &Method,
    authority: &str,
    path: &str,
    from: IpAddr,
    configuration: &Configuration,
) -> Result<Target, Malformed> {
    let uri =
        Uri::try_from(path).map_err(|_| Malformed("the path contains bytes that must be percent-encoded"))?;
    let host = HeaderValue::from_str(authority)
        .map_err(|_| Malformed("the request's host is not a host name or an address"))?;
    let headers = HeaderMap::from_iter([(HOST, host)]);
    Target::read(method, &uri, &headers, from, &configuration.server.trusted_proxies)
}

/// The path decoded once; a slash inside a segment stays encoded, because it is none between two.
fn canonical(path: &NormalPath) -> String {
    let mut text = String::new();
    for segment in path.segments() {
        text.push('/');
        text.push_str(&segment.replace('/', "%2F"));
    }
    text
}

fn rule_told(rule: Option<&Rule>) -> RuleTold {
    match rule {
        Some(rule) => RuleTold {
            covers: rule.to_string(),
            requires: requires(rule),
            place: Some(rule.place.to_string()),
        },
        None => RuleTold {
            covers: "everything else".to_owned(),
            requires: Requirement::Authenticated.to_string(),
            place: None,
        },
    }
}

fn readings_told(ruling: &Ruling<'_>, plain: Option<&str>) -> Vec<ReadingTold> {
    let mut told: Vec<ReadingTold> = Vec::new();
    for Reading { path, app, rule } in &ruling.readings {
        let reading = ReadingTold { path: path.clone(), app: app.name.to_string(), rule: rule_told(*rule) };
        let is_plain = Some(path.as_str()) == plain
            && app.id == ruling.app.id
            && rule.map(|rule| &rule.place) == ruling.rule.map(|rule| &rule.place);
        if !is_plain && !told.contains(&reading) {
            told.push(reading);
        }
    }
    told
}

/// What the gateway says to the app beside what the client says: made by deciding and preparing the
/// request as the gateway does.
fn headers(
    configuration: &Configuration,
    app: &App,
    forwarded: &forward::App,
    (identity, confirmed): (&Identity, Option<Duration>),
    target: Target,
) -> Vec<HeaderTold> {
    let from = target.client_addr.or_proxy();
    let Decision::Allow(permit) = decide(&configuration.policy, app, identity.clone(), confirmed, target)
    else {
        return Vec::new();
    };
    let owned = forward::OwnedNames::of(&configuration.apps);
    let proxies = &configuration.server.trusted_proxies;
    let peer = from.to_string();
    let server = &configuration.server;
    let ports = Ports {
        listener: server.https.first().map_or(443, std::net::SocketAddr::port),
        public: server.public_port,
    };
    let facts = forward::Facts { id: RequestId::example(), peer_addr: from, peer: &peer, proxies, ports };
    let headers = forward::added_headers(&permit, forwarded, &owned, &facts);
    let mut told: Vec<HeaderTold> = headers
        .iter()
        .map(|(name, value)| HeaderTold {
            name: name.to_string(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        })
        .collect();
    // Who asks comes first.
    told.sort_by_key(|header| !forwarded.identity.names().any(|name| name.as_str() == header.name));
    told
}

fn write_text(told: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |what: &str, text: &str| writeln!(out, "{what:10}{text}");
    line("request", &format!("{} {} from {}", told.method, told.url, told.from))?;
    line("as", &who_in_words(told))?;
    for note in &told.notes {
        line("note", note)?;
    }
    if let Some(path) = &told.path {
        line("path", path)?;
    }
    for (index, reading) in told.readings.iter().enumerate() {
        let what = if index == 0 { "also read" } else { "" };
        line(what, &format!("{}: app {}, {}", reading.path, reading.app, rule_in_words(&reading.rule)))?;
    }
    if let Some(app) = &told.app {
        line("app", &format!("{} ({}), at {}", app.name, app.place, app.path))?;
    }
    if let Some(rule) = &told.rule {
        line("rule", &rule_in_words(rule))?;
    }
    line("decision", &decision_in_words(told.decision, told.app.as_ref()))?;
    line("reason", &told.reason)?;
    if let Some(told) = &told.not_enforced {
        let would = decision_in_words(told.decision, None);
        line("but", &format!("a rule that is not enforced says {would} ({}): {}", told.place, told.reason))?;
    }
    for (index, header) in told.headers.iter().enumerate() {
        let what = if index == 0 { "headers" } else { "" };
        line(what, &format!("{}: {}", header.name, header.value))?;
    }
    if told.decision == DecisionTold::Allow && told.headers.is_empty() {
        line("headers", "none that say who asks")?;
    }
    Ok(())
}

fn who_in_words(told: &Explanation) -> String {
    let mut words = told.user.as_ref().map_or_else(|| "nobody signed in".to_owned(), ToString::to_string);
    if told.superuser {
        words.push_str(", a superuser");
    }
    for (index, group) in told.groups.iter().enumerate() {
        words.push_str(if index == 0 { ", in " } else { " and " });
        words.push_str(group.as_str());
    }
    words
}

fn rule_in_words(rule: &RuleTold) -> String {
    let place = rule.place.as_deref().unwrap_or("the default");
    format!("{} → {} ({place})", rule.covers, rule.requires)
}

fn decision_in_words(decision: DecisionTold, app: Option<&AppTold>) -> String {
    match decision {
        DecisionTold::Allow => {
            let upstreams = app.map(|app| app.upstreams.join(" or ")).unwrap_or_default();
            format!("allow: forwarded to {upstreams}")
        }
        DecisionTold::ConfirmFirst => {
            "confirm first: a browser is sent to confirm the password, a program gets 401".to_owned()
        }
        DecisionTold::SignInFirst => {
            "sign in first: a browser is sent to the sign-in page, a program gets 401".to_owned()
        }
        DecisionTold::Forbidden => "forbidden: 403".to_owned(),
        DecisionTold::GatewayPage => "a page of the gateway itself".to_owned(),
        DecisionTold::NotFound => "not found: 404".to_owned(),
        DecisionTold::BadRequest => "bad request: 400".to_owned(),
        DecisionTold::UnknownHost => "unknown host: 421".to_owned(),
    }
}

#[cfg(test)]
mod tests;
