//! The settings of a provider: a `[[backend]]` with `type = "oidc"`, checked.

use std::{collections::BTreeMap, fmt, time::Duration};

use rustls::pki_types::CertificateDer;

use super::{
    Algorithm, Secret,
    claim_path::ClaimPath,
    endpoint::{Endpoint, PlainHttp},
};
use crate::{
    identity::{BackendName, GroupName},
    users::{Adoption, Provisioning},
};

/// The settings of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each of which has a use of its own")]
pub struct OidcSettings {
    /// The configured name; part of the provider's addresses at this gateway.
    pub name: BackendName,
    /// The text of its button.
    pub title: String,
    /// The issuer, and where its metadata is.
    pub issuer: Issuer,
    /// Whether plain HTTP to this machine is allowed.
    pub plain_http: PlainHttp,
    /// The authorities that certificates of the provider may be signed by.
    pub authorities: Authorities,
    /// The id under which the gateway is registered there.
    pub client_id: String,
    /// The secret; `None` for a public client.
    pub client_secret: Option<Secret>,
    /// The audience of access tokens that programs may send; `None`: none may. It is not the id of the client, which is the
    /// audience of ID tokens.
    pub audience: Option<String>,
    /// How the gateway authenticates at the token endpoint; `None`: as the provider's metadata says.
    pub client_auth: Option<ClientAuth>,
    /// The scopes that are asked for, `openid` among them.
    pub scopes: Vec<String>,
    /// The algorithms by which tokens may be signed.
    pub algorithms: Vec<Algorithm>,
    /// Whether the userinfo endpoint is asked for claims that the ID token lacks.
    pub userinfo: bool,
    /// How the subject of a user is made.
    pub subject: SubjectRule,
    /// The claims that a user's profile is made of.
    pub claims: ClaimNames,
    /// The provider's groups, each with the gateway's one.
    pub groups: BTreeMap<String, GroupName>,
    /// The treatment of a user whose groups the provider does not tell.
    pub unknown_groups: UnknownGroups,
    /// The users who may come in.
    pub allow: Admission,
    /// The way to an account for a user who has none yet.
    pub provisioning: Provisioning,
    /// Whether a verified e-mail address may stand for an existing account.
    pub adoption: Adoption,
    /// Whether signing out here signs out at the provider, too.
    pub logout: bool,
    /// Maximum lifetime of a session that the provider has opened; `None`: that of all sessions.
    pub max_session: Option<Duration>,
    /// Whether the second factor of an account is asked for after a sign-in through this provider.
    pub second_factor: bool,
    /// Whether the provider's word that a second factor was shown there is believed.
    pub trusts_second_factor: bool,
}

/// The issuer of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// One issuer, compared byte for byte.
    Exact(Endpoint),
    /// Microsoft Entra for several tenants: each has an issuer of its own, made of its id.
    Tenants {
        /// Where the metadata is: `https://login.microsoftonline.com/organizations/v2.0`.
        discovery: Endpoint,
        /// The ids of the tenants whose users may come in.
        allowed: Vec<String>,
    },
}

/// The authorities that certificates of a provider may be signed by.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorities(pub Vec<CertificateDer<'static>>);

/// How many there are; a system has more than a hundred.
impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} authorities", self.0.len())
    }
}

/// How the gateway authenticates at the token endpoint (OpenID Connect Core 1.0 §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
}

/// How the subject of a user is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectRule {
    /// The claim `sub`.
    Sub,
    /// The claims `tid` and `oid` together: Entra's `sub` is another one for each application.
    TenantAndObject,
}

/// The claims that a user's profile is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames {
    /// The user name of a new account.
    pub username: ClaimPath,
    /// The e-mail address.
    pub email: ClaimPath,
    /// Whether the address is verified: only `true` counts.
    pub email_verified: ClaimPath,
    /// Whether the text `"true"` counts, too.
    pub verified_as_text: bool,
    /// The name for people to read.
    pub full_name: ClaimPath,
    /// The groups; `None` for a provider that has none.
    pub groups: Option<ClaimPath>,
    /// The attributes of the user.
    pub attributes: BTreeMap<String, ClaimPath>,
}

/// The treatment of a user whose groups the provider does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownGroups {
    /// The user comes in and is in none of the provider's groups.
    None,
    /// The user is refused.
    Refuse,
}

/// The users who may come in: every part that is not empty has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Domains of verified e-mail addresses, in lower case.
    pub domains: Vec<String>,
    /// Whether the claim `hd` has to be one of the domains, too: Google's own word for whose account it is.
    pub hosted_domain: bool,
    /// Groups, as the provider names them.
    pub groups: Vec<String>,
    /// Claims, each with its values; one of the values of each has to be there.
    pub claims: Vec<(ClaimPath, Vec<String>)>,
}

impl Issuer {
    /// The address below which the metadata is.
    pub(super) fn discovery(&self) -> &Endpoint {
        match self {
            Self::Exact(issuer) => issuer,
            Self::Tenants { discovery, .. } => discovery,
        }
    }
}

impl OidcSettings {
    /// The authority of identity pairs: a name that is pointed at another issuer inherits nobody.
    pub fn authority(&self) -> &str {
        self.issuer.discovery().as_str()
    }
}
