//! The form of the user's profile, with the fields that the operator has defined.

use serde::Serialize;

/// The user's own profile.
#[derive(Debug, Serialize)]
pub struct Profile<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the forms to the session.
    pub csrf: &'a str,
    /// The canonical user name.
    pub username: &'a str,
    /// The e-mail address; empty if there is none.
    pub email: &'a str,
    /// The full name; empty if there is none.
    pub full_name: &'a str,
    /// Whether the user changes the full name here.
    pub is_name_own: bool,
    /// Whether the full name that was sent cannot be one.
    pub is_name_wrong: bool,
    /// The fields that the operator has defined.
    pub fields: Vec<ProfileField>,
    /// The reasons why the form is shown again.
    pub problems: Vec<String>,
    /// The flash message.
    pub flash: Option<&'a str>,
    /// The passkeys of the user, as JSON, so that the browser offers no others.
    pub passkey_signals: Option<&'a str>,
}

/// The step of a sign-in that asks for required fields.
#[derive(Debug, Serialize)]
pub struct FieldsStep<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// The canonical user name.
    pub username: &'a str,
    /// The fields that the user may change.
    pub fields: Vec<ProfileField>,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
}

/// A field that the operator has defined.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each of which the template asks for")]
pub struct ProfileField {
    /// The name of its input.
    pub input: String,
    /// Its title.
    pub title: String,
    /// `text`, `choice`, `number` or `date`.
    pub kind: &'static str,
    /// The value on the form.
    pub value: String,
    /// The values that can be chosen, that of the user among them.
    pub choices: Vec<ProfileChoice>,
    /// Whether a value is required.
    pub is_required: bool,
    /// Whether the user may change it.
    pub is_editable: bool,
    /// Whether the stored value does not fit the definition.
    pub is_unfit: bool,
    /// Whether the value that was sent does not fit.
    pub is_wrong: bool,
}

/// A value that can be chosen.
#[derive(Debug, Serialize)]
pub struct ProfileChoice {
    /// The value, which is shown as well.
    pub value: String,
    /// Whether it is chosen on the form.
    pub is_chosen: bool,
}
