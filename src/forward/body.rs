//! What holds for bodies in both directions: they are streamed, watched, never collected.

use std::time::Duration;

use http::HeaderMap;

use super::{App, OwnedNames};

/// What a body may cost; part of the configured limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// The largest body a client may send.
    pub max_body: u64,
    /// How long a client may be silent within its body.
    pub body_timeout: Duration,
    /// Bytes a second that a client has to send, averaged over `body_timeout`; 0: any.
    pub body_rate: u64,
}

impl BodyLimits {
    /// Those that hold for an app.
    #[must_use]
    pub fn of(self, app: &App) -> Self {
        Self { max_body: app.max_body.unwrap_or(self.max_body), ..self }
    }
}

/// Why a body ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More than allowed.
    #[error("the body is larger than allowed")]
    TooLarge,
    /// Nothing came for too long.
    #[error("nothing of the body came for too long")]
    Stalled,
    /// It came, but too slowly.
    #[error("the body came too slowly")]
    TooSlow,
    /// Its length is not known, and it is larger than what is collected to find out.
    #[error("the body is larger than what is collected of one without a length")]
    NotCollected,
    /// Whoever it was for may not have it any more.
    #[error("the body was ended")]
    Cancelled,
    /// The connection broke, or the body was malformed.
    #[error("the body broke off")]
    Broken,
}

/// No trailer says what only the gateway may say, or changes how the message is framed.
pub(super) fn clean_trailers(trailers: &mut HeaderMap, owned: &OwnedNames) {
    let names: Vec<_> = trailers.keys().filter(|name| owned.forbids_in_trailer(name)).cloned().collect();
    for name in names {
        trailers.remove(name);
    }
}
