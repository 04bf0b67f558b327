//! The text of a signed token (RFC 7515 §7.1, compact serialisation).

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

use super::key::AssertionKey;

/// Signs claims; `kind` is the `typ` of the header.
pub(super) fn sign(key: &AssertionKey, kind: &str, claims: &Map<String, Value>) -> Option<String> {
    let header = serde_json::to_vec(&json!({ "alg": "ES256", "kid": key.kid, "typ": kind })).ok()?;
    let claims = serde_json::to_vec(claims).ok()?;
    let mut text = format!("{}.{}", BASE64URL_NOPAD.encode(&header), BASE64URL_NOPAD.encode(&claims));
    let signature = key.sign(text.as_bytes())?;
    text.push('.');
    text.push_str(&BASE64URL_NOPAD.encode(&signature));
    Some(text)
}
