//! The settings of a backend, as the configuration declares them.

use super::{ldap::LdapSettings, oidc::OidcSettings};
use crate::identity::BackendName;

/// One `[[backend]]`. A reload keeps a backend whose settings are equal to those before.
#[derive(Clone, Debug, PartialEq)]
pub enum BackendSettings {
    /// The gateway's own directory.
    Local,
    /// An LDAP directory.
    Ldap(Box<LdapSettings>),
    /// A provider of OpenID Connect.
    Oidc(Box<OidcSettings>),
}

impl BackendSettings {
    /// The configured name.
    pub fn name(&self) -> BackendName {
        match self {
            Self::Local => BackendName::local(),
            Self::Ldap(settings) => settings.name.clone(),
            Self::Oidc(settings) => settings.name.clone(),
        }
    }

    /// The word after `type`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Ldap(_) => "ldap",
            Self::Oidc(_) => "oidc",
        }
    }

    /// Whether programs may send access tokens of it.
    pub fn takes_access_tokens(&self) -> bool {
        matches!(self, Self::Oidc(settings) if settings.audience.is_some())
    }

    /// The issuer or the directory's root, part of the users' identities; `None` for the gateway's own directory.
    pub fn authority(&self) -> Option<&str> {
        match self {
            Self::Local => None,
            Self::Ldap(settings) => Some(&settings.authority),
            Self::Oidc(settings) => Some(settings.authority()),
        }
    }
}
