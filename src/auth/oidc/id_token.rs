//! The checks of an ID token (OpenID Connect Core 1.0 §3.1.3.7).

use std::time::Duration;

use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use super::{
    Algorithm, KeySet, Rejection,
    json::{self, Object},
    jws, numeric_date,
    settings::{Issuer, OidcSettings},
};
use crate::clock::Timestamp;

/// The values that an ID token has to fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) settings: &'a OidcSettings,
    pub(super) keys: &'a KeySet,
    /// The nonce of the attempt.
    pub(super) nonce: &'a str,
    /// The access token that came with the ID token.
    pub(super) access_token: Option<&'a str>,
    /// Whether the user had to sign in again at the provider, and since when.
    pub(super) signed_in_since: Option<Timestamp>,
    pub(super) now: Timestamp,
}

/// Checks a token that came from the token endpoint; returns its claims.
pub(super) fn check(token: &str, expected: &Expected<'_>) -> Result<Object, Rejection> {
    let Expected { settings, keys, now, .. } = *expected;
    let signed = jws::verify(token, keys, &settings.algorithms)?;
    if signed.token_type.is_some_and(|named| named != "jwt") || signed.claims.contains_key("events") {
        return Err(Rejection::TokenType);
    }
    let claims = signed.claims;
    check_issuer(&claims, &settings.issuer)?;
    check_audience(&claims, &settings.client_id)?;
    check_times(&claims, now)?;
    if claims.get("nonce").and_then(Value::as_str) != Some(expected.nonce) {
        return Err(Rejection::TokenNonce);
    }
    check_access_hash(&claims, signed.algorithm, expected.access_token)?;
    subject(&claims)?;
    if let Some(since) = expected.signed_in_since {
        let at = required_time(&claims, "auth_time").map_err(|_| Rejection::TokenAuthTime)?;
        if at + LEEWAY < since || now + LEEWAY < at {
            return Err(Rejection::TokenAuthTime);
        }
    }
    Ok(claims)
}

/// The issuer is compared byte for byte; that of a tenant is made of its id.
pub(super) fn check_issuer(claims: &Object, issuer: &Issuer) -> Result<(), Rejection> {
    let found = json::text(claims, "iss").ok_or(Rejection::TokenIssuer)?;
    match issuer {
        Issuer::Exact(expected) if found == expected.as_str() => Ok(()),
        Issuer::Exact(_) => Err(Rejection::TokenIssuer),
        Issuer::Tenants { allowed, discovery } => {
            let tenant = json::text(claims, "tid").ok_or(Rejection::TokenTenant)?;
            if !allowed.iter().any(|allowed| allowed == tenant) {
                return Err(Rejection::TokenTenant);
            }
            let authority = discovery.authority();
            let is_its_own = found == format!("https://{authority}/{tenant}/v2.0");
            if is_its_own { Ok(()) } else { Err(Rejection::TokenIssuer) }
        }
    }
}

/// A token for several audiences has to name this client as the one that it was given to.
pub(super) fn check_audience(claims: &Object, client_id: &str) -> Result<(), Rejection> {
    let several = match claims.get("aud") {
        Some(Value::String(one)) if one == client_id => false,
        Some(Value::Array(list)) if list.len() <= MAX_AUDIENCES => {
            if !list.iter().all(Value::is_string) || !list.iter().any(|one| one == client_id) {
                return Err(Rejection::TokenAudience);
            }
            list.len() > 1
        }
        _ => return Err(Rejection::TokenAudience),
    };
    match claims.get("azp") {
        None if several => Err(Rejection::TokenAuthorizedParty),
        Some(party) if party != client_id => Err(Rejection::TokenAuthorizedParty),
        _ => Ok(()),
    }
}

/// `exp` and `iat` are required; `nbf` is checked if it is there.
fn check_times(claims: &Object, now: Timestamp) -> Result<(), Rejection> {
    check_end(claims, now)?;
    check_age(claims, now)
}

/// `exp`, which is required.
pub(super) fn check_end(claims: &Object, now: Timestamp) -> Result<(), Rejection> {
    let expires = required_time(claims, "exp")?;
    if now >= expires + LEEWAY { Err(Rejection::TokenExpired) } else { Ok(()) }
}

/// `iat`, which is required, and `nbf`.
pub(super) fn check_age(claims: &Object, now: Timestamp) -> Result<(), Rejection> {
    let issued = required_time(claims, "iat")?;
    let not_before = match claims.get("nbf") {
        None => issued,
        Some(value) => numeric_date::read(value).map_err(|_| Rejection::TokenTime)?,
    };
    if now + LEEWAY < issued || now + LEEWAY < not_before {
        return Err(Rejection::TokenFromFuture);
    }
    if now.since(issued) > OLDEST + LEEWAY { Err(Rejection::TokenOld) } else { Ok(()) }
}

/// `sub`: 1 to 255 characters without control characters (OpenID Connect Core 1.0 §2).
pub(super) fn subject(claims: &Object) -> Result<&str, Rejection> {
    let subject = json::text(claims, "sub").ok_or(Rejection::TokenSubject)?;
    let fits = !subject.is_empty() && subject.len() <= 255 && !subject.chars().any(char::is_control);
    if fits { Ok(subject) } else { Err(Rejection::TokenSubject) }
}

/// `at_hash`, if it is there: the left half of the hash of the access token (OpenID Connect Core 1.0 §3.1.3.6).
fn check_access_hash(
    claims: &Object,
    algorithm: Algorithm,
    access_token: Option<&str>,
) -> Result<(), Rejection> {
    let Some(found) = claims.get("at_hash") else { return Ok(()) };
    let hash = match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => &digest::SHA256,
        Algorithm::Es384 => &digest::SHA384,
        // Ed25519 hashes with SHA-512 inside.
        Algorithm::EdDsa => &digest::SHA512,
    };
    let access_token = access_token.ok_or(Rejection::TokenAccessHash)?;
    let digest = digest::digest(hash, access_token.as_bytes());
    let (left, _) = digest.as_ref().split_at(digest.as_ref().len() / 2);
    if found == &Value::String(BASE64URL_NOPAD.encode(left)) {
        Ok(())
    } else {
        Err(Rejection::TokenAccessHash)
    }
}

fn required_time(claims: &Object, name: &str) -> Result<Timestamp, Rejection> {
    claims.get(name).and_then(|value| numeric_date::read(value).ok()).ok_or(Rejection::TokenTime)
}

/// How far the clocks of the two may differ.
pub(super) const LEEWAY: Duration = Duration::from_mins(1);
/// A token of a sign-in that happens now is not older.
const OLDEST: Duration = Duration::from_mins(10);
const MAX_AUDIENCES: usize = 16;
