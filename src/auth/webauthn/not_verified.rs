//! Why a response of a browser is not believed.

/// The step of WebAuthn Level 3 §7.1 or §7.2 at which a response was refused, for the audit stream alone: a page shows the
/// same text for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotVerified {
    /// A part of the response is no base64url without padding, or missing.
    ResponseMalformed,
    /// The credential is not the one that the response names, or not one of those that were asked for.
    WrongCredential,
    /// The user handle is missing, or that of another user.
    WrongUserHandle,
    /// The client data can't be read in one way only.
    ClientDataMalformed,
    /// The client data are of another ceremony.
    WrongType,
    /// The challenge is not the one that was given out.
    WrongChallenge,
    /// The ceremony took place at a page of somebody else.
    WrongOrigin,
    /// The ceremony took place in a frame of another site.
    CrossOrigin,
    /// The attestation object can't be read.
    AttestationMalformed,
    /// The authenticator data can't be read.
    AuthenticatorDataMalformed,
    /// The credential belongs to another relying party.
    WrongRelyingParty,
    /// The authenticator was not touched.
    UserNotPresent,
    /// The authenticator has not verified the person.
    UserNotVerified,
    /// The credential is backed up and can't be.
    BackupImpossible,
    /// The credential can be backed up since now, or can't any more.
    BackupEligibilityChanged,
    /// The authenticator data name no new credential.
    NoCredential,
    /// The public key is none that a signature can be checked with.
    PublicKeyMalformed,
    /// The public key has an algorithm that was not offered.
    AlgorithmNotOffered,
    /// The attestation is said to be none, and has a statement.
    AttestationNotNone,
    /// The credential id is empty or longer than 1,023 bytes.
    CredentialIdLength,
    /// The signature is wrong.
    WrongSignature,
}

impl NotVerified {
    /// The code in the audit stream.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ResponseMalformed => "passkey-response-malformed",
            Self::WrongCredential => "passkey-credential",
            Self::WrongUserHandle => "passkey-user-handle",
            Self::ClientDataMalformed => "passkey-client-data-malformed",
            Self::WrongType => "passkey-type",
            Self::WrongChallenge => "passkey-challenge",
            Self::WrongOrigin => "passkey-origin",
            Self::CrossOrigin => "passkey-cross-origin",
            Self::AttestationMalformed => "passkey-attestation-malformed",
            Self::AuthenticatorDataMalformed => "passkey-authenticator-data-malformed",
            Self::WrongRelyingParty => "passkey-relying-party",
            Self::UserNotPresent => "passkey-user-not-present",
            Self::UserNotVerified => "passkey-user-not-verified",
            Self::BackupImpossible => "passkey-backup-impossible",
            Self::BackupEligibilityChanged => "passkey-backup-eligibility",
            Self::NoCredential => "passkey-no-credential",
            Self::PublicKeyMalformed => "passkey-public-key",
            Self::AlgorithmNotOffered => "passkey-algorithm",
            Self::AttestationNotNone => "passkey-attestation",
            Self::CredentialIdLength => "passkey-credential-id-length",
            Self::WrongSignature => "passkey-signature",
        }
    }
}
