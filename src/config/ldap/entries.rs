//! The entries of a directory that are users and groups: where they are, and the meaning of their attributes.

use std::{collections::BTreeMap, sync::Arc};

use toml::de::DeValue;

use super::{Base, DirectorySection};
use crate::{
    auth::ldap::{
        Dn, FilterTemplate, GroupMap, GroupSettings, MemberForm, PresetValues, SubjectId, UserSettings,
        is_attribute_description,
    },
    config::{
        excerpt::excerpt,
        groups::Groups,
        reader::{Text, fields},
    },
    identity::GroupName,
};

impl DirectorySection<'_, '_> {
    pub(super) fn users(&self, values: &PresetValues, base: Option<&Base>) -> Option<UserSettings> {
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

    pub(super) fn groups(
        &self,
        values: &PresetValues,
        base: Option<&Base>,
        ours: &Groups,
    ) -> Option<GroupSettings> {
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
}
