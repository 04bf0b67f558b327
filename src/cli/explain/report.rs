//! The computing of `portcullis explain`: from a request to a [`Report`].
//!
//! [`report`] is a function of the configuration, the request and the identity. It reads the request as the gateway does,
//! takes the decision from [`access::explain`](crate::access::explain()) and the headers from `forward`, prints nothing and
//! opens no database.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, Method};
use serde::Serialize;

use super::{ExplainArgs, ExplainError};
use crate::{
    access::{self, App, Decision, Explanation, Outcome, Requirement, Rule, Unrouted, decide},
    cli::rule_text::{lacks, requires},
    clock::Timestamp,
    config::Configuration,
    forward,
    identity::{BackendName, GroupName, Identity, Proof, Proofs, UserName},
    portal,
    request::{Ports, RequestId, Target, split_url},
    users::Account,
};

/// The result for a request; a step that it does not reach is absent. The names of the fields in JSON are a
/// promise to scripts.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) from: IpAddr,
    pub(super) user: Option<UserName>,
    /// Remarks on the user and on the request.
    pub(super) notes: Vec<String>,
    pub(super) superuser: bool,
    pub(super) groups: Vec<GroupName>,
    pub(super) group_sources: Vec<GroupSource>,
    /// The path, decoded once.
    pub(super) path: Option<String>,
    pub(super) segments: Vec<String>,
    pub(super) readings: Vec<ReportedReading>,
    pub(super) app: Option<ReportedApp>,
    pub(super) rule: Option<ReportedRule>,
    pub(super) decision: Verdict,
    pub(super) reason: String,
    /// The decision of a rule that is not enforced, where it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_enforced: Option<ReportedUnenforced>,
    pub(super) headers: Vec<ReportedHeader>,
}

#[derive(Debug, Serialize)]
pub(super) struct ReportedApp {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) upstreams: Vec<String>,
    pub(super) place: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ReportedRule {
    pub(super) covers: String,
    pub(super) requires: String,
    /// `None`: no rule matches, the default decides.
    pub(super) place: Option<String>,
}

/// Another text that an upstream could take the path for, and the rule that decides it.
#[derive(Debug, Serialize)]
pub(super) struct ReportedReading {
    pub(super) path: String,
    pub(super) app: String,
    pub(super) rule: ReportedRule,
}

#[derive(Debug, Serialize)]
pub(super) struct ReportedUnenforced {
    pub(super) decision: Verdict,
    pub(super) place: String,
    pub(super) reason: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct ReportedHeader {
    pub(super) name: String,
    pub(super) value: String,
}

/// How the request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    Allow,
    ConfirmFirst,
    SignInFirst,
    Forbidden,
    GatewayPage,
    NotFound,
    BadRequest,
    UnknownHost,
}

/// The user of the request.
pub(super) struct Requester {
    pub(super) name: Option<UserName>,
    pub(super) identity: Identity,
    /// Remarks on the user.
    pub(super) notes: Vec<String>,
    /// Where each group of the user comes from.
    pub(super) group_sources: Vec<GroupSource>,
}

/// Where a group of the user comes from.
#[derive(Clone, Debug, Serialize)]
pub(super) struct GroupSource {
    pub(super) group: GroupName,
    /// `local`, and the names of backends.
    pub(super) from: Vec<BackendName>,
}

impl GroupSource {
    pub(super) fn of(account: &Account) -> Vec<Self> {
        let sourced = |group: &GroupName| {
            let local = account.local_groups.contains(group).then(BackendName::local);
            let brought = account.identities.iter().filter(|identity| identity.groups.contains(group));
            let backends = brought.map(|identity| identity.pair.backend.clone());
            Self { group: group.clone(), from: local.into_iter().chain(backends).collect() }
        };
        account.user.groups.iter().map(sourced).collect()
    }
}

/// Finds out what becomes of a request.
pub(super) fn report(
    args: &ExplainArgs,
    configuration: &Configuration,
    requester: &Requester,
) -> Result<Report, ExplainError> {
    let method =
        Method::from_bytes(args.method.as_bytes()).map_err(|_| ExplainError::Method(args.method.clone()))?;
    if split_url(&args.url).is_none() {
        return Err(ExplainError::Url(args.url.clone()));
    }
    let user = requester.identity.user();
    let mut report = Report {
        method: args.method.clone(),
        url: args.url.clone(),
        from: args.from,
        user: requester.name.clone(),
        notes: requester.notes.clone(),
        superuser: user.is_some_and(|user| user.superuser),
        groups: user.map(|user| user.groups.clone()).unwrap_or_default(),
        group_sources: requester.group_sources.clone(),
        path: None,
        segments: Vec::new(),
        readings: Vec::new(),
        app: None,
        rule: None,
        decision: Verdict::BadRequest,
        reason: String::new(),
        not_enforced: None,
        headers: Vec::new(),
    };
    if args.url.starts_with("http://") {
        report.notes.push(
            "plain HTTP is only redirected to HTTPS; what follows is for the request over HTTPS".to_owned(),
        );
    }
    let client_addr = configuration.server.trusted_proxies.client_addr(args.from, &HeaderMap::new());
    let target = match Target::described(&method, &args.url, client_addr) {
        Ok(target) => target,
        Err(why) => {
            report.reason = why.to_string();
            return Ok(report);
        }
    };
    report.segments = target.path.segments().map(str::to_owned).collect();
    report.path = Some(target.path.decoded());
    let policy = &configuration.policy;
    if policy.serves(target.authority.host()) && portal::page_of(&target.path).is_some() {
        report.decision = Verdict::GatewayPage;
        "paths under /.gateway/ are the gateway's own, on every host".clone_into(&mut report.reason);
        return Ok(report);
    }
    // The age of the proof counts, whatever the time.
    let (proved, now) = (Timestamp::from_millis(0), Timestamp::from_millis(0) + args.age.unwrap_or_default());
    let shown = args.factors.iter().map(|method| Proof { method: *method, at: proved });
    let proofs = shown.fold(Proofs::default(), Proofs::with);
    let explanation = match access::explain(policy, &requester.identity, &proofs, now, &target) {
        Ok(explanation) => explanation,
        Err(unrouted) => {
            (report.decision, report.reason) = no_app(unrouted, &target);
            return Ok(report);
        }
    };
    let asks_for_age = explanation.ruling.rule.is_some_and(|rule| rule.assurance.max_age.is_some());
    if args.user.is_some() && args.age.is_none() && asks_for_age {
        report.notes.push("the sign-in is taken to be just now; --age sets its age".to_owned());
    }
    report.add_decision(&explanation, configuration);
    let app = explanation.ruling.app;
    if let (Outcome::Allow, Some(forwarded)) =
        (explanation.ruling.outcome, configuration.apps.get(app.id.0).map(|app| &app.forward))
    {
        report.headers = headers(configuration, app, forwarded, &requester.identity, (&proofs, now), target);
    }
    Ok(report)
}

