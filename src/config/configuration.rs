//! What a configuration comes to: plain values of the rest of the gateway, nothing of TOML.

use std::{collections::BTreeMap, net::SocketAddr, num::NonZeroUsize, path::PathBuf};

use http::HeaderValue;

use crate::{
    access, forward,
    identity::{GroupName, Permission},
    request::TrustedProxies,
    server, session, shield, telemetry, throttle,
    users::HashSettings,
};

/// Everything that `gateway.toml` declares.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The file itself.
    pub file: PathBuf,
    /// The folder of the embedded databases. Default `state` beside the file.
    pub state: PathBuf,
    /// The folder in which the self-signed certificate is made: `certs` beside the file.
    pub certs: PathBuf,
    /// `[server]`: where it listens.
    pub server: Server,
    /// `[tls]`: how it speaks TLS, and as whom.
    pub tls: Tls,
    /// `[session]`: where sessions are kept, and for how long.
    pub sessions: Sessions,
    /// `[password]`: what one check of a password costs.
    pub password: HashSettings,
    /// `[throttle]`: how often somebody may guess a password.
    pub throttle: throttle::Limits,
    /// `[limits]`: what a client may take.
    pub limits: server::Limits,
    /// `[log]`: what is logged, and how.
    pub log: Log,
    /// All apps and their rules, compiled.
    pub policy: access::Policy,
    /// How each app is forwarded; an [`access::AppId`] is an index into it.
    pub apps: Vec<forward::App>,
    /// `[app.session]` of each app, by the same index.
    pub app_sessions: Vec<session::AppLimits>,
    /// `[app.shield]` of each app, by the same index.
    pub shields: Vec<shield::Shield>,
    /// `[groups]`: the permissions that each group stands for.
    pub groups: BTreeMap<GroupName, Vec<Permission>>,
}

impl Configuration {
    /// The database of the people, in the state folder.
    pub fn users_database(&self) -> PathBuf {
        self.state.join("users.db")
    }

    /// The database of the sessions, in the state folder; used by [`Store::File`].
    pub fn sessions_database(&self) -> PathBuf {
        self.state.join("sessions.db")
    }

    /// Where failed sign-ins are counted, in the state folder.
    pub fn throttle_files(&self) -> throttle::Files {
        throttle::Files { database: self.state.join("throttle.db"), key: self.state.join("device.key") }
    }

    /// Where the command line finds a running gateway, in the state folder; used by [`Store::Memory`].
    pub fn control_socket(&self) -> PathBuf {
        self.state.join("control.sock")
    }
}

/// `[server]`.
#[derive(Clone, Debug)]
pub struct Server {
    /// HTTPS listeners, at least one. Default `0.0.0.0:8443`.
    pub https: Vec<SocketAddr>,
    /// Plain listeners, which only ever redirect to HTTPS. Default none.
    pub http: Vec<SocketAddr>,
    /// The port at which browsers reach HTTPS, if it is not that of the first listener.
    pub public_port: Option<u16>,
    /// The listener of `/healthz`, `/readyz` and `/metrics`. Default `127.0.0.1:9100`; `None`: `"off"`.
    pub status: Option<SocketAddr>,
    /// Names by which the status listener may be asked, beside addresses, `localhost` and names without a dot. Default none.
    pub status_hosts: Vec<Box<str>>,
    /// Whose word about a client's address is believed. Default nobody's.
    pub trusted_proxies: TrustedProxies,
    /// How many workers; `None`: one a core.
    pub workers: Option<NonZeroUsize>,
}

/// `[tls]`.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The oldest version that is spoken. Default 1.2.
    pub min_version: server::TlsVersion,
    /// `Strict-Transport-Security` of every answer. Default a year with certificates of the operator's own,
    /// and none with the self-signed one, in which no browser believes.
    pub hsts: Option<HeaderValue>,
    /// Chosen by server name; none: a self-signed one is made. All of them were readable, with a
    /// key that fits, when the configuration was read.
    pub certificates: Vec<CertificateFiles>,
}

/// A certificate chain and its key.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// PEM, the server's own certificate first.
    pub cert: PathBuf,
    /// PEM.
    pub key: PathBuf,
    /// Where `cert` stands.
    pub place: access::Place,
}

/// `[session]`.
#[derive(Clone, Debug)]
pub struct Sessions {
    /// Where sessions are kept.
    pub store: Store,
    /// How many [`Store::Memory`] keeps at most. Default 1,000,000.
    pub max_sessions: u64,
    /// How many visitors have a session at most. Default 100,000.
    pub max_visitors: usize,
    /// Their time limits.
    pub limits: session::Limits,
    /// The names of the gateway's cookies. Default those of `portcullis`.
    pub cookies: session::cookie::CookieNames,
}

/// Where sessions are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// In the state folder: they survive a restart and a crash.
    File,
    /// In this process alone: a restart signs everybody out.
    Memory,
    /// In Redis or Valkey: for several gateways.
    Redis(session::RedisSettings),
}

/// `[log]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// Whether each request leaves a line. Default yes.
    pub access: bool,
    /// How lines are written; `None`: text on a terminal, JSON otherwise.
    pub format: Option<telemetry::Format>,
}
