//! Protection of applications from other sites (CSRF, framing, sniffing).
//!
//! An application without a login needs no protection from forged requests: there is nothing to forge. Behind the
//! gateway a cookie opens it, and another site could make a browser act with that cookie. [`Senders`] checks which site
//! sent a request. [`ResponseChanges`] adds the header fields that the application did not set itself, and the attributes that its
//! cookies lack. `config` compiles both into one [`Shield`] for each app; `gateway` applies it.
//!
//! An application shares its origin with the gateway's own pages. Two protections of those pages hold whatever the
//! configuration turns off: [`Workers`], and `Clear-Site-Data`.
//!
//! The module is pure: no session, no clock, no I/O. The gateway decides whether a request came with a session, and so
//! whether [`Senders`] is asked.

mod cookies;
mod response_changes;
mod senders;
mod site_data;
mod workers;

use http::{HeaderMap, StatusCode};

pub use crate::request::Origin;
pub use cookies::{Cookies, SameSite};
pub use response_changes::{Audience, CROSS_ORIGIN_OPENER_POLICY, ResponseChanges, USUAL_REFERRER_POLICY};
pub use senders::{Foreign, Senders, Sent};
pub use workers::{WorkerScript, Workers};

use response_changes::Found;

/// The protection of one app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shield {
    /// The action on a request that another site sent.
    pub mode: Mode,
    /// The sites that may send requests that change something; `None`: every site.
    pub senders: Option<Senders>,
    /// The changes to responses; `None`: none.
    pub response_changes: Option<ResponseChanges>,
    /// The service workers that it may have. This protects the gateway's pages and not the app: no mode turns it off.
    pub workers: Workers,
}

/// The action on a request that another site sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The request is refused.
    #[default]
    Enforce,
    /// The request passes, and the log records that it would have been refused.
    Report,
}

impl Shield {
    /// The shield of an app without `[app.shield]`.
    pub fn standard() -> Self {
        Self {
            mode: Mode::Enforce,
            senders: Some(Senders::default()),
            response_changes: Some(ResponseChanges::standard()),
            workers: Workers::Refused,
        }
    }

    /// No shield, except for the protection of the gateway itself.
    pub fn off() -> Self {
        Self::default()
    }

    /// Completes the application's own header fields, before the gateway adds its own.
    ///
    /// `script` is the path of the request if it asks for the script of a service worker.
    pub fn complete(
        &self,
        status: StatusCode,
        headers: &mut HeaderMap,
        audience: Audience,
        script: Option<WorkerScript<'_>>,
    ) {
        let found = Found::of(headers);
        if found.clears_site_data {
            site_data::spare_cookies(headers);
        }
        if found.allows_workers || script.is_some() {
            self.workers.limit_scope(headers, script);
        }
        if found.is_script {
            self.workers.keep_out_of_cache(headers);
        }
        if let Some(response_changes) = &self.response_changes {
            response_changes.complete(found, status, headers, audience);
        }
    }
}
