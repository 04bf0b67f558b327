//! `[[backend]]` with `type = "ldap"`: a directory, and which of its entries are users and groups.
//!
//! A key that is left out has the value of the preset.

mod connection;
mod entries;

use std::path::Path;

use super::{
    excerpt::excerpt,
    groups::Groups,
    reader::{Reader, Section, Text},
    suggest,
};
use crate::{
    auth::ldap::{Dn, LdapSettings, Preset},
    identity::BackendName,
    users::Provisioning,
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
