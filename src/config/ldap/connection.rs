//! The servers of a directory, the TLS to them, and the account of the gateway.

use std::sync::Arc;

use super::DirectorySection;
use crate::{
    auth::ldap::{Authorities, ConnectionSettings, Dn, LdapUrl, Preset, ServiceAccount},
    config::{
        authorities,
        excerpt::excerpt,
        reader::{Field, Text},
        secret_file,
    },
    users::Password,
};

impl<'d> DirectorySection<'_, 'd> {
    pub(super) fn connection(&self, preset: Option<Preset>) -> Option<ConnectionSettings> {
        let urls = self.urls();
        let start_tls = self.reader.boolean(self.section.field("start_tls"), false);
        let allow_plain = self.reader.boolean(self.section.field("insecure"), false);
        let uses_tls = start_tls || urls.iter().any(|(url, _)| url.is_tls());
        if !start_tls {
            for (url, text) in urls.iter().filter(|(url, _)| !url.is_tls() && !url.is_local()) {
                self.report_plain(url, text, allow_plain);
            }
        }
        let is_plain = |url: &LdapUrl| !url.is_tls() && !url.is_socket();
        if start_tls && !urls.iter().any(|(url, _)| is_plain(url)) && !urls.is_empty() {
            self.warn_without_effect("start_tls", "no `url` begins with `ldap://`");
        }
        let authorities = self.authorities(uses_tls || urls.is_empty());
        let service = self.service(preset).ok()?;
        let reader = self.reader;
        let field = |name| self.section.field(name);
        let connections = reader.integer(
            field("connections"),
            1..=u64::from(ConnectionSettings::CONNECTIONS),
            u64::from(ConnectionSettings::CONNECTIONS),
        );
        let connection = ConnectionSettings {
            urls: urls.into_iter().map(|(url, _)| url).collect(),
            start_tls,
            allow_plain,
            authorities: authorities?,
            service,
            connections: u8::try_from(connections).unwrap_or(ConnectionSettings::CONNECTIONS),
            connect_timeout: reader.duration(field("connect_timeout"), ConnectionSettings::CONNECT_TIMEOUT),
            operation_timeout: reader.duration(field("timeout"), ConnectionSettings::OPERATION_TIMEOUT),
        };
        (!connection.urls.is_empty()).then_some(connection)
    }

    fn urls(&self) -> Vec<(LdapUrl, Text<'d>)> {
        let Some(field) = self.section.field("url") else {
            let help = "name its server: `url = \"ldaps://dc1.example.com\"`";
            self.report_missing("url", "this directory has no `url`", help);
            return Vec::new();
        };
        if field.value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
            let error = self.reader.error(&field.value.span(), "this directory has an empty list of servers");
            self.reader.report(error.help("name at least one: `url = \"ldaps://dc1.example.com\"`"));
        }
        let mut urls = Vec::new();
        for text in self.reader.texts(&field) {
            match LdapUrl::parse(text.content) {
                Ok(url) => urls.push((url, text)),
                Err(wrong) => {
                    // A password may stand before an `@`.
                    let named = if text.content.contains('@') {
                        "this ".to_owned()
                    } else {
                        format!("\"{}\" ", excerpt(text.content))
                    };
                    let error = self.reader.error(&text.span, format!("{named}is no URL of a directory"));
                    self.reader.report(error.label(wrong.problem).help(wrong.help));
                }
            }
        }
        urls
    }

    /// Eve, on the network between the two, reads every password that is typed at the sign-in page.
    fn report_plain(&self, url: &LdapUrl, text: &Text<'_>, is_allowed: bool) {
        let message = format!("passwords go to {url} without TLS");
        self.reader.report(if is_allowed {
            self.reader
                .warning(&text.span, message)
                .label("a machine on the way reads them")
                .help("use `ldaps://`, or `start_tls = true`")
        } else {
            self.reader
                .error(&text.span, message)
                .label("a machine on the way would read them")
                .help("use `ldaps://`, or add `start_tls = true`; `insecure = true` allows it nevertheless")
        });
    }

    fn authorities(&self, uses_tls: bool) -> Option<Authorities> {
        if let Some(field) = self.section.field("ca") {
            let certificates = authorities::of_file(self.reader, &field, self.folder)?;
            if !uses_tls {
                self.warn_without_effect("ca", "no connection to this directory uses TLS");
            }
            return Some(Authorities::new(certificates));
        }
        if !uses_tls {
            return Some(Authorities::default());
        }
        match authorities::of_system() {
            Ok(certificates) => Some(Authorities::new(certificates)),
            Err(problem) => {
                authorities::report_none(self.reader, &self.section.span, ("directory", "ca"), &problem);
                None
            }
        }
    }

    /// The account of the gateway; `None` searches without one.
    fn service(&self, preset: Option<Preset>) -> Result<Option<ServiceAccount>, Mistake> {
        let field = |name| self.section.field(name);
        match (field("bind_dn"), field("bind_password_file")) {
            (None, None) => {
                if preset == Some(Preset::ActiveDirectory) {
                    let help = "give the gateway an account: `bind_dn = \"gateway@example.com\"` and `bind_password_file`";
                    let message = "Active Directory lets nobody search without an account";
                    self.report_missing("bind_dn", message, help);
                    return Err(Mistake);
                }
                Ok(None)
            }
            (Some(dn), None) => {
                let message = "the account of the gateway has no `bind_password_file`";
                let help = "put its password into a file that only the gateway can read, and name the file";
                if self.section.lacks("bind_password_file") {
                    self.reader.report_absence(self.reader.error(&dn.key, message).help(help));
                }
                Err(Mistake)
            }
            (None, Some(file)) => {
                let message = "there is a password, and no account that it belongs to";
                let help = "name the account: `bind_dn = \"cn=gateway,ou=services,dc=example,dc=com\"`";
                if self.section.lacks("bind_dn") {
                    self.reader.report_absence(self.reader.error(&file.key, message).help(help));
                }
                Err(Mistake)
            }
            (Some(dn), Some(file)) => {
                let bind_dn = self.bind_dn(&dn, preset);
                let password = self.password(&file);
                match (bind_dn, password) {
                    (Some(bind_dn), Some(password)) => Ok(Some(ServiceAccount { bind_dn, password })),
                    _ => Err(Mistake),
                }
            }
        }
    }

    fn bind_dn(&self, field: &Field<'d>, preset: Option<Preset>) -> Option<Arc<str>> {
        let text = self.reader.text(field)?;
        // Active Directory takes `gateway@example.com` and `EXAMPLE\gateway`, too.
        let is_short = preset == Some(Preset::ActiveDirectory) && text.content.contains(['@', '\\']);
        let is_dn = Dn::parse(text.content).is_ok() && !text.content.trim().is_empty();
        if is_dn || is_short {
            return Some(text.content.into());
        }
        let error =
            self.reader.error(&text.span, format!("`bind_dn` cannot be \"{}\"", excerpt(text.content)));
        let help = if preset == Some(Preset::ActiveDirectory) {
            "write `\"gateway@example.com\"`, or the whole name: `\"cn=gateway,ou=services,dc=example,dc=com\"`"
        } else {
            "write the whole name of the entry: `\"cn=gateway,ou=services,dc=example,dc=com\"`"
        };
        self.reader.report(error.help(help));
        None
    }

    fn password(&self, field: &Field<'_>) -> Option<Password> {
        secret_file::read(self.reader, field, self.folder).map(|secret| Password::new(secret.to_string()))
    }
}

/// A mistake that is reported already.
struct Mistake;
