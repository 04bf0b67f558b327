//! Lies of a provider, each with the reason for which it is refused.

use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    id_token::Expected,
    metadata::BadMetadata,
    samples::{self, CLIENT, ISSUER, NONCE, NOW, SigningKey, id_claims},
    *,
};

fn check_with(settings: &OidcSettings, key: &SigningKey, token: &str) -> Result<json::Object, Rejection> {
    let keys = key.key_set();
    id_token::check(
        token,
        &Expected {
            settings,
            keys: &keys,
            nonce: NONCE,
            access_token: Some("the access token"),
            signed_in_since: None,
            now: samples::now(),
        },
    )
}

/// Checks the claims of a right token with some of them replaced; a replacement by `null` removes the claim.
fn check_claims(changes: &Value) -> Result<json::Object, Rejection> {
    let key = SigningKey::generate("1");
    check_with(&samples::settings(), &key, &key.token(&changed(id_claims(), changes)))
}

fn changed(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

#[test]
fn an_id_token_in_which_everything_is_right_is_believed() {
    let hash = digest::digest(&digest::SHA256, b"the access token");
    let at_hash = BASE64URL_NOPAD.encode(&hash.as_ref()[..16]);
    for fitting in [
        json!({}),
        json!({"azp": null}),
        json!({"aud": [CLIENT]}),
        json!({"aud": [CLIENT, "other"]}),
        json!({"auth_time": null}),
        json!({"at_hash": at_hash}),
        json!({"exp": f64::from(1_800_000_000) + 0.5}),
        json!({"nbf": NOW}),
    ] {
        assert!(check_claims(&fitting).is_ok(), "{fitting}");
    }
}

#[test]
fn a_claim_that_is_wrong_or_missing_is_refused_with_its_reason() {
    use Rejection::*;
    for (lie, reason) in [
        (json!({"iss": "https://evil.example"}), TokenIssuer),
        (json!({"iss": format!("{ISSUER}/")}), TokenIssuer),
        (json!({"iss": [ISSUER]}), TokenIssuer),
        (json!({"iss": null}), TokenIssuer),
        (json!({"aud": "other"}), TokenAudience),
        (json!({"aud": []}), TokenAudience),
        (json!({"aud": ["other"]}), TokenAudience),
        (json!({"aud": [CLIENT, 7]}), TokenAudience),
        (json!({"aud": {"0": CLIENT}}), TokenAudience),
        (json!({"aud": null}), TokenAudience),
        (json!({"aud": [CLIENT, "other"], "azp": null}), TokenAuthorizedParty),
        (json!({"azp": "other"}), TokenAuthorizedParty),
        (json!({"azp": [CLIENT]}), TokenAuthorizedParty),
        (json!({"nonce": "another"}), TokenNonce),
        (json!({"nonce": [NONCE]}), TokenNonce),
        (json!({"nonce": ""}), TokenNonce),
        (json!({"nonce": null}), TokenNonce),
        (json!({"exp": null}), TokenTime),
        (json!({"exp": "1800000300"}), TokenTime),
        (json!({"exp": 1e300}), TokenTime),
        (json!({"exp": -1}), TokenTime),
        (json!({"exp": (1_u64 << 53) + 1}), TokenTime),
        (json!({"iat": null}), TokenTime),
        (json!({"iat": "1800000000"}), TokenTime),
        (json!({"iat": -1}), TokenTime),
        (json!({"nbf": "now"}), TokenTime),
        (json!({"nbf": 1e300}), TokenTime),
        (json!({"iat": NOW - 900}), TokenOld),
        (json!({"sub": null}), TokenSubject),
        (json!({"sub": ""}), TokenSubject),
        (json!({"sub": 248_289_761_001_u64}), TokenSubject),
        (json!({"sub": "a\u{0}b"}), TokenSubject),
        (json!({"sub": "x".repeat(256)}), TokenSubject),
        (json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}), TokenAccessHash),
        (json!({"at_hash": 7}), TokenAccessHash),
        (json!({"events": {}}), TokenType),
    ] {
        assert_eq!(check_claims(&lie).err(), Some(reason), "{lie}");
    }
}

