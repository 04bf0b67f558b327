//! Settings, keys and tokens for the tests of this module.

use std::collections::BTreeMap;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{
    Algorithm, KeySet,
    claim_path::ClaimPath,
    endpoint::{Endpoint, PlainHttp},
    settings::{Admission, Authorities, ClaimNames, Issuer, OidcSettings, SubjectRule, UnknownGroups},
};
use crate::{
    clock::Timestamp,
    identity::BackendName,
    users::{Adoption, Provisioning},
};

pub(super) const ISSUER: &str = "https://id.example.com";
pub(super) const CLIENT: &str = "portcullis";
pub(super) const NONCE: &str = "the nonce";
/// 2027-01-15T08:00:00Z.
pub(super) const NOW: i64 = 1_800_000_000;

pub(super) fn now() -> Timestamp {
    Timestamp::from_millis(NOW * 1000)
}

pub(super) fn path(text: &str) -> ClaimPath {
    ClaimPath::parse(text).unwrap()
}

pub(super) fn endpoint(text: &str) -> Endpoint {
    Endpoint::parse(text, PlainHttp::Refused).unwrap()
}

/// The settings of a provider with this name and issuer.
pub(crate) fn settings_of(name: &str, issuer: &str) -> OidcSettings {
    let issuer = Issuer::Exact(endpoint(issuer));
    OidcSettings { name: BackendName::parse(name).unwrap(), issuer, ..settings() }
}

pub(super) fn settings() -> OidcSettings {
    OidcSettings {
        name: BackendName::parse("corp").unwrap(),
        title: "Corp".into(),
        issuer: Issuer::Exact(endpoint(ISSUER)),
        plain_http: PlainHttp::Refused,
        authorities: Authorities(vec![]),
        client_id: CLIENT.into(),
        client_secret: None,
        audience: None,
        client_auth: None,
        scopes: vec!["openid".into(), "email".into()],
        algorithms: vec![Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa],
        userinfo: true,
        subject: SubjectRule::Sub,
        claims: ClaimNames {
            username: path("preferred_username"),
            email: path("email"),
            email_verified: path("email_verified"),
            verified_as_text: false,
            full_name: path("name"),
            groups: Some(path("groups")),
            attributes: BTreeMap::new(),
        },
        groups: BTreeMap::new(),
        unknown_groups: UnknownGroups::None,
        allow: Admission::default(),
        provisioning: Provisioning::Automatic,
        adoption: Adoption::Never,
        logout: false,
        max_session: None,
        second_factor: true,
        trusts_second_factor: false,
    }
}

/// A key of a provider, which signs by ES256.
pub(super) struct SigningKey {
    pair: EcdsaKeyPair,
    id: &'static str,
}

impl SigningKey {
    pub(super) fn generate(id: &'static str) -> Self {
        Self { pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(), id }
    }

    pub(super) fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": BASE64URL_NOPAD.encode(&point[1..33]), "y": BASE64URL_NOPAD.encode(&point[33..]),
        })
    }

    pub(super) fn key_set(&self) -> KeySet {
        KeySet::parse(json!({ "keys": [self.jwk()] }).to_string().as_bytes()).unwrap()
    }

    /// A token with these claims and the usual header.
    pub(super) fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": "ES256", "kid": self.id, "typ": "JWT"}).to_string(), &claims.to_string())
    }

    /// A token of any text, with a right signature.
    pub(super) fn sign(&self, header: &str, payload: &str) -> String {
        let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        let message = format!("{}.{}", encode(header), encode(payload));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

/// The claims of an ID token in which everything is right.
pub(super) fn id_claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "248289761001", "aud": CLIENT, "azp": CLIENT, "nonce": NONCE,
        "exp": NOW + 300, "iat": NOW, "auth_time": NOW,
        "preferred_username": "alice", "email": "alice@example.com", "email_verified": true,
        "name": "Alice Example", "groups": ["staff"],
    })
}
