//! Kinds of providers, and the values that each stands for.

use crate::auth::oidc::SubjectRule;

/// A kind of provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preset {
    Generic,
    Google,
    Entra,
    Keycloak,
    Authentik,
    GitLab,
}

/// The values that a preset stands for.
pub(super) struct PresetValues {
    pub(super) title: Option<&'static str>,
    pub(super) issuer: Option<&'static str>,
    /// An example of an issuer.
    pub(super) example: &'static str,
    pub(super) userinfo: bool,
    pub(super) subject: SubjectRule,
    pub(super) username: &'static str,
    pub(super) email_verified: &'static str,
    pub(super) groups: Option<&'static str>,
}

impl Preset {
    /// The names in a configuration.
    pub(super) const NAMES: [&'static str; 6] =
        ["generic", "google", "entra", "keycloak", "authentik", "gitlab"];

    pub(super) fn named(name: &str) -> Option<Self> {
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

    pub(super) fn values(self) -> PresetValues {
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
