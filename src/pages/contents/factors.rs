//! The list of the user's second factors, the form that adds an authenticator app, and new recovery codes.

use std::fmt;

use serde::Serialize;

use super::{display_time::DisplayTime, passkeys::PasskeyForm};

/// The user's own second factors.
#[derive(Debug, Serialize)]
pub struct Factors<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the forms to the session.
    pub csrf: &'a str,
    /// The user name.
    pub username: &'a str,
    /// The factors.
    pub factors: Vec<ListedFactor<'a>>,
    /// How many recovery codes are left.
    pub recovery_codes_left: u32,
    /// Whether factors can be added.
    pub may_add: bool,
    /// Whether passkeys can be added.
    pub may_add_passkeys: bool,
    /// Whether the account needs one.
    pub is_required: bool,
    /// The reason why the page is shown again.
    pub problem: Option<&'a str>,
    /// The flash message.
    pub flash: Option<&'a str>,
    /// The passkeys of the user, as JSON, so that the browser offers no others.
    pub passkey_signals: Option<&'a str>,
}

/// A factor in the list.
#[derive(Debug, Serialize)]
pub struct ListedFactor<'a> {
    /// Its number, which names it in the forms.
    pub id: String,
    /// Why it cannot be removed, if it can't.
    pub stays: Option<String>,
    /// Whether it is a passkey; otherwise it is an authenticator app.
    pub is_passkey: bool,
    /// Whether it is a passkey that is on several devices.
    pub synced: bool,
    /// The name that its owner gave it.
    pub name: &'a str,
    /// When it was added.
    pub created: DisplayTime,
    /// When it was last used.
    pub last_used: Option<DisplayTime>,
}

/// The form that adds an authenticator app.
#[derive(Serialize)]
pub struct AddApp<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// The user name.
    pub username: &'a str,
    /// Whether this is a step of a sign-in.
    pub is_step: bool,
    /// Width and height of the QR code in modules; 0: there is none.
    pub qr_size: usize,
    /// The dark modules of the QR code, as a path of SVG.
    pub qr_path: &'a str,
    /// The secret, for typing.
    pub secret: &'a str,
    /// The address in the QR code.
    pub address: &'a str,
    /// The secret, sealed, for the form.
    pub sealed: &'a str,
    /// The name of the new factor.
    pub name: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The form that adds a passkey instead, during a sign-in.
    pub passkey: Option<PasskeyForm<'a>>,
    /// The name that the passkey would be for.
    pub rp_id: &'a str,
    /// The reason why the form of the passkey is shown again.
    pub passkey_problem: Option<&'a str>,
}

impl fmt::Debug for AddApp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddApp").field("username", &self.username).finish_non_exhaustive()
    }
}

/// New recovery codes, which are shown once.
#[derive(Serialize)]
pub struct RecoveryCodesPage<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The user name.
    pub username: &'a str,
    /// The codes.
    pub codes: Vec<&'a str>,
    /// The address to go on to.
    pub next: &'a str,
}

impl fmt::Debug for RecoveryCodesPage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryCodesPage").field("username", &self.username).finish_non_exhaustive()
    }
}
