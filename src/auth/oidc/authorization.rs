//! The request that sends a browser to a provider (RFC 6749 §4.1.1, RFC 7636, OpenID Connect Core 1.0 §3.1.2.1).

use aws_lc_rs::{digest, rand};
use data_encoding::BASE64URL_NOPAD;

use super::{Metadata, Secret, settings::OidcSettings};
use crate::session::NoRandomness;

/// The secrets of one attempt to sign in at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptSecrets {
    /// Finds the attempt again; also in a cookie of the browser that started it.
    pub state: Secret,
    /// Binds the ID token to the attempt.
    pub nonce: Secret,
    /// Binds the code to the attempt: the provider has seen its hash alone.
    pub verifier: Secret,
}

/// The step that the provider asks of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Sign in, unless the user is signed in there.
    AsNeeded,
    /// Choose an account.
    SelectAccount,
    /// Sign in again, also if the user is signed in there.
    Login,
}

impl AttemptSecrets {
    /// New secrets, of 256 random bits each.
    pub fn generate() -> Result<Self, NoRandomness> {
        Ok(Self { state: random()?, nonce: random()?, verifier: random()? })
    }

    /// The secrets of an attempt that was stored.
    pub fn stored(state: String, nonce: String, verifier: String) -> Self {
        Self { state: Secret::new(state), nonce: Secret::new(nonce), verifier: Secret::new(verifier) }
    }

    /// The text of a secret, to be stored or put into a cookie by the portal.
    pub fn texts(&self) -> [&str; 3] {
        [self.state.reveal(), self.nonce.reveal(), self.verifier.reveal()]
    }
}

/// The address to send the browser to.
pub(super) fn address(
    settings: &OidcSettings,
    metadata: &Metadata,
    secrets: &AttemptSecrets,
    redirect_uri: &str,
    prompt: Prompt,
) -> String {
    let scope = settings.scopes.join(" ");
    let challenge = digest::digest(&digest::SHA256, secrets.verifier.reveal().as_bytes());
    let challenge = BASE64URL_NOPAD.encode(challenge.as_ref());
    let mut parameters = vec![
        ("response_type", "code"),
        // In the query, so that the browser comes back with a GET, and with its cookies.
        ("response_mode", "query"),
        ("client_id", &settings.client_id),
        ("redirect_uri", redirect_uri),
        ("scope", &scope),
        ("state", secrets.state.reveal()),
        ("nonce", secrets.nonce.reveal()),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    match prompt {
        Prompt::AsNeeded => {}
        Prompt::SelectAccount => parameters.push(("prompt", "select_account")),
        Prompt::Login => parameters.extend([("prompt", "login"), ("max_age", "0")]),
    }
    // Google's account chooser shows accounts of the domain first. The claim is checked, whatever it shows.
    if let [domain] = settings.allow.domains.as_slice()
        && settings.allow.hosted_domain
    {
        parameters.push(("hd", domain));
    }
    metadata.authorization_endpoint.with_parameters(&parameters)
}

fn random() -> Result<Secret, NoRandomness> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(Secret::new(BASE64URL_NOPAD.encode(&bytes)))
}
