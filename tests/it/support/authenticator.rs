//! An authenticator in software, every byte of whose responses a test can choose.
//!
//! The authenticator shares no code with the gateway: CBOR is written by hand here.

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RsaKeyPair,
    },
};
use data_encoding::BASE64URL_NOPAD;

/// A credential with its private key.
pub(crate) struct SoftPasskey {
    pub(crate) id: Vec<u8>,
    key: SigningKey,
}

enum SigningKey {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

/// The fields of authenticator data.
#[derive(Clone)]
pub(crate) struct AuthenticatorFields {
    pub(crate) rp_id: String,
    pub(crate) flags: u8,
    pub(crate) sign_count: u32,
    /// The bytes behind the counter.
    pub(crate) rest: Vec<u8>,
}

/// The flags of authenticator data.
pub(crate) const UP: u8 = 1;
pub(crate) const UV: u8 = 1 << 2;
pub(crate) const BE: u8 = 1 << 3;
pub(crate) const BS: u8 = 1 << 4;
pub(crate) const AT: u8 = 1 << 6;
pub(crate) const ED: u8 = 1 << 7;

impl SoftPasskey {
    pub(crate) fn es256(id: &[u8]) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        Self { id: id.to_vec(), key: SigningKey::Es256(key) }
    }

    pub(crate) fn eddsa(id: &[u8]) -> Self {
        let key = Ed25519KeyPair::generate().expect("a key");
        Self { id: id.to_vec(), key: SigningKey::EdDsa(key) }
    }

    pub(crate) fn rs256(id: &[u8]) -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        Self { id: id.to_vec(), key: SigningKey::Rs256(key) }
    }

    /// The public key as a COSE key.
    pub(crate) fn cose(&self) -> Vec<u8> {
        match &self.key {
            SigningKey::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
                [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21][..], &bytes(x), &[0x22], &bytes(y)].concat()
            }
            SigningKey::EdDsa(pair) => {
                // {1: 1, 3: -8, -1: 6, -2: x}
                [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21][..], &bytes(pair.public_key().as_ref())].concat()
            }
            SigningKey::Rs256(pair) => {
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero().to_vec();
                let e = public.exponent().big_endian_without_leading_zero().to_vec();
                // {1: 3, 3: -257, -1: n, -2: e}
                [&[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20][..], &bytes(&n), &[0x21], &bytes(&e)].concat()
            }
        }
    }

    /// A signature over authenticator data and the hash of client data.
    pub(crate) fn sign(&self, authenticator_data: &[u8], client_data: &[u8]) -> Vec<u8> {
        let message = [authenticator_data, digest(&SHA256, client_data).as_ref()].concat();
        let random = SystemRandom::new();
        match &self.key {
            SigningKey::Es256(pair) => pair.sign(&random, &message).expect("a signature").as_ref().to_vec(),
            SigningKey::EdDsa(pair) => pair.sign(&message).as_ref().to_vec(),
            SigningKey::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, &message, &mut signature).expect("a signature");
                signature
            }
        }
    }

    /// The fields of a registration's authenticator data.
    pub(crate) fn registration(&self, rp_id: &str, flags: u8) -> AuthenticatorFields {
        let rest = attested(&self.id, &self.cose());
        AuthenticatorFields { rp_id: rp_id.to_owned(), flags: flags | AT, sign_count: 0, rest }
    }
}

impl AuthenticatorFields {
    pub(crate) fn assertion(rp_id: &str, flags: u8, sign_count: u32) -> Self {
        Self { rp_id: rp_id.to_owned(), flags, sign_count, rest: Vec::new() }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let hash = digest(&SHA256, self.rp_id.as_bytes());
        [hash.as_ref(), &[self.flags], &self.sign_count.to_be_bytes(), &self.rest].concat()
    }
}

/// Attested credential data.
pub(crate) fn attested(id: &[u8], cose: &[u8]) -> Vec<u8> {
    let length = u16::try_from(id.len()).expect("a length of two bytes");
    [&[0xaa; 16][..], &length.to_be_bytes(), id, cose].concat()
}

/// An attestation object with this format and statement: `{"fmt": …, "attStmt": …, "authData": …}`.
pub(crate) fn attestation_object(format: &str, statement: &[u8], authenticator_data: &[u8]) -> Vec<u8> {
    [
        &[0xa3][..],
        &text("fmt"),
        &text(format),
        &text("attStmt"),
        statement,
        &text("authData"),
        &bytes(authenticator_data),
    ]
    .concat()
}

/// An attestation object without an attestation.
pub(crate) fn no_attestation(authenticator_data: &[u8]) -> Vec<u8> {
    attestation_object("none", &[0xa0], authenticator_data)
}

/// Client data as browsers write them.
pub(crate) fn client_data(kind: &str, challenge: &str, origin: &str) -> String {
    format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#)
}

/// Bytes in base64url without padding.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// A byte string of CBOR.
pub(crate) fn bytes(bytes: &[u8]) -> Vec<u8> {
    [&head(0x40, bytes.len())[..], bytes].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&head(0x60, text.len())[..], text.as_bytes()].concat()
}

fn head(major: u8, length: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(length).expect("a length of two bytes").to_be_bytes();
    match length {
        0..=23 => vec![major | low],
        24..=255 => vec![major | 0x18, low],
        _ => vec![major | 0x19, high, low],
    }
}
