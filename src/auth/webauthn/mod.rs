//! The relying party of WebAuthn Level 3: registration and use of passkeys, as pure functions.
//!
//! The portal makes a [`Challenge`] for each ceremony, keeps it for a few minutes, and gives it to [`register`] or
//! [`authenticate`] with the browser's response. Every byte of a response is hostile: CBOR is read within bounds, JSON in
//! one way only, the origin by exact comparison. Each step of the specification that can fail is one [`NotVerified`], in the
//! order of the specification.
//!
//! Attestation is not asked for, because the gateway trusts no maker of authenticators more than another: the statement of an
//! attestation is read as far as needed to find what follows it. Storage, challenges, cookies and pages are the portal's.

mod algorithm;
mod authentication;
mod authenticator_data;
mod cbor;
mod challenge;
mod client_data;
mod expectation;
mod not_verified;
mod public_key;
mod registration;
mod relying_party;

pub use algorithm::CoseAlgorithm;
pub use authentication::{Authenticated, AuthenticationResponse, Credential, UserHandleRule, authenticate};
pub use challenge::Challenge;
pub use expectation::{Expectation, UserVerification};
pub use not_verified::NotVerified;
pub use public_key::PublicKey;
pub use registration::{NewCredential, RegistrationResponse, register};
pub use relying_party::{RelyingParty, is_at_or_below};

#[cfg(any(test, fuzzing))]
pub use fuzzing::{read_attestation_object, read_client_data};

/// Maximum length of a credential id in bytes (WebAuthn Level 3 §7.1, step 25).
pub const MAX_CREDENTIAL_ID_BYTES: usize = 1023;

#[cfg(any(test, fuzzing))]
mod fuzzing {
    //! Readers of hostile bytes, for the fuzz targets.

    use super::{authenticator_data::AuthenticatorData, client_data, registration};

    /// Whether these bytes are an attestation object with a credential that can be stored.
    pub fn read_attestation_object(bytes: &[u8]) -> bool {
        let Ok(object) = registration::AttestationObject::parse(bytes) else { return false };
        AuthenticatorData::parse(object.authenticator_data).is_ok_and(|data| data.credential.is_some())
    }

    /// The type and origin of client data that can be read.
    pub fn read_client_data(bytes: &[u8]) -> Option<(String, String)> {
        let data = client_data::ClientData::parse(bytes).ok()?;
        Some((data.kind, data.origin))
    }
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
