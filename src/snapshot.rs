//! The compiled configuration as requests see it, in one immutable value.
//!
//! `assembly` makes a [`Snapshot`] at the start and at each reload; `gateway` loads one for each request. State that has to
//! outlive a reload (sessions, users, connections) is not in it.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use http::HeaderValue;

use crate::{
    access::{App, AppId, Policy},
    assertion::AssertionSettings,
    auth::programs::ProgramSettings,
    client_certificate::{CertificateUse, ClientCertificates},
    forward::{self, BodyLimits, OwnedNames},
    in_flight::Load,
    portal,
    refusal::Refusal,
    request::{CertifiedNames, Preflight, ProxySecret, Target, TrustedProxies},
    session::AppSessionLimits,
    shield::Shield,
};

/// The compiled configuration as requests see it. It is swapped whole on reload, and loaded once a request.
#[derive(Debug)]
pub struct Snapshot {
    /// Its number, counted by [`Current`]: a decision by another snapshot has to be made again.
    pub generation: u64,
    /// Apps and rules.
    pub policy: Policy,
    /// The settings of each app; see [`Snapshot::app`].
    pub apps: AppTable,
    /// `Strict-Transport-Security` of every response; `None`: the application's own value passes.
    pub hsts: Option<HeaderValue>,
    /// The hosts that may share a connection.
    pub certified: CertifiedNames,
    /// The header names that only the gateway may send.
    pub owned: Arc<OwnedNames>,
    /// The authorities of client certificates, and the hosts that ask for one.
    pub client_certificates: ClientCertificates,
    /// Limits on a client's body.
    pub bodies: BodyLimits,
    /// The proxies whose `X-Forwarded-*` counts.
    pub proxies: TrustedProxies,
    /// The secret that a proxy shows which asks about a request; `None`: its address is enough.
    pub proxy_secret: Option<ProxySecret>,
    /// Maximum number of visitors with a session.
    pub max_visitors: usize,
    /// Session limits and pages.
    pub portal: portal::Settings,
}

/// The settings of one app.
#[derive(Debug)]
pub struct AppSettings {
    /// How its requests are forwarded.
    pub forward: forward::App,
    /// The use that it makes of client certificates.
    pub certificates: CertificateUse,
    /// Whether a form that comes without a live session is kept until its sender has signed in.
    pub keeps_forms: bool,
    /// Its own session limits.
    pub session: AppSessionLimits,
    /// Its protection from requests that other sites make browsers send.
    pub shield: Shield,
    /// The credentials that it takes from programs.
    pub programs: ProgramSettings,
    /// How it is shown on the start page.
    pub presentation: portal::AppPresentation,
    /// Its signed assertion; `None`: it is sent none.
    pub assertion: Option<Arc<AssertionSettings>>,
    /// The path of its own sign-out, which ends the gateway's session, too.
    pub sign_out: Option<Box<str>>,
    /// The path at which it is told of the end of a session, and how the notice is signed.
    pub sign_out_notice: Option<(Box<str>, Arc<AssertionSettings>)>,
    /// Whether it is asked by a CORS preflight of any origin, and not of trusted ones alone.
    pub preflights: Preflights,
    /// Its requests in flight.
    pub load: Arc<Load>,
}

/// The CORS preflights without a sign-in that an app receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preflights {
    /// Preflights of the origins that the app trusts; the default.
    #[default]
    Trusted,
    /// Preflights of every origin.
    All,
}

impl AppSettings {
    /// Whether the app may be asked by this preflight.
    pub fn lets_ask(&self, preflight: &Preflight<'_>) -> bool {
        self.preflights == Preflights::All
            || self.shield.senders.as_ref().is_some_and(|senders| senders.let_ask(preflight))
    }
}

/// The settings of all apps, which only [`Snapshot::app`] gives out.
#[derive(Debug)]
pub struct AppTable(Vec<AppSettings>);

impl AppTable {
    /// Takes the settings in the order in which [`AppId`]s count apps.
    pub fn new(settings: Vec<AppSettings>) -> Self {
        Self(settings)
    }
}

impl Snapshot {
    /// The settings of an app.
    ///
    /// No other place can find that an app has none. It fails closed: an app without a record would otherwise be
    /// taken for one without a shield and without limits.
    pub fn app(&self, id: AppId) -> Result<&AppSettings, Refusal> {
        self.apps.0.get(id.0).ok_or(Refusal::Internal)
    }

    /// The use that a request to an app makes of a client certificate, and whether it needs one: for the app itself, or for one that
    /// another reading of the path leads to.
    pub fn certificate_use(&self, app: &App, target: &Target) -> Result<(CertificateUse, bool), Refusal> {
        let used = self.app(app.id)?.certificates;
        let mut is_required = used == CertificateUse::Required;
        if !self.client_certificates.hosts.is_empty() {
            for other in self.policy.routes_read_otherwise(target) {
                is_required |= self.app(other.id)?.certificates == CertificateUse::Required;
            }
        }
        Ok((used, is_required))
    }

    /// Whether an app is told of the end of sessions.
    pub fn has_sign_out_notices(&self) -> bool {
        self.apps.0.iter().any(|app| app.sign_out_notice.is_some())
    }

    /// The session limits that hold for a request to an app: those of the app, and of every app that another reading
    /// of the path leads to. The strictest one decides.
    pub fn session_limits(&self, app: &App, target: &Target) -> Result<AppSessionLimits, Refusal> {
        let mut others = self.policy.routes_read_otherwise(target).into_iter();
        let own = self.app(app.id)?.session;
        others.try_fold(own, |limits, other| Ok(limits.and(self.app(other.id)?.session)))
    }

    /// The credentials that a request to an app may come with: those of the app, and of every app that another reading of
    /// the path leads to. Each has to take them.
    pub fn programs(&self, app: &App, target: &Target) -> Result<ProgramSettings, Refusal> {
        let mut others = self.policy.routes_read_otherwise(target).into_iter();
        let own = self.app(app.id)?.programs;
        others.try_fold(own, |settings, other| Ok(settings.and(self.app(other.id)?.programs)))
    }
}

/// The current snapshot.
#[derive(Debug)]
pub struct Current(ArcSwap<Snapshot>);

impl Current {
    /// Starts with this one.
    pub fn new(snapshot: Snapshot) -> Self {
        Self(ArcSwap::from_pointee(snapshot))
    }

    /// The snapshot to use for a whole request.
    pub fn load(&self) -> Guard<Arc<Snapshot>> {
        self.0.load()
    }

    /// The same, for a caller that keeps it over a wait.
    pub fn load_full(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// Replaces the snapshot: requests that have started keep theirs.
    pub fn replace(&self, mut snapshot: Snapshot) {
        snapshot.generation = self.0.load().generation.wrapping_add(1);
        self.0.store(Arc::new(snapshot));
    }
}
