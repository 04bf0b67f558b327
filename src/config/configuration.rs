//! The whole configuration, in types of the modules that use it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml::de::DeTable;

use super::{
    accounts,
    apps::{self, AppDeclaration},
    assertion::{self, AssertionSection},
    backends, client_certificates,
    forward_auth::{self, ForwardAuthSection},
    groups::Groups,
    keys, limits,
    log::{self, LogSection},
    mail::{self, MailSection},
    passkeys, password, portal,
    portal::PortalSection,
    programs,
    reader::Reader,
    server::{self, ServerSection},
    session::{self, SessionSection},
    throttle,
    tls::{self, TlsSection},
    tokens, user_fields,
};
use crate::{
    access,
    assertion::KeyFolderSettings,
    auth::BackendSettings,
    client_certificate::CertificateUse,
    identity::{GroupName, Permission},
    portal::AccountSettings,
    server::Limits,
    throttle::ThrottleFiles,
    users::{HashSettings, PasswordRules, TokenRules, UserFields},
};

/// The declarations of `gateway.toml`.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The path of the file.
    pub file: PathBuf,
    /// The folder of the embedded databases. Default `state` beside the file.
    pub state: PathBuf,
    /// The folder in which the self-signed certificate is made: `certs` beside the file.
    pub certs: PathBuf,
    /// `[server]`: listeners and proxies.
    pub server: ServerSection,
    /// `[forward_auth]`: where other proxies ask about requests; `None`: nowhere.
    pub forward_auth: Option<ForwardAuthSection>,
    /// `[assertion]`: the keys of signed assertions.
    pub assertion: AssertionSection,
    /// `[tls]`: TLS versions and certificates.
    pub tls: TlsSection,
    /// `[session]`: store and time limits of sessions.
    pub sessions: SessionSection,
    /// `[portal]`: the host on which people sign in, and the looks of the pages.
    pub portal: PortalSection,
    /// `[accounts]`: second factors and registration.
    pub accounts: AccountSettings,
    /// `[mail]`: the server that takes mail.
    pub mail: MailSection,
    /// `[password]`: the cost of one password check.
    pub password: HashSettings,
    /// `[[user_field]]`: fields of users.
    pub user_fields: UserFields,
    /// `[password]`: the rules for new passwords.
    pub password_rules: PasswordRules,
    /// `[throttle]`: limits on attempts to sign in.
    pub throttle: crate::throttle::ThrottleLimits,
    /// `[[backend]]`: where users are known, in this order.
    pub backends: Vec<BackendSettings>,
    /// `[tokens]`: how long API tokens last.
    pub tokens: TokenRules,
    /// `[limits]`: limits on clients.
    pub limits: Limits,
    /// `[log]`: contents and format of the log.
    pub log: LogSection,
    /// All apps and their rules, compiled.
    pub policy: access::Policy,
    /// The other declarations of each app; an [`access::AppId`] is an index into it.
    pub apps: Vec<AppDeclaration>,
    /// `[groups]`: the permissions of each group.
    pub groups: BTreeMap<GroupName, Vec<Permission>>,
}

impl Configuration {
    /// The users database, in the state folder.
    pub fn users_database(&self) -> PathBuf {
        self.state.join("users.db")
    }

    /// The sessions database, in the state folder; used by [`Store::File`](super::Store::File).
    pub fn sessions_database(&self) -> PathBuf {
        self.state.join("sessions.db")
    }

    /// The files of the counters of failed sign-ins, in the state folder.
    pub fn throttle_files(&self) -> ThrottleFiles {
        ThrottleFiles { database: self.state.join("throttle.db"), key: self.state.join("device.key") }
    }

    /// The queue of mail, in the state folder.
    pub fn mail_queue(&self) -> PathBuf {
        self.state.join("mail.db")
    }

    /// The address of the gateway for browsers, `https://HOST[:PORT]`, of the configuration alone: links lead there,
    /// whatever the `Host` of the request that asks for one. `listener` is the port of the first HTTPS listener.
    pub fn origin(&self, listener: Option<u16>) -> String {
        if let Some(origin) = &self.mail.origin {
            return origin.to_string();
        }
        let of_apps = || self.policy.apps().iter().find_map(|app| app.hosts.first());
        let host = self.portal.host.as_ref().or_else(of_apps).map_or("localhost", |host| host);
        match self.server.public_port.or(listener) {
            None | Some(443) => format!("https://{host}"),
            Some(port) => format!("https://{host}:{port}"),
        }
    }

