//! The contents of a mail.

use serde::Serialize;

use crate::pages::letter_kind::LetterKind;

/// The contents of a mail. It has no `Debug`: its link opens an account.
#[derive(Clone, Default, Serialize)]
pub struct Letter {
    /// The mail that it is.
    #[serde(rename = "letter")]
    pub kind: LetterKind,
    /// The subject.
    pub subject: String,
    /// The text up to the link, in paragraphs.
    pub before: Vec<String>,
    /// The link.
    pub link: Option<LetterLink>,
    /// The text after it, in paragraphs.
    pub after: Vec<String>,
    /// The gateway, as people know it: title and host.
    pub site: String,
    /// The address of the gateway: `https://login.example.com`.
    pub origin: String,
    /// Its host, as in that address.
    pub host: String,
    /// The user whom the mail is about; `None` where there is no account yet.
    pub user: Option<LetterUser>,
    /// How long the link works: `30 minutes`.
    pub lifetime: Option<String>,
    /// The event that a notice is about.
    pub event: Option<LetterEvent>,
}

/// The link of a mail.
#[derive(Clone, Serialize)]
pub struct LetterLink {
    /// Its address.
    pub href: String,
    /// Its text, in HTML alone: the address is there as well.
    pub text: String,
}

/// The user whom a mail is about.
#[derive(Clone, Debug, Serialize)]
pub struct LetterUser {
    /// The user name.
    pub name: String,
    /// The name for people; empty if there is none.
    pub full_name: String,
    /// The e-mail address of the account; empty if there is none.
    pub email: String,
}

/// The event that a notice is about.
#[derive(Clone, Debug, Serialize)]
pub struct LetterEvent {
    /// The event, in a sentence.
    pub text: String,
    /// When it happened, as a date.
    pub date: String,
    /// Browser and system.
    pub device: String,
    /// The address of the client; empty if it is unknown.
    pub address: String,
}
