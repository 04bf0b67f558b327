//! The addresses at which browsers and password managers look for facts about passkeys: `/.well-known/webauthn` and
//! `/.well-known/passkey-endpoints`, on the host whose name passkeys are bound to.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header::CACHE_CONTROL};
use http_body_util::Full;
use serde_json::json;

use super::super::passkey_settings::{self, PasskeySettings};
use crate::{
    pages::{own_response, paths},
    request::Ports,
};

/// One of the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WellKnown {
    /// The origins that may use passkeys of another registrable domain (WebAuthn Level 3 §5.11).
    RelatedOrigins,
    /// The pages at which passkeys are added and managed.
    Endpoints,
}

impl WellKnown {
    /// The address with this path on this host; `None`: it belongs to an app, or to nobody.
    pub fn at(settings: &PasskeySettings, host: &str, path: &str) -> Option<Self> {
        if *settings.rp_id != *host {
            return None;
        }
        match path {
            "/.well-known/webauthn" if !settings.related_hosts.is_empty() => Some(Self::RelatedOrigins),
            "/.well-known/passkey-endpoints" => Some(Self::Endpoints),
            _ => None,
        }
    }

    /// The response; the same for everybody.
    pub fn respond(self, settings: &PasskeySettings, method: &Method, ports: Ports) -> Response<Full<Bytes>> {
        if ![Method::GET, Method::HEAD].contains(method) {
            return own_response(StatusCode::METHOD_NOT_ALLOWED, None, Bytes::new());
        }
        let body = match self {
            Self::RelatedOrigins => {
                json!({"origins": settings.related_origins(ports).map(String::from).collect::<Vec<_>>()})
            }
            Self::Endpoints => {
                let host = settings.hosts.first().unwrap_or(&settings.rp_id);
                let origin = passkey_settings::origin(host, ports.public.unwrap_or(ports.listener));
                json!({
                    "enroll": format!("{origin}{}", paths::ADD_PASSKEY),
                    "manage": format!("{origin}{}", paths::FACTORS),
                })
            }
        };
        let mut response = own_response(StatusCode::OK, Some("application/json"), body.to_string());
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::AuthenticatorNames;

    #[test]
    fn the_addresses_are_claimed_on_the_host_of_the_relying_party_alone() {
        const ORIGINS: &str = "/.well-known/webauthn";
        const ENDPOINTS: &str = "/.well-known/passkey-endpoints";
        let related = |related_hosts: &[&str]| PasskeySettings {
            rp_id: "login.example.com".into(),
            hosts: vec!["login.example.com".into()],
            related_hosts: related_hosts.iter().map(|host| (*host).into()).collect(),
            first_factor: true,
            authenticators: AuthenticatorNames::default(),
        };
        let (alone, with_others) = (related(&[]), related(&["wiki.example.net"]));
        for (settings, host, path, expected) in [
            (&alone, "login.example.com", ENDPOINTS, Some(WellKnown::Endpoints)),
            (&alone, "login.example.com", ORIGINS, None),
            (&with_others, "login.example.com", ORIGINS, Some(WellKnown::RelatedOrigins)),
            (&with_others, "wiki.example.net", ORIGINS, None),
            (&with_others, "example.com", ENDPOINTS, None),
            (&alone, "login.example.com", "/.well-known/passkey-endpoints/x", None),
        ] {
            assert_eq!(WellKnown::at(settings, host, path), expected, "{host} {path}");
        }
    }
}
