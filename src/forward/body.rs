//! Limits and errors of bodies, for uploads and downloads alike.

use std::time::Duration;

use http::HeaderMap;

use super::{App, OwnedNames};

/// Configured limits of request bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Largest request body.
    pub max_body: u64,
    /// Maximum silence within a request body.
    pub body_timeout: Duration,
    /// Minimum number of bytes a second, averaged over `body_timeout`; 0: no minimum.
    pub body_rate: u64,
}

impl BodyLimits {
    /// The limits for an app.
    #[must_use]
    pub fn of(self, app: &App) -> Self {
        Self { max_body: app.max_body.unwrap_or(self.max_body), ..self }
    }
}

/// Reason for which a body ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body is larger than allowed.
    #[error("the body is larger than allowed")]
    TooLarge,
    /// The peer was silent for too long.
    #[error("the body stalled")]
    Stalled,
    /// The body came at less than the minimum rate.
    #[error("the body came too slowly")]
    TooSlow,
    /// The body has no declared length and is larger than `collect_bodies`.
    #[error("the body has no declared length and is larger than `collect_bodies`")]
    NotCollected,
    /// The request was cancelled.
    #[error("the request was cancelled")]
    Cancelled,
    /// The connection broke, or the body was malformed.
    #[error("the body broke off")]
    Broken,
}

/// Removes trailers that only the gateway may send, or that change how the message is framed.
pub(super) fn clean_trailers(trailers: &mut HeaderMap, owned: &OwnedNames) {
    let names: Vec<_> = trailers.keys().filter(|name| owned.forbids_in_trailer(name)).cloned().collect();
    for name in names {
        trailers.remove(name);
    }
}
