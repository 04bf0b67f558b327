//! Passkeys, as the store keeps them. Their responses are verified elsewhere.

use std::fmt;

use aws_lc_rs::rand;

use super::{FactorId, FactorName};
use crate::identity::UserId;

/// The name under which authenticators know a user: 32 random bytes, which tell nothing about the person (WebAuthn Level 3
/// §14.6.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserHandle([u8; 32]);

/// A passkey to be stored; the responses of its browser were verified.
#[derive(Clone, Debug)]
pub struct NewPasskey {
    /// The relying party that it belongs to.
    pub rp_id: Box<str>,
    /// Its id, 1 to 1,023 bytes.
    pub credential: Box<[u8]>,
    /// Its public key, as a COSE key.
    pub public_key: Box<[u8]>,
    /// The count of signatures.
    pub sign_count: u32,
    /// Whether it can be on several devices.
    pub backup_eligible: bool,
    /// Whether it is at the moment.
    pub backed_up: bool,
    /// The model of the authenticator; zeros if it does not tell.
    pub aaguid: [u8; 16],
    /// How browsers reach the authenticator.
    pub transports: Vec<Transport>,
    /// Its name.
    pub name: FactorName,
}

/// A stored passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Its number.
    pub factor: FactorId,
    /// The user that it belongs to.
    pub user: UserId,
    /// The handle of that user.
    pub handle: UserHandle,
    /// Its id.
    pub credential: Box<[u8]>,
    /// Its public key, as a COSE key.
    pub public_key: Box<[u8]>,
    /// The highest count of signatures so far.
    pub sign_count: u32,
    /// Whether it can be on several devices.
    pub backup_eligible: bool,
    /// Whether it was when it was last used.
    pub backed_up: bool,
    /// How browsers reach the authenticator.
    pub transports: Vec<Transport>,
}

/// The state of a passkey after a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasskeyUse {
    /// The new count of signatures.
    pub sign_count: u32,
    /// Whether it is on several devices.
    pub backed_up: bool,
}

/// How browsers reach an authenticator (WebAuthn Level 3 §5.8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// USB.
    Usb,
    /// NFC.
    Nfc,
    /// Bluetooth.
    Ble,
    /// A smart card.
    SmartCard,
    /// Another device, through a QR code.
    Hybrid,
    /// The device itself.
    Internal,
}

impl UserHandle {
    /// A new handle; `None`: the operating system had no randomness to give.
    pub(super) fn generate() -> Option<Self> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).ok()?;
        Some(Self(bytes))
    }

    pub(super) fn stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Without the bytes: a handle in a log would tie the records of a user to an authenticator.
impl fmt::Debug for UserHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserHandle(…)")
    }
}

impl Transport {
    /// All transports.
    pub const ALL: [Self; 6] =
        [Self::Usb, Self::Nfc, Self::Ble, Self::SmartCard, Self::Hybrid, Self::Internal];

    /// The word for it, in the specification and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usb => "usb",
            Self::Nfc => "nfc",
            Self::Ble => "ble",
            Self::SmartCard => "smart-card",
            Self::Hybrid => "hybrid",
            Self::Internal => "internal",
        }
    }

    /// The transports of a list with commas, each once. Unknown ones are left out: they only help a browser to choose.
    pub fn in_list(list: &str) -> Vec<Self> {
        let words: Vec<&str> = list.split(',').collect();
        Self::ALL.into_iter().filter(|transport| words.contains(&transport.as_str())).collect()
    }

    /// A list with commas.
    pub(super) fn to_list(transports: &[Self]) -> String {
        transports.iter().map(|transport| transport.as_str()).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_transports_are_left_out() {
        for (list, expected) in [
            ("internal,hybrid,hybrid", "hybrid,internal"),
            ("usb,<script>,nfc", "usb,nfc"),
            ("", ""),
            ("cable", ""),
        ] {
            assert_eq!(Transport::to_list(&Transport::in_list(list)), expected, "{list}");
        }
    }

    #[test]
    fn a_handle_is_random_and_prints_nothing_of_itself() {
        let [one, other] = [UserHandle::generate().unwrap(), UserHandle::generate().unwrap()];
        assert_ne!(one, other);
        assert_eq!(format!("{one:?}"), "UserHandle(…)");
    }
}
