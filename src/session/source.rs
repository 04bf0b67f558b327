//! The source of a session: the backend that proved who its owner is.
//!
//! Sign-in fills it, the stores keep it, the sign-out of a provider finds sessions by it. A session of an older release
//! has none.

use serde::{Deserialize, Serialize};

/// The backend that proved who the owner of a session is, and its own session, if it is a provider.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionSource {
    /// The configured name of the backend.
    pub backend: Box<str>,
    /// The session at the provider (`sid`, OpenID Connect Back-Channel Logout 1.0 §2.1), if it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_session: Option<Box<str>>,
}
