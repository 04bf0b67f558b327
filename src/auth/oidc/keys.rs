//! The keys of a provider (RFC 7517), and the signatures that they check.
//!
//! Each key is good for the algorithms of its own kind alone. Mallory, who knows the public key of an RSA signature,
//! cannot use it as the shared secret of an HMAC: no key of this module is one, and `none` is no algorithm.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{DecodingKey, crypto};
use serde_json::Value;

use super::json::{self, NotAnObject, Object};

/// An algorithm by which tokens may be signed (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// The keys of a provider.
#[derive(Debug, Default)]
pub struct KeySet(Vec<Key>);

/// A public key.
#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// The algorithms that the key is good for.
    algorithms: Vec<Algorithm>,
    public: DecodingKey,
}

/// Why no key checks a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The provider may have made a new key since the set was read.
    Unknown,
    /// More than one key fits.
    Ambiguous,
}

impl Algorithm {
    /// All algorithms.
    pub const ALL: [Self; 5] = [Self::Rs256, Self::Ps256, Self::Es256, Self::Es384, Self::EdDsa];

    /// The algorithm with this name in the header of a token.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// Its name in the header of a token.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    fn of_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Ps256 => jsonwebtoken::Algorithm::PS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Es384 => jsonwebtoken::Algorithm::ES384,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

impl KeySet {
    /// Reads the set. Keys of another kind or for another use are left out, and so is everything past the first 64.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, NotAnObject> {
        let object = json::object(bytes)?;
        let Some(Value::Array(keys)) = object.get("keys") else { return Err(NotAnObject) };
        Ok(Self(keys.iter().take(MAX_KEYS).filter_map(|key| Key::parse(key.as_object()?)).collect()))
    }

    /// How many keys can check a signature.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The algorithms that the keys are good for, each once.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        let is_used = |algorithm: &Algorithm| self.0.iter().any(|key| key.algorithms.contains(algorithm));
        Algorithm::ALL.into_iter().filter(is_used)
    }

    /// Whether no key can check a signature.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the signature of `message` is right. A token that names no key needs exactly one that fits.
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        key_id: Option<&str>,
        message: &str,
        signature: &str,
    ) -> Result<bool, NoKey> {
        let key = self.find(algorithm, key_id)?;
        let verified = crypto::verify(signature, message.as_bytes(), &key.public, algorithm.of_library());
        Ok(verified.unwrap_or(false))
    }

    /// Whether exactly one key fits a token.
    pub(super) fn has_one_for(&self, algorithm: Algorithm, key_id: Option<&str>) -> bool {
        self.find(algorithm, key_id).is_ok()
    }

    fn find(&self, algorithm: Algorithm, key_id: Option<&str>) -> Result<&Key, NoKey> {
        let is_named = |key: &&Key| key_id.is_none() || key.id.as_deref() == key_id;
        let fits = |key: &&Key| key.algorithms.contains(&algorithm);
        let mut fitting = self.0.iter().filter(is_named).filter(fits);
        let key = fitting.next().ok_or(NoKey::Unknown)?;
        if fitting.next().is_some() { Err(NoKey::Ambiguous) } else { Ok(key) }
    }
}

impl Key {
    fn parse(key: &Object) -> Option<Self> {
        let text = |name| json::text(key, name);
        if text("use").is_some_and(|purpose| purpose != "sig") || key.contains_key("d") {
            return None;
        }
        if let Some(operations) = key.get("key_ops") {
            operations.as_array()?.iter().find(|operation| **operation == "verify")?;
        }
        let (key_type, curve) = (text("kty")?, text("crv"));
        let (kind, made) = match (key_type, curve) {
            ("RSA", None) => {
                let (modulus, exponent) = (bytes(text("n")?)?, bytes(text("e")?)?);
                if !RSA_BYTES.contains(&modulus.len()) || exponent.len() > 8 {
                    return None;
                }
                let made = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
                (vec![Algorithm::Rs256, Algorithm::Ps256], made)
            }
            ("EC", Some("P-256")) => (vec![Algorithm::Es256], point(text("x")?, text("y")?, 32)?),
            ("EC", Some("P-384")) => (vec![Algorithm::Es384], point(text("x")?, text("y")?, 48)?),
            ("OKP", Some("Ed25519")) => {
                let point = bytes(text("x")?).filter(|point| point.len() == 32)?;
                (vec![Algorithm::EdDsa], DecodingKey::from_ed_der(&point))
            }
            _ => return None,
        };
        let algorithms = match key.get("alg") {
            None => kind,
            // A key that names its algorithm is good for no other.
            Some(named) => vec![Algorithm::parse(named.as_str()?).filter(|named| kind.contains(named))?],
        };
        let id = match key.get("kid") {
            None => None,
            Some(id) => Some(id.as_str()?.to_owned()),
        };
        Some(Self { id, algorithms, public: made })
    }
}

/// A point of a curve, each of its coordinates with all of its bytes.
fn point(x: &str, y: &str, length: usize) -> Option<DecodingKey> {
    let (across, up) = (bytes(x)?, bytes(y)?);
    if across.len() != length || up.len() != length {
        return None;
    }
    Some(DecodingKey::from_ec_der(&[&[UNCOMPRESSED], across.as_slice(), up.as_slice()].concat()))
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

/// SEC 1 §2.3.3: both coordinates follow.
const UNCOMPRESSED: u8 = 4;
/// 2048 to 8192 bits; a longer one would be slow on purpose.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
const MAX_KEYS: usize = 64;
