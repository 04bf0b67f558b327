//! Forms that set a password: by choice, as a step of a sign-in, by a link.

use serde::Serialize;

use super::ProfileField;

/// The form to change one's password.
#[derive(Debug, Serialize)]
pub struct Password<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the session.
    pub csrf: &'a str,
    /// The user name, for password managers.
    pub username: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `current`, `new` or `again`; empty for none.
    pub about: &'a str,
}

/// The step of a sign-in that changes a password that has to be changed.
#[derive(Debug, Serialize)]
pub struct NewPasswordStep<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// The user name, for password managers.
    pub username: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `new` or `again`; empty for none.
    pub about: &'a str,
}

/// The form that asks for a link for a forgotten password.
#[derive(Debug, Serialize)]
pub struct Reset<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// Whether the gateway sends mail; there is no form otherwise.
    pub sends_mail: bool,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
}

/// The form that sets a password by a link.
#[derive(Debug, Serialize)]
pub struct NewPassword<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// Whether it is the first password, of an invited user.
    pub is_invited: bool,
    /// The user name, for password managers.
    pub username: &'a str,
    /// The name for people of an invited user.
    pub full_name: &'a str,
    /// The fields that an invited user fills in.
    pub fields: Vec<ProfileField>,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `full_name`, `new` or `again`; empty for none.
    pub about: &'a str,
}
