//! The snapshot of a configuration.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    access::{App, Policy, Requirement, Rule},
    auth::Backends,
    config::{self, AllPreflights, AppDeclaration, AppSignIns, Configuration},
    forward::{BodyLimits, OwnedNames},
    identity::UserName,
    in_flight::InFlight,
    portal::{self, PortalHost},
    request::CertifiedNames,
    snapshot::{AppSettings, AppTable, Preflights, Snapshot},
};

/// The parts of a snapshot that are made before it, or that there are already.
#[derive(Debug)]
pub struct MadeBefore {
    /// The hosts that may share a connection.
    pub certified: CertifiedNames,
    /// The backends.
    pub backends: Backends,
    /// The address of the gateway in links.
    pub origin: Arc<str>,
}

/// Makes the snapshot of a configuration.
pub fn snapshot(configuration: Configuration, made: MadeBefore, in_flight: &InFlight) -> Snapshot {
    let MadeBefore { certified, backends, origin } = made;
    let Configuration {
        policy,
        apps,
        limits,
        server,
        tls,
        sessions,
        throttle,
        groups,
        user_fields,
        accounts,
        tokens,
        portal: portal_section,
        forward_auth,
        mail,
        ..
    } = configuration;
    let pages = portal_section.pages.unwrap_or_default();
    let portal_host = portal_section.host.map(|host| portal_host(host, &policy));
    let named_users = Arc::new(named_users(&policy));
    let settings = |AppDeclaration {
                        forward,
                        session,
                        shield,
                        programs,
                        presentation,
                        preflights,
                        certificates,
                        sign_ins,
                        keeps_forms,
                    }| {
        let load = in_flight.to_app(&forward.name);
        let config::AppPresentation { title, description, icon, hidden } = presentation;
        let presentation = portal::AppPresentation { title, description, icon, hidden };
        let preflights =
            if preflights == AllPreflights::Allowed { Preflights::All } else { Preflights::Trusted };
        let AppSignIns { settings, is_sent, sign_out, sign_out_notice } = sign_ins;
        let sign_out_notice = sign_out_notice.zip(settings.clone());
        let assertion = settings.filter(|_| is_sent);
        AppSettings {
            forward,
            certificates,
            keeps_forms,
            session,
            shield,
            programs,
            presentation,
            assertion,
            sign_out,
            sign_out_notice,
            preflights,
            load,
        }
    };
    Snapshot {
        generation: 0,
        policy,
        owned: Arc::new(OwnedNames::of(apps.iter().map(|app| &app.forward))),
        apps: AppTable::new(apps.into_iter().map(settings).collect()),
        hsts: tls.hsts,
        client_certificates: tls.clients,
        certified,
        bodies: BodyLimits {
            max_body: limits.max_body,
            body_timeout: limits.body_timeout,
            body_rate: limits.body_rate,
        },
        proxies: server.trusted_proxies,
        proxy_secret: forward_auth.and_then(|checks| checks.secret),
        max_visitors: sessions.max_visitors,
        portal: portal::Settings {
            sessions: sessions.limits,
            portal_host,
            accounts,
            cookies: sessions.cookies,
            throttle,
            backends,
            pages,
            fields: user_fields,
            sends_mail: mail.settings.is_some(),
            named_users,
            origin,
            groups: Arc::new(groups),
            tokens,
        },
    }
}

/// The users whom the rules name.
fn named_users(policy: &Policy) -> BTreeSet<UserName> {
    let named = |rule: &Rule| match &rule.requirement {
        Requirement::Matching(criteria) => criteria.users.clone(),
        _ => Vec::new(),
    };
    policy.apps().iter().flat_map(App::rules).flat_map(named).collect()
}

fn portal_host(host: Box<str>, policy: &Policy) -> PortalHost {
    let app_hosts = policy.apps().iter().flat_map(|app| &app.hosts).filter(|name| **name != host);
    let has_root = policy.apps().iter().any(|app| app.hosts.contains(&host) && app.mount.as_str() == "/");
    PortalHost { app_hosts: Arc::new(app_hosts.cloned().collect()), has_root, host }
}