impl Report {
    fn add_decision(&mut self, explanation: &Explanation<'_>, configuration: &Configuration) {
        let ruling = &explanation.ruling;
        let upstreams = configuration.apps.get(ruling.app.id.0).map(|app| app.forward.upstreams.as_slice());
        self.app = Some(ReportedApp {
            name: ruling.app.name.to_string(),
            path: ruling.app.mount.to_string(),
            upstreams: upstreams
                .unwrap_or_default()
                .iter()
                .map(|upstream| upstream.url.to_string())
                .collect(),
            place: ruling.app.place.to_string(),
        });
        self.rule = Some(ReportedRule::of(ruling.rule));
        self.reason = match &ruling.reason.reading {
            Some(reading) => format!("{}, if the app reads the path as {reading}", ruling.reason.text),
            None => ruling.reason.text.to_owned(),
        };
        if let Outcome::StepUp(missing) = ruling.outcome {
            self.reason.push_str("; required: ");
            self.reason.push_str(&lacks(missing));
        }
        self.readings = explanation
            .other_readings
            .iter()
            .map(|reading| ReportedReading {
                path: reading.path.clone(),
                app: reading.app.name.to_string(),
                rule: ReportedRule::of(reading.rule),
            })
            .collect();
        self.decision = ruling.outcome.into();
        self.not_enforced = ruling.unenforced.as_ref().map(|unenforced| ReportedUnenforced {
            decision: unenforced.outcome.into(),
            place: unenforced.place.to_string(),
            reason: unenforced.text,
        });
    }
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Allow => Self::Allow,
            Outcome::StepUp(_) => Self::ConfirmFirst,
            Outcome::Challenge => Self::SignInFirst,
            Outcome::Deny => Self::Forbidden,
        }
    }
}

impl ReportedRule {
    fn of(rule: Option<&Rule>) -> Self {
        match rule {
            Some(rule) => Self {
                covers: rule.to_string(),
                requires: requires(rule),
                place: Some(rule.place.to_string()),
            },
            None => Self {
                covers: "everything else".to_owned(),
                requires: Requirement::Authenticated.to_string(),
                place: None,
            },
        }
    }
}

fn no_app(unrouted: Unrouted, target: &Target) -> (Verdict, String) {
    match unrouted {
        Unrouted::UnknownHost => {
            (Verdict::UnknownHost, format!("no app serves the host {}", target.authority.host()))
        }
        Unrouted::NoApp => {
            (Verdict::NotFound, "the host is served, but no app begins at this path or above it".to_owned())
        }
    }
}

/// The headers that the app receives from the gateway, the identity headers first: made by deciding and preparing
/// the request as the gateway does.
fn headers(
    configuration: &Configuration,
    app: &App,
    forwarded: &forward::App,
    identity: &Identity,
    (proofs, now): (&Proofs, Timestamp),
    target: Target,
) -> Vec<ReportedHeader> {
    let from = target.client_addr.or_proxy();
    let decided = decide(&configuration.policy, app, identity.clone(), proofs, now, target);
    let Decision::Allow(permit) = decided else {
        return Vec::new();
    };
    let owned = forward::OwnedNames::of(configuration.apps.iter().map(|app| &app.forward));
    let server = &configuration.server;
    let peer = from.to_string();
    let ports =
        Ports { listener: server.https.first().map_or(443, SocketAddr::port), public: server.public_port };
    let facts = forward::Facts {
        id: RequestId::example(),
        peer_addr: from,
        peer: &peer,
        proxies: &server.trusted_proxies,
        ports,
    };
    let headers = forward::added_headers(&permit, forwarded, &owned, &facts);
    let mut reported: Vec<ReportedHeader> = headers
        .iter()
        .map(|(name, value)| ReportedHeader {
            name: name.to_string(),
            value: if forwarded.proof.as_ref().is_some_and(|proof| proof.name() == name) {
                "(secret)".to_owned()
            } else {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            },
        })
        .collect();
    reported.sort_by_key(|header| !forwarded.identity.names().any(|name| name.as_str() == header.name));
    reported
}
