//! The users who may come in: `allow = { domain, group, claim }`.

use serde_json::Value;
use unicode_normalization::is_nfkc;

use super::{
    Rejection,
    claims::Claims,
    groups::ToldGroups,
    json,
    settings::{Admission, ClaimNames},
};

/// An e-mail address that the provider told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ToldEmail {
    pub(super) address: String,
    pub(super) is_verified: bool,
}

/// The address, with the word of the same document on whether it is verified: userinfo must not vouch for the address
/// of the ID token.
pub(super) fn email(claims: &Claims, names: &ClaimNames) -> Option<ToldEmail> {
    let (value, object) = claims.find(&names.email)?;
    let address = value.as_str()?.trim();
    domain_of(address)?;
    let is_verified = match names.email_verified.find(object) {
        Some(Value::Bool(verified)) => *verified,
        Some(Value::String(text)) => names.verified_as_text && text == "true",
        _ => false,
    };
    Some(ToldEmail { address: address.to_owned(), is_verified })
}

/// Checks every part of `allow` that is not empty.
pub(super) fn check(
    allow: &Admission,
    claims: &Claims,
    email: Option<&ToldEmail>,
    groups: Option<&ToldGroups>,
) -> Result<(), Rejection> {
    if !allow.domains.is_empty() {
        let domain = email.filter(|email| email.is_verified).and_then(|email| domain_of(&email.address));
        let is_allowed = |domain: &str| allow.domains.iter().any(|allowed| allowed == domain);
        let is_hosted = || json::text(claims.id_token(), "hd").is_some_and(is_allowed);
        if !domain.is_some_and(|domain| is_allowed(&domain)) || (allow.hosted_domain && !is_hosted()) {
            return Err(Rejection::NotAllowedDomain);
        }
    }
    if !allow.groups.is_empty() {
        let is_member = |group: &String| groups.is_some_and(|groups| groups.contains(group));
        if !allow.groups.iter().any(is_member) {
            return Err(Rejection::NotAllowedGroup);
        }
    }
    for (path, values) in &allow.claims {
        let found = claims.find(path).map(|(value, _)| value);
        if !found.is_some_and(|found| has_one_of(found, values)) {
            return Err(Rejection::NotAllowedClaim);
        }
    }
    Ok(())
}

/// Whether a claim, or one of its elements, is one of the texts.
fn has_one_of(claim: &Value, values: &[String]) -> bool {
    match claim {
        Value::Array(list) => list.iter().any(|one| !one.is_array() && has_one_of(one, values)),
        Value::String(text) => values.iter().any(|value| value == text),
        Value::Bool(flag) => values.iter().any(|value| value == if *flag { "true" } else { "false" }),
        _ => false,
    }
}

