//! The snapshot of a configuration.

use std::sync::Arc;

use crate::{
    auth::Backends,
    config::{AppDeclaration, Configuration},
    forward::{BodyLimits, OwnedNames},
    in_flight::InFlight,
    pages::Pages,
    portal,
    request::CertifiedNames,
    snapshot::{AppSettings, AppTable, Snapshot},
};

/// The parts of a snapshot that are made before it, or that there are already.
#[derive(Debug)]
pub struct MadeBefore {
    /// The hosts that may share a connection.
    pub certified: CertifiedNames,
    /// The compiled templates.
    pub pages: Pages,
    /// The backends.
    pub backends: Backends,
}

/// Makes the snapshot of a configuration.
pub fn snapshot(configuration: Configuration, made: MadeBefore, in_flight: &InFlight) -> Snapshot {
    let MadeBefore { certified, pages, backends } = made;
    let Configuration { policy, apps, limits, server, tls, sessions, throttle, groups, .. } = configuration;
    let settings = |AppDeclaration { forward, session, shield }| {
        let load = in_flight.to_app(&forward.name);
        AppSettings { forward, session, shield, load }
    };
    Snapshot {
        generation: 0,
        policy,
        owned: Arc::new(OwnedNames::of(apps.iter().map(|app| &app.forward))),
        apps: AppTable::new(apps.into_iter().map(settings).collect()),
        hsts: tls.hsts,
        certified,
        bodies: BodyLimits {
            max_body: limits.max_body,
            body_timeout: limits.body_timeout,
            body_rate: limits.body_rate,
        },
        proxies: server.trusted_proxies,
        max_visitors: sessions.max_visitors,
        portal: portal::Settings {
            sessions: sessions.limits,
            cookies: sessions.cookies,
            throttle,
            backends,
            pages,
            groups: Arc::new(groups),
        },
    }
}
