//! The metrics that stores and the audit stream count.

use std::sync::Arc;

use crate::{
    session::Sessions,
    telemetry::{Audit, MetricKind, Metrics, SignInResult},
    users::Passwords,
};

/// Registers them beside the counters of the workers.
pub(super) fn register(
    metrics: &Metrics,
    audit: &Audit,
    passwords: &Arc<Passwords>,
    sessions: &Arc<Sessions>,
) {
    let family = ("portcullis_sign_ins_total", "Attempts to sign in, by result.", MetricKind::Counter);
    for result in SignInResult::ALL {
        let sign_ins = Arc::clone(audit.sign_ins());
        metrics.register(family, Some(("result", result.as_str())), move || sign_ins.count(result));
    }
    let of_passwords = |name, help, kind, count: fn(&Passwords) -> u64| {
        let passwords = Arc::clone(passwords);
        metrics.register((name, help, kind), None, move || count(&passwords));
    };
    of_passwords(
        "portcullis_password_checks_total",
        "Passwords that were checked.",
        MetricKind::Counter,
        Passwords::verifications,
    );
    of_passwords(
        "portcullis_password_queue_refusals_total",
        "Passwords that were refused because the queue was full.",
        MetricKind::Counter,
        Passwords::refusals,
    );
    of_passwords(
        "portcullis_password_queue_length",
        "Passwords that wait to be checked or hashed.",
        MetricKind::Gauge,
        Passwords::waiting,
    );
    let family = ("portcullis_sessions_cached", "Sessions in use, as the cache has them.", MetricKind::Gauge);
    let sessions = Arc::clone(sessions);
    metrics.register(family, None, move || sessions.cached());
}