/// The domain of an address in lower case; `None` if the text is no address that can be read in one way only.
///
/// Mallory owns `evil.example` and calls herself `mallory@evil.example＠example.com`, with a full-width `＠`. A program
/// that folds the text before it splits it finds another domain than one that folds it afterwards.
fn domain_of(address: &str) -> Option<String> {
    let (local, domain) = address.split_once('@')?;
    let fits = !local.is_empty()
        && address.len() <= 254
        && is_nfkc(address)
        && !address.chars().any(|c| c.is_control() || c.is_whitespace())
        && domain.contains('.')
        && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        && !domain.starts_with(['.', '-'])
        && !domain.ends_with(['.', '-']);
    fits.then(|| domain.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{claim_path::ClaimPath, samples},
        *,
    };

    fn claims(claims: Value) -> Claims {
        let Value::Object(claims) = claims else { panic!("an object") };
        Claims::of(claims)
    }

    fn told(value: Value, names: &ClaimNames) -> Option<bool> {
        email(&claims(value), names).map(|email| email.is_verified)
    }

    #[test]
    fn an_address_is_verified_by_true_alone() {
        let strict = samples::settings().claims;
        let lenient = ClaimNames { verified_as_text: true, ..strict.clone() };
        for (verified, by_strict, by_lenient) in [
            (json!(true), true, true),
            (json!("true"), false, true),
            (json!("True"), false, false),
            (json!(1), false, false),
            (json!("1"), false, false),
            (json!([true]), false, false),
            (json!(false), false, false),
            (json!("false"), false, false),
            (json!(null), false, false),
        ] {
            let value = json!({"email": "alice@example.com", "email_verified": verified});
            assert_eq!(told(value.clone(), &strict), Some(by_strict), "{verified}");
            assert_eq!(told(value, &lenient), Some(by_lenient), "{verified}");
        }
        assert_eq!(told(json!({"email": "alice@example.com"}), &strict), Some(false));
        assert_eq!(told(json!({"email_verified": true}), &strict), None);
        assert_eq!(told(json!({"email": ["alice@example.com"], "email_verified": true}), &strict), None);
    }

    #[test]
    fn userinfo_does_not_vouch_for_the_address_of_the_id_token() {
        let names = samples::settings().claims;
        let both = claims(json!({"sub": "1", "email": "admin@example.com"}))
            .with_userinfo(br#"{"sub":"1","email":"mallory@evil.example","email_verified":true}"#)
            .unwrap();
        let found = email(&both, &names).unwrap();
        assert_eq!((found.address.as_str(), found.is_verified), ("admin@example.com", false));
    }

    #[test]
    fn only_the_whole_domain_of_a_verified_address_is_allowed() {
        let allow = Admission { domains: vec!["example.com".into()], ..Admission::default() };
        let names = samples::settings().claims;
        let admitted = |address: &str, verified: bool| {
            let claims = claims(json!({"email": address, "email_verified": verified}));
            check(&allow, &claims, email(&claims, &names).as_ref(), None).is_ok()
        };
        for address in ["alice@example.com", "Alice@EXAMPLE.com", "ren\u{e9}@example.com"] {
            assert!(admitted(address, true), "{address}");
            assert!(!admitted(address, false), "{address}");
        }
        for address in [
            "",
            "alice",
            "@example.com",
            "alice@evil.example",
            "alice@evilexample.com",
            "alice@sub.example.com",
            "alice@example.com.evil.example",
            "alice@evil.example@example.com",
            "alice@example.com@evil.example",
            "alice@evil.example\u{ff20}example.com",
            "alice\u{ff20}example.com",
            "alice@\u{ff45}xample.com",
            "alice@example.com ",
            "alice@example.com\0",
            "a lice@example.com",
            "alice@example.com.",
            "\"alice@evil.example\"@example.com",
            "rene\u{301}@example.com",
        ] {
            // White space around an address is no part of it.
            assert_eq!(admitted(address, true), address == "alice@example.com ", "{address:?}");
        }
    }

    #[test]
    fn a_hosted_domain_has_to_be_named_by_the_provider() {
        let domains = vec!["example.com".into()];
        let allow = Admission { domains, hosted_domain: true, ..Admission::default() };
        let names = samples::settings().claims;
        let admitted = |mut value: Value| {
            value["email"] = json!("alice@example.com");
            value["email_verified"] = json!(true);
            let claims = claims(value);
            check(&allow, &claims, email(&claims, &names).as_ref(), None).is_ok()
        };
        assert!(admitted(json!({"hd": "example.com"})));
        for other in [json!({}), json!({"hd": "evil.example"}), json!({"hd": ["example.com"]})] {
            assert!(!admitted(other));
        }
    }

    #[test]
    fn groups_and_claims_that_are_missing_admit_nobody() {
        let allow = Admission { groups: vec!["staff".into(), "ops".into()], ..Admission::default() };
        let known =
            |groups: &[&str]| ToldGroups::Known(groups.iter().map(|&group| group.to_owned()).collect());
        let nothing = claims(json!({}));
        for (groups, expected) in [
            (Some(known(&["ops"])), Ok(())),
            (Some(known(&["/staff"])), Ok(())),
            (Some(known(&["other"])), Err(Rejection::NotAllowedGroup)),
            (Some(known(&[])), Err(Rejection::NotAllowedGroup)),
            (
                Some(ToldGroups::Unknown(super::super::groups::WhyUnknown::Absent)),
                Err(Rejection::NotAllowedGroup),
            ),
            (None, Err(Rejection::NotAllowedGroup)),
        ] {
            assert_eq!(check(&allow, &nothing, None, groups.as_ref()), expected, "{groups:?}");
        }
        let department = ClaimPath::parse("department").unwrap();
        let allow = Admission {
            claims: vec![(department, vec!["it".into(), "true".into()])],
            ..Admission::default()
        };
        for (value, admitted) in [
            (json!({"department": "it"}), true),
            (json!({"department": ["hr", "it"]}), true),
            (json!({"department": true}), true),
            (json!({"department": "IT"}), false),
            (json!({"department": "it "}), false),
            (json!({"department": [["it"]]}), false),
            (json!({"department": {"it": "it"}}), false),
            (json!({"department": 1}), false),
            (json!({}), false),
        ] {
            assert_eq!(check(&allow, &claims(value.clone()), None, None).is_ok(), admitted, "{value}");
        }
    }
}
