//! Pages that change the user's address.

use serde::Serialize;

/// The form that changes the user's own address.
#[derive(Debug, Serialize)]
pub struct Email<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the session.
    pub csrf: &'a str,
    /// The present address; empty if there is none.
    pub current: &'a str,
    /// Whether the user is known to receive mail there.
    pub verified: bool,
    /// The service that the address comes from, where it is changed; there is no form then.
    pub provider: Option<&'a str>,
    /// The address that was typed before, if any.
    pub typed: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `email`; empty for none.
    pub about: &'a str,
}

/// The button that confirms an address, or undoes a change.
#[derive(Debug, Serialize)]
pub struct ConfirmEmail<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// Whether it undoes a change.
    pub is_undo: bool,
    /// The address.
    pub email: &'a str,
    /// The user name.
    pub username: &'a str,
    /// The reason why the page is shown again.
    pub problem: Option<&'a str>,
}