#[test]
fn clocks_may_differ_by_a_minute() {
    for (claims, expected) in [
        (json!({"exp": NOW - 55}), None),
        (json!({"exp": NOW - 65}), Some(Rejection::TokenExpired)),
        (json!({"iat": NOW + 55}), None),
        (json!({"iat": NOW + 65}), Some(Rejection::TokenFromFuture)),
        (json!({"nbf": NOW + 55}), None),
        (json!({"nbf": NOW + 65}), Some(Rejection::TokenFromFuture)),
        (json!({"iat": NOW - 655}), None),
        (json!({"iat": NOW - 665}), Some(Rejection::TokenOld)),
    ] {
        assert_eq!(check_claims(&claims).err(), expected, "{claims}");
    }
}

#[test]
fn a_new_sign_in_that_was_asked_for_has_to_have_happened() {
    let key = SigningKey::generate("1");
    let keys = key.key_set();
    let settings = samples::settings();
    let since = samples::now() - Duration::from_secs(30);
    for (auth_time, is_new) in [
        (json!(NOW), true),
        (json!(NOW - 85), true),
        (json!(NOW - 95), false),
        (json!(NOW - 3600), false),
        (json!(NOW + 65), false),
        (json!("1800000000"), false),
        (json!(null), false),
    ] {
        let token = key.token(&changed(id_claims(), &json!({ "auth_time": auth_time })));
        let expected = Expected {
            settings: &settings,
            keys: &keys,
            nonce: NONCE,
            access_token: None,
            signed_in_since: Some(since),
            now: samples::now(),
        };
        let refused = (!is_new).then_some(Rejection::TokenAuthTime);
        assert_eq!(id_token::check(&token, &expected).err(), refused, "{auth_time}");
    }
}

