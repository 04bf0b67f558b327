//! Forms that make an account: the first superuser, and people who register.

use serde::Serialize;

use super::ProfileField;

/// The form that makes the first superuser.
#[derive(Debug, Serialize)]
pub struct Setup<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// The set-up link's secret, carried on by the form.
    pub token: &'a str,
    /// The name that was typed before, if any.
    pub username: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `username`, `new` or `again`; empty for none.
    pub about: &'a str,
}

/// The form that asks for a link to register.
#[derive(Debug, Serialize)]
pub struct Register<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// Whether only invited users get a link.
    pub by_invitation: bool,
    /// The address that was typed before, if any.
    pub email: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `email`; empty for none.
    pub about: &'a str,
}

/// The form that makes an account by a link.
#[derive(Debug, Serialize)]
pub struct RegisterFinish<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// The address that the link was sent to.
    pub email: &'a str,
    /// The user name that was typed before, if any.
    pub username: &'a str,
    /// The name for people that was typed before, if any.
    pub full_name: &'a str,
    /// The fields of the operator that people fill in.
    pub fields: Vec<ProfileField>,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `username`, `full_name`, `new` or `again`; empty for none.
    pub about: &'a str,
}
