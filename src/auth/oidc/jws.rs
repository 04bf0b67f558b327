//! Signed tokens of a provider (RFC 7515, RFC 7519): taken apart, their signature checked, their claims read.
//!
//! The claims are checked in `id_token` and `logout_token`.

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

/// Checks the signature of a token by one of the `allowed` algorithms.
///
/// [`Rejection::TokenKey`]: the provider may have made a new key since the set was read.
pub(super) fn verify(token: &str, keys: &KeySet, allowed: &[Algorithm]) -> Result<Signed, Rejection> {
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
        Some(id) => Some(id.as_str().ok_or(Rejection::TokenMalformed)?),
    };
    let token_type = match header.get("typ") {
        None => None,
        Some(named) => Some(type_named(named.as_str().ok_or(Rejection::TokenMalformed)?)),
    };
    let (message, _) = token.rsplit_once('.').ok_or(Rejection::TokenMalformed)?;
    match keys.verify(algorithm, key_id, message, signature) {
        Ok(true) => {}
        Ok(false) => return Err(Rejection::TokenSignature),
        Err(_) => return Err(Rejection::TokenKey),
    }
    Ok(Signed { algorithm, token_type, claims: object(payload)? })
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
