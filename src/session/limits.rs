//! Time limits of sessions.
//!
//! `[session]` sets them for all sessions, `[app.session]` shorter ones for an app. They are read at each request, so a
//! reload counts for sessions that are open.

use std::time::Duration;

use crate::clock::Timestamp;

/// The limits of all sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// From sign-in, whatever happens (ASVS 5.0 7.3.2). Default 12 hours.
    pub lifetime: Duration,
    /// Since last use (ASVS 5.0 7.3.1). Default 1 hour.
    pub idle_timeout: Duration,
    /// From sign-in, for those who asked to be kept signed in; `None`: nobody is offered that.
    pub remember_lifetime: Option<Duration>,
    /// Whether the cookie ends with the browser.
    pub browser_session: bool,
    /// How many sessions a user may have, the oldest going first; `None`: any number.
    pub max_per_user: Option<usize>,
}

/// The limits of one app, shorter than those of all sessions.
///
/// A session that has outlived them when a request for that app arrives ends, for every app. They also hold for users
/// who are kept signed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppSessionLimits {
    /// From sign-in, whatever happens.
    pub lifetime: Option<Duration>,
    /// Since the last use, of whichever app.
    pub idle_timeout: Option<Duration>,
}

impl AppSessionLimits {
    /// The shorter of both limits.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let shorter = |one: Option<Duration>, other: Option<Duration>| one.into_iter().chain(other).min();
        Self {
            lifetime: shorter(self.lifetime, other.lifetime),
            idle_timeout: shorter(self.idle_timeout, other.idle_timeout),
        }
    }
}

impl SessionLimits {
    /// The absolute limit of a session.
    pub(crate) fn end_of(&self, signed_in: Timestamp, expires: Timestamp, remembered: bool) -> Timestamp {
        let lifetime = match self.remember_lifetime {
            Some(longer) if remembered => longer,
            _ => self.lifetime,
        };
        expires.min(signed_in + lifetime)
    }
}
