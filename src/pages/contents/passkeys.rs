//! The form of passkeys, and the pages that add one.

use serde::Serialize;

/// The form that the script of passkeys fills in.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PasskeyForm<'a> {
    /// The address that it is sent to.
    pub action: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// The address to go to afterwards; empty if the form leads to none.
    pub next: &'a str,
    /// The challenge.
    pub challenge: &'a str,
    /// The options of the ceremony, as JSON.
    pub options: &'a str,
    /// The time after which the challenge expires, in seconds.
    pub expires: u64,
    /// Whether a passkey is created, and not used.
    pub creates: bool,
    /// Whether the browser offers passkeys in the name field.
    pub conditional: bool,
    /// Whether its button is the first choice on the page.
    pub primary: bool,
}

/// The form that adds a passkey.
#[derive(Debug, Serialize)]
pub struct AddPasskey<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The name that the passkey will be for.
    pub rp_id: &'a str,
    /// The form.
    pub passkey: PasskeyForm<'a>,
    /// The passkeys of the user, as JSON, so that the browser offers no others.
    pub passkey_signals: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
}

/// The message that a passkey was added.
#[derive(Debug, Serialize)]
pub struct PasskeyAdded<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The name of the passkey.
    pub name: &'a str,
    /// The recovery codes that came with the first factor.
    pub codes: Vec<&'a str>,
    /// The passkeys of the user, as JSON, so that the browser offers no others.
    pub passkey_signals: Option<&'a str>,
}
