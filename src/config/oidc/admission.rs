//! `allow`: the people of a provider who may come in.

use toml::de::DeValue;

use super::{ProviderSection, preset::Preset};
use crate::{
    auth::oidc::{Admission, ClaimPath, OidcSettings},
    config::{
        excerpt::excerpt,
        keys,
        reader::{Field, Text, fields},
    },
    users::Provisioning,
};

impl ProviderSection<'_, '_> {
    pub(super) fn admission(&self, preset: Preset) -> Admission {
        let Some(table) = self.reader.table(self.field("allow"), &keys::OIDC_ALLOW) else {
            return Admission::default();
        };
        let texts = |name| {
            let field = table.field(name);
            field.map_or_else(Vec::new, |field| self.at_least_one(&field, self.reader.texts(&field)))
        };
        let mut domains = Vec::new();
        for text in texts("domain") {
            if is_domain(text.content) {
                domains.push(text.content.to_ascii_lowercase());
            } else {
                let message = format!("\"{}\" is no domain of e-mail addresses", excerpt(text.content));
                let help = "write the part behind the `@`: `domain = \"example.com\"`; a domain below it is another one";
                self.reader.report(self.reader.error(&text.span, message).help(help));
            }
        }
        let groups = texts("group").iter().map(|text| text.content.to_owned()).collect();
        let claims = table.field("claim").map(|field| self.allowed_claims(&field)).unwrap_or_default();
        let hosted_domain = preset == Preset::Google && !domains.is_empty();
        Admission { domains, hosted_domain, groups, claims }
    }

    fn allowed_claims(&self, field: &Field<'_>) -> Vec<(ClaimPath, Vec<String>)> {
        let DeValue::Table(table) = field.value.get_ref() else {
            let help = "write `claim = { department = [\"it\", \"hr\"] }`: the claim, then its values";
            self.reader.wrong_type(field, "a table", Some(help.to_owned()));
            return Vec::new();
        };
        let mut claims = Vec::new();
        for field in fields(table) {
            let Some(path) = ClaimPath::parse(field.name) else {
                let error = self.reader.error(&field.key, "this is no name of a claim");
                self.reader.report(error.help("write `claim = { department = \"it\" }`"));
                continue;
            };
            let values = self.at_least_one(&field, self.reader.texts(&field));
            claims.push((path, values.iter().map(|text| text.content.to_owned()).collect()));
        }
        claims
    }

    /// An empty list admits everybody in some programs and nobody in others.
    fn at_least_one<'t>(&self, field: &Field<'_>, texts: Vec<Text<'t>>) -> Vec<Text<'t>> {
        if texts.is_empty() && field.value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
            let error =
                self.reader.error(&field.value.span(), format!("`{}` is an empty list", excerpt(field.name)));
            self.reader.report(error.help("name at least one, or leave the key out"));
        }
        texts
    }

    /// A provider at which anybody can make an account proves nothing but that somebody has done so.
    pub(super) fn refuse_everybody(&self, settings: &OidcSettings) {
        let host = settings.authority();
        let is_public = PUBLIC.iter().any(|public| host.starts_with(public));
        let admits_everybody = settings.allow == Admission::default();
        if is_public && admits_everybody && settings.provisioning == Provisioning::Automatic {
            let message = "everybody with an account at this provider would come in";
            let help = "say who may: `allow = { domain = \"example.com\" }`, or `provisioning = \"approval\"` or `\"invited\"`";
            self.reader.report_absence(self.reader.error(&self.section.span, message).help(help));
        }
    }
}

/// Letters, digits, hyphens and dots, at least one of them.
fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

/// Providers at which anybody can have an account; the last one is Microsoft's tenant of private accounts.
const PUBLIC: [&str; 3] = [
    "https://accounts.google.com",
    "https://gitlab.com",
    "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad",
];
