//! The challenge of a ceremony.

use std::fmt;

use aws_lc_rs::rand;
use data_encoding::BASE64URL_NOPAD;

use crate::session::NoRandomness;

/// 256 random bits that an authenticator signs; prints as `…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge([u8; 32]);

impl Challenge {
    /// A new challenge.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(bytes))
    }

    /// The challenge of these bytes. At least 16 of them have to be unpredictable (WebAuthn Level 3 §13.4.3).
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads a challenge from a form or from client data: exactly 43 characters of base64url, one spelling each.
    pub fn parse(text: &str) -> Option<Self> {
        BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    /// The form that goes to the browser and comes back in client data.
    pub fn to_text(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
