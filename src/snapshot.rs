//! Everything the operator declared that a request can meet, in one immutable value.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::{
    access::Policy,
    forward::{self, BodyLimits, OwnedNames},
    portal,
    request::TrustedProxies,
};

/// The compiled configuration as requests see it. Swapped whole on reload, loaded once a request.
#[derive(Debug)]
pub struct Snapshot {
    /// Apps and rules.
    pub policy: Policy,
    /// How each app is forwarded, by [`crate::access::AppId`].
    pub apps: Vec<forward::App>,
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

    /// Replaces it: requests that have begun keep the one they have.
    pub fn replace(&self, snapshot: Snapshot) {
        self.0.store(Arc::new(snapshot));
    }
}
