//! The configuration as a whole.

mod documentation;
mod gallery;
mod hostile;

use std::{path::Path, time::Duration};

use super::*;
use crate::session;

fn parsed(text: &str) -> Loaded {
    parse(text, Path::new("gateway.toml")).unwrap_or_else(|diagnostics| {
        panic!("{}", ConfigError::Invalid(diagnostics));
    })
}

#[test]
fn two_lines_are_enough_and_everything_else_has_a_default() {
    let Loaded { configuration, warnings } = parsed("[[app]]\nupstream = \"http://127.0.0.1:8080\"\n");
    assert!(warnings.is_empty());
    assert_eq!(configuration.server.https, ["0.0.0.0:8443".parse().unwrap()]);
    assert!(configuration.server.http.is_empty());
    assert_eq!(configuration.server.status, Some("127.0.0.1:9100".parse().unwrap()));
    assert_eq!(configuration.server.workers, None);
    assert_eq!(configuration.state, Path::new("state"));
    assert_eq!(configuration.certs, Path::new("certs"));
    assert_eq!(configuration.tls.min_version, TlsVersion::V1_2);
    assert_eq!(configuration.sessions.store, Store::Memory);
    assert_eq!(configuration.sessions.max_sessions, 1_000_000);
    let hours = |hours| Duration::from_hours(hours);
    assert_eq!(
        configuration.sessions.limits,
        session::Limits { lifetime: hours(12), idle_timeout: hours(1), browser_session: false }
    );
    assert_eq!(configuration.limits, Limits::default());
    assert_eq!(configuration.log, Log { access: true, format: None });
    assert_eq!(configuration.apps.len(), 1);
    assert_eq!(configuration.policy.apps()[0].mount.as_str(), "/");
    assert_eq!(&*configuration.apps[0].name, "app");
    assert_eq!(configuration.apps[0].timeout, Duration::from_mins(1));
    assert_eq!(configuration.apps[0].connect_timeout, Duration::from_secs(5));
}
