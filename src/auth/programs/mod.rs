//! Credentials that programs send with each request: API tokens, names with passwords, access tokens of providers.
//!
//! `gateway` reads the `Authorization` of a request with [`ProgramSettings::read`], which says whether it is for the
//! gateway or for the app, and has [`ProgramSignIn::check`] check the gateway's. What comes out is an identity as of now,
//! from [`Account::program`](crate::users::Account::program). A credential of the gateway never goes on to an app.
//!
//! A password is checked by [`SignIn`](super::SignIn), throttled and counted like one from the form; a cache of verdicts then
//! remembers for a minute that it was right under a credential version. Who somebody is and what they may do is looked up
//! in the directory for each request. No session is opened, and a wrong credential is never remembered.

mod access_tokens;
mod authorization;
mod bearers;
mod program_settings;
mod program_sign_in;
mod token_changes;
mod verdicts;

pub use authorization::{Authorization, Offered, carries_token};
pub use program_settings::{AuthorizationFor, ProgramSettings};
pub use program_sign_in::{Admitted, NotAdmitted, ProgramCarrier, ProgramSignIn};
pub use token_changes::NotChanged;
