//! `claims` and `groups`: the claims that describe a user, and the gateway's groups for those of the provider.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::{ProviderSection, preset::PresetValues};
use crate::{
    auth::oidc::{ClaimNames, ClaimPath, OidcSettings},
    config::{
        excerpt::excerpt,
        groups::Groups,
        keys,
        reader::{Field, fields},
    },
    identity::GroupName,
};

impl ProviderSection<'_, '_> {
    pub(super) fn claims(&self, values: &PresetValues) -> ClaimNames {
        let table = self.reader.table(self.field("claims"), &keys::OIDC_CLAIMS);
        let field = |name| table.as_ref().and_then(|table| table.field(name));
        let path = |name, default: &'static str| {
            let given = field(name).and_then(|field| self.claim(&field));
            given.unwrap_or_else(|| ClaimPath::named(default))
        };
        let groups = match field("groups") {
            Some(field) => self.claim(&field),
            None => values.groups.map(ClaimPath::named),
        };
        ClaimNames {
            username: path("username", values.username),
            email: path("email", "email"),
            email_verified: path("email_verified", values.email_verified),
            verified_as_text: self.reader.boolean(field("email_verified_as_text"), false),
            full_name: path("name", "name"),
            groups,
            attributes: self.attributes(field("attributes")),
        }
    }

    fn claim(&self, field: &Field<'_>) -> Option<ClaimPath> {
        let text = self.reader.text(field)?;
        let path = ClaimPath::parse(text.content);
        if path.is_none() {
            let message = format!("`{}` is no name of a claim", excerpt(field.name));
            let help = "write `\"groups\"`, or `\"/realm_access/roles\"` for a claim inside another one";
            self.reader.report(self.reader.error(&text.span, message).help(help));
        }
        path
    }

    /// Our name, and the claim.
    fn attributes(&self, field: Option<Field<'_>>) -> BTreeMap<String, ClaimPath> {
        let Some(field) = field else { return BTreeMap::new() };
        let DeValue::Table(table) = field.value.get_ref() else {
            let help = "write `attributes = { team = \"department\" }`: our name, then the claim";
            self.reader.wrong_type(&field, "a table", Some(help.to_owned()));
            return BTreeMap::new();
        };
        fields(table).filter_map(|field| Some((field.name.to_owned(), self.claim(&field)?))).collect()
    }

    /// Their group, and ours.
    pub(super) fn group_map(&self, ours: &Groups) -> BTreeMap<String, GroupName> {
        let Some(field) = self.field("groups") else { return BTreeMap::new() };
        let DeValue::Table(table) = field.value.get_ref() else {
            let help = "write `groups = { \"Wiki Editors\" = \"editors\" }`: theirs, then ours";
            self.reader.wrong_type(&field, "a table", Some(help.to_owned()));
            return BTreeMap::new();
        };
        let mut map = BTreeMap::new();
        for field in fields(table) {
            if let Some(name) = self.reader.text(&field).and_then(|text| ours.defined(self.reader, &text)) {
                map.insert(field.name.to_owned(), name);
            }
        }
        map
    }

    pub(super) fn warn_of_unused_groups(&self, settings: &OidcSettings) {
        let uses = !settings.groups.is_empty() || !settings.allow.groups.is_empty();
        if settings.claims.groups.is_none() && uses {
            let message = "this provider tells no groups";
            let help = "name the claim that has them: `claims = { groups = \"groups\" }`; Google has none";
            let span = self.field("groups").map_or(self.section.span.clone(), |field| field.key);
            self.reader.report(self.reader.warning(&span, message).help(help));
        }
    }
}
