//! Signed tokens of a provider (RFC 7515, RFC 7519): taken apart, their signature checked, their claims read.
//!
//! The claims are checked in `id_token`, `logout_token` and `access_token`.

use data_encoding::BASE64URL_NOPAD;

use super::{
    Rejection,
    json::{self, Object},
    keys::{Algorithm, KeySet},
};

/// The claims of a token whose signature a key of the provider has made.
#[derive(Debug)]
pub(super) struct Signed {
    /// The algorithm of the signature.
    pub(super) algorithm: Algorithm,
    /// `typ` of the header, in lower case and without `application/`.
    pub(super) token_type: Option<String>,
    /// The claims.
    pub(super) claims: Object,
}

/// A token that was taken apart. Anybody can have made its claims: its signature is not checked yet.
#[derive(Debug)]
pub(super) struct Unverified<'t> {
    algorithm: Algorithm,
    key_id: Option<String>,
    token_type: Option<String>,
    claims: Object,
    message: &'t str,
    signature: &'t str,
}

/// Checks the signature of a token by one of the `allowed` algorithms.
///
/// [`Rejection::TokenKey`]: the provider may have made a new key since the set was read.
pub(super) fn verify(token: &str, keys: &KeySet, allowed: &[Algorithm]) -> Result<Signed, Rejection> {
    Unverified::parse(token, allowed)?.verify(keys)
}

impl<'t> Unverified<'t> {
    /// Takes a token apart, whose algorithm has to be one of the `allowed`.
    pub(super) fn parse(token: &'t str, allowed: &[Algorithm]) -> Result<Self, Rejection> {
        if token.len() > MAX_BYTES {
            return Err(Rejection::TokenMalformed);
        }
        let mut parts = token.split('.');
        let (Some(head), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Rejection::TokenMalformed);
        };
        let header = object(head)?;
        // An extension that has to be understood, and is not (RFC 7515 §4.1.11). One is `b64`: the payload as it stands.
        if header.contains_key("crit") || header.contains_key("b64") || header.contains_key("zip") {
            return Err(Rejection::TokenMalformed);
        }
        let algorithm = json::text(&header, "alg").and_then(Algorithm::parse);
        let algorithm = algorithm.filter(|algorithm| allowed.contains(algorithm));
        let algorithm = algorithm.ok_or(Rejection::TokenAlgorithm)?;
        let key_id = match header.get("kid") {
            None => None,
            Some(id) => Some(id.as_str().ok_or(Rejection::TokenMalformed)?.to_owned()),
        };
        let token_type = match header.get("typ") {
            None => None,
            Some(named) => Some(type_named(named.as_str().ok_or(Rejection::TokenMalformed)?)),
        };
        let (message, _) = token.rsplit_once('.').ok_or(Rejection::TokenMalformed)?;
        Ok(Self { algorithm, key_id, token_type, claims: object(payload)?, message, signature })
    }

    /// `typ` of the header, as [`Signed::token_type`].
    pub(super) fn token_type(&self) -> Option<&str> {
        self.token_type.as_deref()
    }

    /// The claims, which nobody has confirmed.
    pub(super) fn claims(&self) -> &Object {
        &self.claims
    }

    /// Whether one of the keys could check the signature; else [`Rejection::TokenKey`].
    pub(super) fn find_key(&self, keys: &KeySet) -> Result<(), Rejection> {
        let has_key = keys.has_one_for(self.algorithm, self.key_id.as_deref());
        if has_key { Ok(()) } else { Err(Rejection::TokenKey) }
    }

    /// Checks the signature.
    pub(super) fn verify(self, keys: &KeySet) -> Result<Signed, Rejection> {
        let Self { algorithm, key_id, token_type, claims, message, signature } = self;
        match keys.verify(algorithm, key_id.as_deref(), message, signature) {
            Ok(true) => Ok(Signed { algorithm, token_type, claims }),
            Ok(false) => Err(Rejection::TokenSignature),
            Err(_) => Err(Rejection::TokenKey),
        }
    }
}

/// RFC 7515 §4.1.9: `application/` may be left out.
fn type_named(named: &str) -> String {
    let named = named.to_ascii_lowercase();
    named.strip_prefix("application/").unwrap_or(&named).to_owned()
}

fn object(part: &str) -> Result<Object, Rejection> {
    let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| Rejection::TokenMalformed)?;
    json::object(&bytes).map_err(|_| Rejection::TokenMalformed)
}

const MAX_BYTES: usize = 64 * 1024;
