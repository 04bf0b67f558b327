//! A shield for applications that never had one: what other sites may make a browser send, and what
//! answers say to browsers.
//!
//! An application without a login never needed protection from forged requests (CSRF), for there was
//! nothing to forge: now that a cookie opens it, another site could act with it. [`Senders`] looks at
//! where a request was sent from; [`Answers`] adds the headers that the application did not set itself,
//! and looks after its cookies. Both are compiled from the configuration, one [`Shield`] an app.
//!
//! An application shares its origin with the gateway's own pages. What its scripts and responses could do to those is
//! looked after here, too, whatever the configuration turns off: [`Workers`], and `Clear-Site-Data`.
//!
//! Pure: no session, no clock, no I/O. Who is signed in, and so whether [`Senders`] is asked, is the
//! gateway's business.

mod answers;
mod cookies;
mod senders;
mod site_data;
mod workers;

use http::{HeaderMap, StatusCode};

pub use crate::request::Origin;
pub use answers::{Answers, Audience, CROSS_ORIGIN_OPENER_POLICY, USUAL_REFERRER_POLICY};
pub use cookies::{Cookies, SameSite};
pub use senders::{Foreign, Senders, Sent};
pub use workers::{WorkerScript, Workers};

use answers::Found;

/// What protects one app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shield {
    /// What becomes of a request that another site has sent.
    pub mode: Mode,
    /// Who may send what changes something; `None`: every site.
    pub senders: Option<Senders>,
    /// What is changed about answers; `None`: nothing.
    pub answers: Option<Answers>,
    /// Whether it may have service workers. Protects the gateway's pages and not the app: no mode turns it off.
    pub workers: Workers,
}

/// What becomes of a request that another site has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It is refused.
    #[default]
    Enforce,
    /// It passes, and the log tells that it would have been refused.
    Report,
}

impl Shield {
    /// What an app has that says nothing of it.
    pub fn standard() -> Self {
        Self {
            mode: Mode::Enforce,
            senders: Some(Senders::default()),
            answers: Some(Answers::standard()),
            workers: Workers::Refused,
        }
    }

    /// Nothing at all, but for what protects the gateway itself.
    pub fn off() -> Self {
        Self::default()
    }

    /// Changes what has to be changed of the application's own header fields, before the gateway adds its.
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
        if let Some(answers) = &self.answers {
            answers.complete(found, status, headers, audience);
        }
    }
}
