//! The settings that a reload leaves as they were, because sockets, threads and stores were made from them at the start.
//!
//! [`Reloader`](super::Reloader) names those that have changed: an operator whose reload succeeds would otherwise take
//! them for applied. The limits on bodies are left out, because a reload changes them.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf};

use crate::{
    config::{Configuration, LogSection, Store},
    server::{Limits, TlsVersion},
    users::{HashSettings, PasswordRules},
};

/// The settings of the start, each with its name in the file.
#[derive(Debug)]
pub(super) struct StartSettings(Vec<(&'static str, Setting)>);

/// A setting, to be compared.
#[derive(Debug, PartialEq, Eq)]
enum Setting {
    Addrs(Vec<SocketAddr>),
    Addr(Option<SocketAddr>),
    Port(Option<u16>),
    Workers(Option<NonZeroUsize>),
    Hosts(Vec<Box<str>>),
    Flag(bool),
    Number(u64),
    Folder(PathBuf),
    Tls(TlsVersion),
    Store(Store),
    Hashing(HashSettings),
    Rules { numbers: [usize; 2], flags: [bool; 4], breached: Option<PathBuf> },
    Limits(Box<Limits>),
    Log(LogSection),
}

impl StartSettings {
    pub(super) fn of(configuration: &Configuration) -> Self {
        let (server, sessions) = (&configuration.server, &configuration.sessions);
        let checks = configuration.forward_auth.as_ref();
        Self(vec![
            ("`https`", Setting::Addrs(server.https.clone())),
            ("`http`", Setting::Addrs(server.http.clone())),
            ("`public_port`", Setting::Port(server.public_port)),
            ("`status`", Setting::Addr(server.status)),
            ("`status_hosts`", Setting::Hosts(server.status_hosts.clone())),
            ("`workers`", Setting::Workers(server.workers)),
            (
                "`listen` of [forward_auth]",
                Setting::Addrs(checks.map_or_else(Vec::new, |checks| checks.listen.clone())),
            ),
            ("`tls` of [forward_auth]", Setting::Flag(checks.is_some_and(|checks| checks.tls))),
            ("`state`", Setting::Folder(configuration.state.clone())),
            ("`min_version` of [tls]", Setting::Tls(configuration.tls.min_version)),
            ("the store of [session]", Setting::Store(sessions.store.clone())),
            ("`max_sessions`", Setting::Number(sessions.max_sessions)),
            ("the cost of [password]", Setting::Hashing(configuration.password)),
            ("the rules of [password]", rules(&configuration.password_rules)),
            ("[limits]", Setting::Limits(Box::new(without_bodies(configuration.limits)))),
            ("[log]", Setting::Log(configuration.log)),
        ])
    }

    /// The names of the settings in which this configuration differs.
    pub(super) fn changed_in(&self, configuration: &Configuration) -> Vec<&'static str> {
        let now = Self::of(configuration);
        let changed = self.0.iter().zip(&now.0).filter(|(before, now)| before.1 != now.1);
        changed.map(|((name, _), _)| *name).collect()
    }
}

fn rules(rules: &PasswordRules) -> Setting {
    let breached = rules.breached.as_ref();
    Setting::Rules {
        numbers: [rules.min_chars, rules.min_chars_without_factor],
        flags: [rules.similarity, rules.common, rules.numeric, breached.is_some_and(|list| list.required)],
        breached: breached.map(|breached| breached.list.path().to_owned()),
    }
}

fn without_bodies(limits: Limits) -> Limits {
    let Limits { body_timeout, body_rate, max_body, .. } = Limits::default();
    Limits { body_timeout, body_rate, max_body, ..limits }
}
