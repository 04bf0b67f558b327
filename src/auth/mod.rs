//! Checking credentials: one way for every page at which somebody proves who they are.
//!
//! The portal calls [`SignIn::check`] at sign-in, at confirmation and before a change of password, and
//! [`SetupLink::check`] before the first user is made. A successful check gives a [`Proved`], which only this
//! module makes; the portal opens sessions for nothing else.
//!
//! A stranger learns from neither the result nor its time whether a user exists (OWASP ASVS 5.0 6.3.8): a page
//! gets a [`NotProved`], which names no cause; every check costs one argon2 computation at the current setting,
//! whatever is wrong; and while an address has to wait, the names that it sends are not looked up.
//!
//! The module opens no session and renders no page. The argon2 threads and the policy for new passwords are in
//! [`users`](crate::users), the counters of failed attempts in [`throttle`](crate::throttle).

mod attempt;
mod backend_settings;
mod backends;
mod claim;
mod denied;
mod directory_check;
mod examination;
mod json;
pub mod ldap;
mod local;
pub mod oidc;
mod origin;
mod passkey;
mod pending_proof;
pub mod programs;
mod proved;
mod provider_sign_in;
mod second_factor;
mod setup_link;
mod sign_in;
mod unlinking;
pub mod webauthn;

pub use backend_settings::BackendSettings;
pub use backends::{BackendSurroundings, Backends};
pub use claim::{Claim, Credential};
pub use examination::{Step, StepResult};
pub use local::Local;
pub use origin::{Entrance, Origin};
pub use passkey::{PasskeyClaim, PasskeyProved, PasskeyResponse};
pub use pending_proof::PendingProof;
pub use proved::{NotProved, Proved};
pub use second_factor::TypedCode;
pub use setup_link::{LinkProved, SetupLink};
pub use sign_in::SignIn;
pub use unlinking::NotUnlinked;
