//! `[groups]`: the groups that rules may require, and the permissions of each.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::{
    excerpt::excerpt,
    reader::{Field, Reader, Text, fields},
    suggest,
};
use crate::{
    access::GrantedPermission,
    identity::{GroupName, Permission},
};

/// All groups, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Groups(Vec<(GroupName, Vec<Permission>)>);

impl Groups {
    pub(super) fn read(reader: &Reader, field: Option<Field<'_>>) -> Self {
        let mut groups = Self::default();
        let Some(field) = field else { return groups };
        let DeValue::Table(table) = field.value.get_ref() else {
            reader.wrong_type(
                &field,
                "a table, `[groups]`,",
                Some("write `[groups]` and below it `staff = [\"wiki.edit\"]`".to_owned()),
            );
            return groups;
        };
        for field in fields(table) {
            let permissions =
                reader.texts(&field).iter().filter_map(|text| permission(reader, text)).collect();
            match GroupName::parse(field.name) {
                Ok(name) => groups.0.push((name, permissions)),
                Err(wrong) => {
                    let message = format!("`{}` is no name of a group", excerpt(field.name));
                    reader.report(reader.error(&field.key, message).label(wrong.to_string()));
                }
            }
        }
        groups
    }

    /// A group that a rule requires; an undefined group is an error.
    pub(super) fn defined(&self, reader: &Reader, text: &Text<'_>) -> Option<GroupName> {
        if let Some((name, _)) = self.0.iter().find(|(name, _)| name.as_str() == text.content) {
            return Some(name.clone());
        }
        let message = format!("group \"{}\" is not defined", excerpt(text.content));
        let mut error = reader.error(&text.span, message);
        error = match (suggest::similar(text.content, self.names()), GroupName::parse(text.content)) {
            (Some(meant), _) => error.help(format!("did you mean \"{meant}\"?")),
            (None, Err(wrong)) => error.label(wrong.to_string()),
            (None, Ok(name)) => {
                error.help(format!("define it: `{} = []` below `[groups]`", as_key(name.as_str())))
            }
        };
        reader.report_absence(error);
        None
    }

    /// Whether there is a group of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names().any(|group| group == name)
    }

    /// A permission that a rule requires, with the groups that grant it; no such group is a warning.
    pub(super) fn granted(&self, reader: &Reader, text: &Text<'_>) -> Option<GrantedPermission> {
        let permission = permission(reader, text)?;
        let granted_by: Vec<GroupName> = self
            .0
            .iter()
            .filter(|(_, permissions)| permissions.contains(&permission))
            .map(|(name, _)| name.clone())
            .collect();
        if granted_by.is_empty() {
            let known = self.0.iter().flat_map(|(_, permissions)| permissions).map(Permission::as_str);
            let help = match suggest::similar(text.content, known) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => "only superusers and users who were given it directly will pass; add it to a group in `[groups]`".to_owned(),
            };
            let message = format!("no group grants the permission \"{permission}\"");
            reader.report(reader.warning(&text.span, message).help(help));
        }
        Some(GrantedPermission { permission, granted_by })
    }

    pub(super) fn into_map(self) -> BTreeMap<GroupName, Vec<Permission>> {
        self.0.into_iter().collect()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

fn permission(reader: &Reader, text: &Text<'_>) -> Option<Permission> {
    match Permission::parse(text.content) {
        Ok(permission) => Some(permission),
        Err(wrong) => {
            let message = format!("\"{}\" is no name of a permission", excerpt(text.content));
            reader.report(reader.error(&text.span, message).label(wrong.to_string()));
            None
        }
    }
}

/// A name as a TOML key.
fn as_key(name: &str) -> String {
    let bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if bare { name.to_owned() } else { format!("\"{name}\"") }
}
