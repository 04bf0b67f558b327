//! The options of a ceremony, as the script of the page hands them to the browser (WebAuthn Level 3 §5.4, §5.5). Bytes are
//! in base64url.

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;

use super::{super::PasskeySettings, ceremony::CHALLENGE_LIFETIME};
use crate::{
    auth::webauthn::{Challenge, CoseAlgorithm, UserVerification},
    identity::User,
    users::{Passkey, UserHandle},
};

/// `PublicKeyCredentialCreationOptions`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Creation<'a> {
    rp: Party<'a>,
    user: Person<'a>,
    challenge: String,
    pub_key_cred_params: Vec<Parameters>,
    timeout: u128,
    exclude_credentials: Vec<Descriptor>,
    authenticator_selection: Selection,
    attestation: &'static str,
}

/// `PublicKeyCredentialRequestOptions`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    challenge: String,
    timeout: u128,
    rp_id: &'a str,
    allow_credentials: Vec<Descriptor>,
    user_verification: &'static str,
}

#[derive(Serialize)]
struct Party<'a> {
    id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Person<'a> {
    id: String,
    name: &'a str,
    display_name: &'a str,
}

#[derive(Serialize)]
struct Parameters {
    #[serde(rename = "type")]
    kind: &'static str,
    alg: i32,
}

#[derive(Serialize)]
struct Descriptor {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    transports: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Selection {
    resident_key: &'static str,
    require_resident_key: bool,
    user_verification: &'static str,
}

/// The passkeys of a user that this gateway accepts, and the user's name, for the list that the browser shows (WebAuthn
/// Level 3 §5.1.10).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted<'a> {
    rp_id: &'a str,
    user_id: String,
    all_accepted_credential_ids: Vec<String>,
    name: &'a str,
    display_name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Unknown<'a> {
    rp_id: &'a str,
    credential_id: String,
}

/// The options of a new passkey. Those that the user has are excluded, so that an authenticator is added once.
pub(super) fn creation(
    settings: &PasskeySettings,
    challenge: &Challenge,
    user: &User,
    (handle, passkeys): (&UserHandle, &[Passkey]),
) -> String {
    let verification = settings.verification_at_enrolment();
    let is_alone_enough = verification == UserVerification::Required;
    to_json(&Creation {
        rp: Party { id: &settings.rp_id, name: &settings.rp_id },
        user: Person {
            id: base64url(handle.as_bytes()),
            name: user.name.as_str(),
            display_name: if user.full_name.is_empty() { user.name.as_str() } else { &user.full_name },
        },
        challenge: challenge.to_text(),
        pub_key_cred_params: CoseAlgorithm::ALL
            .map(|algorithm| Parameters { kind: PUBLIC_KEY, alg: algorithm.number() })
            .into(),
        timeout: CHALLENGE_LIFETIME.as_millis(),
        exclude_credentials: descriptors(passkeys),
        authenticator_selection: Selection {
            resident_key: verification.as_str(),
            require_resident_key: is_alone_enough,
            user_verification: verification.as_str(),
        },
        attestation: "none",
    })
}

/// The options of a use of one of these passkeys; of any, if there are none.
pub(super) fn request(
    settings: &PasskeySettings,
    challenge: &Challenge,
    passkeys: &[Passkey],
    verification: UserVerification,
) -> String {
    to_json(&Request {
        challenge: challenge.to_text(),
        timeout: CHALLENGE_LIFETIME.as_millis(),
        rp_id: &settings.rp_id,
        allow_credentials: descriptors(passkeys),
        user_verification: verification.as_str(),
    })
}

/// The passkeys that are left, so that the browser offers no others.
pub(super) fn accepted(
    settings: &PasskeySettings,
    user: &User,
    handle: &UserHandle,
    passkeys: &[Passkey],
) -> String {
    to_json(&Accepted {
        rp_id: &settings.rp_id,
        user_id: base64url(handle.as_bytes()),
        all_accepted_credential_ids: passkeys.iter().map(|passkey| base64url(&passkey.credential)).collect(),
        name: user.name.as_str(),
        display_name: if user.full_name.is_empty() { user.name.as_str() } else { &user.full_name },
    })
}

/// A passkey that no account has (WebAuthn Level 3 §5.1.10.1).
pub(super) fn unknown(settings: &PasskeySettings, credential: &[u8]) -> String {
    to_json(&Unknown { rp_id: &settings.rp_id, credential_id: base64url(credential) })
}

fn descriptors(passkeys: &[Passkey]) -> Vec<Descriptor> {
    let descriptor = |passkey: &Passkey| Descriptor {
        kind: PUBLIC_KEY,
        id: base64url(&passkey.credential),
        transports: passkey.transports.iter().map(|transport| transport.as_str()).collect(),
    };
    passkeys.iter().map(descriptor).collect()
}

fn to_json(options: &impl Serialize) -> String {
    serde_json::to_string(options).unwrap_or_default()
}

fn base64url(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

const PUBLIC_KEY: &str = "public-key";
