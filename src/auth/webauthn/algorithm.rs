//! The signature algorithms that the gateway accepts.

/// A signature algorithm by its number in the COSE registry (RFC 9053 §2, RFC 8812 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoseAlgorithm {
    /// ECDSA with P-256 and SHA-256; every authenticator has it.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSA with PKCS #1 v1.5 and SHA-256, of older Windows Hello.
    Rs256,
}

impl CoseAlgorithm {
    /// All algorithms, the preferred one first: the list `pubKeyCredParams` of a registration.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// The number in the COSE registry.
    pub fn number(self) -> i32 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Rs256 => -257,
        }
    }

    /// The algorithm with this number.
    pub(super) fn of_number(number: i128) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| i128::from(algorithm.number()) == number)
    }
}
