//! The state that the workers of a gateway share: stores, portal, counters and the snapshot.
//!
//! [`assemble`](super::assemble) adds listeners, TLS and the control socket. [`assemble_shared`] leaves them out: it is
//! enough for [`Gateway::handle`](crate::gateway::Gateway::handle) in a test.

use std::{sync::Arc, thread};

use super::{
    AssemblyError, Surroundings, backends, metrics, sign_out_notices,
    snapshot::{MadeBefore, snapshot},
    stores::{Databases, Stores},
};
use crate::{
    assertion::Assertions,
    auth::{Backends, Local, SetupLink, SignIn, programs::ProgramSignIn},
    config::Configuration,
    gateway::Shared,
    in_flight::InFlight,
    mail::Outbox,
    portal::Portal,
    request::CertifiedNames,
    snapshot::Current,
    telemetry::{Audit, Format, Metrics},
    users::Passwords,
};

/// Puts together the state that workers share, without any socket.
pub fn assemble_shared(
    configuration: &Configuration,
    surroundings: Surroundings,
) -> Result<Arc<Shared>, AssemblyError> {
    Ok(open(configuration, CertifiedNames::default(), None, surroundings)?.shared)
}

/// The shared state, and the parts of it that the control socket needs.
pub(super) struct Opened {
    pub(super) shared: Arc<Shared>,
    pub(super) databases: Databases,
    pub(super) audit: Audit,
    pub(super) outbox: Arc<Outbox>,
}

/// Opens the stores and makes the rest. `port` is that of the first HTTPS listener.
pub(super) fn open(
    configuration: &Configuration,
    certified: CertifiedNames,
    port: Option<u16>,
    surroundings: Surroundings,
) -> Result<Opened, AssemblyError> {
    let Surroundings { clock, log, resolver } = surroundings;
    let format = configuration.log.format.unwrap_or_else(Format::for_stdout);
    let audit = Audit::new(log, format, clock.clone());
    let Stores { directory, sessions, throttle, databases, ending_changes } =
        Stores::open(configuration, &audit, &clock)?;
    let hashing = thread::available_parallelism().map_or(1, Into::into);
    let rules = configuration.password_rules.clone();
    let passwords = Passwords::start_with_rules(configuration.password, rules, hashing, WAITING_HASHES);
    let metrics = Arc::new(Metrics::default());
    metrics::register(&metrics, &audit, &passwords, &sessions);
    metrics::register_sign_ins(&metrics, &audit);
    let local = Local::new(Arc::clone(&directory), Arc::clone(&passwords));
    let backends = backends::open(configuration, &Backends::default(), &clock, &directory)?;
    backends::end_others(backends::authorities(configuration), &directory)?;
    let sign_in = SignIn::new(local, Arc::clone(&directory), throttle, audit.clone(), clock.clone());
    let sign_in = Arc::new(sign_in);
    let programs =
        ProgramSignIn::new(Arc::clone(&sign_in), Arc::clone(&directory), audit.clone(), clock.clone());
    let setup = SetupLink::new(Arc::clone(&directory), audit.clone(), clock.clone());
    let portal = Portal::new(sign_in, setup, passwords, Arc::clone(&sessions), audit.clone(), clock.clone());
    let outbox = Arc::new(Outbox::new(configuration.mail_queue(), clock.clone()));
    outbox.apply(outbox.prepare(configuration.mail.settings.as_ref())?);
    if outbox.is_open() {
        metrics::register_mail(&metrics, outbox.counts());
    }
    let portal = portal.with_outbox(Arc::clone(&outbox));
    let in_flight = InFlight::default();
    let origin = configuration.origin(port).into();
    let made = MadeBefore { certified, backends, origin };
    let current = Current::new(snapshot(configuration.clone(), made, &in_flight));
    let assertions = Assertions::new(clock.clone());
    assertions.use_folder(configuration.assertion_keys())?;
    assertions.follow_folder().map_err(AssemblyError::Thread)?;
    let shared = Shared {
        current,
        sessions,
        directory,
        portal,
        programs,
        metrics,
        assertions,
        in_flight,
        resolver,
        clock,
    };
    let shared = Arc::new(shared);
    sign_out_notices::start(&shared, &shared.sessions, ending_changes)?;
    metrics::register_directories(&shared);
    Ok(Opened { shared, databases, audit, outbox })
}

/// Maximum number of waiting password checks. With two threads, the last one waits for a little over a second.
const WAITING_HASHES: usize = 64;
