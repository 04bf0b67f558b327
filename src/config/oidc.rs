//! `[[backend]]` with `type = "oidc"`: a provider of OpenID Connect, and who may come in through it.
//!
//! A key that is left out has the value of the preset.

use std::{collections::BTreeMap, path::Path, time::Duration};

use toml::de::DeValue;

use super::{
    certificate,
    excerpt::excerpt,
    groups::Groups,
    keys,
    reader::{Field, Reader, Section, Text, fields},
    secret_file, suggest,
};
use crate::{
    auth::oidc::{
        Admission, Algorithm, Authorities, BadEndpoint, ClaimNames, ClaimPath, ClientAuth, Endpoint, Issuer,
        OidcSettings, PlainHttp, Secret, SubjectRule, UnknownGroups,
    },
    identity::{BackendName, GroupName},
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

/// A kind of provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Preset {
    Generic,
    Google,
    Entra,
    Keycloak,
    Authentik,
    GitLab,
}

/// The values that a preset stands for.
struct PresetValues {
    title: Option<&'static str>,
    issuer: Option<&'static str>,
    /// An example of an issuer.
    example: &'static str,
    userinfo: bool,
    subject: SubjectRule,
    username: &'static str,
    email_verified: &'static str,
    groups: Option<&'static str>,
}

