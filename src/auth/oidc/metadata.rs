//! The metadata of a provider (OpenID Connect Discovery 1.0 §3).

use serde_json::Value;

use super::{
    endpoint::{BadEndpoint, Endpoint, PlainHttp},
    json::{self, Object},
    settings::{ClientAuth, Issuer, OidcSettings},
};

/// The metadata of a provider, as far as the gateway needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Where browsers are sent to sign in.
    pub authorization_endpoint: Endpoint,
    /// Where codes become tokens.
    pub token_endpoint: Endpoint,
    /// Where the keys are.
    pub jwks_uri: Endpoint,
    /// Where more claims are.
    pub userinfo_endpoint: Option<Endpoint>,
    /// Where browsers are sent to sign out.
    pub end_session_endpoint: Option<Endpoint>,
    /// Whether callbacks have `iss` (RFC 9207 §3).
    pub callback_has_issuer: bool,
    /// How the gateway can authenticate at the token endpoint: `client_secret_basic` unless the provider says otherwise.
    pub client_auth: ClientAuth,
    /// Whether the provider says that it knows PKCE with S256; some know it and say nothing.
    pub says_s256: bool,
    /// Whether the provider says that it sends logout tokens.
    pub says_backchannel_logout: bool,
}

/// Why metadata is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMetadata {
    /// The response is no JSON object.
    #[error("the response is no JSON object")]
    NotJson,
    /// The document is another issuer's.
    #[error("the document names another issuer, {found:?}: write `issuer` exactly like that")]
    OtherIssuer {
        /// The issuer in the document.
        found: String,
    },
    /// An endpoint is missing.
    #[error("the document has no `{0}`")]
    Missing(&'static str),
    /// An endpoint can't be used.
    #[error("the document's `{name}` can't be used: {problem}")]
    Endpoint {
        /// The member of the document.
        name: &'static str,
        /// The problem with its value.
        problem: BadEndpoint,
    },
}

/// The document's place below the issuer.
pub(super) const WELL_KNOWN: &str = "/.well-known/openid-configuration";

impl Metadata {
    /// Reads the document of the issuer in the settings.
    pub(super) fn parse(bytes: &[u8], settings: &OidcSettings) -> Result<Self, BadMetadata> {
        let document = json::object(bytes).map_err(|_| BadMetadata::NotJson)?;
        check_issuer(&document, &settings.issuer)?;
        let plain = settings.plain_http;
        let required = |name| endpoint(&document, name, plain)?.ok_or(BadMetadata::Missing(name));
        let says = |name, value| lists(&document, name).any(|listed| listed == value);
        let methods = "token_endpoint_auth_methods_supported";
        let posts_alone = says(methods, "client_secret_post") && !says(methods, "client_secret_basic");
        let flag = |name| document.get(name) == Some(&Value::Bool(true));
        Ok(Self {
            authorization_endpoint: required("authorization_endpoint")?,
            token_endpoint: required("token_endpoint")?,
            jwks_uri: required("jwks_uri")?,
            userinfo_endpoint: endpoint(&document, "userinfo_endpoint", plain)?,
            end_session_endpoint: endpoint(&document, "end_session_endpoint", plain)?,
            callback_has_issuer: flag("authorization_response_iss_parameter_supported"),
            client_auth: if posts_alone { ClientAuth::Post } else { ClientAuth::Basic },
            says_s256: says("code_challenge_methods_supported", "S256"),
            says_backchannel_logout: flag("backchannel_logout_supported"),
        })
    }
}

/// The issuer is compared byte for byte (OpenID Connect Discovery 1.0 §4.3).
fn check_issuer(document: &Object, issuer: &Issuer) -> Result<(), BadMetadata> {
    let found = json::text(document, "issuer").ok_or(BadMetadata::Missing("issuer"))?;
    let is_right = match issuer {
        Issuer::Exact(expected) => found == expected.as_str(),
        // The document of several tenants has a template.
        Issuer::Tenants { .. } => found.matches(TENANT).count() == 1,
    };
    let found = || found.chars().take(200).collect();
    if is_right { Ok(()) } else { Err(BadMetadata::OtherIssuer { found: found() }) }
}

fn endpoint(
    document: &Object,
    name: &'static str,
    plain: PlainHttp,
) -> Result<Option<Endpoint>, BadMetadata> {
    let Some(value) = document.get(name) else { return Ok(None) };
    let text = value.as_str().ok_or(BadMetadata::Endpoint { name, problem: BadEndpoint::Malformed })?;
    let parsed = Endpoint::parse(text, plain);
    parsed.map(Some).map_err(|problem| BadMetadata::Endpoint { name, problem })
}

fn lists<'d>(document: &'d Object, name: &str) -> impl Iterator<Item = &'d str> {
    document.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The place of a tenant's id in the issuer of Entra's document.
pub(super) const TENANT: &str = "{tenantid}";
