//! The public key of a credential, as a COSE key (RFC 9052 §7, RFC 9053 §7, RFC 8230 §4).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::{
    CoseAlgorithm, NotVerified,
    cbor::{Item, Map, Reader},
};

/// A public key that a signature can be checked with.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: Key,
    /// As the authenticator sent it, and as it is stored.
    cose: Box<[u8]>,
}

#[derive(Clone, PartialEq, Eq)]
enum Key {
    /// An uncompressed point.
    Es256([u8; 65]),
    EdDsa([u8; 32]),
    Rs256 {
        n: Box<[u8]>,
        e: Box<[u8]>,
    },
}

impl PublicKey {
    /// Reads a stored key.
    pub fn from_cose(cose: &[u8]) -> Result<Self, NotVerified> {
        match Self::read(cose)? {
            (key, []) => Ok(key),
            _ => Err(NotVerified::PublicKeyMalformed),
        }
    }

    /// Reads a key at the start of these bytes, and gives what stands behind it.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), NotVerified> {
        let mut reader = Reader::new(bytes).map_err(|_| NotVerified::PublicKeyMalformed)?;
        let map = reader.map().map_err(|_| NotVerified::PublicKeyMalformed)?;
        let rest = reader.rest();
        let (cose, _) =
            bytes.split_at_checked(bytes.len() - rest.len()).ok_or(NotVerified::PublicKeyMalformed)?;
        let key = Key::of(&map)?;
        Ok((Self { key, cose: cose.into() }, rest))
    }

    /// The form to store.
    pub fn as_cose(&self) -> &[u8] {
        &self.cose
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> CoseAlgorithm {
        match self.key {
            Key::Es256(_) => CoseAlgorithm::Es256,
            Key::EdDsa(_) => CoseAlgorithm::EdDsa,
            Key::Rs256 { .. } => CoseAlgorithm::Rs256,
        }
    }

    /// Whether the owner of the key has signed this message.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let checked = match &self.key {
            Key::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Key::EdDsa(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature),
            Key::Rs256 { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        checked.is_ok()
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PublicKey").field(&self.algorithm()).finish()
    }
}

impl Key {
    fn of(map: &Map<'_>) -> Result<Self, NotVerified> {
        let integer = |key| map.at(key).and_then(Item::integer);
        let bytes = |key| map.at(key).and_then(Item::bytes).ok_or(NotVerified::PublicKeyMalformed);
        let number = integer(ALG).ok_or(NotVerified::PublicKeyMalformed)?;
        let algorithm = CoseAlgorithm::of_number(number).ok_or(NotVerified::AlgorithmNotOffered)?;
        let key = match algorithm {
            CoseAlgorithm::Es256 if integer(KTY) == Some(KTY_EC2) && integer(CRV) == Some(CRV_P256) => {
                Self::Es256(point(bytes(X)?, bytes(Y)?).ok_or(NotVerified::PublicKeyMalformed)?)
            }
            CoseAlgorithm::EdDsa if integer(KTY) == Some(KTY_OKP) && integer(CRV) == Some(CRV_ED25519) => {
                Self::EdDsa(bytes(X)?.try_into().map_err(|_| NotVerified::PublicKeyMalformed)?)
            }
            CoseAlgorithm::Rs256 if integer(KTY) == Some(KTY_RSA) => {
                Self::Rs256 { n: bytes(RSA_N)?.into(), e: bytes(RSA_E)?.into() }
            }
            _ => return Err(NotVerified::PublicKeyMalformed),
        };
        key.check()?;
        Ok(key)
    }

    /// Refuses a point off the curve and a modulus of a length with which no signature could be checked. Otherwise a
    /// passkey would be stored that never signs anybody in.
    fn check(&self) -> Result<(), NotVerified> {
        let is_key = match self {
            Self::Es256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).parse().is_ok(),
            Self::EdDsa(point) => UnparsedPublicKey::new(&ED25519, point).parse().is_ok(),
            Self::Rs256 { n, e } => {
                let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
                RSA_BYTES.contains(&n.len())
                    && is_odd(n)
                    && is_odd(e)
                    && **e != [1]
                    && RsaPublicKeyComponents { n, e }
                        .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
                        .is_ok()
            }
        };
        if is_key { Ok(()) } else { Err(NotVerified::PublicKeyMalformed) }
    }
}

/// An uncompressed point (SEC 1 §2.3.3).
fn point(x: &[u8], y: &[u8]) -> Option<[u8; 65]> {
    if x.len() != 32 || y.len() != 32 {
        return None;
    }
    [&[4], x, y].concat().try_into().ok()
}

/// Labels of a COSE key.
const KTY: i128 = 1;
const ALG: i128 = 3;
const CRV: i128 = -1;
const X: i128 = -2;
const Y: i128 = -3;
const RSA_N: i128 = -1;
const RSA_E: i128 = -2;

const KTY_OKP: i128 = 1;
const KTY_EC2: i128 = 2;
const KTY_RSA: i128 = 3;
const CRV_P256: i128 = 1;
const CRV_ED25519: i128 = 6;

/// 2,048 to 8,192 bits.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
