//! One signing key: P-256, for ES256.

use std::fmt;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::clock::Timestamp;

/// A key with the number of its file.
pub(super) struct AssertionKey {
    /// The number of the file. Gateways that share a folder order the keys by it.
    pub(super) number: u64,
    /// The time at which the key was made. It signs a quarter of an hour later.
    pub(super) created: Timestamp,
    /// RFC 7638: the thumbprint of the public key.
    pub(super) kid: String,
    x: String,
    y: String,
    pair: EcdsaKeyPair,
}

impl AssertionKey {
    /// The text of a file with a new key.
    pub(super) fn generate(created: Timestamp) -> Option<Zeroizing<String>> {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).ok()?;
        let base64 = Zeroizing::new(BASE64.encode(pkcs8.as_ref()));
        Some(Zeroizing::new(format!("{CREATED}{}\n{BEGIN}\n{}\n{END}\n", created.as_millis(), *base64)))
    }

    /// Reads the text of a file.
    pub(super) fn parse(number: u64, text: &str) -> Option<Self> {
        let (first, rest) = text.split_once('\n')?;
        let created = Timestamp::from_millis(first.strip_prefix(CREATED)?.trim().parse().ok()?);
        let body = rest.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
        let base64: Zeroizing<String> =
            Zeroizing::new(body.chars().filter(|character| !character.is_ascii_whitespace()).collect());
        let pkcs8 = Zeroizing::new(BASE64.decode(base64.as_bytes()).ok()?);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).ok()?;
        // SEC 1 §2.3.3: an uncompressed point.
        let point = pair.public_key().as_ref().strip_prefix(&[4])?;
        let (x, y) = point.split_at_checked(32).filter(|(_, y)| y.len() == 32)?;
        let (x, y) = (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y));
        // RFC 7638 §3.2: these members, in this order, without blanks.
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = BASE64URL_NOPAD.encode(digest(&SHA256, canonical.as_bytes()).as_ref());
        Some(Self { number, created, kid, x, y, pair })
    }

    /// The public key (RFC 7517 §4, RFC 7518 §6.2.1).
    pub(super) fn jwk(&self) -> Value {
        json!({
            "kty": "EC", "crv": "P-256", "x": self.x, "y": self.y, "kid": self.kid, "alg": "ES256", "use": "sig",
        })
    }

    /// The signature of ES256 (RFC 7518 §3.4).
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.pair.sign(&SystemRandom::new(), message).ok().map(|signature| signature.as_ref().to_vec())
    }
}

impl fmt::Debug for AssertionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, created, kid, .. } = self;
        f.debug_struct("AssertionKey")
            .field("number", number)
            .field("created", created)
            .field("kid", kid)
            .finish_non_exhaustive()
    }
}

const CREATED: &str = "Created: ";
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
