//! An attempt to sign in at a provider: what the gateway remembers from the start until the browser comes back.
//!
//! The attempt is a one-time entry of the session store, so that the browser may come back to another gateway, and comes back once.
//! The browser that started it holds the code of the entry in a cookie of its own for each attempt. Mallory, who makes
//! Alice open a callback with Mallory's code, is refused, because Alice's browser has no such cookie; and so is Eve, who has
//! read the address of Alice's callback somewhere.

use aws_lc_rs::digest;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::super::ReturnTo;
use crate::{
    auth::oidc::{AttemptSecrets, OidcSettings},
    clock::Timestamp,
    identity::{CredentialVersion, UserId},
};

/// The purpose of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::portal) enum Purpose {
    /// Sign in.
    SignIn,
    /// Connect the provider's user to the account of this user, who was checked under this credential version.
    Link(UserId, CredentialVersion),
    /// Confirm that it is still this user.
    Confirm(UserId),
}

/// An attempt. It has no `Debug`: the secrets are in it as texts.
#[derive(Serialize, Deserialize)]
pub(in crate::portal) struct Attempt {
    /// The provider and its settings, as far as another value of them would be another provider.
    provider: String,
    settings: String,
    state: String,
    nonce: String,
    verifier: String,
    host: String,
    next: String,
    pub(in crate::portal) purpose: Purpose,
    pub(in crate::portal) started: Timestamp,
}

impl Attempt {
    pub(in crate::portal) fn new(
        settings: &OidcSettings,
        secrets: &AttemptSecrets,
        host: &str,
        next: &ReturnTo,
        purpose: Purpose,
        started: Timestamp,
    ) -> Self {
        let [state, nonce, verifier] = secrets.texts().map(str::to_owned);
        // A longer address does not fit into an entry; the browser goes on to the start page then.
        let next = if next.as_str().len() > MAX_NEXT_BYTES { "/" } else { next.as_str() };
        Self {
            provider: settings.name.to_string(),
            settings: fingerprint(settings),
            state,
            nonce,
            verifier,
            host: host.to_owned(),
            next: next.to_owned(),
            purpose,
            started,
        }
    }

    /// The form in the session store.
    pub(in crate::portal) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the form in the session store.
    pub(in crate::portal) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Whether the attempt was started with this provider, under the settings that it has now.
    pub(in crate::portal) fn is_of(&self, settings: &OidcSettings) -> bool {
        self.provider == settings.name.as_str() && self.settings == fingerprint(settings)
    }

    /// Whether the attempt has this state and was started on this host.
    pub(in crate::portal) fn fits(&self, state: &str, host: &str) -> bool {
        bool::from(self.state.as_bytes().ct_eq(state.as_bytes())) && self.host == host
    }

    /// The page to go on to.
    pub(in crate::portal) fn next(&self) -> ReturnTo {
        ReturnTo::parse(&self.next)
    }

    /// The secrets, as they were sent.
    pub(in crate::portal) fn into_secrets(self) -> AttemptSecrets {
        AttemptSecrets::stored(self.state, self.nonce, self.verifier)
    }
}

/// The mark of an attempt in the name of its cookie: a part of the hash of its state.
pub(in crate::portal) fn mark(state: &str) -> String {
    let hash = digest::digest(&digest::SHA256, state.as_bytes());
    let (head, _) = hash.as_ref().split_at(6);
    HEXLOWER.encode(head)
}

/// Issuer and client: with another one of them, this is another provider.
fn fingerprint(settings: &OidcSettings) -> String {
    let text = format!("{}\n{}", settings.authority(), settings.client_id);
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let (head, _) = hash.as_ref().split_at(12);
    BASE64URL_NOPAD.encode(head)
}

/// With the rest of an attempt, less than a one-time entry may have.
const MAX_NEXT_BYTES: usize = 3000;
