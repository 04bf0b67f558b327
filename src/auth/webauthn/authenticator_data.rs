//! Authenticator data: what the authenticator says about a ceremony (WebAuthn Level 3 §6.1).

use super::{Expectation, NotVerified, PublicKey, UserVerification, cbor::Reader};

/// Authenticator data, read whole.
#[derive(Debug)]
pub(super) struct AuthenticatorData<'b> {
    rp_id_hash: &'b [u8; 32],
    pub(super) flags: Flags,
    pub(super) sign_count: u32,
    /// The new credential of a registration.
    pub(super) credential: Option<AttestedCredential<'b>>,
}

/// A new credential.
#[derive(Debug)]
pub(super) struct AttestedCredential<'b> {
    pub(super) aaguid: [u8; 16],
    pub(super) id: &'b [u8],
    pub(super) public_key: PublicKey,
}

/// The flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flags(u8);

impl<'b> AuthenticatorData<'b> {
    /// Reads the data to their last byte.
    pub(super) fn parse(bytes: &'b [u8]) -> Result<Self, NotVerified> {
        const MALFORMED: NotVerified = NotVerified::AuthenticatorDataMalformed;
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>().ok_or(MALFORMED)?;
        let ([flags], rest) = rest.split_first_chunk::<1>().ok_or(MALFORMED)?;
        let (sign_count, mut rest) = rest.split_first_chunk::<4>().ok_or(MALFORMED)?;
        let flags = Flags(*flags);
        let mut credential = None;
        if flags.has(Flags::ATTESTED_CREDENTIAL) {
            let (attested, after) = AttestedCredential::read(rest)?;
            (credential, rest) = (Some(attested), after);
        }
        if flags.has(Flags::EXTENSIONS) {
            let mut reader = Reader::new(rest).map_err(|_| MALFORMED)?;
            reader.map().map_err(|_| MALFORMED)?;
            rest = reader.rest();
        }
        if !rest.is_empty() {
            return Err(MALFORMED);
        }
        Ok(Self { rp_id_hash, flags, sign_count: u32::from_be_bytes(*sign_count), credential })
    }

    /// Steps 14 to 17 of a registration, 16 to 19 of an authentication.
    pub(super) fn check(&self, expected: &Expectation<'_>) -> Result<(), NotVerified> {
        if !expected.party.has_hash(self.rp_id_hash) {
            return Err(NotVerified::WrongRelyingParty);
        }
        if !self.flags.has(Flags::USER_PRESENT) {
            return Err(NotVerified::UserNotPresent);
        }
        if expected.user_verification == UserVerification::Required && !self.flags.user_verified() {
            return Err(NotVerified::UserNotVerified);
        }
        if self.flags.backed_up() && !self.flags.backup_eligible() {
            return Err(NotVerified::BackupImpossible);
        }
        Ok(())
    }
}

impl<'b> AttestedCredential<'b> {
    /// Reads a credential and gives what stands behind it (WebAuthn Level 3 §6.5.1).
    fn read(bytes: &'b [u8]) -> Result<(Self, &'b [u8]), NotVerified> {
        const MALFORMED: NotVerified = NotVerified::AuthenticatorDataMalformed;
        let (aaguid, rest) = bytes.split_first_chunk::<16>().ok_or(MALFORMED)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(MALFORMED)?;
        let (id, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or(MALFORMED)?;
        let (public_key, rest) = PublicKey::read(rest)?;
        Ok((Self { aaguid: *aaguid, id, public_key }, rest))
    }
}

impl Flags {
    const USER_PRESENT: u8 = 1;
    const USER_VERIFIED: u8 = 1 << 2;
    const BACKUP_ELIGIBLE: u8 = 1 << 3;
    const BACKED_UP: u8 = 1 << 4;
    const ATTESTED_CREDENTIAL: u8 = 1 << 6;
    const EXTENSIONS: u8 = 1 << 7;

    /// Whether the authenticator has verified the person.
    pub(super) fn user_verified(self) -> bool {
        self.has(Self::USER_VERIFIED)
    }

    /// Whether the credential can be on several devices.
    pub(super) fn backup_eligible(self) -> bool {
        self.has(Self::BACKUP_ELIGIBLE)
    }

    /// Whether it is at the moment.
    pub(super) fn backed_up(self) -> bool {
        self.has(Self::BACKED_UP)
    }

    fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }
}