impl Preset {
    const NAMES: [&'static str; 6] = ["generic", "google", "entra", "keycloak", "authentik", "gitlab"];

    fn named(name: &str) -> Option<Self> {
        const ALL: [Preset; 6] = [
            Preset::Generic,
            Preset::Google,
            Preset::Entra,
            Preset::Keycloak,
            Preset::Authentik,
            Preset::GitLab,
        ];
        Self::NAMES.iter().position(|known| *known == name).and_then(|at| ALL.get(at).copied())
    }

    fn values(self) -> PresetValues {
        let generic = PresetValues {
            title: None,
            issuer: None,
            example: "https://id.example.com",
            userinfo: true,
            subject: SubjectRule::Sub,
            username: "preferred_username",
            email_verified: "email_verified",
            groups: Some("groups"),
        };
        match self {
            Self::Generic => generic,
            Self::Google => PresetValues {
                title: Some("Google"),
                issuer: Some("https://accounts.google.com"),
                userinfo: false,
                username: "email",
                groups: None,
                ..generic
            },
            Self::Entra => PresetValues {
                title: Some("Microsoft"),
                example: "https://login.microsoftonline.com/YOUR-TENANT-ID/v2.0",
                userinfo: false,
                subject: SubjectRule::TenantAndObject,
                email_verified: "xms_edov",
                ..generic
            },
            Self::Keycloak => PresetValues {
                title: Some("Keycloak"),
                example: "https://keycloak.example.com/realms/YOUR-REALM",
                ..generic
            },
            Self::Authentik => PresetValues {
                title: Some("authentik"),
                example: "https://authentik.example.com/application/o/YOUR-APPLICATION/",
                ..generic
            },
            Self::GitLab => PresetValues {
                title: Some("GitLab"),
                issuer: Some("https://gitlab.com"),
                groups: Some("groups_direct"),
                ..generic
            },
        }
    }
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

    fn issuer(&self, preset: Preset, plain: PlainHttp) -> Option<Issuer> {
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

    fn authorities(&self) -> Option<Authorities> {
        let Some(field) = self.field("ca") else {
            let loaded = rustls_native_certs::load_native_certs();
            // A provider on this machine needs none.
            if loaded.certs.is_empty() && !self.reader.boolean(self.field("insecure"), false) {
                let problem = loaded.errors.first();
                let problem = problem.map_or("this system has none".to_owned(), ToString::to_string);
                let message = format!("no authority could verify this provider: {problem}");
                let help =
                    "install the package `ca-certificates`, or name a PEM file: `ca = \"certs/ca.pem\"`";
                self.reader.report(self.reader.error(&self.section.span, message).help(help));
                return None;
            }
            return Some(Authorities(loaded.certs));
        };
        let path = self.reader.path(&field, self.folder)?;
        let span = field.value.span();
        match certificate::chain(&path) {
            Ok(certificates) => {
                for certificate in &certificates {
                    let help = "fetch the present certificate of the authority";
                    certificate::check_time(self.reader, (&path, &span), certificate, help);
                }
                Some(Authorities(certificates))
            }
            Err((problem, help)) => {
                self.reader.report(self.reader.error(&span, problem).help(help));
                None
            }
        }
    }

    /// The audience of access tokens.
    fn audience(&self) -> Option<String> {
        let field = self.field("audience")?;
        let text = self.reader.text(&field)?;
        let is_client = self
            .field("client_id")
            .and_then(|field| self.reader.text(&field))
            .is_some_and(|id| id.content == text.content);
        if is_client {
            let error = self.reader.error(&text.span, "this `audience` is the id of the client");
            self.reader.report(error.label("ID tokens have it").help(
                "register an API at the provider, and write its identifier: an ID token must not pass for an access token",
            ));
            return None;
        }
        if text.content.is_empty() || text.content.len() > 255 || text.content.contains(char::is_control) {
            let error = self.reader.error(&text.span, "`audience` is no identifier of an API");
            self.reader
                .report(error.help("write it as the provider does, such as \"https://api.example.com\""));
            return None;
        }
        Some(text.content.to_owned())
    }

    fn client_id(&self) -> Option<String> {
        let Some(field) = self.field("client_id") else {
            let help =
                "register the gateway at the provider, which gives it an id: `client_id = \"portcullis\"`";
            self.report_missing("client_id", "this provider has no `client_id`", help);
            return None;
        };
        let text = self.reader.text(&field)?;
        let fits = (1..=256).contains(&text.content.len())
            && text.content.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if !fits {
            let error = self.reader.error(&text.span, "`client_id` is no id of a client");
            self.reader.report(error.help("copy it from the provider: up to 256 ASCII characters"));
        }
        fits.then(|| text.content.to_owned())
    }

    /// `None` for a public client.
    fn client_secret(&self) -> Result<Option<Secret>, Mistake> {
        let Some(field) = self.field("client_secret_file") else { return Ok(None) };
        let secret = secret_file::read(self.reader, &field, self.folder).ok_or(Mistake)?;
        Ok(Some(Secret::new(secret.as_str().to_owned())))
    }

    /// `None`: as the provider's metadata say.
    fn client_auth(&self, secret: Option<&Option<Secret>>) -> Result<Option<ClientAuth>, Mistake> {
        let Some(field) = self.field("client_auth") else { return Ok(None) };
        let chosen = self.reader.choice(&field, &["basic", "post", "none"]).ok_or(Mistake)?;
        if let Some(secret) = secret
            && secret.is_some() == (chosen == "none")
        {
            let span = field.value.span();
            let error = match chosen {
                "none" => self
                    .reader
                    .error(&span, "a client with a secret authenticates with it")
                    .help("leave out `client_auth`, or `client_secret_file`"),
                _ => self
                    .reader
                    .error(&span, "there is no secret to authenticate with")
                    .help("name the file that holds it: `client_secret_file = \"secrets/provider\"`"),
            };
            self.reader.report(error);
            return Err(Mistake);
        }
        Ok(match chosen {
            "basic" => Some(ClientAuth::Basic),
            "post" => Some(ClientAuth::Post),
            _ => None,
        })
    }

    fn scopes(&self) -> Vec<String> {
        let Some(field) = self.field("scopes") else {
            return SCOPES.map(str::to_owned).to_vec();
        };
        let mut scopes = Vec::new();
        for text in self.reader.texts(&field) {
            let fits = !text.content.is_empty()
                && text.content.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
            if fits {
                scopes.push(text.content.to_owned());
            } else {
                let message = format!("\"{}\" is no scope", excerpt(text.content));
                let help = "write each scope by itself: `scopes = [\"openid\", \"email\"]`";
                self.reader.report(self.reader.error(&text.span, message).help(help));
            }
        }
        if scopes.iter().any(|scope| scope == "offline_access") {
            let warning = self.reader.warning(&field.value.span(), "`offline_access` has no effect");
            self.reader.report(warning.help("leave it out: the gateway keeps no token of the provider"));
        }
        if !scopes.iter().any(|scope| scope == "openid") {
            let error = self.reader.error(&field.value.span(), "`scopes` lacks \"openid\"");
            self.reader.report(
                error.label("without it, this is no OpenID Connect").help("add \"openid\" to the list"),
            );
        }
        scopes
    }

    fn algorithms(&self) -> Vec<Algorithm> {
        let Some(field) = self.field("algorithms") else { return ALGORITHMS.to_vec() };
        let names = Algorithm::ALL.map(Algorithm::as_str);
        let mut algorithms = Vec::new();
        for text in self.reader.texts(&field) {
            if let Some(algorithm) = Algorithm::parse(text.content) {
                algorithms.push(algorithm);
                continue;
            }
            let message = format!("tokens cannot be signed by \"{}\" here", excerpt(text.content));
            let error = self.reader.error(&text.span, message);
            self.reader.report(error.help(format!("it is {}", suggest::listed_or(&names))));
        }
        if algorithms.is_empty() {
            let error = self.reader.error(&field.value.span(), "`algorithms` allows no signature");
            self.reader.report(error.help("leave it out for RS256, PS256, ES256 and EdDSA"));
        }
        algorithms
    }

    fn claims(&self, values: &PresetValues) -> ClaimNames {
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
    fn group_map(&self, ours: &Groups) -> BTreeMap<String, GroupName> {
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

    fn admission(&self, preset: Preset) -> Admission {
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
    fn refuse_everybody(&self, settings: &OidcSettings) {
        let host = settings.authority();
        let is_public = PUBLIC.iter().any(|public| host.starts_with(public));
        let admits_everybody = settings.allow == Admission::default();
        if is_public && admits_everybody && settings.provisioning == Provisioning::Automatic {
            let message = "everybody with an account at this provider would come in";
            let help = "say who may: `allow = { domain = \"example.com\" }`, or `provisioning = \"approval\"` or `\"invited\"`";
            self.reader.report_absence(self.reader.error(&self.section.span, message).help(help));
        }
    }

    fn warn_of_unused_groups(&self, settings: &OidcSettings) {
        let uses = !settings.groups.is_empty() || !settings.allow.groups.is_empty();
        if settings.claims.groups.is_none() && uses {
            let message = "this provider tells no groups";
            let help = "name the claim that has them: `claims = { groups = \"groups\" }`; Google has none";
            let span = self.field("groups").map_or(self.section.span.clone(), |field| field.key);
            self.reader.report(self.reader.warning(&span, message).help(help));
        }
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

/// Whether this is an address of Entra that takes accounts of any tenant.
fn is_for_several_tenants(issuer: &str) -> bool {
    let path = issuer.strip_prefix("https://").and_then(|rest| rest.strip_prefix(MICROSOFT));
    let tenant = path.and_then(|path| path.split('/').nth(1));
    matches!(tenant, Some("common" | "organizations" | "consumers" | "{tenantid}"))
}

const WELL_KNOWN: &str = "/.well-known/";
const MICROSOFT: &str = "login.microsoftonline.com";
const SEVERAL_TENANTS: &str = "https://login.microsoftonline.com/organizations/v2.0";
const SCOPES: [&str; 3] = ["openid", "email", "profile"];
const ALGORITHMS: [Algorithm; 4] = [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa];
/// Providers at which anybody can have an account; the last one is Microsoft's tenant of private accounts.
const PUBLIC: [&str; 3] = [
    "https://accounts.google.com",
    "https://gitlab.com",
    "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad",
];
/// Replaces a value that cannot be read.
const MAX_SESSION: Duration = Duration::from_hours(12);
