//! Signed assertions: who a request comes from, as a JSON Web Token that an application can check by itself.
//!
//! An identity header is worth as much as the network between the gateway and the application. An assertion is signed with
//! ES256 (RFC 7518 §3.4); its keys are published at `/.gateway/jwks.json`. `gateway` asks [`Assertions`] for the header
//! fields of a request, after it has identified the sender; `forward` writes them.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `key`, `key_set`, `key_folder` | one key, the keys at a time, and the files that gateways share |
//! | `settings`, `claims`, `token` | what an app is told, and the signed text |
//! | `cache` | signed fields of each worker |
//! | `assertions` | the service |
//!
//! An assertion of one session is never sent with a request of another, see [`AssertionCache`].

mod assertions;
mod cache;
mod claims;
mod key;
mod key_folder;
mod key_set;
mod settings;
#[cfg(test)]
mod tests;
mod token;

pub use assertions::{AssertionError, Assertions};
pub use cache::{AssertionCache, AssertionFields};
pub use claims::{Asserted, SessionEnd};
pub use key_folder::{AssertionKeyError, KeyFolder, KeyFolderSettings, ListedKey};
pub use key_set::MAX_AGE as JWKS_MAX_AGE;
pub use settings::{AssertionSettings, ClaimValue, RESERVED_CLAIMS};
