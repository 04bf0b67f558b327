//! Using a credential (WebAuthn Level 3 §7.2).

use subtle::ConstantTimeEq;

use super::{
    Expectation, NotVerified, PublicKey,
    authenticator_data::AuthenticatorData,
    client_data::{self, Ceremony, ClientData},
};

/// The response of a browser to `navigator.credentials.get()`.
#[derive(Clone, Copy, Debug)]
pub struct AuthenticationResponse<'r> {
    /// `rawId`.
    pub id: &'r [u8],
    /// `response.clientDataJSON`.
    pub client_data: &'r [u8],
    /// `response.authenticatorData`.
    pub authenticator_data: &'r [u8],
    /// `response.signature`.
    pub signature: &'r [u8],
    /// `response.userHandle`; `None` if the authenticator does not tell.
    pub user_handle: Option<&'r [u8]>,
}

/// A stored credential, as far as a signature is checked with it.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its id.
    pub id: Box<[u8]>,
    /// The handle of the user whom it belongs to.
    pub user_handle: Box<[u8]>,
    /// Its public key.
    pub public_key: PublicKey,
    /// The highest count of signatures so far.
    pub sign_count: u32,
    /// Whether it can be on several devices.
    pub backup_eligible: bool,
}

/// Whether the authenticator has to name the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserHandleRule {
    /// The passkey alone says who signs in.
    Required,
    /// The user is known; a handle must still be theirs.
    Optional,
}

/// The owner of a credential has signed the challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// The new count of signatures.
    pub sign_count: u32,
    /// Whether the count did not go up: the credential may have been copied (WebAuthn Level 3 §6.1.1).
    pub count_went_back: bool,
    /// Whether the credential is on several devices at the moment.
    pub backed_up: bool,
    /// Whether the authenticator has verified the person.
    pub user_verified: bool,
}

/// Checks a response in the order of the specification. `stored` is the credential with the id of the response, of the user
/// who is known already, or else of the user with the handle of the response.
pub fn authenticate(
    response: &AuthenticationResponse<'_>,
    stored: &Credential,
    handle: UserHandleRule,
    expected: &Expectation<'_>,
) -> Result<Authenticated, NotVerified> {
    // Steps 5 to 7.
    if response.id != &*stored.id {
        return Err(NotVerified::WrongCredential);
    }
    let owns_handle = match response.user_handle {
        Some(presented) => presented.ct_eq(&stored.user_handle).into(),
        None => handle == UserHandleRule::Optional,
    };
    if !owns_handle {
        return Err(NotVerified::WrongUserHandle);
    }
    // Steps 8 to 15.
    ClientData::parse(response.client_data)?.check(Ceremony::Get, expected)?;
    // Steps 16 to 19.
    let data = AuthenticatorData::parse(response.authenticator_data)?;
    data.check(expected)?;
    // Step 20.
    if data.flags.backup_eligible() != stored.backup_eligible {
        return Err(NotVerified::BackupEligibilityChanged);
    }
    // Steps 21 to 23.
    let hash = client_data::hash(response.client_data);
    let message = [response.authenticator_data, hash.as_ref()].concat();
    if !stored.public_key.has_signed(&message, response.signature) {
        return Err(NotVerified::WrongSignature);
    }
    // Step 24.
    let counts = data.sign_count != 0 || stored.sign_count != 0;
    Ok(Authenticated {
        sign_count: data.sign_count,
        count_went_back: counts && data.sign_count <= stored.sign_count,
        backed_up: data.flags.backed_up(),
        user_verified: data.flags.user_verified(),
    })
}
