//! `[[backend]]` with `type = "ldap"`: a directory, and which of its entries are users and groups.
//!
//! A key that is left out has the value of the preset.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use toml::de::DeValue;

use super::{
    authorities,
    excerpt::excerpt,
    groups::Groups,
    reader::{Field, Reader, Section, Text, fields},
    secret_file, suggest,
};
use crate::{
    auth::ldap::{
        Authorities, ConnectionSettings, Dn, FilterTemplate, GroupMap, GroupSettings, LdapSettings, LdapUrl,
        MemberForm, Preset, PresetValues, ServiceAccount, SubjectId, UserSettings, is_attribute_description,
    },
    identity::{BackendName, GroupName},
    users::{Password, Provisioning},
};

/// Reads one directory; `None` after a mistake that leaves nothing to go on with.
pub(super) fn read(
    reader: &Reader,
    section: &Section<'_>,
    (name, provisioning): (BackendName, Provisioning),
    (folder, groups): (&Path, &Groups),
) -> Option<LdapSettings> {
    let directory = DirectorySection { reader, section, folder };
    let preset = directory.preset();
    let base = directory.base();
    // The rest is read for its mistakes, whatever the preset is.
    let values = preset.unwrap_or(Preset::OpenLdap).values();
    let connection = directory.connection(preset);
    let users = directory.users(values, base.as_ref());
    let groups = directory.groups(values, base.as_ref(), groups);
    let duration = |name, default| reader.duration(section.field(name), default);
    let refresh = duration("refresh", LdapSettings::REFRESH);
    let grace = reader.duration_or_none(section.field("grace"), LdapSettings::GRACE);
    Some(LdapSettings {
        name,
        preset: preset?,
        connection: connection?,
        authority: base?.dn.key().into(),
        users: users?,
        groups: groups?,
        provisioning,
        refresh,
        grace,
    })
}

/// The section of one directory.
struct DirectorySection<'r, 'd> {
    reader: &'r Reader,
    section: &'r Section<'d>,
    folder: &'r Path,
}

/// A mistake that is reported already.
struct Mistake;

/// The root of the directory.
struct Base {
    text: String,
    dn: Dn,
}

