//! Client data: what the browser says about a ceremony (WebAuthn Level 3 §5.8.1).

use aws_lc_rs::digest;

use super::{Challenge, Expectation, NotVerified};
use crate::auth::json;

/// The members that the gateway looks at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientData {
    pub(super) kind: String,
    challenge: String,
    pub(super) origin: String,
    cross_origin: bool,
    has_top_origin: bool,
}

/// The ceremony that client data are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ceremony {
    Create,
    Get,
}

impl ClientData {
    /// Reads a JSON object in which no member occurs twice and these members have the right types.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, NotVerified> {
        if bytes.len() > MAX_BYTES {
            return Err(NotVerified::ClientDataMalformed);
        }
        let object = json::object(bytes).map_err(|_| NotVerified::ClientDataMalformed)?;
        let text =
            |name| json::text(&object, name).map(ToOwned::to_owned).ok_or(NotVerified::ClientDataMalformed);
        let cross_origin = match object.get("crossOrigin") {
            None => false,
            Some(value) => value.as_bool().ok_or(NotVerified::ClientDataMalformed)?,
        };
        Ok(Self {
            kind: text("type")?,
            challenge: text("challenge")?,
            origin: text("origin")?,
            cross_origin,
            has_top_origin: object.contains_key("topOrigin"),
        })
    }

    /// Steps 7 to 11 of a registration, 11 to 15 of an authentication.
    pub(super) fn check(&self, ceremony: Ceremony, expected: &Expectation<'_>) -> Result<(), NotVerified> {
        if self.kind != ceremony.as_str() {
            return Err(NotVerified::WrongType);
        }
        if Challenge::parse(&self.challenge).as_ref() != Some(expected.challenge) {
            return Err(NotVerified::WrongChallenge);
        }
        if !expected.party.is_at(&self.origin) {
            return Err(NotVerified::WrongOrigin);
        }
        // The pages can't be framed: a ceremony in a frame was not started by one of them.
        if self.cross_origin || self.has_top_origin {
            return Err(NotVerified::CrossOrigin);
        }
        Ok(())
    }
}

impl Ceremony {
    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// The hash of client data, which the authenticator has signed.
pub(super) fn hash(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}

/// Browsers send about 250 bytes.
const MAX_BYTES: usize = 4096;
