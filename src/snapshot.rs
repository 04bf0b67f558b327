//! Everything the operator declared that a request can meet, in one immutable value.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use http::HeaderValue;

use crate::{
    access::{App, Policy},
    forward::{self, BodyLimits, OwnedNames},
    in_flight::Load,
    portal,
    request::{CertifiedNames, Target, TrustedProxies},
    session::AppLimits,
    shield::Shield,
};

/// The compiled configuration as requests see it. Swapped whole on reload, loaded once a request.
#[derive(Debug)]
pub struct Snapshot {
    /// Which it is, counted by [`Current`]: what was decided by another one may be decided otherwise now.
    pub generation: u64,
    /// Apps and rules.
    pub policy: Policy,
    /// How each app is forwarded, by [`crate::access::AppId`].
    pub apps: Vec<forward::App>,
    /// The requests in flight to each app, by the same index.
    pub loads: Vec<Arc<Load>>,
    /// The session limits of each app's own, by the same index.
    pub app_sessions: Vec<AppLimits>,
    /// What protects each app from other sites, by the same index.
    pub shields: Vec<Shield>,
    /// `Strict-Transport-Security` of every answer; `None`: what applications say of it passes.
    pub hsts: Option<HeaderValue>,
    /// Which hosts a connection may be shared by.
    pub certified: CertifiedNames,
    /// The header names that only the gateway may send.
    pub owned: Arc<OwnedNames>,
    /// What a client's body may cost.
    pub bodies: BodyLimits,
    /// Whose word about a client's address is believed.
    pub proxies: TrustedProxies,
    /// How many visitors may have a session.
    pub max_visitors: usize,
    /// Session limits and pages.
    pub portal: portal::Settings,
}

impl Snapshot {
    /// The session limits of an app's own, for this request: the strictest reading of its path decides here, too.
    ///
    /// `None`: an app has no record of its limits, and must not be taken for one without limits.
    pub fn session_limits(&self, app: &App, target: &Target) -> Option<AppLimits> {
        let of = |app: &App| self.app_sessions.get(app.id.0).copied();
        let mut others = self.policy.routes_read_otherwise(target).into_iter();
        others.try_fold(of(app)?, |limits, other| Some(limits.and(of(other)?)))
    }
}

/// The snapshot of now.
#[derive(Debug)]
pub struct Current(ArcSwap<Snapshot>);

impl Current {
    /// Starts with this one.
    pub fn new(snapshot: Snapshot) -> Self {
        Self(ArcSwap::from_pointee(snapshot))
    }

    /// The one to use for a whole request.
    pub fn load(&self) -> Guard<Arc<Snapshot>> {
        self.0.load()
    }

    /// The same for whoever has to wait meanwhile.
    pub fn load_full(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// Replaces it: requests that have begun keep the one they have.
    pub fn replace(&self, mut snapshot: Snapshot) {
        snapshot.generation = self.0.load().generation.wrapping_add(1);
        self.0.store(Arc::new(snapshot));
    }
}
