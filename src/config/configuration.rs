//! What a configuration comes to: plain values of the rest of the gateway, nothing of TOML.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml::de::DeTable;

use super::{
    apps::{self, AppDeclaration},
    groups::Groups,
    keys, limits,
    log::{self, LogSection},
    password,
    reader::Reader,
    server::{self, ServerSection},
    session::{self, SessionSection},
    throttle,
    tls::{self, TlsSection},
};
use crate::{
    access,
    identity::{GroupName, Permission},
    server::Limits,
    throttle::Files,
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
    pub server: ServerSection,
    /// `[tls]`: how it speaks TLS, and as whom.
    pub tls: TlsSection,
    /// `[session]`: where sessions are kept, and for how long.
    pub sessions: SessionSection,
    /// `[password]`: what one check of a password costs.
    pub password: HashSettings,
    /// `[throttle]`: how often somebody may guess a password.
    pub throttle: crate::throttle::Limits,
    /// `[limits]`: what a client may take.
    pub limits: Limits,
    /// `[log]`: what is logged, and how.
    pub log: LogSection,
    /// All apps and their rules, compiled.
    pub policy: access::Policy,
    /// Everything else about each app; an [`access::AppId`] is an index into it.
    pub apps: Vec<AppDeclaration>,
    /// `[groups]`: the permissions that each group stands for.
    pub groups: BTreeMap<GroupName, Vec<Permission>>,
}

impl Configuration {
    /// The database of the people, in the state folder.
    pub fn users_database(&self) -> PathBuf {
        self.state.join("users.db")
    }

    /// The database of the sessions, in the state folder; used by [`Store::File`](super::Store::File).
    pub fn sessions_database(&self) -> PathBuf {
        self.state.join("sessions.db")
    }

    /// Where failed sign-ins are counted, in the state folder.
    pub fn throttle_files(&self) -> Files {
        Files { database: self.state.join("throttle.db"), key: self.state.join("device.key") }
    }

    /// Where the command line finds a running gateway, in the state folder; used by [`Store::Memory`](super::Store::Memory).
    pub fn control_socket(&self) -> PathBuf {
        self.state.join("control.sock")
    }
}

/// Reads the whole document. What has a mistake is reported and replaced by its default, so that
/// the rest is looked at too; whether it may be used, the reader knows.
pub(super) fn read(document: &DeTable<'_>, file: &Path, reader: &Reader) -> Configuration {
    let top = reader.section(document, 0..0, &keys::TOP);
    let folder = file.parent().unwrap_or(Path::new(""));
    let section = |name, keys| reader.table(top.field(name), keys);

    let state = top.field("state").and_then(|field| reader.path(&field, folder));
    let groups = Groups::read(reader, top.field("groups"));
    let sessions = session::read(reader, section("session", &keys::SESSION).as_ref(), folder);
    let listening = server::read(reader, section("server", &keys::SERVER).as_ref());
    let (tls, covered) = tls::read(reader, section("tls", &keys::TLS).as_ref(), folder);
    let apps = apps::read(reader, &top, folder, &groups, &sessions.limits, (&listening, &covered));
    Configuration {
        file: file.to_owned(),
        state: state.unwrap_or_else(|| folder.join("state")),
        certs: folder.join("certs"),
        server: listening.server,
        tls,
        sessions,
        password: password::read(reader, section("password", &keys::PASSWORD).as_ref()),
        throttle: throttle::read(reader, section("throttle", &keys::THROTTLE).as_ref()),
        limits: limits::read(reader, section("limits", &keys::LIMITS).as_ref()),
        log: log::read(reader, section("log", &keys::LOG).as_ref()),
        policy: apps.policy,
        apps: apps.declarations,
        groups: groups.into_map(),
    }
}
