//! The checks of an access token that a machine sends in `Authorization: Bearer` (RFC 9068 §4).
//!
//! An ID token is no access token: it says that somebody has signed in at a client, and every client of the provider gets
//! one. Mallory, who runs another client, must not come in with the ID tokens of its users. The audience of access tokens
//! therefore differs from the client's id, and a token with the marks of an ID token is refused.

use serde_json::Value;

use super::{
    KeySet, Rejection,
    id_token::{LEEWAY, check_end, check_issuer},
    json::Object,
    jws, numeric_date,
    settings::OidcSettings,
};
use crate::clock::Timestamp;

/// Checks a token for this audience; returns its claims and its end.
pub(super) fn check(
    token: &str,
    keys: &KeySet,
    (settings, audience): (&OidcSettings, &str),
    now: Timestamp,
) -> Result<(Object, Timestamp), Rejection> {
    let signed = jws::verify(token, keys, &settings.algorithms)?;
    // RFC 9068 §2.1 wants `at+jwt`; many providers write `JWT`.
    if signed.token_type.is_some_and(|named| !matches!(&*named, "at+jwt" | "jwt")) {
        return Err(Rejection::TokenType);
    }
    let claims = signed.claims;
    if ID_TOKEN_MARKS.iter().any(|mark| claims.contains_key(*mark)) {
        return Err(Rejection::TokenType);
    }
    check_issuer(&claims, &settings.issuer)?;
    let is_for_us = match claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(list)) if list.len() <= MAX_AUDIENCES => {
            list.iter().all(Value::is_string) && list.iter().any(|one| one == audience)
        }
        _ => false,
    };
    if !is_for_us {
        return Err(Rejection::TokenAudience);
    }
    check_end(&claims, now)?;
    for start in ["iat", "nbf"].into_iter().filter_map(|name| claims.get(name)) {
        let start = numeric_date::read(start).map_err(|_| Rejection::TokenTime)?;
        if now + LEEWAY < start {
            return Err(Rejection::TokenFromFuture);
        }
    }
    let expires = claims.get("exp").and_then(|end| numeric_date::read(end).ok());
    let expires = expires.ok_or(Rejection::TokenTime)?;
    Ok((claims, expires + LEEWAY))
}

/// Claims of ID tokens and logout tokens (OpenID Connect Core 1.0 §2 and §3.1.3.6, Back-Channel Logout 1.0 §2.4).
const ID_TOKEN_MARKS: [&str; 4] = ["nonce", "at_hash", "c_hash", "events"];
const MAX_AUDIENCES: usize = 16;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{
        super::samples::{CLIENT, ISSUER, NOW, SigningKey, id_claims, now, settings},
        *,
    };

    const AUDIENCE: &str = "https://api.example.com";

    fn claims() -> Value {
        json!({"iss": ISSUER, "sub": "backup", "aud": AUDIENCE, "azp": "another client", "exp": NOW + 300, "iat": NOW})
    }

    fn result(key: &SigningKey, token: &str) -> Result<(), Rejection> {
        check(token, &key.key_set(), (&settings(), AUDIENCE), now()).map(|_| ())
    }

    #[test]
    fn an_access_token_for_the_audience_is_taken() {
        let key = SigningKey::generate("one");
        for kind in ["JWT", "at+jwt", "application/at+JWT"] {
            let header = json!({"alg": "ES256", "kid": "one", "typ": kind}).to_string();
            assert_eq!(result(&key, &key.sign(&header, &claims().to_string())), Ok(()), "{kind}");
        }
        let mut several = claims();
        several["aud"] = json!([AUDIENCE, "another"]);
        assert_eq!(result(&key, &key.token(&several)), Ok(()));
    }

    #[test]
    fn an_id_token_is_no_access_token() {
        let key = SigningKey::generate("one");
        assert_eq!(result(&key, &key.token(&id_claims())), Err(Rejection::TokenType));
        let mut plain = id_claims();
        plain.as_object_mut().unwrap().remove("nonce");
        assert_eq!(result(&key, &key.token(&plain)), Err(Rejection::TokenAudience));
        for mark in ID_TOKEN_MARKS {
            let mut marked = claims();
            marked[mark] = json!("x");
            assert_eq!(result(&key, &key.token(&marked)), Err(Rejection::TokenType), "{mark}");
        }
        for kind in ["logout+jwt", "id+jwt", "dpop+jwt"] {
            let header = json!({"alg": "ES256", "kid": "one", "typ": kind}).to_string();
            assert_eq!(
                result(&key, &key.sign(&header, &claims().to_string())),
                Err(Rejection::TokenType),
                "{kind}"
            );
        }
    }

    #[test]
    fn each_claim_that_is_wrong_refuses_the_token() {
        let key = SigningKey::generate("one");
        for (name, value, rejection) in [
            ("iss", json!("https://evil.example"), Rejection::TokenIssuer),
            ("iss", Value::Null, Rejection::TokenIssuer),
            ("aud", json!(CLIENT), Rejection::TokenAudience),
            ("aud", json!([CLIENT, 1, AUDIENCE]), Rejection::TokenAudience),
            ("aud", Value::Null, Rejection::TokenAudience),
            ("exp", json!(NOW - 61), Rejection::TokenExpired),
            ("exp", Value::Null, Rejection::TokenTime),
            ("exp", json!("soon"), Rejection::TokenTime),
            ("exp", json!(1e300), Rejection::TokenTime),
            ("iat", json!(NOW + 120), Rejection::TokenFromFuture),
            ("nbf", json!(NOW + 120), Rejection::TokenFromFuture),
        ] {
            let mut wrong = claims();
            wrong[name] = value.clone();
            assert_eq!(result(&key, &key.token(&wrong)), Err(rejection), "{name} {value}");
        }
        let stranger = SigningKey::generate("one");
        assert_eq!(result(&key, &stranger.token(&claims())), Err(Rejection::TokenSignature));
        let unknown = SigningKey::generate("two");
        assert_eq!(result(&key, &unknown.token(&claims())), Err(Rejection::TokenKey));
        let none = json!({"alg": "none"}).to_string();
        assert_eq!(result(&key, &key.sign(&none, &claims().to_string())), Err(Rejection::TokenAlgorithm));
        let secret = json!({"alg": "HS256", "kid": "one"}).to_string();
        assert_eq!(result(&key, &key.sign(&secret, &claims().to_string())), Err(Rejection::TokenAlgorithm));
    }
}
