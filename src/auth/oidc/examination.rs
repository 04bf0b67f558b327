//! An examination of a configured provider, step by step, for `portcullis backend test`.

use super::{Algorithm, CallFailure, Issuer, Metadata, Provider, UnknownGroups, provider::MetadataFailure};
use crate::{
    auth::{Step, StepResult},
    users::Provisioning,
};

/// Examines a provider: asks for its metadata and keys as a sign-in does, and shows who would come in. Nobody is signed
/// in by this, so that the secret of the client is not tried.
pub async fn examine(provider: &Provider) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some(metadata) = metadata(provider, &mut steps).await {
        keys(provider, &metadata, &mut steps).await;
    }
    steps.push(users(provider));
    steps
}

async fn metadata(provider: &Provider, steps: &mut Vec<Step>) -> Option<Metadata> {
    let settings = provider.settings();
    let place = settings.issuer.discovery().below(super::metadata::WELL_KNOWN);
    let asked = place.map_or_else(|problem| problem.to_string(), |place| place.to_string());
    let mut details = vec![format!("asked: {asked}")];
    match provider.fetch_metadata().await {
        Ok(metadata) => {
            details.push(format!("sign-in page: {}", metadata.authorization_endpoint));
            details.push(format!("token endpoint: {}", metadata.token_endpoint));
            details.push(format!("keys: {}", metadata.jwks_uri));
            let optional = |endpoint: Option<&super::Endpoint>| {
                endpoint.map_or_else(|| "none".to_owned(), ToString::to_string)
            };
            details.push(format!("userinfo: {}", optional(metadata.userinfo_endpoint.as_ref())));
            details.push(format!("sign-out page: {}", optional(metadata.end_session_endpoint.as_ref())));
            let mut remedy = Vec::new();
            if !metadata.says_s256 {
                remedy.push("it does not say that it knows PKCE with S256, which the gateway uses; some know it nevertheless");
            }
            if settings.logout && metadata.end_session_endpoint.is_none() {
                remedy.push("`logout = true` has no effect: the provider has no sign-out page");
            }
            let result = if remedy.is_empty() { StepResult::Ok } else { StepResult::Warning };
            steps.push(Step { step: "metadata", result, details, remedy: remedy.join("; ") });
            Some(metadata)
        }
        Err(failure) => {
            details.push(failure.to_string());
            let remedy = match &failure {
                MetadataFailure::Bad(_) => {
                    "compare `issuer` with the address that the provider names as its issuer"
                }
                MetadataFailure::Call(failure) => remedy(failure),
            };
            let remedy = remedy.to_owned();
            steps.push(Step { step: "metadata", result: StepResult::Failed, details, remedy });
            None
        }
    }
}

async fn keys(provider: &Provider, metadata: &Metadata, steps: &mut Vec<Step>) {
    let allowed = &provider.settings().algorithms;
    let mut details = vec![format!("asked: {}", metadata.jwks_uri)];
    let (result, remedy) = match provider.fetch_keys(metadata).await {
        Ok(Some(keys)) => {
            let usable: Vec<&str> = keys
                .algorithms()
                .filter(|algorithm| allowed.contains(algorithm))
                .map(Algorithm::as_str)
                .collect();
            details.push(format!("{} keys; usable for {}", keys.len(), usable.join(", ")));
            if usable.is_empty() {
                (StepResult::Failed, "add an algorithm of these keys to `algorithms`")
            } else {
                (StepResult::Ok, "")
            }
        }
        Ok(None) => {
            details.push("the response has no key that checks signatures".to_owned());
            (StepResult::Failed, "choose a signing key (RS256 or ES256) at the provider; HS256 is refused")
        }
        Err(failure) => {
            details.push(failure.to_string());
            (StepResult::Failed, remedy(&failure))
        }
    };
    steps.push(Step { step: "keys", result, details, remedy: remedy.to_owned() });
}

/// The users who would come in, and their groups.
fn users(provider: &Provider) -> Step {
    let settings = provider.settings();
    let mut details =
        vec![format!("client: {}", settings.client_id), format!("scopes: {}", settings.scopes.join(" "))];
    if let Issuer::Tenants { allowed, .. } = &settings.issuer {
        details.push(format!("tenants: {}", allowed.join(", ")));
    }
    let allow = &settings.allow;
    for (name, values) in [("domains", &allow.domains), ("groups", &allow.groups)] {
        if !values.is_empty() {
            details.push(format!("allowed {name}: {}", values.join(", ")));
        }
    }
    for (path, values) in &allow.claims {
        details.push(format!("allowed values of {}: {}", path.as_str(), values.join(", ")));
    }
    details.push(match settings.provisioning {
        Provisioning::Automatic => "new users get an account".to_owned(),
        Provisioning::Invited => "only invited users get an account".to_owned(),
        Provisioning::Approval => "new users wait for approval".to_owned(),
        Provisioning::Existing => "only users who are linked to an account come in".to_owned(),
    });
    match &settings.claims.groups {
        None => details.push("groups: the provider tells none".to_owned()),
        Some(path) => {
            details.push(format!("groups: from the claim {}", path.as_str()));
            for (theirs, ours) in &settings.groups {
                details.push(format!("group {theirs} is {ours} here"));
            }
            if settings.unknown_groups == UnknownGroups::Refuse {
                details.push("users without that claim are refused".to_owned());
            }
        }
    }
    for (what, page) in [
        ("redirect URI", "callback"),
        ("post-logout redirect URI", "signed-out"),
        ("back-channel logout URI", "logout"),
    ] {
        details.push(format!("{what} to register: https://HOST/.gateway/oidc/{}/{page}", settings.name));
    }
    Step { step: "users", result: StepResult::Ok, details, remedy: String::new() }
}

fn remedy(failure: &CallFailure) -> &'static str {
    match failure {
        CallFailure::Timeout | CallFailure::Connect(_) | CallFailure::Http(_) => {
            "check the address, the network between the two, and whether the provider runs"
        }
        CallFailure::Tls(_) | CallFailure::NoAuthorities => {
            "name the authority that signed the provider's certificate: `ca = \"certs/ca.pem\"`"
        }
        CallFailure::Redirect | CallFailure::Status(_) | CallFailure::TooLarge => {
            "compare `issuer` with the address that the provider names as its issuer"
        }
    }
}
