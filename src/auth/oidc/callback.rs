//! The parameters with which a browser comes back from a provider (RFC 6749 §4.1.2, RFC 9207).

use super::{
    Rejection, Secret,
    settings::{Issuer, OidcSettings},
};

/// The parameters of a callback, each at most once.
#[derive(Debug)]
pub struct Callback {
    /// The `state`; of the form that this gateway makes.
    pub state: String,
    outcome: Outcome,
    issuer: Option<String>,
}

#[derive(Debug)]
enum Outcome {
    Code(Secret),
    Error(String),
    /// Both, or neither.
    Ambiguous,
}

impl Callback {
    /// Reads a query. Parameters that are not known are left alone, but no name may occur twice.
    pub fn parse(query: &str) -> Result<Self, Rejection> {
        let (mut state, mut code, mut error, mut issuer) = (None, None, None, None);
        let mut seen: Vec<String> = Vec::new();
        if query.len() > MAX_BYTES {
            return Err(Rejection::CallbackMalformed);
        }
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if seen.iter().any(|seen| *seen == name) || seen.len() == MAX_PARAMETERS {
                return Err(Rejection::CallbackMalformed);
            }
            // Bytes that are no UTF-8 were replaced.
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                return Err(Rejection::CallbackMalformed);
            }
            match &*name {
                "state" => state = Some(value.into_owned()),
                "code" => code = Some(value.into_owned()),
                "error" => error = Some(value.into_owned()),
                "iss" => issuer = Some(value.into_owned()),
                _ => {}
            }
            seen.push(name.into_owned());
        }
        let outcome = match (code, error) {
            (Some(code), None) if !code.is_empty() => Outcome::Code(Secret::new(code)),
            (None, Some(error)) if !error.is_empty() => Outcome::Error(error),
            _ => Outcome::Ambiguous,
        };
        let state = state.filter(|state| is_state(state)).ok_or(Rejection::StateMissing)?;
        Ok(Self { state, outcome, issuer })
    }

    /// The code, if the callback is one of this provider and a success.
    pub(super) fn into_code(
        self,
        settings: &OidcSettings,
        is_issuer_required: bool,
    ) -> Result<Secret, Rejection> {
        match (&self.issuer, &settings.issuer) {
            (Some(found), Issuer::Exact(expected)) if found != expected.as_str() => {
                return Err(Rejection::CallbackIssuerWrong);
            }
            (None, _) if is_issuer_required => return Err(Rejection::CallbackIssuerMissing),
            // Whose tenant it is becomes known with the token.
            (Some(found), Issuer::Tenants { .. }) if found.is_empty() => {
                return Err(Rejection::CallbackIssuerWrong);
            }
            _ => {}
        }
        match self.outcome {
            Outcome::Code(code) => Ok(code),
            Outcome::Error(error) if DENIED.contains(&error.as_str()) => Err(Rejection::ProviderDenied),
            Outcome::Error(_) => Err(Rejection::ProviderError),
            Outcome::Ambiguous => Err(Rejection::CallbackAmbiguous),
        }
    }
}

/// Whether a text has the form of a state of this gateway: 43 characters of base64url.
fn is_state(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The user did not agree, or has to do something at the provider first.
const DENIED: [&str; 5] = [
    "access_denied",
    "consent_required",
    "interaction_required",
    "login_required",
    "account_selection_required",
];
const MAX_BYTES: usize = 16 * 1024;
const MAX_PARAMETERS: usize = 32;
