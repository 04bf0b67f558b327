//! `issuer` and `allowed_tenants`: the address of a provider, or the tenants of Microsoft Entra whose users may come in.

use super::{ProviderSection, preset::Preset};
use crate::{
    auth::oidc::{BadEndpoint, Endpoint, Issuer, PlainHttp},
    config::{
        excerpt::excerpt,
        reader::{Field, Text},
    },
};

impl ProviderSection<'_, '_> {
    pub(super) fn issuer(&self, preset: Preset, plain: PlainHttp) -> Option<Issuer> {
        let tenants = self.tenants(preset);
        let values = preset.values();
        let text = match self.field("issuer") {
            Some(field) => Some(self.reader.text(&field)?),
            None => None,
        };
        match (&text, values.issuer, tenants.as_slice()) {
            (None, _, [tenant]) => {
                let issuer = format!("https://{MICROSOFT}/{tenant}/v2.0");
                return Endpoint::parse(&issuer, plain).ok().map(Issuer::Exact);
            }
            (None, _, [_, ..]) => {
                let discovery = Endpoint::parse(SEVERAL_TENANTS, plain).ok()?;
                return Some(Issuer::Tenants { discovery, allowed: tenants });
            }
            // A tenant that can't be read was reported.
            (None, _, []) if self.names_tenants() => return None,
            (None, None, []) => {
                let help = match preset {
                    Preset::Entra => "name the tenant: `allowed_tenants = [\"YOUR-TENANT-ID\"]`".to_owned(),
                    _ => format!("write its address: `issuer = \"{}\"`", values.example),
                };
                self.report_missing("issuer", "this provider has no `issuer`", &help);
                return None;
            }
            (Some(text), _, [_, ..]) => {
                let error =
                    self.reader.error(&text.span, "`issuer` and `allowed_tenants` exclude each other");
                self.reader.report(error.help("leave `issuer` out: each tenant has one of its own"));
                return None;
            }
            _ => {}
        }
        let content = text.as_ref().map(|text| text.content).or(values.issuer)?;
        match Endpoint::parse(content, plain) {
            Ok(_) if is_for_several_tenants(content) => {
                self.report_issuer(
                    text.as_ref(),
                    "this address is not one tenant's",
                    "name the tenants whose users may come in: `allowed_tenants = [\"YOUR-TENANT-ID\"]`",
                );
                None
            }
            Ok(_) if content.contains(WELL_KNOWN) => {
                let (issuer, _) = content.split_once(WELL_KNOWN).unwrap_or_default();
                let help = format!("write the part before it: `issuer = \"{}\"`", excerpt(issuer));
                self.report_issuer(text.as_ref(), "this is the address of the provider's metadata", &help);
                None
            }
            Ok(issuer) if issuer.as_str().contains('?') => {
                self.report_issuer(text.as_ref(), "an issuer has no query", "leave out the part from `?` on");
                None
            }
            Ok(issuer) => Some(Issuer::Exact(issuer)),
            Err(BadEndpoint::Insecure) => {
                self.report_issuer(
                    text.as_ref(),
                    "it has to begin with https://",
                    "plain HTTP is for trying things out with a provider on this machine: `insecure = true` allows it there",
                );
                None
            }
            Err(wrong) => {
                let help = format!("write its address as the provider names it: `\"{}\"`", values.example);
                self.report_issuer(text.as_ref(), &wrong.to_string(), &help);
                None
            }
        }
    }

    /// The message repeats no address: it may hold a password.
    fn report_issuer(&self, text: Option<&Text<'_>>, label: &str, help: &str) {
        let span = text.map_or(self.section.span.clone(), |text| text.span.clone());
        self.reader.report(self.reader.error(&span, "`issuer` cannot be this").label(label).help(help));
    }

    /// Whether there is any tenant, readable or not.
    fn names_tenants(&self) -> bool {
        let is_empty =
            |field: &Field<'_>| field.value.get_ref().as_array().is_some_and(|list| list.is_empty());
        self.field("allowed_tenants").is_some_and(|field| !is_empty(&field))
    }

    fn tenants(&self, preset: Preset) -> Vec<String> {
        let Some(field) = self.field("allowed_tenants") else { return Vec::new() };
        if preset != Preset::Entra {
            let error = self.reader.error(&field.key, "`allowed_tenants` is for Microsoft Entra");
            self.reader.report(error.help("add `preset = \"entra\"`, or leave it out"));
            return Vec::new();
        }
        let is_id = |text: &str| {
            text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        };
        let mut tenants = Vec::new();
        for text in self.reader.texts(&field) {
            if is_id(text.content) {
                tenants.push(text.content.to_ascii_lowercase());
            } else {
                let message = format!("\"{}\" is no id of a tenant", excerpt(text.content));
                let help =
                    "the admin centre of Entra shows it as the tenant ID: 36 hexadecimal digits and hyphens";
                self.reader.report(self.reader.error(&text.span, message).help(help));
            }
        }
        tenants
    }
}

/// Whether this is an address of Entra that takes accounts of any tenant.
fn is_for_several_tenants(issuer: &str) -> bool {
    let path = issuer.strip_prefix("https://").and_then(|rest| rest.strip_prefix(MICROSOFT));
    let tenant = path.and_then(|path| path.split('/').nth(1));
    matches!(tenant, Some("common" | "organizations" | "consumers" | "{tenantid}"))
}

const WELL_KNOWN: &str = "/.well-known/";
const MICROSOFT: &str = "login.microsoftonline.com";
const SEVERAL_TENANTS: &str = "https://login.microsoftonline.com/organizations/v2.0";
