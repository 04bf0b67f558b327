//! The provider's word on a second factor: the claims `amr` and `acr` of an ID token.
//!
//! A provider is believed only if its settings say so (`trusts_second_factor`).

use serde_json::Value;

use super::json::{self, Object};

/// Whether the ID token says that the user has shown more than one factor: `mfa` among the methods (RFC 8176 §2), or a
/// class that stands for it.
pub(super) fn was_shown(claims: &Object) -> bool {
    let methods = claims.get("amr").and_then(Value::as_array);
    let is_named = methods.is_some_and(|methods| methods.iter().any(|method| method == "mfa"));
    is_named || json::text(claims, "acr").is_some_and(|class| CLASSES.contains(&class))
}

/// REFEDS MFA Profile; OpenID Connect EAP ACR Values 1.0 §2; OpenID PAPE 1.0, multi-factor.
const CLASSES: [&str; 4] = [
    "https://refeds.org/profile/mfa",
    "phr",
    "phrh",
    "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_word_for_several_factors_counts() {
        let shown = |claims: Value| {
            let Value::Object(claims) = claims else { panic!("no object") };
            was_shown(&claims.into_iter().collect())
        };
        for claims in [
            json!({"amr": ["pwd", "mfa"]}),
            json!({"amr": ["mfa"], "acr": "0"}),
            json!({"acr": "https://refeds.org/profile/mfa"}),
            json!({"amr": [], "acr": "phrh"}),
        ] {
            assert!(shown(claims.clone()), "{claims}");
        }
        for claims in [
            json!({}),
            json!({"amr": "mfa"}),
            json!({"amr": ["otp"]}),
            json!({"amr": ["MFA"]}),
            json!({"amr": [["mfa"], {"mfa": true}, 1, null]}),
            json!({"amr": ["pwd"], "acr": "1"}),
            json!({"acr": ["phr"]}),
            json!({"mfa": true}),
        ] {
            assert!(!shown(claims.clone()), "{claims}");
        }
    }
}