#[test]
fn only_a_signature_by_a_key_and_an_algorithm_of_the_provider_is_believed() {
    use Rejection::*;
    let settings = samples::settings();
    let key = SigningKey::generate("1");
    let claims = id_claims().to_string();
    let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let good = key.token(&id_claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    // The public key as the secret of an HMAC.
    let public = key.jwk().to_string();
    let hs_message = format!("{}.{}", encode(r#"{"alg":"HS256","kid":"1"}"#), encode(&claims));
    let hmac_key = hmac::Key::new(hmac::HMAC_SHA256, public.as_bytes());
    let tag = BASE64URL_NOPAD.encode(hmac::sign(&hmac_key, hs_message.as_bytes()).as_ref());
    let stranger = SigningKey::generate("1");
    let twice = claims.replacen('{', "{\"sub\":\"admin\",", 1);
    let header = |text: &str| key.sign(text, &claims);
    for (token, reason) in [
        (format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&claims)), TokenAlgorithm),
        (format!("{}.{}.", encode(r#"{"alg":"None"}"#), encode(&claims)), TokenAlgorithm),
        (format!("{hs_message}.{tag}"), TokenAlgorithm),
        (header(r#"{"alg":"ES384","kid":"1"}"#), TokenAlgorithm),
        (header(r#"{"alg":"RS256","kid":"1"}"#), TokenKey),
        (header(r#"{"alg":["ES256"],"kid":"1"}"#), TokenAlgorithm),
        (header(r#"{"kid":"1"}"#), TokenAlgorithm),
        (header(r#"{"alg":"ES256","kid":"2"}"#), TokenKey),
        (header(r#"{"alg":"ES256","kid":1}"#), TokenMalformed),
        (header(r#"{"alg":"ES256","kid":"1","alg":"none"}"#), TokenMalformed),
        (header(r#"{"alg":"ES256","kid":"1","crit":["exp"]}"#), TokenMalformed),
        (header(r#"{"alg":"ES256","kid":"1","b64":false}"#), TokenMalformed),
        (header(r#"{"alg":"ES256","kid":"1","typ":"at+jwt"}"#), TokenType),
        (header(r#"{"alg":"ES256","kid":"1","typ":"application/at+jwt"}"#), TokenType),
        (header(r#"{"alg":"ES256","kid":"1","typ":"logout+jwt"}"#), TokenType),
        (header(r#"{"alg":"ES256","kid":"1","typ":7}"#), TokenMalformed),
        (stranger.token(&id_claims()), TokenSignature),
        (format!("{message}."), TokenSignature),
        (format!("{message}.A{signature}"), TokenSignature),
        (format!("{message}.{signature}="), TokenSignature),
        (format!("{message}.{}", BASE64URL_NOPAD.encode(&[0; 64])), TokenSignature),
        (key.sign(r#"{"alg":"ES256","kid":"1"}"#, &twice), TokenMalformed),
        (key.sign(r#"{"alg":"ES256","kid":"1"}"#, "[]"), TokenMalformed),
        (key.sign(r#"{"alg":"ES256","kid":"1"}"#, ""), TokenMalformed),
        (message.to_owned(), TokenMalformed),
        (format!("{good}.{good}"), TokenMalformed),
        (String::new(), TokenMalformed),
        ("x".repeat(100_000), TokenMalformed),
    ] {
        assert_eq!(check_with(&settings, &key, &token).err(), Some(reason), "{token:.90}");
    }
    for typ in ["JWT", "jwt", "application/jwt"] {
        let token = header(&json!({"alg": "ES256", "kid": "1", "typ": typ}).to_string());
        assert!(check_with(&settings, &key, &token).is_ok(), "{typ}");
    }
    // Without a key's name, one key fits.
    assert!(check_with(&settings, &key, &header(r#"{"alg":"ES256"}"#)).is_ok());
}

#[test]
fn a_key_is_good_for_its_own_algorithm_and_for_signatures_alone() {
    let key = SigningKey::generate("1");
    let with = |changes: Value| {
        let jwk = changed(key.jwk(), &changes);
        KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap().len()
    };
    assert_eq!(with(json!({})), 1);
    assert_eq!(with(json!({"use": null, "alg": null, "kid": null})), 1);
    assert_eq!(with(json!({"key_ops": ["verify"]})), 1);
    for wrong in [
        json!({"use": "enc"}),
        json!({"key_ops": ["sign"]}),
        json!({"key_ops": "verify"}),
        json!({"alg": "RS256"}),
        json!({"alg": "HS256"}),
        json!({"alg": 7}),
        json!({"kid": 7}),
        json!({"kty": "oct", "k": "c2VjcmV0"}),
        json!({"kty": "RSA", "n": "AQAB", "e": "AQAB", "crv": null}),
        json!({"crv": "P-384"}),
        json!({"crv": "secp256k1"}),
        json!({"x": "AQAB"}),
        json!({"x": "not base64!"}),
        json!({"d": "AQAB"}),
    ] {
        assert_eq!(with(wrong.clone()), 0, "{wrong}");
    }
    for wrong in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
        assert!(KeySet::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let many: Vec<Value> = (0..1000).map(|_| key.jwk()).collect();
    assert_eq!(KeySet::parse(json!({ "keys": many }).to_string().as_bytes()).unwrap().len(), 64);
}

#[test]
fn two_keys_that_fit_check_nothing() {
    let (one, other) = (SigningKey::generate("1"), SigningKey::generate("1"));
    let keys = json!({ "keys": [one.jwk(), other.jwk()] }).to_string();
    let keys = KeySet::parse(keys.as_bytes()).unwrap();
    let checked = jws::verify(&one.token(&id_claims()), &keys, &Algorithm::ALL);
    assert_eq!(checked.err(), Some(Rejection::TokenKey));
}

#[test]
fn a_tenant_has_to_be_allowed_and_to_have_its_own_issuer() {
    let (ours, theirs) = ("11111111-aaaa-bbbb-cccc-000000000001", "99999999-aaaa-bbbb-cccc-000000000009");
    let settings = OidcSettings {
        issuer: Issuer::Tenants {
            discovery: samples::endpoint("https://login.microsoftonline.com/organizations/v2.0"),
            allowed: vec![ours.to_owned()],
        },
        subject: SubjectRule::TenantAndObject,
        ..samples::settings()
    };
    let issuer = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
    let key = SigningKey::generate("1");
    for (claims, refused) in [
        (json!({"tid": ours, "iss": issuer(ours)}), None),
        (json!({"tid": theirs, "iss": issuer(theirs)}), Some(Rejection::TokenTenant)),
        (json!({"tid": ours, "iss": issuer(theirs)}), Some(Rejection::TokenIssuer)),
        (json!({"tid": theirs, "iss": issuer(ours)}), Some(Rejection::TokenTenant)),
        (json!({"iss": issuer(ours)}), Some(Rejection::TokenTenant)),
    ] {
        let token = key.token(&changed(id_claims(), &claims));
        assert_eq!(check_with(&settings, &key, &token).err(), refused, "{claims}");
    }
    let subject = |oid: Value| {
        let claims = changed(id_claims(), &json!({"tid": ours, "oid": oid}));
        let claims = claims::Claims::of(claims.as_object().unwrap().clone());
        profile::make(&claims, &settings).map(|profile| profile.pair.subject.to_string())
    };
    assert_eq!(subject(json!("0aF-1")), Ok(format!("{ours}/0aF-1")));
    assert_eq!(subject(json!(null)), Err(Rejection::TokenSubject));
    assert_eq!(subject(json!("a/b")), Err(Rejection::TokenSubject));
}

#[test]
fn a_logout_token_is_believed_only_if_nothing_else_could_be_meant() {
    use Rejection::*;
    let key = SigningKey::generate("1");
    let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let right = json!({
        "iss": ISSUER, "aud": CLIENT, "iat": NOW, "exp": NOW + 120, "jti": "1", "sub": "248289761001",
        "sid": "a", "events": event,
    });
    let settings = samples::settings();
    let check = |token: &str| logout_token::check(token, &key.key_set(), &settings, samples::now());
    let signed = |typ: &str, claims: &Value| {
        key.sign(&json!({"alg": "ES256", "kid": "1", "typ": typ}).to_string(), &claims.to_string())
    };
    let notice = check(&signed("logout+jwt", &right)).unwrap();
    assert_eq!(notice.subject.as_deref(), Some("248289761001"));
    assert_eq!((notice.provider_session.as_deref(), notice.token_id.as_str()), (Some("a"), "1"));
    for fitting in [json!({"exp": null}), json!({"sub": null}), json!({"sid": null})] {
        assert!(check(&signed("JWT", &changed(right.clone(), &fitting))).is_ok(), "{fitting}");
    }
    for (lie, reason) in [
        (json!({"nonce": NONCE}), LogoutEvent),
        (json!({"events": null}), LogoutEvent),
        (json!({"events": {}}), LogoutEvent),
        (json!({"events": {"http://schemas.openid.net/event/backchannel-logout": 1}}), LogoutEvent),
        (json!({"events": "http://schemas.openid.net/event/backchannel-logout"}), LogoutEvent),
        (json!({"jti": null}), LogoutEvent),
        (json!({"jti": ""}), LogoutEvent),
        (json!({"jti": "x".repeat(256)}), LogoutEvent),
        (json!({"sid": 7}), LogoutEvent),
        (json!({"sub": null, "sid": null}), TokenSubject),
        (json!({"sub": 7}), TokenSubject),
        (json!({"iss": "https://evil.example"}), TokenIssuer),
        (json!({"aud": "other"}), TokenAudience),
        (json!({"exp": NOW - 65}), TokenExpired),
        (json!({"iat": NOW - 665}), TokenOld),
        (json!({"iat": NOW - 665, "exp": null}), TokenOld),
        (json!({"iat": NOW + 65}), TokenFromFuture),
        (json!({"iat": null, "exp": null}), TokenTime),
    ] {
        let refused = check(&signed("logout+jwt", &changed(right.clone(), &lie))).err();
        assert_eq!(refused, Some(reason), "{lie}");
    }
    assert_eq!(check(&signed("at+jwt", &right)).err(), Some(TokenType));
    assert_eq!(check(&key.token(&id_claims())).err(), Some(LogoutEvent), "an ID token");
    let unsigned = signed("logout+jwt", &right);
    let (_, rest) = unsigned.split_once('.').unwrap();
    let none = BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#);
    assert_eq!(check(&format!("{none}.{rest}")).err(), Some(TokenAlgorithm));
}

#[test]
fn metadata_are_believed_only_from_the_issuer_itself() {
    let settings = samples::settings();
    let right = json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://id.example.com/auth",
        "token_endpoint": "https://id.example.com/token",
        "jwks_uri": "https://id.example.com/keys",
        "authorization_response_iss_parameter_supported": true,
        "code_challenge_methods_supported": ["plain", "S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    });
    let parse = |document: &Value| Metadata::parse(document.to_string().as_bytes(), &settings);
    let metadata = parse(&right).unwrap();
    assert!(metadata.callback_has_issuer && metadata.says_s256 && metadata.userinfo_endpoint.is_none());
    assert_eq!(metadata.client_auth, ClientAuth::Post);
    let changed = |changes: Value| parse(&changed(right.clone(), &changes));
    for methods in [json!(null), json!([]), json!(["client_secret_post", "client_secret_basic"])] {
        let metadata = changed(json!({ "token_endpoint_auth_methods_supported": methods })).unwrap();
        assert_eq!(metadata.client_auth, ClientAuth::Basic, "{methods}");
    }
    let bad_endpoint = |name, problem| BadMetadata::Endpoint { name, problem };
    for (lie, expected) in [
        (json!({"issuer": null}), BadMetadata::Missing("issuer")),
        (
            json!({"issuer": "https://id.example.com/"}),
            BadMetadata::OtherIssuer { found: "https://id.example.com/".into() },
        ),
        (
            json!({"issuer": "https://evil.example"}),
            BadMetadata::OtherIssuer { found: "https://evil.example".into() },
        ),
        (json!({"jwks_uri": null}), BadMetadata::Missing("jwks_uri")),
        (json!({"token_endpoint": 7}), bad_endpoint("token_endpoint", BadEndpoint::Malformed)),
        (
            json!({"token_endpoint": "http://id.example.com/token"}),
            bad_endpoint("token_endpoint", BadEndpoint::Insecure),
        ),
        (
            json!({"authorization_endpoint": "javascript:alert(1)//"}),
            bad_endpoint("authorization_endpoint", BadEndpoint::Malformed),
        ),
        (
            json!({"userinfo_endpoint": "http://127.0.0.1/"}),
            bad_endpoint("userinfo_endpoint", BadEndpoint::Insecure),
        ),
    ] {
        assert_eq!(changed(lie.clone()), Err(expected), "{lie}");
    }
    for text in ["", "[]", "<html>", r#"{"issuer":"https://id.example.com","issuer":"https://evil.example"}"#]
    {
        assert_eq!(Metadata::parse(text.as_bytes(), &settings), Err(BadMetadata::NotJson), "{text}");
    }
}

#[test]
fn a_callback_is_read_in_one_way_or_refused() {
    use Rejection::*;
    let settings = samples::settings();
    let state = "x".repeat(43);
    let code = |query: &str, required: bool| {
        Callback::parse(&query.replace("STATE", &state))
            .and_then(|callback| callback.into_code(&settings, required))
            .map(|code| code.reveal().to_owned())
    };
    assert_eq!(code("state=STATE&code=a%2Bb", false), Ok("a+b".into()));
    assert_eq!(code("code=c&session_state=y&state=STATE&scope=openid", false), Ok("c".into()));
    assert_eq!(code("state=STATE&code=c&iss=https%3A%2F%2Fid.example.com", true), Ok("c".into()));
    for (query, required, reason) in [
        ("", false, CallbackAmbiguous),
        ("code=c", false, StateMissing),
        ("state=&code=c", false, StateMissing),
        ("state=short&code=c", false, StateMissing),
        ("state=STATE", false, CallbackAmbiguous),
        ("state=STATE&code=", false, CallbackAmbiguous),
        ("state=STATE&code=c&error=access_denied", false, CallbackAmbiguous),
        ("state=STATE&error=access_denied", false, ProviderDenied),
        ("state=STATE&error=server_error", false, ProviderError),
        ("state=STATE&code=c&code=d", false, CallbackMalformed),
        ("state=STATE&state=STATE&code=c", false, CallbackMalformed),
        ("state=STATE&code=c&x=1&x=2", false, CallbackMalformed),
        ("state=STATE&code=c&%63ode=d", false, CallbackMalformed),
        ("state=STATE&code=%ff", false, CallbackMalformed),
        ("state=STATE&code=c", true, CallbackIssuerMissing),
        ("state=STATE&code=c&iss=", true, CallbackIssuerWrong),
        ("state=STATE&code=c&iss=", false, CallbackIssuerWrong),
        ("state=STATE&code=c&iss=https%3A%2F%2Fevil.example", false, CallbackIssuerWrong),
        ("state=STATE&error=access_denied&iss=https%3A%2F%2Fevil.example", false, CallbackIssuerWrong),
        ("state=STATE&code=c&iss=https%3A%2F%2Fid.example.com%2F", false, CallbackIssuerWrong),
    ] {
        let refused = code(query, required).err();
        // Without a state nothing else is looked at.
        let expected = if query.is_empty() { StateMissing } else { reason };
        assert_eq!(refused, Some(expected), "{query} {required}");
    }
    assert_eq!(
        Callback::parse(&format!("state={state}&code={}", "c".repeat(20_000))).err(),
        Some(CallbackMalformed)
    );
    let many = (0..40).map(|n| format!("&p{n}=1")).collect::<Vec<_>>().concat();
    assert_eq!(Callback::parse(&format!("state={state}&code=c{many}")).err(), Some(CallbackMalformed));
}

#[test]
fn the_sign_in_page_is_asked_for_with_pkce_nonce_and_state() {
    let settings = OidcSettings {
        allow: Admission { domains: vec!["example.com".into()], hosted_domain: true, ..Admission::default() },
        ..samples::settings()
    };
    let document = json!({
        "issuer": ISSUER, "authorization_endpoint": "https://id.example.com/auth?tenant=a",
        "token_endpoint": "https://id.example.com/token", "jwks_uri": "https://id.example.com/keys",
    });
    let metadata = Metadata::parse(document.to_string().as_bytes(), &settings).unwrap();
    let secrets = AttemptSecrets::stored(
        "the-state".into(),
        "the-nonce".into(),
        // RFC 7636 appendix B.
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(),
    );
    let back = "https://wiki.example.com/.gateway/oidc/corp/callback";
    let address = |prompt| authorization::address(&settings, &metadata, &secrets, back, prompt);
    assert_eq!(
        address(Prompt::Login),
        "https://id.example.com/auth?tenant=a&response_type=code&response_mode=query&client_id=portcullis\
         &redirect_uri=https%3A%2F%2Fwiki.example.com%2F.gateway%2Foidc%2Fcorp%2Fcallback\
         &scope=openid+email&state=the-state&nonce=the-nonce\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256\
         &prompt=login&max_age=0&hd=example.com"
    );
    assert!(!address(Prompt::AsNeeded).contains("prompt"));
    assert!(address(Prompt::SelectAccount).contains("&prompt=select_account"));
    let (one, other) = (AttemptSecrets::generate().unwrap(), AttemptSecrets::generate().unwrap());
    assert_ne!(one, other);
    assert!(one.texts().iter().all(|text| text.len() == 43));
}

#[test]
fn no_secret_is_printed() {
    let secrets = AttemptSecrets::generate().unwrap();
    let settings = OidcSettings { client_secret: Some(Secret::new("hunter2".into())), ..samples::settings() };
    let callback = Callback::parse(&format!("state={}&code=hunter3", "x".repeat(43))).unwrap();
    let printed = format!("{secrets:?} {settings:?} {callback:?}");
    assert!(!printed.contains("hunter2") && !printed.contains("hunter3"), "{printed}");
    assert!(secrets.texts().iter().all(|text| !printed.contains(text)), "{printed}");
}

#[test]
fn userinfo_has_to_speak_of_the_same_user() {
    let claims = || claims::Claims::of(id_claims().as_object().unwrap().clone());
    let with = |text: &str| claims().with_userinfo(text.as_bytes()).map(drop);
    assert_eq!(with(r#"{"sub":"248289761001","groups":["a"]}"#), Ok(()));
    for (text, reason) in [
        (r#"{"sub":"another"}"#, Rejection::UserinfoSubject),
        (r#"{"groups":["a"]}"#, Rejection::UserinfoSubject),
        (r#"{"sub":248289761001}"#, Rejection::UserinfoSubject),
        (r#"[{"sub":"248289761001"}]"#, Rejection::UserinfoMalformed),
        (r#"{"sub":"248289761001","sub":"248289761001"}"#, Rejection::UserinfoMalformed),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIyNDgyODk3NjEwMDEifQ.", Rejection::UserinfoMalformed),
        ("", Rejection::UserinfoMalformed),
    ] {
        assert_eq!(with(text), Err(reason), "{text}");
    }
}

/// A value to put in the place of a claim.
fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter_map("a number of JSON", |n| serde_json::Number::from_f64(n).map(Value::from)),
        (NOW - 2000..NOW + 2000).prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        prop_oneof![Just(CLIENT), Just(ISSUER), Just(NONCE)].prop_map(Value::from),
        prop::collection::vec(prop_oneof![Just(CLIENT.to_owned()), ".{0,8}"], 0..4).prop_map(Value::from),
        Just(json!({})),
    ]
}

proptest! {
    /// Each claim of a right token is replaced by anything: the token is refused, or nothing that was checked has
    /// changed its meaning.
    #[test]
    fn a_changed_claim_is_refused_or_means_the_same(
        name in prop_oneof![
            Just("iss"), Just("aud"), Just("azp"), Just("nonce"), Just("exp"), Just("iat"), Just("nbf"),
            Just("sub"), Just("at_hash"), Just("events"),
        ],
        value in any_value(),
    ) {
        let Ok(claims) = check_claims(&json!({ name: value })) else { return Ok(()) };
        let is = |name: &str, expected: &str| claims.get(name).and_then(Value::as_str) == Some(expected);
        prop_assert!(is("iss", ISSUER) && is("nonce", NONCE));
        let audience = claims.get("aud").unwrap();
        let is_for_us = audience == CLIENT || audience.as_array().is_some_and(|list| list.contains(&json!(CLIENT)));
        prop_assert!(is_for_us);
        prop_assert!(claims.get("azp").is_none_or(|party| party == CLIENT));
        let seconds = |name: &str| claims.get(name).and_then(Value::as_f64);
        #[expect(clippy::cast_precision_loss, reason = "a time of this century")]
        let now = NOW as f64;
        prop_assert!(seconds("exp").unwrap() > now - 60.0);
        prop_assert!((now - 661.0..=now + 60.0).contains(&seconds("iat").unwrap()));
        prop_assert!(seconds("nbf").unwrap_or(0.0) <= now + 60.0);
        prop_assert!(claims.get("sub").and_then(Value::as_str).is_some_and(|sub| !sub.is_empty()));
        prop_assert!(!claims.contains_key("at_hash") && !claims.contains_key("events"));
    }

    /// A token with one byte changed is refused.
    #[test]
    fn a_changed_byte_of_a_token_is_refused(at: prop::sample::Index, byte in any::<char>()) {
        let key = SigningKey::generate("1");
        let token = key.token(&id_claims());
        let mut changed: Vec<char> = token.chars().collect();
        let at = at.index(changed.len());
        prop_assume!(changed[at] != byte);
        changed[at] = byte;
        let changed: String = changed.into_iter().collect();
        prop_assert!(check_with(&samples::settings(), &key, &changed).is_err());
    }
}
