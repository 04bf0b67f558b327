//! Registering a new credential (WebAuthn Level 3 §7.1).

use super::{
    Expectation, MAX_CREDENTIAL_ID_BYTES, NotVerified, PublicKey,
    authenticator_data::AuthenticatorData,
    cbor::{Item, Reader},
    client_data::{Ceremony, ClientData},
};

/// The response of a browser to `navigator.credentials.create()`.
#[derive(Clone, Copy, Debug)]
pub struct RegistrationResponse<'r> {
    /// `rawId`.
    pub id: &'r [u8],
    /// `response.clientDataJSON`.
    pub client_data: &'r [u8],
    /// `response.attestationObject`.
    pub attestation_object: &'r [u8],
}

/// A credential that may be stored, if no user has it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCredential {
    /// 1 to 1,023 bytes.
    pub id: Box<[u8]>,
    /// Its public key.
    pub public_key: PublicKey,
    /// The counter of signatures; 0 for good where there is none.
    pub sign_count: u32,
    /// Whether it can be on several devices.
    pub backup_eligible: bool,
    /// Whether it is at the moment.
    pub backed_up: bool,
    /// The model of the authenticator; zeros if it does not tell.
    pub aaguid: [u8; 16],
    /// Whether the authenticator has verified the person.
    pub user_verified: bool,
}

/// Checks a response in the order of the specification.
pub fn register(
    response: &RegistrationResponse<'_>,
    expected: &Expectation<'_>,
) -> Result<NewCredential, NotVerified> {
    // Steps 5 to 11.
    ClientData::parse(response.client_data)?.check(Ceremony::Create, expected)?;
    // Steps 12 and 13: the hash of the client data is part of attestation statements, which nothing depends on.
    let object = AttestationObject::parse(response.attestation_object)?;
    let data = AuthenticatorData::parse(object.authenticator_data)?;
    // Steps 14 to 19.
    data.check(expected)?;
    // Step 20: the key was read, so that its algorithm is one of those that were offered.
    let credential = data.credential.ok_or(NotVerified::NoCredential)?;
    // Steps 21 to 24: no attestation was asked for.
    if object.is_none && !object.has_empty_statement {
        return Err(NotVerified::AttestationNotNone);
    }
    // Step 25.
    if credential.id.is_empty() || credential.id.len() > MAX_CREDENTIAL_ID_BYTES {
        return Err(NotVerified::CredentialIdLength);
    }
    if credential.id != response.id {
        return Err(NotVerified::WrongCredential);
    }
    Ok(NewCredential {
        id: credential.id.into(),
        public_key: credential.public_key,
        sign_count: data.sign_count,
        backup_eligible: data.flags.backup_eligible(),
        backed_up: data.flags.backed_up(),
        aaguid: credential.aaguid,
        user_verified: data.flags.user_verified(),
    })
}

/// An attestation object (WebAuthn Level 3 §6.5.4).
#[derive(Debug)]
pub(super) struct AttestationObject<'b> {
    is_none: bool,
    has_empty_statement: bool,
    pub(super) authenticator_data: &'b [u8],
}

impl<'b> AttestationObject<'b> {
    /// Reads the object to its last byte.
    pub(super) fn parse(bytes: &'b [u8]) -> Result<Self, NotVerified> {
        const MALFORMED: NotVerified = NotVerified::AttestationMalformed;
        let mut reader = Reader::new(bytes).map_err(|_| MALFORMED)?;
        let map = reader.map().map_err(|_| MALFORMED)?;
        let (Some(Item::Text(format)), Some(Item::Map(statement)), Some(Item::Bytes(authenticator_data)), []) =
            (map.named("fmt"), map.named("attStmt"), map.named("authData"), reader.rest())
        else {
            return Err(MALFORMED);
        };
        let (is_none, has_empty_statement) = (*format == "none", statement.is_empty());
        Ok(Self { is_none, has_empty_statement, authenticator_data })
    }
}
