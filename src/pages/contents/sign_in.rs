//! The sign-in form, its second step, the form that asks for a further proof, and the question whether to sign out.

use serde::Serialize;

use super::{passkeys::PasskeyForm, providers::ProviderLink};

/// The sign-in form.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each of which the template asks for")]
pub struct Login<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The site that the browser goes on to after sign-in.
    pub continues_to: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// The address to go to after sign-in.
    pub next: &'a str,
    /// The name that was typed before, if any.
    pub username: &'a str,
    /// The checkbox that keeps the user signed in; `None` where it is not offered.
    pub remember: Option<Remember>,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The flash message.
    pub flash: Option<&'a str>,
    /// Whether the gateway has no users, so that nobody can sign in.
    pub no_users: bool,
    /// Whether a name and a password can be typed.
    pub has_form: bool,
    /// Whether a forgotten password can be replaced.
    pub can_reset: bool,
    /// Whether people can register.
    pub can_register: bool,
    /// The providers, each with the address that starts a sign-in there.
    pub providers: Vec<ProviderLink<'a>>,
    /// The form of passkeys, if a passkey alone signs in.
    pub passkey: Option<PasskeyForm<'a>>,
    /// A passkey that was shown and that no account has, as JSON, so that the browser offers it no more.
    pub unknown_passkey: Option<&'a str>,
}

/// The checkbox “Keep me signed in on this device”.
#[derive(Debug, Serialize)]
pub struct Remember {
    /// The time that a sign-in lasts with it, humanised.
    pub time: String,
    /// Whether it is checked.
    pub checked: bool,
}

/// The second step of a sign-in.
#[derive(Debug, Serialize)]
pub struct SecondStep<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The site that the browser goes on to after sign-in.
    pub continues_to: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// The user name, for password managers.
    pub username: &'a str,
    /// The user's name as people read it.
    pub name: &'a str,
    /// Whether the account has an authenticator app.
    pub has_totp: bool,
    /// How many recovery codes are left.
    pub recovery_codes_left: u32,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The form of passkeys, if the account has one.
    pub passkey: Option<PasskeyForm<'a>>,
}

/// The form that asks for a further proof.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each of which the template asks for")]
pub struct Confirm<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the session.
    pub csrf: &'a str,
    /// The address to go to afterwards.
    pub next: &'a str,
    /// The user name, for password managers.
    pub username: &'a str,
    /// The user's name as people read it.
    pub name: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The flash message.
    pub flash: Option<&'a str>,
    /// Whether the user may type a password.
    pub has_form: bool,
    /// Whether the user may type a code of an authenticator app.
    pub has_totp: bool,
    /// How many recovery codes may be typed.
    pub recovery_codes_left: u32,
    /// Whether the account has a second factor.
    pub has_factors: bool,
    /// Whether the user may add a second factor.
    pub may_add_factors: bool,
    /// The providers of the user, each with the address that confirms there.
    pub providers: Vec<ProviderLink<'a>>,
    /// The form of passkeys, if the account has one.
    pub passkey: Option<PasskeyForm<'a>>,
    /// The passkeys of the user, as JSON, so that the browser offers no others.
    pub passkey_signals: Option<&'a str>,
}

/// The question whether to sign out.
#[derive(Debug, Serialize)]
pub struct Logout<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the session.
    pub csrf: &'a str,
    /// The user's name as people read it; empty if nobody is signed in.
    pub name: &'a str,
    /// Whether this is the portal host, where a sign-out is one from all applications.
    pub is_portal: bool,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
}
