//! The checks of an access token that a machine sends in `Authorization: Bearer` (RFC 9068 §4).
//!
//! An ID token is no access token: it says that somebody has signed in at a client, and every client of the provider gets
//! one. Mallory, who runs another client, must not come in with the ID tokens of its users. The audience of access tokens
//! therefore differs from the client's id, and a token with the marks of an ID token is refused.
//!
//! A token with `cnf` is bound to a key that its sender has to show (RFC 7800 §3.1): Mallory, who has read it in a log of
//! Alice's machine, cannot use it. Such a token is worth nothing by itself. The hash of a client certificate (RFC 8705 §3.1)
//! can be compared; for the proofs of RFC 9449 (`DPoP`) and other bindings there is no check here, so that such tokens are refused.

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use super::{
    KeySet, Rejection,
    id_token::{LEEWAY, check_end, check_issuer},
    json::Object,
    jws::Unverified,
    numeric_date,
    settings::OidcSettings,
};
use crate::{clock::Timestamp, identity::CertificateHash};

/// An access token whose form and claims fit. Anybody can have made it: its signature is not checked yet.
#[derive(Debug)]
pub(super) struct ExaminedToken<'t> {
    token: Unverified<'t>,
    until: Timestamp,
    bound_to: Option<CertificateHash>,
}

/// Looks at everything in a token for this audience but its signature, the only part that costs something. A key of the
/// provider is looked for last: of a token that is meant for somebody else, it says nothing that the key is unknown.
pub(super) fn examine<'t>(
    token: &'t str,
    keys: &KeySet,
    (settings, audience): (&OidcSettings, &str),
    now: Timestamp,
) -> Result<ExaminedToken<'t>, Rejection> {
    let token = Unverified::parse(token, &settings.algorithms)?;
    // RFC 9068 §2.1 wants `at+jwt`; many providers write `JWT`.
    if token.token_type().is_some_and(|named| !matches!(named, "at+jwt" | "jwt")) {
        return Err(Rejection::TokenType);
    }
    let claims = token.claims();
    if ID_TOKEN_MARKS.iter().any(|mark| claims.contains_key(*mark)) {
        return Err(Rejection::TokenType);
    }
    check_issuer(claims, &settings.issuer)?;
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
    check_end(claims, now)?;
    for start in ["iat", "nbf"].into_iter().filter_map(|name| claims.get(name)) {
        let start = numeric_date::read(start).map_err(|_| Rejection::TokenTime)?;
        if now + LEEWAY < start {
            return Err(Rejection::TokenFromFuture);
        }
    }
    let expires = claims.get("exp").and_then(|end| numeric_date::read(end).ok());
    let until = expires.ok_or(Rejection::TokenTime)? + LEEWAY;
    let bound_to = claims.get("cnf").map(bound_certificate).transpose()?;
    token.find_key(keys)?;
    Ok(ExaminedToken { token, until, bound_to })
}

/// The certificate that `cnf` binds a token to, if it is bound to that alone.
fn bound_certificate(confirmation: &Value) -> Result<CertificateHash, Rejection> {
    let members = confirmation.as_object().filter(|members| members.len() == 1);
    let hash = members.and_then(|members| members.get("x5t#S256")?.as_str());
    let bytes = hash.and_then(|hash| BASE64URL_NOPAD.decode(hash.as_bytes()).ok());
    bytes.and_then(|bytes| bytes.try_into().ok()).map(CertificateHash).ok_or(Rejection::TokenBound)
}

impl ExaminedToken<'_> {
    /// The claims, which nobody has confirmed.
    pub(super) fn claims(&self) -> &Object {
        self.token.claims()
    }

    /// The client certificate that its sender has to show; `None`: whoever has the token may use it.
    pub(super) fn bound_to(&self) -> Option<CertificateHash> {
        self.bound_to
    }

    /// Checks the signature with the keys that the token was examined with; returns the claims and the end of the token.
    pub(super) fn verify(self, keys: &KeySet) -> Result<(Object, Timestamp), Rejection> {
        Ok((self.token.verify(keys)?.claims, self.until))
    }
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
        let keys = key.key_set();
        examine(token, &keys, (&settings(), AUDIENCE), now())?.verify(&keys).map(|_| ())
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

    /// A check of a signature is what Mallory could make the gateway spend.
    #[test]
    fn the_signature_is_checked_last() {
        let (key, stranger) = (SigningKey::generate("one"), SigningKey::generate("one"));
        let forged = |changes: &[(&str, Value)]| {
            let mut claims = claims();
            for (name, value) in changes {
                claims[*name] = value.clone();
            }
            result(&key, &stranger.token(&claims))
        };
        assert_eq!(forged(&[]), Err(Rejection::TokenSignature));
        assert_eq!(forged(&[("iss", json!("https://evil.example"))]), Err(Rejection::TokenIssuer));
        assert_eq!(forged(&[("aud", json!("another"))]), Err(Rejection::TokenAudience));
        assert_eq!(forged(&[("exp", json!(NOW - 61))]), Err(Rejection::TokenExpired));
        assert_eq!(forged(&[("nbf", json!(NOW + 120))]), Err(Rejection::TokenFromFuture));
        assert_eq!(forged(&[("nonce", json!("x"))]), Err(Rejection::TokenType));
        // Nor does a token that is meant for another gateway have its key fetched.
        let unknown = SigningKey::generate("two");
        let mut elsewhere = claims();
        elsewhere["aud"] = json!("another");
        assert_eq!(result(&key, &unknown.token(&elsewhere)), Err(Rejection::TokenAudience));
        assert_eq!(result(&key, &unknown.token(&claims())), Err(Rejection::TokenKey));
    }

    #[test]
    fn a_token_that_is_bound_to_something_else_than_a_certificate_is_refused() {
        let key = SigningKey::generate("one");
        let examined = |confirmation: &Value| {
            let mut claims = claims();
            claims["cnf"] = confirmation.clone();
            let (token, keys) = (key.token(&claims), key.key_set());
            let examined = examine(&token, &keys, (&settings(), AUDIENCE), now());
            examined.map(|token| token.bound_to())
        };
        let hash = BASE64URL_NOPAD.encode(&[7; 32]);
        assert_eq!(examined(&json!({"x5t#S256": hash})), Ok(Some(CertificateHash([7; 32]))));
        for bound in [
            json!({"jkt": hash}),
            json!({"jkt": hash, "x5t#S256": hash}),
            json!({"x5t#S256": hash, "jwk": {"kty": "EC"}}),
            json!({"jwk": {"kty": "EC"}}),
            json!({"kid": "one"}),
            json!({"x5t#S256": [hash]}),
            json!({"x5t#S256": format!("{hash}=")}),
            json!({"x5t#S256": BASE64URL_NOPAD.encode(&[7; 20])}),
            json!({}),
            json!(hash),
            json!([hash]),
            json!(true),
            Value::Null,
        ] {
            assert_eq!(examined(&bound), Err(Rejection::TokenBound), "{bound}");
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
