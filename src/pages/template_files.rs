//! The texts of the templates, of the stylesheet and of the script, and of templates that an operator puts in the place of single ones.

/// A template of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacedTemplate {
    /// The name of the one that it replaces: `login.html`.
    pub name: String,
    /// Its text.
    pub text: String,
}

pub(super) const STYLESHEET: &str = include_str!("templates/style.css");
pub(super) const PASSKEY_SCRIPT: &str = include_str!("passkey.js");

/// The frame of all mails. Their texts are in the catalogues.
pub(super) const LETTERS: &[(&str, &str)] = &[
    ("mail/message.txt", include_str!("templates/mail/message.txt")),
    ("mail/message.html", include_str!("templates/mail/message.html")),
];

pub(super) const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("templates/layout.html")),
    ("login.html", include_str!("templates/login.html")),
    ("factors.html", include_str!("templates/factors.html")),
    ("add_app.html", include_str!("templates/add_app.html")),
    ("recovery_codes.html", include_str!("templates/recovery_codes.html")),
    ("passkey_form.html", include_str!("templates/passkey_form.html")),
    ("passkey_signals.html", include_str!("templates/passkey_signals.html")),
    ("add_passkey.html", include_str!("templates/add_passkey.html")),
    ("passkey_added.html", include_str!("templates/passkey_added.html")),
    ("second_step.html", include_str!("templates/second_step.html")),
    ("logout.html", include_str!("templates/logout.html")),
    ("confirm.html", include_str!("templates/confirm.html")),
    ("account.html", include_str!("templates/account.html")),
    ("own_fields.html", include_str!("templates/own_fields.html")),
    ("profile.html", include_str!("templates/profile.html")),
    ("activity.html", include_str!("templates/activity.html")),
    ("new_password_step.html", include_str!("templates/new_password_step.html")),
    ("fields_step.html", include_str!("templates/fields_step.html")),
    ("password.html", include_str!("templates/password.html")),
    ("tokens.html", include_str!("templates/tokens.html")),
    ("setup.html", include_str!("templates/setup.html")),
    ("onward.html", include_str!("templates/onward.html")),
    ("not_signed_in.html", include_str!("templates/not_signed_in.html")),
    ("apps.html", include_str!("templates/apps.html")),
    ("parked_form.html", include_str!("templates/parked_form.html")),
    ("notice.html", include_str!("templates/notice.html")),
    ("refused.html", include_str!("templates/refused.html")),
    ("reset.html", include_str!("templates/reset.html")),
    ("new_password.html", include_str!("templates/new_password.html")),
    ("register.html", include_str!("templates/register.html")),
    ("register_finish.html", include_str!("templates/register_finish.html")),
    ("email.html", include_str!("templates/email.html")),
    ("confirm_email.html", include_str!("templates/confirm_email.html")),
];
