//! The metrics that stores and the audit stream count.

use std::sync::Arc;

use crate::{
    auth::ldap::Ldap,
    gateway::Shared,
    mail::MailCounts,
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

/// Registers the numbers of mail.
pub(super) fn register_mail(metrics: &Metrics, counts: &Arc<MailCounts>) {
    type Read = fn(&MailCounts) -> u64;
    let families: [(_, Read); 5] = [
        (
            ("portcullis_mail_sent_total", "Messages that the mail server has taken.", MetricKind::Counter),
            MailCounts::sent,
        ),
        (
            (
                "portcullis_mail_put_off_total",
                "Deliveries that failed and will be repeated.",
                MetricKind::Counter,
            ),
            MailCounts::put_off,
        ),
        (
            ("portcullis_mail_given_up_total", "Messages that will not be delivered.", MetricKind::Counter),
            MailCounts::given_up,
        ),
        (
            (
                "portcullis_mail_not_queued_total",
                "Messages that were lost because the queue was full or could not be written.",
                MetricKind::Counter,
            ),
            MailCounts::not_queued,
        ),
        (
            ("portcullis_mail_queue_length", "Messages that wait for their delivery.", MetricKind::Gauge),
            MailCounts::waiting,
        ),
    ];
    for (family, read) in families {
        let counts = Arc::clone(counts);
        metrics.register(family, None, move || read(&counts));
    }
}

/// Registers the sign-ins by backend.
pub(super) fn register_sign_ins(metrics: &Metrics, audit: &Audit) {
    for (result, name, help) in [
        (SignInResult::Ok, "portcullis_backend_sign_ins_total", "Sign-ins through a backend."),
        (
            SignInResult::Failed,
            "portcullis_backend_sign_ins_failed_total",
            "Attempts to sign in through a backend that failed.",
        ),
        (
            SignInResult::Refused,
            "portcullis_backend_sign_ins_refused_total",
            "Attempts to sign in through a backend that were not checked.",
        ),
    ] {
        let sign_ins = Arc::clone(audit.sign_ins());
        metrics.register_family((name, help, MetricKind::Counter), "backend", move || {
            let counts = sign_ins.count_by_backend(result).into_iter();
            counts.map(|(backend, count)| (backend, number(count))).collect()
        });
    }
}

/// Registers the numbers of the directories that are configured at the time of a scrape.
pub(super) fn register_directories(shared: &Arc<Shared>) {
    type Read = fn(&Ldap) -> f64;
    let families: [(_, Read); 6] = [
        (
            (
                "portcullis_directory_up",
                "Whether some server of a directory works, or was not asked yet.",
                MetricKind::Gauge,
            ),
            |ldap| f64::from(u8::from(ldap.pool().is_up())),
        ),
        (
            (
                "portcullis_directory_operations_total",
                "Searches and password checks that a directory answered.",
                MetricKind::Counter,
            ),
            |ldap| number(ldap.pool().health().iter().map(|server| server.answered).sum()),
        ),
        (
            (
                "portcullis_directory_operation_seconds_total",
                "Time that a directory took for them.",
                MetricKind::Counter,
            ),
            |ldap| ldap.pool().health().iter().map(|server| server.answered_in.as_secs_f64()).sum(),
        ),
        (
            (
                "portcullis_directory_refreshes_failed_total",
                "Refreshes of signed-in users to which a directory gave no answer.",
                MetricKind::Counter,
            ),
            |ldap| number(ldap.failed_refreshes()),
        ),
        (
            (
                "portcullis_directory_users_refreshed_total",
                "Signed-in users whom a refresh found in a directory.",
                MetricKind::Counter,
            ),
            |ldap| number(ldap.refreshed_users()),
        ),
        (
            (
                "portcullis_directory_users_signed_out_total",
                "Users whom a refresh signed out.",
                MetricKind::Counter,
            ),
            |ldap| number(ldap.ended_users()),
        ),
    ];
    for (family, read) in families {
        let shared_state = Arc::downgrade(shared);
        shared.metrics.register_family(family, "backend", move || {
            let Some(shared) = shared_state.upgrade() else { return Vec::new() };
            let snapshot = shared.current.load();
            let directories = snapshot.portal.backends.directories();
            directories.map(|ldap| (ldap.name().to_string(), read(ldap))).collect()
        });
    }
}

/// Exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "a count is far below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}
