//! `[[backend]]` with `type = "oidc"`: a provider of OpenID Connect, and who may come in through it.
//!
//! A key that is left out has the value of the preset.

mod admission;
mod claims;
mod client;
mod issuer;
mod preset;

use std::{path::Path, time::Duration};

use self::preset::Preset;
use super::{
    authorities,
    groups::Groups,
    reader::{Field, Reader, Section},
};
use crate::{
    auth::oidc::{Authorities, OidcSettings, PlainHttp, UnknownGroups},
    identity::BackendName,
    users::{Adoption, Provisioning},
};

/// Reads one provider; `None` after a mistake that leaves nothing to go on with.
pub(super) fn read(
    reader: &Reader,
    section: &Section<'_>,
    (name, provisioning): (BackendName, Provisioning),
    folder: &Path,
    groups: &Groups,
) -> Option<OidcSettings> {
    let provider = ProviderSection { reader, section, folder };
    let preset = provider.preset()?;
    let values = preset.values();
    let is_insecure = reader.boolean(section.field("insecure"), false);
    let plain_http = if is_insecure { PlainHttp::OnLoopback } else { PlainHttp::Refused };
    let issuer = provider.issuer(preset, plain_http);
    let allow = provider.admission(preset);
    let client_secret = provider.client_secret();
    let client_auth = provider.client_auth(client_secret.as_ref().ok());
    let settings = OidcSettings {
        title: provider.title(&name, values.title),
        name,
        plain_http,
        authorities: provider.authorities()?,
        client_id: provider.client_id()?,
        client_secret: client_secret.ok()?,
        client_auth: client_auth.ok()?,
        audience: provider.audience(),
        scopes: provider.scopes(),
        algorithms: provider.algorithms(),
        userinfo: reader.boolean(section.field("userinfo"), values.userinfo),
        subject: values.subject,
        claims: provider.claims(&values),
        groups: provider.group_map(groups),
        unknown_groups: provider.unknown_groups(),
        allow,
        provisioning,
        adoption: provider.adoption(),
        logout: reader.boolean(section.field("logout"), false),
        second_factor: reader.boolean(section.field("second_factor"), true),
        trusts_second_factor: reader.boolean(section.field("trusts_second_factor"), false),
        max_session: section.field("max_session").map(|field| reader.duration(Some(field), MAX_SESSION)),
        issuer: issuer?,
    };
    provider.refuse_everybody(&settings);
    provider.warn_of_unused_groups(&settings);
    Some(settings)
}

/// A mistake that was reported.
struct Mistake;

/// The section of one provider.
struct ProviderSection<'r, 'd> {
    reader: &'r Reader,
    section: &'r Section<'d>,
    folder: &'r Path,
}

impl<'d> ProviderSection<'_, 'd> {
    fn preset(&self) -> Option<Preset> {
        let Some(field) = self.field("preset") else { return Some(Preset::Generic) };
        if let Some(text) = self.reader.text(&field).filter(|text| text.content == "github") {
            let error = self.reader.error(&text.span, "GitHub does not speak OpenID Connect for sign-in");
            self.reader.report(error.label("it speaks OAuth 2, in a way of its own").help(
                "put a provider that signs in through GitHub between the two, such as Keycloak, authentik or dex, and name that one here",
            ));
            return None;
        }
        self.reader.choice(&field, &Preset::NAMES).and_then(Preset::named)
    }

    fn title(&self, name: &BackendName, default: Option<&str>) -> String {
        let text = self.field("title").and_then(|field| self.reader.text(&field));
        match text {
            Some(text) if is_title(text.content) => text.content.trim().to_owned(),
            Some(text) => {
                let error = self.reader.error(&text.span, "`title` is no text for a button");
                self.reader.report(error.help("write up to 40 characters, such as \"Example Ltd\""));
                String::new()
            }
            None => default.unwrap_or(name.as_str()).to_owned(),
        }
    }

    fn authorities(&self) -> Option<Authorities> {
        if let Some(field) = self.field("ca") {
            return authorities::of_file(self.reader, &field, self.folder).map(Authorities);
        }
        match authorities::of_system() {
            Ok(certificates) => Some(Authorities(certificates)),
            // A provider on this machine needs none.
            Err(_) if self.reader.boolean(self.field("insecure"), false) => Some(Authorities(Vec::new())),
            Err(problem) => {
                authorities::report_none(self.reader, &self.section.span, ("provider", "ca"), &problem);
                None
            }
        }
    }

    fn unknown_groups(&self) -> UnknownGroups {
        let chosen =
            self.field("unknown_groups").and_then(|field| self.reader.choice(&field, &["none", "refuse"]));
        if chosen == Some("refuse") { UnknownGroups::Refuse } else { UnknownGroups::None }
    }

    fn adoption(&self) -> Adoption {
        let chosen =
            self.field("adopt").and_then(|field| self.reader.choice(&field, &["never", "verified-email"]));
        if chosen == Some("verified-email") { Adoption::VerifiedEmail } else { Adoption::Never }
    }

    fn field(&self, name: &str) -> Option<Field<'d>> {
        self.section.field(name)
    }

    fn report_missing(&self, key: &str, message: &str, help: &str) {
        if self.section.lacks(key) {
            self.reader.report_absence(self.reader.error(&self.section.span, message).help(help));
        }
    }
}

fn is_title(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.chars().count() <= 40 && !text.chars().any(char::is_control)
}

/// Replaces a value that cannot be read.
const MAX_SESSION: Duration = Duration::from_hours(12);
