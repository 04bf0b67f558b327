//! A shield for applications that never had one: what other sites may make a browser send, and what
//! answers say to browsers.
//!
//! An application without a login never needed protection from forged requests (CSRF), for there was
//! nothing to forge: now that a cookie opens it, another site could act with it. [`Senders`] looks at
//! where a request was sent from; [`Answers`] adds the headers that the application did not set itself,
//! and looks after its cookies. Both are compiled from the configuration, one [`Shield`] an app.
//!
//! Pure: no session, no clock, no I/O. Who is signed in, and so whether [`Senders`] is asked, is the
//! gateway's business.

mod answers;
mod cookies;
mod origin;
mod senders;

pub use answers::{Answers, Audience, CROSS_ORIGIN_OPENER_POLICY};
pub use cookies::{Cookies, SameSite};
pub use origin::Origin;
pub use senders::{Foreign, Senders, Sent};

/// What protects one app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shield {
    /// What becomes of a request that another site has sent.
    pub mode: Mode,
    /// Who may send what changes something; `None`: every site.
    pub senders: Option<Senders>,
    /// What is changed about answers; `None`: nothing.
    pub answers: Option<Answers>,
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
        Self { mode: Mode::Enforce, senders: Some(Senders::default()), answers: Some(Answers::standard()) }
    }

    /// Nothing at all.
    pub fn off() -> Self {
        Self::default()
    }
}