impl<'d> DirectorySection<'_, 'd> {
    fn preset(&self) -> Option<Preset> {
        let names = Preset::ALL.map(Preset::as_str);
        let Some(field) = self.section.field("preset") else {
            let help =
                format!("say what kind of directory it is: `preset` is {}", suggest::listed_or(&names));
            self.report_missing("preset", "this directory has no `preset`", &help);
            return None;
        };
        self.reader.choice(&field, &names).and_then(Preset::named)
    }

    fn base(&self) -> Option<Base> {
        let Some(text) = self.text("base") else {
            let help = "name its root: `base = \"dc=example,dc=com\"`";
            self.report_missing("base", "this directory has no `base`", help);
            return None;
        };
        let dn = self.dn(&text, "base")?;
        if text.content.trim().is_empty() {
            let error = self.reader.error(&text.span, "`base` is empty");
            self.reader.report(error.help("name the root of the directory: `base = \"dc=example,dc=com\"`"));
            return None;
        }
        Some(Base { text: text.content.to_owned(), dn })
    }

    fn connection(&self, preset: Option<Preset>) -> Option<ConnectionSettings> {
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

    fn users(&self, values: &PresetValues, base: Option<&Base>) -> Option<UserSettings> {
        let search_base = self.search_base("user_base", values.user_branch, base);
        let filter = self.filter("user_filter", values.user_filter, &["name"]);
        let attribute = |key, default| self.attribute(key, default);
        let (name, id) = (attribute("user_name", values.user_name), attribute("user_id", values.user_id));
        let email = attribute("user_email", values.user_email);
        let full_name = attribute("user_full_name", values.user_full_name);
        let attributes = self.attributes();
        let email_verified = self.reader.boolean(self.section.field("email_verified"), false);
        let (filter, filter_text) = filter?;
        if let Some(field) = self.section.field("user_filter").filter(|_| !filter.has("name")) {
            let error = self.reader.error(&field.value.span(), "`user_filter` has no `{name}`");
            self.reader.report(
                error
                    .label("it finds the same entries whatever is typed")
                    .help("write `{name}` where the typed name belongs: `(uid={name})`"),
            );
            return None;
        }
        Some(UserSettings {
            base: search_base?,
            filter,
            filter_text,
            name: name?,
            id: SubjectId::in_attribute(&id?),
            email: email?,
            email_verified,
            full_name: full_name?,
            attributes,
            states: values.states,
        })
    }

    fn groups(&self, values: &PresetValues, base: Option<&Base>, ours: &Groups) -> Option<GroupSettings> {
        let search_base = self.search_base("group_base", values.group_branch, base);
        let filter = self.filter("group_filter", values.group_filter, &[]);
        let name = self.attribute("group_name", values.group_name);
        let members = self.attribute("group_members", values.group_members);
        let nested = self.reader.boolean(self.section.field("nested"), values.nested);
        let map = self.group_map(ours);
        let (members, (filter, filter_text)) = (members?, filter?);
        Some(GroupSettings {
            base: search_base?,
            filter: filter.fill(|_| b""),
            filter_text,
            name: name?,
            member_form: MemberForm::of(&members),
            members,
            nested,
            primary_group: values.primary_group,
            map,
        })
    }

    /// `groups`: a table of their names or DNs, or a list of names that are the same here and there.
    fn group_map(&self, ours: &Groups) -> GroupMap {
        let mut map = GroupMap::default();
        let Some(field) = self.section.field("groups") else { return map };
        let defined = |texts: &[Text<'_>]| -> Vec<GroupName> {
            texts.iter().filter_map(|text| ours.defined(self.reader, text)).collect()
        };
        match field.value.get_ref() {
            DeValue::Table(table) => {
                for field in fields(table) {
                    let names = defined(&self.reader.texts(&field));
                    match Dn::parse(field.name) {
                        Ok(dn) if field.name.contains('=') => map.add_dn(&dn, names),
                        _ if field.name.trim().is_empty() => {
                            let error = self.reader.error(&field.key, "the name of a group is missing");
                            let help = "write `\"Wiki Editors\" = \"editors\"`: theirs, then ours";
                            self.reader.report(error.help(help));
                        }
                        _ => map.add_name(field.name, names),
                    }
                }
            }
            _ => {
                for text in self.reader.texts(&field) {
                    map.add_name(text.content, defined(std::slice::from_ref(&text)));
                }
            }
        }
        map
    }

    /// `attributes`: our name, and the attribute of the entry.
    fn attributes(&self) -> BTreeMap<String, String> {
        let Some(field) = self.section.field("attributes") else { return BTreeMap::new() };
        let DeValue::Table(table) = field.value.get_ref() else {
            let help =
                "write `attributes = { team = \"department\" }`: our name, then the attribute of the entry";
            self.reader.wrong_type(&field, "a table", Some(help.to_owned()));
            return BTreeMap::new();
        };
        let mut attributes = BTreeMap::new();
        for field in fields(table) {
            if let Some(theirs) = self.reader.text(&field).and_then(|text| self.checked_attribute(&text)) {
                attributes.insert(field.name.to_owned(), theirs);
            }
        }
        attributes
    }

    fn attribute(&self, key: &str, default: &str) -> Option<String> {
        match self.section.field(key) {
            Some(field) => self.checked_attribute(&self.reader.text(&field)?),
            None => Some(default.to_owned()),
        }
    }

    fn checked_attribute(&self, text: &Text<'_>) -> Option<String> {
        if is_attribute_description(text.content) {
            return Some(text.content.to_owned());
        }
        let message = format!("\"{}\" is no name of an attribute", excerpt(text.content));
        self.reader.report(
            self.reader.error(&text.span, message).help("letters, digits and `-`, such as `\"mail\"`"),
        );
        None
    }

    fn filter(
        &self,
        key: &str,
        default: &str,
        placeholders: &[&'static str],
    ) -> Option<(FilterTemplate, Arc<str>)> {
        let text = match self.section.field(key) {
            Some(field) => Some(self.reader.text(&field)?),
            None => None,
        };
        let content = text.as_ref().map_or(default, |text| text.content);
        match FilterTemplate::parse(content, placeholders) {
            Ok(filter) => Some((filter, content.into())),
            Err(wrong) => {
                let text = text?;
                let message = format!("`{key}` is no filter");
                let at = text.part(&(wrong.at..wrong.at));
                let help = "the form is that of RFC 4515: `(&(objectClass=inetOrgPerson)(uid={name}))`";
                self.reader.report(self.reader.error(&at, message).label(wrong.problem).help(help));
                None
            }
        }
    }

    /// Where a search starts: as configured, or the branch of the preset. It is within the base, which stands for the
    /// directory in the identities of the users.
    fn search_base(&self, key: &str, branch: &str, base: Option<&Base>) -> Option<Arc<str>> {
        let Some(text) = self.text(key) else {
            let base = base?;
            let separator = if branch.is_empty() { "" } else { "," };
            return Some(format!("{branch}{separator}{}", base.text).into());
        };
        let dn = self.dn(&text, key)?;
        let base = base?;
        if !dn.is_within(&base.dn) {
            let error = self.reader.error(&text.span, format!("`{key}` is outside of `base`"));
            self.reader.report(
                error
                    .label(format!("the base is {}", excerpt(&base.text)))
                    .help("write the whole name, down to the base: `\"ou=people,dc=example,dc=com\"`"),
            );
            return None;
        }
        Some(text.content.into())
    }

    fn dn(&self, text: &Text<'_>, key: &str) -> Option<Dn> {
        match Dn::parse(text.content) {
            Ok(dn) => Some(dn),
            Err(wrong) => {
                let message = format!("`{key}` cannot be \"{}\"", excerpt(text.content));
                let help = "separate its parts with commas: `\"ou=people,dc=example,dc=com\"`";
                self.reader
                    .report(self.reader.error(&text.span, message).label(wrong.to_string()).help(help));
                None
            }
        }
    }

    fn text(&self, key: &str) -> Option<Text<'d>> {
        self.section.field(key).and_then(|field| self.reader.text(&field))
    }

    fn report_missing(&self, key: &str, message: &str, help: &str) {
        if self.section.lacks(key) {
            self.reader.report_absence(self.reader.error(&self.section.span, message).help(help));
        }
    }

    fn warn_without_effect(&self, key: &str, why: &str) {
        let Some(field) = self.section.field(key) else { return };
        let warning = self.reader.warning(&field.key, format!("`{key}` has no effect: {why}"));
        self.reader.report(warning.help("leave it out, or change `url`"));
    }
}
