//! Sign-in through OpenID Connect providers, the gateway as relying party.
//!
//! The portal sends a browser to a [`Provider`] with the [`AttemptSecrets`] of one attempt, and gives the [`Callback`]
//! back to it with the same secrets. The result is the profile of a user, or an [`OidcFailure`], whose cause only the
//! audit stream gets. Everything that a provider or a browser sends is read by pure functions of settings, metadata,
//! bytes and time: `metadata`, `keys`, `jws`, `id_token`, `logout_token`, `callback`, `token_endpoint`, `claims`,
//! `groups`, `admission`, `profile`, `access_token`. [`Provider`] does the calls, on the [`ProviderThread`] of all providers.
//!
//! A user is known by the issuer and `sub`, never by an e-mail address or a name. Attempts, cookies, pages and sessions
//! are the portal's; accounts are those of [`users`](crate::users).

mod access_token;
mod admission;
mod authorization;
mod cached;
mod callback;
mod claim_path;
mod claims;
mod endpoint;
mod examination;
mod failure;
mod groups;
mod http_client;
mod id_token;
mod jws;
mod keys;
mod logout_token;
mod metadata;
mod numeric_date;
mod profile;
mod provider;
mod rejection;
mod second_factor;
mod secret;
mod settings;
mod thread;
mod token_endpoint;

use super::json;

pub use authorization::{AttemptSecrets, Prompt};
pub use callback::Callback;
pub use claim_path::ClaimPath;
pub use endpoint::{BadEndpoint, Endpoint, PlainHttp};
pub use examination::examine;
pub use failure::{OidcFailure, Outage};
pub use http_client::CallFailure;
pub use keys::{Algorithm, KeySet};
pub use logout_token::LogoutNotice;
pub use metadata::{BadMetadata, Metadata};
pub use provider::{AccessToken, NoAccessToken, Provider, ProviderSignIn, Return, UnverifiedAccessToken};
pub use rejection::Rejection;
pub use secret::Secret;
pub use settings::{
    Admission, Authorities, ClaimNames, ClientAuth, Issuer, OidcSettings, SubjectRule, UnknownGroups,
};
pub use thread::ProviderThread;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