    /// The keys of assertions; `None`: no app wants one, and none is told of sign-outs.
    pub fn assertion_keys(&self) -> Option<KeyFolderSettings> {
        let wants = |app: &AppDeclaration| app.sign_ins.settings.is_some();
        self.apps.iter().any(wants).then(|| self.assertion.keys.clone())
    }

    /// The control socket of a running gateway, in the state folder; the only way to sessions of [`Store::Memory`](super::Store::Memory).
    pub fn control_socket(&self) -> PathBuf {
        self.state.join("control.sock")
    }
}

/// Reads the whole document. A value with a mistake is reported and replaced by its default, so that the rest is
/// checked too; the caller discards the result if the reader has an error.
pub(super) fn read(document: &DeTable<'_>, file: &Path, reader: &Reader) -> Configuration {
    let top = reader.section(document, 0..0, &keys::TOP);
    let folder = file.parent().unwrap_or(Path::new(""));
    let section = |name, keys| reader.table(top.field(name), keys);

    let state = top.field("state").and_then(|field| reader.path(&field, folder));
    let groups = Groups::read(reader, top.field("groups"));
    let sessions = session::read(reader, section("session", &keys::SESSION).as_ref(), folder);
    let checks = section("forward_auth", &keys::FORWARD_AUTH);
    let (listening, forward_auth) =
        server::read(reader, section("server", &keys::SERVER).as_ref(), checks.as_ref(), folder);
    let (mut tls, covered) = tls::read(reader, section("tls", &keys::TLS).as_ref(), folder);
    let portal = portal::read(reader, section("portal", &keys::PORTAL).as_ref(), &covered, folder);
    let password_section = section("password", &keys::PASSWORD);
    let state = state.unwrap_or_else(|| folder.join("state"));
    let assertion = assertion::read(reader, section("assertion", &keys::ASSERTION).as_ref(), folder, &state);
    let surroundings = (&listening, &covered, &portal, &tls, &assertion);
    let apps = apps::read(reader, &top, folder, &groups, &sessions.limits, surroundings);
    if let (Some(section), Some(checks)) = (&checks, &forward_auth) {
        forward_auth::check(reader, section, checks, (listening.lacks_proxies, &apps.policy));
        let used = apps.declarations.iter().map(|declaration| declaration.certificates);
        forward_auth::warn_of_certificates(reader, apps.policy.apps().iter().zip(used));
    }
    for app in apps.policy.apps() {
        let used = apps.declarations.get(app.id.0).map(|declaration| declaration.certificates);
        if used.is_some_and(|used| used != CertificateUse::Ignored) {
            tls.clients.hosts.add(&app.hosts);
        }
    }
    client_certificates::warn_if_unused(reader, tls.client_ca.as_ref(), &tls.clients.hosts);
    let mail_section = section("mail", &keys::MAIL);
    let mail = mail::read(reader, mail_section.as_ref(), folder, (&portal, &apps.policy));
    let backends = backends::read(reader, top.field("backend"), folder, &groups);
    let takes_access_tokens = backends.iter().any(BackendSettings::takes_access_tokens);
    let programs = apps.declarations.iter().map(|app| &app.programs);
    programs::check(reader, &apps.policy, programs, takes_access_tokens);
    let section_of_accounts = section("accounts", &keys::ACCOUNTS);
    let mut accounts = accounts::read(reader, section_of_accounts.as_ref(), &groups, &mail);
    let passkeys = section_of_accounts
        .as_ref()
        .and_then(|section| reader.table(section.field("passkeys"), &keys::PASSKEYS));
    let hosts = (&portal, &apps.policy);
    accounts.passkeys = passkeys::read(reader, passkeys.as_ref(), accounts.second_factor, hosts, folder);
    Configuration {
        forward_auth,
        file: file.to_owned(),
        state,
        assertion,
        certs: folder.join("certs"),
        server: listening.server,
        tls,
        sessions,
        portal,
        accounts,
        mail,
        password: password::read(reader, password_section.as_ref()),
        user_fields: user_fields::read(reader, &reader.tables(top.field("user_field"), &keys::USER_FIELD)),
        password_rules: password::read_rules(reader, password_section.as_ref(), folder),
        throttle: throttle::read(reader, section("throttle", &keys::THROTTLE).as_ref()),
        backends,
        tokens: tokens::read(reader, section("tokens", &keys::TOKENS).as_ref()),
        limits: limits::read(reader, section("limits", &keys::LIMITS).as_ref()),
        log: log::read(reader, section("log", &keys::LOG).as_ref()),
        policy: apps.policy,
        apps: apps.declarations,
        groups: groups.into_map(),
    }
}
